//! Compares `netweir explain`, from the options and from the kernel, with where connections went.

use std::net::SocketAddr;
use std::process::Command;

use netweir::connection::{Connection, Path};
use netweir::explain::Verdict;
use netweir::intent::{Capture, Port};
use netweir::options::{OptionSet, options_of};
use netweir::ruleset::End;
use serde_json::Value;

use crate::sandbox::{Attempt, ConnectionOutcome, output_of};

/// A connection that was made, and where it went.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) attempt: Attempt,
    pub(super) connection: Connection,
    pub(super) actual: ConnectionOutcome,
}

/// Asserts that the program explains each connection as it went, from the options and from the installed rules. Every
/// other connection is written without the parts that the program can find out.
pub(super) fn assert_explained(capture: &Capture, seen: &[Seen]) {
    let options = options_of(capture);
    let options = options.iter();
    let flags: Vec<_> = options
        .map(|(setting, text)| format!("--{}={text}", setting.spec().name))
        .collect();
    let lines: Vec<_> = seen
        .iter()
        .enumerate()
        .map(|(nth, one)| match nth % 2 {
            0 => one.connection.to_string(),
            _ => short(one),
        })
        .collect();
    let lines = lines.join("\n");
    let answers = explain(&flags, &lines);
    let from_kernel = explain(&["--from-kernel".to_owned()], &lines);
    assert!(
        answers == from_kernel,
        "{flags:?}: {answers}\nis not\n{from_kernel}"
    );
    assert_eq!(answers.lines().count(), seen.len());
    for (one, answer) in seen.iter().zip(answers.lines()) {
        let answer: Value = serde_json::from_str(answer).expect("JSON");
        let asked = one.connection.to_string();
        assert_eq!(answer["connection"]["text"], *asked, "{flags:?}");
        let explained = ConnectionOutcome::of(verdict(&answer), &one.connection);
        assert_eq!(explained, one.actual, "{flags:?} {asked}\n{answer:#}");
    }
}

fn explain(rules: &[String], lines: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    command
        .args(["explain", "--connections=-", "--quiet"])
        .args(rules);
    let output = output_of(&mut command, lines);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{rules:?}: {complaint}");
    String::from_utf8(output.stdout).expect("text")
}

/// Without the interface, and without the source address that the kernel chose. By which interface something
/// arrived from a host that has several cannot be known.
fn short(one: &Seen) -> String {
    let text = one.connection.to_string();
    if let Path::In { .. } = one.connection.path {
        return text;
    }
    let source = one.connection.addresses.end(End::Source);
    let ports = one.connection.transport.ports().expect("ports");
    let words = text.split(' ').map(|word| match word.split_once('=') {
        Some(("dev", _)) => String::new(),
        Some(("from", _)) if one.attempt.source != Some(source) => {
            format!("from=:{}", ports.source)
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn verdict(answer: &Value) -> Verdict {
    let port = || {
        let number = answer["port"].as_u64().expect("a port");
        Port::new(number.try_into().expect("16 bits")).expect("not 0")
    };
    match answer["verdict"].as_str() {
        Some("redirect") => Verdict::Redirect(port()),
        Some("tproxy") => Verdict::Tproxy(port()),
        Some("dnat") => {
            let server = answer["server"].as_str().expect("a server");
            let server: SocketAddr = server.parse().expect("an address and a port");
            Verdict::Dnat(server.ip(), Port::new(server.port()).expect("not 0"))
        }
        Some("leave") => Verdict::Leave,
        Some("drop") => Verdict::Drop,
        other => panic!("no verdict: {other:?}"),
    }
}
