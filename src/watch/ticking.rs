//! Was the wall clock set?
//!
//! Beside it runs a clock that nobody can set. That one stands still while the machine sleeps, and the wall clock does not,
//! so where the two differ it is asked how long the machine slept: a sleep is time that has passed.

use std::fs;
use std::time::Instant;

use crate::time::{Millis, SECOND};

/// A clock that differs by more than this from the time that has passed was set.
const SET: Millis = 5 * SECOND;

pub struct Ticking {
    wall: Millis,
    passed: Instant,
    /// How long the machine has slept, from some beginning.
    slept: Millis,
    begun: Instant,
}

impl Ticking {
    pub fn new(wall: Millis) -> Ticking {
        let begun = Instant::now();
        Ticking { wall, passed: begun, slept: slept(begun).unwrap_or(0), begun }
    }

    /// By how much it was set since the last call.
    pub fn set(&mut self, wall: Millis) -> Option<Millis> {
        let by = (wall - self.wall).saturating_sub(elapsed(self.passed));
        (self.wall, self.passed) = (wall, Instant::now());
        if by.abs() <= SET {
            return None;
        }
        let slept = slept(self.begun).unwrap_or(self.slept);
        let by = by - (slept - self.slept);
        self.slept = slept;
        Some(by).filter(|by| by.abs() > SET)
    }
}

fn elapsed(since: Instant) -> Millis {
    Millis::try_from(since.elapsed().as_millis()).unwrap_or(Millis::MAX)
}

/// The time since the machine was started, sleep included, less what the clock that stands still in sleep counts.
fn slept(begun: Instant) -> Option<Millis> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Some((seconds * 1000.0) as Millis - elapsed(begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_time_has_passed_for_was_set() {
        let mut ticking = Ticking::new(1_000_000);
        assert_eq!(ticking.set(1_000_000 + SECOND), None);
        let by = ticking.set(1_000_000 + SECOND + 3_600_000).expect("it was set");
        assert!((3_590_000..=3_600_000).contains(&by), "{by}");
        let by = ticking.set(1_000_000).expect("it was set back");
        assert!((-3_611_000..=-3_600_000).contains(&by), "{by}");
    }

    /// As after a sleep: so much less was slept when it was last asked.
    #[test]
    fn a_sleep_is_time_that_has_passed() {
        let mut ticking = Ticking::new(1_000_000);
        ticking.slept -= 3_600_000;
        assert_eq!(ticking.set(1_000_000 + 3_600_000), None);
    }
}
