//! What the README shows is what the program prints: its `console` blocks are run again, and its tables made anew. With
//! `SNAPSHOTS=overwrite` they are written into it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, in its own functions, too"
)]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use netweir::exit_code::ExitCode;
use netweir::options::Setting;
use snapbox::{Data, assert_data_eq};

#[test]
fn shows_what_the_program_prints() {
    let readme = include_str!("../README.md");
    let actual = console_blocks(&marked(readme, "options", &options()));
    let actual = marked(&actual, "exit codes", &exit_codes());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    assert_data_eq!(actual, Data::read_from(&file, None).raw());
}

/// The text with what stands between the comments `<!-- NAME -->` and `<!-- end of NAME -->` replaced.
fn marked(text: &str, name: &str, contents: &str) -> String {
    let begin = format!("<!-- {name} -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = text.split_once(&begin).expect("the beginning is marked");
    let (_, after) = rest.split_once(&end).expect("the end is marked");
    format!("{before}{begin}{contents}{end}{after}")
}

fn options() -> String {
    let mut table = "| option | default | what it does |\n| --- | --- | --- |\n".to_owned();
    for setting in Setting::ALL {
        let spec = setting.spec();
        let flag = match spec.short {
            Some(short) => format!("`--{}`, `-{short}`", spec.name),
            None => format!("`--{}`", spec.name),
        };
        let default = spec.default.describe();
        let default = if spec.default.text().is_some_and(|text| !text.is_empty()) {
            format!("`{default}`")
        } else {
            default.to_owned()
        };
        let about = spec.about.replace('*', "\\*");
        writeln!(table, "| {flag} | {default} | {about} |").unwrap();
    }
    table
}

fn exit_codes() -> String {
    let mut table = "| exit code | meaning |\n| --- | --- |\n".to_owned();
    for code in ExitCode::ALL {
        writeln!(table, "| {} | {} |", code.number(), code.meaning()).unwrap();
    }
    table
}

/// The text with the output of each command in a `console` block replaced by what it prints now. The commands of a block
/// share a network namespace of their own.
fn console_blocks(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, block)) = rest.split_once("```console\n") {
        let (block, after) = block.split_once("```").expect("a block ends");
        let commands: Vec<_> = block
            .lines()
            .filter_map(|line| line.strip_prefix("$ "))
            .collect();
        assert!(!commands.is_empty(), "a block without a command: {block}");
        write!(result, "{before}```console\n{}```", run(&commands)).unwrap();
        rest = after;
    }
    result + rest
}

fn run(commands: &[&str]) -> String {
    let mut script = String::new();
    for command in commands {
        writeln!(script, "echo '$ {command}'\n{command} 2>&1").unwrap();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_netweir"));
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", &script])
        .env(
            "PATH",
            format!("{}:{path}", binary.parent().unwrap().display()),
        )
        .output()
        .expect("unshare, of util-linux, runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}
