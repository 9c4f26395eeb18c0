//! What scanning finds: hits, ticks, and holes between them.
//!
//! Times are still stamps, as the log printed them: which instant a stamp means depends on the zone and on what the
//! family said before, and a worker that scans one file of many does not know that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::block::RawLine;
use super::jump::{Bursts, Unsettled};
use crate::pattern::stamp::Stamp;
use crate::pattern::{CaptureId, Clause, Signal, SignalId};
use crate::transition::EVIDENCE_BYTES;

/// One thing that scanning a file says, in the order of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Seen {
    Hit(Hit),
    /// No later record of this file is older than this (but for threads that log out of order). There is none for each
    /// record: every block of a file that is read gives one, and every record where the zone's offset changes.
    Tick(Stamp),
    /// Something is missing between the records of these two times.
    Hole {
        from: Option<Stamp>,
        until: Stamp,
    },
}

/// A signal found in a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    pub signal: SignalId,
    /// The time of the record, or of the record before if it has none of its own; `None`: none so far in this file.
    pub stamp: Option<Stamp>,
    pub captures: Vec<(CaptureId, Box<str>)>,
    /// How many times this hit counts.
    pub weight: u64,
    pub line: Line,
    /// The first line of the record, if the hit is not in it.
    pub head: Option<Line>,
}

/// A line as evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The same for all lines of a run, and so not kept with each.
    #[serde(skip)]
    pub file: Arc<str>,
    /// From 1.
    pub number: u64,
    /// Of its first byte, decompressed.
    pub offset: u64,
    /// At most [`EVIDENCE_BYTES`](crate::transition::EVIDENCE_BYTES).
    #[serde(with = "super::bytes")]
    pub text: Box<[u8]>,
}

/// What the next file of a family must know of the one before it: its last record may go on there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carry {
    pub head: Option<Head>,
    /// The signals that the record has given already: the first line of a record wins.
    pub given: Vec<SignalId>,
}

/// The first line of a record, with as much of it as rules may see.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub line: Line,
    pub bytes: Box<[u8]>,
    /// The message within `bytes`.
    pub message: std::ops::Range<usize>,
}

/// What a file said as a whole.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Hits in lines before the file's first head, without the clauses that need the head.
    pub orphans: Vec<Hit>,
    /// The last record, and `None` if the file has no head at all.
    pub carry: Option<Carry>,
    /// Times of the first and the last record that has one.
    pub first: Option<Stamp>,
    pub last: Option<Stamp>,
    /// Records whose times are not to be believed, though hits carry them.
    pub bursts: Bursts,
    /// What the files before and behind this one must tell.
    pub unsettled: Unsettled,
    /// Something is missing at the end, after the last record.
    pub hole_at_end: bool,
    pub lines: u64,
    pub bytes: u64,
    /// Hits in records whose time is missing or impossible. (Of records without hits nobody asks, and reading the time
    /// of each would cost more than all the rest.)
    pub untimed: u64,
    /// Hits in records whose time jumped ahead and was taken back, but for those in bursts.
    pub disbelieved: u64,
    /// Lines that were looked at for a signal, each once for each, and how many were hits.
    pub candidates: u64,
    pub hits: u64,
}

/// A record's first line where it lies, as [`Head`] keeps it.
#[derive(Clone, Copy, Debug)]
pub struct HeadView<'a> {
    pub offset: u64,
    pub number: u64,
    pub bytes: &'a [u8],
    pub message: &'a [u8],
}

impl Head {
    pub fn view(&self) -> HeadView<'_> {
        let message = &self.bytes[self.message.clone()];
        HeadView { offset: self.line.offset, number: self.line.number, bytes: &self.bytes, message }
    }
}

impl HeadView<'_> {
    fn line(&self, file: &Arc<str>) -> Line {
        evidence(file, RawLine { bytes: self.bytes, offset: self.offset, number: self.number })
    }

    /// Do the clauses hold that look at a record's first line? (For a signal without `match`, the message too.)
    pub fn fits(&self, signal: &Signal) -> bool {
        signal.message.as_ref().is_none_or(|c| c.regex.is_match(self.message))
            && signal.head.as_ref().is_none_or(|c| c.regex.is_match(self.bytes))
    }

    fn capture_into(&self, signal: &Signal, captures: &mut Vec<(CaptureId, Box<str>)>) {
        if let Some(clause) = &signal.message {
            clause.capture_into(self.message, captures);
        }
        if let Some(clause) = &signal.head {
            clause.capture_into(self.bytes, captures);
        }
    }
}

/// The same of a head that may be unknown: then nothing that looks at it holds.
pub fn judge_head(signal: &Signal, head: Option<HeadView>) -> bool {
    head.map_or(signal.message.is_none() && signal.head.is_none(), |head| head.fits(signal))
}

impl Hit {
    /// A hit if all clauses hold. It has no time yet, which is known only when the records around are.
    pub(super) fn judge(
        signal: &Signal,
        id: SignalId,
        head: Option<HeadView>,
        file: &Arc<str>,
        line: RawLine,
    ) -> Option<Hit> {
        let mut captures = Vec::new();
        let mut holds = |clause: &Option<Clause>, text: Option<&[u8]>| {
            clause.as_ref().is_none_or(|clause| text.is_some_and(|text| clause.take(text, &mut captures)))
        };
        let all = holds(&signal.matches, Some(line.bytes))
            && holds(&signal.message, head.map(|head| head.message))
            && holds(&signal.head, head.map(|head| head.bytes));
        all.then(|| Hit::with(captures, signal, id, head, file, line))
    }

    /// The same of clauses that hold, or cannot be judged before the head is known.
    pub(super) fn new(signal: &Signal, id: SignalId, head: Option<HeadView>, file: &Arc<str>, line: RawLine) -> Hit {
        let mut captures = Vec::new();
        if let Some(clause) = &signal.matches {
            clause.capture_into(line.bytes, &mut captures);
        }
        if let Some(head) = &head {
            head.capture_into(signal, &mut captures);
        }
        Hit::with(captures, signal, id, head, file, line)
    }

    fn with(
        captures: Vec<(CaptureId, Box<str>)>,
        signal: &Signal,
        id: SignalId,
        head: Option<HeadView>,
        file: &Arc<str>,
        line: RawLine,
    ) -> Hit {
        let above = head.filter(|h| h.offset != line.offset).map(|h| h.line(file));
        let mut hit = Hit { signal: id, stamp: None, captures, weight: 1, line: evidence(file, line), head: above };
        hit.weigh(signal);
        hit
    }

    fn weigh(&mut self, signal: &Signal) {
        let times = signal.weight.and_then(|id| self.captures.iter().find(|(c, _)| *c == id));
        self.weight = times.and_then(|(_, text)| text.parse().ok()).unwrap_or(1).max(1);
    }

    /// Gives an orphan the head that stands in the file before.
    pub fn adopt(&mut self, signal: &Signal, head: &Head) {
        head.view().capture_into(signal, &mut self.captures);
        self.head = Some(head.line.clone());
        self.weigh(signal);
    }
}

pub(super) fn evidence(file: &Arc<str>, line: RawLine) -> Line {
    let text = &line.bytes[..line.bytes.len().min(EVIDENCE_BYTES)];
    Line { file: file.clone(), number: line.number, offset: line.offset, text: text.into() }
}
