//! One packed file of a family, unpacked piece by piece.

use std::io;
use std::path::PathBuf;

use super::cursor::{Position, Read};
use super::fingerprint::{HEAD, Identity, Modified, Place, Print};
use super::known::read_to;
use super::plain::tail_of;
use super::siblings::Sibling;
use crate::input::archive::{Damage, Unpacked};

/// Passing over content costs no more than this many buffers at a time.
const PASSED: usize = 16;

pub(super) struct Packed {
    unpacked: Box<Unpacked>,
    pub path: PathBuf,
    pub identity: Identity,
    pub modified: Modified,
    size: u64,
    pub offset: u64,
    head: Vec<u8>,
    foot: Vec<u8>,
    line: (u64, Vec<u8>),
}

/// Whether a place was reached.
pub(super) enum Passed {
    NotYet,
    Reached,
    /// The content is another one.
    Elsewhere,
}

impl Packed {
    pub fn new(unpacked: Box<Unpacked>, sibling: &Sibling) -> Packed {
        Packed {
            unpacked,
            path: sibling.path.clone(),
            identity: sibling.identity,
            modified: sibling.modified,
            size: sibling.size,
            offset: 0,
            head: Vec::new(),
            foot: Vec::new(),
            line: (0, Vec::new()),
        }
    }

    /// The next bytes, at the start of `buffer`; none at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.unpacked.read(buffer)?;
        let new = &buffer[..count];
        if let Some(newline) = memchr::memrchr(b'\n', new) {
            self.line = (self.offset + newline as u64 + 1, tail_of(&self.foot, &new[..=newline]));
        }
        let room = HEAD - self.head.len();
        self.head.extend_from_slice(&new[..count.min(room)]);
        self.foot = tail_of(&self.foot, new);
        self.offset += count as u64;
        Ok(count)
    }

    /// Passes over content on the way to a place.
    pub fn pass(&mut self, to: &Place, buffer: &mut [u8]) -> io::Result<Passed> {
        for _ in 0..PASSED {
            if to.head.length > 0 && self.head.len() >= usize::from(to.head.length) && !to.head.begins(&self.head) {
                return Ok(Passed::Elsewhere);
            }
            let left = to.offset - self.offset;
            if left == 0 {
                let is_it = to.head.begins(&self.head) && self.ends_with(&to.foot);
                return Ok(if is_it { Passed::Reached } else { Passed::Elsewhere });
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            if self.read(&mut buffer[..most])? == 0 {
                return Ok(Passed::Elsewhere);
            }
        }
        Ok(Passed::NotYet)
    }

    fn ends_with(&self, foot: &Print) -> bool {
        let length = usize::from(foot.length);
        self.foot.len().checked_sub(length).is_some_and(|start| foot.begins(&self.foot[start..]))
    }

    /// The position at an offset that has been passed.
    pub fn position_at(&self, offset: u64) -> Position {
        let head = Print::of(&self.head[..self.head.len().min(usize::try_from(offset).unwrap_or(HEAD))]);
        let foot = match offset {
            _ if offset == self.line.0 => Print::of(&self.line.1),
            _ if offset == self.offset => Print::of(&self.foot),
            _ => Print::default(),
        };
        Position { identity: self.identity, place: Place { offset, head, foot } }
    }

    /// It has been read to its end. What was damaged is said now.
    pub fn finish(self) -> (Read, Vec<Damage>) {
        let place = Place { offset: self.offset, head: Print::of(&self.head), foot: Print::of(&self.foot) };
        (read_to(self.identity, self.size, self.modified, place), self.unpacked.finish())
    }
}
