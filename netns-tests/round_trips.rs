//! The installed rules equal those that are printed and those that are read back.

use std::collections::HashSet;

use netweir::connection::ConnectionEnds;
use netweir::intent::Capture;
use netweir::nftables::{self, Outcome, Removal};
use netweir::plan::{beside, plan};
use netweir::render;
use netweir::ruleset::{MetadataBytes, OpenConnections, RoutingObject, Ruleset};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::bytes;
use crate::sandbox::{NetnsTest, fresh, install, run};
use netweir_testkit::captures;
use netweir_testkit::effort::effort;
use netweir_testkit::scenarios::scenarios;

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone(
            "round-trips::scenarios-are-what-is-printed-and-read-back",
            || {
                for (name, capture) in scenarios() {
                    assert_round_trip(&beside(&plan(&capture), &open_connections()))
                        .unwrap_or_else(|error| panic!("{name}: {error}"));
                }
            },
        ),
        NetnsTest::alone(
            "round-trips::any-capture-is-what-is-printed-and-read-back",
            || {
                any_capture(|capture| assert_round_trip(&plan(capture)));
            },
        ),
        NetnsTest::alone("round-trips::a-second-time-changes-nothing", || {
            for (name, capture) in scenarios() {
                second_time_changes_nothing(&name, &capture);
            }
        }),
        NetnsTest::alone(
            "round-trips::one-after-the-other-leaves-nothing-of-the-first",
            || {
                any_capture(one_after_the_other);
            },
        ),
        NetnsTest::alone("round-trips::removal-leaves-nothing", || {
            removal_leaves_nothing();
        }),
    ]
}

/// One of each family: the kernel lists several in an order of its own.
fn open_connections() -> OpenConnections {
    let ends = |local: &str, remote: &str| ConnectionEnds {
        local: local.parse().expect("an address and a port"),
        remote: remote.parse().expect("an address and a port"),
    };
    let connections = [
        ends("10.1.0.2:40000", "10.1.0.1:443"),
        ends("[fd01::2]:15006", "[fd01::1]:1"),
    ];
    connections.into_iter().collect()
}

fn any_capture(property: impl Fn(&Capture) -> Result<(), TestCaseError>) {
    let config = ProptestConfig {
        cases: effort(48, 1_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&captures::capture(), |capture| {
        fresh();
        property(&capture)
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// After apply, the kernel holds, and nft lists, what they do after nft has read the printed rules itself, in both of its
/// formats; and what is read back is what was installed.
fn assert_round_trip(ruleset: &Ruleset) -> Result<(), TestCaseError> {
    prop_assert_eq!(applied(ruleset)?, Outcome::Installed);
    let (installed, note) = nftables::dump_with_metadata()
        .expect("dumped")
        .expect("installed");
    prop_assert_eq!(note, largest_note(ruleset));
    prop_assert!(
        installed.is(ruleset),
        "{:#?}\nis not\n{:#?}",
        installed,
        ruleset
    );
    let routing = |objects: &[RoutingObject]| objects.iter().copied().collect::<HashSet<_>>();
    prop_assert_eq!(
        routing(&installed.ruleset.routing),
        routing(&ruleset.routing)
    );
    let by_apply = listing();
    let bytes_by_apply = bytes::of_table();
    // Quicker than to remove the table: that waits for the kernel.
    fresh();
    let text = render::nft(ruleset);
    run("nft", &["-c", "-f", "-"], &text);
    prop_assert_eq!(listing(), "");
    for (options, text) in [
        (["-f", "-"].as_slice(), text),
        (&["-j", "-f", "-"], render::json(ruleset)),
    ] {
        run("nft", options, &text);
        prop_assert_eq!(&listing(), &by_apply, "nft {:?}", options);
        let bytes_by_nft = bytes::of_table();
        for (by_nft, by_apply) in bytes_by_nft.iter().zip(&bytes_by_apply) {
            prop_assert_eq!(by_nft, by_apply, "nft {:?}", options);
        }
        prop_assert_eq!(bytes_by_nft.len(), bytes_by_apply.len());
        fresh();
    }
    Ok(())
}

fn second_time_changes_nothing(name: &str, capture: &Capture) {
    let ruleset = install(capture);
    // Every transaction gives new handles.
    let before = run("nft", &["--handle", "list", "ruleset"], "");
    // Another note, too.
    assert_eq!(
        nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
            .expect("applied"),
        Outcome::Unchanged,
        "{name}"
    );
    assert_eq!(
        run("nft", &["--handle", "list", "ruleset"], ""),
        before,
        "{name}"
    );
}

/// Rules that replace others equal rules that are installed in an empty namespace.
fn one_after_the_other(capture: &Capture) -> Result<(), TestCaseError> {
    let ruleset = plan(capture);
    applied(&ruleset)?;
    let state = state();
    install(&Capture::default());
    prop_assert_eq!(applied(&ruleset)?, Outcome::Replaced);
    prop_assert_eq!(self::state(), state);
    Ok(())
}

fn removal_leaves_nothing() {
    let before = state();
    for (name, capture) in scenarios() {
        install(&capture);
        assert_ne!(state(), before, "{name}");
        assert_eq!(
            nftables::remove().expect("removed"),
            Removal::Removed,
            "{name}"
        );
        assert_eq!(state(), before, "{name}");
    }
    assert_eq!(
        nftables::remove().expect("nothing to remove"),
        Removal::NothingThere
    );
}

fn applied(ruleset: &Ruleset) -> Result<Outcome, TestCaseError> {
    nftables::apply(ruleset, &largest_note(ruleset), OpenConnections::new)
        .map_err(|error| TestCaseError::fail(error.to_string()))
}

/// As long a note as can be kept, which changes nothing else.
fn largest_note(ruleset: &Ruleset) -> MetadataBytes {
    let bytes = (0..=u8::MAX).cycle().take(MetadataBytes::capacity(ruleset));
    MetadataBytes::new(bytes.collect())
}

/// All rules of the namespace, without counters.
fn listing() -> String {
    run("nft", &["--stateless", "list", "ruleset"], "")
}

/// All that apply may change: the rules, and in any order the addresses and the policy routing.
fn state() -> [String; 2] {
    let objects = ["-4", "-6"].map(|family| {
        let show = |arguments: &[&str]| run("ip", &[&[family], arguments].concat(), "");
        let route = show(&["route", "show", "table", "all"]);
        show(&["address", "show"]) + &show(&["rule", "show"]) + &route
    });
    let lines = objects.iter().flat_map(|objects| objects.lines());
    // The kernel adds these for the addresses, when it finds the time (addrconf_dad_work).
    let mut lines: Vec<_> = lines
        .filter(|line| !line.contains("table local proto kernel"))
        .collect();
    lines.sort_unstable();
    [listing(), lines.join("\n")]
}
