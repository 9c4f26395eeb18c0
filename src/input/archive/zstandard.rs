//! Zstandard with any number of frames.
//!
//! The decoder is fed one block at a time: it drops what it decoded in a call that then fails, so a call must never
//! hold both a good block and the header of a bad one.

use std::io;
use std::ops::DerefMut;

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::damage::{Cause, Faults, Format};
use super::source::{Layer, Source};

pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A block's header; the decoder asks for the next one together with a block.
const BLOCK_HEADER: usize = 3;

/// Whether the bytes begin a frame: of data, or one that decoders skip.
pub(super) fn is_frame(start: &[u8]) -> bool {
    start.starts_with(&MAGIC) || matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What may follow a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// More frames to the end of the source.
    Many,
    /// Anything: the source goes on with something else (a zip).
    One,
}

/// The largest window that a frame may ask for, as a power of two.
#[derive(Clone, Copy)]
pub(super) struct MaxWindow(pub u32);

impl MaxWindow {
    /// What the zstd tool accepts without being told otherwise: 128 MiB.
    pub const OUTER: Self = Self(27);
    /// What every decoder must accept, 8 MiB: for frames within frames, so that nesting does not multiply the memory.
    pub const NESTED: Self = Self(23);
}

enum At {
    Between,
    Frame,
    End,
}

/// `S` is a source, lent or owned.
pub(super) struct Unzstd<S> {
    source: S,
    /// Where the first frame begins: a zip's entry shares its source with the zip.
    start: u64,
    decoder: Decoder<'static>,
    frames: Frames,
    at: At,
    /// How many packed bytes the decoder asked for.
    wanted: usize,
    /// The last call filled its output: there may be more inside the decoder.
    pending: bool,
    unpacked: u64,
    started: bool,
    faults: Faults,
}

impl<'r, S: DerefMut<Target = Source<'r>>> Unzstd<S> {
    /// Fails only if there is no memory for a decoder.
    pub fn new(source: S, frames: Frames, window: MaxWindow) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(window.0))?;
        Ok(Self {
            start: source.position(),
            source,
            decoder,
            frames,
            at: At::Between,
            wanted: 1,
            pending: false,
            unpacked: 0,
            started: false,
            faults: Faults::default(),
        })
    }

    pub fn into_faults(self) -> Faults {
        self.faults
    }

    pub fn source(&mut self) -> &mut Source<'r> {
        &mut self.source
    }

    /// Packed bytes used so far.
    pub fn packed(&self) -> u64 {
        self.source.position() - self.start
    }

    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    fn fail(&mut self, cause: Cause) {
        self.faults.push(self.unpacked, Some(self.source.position() - self.start), cause);
        self.at = At::End;
    }

    fn between(&mut self) {
        let start = self.source.peek(MAGIC.len());
        let short = start.len() < MAGIC.len();
        if is_frame(start) && !(self.started && self.frames == Frames::One) {
            self.begin();
        } else if self.started && (start.is_empty() || self.frames == Frames::One) {
            self.at = At::End;
        } else if !self.started && short {
            self.fail(Cause::Truncated(Format::Zstd));
        } else if !self.started {
            self.fail(Cause::Corrupt { format: Format::Zstd, detail: "no frame header".to_owned() });
        } else if start.first() == Some(&0) && self.source.skip_zeros_to_end() {
            self.at = At::End;
        } else {
            self.fail(Cause::Trailing(Format::Zstd));
        }
    }

    fn begin(&mut self) {
        if let Err(error) = self.decoder.reinit() {
            return self.fail(corrupt(&error));
        }
        (self.at, self.started, self.pending, self.wanted) = (At::Frame, true, false, 1);
    }

    fn step(&mut self, out: &mut [u8]) -> usize {
        let feed = match self.wanted {
            _ if self.pending => 0,
            wanted if wanted > BLOCK_HEADER => wanted - BLOCK_HEADER,
            wanted => wanted,
        };
        let input = if feed == 0 { &[][..] } else { self.source.fill() };
        if feed > 0 && input.is_empty() {
            self.fail(Cause::Truncated(Format::Zstd));
            return 0;
        }
        let mut input = InBuffer::around(&input[..feed.min(input.len())]);
        let mut output = OutBuffer::around(out);
        let result = self.decoder.run(&mut input, &mut output);
        let (used, made) = (input.pos(), output.pos());
        self.source.consume(used);
        self.unpacked += made as u64;
        self.pending = made == out.len();
        match result {
            Ok(0) => self.at = At::Between,
            Ok(_) if feed > 0 && used == 0 && made == 0 => self.fail(no_progress()),
            Ok(wanted) => self.wanted = wanted,
            Err(error) => self.fail(corrupt(&error)),
        }
        made
    }
}

fn no_progress() -> Cause {
    Cause::Corrupt { format: Format::Zstd, detail: "no progress".to_owned() }
}

fn corrupt(error: &io::Error) -> Cause {
    let detail = error.to_string();
    if detail.contains("checksum") {
        return Cause::Checksum(Format::Zstd);
    }
    let detail = if detail.contains("too much memory") {
        "its window is larger than is accepted here; unpack it with `zstd -d --long=31` first".to_owned()
    } else {
        detail
    };
    Cause::Corrupt { format: Format::Zstd, detail }
}

impl<'r, S: DerefMut<Target = Source<'r>>> Layer for Unzstd<S> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        while !out.is_empty() {
            let count = match self.at {
                At::End => break,
                At::Between => {
                    self.between();
                    0
                }
                At::Frame => self.step(out),
            };
            if count > 0 {
                return count;
            }
        }
        0
    }
}
