//! Another process of the pod that interferes: with `CAP_NET_ADMIN`, and without any capability.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Output};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mnl::mnl_sys::libc;
use netweir::connection::ConnectionSpec;
use netweir::intent::Capture;
use netweir::nftables;
use netweir::nftables::trace::{Next, Tracer};
use netweir::nftables::turn::Turn;
use netweir::plan::plan;
use netweir::trace::Filter;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, UnixAddr,
    bind, connect, listen, sendto, socket,
};

use crate::sandbox::{NetnsTest, fresh, install, output_of, run};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("hostile::forged-answers-are-refused", || {
            forged_answers_are_refused();
        }),
        NetnsTest::alone("hostile::forged-notifications-are-ignored", || {
            forged_notifications_are_ignored();
        }),
        NetnsTest::alone("hostile::held-names-do-not-delay-changes", || {
            held_names_do_not_delay_changes();
        }),
        NetnsTest::alone("hostile::kept-turn-ends-verification-in-time", || {
            kept_turn_ends_verification_in_time();
        }),
        NetnsTest::alone(
            "hostile::concurrent-runs-keep-rules-and-routing-together",
            || {
                concurrent_runs_keep_rules_and_routing_together();
            },
        ),
    ]
}

/// A netlink socket of the attacker.
fn attacker(protocol: SockProtocol) -> OwnedFd {
    let flags = SockFlag::empty();
    socket(AddressFamily::Netlink, SockType::Raw, flags, protocol).expect("a socket")
}

/// Sends the bytes to a socket, or to groups.
fn send(socket: &OwnedFd, to: NetlinkAddr, bytes: &[u8]) -> Result<usize, Errno> {
    sendto(socket.as_raw_fd(), bytes, &to, MsgFlags::MSG_DONTWAIT)
}

fn netlink(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).expect("small");
    let header = [
        &length.to_ne_bytes()[..],
        &kind.to_ne_bytes(),
        &[0; 2],
        &sequence.to_ne_bytes(),
        &[0; 4],
    ];
    [&header.concat(), body].concat()
}

/// What makes a program that takes it for the kernel's believe that it is done, or crash.
fn forged() -> Vec<Vec<u8>> {
    let error = u16::try_from(libc::NLMSG_ERROR).expect("small");
    let done = u16::try_from(libc::NLMSG_DONE).expect("small");
    let rule = u16::from(SUBSYSTEM) << 8 | u16::try_from(libc::NFT_MSG_NEWRULE).expect("small");
    let mut messages = Vec::new();
    for sequence in 1..40 {
        messages.push(netlink(error, sequence, &[0; 20]));
        messages.push(netlink(done, sequence, &[0; 4]));
        // An attribute that is longer than its message.
        messages.push(netlink(rule, sequence, &[1, 0, 0, 0, 0xff, 0xff, 4, 0x80]));
    }
    // A message that is longer than its datagram, and one without its padding.
    messages.push([&200_u32.to_ne_bytes()[..], &[0; 12]].concat());
    messages.push([&17_u32.to_ne_bytes()[..], &[0; 13]].concat());
    messages
}

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u8 = 10;

/// The protocol and the number of each netlink socket of the namespace.
fn sockets() -> Vec<(i32, u32)> {
    let listing = fs::read_to_string("/proc/thread-self/net/netlink").expect("a listing");
    let words = listing.lines().skip(1).map(str::split_ascii_whitespace);
    words
        .filter_map(|mut words| {
            let protocol = words.nth(1)?.parse().ok()?;
            Some((protocol, words.next()?.parse().ok()?))
        })
        .collect()
}

fn netweir(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    output_of(command.args(arguments), "")
}

/// What netweir says it did, with the time that it took.
fn said(arguments: &[&str]) -> (String, Option<i32>, Duration) {
    let start = Instant::now();
    let output = netweir(arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (text, output.status.code(), start.elapsed())
}

const ROUNDS: usize = 3;

fn forged_answers_are_refused() {
    let sent = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let end = AtomicBool::new(false);
    let own = [SockProtocol::NetlinkRoute, SockProtocol::NetlinkNetFilter];
    thread::scope(|scope| {
        for (protocol, sent) in own.into_iter().zip(&sent) {
            let end = &end;
            scope.spawn(move || {
                let socket = attacker(protocol);
                let forged = forged();
                let mut next = 0;
                while !end.load(Ordering::Relaxed) {
                    for (of, number) in sockets() {
                        if of != protocol as i32 || number == 0 {
                            continue;
                        }
                        for _ in 0..forged.len() {
                            next = (next + 1) % forged.len();
                            match send(&socket, NetlinkAddr::new(number, 0), &forged[next]) {
                                // Not connected, by its kind: the socket does not hear other processes.
                                Err(Errno::ECONNREFUSED) => {
                                    sent.fetch_add(1, Ordering::Relaxed);
                                }
                                // The attacker's own socket takes the messages until it is full.
                                Ok(_) | Err(Errno::EAGAIN | Errno::ENOBUFS) => break,
                                Err(errno) => panic!("{errno}"),
                            }
                        }
                    }
                }
            });
        }
        // Also when an assertion fails, so that the attackers end.
        let checked = std::panic::catch_unwind(|| {
            for _ in 0..ROUNDS {
                for (arguments, expected) in [
                    (&["apply"][..], "installed: traffic is captured"),
                    (&["apply"], "these rules are installed already"),
                    (&["apply", "--dns=all"], "replaced the rules"),
                    (&["remove"], "removed: traffic is no longer captured"),
                ] {
                    let (text, code, time) = said(arguments);
                    assert!(text.contains(expected), "{arguments:?}: {text}");
                    assert_eq!(code, Some(0), "{text}");
                    assert!(time < Duration::from_secs(4), "{arguments:?}: {time:?}");
                    let installed = nftables::dump().expect("dumped").is_some();
                    assert_eq!(installed, arguments[0] == "apply");
                }
            }
        });
        end.store(true, Ordering::Relaxed);
        checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    for refused in sent {
        let refused = refused.into_inner();
        assert!(refused > 20, "the attacker tried {refused} times");
    }
}

/// A notification of a change that did not happen.
fn forged_notifications_are_ignored() {
    let mut tracer = Tracer::start(&Filter::new(&ConnectionSpec::default()).expect("a filter"))
        .expect("tracing");
    let kind = u16::from(SUBSYSTEM) << 8 | u16::try_from(libc::NFT_MSG_NEWGEN).expect("small");
    let generation = [8, 0, 1, 0, 0x7f, 0, 0, 1];
    let forged = netlink(kind, 0, &[&[0; 4], &generation[..]].concat());
    let changes = 1 << (7 - 1);
    let socket = attacker(SockProtocol::NetlinkNetFilter);
    for _ in 0..20 {
        send(&socket, NetlinkAddr::new(0, changes), &forged).expect("sent");
    }
    run("nft", &["-f", "-"], "table inet other");
    let mut numbers = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    // The table of the tracing, and the other one.
    while numbers.len() < 2 {
        match tracer.next(Some(deadline)).expect("read") {
            Next::Generation(number) => numbers.push(number),
            Next::Message(message) => panic!("{message:?}"),
            Next::Lost => {}
            end @ (Next::Elapsed | Next::Ended) => panic!("{end:?} after {numbers:?}"),
        }
    }
    assert!(numbers.iter().all(|&number| number < 100), "{numbers:?}");
    drop(tracer);
    // The rules can be installed as ever.
    let ruleset = install(&Capture::default());
    assert_eq!(ruleset, plan(&Capture::default()));
}

/// The names by which runs took, or take, turns: any process of the pod can have them.
const NAMES: [&str; 2] = ["netweir-change", "netweir-verify"];

/// How a process without capabilities keeps a name.
#[derive(Clone, Copy)]
enum Held {
    /// It listens, and its queue is full, so that a connection would wait for good.
    Full,
    /// It does not listen, so that a connection would be refused at once, again and again.
    Bound,
}

fn hold(how: Held) -> Vec<OwnedFd> {
    let open = || {
        let (family, flags) = (
            AddressFamily::Unix,
            SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
        );
        socket(family, SockType::Stream, flags, None).expect("a socket")
    };
    let mut held = Vec::new();
    for name in NAMES {
        let name = UnixAddr::new_abstract(name.as_bytes()).expect("a name");
        let holder = open();
        bind(holder.as_raw_fd(), &name).expect("bound");
        if let Held::Full = how {
            listen(&holder, Backlog::new(0).expect("a backlog")).expect("listening");
            let client = open();
            connect(client.as_raw_fd(), &name).expect("connected");
            assert_eq!(connect(open().as_raw_fd(), &name), Err(Errno::EAGAIN));
            held.push(client);
        }
        held.push(holder);
    }
    held
}

fn held_names_do_not_delay_changes() {
    for how in [Held::Full, Held::Bound] {
        fresh();
        let _held = hold(how);
        for (arguments, expected) in [
            (&["apply"][..], "installed: traffic is captured"),
            (&["apply", "--dns=all"], "replaced the rules"),
            (&["apply", "--verify"], "replaced the rules"),
            (&["remove"], "removed: traffic is no longer captured"),
        ] {
            let (text, code, time) = said(arguments);
            assert!(text.contains(expected), "{arguments:?}: {text}");
            assert_eq!(code, Some(0), "{arguments:?}: {text}");
            assert!(time < Duration::from_secs(4), "{arguments:?}: {time:?}");
        }
    }
}

/// A process that may change rules can keep the lock of verifications, which is reported.
fn kept_turn_ends_verification_in_time() {
    let start = Instant::now();
    let _kept = Turn::wait(Duration::ZERO).expect("a turn");
    let waited = Turn::wait(Duration::from_millis(300)).map(|_| "a turn");
    let error = waited.expect_err("no turn");
    assert_eq!(error.to_string(), "cannot wait for another verification");
    assert!(start.elapsed() < Duration::from_secs(4));
    let (text, code, _) = said(&["apply"]);
    assert_eq!(code, Some(0), "{text}");
}

/// How often twelve runs with different routing start at the same moment.
const RACES: usize = 4;
const PROCESSES: usize = 12;

fn concurrent_runs_keep_rules_and_routing_together() {
    let _held = hold(Held::Full);
    let modes: [&[&str]; 4] = [
        &["apply", "--inbound-mode=tproxy"],
        &["apply"],
        &[
            "apply",
            "--inbound-mode=tproxy",
            "--tproxy-mark=7",
            "--tproxy-table=200",
        ],
        &["remove"],
    ];
    for race in 0..RACES {
        let start = Barrier::new(PROCESSES);
        thread::scope(|scope| {
            for process in 0..PROCESSES {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let arguments = modes[process % modes.len()];
                    let (text, code, _) = said(arguments);
                    assert_eq!(code, Some(0), "{arguments:?}: {text}");
                });
            }
        });
        let installed = nftables::dump().expect("dumped");
        let routing = nftables::routing_beside(&[]).expect("listed");
        let is = |options: &[&str]| {
            let output = netweir(&[&["diff", "-q"], options].concat());
            output.status.code() == Some(0)
        };
        match installed {
            None => assert_eq!(routing, [], "race {race}"),
            // With all of the routing of one of them, and none of another one's.
            Some(_) => assert!(
                modes
                    .iter()
                    .any(|mode| mode[0] == "apply" && is(&mode[1..])),
                "race {race}: {routing:?}"
            ),
        }
    }
}
