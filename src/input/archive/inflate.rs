//! Deflate, the coding inside gzip and zip, driven by hand.
//!
//! The readers of `flate2` return an error *instead of* the bytes that were decoded in the same call, up to a buffer
//! full. Here the bytes come first and the error is reported with the next step.

use flate2::{Decompress, FlushDecompress, Status};

use super::source::Source;
use super::spare::{Lent, Spares};

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Bytes were written, and more may come.
    More,
    /// The stream is complete.
    End,
    /// The packed bytes ended before the stream did.
    Cut,
    /// The packed bytes cannot be decoded any further.
    Bad(String),
}

/// One deflate stream at a time, without the wrapping of gzip or zip.
pub(super) struct Inflate {
    raw: Lent<Decompress>,
}

thread_local! {
    static STATES: Spares<Decompress> = const { Spares::new(Vec::new()) };
}

impl Inflate {
    pub fn new() -> Self {
        let mut inflate = Self { raw: Lent::take(&STATES, || Decompress::new(false)) };
        inflate.reset();
        inflate
    }

    /// Begins a new stream; the allocations stay.
    pub fn reset(&mut self) {
        self.raw.reset(false);
    }

    /// Bytes that this stream has yielded.
    pub fn unpacked(&self) -> u64 {
        self.raw.total_out()
    }

    /// Bytes that this stream has used.
    pub fn packed(&self) -> u64 {
        self.raw.total_in()
    }

    /// Decodes into `out` (not empty) until at least one byte is there or the stream is over. The bytes count whatever
    /// the step says.
    pub fn step(&mut self, source: &mut Source<'_>, out: &mut [u8]) -> (usize, Step) {
        loop {
            let input = source.fill();
            let cut = input.is_empty();
            let (used, made) = (self.raw.total_in(), self.raw.total_out());
            let result = self.raw.decompress(input, out, FlushDecompress::None);
            let used = usize::try_from(self.raw.total_in() - used).unwrap_or(usize::MAX);
            let made = usize::try_from(self.raw.total_out() - made).unwrap_or(usize::MAX).min(out.len());
            source.consume(used);
            let step = match result {
                Ok(Status::StreamEnd) => Step::End,
                Err(error) => Step::Bad(error.message().unwrap_or("undecodable").to_owned()),
                Ok(_) if made > 0 => Step::More,
                Ok(_) if cut => Step::Cut,
                Ok(_) if used == 0 => Step::Bad("no progress".to_owned()),
                Ok(_) => continue,
            };
            return (made, step);
        }
    }
}
