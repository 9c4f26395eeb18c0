//! What can be wrong with an archive, in words an operator can act on.
//!
//! Damage never stops a reading: it is collected beside the data, so that every byte that can be decoded still counts.
//! Only what keeps an input from being read at all, or the visitor's own failure, is an [`Error`].

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A kind of packing, as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Gzip,
    Zstd,
    Zip,
    Tar,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Zip => "zip",
            Self::Tar => "tar",
        })
    }
}

/// Why a part could not be read, with the remedy where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    #[error("cut short inside its {0} data; copy it again if the original is longer")]
    Truncated(Format),
    #[error("cut short: {missing} bytes are missing; copy the archive again if the original is longer")]
    EntryCut { missing: u64 },
    #[error("corrupt {format} data ({detail}); what follows it is lost")]
    Corrupt { format: Format, detail: String },
    #[error("named as {0} but does not begin like it, and not like text either; read as {0} all the same")]
    Mark(Format),
    #[error("the {0} checksum does not match: some of the bytes before this place are wrong")]
    Checksum(Format),
    #[error("{expected} bytes were announced and {found} found")]
    Size { expected: u64, found: u64 },
    #[error("followed by bytes that are not {0}; they were not read")]
    Trailing(Format),
    #[error("{bytes} bytes hold no {format} header where one belongs; what they held is lost")]
    Unrecognised { format: Format, bytes: u64 },
    #[error("the tar has no end marker: it may have been cut between two entries")]
    NoEndMarker,
    #[error("the tar's extended header is not usable ({0}); the entry is read by its plain header")]
    ExtendedHeader(&'static str),
    #[error("a hole of {bytes} bytes in a sparse file was left out: more than {limit} bytes of holes")]
    Hole { bytes: u64, limit: u64 },
    #[error("the zip's directory is missing or wrong; its entries are read one after the other instead")]
    Directory,
    #[error("the zip entry's own header is missing or wrong; the entry is lost")]
    EntryHeader,
    #[error("the zip entry does not end as it says; reading goes on at the next entry that can be found")]
    Descriptor,
    #[error("{0} more damaged places in this file")]
    More(u64),
    #[error("cannot be read further: {0}")]
    Read(String),
}

/// A damaged place. `path` is that of a member (its bytes have a hole or an early end) or of a container (whole members
/// may be missing).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Written as [`MemberInfo::path`](super::MemberInfo::path) is.
    pub path: String,
    /// Bytes of `path`'s content, unpacked, that were read up to the damage.
    pub offset: u64,
    /// The same place counted in the packed bytes, where `path` is packed.
    pub compressed_offset: Option<u64>,
    pub cause: Cause,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at byte {}", self.path, self.offset)?;
        if let Some(packed) = self.compressed_offset {
            write!(f, " (packed byte {packed})")?;
        }
        write!(f, ": {}", self.cause)
    }
}

/// What ends a visit early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open {}: {source}; check that it exists and that this user may read it", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The visitor's own error, handed back as it came.
    #[error(transparent)]
    Visitor(io::Error),
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Visitor(source) => source,
            Error::Open { ref source, .. } | Error::Read { ref source, .. } => Self::new(source.kind(), error),
        }
    }
}

/// A damage that does not know yet whose it is: what a decoder keeps while it is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub offset: u64,
    pub compressed_offset: Option<u64>,
    pub cause: Cause,
}

/// The faults of one decoder. Bounded, because a file can hold millions of tiny damaged gzip members.
#[derive(Debug, Default)]
pub(super) struct Faults {
    kept: Vec<Fault>,
    more: u64,
}

impl Faults {
    const MAX: usize = 32;

    pub fn push(&mut self, offset: u64, compressed_offset: Option<u64>, cause: Cause) {
        if self.kept.len() < Self::MAX {
            self.kept.push(Fault { offset, compressed_offset, cause });
        } else {
            self.more += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub fn into_vec(mut self) -> Vec<Fault> {
        if let (true, Some(last)) = (self.more > 0, self.kept.last()) {
            self.kept.push(Fault { cause: Cause::More(self.more), ..last.clone() });
        }
        self.kept
    }
}
