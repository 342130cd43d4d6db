//! The temporary table that has the kernel trace the first packets of connections.

use nftnl::nftnl_sys::libc;

use super::batch::{Batch, Part};
use super::dump::generation;
use super::expression::{Expression, Header, Meta};
use super::probe_table::OWNER;
use super::{object, rule};
use crate::intent::Protocol;
use crate::netlink::{Error, Flags, Socket, retry};
use crate::ruleset::{ChainKind, ConnectionState, Hook, Match, Priority};
use crate::trace::{Condition, Filter, Kind, Waypoint};

/// Before all other chains, but after the reassembly of fragments (`NF_IP_PRI_CONNTRACK_DEFRAG`, -400).
const FIRST: i32 = -399;
/// As soon as connection tracking (`NF_IP_PRI_CONNTRACK`, -200) has seen the packet.
const TRACKED: i32 = Priority::Mangle.number() - 49;
/// After everything but the end of connection tracking (`NF_IP_PRI_LAST`).
const LAST: i32 = i32::MAX - 1;

/// The offset of the flags in the header of TCP (RFC 9293, 3.1).
const TCP_FLAGS: u32 = 13;
const FIN_SYN_RST_ACK: u8 = 0b1_0111;
const SYN: u8 = 0b10;

/// Adds a table of this name that ends with the socket, and has the first packets of the connections that match the filter
/// traced.
pub(super) fn add(socket: &mut Socket, table: &str, filter: &Filter) -> Result<(), Error> {
    let part = || Part::TraceTable(table.to_owned());
    retry(|| {
        let mut batch = Batch::new(generation(socket)?, socket.reserve(1));
        let object = object::table(table, OWNER);
        batch.add(part(), libc::NFT_MSG_NEWTABLE, Flags::CREATE, object)?;
        for waypoint in Waypoint::ALL {
            let (hook, priority) = place(waypoint);
            let kind = ChainKind::Filter;
            let object = object::base_chain(table, waypoint.chain(), kind, hook.number(), priority);
            batch.add(part(), libc::NFT_MSG_NEWCHAIN, Flags::CREATE, object)?;
            for expressions in rules(waypoint, filter) {
                let object = object::bare_rule(table, waypoint.chain(), &expressions);
                batch.add(part(), libc::NFT_MSG_NEWRULE, Flags::APPEND, object)?;
            }
        }
        batch.commit(socket)
    })
}

/// Hook and priority of the chain.
fn place(waypoint: Waypoint) -> (Hook, i32) {
    let (Waypoint::Start(direction) | Waypoint::Known(direction) | Waypoint::End(direction)) =
        waypoint;
    // Ingress chains need a device.
    let mut path = Hook::path(direction)
        .iter()
        .copied()
        .filter(|hook| *hook != Hook::Ingress);
    let first = path.next().expect("a path has hooks besides ingress");
    let last = path
        .next_back()
        .expect("a path has a first and a last hook");
    match waypoint {
        Waypoint::Start(_) => (first, FIRST),
        Waypoint::Known(_) => (first, TRACKED),
        Waypoint::End(_) => (last, LAST),
    }
}

fn rules(waypoint: Waypoint, filter: &Filter) -> Vec<Vec<Expression>> {
    let conditions = |direction| {
        let conditions = filter.conditions();
        conditions.filter(move |condition| condition.direction == direction)
    };
    match waypoint {
        Waypoint::Start(direction) => conditions(direction)
            .map(|condition| [matching(condition), set_tracing(true)].concat())
            .collect(),
        // The first rule is reported, the second ends the tracing: one rule for both could not be reported any more. Packets
        // that other programs have traced are traced on, unless the filter matches them.
        Waypoint::Known(direction) => conditions(direction)
            .filter(|condition| condition.kind != Kind::TcpSyn)
            .flat_map(|condition| {
                let known = [matching(condition), tracked()].concat();
                [known.clone(), [known, set_tracing(false)].concat()]
            })
            .collect(),
        // The end of the chain is reported.
        Waypoint::End(_) => Vec::new(),
    }
}

fn matching(condition: &Condition) -> Vec<Expression> {
    let equal = |value| Expression::Compare {
        equal: true,
        value: vec![value],
    };
    let protocol = match condition.kind {
        Kind::TcpSyn => Protocol::Tcp.number(),
        Kind::Protocol(number) => number,
    };
    let mut code = vec![Expression::LoadMeta(Meta::L4Proto), equal(protocol)];
    if condition.kind == Kind::TcpSyn {
        code.extend([
            Expression::LoadPayload {
                base: Header::Transport,
                offset: TCP_FLAGS,
                length: 1,
            },
            Expression::Mask(vec![FIN_SYN_RST_ACK]),
            equal(SYN),
        ]);
    }
    code.extend(rule::encode_matches(&condition.matches));
    code
}

/// Packets of connections that existed before.
fn tracked() -> Vec<Expression> {
    rule::encode_matches(&[Match::State(ConnectionState::Tracked)])
}

/// `meta nftrace set`.
fn set_tracing(on: bool) -> Vec<Expression> {
    vec![
        Expression::Immediate(vec![u8::from(on)]),
        Expression::SetMeta(Meta::Trace),
    ]
}
