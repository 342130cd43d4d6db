//! `netweir completions`, in the shells that they are for.

use std::process::Command;

use crate::program::{netweir, run};

fn script(shell: &str) -> String {
    let run = run(&mut netweir(&["completions", shell]));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

/// What the shell prints for the commands, of which some run before the script.
fn printed(shell: &str, arguments: &[&str], before: &str, commands: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    std::fs::write(home.join("a-file"), "").unwrap();
    let text = format!("{before}\n{}\n{commands}\n", script(shell));
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
fn completes_in_bash() {
    let completed = printed(
        "bash",
        &["--norc"],
        "compopt() { true; }",
        r#"of() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _netweir netweir "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            echo "${COMPREPLY[*]}"
        }
        of netweir expl
        of netweir explain --ta
        of netweir explain --format ''
        of netweir apply --dns ''
        of netweir linkerd-init --incoming-proxy-p
        of netweir apply --config a-
        of netweir completions zs
        of netweir cni unin
        of netweir cni install --uninst
        of netweir cni install --plugin-config a-"#,
    );
    let expected = [
        "explain",
        "--table",
        "text json",
        "off resolvers all",
        "--incoming-proxy-port",
        "a-file",
        "zsh",
        "uninstall",
        "--uninstall-on-exit",
        "a-file",
    ];
    assert_eq!(completed, expected);
}

#[test]
fn completes_in_fish() {
    let completed = printed(
        "fish",
        &["--no-config"],
        "",
        r#"for line in "netweir expl" "netweir explain --ta" "netweir explain --format " "netweir apply --config a-"
            complete -C $line | string split -f 1 \t
        end
        true"#,
    );
    let expected = ["explain", "--table", "json", "text", "a-file"];
    assert_eq!(completed, expected);
}

/// With replacements for zsh's own functions, which need a terminal.
#[test]
fn completes_in_zsh() {
    let completed = printed(
        "zsh",
        &["-f"],
        "compdef() { }",
        r#"_describe() { print -l -- ${(P)4} }
        _arguments() { print -l -- "$@"; return 1 }
        _netweir_commands
        words=(netweir ''); CURRENT=2; _netweir || true"#,
    );
    for command in ["remove", "explain", "istio-iptables"] {
        let listed = completed
            .iter()
            .any(|line| line.starts_with(&format!("{command}:")));
        assert!(listed, "{command}: {completed:#?}");
    }
}

#[test]
fn lists_every_option_of_every_command() {
    let help = |command: &str| run(&mut netweir(&[command, "--help"])).stdout;
    let script = script("fish");
    for command in [
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
        let of_command = format!("__fish_netweir_using_subcommand {command}\"");
        let help = help(command);
        let flags = help.lines().filter_map(|line| {
            let is_option = line.starts_with("  -") || line.starts_with("      --");
            let long = line.split("--").nth(1).filter(|_| is_option)?;
            long.split(['[', ' ']).next()
        });
        let flags: Vec<_> = flags.collect();
        assert!(flags.len() > 4, "{command}: {flags:?}");
        for flag in flags {
            let option = format!(" -l {flag} ");
            let is_listed = script
                .lines()
                .any(|line| line.contains(&of_command) && format!("{line} ").contains(&option));
            assert!(is_listed, "{command} --{flag}");
        }
    }
}

#[test]
fn refuses_other_shells() {
    for arguments in [&["completions", "tcsh"][..], &["completions"]] {
        let run = run(&mut netweir(arguments));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
        assert!(run.stderr.contains("bash, zsh, fish"), "{}", run.stderr);
    }
}
