//! One family, live: from the steps of its reader to events in its own time.
//!
//! What replay does in two phases happens here line by line: bytes are scanned as they come, and what was seen is joined
//! to what the family said before. All of it can be saved between two steps, so that another process goes on at the
//! line that was not complete.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::source::Source;
use super::stdin::Piped;
use crate::correlate::saved::Unreadable;
use crate::correlate::{Clock, Event, FamilyId};
use crate::input::tail::{BadCursor, Begin, Cursor, Lost, Step, Unreadable as Closed};
use crate::pattern::stamp::Stamp;
use crate::pattern::{Log, Patterns, Zone};
use crate::replay::join::Join;
use crate::scan::belief::JUMP;
use crate::scan::{Carry, Hit, Lookahead, SavedCarry, SavedScanner, Scanner, Seen};
use crate::time::Millis;

/// What came of a step.
#[derive(Debug)]
pub enum Fed {
    /// There may be more at once.
    More,
    /// The family was read to its end; its clock there, if it has one.
    AtEnd(Option<Millis>),
    /// No need to ask before this time.
    Later(Millis),
    Unreadable(Closed),
    /// Nothing will ever come again.
    Over,
}

/// What there is to tell a person about a step.
#[derive(Debug)]
pub enum News {
    Opened { path: PathBuf, offset: u64 },
    Ended { path: PathBuf },
    Lost(Lost),
}

pub struct Feed<'p> {
    patterns: &'p Patterns,
    log: &'p Log,
    zone: Zone,
    pub source: Source,
    join: Join<'p>,
    reading: Option<Reading<'p>>,
    /// The scanner of an earlier process, for the file that it was in.
    resumed: Option<SavedScanner>,
    /// When it was last read to its end, unless something came in between: what comes soon after is being written now.
    at_end: Option<Millis>,
    /// Bytes since the start.
    pub bytes: u64,
    seen: Vec<Seen>,
}

struct Reading<'p> {
    path: PathBuf,
    scanner: Scanner<'p>,
    last: Option<Stamp>,
}

/// A [`Feed`] as it is saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedFeed {
    /// The live file, or `-`.
    pub path: PathBuf,
    cursor: Option<Vec<u8>>,
    scanner: Option<SavedScanner>,
    carry: SavedCarry,
    clock: Vec<u8>,
}

impl<'p> Feed<'p> {
    pub fn new(patterns: &'p Patterns, log: &'p Log, zone: Zone, family: FamilyId, source: Source) -> Feed<'p> {
        let join = Join::new(patterns, Clock::new(family, zone), Carry::default());
        Feed {
            patterns,
            log,
            zone,
            source,
            join,
            reading: None,
            resumed: None,
            at_end: None,
            bytes: 0,
            seen: Vec::new(),
        }
    }

    /// Goes on from what was saved.
    pub fn resume(
        patterns: &'p Patterns,
        log: &'p Log,
        zone: Zone,
        family: FamilyId,
        source: Source,
        saved: SavedFeed,
    ) -> Result<Feed<'p>, Unreadable> {
        let clock = Clock::restore(family, zone, &saved.clock)?;
        let join = Join::new(patterns, clock, saved.carry.restore(patterns));
        Ok(Feed { join, resumed: saved.scanner, ..Feed::new(patterns, log, zone, family, source) })
    }

    /// Everything up to the line that is not complete. `None`: its clock cannot be written.
    pub fn save(&self) -> Option<SavedFeed> {
        let scanner = self.reading.as_ref().map(|reading| reading.scanner.save()).or_else(|| self.resumed.clone());
        let offset = scanner.as_ref().map_or(0, |scanner| scanner.offset);
        Some(SavedFeed {
            path: self.source.path().to_owned(),
            cursor: self.source.cursor(offset).map(|cursor| cursor.to_bytes()),
            scanner,
            carry: SavedCarry::of(&self.join.carry, self.patterns),
            clock: self.join.clock.save()?,
        })
    }

    /// The reader, if it is one that cannot be opened again; it begins once more with the line that was not complete.
    pub fn into_pipe(self) -> Option<Piped> {
        let Source::Piped(mut piped) = self.source else { return None };
        if let Some(reading) = &self.reading {
            piped.again(reading.scanner.unfinished(), reading.scanner.offset());
        }
        Some(piped)
    }

    pub fn clock(&self) -> &Clock {
        &self.join.clock
    }

    /// The file that is being read, and how far.
    pub fn place(&self) -> Option<(&Path, u64)> {
        let reading = self.reading.as_ref()?;
        Some((&reading.path, reading.scanner.offset()))
    }

    /// Takes one step at this wall time.
    pub fn step(&mut self, wall: Millis, buffer: &mut [u8], events: &mut Vec<Event>, news: &mut Vec<News>) -> Fed {
        self.join.clock.set_wall(wall);
        // The borrow of the source must end before what it said is worked on.
        let Feed { source, reading, join, seen, bytes, at_end, .. } = self;
        match source.step(wall, buffer) {
            Step::Bytes(read) => {
                *bytes += read.len() as u64;
                if let Some(reading) = reading {
                    let written_now = at_end.is_some_and(|at| (at..at + JUMP).contains(&wall));
                    reading.feed(read, written_now, join, seen, events);
                }
                return Fed::More;
            }
            Step::Begin(begin) => self.begin(begin, events, news),
            Step::End => self.end(events, news),
            Step::Lost(lost) => self.lose(lost, events, news),
            Step::Pending { until } => return Fed::Later(until),
            Step::Unreadable(unreadable) => {
                // What is written meanwhile is read when it is old.
                self.at_end = None;
                return Fed::Unreadable(unreadable);
            }
            Step::AtEnd => {
                self.at_end = Some(wall);
                if let Some(reading) = &mut self.reading {
                    reading.scanner.rest();
                }
                return match self.source.is_over() {
                    true => Fed::Over,
                    false => Fed::AtEnd(self.join.clock.at_end(events)),
                };
            }
        }
        Fed::More
    }

    /// More is to come than one look gives: what is read until the end was not written just now.
    pub fn fall_behind(&mut self) {
        self.at_end = None;
    }

    /// The wall clock was set by this much.
    pub fn wall_was_set(&mut self, by: Millis) {
        // A line that comes in this very turn is written now, by whichever of the two clocks.
        self.at_end = self.at_end.map(|at| at + by);
        self.join.clock.wall_was_set(by);
    }

    fn begin(&mut self, begin: Begin, events: &mut Vec<Event>, news: &mut Vec<News>) {
        self.end(events, &mut Vec::new());
        let Begin { path, modified, offset } = begin;
        let file: Arc<str> = path.to_string_lossy().into();
        let resumed = self.resumed.take().filter(|saved| saved.offset == offset && offset > 0);
        let scanner = match resumed {
            Some(saved) => Scanner::resume(self.patterns, self.log, file, self.zone, saved),
            None => {
                self.join.begin(None, modified, events);
                let fresh = Scanner::new(self.patterns, self.log, file, self.zone, Lookahead::Live);
                if offset == 0 { fresh } else { fresh.from(offset, lines_before(&path, offset)) }
            }
        };
        news.push(News::Opened { path: path.clone(), offset });
        let last = scanner.last();
        self.reading = Some(Reading { path, scanner, last });
    }

    fn end(&mut self, events: &mut Vec<Event>, news: &mut Vec<News>) {
        let Some(Reading { path, scanner, .. }) = self.reading.take() else { return };
        let summary = scanner.finish(&mut self.seen);
        hand_on(&mut self.join, summary.orphans, &mut self.seen, events);
        self.join.end(summary.last, summary.carry, summary.hole_at_end, events);
        news.push(News::Ended { path });
    }

    fn lose(&mut self, lost: Lost, events: &mut Vec<Event>, news: &mut Vec<News>) {
        match &mut self.reading {
            Some(reading) => {
                reading.scanner.hole(&mut self.seen);
                hand_on(&mut self.join, reading.scanner.take_orphans(), &mut self.seen, events);
            }
            None => {
                // What comes next is not the rest of the last record.
                (self.resumed, self.join.carry) = (None, Carry::default());
                self.join.clock.hole();
            }
        }
        news.push(News::Lost(lost));
    }
}

impl SavedFeed {
    /// Where the reader goes on. `None`: it had not begun.
    pub fn cursor(&self) -> Result<Option<Cursor>, BadCursor> {
        self.cursor.as_deref().map(Cursor::from_bytes).transpose()
    }

    /// How far the file was read.
    pub fn offset(&self) -> Option<u64> {
        self.scanner.as_ref().map(|scanner| scanner.offset)
    }
}

impl Reading<'_> {
    fn feed(&mut self, bytes: &[u8], now: bool, join: &mut Join, seen: &mut Vec<Seen>, events: &mut Vec<Event>) {
        self.scanner.feed(bytes, seen);
        hand_on(join, self.scanner.take_orphans(), seen, events);
        let last = self.scanner.last();
        if last != self.last {
            self.last = last;
            if let Some(stamp) = last.filter(|_| now) {
                join.clock.written(stamp);
            }
        }
    }
}

/// Gives on what a scanner has found: what belongs to the record before goes first.
fn hand_on(join: &mut Join, orphans: Vec<Hit>, seen: &mut Vec<Seen>, events: &mut Vec<Event>) {
    for orphan in orphans {
        join.adopt(orphan, events);
    }
    for seen in seen.drain(..) {
        join.place(seen, events);
    }
}

/// Evidence names the line by its number, so what is passed over is counted, if it can be read.
fn lines_before(path: &Path, offset: u64) -> u64 {
    let mut piece = vec![0; 256 * 1024];
    let mut lines = 0;
    let Ok(file) = File::open(path) else { return 0 };
    let mut file = file.take(offset);
    while let Ok(read @ 1..) = file.read(&mut piece) {
        lines += memchr::memchr_iter(b'\n', &piece[..read]).count() as u64;
    }
    lines
}
