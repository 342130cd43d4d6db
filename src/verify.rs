//! Verifies capture with real connections.
//!
//! For each direction and each captured family of the namespace, a listener takes the place of the proxy. A connection that the
//! rules should capture is made, and the listener sends a random token back through it. Capture is proven if the connection
//! arrives, the token returns, and the listener can read the original destination. If capture works, no packet leaves the
//! host.
//!
//! [`explain`](crate::explain) selects the connection: one that the rules capture, among those that this process can
//! make.

mod candidates;
mod cause;
mod dns;
mod inbound;
mod outbound;
mod own_pod;
pub(crate) mod prober;
mod veth_pair;
mod words;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use nix::unistd::{getegid, geteuid};
use thiserror::Error;

use crate::connection::{Addresses, Connection, Owner, Path, PortPair, Tracking, Transport};
use crate::explain::{Outcome, Verdict, evaluate};
use crate::intent::{Capture, Family, Port};
use crate::nftables;
use crate::process::lock::{Lock, Task};
use crate::rtnetlink::addresses::global_addresses;
use crate::rtnetlink::lookup::{Route, Routes};
use crate::ruleset::{RuleId, Ruleset};
use crate::verify::veth_pair::remove_leftovers;
pub use prober::Fault;
use prober::Listener;

pub use cause::Cause;

/// The result of a verification.
#[derive(Debug)]
pub struct Verification {
    /// One for each direction and captured family.
    pub checks: Vec<Check>,
    /// Likely causes of the failed checks.
    pub causes: Vec<Cause>,
}

impl Verification {
    /// Whether no check failed; some may be skipped.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.checks.iter().any(Check::failed)
    }

    /// Whether a check proved capture, or found a running proxy.
    #[must_use]
    pub fn shows_something(&self) -> bool {
        self.checks.iter().any(|check| {
            matches!(
                check.finding,
                Finding::Proven(_) | Finding::Skipped(Skip::Taken(_))
            )
        })
    }
}

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

/// The direction of the connections of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From this namespace.
    Outbound,
    /// To this namespace.
    Inbound,
    /// From the proxy to its own pod.
    OwnPod,
    /// DNS queries over UDP, from this namespace.
    Dns,
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
    fn is_bypassed(&self) -> bool {
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
    /// Policy rules send the packets elsewhere.
    #[error(
        "cannot make a connection that arrives from outside: the policy rules (ip rule) route {0} elsewhere"
    )]
    RoutedElsewhere(IpAddr),
    /// Every address that a verification could use is in use.
    #[error("cannot make a connection that arrives from outside: all addresses for it are in use")]
    NoFreeAddress,
}

/// Why a verification cannot start.
#[derive(Debug, Error)]
pub enum Error {
    /// Another process verifies, and does not end in time.
    #[error("cannot verify: another verification in this network namespace does not end")]
    Lock(#[source] io::Error),
    /// The addresses cannot be listed.
    #[error("cannot list the addresses of the network namespace")]
    Addresses(#[source] io::Error),
    /// The routes cannot be read.
    #[error(transparent)]
    Kernel(#[from] nftables::Error),
}

/// Verifies the installed ruleset, which is the plan of the capture, in the calling thread's network namespace.
///
/// # Errors
/// No connection could be tried.
pub fn verify(capture: &Capture, ruleset: &Ruleset) -> Result<Verification, Error> {
    let lock = Lock::wait(Task::Verify).map_err(Error::Lock)?;
    remove_leftovers()?;
    let mut trial = Trial::new(capture, ruleset)?;
    let mut checks = outbound::check(&mut trial)?;
    checks.extend(dns::check(&mut trial)?);
    checks.extend(inbound::check(&mut trial)?);
    drop(lock);
    let mut verification = Verification {
        checks,
        causes: Vec::new(),
    };
    if !verification.passed() {
        verification.causes = cause::find(&verification.checks, ruleset);
    }
    Ok(verification)
}

/// Verifies without privileges, in the calling thread's network namespace: as the proxy's user by a connection to its own pod
/// on this port, on which no process listens; as another user by outbound connections.
///
/// # Errors
/// No connection could be tried.
pub fn verify_unprivileged(
    capture: &Capture,
    ruleset: &Ruleset,
    port: Port,
) -> Result<Verification, Error> {
    let lock = Lock::wait(Task::Verify).map_err(Error::Lock)?;
    let mut trial = Trial::new(capture, ruleset)?;
    let mut checks = own_pod::check(&mut trial, port)?;
    if checks.iter().all(|check| check.finding.is_bypassed()) {
        checks.extend(outbound::check(&mut trial)?);
    }
    drop(lock);
    Ok(Verification {
        checks,
        causes: Vec::new(),
    })
}

/// What all checks use.
struct Trial<'a> {
    capture: &'a Capture,
    ruleset: &'a Ruleset,
    /// The owner of this process's sockets: fsuid and fsgid follow the effective ids.
    owner: Owner,
    addresses: Vec<IpNet>,
    routes: Routes,
}

impl<'a> Trial<'a> {
    fn new(capture: &'a Capture, ruleset: &'a Ruleset) -> Result<Self, Error> {
        Ok(Self {
            capture,
            ruleset,
            owner: Owner {
                uid: geteuid().as_raw(),
                gid: getegid().as_raw(),
            },
            addresses: global_addresses().map_err(Error::Addresses)?,
            routes: Routes::open()?,
        })
    }

    /// The networks of the namespace's addresses of the family.
    fn networks(&self, family: Family) -> impl Iterator<Item = &IpNet> {
        let networks = self.addresses.iter();
        networks.filter(move |network| network.addr().is_ipv4() == (family == Family::Ipv4))
    }

    /// Checks each captured family.
    fn check_families(
        &mut self,
        direction: Direction,
        mut find: impl FnMut(&mut Self, Family) -> Result<Finding, nftables::Error>,
    ) -> Result<Vec<Check>, nftables::Error> {
        let families = self.capture.families;
        let check = |family| {
            let finding = find(self, family)?;
            Ok(Check {
                direction,
                family,
                finding,
            })
        };
        families.iter().map(check).collect()
    }

    /// A path of connections that this process makes.
    fn path_out(&self, route: &Route) -> Path {
        Path::Out {
            interface: route.interface.clone(),
            owner: Some(self.owner),
        }
    }

    /// What the rules do with a new TCP connection; `None` if the addresses are of two families.
    fn evaluate_tcp(&self, path: Path, source: IpAddr, destination: SocketAddr) -> Option<Outcome> {
        let transport = Transport::Tcp(PortPair {
            source: SOURCE_PORT,
            destination: destination.port(),
        });
        self.evaluate(path, source, destination.ip(), transport)
    }

    /// What the rules do with a new connection; `None` if the addresses are of two families.
    fn evaluate(
        &self,
        path: Path,
        source: IpAddr,
        destination: IpAddr,
        transport: Transport,
    ) -> Option<Outcome> {
        let connection = Connection {
            path,
            addresses: Addresses::of(source, destination)?,
            transport,
            packet_mark: 0,
            connection_mark: 0,
            tracking: Tracking::New,
        };
        Some(evaluate(self.ruleset, &connection))
    }
}

/// Any port that the kernel gives to a connection; no rule that redirects looks at it.
const SOURCE_PORT: u16 = 40_000;

impl Bypassed {
    fn new(source: Option<IpAddr>, destination: SocketAddr, outcome: Outcome) -> Self {
        Self {
            source,
            destination,
            verdict: outcome.verdict,
            rule: outcome.rule,
        }
    }
}

/// A listener in the proxy's place, or why there is none.
fn listen(family: Family, port: Port, capture: prober::Capture) -> Result<Listener, Finding> {
    Listener::open(family, port, capture).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Finding::Skipped(Skip::Taken(port)),
        _ => Finding::Failed(Failure::Listen { port, source }),
    })
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

/// Listens in the proxy's place and makes the connection.
fn listen_and_prove(family: Family, tried: Try, capture: prober::Capture) -> Finding {
    match listen(family, tried.port, capture) {
        Ok(listener) => prove(&listener, tried),
        Err(finding) => finding,
    }
}

/// Makes the connection.
fn prove(listener: &Listener, tried: Try) -> Finding {
    match listener.prove(tried.destination, &token()) {
        Ok(()) => Finding::Proven(tried),
        Err(fault) => Finding::Failed(Failure::NotCaptured { tried, fault }),
    }
}

/// Random bytes: the standard library gets the keys of its hashes from the operating system.
fn token() -> Vec<u8> {
    let random = || RandomState::new().build_hasher().finish().to_ne_bytes();
    [random(), random()].concat()
}
