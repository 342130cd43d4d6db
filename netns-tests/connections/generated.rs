//! Connections with ports, addresses and owners chosen at random.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use netweir::connection::Owner;
use netweir::intent::Protocol;
use netweir_testkit::effort::effort;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::sandbox::{Attempt, BEYOND_POD, Direction, has_every_owner, is_of_pod};

/// How many are made for each scenario.
pub(super) fn count() -> usize {
    effort(500, 10_000)
}

/// Below those that connections are made from: none connects to itself.
const PORTS: Range<u16> = 1..20_000;

/// Connections of the matrix, with other values in the place of some.
pub(super) fn connections(matrix: &[Attempt]) -> Vec<Attempt> {
    let owners = if has_every_owner() { 0.5 } else { 0.0 };
    // -1 is no id.
    let id = || option::weighted(owners, 0..u32::MAX);
    let connection = (
        select(matrix.to_vec()),
        option::of(PORTS),
        (id(), id()),
        option::of(any::<[u8; 3]>()),
    )
        .prop_map(|(attempt, port, owner, address)| changed(attempt, port, owner, address));
    let connections = prop::collection::vec(connection, count());
    let tree = connections.new_tree(&mut TestRunner::default());
    tree.expect("connections").current()
}

fn changed(
    attempt: Attempt,
    port: Option<u16>,
    (uid, gid): (Option<u32>, Option<u32>),
    address: Option<[u8; 3]>,
) -> Attempt {
    let (to, usual_port) = (attempt.destination.ip(), attempt.destination.port());
    if attempt.mark != 0 || BEYOND_POD.contains(&to) {
        // Their destination is defined for those of the matrix only.
        return attempt;
    }
    let address = address.map(|bytes| far(bytes, to));
    let to_far = attempt.direction == Direction::Out && !is_of_pod(to);
    let from_far = attempt.direction == Direction::In;
    let port = match attempt.protocol {
        Protocol::Tcp => port.unwrap_or(usual_port),
        // Nothing tells for sure that a datagram was refused.
        Protocol::Udp => usual_port,
    };
    Attempt {
        owner: Owner {
            uid: uid.unwrap_or(attempt.owner.uid),
            gid: gid.unwrap_or(attempt.owner.gid),
        },
        source: address.filter(|_| from_far).or(attempt.source),
        destination: SocketAddr::new(address.filter(|_| to_far).unwrap_or(to), port),
        ..attempt
    }
}

/// An address behind the peer, of the other's family: of `10.128.0.0/9` or `fd80::/9`.
fn far([first, second, third]: [u8; 3], other: IpAddr) -> IpAddr {
    match other {
        IpAddr::V4(_) => Ipv4Addr::new(10, first | 0x80, second, third).into(),
        IpAddr::V6(_) => {
            let group = |high: u8, low: u8| u16::from_be_bytes([high, low]);
            let second = group(second, third);
            Ipv6Addr::new(0xfd80 | group(0, first), second, 0, 0, 0, 0, 0, second).into()
        }
    }
}
