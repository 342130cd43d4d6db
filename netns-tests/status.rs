//! `status`: what is installed and by which program, whether it was edited, and the counters.

mod watched;

use std::process::Command;

use netweir::intent::Capture;
use netweir::metadata::Metadata;
use netweir::nftables;
use netweir::options::OptionSet;
use netweir::plan::plan;
use netweir::render;
use netweir::ruleset::{MetadataBytes, OpenConnections};
use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::connections::attempts;
use crate::foreign::{ADDITIONS, other_capture};
use crate::sandbox::{NetnsTest, Sandbox, counters, install, output_of, run};

pub(crate) fn tests() -> Vec<NetnsTest> {
    let mut tests = vec![
        NetnsTest::new("status::counts-what-nft-does", counts),
        NetnsTest::new("status::prints-text", in_words),
        NetnsTest::alone("status::reports-nothing-installed", nothing),
        NetnsTest::alone("status::knows-its-own-rules-again", own_rules),
        NetnsTest::alone("status::reports-edited-rules", edited),
        NetnsTest::alone("status::knows-no-options-without-a-note", without_note),
        NetnsTest::alone("status::reports-newer-versions", newer),
    ];
    tests.extend(watched::tests());
    tests
}

/// The exit code and the output.
fn status(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    command.arg("status").args(arguments);
    let output = output_of(&mut command, "");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).expect("text");
    (output.status.code(), text)
}

fn json() -> (Option<i32>, Value) {
    let (code, text) = status(&["--format=json"]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["version"], 1);
    (code, value)
}

fn counts(sandbox: &Sandbox) {
    let capture = other_capture();
    install(&capture);
    let attempts = attempts::matrix(&capture);
    for attempt in attempts.iter().step_by(7) {
        sandbox.try_out(attempt);
    }
    let counted = counters();
    assert!(counted.values().sum::<u64>() > 20, "{counted:?}");
    let (_, status) = json();
    let rules = status["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), counted.len());
    for rule in rules {
        let id = rule["id"].as_str().expect("an id");
        assert_eq!(rule["count"].as_u64(), counted.get(id).copied(), "{id}");
    }
}

fn in_words(sandbox: &Sandbox) {
    let capture = other_capture();
    install(&capture);
    let attempts = attempts::matrix(&capture);
    let wanted = |id: &str, times: usize| {
        let rules = plan(&capture);
        let of_rule = attempts.iter().filter(|attempt| {
            let connection = attempt.connection(attempt.likely_source());
            let outcome = netweir::explain::evaluate(&rules, &connection);
            outcome.rule.is_some_and(|rule| rule.to_string() == id)
        });
        let chosen: Vec<_> = of_rule.take(times).collect();
        assert_eq!(chosen.len(), times, "{id}");
        for attempt in chosen {
            sandbox.try_out(attempt);
        }
    };
    wanted("outbound/redirect", 5);
    wanted("outbound/leave-excluded-port-tcp", 3);
    wanted("outbound/redirect-own-pod-uid-ipv4/1337", 1);
    wanted("outbound/redirect-own-pod-uid-ipv6/1337", 1);
    wanted("inbound/redirect", 2);
    let (code, text) = status(&[]);
    assert_eq!(code, Some(0));
    assert_data_eq!(
        text,
        str![[r"
capture is installed, by netweir [..]
options: netweir apply --outbound-port=4140 --exclude-outbound-ports=22,3306
rules: 18 rules, 1 set; unchanged since installed
routing: address ::6 of lo

inbound, connections:
         2  redirected to port 15006, the proxy's inbound port: it goes to a captured port
         0  by 2 other rules

outbound, connections:
         3  not captured: it goes to an excluded TCP port
         2  redirected to port 15006, the proxy's inbound port: it is a call of the proxy (uid 1337) to its own pod
         5  redirected to port 4140, the proxy's outbound port: it is TCP and matches no exclusion
         0  by 11 other rules

"]]
    );
}

fn nothing() {
    let (code, text) = status(&[]);
    assert_eq!(
        (code, text.as_str()),
        (Some(3), "capture is not installed\n")
    );
    let (code, status) = json();
    assert_eq!((code, &status["installed"]), (Some(3), &Value::Bool(false)));
    run("nft", &["add table inet netweir"], "");
    let (code, text) = self::status(&[]);
    assert_eq!(
        (code, text.as_str()),
        (Some(3), "capture is not installed\n")
    );
    install(&Capture::default());
    run("nft", &["flush table inet netweir"], "");
    let (code, status) = json();
    assert_eq!((code, &status["sync"]), (Some(3), &Value::from("edited")));
    run("nft", &["delete table inet netweir"], "");
    let (code, text) = self::status(&[]);
    assert_eq!(code, Some(3));
    assert_data_eq!(
        text,
        str![[r#"
capture is not installed
left behind: what "ip -6 address add ::6/128 dev lo nodad" adds; netweir remove takes it away

"#]]
    );
}

fn own_rules() {
    for capture in [Capture::default(), other_capture()] {
        install(&capture);
        let (code, status) = json();
        assert_eq!((code, &status["sync"]), (Some(0), &Value::from("same")));
        assert_eq!(status["differences"], Value::Array(vec![]));
        let command = status["by"]["command"].as_str().expect("a command");
        let arguments = command.split(' ').skip(1).chain(["--dry-run"]);
        let arguments: Vec<_> = arguments.collect();
        let printed = run(env!("CARGO_BIN_EXE_netweir"), &arguments, "");
        assert_eq!(printed, render::nft(&plan(&capture)));
    }
}

/// The status reports every edit, including objects that netweir does not know.
fn edited() {
    for addition in ADDITIONS {
        install(&other_capture());
        run("nft", &["-f", "-"], addition);
        let (code, status) = json();
        assert_eq!(code, Some(3), "{addition}");
        assert_eq!(status["sync"], "edited", "{addition}");
        assert_ne!(status["differences"], Value::Array(vec![]), "{addition}");
        let (code, text) = self::status(&[]);
        assert_eq!(code, Some(3), "{addition}");
        assert!(
            text.contains("edited since they were installed"),
            "{addition}: {text}"
        );
        run("nft", &["delete table inet netweir"], "");
    }
}

fn without_note() {
    let rules = plan(&Capture::default());
    run("nft", &["-f", "-"], &render::nft(&rules));
    let (code, text) = status(&[]);
    assert_eq!(code, Some(0));
    assert_data_eq!(
        text,
        str![[r"
capture is installed, but not by `netweir apply`: the table inet netweir has no metadata (or the kernel is older than 5.10)
rules: 17 rules, 0 sets; cannot tell whether they were edited

inbound, connections:
         0  in total

outbound, connections:
         0  in total

"]]
    );
    run("nft", &["add rule inet netweir inbound ip ttl 7 drop"], "");
    let (code, status) = json();
    assert_eq!((code, &status["sync"]), (Some(0), &Value::from("unknown")));
    assert_eq!(status["by"], Value::Null);
    assert_eq!(status["foreign"].as_array().map(Vec::len), Some(1));
}

/// The other commands that read the installed rules warn, too.
fn others_warn(words: &str) {
    for arguments in ["diff", "explain --from-kernel out", "graph --from-kernel"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
        let output = output_of(command.args(arguments.split(' ')), "");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.starts_with("warning: the rules were installed by a newer netweir"),
            "{stderr}"
        );
        assert!(stderr.contains(words), "{arguments}: {stderr}");
        assert!(!output.stdout.is_empty());
    }
}

fn newer() {
    let capture = other_capture();
    let rules = plan(&capture);
    let options = Metadata::of(&capture).options;
    let options = options
        .iter()
        .map(|(setting, text)| format!("\n{}={text}", setting.spec().name))
        .collect::<Vec<_>>()
        .concat();
    let apply = |form: u8, text: &str| {
        let length = u8::try_from(text.len()).expect("short");
        let note = MetadataBytes::new([&[form, 0, length], text.as_bytes()].concat());
        // Equal rules would keep the note.
        nftables::remove().expect("removed");
        nftables::apply(&rules, &note, OpenConnections::new).expect("applied");
    };
    let reports = |words: &str, wanted: (i32, &str)| {
        let (code, status) = json();
        let sync = status["sync"].as_str().expect("a word").to_owned();
        assert_eq!((code, sync.as_str()), (Some(wanted.0), wanted.1));
        let (code, text) = self::status(&[]);
        assert_eq!(code, Some(wanted.0));
        assert!(text.contains(words), "{words}: {text}");
    };
    let newer = "by netweir 999.1.0 (newer than this netweir";
    apply(1, &format!("999.1.0{options}"));
    reports(newer, (0, "same"));
    // The other version installed different rules for these options.
    others_warn("by=999.1.0");
    apply(1, "999.1.0");
    reports(newer, (3, "differs"));
    apply(1, "999.1.0\ncapture-quic=on");
    reports("also capture-quic, unknown to this version", (0, "unknown"));
    apply(7, "?");
    reports(
        "the metadata has format 7, which a newer netweir writes",
        (0, "unknown"),
    );
    others_warn("by=\"a version that this one cannot read\"");
    apply(1, "1\u{1b}[31m\nproxy-\u{7}");
    reports("by netweir 1\\u{1b}[31m", (0, "unknown"));
    apply(1, "0.0.1\nproxy-uid");
    reports("also proxy-uid, too long to keep", (0, "unknown"));
}
