//! A connection in plain form: `out tcp 10.0.0.5:443 uid=1000 gid=1000`.
//!
//! ```text
//! [out|in] [tcp|udp|icmp] [ADDRESS:PORT|[ADDRESS]:PORT|ADDRESS|:PORT] [KEY=VALUE ...]
//! ```
//!
//! Every part can be left out. What is left out is filled in by [`complete`](super::complete()) for an
//! explanation, and fits everything where a [`Question`] is a filter.

use std::net::IpAddr;

use thiserror::Error;

use crate::intent::{Family, InterfacePattern, OwnerId, Port, Protocol};
use crate::parse::{self, Accounts, OwnerKind, ValueError};
use crate::ruleset::Direction;

use super::connection::Tracking;

/// The parts of a connection that were said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Made here, or arriving.
    pub direction: Option<Direction>,
    /// The transport protocol.
    pub protocol: Option<AskedProtocol>,
    /// Where to.
    pub destination: AskedEnd,
    /// Where from.
    pub source: AskedEnd,
    /// The interface that it leaves or comes by.
    pub interface: Option<String>,
    /// The user that opened the socket.
    pub uid: Option<AskedOwner>,
    /// The group.
    pub gid: Option<AskedOwner>,
    /// The packet's mark.
    pub packet_mark: Option<u32>,
    /// The connection's mark.
    pub connection_mark: Option<u32>,
    /// What connection tracking says.
    pub tracking: Option<Tracking>,
}

/// An address and a port, each if it was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedEnd {
    /// The address.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: Option<Port>,
}

/// A protocol that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedProtocol {
    /// TCP or UDP.
    Ported(Protocol),
    /// The control messages of the family: protocol 1 or 58.
    Icmp,
    /// Any other, by its number.
    Number(u8),
}

/// An owner that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedOwner {
    /// This one.
    Id(OwnerId),
    /// `none`: a packet of the kernel's own, which has no socket.
    Nobody,
}

/// A word that is no part of a connection.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{word}: {problem}")]
pub struct SyntaxError {
    /// The word, as written.
    pub word: String,
    /// What is wrong with it.
    pub problem: SyntaxProblem,
}

/// What is wrong with a word.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SyntaxProblem {
    /// A value is not of its kind.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Neither a word of the language nor a destination.
    #[error(
        "is no part of a connection; accepted are out, in, tcp, udp, icmp, a destination (10.0.0.5:443, \
         [fd00::a]:53, 10.0.0.5, :8080), and from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol="
    )]
    Unknown,
    /// There is no such key.
    #[error(
        "there is no such key; accepted are from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol="
    )]
    UnknownKey,
    /// The part was said before.
    #[error("says a second time what the {0} is")]
    Twice(&'static str),
    /// Only what leaves has an owner here.
    #[error("what arrives has no owner here; accepted with out alone")]
    OwnerOfArriving,
    /// One end is IPv4 and the other IPv6.
    #[error("is {}, and the destination is not; both ends are of one family", .0.name())]
    OtherFamily(Family),
    /// The protocol has no ports.
    #[error("names a port, and only tcp and udp have ports")]
    Portless,
    /// One of uid and gid is nobody, the other somebody.
    #[error("contradicts the other of uid and gid; a packet without a socket has neither")]
    HalfAnOwner,
}

impl Question {
    /// Reads the words, or says what is wrong with each.
    pub fn parse(text: &str, accounts: &dyn Accounts) -> Result<Self, Vec<SyntaxError>> {
        let mut question = Self::default();
        let mut errors = Vec::new();
        for word in text.split_whitespace() {
            if let Err(problem) = question.take(word, accounts) {
                let word = word.to_owned();
                errors.push(SyntaxError { word, problem });
            }
        }
        errors.extend(question.contradictions(text));
        if errors.is_empty() {
            Ok(question)
        } else {
            Err(errors)
        }
    }

    fn take(&mut self, word: &str, accounts: &dyn Accounts) -> Result<(), SyntaxProblem> {
        match word.split_once('=') {
            Some((key, value)) => self.take_value(key, value, accounts),
            None => self.take_word(word),
        }
    }

    fn take_word(&mut self, word: &str) -> Result<(), SyntaxProblem> {
        let protocol = |protocol| Some(AskedProtocol::Ported(protocol));
        match word {
            "out" => once(&mut self.direction, Direction::Out, "direction"),
            "in" => once(&mut self.direction, Direction::In, "direction"),
            _ => match word {
                "tcp" => protocol(Protocol::Tcp),
                "udp" => protocol(Protocol::Udp),
                "icmp" => Some(AskedProtocol::Icmp),
                _ => None,
            }
            .map_or_else(
                || {
                    let looks_like_one = word.contains([':', '.', '[']);
                    let end = looks_like_one
                        .then(|| end(word))
                        .ok_or(SyntaxProblem::Unknown)??;
                    once_end(&mut self.destination, end, "destination")
                },
                |protocol| once(&mut self.protocol, protocol, "protocol"),
            ),
        }
    }

    fn take_value(
        &mut self,
        key: &str,
        value: &str,
        accounts: &dyn Accounts,
    ) -> Result<(), SyntaxProblem> {
        match key {
            "from" => once_end(&mut self.source, end(value)?, "source"),
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
            "state" => once(&mut self.tracking, tracking(value)?, "state"),
            "protocol" => once(&mut self.protocol, protocol(value)?, "protocol"),
            _ => Err(SyntaxProblem::UnknownKey),
        }
    }

    /// What is wrong with the parts together, with the word to blame.
    fn contradictions(&self, text: &str) -> impl Iterator<Item = SyntaxError> {
        let owned = self.uid.is_some() || self.gid.is_some();
        let arriving = self.direction == Some(Direction::In) && owned;
        let half = match (self.uid, self.gid) {
            (Some(uid), Some(gid)) => (uid == AskedOwner::Nobody) != (gid == AskedOwner::Nobody),
            (None, _) | (_, None) => false,
        };
        let families = [self.source, self.destination].map(|end| end.address.map(family_of));
        let other_family = match families {
            [Some(source), Some(destination)] => (source != destination).then_some(source),
            [None, _] | [_, None] => None,
        };
        let ported = match self.protocol {
            Some(AskedProtocol::Ported(_)) | None => true,
            Some(AskedProtocol::Icmp | AskedProtocol::Number(_)) => false,
        };
        let ports = [self.destination.port, self.source.port];
        let portless = !ported && ports.iter().any(Option::is_some);
        [
            arriving.then_some((["uid=", "gid="], SyntaxProblem::OwnerOfArriving)),
            half.then_some((["gid=", "gid="], SyntaxProblem::HalfAnOwner)),
            other_family.map(|family| (["from=", "from="], SyntaxProblem::OtherFamily(family))),
            portless.then_some((["icmp", "protocol="], SyntaxProblem::Portless)),
        ]
        .into_iter()
        .flatten()
        .map(|(starts, problem)| SyntaxError {
            word: word_that_starts_with(text, starts),
            problem,
        })
    }
}

fn word_that_starts_with(text: &str, starts: [&str; 2]) -> String {
    let mut words = text.split_whitespace();
    let word = words.find(|word| starts.iter().any(|start| word.starts_with(start)));
    word.unwrap_or(text).to_owned()
}

/// The family of an address.
pub(super) const fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}

fn once<T>(part: &mut Option<T>, value: T, name: &'static str) -> Result<(), SyntaxProblem> {
    if part.replace(value).is_some() {
        return Err(SyntaxProblem::Twice(name));
    }
    Ok(())
}

fn once_end(part: &mut AskedEnd, value: AskedEnd, name: &'static str) -> Result<(), SyntaxProblem> {
    if std::mem::replace(part, value) != AskedEnd::default() {
        return Err(SyntaxProblem::Twice(name));
    }
    Ok(())
}

/// `ADDRESS:PORT`, `[ADDRESS]:PORT`, `ADDRESS`, `[ADDRESS]` or `:PORT`. What is an IPv6 address as a whole has no port.
fn end(text: &str) -> Result<AskedEnd, ValueError> {
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
    Ok(AskedEnd {
        address: (!alone).then(|| parse::address(address)).transpose()?,
        port: port.map(parse::port).transpose()?,
    })
}

fn interface(text: &str) -> Result<String, ValueError> {
    match parse::interface(text)? {
        InterfacePattern::Name(name) => Ok(name),
        InterfacePattern::Prefix(_) => Err(ValueError::Word {
            text: text.to_owned(),
            accepted: "the names of interfaces, which have no wildcards",
        }),
    }
}

fn owner(text: &str, kind: OwnerKind, accounts: &dyn Accounts) -> Result<AskedOwner, ValueError> {
    if text == "none" {
        return Ok(AskedOwner::Nobody);
    }
    parse::owner(text, kind, accounts).map(AskedOwner::Id)
}

fn tracking(text: &str) -> Result<Tracking, ValueError> {
    let mut all = [Tracking::New, Tracking::Tracked, Tracking::Invalid].into_iter();
    all.find(|state| state.name() == text)
        .ok_or_else(|| ValueError::Word {
            text: text.to_owned(),
            accepted: "new, established, invalid",
        })
}

fn protocol(text: &str) -> Result<AskedProtocol, ValueError> {
    let number = parse::count(text)?;
    let mut ported = [Protocol::Tcp, Protocol::Udp].into_iter();
    Ok(ported
        .find(|protocol| protocol.number() == number)
        .map_or(AskedProtocol::Number(number), AskedProtocol::Ported))
}
