//! Rules and their routing stand or fall together: each run that changes something is killed before each of its system
//! calls, and each of the calls fails once.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use netweir::intent::Family;
use netweir::nftables;
use netweir_testkit::effort::effort;
use netweir_testkit::tracer::{self, Ended, Next, Stopped};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::sandbox::{Namespace, NetnsTest, fresh, run};
use crate::verify::set_up;

const PROGRAM: &str = env!("CARGO_BIN_EXE_netweir");
/// The program looks whether its standard streams are open.
const FIRST_CALL: i64 = libc::SYS_fcntl;
const TPROXY: &[&str] = &["apply", "-q", "--inbound-mode=tproxy"];

pub(crate) fn tests() -> Vec<NetnsTest> {
    let case =
        |name: &str, before: &'static [&'static [&'static str]], run: &'static [&'static str]| {
            NetnsTest::alone(format!("interrupted::{name}"), move || {
                interrupt(&Case {
                    before,
                    command: Command::Line(run),
                    whole: before.is_empty() && run.len() == 2,
                });
            })
        };
    vec![
        case("apply", &[], &["apply", "-q"]),
        case("apply-with-dns", &[], &["apply", "-q", "--dns=all"]),
        case("apply-tproxy", &[], TPROXY),
        case("apply-in-place-of-other-rules", &[TPROXY], &["apply", "-q"]),
        case(
            "apply-tproxy-in-place-of-other-rules",
            &[&["apply", "-q"]],
            TPROXY,
        ),
        case("remove", &[TPROXY], &["remove", "-q"]),
        case(
            "remove-keeping-connections",
            &[TPROXY],
            &["remove", "-q", "--keep-connections"],
        ),
        NetnsTest::alone("interrupted::verify", interrupt_verification),
        plugin("add", "ADD", &[]),
        plugin("del", "DEL", &[&["apply", "-q"]]),
    ]
}

fn plugin(
    name: &str,
    command: &'static str,
    before: &'static [&'static [&'static str]],
) -> NetnsTest {
    NetnsTest::alone(format!("interrupted::plugin-{name}"), move || {
        interrupt(&Case {
            before,
            command: Command::Plugin(command),
            whole: command == "ADD",
        });
    })
    .only_as_root()
}

/// What is run, and before it.
struct Case {
    before: &'static [&'static [&'static str]],
    command: Command,
    /// Whether calls before the first one of its own are interrupted.
    whole: bool,
}

enum Command {
    /// The program with arguments, in the namespace.
    Line(&'static [&'static str]),
    /// The plugin, from another namespace.
    Plugin(&'static str),
}

/// The namespace whose rules change, and what runs there.
struct Run {
    pod: Namespace,
    home: Namespace,
    words: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Run {
    fn prepare(case: &Case) -> Self {
        fresh();
        for arguments in case.before {
            run(PROGRAM, arguments, "");
        }
        let pod = Namespace::current();
        let folder = tempfile::tempdir().expect("a folder");
        let (home, words) = match case.command {
            Command::Line(arguments) => {
                let words = [&[PROGRAM], arguments].concat();
                (
                    Namespace::current(),
                    words.into_iter().map(ToOwned::to_owned).collect(),
                )
            }
            Command::Plugin(command) => {
                let home = Namespace::enter_new();
                let input = folder.path().join("input");
                fs::write(&input, configuration()).expect("written");
                let variable = |name: &str, value: &str| format!("{name}={value}");
                let words = vec![
                    "env".to_owned(),
                    variable("CNI_COMMAND", command),
                    variable("CNI_CONTAINERID", "4711abc"),
                    variable("CNI_NETNS", &pod.path().display().to_string()),
                    variable("CNI_IFNAME", "eth0"),
                    variable("CNI_PATH", "/opt/cni/bin"),
                    "sh".to_owned(),
                    "-c".to_owned(),
                    "exec \"$0\" <\"$1\"".to_owned(),
                    PROGRAM.to_owned(),
                    input.display().to_string(),
                ];
                (home, words)
            }
        };
        Self {
            pod,
            home,
            words,
            _folder: folder,
        }
    }

    /// Runs the command. `on_call` gets the number of each call, from 1 on, before it is made.
    fn trace(&self, mut on_call: impl FnMut(usize, &Stopped) -> Next) -> Ended {
        let mut calls = 0;
        tracer::trace(Path::new(PROGRAM), &self.words, |stopped| {
            // Before its first call come those of the C library and of the dynamic linker.
            if !stopped.is_before() || calls == 0 && stopped.call() != FIRST_CALL {
                return Next::Continue;
            }
            calls += 1;
            on_call(calls, stopped)
        })
    }

    fn state(&self) -> State {
        self.pod.within(&self.home, State::read)
    }
}

/// A configuration that captures every pod.
fn configuration() -> String {
    json!({
        "cniVersion": "1.1.0",
        "name": "test",
        "type": "netweir",
        "policy": "all",
        "prevResult": {"cniVersion": "1.1.0", "interfaces": []},
    })
    .to_string()
}

/// The rules, and the routing that netweir added.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    rules: Option<String>,
    routing: BTreeSet<String>,
}

impl State {
    fn read() -> Self {
        let installed = nftables::dump().expect("dumped");
        let routing = nftables::routing_beside(&[]).expect("listed");
        Self {
            rules: installed.map(|mut installed| {
                installed.ruleset.routing.clear();
                format!("{installed:?}")
            }),
            routing: routing.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A way to interrupt a call.
#[derive(Clone, Copy, Debug)]
enum Interruption {
    Kill,
    Fail(Errno),
    Lose(Errno),
    /// As of a runtime that gives up.
    Terminate,
}

impl Interruption {
    fn all() -> Vec<Self> {
        let errors: &[Errno] = effort(
            &[Errno::ENOBUFS],
            &[
                Errno::ENOBUFS,
                Errno::ENOMEM,
                Errno::EINTR,
                Errno::EIO,
                Errno::EPERM,
            ],
        );
        let fail = errors.iter().map(|&errno| Self::Fail(errno));
        let lose = [Self::Lose(Errno::ENOBUFS), Self::Terminate];
        [Self::Kill].into_iter().chain(fail).chain(lose).collect()
    }

    /// What happens to the call; `None` if it cannot happen.
    fn of(self, call: i64) -> Option<Next> {
        match (self, call) {
            (Self::Kill, _) => Some(Next::Kill),
            // They do not fail, or not by a number.
            (Self::Fail(_), libc::SYS_brk | libc::SYS_exit_group) => None,
            (Self::Fail(errno), _) => Some(Next::Fail(errno)),
            (Self::Lose(errno), libc::SYS_recvmsg) => Some(Next::Lose(errno)),
            (Self::Lose(_), _) => None,
            (Self::Terminate, _) => Some(Next::Signal(Signal::SIGTERM)),
        }
    }
}

fn interrupt(case: &Case) {
    let whole = Run::prepare(case);
    let old = whole.state();
    let mut calls = Vec::new();
    let ended = whole.trace(|_, stopped| {
        calls.push(stopped.call());
        Next::Continue
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let new = whole.state();
    assert_ne!(old.rules, new.rules);
    let last = calls.len();
    // Until then all commands do the same, which is interrupted once.
    let socket = calls.iter().position(|&call| call == libc::SYS_socket);
    let first = effort(
        if case.whole {
            0
        } else {
            socket.expect("a socket")
        },
        0,
    );
    assert!(last > 40, "the tracer saw {last} calls");
    let mut seen = BTreeSet::new();
    let mut prepared = None;
    for interruption in Interruption::all() {
        for (moment, &call) in (1..).zip(&calls).skip(first) {
            let Some(next) = interruption.of(call) else {
                continue;
            };
            // On the command line, a signal ends the program as ever.
            if let (Interruption::Terminate, Command::Line(_)) = (interruption, &case.command) {
                continue;
            }
            let run = prepared.take().unwrap_or_else(|| Run::prepare(case));
            let ended = run.trace(|number, stopped| {
                if number == moment {
                    assert_eq!(stopped.call(), call, "call {moment}");
                    return next;
                }
                Next::Continue
            });
            let when = format!("{interruption:?} at {moment} of {last}, call {call}: {ended:?}");
            let found = run.state();
            let is_ended = matches!(interruption, Interruption::Terminate);
            check(case, &ended, is_ended, [&old, &new], &found, &when);
            // Where standard output cannot be written, nothing can be answered.
            if let (Command::Plugin(_), Some(1..)) = (&case.command, ended.code)
                && call != libc::SYS_write
            {
                let answer: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
                assert!(answer["code"].is_u64(), "{when}");
            }
            seen.insert(found.rules == new.rules);
            if found == old {
                prepared = Some(run);
                continue;
            }
            // The next run completes the work and leaves nothing behind.
            let again = run.trace(|_, _| Next::Continue);
            assert_eq!(again.code, Some(0), "{when}, again: {}", again.stderr);
            assert_eq!(run.state(), new, "{when}, again");
        }
    }
    assert_eq!(seen.len(), 2, "always before, or always after");
}

/// Of how many calls of a verification, which makes hundreds, one is interrupted in the everyday run.
const EVERY: usize = 16;

/// A verification changes no rules, and what an interrupted one leaves is gone after the next.
fn interrupt_verification() {
    set_up(&[Family::Ipv4]);
    run(PROGRAM, &["apply", "-q"], "");
    let words = [PROGRAM, "apply", "-q", "--verify"];
    let trace = |moment: Option<usize>, interruption: Interruption| {
        let (mut calls, mut started) = (0, false);
        let ended = tracer::trace(Path::new(PROGRAM), &words, |stopped| {
            started |= stopped.call() == libc::SYS_socket;
            if !stopped.is_before() || !started {
                return Next::Continue;
            }
            calls += 1;
            let next = interruption.of(stopped.call());
            next.filter(|_| Some(calls) == moment)
                .unwrap_or(Next::Continue)
        });
        (ended, calls)
    };
    let before = temporary();
    let (ended, last) = trace(None, Interruption::Kill);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(temporary(), before);
    assert!(last > 2 * EVERY, "the tracer saw {last} calls");
    for moment in (1..=last).step_by(effort(EVERY, 1)) {
        for interruption in [Interruption::Kill, Interruption::Fail(Errno::ENOBUFS)] {
            let (ended, _) = trace(Some(moment), interruption);
            let when = format!("{interruption:?} at {moment} of {last}: {ended:?}");
            run(PROGRAM, &["diff", "-q"], "");
            let (again, _) = trace(None, Interruption::Kill);
            assert_eq!(again.code, Some(0), "{when}, again: {}", again.stderr);
            assert_eq!(temporary(), before, "{when}");
        }
    }
}

/// The links and the tables of the namespace.
fn temporary() -> [String; 2] {
    let links = run("ip", &["-brief", "link"], "");
    let names = links.lines().filter_map(|link| link.split(' ').next());
    let names: Vec<_> = names.collect();
    [names.join(" "), run("nft", &["list", "tables"], "")]
}

fn check(
    case: &Case,
    ended: &Ended,
    is_ended: bool,
    [old, new]: [&State; 2],
    found: &State,
    when: &str,
) {
    let belongs = if found.rules == new.rules {
        new
    } else {
        assert_eq!(found.rules, old.rules, "{when}");
        old
    };
    let lacks: Vec<_> = belongs.routing.difference(&found.routing).collect();
    assert!(lacks.is_empty(), "{when}: {lacks:?}");
    let known: BTreeSet<_> = old.routing.union(&new.routing).cloned().collect();
    assert!(found.routing.is_subset(&known), "{when}: {found:?}");
    match ended.code {
        None => {}
        Some(0) => match case.command {
            // DEL never fails: its errors are warnings.
            Command::Plugin("DEL") => {}
            _ => assert_eq!(found, new, "{when}"),
        },
        Some(_) => {
            assert!(
                !(ended.stderr.is_empty() && ended.stdout.is_empty()),
                "{when}"
            );
            // It goes on after the failure.
            if found.rules == new.rules {
                let left = found.routing.difference(&new.routing).count();
                assert!(is_ended || left <= 1, "{when}: {found:?}");
            }
            // What was changed before the failure is undone, unless the program was ended.
            if !is_ended && found.rules == old.rules && found.rules != new.rules {
                assert_eq!(found, old, "{when}");
            }
        }
    }
}
