//! Runs the program a system call at a time.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::node::program;

/// What becomes of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    GoOn,
    /// As by `kill -9`.
    Kill,
}

/// Whether the system call changes files, or their names.
pub(crate) fn changes_files(call: i64) -> bool {
    let calls = [
        libc::SYS_openat,
        libc::SYS_write,
        libc::SYS_copy_file_range,
        libc::SYS_sendfile,
        libc::SYS_fsync,
        libc::SYS_fchmod,
        libc::SYS_renameat2,
        libc::SYS_renameat,
        libc::SYS_unlinkat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink,
    ];
    calls.contains(&call)
}

/// Runs the program with these arguments. The judge sees the number of each system call before it is made and after, and decides.
/// Tells the exit code, if there is one.
#[expect(
    clippy::zombie_processes,
    reason = "the tracer waits for the process by its id"
)]
pub(crate) fn trace(arguments: &[String], mut judge: impl FnMut(i64) -> Verdict) -> Option<i32> {
    // A shell that becomes the program once it has read a line: time to start tracing.
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "read -r line; exec \"$@\"", "sh"])
        .arg(program())
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = Pid::from_raw(shell.id().cast_signed());
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
    ptrace::seize(process, options).unwrap();
    ptrace::interrupt(process).unwrap();
    let mut line = shell.stdin.take();
    let mut is_program = false;
    loop {
        let mut signal = None;
        match waitpid(process, Some(WaitPidFlag::__WALL)).unwrap() {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => {
                is_program = fs::read_link(format!("/proc/{process}/exe")).unwrap() == program();
            }
            WaitStatus::PtraceSyscall(_) if is_program => {
                if judge(number_of_call(process)) == Verdict::Kill {
                    kill(process, Signal::SIGKILL).unwrap();
                    let end = waitpid(process, Some(WaitPidFlag::__WALL)).unwrap();
                    assert_eq!(end, WaitStatus::Signaled(process, Signal::SIGKILL, false));
                    return None;
                }
            }
            WaitStatus::Stopped(_, received) => signal = Some(received),
            WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::Exited(_, code) => return Some(code),
            other => panic!("{other:?}"),
        }
        ptrace::syscall(process, signal).unwrap();
        if let Some(mut input) = line.take() {
            input.write_all(b"\n").unwrap();
        }
    }
}

fn number_of_call(process: Pid) -> i64 {
    let registers = ptrace::getregs(process).unwrap();
    #[cfg(target_arch = "x86_64")]
    let number = registers.orig_rax;
    #[cfg(target_arch = "aarch64")]
    let number = registers.regs[8];
    number.cast_signed()
}
