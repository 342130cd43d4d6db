//! The man pages that `make man` writes.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;

use clap::Command;
use netweir::cli::command;
use netweir::exit_code::ExitCode;
use netweir::options::Setting;

#[test]
fn there_is_one_for_each_verb_with_all_options() {
    let directory = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(command(), directory.path()).unwrap();
    let page = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    let verbs = verbs(&command(), "netweir");
    for (name, longs) in &verbs {
        let own = page(&format!("{name}.1"));
        for long in longs {
            assert!(own.contains(&escaped(long)), "{name}: --{long}");
        }
    }
    for name in ["netweir-cni-install", "netweir-cni-uninstall"] {
        assert!(verbs.iter().any(|(known, _)| known == name), "{name}");
    }
    let apply = page("netweir-apply.1");
    for setting in Setting::ALL {
        assert!(apply.contains(setting.spec().variable), "{setting:?}");
    }
    for code in ExitCode::ALL {
        assert!(apply.contains(&escaped(code.meaning())), "{code:?}");
    }
    let pages = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(pages, 1 + verbs.len());
}

/// The names of all pages but the first, and the long flags that each has.
fn verbs(command: &Command, name: &str) -> Vec<(String, Vec<String>)> {
    let verbs = command.get_subcommands().flat_map(|verb| {
        let name = format!("{name}-{}", verb.get_name());
        let longs = verb.get_arguments().filter_map(clap::Arg::get_long);
        let longs = longs.map(str::to_owned).collect();
        let below = verbs(verb, &name);
        [vec![(name, longs)], below].concat()
    });
    verbs.collect()
}

/// As `roff` has it, in `groff_char(7)`.
fn escaped(text: &str) -> String {
    text.replace('-', "\\-").replace('\'', "\\*(Aq")
}
