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
#[cfg(test)]
mod tests;
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
use fingerprint::{FOOT, HEAD, Identity, Place, Print};
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
    /// Behind the last newline in front of it.
    line: Place,
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

impl Away {
    fn new(position: Position, line: Place, why: Why) -> Away {
        Away { position, line, why, tried: Vec::new() }
    }

    /// The position at an offset in front of it.
    fn position_at(&self, offset: u64, live: &Path) -> Position {
        let Position { identity, place } = self.position;
        let known = [place, self.line].into_iter().find(|known| known.offset == offset);
        let place = known.or_else(|| open_at(live, Some(identity), &place).ok()??.place_at(offset).into());
        // Where nothing can be asked, the inode has to do.
        let head = |head: Print| if u64::from(head.length) <= offset { head } else { Print::default() };
        let place = place.unwrap_or(Place { offset, head: head(self.position.place.head), foot: Print::default() });
        Position { identity, place }
    }
}

enum Passing {
    /// The file that was being read went on here.
    Back(Away),
    /// What was read up to here is known.
    Behind(Place),
    /// Before the file that was being read is looked for in it: it may be one that is known up to here.
    Check(Away, Place),
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

    /// Looks for the file that was being read. What cannot be read may be it, for a while.
    fn find(&mut self, away: Away, now: Millis) -> Option<Said> {
        if away.position.place.offset == 0 {
            // Nothing of it was read, so nothing but a number would tell it from others: the oldest unread file comes first.
            self.end();
            return None;
        }
        match self.found(&away) {
            Ok(Some(Candidate::Plain(mut plain))) => {
                plain.line_began(away.line.offset);
                if away.why == Why::Resumed || !self.begun {
                    self.begin(&plain.path, plain.modified(), plain.offset);
                }
                self.at = At::Plain(plain);
            }
            Ok(Some(Candidate::Packed(packed))) => self.at = At::Passing(packed, Passing::Back(away)),
            Ok(Some(Candidate::Doubtful(packed, known))) => self.at = At::Passing(packed, Passing::Check(away, known)),
            Ok(None) => self.lose(away),
            Err((path, error)) => {
                if path != self.live && !self.is_patient(away.position.identity, now) {
                    self.lose(away);
                    return None;
                }
                self.at = At::Away(away);
                return Some(unreadable(&path, error));
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
            _ => self.to_say.push_back(Said::Lost(Lost::Gone { path: self.live.clone(), offset })),
        }
        self.end();
    }

    /// By device and inode first, then by content: the oldest file that has the place.
    fn found(&mut self, away: &Away) -> Result<Option<Candidate>, (PathBuf, io::Error)> {
        let Position { identity, place } = &away.position;
        let live = self.live.clone();
        let at_live = |error| (live.clone(), error);
        let truncated = matches!(away.why, Why::Truncated { .. });
        if !truncated && identity_at(&self.live) == Some(*identity) {
            let plain = open_at(&self.live, Some(*identity), place).map_err(at_live)?;
            if let Some(plain) = plain.filter(|plain| !self.was_copied(plain)) {
                return Ok(Some(Candidate::Plain(plain)));
            }
        }
        let all = match siblings(&self.live, Some(*identity)) {
            Err(error) if is_missing(&error) => Vec::new(),
            all => all.map_err(|error| (self.directory().to_owned(), error))?,
        };
        let mut unreadable = None;
        let (same, others): (Vec<&Sibling>, Vec<&Sibling>) =
            all.iter().partition(|s| s.identity == *identity && !s.packed);
        // The number alone does not make it the same file: it may be a known one that was written anew.
        let in_order = same.into_iter().filter(|_| !truncated).chain(others);
        let candidates: Vec<_> = in_order.map(|s| (s, self.known.judge(s, &all))).collect();
        for (sibling, verdict) in candidates {
            if away.tried.contains(&sibling.identity) || matches!(verdict, Ok(Verdict::Known | Verdict::Other(_))) {
                continue;
            }
            // Without any content to compare there is the inode only.
            if place.head.length == 0 && sibling.identity != *identity {
                continue;
            }
            match self.candidate(sibling, place) {
                Ok(Some(Candidate::Plain(plain))) if plain.identity == *identity && self.was_copied(&plain) => {}
                Ok(Some(candidate)) => return Ok(Some(candidate.in_doubt(verdict.ok()))),
                Ok(None) => {}
                Err(error) if is_missing(&error) => {}
                Err(error) => unreadable = unreadable.or(Some((sibling.path.clone(), error))),
            }
        }
        if !truncated
            && place.head.length > 0
            && let Some(plain) = open_at(&self.live, None, place).map_err(at_live)?
        {
            return Ok(Some(Candidate::Plain(plain)));
        }
        unreadable.map_or(Ok(None), Err)
    }

    /// Was the file copied and truncated while we were not there, and does it begin as it did before? Then an older file
    /// has the place, too, and goes on in another way.
    fn was_copied(&mut self, live: &Plain) -> bool {
        let place = live.place_at(live.offset);
        let present = siblings(&self.live, None).unwrap_or_default();
        let others = present.iter().take_while(|s| s.identity != live.identity);
        let unread: Vec<&Sibling> =
            others.filter(|s| !matches!(self.judge_in_full(s, &present), Ok(Verdict::Known))).collect();
        let mut candidates = unread.into_iter().filter_map(|s| self.candidate(s, &place).ok().flatten());
        candidates.any(|candidate| candidate.goes_on_differently(&place, live).unwrap_or(false))
    }

    /// Unpacks what may be known until that is clear.
    fn judge_in_full(&mut self, sibling: &Sibling, present: &[Sibling]) -> io::Result<Verdict> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let Verdict::Perhaps(place) = self.known.judge(sibling, present)? else {
                return self.known.judge(sibling, present);
            };
            let Some(Candidate::Packed(mut packed)) = self.candidate(sibling, &place)? else {
                return Ok(Verdict::Unread);
            };
            let passed = loop {
                match packed.pass(&place, &mut buffer)? {
                    Passed::NotYet => {}
                    passed => break passed,
                }
            };
            match passed {
                Passed::Reached if packed.is_over()? => self.known.add(packed.finish().0),
                Passed::Reached if place.offset > HEAD as u64 => return Ok(Verdict::Grown(place)),
                _ => self.known.refute(sibling.identity, place),
            }
        }
    }

    /// May this file hold the place? A plain one can be asked, an archive has to be unpacked up to it.
    fn candidate(&self, sibling: &Sibling, place: &Place) -> io::Result<Option<Candidate>> {
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
        let is_first = plain.offset == 0;
        match plain.read(buffer) {
            // Nothing tells an empty file from itself: it may have been written, copied and truncated in between.
            Ok(Got::Bytes(_)) if is_first && self.has_unread(plain.identity, Beside::Older) => {
                self.end();
                None
            }
            Ok(Got::Bytes(range)) => {
                self.at = At::Plain(plain);
                Some(Said::Bytes(range))
            }
            Ok(Got::Nothing { links }) => self.at_end(plain, links, now),
            Ok(Got::Changed { size }) => {
                self.at = At::Away(plain.away(Why::Truncated { size }));
                None
            }
            Err(error) => {
                let said = unreadable(&plain.path, error);
                self.at = At::Away(plain.away(Why::Closed));
                Some(said)
            }
        }
    }

    /// Nothing more is in the file: is it over?
    fn at_end(&mut self, mut plain: Plain, links: u64, now: Millis) -> Option<Said> {
        let in_its_place = match fs::metadata(&self.live) {
            Ok(live) if Identity::of(&live) == plain.identity => {
                if plain.offset == 0 && self.is_unread_beside(&plain, Beside::Older, now) {
                    self.end();
                    return None;
                }
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
        let has_successor = in_its_place || self.is_unread_beside(&plain, Beside::Any, now);
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

    /// The same, asked again and again: the directory is listed only if it may have changed.
    fn is_unread_beside(&mut self, plain: &Plain, beside: Beside, now: Millis) -> bool {
        let modified = fs::metadata(self.directory()).map(|m| fingerprint::Modified::of(&m)).unwrap_or_default();
        if let Some((at, then, found)) = self.listed
            && then == modified
            && (at..at + LISTED).contains(&now)
        {
            return found;
        }
        let found = self.has_unread(plain.identity, beside);
        self.listed = Some((now, modified, found));
        found
    }

    /// Is there an unread file beside this one? An archive that may be a known file counts only if it is newer.
    fn has_unread(&mut self, file: Identity, beside: Beside) -> bool {
        let present = siblings(&self.live, None).unwrap_or_default();
        let at = present.iter().position(|s| s.identity == file);
        let older = at.unwrap_or(if beside == Beside::Older { present.len() } else { 0 });
        for (index, sibling) in present.iter().enumerate().filter(|(index, _)| Some(*index) != at) {
            let unread = match self.known.judge(sibling, &present) {
                Ok(Verdict::Unread | Verdict::Grown(_)) => index < older || beside == Beside::Any,
                Ok(Verdict::Perhaps(_) | Verdict::Other(_)) => (index < older) == (beside == Beside::Older),
                Ok(Verdict::Known) | Err(_) => false,
            };
            if unread {
                return true;
            }
        }
        false
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
                self.at = At::Away(packed.away(Why::Closed));
                Some(said)
            }
        }
    }

    fn pass(&mut self, mut packed: Packed, passing: Passing, buffer: &mut [u8], now: Millis) -> Option<Said> {
        let to = match &passing {
            Passing::Back(away) => away.position.place,
            Passing::Behind(place) | Passing::Check(_, place) => *place,
        };
        match packed.pass(&to, buffer) {
            Ok(Passed::NotYet) => {
                self.at = At::Passing(packed, passing);
                Some(Said::Pending(now))
            }
            Ok(Passed::Reached) => match passing {
                Passing::Back(_) => {
                    if !self.begun {
                        self.begin(&packed.path, Some(packed.modified.millis()), packed.offset);
                    }
                    self.at = At::Packed(packed);
                    None
                }
                Passing::Behind(place) => self.passed(packed, place),
                Passing::Check(mut away, place) => {
                    match packed.is_over() {
                        Ok(true) => self.known.add(packed.finish().0),
                        Ok(false) if place.offset <= HEAD as u64 => self.known.refute(packed.identity, place),
                        _ => away.tried.push(packed.identity),
                    }
                    self.at = At::Away(away);
                    None
                }
            },
            Ok(Passed::Elsewhere) => {
                match passing {
                    Passing::Back(mut away) => {
                        away.tried.push(packed.identity);
                        self.at = At::Away(away);
                    }
                    Passing::Behind(place) => self.known.refute(packed.identity, place),
                    Passing::Check(away, place) => {
                        self.known.refute(packed.identity, place);
                        self.at = At::Away(away);
                    }
                }
                None
            }
            Err(error) => {
                let said = unreadable(&packed.path, error);
                if let Passing::Back(away) | Passing::Check(away, _) = passing {
                    self.at = At::Away(away);
                }
                Some(said)
            }
        }
    }

    /// An archive turned out to begin with what is known, and mostly that is all. If it is not, the file grew after it was
    /// left, unless so little was compared that it may be another one.
    fn passed(&mut self, mut packed: Packed, known: Place) -> Option<Said> {
        match packed.is_over() {
            Ok(true) => self.known.add(packed.finish().0),
            Ok(false) if known.offset <= HEAD as u64 => self.known.refute(packed.identity, known),
            Ok(false) => {
                self.begin(&packed.path, Some(packed.modified.millis()), packed.offset);
                self.at = At::Packed(packed);
            }
            Err(error) => return Some(unreadable(&packed.path, error)),
        }
        None
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
                Err(error) => match self.is_patient(sibling.identity, now) {
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

    fn directory(&self) -> &Path {
        match self.live.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Older,
    Any,
}

enum Candidate {
    Plain(Plain),
    Packed(Packed),
    /// It may be a known file, up to there.
    Doubtful(Packed, Place),
}

impl Candidate {
    fn in_doubt(self, verdict: Option<Verdict>) -> Candidate {
        match (self, verdict) {
            (Candidate::Packed(packed), Some(Verdict::Perhaps(known))) => Candidate::Doubtful(packed, known),
            (candidate, _) => candidate,
        }
    }

    /// Is the place in it, and followed by other bytes than in that file?
    fn goes_on_differently(self, place: &Place, other: &Plain) -> io::Result<bool> {
        let mut bytes = vec![0; 64 * 1024];
        let count = match self {
            Candidate::Plain(mut plain) => match plain.read(&mut bytes)? {
                Got::Bytes(range) => {
                    bytes.drain(..range.start);
                    range.len()
                }
                _ => 0,
            },
            Candidate::Packed(mut packed) | Candidate::Doubtful(mut packed, _) => loop {
                match packed.pass(place, &mut bytes)? {
                    Passed::NotYet => {}
                    Passed::Reached => break packed.read(&mut bytes)?,
                    Passed::Elsewhere => break 0,
                }
            },
        };
        other.continues_with(&bytes[..count.min(FOOT)]).map(|same| !same)
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
