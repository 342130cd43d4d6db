//! Connections that are open when capture begins.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use netweir::connection::Owner;
use netweir::explain::Verdict;
use netweir::intent::Capture;
use netweir_testkit::tracer::{self, Ended, Next};
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use socket2::{Domain, Protocol, Socket, Type};

use super::{APPLICATION, COMMANDS, netweir};
use crate::sandbox::{
    Attempt, ConnectionOutcome, Direction, NetnsTest, OpenConnection, PEER, POD, Sandbox,
    output_of, run,
};

const NETWEIR: &str = env!("CARGO_BIN_EXE_netweir");
const PROXY: Owner = Owner {
    uid: 1337,
    gid: 1337,
};
const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];
/// How long, in milliseconds, until what has not come is lost.
const PATIENCE: u16 = 3_000;

pub(super) fn tests() -> Vec<NetnsTest> {
    let test = |name: &str, body: fn(&Sandbox)| {
        NetnsTest::new(format!("beside::open::{name}"), body).only_as_root()
    };
    let alone = |name: &str, body: fn()| NetnsTest::alone(format!("beside::open::{name}"), body);
    vec![
        test(
            "stay_open_under_every_command",
            stay_open_under_every_command,
        ),
        test(
            "stay_listed_when_rules_change",
            stay_listed_when_rules_change,
        ),
        test("same_ports_are_captured_anew", same_ports_are_captured_anew),
        test(
            "crafted_packet_opens_no_way_past_capture",
            crafted_packet_opens_no_way_past_capture,
        ),
        alone("beyond_the_bound_are_counted", beyond_the_bound_are_counted),
        test("failure_to_list_is_a_warning", failure_to_list_is_a_warning),
        alone(
            "empty_namespace_is_not_searched",
            empty_namespace_is_not_searched,
        ),
    ]
}

/// Connections of each family: from the pod, to it and inside it; of the proxy to its own pod; to a listener of both
/// families.
fn connections(sandbox: &Sandbox) -> Vec<OpenConnection> {
    let attempts = [
        (Direction::Out, APPLICATION, PEER),
        (Direction::In, APPLICATION, POD),
        (Direction::Out, APPLICATION, LOOPBACK),
        (Direction::Out, PROXY, POD),
    ];
    let attempts = attempts.into_iter().flat_map(|(direction, owner, to)| {
        to.map(|to| Attempt::tcp(direction, owner, SocketAddr::new(to, 80)))
    });
    let mut open: Vec<_> = attempts.map(|attempt| sandbox.open(&attempt)).collect();
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = sandbox.within_peer(|| TcpStream::connect((POD[0], port)).unwrap());
    let (server, _) = listener.accept().unwrap();
    open.push(OpenConnection {
        client: client.into(),
        server: server.into(),
    });
    open
}

fn all_work(open: &[OpenConnection]) -> bool {
    open.iter().all(OpenConnection::works)
}

/// Runs the command, and returns what it says.
fn succeeds(line: &str) -> String {
    let arguments: Vec<_> = line.split(' ').collect();
    let (code, output, errors) = netweir(&arguments);
    assert_eq!(code, Some(0), "{line}: {output}{errors}");
    output + &errors
}

/// Whether new connections are captured, out and in.
fn captures(sandbox: &Sandbox) -> bool {
    let connections = [(Direction::Out, PEER[0]), (Direction::In, POD[0])];
    connections.into_iter().all(|(direction, to)| {
        let attempt = Attempt::tcp(direction, APPLICATION, SocketAddr::new(to, 80));
        let (connection, actual) = sandbox.try_out(&attempt);
        actual != ConnectionOutcome::of(Verdict::Leave, &connection)
    })
}

fn stay_open_under_every_command(sandbox: &Sandbox) {
    let printed = succeeds("apply --dry-run");
    for line in COMMANDS {
        let open = connections(sandbox);
        let said = succeeds(line);
        let info = "info: open connections bypass capture connections=";
        assert!(said.contains(info), "{line}: {said}");
        assert!(all_work(&open), "{line}");
        assert!(captures(sandbox), "{line}");
        let said = succeeds(line);
        assert!(said.contains("info: nothing to change: "), "{line}: {said}");
        assert!(
            succeeds("status").contains("; unchanged since installed\n"),
            "{line}"
        );
        assert!(all_work(&open), "{line}");
        succeeds("remove");
        assert!(all_work(&open), "{line}");
    }
    // What is printed does not depend on what is open.
    let _open = connections(sandbox);
    assert_eq!(succeeds("apply --dry-run"), printed);
}

/// `explain` says that the first connection was open before.
fn explained(open: &[OpenConnection]) {
    let end = |address: socket2::SockAddr| address.as_socket().expect("of the internet");
    let local = end(open[0].client.local_addr().expect("bound"));
    let remote = end(open[0].client.peer_addr().expect("connected"));
    let line = format!("explain --from-kernel out tcp {remote} from={local} uid=1000 gid=1000");
    let answer = succeeds(&line);
    assert!(
        answer.contains("not captured: it was open before it could be captured"),
        "{answer}"
    );
    assert!(
        answer.contains("assumed: the interface, the state\n"),
        "{answer}"
    );
    let answer = succeeds(&format!("{line} state=new"));
    assert!(answer.contains("redirected to port 15001"), "{answer}");
}

/// Connections that are captured are not listed as open ones later.
fn stay_listed_when_rules_change(sandbox: &Sandbox) {
    let open = connections(sandbox);
    let said = succeeds("apply");
    let info = "info: open connections bypass capture connections=13\n";
    assert!(said.contains(info), "{said}");
    let listed = || {
        let sets = run("nft", &["list", "sets", "inet"], "");
        let (_, rest) = sets
            .split_once("set open_connections_ipv4 {")
            .expect("the set");
        rest.to_owned()
    };
    explained(&open);
    let before = listed();
    let attempt = Attempt::tcp(Direction::Out, APPLICATION, SocketAddr::new(PEER[0], 80));
    let captured = sandbox.open(&attempt);
    for options in [
        "--inbound-mode=tproxy",
        "--exclude-outbound-ports=9 --drop-invalid",
    ] {
        let said = succeeds(&format!("apply {options}"));
        assert!(!said.contains("open connections"), "{said}");
        assert_eq!(listed(), before);
        succeeds(&format!("diff {options}"));
        assert!(all_work(&open) && captured.works(), "{options}");
    }
    // Nothing can be added.
    let pair = "10.1.0.2 . 1 . 10.1.0.1 . 1";
    let adds = format!("add element inet netweir open_connections_ipv4 {{ {pair} }}");
    assert!(
        !output_of(Command::new("nft").arg(adds), "")
            .status
            .success()
    );
}

/// A new connection of a listed pair of ports is captured, and works.
fn same_ports_are_captured_anew(sandbox: &Sandbox) {
    for line in ["apply", "apply --inbound-mode=tproxy"] {
        for (direction, to) in [(Direction::Out, PEER), (Direction::In, POD)] {
            for to in to {
                let attempt = Attempt::tcp(direction, APPLICATION, SocketAddr::new(to, 80));
                let port = sandbox.source_port();
                let open = sandbox.open_from(port, &attempt);
                succeeds(line);
                assert!(open.works());
                // Both ends reset it: neither port remembers it.
                drop(open);
                let (connection, actual) = sandbox.try_out_from(port, &attempt);
                let bypassed = ConnectionOutcome::of(Verdict::Leave, &connection);
                assert_ne!(actual, bypassed, "{line}: {attempt}");
                let again = sandbox.open_from(port, &attempt);
                assert!(again.works(), "{line}: {attempt}");
                succeeds("remove");
            }
        }
    }
}

/// A remote host sends a packet in the middle of a connection that does not exist, which the pod refuses, and then connects
/// from the same port.
fn crafted_packet_opens_no_way_past_capture(sandbox: &Sandbox) {
    let open = connections(sandbox);
    succeeds("apply");
    let inbound = Capture::default().proxy.inbound_port;
    for (from, to) in PEER.into_iter().zip(POD) {
        let port = sandbox.source_port();
        let (from, to) = (SocketAddr::new(from, port), SocketAddr::new(to, 80));
        sandbox.within_peer(|| send_acknowledgement(from, to));
        let attempt = Attempt::tcp(Direction::In, APPLICATION, to);
        let (connection, actual) = sandbox.try_out_from(port, &attempt);
        let captured = ConnectionOutcome::of(Verdict::Redirect(inbound), &connection);
        assert_eq!(actual, captured, "{from}");
    }
    assert!(all_work(&open));
}

/// Sends a packet that only has the flag ACK, and waits for the answer to it.
fn send_acknowledgement(from: SocketAddr, to: SocketAddr) {
    let raw = Socket::new(Domain::for_address(to), Type::RAW, Some(Protocol::TCP)).unwrap();
    let mut header = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    // Sequence and acknowledgement number, 5 words and the flag, window, checksum and urgent pointer (RFC 9293, 3.1).
    header.extend([0, 0, 0, 1, 0, 0, 0, 1, 5 << 4, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    let sum = checksum(from.ip(), to.ip(), &header);
    header[16..18].copy_from_slice(&sum.to_be_bytes());
    raw.send_to(&header, &SocketAddr::new(to.ip(), 0).into())
        .unwrap();
    let ports = [to.port().to_be_bytes(), from.port().to_be_bytes()].concat();
    // An IPv4 socket gets the IP header, too.
    let start = if from.is_ipv4() { 20 } else { 0 };
    let is_answer = |packet: &[u8]| packet.get(start..start + 4) == Some(&ports);
    let mut packet = [0; 256];
    loop {
        let mut fds = [PollFd::new(raw.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut fds, PATIENCE), Ok(1), "no answer");
        let length = (&raw).read(&mut packet).unwrap();
        if is_answer(&packet[..length]) {
            return;
        }
    }
}

/// The checksum of a TCP header without options (RFC 9293, 3.1).
fn checksum(from: IpAddr, to: IpAddr, header: &[u8]) -> u16 {
    let octets = |address| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let pseudo = [&octets(from)[..], &octets(to), &[0, 6, 0, 20]].concat();
    let words = pseudo.chunks(2).chain(header.chunks(2));
    let sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()
}

/// Each connection inside the namespace has two sockets there.
fn beyond_the_bound_are_counted() {
    const CONNECTIONS: usize = 2_100;
    let this = std::process::id().to_string();
    run("prlimit", &["--pid", &this, "--nofile=16384"], "");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let pair = |_| {
        (
            TcpStream::connect(address).unwrap(),
            listener.accept().unwrap(),
        )
    };
    let open: Vec<_> = (0..CONNECTIONS).map(pair).collect();
    let said = succeeds("apply");
    let warning = "warning: too many open connections: the others break when their next packet is redirected listed=4096 others=104\n";
    assert!(said.contains(warning), "{said}");
    drop(open);
}

/// What netweir says to `apply` where no sockets can be listed, and how often it tries to.
fn applied_without_list() -> (Ended, u32) {
    let mut tries = 0;
    let ended = tracer::trace(Path::new(NETWEIR), &[NETWEIR, "apply"], |stopped| {
        tries += u32::from(stopped.refuses_netlink(libc::NETLINK_SOCK_DIAG));
        Next::Continue
    });
    (ended, tries)
}

fn failure_to_list_is_a_warning(sandbox: &Sandbox) {
    let open = connections(sandbox);
    let (ended, tries) = applied_without_list();
    assert_eq!((ended.code, tries), (Some(0), 1), "{}", ended.stderr);
    let warning = "warning: cannot list the open connections, which break when their next packet is redirected; the kernel \
                   modules inet_diag and tcp_diag list them error=\"cannot open a netlink socket: Protocol not supported (os error 93)\"\n";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    // Without the list those from the pod and to it are captured.
    assert!(!open[..4].iter().any(OpenConnection::works));
    assert!(captures(sandbox));
}

fn empty_namespace_is_not_searched() {
    let (ended, tries) = applied_without_list();
    assert_eq!((ended.code, tries), (Some(0), 0), "{}", ended.stderr);
}
