//! Which connections are traced.

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use crate::connection::{ConnectionSpec, EndpointSpec, OwnerSpec, ProtocolSpec};
use crate::intent::{Family, InterfacePattern, Protocol};
use crate::ruleset::{Direction, End, MarkOf, Match, OwnerKind, Test};

/// The connections to trace, as conditions of which one must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Vec<Condition>);

/// A condition of packets in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Made here, or arriving.
    pub direction: Direction,
    /// Which packets begin a connection.
    pub kind: Kind,
    /// What else must fit.
    pub matches: Vec<Match>,
}

/// The packets that may begin a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP: those with SYN and without ACK, RST and FIN (RFC 9293, 3.5).
    TcpSyn,
    /// All of another protocol, by its number.
    Protocol(u8),
}

/// A part of a connection that says nothing about which to trace.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FilterError {
    /// Packets are chosen before connection tracking sees them.
    #[error(
        "is no part of a filter: packets are chosen before connection tracking sees them, and only new connections are shown"
    )]
    Tracking,
    /// There is no match for what has no socket.
    #[error("is no part of a filter; accepted is a user or group id")]
    Nobody,
}

impl Filter {
    /// The conditions.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }

    /// What is asked for: parts that were not said fit everything, but of protocols TCP and UDP alone are meant.
    /// What cannot be asked for is named as its word begins.
    pub fn new(question: &ConnectionSpec) -> Result<Self, Vec<(&'static str, FilterError)>> {
        let nobody = |owner| owner == Some(OwnerSpec::NoSocket);
        let errors: Vec<_> = [
            (
                question.connection_mark.is_some(),
                "ctmark=",
                FilterError::Tracking,
            ),
            (question.tracking.is_some(), "state=", FilterError::Tracking),
            (nobody(question.uid), "uid=", FilterError::Nobody),
            (nobody(question.gid), "gid=", FilterError::Nobody),
        ]
        .into_iter()
        .filter_map(|(wrong, word, error)| wrong.then_some((word, error)))
        .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let owned = question.uid.is_some() || question.gid.is_some();
        let directions: &[Direction] = match question.direction {
            Some(Direction::Out) => &[Direction::Out],
            Some(Direction::In) => &[Direction::In],
            // Only what is made here has an owner.
            None if owned => &[Direction::Out],
            None => &[Direction::Out, Direction::In],
        };
        let directions = directions.iter();
        let conditions = directions.flat_map(|&direction| {
            let kinds = kinds(question).into_iter();
            kinds.map(move |kind| condition(question, direction, kind))
        });
        Ok(Self(conditions.collect()))
    }
}

fn kinds(question: &ConnectionSpec) -> Vec<Kind> {
    const UDP: Kind = Kind::Protocol(Protocol::Udp.number());
    match question.protocol {
        None => vec![Kind::TcpSyn, UDP],
        Some(ProtocolSpec::Ported(Protocol::Tcp)) => vec![Kind::TcpSyn],
        Some(ProtocolSpec::Ported(Protocol::Udp)) => vec![UDP],
        // ICMP and ICMPv6 (IANA "Assigned Internet Protocol Numbers").
        Some(ProtocolSpec::Icmp) => vec![Kind::Protocol(1), Kind::Protocol(58)],
        Some(ProtocolSpec::Number(number)) => vec![Kind::Protocol(number)],
    }
}

fn condition(question: &ConnectionSpec, direction: Direction, kind: Kind) -> Condition {
    let mut matches = Vec::new();
    let interface = question.interface.clone();
    matches.extend(interface.map(|name| Match::Interface {
        direction,
        pattern: InterfacePattern::Name(name),
    }));
    let owners = [
        (OwnerKind::Uid, question.uid),
        (OwnerKind::Gid, question.gid),
    ];
    for (kind, owner) in owners {
        if let Some(OwnerSpec::Id(id)) = owner {
            let test = Test::Is(id);
            matches.push(Match::Owner { kind, test });
        }
    }
    matches.extend(question.packet_mark.map(|value| Match::Mark {
        of: MarkOf::Packet,
        is: true,
        value,
    }));
    for (end, asked) in [
        (End::Destination, question.destination),
        (End::Source, question.source),
    ] {
        matches.extend(matches_of(end, asked, kind));
    }
    Condition {
        direction,
        kind,
        matches,
    }
}

fn matches_of(end: End, asked: EndpointSpec, kind: Kind) -> impl Iterator<Item = Match> {
    let address = asked.address.map(|address| Match::Address {
        family: match address {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        },
        end,
        test: Test::Is(IpNet::from(address)),
    });
    let protocol = match kind {
        Kind::TcpSyn => Protocol::Tcp,
        // Ports were only said where the protocol has some.
        Kind::Protocol(_) => Protocol::Udp,
    };
    let port = asked.port.map(|port| Match::Port {
        protocol,
        end,
        test: Test::Is(port),
    });
    address.into_iter().chain(port)
}
