//! Lines out of blocks, however the blocks are cut.
//!
//! Input hands over bytes as they were read; a line may lie across any number of blocks, may never end, and may be
//! larger than memory. Of each line only the first [`LINE_LIMIT`](crate::scan::block::LINE_LIMIT) bytes are kept, so that a file without a newline
//! costs no more than any other.

use memchr::memchr;

use crate::scan::block::{KEPT, RawLine, without_break};

/// Between two calls, `partial` holds the first bytes of the line that began at `offset` and has not ended yet.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    /// Length of the unfinished line so far, kept or not.
    length: u64,
    offset: u64,
    /// Lines that have ended.
    ended: u64,
}

impl Lines {
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// Bytes read, the unfinished line included.
    pub fn bytes(&self) -> u64 {
        self.offset + self.length
    }

    /// Calls `each` for every line that ends in `bytes`.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(RawLine)) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.length == 0 {
                each(self.line(line));
                self.next(end as u64 + 1);
            } else {
                self.keep(line);
                let kept = std::mem::take(&mut self.partial);
                each(self.line(&kept));
                self.next(self.length + 1);
                self.partial = kept;
                self.partial.clear();
            }
            bytes = rest;
        }
        self.keep(bytes);
    }

    /// The end of the file: what has no line break is a line all the same.
    pub fn finish(&mut self, each: impl FnOnce(RawLine)) {
        if self.length > 0 {
            let kept = std::mem::take(&mut self.partial);
            each(self.line(&kept));
            self.next(self.length);
        }
    }

    fn line<'a>(&self, bytes: &'a [u8]) -> RawLine<'a> {
        RawLine { bytes: without_break(bytes, self.offset == 0), offset: self.offset, number: self.ended + 1 }
    }

    fn next(&mut self, length: u64) {
        self.offset += length;
        self.ended += 1;
        self.length = 0;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
    }
}
