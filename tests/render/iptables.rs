//! Both variants of `iptables-restore` accept the rules and read them alike.

use netweir::intent::{Capture, Family, InboundMode, Tproxy};
use netweir::plan::plan;
use netweir::render;
use netweir_testkit::effort::effort;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::program::{in_fresh_namespace, is_root};
use netweir_testkit::captures::capture;

/// How many captures share a process, each with chains of its own.
const BATCH: usize = 12;

const VARIANTS: [&str; 2] = ["nft", "legacy"];

const fn program(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "iptables",
        Family::Ipv6 => "ip6tables",
    }
}

fn text(capture: &Capture, family: Family) -> String {
    let text = render::iptables(&plan(capture), family);
    if is_root() {
        text
    } else {
        owned_by_root(&text)
    }
}

/// The same with owner 0 in all rules: the kernel refuses an owner that its namespace does not map
/// (`owner_check` of `xt_owner.c`).
fn owned_by_root(text: &str) -> String {
    let mut parts = text.split("-owner ");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-'));
    rest.fold(first, |text, rest| text + "-owner 0" + rest)
}

/// Loads the inputs one after the other, and lists the result.
fn load(family: Family, variant: &str, inputs: &[&str]) -> String {
    let program = format!("{}-{variant}", program(family));
    let restore: Vec<_> = (0..inputs.len())
        .map(|nth| {
            let restore = |option| format!("{program}-restore --noflush {option} <\"$1/{nth}\"; ");
            restore("--test") + &restore("")
        })
        .collect();
    let restore = restore.concat();
    in_fresh_namespace(&format!("{restore} {program}-save"), inputs)
}

/// The rules in a text or a listing with their tables, in an order that does not depend on the order of tables
/// and chains.
fn rules(text: &str) -> Vec<(&str, &str)> {
    let mut table = "";
    let mut rules = Vec::new();
    for line in text.lines() {
        match line.strip_prefix('*') {
            Some(next) => table = next,
            None if line.starts_with("-A") => rules.push((table, line)),
            None => {}
        }
    }
    rules.sort_by_key(|(table, rule)| (*table, rule.split(' ').nth(1)));
    rules
}

/// Loads the rules of the captures with both variants: their listings are the same.
pub(crate) fn loads(captures: &[Capture]) {
    for family in Family::ALL {
        let captures = captures.iter().enumerate();
        let texts = captures
            .map(|(nth, capture)| text(capture, family).replace("NETWEIR_", &format!("N{nth}_")));
        let text: String = texts.collect();
        let [nft, legacy] = VARIANTS.map(|variant| load(family, variant, &[&text]));
        for (nft, legacy) in rules(&nft).into_iter().zip(rules(&legacy)) {
            assert_eq!(nft, legacy);
        }
        assert_eq!(rules(&nft).len(), rules(&text).len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: effort(8, 8 * 20),
        max_shrink_iters: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_variants_load_the_rules(captures in vec(capture(), BATCH)) {
        loads(&captures);
    }
}

/// A second text replaces the first, chain by chain, and keeps the rules of other programs in the same tables.
#[test]
fn replaces_own_chains_and_no_others() {
    let mode = InboundMode::Tproxy(Tproxy {
        mark: 1337,
        outbound_mark: 1338,
        table: 133,
    });
    let mut tproxy = Capture {
        drop_invalid: true,
        ..Capture::default()
    };
    tproxy.inbound.mode = mode;
    for family in Family::ALL {
        let mut other = tproxy.clone();
        other.drop_invalid = false;
        let (first, second) = (text(&tproxy, family), text(&other, family));
        let others = "*nat\n-A OUTPUT -p tcp -m tcp --dport 7 -j RETURN\nCOMMIT\n\
                      *mangle\n-A OTHER -j RETURN\nCOMMIT\n"
            .replace("*mangle", "*mangle\n:OTHER - [0:0]");
        for variant in VARIANTS {
            let both = load(family, variant, &[&others, &first, &second, &second]);
            let jumps = |(_, rule): &(&str, &str)| rule.contains("-j NETWEIR_");
            let (jumps, rest): (Vec<_>, Vec<_>) = rules(&both).into_iter().partition(jumps);
            let alone = load(family, variant, &[&second, &others]);
            // Unused numbered chains of the first text may remain.
            let compared = |(_, rule): &(&str, &str)| {
                !rule.contains("-j NETWEIR_") && !rule.contains("_MANGLE_")
            };
            let alone = rules(&alone).into_iter().filter(compared);
            let used = rest.into_iter().filter(compared);
            assert_eq!(
                used.collect::<Vec<_>>(),
                alone.collect::<Vec<_>>(),
                "{variant}"
            );
            assert!(jumps.iter().all(
                |(_, jump)| jump.starts_with("-A OUTPUT") || jump.starts_with("-A PREROUTING")
            ));
        }
    }
}

/// The text has no table without a rule, declares every chain before its rules, and leaves policies as they are.
#[test]
fn iptables_text_declares_chains_and_omits_empty_tables() {
    for family in Family::ALL {
        let text = render::iptables(&plan(&Capture::default()), family);
        let tables: Vec<_> = text.lines().filter(|line| line.starts_with('*')).collect();
        assert_eq!(tables, ["*nat"]);
        let mut declared = Vec::new();
        for line in text.lines() {
            if let Some(declaration) = line.strip_prefix(':') {
                declared.push(declaration.strip_suffix(" - [0:0]").expect("no policy"));
            } else if let Some(rule) = line.strip_prefix("-A ") {
                let chain = rule.split(' ').next().expect("a chain");
                assert!(declared.contains(&chain), "{line}");
            }
        }
        let xml = in_fresh_namespace("iptables-xml <\"$1/0\"", &[&text]);
        assert!(xml.contains("name=\"OUTPUT\""), "{xml}");
        for variant in VARIANTS {
            let policies = "*nat\n:OUTPUT DROP [0:0]\nCOMMIT\n";
            let loaded = load(family, variant, &[policies, &text]);
            assert!(loaded.contains(":OUTPUT DROP "), "{variant}: {loaded}");
        }
    }
}
