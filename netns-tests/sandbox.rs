//! A pod and a peer: two network namespaces joined by two pairs of veth, with listeners on every way out.

mod acceptors;
mod attempt;
mod namespace;
mod netns_test;
mod outcome;
mod program;
mod topology;

use std::cell::Cell;
use std::collections::BTreeMap;

use netweir::connection::Connection;
use netweir::intent::Capture;
use netweir::metadata::Metadata;
use netweir::nftables;
use netweir::plan::plan;
use netweir::ruleset::{OpenConnections, RoutingObject, Ruleset, TABLE};
use serde_json::Value;

use acceptors::Acceptors;

pub(crate) use acceptors::OpenConnection;

pub(crate) use acceptors::POD_PORTS;
pub(crate) use attempt::{Attempt, Client, Direction, owned_by, set_transparent};
pub(crate) use namespace::Namespace;
pub(crate) use netns_test::{NetnsTest, acquire_privilege, fresh, has_every_owner};
pub(crate) use outcome::{ConnectionOutcome, Listener};
pub(crate) use program::{output_of, run};
pub(crate) use topology::{BEYOND_POD, PEER, PEER_SECOND, POD, POD_SECOND, is_of_pod};

/// The two namespaces. The thread that made them is inside the pod.
pub(crate) struct Sandbox {
    pod: Namespace,
    peer: Namespace,
    acceptors: Acceptors,
    next_port: Cell<u16>,
}

/// The ports from which attempts are made, each once: what connection tracking still remembers of
/// one attempt never meets another.
const FIRST_SOURCE_PORT: u16 = 20_000;

impl Sandbox {
    /// Makes the namespaces, and takes the calling thread into the pod.
    pub(crate) fn enter() -> Self {
        let peer = Namespace::enter_new();
        topology::catch_all();
        let mut acceptors = Acceptors::open_peer();
        let pod = Namespace::enter_new();
        acceptors.open_pod();
        topology::join(&peer);
        peer.within(&pod, topology::address_peer);
        topology::address_pod();
        let sandbox = Self {
            pod,
            peer,
            acceptors,
            next_port: Cell::new(FIRST_SOURCE_PORT),
        };
        sandbox.wait_for_links();
        sandbox
    }

    /// Does something in the peer.
    pub(crate) fn within_peer<T>(&self, body: impl FnOnce() -> T) -> T {
        self.peer.within(&self.pod, body)
    }

    /// Makes the connection, and finds out who took it.
    pub(crate) fn try_out(&self, attempt: &Attempt) -> (Connection, ConnectionOutcome) {
        self.try_out_from(self.source_port(), attempt)
    }

    /// The same from this port.
    pub(crate) fn try_out_from(
        &self,
        port: u16,
        attempt: &Attempt,
    ) -> (Connection, ConnectionOutcome) {
        let client = self.start_from(port, attempt);
        let actual = self
            .acceptors
            .wait_for(&client)
            .unwrap_or_else(|error| panic!("{attempt}: {error}"));
        (attempt.connection(client.source()), actual)
    }

    /// Makes the TCP connection, and keeps both ends open.
    pub(crate) fn open(&self, attempt: &Attempt) -> OpenConnection {
        self.open_from(self.source_port(), attempt)
    }

    /// The same from this port.
    pub(crate) fn open_from(&self, port: u16, attempt: &Attempt) -> OpenConnection {
        let client = self.start_from(port, attempt);
        let accepted = self.acceptors.accept(&client);
        OpenConnection {
            client: client.socket,
            server: accepted.unwrap_or_else(|| panic!("{attempt}: not accepted")),
        }
    }

    /// Sends the connection's first packet.
    pub(crate) fn start(&self, attempt: &Attempt) -> Client {
        self.start_from(self.source_port(), attempt)
    }

    fn start_from(&self, port: u16, attempt: &Attempt) -> Client {
        match attempt.direction {
            Direction::Out => attempt.start(port),
            Direction::In => self.within_peer(|| attempt.start(port)),
        }
    }

    /// A port that no attempt was made from.
    pub(crate) fn source_port(&self) -> u16 {
        let port = self.next_port.get();
        let next = port.checked_add(1).unwrap_or(FIRST_SOURCE_PORT);
        self.next_port.replace(next)
    }

    /// Which listener has the connection by now, if one has.
    pub(crate) fn taken(&self, client: &Client) -> Option<ConnectionOutcome> {
        self.acceptors.taken(client)
    }

    /// The carrier of a new veth is set by a kernel thread; until then packets are dropped, and TCP would try
    /// again after a second only.
    fn wait_for_links(&self) {
        for address in PEER.into_iter().chain(PEER_SECOND) {
            self.acceptors.wait_for_link_to(address);
        }
        for address in POD.into_iter().chain(POD_SECOND) {
            self.within_peer(|| self.acceptors.wait_for_link_to(address));
        }
    }
}

/// Installs the rules of the capture in the calling thread's namespace.
pub(crate) fn install(capture: &Capture) -> Ruleset {
    let ruleset = plan(capture);
    let note = Metadata::of(capture).bytes(&ruleset);
    nftables::apply(&ruleset, &note, OpenConnections::new)
        .unwrap_or_else(|error| panic!("apply: {error}"));
    for object in &ruleset.routing {
        if let RoutingObject::LoopbackAddress(address) = object {
            topology::wait_for_local_route(*address);
        }
    }
    ruleset
}

/// The packets that each rule of the table counted, by the rule's id.
pub(crate) fn counters() -> BTreeMap<String, u64> {
    let listing = run("nft", &["-j", "list", "table", "inet", TABLE], "");
    let listing: Value = serde_json::from_str(&listing).expect("JSON");
    let objects = listing["nftables"].as_array().expect("objects").iter();
    let rules = objects.filter_map(|object| object.get("rule"));
    let counter = |rule: &Value| {
        let id = rule["comment"].as_str()?.to_owned();
        let mut statements = rule["expr"].as_array()?.iter();
        let packets = statements.find_map(|one| one["counter"]["packets"].as_u64())?;
        Some((id, packets))
    };
    rules
        .map(|rule| counter(rule).expect("a comment and a counter"))
        .collect()
}
