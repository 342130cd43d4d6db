//! Other programs: those that set up the sandbox, and the oracles.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a program in the calling thread's namespace, and gives back what it prints.
///
/// # Panics
/// When it fails, with its error output.
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let output = output_of(Command::new(program).args(arguments), input);
    assert!(
        output.status.success(),
        "{program} {}: {}\n{}{input}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a command with this input.
pub(crate) fn output_of(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // A program that fails early does not read all of its input.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().expect("waited for")
    })
}
