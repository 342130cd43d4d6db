//! Mismatches in words.

use std::fmt;

use crate::printable::printable;
use crate::ruleset::{Direction, End, MarkOf, Test};

use super::matching::Mismatch;

impl fmt::Display for Mismatch {
    /// A clause such as `its destination 10.0.0.5 is not in the set outbound_exclude_ipv4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Family(own) => write!(f, "it is {}", own.name()),
            Self::Transport(own) => write!(f, "it is {own}"),
            Self::State(own) => write!(f, "its state is {}", own.name()),
            Self::OpensConnection => f.write_str("it opens a connection"),
            Self::NotOpen(set) => write!(f, "it is not in the set {set}"),
            Self::NoSocket => f.write_str("it has no socket, so no owner"),
            Self::Port { end, port, test } => {
                clause(f, format_args!("its {} port {port}", word(*end)), "", test)
            }
            Self::Address { end, address, test } => {
                clause(f, format_args!("its {} {address}", word(*end)), "in ", test)
            }
            Self::Owner { kind, id, test } => {
                clause(f, format_args!("its {} {id}", kind.name()), "", test)
            }
            Self::Interface {
                direction,
                interface,
                pattern,
            } => {
                uses(f, *direction, interface.as_deref())?;
                match interface {
                    Some(_) => write!(f, ", not on {pattern}"),
                    None => Ok(()),
                }
            }
            Self::UidAndPort { uid, port, set } => write!(
                f,
                "its uid {uid} with its destination port {port} is not in the set {set}"
            ),
            Self::InterfaceIn {
                direction,
                interface,
                set,
            } => {
                uses(f, *direction, interface.as_deref())?;
                write!(f, ", not on one of the set {set}")
            }
            Self::Mark {
                of,
                mark,
                is,
                value,
            } => {
                let of = match of {
                    MarkOf::Packet => "its mark",
                    MarkOf::Connection => "its connection's mark",
                };
                let not = if *is { "not " } else { "" };
                write!(f, "{of} {mark:#x} is {not}{value:#x}")
            }
        }
    }
}

/// Which interface a packet uses.
fn uses(f: &mut fmt::Formatter<'_>, direction: Direction, interface: Option<&str>) -> fmt::Result {
    let does = match direction {
        Direction::In => "arrives",
        Direction::Out => "leaves",
    };
    match interface {
        Some(own) => write!(f, "it {does} on {}", printable(own)),
        None => write!(f, "it {does} on no interface"),
    }
}

const fn word(end: End) -> &'static str {
    match end {
        End::Source => "source",
        End::Destination => "destination",
    }
}

/// The negation of the comparison, which failed.
fn clause<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    subject: fmt::Arguments<'_>,
    preposition: &str,
    failed: &Test<T>,
) -> fmt::Result {
    match failed {
        Test::Is(value) => write!(f, "{subject} is not {preposition}{value}"),
        Test::IsNot(value) => write!(f, "{subject} is {preposition}{value}"),
        Test::In(name) => write!(f, "{subject} is not in the set {name}"),
        Test::NotIn(name) => write!(f, "{subject} is in the set {name}"),
    }
}
