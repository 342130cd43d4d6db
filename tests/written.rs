//! Captures written as options, parsed again, also after a shell expanded them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its own functions, too"
)]

use std::process::Command;

use netweir::intent::{Capture, Port};
use netweir::options::{self, OptionSet, OptionValues, Origin, Setting, line, options_of};
use netweir::parse::FamilyChoice;
use netweir_testkit::captures;
use netweir_testkit::effort::effort;
use netweir_testkit::fakes::{NoFiles, NoUsers};
use netweir_testkit::wordable::{can_be_asked_for, wordable};
use proptest::prelude::*;

fn read(options: &[(Setting, String)]) -> Capture {
    let mut values = OptionValues::default();
    for (setting, text) in options {
        values.set(*setting, Origin::Flag, text.clone());
    }
    let parsed = options::capture(&values, &NoUsers, &NoFiles)
        .unwrap_or_else(|errors| panic!("{options:?}: {errors:?}"));
    let FamilyChoice::Fixed(families) = parsed.families else {
        panic!("the families are written");
    };
    parsed.capture_of(families)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: effort(512, 512 * 20),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn options_round_trip(capture in captures::capture()) {
        prop_assume!(can_be_asked_for(&capture));
        let capture = wordable(capture);
        let options = options_of(&capture);
        prop_assert_eq!(read(&options), capture, "{:?}", options);
    }
}

#[test]
fn options_are_quoted_for_a_shell() {
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
