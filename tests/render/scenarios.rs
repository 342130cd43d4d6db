//! The output for the options in `tests/scenarios/NAME/intent.toml`: the snapshots `rules.*` beside it, which
//! `SNAPSHOTS=overwrite` rewrites.

use std::process::Command;

use netweir::intent::{Capture, Family};
use netweir::plan::plan;
use netweir::render;
use snapbox::{Assert, Data};

use crate::{iptables, nft};
use netweir_testkit::scenarios::{directory, scenarios};

/// The file, the format's name in `--format`, and its function.
type Form = (&'static str, &'static str, fn(&Capture) -> String);

const FORMS: [Form; 4] = [
    ("rules.nft", "nft", |capture| render::nft(&plan(capture))),
    ("rules.json", "json", |capture| render::json(&plan(capture))),
    ("rules.iptables", "iptables", |capture| {
        render::iptables(&plan(capture), Family::Ipv4)
    }),
    ("rules.ip6tables", "ip6tables", |capture| {
        render::iptables(&plan(capture), Family::Ipv6)
    }),
];

#[test]
fn rules_match_snapshots() {
    let assert = Assert::new().action_env("SNAPSHOTS");
    for (name, capture) in scenarios() {
        for (file, _, print) in FORMS {
            let written = Data::read_from(&directory(&name).join(file), None).raw();
            assert.eq(Data::text(print(&capture)).raw(), written);
        }
    }
}

#[test]
fn dry_run_prints_the_same() {
    for (name, capture) in scenarios() {
        for (_, format, print) in FORMS {
            let output = Command::new(env!("CARGO_BIN_EXE_netweir"))
                .args(["apply", "--dry-run", "--format", format, "--config"])
                .arg(directory(&name).join("intent.toml"))
                .env_clear()
                .output()
                .unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{name}: {}", output.status);
            assert_eq!(printed, print(&capture), "{name}");
        }
    }
}

#[test]
fn nft_and_iptables_load_the_scenarios() {
    let captures: Vec<_> = scenarios()
        .into_iter()
        .map(|(_, capture)| capture)
        .collect();
    nft::loads(&captures);
    iptables::loads(&captures);
}
