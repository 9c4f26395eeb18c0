//! Does a sink keep up?
//!
//! How many records wait for it says little: under steady flow some always do, and at the first start a hundred thousand
//! may at once. What counts is how long one waits. So a mark is set behind the newest record, and it is seen how long the
//! sink takes to get there.

use crate::time::{MINUTE, Millis};

/// A record may wait for so long.
const WAITED: Millis = MINUTE;

#[derive(Debug, Default)]
pub struct Backlog {
    /// The number behind the newest record, and when that was.
    mark: Option<(u64, Millis)>,
    late: bool,
}

impl Backlog {
    /// A sink that this was said of before does not keep up until it is seen to.
    pub fn new(late: bool) -> Backlog {
        Backlog { mark: None, late }
    }

    /// Does it fall behind? `acknowledged`: it has every record below; `end`: the number of the next record.
    pub fn is_late(&mut self, acknowledged: u64, end: u64, wall: Millis) -> bool {
        match self.mark {
            Some((mark, since)) if acknowledged < mark => self.late |= wall - since >= WAITED,
            reached => {
                // It took less than that from one mark to the next, or there was nothing to wait for.
                if acknowledged >= end || reached.is_some_and(|(_, since)| wall - since < WAITED) {
                    self.late = false;
                }
                self.mark = (acknowledged < end).then_some((end, wall));
            }
        }
        self.late
    }

    /// The wall clock was set by this much.
    pub fn wall_was_set(&mut self, by: Millis) {
        self.mark = self.mark.map(|(mark, since)| (mark, since + by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn a_sink_under_steady_flow_keeps_up() {
        let mut backlog = Backlog::default();
        for second in 0..600 {
            let end = 1000 * (second + 1);
            assert!(!backlog.is_late(end - 30_000.min(end), end, second as Millis * SECOND), "after {second} s");
        }
    }

    #[test]
    fn a_sink_that_is_away_is_late_until_it_has_caught_up() {
        let mut backlog = Backlog::default();
        assert!(!backlog.is_late(0, 1, 0));
        assert!(!backlog.is_late(0, 2, WAITED - 1));
        assert!(backlog.is_late(0, 2, WAITED));
        // It got there after more than a minute, and what came meanwhile may be as late.
        assert!(backlog.is_late(1, 90, 5 * MINUTE));
        assert!(backlog.is_late(60, 99, 5 * MINUTE + 1));
        assert!(!backlog.is_late(90, 100, 6 * MINUTE - 1));
    }

    #[test]
    fn a_sink_that_has_everything_is_not_late() {
        let mut backlog = Backlog::new(true);
        assert!(!backlog.is_late(5, 5, 0));
    }

    #[test]
    fn a_clock_that_is_set_makes_nobody_late() {
        let mut backlog = Backlog::default();
        assert!(!backlog.is_late(0, 1, 0));
        backlog.wall_was_set(1000 * MINUTE);
        assert!(!backlog.is_late(0, 1, 1000 * MINUTE + 1));
    }
}
