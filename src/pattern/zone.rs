//! Time zones of logs.
//!
//! Logs print local time without a zone, and local time is not a function: an hour occurs twice in autumn and one
//! never occurs in spring. Which of the two instants is meant is decided by the time that the family has reached,
//! so that its clock does not jump.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::stamp::Stamp;
use crate::time::{MINUTE, Millis, Moment, SECOND};

/// A step back of more than this is a changed clock; anything less is threads logging out of order.
pub const STEP_BACK: Millis = MINUTE;

const DAY: Millis = 24 * 60 * MINUTE;

/// By how much a file's own stamp may be older than what stands in it, by another machine's clock.
const YOUNGER: Millis = DAY;

/// What to write instead of the name of a zone that there is not.
pub fn help(wrong: &str) -> String {
    match super::diagnostic::nearest(wrong, chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name())) {
        Some(near) => format!("did you mean `{near}`? An offset such as `+08:00` will do, too"),
        None => "write an IANA name such as `Asia/Shanghai`, or an offset such as `+08:00`".to_owned(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Named(Tz),
    /// Seconds east of UTC.
    Fixed(i32),
}

impl Zone {
    pub const UTC: Zone = Zone::Fixed(0);

    /// An IANA name (`Asia/Shanghai`), `UTC`, `Z`, or an offset (`+08:00`).
    pub fn parse(text: &str) -> Option<Zone> {
        if matches!(text, "Z" | "UTC" | "utc" | "GMT") {
            return Some(Zone::UTC);
        }
        if text.starts_with(['+', '-']) {
            return text.parse::<chrono::FixedOffset>().ok().map(|o| Zone::Fixed(o.local_minus_utc()));
        }
        text.parse::<Tz>().ok().map(Zone::Named)
    }

    /// The zone this machine is set to, or what it names if nobody here knows that.
    pub fn of_machine() -> Result<Zone, String> {
        match std::env::var("TZ") {
            Ok(tz) if !tz.is_empty() => Zone::of_setting(&tz).ok_or(tz),
            _ => {
                let name = iana_time_zone::get_timezone().unwrap_or_default();
                Zone::parse(&name).ok_or(name)
            }
        }
    }

    /// What `TZ` may hold besides a name: the file of a zone, or `CST-8`. Summer times by a rule (`CET-1CEST,…`) are not
    /// among it, for whoever needs one has a name for it.
    fn of_setting(text: &str) -> Option<Zone> {
        let text = text.trim_start_matches(':');
        let name = match text.split_once("/zoneinfo/") {
            Some((_, name)) => name.trim_start_matches("posix/"),
            None => text,
        };
        Zone::parse(name).or_else(|| posix(name).map(Zone::Fixed))
    }

    pub fn name(&self) -> String {
        match self {
            Zone::Named(tz) => tz.name().to_owned(),
            Zone::Fixed(0) => "UTC".to_owned(),
            Zone::Fixed(s) => {
                format!("{}{:02}:{:02}", if *s < 0 { '-' } else { '+' }, s.abs() / 3600, s.abs() / 60 % 60)
            }
        }
    }

    pub fn moment(&self, millis: Millis) -> Moment {
        Moment { millis, offset: self.offset_at(millis) }
    }

    fn offset_at(&self, utc: Millis) -> i32 {
        match self {
            Zone::Fixed(s) => *s,
            Zone::Named(tz) => DateTime::from_timestamp_millis(utc)
                .map_or(0, |t| tz.offset_from_utc_datetime(&t.naive_utc()).fix().local_minus_utc()),
        }
    }

    /// The instants that a local time can mean, earlier first; both are the same unless the zone changes there.
    fn instants(&self, local: Millis) -> (Millis, Millis) {
        let tz = match self {
            Zone::Fixed(s) => {
                let t = local - Millis::from(*s) * SECOND;
                return (t, t);
            }
            Zone::Named(tz) => tz,
        };
        let Some(naive) = naive(local) else { return (local, local) };
        let at = |offset: i32| local - Millis::from(offset) * SECOND;
        match tz.offset_from_local_datetime(&naive) {
            LocalResult::Single(o) => (at(o.fix().local_minus_utc()), at(o.fix().local_minus_utc())),
            LocalResult::Ambiguous(a, b) => sorted(at(a.fix().local_minus_utc()), at(b.fix().local_minus_utc())),
            // A local time that never occurs: the clock was read with the offset of either side.
            LocalResult::None => sorted(at(self.offset_at(local - DAY)), at(self.offset_at(local + DAY))),
        }
    }

    /// How far apart the two instants are that a local time can mean: 0 but where the zone changes.
    pub fn doubt(&self, local: Millis) -> Millis {
        let (a, b) = self.instants(local);
        b - a
    }

    /// The instant of a local time in a family that has reached `last`: the earliest that is no step back from there.
    pub fn resolve(&self, local: Millis, last: Option<Millis>) -> Millis {
        let (early, late) = self.instants(local);
        match last {
            Some(last) if early < last - STEP_BACK => late,
            _ => early,
        }
    }

    /// The instant of what a log printed. A date without a year takes the year in which it is next to `last`, or else the
    /// latest that is not after `near`, the file's own stamp.
    pub fn instant(&self, stamp: Stamp, last: Option<Millis>, near: Option<Millis>) -> Option<Millis> {
        match stamp {
            Stamp::Utc(t) => Some(t),
            Stamp::Local(local) => Some(self.resolve(local, last)),
            Stamp::Yearless { month, day, ms } => {
                let local = match (last, near) {
                    (Some(last), _) => self.with_year(month, day, ms, last, |t| (t - last).abs())?,
                    // A file is not younger than its last line, nor by a year.
                    (None, Some(near)) => {
                        let age = |t: Millis| if t <= near + YOUNGER { near - t } else { Millis::MAX };
                        self.with_year(month, day, ms, near, age)?
                    }
                    (None, None) => return None,
                };
                Some(self.resolve(local, last))
            }
        }
    }

    /// The local time in that of the years around `near` which `distance` says is best.
    fn with_year(
        &self,
        month: u8,
        day: u8,
        ms: u32,
        near: Millis,
        distance: impl Fn(Millis) -> Millis,
    ) -> Option<Millis> {
        use chrono::{Datelike, NaiveDate};
        let year = DateTime::from_timestamp_millis(near)?.year();
        (year - 1..=year + 1)
            .filter_map(|y| NaiveDate::from_ymd_opt(y, month.into(), day.into()))
            .filter_map(|d| Some(d.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis() + Millis::from(ms)))
            .min_by_key(|local| distance(self.resolve(*local, None)))
    }
}

/// An abbreviation and what is to be added to get UTC: `CST-8`, `<+0330>-3:30`. In seconds east.
fn posix(text: &str) -> Option<i32> {
    let offset = match text.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.1,
        None => {
            let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
            text.get(letters..).filter(|_| letters >= 3)?
        }
    };
    let (west, digits) = match offset.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, offset.strip_prefix('+').unwrap_or(offset)),
    };
    let parts: Option<Vec<i32>> = digits
        .split(':')
        .map(|part| part.parse().ok().filter(|_| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit())))
        .collect();
    let (hours, minutes, seconds) = match *parts? {
        [hours] => (hours, 0, 0),
        [hours, minutes] => (hours, minutes, 0),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    let fits = hours < 24 && minutes < 60 && seconds < 60;
    fits.then_some(-west * (hours * 3600 + minutes * 60 + seconds))
}

fn sorted(a: Millis, b: Millis) -> (Millis, Millis) {
    (a.min(b), a.max(b))
}

fn naive(local: Millis) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_millis(local).map(|t| t.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> Millis {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap().and_utc().timestamp_millis()
    }

    fn show(zone: Zone, text: &str, last: Option<&str>) -> String {
        let last = last.map(|t| DateTime::parse_from_rfc3339(t).unwrap().timestamp_millis());
        zone.moment(zone.resolve(local(text), last)).to_string()
    }

    #[test]
    fn an_hour_that_occurs_twice_follows_the_family() {
        let ny = Zone::parse("America/New_York").unwrap();
        for (text, last, expect) in [
            ("2021-11-07 01:30:00", None, "2021-11-07T01:30:00.000-04:00"),
            ("2021-11-07 01:30:00", Some("2021-11-07T01:29:00-04:00"), "2021-11-07T01:30:00.000-04:00"),
            // within the order that threads keep
            ("2021-11-07 01:29:30", Some("2021-11-07T01:29:59-04:00"), "2021-11-07T01:29:30.000-04:00"),
            // the clock was set back: the second 01:00
            ("2021-11-07 01:00:00", Some("2021-11-07T01:59:59-04:00"), "2021-11-07T01:00:00.000-05:00"),
            ("2021-11-07 01:50:00", Some("2021-11-07T01:00:10-05:00"), "2021-11-07T01:50:00.000-05:00"),
        ] {
            assert_eq!(show(ny, text, last), expect, "{text} after {last:?}");
        }
    }

    #[test]
    fn an_hour_that_never_occurs_does_not_jump() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        for (last, expect) in [
            (None, "2021-03-28T01:30:00.000+01:00"),
            (Some("2021-03-28T01:29:59+01:00"), "2021-03-28T01:30:00.000+01:00"),
            (Some("2021-03-28T03:29:59+02:00"), "2021-03-28T03:30:00.000+02:00"),
        ] {
            assert_eq!(show(berlin, "2021-03-28 02:30:00", last), expect, "{last:?}");
        }
        assert_eq!(berlin.doubt(local("2021-03-28 02:30:00")), 60 * MINUTE);
        assert_eq!(berlin.doubt(local("2021-03-28 04:30:00")), 0);
    }

    #[test]
    fn a_date_without_a_year_takes_the_year_of_its_neighbours() {
        let at = |t: &str| DateTime::parse_from_rfc3339(t).unwrap().timestamp_millis();
        let dec31 = Stamp::Yearless { month: 12, day: 31, ms: 86_399_000 };
        let jan1 = Stamp::Yearless { month: 1, day: 1, ms: 1_000 };
        let show = |s, last: Option<&str>, near: Option<&str>| {
            Zone::UTC.instant(s, last.map(at), near.map(at)).map(|t| Moment::utc(t).to_string())
        };
        assert_eq!(show(dec31, None, Some("2022-01-01T00:10:00Z")).unwrap(), "2021-12-31T23:59:59.000Z");
        assert_eq!(
            show(jan1, Some("2021-12-31T23:59:59Z"), Some("2023-06-01T00:00:00Z")).unwrap(),
            "2022-01-01T00:00:01.000Z"
        );
        assert_eq!(show(jan1, None, None), None);
    }

    /// What `TZ` may hold, where offsets count the other way round.
    #[test]
    fn a_machine_names_its_zone_as_posix_has_it() {
        let east = |minutes: i32| Some(Zone::Fixed(minutes * 60));
        for (text, expect) in [
            ("CST-8", east(8 * 60)),
            ("<+08>-8", east(8 * 60)),
            ("<-0330>3:30", east(-210)),
            ("UTC0", Some(Zone::UTC)),
            ("IST-5:30:00", east(330)),
            ("EST+5", east(-5 * 60)),
            (":Asia/Shanghai", Zone::parse("Asia/Shanghai")),
            ("/usr/share/zoneinfo/Asia/Shanghai", Zone::parse("Asia/Shanghai")),
            (":/usr/share/zoneinfo/posix/Asia/Shanghai", Zone::parse("Asia/Shanghai")),
            // This one is a file, too.
            ("EST5EDT", Zone::parse("EST5EDT")),
            // With a summer time of its own rule.
            ("CET-1CEST,M3.5.0,M10.5.0/3", None),
            ("CET-1CEST", None),
            ("CST", None),
            ("CST-25", None),
            ("CST-8:60", None),
            ("C-8", None),
            ("CST-8x", None),
            ("<+08-8", None),
        ] {
            assert_eq!(Zone::of_setting(text), expect, "{text}");
        }
    }

    #[test]
    fn zones_are_named_or_offsets() {
        assert_eq!(Zone::parse("+08:00"), Some(Zone::Fixed(8 * 3600)));
        assert_eq!(Zone::parse("-05:30").unwrap().name(), "-05:30");
        assert_eq!(Zone::parse("Asia/Shanghai").unwrap().name(), "Asia/Shanghai");
        assert_eq!(Zone::parse("Asia/Shanghei"), None);
    }
}
