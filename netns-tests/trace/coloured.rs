//! `trace` uses colours on a terminal, and nowhere else.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use netweir::intent::Capture;
use nix::pty::openpty;

use super::to_peer;
use crate::sandbox::{NetnsTest, Sandbox, install};

pub(super) fn tests() -> Vec<NetnsTest> {
    vec![NetnsTest::new(
        "trace::is-coloured-on-a-terminal-alone",
        on_terminal_alone,
    )]
}

const COLOURED: &str =
    ": \x1b[36mredirected to port 15001, the proxy's outbound port\x1b[0m, by outbound/redirect";
const PLAIN: &str = ": redirected to port 15001, the proxy's outbound port, by outbound/redirect";

fn on_terminal_alone(sandbox: &Sandbox) {
    install(&Capture::default());
    for (variable, value, wanted) in [
        ("TERM", "xterm", COLOURED),
        ("NO_COLOR", "1", PLAIN),
        ("TERM", "dumb", PLAIN),
    ] {
        let terminal = openpty(None, None).expect("a terminal");
        let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        command.env(variable, value).stdout(terminal.slave);
        let shown = shown(sandbox, command, File::from(terminal.master));
        assert!(shown.contains(wanted), "{variable}={value}: {shown:?}");
    }
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    command.env("TERM", "xterm").stdout(writer);
    let piped = shown(sandbox, command, reader);
    assert!(piped.contains(PLAIN), "{piped:?}");
}

/// The output for one connection.
fn shown(sandbox: &Sandbox, mut command: Command, mut output: impl Read) -> String {
    let mut child = command
        .args(["trace", "--count=1", "out", "tcp", ":80"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    // It has an end of the output.
    drop(command);
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let begun = stderr.next().expect("a line").expect("text");
    assert!(
        begun.starts_with("info: new connections are shown"),
        "{begun}"
    );
    sandbox.try_out(&to_peer(0, 80));
    assert!(child.wait().expect("waited for").success());
    let mut shown = Vec::new();
    // The kernel ends the reading of a terminal without a program with EIO.
    let _ = output.read_to_end(&mut shown);
    String::from_utf8(shown).expect("text")
}
