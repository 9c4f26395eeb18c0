//! Gzip with any number of members, as rotation and `cat a.gz b.gz` make them.
//!
//! Zero bytes after the last member are fine: tapes and `tar` pad with them. Anything else there is damage, because it
//! may be a member whose header was hit. A wrong checksum does not end the reading: the bytes were already handed out,
//! and the next member is intact.

use std::ops::DerefMut;

use flate2::Crc;

use super::damage::{Cause, Faults, Format};
use super::inflate::{Inflate, Step};
use super::source::{Layer, Source};

pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const HEADER: usize = 10;
const TRAILER: usize = 8;

const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

enum At {
    Header,
    Body,
    End,
}

/// `S` is a source, lent or owned.
pub(super) struct Gunzip<S> {
    source: S,
    inflate: Inflate,
    /// Of the bytes of this member.
    crc: Crc,
    at: At,
    /// Bytes yielded by all members.
    unpacked: u64,
    members: u64,
    stamp: Option<i64>,
    faults: Faults,
}

impl<'r, S: DerefMut<Target = Source<'r>>> Gunzip<S> {
    pub fn new(mut source: S) -> Self {
        let stamp = match source.peek(HEADER) {
            [_, _, _, _, a, b, c, d, ..] => Some(u32::from_le_bytes([*a, *b, *c, *d])),
            _ => None,
        };
        let stamp = stamp.filter(|&seconds| seconds != 0).map(|seconds| i64::from(seconds) * 1000);
        Self {
            source,
            inflate: Inflate::new(),
            crc: Crc::new(),
            at: At::Header,
            unpacked: 0,
            members: 0,
            stamp,
            faults: Faults::default(),
        }
    }

    /// When the first member was last written before it was packed, in ms, where the header says so.
    pub fn stamp(&self) -> Option<i64> {
        self.stamp
    }

    pub fn into_faults(self) -> Faults {
        self.faults
    }

    fn fault(&mut self, cause: Cause) {
        self.faults.push(self.unpacked, Some(self.source.position()), cause);
    }

    fn header(&mut self) -> At {
        let start = self.source.peek(HEADER);
        if self.members > 0 && !start.starts_with(&MAGIC) && !MAGIC.starts_with(start) {
            if start.first() != Some(&0) || !self.source.skip_zeros_to_end() {
                self.fault(Cause::Trailing(Format::Gzip));
            }
            return At::End;
        }
        if self.members > 0 && start.is_empty() {
            return At::End;
        }
        if !start.starts_with(&MAGIC) && !MAGIC.starts_with(start) {
            self.fault(Cause::Mark(Format::Gzip));
        }
        match self.pass_header() {
            Some(true) => {
                self.inflate.reset();
                self.crc.reset();
                self.members += 1;
                At::Body
            }
            Some(false) => {
                self.fault(Cause::Corrupt { format: Format::Gzip, detail: "reserved flags are set".to_owned() });
                At::End
            }
            None => {
                self.fault(Cause::Truncated(Format::Gzip));
                At::End
            }
        }
    }

    /// Passes over a member's header. `None`: it is cut; `Some(false)`: it asks for something that no version of gzip
    /// defines.
    fn pass_header(&mut self) -> Option<bool> {
        let flags = *self.source.peek(HEADER).get(3)?;
        let length = self.source.skip(HEADER as u64);
        if length < HEADER as u64 {
            return None;
        }
        if flags & RESERVED != 0 {
            return Some(false);
        }
        if flags & HAS_EXTRA != 0 {
            let length = u16::from_le_bytes(self.source.peek(2).try_into().ok()?);
            let length = u64::from(length) + 2;
            (self.source.skip(length) == length).then_some(())?;
        }
        for text in [HAS_NAME, HAS_COMMENT] {
            if flags & text != 0 {
                self.pass_text()?;
            }
        }
        if flags & HAS_CRC != 0 {
            (self.source.skip(2) == 2).then_some(())?;
        }
        Some(true)
    }

    /// Passes over bytes that end with a zero.
    fn pass_text(&mut self) -> Option<()> {
        loop {
            let at_hand = self.source.fill();
            if at_hand.is_empty() {
                return None;
            }
            let end = memchr::memchr(0, at_hand);
            let count = end.map_or(at_hand.len(), |end| end + 1);
            self.source.consume(count);
            if end.is_some() {
                return Some(());
            }
        }
    }

    fn trailer(&mut self) -> At {
        let trailer = self.source.peek(TRAILER);
        let Some(([crc, size], [])) = trailer.get(..TRAILER).map(<[u8]>::as_chunks) else {
            self.fault(Cause::Truncated(Format::Gzip));
            return At::End;
        };
        let (crc, size) = (u32::from_le_bytes(*crc), u32::from_le_bytes(*size));
        if crc != self.crc.sum() || u64::from(size) != self.inflate.unpacked() & u64::from(u32::MAX) {
            self.fault(Cause::Checksum(Format::Gzip));
        }
        self.source.consume(TRAILER);
        At::Header
    }
}

impl<'r, S: DerefMut<Target = Source<'r>>> Layer for Gunzip<S> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        while !out.is_empty() {
            match self.at {
                At::End => break,
                At::Header => self.at = self.header(),
                At::Body => {
                    let (count, step) = self.inflate.step(&mut self.source, out);
                    self.crc.update(&out[..count]);
                    self.unpacked += count as u64;
                    match step {
                        Step::More => {}
                        Step::End => self.at = self.trailer(),
                        Step::Cut => {
                            self.fault(Cause::Truncated(Format::Gzip));
                            self.at = At::End;
                        }
                        Step::Bad(detail) => {
                            self.fault(Cause::Corrupt { format: Format::Gzip, detail });
                            self.at = At::End;
                        }
                    }
                    if count > 0 {
                        return count;
                    }
                }
            }
        }
        0
    }
}
