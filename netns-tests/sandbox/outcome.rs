//! Where a connection went.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netweir::connection::{Connection, Path};
use netweir::explain::Verdict;
use netweir::intent::Protocol;
use netweir::ruleset::End;

use super::acceptors::POD_PORTS;
use super::topology::is_of_pod;

const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Where a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionOutcome {
    /// It was accepted.
    Accepted {
        by: Listener,
        /// The original destination that the listener sees; `None` for UDP, for which the kernel does not report it.
        original: Option<SocketAddr>,
        /// Whether it is the listener's own address, too. Only of TCP and the pod: the peer redirects everything.
        kept: bool,
    },
    /// No socket listens where it went.
    Refused,
    /// Nothing came back.
    Lost,
}

/// A listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// In the pod, on this port: the proxy or an application.
    Pod(u16),
    /// The peer, which listens everywhere.
    Peer,
}

impl ConnectionOutcome {
    /// Of a TCP connection that is accepted, but not where it was meant to go.
    pub(crate) const fn diverted(by: Listener, original: SocketAddr) -> Self {
        Self::Accepted {
            by,
            original: Some(original),
            kept: false,
        }
    }

    /// Where a connection goes in the sandbox, given the verdict.
    pub(crate) fn of(verdict: Verdict, connection: &Connection) -> Self {
        let port = connection.transport.ports().expect("ports").destination;
        let address = connection.addresses.end(End::Destination);
        let is_tcp = connection.transport.protocol() == Some(Protocol::Tcp);
        let original = is_tcp.then(|| SocketAddr::new(address, port));
        let to_pod = |listener: u16, kept: bool| {
            if POD_PORTS.contains(&listener) {
                Self::Accepted {
                    by: Listener::Pod(listener),
                    original,
                    kept: kept && is_tcp,
                }
            } else {
                Self::Refused
            }
        };
        match (verdict, &connection.path) {
            // The address becomes the loopback address, or the one of the interface that it came by.
            (Verdict::Redirect(listener), path) => {
                let same_address = match path {
                    Path::Out { .. } => LOOPBACK.contains(&address),
                    Path::In { .. } => is_of_pod(address),
                };
                to_pod(listener.number(), same_address && listener.number() == port)
            }
            (Verdict::Tproxy(listener), _) => to_pod(listener.number(), true),
            (Verdict::Dnat(to, at), _) if is_of_pod(to) || to.is_loopback() => {
                to_pod(at.number(), (to, at.number()) == (address, port))
            }
            // The peer sees where it was sent, not where it was meant to go.
            (Verdict::Dnat(to, at), _) => Self::Accepted {
                by: Listener::Peer,
                original: is_tcp.then(|| SocketAddr::new(to, at.number())),
                kept: false,
            },
            (Verdict::Leave, Path::Out { .. }) if !is_of_pod(address) => Self::Accepted {
                by: Listener::Peer,
                original,
                kept: false,
            },
            (Verdict::Leave, Path::Out { .. } | Path::In { .. }) => to_pod(port, true),
            (Verdict::Drop, _) => Self::Lost,
        }
    }
}

impl fmt::Display for ConnectionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { by, original, kept } => {
                match by {
                    Listener::Pod(port) => write!(f, "taken by the pod's port {port}")?,
                    Listener::Peer => f.write_str("taken by the peer")?,
                }
                match original {
                    Some(original) if *kept => write!(f, ", as {original}"),
                    Some(original) => write!(f, ", for {original}"),
                    None => Ok(()),
                }
            }
            Self::Refused => f.write_str("refused"),
            Self::Lost => f.write_str("lost"),
        }
    }
}
