//! Where a later process goes on: a place in a file, and which other files of the family need not be read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fingerprint::{Identity, Modified, Place};

/// Of the format below. It stands in front, so that another version is refused and not misread.
const VERSION: u8 = 1;

/// A position in a family. It is small: what exists bounds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The file that was being read; none between two files.
    pub(super) at: Option<Position>,
    /// Files that are read, or were passed over at the first start.
    pub(super) read: Arc<[Read]>,
}

/// A place in a certain file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub identity: Identity,
    pub place: Place,
}

/// A file that needs no reading, up to its end as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Read {
    pub identity: Identity,
    pub modified: Modified,
    /// As it lies on disk.
    pub size: u64,
    /// Its content's end; of an archive that was never read, as far as it is known without reading.
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    At(Place),
    /// An archive that was passed over: what its head is, and its size as it says itself.
    Announced(Place),
    /// It could not be looked at.
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Written {
    at: Option<Position>,
    read: Vec<Read>,
}

/// Why bytes are no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCursor {
    #[error("a position in a log was written by another version of tocsin (format {0}, this one reads {VERSION})")]
    Version(u8),
    #[error("a position in a log cannot be made out: {0}")]
    Damaged(String),
}

impl Cursor {
    pub fn to_bytes(&self) -> Vec<u8> {
        let written = Written { at: self.at, read: self.read.to_vec() };
        // Encoding into memory fails for maps and sequences of unknown length only, and there are none.
        postcard::to_extend(&written, vec![VERSION]).unwrap_or_else(|_| vec![VERSION])
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Cursor, BadCursor> {
        let damaged = |e: postcard::Error| BadCursor::Damaged(e.to_string());
        let Some((version, rest)) = bytes.split_first() else {
            return Err(BadCursor::Damaged("it is empty".to_owned()));
        };
        if *version != VERSION {
            return Err(BadCursor::Version(*version));
        }
        let (written, left) = postcard::take_from_bytes::<Written>(rest).map_err(damaged)?;
        if !left.is_empty() {
            return Err(BadCursor::Damaged(format!("{} bytes too many", left.len())));
        }
        Ok(Cursor { at: written.at, read: written.read.into() })
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(d)?;
        Cursor::from_bytes(&bytes).map_err(serde::de::Error::custom)
    }
}
