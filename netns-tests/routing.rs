//! Policy rules, routes and addresses: adding, printing and removing them.

use std::fs;
use std::sync::Barrier;
use std::thread;

use netweir::drift::{Change, Difference};
use netweir::error_kind::ErrorKind;
use netweir::intent::{Capture, Families, Family, InboundMode, Tproxy};
use netweir::nftables::{self, Outcome};
use netweir::plan::plan;
use netweir::render;
use netweir::rtnetlink::PROTOCOL;
use netweir::ruleset::{MetadataBytes, OpenConnections};

use crate::sandbox::{NetnsTest, fresh, install, run};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("routing::is-there-for-each-captured-family", || {
            for families in [
                Families::Both,
                Families::Only(Family::Ipv4),
                Families::Only(Family::Ipv6),
            ] {
                is_there_for_each_captured_family(families);
            }
        }),
        NetnsTest::alone("routing::is-what-the-printed-commands-make", || {
            for (mark, table) in [(1337, 133), (u32::MAX, 100_000)] {
                is_what_the_printed_commands_make(&tproxy(mark, table));
            }
        }),
        NetnsTest::alone("routing::of-the-previous-mode-is-removed", || {
            of_another_mode_nothing_stays();
        }),
        NetnsTest::alone("routing::belongs-to-the-rules-that-came-last", || {
            belongs_to_the_rules_that_came_last();
        }),
        NetnsTest::alone("routing::of-other-programs-stays-unchanged", || {
            of_others_stays_as_it_is();
        }),
        NetnsTest::alone("routing::that-is-not-the-same-does-not-count", || {
            that_is_not_the_same_does_not_count();
        }),
        NetnsTest::alone("routing::fails-without-its-route", || {
            never_goes_without_its_route();
        }),
        NetnsTest::alone("routing::of-a-missing-family-is-omitted", || {
            of_a_family_that_is_not_there_is_left_out();
        }),
    ]
}

fn tproxy(mark: u32, table: u32) -> Capture {
    let mut capture = Capture::default();
    capture.inbound.mode = InboundMode::Tproxy(Tproxy {
        mark,
        outbound_mark: 1338,
        table,
    });
    capture
}

/// The policy rules, the routes of all tables but the kernel's own, and the addresses of `lo`, of both families.
fn state() -> Vec<String> {
    let show = |arguments: &[&str]| run("ip", arguments, "");
    let listings = [
        show(&["-4", "rule"]),
        show(&["-6", "rule"]),
        show(&["-4", "route", "show", "table", "all"]),
        show(&["-6", "route", "show", "table", "all"]),
        show(&["-oneline", "-6", "address", "show", "dev", "lo"]),
    ];
    let lines = listings.iter().flat_map(|listing| listing.lines());
    let lines = lines.filter(|line| !line.contains("proto kernel"));
    lines.map(|line| line.trim().to_owned()).collect()
}

fn is_there_for_each_captured_family(families: Families) {
    fresh();
    run("ip", &["link", "set", "lo", "up"], "");
    let captured = Capture {
        families,
        ..tproxy(1337, 133)
    };
    let ruleset = install(&captured);
    for (family, option) in [(Family::Ipv4, "-4"), (Family::Ipv6, "-6")] {
        let expected = usize::from(families.contains(family));
        let count = |arguments: &[&str], what: &str| {
            let listing = run("ip", &[&[option], arguments].concat(), "");
            listing.matches(what).count()
        };
        assert_eq!(count(&["rule"], "fwmark 0x539 lookup 133"), expected);
        let table = ["route", "show", "table", "all", "type", "local"];
        assert_eq!(count(&table, "local default dev lo table 133"), expected);
    }
    let before = state();
    assert_eq!(
        nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
            .expect("applied"),
        Outcome::Unchanged
    );
    assert_eq!(state(), before);
}

/// How often two captures with different routing are applied at the same moment.
const RACES: usize = 40;

fn belongs_to_the_rules_that_came_last() {
    fresh();
    run("ip", &["link", "set", "lo", "up"], "");
    let mut plain = Capture::default();
    plain.passthrough.ipv6.clear();
    let rulesets = [tproxy(1337, 133), plain].map(|capture| plan(&capture));
    let mut came_last = [0; 2];
    for race in 0..RACES {
        // Once one of them finds what it wants, once the other one does.
        let old = &rulesets[race % 2];
        nftables::apply(old, &MetadataBytes::default(), OpenConnections::new).expect("applied");
        let start = Barrier::new(2);
        thread::scope(|scope| {
            for ruleset in &rulesets {
                scope.spawn(|| {
                    start.wait();
                    nftables::apply(ruleset, &MetadataBytes::default(), OpenConnections::new)
                        .expect("applied");
                });
            }
        });
        let installed = nftables::dump().expect("dumped").expect("installed");
        let last = rulesets.iter().position(|ruleset| installed.is(ruleset));
        let last = last.expect("one of the two");
        came_last[last] += 1;
        for object in &rulesets[0].routing {
            let there = installed.ruleset.routing.contains(object);
            assert_eq!(there, last == 0, "{object} in race {race}");
        }
    }
    assert!(came_last.iter().all(|&times| times > 0), "{came_last:?}");
}

/// The commands of the dry run have the same effect.
fn is_what_the_printed_commands_make(capture: &Capture) {
    fresh();
    run("ip", &["link", "set", "lo", "up"], "");
    let ruleset = install(capture);
    let by_apply = state();
    fresh();
    run("ip", &["link", "set", "lo", "up"], "");
    let text = render::nft(&ruleset);
    let commands: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# ip "))
        .collect();
    assert_eq!(commands.len(), ruleset.routing.len(), "{text}");
    for command in commands {
        run("ip", &command.split(' ').collect::<Vec<_>>(), "");
    }
    let mine = format!(" proto {PROTOCOL}");
    let by_apply: Vec<_> = by_apply
        .iter()
        .map(|line| line.replace(&mine, ""))
        .collect();
    let by_ip: Vec<_> = state()
        .iter()
        .map(|line| line.replace(" proto boot", ""))
        .collect();
    assert_eq!(by_ip.join("\n"), by_apply.join("\n"));
}

fn of_another_mode_nothing_stays() {
    run("ip", &["link", "set", "lo", "up"], "");
    let before = state();
    install(&Capture::default());
    let redirect = state();
    install(&tproxy(1337, 133));
    let first = state();
    assert_ne!(first, redirect);
    install(&tproxy(7, 200));
    let second = state();
    assert_ne!(second, first);
    let of_first = |line: &&String| line.contains("0x539") || line.contains("133 ");
    assert_eq!(
        second
            .iter()
            .filter(|line| line.contains("0x539"))
            .find(of_first),
        None
    );
    install(&Capture::default());
    assert_eq!(state(), redirect);
    install(&tproxy(1337, 133));
    nftables::remove().expect("removed");
    assert_eq!(state(), before);
}

/// Objects of other programs are used, and not removed.
fn of_others_stays_as_it_is() {
    run("ip", &["link", "set", "lo", "up"], "");
    for command in [
        "rule add fwmark 0x539 lookup 133",
        "route add local 0.0.0.0/0 dev lo table 133",
        "-6 rule add fwmark 0x7 lookup 133",
        "-6 route add local ::/0 dev lo table 200",
        "-6 address add ::6/128 dev lo nodad",
    ] {
        run("ip", &command.split(' ').collect::<Vec<_>>(), "");
    }
    let before = state();
    install(&tproxy(1337, 133));
    let rules = run("ip", &["-4", "rule"], "");
    assert_eq!(rules.matches("0x539").count(), 1, "{rules}");
    install(&Capture::default());
    assert_eq!(state(), before);
    nftables::remove().expect("removed");
    assert_eq!(state(), before);
}

/// Similar objects that route packets differently.
fn that_is_not_the_same_does_not_count() {
    let rule = "rule del fwmark 0x539 lookup 133";
    let route = "route del table 133 local default dev lo";
    for (gone, instead) in [
        (rule, "rule add fwmark 0x539 lookup 133 priority 40000"),
        (rule, "rule add fwmark 0x539 from 10.0.0.0/8 lookup 133"),
        (rule, "rule add fwmark 0x539 to 10.0.0.0/8 lookup 133"),
        (rule, "rule add fwmark 0x539 iif lo lookup 133"),
        (rule, "rule add fwmark 0x539 ipproto udp lookup 133"),
        (rule, "rule add fwmark 0x539/0xfff lookup 133"),
        (rule, "rule add not fwmark 0x539 lookup 133"),
        (route, "route add table 133 unreachable default"),
        (route, "route add table 133 local 10.0.0.0/8 dev lo"),
        (route, "route add table 133 local default dev other"),
    ] {
        fresh();
        run("ip", &["link", "set", "lo", "up"], "");
        run("ip", &["link", "add", "other", "type", "veth"], "");
        run("ip", &["link", "set", "other", "up"], "");
        let ruleset = install(&tproxy(1337, 133));
        let differences = || nftables::differences_from(&ruleset).expect("compared").0;
        assert_eq!(differences(), []);
        for command in [gone, instead] {
            run("ip", &command.split(' ').collect::<Vec<_>>(), "");
        }
        let found = differences();
        let change = Change::Missing;
        assert!(
            matches!(&found[..], [Difference::Routing(_, found)] if *found == change),
            "{instead}: {found:?}"
        );
    }
}

/// If another route takes its place, apply fails and captures nothing.
fn never_goes_without_its_route() {
    let ruleset = plan(&tproxy(1337, 133));
    run("ip", &["link", "set", "lo", "down"], "");
    let error = nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::LoopbackDown, "{error}");
    run("ip", &["link", "set", "lo", "up"], "");
    let before = state();
    let add = "route add table 133 unreachable default";
    run("ip", &add.split(' ').collect::<Vec<_>>(), "");
    let error = nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
        .expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the kernel refused to add the ipv4 route to everything on lo in table 133: File exists (EEXIST)"
    );
    assert_eq!(error.kind(), ErrorKind::Occupied);
    assert_eq!(nftables::dump().expect("dumped"), None);
    run(
        "ip",
        &add.replace("add", "del").split(' ').collect::<Vec<_>>(),
        "",
    );
    assert_eq!(state(), before);
}

fn of_a_family_that_is_not_there_is_left_out() {
    let switch = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
    fs::write(switch, "1").expect(switch);
    fs::write("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1").expect(switch);
    run("ip", &["link", "set", "lo", "up"], "");
    let before = state();
    let ruleset = plan(&tproxy(1337, 133));
    assert_eq!(
        nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
            .expect("applied"),
        Outcome::Installed
    );
    let rules = run("ip", &["-4", "rule"], "");
    assert!(rules.contains("fwmark 0x539 lookup 133"), "{rules}");
    assert_eq!(
        nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
            .expect("applied"),
        Outcome::Unchanged
    );
    nftables::remove().expect("removed");
    assert_eq!(state(), before);
}
