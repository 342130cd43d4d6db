//! The signals that ask the process to end, and waiting for them beside something else.

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
    /// The ruleset of the namespace was changed.
    Changed,
    /// The time is over.
    Elapsed,
    /// The process was asked to end, by SIGINT or SIGTERM.
    Ended,
}

/// The signals that ask the process to end, as something to wait for: they no longer interrupt it.
pub(crate) struct End(SignalFd);

impl End {
    /// From now on.
    ///
    /// The process has one thread: another one would still be interrupted.
    pub(crate) fn expect() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self(SignalFd::with_flags(&signals, flags)?))
    }

    /// Whether the process has been asked to end.
    pub(crate) fn is_asked(&self) -> io::Result<bool> {
        let mut polled = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut polled, PollTimeout::ZERO)? > 0)
    }

    /// Waits until one of the two has something to read; the time is over where neither has.
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
            let [end, other] = both.map(|polled| polled.any().unwrap_or(true));
            if end {
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

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
