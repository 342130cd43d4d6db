//! nft's keywords for the parts of a match, in text and in JSON.

use crate::intent::Family;
use crate::ruleset::{Direction, End, OwnerKind};

pub(super) const fn port(end: End) -> &'static str {
    match end {
        End::Source => "sport",
        End::Destination => "dport",
    }
}

pub(super) const fn address(end: End) -> &'static str {
    match end {
        End::Source => "saddr",
        End::Destination => "daddr",
    }
}

pub(super) const fn interface(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "iifname",
        Direction::Out => "oifname",
    }
}

pub(super) const fn owner(kind: OwnerKind) -> &'static str {
    match kind {
        OwnerKind::Uid => "skuid",
        OwnerKind::Gid => "skgid",
    }
}

/// The header of the family.
pub(super) const fn header(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    }
}
