//! Owners by name and by number, through the program's own options.

use std::net::SocketAddr;

use netweir::connection::Owner;
use nix::unistd::{Group, User};

use crate::sandbox::{
    Attempt, ConnectionOutcome, Direction, Listener, NetnsTest, PEER, Sandbox, run,
};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![NetnsTest::new("owners::by-name-and-number", by_name_and_number).only_as_root()]
}

/// The largest id: -1 is none.
const LARGEST: u32 = u32::MAX - 1;

fn by_name_and_number(sandbox: &Sandbox) {
    // Every Debian has these (base-passwd).
    let daemon = User::from_name("daemon")
        .expect("read")
        .expect("there")
        .uid
        .as_raw();
    let games = Group::from_name("games")
        .expect("read")
        .expect("there")
        .gid
        .as_raw();
    let ids = format!("daemon,70000-70009,{LARGEST}");
    let options = [
        "apply",
        "--proxy-uid=nobody",
        "--exclude-outbound-uids",
        &ids,
        "--exclude-outbound-gids=games",
    ];
    run(env!("CARGO_BIN_EXE_netweir"), &options, "");
    let nobody = User::from_name("nobody").expect("read").expect("there");

    let (left, captured) = (Listener::Peer, Listener::Pod(15_001));
    let cases = [
        (nobody.uid.as_raw(), 1000, left),
        (1000, nobody.gid.as_raw(), left),
        (daemon, 1000, left),
        (69_999, 1000, captured),
        (70_000, 1000, left),
        (70_009, 1000, left),
        (70_010, 1000, captured),
        (LARGEST, 1000, left),
        (LARGEST - 1, LARGEST, captured),
        (1000, games, left),
        (1337, 1337, captured),
        (0, 0, captured),
    ];
    for address in PEER {
        for (uid, gid, by) in cases {
            let destination = SocketAddr::new(address, 443);
            let attempt = Attempt::tcp(Direction::Out, Owner { uid, gid }, destination);
            let (_, actual) = sandbox.try_out(&attempt);
            assert_eq!(
                actual,
                ConnectionOutcome::diverted(by, destination),
                "{attempt}"
            );
        }
    }
}
