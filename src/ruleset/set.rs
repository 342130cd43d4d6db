//! Sets and their elements.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::intent::Intervals;

/// A named interval set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name, at most 31 bytes.
    pub name: Cow<'static, str>,
    /// Its elements, which give its type.
    pub elements: Elements,
}

/// The elements of a set, by the type of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elements {
    /// `inet_service`: TCP or UDP ports.
    Ports(Intervals<u16>),
    /// `ipv4_addr`.
    Ipv4(Intervals<Ipv4Addr>),
    /// `ipv6_addr`.
    Ipv6(Intervals<Ipv6Addr>),
    /// `uid`.
    Uids(Intervals<u32>),
    /// `gid`.
    Gids(Intervals<u32>),
}

impl Elements {
    /// The set's type in nft's words.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Ports(_) => "inet_service",
            Self::Ipv4(_) => "ipv4_addr",
            Self::Ipv6(_) => "ipv6_addr",
            Self::Uids(_) => "uid",
            Self::Gids(_) => "gid",
        }
    }

    /// The number of intervals.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Ports(intervals) => intervals.len(),
            Self::Ipv4(intervals) => intervals.len(),
            Self::Ipv6(intervals) => intervals.len(),
            Self::Uids(intervals) | Self::Gids(intervals) => intervals.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements that are not in the other set; `None` if the keys are of another type.
    #[must_use]
    pub fn without(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Ports(own), Self::Ports(other)) => Some(Self::Ports(own.without(other))),
            (Self::Ipv4(own), Self::Ipv4(other)) => Some(Self::Ipv4(own.without(other))),
            (Self::Ipv6(own), Self::Ipv6(other)) => Some(Self::Ipv6(own.without(other))),
            (Self::Uids(own), Self::Uids(other)) => Some(Self::Uids(own.without(other))),
            (Self::Gids(own), Self::Gids(other)) => Some(Self::Gids(own.without(other))),
            (Self::Ports(_) | Self::Ipv4(_) | Self::Ipv6(_) | Self::Uids(_) | Self::Gids(_), _) => {
                None
            }
        }
    }
}
