//! What the program asks of the kernel, and with which privileges, as its tracer sees it.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::{fs, iter};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

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

/// The number of the system call that the stopped process is in.
fn number_of_call(process: Pid) -> i64 {
    let registers = ptrace::getregs(process).unwrap();
    #[cfg(target_arch = "x86_64")]
    let number = registers.orig_rax;
    #[cfg(target_arch = "aarch64")]
    let number = registers.regs[8];
    number.cast_signed()
}

/// A shell that becomes the command once it has read a line: time to start tracing.
fn waiting_shell(command: &[&str]) -> Child {
    Command::new("/bin/sh")
        .args(["-c", "read -r line; exec \"$@\"", "sh"])
        .args(command)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Every system call that the command makes once it has become the program, and what it prints. Calls that come
/// back are seen twice.
fn trace(command: &[&str]) -> (Vec<Call>, String) {
    let (calls, ended) = trace_on(command, |_| ());
    assert_eq!(ended.code, 0);
    (calls, ended.stdout)
}

/// How the program ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

/// The same with a kernel that is different: `alter` may change the registers of each call before it is made.
#[expect(
    clippy::zombie_processes,
    reason = "the tracer waits for the process by its id"
)]
fn trace_on(command: &[&str], alter: impl Fn(Pid)) -> (Vec<Call>, Ended) {
    let mut shell = waiting_shell(command);
    let process = Pid::from_raw(shell.id().try_into().unwrap());
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
    ptrace::seize(process, options).unwrap();
    ptrace::interrupt(process).unwrap();
    let mut line = shell.stdin.take();
    let mut calls = Vec::new();
    let mut is_program = false;
    let code = loop {
        let mut signal = None;
        match waitpid(process, Some(WaitPidFlag::__WALL)).unwrap() {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => {
                let file = fs::read_link(format!("/proc/{process}/exe")).unwrap();
                is_program = file.as_os_str() == PROGRAM;
            }
            WaitStatus::PtraceSyscall(_) if is_program => {
                calls.push(Call {
                    number: number_of_call(process),
                    status: fs::read_to_string(format!("/proc/{process}/status")).unwrap(),
                });
                alter(process);
            }
            WaitStatus::Stopped(_, received) => signal = Some(received),
            WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::Exited(_, code) => break code,
            end => assert_eq!(end, WaitStatus::Exited(process, 0)),
        }
        ptrace::syscall(process, signal).unwrap();
        if let Some(mut input) = line.take() {
            input.write_all(b"\n").unwrap();
        }
    };
    let mut ended = Ended {
        code,
        stdout: String::new(),
        stderr: String::new(),
    };
    let (mut stdout, mut stderr) = (shell.stdout.take().unwrap(), shell.stderr.take().unwrap());
    stdout.read_to_string(&mut ended.stdout).unwrap();
    stderr.read_to_string(&mut ended.stderr).unwrap();
    (calls, ended)
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
fn only_auto_looks_at_the_namespace() {
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
fn one_capability_is_left_when_the_kernel_is_asked_for_anything() {
    let shells: [&[&str]; 3] = [
        &[],
        // As in a container that drops all capabilities and adds one.
        &["setpriv", "--bounding-set=-all,+net_admin"],
        // As from a runtime that hands them on to whatever is run.
        &[
            "setpriv",
            "--inh-caps=+net_admin,+sys_admin",
            "--ambient-caps=+net_admin,+sys_admin",
        ],
    ];
    for shell in shells {
        let before = [AS_ROOT.as_slice(), shell].concat();
        for verb in ["apply", "remove"] {
            let (calls, _) = trace(&with(&before, &[verb, "-q"]));
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
fn another_capability_is_kept_until_the_namespace_is_entered() {
    let arguments = ["apply", "-q", "--netns=/proc/self/ns/net"];
    let (calls, _) = trace(&with(&AS_ROOT, &arguments));
    let entering = first(&calls, libc::SYS_setns);
    let both = NET_ADMIN | SYS_ADMIN;
    assert_eq!(entering.capabilities(), [both, both, 0, 0]);
    assert_eq!(entering.state("CapBnd"), NET_ADMIN);
    let socket = first(&calls, libc::SYS_socket);
    assert_eq!(socket.capabilities(), [NET_ADMIN, NET_ADMIN, 0, 0]);
}

/// Every socket of nf_tables is one of a protocol that no kernel has: the answer is that of a kernel without nf_tables.
fn without_nfnetlink(process: Pid) {
    /// One more than the largest there can be (`MAX_LINKS`, `linux/netlink.h`).
    const NO_PROTOCOL: u8 = 32;
    let mut registers = ptrace::getregs(process).unwrap();
    #[cfg(target_arch = "x86_64")]
    let protocol = &mut registers.rdx;
    #[cfg(target_arch = "aarch64")]
    let protocol = &mut registers.regs[2];
    let netfilter = u64::try_from(libc::NETLINK_NETFILTER).unwrap();
    if number_of_call(process) == libc::SYS_socket && *protocol == netfilter {
        *protocol = NO_PROTOCOL.into();
        ptrace::setregs(process, registers).unwrap();
    }
}

#[test]
fn a_kernel_without_nf_tables_is_an_exit_code_of_its_own() {
    for verb in ["apply", "diff", "remove", "status"] {
        let (_, ended) = trace_on(&with(&AS_ROOT, &[verb]), without_nfnetlink);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (
                5,
                "error: cannot open a netlink socket (the kernel has no nfnetlink; is it built with CONFIG_NF_TABLES?): \
                 Protocol not supported (os error 93)\n"
            ),
            "{verb}"
        );
    }
}
