//! Reads the time that a record carries. Logs print their times in the formats of Java's logging libraries, and every
//! promise of tocsin is about event time, so a text that is no real moment (30 February, hour 24) must never become one.
//! The reading is written by hand: it runs once per block and per hit, and a general date parser costs ten times as much.

mod read;
mod spec;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use read::{Fields, Plain};
use spec::Item;

/// What a log says about the time of a record, before a zone is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Stamp {
    /// Milliseconds since 1970-01-01T00:00 of the local date and time.
    Local(i64),
    /// Milliseconds since the epoch: the format carried an offset, was a Unix time, or the text named UTC.
    Utc(i64),
    /// The format has no year (syslog): month 1 to 12, day of the month, millisecond of the day.
    Yearless { month: u8, day: u8, ms: u32 },
}

impl Stamp {
    /// By how many milliseconds this is behind another stamp; `None` if they are of different kinds, which only a zone
    /// or a year could compare. (A turn of the year between two stamps without one looks like a jump; it is rare.)
    pub fn behind(self, other: Stamp) -> Option<i64> {
        match (self, other) {
            (Stamp::Local(a), Stamp::Local(b)) | (Stamp::Utc(a), Stamp::Utc(b)) => b.checked_sub(a),
            (Stamp::Yearless { .. }, Stamp::Yearless { .. }) => Some(other.in_year() - self.in_year()),
            _ => None,
        }
    }

    /// Milliseconds since the year began, roughly: months count 31 days.
    fn in_year(self) -> i64 {
        match self {
            Stamp::Yearless { month, day, ms } => (i64::from(month) * 31 + i64::from(day)) * 86_400_000 + i64::from(ms),
            Stamp::Local(t) | Stamp::Utc(t) => t,
        }
    }
}

/// A format that cannot be used, where in its text, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// Bytes of the text as it was given.
    pub at: Range<usize>,
    pub message: String,
    pub help: String,
}

impl SpecError {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> SpecError {
        SpecError { at, message: message.into(), help: help.into() }
    }

    /// The same error in a longer text, in which the given one begins at `by`.
    pub(super) fn shifted(mut self, by: usize) -> SpecError {
        self.at = self.at.start + by..self.at.end + by;
        self
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.help)
    }
}

impl std::error::Error for SpecError {}

/// A compiled time format.
#[derive(Clone, Debug)]
pub struct TimeFormat {
    items: Vec<Item>,
    /// Set when the format is the common one of fixed places, which has a reader of its own.
    plain: Option<Plain>,
    /// Seconds east of UTC, when something outside the text says so (the second option of `%d`).
    offset: Option<i32>,
}

impl TimeFormat {
    /// Compiles the letters of Java's `SimpleDateFormat` and `DateTimeFormatter`, or one of the names that log4j and
    /// logback have for formats, such as `ISO8601`.
    pub fn new(spec: &str) -> Result<TimeFormat, SpecError> {
        let items = spec::compile(spec)?;
        let plain = Plain::of(&items);
        Ok(TimeFormat { items, plain, offset: None })
    }

    /// The source of a regex without capture groups that matches every text of this shape, also impossible times.
    pub fn regex(&self) -> String {
        self.items.iter().map(Item::regex).collect()
    }

    /// The time at the start of `text` and the number of bytes that it takes, or `None` if there is no such time.
    pub fn parse(&self, text: &[u8]) -> Option<(Stamp, usize)> {
        let (stamp, used) = match &self.plain {
            Some(plain) => {
                let (ms, used) = plain.read(text)?;
                (Stamp::Local(ms), used)
            }
            None => self.walk(text)?,
        };
        Some((self.placed(stamp), used))
    }

    /// Whether a text that starts with this byte can be of this shape: the cheapest test for lines that are no heads.
    pub(super) fn can_start_with(&self, byte: u8) -> bool {
        self.items.first().is_some_and(|item| item.can_start_with(byte))
    }

    /// The same format for times that are known to be so many seconds east of UTC. `None` without a year, because
    /// only the whole date can be moved.
    pub(super) fn at_offset(&self, seconds: i32) -> Option<TimeFormat> {
        let whole = self.items.iter().any(Item::is_year);
        whole.then(|| TimeFormat { offset: Some(seconds), ..self.clone() })
    }

    fn placed(&self, stamp: Stamp) -> Stamp {
        match (stamp, self.offset) {
            (Stamp::Local(ms), Some(seconds)) => Stamp::Utc(ms - i64::from(seconds) * 1000),
            _ => stamp,
        }
    }

    fn walk(&self, text: &[u8]) -> Option<(Stamp, usize)> {
        let mut fields = Fields::default();
        let mut at = 0;
        for item in &self.items {
            at += item.read(text.get(at..)?, &mut fields)?;
        }
        Some((fields.stamp()?, at))
    }
}

/// Seconds east of UTC of `UTC`, `GMT`, `Z`, `GMT+8`, `UTC+05:30` or `+0800`; `None` for any other name of a zone.
pub(super) fn fixed_offset(zone: &str) -> Option<i32> {
    if zone == "Z" {
        return Some(0);
    }
    let rest = zone.strip_prefix("GMT").or_else(|| zone.strip_prefix("UTC")).unwrap_or(zone);
    if rest.is_empty() {
        return (!zone.is_empty()).then_some(0);
    }
    let sign = match rest.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = rest[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.as_str(), "0"),
        4 => digits.split_at_checked(2)?,
        _ => return None,
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}
