//! Every field of every JSON form is documented in `docs/json.md`, and every documented one is printed.

use std::collections::BTreeSet;
use std::process::Command;

use netweir::intent::{Capture, Dns, Port, Protocol, RangeSelection};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::foreign::other_capture;
use crate::sandbox::{Attempt, NetnsTest, PEER, Sandbox, install, output_of, run};
use crate::trace::{Traced, to_peer};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("documented::explain", explain),
        NetnsTest::alone("documented::diff", diff),
        NetnsTest::alone("documented::status", status),
        NetnsTest::alone("documented::graph", graph),
        NetnsTest::new("documented::trace", trace),
    ]
}

/// The objects that the program prints, one a line.
fn printed(arguments: &str, input: &str) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    let command = command.args(arguments.split(' ')).arg("--format=json");
    let output = String::from_utf8(output_of(command, input).stdout).expect("text");
    objects(output.lines())
}

fn objects<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Value> {
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// The fields that the section lists.
fn documented(section: &str) -> BTreeSet<String> {
    let text = include_str!("../docs/json.md");
    let mut sections = text.split("\n## ");
    let section = sections
        .find_map(|text| text.strip_prefix(section)?.strip_prefix('\n'))
        .expect("the section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.flat_map(|row| {
        let (names, _) = row.split_once("` |").expect("a second column");
        names.split("`, `")
    });
    names.map(str::to_owned).collect()
}

/// The paths of all fields, without those below a field for which `leaf` is true.
fn fields(values: &[Value], leaf: fn(&str) -> bool) -> BTreeSet<String> {
    fn gather(value: &Value, path: &str, leaf: fn(&str) -> bool, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{name}");
                    if !leaf(&path) {
                        gather(value, &path, leaf, all);
                    }
                    all.insert(path);
                }
            }
            Value::Array(values) => {
                for value in values {
                    gather(value, &format!("{path}[]"), leaf, all);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut all = BTreeSet::new();
    for value in values {
        assert_eq!(value["version"], 1, "{value:#}");
        gather(value, "", leaf, &mut all);
    }
    all
}

fn are_as_documented(section: &str, values: &[Value], leaf: fn(&str) -> bool) {
    assert_eq!(fields(values, leaf), documented(section), "{section}");
}

/// A rule that netweir cannot evaluate, other edits, and another program's table.
const EDITS: &str = "
    insert rule inet netweir outbound jhash ip saddr mod 2 0 accept
    insert rule inet netweir inbound tcp dport 5432 accept comment \"ours\"
    add chain inet netweir other
    delete element inet netweir outbound_exclude_ports { 3306 }
    table inet firewall {
        chain output { type filter hook output priority -250; tcp dport 81 drop; }
    }";

/// With another DNS server in the proxy's place.
fn with_server() -> Capture {
    let mut capture = other_capture();
    let mut dns = Dns::new(Port::new(53).expect("not 0"), RangeSelection::All);
    dns.to = Some(PEER[0]);
    capture.dns = Some(dns);
    capture
}

fn explain() {
    install(&with_server());
    let lines = "out tcp 10.0.0.5:443\nout icmp 10.0.0.5\nnonsense\n";
    let mut answers = printed("explain --connections=-", lines);
    let nothing = answers.pop().expect("the last line's");
    are_as_documented(
        "explain: a line that is not a connection",
        &[nothing],
        |_| false,
    );
    answers.extend(printed("explain --from-kernel out udp 10.0.0.5:53", ""));
    run("nft", &["-f", "-"], EDITS);
    answers.extend(printed("explain --from-kernel out udp 10.0.0.5:53", ""));
    assert_eq!(answers.last().expect("one")["verdict"], "unknown");
    are_as_documented("explain", &answers, |_| false);
    let table = printed("explain --table", "");
    are_as_documented("explain --table", &table, |path| path == "connections");
    let of_table = fields(&table, |_| false);
    let rest = of_table
        .iter()
        .filter_map(|path| path.strip_prefix("connections[]."));
    for field in rest {
        assert!(documented("explain").contains(field), "{field}");
    }
}

fn diff() {
    let mut reports = printed("diff", "");
    install(&other_capture());
    run("nft", &["-f", "-"], EDITS);
    reports.extend(printed(
        "diff --exclude-outbound-ports=22,3306 --outbound-port=4140",
        "",
    ));
    are_as_documented("diff", &reports, |_| false);
}

fn status() {
    let mut reports = printed("status", "");
    install(&other_capture());
    run("nft", &["-f", "-"], EDITS);
    reports.extend(printed("status", ""));
    are_as_documented("status", &reports, |path| {
        ["by.options", "differences", "foreign"].contains(&path)
    });
    let whole = fields(&reports, |_| false);
    let of = |name: &str| {
        let start = format!("{name}[].");
        let fields = whole.iter().filter_map(|path| path.strip_prefix(&start));
        fields
            .map(|field| format!("differences[].{field}"))
            .collect()
    };
    let (differences, foreign): (BTreeSet<_>, BTreeSet<_>) = (of("differences"), of("foreign"));
    assert!(!foreign.is_empty() && differences.is_subset(&documented("diff")));
    assert!(foreign.is_subset(&documented("diff")), "{foreign:?}");
}

fn graph() {
    let dns = "graph --dns=all --inbound-mode=tproxy";
    let mut pictures = printed(dns, "");
    install(&other_capture());
    run("nft", &["-f", "-"], EDITS);
    pictures.extend(printed("graph --from-kernel", ""));
    pictures.extend(printed("graph --dns=all --dns-to=10.1.0.1", ""));
    are_as_documented("graph", &pictures, |path| path.ends_with("[].rest"));
    let fields = fields(&pictures, |_| false);
    let rest = |name: &str| fields.contains(&format!("lanes[].chains[].rest.{name}"));
    assert!(["text", "verdict", "port", "next"].into_iter().all(rest));
}

fn trace(sandbox: &Sandbox) {
    install(&with_server());
    run(
        "nft",
        &["-f", "-"],
        EDITS.split_once("3306 }").expect("a table").1,
    );
    let traced = Traced::start(&["--format=json"]);
    sandbox.try_out(&to_peer(0, 80));
    drop(sandbox.start(&to_peer(0, 81)));
    let query = Attempt {
        protocol: Protocol::Udp,
        ..to_peer(0, 53)
    };
    drop(sandbox.start(&query));
    let lines = traced.end(Signal::SIGTERM);
    assert_eq!(lines.len(), 3);
    are_as_documented("trace", &objects(lines.iter().map(String::as_str)), |_| {
        false
    });
}
