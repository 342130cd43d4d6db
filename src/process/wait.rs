//! Waiting until a deadline: for file descriptors, or in pauses where there is nothing to wait for.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollTimeout, poll};

/// Waits for one of the events; false when none came in time.
pub(crate) fn wait(events: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(events, timeout) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The first pause is hardly any: what is waited for is short. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Growing pauses between attempts.
pub(crate) struct Pauses {
    limit: Duration,
    next: Duration,
    deadline: Option<Instant>,
}

impl Pauses {
    /// Pauses for this long, from the first one on.
    pub(crate) fn within(limit: Duration) -> Self {
        Self {
            limit,
            next: FIRST_PAUSE,
            // Most attempts succeed at once and need no clock.
            deadline: None,
        }
    }

    /// Pauses; false if the time is over.
    pub(crate) fn pause(&mut self) -> bool {
        let now = Instant::now();
        if now >= *self.deadline.get_or_insert(now + self.limit) {
            return false;
        }
        thread::sleep(self.next);
        self.next = LONGEST_PAUSE.min(2 * self.next);
        true
    }
}
