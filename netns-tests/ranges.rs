//! Ten thousand ranges are as exact as one.

use std::fmt::Write;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netweir::connection::Owner;

use crate::sandbox::{Attempt, ConnectionOutcome, Direction, Listener, NetnsTest, Sandbox, run};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![NetnsTest::new(
        "ranges::ten-thousand-excluded",
        ten_thousand_excluded,
    )]
}

const APP: Owner = Owner { uid: 0, gid: 0 };

/// Of each family.
const RANGES: u32 = 5_000;
/// Of so many ranges the first one's boundaries are tried out.
const STEP: usize = 97;

/// The nth range of the family: its first and its last address. Between two there is room.
fn ipv4(nth: u32) -> (Ipv4Addr, Ipv4Addr) {
    let first = Ipv4Addr::new(10, 32, 0, 0).to_bits() + 4 * nth;
    (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(first + 1))
}

fn ipv6(nth: u32) -> (Ipv6Addr, Ipv6Addr) {
    let first = Ipv6Addr::new(0xfd20, 0, 0, 0, 0, 0, 0, 0).to_bits() + (u128::from(nth) << 65);
    (
        Ipv6Addr::from_bits(first),
        Ipv6Addr::from_bits(first + u128::from(u64::MAX)),
    )
}

fn ten_thousand_excluded(sandbox: &Sandbox) {
    let mut config = "exclude-outbound-ip-ranges = [\n".to_owned();
    for nth in 0..RANGES {
        writeln!(config, "\"{}/31\", \"{}/64\",", ipv4(nth).0, ipv6(nth).0).expect("written");
    }
    config.push_str("]\n");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(config.as_bytes()).expect("written");
    let path = file.path().to_str().expect("text");
    run(
        env!("CARGO_BIN_EXE_netweir"),
        &["apply", "--config", path],
        "",
    );

    let (excluded, captured) = (Listener::Peer, Listener::Pod(15_001));
    for nth in (0..RANGES).step_by(STEP).chain([RANGES - 1]) {
        let (first, last) = ipv4(nth);
        let before = Ipv4Addr::from_bits(first.to_bits() - 1);
        let after = Ipv4Addr::from_bits(last.to_bits() + 1);
        for (address, listener) in [
            (before, captured),
            (first, excluded),
            (last, excluded),
            (after, captured),
        ] {
            is_taken(sandbox, address.into(), listener);
        }
        let (first, last) = ipv6(nth);
        let before = Ipv6Addr::from_bits(first.to_bits() - 1);
        let after = Ipv6Addr::from_bits(last.to_bits() + 1);
        for (address, listener) in [
            (before, captured),
            (first, excluded),
            (last, excluded),
            (after, captured),
        ] {
            is_taken(sandbox, address.into(), listener);
        }
    }
}

fn is_taken(sandbox: &Sandbox, address: IpAddr, by: Listener) {
    let attempt = Attempt::tcp(Direction::Out, APP, SocketAddr::new(address, 443));
    let (_, actual) = sandbox.try_out(&attempt);
    assert_eq!(
        actual,
        ConnectionOutcome::diverted(by, attempt.destination),
        "{attempt}"
    );
}
