//! Runs a program and stops it at every system call.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
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
    /// Before a call: the call is not made, and fails.
    Fail(Errno),
    /// Before a call: the call is made, and its result lost.
    Lose(Errno),
    /// A signal comes.
    Signal(Signal),
}

/// How the program ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The program, stopped before or after a system call.
pub struct Stopped {
    process: Pid,
    /// Whether it is yet to be made.
    is_before: bool,
}

impl Stopped {
    /// Whether the call is yet to be made.
    pub const fn is_before(&self) -> bool {
        self.is_before
    }

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
        fs::read_to_string(format!("/proc/{}/status", self.process)).expect("a stopped process")
    }

    pub fn registers(&self) -> user_regs_struct {
        ptrace::getregs(self.process).expect("a stopped process")
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
            ptrace::setregs(self.process, registers).expect("a stopped process");
        }
        refused
    }
}

/// Keeps a call from being made.
fn skip(process: Pid) {
    #[cfg(target_arch = "x86_64")]
    {
        let mut registers = ptrace::getregs(process).expect("a stopped process");
        registers.orig_rax = u64::MAX;
        ptrace::setregs(process, registers).expect("a stopped process");
    }
    #[cfg(target_arch = "aarch64")]
    {
        /// `NT_ARM_SYSTEM_CALL` (`linux/elf.h`).
        const SYSTEM_CALL: usize = 0x404;
        let mut none = -1_i32;
        let mut part = libc::iovec {
            iov_base: (&raw mut none).cast(),
            iov_len: size_of::<i32>(),
        };
        #[expect(unsafe_code, reason = "nix does not have this set of registers")]
        // SAFETY: the kernel reads the number from the place that the vector names.
        let set = unsafe {
            libc::ptrace(
                libc::PTRACE_SETREGSET,
                process.as_raw(),
                SYSTEM_CALL,
                &raw mut part,
            )
        };
        assert_eq!(set, 0, "a stopped process");
    }
}

/// Makes a call that was made, or skipped, return an error.
fn fail(process: Pid, errno: Errno) {
    let mut registers = ptrace::getregs(process).expect("a stopped process");
    let value = i64::from(-(errno as i32)).cast_unsigned();
    #[cfg(target_arch = "x86_64")]
    let result = &mut registers.rax;
    #[cfg(target_arch = "aarch64")]
    let result = &mut registers.regs[0];
    *result = value;
    ptrace::setregs(process, registers).expect("a stopped process");
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
    // The first stop of a program is after the call that made it one.
    let mut is_before = false;
    let mut failing = None;
    let code = loop {
        let mut signal = None;
        match waitpid(process, Some(WaitPidFlag::__WALL)).expect("a child") {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => {
                let file = fs::read_link(format!("/proc/{process}/exe"));
                is_program = file.expect("a stopped process") == program;
                is_before = false;
            }
            WaitStatus::PtraceSyscall(_) if is_program => {
                match failing.take() {
                    Some(errno) => fail(process, errno),
                    None => match on_call(&Stopped { process, is_before }) {
                        Next::Continue => {}
                        Next::Kill => {
                            kill(process, Signal::SIGKILL).expect("a child");
                            let end = waitpid(process, Some(WaitPidFlag::__WALL)).expect("a child");
                            assert_eq!(end, WaitStatus::Signaled(process, Signal::SIGKILL, false));
                            break None;
                        }
                        Next::Fail(errno) => {
                            assert!(is_before, "the call was made");
                            skip(process);
                            failing = Some(errno);
                        }
                        Next::Lose(errno) => failing = Some(errno),
                        Next::Signal(signal) => kill(process, signal).expect("a child"),
                    },
                }
                is_before = !is_before;
            }
            WaitStatus::Stopped(_, received) => signal = Some(received),
            WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::Exited(_, code) => break Some(code),
            WaitStatus::Signaled(..) => break None,
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
