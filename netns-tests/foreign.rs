//! Other programs' tables stay unchanged; changes to netweir's own table are found and repaired.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use netweir::connection::Owner;
use netweir::explain::{Verdict, evaluate_installed};
use netweir::intent::{Capture, Port};
use netweir::nftables::{self, Outcome};
use netweir::plan::plan;
use netweir::ruleset::{InstalledRule, MetadataBytes, OpenConnections, Rule, Ruleset, TABLE};

use crate::sandbox::{
    Attempt, ConnectionOutcome, Direction, NetnsTest, PEER, Sandbox, install, run,
};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone(
            "foreign::other-tables-stay-unchanged",
            tables_stay_as_they_are,
        )
        .with(&["iptables-nft", "ip6tables-nft"]),
        NetnsTest::alone(
            "foreign::a-corrupted-rule-is-found-and-repaired",
            corrupted_rule,
        ),
        NetnsTest::new("foreign::anonymous-sets-are-evaluated", written_out_sets),
        NetnsTest::alone(
            "foreign::an-unmanaged-object-is-found-and-removed",
            strange_objects,
        ),
    ]
}

const OTHER_TABLES: &str = "
table inet mesh {
    set ports { type inet_service; flags interval; elements = { 80, 8000-9000 }; }
    counter seen { }
    chain outbound {
        type nat hook output priority -100; policy accept;
        tcp dport @ports counter name seen accept comment \"outbound/redirect\"
    }
}
table ip netweir {
    chain outbound { type filter hook output priority 0; ip daddr 10.0.0.1 drop; }
}";

const OTHER_IPTABLES: &str = "*nat
:MESH - [0:0]
-A OUTPUT -p tcp -j MESH
-A MESH -p tcp -m owner --uid-owner 0 -j RETURN
-A MESH -p tcp -j REDIRECT --to-ports 15001
COMMIT
";

fn tables_stay_as_they_are() {
    run("nft", &["-f", "-"], OTHER_TABLES);
    for program in ["iptables-nft-restore", "ip6tables-nft-restore"] {
        run(program, &[], OTHER_IPTABLES);
    }
    let before = of_others();
    assert_eq!(before.matches("table ").count(), 4, "{before}");
    let step = |step: &str| assert_eq!(of_others(), before, "{step}");
    install(&Capture::default());
    step("install");
    install(&other_capture());
    step("replace");
    nftables::remove().expect("removed");
    step("remove");
}

/// What nft lists of all other tables, handles and counters included, and what iptables makes of it.
fn of_others() -> String {
    let tables = run("nft", &["list", "tables"], "");
    let ours = format!("table inet {TABLE}");
    let others = tables.lines().filter(|table| *table != ours);
    let list = |table: &str| {
        let command: Vec<_> = ["--handle", "list"]
            .into_iter()
            .chain(table.split(' '))
            .collect();
        run("nft", &command, "")
    };
    let tables: String = others.map(list).collect();
    let rules = |program| {
        let saved = run(program, &[], "");
        // The others are comments, with the time.
        saved
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect::<Vec<_>>()
            .join("\n")
    };
    tables + &rules("iptables-nft-save") + &rules("ip6tables-nft-save")
}

pub(crate) fn other_capture() -> Capture {
    let mut capture = Capture::default();
    capture.proxy.outbound_port = Port::new(4140).expect("not 0");
    capture.outbound.exclude_ports = [22, 3306].into_iter().collect();
    capture
}

/// Of every change to a rule, only that rule is reported, and applying again repairs it.
fn corrupted_rule() {
    let ruleset = plan(&other_capture());
    let id = "outbound/redirect";
    let corruptions = [
        "replace rule inet netweir outbound handle HANDLE meta l4proto tcp counter redirect to :4141 comment \"outbound/redirect\"",
        "replace rule inet netweir outbound handle HANDLE meta l4proto udp counter redirect to :4140 comment \"outbound/redirect\"",
        "replace rule inet netweir outbound handle HANDLE meta l4proto tcp redirect to :4140 comment \"outbound/redirect\"",
        "replace rule inet netweir outbound handle HANDLE meta l4proto tcp counter redirect to :4140",
        "replace rule inet netweir outbound handle HANDLE meta l4proto tcp counter reject comment \"outbound/redirect\"",
        "delete rule inet netweir outbound handle HANDLE",
        "insert rule inet netweir outbound counter accept comment \"outbound/redirect\"",
    ];
    for corruption in corruptions {
        nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
            .expect("applied");
        let listing = run("nft", &["--handle", "list", "ruleset"], "");
        let line = listing
            .lines()
            .find(|line| line.contains(&format!("\"{id}\"")))
            .expect("the rule");
        let handle = line.rsplit(' ').next().expect("a handle");
        run("nft", &["-f", "-"], &corruption.replace("HANDLE", handle));

        let installed = nftables::dump().expect("dumped").expect("installed");
        assert!(!installed.is(&ruleset), "{corruption}");
        let changed = differing(&installed.ruleset, &ruleset);
        let of_it = |rule: &String| rule == id || rule == "a rule without a comment";
        assert!(changed.iter().all(of_it), "{corruption}: {changed:?}");

        assert_eq!(
            nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
                .expect("repaired"),
            Outcome::Replaced,
            "{corruption}"
        );
        let installed = nftables::dump().expect("dumped").expect("installed");
        assert!(installed.is(&ruleset), "{corruption}: not repaired");
    }
}

/// The ids of the rules that are not the same in both.
fn differing(a: &Ruleset<InstalledRule>, b: &Ruleset) -> BTreeSet<String> {
    let a: Vec<_> = a.rules().map(|(_, installed)| &installed.rule).collect();
    let b: Vec<_> = b.rules().map(|(_, rule)| rule).collect();
    let without = |a: &[&Rule], b: &[&Rule]| {
        let missing = a.iter().filter(|rule| !b.contains(rule));
        missing
            .map(|rule| rule.id.to_string())
            .collect::<BTreeSet<_>>()
    };
    &without(&a, &b) | &without(&b, &a)
}

/// Manually added rules are evaluated as by the kernel, or reported as undetermined.
fn written_out_sets(sandbox: &Sandbox) {
    let judged = [
        "tcp dport { 80, 443 }",
        "tcp dport { 79, 81, 82 }",
        "tcp dport { 82, 8000-9000, 65535 }",
        "tcp dport != { 80, 81 }",
        "tcp sport { 1-19999, 20001-40000 }",
        "ip daddr { 10.1.0.1, 10.3.0.0/24 }",
        "ip daddr { 10.1.0.0-10.1.0.5, 10.3.0.1 }",
        "ip6 daddr { fd01::1, ::1 }",
        "meta skuid { 0-5, 2000 }",
    ];
    for rule in judged {
        let tried = try_beside(sandbox, rule);
        assert!(tried.iter().all(Option::is_some), "{rule}: {tried:?}");
        assert!(tried.contains(&Some(Verdict::Leave)), "{rule}: {tried:?}");
    }
    for rule in [
        "tcp dport 80-90",
        "tcp dport != 80-90",
        "meta skuid { 1000, 1001 }",
    ] {
        let tried = try_beside(sandbox, rule);
        assert!(tried.iter().all(Option::is_none), "{rule}: {tried:?}");
    }
}

/// The verdicts on connections with this rule, which bypasses the proxy, before all others; `None` if undetermined. Connections
/// with a verdict are treated so.
fn try_beside(sandbox: &Sandbox, rule: &str) -> Vec<Option<Verdict>> {
    nftables::remove().expect("removed");
    install(&Capture::default());
    let insertion = format!("insert rule inet netweir outbound {rule} counter accept");
    run("nft", &["-f", "-"], &insertion);
    let installed = nftables::dump().expect("dumped").expect("installed");
    let ports = [80, 81, 82, 83, 8500];
    let attempts = PEER.iter().flat_map(|peer| {
        let tcp = |port| Attempt::tcp(Direction::Out, ROOT, SocketAddr::new(*peer, port));
        ports.map(tcp)
    });
    let verdicts = attempts.map(|attempt| {
        let (connection, actual) = sandbox.try_out(&attempt);
        let outcome = evaluate_installed(&installed, &connection);
        if !outcome.undetermined.is_empty() {
            return None;
        }
        assert_eq!(
            actual,
            ConnectionOutcome::of(outcome.verdict, &connection),
            "{rule}: {attempt}"
        );
        Some(outcome.verdict)
    });
    verdicts.collect()
}

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// Changes to netweir's table other than to a rule.
pub(crate) const ADDITIONS: [&str; 12] = [
    "add element inet netweir outbound_exclude_ports { 4000-4010 }",
    "delete element inet netweir outbound_exclude_ports { 3306 }",
    "add set inet netweir other { type ipv4_addr; }",
    "add set inet netweir other { type inet_service; flags interval; elements = { 1-5 }; }",
    "add chain inet netweir other",
    "add chain inet netweir other { type filter hook input priority 0; policy drop; }",
    "add chain inet netweir inbound { policy drop; }",
    "add counter inet netweir other",
    "add map inet netweir other { type inet_service : verdict; }",
    "add rule inet netweir inbound ip daddr 10.0.0.1 ip ttl 7 drop",
    "add rule inet netweir inbound jhash ip saddr mod 2 0 accept",
    "add table inet netweir { flags dormant; }",
];

/// Unmanaged sets, elements, chains and flags are found, and removed by applying again.
fn strange_objects() {
    let ruleset = plan(&other_capture());
    for addition in ADDITIONS {
        nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
            .expect("applied");
        let listing = run("nft", &["list", "ruleset"], "");
        run("nft", &["-f", "-"], addition);
        let installed = nftables::dump().expect("dumped").expect("installed");
        assert!(!installed.is(&ruleset), "not found: {addition}");
        assert_eq!(
            nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
                .expect("repaired"),
            Outcome::Replaced,
            "{addition}"
        );
        assert_eq!(run("nft", &["list", "ruleset"], ""), listing, "{addition}");
    }
}
