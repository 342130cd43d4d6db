//! Rules are replaced as a whole, under load, interruption and concurrent changes.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use netweir::connection::Owner;
use netweir::intent::Capture;
use netweir::nftables::{self, Outcome};
use netweir::plan::plan;
use netweir::ruleset::{MetadataBytes, OpenConnections, RoutingObject, Ruleset};

use crate::sandbox::{
    Attempt, ConnectionOutcome, Direction, Listener, NetnsTest, POD, Sandbox, install, run,
};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::new("replacement::no-connection-goes-uncaptured", under_load),
        NetnsTest::alone("replacement::fifty-at-once", fifty_at_once),
        NetnsTest::alone("replacement::killed-at-any-moment", killed_at_any_moment),
        NetnsTest::alone(
            "replacement::while-others-change-the-ruleset",
            while_others_change,
        ),
    ]
}

const APP: Owner = Owner { uid: 0, gid: 0 };

/// How often the rules are replaced under load.
const REPLACEMENTS: u32 = 200;

/// Two captures that send the connections of [`under_load`] to the same ports, by different rules.
fn two_captures() -> [Capture; 2] {
    let mut other = Capture::default();
    other.outbound.exclude_ports = [22, 3306].into_iter().collect();
    other.outbound.uids.exclude = [2000].into_iter().collect();
    other.inbound.exclude_sources = ["10.77.0.0/16".parse::<ipnet::IpNet>().expect("a network")]
        .into_iter()
        .collect();
    [Capture::default(), other]
}

fn under_load(sandbox: &Sandbox) {
    let rulesets = two_captures().map(|capture| plan(&capture));
    nftables::apply(
        &rulesets[0],
        &MetadataBytes::default(),
        OpenConnections::new,
    )
    .expect("applied");
    let ended = AtomicBool::new(false);
    let replaced = AtomicU32::new(0);
    thread::scope(|scope| {
        // In the namespace of the thread that starts it.
        scope.spawn(|| {
            let both = rulesets.iter().cycle().skip(1);
            for ruleset in both.take(REPLACEMENTS as usize) {
                let outcome =
                    nftables::apply(ruleset, &MetadataBytes::default(), OpenConnections::new);
                if matches!(outcome, Ok(Outcome::Replaced)) {
                    replaced.fetch_add(1, Ordering::Relaxed);
                }
            }
            ended.store(true, Ordering::Release);
        });
        let mut connections = 0;
        while !ended.load(Ordering::Acquire) {
            for (attempt, listener) in load() {
                let (_, actual) = sandbox.try_out(&attempt);
                assert_eq!(
                    actual,
                    ConnectionOutcome::diverted(listener, attempt.destination),
                    "{attempt}"
                );
                connections += 1;
            }
        }
        assert!(connections > REPLACEMENTS, "only {connections} connections");
    });
    assert_eq!(replaced.into_inner(), REPLACEMENTS);
}

/// Connections of both directions and families, with who takes them.
fn load() -> impl Iterator<Item = (Attempt, Listener)> {
    let far = ["10.9.8.7", "fd09::7"].map(|address| address.parse::<IpAddr>().expect("an address"));
    let attempt = |direction, address| Attempt::tcp(direction, APP, SocketAddr::new(address, 80));
    let out = far.map(|address| (attempt(Direction::Out, address), Listener::Pod(15_001)));
    let into = POD.map(|address| (attempt(Direction::In, address), Listener::Pod(15_006)));
    out.into_iter().chain(into)
}

/// The program with the options of one of the two captures.
fn apply(nth: usize) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
    command
        .args(["apply", "--log-format=plain"])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if nth == 1 {
        command.args([
            "--exclude-outbound-ports=22,3306",
            "--exclude-outbound-uids=2000",
            "--exclude-inbound-ip-ranges=10.77.0.0/16",
        ]);
    }
    command
}

/// Which of the two captures is installed, whole.
fn installed() -> usize {
    let installed = nftables::dump().expect("dumped").expect("installed");
    let mut rulesets = two_captures().map(|capture| plan(&capture)).into_iter();
    let is = |ruleset: &Ruleset| {
        installed.is(ruleset) && same_routing(&installed.ruleset.routing, &ruleset.routing)
    };
    rulesets
        .position(|ruleset| is(&ruleset))
        .unwrap_or_else(|| panic!("a mix: {installed:#?}"))
}

fn same_routing(a: &[RoutingObject], b: &[RoutingObject]) -> bool {
    a.len() == b.len() && a.iter().all(|object| b.contains(object))
}

fn fifty_at_once() {
    let children: Vec<Child> = (0..50)
        .map(|nth| {
            apply(nth % 2)
                .stderr(Stdio::piped())
                .spawn()
                .expect("started")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("waited for");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
    }
    installed();
    assert_eq!(run("nft", &["list", "tables"], ""), "table inet netweir\n");
}

/// Kills until both came about, the old rules and the new, and so often at least.
const KILLS: u32 = 60;

fn killed_at_any_moment() {
    let start = Instant::now();
    for nth in [0, 1] {
        assert!(
            apply(nth)
                .stderr(Stdio::null())
                .status()
                .expect("started")
                .success()
        );
    }
    let usual = start.elapsed() / 2;
    let mut seen = [false; 2];
    for kill in 0.. {
        let [old, new] = if kill % 2 == 0 { [1, 0] } else { [0, 1] };
        install(&two_captures()[old]);
        let mut child = apply(new).stderr(Stdio::null()).spawn().expect("started");
        // All through a run and a little beyond, in steps that never meet the same moments.
        spin(usual.mul_f64(f64::from(kill * 7 % KILLS) / f64::from(KILLS) * 1.3));
        child.kill().expect("killed");
        child.wait().expect("waited for");
        seen[usize::from(installed() == new)] = true;
        if kill >= KILLS && seen == [true; 2] {
            break;
        }
        assert!(
            kill < 20 * KILLS,
            "only one came about (old, new): {seen:?}"
        );
    }
}

/// Lets time pass, more exactly than the scheduler would.
fn spin(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// Another program's transactions make ours start over, and neither loses anything.
fn while_others_change() {
    run("nft", &["add", "table", "inet", "other"], "");
    let rulesets = two_captures().map(|capture| plan(&capture));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let others = scope.spawn(|| transactions_until(&ended));
        let end = End(&ended);
        for ruleset in rulesets.iter().cycle().take(40) {
            nftables::apply(ruleset, &MetadataBytes::default(), OpenConnections::new)
                .expect("applied");
            let installed = nftables::dump().expect("dumped").expect("installed");
            assert!(installed.is(ruleset));
        }
        drop(end);
        let chains = others.join().expect("the other's transactions");
        let listing = run("nft", &["list", "table", "inet", "other"], "");
        assert_eq!(listing.matches("chain c").count(), chains);
        assert!(chains > 100, "only {chains} transactions");
    });
}

/// Ends what waits for it, also when the test fails: the other thread would go on for good.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Adds chains to the table `inet other`, each in a transaction of its own, and gives back how many.
fn transactions_until(ended: &AtomicBool) -> usize {
    let mut nft = Command::new("nft")
        .arg("--interactive")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    let mut lines = nft.stdin.take().expect("a pipe");
    let mut chains = 0;
    while !ended.load(Ordering::Acquire) {
        writeln!(lines, "add chain inet other c{chains}").expect("taken");
        chains += 1;
    }
    drop(lines);
    assert!(nft.wait().expect("waited for").success());
    chains
}
