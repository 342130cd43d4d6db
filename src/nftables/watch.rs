//! Waiting for changes of the ruleset.

use std::time::{Duration, Instant};

use crate::netlink::{Error, Group, Received, Topic};
use crate::process::shutdown::{Event, Shutdown};

/// The changes of the namespace's ruleset.
pub struct Watch {
    changes: Group,
    shutdown: Shutdown,
}

impl Watch {
    /// Watches from now on.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn open() -> Result<Self, Error> {
        let failed = |source| Error::io("watch the ruleset for changes", source);
        Ok(Self {
            changes: Group::join(&[Topic::Changes]).map_err(failed)?,
            shutdown: Shutdown::expect().map_err(failed)?,
        })
    }

    /// Waits for a change, but no longer than this.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn wait(&mut self, longest: Duration) -> Result<Event, Error> {
        let failed = |source| Error::io("wait for changes of the ruleset", source);
        let deadline = Instant::now() + longest;
        let waited = self.shutdown.or(&self.changes, Some(deadline));
        let event = waited.map_err(failed)?;
        if event == Event::Changed {
            // The tables themselves show what changed; the loss of messages is a change, too.
            while self.changes.receive(|_| {}).map_err(failed)? != Received::Nothing
                && Instant::now() < deadline
            {}
        }
        Ok(event)
    }
}
