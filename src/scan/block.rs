//! Blocks of whole lines out of bytes that are cut anywhere.
//!
//! Input hands over bytes as they were read; a line may lie across any number of reads, may never end, and may be
//! larger than memory. Whole lines are handed on where they lie. Only a line that was cut is put together, and of it
//! only the first bytes are kept, so that a file without a newline costs no more than any other.

use std::ops::Range;

use memchr::{memchr, memrchr};

/// Rules see this much of a line.
pub const LINE_LIMIT: usize = 64 * 1024;

/// What is kept of a line that was cut: as much as rules see, and what may be taken off its ends.
pub(super) const KEPT: usize = LINE_LIMIT + BOM.len() + 1;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Larger blocks fit the processor's caches no more.
const LARGEST: usize = 256 * 1024;

/// A line of a file, without its line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLine<'a> {
    pub bytes: &'a [u8],
    /// Of its first byte in the file, decompressed.
    pub offset: u64,
    /// From 1.
    pub number: u64,
}

/// At least one line. All but perhaps the last have their line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    pub bytes: &'a [u8],
    /// Of its first byte in the file, decompressed.
    pub offset: u64,
}

impl<'a> Block<'a> {
    /// The line that the byte at `at` is in, without its newline.
    pub fn line_at(&self, at: usize) -> Range<usize> {
        let start = memrchr(b'\n', &self.bytes[..at]).map_or(0, |newline| newline + 1);
        let end = memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |newline| at + newline);
        start..end
    }

    /// The last line in front of `end`, where a line begins or the block ends.
    pub fn line_before(&self, end: usize) -> Range<usize> {
        let end = if self.bytes[..end].ends_with(b"\n") { end - 1 } else { end };
        memrchr(b'\n', &self.bytes[..end]).map_or(0, |newline| newline + 1)..end
    }

    /// The line that begins at `start`.
    pub fn line_from(&self, start: usize) -> Range<usize> {
        start..memchr(b'\n', &self.bytes[start..]).map_or(self.bytes.len(), |newline| start + newline)
    }

    /// Where the line behind this one begins, or the block ends.
    pub fn behind(&self, line: &Range<usize>) -> usize {
        (line.end + 1).min(self.bytes.len())
    }

    /// What rules see of a line.
    pub fn text(&self, line: &Range<usize>) -> &'a [u8] {
        without_break(&self.bytes[line.clone()], self.offset == 0 && line.start == 0)
    }

    pub fn raw(&self, line: &Range<usize>, number: u64) -> RawLine<'a> {
        RawLine { bytes: self.text(line), offset: self.offset + line.start as u64, number }
    }
}

/// What rules see of a line without its newline; the first of a file may begin with a byte order mark.
pub(super) fn without_break(bytes: &[u8], first: bool) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let bytes = if first { bytes.strip_prefix(BOM).unwrap_or(bytes) } else { bytes };
    &bytes[..bytes.len().min(LINE_LIMIT)]
}

/// Between two calls, `partial` holds the first bytes of the line that began at `offset` and has not ended yet.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    partial: Vec<u8>,
    /// Length of the unfinished line so far, kept or not.
    length: u64,
    offset: u64,
}

impl Blocks {
    /// Lines begin at this offset.
    pub fn from(offset: u64) -> Blocks {
        Blocks { offset, ..Blocks::default() }
    }

    /// Where the unfinished line begins, or the next one.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The unfinished line, as far as it is kept.
    pub fn unfinished(&self) -> &[u8] {
        &self.partial
    }

    /// Bytes read, the unfinished line included.
    pub fn bytes(&self) -> u64 {
        self.offset + self.length
    }

    /// Calls `each` for blocks of all the lines that end in `bytes`.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Block)) {
        while !bytes.is_empty() {
            if self.length > 0 {
                let Some(end) = memchr(b'\n', bytes) else { return self.keep(bytes) };
                self.keep(&bytes[..end]);
                self.end_line(1, &mut each);
                bytes = &bytes[end + 1..];
                continue;
            }
            let piece = &bytes[..bytes.len().min(LARGEST)];
            let used = match memrchr(b'\n', piece) {
                Some(last) => {
                    let whole = &piece[..=last];
                    each(Block { bytes: whole, offset: self.offset });
                    self.offset += whole.len() as u64;
                    whole.len()
                }
                None => {
                    self.keep(piece);
                    piece.len()
                }
            };
            bytes = &bytes[used..];
        }
    }

    /// The end of the file: what has no line break is a line all the same.
    pub fn finish(&mut self, mut each: impl FnMut(Block)) {
        if self.length > 0 {
            self.end_line(0, &mut each);
        }
    }

    fn end_line(&mut self, line_break: u64, each: &mut impl FnMut(Block)) {
        each(Block { bytes: &self.partial, offset: self.offset });
        self.partial.clear();
        self.offset += self.length + line_break;
        self.length = 0;
    }

    /// Some bytes more than rules see are kept, so that a carriage return there does not look like a line's end.
    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Vec<(Vec<u8>, u64)> {
        let mut blocks = Blocks::default();
        let mut all = Vec::new();
        let mut each = |block: Block| {
            assert!(!block.bytes.is_empty());
            let mut at = 0;
            while at < block.bytes.len() {
                let line = block.line_from(at);
                assert_eq!(block.line_at(line.start), line);
                assert_eq!(block.line_before(block.behind(&line)), line);
                all.push((block.text(&line).to_vec(), block.raw(&line, 0).offset));
                at = block.behind(&line);
            }
        };
        for piece in pieces {
            blocks.feed(piece, &mut each);
        }
        blocks.finish(&mut each);
        assert_eq!(blocks.bytes(), pieces.iter().map(|p| p.len() as u64).sum::<u64>());
        all
    }

    #[test]
    fn lines_end_at_newlines_and_at_the_end() {
        let all = read(&[b"\xEF\xBB\xBFa\r\n\nb", b"c\r", b"\nlast"]);
        let texts: Vec<&[u8]> = all.iter().map(|(t, _)| t.as_slice()).collect();
        assert_eq!(texts, [b"a" as &[u8], b"", b"bc", b"last"]);
        assert_eq!(all.iter().map(|(_, o)| *o).collect::<Vec<_>>(), [0, 6, 7, 11]);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let piece = vec![b'x'; 1 << 20];
        let mut blocks = Blocks::default();
        for _ in 0..100 {
            blocks.feed(&piece, |_| panic!("no line has ended"));
            assert!(blocks.partial.capacity() <= 4 * LINE_LIMIT);
        }
        let mut seen = Vec::new();
        blocks.feed(b"\nnext\n", |b| seen.push((b.offset, b.text(&b.line_from(0)).len())));
        assert_eq!(seen, [(0, LINE_LIMIT), ((100 << 20) + 1, 4)]);
    }

    proptest! {
        #[test]
        fn cutting_never_changes_a_line(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            cuts in proptest::collection::vec(0_usize..200, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[&text]));
        }
    }
}
