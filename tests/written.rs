//! The options that a capture is written as give the capture when they are read, after a shell has had them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its own functions, too"
)]

#[path = "support/captures.rs"]
mod captures;

use std::process::Command;

use netweir::intent::{
    Capture, InboundMode, InterfacePattern, Interval, IpRanges, OwnerId, Port, RangeSelection,
};
use netweir::options::{self, Files, Given, Origin, Setting, line, options_of};
use netweir::parse::{Accounts, FamilyChoice, NameError, OwnerKind};
use proptest::prelude::*;

struct Nobody;

impl Accounts for Nobody {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<u32, NameError> {
        Err(NameError::Unknown)
    }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, name: &str) -> Result<String, String> {
        Err(format!("{name} is not needed"))
    }
}

fn read(options: &[(Setting, String)]) -> Capture {
    let mut given = Given::default();
    for (setting, text) in options {
        given.set(*setting, Origin::Flag, text.clone());
    }
    let parsed = options::capture(&given, &Nobody, &NoFiles)
        .unwrap_or_else(|mistakes| panic!("{options:?}: {mistakes:?}"));
    let FamilyChoice::Fixed(families) = parsed.families else {
        panic!("the families are written");
    };
    parsed.capture_of(families)
}

/// The capture without what options have no words for: the id -1, which nobody has, and commas in names.
fn wordable(mut capture: Capture) -> Capture {
    let no_comma = |pattern: &InterfacePattern| !pattern.to_string().contains(',');
    capture.exclude_interfaces.retain(no_comma);
    capture.inbound.reroute_interfaces.retain(no_comma);
    let real = |id: &OwnerId| *id != OwnerId::MAX;
    capture.proxy.uids.retain(real);
    capture.proxy.gids.retain(real);
    let outbound = &mut capture.outbound;
    let selections = [&mut outbound.uids, &mut outbound.gids];
    let sets = selections.into_iter().flat_map(|selection| {
        let included = selection.include.as_mut();
        included.into_iter().chain([&mut selection.exclude])
    });
    let for_uids = outbound.exclude_ports_for_uids.iter_mut();
    for owners in sets.chain(for_uids.map(|exclusion| &mut exclusion.uids)) {
        let ids = owners.iter().filter(|interval| real(&interval.first()));
        *owners = ids
            .map(|ids| Interval::between(ids.first(), ids.last().min(OwnerId::MAX - 1)))
            .collect();
    }
    outbound
        .exclude_ports_for_uids
        .retain(|exclusion| !exclusion.uids.is_empty() && !exclusion.ports.is_empty());
    capture
}

/// Refused where options are read are marks and tables that would take the network from the pod, IPv4 addresses
/// inside IPv6, sources of more than one host, and a list of no servers.
fn can_be_asked_for(capture: &Capture) -> bool {
    let outbound = &capture.outbound;
    let ranges = |selection: &RangeSelection| match selection {
        RangeSelection::All => IpRanges::default(),
        RangeSelection::Only(ranges) => ranges.clone(),
    };
    let servers = capture.dns.as_ref().map(|dns| ranges(&dns.servers));
    let mapped = |ranges: &IpRanges| {
        ranges.ipv6.iter().any(|interval| {
            let is_mapped = |address: std::net::Ipv6Addr| address.to_ipv4_mapped().is_some();
            is_mapped(interval.first()) || is_mapped(interval.last())
        })
    };
    let listed = [
        outbound.exclude_ranges.clone(),
        ranges(&outbound.include_ranges),
        capture.inbound.exclude_sources.clone(),
    ];
    let sources = &capture.passthrough;
    let tproxy = match capture.inbound.mode {
        InboundMode::Redirect => true,
        InboundMode::Tproxy(tproxy) => {
            tproxy.mark != 0 && tproxy.table != 0 && !(253..=255).contains(&tproxy.table)
        }
    };
    tproxy
        && !listed.iter().chain(&servers).any(mapped)
        && servers != Some(IpRanges::default())
        && sources.ipv4.iter().all(|source| {
            !source.is_unspecified() && !source.is_multicast() && !source.is_broadcast()
        })
        && sources
            .ipv6
            .iter()
            .all(|source| !source.is_unspecified() && !source.is_multicast())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn options_give_the_capture_back(capture in captures::capture()) {
        prop_assume!(can_be_asked_for(&capture));
        let capture = wordable(capture);
        let options = options_of(&capture);
        prop_assert_eq!(read(&options), capture, "{:?}", options);
    }
}

#[test]
fn a_shell_passes_the_options_on_as_they_are() {
    let mut capture = Capture::default();
    capture.proxy.uids = vec![5, 6];
    capture.proxy.outbound_port = Port::new(1).unwrap();
    capture.exclude_interfaces = ["a$b", "it's", "tun*", "x;y", "#z"]
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    capture.passthrough.ipv4.clear();
    capture.passthrough.ipv6.clear();
    let options = options_of(&capture);
    assert_eq!(read(&options), capture);
    let script = format!(
        "netweir() {{ printf '%s\\n' \"$@\"; }}\n{}",
        line("apply", &options)
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let expected = options
        .iter()
        .map(|(setting, text)| format!("--{}={text}", setting.spec().name));
    let expected: Vec<_> = std::iter::once("apply".to_owned())
        .chain(expected)
        .collect();
    assert_eq!(words.lines().collect::<Vec<_>>(), expected);
}
