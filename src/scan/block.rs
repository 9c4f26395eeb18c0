//! Lines out of blocks, however the blocks are cut.
//!
//! Input hands over bytes as they were read; a line may lie across any number of blocks, may never end, and may be
//! larger than memory. Of each line only the first [`LINE_LIMIT`] bytes are kept, so that a file without a newline
//! costs no more than any other.

use memchr::memchr;

/// Rules see this much of a line.
pub const LINE_LIMIT: usize = 64 * 1024;

/// A line of a file, without its line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLine<'a> {
    pub bytes: &'a [u8],
    /// Of its first byte in the file, decompressed.
    pub offset: u64,
    /// From 1.
    pub number: u64,
}

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
    /// Continues a file of which `ended` lines, up to `offset`, have been read before.
    pub fn resume(offset: u64, ended: u64) -> Lines {
        Lines { offset, ended, ..Lines::default() }
    }

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
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let bytes = if self.offset == 0 { bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes) } else { bytes };
        RawLine { bytes: &bytes[..bytes.len().min(LINE_LIMIT)], offset: self.offset, number: self.ended + 1 }
    }

    fn next(&mut self, length: u64) {
        self.offset += length;
        self.ended += 1;
        self.length = 0;
    }

    /// One byte more than the limit is kept, so that a carriage return behind the limit does not look like a line's end.
    fn keep(&mut self, bytes: &[u8]) {
        let room = (LINE_LIMIT + 1).saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(blocks: &[&[u8]]) -> Vec<(Vec<u8>, u64, u64)> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for block in blocks {
            lines.feed(block, |l| all.push((l.bytes.to_vec(), l.offset, l.number)));
        }
        lines.finish(|l| all.push((l.bytes.to_vec(), l.offset, l.number)));
        all
    }

    #[test]
    fn lines_end_at_newlines_and_at_the_end() {
        let all = read(&[b"\xEF\xBB\xBFa\r\n\nb", b"c\r", b"\nlast"]);
        let texts: Vec<&[u8]> = all.iter().map(|(t, _, _)| t.as_slice()).collect();
        assert_eq!(texts, [b"a" as &[u8], b"", b"bc", b"last"]);
        assert_eq!(all.iter().map(|(_, o, n)| (*o, *n)).collect::<Vec<_>>(), [(0, 1), (6, 2), (7, 3), (11, 4)]);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let block = vec![b'x'; 1 << 20];
        let mut lines = Lines::default();
        for _ in 0..100 {
            lines.feed(&block, |_| panic!("no line has ended"));
            assert!(lines.partial.capacity() <= 4 * LINE_LIMIT);
        }
        let mut seen = 0;
        lines.feed(b"\nnext\n", |l| {
            seen += 1;
            match seen {
                1 => assert_eq!(l.bytes.len(), LINE_LIMIT),
                _ => assert_eq!((l.bytes, l.offset, l.number), (b"next" as &[u8], (100 << 20) + 1, 2)),
            }
        });
        assert_eq!(seen, 2);
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
            let blocks: Vec<&[u8]> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            prop_assert_eq!(read(&blocks), read(&[&text]));
        }
    }
}
