//! Other programs with many objects that keep changing theirs: no run fails, and none takes longer than the bound.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use mnl::mnl_sys::libc;
use netweir::drift::compare;
use netweir::intent::Capture;
use netweir::nftables;
use netweir::plan::plan;
use netweir::ruleset::{MetadataBytes, OpenConnections, Ruleset};

use crate::foreign::other_capture;
use crate::sandbox::{NetnsTest, output_of, run};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("contention::twenty-thousand-chains", many_chains),
        NetnsTest::alone(
            "contention::edited-table-beside-twenty-thousand-chains",
            edited_table,
        ),
        NetnsTest::alone("contention::many-set-elements", many_elements),
    ]
}

/// Between the transactions of the other program.
const INTERVAL: Duration = Duration::from_millis(20);
/// Too short for a listing of all chains.
const SHORT_INTERVAL: Duration = Duration::from_millis(4);
const CHAINS: usize = 20_000;
const ROUNDS: usize = 4;

fn many_chains() {
    let [add, delete] = chain_changes();
    beside(INTERVAL, [&add, &delete], rounds);
}

/// Chains without rules and other objects, which no request by table or name finds.
fn edited_table() {
    let [add, delete] = chain_changes();
    beside(SHORT_INTERVAL, [&add, &delete], || {
        let ruleset = plan(&Capture::default());
        for edit in EDITS {
            nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
                .expect("applied");
            run("nft", &["-f", "-"], edit);
            let installed = nftables::dump().expect("dumped").expect("installed");
            assert!(!installed.is(&ruleset), "{edit}");
            let chains = installed.ruleset.chains.len();
            assert_eq!(chains, ruleset.chains.len(), "{edit}");
            let differences = compare(&ruleset, Some(&installed));
            assert!(!differences.is_empty(), "{edit}");
            let outcome =
                nftables::apply(&ruleset, &MetadataBytes::default(), OpenConnections::new)
                    .expect("applied");
            assert_eq!(outcome, nftables::Outcome::Replaced, "{edit}");
        }
        // Each edit, and one replacement after it; before the first, the installation.
        2 * EDITS.len() + 1
    });
}

const EDITS: [&str; 3] = [
    "flush chain inet netweir outbound",
    "add chain inet netweir added",
    "add counter inet netweir added",
];

/// Makes the chains of another program, and gives back two transactions that add one more and delete it.
fn chain_changes() -> [Vec<u8>; 2] {
    let chains: String = (0..CHAINS).fold(String::new(), |mut chains, number| {
        writeln!(chains, "chain c{number} {{ }}").expect("written to memory");
        chains
    });
    run(
        "nft",
        &["-f", "-"],
        &format!("table inet other {{\n{chains}}}"),
    );
    let chain = |kind, flags| {
        message(
            kind,
            flags,
            &[attribute(1, b"other\0"), attribute(3, b"churn\0")],
        )
    };
    [
        transaction(&chain(libc::NFT_MSG_NEWCHAIN, CREATE)),
        transaction(&chain(libc::NFT_MSG_DELCHAIN, 0)),
    ]
}

fn many_elements() {
    let soak = std::env::var_os("NETWEIR_SOAK").is_some_and(|value| value == "1");
    let count: u32 = if soak { 400_000 } else { 40_000 };
    let elements: Vec<_> = (0..count)
        .map(|number| std::net::Ipv4Addr::from_bits(0x0a00_0000 | number).to_string())
        .collect();
    let elements = elements.join(",");
    let set = format!("set s {{\ntype ipv4_addr\nelements = {{ {elements} }}\n}}");
    run(
        "nft",
        &["-f", "-"],
        &format!("table inet other {{\n{set}\n}}"),
    );
    let key = attribute(1, &[192, 0, 2, 1]);
    let list = nested(1, &nested(1, &key));
    let element = |kind, flags| {
        let attributes = [
            attribute(1, b"other\0"),
            attribute(2, b"s\0"),
            nested(3, &list),
        ];
        message(kind, flags, &attributes)
    };
    let add = transaction(&element(libc::NFT_MSG_NEWSETELEM, CREATE));
    let delete = transaction(&element(libc::NFT_MSG_DELSETELEM, 0));
    beside(INTERVAL, [&add, &delete], rounds);
}

/// Runs the body, which says how many transactions it made, while another program commits the two in turn.
fn beside(interval: Duration, transactions: [&[u8]; 2], body: fn() -> usize) {
    let (end, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // In the namespace of this thread. It ends when the sender is dropped, also when the test fails.
        let other = scope.spawn(move || {
            let socket = mnl::Socket::new(mnl::Bus::Netfilter).expect("a socket");
            let mut commits = 0;
            for bytes in transactions.into_iter().cycle() {
                if ended.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                socket.send(bytes).expect("sent");
                commits += 1;
            }
            commits
        });
        let before = nft_generation();
        let own = body() as u64;
        let changes = u64::from(nft_generation() - before) - own;
        drop(end);
        let commits: u64 = other.join().expect("the other program");
        assert!(changes > 5 && commits >= changes, "{changes} of {commits}");
    });
}

/// Every reader and writer works.
fn rounds() -> usize {
    let rulesets = [Capture::default(), other_capture()].map(|capture| plan(&capture));
    for ruleset in rulesets.iter().cycle().take(ROUNDS) {
        round(ruleset);
    }
    ROUNDS
}

fn round(ruleset: &Ruleset) {
    nftables::apply(ruleset, &MetadataBytes::default(), OpenConnections::new).expect("applied");
    let installed = nftables::dump().expect("dumped").expect("installed");
    assert!(installed.is(ruleset));
    let (differences, ..) = nftables::differences_from(ruleset).expect("compared");
    assert_eq!(differences, []);
    for arguments in [
        &["status"][..],
        &["explain", "--from-kernel", "10.0.0.1:80"],
        &["graph", "--from-kernel"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netweir"));
        command.args(arguments).stdout(Stdio::null());
        let output = output_of(&mut command, "");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
    }
}

/// The generation of the ruleset: it counts the transactions of the namespace.
fn nft_generation() -> u32 {
    let mut reader = nftables::trace::Reader::open().expect("a socket");
    reader.generation().expect("a generation")
}

/// `NLM_F_CREATE`.
const CREATE: u16 = 0x400;
/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u8 = 10;
/// `NFPROTO_INET`.
const INET: u8 = 1;

/// A transaction of one message.
fn transaction(message: &[u8]) -> Vec<u8> {
    let delimiter = |kind: i32| {
        netlink(
            u16::try_from(kind).expect("small"),
            0,
            &[0, 0, 0, SUBSYSTEM],
        )
    };
    let begin = delimiter(libc::NFNL_MSG_BATCH_BEGIN);
    [&begin, message, &delimiter(libc::NFNL_MSG_BATCH_END)].concat()
}

fn message(kind: i32, flags: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
    let kind = u16::from(SUBSYSTEM) << 8 | u16::try_from(kind).expect("small");
    netlink(
        kind,
        flags,
        &[&[INET, 0, 0, 0], &attributes.concat()[..]].concat(),
    )
}

fn netlink(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).expect("small");
    // Length, type, flags with NLM_F_REQUEST, sequence number, port id.
    let header = [
        &length.to_ne_bytes()[..],
        &kind.to_ne_bytes(),
        &(flags | 1).to_ne_bytes(),
        &[0; 8],
    ];
    [&header.concat(), body].concat()
}

fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + payload.len()).expect("small");
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), payload].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn nested(kind: u16, attributes: &[u8]) -> Vec<u8> {
    attribute(kind | 0x8000, attributes)
}
