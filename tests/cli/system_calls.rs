//! What a dry run asks of the kernel, as the tracer sees it.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The number of the system call that the stopped process is in.
fn number_of_call(process: Pid) -> i64 {
    let registers = ptrace::getregs(process).unwrap();
    #[cfg(target_arch = "x86_64")]
    let number = registers.orig_rax;
    #[cfg(target_arch = "aarch64")]
    let number = registers.regs[8];
    number.cast_signed()
}

/// A shell that becomes the program once it has read a line: time to start tracing.
fn waiting_shell(arguments: &[&str]) -> Child {
    Command::new("/bin/sh")
        .args(["-c", "read -r line; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_netweir"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Every system call that the program makes, and what it prints.
#[expect(
    clippy::zombie_processes,
    reason = "the tracer waits for the process by its id"
)]
fn trace(arguments: &[&str]) -> (Vec<i64>, String) {
    let mut shell = waiting_shell(arguments);
    let process = Pid::from_raw(shell.id().try_into().unwrap());
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
    ptrace::seize(process, options).unwrap();
    ptrace::interrupt(process).unwrap();
    let mut line = shell.stdin.take();
    let mut calls = Vec::new();
    let mut is_program = false;
    loop {
        let status = waitpid(process, Some(WaitPidFlag::__WALL)).unwrap();
        let mut signal = None;
        match status {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => is_program = true,
            WaitStatus::PtraceSyscall(_) if is_program => calls.push(number_of_call(process)),
            WaitStatus::Stopped(_, received) => signal = Some(received),
            WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => {}
            end => {
                assert_eq!(end, WaitStatus::Exited(process, 0));
                break;
            }
        }
        ptrace::syscall(process, signal).unwrap();
        if let Some(mut input) = line.take() {
            input.write_all(b"\n").unwrap();
        }
    }
    let mut output = String::new();
    let mut stdout = shell.stdout.take().unwrap();
    stdout.read_to_string(&mut output).unwrap();
    (calls, output)
}

#[test]
fn a_dry_run_opens_no_socket() {
    let ranges = "--exclude-outbound-ip-ranges=10.0.0.0/8,fd00::/8";
    let (calls, output) = trace(&["apply", "--dry-run", ranges, "--netns=1"]);
    assert!(output.contains("table inet netweir {"));
    assert!(calls.contains(&libc::SYS_write), "the tracer saw nothing");
    for call in [libc::SYS_socket, libc::SYS_setns, libc::SYS_unshare] {
        assert!(!calls.contains(&call), "{call} in {calls:?}");
    }
}

#[test]
fn only_auto_looks_at_the_namespace() {
    let (calls, output) = trace(&["apply", "--dry-run", "--ip-families=auto"]);
    assert!(output.contains("table inet netweir {"));
    assert!(calls.contains(&libc::SYS_socket));
}
