//! When to look at the node again.

use std::time::{Duration, Instant};

/// The least time between two looks. An agent often writes a file more than once in a row.
const LEAST: Duration = Duration::from_millis(20);
/// The most, when another program undoes every repair: a repair comes within a second all the same.
const MOST: Duration = Duration::from_millis(400);
/// Who has not undone a repair for this long does not undo them.
const CALM: Duration = Duration::from_secs(3);
/// The first pause after a failure. It doubles from one to the next, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a look at the node led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Everything was as it should be, or as it has to be waited for.
    Quiet,
    /// Something was repaired.
    Repaired,
    /// Another program was faster.
    Overtaken,
    /// A file may be half-written; if it still is then, it counts as broken.
    Unsettled(Instant),
    /// Something failed that nobody tells the end of: a full disk, for one.
    Failed,
}

/// When to look at the node again.
#[derive(Debug)]
pub(super) struct Pace {
    due: Option<Due>,
    last: Option<Instant>,
    last_repair: Option<Instant>,
    gap: Duration,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Since something changed.
    Changed(Instant),
    /// In case that something changed without a word.
    Again(Instant),
}

impl Pace {
    /// With a look that is due now.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            due: Some(Due::Changed(now)),
            last: None,
            last_repair: None,
            gap: LEAST,
            pause: PAUSE,
        }
    }

    /// When the next look is due, if something is to be looked at.
    pub(super) const fn due(&self) -> Option<Instant> {
        match self.due {
            Some(Due::Changed(due) | Due::Again(due)) => Some(due),
            None => None,
        }
    }

    /// Whether it is of use to know that something changed.
    pub(super) const fn is_curious(&self) -> bool {
        !matches!(self.due, Some(Due::Changed(_)))
    }

    /// Something changed.
    pub(super) fn changed(&mut self, now: Instant) {
        let is_calm = |repair: Instant| now.saturating_duration_since(repair) > CALM;
        if self.last_repair.is_none_or(is_calm) {
            self.gap = LEAST;
        }
        let earliest = self.last.map_or(now, |last| last + self.gap);
        self.due = Some(Due::Changed(earliest.max(now)));
    }

    /// This is what a look, just now, led to.
    pub(super) fn looked(&mut self, now: Instant, look: Look) {
        self.last = Some(now);
        self.due = match look {
            Look::Quiet => None,
            Look::Repaired => {
                let is_undone = self.last_repair.is_some();
                self.last_repair = Some(now);
                if is_undone {
                    self.gap = (self.gap * 2).min(MOST);
                }
                None
            }
            Look::Overtaken => Some(Due::Changed(now + self.gap)),
            Look::Unsettled(until) => Some(Due::Again(until)),
            Look::Failed => Some(Due::Again(now + self.pause)),
        };
        self.pause = if look == Look::Failed {
            (self.pause * 2).min(LONGEST_PAUSE)
        } else {
            PAUSE
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Another program undoes every repair at once.
    #[test]
    fn a_quarrel_neither_keeps_the_processor_busy_nor_takes_a_second() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut now = start;
        let mut repairs = 0;
        while now < start + 60 * SECOND {
            pace.looked(now, Look::Repaired);
            repairs += 1;
            pace.changed(now);
            let due = pace.due().unwrap();
            assert!(due - now <= SECOND / 2, "{pace:?}");
            now = due;
        }
        assert!(repairs < 200, "{repairs}");
        // Once that is over, a repair comes at once again.
        now += CALM + SECOND;
        pace.changed(now);
        assert_eq!(pace.due(), Some(now));
        pace.looked(now, Look::Quiet);
        pace.changed(now);
        assert_eq!(pace.due(), Some(now + LEAST));
    }

    #[test]
    fn nothing_is_looked_at_without_a_reason() {
        let now = Instant::now();
        for look in [Look::Quiet, Look::Repaired] {
            let mut pace = Pace::new(now);
            assert!(!pace.is_curious());
            pace.looked(now, look);
            assert_eq!(pace.due(), None);
            assert!(pace.is_curious());
        }
    }

    #[test]
    fn a_failure_is_tried_again_ever_more_slowly() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            pace.looked(now, Look::Failed);
            let due = pace.due().unwrap();
            pauses.push((due - now).as_millis());
            now = due;
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        // A change is a reason to try at once.
        pace.changed(now);
        assert_eq!(pace.due(), Some(now));
    }

    #[test]
    fn a_half_written_file_is_looked_at_again_when_it_must_be_whole() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        pace.looked(now, Look::Unsettled(now + SECOND));
        assert_eq!(pace.due(), Some(now + SECOND));
        assert!(pace.is_curious());
        pace.changed(now);
        assert_eq!(pace.due(), Some(now + LEAST));
        pace.looked(now, Look::Overtaken);
        assert_eq!(pace.due(), Some(now + LEAST));
    }
}
