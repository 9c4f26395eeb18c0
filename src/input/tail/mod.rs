//! Reads a family of files while it is written, rolled, packed, truncated and deleted.
//!
//! [`Tail`] is the reader of one family: it is asked for one step after the other and says what to do with it. Nothing
//! in it waits: the wall clock comes with each call, and when to call is for others to decide. What it relies on is the
//! file system alone, so that a lost wake-up loses nothing.

mod cursor;
pub mod descriptors;
mod find;
mod fingerprint;
mod known;
mod lookback;
mod packed;
mod plain;
mod schedule;
mod siblings;
mod step;
pub mod wake;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use cursor::{BadCursor, Cursor};
pub use find::{Family, Find, News, Note};
pub use lookback::{Start, TimeOf};
pub use schedule::{FamilyId, Schedule, Yield};
pub use step::{Begin, Lost, Step, Unreadable};

use crate::input::archive::{Opened, Unpacked};
use crate::time::{Millis, SECOND};
use cursor::Position;
use fingerprint::{Identity, Place};
use known::{Known, Verdict};
use packed::{Packed, Passed};
use plain::{Got, Plain};
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
    /// Said before anything else.
    to_say: VecDeque<Said>,
    /// Since when a rolled file could not be read.
    unreadable_since: Option<(Identity, Millis)>,
    /// When the directory was last listed for a successor, and its own time then.
    listed: Option<(Millis, fingerprint::Modified, bool)>,
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

struct Away {
    position: Position,
    why: Why,
    /// Files that were looked at and are not it.
    tried: Vec<Identity>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Another process was there before.
    Resumed,
    /// The descriptor was needed elsewhere.
    Closed,
    /// The file was truncated; the rest may be in a copy.
    Truncated { size: u64 },
}

enum Passing {
    /// The file that was being read went on here.
    Back(Away),
    /// What was read up to here is known.
    Behind(Place),
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
            Some(position) => At::Away(Away { position, why: Why::Resumed, tried: Vec::new() }),
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
            to_say: VecDeque::new(),
            unreadable_since: None,
            listed: None,
        }
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
            At::Away(away) | At::Passing(_, Passing::Back(away)) => Some(away.position),
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
            let position = plain.position();
            self.at = At::Away(Away { position, why: Why::Closed, tried: Vec::new() });
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
        let siblings = match siblings(&self.live, None) {
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

    /// Looks for the file that was being read.
    fn find(&mut self, away: Away, now: Millis) -> Option<Said> {
        match self.found(&away) {
            Ok(Some(Candidate::Plain(plain))) => {
                if away.why == Why::Resumed || !self.begun {
                    self.begin(&plain.path, plain.modified(), plain.offset);
                }
                self.at = At::Plain(plain);
            }
            Ok(Some(Candidate::Packed(packed))) => self.at = At::Passing(packed, Passing::Back(away)),
            Ok(None) => self.lose(away),
            Err(error) => {
                let said = unreadable(&self.live, error);
                self.at = At::Away(away);
                let _ = now;
                return Some(said);
            }
        }
        None
    }

    fn lose(&mut self, away: Away) {
        let Away { position, why, .. } = away;
        let offset = position.place.offset;
        match why {
            Why::Truncated { size } => {
                let path = self.live.clone();
                self.to_say.push_back(Said::Lost(Lost::Truncated { path, offset, size }));
            }
            // Of a file of which nothing was read nothing is known; if it is still there, it is read from its beginning.
            _ if offset == 0 => {}
            _ => self.to_say.push_back(Said::Lost(Lost::Gone { path: self.live.clone(), offset })),
        }
        self.end();
    }

    fn found(&self, away: &Away) -> io::Result<Option<Candidate>> {
        let place = &away.position.place;
        if !matches!(away.why, Why::Truncated { .. })
            && identity_at(&self.live) == Some(away.position.identity)
            && let Some(plain) = open_at(&self.live, Some(away.position.identity), place)?
        {
            return Ok(Some(Candidate::Plain(plain)));
        }
        let all = match siblings(&self.live, Some(away.position.identity)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            all => all?,
        };
        let truncated = matches!(away.why, Why::Truncated { .. });
        let is_it = |s: &&Sibling| s.identity == away.position.identity;
        for sibling in all.iter().filter(is_it).filter(|s| !s.packed && !truncated) {
            if let Some(plain) = open_at(&sibling.path, Some(sibling.identity), place)? {
                return Ok(Some(Candidate::Plain(plain)));
            }
        }
        if place.offset == 0 {
            return Ok(None);
        }
        for sibling in all.iter().filter(|s| !(away.tried.contains(&s.identity) || truncated && is_it(s))) {
            if let Some(candidate) = self.candidate(sibling, place)? {
                return Ok(Some(candidate));
            }
        }
        if truncated {
            return Ok(None);
        }
        Ok(open_at(&self.live, None, place)?.map(Candidate::Plain))
    }

    /// May this file hold the place? A plain one can be asked, an archive has to be unpacked up to it.
    fn candidate(&self, sibling: &Sibling, place: &Place) -> io::Result<Option<Candidate>> {
        if self.known.is_known(sibling) {
            return Ok(None);
        }
        if !sibling.packed {
            return Ok(open_at(&sibling.path, Some(sibling.identity), place)?.map(Candidate::Plain));
        }
        match Unpacked::open(fs::File::open(&sibling.path)?, &sibling.path.to_string_lossy())? {
            Opened::Packed(unpacked) => Ok(Some(Candidate::Packed(Packed::new(unpacked, sibling)))),
            Opened::Plain(_) => Ok(open_at(&sibling.path, Some(sibling.identity), place)?.map(Candidate::Plain)),
            Opened::Other(_) => Ok(None),
        }
    }

    fn read(&mut self, mut plain: Plain, now: Millis, buffer: &mut [u8]) -> Option<Said> {
        match plain.read(buffer) {
            Ok(Got::Bytes(range)) => {
                self.at = At::Plain(plain);
                Some(Said::Bytes(range))
            }
            Ok(Got::Nothing { links }) => self.at_end(plain, links, now),
            Ok(Got::Changed { size }) => {
                let (position, why) = (plain.position(), Why::Truncated { size });
                self.at = At::Away(Away { position, why, tried: Vec::new() });
                None
            }
            Err(error) => {
                let said = unreadable(&plain.path, error);
                let position = plain.position();
                self.at = At::Away(Away { position, why: Why::Closed, tried: Vec::new() });
                Some(said)
            }
        }
    }

    /// Nothing more is in the file: is it over?
    fn at_end(&mut self, mut plain: Plain, links: u64, now: Millis) -> Option<Said> {
        let in_its_place = match fs::metadata(&self.live) {
            Ok(live) if Identity::of(&live) == plain.identity => {
                plain.quiet_since = None;
                self.at = At::Plain(plain);
                return Some(Said::AtEnd);
            }
            // An empty file has nothing to leave the old one for, to which something may still be written.
            Ok(live) => !live.is_file() || live.len() > 0,
            Err(error) if is_missing(&error) => false,
            Err(error) => {
                let said = unreadable(&self.live, error);
                self.at = At::Plain(plain);
                return Some(said);
            }
        };
        let has_successor = in_its_place || self.has_successor(&plain, now);
        if !has_successor && links > 0 {
            plain.quiet_since = None;
            self.at = At::Plain(plain);
            return Some(Said::AtEnd);
        }
        let since = *plain.quiet_since.get_or_insert(now);
        if now < since {
            plain.quiet_since = Some(now);
        }
        if plain.is_over || now - since >= QUIET {
            self.known.add(plain.finished());
            self.end();
            return None;
        }
        self.at = At::Plain(plain);
        Some(if has_successor { Said::Pending(since + QUIET) } else { Said::AtEnd })
    }

    /// Has a file been rolled after this one? The directory is listed only if it may have changed.
    fn has_successor(&mut self, plain: &Plain, now: Millis) -> bool {
        let modified = fs::metadata(self.directory()).map(|m| fingerprint::Modified::of(&m)).unwrap_or_default();
        if let Some((at, then, found)) = self.listed
            && then == modified
            && (at..at + LISTED).contains(&now)
        {
            return found;
        }
        let present = siblings(&self.live, None).unwrap_or_default();
        let mut found = false;
        for sibling in present.iter().filter(|s| s.identity != plain.identity) {
            found |= self.known.judge(sibling, &present).is_ok_and(|verdict| verdict != Verdict::Known);
        }
        self.listed = Some((now, modified, found));
        found
    }

    fn unpack(&mut self, mut packed: Packed, buffer: &mut [u8]) -> Option<Said> {
        match packed.read(buffer) {
            Ok(0) => {
                let (read, damage) = packed.finish();
                self.to_say.extend(damage.into_iter().map(|damage| Said::Lost(Lost::Damaged(damage))));
                self.known.add(read);
                self.end();
                None
            }
            Ok(count) => {
                self.at = At::Packed(packed);
                Some(Said::Bytes(0..count))
            }
            Err(error) => {
                let said = unreadable(&packed.path, error);
                let position = packed.position_at(packed.offset);
                self.at = At::Away(Away { position, why: Why::Closed, tried: Vec::new() });
                Some(said)
            }
        }
    }

    fn pass(&mut self, mut packed: Packed, passing: Passing, buffer: &mut [u8], now: Millis) -> Option<Said> {
        let to = match &passing {
            Passing::Back(away) => away.position.place,
            Passing::Behind(place) => *place,
        };
        match packed.pass(&to, buffer) {
            Ok(Passed::NotYet) => {
                self.at = At::Passing(packed, passing);
                Some(Said::Pending(now))
            }
            Ok(Passed::Reached) => {
                if !self.begun {
                    self.begin(&packed.path, Some(packed.modified.millis()), packed.offset);
                }
                self.at = At::Packed(packed);
                None
            }
            Ok(Passed::Elsewhere) => {
                match passing {
                    Passing::Back(mut away) => {
                        away.tried.push(packed.identity);
                        self.at = At::Away(away);
                    }
                    Passing::Behind(place) => self.known.refute(packed.identity, place),
                }
                None
            }
            Err(error) => {
                let said = unreadable(&packed.path, error);
                if let Passing::Back(away) = passing {
                    self.at = At::Away(away);
                }
                Some(said)
            }
        }
    }

    /// No file is being read: begins the oldest that is unread, at last the live one.
    fn advance(&mut self, now: Millis) -> Option<Said> {
        // The live file is opened before the directory is listed: whatever was rolled before it was made is in the list.
        let live = match plain::open(&self.live) {
            Ok((file, metadata)) => Ok(Some((file, Identity::of(&metadata)))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        };
        let identity = match &live {
            Ok(live) => live.as_ref().map(|(_, identity)| *identity),
            Err(_) => identity_at(&self.live),
        };
        let present = match siblings(&self.live, None) {
            Ok(present) => present,
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Some(unreadable(self.directory(), error)),
        };
        self.known.keep(&present, identity);
        let rolled: Vec<&Sibling> = present.iter().filter(|s| Some(s.identity) != identity).collect();
        for (at, sibling) in rolled.iter().enumerate() {
            match self.begin_rolled(sibling, &present, rolled.get(at + 1..).unwrap_or_default()) {
                Ok(true) => return None,
                Ok(false) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return None,
                Err(error) if is_missing(&error) => return None,
                Err(error) => match self.is_patient(sibling, now) {
                    true => return Some(unreadable(&sibling.path, error)),
                    false => {
                        self.known.give_up(sibling);
                        let path = sibling.path.clone();
                        return Some(Said::Lost(Lost::Unreadable { path, error: error.to_string() }));
                    }
                },
            }
        }
        match live {
            Ok(Some((file, _))) => self.begin_live(file),
            Ok(None) => {
                self.start = None;
                Some(Said::AtEnd)
            }
            Err(error) => Some(unreadable(&self.live, error)),
        }
    }

    /// Begins a rolled file, if anything in it is unread.
    fn begin_rolled(&mut self, sibling: &Sibling, present: &[Sibling], later: &[&Sibling]) -> io::Result<bool> {
        let place = match self.known.judge(sibling, present)? {
            Verdict::Known => return Ok(false),
            Verdict::Grown(place) | Verdict::Perhaps(place) => Some(place),
            Verdict::Unread => None,
            Verdict::Other(why) => {
                self.known.give_up(sibling);
                self.to_say.push_back(Said::Lost(Lost::NotOneLog { path: sibling.path.clone(), why }));
                return Ok(true);
            }
        };
        let (file, metadata) = plain::open(&sibling.path)?;
        if Identity::of(&metadata) != sibling.identity {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let file = match sibling.packed {
            false => file,
            true => match Unpacked::open(file, &sibling.path.to_string_lossy())? {
                Opened::Packed(unpacked) => {
                    let packed = Packed::new(unpacked, sibling);
                    self.at = match place {
                        Some(place) => At::Passing(packed, Passing::Behind(place)),
                        None => {
                            self.begin(&packed.path, Some(packed.modified.millis()), 0);
                            At::Packed(packed)
                        }
                    };
                    return Ok(true);
                }
                Opened::Plain(file) => file,
                Opened::Other(_) => return Err(io::ErrorKind::Interrupted.into()),
            },
        };
        let mut plain = Plain::new(file, sibling.path.clone(), place.map_or(0, |place| place.offset))?;
        plain.is_over = later.iter().any(|s| !self.known.is_known(s) && s.size > 0);
        self.begin(&plain.path, plain.modified(), plain.offset);
        self.at = At::Plain(plain);
        Ok(true)
    }

    fn begin_live(&mut self, file: fs::File) -> Option<Said> {
        let offset = match &self.start {
            Some(start) => start.offset(&file),
            None => Ok(0),
        };
        match offset.and_then(|offset| Plain::new(file, self.live.clone(), offset)) {
            Ok(plain) => {
                self.start = None;
                self.begin(&plain.path, plain.modified(), plain.offset);
                self.at = At::Plain(plain);
                None
            }
            Err(error) => Some(unreadable(&self.live, error)),
        }
    }

    /// Is it too early to give a rolled file up?
    fn is_patient(&mut self, sibling: &Sibling, now: Millis) -> bool {
        let since = match self.unreadable_since {
            Some((identity, since)) if identity == sibling.identity && since <= now => since,
            _ => now,
        };
        self.unreadable_since = Some((sibling.identity, since));
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

    fn directory(&self) -> &Path {
        match self.live.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

enum Candidate {
    Plain(Plain),
    Packed(Packed),
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
