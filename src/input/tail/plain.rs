//! One plain file, held open and read at an offset.
//!
//! An open descriptor keeps the inode from being used again, and what was written to a renamed or deleted file can be
//! read to its end. That the file was truncated shows in its size, or, where it has grown again, in its content.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::cursor::{Position, Read};
use super::fingerprint::{self, FOOT, HEAD, Identity, Modified, Place, Print};
use super::known::read_to;
use super::{Away, Why};
use crate::time::Millis;

pub(super) struct Plain {
    file: File,
    pub path: PathBuf,
    pub identity: Identity,
    pub offset: u64,
    /// The first bytes, none of them behind `offset`.
    head: Vec<u8>,
    /// Those right in front of `offset`.
    foot: Vec<u8>,
    /// Behind the last newline, with the bytes in front of that.
    line: (u64, Vec<u8>),
    /// Size and time of writing when the content was last compared.
    compared: Option<(u64, Modified)>,
    /// Nothing has been written to it, while another file stood in its place, since then.
    pub quiet_since: Option<Millis>,
    /// There is a file after it that has been rolled, too, so that nobody writes to this one any more.
    pub is_over: bool,
}

pub(super) enum Got {
    Bytes(Range<usize>),
    /// Nothing more, and so many names are left of the file.
    Nothing {
        links: u64,
    },
    /// This is not the content that was read.
    Changed {
        size: u64,
    },
}

/// Opens a file without waiting for whoever may write into a pipe.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    Ok((file, metadata))
}

impl Plain {
    /// Reads on at a place of which the caller knows that it is in the file.
    pub fn new(file: File, path: PathBuf, offset: u64) -> io::Result<Plain> {
        let metadata = file.metadata()?;
        let head = fingerprint::head(&file, offset)?;
        let foot = fingerprint::foot(&file, offset)?;
        Ok(Plain {
            identity: Identity::of(&metadata),
            file,
            path,
            offset,
            head,
            line: (offset, foot.clone()),
            foot,
            compared: None,
            quiet_since: None,
            is_over: false,
        })
    }

    pub fn modified(&self) -> Option<Millis> {
        self.file.metadata().ok().map(|metadata| Modified::of(&metadata).millis())
    }

    /// The line that is read on begins here, as far as is known.
    pub fn line_began(&mut self, offset: u64) {
        if let Ok(foot) = fingerprint::foot(&self.file, offset)
            && offset < self.offset
        {
            self.line = (offset, foot);
        }
    }

    /// The next bytes, somewhere in `buffer`.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        let metadata = self.file.metadata()?;
        let (size, seen) = (metadata.len(), (metadata.len(), Modified::of(&metadata)));
        if size < self.offset {
            return Ok(Got::Changed { size });
        }
        if self.compared != Some(seen) {
            if !self.is_unchanged()? {
                return Ok(Got::Changed { size });
            }
            self.compared = Some(seen);
        }
        if size == self.offset {
            return Ok(Got::Nothing { links: metadata.nlink() });
        }
        // What was read last is read again in the same call: it must still be the same.
        let again = self.foot.len().min(buffer.len() / 2);
        let count = loop {
            match self.file.read_at(buffer, self.offset - again as u64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if count < again || buffer[..again] != self.foot[self.foot.len() - again..] {
            return Ok(Got::Changed { size });
        }
        if count == again {
            return Ok(Got::Nothing { links: metadata.nlink() });
        }
        self.took(&buffer[..count], again);
        Ok(Got::Bytes(again..count))
    }

    /// Does the file still begin as it did?
    fn is_unchanged(&self) -> io::Result<bool> {
        let mut head = [0; HEAD];
        let head = fingerprint::read_at(&self.file, &mut head[..self.head.len()], 0)?;
        if head != self.head {
            return Ok(false);
        }
        let mut foot = [0; FOOT];
        let at = self.offset - self.foot.len() as u64;
        let foot = fingerprint::read_at(&self.file, &mut foot[..self.foot.len()], at)?;
        Ok(foot == self.foot)
    }

    /// Are these the bytes behind what was read?
    pub fn continues_with(&self, bytes: &[u8]) -> io::Result<bool> {
        let mut found = [0; FOOT];
        let length = bytes.len().min(FOOT);
        Ok(fingerprint::read_at(&self.file, &mut found[..length], self.offset)? == &bytes[..length])
    }

    fn took(&mut self, bytes: &[u8], again: usize) {
        let new = &bytes[again..];
        if let Some(newline) = memchr::memrchr(b'\n', new) {
            let end = again + newline + 1;
            self.line = (self.offset + newline as u64 + 1, tail_of(&self.foot, &bytes[again..end]));
        }
        let room = HEAD - self.head.len();
        self.head.extend_from_slice(&new[..new.len().min(room)]);
        self.foot = tail_of(&self.foot, new);
        self.offset += new.len() as u64;
        self.quiet_since = None;
    }

    /// To be opened again.
    pub fn away(&self, why: Why) -> Away {
        let position = Position { identity: self.identity, place: self.place() };
        Away::new(position, self.place_at(self.line.0), why)
    }

    /// Where it has been read up to.
    fn place(&self) -> Place {
        Place { offset: self.offset, head: Print::of(&self.head), foot: Print::of(&self.foot) }
    }

    /// The position at an offset that has been passed.
    pub fn position_at(&self, offset: u64) -> Position {
        Position { identity: self.identity, place: self.place_at(offset) }
    }

    pub fn place_at(&self, offset: u64) -> Place {
        let offset = offset.min(self.offset);
        let head = Print::of(&self.head[..self.head.len().min(usize::try_from(offset).unwrap_or(HEAD))]);
        let foot = if offset == self.line.0 {
            Print::of(&self.line.1)
        } else if offset == self.offset {
            Print::of(&self.foot)
        } else {
            fingerprint::foot(&self.file, offset).map_or(Print::default(), |foot| Print::of(&foot))
        };
        Place { offset, head, foot }
    }

    /// It has been read to its end, and was this.
    pub fn finished(&self) -> Read {
        let modified = self.file.metadata().map(|m| Modified::of(&m)).unwrap_or_default();
        read_to(self.identity, self.offset, modified, self.place())
    }
}

/// The last bytes of two pieces, as many as a foot has.
pub(super) fn tail_of(before: &[u8], new: &[u8]) -> Vec<u8> {
    let new = &new[new.len().saturating_sub(FOOT)..];
    let before = &before[before.len().saturating_sub(FOOT - new.len())..];
    [before, new].concat()
}
