//! What scanning finds: hits, ticks, and holes between them.
//!
//! Times are still stamps, as the log printed them: which instant a stamp means depends on the zone and on what the
//! family said before, and a worker that scans one file of many does not know that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::pattern::stamp::Stamp;
use crate::pattern::{CaptureId, SignalId};

/// One thing that scanning a file says, in the order of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Seen {
    Hit(Hit),
    /// No later record of this file is older than this (but for threads that log out of order).
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
    pub text: Box<[u8]>,
}

/// What the next file of a family must know of the one before it: its last record may go on there.
#[derive(Clone, Debug, Default)]
pub struct Carry {
    pub head: Option<Head>,
    /// The signals that the record has given already: the first line of a record wins.
    pub given: Vec<SignalId>,
}

/// The first line of a record, with as much of it as rules may see.
#[derive(Clone, Debug)]
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
    /// Something is missing at the end, after the last record.
    pub hole_at_end: bool,
    pub lines: u64,
    pub bytes: u64,
    /// Records whose time was missing or impossible.
    pub untimed: u64,
    /// Records whose time jumped ahead and was taken back.
    pub disbelieved: u64,
}
