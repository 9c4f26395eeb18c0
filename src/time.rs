//! Moments of event time.
//!
//! Everything is decided on UTC milliseconds; the offset travels along only so that a record can print a time
//! as the log's own clock showed it, which is what an operator compares with the log.

use std::fmt;

use chrono::{DateTime, FixedOffset, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// UTC milliseconds since 1970: the unit of event time.
pub type Millis = i64;

pub const SECOND: Millis = 1_000;
pub const MINUTE: Millis = 60 * SECOND;

/// An instant together with the offset at which its log wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    pub millis: Millis,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl Moment {
    pub fn utc(millis: Millis) -> Moment {
        Moment { millis, offset: 0 }
    }

    /// The same offset at another instant, for deadlines that a line set.
    pub fn at(self, millis: Millis) -> Moment {
        Moment { millis, ..self }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = DateTime::from_timestamp_millis(self.millis);
        let local = utc.and_then(|t| Some(t.with_timezone(&FixedOffset::east_opt(self.offset)?)));
        match local {
            Some(t) => f.write_str(&t.to_rfc3339_opts(SecondsFormat::Millis, true)),
            // Outside the calendar's range; no log can say so, but a deadline added to one might.
            None => write!(f, "{}ms", self.millis),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    /// Reads what [`Display`](fmt::Display) writes.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(d)?;
        if let Some(millis) = text.strip_suffix("ms").and_then(|t| t.parse().ok()) {
            return Ok(Moment::utc(millis));
        }
        let time = DateTime::parse_from_rfc3339(&text).map_err(de::Error::custom)?;
        Ok(Moment { millis: time.timestamp_millis(), offset: time.offset().local_minus_utc() })
    }
}

/// `90s`, `1h30m`, `500ms` the way pattern files write them.
pub fn human_duration(millis: Millis) -> String {
    let mut left = millis.unsigned_abs();
    let mut text = String::new();
    if millis < 0 {
        text.push('-');
    }
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
        if left >= unit {
            text.push_str(&format!("{}{name}", left / unit));
            left %= unit;
        }
    }
    if left == 0 && text.len() <= 1 && millis == 0 {
        text.push_str("0s");
    }
    text
}

/// The reverse of [`human_duration`]; `None` unless the whole text is a duration.
pub fn parse_duration(text: &str) -> Option<Millis> {
    let mut rest = text.trim();
    let mut total: Millis = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: Millis = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ms" => 1,
            "s" => SECOND,
            "m" => MINUTE,
            "h" => 60 * MINUTE,
            "d" => 24 * 60 * MINUTE,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[end..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_print_at_their_own_offset() {
        let m = Moment { millis: 1_616_393_015_344, offset: 8 * 3600 };
        assert_eq!(m.to_string(), "2021-03-22T14:03:35.344+08:00");
        assert_eq!(Moment::utc(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Moment::utc(i64::MAX).to_string(), format!("{}ms", i64::MAX));
        for m in [m, Moment::utc(0), Moment::utc(i64::MAX), Moment { millis: -1, offset: -19_800 }] {
            let written = serde_json::to_string(&m).unwrap();
            assert_eq!(serde_json::from_str::<Moment>(&written).unwrap(), m, "{written}");
        }
    }

    #[test]
    fn durations_read_as_they_are_written() {
        for (text, ms) in [("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("1h30m", 5_400_000), ("1d", 86_400_000)]
        {
            assert_eq!(parse_duration(text), Some(ms), "{text}");
            assert_eq!(human_duration(ms), text);
        }
        for bad in ["", "s", "30", "30 s", "1.5s", "3x", "99999999999999999999s", "9223372036854775807d"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert_eq!(human_duration(0), "0s");
    }
}
