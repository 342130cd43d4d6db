//! The man pages that `make man` writes.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;

use netweir::cli::command;
use netweir::exit_code::ExitCode;
use netweir::options::Setting;

#[test]
fn there_is_one_for_each_verb_with_all_options() {
    let directory = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(command(), directory.path()).unwrap();
    let page = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    for verb in command().get_subcommands() {
        let own = page(&format!("netweir-{}.1", verb.get_name()));
        for long in verb.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(
                own.contains(&escaped(long)),
                "{}: --{long}",
                verb.get_name()
            );
        }
    }
    let apply = page("netweir-apply.1");
    for setting in Setting::ALL {
        assert!(apply.contains(setting.spec().variable), "{setting:?}");
    }
    for code in ExitCode::ALL {
        assert!(apply.contains(&escaped(code.meaning())), "{code:?}");
    }
    let pages = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(pages, 1 + command().get_subcommands().count());
}

/// As `roff` has it, in `groff_char(7)`.
fn escaped(text: &str) -> String {
    text.replace('-', "\\-").replace('\'', "\\*(Aq")
}
