//! System calls of the program and its privileges at each of them, seen by a tracer (ptrace).

use std::iter;
use std::path::Path;

use netweir_testkit::tracer::{self, Next};
use nix::libc;

const PROGRAM: &str = env!("CARGO_BIN_EXE_netweir");

/// Becomes root of new user and network namespaces, and then the program.
const AS_ROOT: [&str; 4] = ["unshare", "--user", "--map-root-user", "--net"];

const NET_ADMIN: u64 = 1 << 12;
const SYS_ADMIN: u64 = 1 << 21;

/// A system call, and the state of the process when it made it.
struct Call {
    number: i64,
    status: String,
}

impl Call {
    /// A value of `/proc/PID/status`.
    fn state(&self, name: &str) -> u64 {
        let mut lines = self.status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        u64::from_str_radix(value.unwrap().trim(), 16).unwrap()
    }

    /// The permitted, effective, inheritable and ambient capabilities.
    fn capabilities(&self) -> [u64; 4] {
        ["CapPrm", "CapEff", "CapInh", "CapAmb"].map(|set| self.state(set))
    }
}

/// Every system call of the program that the command becomes, and its output. Each call that returns is seen
/// twice.
fn trace(command: &[&str]) -> (Vec<Call>, String) {
    let mut calls = Vec::new();
    let ended = tracer::trace(Path::new(PROGRAM), command, |stopped| {
        calls.push(Call {
            number: stopped.call(),
            status: stopped.status(),
        });
        Next::Continue
    });
    assert_eq!(ended.code, Some(0));
    (calls, ended.stdout)
}

fn first(calls: &[Call], number: i64) -> &Call {
    let mut calls = calls.iter();
    calls.find(|call| call.number == number).unwrap()
}

fn with<'a>(before: &[&'a str], arguments: &[&'a str]) -> Vec<&'a str> {
    let program = iter::once(&PROGRAM);
    before
        .iter()
        .chain(program)
        .chain(arguments)
        .copied()
        .collect()
}

#[test]
fn a_dry_run_opens_no_socket() {
    let ranges = "--exclude-outbound-ip-ranges=10.0.0.0/8,fd00::/8";
    let (calls, output) = trace(&[PROGRAM, "apply", "--dry-run", ranges, "--netns=1"]);
    assert!(output.contains("table inet netweir {"));
    let numbers: Vec<_> = calls.iter().map(|call| call.number).collect();
    assert!(numbers.contains(&libc::SYS_write), "the tracer saw nothing");
    for number in [libc::SYS_socket, libc::SYS_setns, libc::SYS_unshare] {
        assert!(!numbers.contains(&number), "{number} in {numbers:?}");
    }
}

#[test]
fn dry_run_opens_a_socket_only_for_automatic_families() {
    let (calls, output) = trace(&[PROGRAM, "apply", "--dry-run", "--ip-families=auto"]);
    assert!(output.contains("table inet netweir {"));
    first(&calls, libc::SYS_socket);
}

#[test]
fn a_dry_run_gives_up_every_privilege() {
    let (calls, _) = trace(&with(&AS_ROOT, &["apply", "--dry-run"]));
    let write = first(&calls, libc::SYS_write);
    assert_eq!(write.capabilities(), [0; 4]);
    assert_eq!(write.state("NoNewPrivs"), 1);
}

#[test]
fn keeps_one_capability_for_netlink() {
    let shells: [&[&str]; 3] = [
        &[],
        // As in a container that drops all capabilities and adds one.
        &["setpriv", "--bounding-set=-all,+net_admin"],
        // As from a runtime that passes all capabilities on.
        &[
            "setpriv",
            "--inh-caps=+net_admin,+sys_admin",
            "--ambient-caps=+net_admin,+sys_admin",
        ],
    ];
    for shell in shells {
        let before = [AS_ROOT.as_slice(), shell].concat();
        for name in ["apply", "remove"] {
            let (calls, _) = trace(&with(&before, &[name, "-q"]));
            let handed_on = if shell
                .last()
                .is_some_and(|last| last.starts_with("--ambient"))
            {
                NET_ADMIN | SYS_ADMIN
            } else {
                0
            };
            let [_, _, inheritable, ambient] = calls.first().unwrap().capabilities();
            assert_eq!([inheritable, ambient], [handed_on; 2]);
            let socket = first(&calls, libc::SYS_socket);
            assert_eq!(socket.capabilities(), [NET_ADMIN, NET_ADMIN, 0, 0]);
            assert_eq!(socket.state("CapBnd"), NET_ADMIN);
            assert_eq!(socket.state("NoNewPrivs"), 1);
        }
    }
}

#[test]
fn keeps_cap_sys_admin_until_the_namespace_is_entered() {
    let arguments = ["apply", "-q", "--netns=/proc/self/ns/net"];
    let (calls, _) = trace(&with(&AS_ROOT, &arguments));
    let entering = first(&calls, libc::SYS_setns);
    let both = NET_ADMIN | SYS_ADMIN;
    assert_eq!(entering.capabilities(), [both, both, 0, 0]);
    assert_eq!(entering.state("CapBnd"), NET_ADMIN);
    let socket = first(&calls, libc::SYS_socket);
    assert_eq!(socket.capabilities(), [NET_ADMIN, NET_ADMIN, 0, 0]);
}

#[test]
fn kernel_without_nf_tables_has_its_own_exit_code() {
    for name in ["apply", "diff", "remove", "status"] {
        let command = with(&AS_ROOT, &[name]);
        let ended = tracer::trace(Path::new(PROGRAM), &command, |stopped| {
            stopped.refuses_netlink(libc::NETLINK_NETFILTER);
            Next::Continue
        });
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (
                Some(5),
                "error: cannot open a netlink socket: Protocol not supported (os error 93); the kernel has no nfnetlink; \
                 load the kernel modules nfnetlink and nf_tables on the host\n"
            ),
            "{name}"
        );
    }
}
