//! Waits for SIGINT and SIGTERM beside another event.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// What is watched has something to read.
    Changed,
    /// The deadline passed.
    Elapsed,
    /// SIGINT or SIGTERM asked the process to end.
    Ended,
}

/// SIGINT and SIGTERM as something to wait for: they no longer interrupt the process.
pub(crate) struct Shutdown(SignalFd);

impl Shutdown {
    /// Takes the signals from now on.
    ///
    /// They are blocked for the calling thread alone: the process must have no other.
    pub(crate) fn expect() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self(SignalFd::with_flags(&signals, flags)?))
    }

    /// Whether a signal has asked the process to end.
    pub(crate) fn is_requested(&self) -> io::Result<bool> {
        let mut polled = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut polled, PollTimeout::ZERO)? > 0)
    }

    /// Waits for a signal, or until the other descriptor has something to read, until the deadline if there is one.
    pub(crate) fn or(&self, other: &impl AsFd, deadline: Option<Instant>) -> io::Result<Event> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = match left {
                // Rounded up: a wait that ends early would only begin anew.
                Some(left) => PollTimeout::try_from(left + Duration::from_millis(1))
                    .unwrap_or(PollTimeout::MAX),
                None => PollTimeout::NONE,
            };
            let mut both =
                [self.0.as_fd(), other.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            match poll(&mut both, timeout) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            // An event that nix does not know counts as readable: reading reports the error.
            let [requested, other] = both.map(|polled| polled.any().unwrap_or(true));
            if requested {
                return Ok(Event::Ended);
            }
            if other {
                return Ok(Event::Changed);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Event::Elapsed);
            }
        }
    }
}

impl AsFd for Shutdown {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
