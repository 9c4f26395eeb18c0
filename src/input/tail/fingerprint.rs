//! How a file is known again.
//!
//! Device and inode while it stands where it stood; inodes are used again and archives have new ones, so content decides
//! in the end: a hash of the first bytes, and of those in front of the place that was read up to. Of an archive, both
//! are taken of what is inside, so that `x.log` and its `x.log.gz` are the same.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::time::Millis;

/// As many first bytes tell a file from others.
pub const HEAD: usize = 1024;

/// As many bytes in front of a place tell that it is the same place.
pub const FOOT: usize = 256;

/// A file as the file system names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

impl Identity {
    pub fn of(metadata: &Metadata) -> Identity {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// When a file was last written, as finely as the file system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Modified {
    pub seconds: i64,
    pub nanos: i64,
}

impl Modified {
    pub fn of(metadata: &Metadata) -> Modified {
        Modified { seconds: metadata.mtime(), nanos: metadata.mtime_nsec() }
    }

    pub fn millis(self) -> Millis {
        self.seconds.saturating_mul(1000).saturating_add(self.nanos / 1_000_000)
    }
}

/// A hash of some bytes, with their count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Print {
    pub length: u16,
    hash: [u8; 16],
}

impl Print {
    /// Of at most 64 KiB.
    pub fn of(bytes: &[u8]) -> Print {
        if bytes.is_empty() {
            return Print::default();
        }
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let digest = Sha256::digest(&bytes[..usize::from(length)]);
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        Print { length, hash }
    }

    /// Do these bytes begin with what was hashed?
    pub fn begins(&self, bytes: &[u8]) -> bool {
        bytes.get(..usize::from(self.length)).is_some_and(|start| Print::of(start) == *self)
    }
}

/// A place in a file's content, to be found again whatever has become of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Bytes in front of it, unpacked.
    pub offset: u64,
    /// The content's first bytes, none of them behind the place.
    pub head: Print,
    /// The bytes right in front of the place; none where they were not at hand.
    pub foot: Print,
}

impl Place {
    /// Is this place in a plain file?
    pub fn is_in(&self, file: &impl FileExt) -> io::Result<bool> {
        let mut head = [0; HEAD];
        let head = read_at(file, &mut head[..usize::from(self.head.length)], 0)?;
        if !self.head.begins(head) {
            return Ok(false);
        }
        let length = usize::from(self.foot.length);
        let mut foot = [0; FOOT];
        let Some(wanted) = foot.get_mut(..length) else { return Ok(false) };
        let foot = read_at(file, wanted, self.offset.saturating_sub(length as u64))?;
        Ok(self.foot.begins(foot))
    }

    /// The place at `offset` of a plain file.
    pub fn take(file: &impl FileExt, offset: u64) -> io::Result<Place> {
        let head = head(file, offset)?;
        let foot = foot(file, offset)?;
        let offset = if foot.is_empty() { 0 } else { offset };
        Ok(Place { offset, head: Print::of(&head), foot: Print::of(&foot) })
    }
}

/// The first bytes of a file, none behind `end`.
pub fn head(file: &impl FileExt, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end).unwrap_or(HEAD).min(HEAD)];
    let length = read_at(file, &mut bytes, 0)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// The bytes in front of `end`; none if the file is shorter.
pub fn foot(file: &impl FileExt, end: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(end).unwrap_or(FOOT).min(FOOT);
    let mut bytes = vec![0; length];
    let found = read_at(file, &mut bytes, end - length as u64)?.len();
    bytes.truncate(if found == length { length } else { 0 });
    Ok(bytes)
}

/// Reads as much of `out` as the file has at `offset`.
pub fn read_at<'b>(file: &impl FileExt, out: &'b mut [u8], offset: u64) -> io::Result<&'b [u8]> {
    let mut filled = 0;
    while filled < out.len() {
        match file.read_at(&mut out[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&out[..filled])
}
