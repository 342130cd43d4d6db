//! Where packets meet chains: families, hooks, priorities and chain types.

use crate::connection::Direction;
use crate::intent::Family;

/// The family of a table whose chains IP packets can meet (`linux/netfilter.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableFamily {
    /// `NFPROTO_INET`: both IPv4 and IPv6.
    Inet,
    /// `NFPROTO_IPV4`.
    Ip,
    /// `NFPROTO_IPV6`.
    Ip6,
}

impl TableFamily {
    /// The table family of the kernel's number; `None` where IP packets of a connection do not pass it (arp, bridge,
    /// netdev).
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Inet),
            2 => Some(Self::Ip),
            10 => Some(Self::Ip6),
            _ => None,
        }
    }

    /// nft's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
        }
    }

    /// Whether packets of the family meet its chains.
    #[must_use]
    pub const fn sees(self, family: Family) -> bool {
        matches!(
            (self, family),
            (Self::Inet, _) | (Self::Ip, Family::Ipv4) | (Self::Ip6, Family::Ipv6)
        )
    }
}

/// A netfilter hook of the family inet (`enum nf_inet_hooks`, `linux/netfilter.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Hook {
    /// `NF_INET_PRE_ROUTING`: incoming packets, before routing.
    Prerouting = 0,
    /// `NF_INET_LOCAL_IN`: incoming packets for this host.
    Input = 1,
    /// `NF_INET_FORWARD`: packets that are routed through this host.
    Forward = 2,
    /// `NF_INET_LOCAL_OUT`: packets that this host sends.
    Output = 3,
    /// `NF_INET_POST_ROUTING`: outgoing packets, after routing.
    Postrouting = 4,
    /// `NF_INET_INGRESS`: incoming packets, before everything else.
    Ingress = 5,
}

impl Hook {
    /// All hooks, by number.
    pub const ALL: [Self; 6] = [
        Self::Prerouting,
        Self::Input,
        Self::Forward,
        Self::Output,
        Self::Postrouting,
        Self::Ingress,
    ];

    /// The hooks that a packet of a connection of this host passes, in order. A packet that leaves on `lo` passes those
    /// of [`Direction::In`] after those of [`Direction::Out`].
    #[must_use]
    pub const fn path(direction: Direction) -> &'static [Self] {
        match direction {
            Direction::In => &[Self::Ingress, Self::Prerouting, Self::Input],
            Direction::Out => &[Self::Output, Self::Postrouting],
        }
    }

    /// The hook of the kernel's number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.number() == number)
    }

    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// nft's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Ingress => "ingress",
        }
    }
}

/// The priority of a chain (`linux/netfilter_ipv4.h`, `nf_ip_hook_priorities`); lower ones come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// -300: before connection tracking.
    Raw,
    /// -150.
    Mangle,
    /// -105: before other programs' destination NAT, which is at -100. Among NAT chains the first one decides, and of
    /// those with the same priority the one that was registered last comes first.
    BeforeDstnat,
}

impl Priority {
    /// Every priority that the plan uses.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Mangle, Self::BeforeDstnat];

    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Raw => -300,
            Self::Mangle => -150,
            Self::BeforeDstnat => -105,
        }
    }
}

/// The type of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainKind {
    /// Sees every packet.
    Filter,
    /// Sees only the first packet of a connection; its decision holds for the whole connection.
    Nat,
    /// Sees every packet; one whose mark it changes is routed again (output only).
    Route,
}

impl ChainKind {
    /// nft's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Nat => "nat",
            Self::Route => "route",
        }
    }
}
