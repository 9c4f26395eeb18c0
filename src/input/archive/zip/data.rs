//! The data of a zip entry, by whatever method it is packed, with its checksum.

use std::io;
use std::ops::DerefMut;

use flate2::Crc;
use memchr::memmem;

use super::super::damage::{Cause, Fault, Faults, Format};
use super::super::inflate::{Inflate, Step};
use super::super::source::{BUFFER, Layer, Source};
use super::super::zstandard::{Frames, MaxWindow, Unzstd};
use super::record::{self, DESCRIPTOR, DESCRIPTOR_MAX, Method};

/// Decodes one entry and ends where it ends.
/// `S` is a source, lent or owned.
pub(in super::super) struct Data<S> {
    coding: Coding<S>,
    crc: Crc,
    unpacked: u64,
    state: State,
    faults: Faults,
}

enum Coding<S> {
    Stored(S),
    /// Stored, and nobody knows how long: only the descriptor behind the data tells.
    Open(S),
    Deflate(S, Box<Inflate>),
    Zstd(Box<Unzstd<S>>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Going,
    Complete,
    Failed,
}

impl<'r, S: DerefMut<Target = Source<'r>>> Data<S> {
    /// `source` is limited to the entry if it is `bounded`. `None` if the method is not read.
    pub fn new(source: S, method: Method, bounded: bool, window: MaxWindow) -> io::Result<Option<Self>> {
        let coding = match method {
            Method::Stored if bounded => Coding::Stored(source),
            Method::Stored => Coding::Open(source),
            Method::Deflate => Coding::Deflate(source, Box::new(Inflate::new())),
            Method::Zstd => Coding::Zstd(Box::new(Unzstd::new(source, Frames::One, window)?)),
            Method::Other(_) => return Ok(None),
        };
        Ok(Some(Self { coding, crc: Crc::new(), unpacked: 0, state: State::Going, faults: Faults::default() }))
    }

    /// Decodes what was not read, where only the data itself tells its end.
    pub fn drain(&mut self) {
        let mut scratch = vec![0; BUFFER / 2];
        while self.pull(&mut scratch) > 0 {}
    }

    /// What follows the entry's data, once that is read.
    pub fn source(&mut self) -> &mut Source<'r> {
        match &mut self.coding {
            Coding::Stored(source) | Coding::Open(source) | Coding::Deflate(source, _) => source,
            Coding::Zstd(unzstd) => unzstd.source(),
        }
    }

    /// How many packed bytes the data was.
    pub fn packed(&self) -> u64 {
        match &self.coding {
            Coding::Stored(_) | Coding::Open(_) => self.unpacked,
            Coding::Deflate(_, inflate) => inflate.packed(),
            Coding::Zstd(unzstd) => unzstd.packed(),
        }
    }

    /// Checksum and length of the entry if its end was reached, and the damage met on the way.
    pub fn finish(self) -> (Option<(u32, u64)>, Vec<Fault>) {
        let found = (self.state == State::Complete).then(|| (self.crc.sum(), self.unpacked));
        let faults = match self.coding {
            Coding::Zstd(unzstd) => unzstd.into_faults(),
            _ => self.faults,
        };
        (found, faults.into_vec())
    }

    /// The next bytes; 0 at the end, and sometimes with the last step.
    fn step(&mut self, out: &mut [u8]) -> usize {
        match &mut self.coding {
            Coding::Stored(source) => {
                let count = source.pull(out);
                self.state = if count == 0 { State::Complete } else { State::Going };
                count
            }
            Coding::Open(source) => {
                let (count, state) = until_descriptor(source, &self.crc, self.unpacked, out);
                self.state = state;
                if state == State::Failed {
                    self.faults.push(self.unpacked, None, Cause::Truncated(Format::Zip));
                }
                count
            }
            Coding::Deflate(source, inflate) => {
                let (count, step) = inflate.step(source, out);
                let (offset, packed) = (self.unpacked + count as u64, Some(inflate.packed()));
                self.state = match step {
                    Step::More => State::Going,
                    Step::End => State::Complete,
                    Step::Cut | Step::Bad(_) => State::Failed,
                };
                match step {
                    Step::Cut => self.faults.push(offset, packed, Cause::Truncated(Format::Zip)),
                    Step::Bad(detail) => {
                        self.faults.push(offset, packed, Cause::Corrupt { format: Format::Zip, detail });
                    }
                    Step::More | Step::End => {}
                }
                count
            }
            Coding::Zstd(unzstd) => {
                let count = unzstd.pull(out);
                self.state = match count {
                    0 if unzstd.has_faults() => State::Failed,
                    0 => State::Complete,
                    _ => State::Going,
                };
                count
            }
        }
    }
}

impl<'r, S: DerefMut<Target = Source<'r>>> Layer for Data<S> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        if out.is_empty() || self.state != State::Going {
            return 0;
        }
        let count = self.step(out);
        self.crc.update(&out[..count]);
        self.unpacked += count as u64;
        count
    }
}

/// Yields bytes up to the descriptor that fits the checksum and the count of the bytes before it: 12 bytes that agree
/// are no accident, even where the data holds another zip. The mark is optional elsewhere; without it the end of stored
/// data cannot be told.
fn until_descriptor(source: &mut Source<'_>, crc: &Crc, length: u64, out: &mut [u8]) -> (usize, State) {
    let want = out.len().min(BUFFER / 2) + DESCRIPTOR_MAX;
    let ahead = source.peek(want);
    let is_last = ahead.len() < want;
    if record::descriptor(ahead, length, length)
        .is_some_and(|(_, found)| found == crc.sum() && ahead.starts_with(&DESCRIPTOR))
    {
        return (0, State::Complete);
    }
    if ahead.is_empty() || (is_last && begins_descriptor(ahead, crc.sum(), length)) {
        return (0, State::Failed);
    }
    // A mark at the front was just refused: it is data.
    let front = usize::from(ahead.starts_with(&DESCRIPTOR));
    let mark = memmem::find(&ahead[front..], &DESCRIPTOR).map(|at| at + front);
    let cut_mark = || (1..DESCRIPTOR.len()).rev().find(|&n| ahead.ends_with(&DESCRIPTOR[..n])).unwrap_or(0);
    let count = mark.unwrap_or_else(|| ahead.len() - cut_mark()).min(out.len());
    out[..count].copy_from_slice(&ahead[..count]);
    source.consume(count);
    (count, State::Going)
}

/// Whether the last bytes of a cut archive begin the descriptor that belongs here. They are then not handed out: what
/// is must be a prefix of the data, and at worst three bytes of it are held back.
fn begins_descriptor(bytes: &[u8], crc: u32, length: u64) -> bool {
    let sizes = length.to_le_bytes();
    let head = [&DESCRIPTOR[..], &crc.to_le_bytes()].concat();
    let narrow = [&head[..], &sizes[..4], &sizes[..4]].concat();
    let wide = [&head[..], &sizes, &sizes].concat();
    narrow.starts_with(bytes) || wide.starts_with(bytes)
}
