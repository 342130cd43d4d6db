//! Where packets meet chains: families, hooks, priorities and chain types.

use crate::connection::Direction;
use crate::intent::Family;
use crate::named::named;

named! {
    /// The family of a table whose chains IP packets can meet (`linux/netfilter.h`).
    pub enum TableFamily: name {
        /// `NFPROTO_INET`: both IPv4 and IPv6.
        Inet "inet";
        /// `NFPROTO_IPV4`.
        Ip "ip";
        /// `NFPROTO_IPV6`.
        Ip6 "ip6";
    }
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

    /// Whether packets of the family meet its chains.
    #[must_use]
    pub const fn sees(self, family: Family) -> bool {
        matches!(
            (self, family),
            (Self::Inet, _) | (Self::Ip, Family::Ipv4) | (Self::Ip6, Family::Ipv6)
        )
    }
}

named! {
    /// A netfilter hook of the family inet (`enum nf_inet_hooks`, `linux/netfilter.h`).
    #[repr(u8)]
    pub enum Hook: name {
        /// `NF_INET_PRE_ROUTING`: incoming packets, before routing.
        Prerouting = 0 "prerouting";
        /// `NF_INET_LOCAL_IN`: incoming packets for this host.
        Input = 1 "input";
        /// `NF_INET_FORWARD`: packets that are routed through this host.
        Forward = 2 "forward";
        /// `NF_INET_LOCAL_OUT`: packets that this host sends.
        Output = 3 "output";
        /// `NF_INET_POST_ROUTING`: outgoing packets, after routing.
        Postrouting = 4 "postrouting";
        /// `NF_INET_INGRESS`: incoming packets, before everything else.
        Ingress = 5 "ingress";
    }
}

impl Hook {
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

named! {
    /// The type of a base chain.
    pub enum ChainKind: name {
        /// Sees every packet.
        Filter "filter";
        /// Sees only the first packet of a connection; its decision holds for the whole connection.
        Nat "nat";
        /// Sees every packet; one whose mark it changes is routed again (output only).
        Route "route";
    }
}
