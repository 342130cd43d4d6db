//! `netweir completions`, in the shells that they are for.

use std::process::Command;

use crate::program::{netweir, run};

fn script(shell: &str) -> String {
    let run = run(&mut netweir(&["completions", shell]));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

/// What the shell prints for the commands, after the script.
fn told(shell: &str, arguments: &[&str], commands: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    std::fs::write(home.join("a-file"), "").unwrap();
    let text = format!("{}\n{commands}\n", script(shell));
    let path = home.join("script");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(shell);
    command.args(arguments).arg(&path).current_dir(home);
    command.env("HOME", home);
    let run = run(&mut command);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{shell}");
    run.stdout.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn of_bash() {
    let told = told(
        "bash",
        &["--norc"],
        r#"of() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _netweir
            echo "${COMPREPLY[*]}"
        }
        of netweir expl
        of netweir explain --ta
        of netweir explain --format ''
        of netweir explain --format = j
        of netweir apply --dns =
        of netweir linkerd-init --incoming-proxy-p
        of netweir apply --config a-
        of netweir apply --outbound-port ''
        of netweir completions zs
        of netweir cni unin
        of netweir cni install --uninst
        of netweir cni install --conf-dir a-"#,
    );
    let expected = [
        "explain",
        "--table",
        "text json",
        "json",
        "off resolvers all",
        "--incoming-proxy-port",
        "a-file",
        "",
        "zsh",
        "uninstall",
        "--uninstall-on-exit",
        "a-file",
    ];
    assert_eq!(told, expected);
}

#[test]
fn of_fish() {
    let told = told(
        "fish",
        &["--no-config"],
        r#"for line in "netweir expl" "netweir explain --ta" "netweir explain --format " "netweir apply --config a-" "netweir completions z"
            complete -C $line | string split -f 1 \t
        end
        true"#,
    );
    let expected = ["explain", "--table", "json", "text", "a-file", "zsh"];
    assert_eq!(told, expected);
}

/// With stand-ins for zsh's own functions, which need a terminal.
#[test]
fn of_zsh() {
    let told = told(
        "zsh",
        &["-f"],
        r#"_describe() { print -l -- ${(P)2} }
        _arguments() { print -l -- "$@" }
        of() { words=("$@"); CURRENT=$#; _netweir }
        of netweir ''
        of netweir explain --"#,
    );
    let has = |text: &str| told.iter().any(|line| line == text);
    assert!(
        has("remove:Take away exactly what apply installed"),
        "{told:#?}"
    );
    assert!(
        has("*--format=[How to answer]:value:(text json)"),
        "{told:#?}"
    );
    assert!(
        has("*--config=[A TOML file with options]:file:_files"),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|line| line.starts_with("istio-iptables:Do what Istio's "))
    );
}

#[test]
fn of_every_option_of_every_verb() {
    let help = |verb: &str| run(&mut netweir(&[verb, "--help"])).stdout;
    let script = script("fish");
    for verb in [
        "apply",
        "diff",
        "explain",
        "graph",
        "remove",
        "status",
        "trace",
        "istio-iptables",
        "linkerd-init",
    ] {
        let of_verb = format!("'__fish_seen_subcommand_from {verb}' -l ");
        let lines = script.lines().filter(|line| line.contains(&of_verb));
        let help = help(verb);
        let flags = help.lines().filter_map(|line| {
            let line = line.trim_start();
            line.starts_with('-').then(|| line.split("--").nth(1))?
        });
        assert_eq!(lines.count(), flags.count(), "{verb}");
    }
}

#[test]
fn of_another_shell() {
    for arguments in [&["completions", "tcsh"][..], &["completions"]] {
        let run = run(&mut netweir(arguments));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
        assert!(
            run.stderr.contains("is not one of bash, zsh, fish"),
            "{}",
            run.stderr
        );
    }
}
