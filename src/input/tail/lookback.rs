//! Where a family is begun that was never read.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::fingerprint::read_at;
use crate::time::Millis;

/// A live file up to this size is read whole when its past is asked for.
const SMALL: u64 = 64 * 1024 * 1024;

/// Bisection ends at pieces of this size.
const PIECE: usize = 64 * 1024;

/// The time of a line, if it has one.
pub type TimeOf = Arc<dyn Fn(&[u8]) -> Option<Millis> + Send + Sync>;

/// Where to begin.
#[derive(Clone)]
pub enum Start {
    /// All that is there, rolled files too.
    Beginning,
    /// What is written from now on.
    End,
    /// Files that were written to since then. A large one is begun near that time, where lines tell theirs.
    Since(Millis, Option<TimeOf>),
}

impl Start {
    /// What is read of the past is read for what goes on from it.
    pub fn looks_back(&self) -> bool {
        matches!(self, Start::Since(..))
    }

    /// Is a rolled file, last written then, too old?
    pub(super) fn passes_over(&self, modified: Millis) -> bool {
        match self {
            Start::Beginning => false,
            Start::End => true,
            Start::Since(since, _) => modified < *since,
        }
    }

    /// Where in the live file.
    pub(super) fn offset(&self, file: &File) -> io::Result<u64> {
        let size = file.metadata()?.len();
        match self {
            Start::Beginning => Ok(0),
            Start::End => line_before(file, size),
            Start::Since(since, Some(time_of)) if size > SMALL => bisect(file, size, *since, time_of),
            Start::Since(..) => Ok(0),
        }
    }
}

/// Where the line begins that `end` stands in, unless it is a monster.
fn line_before(file: &File, end: u64) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let from = end.saturating_sub(PIECE as u64);
    let most = usize::try_from(end - from).unwrap_or(PIECE);
    let piece = read_at(file, &mut piece[..most], from)?;
    Ok(match memchr::memrchr(b'\n', piece) {
        Some(newline) => from + newline as u64 + 1,
        None if from == 0 => 0,
        None => end,
    })
}

/// The beginning of a line with a time before `since`, and not much in front of the first one after it. Where times go
/// back and forth it is one such place.
fn bisect(file: &File, size: u64, since: Millis, time_of: &TimeOf) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    // The line at `low` is too old, or it is the first one; what stands at `high` is not.
    let (mut low, mut high) = (0, size);
    while high.saturating_sub(low) > PIECE as u64 {
        let middle = low + (high - low) / 2;
        let bytes = read_at(file, &mut piece, middle)?;
        match first_time(bytes, time_of) {
            Some((at, time)) if time < since => low = middle + at as u64,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// The first line with a time that begins in a piece, and where.
fn first_time(piece: &[u8], time_of: &TimeOf) -> Option<(usize, Millis)> {
    let starts = memchr::memchr_iter(b'\n', piece).map(|newline| newline + 1);
    starts.into_iter().find_map(|start| {
        let line = piece[start..].split(|b| *b == b'\n').next()?;
        Some((start, time_of(line)?))
    })
}
