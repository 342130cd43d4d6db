//! Runs a program and stops it at every system call.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::libc::{self, user_regs_struct};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Whether the traced program may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Continue,
    /// Kill it on the spot, as `kill -9` does.
    Kill,
}

/// How the program ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    /// `None` if it was killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The program, stopped before or after a system call.
pub struct Stopped(Pid);

impl Stopped {
    /// The number of the system call.
    pub fn call(&self) -> i64 {
        let registers = self.registers();
        #[cfg(target_arch = "x86_64")]
        let number = registers.orig_rax;
        #[cfg(target_arch = "aarch64")]
        let number = registers.regs[8];
        number.cast_signed()
    }

    /// The text of `/proc/PID/status`.
    pub fn status(&self) -> String {
        fs::read_to_string(format!("/proc/{}/status", self.0)).expect("a stopped process")
    }

    pub fn registers(&self) -> user_regs_struct {
        ptrace::getregs(self.0).expect("a stopped process")
    }

    /// Changes the protocol of a netlink socket that the program is about to open, if it is this one, to one that no kernel
    /// has: the program gets the answer of a kernel that lacks it. Whether it did.
    pub fn refuses_netlink(&self, protocol: i32) -> bool {
        /// One more than the largest possible (`MAX_LINKS`, `linux/netlink.h`).
        const NO_PROTOCOL: u8 = 32;
        let mut registers = self.registers();
        #[cfg(target_arch = "x86_64")]
        let third = &mut registers.rdx;
        #[cfg(target_arch = "aarch64")]
        let third = &mut registers.regs[2];
        let refused = self.call() == libc::SYS_socket && u64::try_from(protocol) == Ok(*third);
        if refused {
            *third = NO_PROTOCOL.into();
            ptrace::setregs(self.0, registers).expect("a stopped process");
        }
        refused
    }
}

/// Runs the command, which becomes the program sooner or later (`unshare` may come first), and calls `on_call`
/// before and after each system call that the program makes.
#[expect(
    clippy::zombie_processes,
    reason = "the tracer waits for the process by its id"
)]
pub fn trace(
    program: &Path,
    command: &[impl AsRef<OsStr>],
    mut on_call: impl FnMut(&Stopped) -> Next,
) -> Ended {
    let mut shell = waiting_shell(command);
    let process = Pid::from_raw(shell.id().cast_signed());
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
    ptrace::seize(process, options).expect("the shell can be traced");
    ptrace::interrupt(process).expect("the shell is running");
    let mut line = shell.stdin.take();
    let mut is_program = false;
    let code = loop {
        let mut signal = None;
        match waitpid(process, Some(WaitPidFlag::__WALL)).expect("a child") {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => {
                let file = fs::read_link(format!("/proc/{process}/exe"));
                is_program = file.expect("a stopped process") == program;
            }
            WaitStatus::PtraceSyscall(_) if is_program => {
                if on_call(&Stopped(process)) == Next::Kill {
                    kill(process, Signal::SIGKILL).expect("a child");
                    let end = waitpid(process, Some(WaitPidFlag::__WALL)).expect("a child");
                    assert_eq!(end, WaitStatus::Signaled(process, Signal::SIGKILL, false));
                    break None;
                }
            }
            WaitStatus::Stopped(_, received) => signal = Some(received),
            WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::Exited(_, code) => break Some(code),
            other => panic!("{other:?}"),
        }
        ptrace::syscall(process, signal).expect("a stopped process");
        if let Some(mut input) = line.take() {
            input.write_all(b"\n").expect("the shell reads a line");
        }
    };
    Ended {
        code,
        stdout: text(shell.stdout.take()),
        stderr: text(shell.stderr.take()),
    }
}

/// A shell that becomes the command once it has read a line, which leaves time to start tracing.
fn waiting_shell(command: &[impl AsRef<OsStr>]) -> Child {
    Command::new("/bin/sh")
        .args(["-c", "read -r line; exec \"$@\"", "sh"])
        .args(command)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("/bin/sh runs")
}

fn text(pipe: Option<impl Read>) -> String {
    let mut text = String::new();
    let mut pipe = pipe.expect("the shell has pipes");
    pipe.read_to_string(&mut text).expect("UTF-8");
    text
}
