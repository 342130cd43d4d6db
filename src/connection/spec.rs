//! The written form of a connection: `out tcp 10.0.0.5:443 uid=1000 gid=1000`.
//!
//! ```text
//! [out|in] [tcp|udp|icmp] [ADDRESS:PORT|[ADDRESS]:PORT|ADDRESS|:PORT] [KEY=VALUE ...]
//! ```
//!
//! Every part is optional. For an explanation, [`explain::complete`](crate::explain::complete()) fills in the missing
//! ones; as a filter, a missing part matches everything.

use std::net::IpAddr;

use thiserror::Error;

use crate::intent::{Family, InterfacePattern, OwnerId, Port, Protocol};
use crate::parse::{self, Accounts, OwnerKind, ValueError};

use super::{Direction, Tracking};

/// The parts of a connection that were specified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionSpec {
    /// Outgoing or incoming.
    pub direction: Option<Direction>,
    /// The transport protocol.
    pub protocol: Option<ProtocolSpec>,
    /// The destination.
    pub destination: EndpointSpec,
    /// The source.
    pub source: EndpointSpec,
    /// The output or input interface.
    pub interface: Option<String>,
    /// The user that owns the socket.
    pub uid: Option<OwnerSpec>,
    /// The group that owns the socket.
    pub gid: Option<OwnerSpec>,
    /// The packet's mark.
    pub packet_mark: Option<u32>,
    /// The connection's mark.
    pub connection_mark: Option<u32>,
    /// The connection tracking state.
    pub tracking: Option<Tracking>,
}

/// An optional address and an optional port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointSpec {
    /// The address.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: Option<Port>,
}

/// A specified protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolSpec {
    /// TCP or UDP.
    Ported(Protocol),
    /// ICMP or `ICMPv6`, by the family of the addresses.
    Icmp,
    /// Any other, by its number (IANA "Assigned Internet Protocol Numbers").
    Number(u8),
}

impl ProtocolSpec {
    const fn has_ports(self) -> bool {
        matches!(self, Self::Ported(_))
    }
}

/// A specified socket owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerSpec {
    /// A user or group id.
    Id(OwnerId),
    /// `none`: a packet of the kernel itself, which has no socket.
    NoSocket,
}

/// An error in one word of the written form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{word}: {kind}")]
pub struct SpecError {
    /// The word, as written.
    pub word: String,
    /// What is wrong with it.
    pub kind: SpecErrorKind,
}

/// What is wrong with a word.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SpecErrorKind {
    /// An invalid value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// An interface pattern where one interface is needed.
    #[error("expected an interface name without a wildcard, found {0:?}")]
    Wildcard(String),
    /// Neither a keyword nor a destination.
    #[error(
        "not understood; expected out, in, tcp, udp, icmp, a destination (10.0.0.5:443, [fd00::a]:53, 10.0.0.5, :8080) \
         or one of from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol="
    )]
    Unknown,
    /// A number without a colon, which is most likely meant as a port.
    #[error("not understood; for a port write :{0}")]
    BarePort(Port),
    /// A part that connections cannot be filtered on: packets are selected before connection tracking sees them.
    #[error(
        "cannot be filtered on: packets are selected before connection tracking sees them, and only new connections are \
         shown"
    )]
    Unfilterable,
    /// A filter for packets without a socket, which no match selects.
    #[error("cannot filter on packets without an owner; expected a user or group id")]
    OwnerlessFilter,
    /// An unknown key.
    #[error("unknown key; expected from=, dev=, uid=, gid=, mark=, ctmark=, state= or protocol=")]
    UnknownKey,
    /// A part that was already specified.
    #[error("the {0} is specified twice")]
    Twice(&'static str),
    /// An owner of an incoming connection.
    #[error("an incoming connection has no owner in this namespace; only out takes uid= and gid=")]
    OwnerOfIncoming,
    /// Addresses of different families.
    #[error("the source is {}, the destination is not; both must be of one family", .0.name())]
    OtherFamily(Family),
    /// A port with a protocol that has none.
    #[error("only tcp and udp have ports")]
    Portless,
    /// One of uid and gid is `none`, the other is not.
    #[error("contradicts uid=; a packet without a socket has neither a uid nor a gid")]
    HalfAnOwner,
}

impl ConnectionSpec {
    /// Parses the written form.
    ///
    /// # Errors
    /// Every invalid word, and every pair of words that contradict each other.
    pub fn parse(text: &str, accounts: &dyn Accounts) -> Result<Self, Vec<SpecError>> {
        let mut spec = Self::default();
        let mut errors = Vec::new();
        for word in text.split_whitespace() {
            if let Err(kind) = spec.take(word, accounts) {
                let word = word.to_owned();
                errors.push(SpecError { word, kind });
            }
        }
        errors.extend(spec.contradictions(text));
        if errors.is_empty() {
            Ok(spec)
        } else {
            Err(errors)
        }
    }

    fn take(&mut self, word: &str, accounts: &dyn Accounts) -> Result<(), SpecErrorKind> {
        match word.split_once('=') {
            Some((key, value)) => self.take_value(key, value, accounts),
            None => self.take_word(word),
        }
    }

    fn take_word(&mut self, word: &str) -> Result<(), SpecErrorKind> {
        let mut protocol = |spec| once(&mut self.protocol, spec, "protocol");
        match word {
            "out" => once(&mut self.direction, Direction::Out, "direction"),
            "in" => once(&mut self.direction, Direction::In, "direction"),
            "tcp" => protocol(ProtocolSpec::Ported(Protocol::Tcp)),
            "udp" => protocol(ProtocolSpec::Ported(Protocol::Udp)),
            "icmp" => protocol(ProtocolSpec::Icmp),
            _ if word.contains([':', '.', '[']) => {
                once_endpoint(&mut self.destination, endpoint(word)?, "destination")
            }
            _ => Err(match parse::port(word) {
                Ok(port) => SpecErrorKind::BarePort(port),
                Err(_) => SpecErrorKind::Unknown,
            }),
        }
    }

    fn take_value(
        &mut self,
        key: &str,
        value: &str,
        accounts: &dyn Accounts,
    ) -> Result<(), SpecErrorKind> {
        match key {
            "from" => once_endpoint(&mut self.source, endpoint(value)?, "source"),
            "dev" => once(&mut self.interface, interface(value)?, "interface"),
            "uid" => {
                let owner = owner(value, OwnerKind::User, accounts)?;
                once(&mut self.uid, owner, "user")
            }
            "gid" => {
                let owner = owner(value, OwnerKind::Group, accounts)?;
                once(&mut self.gid, owner, "group")
            }
            "mark" => once(&mut self.packet_mark, parse::mark(value)?, "mark"),
            "ctmark" => once(
                &mut self.connection_mark,
                parse::mark(value)?,
                "connection's mark",
            ),
            "state" => once(&mut self.tracking, parse::word(value)?, "state"),
            "protocol" => once(&mut self.protocol, protocol(value)?, "protocol"),
            _ => Err(SpecErrorKind::UnknownKey),
        }
    }

    /// Contradictions between parts, each with the word to blame.
    fn contradictions(&self, text: &str) -> impl Iterator<Item = SpecError> {
        let owned = self.uid.is_some() || self.gid.is_some();
        let half = match (self.uid, self.gid) {
            (Some(uid), Some(gid)) => (uid == OwnerSpec::NoSocket) != (gid == OwnerSpec::NoSocket),
            (None, _) | (_, None) => false,
        };
        let families = [self.source, self.destination].map(|end| end.address.map(Family::of));
        let other_family = match families {
            [Some(source), Some(destination)] => (source != destination).then_some(source),
            [None, _] | [_, None] => None,
        };
        let ports = [self.destination.port, self.source.port];
        let portless = self.protocol.is_some_and(|protocol| !protocol.has_ports())
            && ports.iter().any(Option::is_some);
        [
            (self.direction == Some(Direction::In) && owned)
                .then_some((["uid=", "gid="], SpecErrorKind::OwnerOfIncoming)),
            half.then_some((["gid=", "gid="], SpecErrorKind::HalfAnOwner)),
            other_family.map(|family| (["from=", "from="], SpecErrorKind::OtherFamily(family))),
            portless.then_some((["icmp", "protocol="], SpecErrorKind::Portless)),
        ]
        .into_iter()
        .flatten()
        .map(|(starts, kind)| SpecError {
            word: word_that_starts_with(text, starts),
            kind,
        })
    }
}

fn word_that_starts_with(text: &str, starts: [&str; 2]) -> String {
    text.split_whitespace()
        .find(|word| starts.iter().any(|start| word.starts_with(start)))
        .expect("a part is specified by a word that starts with its key")
        .to_owned()
}

fn once<T>(part: &mut Option<T>, value: T, name: &'static str) -> Result<(), SpecErrorKind> {
    if part.replace(value).is_some() {
        return Err(SpecErrorKind::Twice(name));
    }
    Ok(())
}

fn once_endpoint(
    part: &mut EndpointSpec,
    value: EndpointSpec,
    name: &'static str,
) -> Result<(), SpecErrorKind> {
    if std::mem::replace(part, value) != EndpointSpec::default() {
        return Err(SpecErrorKind::Twice(name));
    }
    Ok(())
}

/// `ADDRESS:PORT`, `[ADDRESS]:PORT`, `ADDRESS`, `[ADDRESS]` or `:PORT`. A text that is an IPv6 address as a whole has no
/// port.
fn endpoint(text: &str) -> Result<EndpointSpec, ValueError> {
    let (address, port) = if text.parse::<IpAddr>().is_ok() {
        (text, None)
    } else if let Some(bracketed) = text.strip_prefix('[') {
        match bracketed.split_once("]:") {
            Some((address, port)) => (address, Some(port)),
            None => (bracketed.strip_suffix(']').unwrap_or(text), None),
        }
    } else {
        match text.rsplit_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (text, None),
        }
    };
    let alone = address.is_empty() && port.is_some();
    Ok(EndpointSpec {
        address: (!alone).then(|| parse::address(address)).transpose()?,
        port: port.map(parse::port).transpose()?,
    })
}

fn interface(text: &str) -> Result<String, SpecErrorKind> {
    match parse::interface(text)? {
        InterfacePattern::Name(name) => Ok(name),
        InterfacePattern::Prefix(_) => Err(SpecErrorKind::Wildcard(text.to_owned())),
    }
}

fn owner(text: &str, kind: OwnerKind, accounts: &dyn Accounts) -> Result<OwnerSpec, ValueError> {
    if text == "none" {
        return Ok(OwnerSpec::NoSocket);
    }
    parse::owner(text, kind, accounts).map(OwnerSpec::Id)
}

fn protocol(text: &str) -> Result<ProtocolSpec, ValueError> {
    let number = parse::count(text)?;
    let mut ported = [Protocol::Tcp, Protocol::Udp].into_iter();
    Ok(ported
        .find(|protocol| protocol.number() == number)
        .map_or(ProtocolSpec::Number(number), ProtocolSpec::Ported))
}
