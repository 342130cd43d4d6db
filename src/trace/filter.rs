//! The filter that selects the connections to trace.

use ipnet::IpNet;

use crate::connection::{ConnectionSpec, EndpointSpec, OwnerSpec, ProtocolSpec, SpecErrorKind};
use crate::intent::{Family, InterfacePattern, Protocol};
use crate::ruleset::{Direction, End, MarkOf, Match, OwnerKind, Test};

/// The connections to trace, as conditions one of which must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Vec<Condition>);

/// A condition of packets in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Outgoing or incoming.
    pub direction: Direction,
    /// The packets that start a connection.
    pub kind: Kind,
    /// Further matches.
    pub matches: Vec<Match>,
}

/// The packets that may start a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP packets with SYN and without ACK, RST and FIN (RFC 9293, 3.5).
    TcpSyn,
    /// All packets of another protocol, by its number.
    Protocol(u8),
}

impl Filter {
    /// The conditions.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }

    /// The filter of the specified parts. Missing parts match everything, a missing protocol matches TCP and UDP.
    ///
    /// # Errors
    /// The parts that cannot be filtered on, each with the start of its word.
    pub fn new(spec: &ConnectionSpec) -> Result<Self, Vec<(&'static str, SpecErrorKind)>> {
        let no_socket = |owner| owner == Some(OwnerSpec::NoSocket);
        let errors: Vec<_> = [
            (
                spec.connection_mark.is_some(),
                "ctmark=",
                SpecErrorKind::Unfilterable,
            ),
            (
                spec.tracking.is_some(),
                "state=",
                SpecErrorKind::Unfilterable,
            ),
            (no_socket(spec.uid), "uid=", SpecErrorKind::OwnerlessFilter),
            (no_socket(spec.gid), "gid=", SpecErrorKind::OwnerlessFilter),
        ]
        .into_iter()
        .filter_map(|(wrong, word, error)| wrong.then_some((word, error)))
        .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let has_owner = spec.uid.is_some() || spec.gid.is_some();
        let directions: &[Direction] = match spec.direction {
            Some(Direction::Out) => &[Direction::Out],
            Some(Direction::In) => &[Direction::In],
            // Only outgoing packets have an owner.
            None if has_owner => &[Direction::Out],
            None => &[Direction::Out, Direction::In],
        };
        let directions = directions.iter();
        let conditions = directions.flat_map(|&direction| {
            let kinds = kinds(spec).into_iter();
            kinds.map(move |kind| condition(spec, direction, kind))
        });
        Ok(Self(conditions.collect()))
    }
}

fn kinds(spec: &ConnectionSpec) -> Vec<Kind> {
    const UDP: Kind = Kind::Protocol(Protocol::Udp.number());
    match spec.protocol {
        None => vec![Kind::TcpSyn, UDP],
        Some(ProtocolSpec::Ported(Protocol::Tcp)) => vec![Kind::TcpSyn],
        Some(ProtocolSpec::Ported(Protocol::Udp)) => vec![UDP],
        // ICMP and ICMPv6 (IANA "Assigned Internet Protocol Numbers").
        Some(ProtocolSpec::Icmp) => vec![Kind::Protocol(1), Kind::Protocol(58)],
        Some(ProtocolSpec::Number(number)) => vec![Kind::Protocol(number)],
    }
}

fn condition(spec: &ConnectionSpec, direction: Direction, kind: Kind) -> Condition {
    let mut matches = Vec::new();
    let interface = spec.interface.clone();
    matches.extend(interface.map(|name| Match::Interface {
        direction,
        pattern: InterfacePattern::Name(name),
    }));
    let owners = [(OwnerKind::Uid, spec.uid), (OwnerKind::Gid, spec.gid)];
    for (kind, owner) in owners {
        if let Some(OwnerSpec::Id(id)) = owner {
            let test = Test::Is(id);
            matches.push(Match::Owner { kind, test });
        }
    }
    matches.extend(spec.packet_mark.map(|value| Match::Mark {
        of: MarkOf::Packet,
        is: true,
        value,
    }));
    for (end, endpoint) in [
        (End::Destination, spec.destination),
        (End::Source, spec.source),
    ] {
        matches.extend(matches_of(end, endpoint, kind));
    }
    Condition {
        direction,
        kind,
        matches,
    }
}

fn matches_of(end: End, endpoint: EndpointSpec, kind: Kind) -> impl Iterator<Item = Match> {
    let address = endpoint.address.map(|address| Match::Address {
        family: Family::of(address),
        end,
        test: Test::Is(IpNet::from(address)),
    });
    let protocol = match kind {
        Kind::TcpSyn => Protocol::Tcp,
        // Only TCP and UDP have ports.
        Kind::Protocol(_) => Protocol::Udp,
    };
    let port = endpoint.port.map(|port| Match::Port {
        protocol,
        end,
        test: Test::Is(port),
    });
    address.into_iter().chain(port)
}
