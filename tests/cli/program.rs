//! Runs the program.

use std::io::Write;
use std::process::{Command, Output};

use tempfile::NamedTempFile;

/// The program that Cargo built, with nothing of this process' environment.
pub(crate) fn netweir(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    command.args(arguments).env_clear();
    command
}

/// What the run ended with, and what it said.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program starts");
    Run {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// The rules that a dry run prints.
pub(crate) fn rules(command: &mut Command) -> String {
    let run = run(command);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

/// A configuration file.
pub(crate) fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".toml").unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The program in a network namespace of its own, after the commands of a shell, in which `$0` is the program.
pub(crate) fn within(setup: &str, arguments: &[&str]) -> Run {
    let script = format!("{setup}\nexec \"$0\" \"$@\"");
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", "sh", "-ec", &script])
        .arg(env!("CARGO_BIN_EXE_netweir"))
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    run(&mut command)
}
