//! When the next pass over the node is due.

use std::time::{Duration, Instant};

use super::error::InstallError;
use super::health::Repair;
use super::host::Status;

/// The shortest time between two passes. Agents often write a file several times in a row.
const MIN_INTERVAL: Duration = Duration::from_millis(20);
/// The longest time before a change is handled, while another program undoes every repair: repairs come within a second.
const MAX_INTERVAL: Duration = Duration::from_millis(400);
/// The time after a repair from which on a change no longer counts as undoing that repair.
const CALM: Duration = Duration::from_secs(3);
/// The first pause after a failure; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause after a failure.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// When the next pass is due.
#[derive(Debug)]
pub(super) struct Backoff {
    due: Option<Due>,
    last: Option<Instant>,
    last_repair: Option<Instant>,
    interval: Duration,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Because something changed.
    Changed(Instant),
    /// To try again, unless something changes before.
    Retry(Instant),
}

impl Backoff {
    /// With a first pass due now.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            due: Some(Due::Changed(now)),
            last: None,
            last_repair: None,
            interval: MIN_INTERVAL,
            pause: FIRST_PAUSE,
        }
    }

    /// When the next pass is due; `None` without a reason for one.
    pub(super) const fn due(&self) -> Option<Instant> {
        match self.due {
            Some(Due::Changed(due) | Due::Retry(due)) => Some(due),
            None => None,
        }
    }

    /// Whether an event could make a pass due earlier.
    pub(super) const fn wants_events(&self) -> bool {
        !matches!(self.due, Some(Due::Changed(_)))
    }

    /// Notes a change.
    pub(super) fn changed(&mut self, now: Instant) {
        let is_calm = |repair: Instant| now.saturating_duration_since(repair) > CALM;
        if self.last_repair.is_none_or(is_calm) {
            self.interval = MIN_INTERVAL;
        }
        let earliest = self.last.map_or(now, |last| last + self.interval);
        self.due = Some(Due::Changed(earliest.max(now)));
    }

    /// Notes the result of a pass that just ended.
    pub(super) fn finished(&mut self, now: Instant, pass: &Result<Status, InstallError>) {
        self.last = Some(now);
        let mut pause = FIRST_PAUSE;
        self.due = match pass {
            Ok(Status::Installed(repair)) if *repair != Repair::default() => {
                if self.last_repair.replace(now).is_some() {
                    self.interval = (self.interval * 2).min(MAX_INTERVAL);
                }
                None
            }
            Ok(Status::Installed(_) | Status::Waiting(_)) => None,
            Ok(Status::Overtaken) => Some(Due::Changed(now + self.interval)),
            Ok(Status::Unsettled(until)) => Some(Due::Retry(*until)),
            // No event reports when it would succeed, such as on a full disk.
            Err(_) => {
                pause = (self.pause * 2).min(MAX_PAUSE);
                Some(Due::Retry(now + self.pause))
            }
        };
        self.pause = pause;
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const UNCHANGED: Result<Status, InstallError> = Ok(Status::Installed(Repair {
        binary: false,
        configuration: false,
    }));
    const REPAIRED: Result<Status, InstallError> = Ok(Status::Installed(Repair {
        binary: false,
        configuration: true,
    }));

    #[test]
    fn slows_down_but_repairs_within_a_second_while_repairs_are_undone() {
        let start = Instant::now();
        let mut backoff = Backoff::new(start);
        let mut now = start;
        let mut repairs = 0;
        while now < start + 60 * SECOND {
            backoff.finished(now, &REPAIRED);
            repairs += 1;
            backoff.changed(now);
            let due = backoff.due().unwrap();
            assert!(due - now <= SECOND / 2, "{backoff:?}");
            now = due;
        }
        assert!(repairs < 200, "{repairs}");
        // Afterwards, a repair is immediate again.
        now += CALM + SECOND;
        backoff.changed(now);
        assert_eq!(backoff.due(), Some(now));
        backoff.finished(now, &UNCHANGED);
        backoff.changed(now);
        assert_eq!(backoff.due(), Some(now + MIN_INTERVAL));
    }

    #[test]
    fn no_pass_is_due_without_a_reason() {
        let now = Instant::now();
        for outcome in [UNCHANGED, REPAIRED] {
            let mut backoff = Backoff::new(now);
            assert!(!backoff.wants_events());
            backoff.finished(now, &outcome);
            assert_eq!(backoff.due(), None);
            assert!(backoff.wants_events());
        }
    }

    #[test]
    fn pauses_after_failures_double_up_to_a_second() {
        let mut now = Instant::now();
        let mut backoff = Backoff::new(now);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            backoff.finished(now, &Err(InstallError::NoNetwork(PathBuf::new())));
            let due = backoff.due().unwrap();
            pauses.push((due - now).as_millis());
            now = due;
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        // A change is a reason to try at once.
        backoff.changed(now);
        assert_eq!(backoff.due(), Some(now));
    }

    #[test]
    fn half_written_file_is_read_again_when_its_time_is_up() {
        let now = Instant::now();
        let mut backoff = Backoff::new(now);
        backoff.finished(now, &Ok(Status::Unsettled(now + SECOND)));
        assert_eq!(backoff.due(), Some(now + SECOND));
        assert!(backoff.wants_events());
        backoff.changed(now);
        assert_eq!(backoff.due(), Some(now + MIN_INTERVAL));
        backoff.finished(now, &Ok(Status::Overtaken));
        assert_eq!(backoff.due(), Some(now + MIN_INTERVAL));
    }
}
