//! What is checked, and the result.

use std::io;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::connection::Owner;
use crate::explain::{Outcome, Verdict};
use crate::intent::{Family, Port};
use crate::named::named;
use crate::nftables;
use crate::printable::printable;
use crate::ruleset::RuleId;

use super::prober::Fault;

/// The result for one direction and family.
#[derive(Debug)]
pub struct Check {
    /// The direction of its connections.
    pub direction: Direction,
    /// Their family.
    pub family: Family,
    /// The result.
    pub finding: Finding,
}

impl Check {
    /// Whether a connection was not captured, or could not be made.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(self.finding, Finding::Failed(_))
    }
}

named! {
    /// The direction of the connections of a check.
    pub enum Direction: name {
        /// From this namespace.
        Outbound "outbound";
        /// To this namespace.
        Inbound "inbound";
        /// From the proxy to its own pod.
        OwnPod "to its own pod";
        /// DNS queries over UDP, from this namespace.
        Dns "DNS";
    }
}

/// The result of a check.
#[derive(Debug)]
pub enum Finding {
    /// A connection was captured.
    Proven(Try),
    /// No connection was made.
    Skipped(Skip),
    /// A connection was not captured, or could not be made.
    Failed(Failure),
}

impl Finding {
    /// Whether the rules bypass the proxy for all possible connections.
    pub(super) fn is_bypassed(&self) -> bool {
        matches!(self, Self::Skipped(Skip::Bypassed { .. }))
    }
}

/// A connection that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// Its original destination.
    pub destination: SocketAddr,
    /// The port of the proxy that it should reach.
    pub port: Port,
}

/// Why no connection was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The namespace has no address of the family except loopback and link-local ones.
    NoAddress,
    /// Another process listens on the port: the proxy, most likely.
    Taken(Port),
    /// Another host gets the queries in the proxy's place.
    Elsewhere(SocketAddr),
    /// The rules capture none of the possible connections.
    Bypassed {
        /// The owner of outbound connections.
        owner: Option<Owner>,
        /// Connections with the rules that decide; none if there is no route to any destination.
        examples: Vec<Bypassed>,
    },
}

/// A connection that is not captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bypassed {
    /// Its source, if rules look at it.
    pub source: Option<IpAddr>,
    /// Its destination.
    pub destination: SocketAddr,
    /// What the rules do with it.
    pub verdict: Verdict,
    /// The rule that decides; `None` if no rule matches.
    pub rule: Option<RuleId>,
}

impl Bypassed {
    pub(super) fn new(source: Option<IpAddr>, destination: SocketAddr, outcome: Outcome) -> Self {
        Self {
            source,
            destination,
            verdict: outcome.verdict,
            rule: outcome.rule,
        }
    }
}

/// Why a check failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The connection did not arrive as expected.
    #[error("{} should have reached port {}, but {fault}", tried.destination, tried.port)]
    NotCaptured {
        /// The connection.
        tried: Try,
        /// What happened.
        #[source]
        fault: Fault,
    },
    /// The port cannot be listened on.
    #[error("cannot listen on port {port}: {source}{}", hint(source))]
    Listen {
        /// The port.
        port: Port,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// The veth pair for an inbound connection cannot be made.
    #[error("cannot make a connection that arrives from outside: {0}")]
    NoVethPair(#[source] nftables::Error),
    /// The interface has no address of the family to which connections could be redirected.
    #[error("connections that arrive on {} are dropped: it has no address of this family to redirect to", printable(.0))]
    NoAddress(String),
    /// Policy rules send the packets elsewhere.
    #[error(
        "cannot make a connection that arrives from outside: the policy rules (ip rule) route {0} elsewhere"
    )]
    RoutedElsewhere(IpAddr),
    /// Every address that a verification could use is in use.
    #[error("cannot make a connection that arrives from outside: all addresses for it are in use")]
    NoFreeAddress,
}

/// The likely reason of a listener's error.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            " (ports below net.ipv4.ip_unprivileged_port_start take CAP_NET_BIND_SERVICE, which netweir gives up)"
        }
        _ => "",
    }
}
