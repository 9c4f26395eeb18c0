//! Compiles the text of a time format into items. Java has several languages for formats that differ in corners; this
//! takes the letters on which they agree and refuses the rest with the place and with what to write instead.

use std::ops::Range;

use super::SpecError;

/// A part of a time's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Byte(u8),
    Either(u8, u8),
    Number {
        field: Field,
        min: u8,
        max: u8,
        /// A space may stand for the first digit.
        padded: bool,
    },
    /// So many decimal places of a second, as `DateTimeFormatter` prints them.
    Fraction(u8),
    MonthName {
        whole: bool,
    },
    Weekday {
        whole: bool,
    },
    HalfDay,
    Offset,
    ZoneName,
    Unix {
        ms: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    YearOfCentury,
    Month,
    Day,
    Hour,
    HourFrom1,
    HalfHour,
    HalfHourFrom0,
    Minute,
    Second,
}

/// The names that log4j and logback have for formats. Both have an `ISO8601`, with ` ` or `T` before the time of day,
/// so in named formats either is read, and `,` or `.` before the fraction.
const NAMES: [(&str, &str); 16] = [
    ("ISO8601", "yyyy-MM-dd'T'HH:mm:ss,SSS"),
    ("STRICT", "yyyy-MM-dd'T'HH:mm:ss,SSS"),
    ("ISO8601_PERIOD", "yyyy-MM-dd'T'HH:mm:ss.SSS"),
    ("ISO8601_PERIOD_MICROS", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"),
    ("ISO8601_BASIC", "yyyyMMdd'T'HHmmss,SSS"),
    ("ISO8601_BASIC_PERIOD", "yyyyMMdd'T'HHmmss.SSS"),
    ("ISO8601_OFFSET_DATE_TIME_HH", "yyyy-MM-dd'T'HH:mm:ss,SSSX"),
    ("ISO8601_OFFSET_DATE_TIME_HHMM", "yyyy-MM-dd'T'HH:mm:ss,SSSXX"),
    ("ISO8601_OFFSET_DATE_TIME_HHCMM", "yyyy-MM-dd'T'HH:mm:ss,SSSXXX"),
    ("DEFAULT", "yyyy-MM-dd HH:mm:ss,SSS"),
    ("DEFAULT_PERIOD", "yyyy-MM-dd HH:mm:ss.SSS"),
    ("DEFAULT_MICROS", "yyyy-MM-dd HH:mm:ss,SSSSSS"),
    ("DEFAULT_NANOS", "yyyy-MM-dd HH:mm:ss,SSSSSSSSS"),
    ("DATE", "dd MMM yyyy HH:mm:ss,SSS"),
    ("DATE_PERIOD", "dd MMM yyyy HH:mm:ss.SSS"),
    ("COMPACT", "yyyyMMddHHmmssSSS"),
];

const EXAMPLE: &str = "for example yyyy-MM-dd HH:mm:ss,SSS";

impl Item {
    pub(super) fn unix_digits(ms: bool) -> (usize, usize) {
        // Shorter numbers would be moments before 1973: a number in a line, not the time of a log.
        if ms { (12, 13) } else { (9, 10) }
    }

    pub(super) fn is_year(&self) -> bool {
        matches!(self, Item::Number { field: Field::Year | Field::YearOfCentury, .. })
    }

    pub(super) fn can_start_with(&self, byte: u8) -> bool {
        match *self {
            Item::Byte(one) => byte == one,
            Item::Either(one, other) => byte == one || byte == other,
            Item::Number { padded, .. } => byte.is_ascii_digit() || (padded && byte == b' '),
            Item::Fraction(_) | Item::Unix { .. } => byte.is_ascii_digit(),
            Item::MonthName { .. } | Item::Weekday { .. } | Item::HalfDay => byte.is_ascii_alphabetic(),
            Item::Offset | Item::ZoneName => byte.is_ascii_alphabetic() || matches!(byte, b'+' | b'-'),
        }
    }

    pub(super) fn regex(&self) -> String {
        let literal = |byte: u8| regex_syntax::escape(&char::from(byte).to_string());
        match *self {
            Item::Byte(byte) if byte.is_ascii() => literal(byte),
            Item::Byte(byte) => format!(r"(?-u:\x{byte:02X})"),
            Item::Either(one, other) => format!("(?:{}|{})", literal(one), literal(other)),
            Item::Number { min, max, padded, .. } => {
                let pad = if padded { " ?" } else { "" };
                if min == max { format!("{pad}[0-9]{{{min}}}") } else { format!("{pad}[0-9]{{{min},{max}}}") }
            }
            Item::Fraction(digits) => format!("[0-9]{{{digits}}}"),
            Item::MonthName { whole: false } => "(?i-u:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)".into(),
            Item::MonthName { whole: true } => {
                "(?i-u:January|February|March|April|May|June|July|August|September|October|November|December)".into()
            }
            Item::Weekday { whole: false } => "(?i-u:Mon|Tue|Wed|Thu|Fri|Sat|Sun)".into(),
            Item::Weekday { whole: true } => "(?i-u:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)".into(),
            Item::HalfDay => "(?i-u:AM|PM)".into(),
            Item::Offset => "(?:Z|(?:GMT|UTC)?[+-][0-9]{2}(?::?[0-9]{2})?|GMT|UTC)".into(),
            Item::ZoneName => {
                "(?:[A-Za-z]{1,5}(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?|[+-][0-9]{1,2}(?::?[0-9]{2})?)".into()
            }
            Item::Unix { ms } => {
                let (min, max) = Item::unix_digits(ms);
                format!("[0-9]{{{min},{max}}}")
            }
        }
    }
}

pub(super) fn compile(spec: &str) -> Result<Vec<Item>, SpecError> {
    match spec {
        "UNIX" => return Ok(vec![Item::Unix { ms: false }]),
        "UNIX_MILLIS" => return Ok(vec![Item::Unix { ms: true }]),
        _ => {}
    }
    if let Some((_, letters)) = NAMES.iter().find(|(name, _)| *name == spec) {
        return Ok(lenient(Compiler::run(letters)?));
    }
    if is_name(spec) {
        return Err(unknown_name(spec));
    }
    Compiler::run(spec)
}

/// Names are words of at least four capitals; no useful format consists of capital letters alone.
fn is_name(spec: &str) -> bool {
    let capitals = spec.bytes().take_while(u8::is_ascii_uppercase).count();
    let word = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    capitals >= 3 && spec.len() > 3 && spec.bytes().all(word)
}

fn unknown_name(spec: &str) -> SpecError {
    if spec.starts_with("ABSOLUTE") {
        return no_date(spec);
    }
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    let help = format!("write letters, {EXAMPLE}, or one of {}, UNIX, UNIX_MILLIS", names.join(", "));
    SpecError::new(0..spec.len(), format!("no time format is named {spec}"), help)
}

fn no_date(spec: &str) -> SpecError {
    let help = "let the log print month and day too, better also the year: yyyy-MM-dd HH:mm:ss,SSS";
    SpecError::new(0..spec.len(), "the date is missing: this format prints the time of day only", help)
}

fn lenient(mut items: Vec<Item>) -> Vec<Item> {
    for i in 1..items.len() {
        items[i - 1] = match (items[i - 1], items[i]) {
            (Item::Byte(b' ' | b'T'), Item::Number { field: Field::Hour, .. }) => Item::Either(b' ', b'T'),
            (Item::Byte(b',' | b'.'), Item::Fraction(_)) => Item::Either(b',', b'.'),
            (item, _) => item,
        };
    }
    items
}

struct Compiler<'a> {
    spec: &'a str,
    at: usize,
    items: Vec<Item>,
    /// Where an hour of 1 to 12 stands.
    half_hour: Option<Range<usize>>,
    offset: Option<Range<usize>>,
}

impl<'a> Compiler<'a> {
    fn run(spec: &'a str) -> Result<Vec<Item>, SpecError> {
        let mut compiler = Compiler { spec, at: 0, items: Vec::new(), half_hour: None, offset: None };
        while let Some(&byte) = spec.as_bytes().get(compiler.at) {
            match byte {
                b'\'' => compiler.quoted()?,
                b'a'..=b'z' | b'A'..=b'Z' => compiler.letters(byte)?,
                _ => compiler.literal(byte),
            }
        }
        compiler.complete()
    }

    fn literal(&mut self, byte: u8) {
        self.items.push(Item::Byte(byte));
        self.at += 1;
    }

    /// Text between quotes stands for itself, two quotes for one.
    fn quoted(&mut self) -> Result<(), SpecError> {
        let start = self.at;
        let bytes = self.spec.as_bytes();
        self.at += 1;
        if bytes.get(self.at) == Some(&b'\'') {
            self.literal(b'\'');
            return Ok(());
        }
        loop {
            match (bytes.get(self.at), bytes.get(self.at + 1)) {
                (Some(b'\''), Some(b'\'')) => {
                    self.at += 1;
                    self.literal(b'\'');
                }
                (Some(b'\''), _) => {
                    self.at += 1;
                    return Ok(());
                }
                (Some(&byte), _) => self.literal(byte),
                (None, _) => {
                    let help = "close it with another ', or write '' for a quote";
                    return Err(SpecError::new(start..self.at, "this quote has no end", help));
                }
            }
        }
    }

    fn letters(&mut self, letter: u8) -> Result<(), SpecError> {
        let start = self.at;
        let rest = self.spec.as_bytes()[start..].iter();
        self.at += rest.take_while(|b| **b == letter).count();
        let at = start..self.at;
        let item = item(letter, at.len()).ok_or_else(|| self.unknown(letter, at.clone()))?;
        match (self.items.last_mut(), item) {
            // log4j2 prints nanoseconds as SSSnnnnnn: one fraction.
            (Some(Item::Fraction(before)), Item::Fraction(more)) if *before + more <= 9 => {
                *before += more;
                return Ok(());
            }
            (_, Item::Number { field: Field::HalfHour | Field::HalfHourFrom0, .. }) => {
                self.half_hour = Some(at);
            }
            (_, Item::Offset) => self.offset = Some(at),
            _ => {}
        }
        self.items.push(item);
        Ok(())
    }

    fn unknown(&self, letter: u8, at: Range<usize>) -> SpecError {
        let text = &self.spec[at.clone()];
        let help = match letter {
            b'Y' => "Y is the year of the week, which is wrong around New Year; write yyyy".into(),
            b'u' => "write yyyy for the year and EEE for the day of the week".into(),
            b'D' => "D is the day of the year; write MM-dd".into(),
            b'S' | b'n' => "write SSS for milliseconds, up to nine S for finer fractions".into(),
            b'z' | b'V' | b'v' | b'O' => "write zzz for the name of a zone, XXX or Z for an offset".into(),
            _ => format!("the letters are yMdHkhKmsSnaEzZX, other text stands in quotes: '{text}'; {EXAMPLE}"),
        };
        SpecError::new(at, format!("{text} is not a part of a time that can be read"), help)
    }

    fn complete(self) -> Result<Vec<Item>, SpecError> {
        let all = 0..self.spec.len();
        let has = |wanted: &[Field]| {
            self.items.iter().any(|item| matches!(item, Item::Number { field, .. } if wanted.contains(field)))
        };
        let month = has(&[Field::Month]) || self.items.iter().any(|i| matches!(i, Item::MonthName { .. }));
        if !month || !has(&[Field::Day]) {
            return Err(no_date(self.spec));
        }
        let hour = has(&[Field::Hour, Field::HourFrom1]) || self.half_hour.is_some();
        if !hour || !has(&[Field::Minute]) {
            let help = format!("add hours and minutes, better also seconds and milliseconds, {EXAMPLE}");
            return Err(SpecError::new(all, "the time of day is missing", help));
        }
        if let Some(at) = self.half_hour
            && !self.items.contains(&Item::HalfDay)
        {
            let help = "write HH for hours of 0 to 23, or add a for AM and PM";
            return Err(SpecError::new(at, "hours of 1 to 12 do not say which half of the day it is", help));
        }
        if let Some(at) = self.offset
            && !self.items.iter().any(Item::is_year)
        {
            let help = "add the year (yyyy), or let the log print local time";
            return Err(SpecError::new(at, "an offset needs the whole date, but the year is missing", help));
        }
        Ok(self.items)
    }
}

fn item(letter: u8, count: usize) -> Option<Item> {
    let number = |field, padded| {
        let min = count.min(2) as u8;
        (count <= 2).then_some(Item::Number { field, min, max: 2, padded })
    };
    match (letter, count) {
        (b'y', 2) => number(Field::YearOfCentury, false),
        (b'y', 1 | 3 | 4) | (b'u', 4) => Some(Item::Number { field: Field::Year, min: 4, max: 4, padded: false }),
        (b'M' | b'L', 1 | 2) => number(Field::Month, false),
        (b'M' | b'L', 3 | 4) => Some(Item::MonthName { whole: count == 4 }),
        (b'd', _) => number(Field::Day, count == 1),
        (b'H', _) => number(Field::Hour, false),
        (b'k', _) => number(Field::HourFrom1, false),
        (b'h', _) => number(Field::HalfHour, false),
        (b'K', _) => number(Field::HalfHourFrom0, false),
        (b'm', _) => number(Field::Minute, false),
        (b's', _) => number(Field::Second, false),
        (b'S' | b'n', 1..=9) => Some(Item::Fraction(count as u8)),
        (b'E', 1..=4) => Some(Item::Weekday { whole: count == 4 }),
        (b'a', 1) => Some(Item::HalfDay),
        (b'z', 1..=3) => Some(Item::ZoneName),
        (b'Z' | b'X' | b'x', 1..=5) => Some(Item::Offset),
        _ => None,
    }
}
