//! What all checks use: the namespace, and connections to a listener in the proxy's place.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use nix::unistd::{getegid, geteuid};

use crate::connection::{Addresses, Connection, Owner, Path, PortPair, Tracking, Transport};
use crate::explain::{Outcome, evaluate};
use crate::intent::{Capture, Family, Port};
use crate::nftables;
use crate::rtnetlink::addresses::global_addresses;
use crate::rtnetlink::lookup::{Route, Routes};
use crate::ruleset::Ruleset;

use super::check::{Check, Direction, Failure, Finding, Skip, Try};
use super::error::Error;
use super::prober::{self, Listener};

/// Any port that the kernel gives to a connection; no rule that redirects looks at it.
pub(super) const SOURCE_PORT: u16 = 40_000;

/// What all checks use.
pub(super) struct Trial<'a> {
    pub(super) capture: &'a Capture,
    pub(super) ruleset: &'a Ruleset,
    /// The owner of this process's sockets: fsuid and fsgid follow the effective ids.
    pub(super) owner: Owner,
    pub(super) addresses: Vec<IpNet>,
    pub(super) routes: Routes,
}

impl<'a> Trial<'a> {
    pub(super) fn new(capture: &'a Capture, ruleset: &'a Ruleset) -> Result<Self, Error> {
        Ok(Self {
            capture,
            ruleset,
            owner: Owner {
                uid: geteuid().as_raw(),
                gid: getegid().as_raw(),
            },
            addresses: global_addresses(&capture.passthrough).map_err(Error::Addresses)?,
            routes: Routes::open()?,
        })
    }

    /// The networks of the namespace's addresses of the family.
    pub(super) fn networks(&self, family: Family) -> impl Iterator<Item = &IpNet> {
        let networks = self.addresses.iter();
        networks.filter(move |network| network.addr().is_ipv4() == (family == Family::Ipv4))
    }

    /// Checks each captured family.
    pub(super) fn check_families(
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
    pub(super) fn path_out(&self, route: &Route) -> Path {
        Path::Out {
            interface: route.interface.clone(),
            owner: Some(self.owner),
        }
    }

    /// What the rules do with a new TCP connection; `None` if the addresses are of two families.
    pub(super) fn evaluate_tcp(
        &self,
        path: Path,
        source: IpAddr,
        destination: SocketAddr,
    ) -> Option<Outcome> {
        let transport = Transport::Tcp(PortPair {
            source: SOURCE_PORT,
            destination: destination.port(),
        });
        self.evaluate(path, source, destination.ip(), transport)
    }

    /// What the rules do with a new connection; `None` if the addresses are of two families.
    pub(super) fn evaluate(
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

/// A listener in the proxy's place, or why there is none.
pub(super) fn listen(
    family: Family,
    port: Port,
    capture: prober::Capture,
) -> Result<Listener, Finding> {
    Listener::open(family, port, capture).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Finding::Skipped(Skip::Taken(port)),
        _ => Finding::Failed(Failure::Listen { port, source }),
    })
}

/// Listens in the proxy's place and makes the connection.
pub(super) fn listen_and_prove(family: Family, tried: Try, capture: prober::Capture) -> Finding {
    match listen(family, tried.port, capture) {
        Ok(listener) => prove(&listener, tried),
        Err(finding) => finding,
    }
}

/// Makes the connection.
pub(super) fn prove(listener: &Listener, tried: Try) -> Finding {
    match listener.prove(tried.destination, &token()) {
        Ok(()) => Finding::Proven(tried),
        Err(fault) => Finding::Failed(Failure::NotCaptured { tried, fault }),
    }
}

/// Random bytes: the standard library gets the keys of its hashes from the operating system.
pub(super) fn token() -> Vec<u8> {
    let random = || RandomState::new().build_hasher().finish().to_ne_bytes();
    [random(), random()].concat()
}
