//! What the reader of a family says to whoever reads.

use std::io;
use std::path::PathBuf;

use crate::input::archive::Damage;
use crate::time::Millis;

/// One step of a [`Tail`](super::Tail).
#[derive(Debug)]
pub enum Step<'b> {
    /// A file of the family is begun, or gone on with at an offset.
    Begin(Begin),
    /// The next bytes of the file, cut anywhere.
    Bytes(&'b [u8]),
    /// The file is over: what has no newline is its last line, and nothing of the next file belongs to it.
    End,
    /// Something is missing here.
    Lost(Lost),
    /// Nothing to hand out yet, and more is to come: no need to ask before this time.
    Pending { until: Millis },
    /// Everything that is there has been read.
    AtEnd,
    /// Nothing can be read for now, which says nothing about what is there.
    Unreadable(Unreadable),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    pub path: PathBuf,
    /// When the file was last written.
    pub modified: Option<Millis>,
    /// Bytes in front of what comes, unpacked.
    pub offset: u64,
}

/// A hole: bytes that were never handed out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    #[error(
        "{}: truncated to {size} bytes after {offset} were read; what was written in between is lost. \
         Let logrotate rename (`create`) instead of `copytruncate`",
        path.display()
    )]
    Truncated { path: PathBuf, offset: u64, size: u64 },
    #[error(
        "{}: the file that was read up to byte {offset} is not there any more, plain or packed; what followed is lost. \
         Keep rolled files at least as long as tocsin may be stopped",
        path.display()
    )]
    Gone { path: PathBuf, offset: u64 },
    #[error("{0}")]
    Damaged(Damage),
    #[error("{}: cannot be read ({error}); it is left out", path.display())]
    Unreadable { path: PathBuf, error: String },
    #[error("{}: left out, because {why}", path.display())]
    NotOneLog { path: PathBuf, why: String },
}

#[derive(Debug, thiserror::Error)]
#[error("{}: {error}; it is tried again", path.display())]
pub struct Unreadable {
    pub path: PathBuf,
    pub error: io::Error,
}
