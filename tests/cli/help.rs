//! `-h` and `--help`, as snapshots: `SNAPSHOTS=overwrite cargo test --test cli` rewrites them.

use netweir::options::OptionSet;
use snapbox::{assert_data_eq, file};

use crate::program::{netweir, run};

fn help(arguments: &[&str]) -> String {
    let run = run(&mut netweir(arguments));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

#[test]
fn of_the_program() {
    assert_data_eq!(help(&["--help"]), file!["help/netweir.txt"]);
}

#[test]
fn of_apply() {
    assert_data_eq!(help(&["apply", "--help"]), file!["help/apply.txt"]);
}

#[test]
fn of_cni() {
    assert_data_eq!(help(&["cni", "--help"]), file!["help/cni.txt"]);
    assert_data_eq!(
        help(&["cni", "install", "--help"]),
        file!["help/cni-install.txt"]
    );
    assert_data_eq!(
        help(&["cni", "uninstall", "--help"]),
        file!["help/cni-uninstall.txt"]
    );
}

#[test]
fn of_completions() {
    assert_data_eq!(
        help(&["completions", "--help"]),
        file!["help/completions.txt"]
    );
}

#[test]
fn of_explain() {
    assert_data_eq!(help(&["explain", "--help"]), file!["help/explain.txt"]);
}

#[test]
fn of_diff() {
    assert_data_eq!(help(&["diff", "--help"]), file!["help/diff.txt"]);
}

#[test]
fn of_graph() {
    assert_data_eq!(help(&["graph", "--help"]), file!["help/graph.txt"]);
}

#[test]
fn of_status() {
    assert_data_eq!(help(&["status", "--help"]), file!["help/status.txt"]);
}

#[test]
fn of_trace() {
    assert_data_eq!(help(&["trace", "--help"]), file!["help/trace.txt"]);
}

#[test]
fn of_remove() {
    assert_data_eq!(help(&["remove", "--help"]), file!["help/remove.txt"]);
}

#[test]
fn of_the_meshes_commands() {
    assert_data_eq!(
        help(&["istio-iptables", "--help"]),
        file!["help/istio-iptables.txt"]
    );
    assert_data_eq!(
        help(&["istio-clean-iptables", "--help"]),
        file!["help/istio-clean-iptables.txt"]
    );
    assert_data_eq!(
        help(&["linkerd-init", "--help"]),
        file!["help/linkerd-init.txt"]
    );
    assert_data_eq!(
        help(&["linkerd-network-validator", "--help"]),
        file!["help/linkerd-network-validator.txt"]
    );
    for (words, expected) in [
        (
            ["install", "transparent-proxy"],
            file!["help/kumactl-install.txt"],
        ),
        (
            ["install", "transparent-proxy-validator"],
            file!["help/kumactl-validator.txt"],
        ),
        (
            ["uninstall", "transparent-proxy"],
            file!["help/kumactl-uninstall.txt"],
        ),
    ] {
        let kuma = [&["kumactl"], &words[..]].concat();
        assert_data_eq!(help(&[&kuma[..], &["--help"]].concat()), expected);
    }
    let consul = ["consul", "connect", "redirect-traffic"];
    let whole = help(&[&consul[..], &["--help"]].concat());
    assert_data_eq!(whole.as_str(), file!["help/consul.txt"]);
    assert_eq!(help(&[&["help"], &consul[..]].concat()), whole);
    for command in [
        "istio-iptables",
        "istio-clean-iptables",
        "linkerd-init",
        "linkerd-network-validator",
    ] {
        assert_eq!(help(&["help", command]), help(&[command, "--help"]));
    }
}

#[test]
fn every_option_has_a_default_a_variable_and_an_example() {
    let text = help(&["apply", "--help"]);
    let count = |what| text.matches(what).count();
    let with_values = netweir::options::Setting::ALL.len();
    assert!(with_values > 20, "{text}");
    assert_eq!(count("[default: "), with_values);
    assert_eq!(count("[env: NETWEIR_"), with_values);
    assert_eq!(count("[example:"), with_values);
}

#[test]
fn no_arguments_print_short_help() {
    let run = run(&mut netweir(&[]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert_eq!(run.stderr, help(&["-h"]));
}

#[test]
fn short_help_is_one_screen() {
    for (arguments, golden) in [
        (&["-h"][..], file!["help/short/netweir.txt"]),
        (&["apply", "-h"], file!["help/short/apply.txt"]),
        (
            &["cni", "install", "-h"],
            file!["help/short/cni-install.txt"],
        ),
        (&["explain", "-h"], file!["help/short/explain.txt"]),
        (&["status", "-h"], file!["help/short/status.txt"]),
        (&["trace", "-h"], file!["help/short/trace.txt"]),
        (
            &["istio-iptables", "-h"],
            file!["help/short/istio-iptables.txt"],
        ),
        (
            &["consul", "connect", "redirect-traffic", "-h"],
            file!["help/short/consul.txt"],
        ),
        (
            &["linkerd-init", "-h"],
            file!["help/short/linkerd-init.txt"],
        ),
    ] {
        let text = help(arguments);
        assert!(text.lines().count() <= 25, "{text}");
        assert!(text.lines().all(|line| line.len() <= 110), "{text}");
        assert_data_eq!(text, golden);
    }
}

#[test]
fn prints_the_version() {
    let version = concat!("netweir ", env!("CARGO_PKG_VERSION"), "\n");
    for arguments in ["--version", "-V", "version"] {
        assert_eq!(help(&[arguments]), version);
    }
}
