//! The parts of the kernel that speak netlink.

use nix::sys::socket::SockProtocol;

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
    pub(super) const fn protocol(self) -> SockProtocol {
        match self {
            Self::Route => SockProtocol::NetlinkRoute,
            Self::Nftables => SockProtocol::NetlinkNetFilter,
            Self::SockDiag => SockProtocol::NetlinkSockDiag,
        }
    }
}
