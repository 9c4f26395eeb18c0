//! When to look. The wall clock is an argument, and may do what wall clocks do: jump over the hour at which a check is due,
//! show it twice, stand still with a machine that sleeps, or be set.

use chrono::{Days, NaiveDate, NaiveTime};

use crate::pattern::Zone;
use crate::time::{MINUTE, Millis};

/// No day is longer, wherever the clocks are changed.
const LONGEST_DAY: Millis = 26 * 60 * MINUTE;

/// At once, and then every day at one time of the day.
#[derive(Debug)]
pub struct Daily {
    at: NaiveTime,
    zone: Zone,
    next: Option<Millis>,
}

impl Daily {
    pub fn new(at: NaiveTime, zone: Zone) -> Daily {
        Daily { at, zone, next: None }
    }

    /// Is a look due now? Whatever was missed is one look.
    pub fn is_due(&mut self, now: Millis) -> bool {
        // A clock that was set back by days must not mean days without a look.
        let waits = self.next.is_some_and(|next| now < next && next - now <= LONGEST_DAY);
        if !waits {
            self.next = self.after(now);
        }
        !waits
    }

    /// The first moment after now at which a clock on the wall shows this time. If the clocks are set forward over it, it is
    /// meant as if they had not been; if they show it twice, the first counts.
    fn after(&self, now: Millis) -> Option<Millis> {
        let local = now + Millis::from(self.zone.moment(now).offset) * 1_000;
        let today: NaiveDate = chrono::DateTime::from_timestamp_millis(local)?.date_naive();
        (0..=2).find_map(|days| {
            let wanted = today.checked_add_days(Days::new(days))?.and_time(self.at).and_utc().timestamp_millis();
            let early = self.zone.resolve(wanted, None);
            let shown = early + Millis::from(self.zone.moment(early).offset) * 1_000;
            let moment = if shown == wanted { early } else { early + self.zone.doubt(wanted) };
            (moment > now).then_some(moment)
        })
    }
}

/// At once, and then again after so long.
#[derive(Debug)]
pub struct Every {
    every: Millis,
    last: Option<Millis>,
}

impl Every {
    pub fn new(every: Millis) -> Every {
        Every { every, last: None }
    }

    pub fn is_due(&mut self, now: Millis) -> bool {
        let waits = self.last.is_some_and(|last| (0..self.every).contains(&(now - last)));
        if !waits {
            self.last = Some(now);
        }
        !waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    /// At which of these moments a look was due.
    fn due<'t>(zone: &str, clock: &str, moments: &[&'t str]) -> Vec<&'t str> {
        let mut daily = Daily::new(clock.parse().unwrap(), Zone::parse(zone).unwrap());
        moments.iter().copied().filter(|m| daily.is_due(at(m))).collect()
    }

    #[test]
    fn the_first_look_is_at_once_and_then_once_a_day_at_one() {
        let moments = [
            "2026-03-22T14:00:00+08:00",
            "2026-03-22T14:00:01+08:00",
            "2026-03-23T00:59:59+08:00",
            "2026-03-23T01:00:00+08:00",
            "2026-03-23T01:00:01+08:00",
            "2026-03-23T23:00:00+08:00",
            "2026-03-24T01:00:00.500+08:00",
        ];
        assert_eq!(due("Asia/Shanghai", "01:00:00", &moments), [moments[0], moments[3], moments[6]]);
        // One that starts at one does not look twice.
        assert_eq!(due("UTC", "01:00:00", &["2026-03-22T01:00:00Z", "2026-03-22T01:00:01Z"]).len(), 1);
        assert_eq!(due("UTC", "01:00:00", &["2026-03-22T00:59:59Z", "2026-03-22T01:00:00Z"]).len(), 2);
    }

    #[test]
    fn a_time_that_the_clocks_jump_over_is_not_left_out() {
        // In London they go from 01:00 to 02:00 on the 29th.
        let moments = [
            "2026-03-28T12:00:00+00:00",
            "2026-03-29T00:59:59+00:00",
            "2026-03-29T02:00:00+01:00",
            "2026-03-29T02:00:01+01:00",
            "2026-03-30T00:59:59+01:00",
            "2026-03-30T01:00:00+01:00",
        ];
        assert_eq!(due("Europe/London", "01:00:00", &moments), [moments[0], moments[2], moments[5]]);
    }

    #[test]
    fn a_time_that_the_clocks_show_twice_is_one_look() {
        // In New York they go back from 02:00 to 01:00 on the 1st of November.
        let moments = [
            "2026-10-31T12:00:00-04:00",
            "2026-11-01T01:00:00-04:00",
            "2026-11-01T01:00:00-05:00",
            "2026-11-02T00:59:59-05:00",
            "2026-11-02T01:00:00-05:00",
        ];
        assert_eq!(due("America/New_York", "01:00:00", &moments), [moments[0], moments[1], moments[4]]);
    }

    #[test]
    fn a_machine_that_slept_looks_once_when_it_wakes() {
        let moments = [
            "2026-03-22T20:00:00Z",
            "2026-03-25T09:30:00Z",
            "2026-03-25T09:30:01Z",
            "2026-03-26T00:59:59Z",
            "2026-03-26T01:00:00Z",
        ];
        assert_eq!(due("UTC", "01:00:00", &moments), [moments[0], moments[1], moments[4]]);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_put_the_next_look_off() {
        let moments = ["2027-03-22T20:00:00Z", "2026-03-22T20:00:00Z", "2026-03-22T20:00:01Z", "2026-03-23T01:00:00Z"];
        assert_eq!(due("UTC", "01:00:00", &moments), [moments[0], moments[1], moments[3]]);
        let mut every = Every::new(MINUTE);
        let due: Vec<Millis> = [0, 59_999, 60_000, 500_000, 500_001, -90_000, -89_000]
            .into_iter()
            .filter(|now| every.is_due(*now))
            .collect();
        assert_eq!(due, [0, 60_000, 500_000, -90_000]);
    }
}
