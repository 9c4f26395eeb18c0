//! The record that a line belongs to.
//!
//! Lines come in the order of the file, but only some of them. The record of one is found backwards from it, no further
//! than to the line that was asked for before: if there is no head in between, it is the same record.

use std::ops::Range;
use std::sync::Arc;

use super::heads::Heads;
use super::hit::{Head, HeadView, evidence};
use super::saved::{self, SavedPlace, SavedRecord};
use super::times::At;
use crate::pattern::{Patterns, SignalId};

/// Between two blocks, the head is in `kept`.
#[derive(Default)]
pub struct Record {
    place: Place,
    /// The signals that it has given: the first line of a record wins.
    given: Vec<SignalId>,
    /// Has it a time of its own? (What is lost in a hole leaves this at what the record before it had.)
    timed: bool,
    /// Where the record's last known line ends in this block.
    looked: usize,
    kept: Kept,
    counter: Counter,
}

#[derive(Default)]
enum Place {
    /// No head yet: these lines belong to the file before.
    #[default]
    Before,
    /// What its head was is lost in a hole.
    Headless,
    /// It began in an earlier block.
    Kept,
    /// It begins in this block.
    Here { line: Range<usize>, message: Range<usize>, number: u64 },
}

/// The head of a record that began in a block that is gone.
#[derive(Default)]
struct Kept {
    offset: u64,
    number: u64,
    bytes: Vec<u8>,
    message: Range<usize>,
}

/// Knows the number of the line at some place of the block, and counts from there.
#[derive(Default)]
struct Counter {
    at: usize,
    /// Line breaks in front of it, in the whole file.
    breaks: u64,
}

impl Record {
    pub fn begin_block(&mut self) {
        self.looked = 0;
        self.counter.at = 0;
    }

    /// Finds the record of a line, which is the one asked for last or one behind it.
    pub fn find(&mut self, line: &Range<usize>, heads: &Heads) {
        if line.start >= self.looked {
            self.find_before(heads.block.behind(line), heads);
        }
    }

    fn find_before(&mut self, end: usize, heads: &Heads) {
        if let Some((line, stamp, message)) = heads.last_before(end, self.looked) {
            let number = self.number_at(line.start, heads);
            self.place = Place::Here { line, message, number };
            self.timed = stamp.is_some();
            self.given.clear();
        }
        self.looked = end;
    }

    /// The last record of the block goes on in the next one.
    pub fn end_block(&mut self, heads: &Heads) {
        let end = heads.block.bytes.len();
        self.find_before(end, heads);
        if let Place::Here { line, message, number } = &self.place {
            let seen = heads.seen(line);
            let kept = &mut self.kept;
            kept.bytes.clear();
            kept.bytes.extend_from_slice(seen);
            (kept.offset, kept.number, kept.message) =
                (heads.block.offset + line.start as u64, *number, message.clone());
            self.place = Place::Kept;
        }
        self.number_at(end, heads);
        if !heads.block.bytes.ends_with(b"\n") {
            self.counter.breaks += 1;
        }
    }

    /// Bytes are missing: whose lines come next is not known.
    pub fn lose(&mut self) {
        if !self.is_before() {
            self.place = Place::Headless;
            self.given.clear();
        }
    }

    /// So many lines before it are not read, and what record they are of is not known.
    pub fn after(self, lines: u64) -> Record {
        Record { place: Place::Headless, counter: Counter { at: 0, breaks: lines }, ..self }
    }

    pub fn save(&self, patterns: &Patterns) -> SavedRecord {
        let place = match &self.place {
            Place::Before => SavedPlace::Before,
            Place::Headless => SavedPlace::Headless,
            Place::Kept | Place::Here { .. } => {
                let Kept { offset, number, bytes, message } = &self.kept;
                SavedPlace::Kept { offset: *offset, number: *number, bytes: bytes.clone(), message: message.clone() }
            }
        };
        SavedRecord { place, given: saved::names(&self.given, patterns), timed: self.timed }
    }

    pub fn restore(saved: SavedRecord, lines: u64, patterns: &Patterns) -> Record {
        let mut kept = Kept::default();
        let place = match saved.place {
            SavedPlace::Before => Place::Before,
            SavedPlace::Headless => Place::Headless,
            SavedPlace::Kept { offset, number, bytes, message } => {
                kept = Kept { offset, number, message: saved::within(message, bytes.len()), bytes };
                Place::Kept
            }
        };
        let counter = Counter { at: 0, breaks: lines };
        Record { place, given: saved::ids(&saved.given, patterns), timed: saved.timed, looked: 0, kept, counter }
    }

    /// Lines that have ended.
    pub fn lines(&self) -> u64 {
        self.counter.breaks
    }

    /// The number of the line that begins at `at`.
    pub fn number_at(&mut self, at: usize, heads: &Heads) -> u64 {
        let count = |range: Range<usize>| memchr::memchr_iter(b'\n', &heads.block.bytes[range]).count() as u64;
        let known = self.counter.at;
        if at < known {
            return self.counter.breaks - count(at..known) + 1;
        }
        self.counter = Counter { at, breaks: self.counter.breaks + count(known..at) };
        self.counter.breaks + 1
    }

    pub fn is_before(&self) -> bool {
        matches!(self.place, Place::Before)
    }

    /// Is this line the record's head?
    pub fn is_head(&self, line: &Range<usize>) -> bool {
        matches!(&self.place, Place::Here { line: head, .. } if head.start == line.start)
    }

    pub fn head<'a>(&'a self, heads: &Heads<'a>) -> Option<HeadView<'a>> {
        match &self.place {
            Place::Before | Place::Headless => None,
            Place::Kept => Some(self.kept.view()),
            Place::Here { line, message, number } => {
                let bytes = heads.seen(line);
                let offset = heads.block.offset + line.start as u64;
                Some(HeadView { offset, number: *number, bytes, message: &bytes[message.clone()] })
            }
        }
    }

    pub fn has_given(&self, id: SignalId) -> bool {
        self.given.contains(&id)
    }

    pub fn give(&mut self, id: SignalId) {
        self.given.push(id);
    }

    /// Where its times are to be looked for.
    pub fn at(&self) -> At {
        let place = if let Place::Here { line, .. } = &self.place { line.start + 1 } else { 0 };
        At { place, timed: self.timed }
    }

    /// The head, if it is known, and the signals that were given.
    pub fn into_head(self, file: &Arc<str>) -> (Option<Head>, Vec<SignalId>) {
        let kept = matches!(self.place, Place::Kept).then_some(self.kept);
        (kept.map(|kept| kept.into_head(file)), self.given)
    }
}

impl Kept {
    fn view(&self) -> HeadView<'_> {
        HeadView {
            offset: self.offset,
            number: self.number,
            bytes: &self.bytes,
            message: &self.bytes[self.message.clone()],
        }
    }

    fn into_head(self, file: &Arc<str>) -> Head {
        let line = super::block::RawLine { bytes: &self.bytes, offset: self.offset, number: self.number };
        Head { line: evidence(file, line), bytes: self.bytes.into(), message: self.message }
    }
}
