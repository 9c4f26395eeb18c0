//! The records of a file, each with the time that the rules see.
//!
//! The scanner keeps only records with hits. Here every record is given one, of no signal, and sent the same way, so
//! that what is shown for a quiet line is what a hit in it would have had.

use std::ops::Range;
use std::sync::Arc;

use super::Subject;
use crate::correlate::{Clock, Event, FamilyId, What};
use crate::pattern::stamp::Stamp;
use crate::pattern::{SignalId, Zone};
use crate::scan::belief::WINDOW;
use crate::scan::block::RawLine;
use crate::scan::jump::Bursts;
use crate::scan::naive::belief::Belief;
use crate::scan::naive::lines::Lines;
use crate::scan::{HEAD_LIMIT, Hit, Line, Seen};
use crate::time::Moment;

#[derive(Clone, Debug)]
pub struct Record {
    /// Of its head, from 1.
    pub line: u64,
    /// Which of the log's layouts it has; `None`: none, but each line of this log is a record.
    pub layout: Option<usize>,
    pub level: Option<Range<usize>>,
    pub message: Range<usize>,
    pub time: Moment,
    pub source: Source,
}

/// Where the time of a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Own,
    /// It carries none, or one that is no real moment.
    Before,
    /// It jumps ahead, and the records behind it take it back.
    NotBelieved,
    /// Nothing in the file had a time so far.
    Assumed,
}

struct Reader<'a> {
    subject: &'a Subject<'a>,
    belief: Belief,
    records: Vec<Record>,
    stamps: Vec<Option<Stamp>>,
    seen: Vec<Seen>,
    nowhere: Arc<str>,
}

/// The records of a file, in order.
pub fn records(subject: &Subject) -> Vec<Record> {
    let belief = Belief::new(subject.family.zone, WINDOW);
    let mut reader =
        Reader { subject, belief, records: Vec::new(), stamps: Vec::new(), seen: Vec::new(), nowhere: "".into() };
    let mut lines = Lines::default();
    lines.feed(subject.bytes, |line| reader.line(line));
    lines.finish(|line| reader.line(line));
    reader.belief.finish(&mut reader.seen);
    reader.time();
    reader.records
}

impl Reader<'_> {
    fn line(&mut self, line: RawLine) {
        let log = self.subject.log();
        let seen = &line.bytes[..line.bytes.len().min(HEAD_LIMIT)];
        let parts = log.layouts.iter().enumerate().find_map(|(at, (_, layout))| Some((at, layout.parse(seen)?)));
        let (layout, level, message, stamp) = match parts {
            Some((at, parts)) => (Some(at), parts.level, parts.message, parts.stamp),
            None if log.line_records => (None, None, 0..seen.len(), None),
            None => return,
        };
        self.belief.record(stamp, line.offset, &mut self.seen);
        let line = Line { file: self.nowhere.clone(), number: line.number, offset: line.offset, text: [].into() };
        self.records.push(Record {
            line: line.number,
            layout,
            level,
            message,
            time: Moment::utc(0),
            source: Source::Own,
        });
        self.stamps.push(stamp);
        let hit = Hit { signal: SignalId(u32::MAX), stamp: None, captures: Vec::new(), weight: 1, line, head: None };
        self.belief.hit(hit, &mut self.seen);
    }

    /// One hit came out for each record, in order.
    fn time(&mut self) {
        let mut clock = Clock::new(FamilyId(0), self.subject.family.zone);
        let mut events = Vec::new();
        clock.begin_file(self.belief.first, self.subject.modified, &mut events);
        let bursts = self.bursts(self.subject.family.zone);
        for mut seen in self.seen.drain(..) {
            if let Seen::Hit(hit) = &mut seen {
                hit.stamp = bursts.before(hit.line.offset).or(hit.stamp);
            }
            clock.place(seen, &mut events);
        }
        let hits = events.into_iter().filter_map(|Event { what, .. }| match what {
            What::Hit(hit) => Some(hit),
            _ => None,
        });
        for ((record, own), hit) in self.records.iter_mut().zip(&self.stamps).zip(hits) {
            record.time = hit.moment;
            record.source = match own {
                Some(own) if hit.hit.stamp == Some(*own) => Source::Own,
                Some(_) => Source::NotBelieved,
                None if hit.assumed => Source::Assumed,
                None => Source::Before,
            };
        }
    }

    /// What is taken back later than a record is seen to be by those next to it.
    fn bursts(&self, zone: Zone) -> Bursts {
        let hits = self.seen.iter().filter_map(|seen| if let Seen::Hit(hit) = seen { Some(hit) } else { None });
        let own = hits.zip(&self.stamps).filter(|(hit, own)| own.is_some() && hit.stamp == **own);
        Bursts::of(zone, own.filter_map(|(hit, own)| Some((hit.line.offset, (*own)?))))
    }
}
