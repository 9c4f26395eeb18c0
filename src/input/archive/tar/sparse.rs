//! Files with holes. A log that was truncated while its writer kept its offset begins with a hole of its former size;
//! live it reads as zero bytes, so it must in an archive.

use super::super::damage::{Cause, Fault};
use super::super::source::{Layer, Limit};
use super::header::BLOCK;
use super::pax::decimal;

/// Holes cost nothing to write, so what they yield is bounded: the header of a few bytes could ask for years of zeros.
pub(super) const MAX_HOLES: u64 = 1 << 30;
/// Parts of one file; more is an attack or damage.
pub(super) const MAX_SEGMENTS: usize = 1 << 16;

/// The parts of a file that are in the archive, in order, and its size with the holes.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    pub segments: Vec<(u64, u64)>,
    pub size: u64,
}

pub(super) struct Sparse<'s, 'r> {
    data: Limit<'s, 'r>,
    map: Map,
    next: usize,
    /// Place in the file as it was.
    position: u64,
    /// Bytes handed out; behind `position` if a hole was left out.
    unpacked: u64,
    holes_left: u64,
    faults: Vec<Fault>,
}

impl<'s, 'r> Sparse<'s, 'r> {
    pub fn new(data: Limit<'s, 'r>, map: Map) -> Self {
        Self { data, map, next: 0, position: 0, unpacked: 0, holes_left: MAX_HOLES, faults: Vec::new() }
    }

    /// The data's end, as [`Limit::finish`], and the holes that were left out.
    pub fn finish(self) -> (u64, Vec<Fault>) {
        (self.data.finish(), self.faults)
    }

    /// Yields zeros up to `end`; 0 if there is nothing left to yield.
    fn hole(&mut self, end: u64, out: &mut [u8]) -> usize {
        let bytes = end - self.position;
        if bytes > self.holes_left {
            // One report is enough: a map can have 65,536 such holes.
            if self.faults.is_empty() {
                let cause = Cause::Hole { bytes, limit: MAX_HOLES };
                self.faults.push(Fault { offset: self.unpacked, compressed_offset: None, cause });
            }
            self.position = end;
            return 0;
        }
        let count = usize::try_from(bytes).unwrap_or(usize::MAX).min(out.len());
        out[..count].fill(0);
        self.holes_left -= count as u64;
        self.position += count as u64;
        count
    }
}

impl Layer for Sparse<'_, '_> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        while !out.is_empty() {
            let segment = self.map.segments.get(self.next).copied();
            let (start, length) = segment.unwrap_or((self.map.size, 0));
            let end = start.saturating_add(length);
            let count = if self.position < start {
                self.hole(start, out)
            } else if self.position < end {
                let most = usize::try_from(end - self.position).unwrap_or(usize::MAX).min(out.len());
                let count = self.data.pull(&mut out[..most]);
                if count == 0 {
                    return 0;
                }
                self.position += count as u64;
                count
            } else if segment.is_some() {
                self.next += 1;
                0
            } else {
                return 0;
            };
            if count > 0 {
                self.unpacked += count as u64;
                return count;
            }
        }
        0
    }
}

/// Reads the map that version 1.0 puts before the data: decimal lines, padded to a block.
pub(super) fn map_in_data(data: &mut Limit<'_, '_>) -> Option<Vec<(u64, u64)>> {
    let mut numbers = Vec::new();
    let mut digits = Vec::new();
    loop {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match data.pull(&mut block[filled..]) {
                0 => return None,
                count => filled += count,
            }
        }
        for byte in block {
            match byte {
                b'\n' => numbers.push(decimal(&std::mem::take(&mut digits))?),
                b'0'..=b'9' if digits.len() < 20 => digits.push(byte),
                0 => break,
                _ => return None,
            }
            let wanted =
                numbers.first().map(|&count| usize::try_from(count).ok().filter(|&count| count <= MAX_SEGMENTS));
            if let Some(count) = wanted
                && numbers.len() == 1 + 2 * count?
            {
                return Some(numbers[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect());
            }
        }
    }
}
