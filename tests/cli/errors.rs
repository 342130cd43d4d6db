//! One run reports every error.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use snapbox::{assert_data_eq, str};

use crate::program::{file, netweir, run};

/// The errors, with the file's name replaced.
fn complaints(arguments: &[&str], variables: &[(&str, &str)], config: Option<&str>) -> String {
    let config = config.map(file);
    let mut command = netweir(arguments);
    command.envs(variables.iter().copied());
    let path = config
        .as_ref()
        .map(|config| config.path().to_str().unwrap());
    if let Some(path) = path {
        command.args(["--config", path]);
    }
    let run = run(&mut command);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(2), ""),
        "{}",
        run.stderr
    );
    match path {
        Some(path) => run.stderr.replace(path, "FILE"),
        None => run.stderr,
    }
}

#[test]
fn reports_flags_variables_and_file_together() {
    let found = complaints(
        &[
            "apply",
            "--exclude-inbound-ports",
            "70000, 22,9-8",
            "--nonsense",
            "1",
            "--exclude-outbound-port=80",
            "--include-outbound-ip-ranges=10.0.0.1/8,fd00::/8",
            "--proxy-uid",
            "4294967295,nosuchuser",
            "stray",
            "--tunnel-port",
        ],
        &[
            ("NETWEIR_EXCLUDE_OUTBOUND_PORTS", "http"),
            ("NETWEIR_DROP_INVALID", "maybe"),
            ("NETWEIR_EXCLUDE_OUTBOUND_PORT", "3306"),
            ("NETWEIR_SERVICE_HOST", "10.96.0.10"),
        ],
        Some("outbound-port = 0\nloopback-range = \"10.0.0.0/8\"\nexclude-interface = \"eth1\"\n"),
    );
    assert_data_eq!(
        found,
        str![[r#"
error: --nonsense: unknown option; see --help
error: --exclude-outbound-port: unknown option; did you mean --exclude-outbound-ports
error: stray: unexpected argument; separate list values with commas (80,443), give switches a value with =
error: --tunnel-port: expected a value: PORT|none, such as none
error: NETWEIR_EXCLUDE_OUTBOUND_PORT: unknown option; did you mean NETWEIR_EXCLUDE_OUTBOUND_PORTS
error: exclude-interface in FILE: unknown option; did you mean exclude-interfaces
error: outbound-port in FILE: expected a port (1-65535), found "0"
error: --proxy-uid: 4294967295 is not a user id for the kernel; the largest is 4294967294
error: --proxy-uid: there is no user "nosuchuser" in /etc/passwd; expected an id (0-4294967294) or a name
error: --exclude-inbound-ports: expected a port (1-65535), found "70000"
error: --exclude-inbound-ports: "9-8" is a reversed range; did you mean 8-9
error: --include-outbound-ip-ranges: 10.0.0.1/8: host bits are set; did you mean 10.0.0.0/8
error: NETWEIR_EXCLUDE_OUTBOUND_PORTS: expected a port (1-65535), found "http"
error: loopback-range in FILE: expected an IPv4 address or CIDR inside 127.0.0.0/8, found "10.0.0.0/8"
error: NETWEIR_DROP_INVALID: expected one of true, 1, false, 0, found "maybe"

"#]]
    );
}

#[test]
fn reports_namespace_format_and_log() {
    let found = complaints(
        &[
            "apply",
            "--netns",
            "..",
            "--format",
            "xml",
            "--log-format",
            "yaml",
            "-qv",
            "--inbound-port",
            "-5",
        ],
        &[],
        None,
    );
    assert_data_eq!(
        found,
        str![[r#"
error: --log-format: expected one of plain, json, found "yaml"
error: --verbose: cannot be combined with --quiet
error: --inbound-port: expected a port (1-65535), found "-5"
error: --netns: expected a path, a name under /run/netns or a process id, found ".."
error: --format: expected one of nft, json, iptables, ip6tables, found "xml"

"#]]
    );
}

#[test]
fn each_error_is_one_line() {
    let found = complaints(&["apply", "y\n\u{202e}", "--x\n\u{1b}[31m"], &[], None);
    assert_data_eq!(
        found,
        str![[r#"
error: y/n/u{202e}: unexpected argument; separate list values with commas (80,443), give switches a value with =
error: --x/n/u{1b}[31m: unknown option; see --help

"#]]
    );
}

#[test]
fn reports_invalid_utf8() {
    let arguments = ["apply", "--outbound-port=0"].map(OsStr::new);
    let mut command = netweir(&[]);
    command
        .args(arguments)
        .arg(OsStr::from_bytes(b"--inbound-port=8\xff"))
        .env("NETWEIR_NETNS", OsStr::from_bytes(b"/run/\xfe"));
    let run = run(&mut command);
    assert_eq!(run.code, Some(2));
    assert_data_eq!(
        run.stderr,
        str![[r#"
error: --inbound-port: "8/xFF" is not UTF-8
error: NETWEIR_NETNS: "/run//xFE" is not UTF-8
error: --outbound-port: expected a port (1-65535), found "0"

"#]]
    );
}

/// Ignoring it would read the wrong namespace.
#[test]
fn every_command_reports_invalid_utf8() {
    let commands = [
        "apply", "diff", "explain", "graph", "remove", "status", "trace",
    ];
    for name in commands {
        let mut command = netweir(&[name]);
        command.env("NETWEIR_NETNS", OsStr::from_bytes(b"/run/\xfe"));
        let run = run(&mut command);
        assert_eq!(run.code, Some(2), "{name}");
        let line = "error: NETWEIR_NETNS: \"/run/\\xFE\" is not UTF-8\n";
        assert!(run.stderr.contains(line), "{name}: {}", run.stderr);
    }
}

#[test]
fn reports_a_missing_file() {
    let file = "/nonexistent/netweir.toml";
    assert_data_eq!(
        complaints(&["apply", "--config", file], &[], None),
        str![[r#"
error: --config: cannot read "/nonexistent/netweir.toml": No such file or directory (os error 2)

"#]]
    );
    assert_data_eq!(
        complaints(&["remove"], &[("NETWEIR_CONFIG", file)], None),
        str![[r#"
error: NETWEIR_CONFIG: cannot read "/nonexistent/netweir.toml": No such file or directory (os error 2)

"#]]
    );
}

#[test]
fn reports_an_unknown_command() {
    assert_data_eq!(
        complaints(&["aply"], &[], None),
        str![[r#"
error: aply: unknown command; did you mean netweir apply

"#]]
    );
    assert_data_eq!(
        complaints(&["--nonsense"], &[], None),
        str![[r#"
error: --nonsense: unknown option; did you mean --host-nsenter-exec

"#]]
    );
}

#[test]
fn hints_at_the_command_that_was_probably_meant() {
    let tried = [
        "install",
        "uninstall",
        "verify",
        "init",
        "list",
        "show",
        "statsu",
        "xyzzy",
    ];
    let lines = tried.map(|command| complaints(&[command], &[], None));
    assert_data_eq!(
        lines.concat(),
        str![[r#"
error: install: unknown command; did you mean netweir apply, or cni install for the CNI plugin
error: uninstall: unknown command; did you mean netweir remove, or cni uninstall for the CNI plugin
error: verify: unknown command; did you mean netweir apply --verify
error: init: unknown command; did you mean netweir apply
error: list: unknown command; did you mean netweir status, or explain --from-kernel
error: show: unknown command; did you mean netweir status, or graph --from-kernel
error: statsu: unknown command; did you mean netweir status
error: xyzzy: unknown command; see netweir --help

"#]]
    );
}

#[test]
fn reports_options_of_other_commands() {
    assert_data_eq!(
        complaints(&["remove", "--inbound-port", "1"], &[], None),
        str![[r#"
error: --inbound-port: unknown option for this command

"#]]
    );
    // A file is for all commands; options of others are not checked.
    assert_data_eq!(
        complaints(
            &["remove", "--netns", ".."],
            &[],
            Some("inbound-port = 0\n")
        ),
        str![[r#"
error: --netns: expected a path, a name under /run/netns or a process id, found ".."

"#]]
    );
}

#[test]
fn errors_are_objects_in_json() {
    let run = run(&mut netweir(&[
        "apply",
        "--log-format=json",
        "--inbound-port=0",
        "--outbound-port=\"\n",
    ]));
    assert_eq!(run.code, Some(2));
    let lines: Vec<serde_json::Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let messages: Vec<_> = lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    assert_data_eq!(
        messages.join("\n"),
        str![[r#"
--outbound-port: expected a port (1-65535), found "/""
--inbound-port: expected a port (1-65535), found "0"
"#]]
    );
    assert!(
        lines
            .iter()
            .all(|line| line["level"] == "error" && line["time"].is_string())
    );
}

#[test]
fn reports_what_trace_cannot_filter() {
    let found = complaints(
        &[
            "trace",
            "out",
            "tcp",
            ":70000",
            "uid=none",
            "--count=0",
            "--duration=0s",
            "--format=xml",
        ],
        &[],
        None,
    );
    assert_data_eq!(
        found,
        str![[r#"
error: :70000: expected a port (1-65535), found "70000"
error: --count: expected a number (1 or more), found "0"
error: --duration: expected a time (such as 5s, 1m30s or 500ms), found "0s"
error: --format: expected one of text, json, found "xml"

"#]]
    );
    let found = complaints(
        &["trace", "uid=none", "gid=none", "ctmark=1", "state=new"],
        &[],
        None,
    );
    assert_data_eq!(
        found,
        str![[r#"
error: ctmark=1: cannot be filtered on: packets are selected before connection tracking sees them, and only new connections are shown
error: state=new: cannot be filtered on: packets are selected before connection tracking sees them, and only new connections are shown
error: uid=none: cannot filter on packets without an owner; expected a user or group id
error: gid=none: cannot filter on packets without an owner; expected a user or group id

"#]]
    );
}

/// The writer of a list does not decide how long the answer is: for flags, variables, file keys and the meshes' flags.
#[test]
fn wrong_values_are_twenty_errors_and_a_count() {
    let wrong = vec!["x"; 20_000].join(",");
    let in_file = format!("exclude-outbound-ports = \"{wrong}\"\n");
    let entries = format!("exclude-outbound-ports = [{}]\n", "true,".repeat(20_000));
    let flag = format!("--exclude-outbound-ports={wrong}");
    for found in [
        complaints(&["apply", &flag], &[], None),
        complaints(
            &["apply"],
            &[("NETWEIR_EXCLUDE_OUTBOUND_PORTS", &wrong)],
            None,
        ),
        complaints(&["apply"], &[], Some(&in_file)),
        complaints(&["apply"], &[], Some(&entries)),
        complaints(&["istio-iptables", "-o", &wrong], &[], None),
        complaints(
            &["istio-iptables"],
            &[("ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE", &wrong)],
            None,
        ),
        complaints(
            &[
                "linkerd-init",
                "-p=1",
                "-o=2",
                "--outbound-ports-to-ignore",
                &wrong,
            ],
            &[],
            None,
        ),
    ] {
        let lines: Vec<_> = found.lines().collect();
        assert_eq!(lines.len(), 21, "{found}");
        assert_eq!(lines[20], "error: and 19980 more errors");
    }
    let flag = format!("--exclude-outbound-ports={}", "x".repeat(100_000));
    let found = complaints(&["apply", &flag], &[], None);
    assert!(found.len() < 1000 && found.ends_with("...\n"), "{found}");
}
