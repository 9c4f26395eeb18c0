//! One family's events in order: its files joined, its stamps timed.

use std::collections::VecDeque;

use super::join::Join;
use super::order::Ordered;
use super::store::Reader;
use super::{FamilyReport, Run, border};
use crate::correlate::{Clock, Event, FamilyId, What};
use crate::pattern::{LogId, Patterns};
use crate::scan::belief::JUMP;
use crate::scan::{Carry, Seen, Summary};
use crate::time::Millis;

pub struct Timeline<'p> {
    join: Join<'p>,
    files: std::vec::IntoIter<Run>,
    current: Option<Current>,
    ready: VecDeque<Event>,
    /// Times of records behind the last event. Those that the next one shows to be true let others go on.
    ticks: Vec<Millis>,
    /// The order's key of the last event.
    key: Option<Millis>,
    reached: Option<Millis>,
    over: bool,
    disagreements: Vec<String>,
    ahead: Vec<String>,
    lost: Option<String>,
    family: u32,
    log: LogId,
    first: Option<Millis>,
}

struct Current {
    seen: Reader,
    summary: Summary,
    file: String,
    modified: Option<Millis>,
    from: u64,
}

impl<'p> Timeline<'p> {
    pub fn new(patterns: &'p Patterns, mut ordered: Ordered, clock: Clock) -> Timeline<'p> {
        border::settle(&mut ordered.runs, clock.zone());
        Timeline {
            family: clock.family().0,
            join: Join::new(patterns, clock, Carry::default()),
            files: ordered.runs.into_iter(),
            current: None,
            ready: VecDeque::new(),
            ticks: Vec::new(),
            key: None,
            reached: None,
            over: false,
            disagreements: ordered.disagreements,
            ahead: Vec::new(),
            lost: None,
            log: ordered.log,
            first: None,
        }
    }

    /// Nothing more comes from the files.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The logs are complete until `end`, and so is the clock.
    /// If the last file was cut, the hole behind it comes back.
    pub fn close(&mut self, end: Millis) -> Vec<Event> {
        self.reached = self.reached.max(Some(end));
        let mut events = Vec::new();
        self.join.clock.close(end, &mut events);
        events
    }

    pub fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.reached = self.reached.max(Some(event.key));
                return Some(event);
            }
            if !self.advance() {
                self.over = true;
                return None;
            }
        }
    }

    /// Makes at least the next thing that is seen into events. False at the end of the last file.
    fn advance(&mut self) -> bool {
        let mut events = Vec::new();
        match &mut self.current {
            None => match self.files.next() {
                Some(run) => self.begin(run, &mut events),
                None => return false,
            },
            Some(current) => match current.seen.next() {
                Some(Seen::Hit(hit)) if hit.line.offset < current.from => {}
                Some(Seen::Hit(mut hit)) => {
                    if let Some(before) = current.summary.bursts.before(hit.line.offset) {
                        hit.stamp = Some(before);
                        self.join.clock.counts.disbelieved += 1;
                    }
                    self.join.place(Seen::Hit(hit), &mut events);
                }
                Some(seen) => {
                    let tick = matches!(seen, Seen::Tick(_));
                    self.join.place(seen, &mut events);
                    self.ticks.extend(self.join.clock.last().filter(|_| tick));
                }
                None => self.end(&mut events),
            },
        }
        events.into_iter().for_each(|event| self.give(event));
        true
    }

    /// The ticks in front of an event are true if they are not later. They change nothing that it would not change, but
    /// what waits for this family need not wait until then.
    fn give(&mut self, event: Event) {
        for tick in std::mem::take(&mut self.ticks) {
            if tick < event.key && self.key.is_none_or(|key| key < tick) {
                self.key = Some(tick);
                self.ready.push_back(Event { key: tick, what: What::Tick(tick) });
            }
        }
        self.key = Some(event.key);
        self.ready.push_back(event);
    }

    fn begin(&mut self, mut run: Run, events: &mut Vec<Event>) {
        let first = self.join.begin(run.summary.first, run.modified, events);
        self.first = self.first.or(first);
        for orphan in std::mem::take(&mut run.summary.orphans) {
            self.join.adopt(orphan, events);
        }
        let Run { file, seen, summary, modified, from, .. } = run;
        self.current = Some(Current { seen: seen.read(), summary, file, modified, from });
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let Some(Current { seen, summary, file, modified, .. }) = self.current.take() else { return };
        if let Some(error) = seen.failed() {
            self.lost = Some(format!("{file}: what was found in it could not be read back: {error}"));
        }
        let timed = summary.last.is_some();
        self.join.end(summary.last, summary.carry, summary.hole_at_end, events);
        if self.files.len() == 0 {
            self.join.clock.stop(events);
        }
        if let (Some(last), Some(modified)) = (self.join.clock.last(), modified)
            && timed
            && last > modified + JUMP
        {
            self.ahead.push(file);
        }
    }

    pub fn into_report(self) -> FamilyReport {
        FamilyReport {
            family: FamilyId(self.family),
            log: self.log,
            first: self.first,
            counts: self.join.clock.counts,
            clock: self.reached,
            disagreements: self.disagreements,
            lost: self.lost,
            ahead: self.ahead,
        }
    }
}
