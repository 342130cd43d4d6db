//! What `netweir explain` tells of connections that went somewhere, from the options and from the kernel.

use std::process::Command;

use netweir::connection::{Connection, Path};
use netweir::explain::Verdict;
use netweir::intent::{Capture, Port};
use netweir::options::options_of;
use netweir::ruleset::End;
use serde_json::Value;

use crate::sandbox::{Attempt, Fate, output_of};

/// A connection that was made, and where it went.
pub(super) struct Seen {
    pub(super) attempt: Attempt,
    pub(super) connection: Connection,
    pub(super) fate: Fate,
}

/// The program tells where each connection went, by the options and by what is installed. It is asked for each
/// twice: with every part said, and with those that it can know by itself left out. Gives back for how many it did.
pub(super) fn the_program_tells(capture: &Capture, seen: &[Seen]) -> usize {
    let options = options_of(capture);
    let options = options.iter();
    let flags: Vec<_> = options
        .map(|(setting, text)| format!("--{}={text}", setting.spec().name))
        .collect();
    let by_options = explain(&flags, seen);
    let by_kernel = explain(&["--from-kernel".to_owned()], seen);
    assert_eq!(by_options, by_kernel, "{flags:?}");
    seen.len()
}

fn explain(rules: &[String], seen: &[Seen]) -> String {
    let mut lines = String::new();
    for one in seen {
        lines.extend([one.connection.to_string(), "\n".to_owned()]);
        lines.extend([short(one), "\n".to_owned()]);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    command
        .args(["explain", "--connections=-", "--quiet"])
        .args(rules);
    let output = output_of(&mut command, &lines);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{rules:?}: {complaint}");
    let answers = String::from_utf8(output.stdout).expect("text");
    assert_eq!(answers.lines().count(), 2 * seen.len());
    let twice = seen.iter().flat_map(|one| [one, one]);
    for (one, answer) in twice.zip(answers.lines()) {
        let answer: Value = serde_json::from_str(answer).expect("JSON");
        let asked = one.connection.to_string();
        assert_eq!(answer["connection"]["text"], *asked, "{rules:?}");
        let told = Fate::of(verdict(&answer), &one.connection);
        assert_eq!(told, one.fate, "{rules:?} {asked}\n{answer:#}");
    }
    answers
}

/// Without the interface, and without the source address that the kernel chose. By which interface something
/// arrived from a host that has several, nobody can know.
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
        Some("leave") => Verdict::Leave,
        Some("drop") => Verdict::Drop,
        other => panic!("no verdict: {other:?}"),
    }
}
