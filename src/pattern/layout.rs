//! Finds the records in a log: which lines are heads, and where in a head the time, the level and the message stand.
//! Operators know a layout as the conversion pattern in their logging configuration, so that is what is compiled here;
//! a log of another origin is described by a regex. Most lines of a log are looked at by nobody, and of the others most
//! ask only "are you a head?", so cheap tests come first and captures last.

mod conversion;
mod halves;
mod program;
mod starts;
#[cfg(test)]
mod tests;
mod words;
mod written;

use std::fmt;
use std::ops::Range;

use regex::bytes::RegexBuilder;

use super::stamp::{SpecError, Stamp, TimeFormat, fixed_offset};
use conversion::{Placed, Sides};
use halves::{Halves, group};
use program::{Outcome, Program};
use written::Written;

/// How a record begins. Matching takes lines without or with their line break.
#[derive(Clone, Debug)]
pub struct Layout {
    format: TimeFormat,
    zone: Option<String>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Conversion(Box<Conversion>),
    Written(Box<Written>),
}

/// Where the parts of a head stand, as bytes of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// `None`: the line has the shape of a head, but its time is no real moment.
    pub stamp: Option<Stamp>,
    pub time: Range<usize>,
    pub level: Option<Range<usize>>,
    pub message: Range<usize>,
}

/// Why a layout that is written as a regex cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// What is wrong with the regex, with which bytes of it, and what to write instead, as far as that is known.
    Regex { message: String, at: Option<Range<usize>>, help: Option<String> },
    /// The time format is wrong; the bytes are those of the format.
    Time(SpecError),
    /// The regex has no group of this name.
    MissingGroup(&'static str),
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutError::Regex { message, .. } => write!(f, "the regex is wrong: {message}"),
            LayoutError::Time(error) => write!(f, "the time format is wrong: {error}"),
            LayoutError::MissingGroup(name) => write!(f, "the regex needs a group (?<{name}>...)"),
        }
    }
}

impl std::error::Error for LayoutError {}

impl Layout {
    /// Compiles a conversion pattern of log4j 1.2, log4j2 or logback.
    pub fn from_conversion(pattern: &str) -> Result<Layout, SpecError> {
        let sides = conversion::parse(pattern)?;
        let (format, zone) = placed_in_zone(&sides);
        let conversion = Conversion::new(pattern, &sides)?;
        Ok(Layout { format, zone, kind: Kind::Conversion(Box::new(conversion)) })
    }

    /// Compiles a regex with the groups `time` and `message`, and perhaps `level`, that matches at a line's start, and
    /// the format of its time.
    pub fn from_regex(regex: &str, time: &str) -> Result<Layout, LayoutError> {
        let format = TimeFormat::new(time).map_err(LayoutError::Time)?;
        let written = Written::new(regex)?;
        Ok(Layout { format, zone: None, kind: Kind::Written(Box::new(written)) })
    }

    /// Whether the line is the first of a record.
    pub fn is_head(&self, line: &[u8]) -> bool {
        let line = without_break(line);
        match &self.kind {
            Kind::Conversion(conversion) => conversion.is_head(line, &self.format),
            Kind::Written(written) => written.is_head(line),
        }
    }

    /// The time of a head; `None` if the line is no head or its time is no real moment.
    pub fn stamp(&self, line: &[u8]) -> Option<Stamp> {
        let line = without_break(line);
        match &self.kind {
            Kind::Conversion(conversion) => conversion.stamp(line, &self.format),
            Kind::Written(written) => written.stamp(line, &self.format),
        }
    }

    /// The parts of a head, or `None` if the line is none.
    pub fn parse(&self, line: &[u8]) -> Option<Parts> {
        let line = without_break(line);
        match &self.kind {
            Kind::Conversion(conversion) => conversion.parse(line, &self.format),
            Kind::Written(written) => written.parse(line, &self.format),
        }
    }

    /// The zone that a conversion pattern names for its times (`%d{ISO8601}{Asia/Shanghai}`), unless it is UTC or
    /// a fixed offset: with those, the stamps are in UTC already.
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }
}

/// A layout that was given as a conversion pattern.
#[derive(Clone, Debug)]
struct Conversion {
    program: Program,
    halves: Halves,
}

impl Conversion {
    fn new(pattern: &str, sides: &Sides) -> Result<Conversion, SpecError> {
        let program = Program::new(&sides.before);
        let (before, after) = words::regexes(&sides.before, &sides.after);
        let build = |source: &str| {
            RegexBuilder::new(source).unicode(false).build().map_err(|error| {
                let help = "split it up, or describe the layout by a regex";
                SpecError::new(0..pattern.len(), format!("this pattern is too large: {error}"), help)
            })
        };
        let tail = after.map(|source| build(&source)).transpose()?;
        Ok(Conversion { program, halves: Halves { head: build(&before)?, tail } })
    }

    fn is_head(&self, line: &[u8], format: &TimeFormat) -> bool {
        !matches!(self.program.run(line, format), Outcome::NoHead) && self.halves.head.is_match(line)
    }

    fn stamp(&self, line: &[u8], format: &TimeFormat) -> Option<Stamp> {
        match self.program.run(line, format) {
            Outcome::NoHead | Outcome::Impossible => None,
            Outcome::Read { stamp, .. } => self.halves.head.is_match(line).then_some(stamp),
            Outcome::Unsure => {
                format.parse(self.halves.head.captures(line)?.name("time")?.as_bytes()).map(|(stamp, _)| stamp)
            }
        }
    }

    fn parse(&self, line: &[u8], format: &TimeFormat) -> Option<Parts> {
        let (stamp, time, level, start) = match self.program.run(line, format) {
            Outcome::NoHead => return None,
            Outcome::Read { stamp, time, level: Some(level) } => {
                (Some(stamp), time, Some(level), self.halves.head.find(line)?.end())
            }
            _ => {
                let found = self.halves.head.captures(line)?;
                let time = found.name("time")?;
                let stamp = format.parse(time.as_bytes()).map(|(stamp, _)| stamp);
                (stamp, time.range(), group(&found, "level"), found.get_match().end())
            }
        };
        let (end, late_level) = self.halves.message_end(line, start);
        Some(Parts { stamp, time, level: level.or(late_level), message: start..end })
    }
}

fn without_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The format of the time, moved to UTC if the pattern names a fixed offset, else with the zone that it names.
fn placed_in_zone(sides: &Sides) -> (TimeFormat, Option<String>) {
    let Placed { format, zone } = &sides.time;
    let Some(zone) = zone else { return (format.clone(), None) };
    match fixed_offset(zone).and_then(|seconds| format.at_offset(seconds)) {
        Some(moved) => (moved, None),
        None => (format.clone(), Some(zone.clone())),
    }
}
