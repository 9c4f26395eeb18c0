//! Going on in the middle of a file, in another process.
//!
//! Live, a file is never scanned at one go: it grows, and we are restarted. Between two calls of
//! [`feed`](super::Scanner::feed) a scanner knows little of what it has read, and that is saved with the offset at which the
//! unfinished line begins. Signals go by their names, because the next process may have other patterns.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::hit::{Carry, Head, Line};
use crate::pattern::stamp::Stamp;
use crate::pattern::{Patterns, SignalId};

/// A scanner between two lines of a file that is being written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedScanner {
    /// Of the first byte that is to be read again.
    pub offset: u64,
    /// Lines in front of it.
    pub lines: u64,
    pub(super) record: SavedRecord,
    pub(super) times: SavedTimes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedRecord {
    pub place: SavedPlace,
    pub given: Vec<String>,
    pub timed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum SavedPlace {
    Before,
    Headless,
    Kept { offset: u64, number: u64, bytes: Vec<u8>, message: Range<usize> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedTimes {
    /// The last times, oldest first, and where their records begin.
    pub stretch: Vec<(u64, Stamp)>,
    pub whole: bool,
    pub first: Option<Stamp>,
    pub ticked: Option<Stamp>,
    pub hole: bool,
}

/// A [`Carry`], for the file that comes next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedCarry {
    head: Option<SavedHead>,
    given: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedHead {
    file: String,
    line: Line,
    bytes: Box<[u8]>,
    message: Range<usize>,
}

impl SavedCarry {
    pub fn of(carry: &Carry, patterns: &Patterns) -> SavedCarry {
        let head = carry.head.as_ref().map(|head| SavedHead {
            file: head.line.file.to_string(),
            line: head.line.clone(),
            bytes: head.bytes.clone(),
            message: head.message.clone(),
        });
        SavedCarry { head, given: names(&carry.given, patterns) }
    }

    pub fn restore(self, patterns: &Patterns) -> Carry {
        let head = self.head.map(|SavedHead { file, line, bytes, message }| Head {
            line: Line { file: file.into(), ..line },
            message: within(message, bytes.len()),
            bytes,
        });
        Carry { head, given: ids(&self.given, patterns) }
    }
}

pub(super) fn names(signals: &[SignalId], patterns: &Patterns) -> Vec<String> {
    signals.iter().map(|id| patterns.signal(*id).name.to_string()).collect()
}

/// Those of the names that are still signals.
pub(super) fn ids(names: &[String], patterns: &Patterns) -> Vec<SignalId> {
    let id = |name: &String| patterns.signals.iter().position(|s| *s.name == **name).map(|at| SignalId(at as u32));
    names.iter().filter_map(id).collect()
}

/// What was saved is trusted to be a range, not to fit.
pub(super) fn within(range: Range<usize>, len: usize) -> Range<usize> {
    if range.start <= range.end && range.end <= len { range } else { 0..0 }
}
