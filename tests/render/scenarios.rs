//! What is printed for the scenarios, word by word: `tests/scenarios/NAME/rules.*`. `SNAPSHOTS=overwrite` writes
//! the files anew.

use std::path::Path;

use netweir::intent::Family;
use netweir::plan::plan;
use netweir::render;
use snapbox::{Assert, Data};

use crate::scenario_captures::scenarios;
use crate::{iptables, nft};

#[test]
fn the_scenarios_print_what_is_written_down() {
    let assert = Assert::new().action_env("SNAPSHOTS");
    for (name, capture) in scenarios() {
        let ruleset = plan(&capture);
        let printed = [
            ("rules.nft", render::nft(&ruleset)),
            ("rules.json", render::json(&ruleset)),
            ("rules.iptables", render::iptables(&ruleset, Family::Ipv4)),
            ("rules.ip6tables", render::iptables(&ruleset, Family::Ipv6)),
        ];
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/scenarios")
            .join(name);
        for (file, text) in printed {
            let written = Data::read_from(&directory.join(file), None).raw();
            assert.eq(Data::text(text).raw(), written);
        }
    }
}

/// A directory without a scenario would be compared with nothing.
#[test]
fn every_directory_is_a_scenario() {
    let directories = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut found: Vec<_> = directories
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut names: Vec<_> = scenarios()
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    assert_eq!(found, names);
}

#[test]
fn the_programs_take_the_scenarios() {
    let captures: Vec<_> = scenarios()
        .into_iter()
        .map(|(_, capture)| capture)
        .collect();
    nft::takes(&captures);
    iptables::restore_takes(&captures);
}
