//! Addresses and routes of the sandbox.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::{Duration, Instant};

use super::namespace::Namespace;
use super::program::run;

/// The pod's addresses on `eth0`.
pub(crate) const POD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 1, 0, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 2)),
];
/// The peer's addresses on its end of it.
pub(crate) const PEER: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 1)),
];
/// The pod's addresses on `eth1`.
pub(crate) const POD_SECOND: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 2, 0, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd02, 0, 0, 0, 0, 0, 0, 2)),
];

/// The peer's addresses on its end of it.
pub(crate) const PEER_SECOND: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 2, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd02, 0, 0, 0, 0, 0, 0, 1)),
];

/// What the peer reaches through the pod, by `eth1`: as a virtual machine behind the pod reaches everything.
pub(crate) const BEYOND_POD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 8, 7, 6)),
    IpAddr::V6(Ipv6Addr::new(0xfd08, 0, 0, 0, 0, 0, 0, 7)),
];

/// The port that takes whatever reaches the peer.
pub(super) const CATCH_ALL: u16 = 1;

/// In the peer: whatever arrives is for the listener that takes everything.
pub(super) fn catch_all() {
    run(
        "nft",
        &["-f", "-"],
        &format!(
            "table inet catch_all {{
                chain prerouting {{
                    type nat hook prerouting priority dstnat;
                    meta l4proto {{ tcp, udp }} redirect to :{CATCH_ALL}
                }}
            }}"
        ),
    );
}

/// In a namespace that has nothing else.
pub(super) fn loopback_up() {
    ip("link set lo up");
}

/// In the pod: two pairs of veth, their other ends in the peer. Each knows the other's hardware address, so that
/// there is nothing to resolve.
pub(super) fn join(peer: &Namespace) {
    let peer = peer.path();
    let peer = peer.display();
    ip(&format!(
        "link set lo up
        link add eth0 address 02:00:00:00:01:02 type veth peer name eth0 address 02:00:00:00:01:01 netns {peer}
        link add eth1 address 02:00:00:00:02:02 type veth peer name eth1 address 02:00:00:00:02:01 netns {peer}"
    ));
}

/// In the peer: every destination is here.
pub(super) fn address_peer() {
    ip(&format!(
        "link set lo up
        {}
        route add local 0.0.0.0/0 dev lo table main
        route add local ::/0 dev lo table main
        route add 10.8.7.6 via 10.2.0.2
        route add fd08::7 via fd02::2",
        address(1, 2)
    ));
}

/// In the pod: everything is reached by the peer.
pub(super) fn address_pod() {
    ip(&format!(
        "{}
        route add default via 10.1.0.1
        route add ::/0 via fd01::1",
        address(2, 1)
    ));
}

/// The addresses of one end, and where the other's are.
fn address(own: u8, other: u8) -> String {
    let link = |n: u8| {
        format!(
            "address add 10.{n}.0.{own}/24 dev eth{i}
            address add fd0{n}::{own}/64 dev eth{i} nodad
            link set eth{i} up
            neighbour add 10.{n}.0.{other} lladdr 02:00:00:00:0{n}:0{other} dev eth{i}
            neighbour add fd0{n}::{other} lladdr 02:00:00:00:0{n}:0{other} dev eth{i}",
            i = n - 1
        )
    };
    format!("{}\n{}", link(1), link(2))
}

/// The interface by which the pod reaches the address, or is reached at it by the peer.
pub(super) fn interface_of(address: IpAddr) -> &'static str {
    let second = match address {
        IpAddr::V4(address) => address.octets()[..3] == [10, 2, 0],
        IpAddr::V6(address) => address.segments()[..4] == [0xfd02, 0, 0, 0],
    };
    if second { "eth1" } else { "eth0" }
}

/// Whether the address is one of the pod's own.
pub(crate) fn is_of_pod(address: IpAddr) -> bool {
    let own = POD.iter().chain(&POD_SECOND).any(|&pod| pod == address);
    own || address.is_loopback()
}

/// Waits until the kernel has made the route to an address that was just added, for which it takes its time
/// (`addrconf_dad_work`). What answers the address before is lost, and TCP tries again after a second.
pub(super) fn wait_for_local_route(address: Ipv6Addr) {
    /// `RTF_LOCAL` (`linux/ipv6_route.h`).
    const LOCAL: u32 = 0x8000_0000;
    let destination = format!("{:032x} 80", address.to_bits());
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").expect("routes");
        let mut to_it = routes
            .lines()
            .filter(|route| route.starts_with(&destination));
        let flags = |route: &str| u32::from_str_radix(route.split_whitespace().nth(8)?, 16).ok();
        if to_it.any(|route| flags(route).is_some_and(|flags| flags & LOCAL != 0)) {
            return;
        }
        thread::yield_now();
    }
    panic!("no route to {address}");
}

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(3);

/// Commands for `ip`, one a line.
fn ip(batch: &str) {
    run("ip", &["-batch", "-"], batch);
}
