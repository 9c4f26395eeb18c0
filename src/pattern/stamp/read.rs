//! The reading of single fields. It stands apart from the compiling of formats because this is the part whose speed
//! counts: nothing here allocates, and every field is checked where it is read or when the fields are put together.

use super::Stamp;
use super::spec::{Field, Item};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// What has been read of a time so far.
#[derive(Default)]
pub(super) struct Fields {
    year: Option<u32>,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    ms: u32,
    /// The hour is one of 1 to 12 (0 to 11), where 12 stands for 0.
    half_hours: bool,
    afternoon: bool,
    /// Seconds east of UTC.
    offset: Option<i32>,
    unix_ms: Option<i64>,
}

impl Fields {
    pub(super) fn stamp(&self) -> Option<Stamp> {
        if let Some(ms) = self.unix_ms {
            return Some(Stamp::Utc(ms));
        }
        let hour = self.hour_of_day()?;
        if self.minute > 59 || self.second > 59 {
            return None;
        }
        let ms = ((hour * 60 + self.minute) * 60 + self.second) * 1000 + self.ms;
        let Some(year) = self.year else {
            // A leap year stands for the unknown one, so that 29 February is possible.
            days(2000, self.month, self.day)?;
            return Some(Stamp::Yearless { month: self.month as u8, day: self.day as u8, ms });
        };
        let local = days(year, self.month, self.day)? * 86_400_000 + i64::from(ms);
        Some(match self.offset {
            Some(seconds) => Stamp::Utc(local - i64::from(seconds) * 1000),
            None => Stamp::Local(local),
        })
    }

    fn hour_of_day(&self) -> Option<u32> {
        if !self.half_hours {
            return (self.hour < 24).then_some(self.hour);
        }
        (self.hour <= 12).then_some(self.hour % 12 + if self.afternoon { 12 } else { 0 })
    }

    fn set(&mut self, field: Field, value: u32) -> Option<()> {
        match field {
            Field::Year => self.year = Some(value),
            Field::YearOfCentury => self.year = Some(2000 + value),
            Field::Month => self.month = value,
            Field::Day => self.day = value,
            Field::Hour => self.hour = value,
            Field::HourFrom1 => self.hour = (1..=24).contains(&value).then_some(value % 24)?,
            Field::HalfHour => {
                self.hour = (1..=12).contains(&value).then_some(value)?;
                self.half_hours = true;
            }
            Field::HalfHourFrom0 => {
                self.hour = (value < 12).then_some(value)?;
                self.half_hours = true;
            }
            Field::Minute => self.minute = value,
            Field::Second => self.second = value,
        }
        Some(())
    }
}

impl Item {
    /// Reads this item at the start of `text` and says how many bytes it took.
    pub(super) fn read(&self, text: &[u8], fields: &mut Fields) -> Option<usize> {
        match *self {
            Item::Byte(byte) => (*text.first()? == byte).then_some(1),
            Item::Either(one, other) => {
                let byte = *text.first()?;
                (byte == one || byte == other).then_some(1)
            }
            Item::Number { field, min, max, padded } => {
                let pad = usize::from(padded && text.first() == Some(&b' '));
                let (value, digits) = number(&text[pad..], max)?;
                (digits >= usize::from(min)).then_some(())?;
                fields.set(field, value)?;
                Some(pad + digits)
            }
            Item::Fraction(digits) => {
                let digits = usize::from(digits);
                fields.ms = fraction(text.get(..digits)?)?;
                Some(digits)
            }
            Item::MonthName { whole } => {
                let (month, used) = month(text, whole)?;
                fields.month = month;
                Some(used)
            }
            Item::Weekday { whole } => WEEKDAYS.iter().find_map(|name| named(text, name, whole)),
            Item::HalfDay => {
                let word = text.get(..2)?;
                fields.afternoon = word.eq_ignore_ascii_case(b"PM");
                (fields.afternoon || word.eq_ignore_ascii_case(b"AM")).then_some(2)
            }
            Item::Offset => {
                let (seconds, used) = offset(text)?;
                fields.offset = Some(seconds);
                Some(used)
            }
            Item::ZoneName => {
                let used = zone_name(text)?;
                if matches!(&text[..used], b"Z" | b"UTC" | b"GMT") {
                    fields.offset = Some(0);
                }
                Some(used)
            }
            Item::Unix { ms } => {
                let (value, digits) = unix(text, ms)?;
                fields.unix_ms = Some(value);
                Some(digits)
            }
        }
    }
}

/// The number of at most `max` digits at the start of `text`, and how many digits it has.
fn number(text: &[u8], max: u8) -> Option<(u32, usize)> {
    let digits = text.iter().take(usize::from(max)).take_while(|b| b.is_ascii_digit()).count();
    let value = text[..digits].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    (digits > 0).then_some((value, digits))
}

/// A Unix time in milliseconds, and how many digits it has.
fn unix(text: &[u8], ms: bool) -> Option<(i64, usize)> {
    let (min, max) = Item::unix_digits(ms);
    let digits = text.iter().take(max).take_while(|b| b.is_ascii_digit()).count();
    let value = text[..digits].iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    (digits >= min).then_some((if ms { value } else { value * 1000 }, digits))
}

/// Decimal places of a second as milliseconds; what is finer is cut off, as a clock would.
fn fraction(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let place = |i: usize| digits.get(i).map_or(0, |b| u32::from(b - b'0'));
    Some(place(0) * 100 + place(1) * 10 + place(2))
}

fn named(text: &[u8], name: &str, whole: bool) -> Option<usize> {
    let length = if whole { name.len() } else { 3 };
    text.get(..length)?.eq_ignore_ascii_case(&name.as_bytes()[..length]).then_some(length)
}

fn month(text: &[u8], whole: bool) -> Option<(u32, usize)> {
    let (month, used) = (1..).zip(MONTHS).find_map(|(i, name)| Some((i, named(text, name, whole)?)))?;
    // Newer Javas abbreviate September to four letters in British English.
    let sept = month == 9 && !whole && text.get(3).is_some_and(|b| b.eq_ignore_ascii_case(&b't'));
    Some((month, used + usize::from(sept)))
}

/// `Z`, or `+08`, `+0800`, `+08:00`, each also after `GMT` or `UTC`, which may stand alone: seconds east and length.
fn offset(text: &[u8]) -> Option<(i32, usize)> {
    if text.first() == Some(&b'Z') {
        return Some((0, 1));
    }
    let name = if text.starts_with(b"GMT") || text.starts_with(b"UTC") { 3 } else { 0 };
    let Some((sign, digits)) = text[name..].split_first().filter(|(b, _)| matches!(b, b'+' | b'-')) else {
        return (name > 0).then_some((0, name));
    };
    let hours = two(digits)?;
    let colon = usize::from(digits.get(2) == Some(&b':'));
    let (minutes, used) = match digits.get(2 + colon..).and_then(two) {
        Some(minutes) => (minutes, 4 + colon),
        None => (0, 2),
    };
    let seconds = (hours * 3600 + minutes * 60) as i32;
    let east = if *sign == b'-' { -seconds } else { seconds };
    (hours <= 18 && minutes < 60).then_some((east, name + 1 + used))
}

fn two(digits: &[u8]) -> Option<u32> {
    number(digits, 2).filter(|(_, length)| *length == 2).map(|(value, _)| value)
}

/// The length of an abbreviation (`CST`), possibly with an offset (`GMT+8`), or of an offset alone (`+08`).
fn zone_name(text: &[u8]) -> Option<usize> {
    let letters = text.iter().take(5).take_while(|b| b.is_ascii_alphabetic()).count();
    let rest = &text[letters..];
    let hours = match rest.split_first() {
        Some((b'+' | b'-', digits)) => number(digits, 2).map_or(0, |(_, length)| length),
        _ => 0,
    };
    if hours == 0 {
        return (letters > 0).then_some(letters);
    }
    let minutes = &rest[1 + hours..];
    let colon = usize::from(minutes.first() == Some(&b':'));
    let tail = minutes.get(colon..).and_then(two).map_or(0, |_| colon + 2);
    Some(letters + 1 + hours + tail)
}

/// Days since 1970-01-01, or `None` if there is no such date.
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    const LENGTHS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    const BEFORE: [u16; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = u32::from(*LENGTHS.get(month as usize)?) + u32::from(leap && month == 2);
    if day == 0 || day > length || year == 0 {
        return None;
    }
    let before = year - 1;
    let leaps = before / 4 - before / 100 + before / 400;
    let of_year = u32::from(BEFORE[month as usize]) + u32::from(leap && month > 2) + day - 1;
    // 719 162 days lie between the first day of year 1 and 1970.
    Some(i64::from(before * 365 + leaps + of_year) - 719_162)
}

/// Year, month, day, hour, minute and second in this order at fixed places, with one byte between any two, and
/// perhaps three decimal places. Nearly every log is written so, hence the reader without a loop over items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    /// The byte (or either of two) between the fields.
    between: [(u8, u8); 6],
    fraction: bool,
}

impl Plain {
    pub(super) fn of(items: &[Item]) -> Option<Plain> {
        const ORDER: [Field; 6] = [Field::Year, Field::Month, Field::Day, Field::Hour, Field::Minute, Field::Second];
        let fraction = items.len() == 13;
        if !(fraction || items.len() == 11) || (fraction && items[12] != Item::Fraction(3)) {
            return None;
        }
        for (item, wanted) in items.iter().step_by(2).zip(ORDER) {
            let width = if wanted == Field::Year { 4 } else { 2 };
            let fixed = Item::Number { field: wanted, min: width, max: width, padded: false };
            (*item == fixed).then_some(())?;
        }
        let mut between = [(0, 0); 6];
        for (item, pair) in items.iter().skip(1).step_by(2).zip(&mut between) {
            *pair = match *item {
                Item::Byte(byte) => (byte, byte),
                Item::Either(one, other) => (one, other),
                _ => return None,
            };
        }
        Some(Plain { between, fraction })
    }

    pub(super) fn read(&self, text: &[u8]) -> Option<(i64, usize)> {
        let head: &[u8; 19] = text.first_chunk()?;
        let mut wrong = false;
        for (pair, at) in self.between.iter().zip([4, 7, 10, 13, 16]) {
            wrong |= head[at] != pair.0 && head[at] != pair.1;
        }
        let mut digit = |byte: u8| {
            let value = u32::from(byte.wrapping_sub(b'0'));
            wrong |= value > 9;
            value
        };
        let mut pair = |at: usize| digit(head[at]) * 10 + digit(head[at + 1]);
        let year = pair(0) * 100 + pair(2);
        let (month, day) = (pair(5), pair(8));
        let (hour, minute, second) = (pair(11), pair(14), pair(17));
        if wrong || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (ms, used) = if self.fraction { (self.decimals(&text[19..])?, 23) } else { (0, 19) };
        let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
        Some((days(year, month, day)? * 86_400_000 + i64::from(of_day), used))
    }

    fn decimals(&self, text: &[u8]) -> Option<u32> {
        let [mark, digits @ ..] = text.first_chunk::<4>()?;
        let (one, other) = self.between[5];
        (*mark == one || *mark == other).then_some(())?;
        fraction(digits)
    }
}
