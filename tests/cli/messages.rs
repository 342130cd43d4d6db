//! Warnings and log messages.

use std::fs::OpenOptions;

use snapbox::{assert_data_eq, str};

use crate::program::{netweir, run};

#[test]
fn rules_are_printed_despite_warnings() {
    let run = run(&mut netweir(&[
        "apply",
        "--dry-run",
        "--proxy-uid=0",
        "--inbound-port=15001",
    ]));
    assert_eq!(run.code, Some(0));
    assert!(run.stdout.contains("table inet netweir {"));
    assert_data_eq!(
        run.stderr,
        str![[r#"
warning: --inbound-port: also the proxy's outbound port: the proxy cannot tell inbound from outbound connections
warning: --proxy-uid: contains id 0: no connection of a process that runs as root is captured, including the application's

"#]]
    );
}

#[test]
fn quiet_omits_only_warnings() {
    let loud = run(&mut netweir(&["apply", "--dry-run", "--proxy-uid=0"]));
    let quiet = run(&mut netweir(&["apply", "--dry-run", "--proxy-uid=0", "-q"]));
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    assert_eq!(quiet.stdout, loud.stdout);
    assert!(!loud.stderr.is_empty());
}

#[test]
fn options_may_stand_before_the_command() {
    let after = run(&mut netweir(&[
        "apply",
        "--dry-run",
        "-q",
        "--ip-families",
        "ipv4",
    ]));
    let before = run(&mut netweir(&[
        "-q",
        "--ip-families",
        "ipv4",
        "--dry-run",
        "apply",
    ]));
    assert_eq!(before.code, Some(0), "{}", before.stderr);
    assert_eq!((before.stdout, before.stderr), (after.stdout, after.stderr));
    let namespace = run(&mut netweir(&["--netns", "no-such-name", "status"]));
    assert!(
        namespace.stderr.contains("no-such-name"),
        "{}",
        namespace.stderr
    );
    let watched = run(&mut netweir(&[
        "--quiet=maybe",
        "cni",
        "--bin-dir",
        "/x",
        "install",
    ]));
    assert_eq!(watched.code, Some(2));
    assert!(watched.stderr.contains("--quiet: "), "{}", watched.stderr);
}

#[test]
fn unwritable_output_is_a_failure() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = run(netweir(&["apply", "--dry-run"]).stdout(full));
    assert_eq!(run.code, Some(1));
    assert_data_eq!(
        run.stderr,
        str![[r#"
error: cannot write standard output: No space left on device (os error 28)

"#]]
    );
}

#[test]
fn a_namespace_that_is_not_there_is_named() {
    for (namespace, error) in [
        (
            "/nonexistent/ns",
            "there is no network namespace /nonexistent/ns",
        ),
        (
            "no-such-name",
            "there is no network namespace \"no-such-name\" under /run/netns",
        ),
        (
            "2147483647",
            "there is no process 2147483647, whose network namespace was asked for",
        ),
    ] {
        let run = run(&mut netweir(&["remove", "--netns", namespace]));
        assert_eq!(
            (run.code, run.stderr),
            (Some(1), format!("error: --netns: {error}\n"))
        );
    }
}

#[test]
fn a_dry_run_does_not_look_for_the_namespace() {
    let run = run(&mut netweir(&[
        "apply",
        "--dry-run",
        "--netns",
        "no-such-name",
    ]));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn every_format_is_printed() {
    for (format, part) in [
        ("nft", "table inet netweir {"),
        ("json", "\"nftables\""),
        ("iptables", "-d 127.0.0.1"),
        ("ip6tables", "-d ::1"),
    ] {
        let run = run(&mut netweir(&["apply", "--dry-run", "--format", format]));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        assert!(run.stdout.contains(part), "{format}: {}", run.stdout);
    }
}

#[test]
fn verbose_logs_steps() {
    let run = run(&mut netweir(&[
        "apply",
        "--dry-run",
        "-v",
        "--ip-families=ipv6",
    ]));
    assert_data_eq!(
        run.stderr,
        str![[r#"
debug: gave up privileges kept=none
debug: resolved the options families=ipv6

"#]]
    );
}
