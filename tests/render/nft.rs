//! `nft` accepts the text and the JSON.

use netweir::intent::{Capture, Families, Family};
use netweir::plan::plan;
use netweir::render;
use netweir::ruleset::{RuleId, Ruleset, SetName, TABLE};
use netweir_testkit::effort::effort;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::program::{in_fresh_namespace, is_root};
use netweir_testkit::captures::capture;
use netweir_testkit::well_formed::check;

/// How many captures share a process, each with a table of its own.
const BATCH: usize = 24;

/// The same for an ordinary user, whose messages are bounded (`net.core.wmem_max`).
const SMALL_BATCH: usize = 4;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: effort(8, 8 * 20),
        max_shrink_iters: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// The texts of the captures, with a table of its own for each.
fn separate(captures: &[Capture], render: fn(&Ruleset) -> String, name: &str) -> Vec<String> {
    let captures = captures.iter().enumerate();
    captures
        .map(|(nth, capture)| {
            let own = name.replace(TABLE, &format!("{TABLE}_{nth}"));
            render(&plan(capture)).replace(name, &own)
        })
        .collect()
}

proptest! {
    #[test]
    fn rules_are_consistent(capture in capture()) {
        prop_assert_eq!(check(&plan(&capture)), Ok(()));
    }

    #[test]
    fn ids_and_set_names_round_trip(capture in capture()) {
        let ruleset = plan(&capture);
        for (_, rule) in ruleset.rules() {
            prop_assert_eq!(&RuleId::from(rule.id.to_string().as_str()), &rule.id);
        }
        for set in &ruleset.sets {
            prop_assert_eq!(&SetName::from(set.name.to_string().as_str()), &set.name);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nft_reads_text_and_json_as_the_same_rules(captures in vec(capture(), BATCH)) {
        loads(&captures);
    }
}

/// Loads the rules of the captures with `nft`: its listing is the same for both formats, and can be loaded again.
pub(crate) fn loads(captures: &[Capture]) {
    let size = if is_root() { BATCH } else { SMALL_BATCH };
    captures.chunks(size).for_each(load_batch);
}

fn load_batch(captures: &[Capture]) {
    let text = separate(captures, render::nft, "inet netweir").concat();
    let json = separate(captures, render::json, "\"netweir\"");
    let run = |option: &str| {
        format!("nft {option} -c -f \"$1/0\"; nft {option} -f \"$1/0\"; nft list ruleset")
    };
    let listing = in_fresh_namespace(&run(""), &[&text]);
    assert_eq!(listing.matches("table inet").count(), captures.len());
    assert_eq!(in_fresh_namespace(&run("-j"), &[&in_one(&json)]), listing);
    assert_eq!(in_fresh_namespace(&run(""), &[&listing]), listing);
}

/// One document with the commands of all.
fn in_one(documents: &[String]) -> String {
    let commands = documents.iter().flat_map(|document| {
        let mut document: serde_json::Value = serde_json::from_str(document).unwrap();
        let commands = document.get_mut("nftables").unwrap().take();
        serde_json::from_value::<Vec<serde_json::Value>>(commands).unwrap()
    });
    serde_json::json!({ "nftables": commands.collect::<Vec<_>>() }).to_string()
}

#[test]
fn nft_replaces_the_table() {
    let all = plan(&Capture::default());
    let few = plan(&Capture {
        families: Families::Only(Family::Ipv4),
        ..Capture::default()
    });
    let inputs = [
        render::nft(&all),
        render::nft(&few),
        render::json(&all),
        render::json(&few),
    ];
    let inputs = inputs.each_ref().map(String::as_str);
    let only = in_fresh_namespace("nft -f \"$1/1\"; nft list ruleset", &inputs);
    let second = in_fresh_namespace(
        "nft -f \"$1/0\"; nft -f \"$1/1\"; nft list ruleset",
        &inputs,
    );
    assert_eq!(second, only);
    let json = "nft -j -f \"$1/2\"; nft -j -f \"$1/3\"; nft list ruleset";
    assert_eq!(in_fresh_namespace(json, &inputs), only);
}
