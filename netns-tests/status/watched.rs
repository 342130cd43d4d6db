//! `status --watch`: printed again at each change, until a signal ends it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use netweir::intent::Capture;
use netweir::nftables;
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::connections::attempts;
use crate::sandbox::{NetnsTest, Sandbox, install, run};

pub(super) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::new("status::watch-prints-every-change", changes),
        NetnsTest::alone("status::watch-draws-on-a-terminal", on_terminal),
    ]
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    command.args(["status", "--watch"]);
    command
}

fn end(mut child: Child, signal: Signal) {
    let id = i32::try_from(child.id()).expect("a process id");
    kill(Pid::from_raw(id), signal).expect("a signal");
    let status = child.wait().expect("waited for");
    assert!(status.success(), "{signal}: {status}");
}

fn changes(sandbox: &Sandbox) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut child = command()
            .arg("--format=json")
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        assert_eq!(next(&mut lines)["installed"], false);
        let capture = Capture::default();
        install(&capture);
        // The address may come in a line of its own, before the table.
        let status = until(&mut lines, |status| status["installed"] == true);
        assert_eq!(status["sync"], "same");
        assert_eq!(sum(&status), 0);
        let attempts = attempts::matrix(&capture);
        sandbox.try_out(&attempts[0]);
        let status = until(&mut lines, |status| sum(status) > 0);
        assert_eq!(sum(&status), 1);
        run("nft", &["add rule inet netweir inbound ip ttl 7 drop"], "");
        until(&mut lines, |status| status["sync"] == "edited");
        nftables::remove().expect("removed");
        until(&mut lines, |status| status["installed"] == false);
        end(child, signal);
        let mut rest = String::new();
        lines.read_to_string(&mut rest).expect("text");
    }
}

fn next(lines: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    serde_json::from_str(&line).expect("JSON")
}

fn until(lines: &mut BufReader<ChildStdout>, such: impl Fn(&Value) -> bool) -> Value {
    loop {
        let status = next(lines);
        if such(&status) {
            return status;
        }
    }
}

fn sum(status: &Value) -> u64 {
    let rules = status["rules"].as_array().expect("rules").iter();
    rules.filter_map(|rule| rule["count"].as_u64()).sum()
}

/// The screen is taken, drawn without ever being blanked, and given back with the last status on it.
fn on_terminal() {
    let terminal = openpty(None, None).expect("a terminal");
    let child = command()
        .env("TERM", "xterm")
        .stdout(terminal.slave)
        .spawn()
        .expect("started");
    let mut screen = File::from(terminal.master);
    let mut seen = String::new();
    read_until(&mut screen, &mut seen, "capture is not installed");
    install(&Capture::default());
    read_until(&mut screen, &mut seen, "unchanged since installed");
    end(child, Signal::SIGINT);
    let mut rest = Vec::new();
    // The kernel ends the reading of a terminal without a program with EIO.
    let _ = screen.read_to_end(&mut rest);
    let rest = String::from_utf8_lossy(&rest);
    assert!(seen.starts_with("\x1b[?1049h"), "{seen:?}");
    assert!(!seen.contains("\x1b[2J"), "{seen:?}");
    let (_, after) = rest.split_once("\x1b[?1049l").expect("given back");
    assert!(after.contains("unchanged since installed"), "{rest:?}");
}

fn read_until(screen: &mut File, seen: &mut String, words: &str) {
    let mut buffer = [0; 4096];
    while !seen.contains(words) {
        let length = screen.read(&mut buffer).expect("readable");
        seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}
