//! Where a connection went.

use std::fmt;
use std::net::SocketAddr;

use netweir::explain::{Connection, Path, Verdict};
use netweir::intent::Protocol;
use netweir::ruleset::End;

use super::acceptors::POD_PORTS;
use super::topology::is_of_pod;

/// Where a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was accepted.
    Taken {
        /// By whom.
        by: Taker,
        /// The original destination that the taker sees. The kernel tells it for TCP alone.
        original: Option<SocketAddr>,
    },
    /// Nobody listens where it went.
    Refused,
    /// Nothing came back.
    Lost,
}

/// A listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    /// In the pod, on this port: the proxy or an application.
    Pod(u16),
    /// The peer, which listens everywhere.
    Peer,
}

impl Fate {
    /// Where a connection goes in the sandbox, given the verdict.
    pub(crate) fn of(verdict: Verdict, connection: &Connection) -> Self {
        let port = connection.transport.ports().expect("ports").destination;
        let address = connection.addresses.end(End::Destination);
        let is_tcp = connection.transport.protocol() == Some(Protocol::Tcp);
        let original = is_tcp.then(|| SocketAddr::new(address, port));
        let to_pod = |port: u16| {
            if POD_PORTS.contains(&port) {
                let by = Taker::Pod(port);
                Self::Taken { by, original }
            } else {
                Self::Refused
            }
        };
        match (verdict, &connection.path) {
            (Verdict::Redirect(port) | Verdict::Tproxy(port), _) => to_pod(port.number()),
            (Verdict::Leave, Path::Out { .. }) if !is_of_pod(address) => Self::Taken {
                by: Taker::Peer,
                original,
            },
            (Verdict::Leave, Path::Out { .. } | Path::In { .. }) => to_pod(port),
            (Verdict::Drop, _) => Self::Lost,
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { by, original } => {
                match by {
                    Taker::Pod(port) => write!(f, "taken by the pod's port {port}")?,
                    Taker::Peer => f.write_str("taken by the peer")?,
                }
                match original {
                    Some(original) => write!(f, ", for {original}"),
                    None => Ok(()),
                }
            }
            Self::Refused => f.write_str("refused"),
            Self::Lost => f.write_str("lost"),
        }
    }
}
