//! The parts of the kernel that speak netlink.

/// The part of the kernel that a socket talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subsystem {
    /// Links, addresses, policy rules and routes (`NETLINK_ROUTE`).
    Route,
    /// nf_tables (`NETLINK_NETFILTER`).
    Nftables,
    /// Sockets (`NETLINK_SOCK_DIAG`).
    SockDiag,
}

impl Subsystem {
    /// libmnl's name for it.
    pub(super) const fn bus(self) -> mnl::Bus {
        match self {
            Self::Route => mnl::Bus::Route,
            Self::Nftables => mnl::Bus::Netfilter,
            Self::SockDiag => mnl::Bus::SockDiag,
        }
    }
}
