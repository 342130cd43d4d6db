//! Proves by behaviour that traffic is captured: connections are made, and must arrive where the rules send them.
//!
//! For each direction and each captured family that the namespace has, a listener takes the place of the proxy, a
//! connection that the rules should capture is made, and the listener sends a token of its own back through it. The
//! proof is that this connection arrives, the token returns and the listener reads the original
//! destination back. Nothing of it leaves the host when capture works.
//!
//! Which connection to make, [`explain`](crate::explain) tells: one that the rules would capture, among those that this
//! process can make.

mod candidates;
mod cause;
mod inbound;
mod outbound;
mod own_pod;
pub(crate) mod prober;
mod veth_pair;
mod words;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;

use ipnet::IpNet;
use nix::unistd::{getegid, geteuid};
use thiserror::Error;

use crate::connection::Owner;
use crate::explain::Verdict;
use crate::intent::{Capture, Family, Port};
use crate::nftables;
use crate::process::lock::{Lock, Task};
use crate::rtnetlink::addresses::global_addresses;
use crate::rtnetlink::lookup::Routes;
use crate::ruleset::{RuleId, Ruleset};
use crate::verify::veth_pair::remove_leftovers;
pub use prober::Fault;
use prober::Listener;

pub use cause::Cause;

/// What was found out.
#[derive(Debug)]
pub struct Verification {
    /// One for each direction and captured family.
    pub checks: Vec<Check>,
    /// What may be the matter, if something is.
    pub causes: Vec<Cause>,
}

impl Verification {
    /// Whether nothing that was tried failed. What could not be tried says so in its check.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.checks.iter().any(Check::failed)
    }

    /// Whether anything was shown to work, or is in use by a proxy already.
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

/// What was found out about one direction and family.
#[derive(Debug)]
pub struct Check {
    /// Connections made here, or connections that arrive.
    pub direction: Direction,
    /// Their family.
    pub family: Family,
    /// What was found out.
    pub finding: Finding,
}

impl Check {
    /// Whether capture does not work, or could not be shown to although it was tried.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(self.finding, Finding::Failed(_))
    }
}

/// The direction of the connections of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Made in this namespace.
    Outbound,
    /// Arriving at it.
    Inbound,
    /// Made by the proxy to its own pod.
    OwnPod,
}

/// What was found out.
#[derive(Debug)]
pub enum Finding {
    /// A connection was captured.
    Proven(Try),
    /// Nothing was tried.
    Skipped(Skip),
    /// A connection was not captured, or could not be made.
    Failed(Failure),
}

impl Finding {
    /// Whether the rules leave every connection alone that could be made.
    fn left_alone(&self) -> bool {
        matches!(self, Self::Skipped(Skip::Bypassed { .. }))
    }
}

/// The connection that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// Where it was going.
    pub destination: SocketAddr,
    /// Where it was to arrive.
    pub port: Port,
}

/// Why nothing was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The namespace has no address of the family but those of loopback and links.
    NoAddress,
    /// Somebody listens on the port: the proxy, most likely.
    Taken(Port),
    /// The rules leave every connection alone that could be made for this.
    Bypassed {
        /// Who would make it, on the way out.
        owner: Option<Owner>,
        /// Connections, and the rules that leave them alone; none where no destination can be reached.
        examples: Vec<Bypassed>,
    },
}

/// A connection that is not captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bypassed {
    /// Where it would come from, when that decides.
    pub source: Option<std::net::IpAddr>,
    /// Where it would go to.
    pub destination: SocketAddr,
    /// What the rules would do.
    pub verdict: Verdict,
    /// The rule that would decide; `None` when no rule would.
    pub rule: Option<RuleId>,
}

/// Why a check failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The connection did not arrive as it should.
    #[error("{} should have reached port {}, but {fault}", tried.destination, tried.port)]
    NotCaptured {
        /// The connection.
        tried: Try,
        /// What happened instead.
        #[source]
        fault: Fault,
    },
    /// There is no listening on the port.
    #[error("cannot listen on port {port}: {source}{}", hint(source))]
    Listen {
        /// The port.
        port: Port,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No connection can be made to arrive here.
    #[error("no connection could be made that arrives from outside: {0}")]
    NoVethPair(#[source] nftables::Error),
    /// Something else than the routes decides where packets go.
    #[error(
        "no connection could be made that arrives from outside: the policy rules (ip rule) lead {0} elsewhere"
    )]
    LedElsewhere(std::net::IpAddr),
    /// Every address that could be used for a trial is used.
    #[error(
        "no connection could be made that arrives from outside: all addresses for it are in use"
    )]
    NoFreeAddress,
}

/// Why nothing could be verified at all.
#[derive(Debug, Error)]
pub enum Error {
    /// Somebody else is at it.
    #[error("cannot verify: another verification in this network namespace does not end")]
    Lock(#[source] io::Error),
    /// The addresses cannot be listed.
    #[error("cannot list the addresses of the network namespace")]
    Addresses(#[source] io::Error),
    /// The routes cannot be read.
    #[error(transparent)]
    Kernel(#[from] nftables::Error),
}

/// Verifies that the installed ruleset, the plan of this capture, does what it should in the calling thread's network
/// namespace.
///
/// # Errors
/// Nothing could be tried.
pub fn verify(capture: &Capture, ruleset: &Ruleset) -> Result<Verification, Error> {
    let lock = Lock::wait(Task::Verify).map_err(Error::Lock)?;
    remove_leftovers()?;
    let mut trial = Trial::new(capture, ruleset)?;
    let mut checks = outbound::check(&mut trial)?;
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

/// Verifies what can be without a privilege, in the calling thread's network namespace: whoever is the proxy tries to
/// reach its own pod on this port, which nobody listens on, and others try what is outbound.
///
/// # Errors
/// Nothing could be tried.
pub fn verify_unprivileged(
    capture: &Capture,
    ruleset: &Ruleset,
    port: Port,
) -> Result<Verification, Error> {
    let lock = Lock::wait(Task::Verify).map_err(Error::Lock)?;
    let mut trial = Trial::new(capture, ruleset)?;
    let mut checks = own_pod::check(&mut trial, port)?;
    if checks.iter().all(|check| check.finding.left_alone()) {
        checks.extend(outbound::check(&mut trial)?);
    }
    drop(lock);
    Ok(Verification {
        checks,
        causes: Vec::new(),
    })
}

/// What every check needs to know.
struct Trial<'a> {
    capture: &'a Capture,
    ruleset: &'a Ruleset,
    /// Whose sockets this process opens: the fsuid and the fsgid follow the effective ids.
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

    fn has_address(&self, family: Family) -> bool {
        let of_family = |address: &&IpNet| match family {
            Family::Ipv4 => address.addr().is_ipv4(),
            Family::Ipv6 => address.addr().is_ipv6(),
        };
        self.addresses.iter().any(|address| of_family(&address))
    }
}

/// A listener in the proxy's place, or why there is none.
fn listen(family: Family, port: Port, capture: prober::Capture) -> Result<Listener, Finding> {
    Listener::open(family, port, capture).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Finding::Skipped(Skip::Taken(port)),
        _ => Finding::Failed(Failure::Listen { port, source }),
    })
}

/// What an error of a listener likely means.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            " (ports below net.ipv4.ip_unprivileged_port_start take CAP_NET_BIND_SERVICE, which netweir gives up)"
        }
        _ => "",
    }
}

/// Makes the connection.
fn prove(listener: &Listener, tried: Try) -> Finding {
    match listener.prove(tried.destination, &token()) {
        Ok(()) => Finding::Proven(tried),
        Err(fault) => Finding::Failed(Failure::NotCaptured { tried, fault }),
    }
}

/// What nobody else would send: the keys of the standard library's hashes are the operating system's random numbers.
fn token() -> Vec<u8> {
    let random = || RandomState::new().build_hasher().finish().to_ne_bytes();
    [random(), random()].concat()
}
