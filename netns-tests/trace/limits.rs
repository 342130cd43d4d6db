//! Tracing disturbs nothing, ends with nothing left, and outlasts what it cannot keep up with.

use std::io::Read;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};

use netweir::intent::Capture;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::traced::Traced;
use crate::sandbox::{NetnsTest, install, output_of, run};

pub(super) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("trace::nothing-stays-however-it-ends", nothing_stays),
        NetnsTest::alone("trace::ends-with-whom-it-tells", unheard),
        NetnsTest::alone("trace::goes-on-when-messages-are-lost", lost),
        NetnsTest::alone("trace::is-invisible-to-other-commands", unnoticed),
        NetnsTest::alone("trace::needs-permission", without_permission).with(&["setpriv"]),
    ]
}

/// Ended by a signal, by its own limits, or killed: the ruleset is what it was, to the handles.
fn nothing_stays() {
    install(&Capture::default());
    let listing = || run("nft", &["--handle", "--stateless", "list", "ruleset"], "");
    let before = listing();
    let while_traced =
        || assert!(run("nft", &["list", "tables"], "").contains("inet netweir-trace-"));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let traced = Traced::start(&[]);
        while_traced();
        traced.end(signal);
        assert_eq!(listing(), before, "{signal}");
    }
    let traced = Traced::start(&["--count=2"]);
    while_traced();
    for port in 1..=3 {
        socket
            .send_to(&[0], (Ipv4Addr::LOCALHOST, port))
            .expect("sent");
    }
    let (status, lines) = traced.rest();
    assert!(status.success());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(listing(), before, "--count");
    let (status, _) = Traced::start(&["--duration=100ms"]).rest();
    assert!(status.success());
    assert_eq!(listing(), before, "--duration");
    let traced = Traced::start(&[]);
    while_traced();
    traced.signal(Signal::SIGKILL);
    let (status, _) = traced.rest();
    assert_eq!(status.code(), None, "{status}");
    // The kernel takes the table away when it closes the socket, which is before the process is waited for.
    assert_eq!(listing(), before, "killed");
}

/// Who reads may have enough at some time.
fn unheard() {
    let mut command = Command::new("sh");
    let script = "timeout 20 \"$0\" trace --format=json udp 2>ready | head -n 1; echo end";
    let directory = tempfile::tempdir().expect("a directory");
    command
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_netweir"));
    command.current_dir(&directory).stdout(Stdio::piped());
    let mut shell = command.spawn().expect("started");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let mut ports = (1..=u16::MAX).cycle();
    // Until the pipe is found to be closed: the first may be sent before it traces.
    while shell.try_wait().expect("waited for").is_none() {
        let port = ports.next().expect("a cycle");
        socket
            .send_to(&[0], (Ipv4Addr::LOCALHOST, port))
            .expect("sent");
    }
    let mut shown = String::new();
    let mut stdout = shell.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut shown).expect("text");
    assert!(
        shown.starts_with("{\"version\":1,") && shown.ends_with("}\nend\n"),
        "{shown}"
    );
    let report = std::fs::read_to_string(directory.path().join("ready")).expect("text");
    assert!(report.contains("until SIGINT or SIGTERM\n"), "{report}");
    assert!(!report.contains("error: "), "{report}");
}

/// While it is stopped, the kernel soon has nowhere to put what it tells.
fn lost() {
    install(&Capture::default());
    let mut traced = Traced::start(&["--format=json"]);
    traced.signal(Signal::SIGSTOP);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let send = |port| socket.send_to(&[0], (Ipv4Addr::LOCALHOST, port));
    for port in 1..=FLOOD {
        send(port).expect("sent");
    }
    traced.signal(Signal::SIGCONT);
    assert_eq!(
        traced.complaint(),
        "warning: connections are made faster than they can be shown: some are left out\n"
    );
    // It has read all that there was when it says so; what comes now is shown again.
    send(33_333).expect("sent");
    let mut shown = 0;
    loop {
        let report: Value = serde_json::from_str(&traced.line()).expect("JSON");
        if report["connection"]["port"] == 33_333 {
            assert_eq!(report["verdict"], "leave");
            break;
        }
        shown += 1;
    }
    assert!(0 < shown && shown < FLOOD, "{shown}");
    traced.signal(Signal::SIGTERM);
    let complaint = traced.complaint();
    let lost = complaint
        .strip_prefix("warning: the kernel's messages were not all read in time lost=")
        .expect("a number");
    assert!(
        lost.trim_end().parse::<u32>().expect("a number") > 0,
        "{lost}"
    );
    let (status, _) = traced.rest();
    assert!(status.success(), "{status}");
}

/// So many packets are more than the kernel keeps the messages of.
const FLOOD: u16 = 4000;

/// Commands that read the installed rules do not show the tracing.
fn unnoticed() {
    install(&Capture::default());
    let looks = || {
        let look = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
            let output = output_of(command.args(arguments), "");
            assert_eq!(output.status.code(), Some(0), "{arguments:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        [
            look(&["status"]),
            look(&["diff"]),
            look(&["explain", "--from-kernel", "out", "tcp", "10.0.0.5:443"]),
            look(&["graph", "--from-kernel"]),
            look(&["apply"]),
        ]
    };
    let before = looks();
    let traced = Traced::start(&[]);
    assert_eq!(looks(), before);
    assert_eq!(traced.end(Signal::SIGTERM), Vec::<String>::new());
}

fn without_permission() {
    let mut command = Command::new("setpriv");
    let arguments = ["--bounding-set=-net_admin", "--inh-caps=-net_admin"];
    command
        .args(arguments)
        .args([env!("CARGO_BIN_EXE_netweir"), "trace"]);
    let output = output_of(&mut command, "");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("CAP_NET_ADMIN"), "{complaint}");
}
