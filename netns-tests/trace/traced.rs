//! A tracing program.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `netweir trace`, which has begun to trace. It is killed when this is dropped.
pub(crate) struct Traced {
    child: Child,
    /// Read all the time: a full pipe would hold it up.
    stdout: Receiver<String>,
    stderr: BufReader<ChildStderr>,
}

impl Traced {
    /// Starts it, and waits until it traces.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_netweir"))
            .arg("trace")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, stdout) = channel();
        // It ends when the program does.
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|l| sender.send(l)));
        let mut traced = Self {
            child,
            stdout,
            stderr,
        };
        while !traced
            .complaint()
            .starts_with("info: new connections are shown")
        {}
        traced
    }

    /// The next line on standard error.
    pub(crate) fn complaint(&mut self) -> String {
        let mut line = String::new();
        let length = self.stderr.read_line(&mut line).expect("text");
        assert_ne!(length, 0, "it ended");
        line
    }

    /// The next connection.
    pub(crate) fn line(&mut self) -> String {
        self.stdout.recv().expect("it did not end")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(id), signal).expect("a signal");
    }

    /// What it shows until it ends by itself.
    pub(crate) fn rest(mut self) -> (ExitStatus, Vec<String>) {
        let lines = self.stdout.iter().collect();
        let status = self.child.wait().expect("waited for");
        (status, lines)
    }

    /// What it shows until the signal, which it takes well.
    pub(crate) fn end(self, signal: Signal) -> Vec<String> {
        self.signal(signal);
        let (status, lines) = self.rest();
        assert!(status.success(), "{status}");
        lines
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
