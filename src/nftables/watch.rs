//! Waiting for changes of the ruleset.

use std::time::{Duration, Instant};

use crate::netlink::{Error, Group, Received, Topic};
use crate::process::shutdown::{End, Event};

/// The changes of the namespace's ruleset.
pub struct Watch {
    changes: Group,
    end: End,
}

impl Watch {
    /// From now on.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn open() -> Result<Self, Error> {
        let failed = |source| Error::Io {
            doing: "watch the ruleset for changes",
            source,
        };
        Ok(Self {
            changes: Group::join(&[Topic::Changes]).map_err(failed)?,
            end: End::expect().map_err(failed)?,
        })
    }

    /// Waits for a change, but no longer than this.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn wait(&mut self, longest: Duration) -> Result<Event, Error> {
        let failed = |source| Error::Io {
            doing: "wait for changes of the ruleset",
            source,
        };
        let deadline = Instant::now() + longest;
        let event = self.end.or(&self.changes, Some(deadline)).map_err(failed)?;
        if event == Event::Changed {
            // What changed is read from the tables themselves; that messages were lost is a change, too.
            while self.changes.receive(|_| {}).map_err(failed)? != Received::Nothing {}
        }
        Ok(event)
    }
}
