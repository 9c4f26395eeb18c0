//! Reads a family of files while it is written, rolled, packed, truncated and deleted.
//!
//! [`Tail`] is the reader of one family: it is asked for one step after the other and says what to do with it. Nothing
//! in it waits: the wall clock comes with each call, and when to call is for others to decide. What it relies on is the
//! file system alone, so that a lost wake-up loses nothing.

mod away;
mod cursor;
pub mod descriptors;
mod find;
mod fingerprint;
mod known;
mod listings;
mod lookback;
mod next;
mod packed;
mod passing;
mod plain;
mod reading;
mod schedule;
mod siblings;
mod step;
#[cfg(test)]
mod tests;
pub mod wake;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub use cursor::{BadCursor, Cursor};
pub use find::{Family, Find, News, Note};
pub use listings::Listings;
pub use lookback::{Start, TimeOf};
pub use schedule::{FamilyId, Schedule, Yield};
pub use step::{Begin, Lost, Step, Unreadable};

use crate::time::{Millis, SECOND};
use away::{Away, Why};
use fingerprint::{Identity, Modified, Place};
use known::Known;
use packed::Packed;
use passing::Passing;
use plain::Plain;
use siblings::{Sibling, siblings};

/// A file in whose place another one stands is left when nothing has been written to it for this long.
pub const QUIET: Millis = SECOND / 2;

/// A rolled file that cannot be read keeps those after it waiting for this long.
pub const PATIENCE: Millis = 60 * SECOND;

/// Where the directory's own time tells nothing, it is listed again after this.
const LISTED: Millis = 5 * SECOND;

/// Changes of state without anything to say between two steps; more of them, and others come first.
const TURNS: usize = 32;

/// The reader of one family.
pub struct Tail {
    live: PathBuf,
    at: At,
    known: Known,
    /// Where the live file is begun, as long as it is the one that was there at the first start.
    start: Option<Start>,
    /// A file was begun and not ended.
    begun: bool,
    /// What is in its directory, as other families have seen it, too.
    listings: Rc<Listings>,
    /// Said before anything else.
    to_say: VecDeque<Said>,
    /// Since when a rolled file could not be read.
    unreadable_since: Option<(Identity, Millis)>,
    /// When the directory was last listed for a successor, and its own time then.
    listed: Option<(Millis, Modified, bool)>,
}

enum At {
    /// Nothing has been looked at yet.
    First(Start),
    /// The place is known, and the file is not open.
    Away(Away),
    Plain(Plain),
    Packed(Packed),
    /// An archive in which a place has to be reached first.
    Passing(Packed, Passing),
    /// No file is being read.
    Between,
}

/// A step without borrowed bytes.
enum Said {
    Begin(Begin),
    Bytes(Range<usize>),
    End,
    Lost(Lost),
    Pending(Millis),
    AtEnd,
    Unreadable(Unreadable),
}

impl Tail {
    /// A family that was never read.
    pub fn new(live: PathBuf, start: Start) -> Tail {
        Tail::at(live, At::First(start), Known::default())
    }

    /// A family that was read by an earlier process.
    pub fn resume(live: PathBuf, cursor: &Cursor) -> Tail {
        let at = match cursor.at {
            Some(position) => At::Away(Away::new(position, position.place, Why::Resumed)),
            None => At::Between,
        };
        Tail::at(live, at, Known::new(cursor.read.clone()))
    }

    fn at(live: PathBuf, at: At, known: Known) -> Tail {
        Tail {
            live,
            at,
            known,
            start: None,
            begun: false,
            listings: Rc::default(),
            to_say: VecDeque::new(),
            unreadable_since: None,
            listed: None,
        }
    }

    /// Lists directories together with others: it costs each of them less.
    pub fn sharing(self, listings: &Rc<Listings>) -> Tail {
        Tail { listings: listings.clone(), ..self }
    }

    pub fn live(&self) -> &Path {
        &self.live
    }

    /// Where a later process goes on, if the line that begins at `offset` of the file that is being read is the first
    /// one it still wants. Between two files the offset means nothing; before the first file there is no cursor yet.
    pub fn cursor(&self, offset: u64) -> Option<Cursor> {
        let at = match &self.at {
            At::Plain(plain) => Some(plain.position_at(offset)),
            At::Packed(packed) => Some(packed.position_at(offset)),
            At::Away(away) | At::Passing(_, Passing::Back(away) | Passing::Check(away, _)) => {
                Some(away.position_at(offset, &self.live))
            }
            At::First(_) => return None,
            At::Between if self.start.is_some() => return None,
            At::Passing(..) | At::Between => None,
        };
        Some(Cursor { at, read: self.known.files() })
    }

    pub fn is_open(&self) -> bool {
        matches!(self.at, At::Plain(_) | At::Packed(_) | At::Passing(..))
    }

    /// Gives the descriptor back, if nothing is lost by that; the next step opens the file again.
    pub fn close(&mut self) -> bool {
        let At::Plain(plain) = &self.at else { return false };
        let stands = fs::metadata(&plain.path).is_ok_and(|m| Identity::of(&m) == plain.identity);
        if stands && plain.quiet_since.is_none() {
            self.at = At::Away(plain.away(Why::Closed));
        }
        stands
    }

    /// The next thing that is to be done about this family. It reads at most as much as `buffer` holds, which should be
    /// at least a few KiB.
    pub fn step<'b>(&mut self, now: Millis, buffer: &'b mut [u8]) -> Step<'b> {
        let said = match self.to_say.pop_front() {
            Some(said) => said,
            None => self.turns(now, buffer),
        };
        match said {
            Said::Begin(begin) => Step::Begin(begin),
            Said::Bytes(range) => Step::Bytes(&buffer[range]),
            Said::End => Step::End,
            Said::Lost(lost) => Step::Lost(lost),
            Said::Pending(until) => Step::Pending { until },
            Said::AtEnd => Step::AtEnd,
            Said::Unreadable(unreadable) => Step::Unreadable(unreadable),
        }
    }

    fn turns(&mut self, now: Millis, buffer: &mut [u8]) -> Said {
        for _ in 0..TURNS {
            let at = std::mem::replace(&mut self.at, At::Between);
            let said = match at {
                At::First(start) => self.first(start),
                At::Away(away) => self.find(away, now),
                At::Plain(plain) => self.read(plain, now, buffer),
                At::Packed(packed) => self.unpack(packed, buffer),
                At::Passing(packed, passing) => self.pass(packed, passing, buffer, now),
                At::Between => self.advance(now),
            };
            if let Some(said) = said.or_else(|| self.to_say.pop_front()) {
                return said;
            }
        }
        Said::Pending(now)
    }

    /// The first look: what is older than the start is passed over.
    fn first(&mut self, start: Start) -> Option<Said> {
        let siblings = match self.siblings(None) {
            Ok(siblings) => siblings,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                self.at = At::First(start);
                return Some(unreadable(self.directory(), error));
            }
        };
        let live = identity_at(&self.live);
        for sibling in siblings.iter().filter(|s| Some(s.identity) != live) {
            if start.passes_over(sibling.modified.millis()) {
                self.known.pass_over(sibling);
            }
        }
        self.start = Some(start);
        None
    }

    /// Is it too early to give a rolled file up?
    fn is_patient(&mut self, file: Identity, now: Millis) -> bool {
        let since = match self.unreadable_since {
            Some((identity, since)) if identity == file && since <= now => since,
            _ => now,
        };
        self.unreadable_since = Some((file, since));
        now - since < PATIENCE
    }

    fn begin(&mut self, path: &Path, modified: Option<Millis>, offset: u64) {
        self.begun = true;
        self.listed = None;
        self.to_say.push_back(Said::Begin(Begin { path: path.to_owned(), modified, offset }));
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.to_say.push_back(Said::End);
        }
    }

    /// The rolled files of the family, oldest first, and whatever else has this inode.
    fn siblings(&self, also: Option<Identity>) -> io::Result<Vec<Sibling>> {
        siblings(&self.listings, &self.live, also)
    }

    fn directory(&self) -> &Path {
        match self.live.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

/// Opens a file at a place, if it has it.
fn open_at(path: &Path, identity: Option<Identity>, place: &Place) -> io::Result<Option<Plain>> {
    let (file, metadata) = match plain::open(path) {
        Err(error) if is_missing(&error) => return Ok(None),
        opened => opened?,
    };
    let is_it = identity.is_none_or(|identity| identity == Identity::of(&metadata));
    if !is_it || metadata.len() < place.offset || !place.is_in(&file)? {
        return Ok(None);
    }
    Plain::new(file, path.to_owned(), place.offset).map(Some)
}

fn identity_at(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|metadata| Identity::of(&metadata))
}

/// Nothing is there, or what should be a directory on the way is a file.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, error: io::Error) -> Said {
    Said::Unreadable(Unreadable { path: path.to_owned(), error })
}
