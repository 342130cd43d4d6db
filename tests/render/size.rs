//! The time to print a set grows linearly with its size.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netweir::intent::{Capture, Family};
use netweir::plan::plan;
use netweir::render;
use netweir::ruleset::Ruleset;

/// A capture with this many excluded ranges per family, none adjacent to another.
fn excluded(ranges: u32) -> Ruleset {
    let mut capture = Capture::default();
    let ipv4 = (0..ranges).map(|nth| Ipv4Net::from(Ipv4Addr::from_bits(2 * nth)).into());
    let ipv6 =
        (0..ranges).map(|nth| Ipv6Net::from(Ipv6Addr::from_bits(2 * u128::from(nth))).into());
    capture.outbound.exclude_ranges = ipv4
        .chain(ipv6)
        .collect::<Vec<IpNet>>()
        .into_iter()
        .collect();
    plan(&capture)
}

fn printed(ruleset: &Ruleset) -> [String; 4] {
    [
        render::nft(ruleset),
        render::json(ruleset),
        render::iptables(ruleset, Family::Ipv4),
        render::iptables(ruleset, Family::Ipv6),
    ]
}

/// The shortest of several runs, because other load on the machine only adds time.
fn time(ruleset: &Ruleset) -> Duration {
    let runs = (0..4).map(|_| {
        let start = Instant::now();
        std::hint::black_box(printed(ruleset));
        start.elapsed()
    });
    runs.min().unwrap()
}

#[test]
fn ten_times_the_ranges_take_about_ten_times_as_long() {
    let (few, many) = (excluded(4_000), excluded(40_000));
    let [nft, _, ipv4, ipv6] = printed(&many);
    assert!(nft.contains("0.1.56.126 }") && nft.contains("::1:387e }"));
    assert!(ipv4.lines().count() > 40_000 && ipv6.lines().count() > 40_000);
    // Quadratic time would be a hundred times as long.
    let (few, many) = (time(&few), time(&many));
    assert!(many < few * 35, "{few:?}, {many:?}");
}
