//! What may be wrong with a log that is watched, which nobody else would notice: it cannot be read; it grows and is not
//! read; it says nothing any more.
//!
//! Whether silence is wrong depends on the log. A cluster's HA process says something every minute, a job may say nothing
//! for a week, so only a log with a limit of its own is told of. The others have their alarms: `absent` rules know what a
//! log should say, and this knows only whether it says anything.

use super::core::Watched;
use crate::time::{MINUTE, Millis, SECOND, human_duration};

/// What cannot be read, or grows unread, is told of after this.
pub const STUCK: Millis = MINUTE;

/// A log that rests is asked no more often than this how long it is.
const ASKED: Millis = 10 * SECOND;

/// All logs that are watched.
#[derive(Default)]
pub struct Watchdog {
    logs: Vec<Log>,
}

#[derive(Default)]
struct Log {
    /// Longer silence than this is told of.
    limit: Option<Millis>,
    /// Bytes that were read of it, and since when it is no more.
    bytes: u64,
    since: Millis,
    /// Its size when that was, and since when it is known to be more.
    size: Option<u64>,
    grown: Option<Millis>,
    asked: Option<Millis>,
    /// Since when it cannot be read, and why.
    unreadable: Option<(Millis, String)>,
    told: Told,
}

/// Which of the two alarms are active.
#[derive(Clone, Copy, Default)]
pub struct Told {
    pub stuck: bool,
    pub silent: bool,
}

/// What there is to tell now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// It has only now become unreadable, or readable.
    pub unreadable: Option<bool>,
    /// It begins to be stuck, and why, or it ends.
    pub stuck: Option<Option<String>>,
    pub silent: Option<Option<String>>,
}

impl Watchdog {
    /// The next log; `told`: what an earlier process said of it and did not take back.
    pub fn add(&mut self, limit: Option<Millis>, told: Told, wall: Millis) {
        self.logs.push(Log { limit, since: wall, told, ..Log::default() });
    }

    /// What is active of it, when somebody else has changed that.
    pub fn told(&mut self, at: Watched, told: Told) {
        self.logs[at].told = told;
    }

    /// It could not be read.
    pub fn unreadable(&mut self, at: Watched, why: &str, wall: Millis) -> Findings {
        let log = &mut self.logs[at];
        let mut findings = Findings::default();
        if log.unreadable.is_none() {
            findings.unreadable = Some(true);
        }
        let (since, why) = log.unreadable.get_or_insert_with(|| (wall, why.to_owned()));
        // How long it was silent cannot be known.
        (log.size, log.grown) = (None, None);
        if wall - *since >= STUCK && !log.told.stuck {
            findings.stuck = Some(Some(why.clone()));
            log.told.stuck = true;
        }
        findings
    }

    /// It was read as far as it could be. `bytes`: all that was read of it so far; `rests`: to its end, by what the
    /// reader knows; `size` asks how long it is.
    pub fn read(
        &mut self,
        at: Watched,
        bytes: u64,
        rests: bool,
        size: impl FnOnce() -> Option<u64>,
        wall: Millis,
    ) -> Findings {
        let log = &mut self.logs[at];
        let mut findings = Findings::default();
        if log.unreadable.take().is_some() {
            findings.unreadable = Some(false);
            log.since = wall;
        }
        if bytes != log.bytes || !rests {
            (log.bytes, log.since) = (bytes, wall);
            (log.size, log.grown, log.asked) = (None, None, None);
        } else if log.asked.is_none_or(|asked| !(asked..asked + ASKED).contains(&wall)) {
            log.asked = Some(wall);
            log.look_at_size(size(), wall);
        }
        let stuck = log.grown.is_some_and(|since| wall - since >= STUCK);
        if stuck != log.told.stuck {
            let size = log.size.unwrap_or(0);
            let why = || format!("it has grown from {size} bytes, and nothing was read of it since");
            findings.stuck = Some(stuck.then(why));
            log.told.stuck = stuck;
        }
        let silent = log.limit.filter(|limit| wall - log.since >= *limit);
        if silent.is_some() != log.told.silent {
            findings.silent = Some(silent.map(|limit| format!("nothing came for {}", human_duration(limit))));
            log.told.silent = silent.is_some();
        }
        findings
    }

    /// The wall clock was set by this much.
    pub fn wall_was_set(&mut self, by: Millis) {
        for log in &mut self.logs {
            log.since += by;
            log.asked = None;
            log.grown = log.grown.map(|since| since + by);
            if let Some((since, _)) = &mut log.unreadable {
                *since += by;
            }
        }
    }
}

impl Log {
    fn look_at_size(&mut self, size: Option<u64>, wall: Millis) {
        match (self.size, size) {
            (Some(before), Some(now)) if now > before => {
                self.grown.get_or_insert(wall);
            }
            (_, now) => (self.size, self.grown) = (now, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watchdog(limit: Option<Millis>) -> Watchdog {
        let mut watchdog = Watchdog::default();
        watchdog.add(limit, Told::default(), 0);
        watchdog
    }

    fn nothing() -> Findings {
        Findings::default()
    }

    #[test]
    fn a_log_with_a_limit_is_told_of_when_it_is_silent_for_longer() {
        let mut dog = watchdog(Some(10 * MINUTE));
        let mut read = |bytes, wall| dog.read(0, bytes, true, || Some(7), wall).silent;
        assert_eq!(read(7, MINUTE), None);
        assert_eq!(read(7, 11 * MINUTE - 1), None);
        assert_eq!(read(7, 11 * MINUTE), Some(Some("nothing came for 10m".to_owned())));
        assert_eq!(read(7, 12 * MINUTE), None, "it is said once");
        assert_eq!(read(8, 13 * MINUTE), Some(None));
        assert_eq!(watchdog(None).read(0, 7, true, || Some(7), 1000 * MINUTE), nothing());
    }

    #[test]
    fn a_log_that_others_keep_from_being_read_is_not_silent() {
        let mut dog = watchdog(Some(MINUTE));
        for minute in 1..10 {
            assert_eq!(dog.read(0, 7, false, || Some(minute), Millis::from(minute as i32) * MINUTE), nothing());
        }
    }

    #[test]
    fn a_log_that_grows_and_is_not_read_is_stuck() {
        let mut dog = watchdog(None);
        let mut read = |bytes, size, wall| dog.read(0, bytes, true, || Some(size), wall).stuck;
        assert_eq!(read(7, 7, 0), None);
        assert_eq!(read(7, 7, MINUTE), None);
        assert_eq!(read(7, 9, 2 * MINUTE), None, "it may have been written in this moment");
        assert_eq!(read(7, 10, 3 * MINUTE - 1), None);
        let stuck = read(7, 10, 3 * MINUTE + ASKED);
        assert_eq!(stuck, Some(Some("it has grown from 7 bytes, and nothing was read of it since".to_owned())));
        assert_eq!(read(10, 10, 4 * MINUTE), Some(None));
    }

    #[test]
    fn what_is_read_as_it_grows_or_is_truncated_is_not_stuck() {
        let mut dog = watchdog(None);
        for minute in 0..10 {
            let bytes = minute as u64 * 100;
            assert_eq!(dog.read(0, bytes, true, || Some(bytes), minute * MINUTE), nothing());
        }
        for (size, wall) in [(900, 11), (0, 12), (0, 14), (0, 16)] {
            assert_eq!(dog.read(0, 900, true, || Some(size), wall * MINUTE), nothing());
        }
    }

    #[test]
    fn a_log_that_cannot_be_read_is_told_of_after_a_minute_until_it_can_be() {
        let mut dog = watchdog(Some(MINUTE));
        assert_eq!(dog.unreadable(0, "no", 0), Findings { unreadable: Some(true), ..nothing() });
        assert_eq!(dog.unreadable(0, "no", MINUTE - 1), nothing());
        assert_eq!(dog.unreadable(0, "no", MINUTE), Findings { stuck: Some(Some("no".to_owned())), ..nothing() });
        assert_eq!(dog.unreadable(0, "no", 2 * MINUTE), nothing());
        let findings = dog.read(0, 0, true, || Some(0), 3 * MINUTE);
        assert_eq!(findings, Findings { unreadable: Some(false), stuck: Some(None), silent: None });
    }

    #[test]
    fn what_an_earlier_process_said_is_taken_back() {
        let mut dog = Watchdog::default();
        dog.add(None, Told { stuck: true, silent: true }, 0);
        assert_eq!(
            dog.read(0, 1, true, || Some(1), 0),
            Findings { unreadable: None, stuck: Some(None), silent: Some(None) }
        );
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_silent() {
        let mut dog = watchdog(Some(10 * MINUTE));
        dog.wall_was_set(1000 * MINUTE);
        assert_eq!(dog.read(0, 0, true, || Some(0), 1001 * MINUTE), nothing());
        assert!(dog.read(0, 0, true, || Some(0), 1010 * MINUTE).silent.is_some());
    }
}
