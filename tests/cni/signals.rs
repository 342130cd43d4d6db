//! A signal that ends the plugin leaves an answer for the runtime.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Ends a plugin that waits for its input, and returns exit code and answer.
fn ended_by(signal: Signal) -> (Option<i32>, Value) {
    let mut plugin = Command::new(env!("CARGO_BIN_EXE_netweir"))
        .env_clear()
        .env("CNI_COMMAND", "STATUS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It reads to the end, which does not come. Once the pipe is empty, it has started.
    let mut input = plugin.stdin.take().unwrap();
    input.write_all(&vec![b' '; 1 << 20]).unwrap();
    let process = Pid::from_raw(plugin.id().cast_signed());
    kill(process, signal).unwrap();
    let mut stdout = String::new();
    let mut output = plugin.stdout.take().unwrap();
    output.read_to_string(&mut stdout).unwrap();
    let code = plugin.wait().unwrap().code();
    (code, serde_json::from_str(&stdout).unwrap_or_default())
}

#[test]
fn signal_that_ends_the_plugin_is_answered() {
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGXCPU,
    ] {
        let (code, answer) = ended_by(signal);
        assert_eq!(code, Some(1), "{signal}");
        assert_eq!(answer["code"], 11, "{signal}: {answer}");
        assert_eq!(answer["cniVersion"], "1.1.0");
        assert_eq!(
            answer["msg"],
            "a signal ended the plugin before it was done"
        );
    }
}

#[test]
fn crash_is_answered_as_a_bug() {
    for signal in [Signal::SIGSEGV, Signal::SIGABRT, Signal::SIGBUS] {
        let (code, answer) = ended_by(signal);
        assert_eq!(code, Some(1), "{signal}");
        assert_eq!(answer["code"], 199, "{signal}: {answer}");
    }
}
