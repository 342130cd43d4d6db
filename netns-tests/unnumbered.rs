//! A pod whose address is on `lo`: its interface has no address of its own, to which inbound connections could be
//! redirected.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use netweir::connection::Owner;
use netweir::explain::Verdict;
use netweir::intent::Port;

use crate::sandbox::{
    Attempt, ConnectionOutcome, Direction, NetnsTest, POD, Sandbox, output_of, run,
};
use crate::trace::Traced;

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::new(
            "unnumbered::redirect_drops_and_every_command_says_so",
            redirect_drops_and_every_command_says_so,
        ),
        NetnsTest::new(
            "unnumbered::link_local_address_suffices_for_ipv6",
            link_local_address_suffices_for_ipv6,
        ),
        NetnsTest::new(
            "unnumbered::tproxy_needs_no_address",
            tproxy_needs_no_address,
        ),
        NetnsTest::new(
            "unnumbered::captures_families_with_an_address_on_lo",
            captures_families_with_an_address_on_lo,
        ),
    ]
}

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// Commands for `ip`, one a line.
fn ip(batch: &str) {
    run("ip", &["-batch", "-"], batch);
}

/// Moves the addresses of `eth0` to `lo`; `eth1` has none.
fn move_addresses() {
    ip("address flush dev eth1
        address flush dev eth0
        address add 10.1.0.2/32 dev lo
        address add fd01::2/128 dev lo nodad
        route add default via 10.1.0.1 dev eth0 onlink
        route replace ::/0 dev eth0");
}

/// Runs netweir: the exit code and what it prints.
fn netweir(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    let output = output_of(command.args(arguments), "");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    (output.status.code(), text)
}

fn apply(arguments: &[&str]) {
    let (code, text) = netweir(&[&["apply"], arguments].concat());
    assert_eq!(code, Some(0), "{text}");
}

fn inbound(address: IpAddr) -> Attempt {
    Attempt::tcp(Direction::In, ROOT, SocketAddr::new(address, 80))
}

/// An inbound connection is treated like this.
fn assert_outcome(sandbox: &Sandbox, address: IpAddr, verdict: fn(Port) -> Verdict) {
    let attempt = inbound(address);
    let (connection, actual) = sandbox.try_out(&attempt);
    let verdict = verdict(Port::new(15006).expect("not 0"));
    assert_eq!(
        actual,
        ConnectionOutcome::of(verdict, &connection),
        "{attempt}"
    );
}

fn redirect_drops_and_every_command_says_so(sandbox: &Sandbox) {
    move_addresses();
    apply(&[]);
    for (address, family) in POD.into_iter().zip(["IPv4", "IPv6"]) {
        let reason =
            format!("goes to a captured port; but eth0 has no {family} address to redirect to\n");
        let mut traced = Traced::start(&["in", "tcp"]);
        sandbox.start(&inbound(address));
        let line = traced.line();
        let dropped = format!("dev=eth0: dropped, by inbound/redirect: it {reason}");
        assert!(format!("{line}\n").contains(&dropped), "{line}");

        let destination = SocketAddr::new(address, 80).to_string();
        for arguments in [&["explain", "--from-kernel"][..], &["explain"]] {
            let connection = ["in", "tcp", &destination];
            let (code, text) = netweir(&[arguments, &connection].concat());
            assert_eq!(code, Some(0), "{text}");
            assert!(text.contains(" dev=eth0\n"), "{text}");
            assert!(text.contains(&format!("\ndropped: it {reason}")), "{text}");
            let json = ["--format=json"];
            let (_, json) = netweir(&[arguments, &json, &connection].concat());
            assert!(
                json.contains("\"verdict\":\"drop\",\"port\":null,\"rule\":\"inbound/redirect\""),
                "{json}"
            );
            // Of an interface that is not here nothing is known.
            let (_, text) = netweir(&[arguments, &connection, &["dev=eth9"]].concat());
            assert!(text.contains("\nredirected to port 15006"), "{text}");
        }
    }
    let (code, text) = netweir(&["apply", "--verify"]);
    assert_eq!(code, Some(3), "{text}");
    for family in ["ipv4", "ipv6"] {
        let failed = format!(
            "error: verification failed: inbound {family}: connections that arrive on eth0 are dropped: it has no address \
             of this family to redirect to\n"
        );
        assert!(text.contains(&failed), "{text}");
    }
    assert!(!text.contains("no global address"), "{text}");
    let (code, text) = netweir(&["apply", "--verify", "--exclude-interfaces=eth0"]);
    assert!(!text.contains("are dropped"), "{code:?}: {text}");
    // The remedy of the documents.
    ip("address add 10.1.0.2/32 dev eth0\naddress add fd01::2/128 dev eth0 nodad");
    apply(&[]);
    for address in POD {
        assert_outcome(sandbox, address, Verdict::Redirect);
    }
}

fn link_local_address_suffices_for_ipv6(sandbox: &Sandbox) {
    move_addresses();
    ip("address add fe80::1:2/64 dev eth0 nodad");
    apply(&[]);
    assert_outcome(sandbox, POD[1], Verdict::Redirect);
    let destination = SocketAddr::new(POD[1], 80).to_string();
    let (_, text) = netweir(&["explain", "--from-kernel", "in", "tcp", &destination]);
    assert!(text.contains("\nredirected to port 15006"), "{text}");
    let (_, text) = netweir(&["apply", "--verify"]);
    assert!(!text.contains("inbound ipv6: connections"), "{text}");
    assert!(text.contains("inbound ipv4: connections"), "{text}");
}

fn tproxy_needs_no_address(sandbox: &Sandbox) {
    move_addresses();
    apply(&["--inbound-mode=tproxy"]);
    for address in POD {
        assert_outcome(sandbox, address, Verdict::Tproxy);
    }
    let (_, text) = netweir(&["apply", "--verify", "--inbound-mode=tproxy"]);
    assert!(!text.contains("are dropped"), "{text}");
}

/// The address `::6`, which netweir adds to `lo` itself, is no reason to capture IPv6.
fn captures_families_with_an_address_on_lo(_: &Sandbox) {
    move_addresses();
    let families = || {
        let (code, text) = netweir(&["apply", "--dry-run", "--ip-families=auto"]);
        assert_eq!(code, Some(0), "{text}");
        ["ipv4", "ipv6"].map(|family| !text.contains(&format!("outbound/leave-{family}")))
    };
    assert_eq!(families(), [true, true]);
    ip("address del 10.1.0.2/32 dev lo");
    assert_eq!(families(), [false, true]);
    ip("address add 10.1.0.2/32 dev lo\naddress del fd01::2/128 dev lo");
    apply(&["--ip-families=both"]);
    assert_eq!(families(), [true, false]);
}
