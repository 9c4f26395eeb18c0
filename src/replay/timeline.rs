//! One family's events in order: its files joined, its stamps timed.

use std::collections::VecDeque;

use super::order::Ordered;
use super::{FamilyReport, Run};
use crate::correlate::{Clock, Event, FamilyId};
use crate::pattern::Patterns;
use crate::scan::belief::JUMP;
use crate::scan::{Carry, Head, Hit, Seen, Summary, judge_head};
use crate::time::Millis;

pub struct Timeline<'p> {
    patterns: &'p Patterns,
    clock: Clock,
    files: std::vec::IntoIter<Run>,
    current: Option<Current>,
    /// The last record so far, which the next file may go on with.
    carry: Carry,
    ready: VecDeque<Event>,
    reached: Option<Millis>,
    over: bool,
    disagreements: Vec<String>,
    ahead: Vec<String>,
    family: u32,
}

struct Current {
    seen: std::vec::IntoIter<Seen>,
    summary: Summary,
    file: String,
    modified: Option<Millis>,
}

impl<'p> Timeline<'p> {
    pub fn new(patterns: &'p Patterns, ordered: Ordered, clock: Clock) -> Timeline<'p> {
        Timeline {
            patterns,
            family: clock.family().0,
            clock,
            files: ordered.runs.into_iter(),
            current: None,
            carry: Carry::default(),
            ready: VecDeque::new(),
            reached: None,
            over: false,
            disagreements: ordered.disagreements,
            ahead: Vec::new(),
        }
    }

    /// Nothing more comes from the files.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// True once, if the clock is behind `end`.
    pub fn close(&mut self, end: Millis) -> bool {
        let behind = self.reached.is_none_or(|t| t < end);
        self.reached = self.reached.max(Some(end));
        behind
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
                Some(seen) => self.clock.place(seen, &mut events),
                None => self.end(&mut events),
            },
        }
        self.ready.extend(events);
        true
    }

    fn begin(&mut self, mut run: Run, events: &mut Vec<Event>) {
        self.clock.begin_file(run.summary.first, run.modified);
        for orphan in std::mem::take(&mut run.summary.orphans) {
            self.adopt(orphan, events);
        }
        let Run { file, seen, summary, modified, .. } = run;
        self.current = Some(Current { seen: seen.into_iter(), summary, file, modified });
    }

    /// A hit in front of the file's first head belongs to the last record of the file before.
    fn adopt(&mut self, mut orphan: Hit, events: &mut Vec<Event>) {
        let signal = self.patterns.signal(orphan.signal);
        if self.carry.given.contains(&orphan.signal) || !judge_head(signal, self.carry.head.as_ref().map(Head::view)) {
            return;
        }
        self.carry.given.push(orphan.signal);
        if let Some(head) = &self.carry.head {
            orphan.adopt(signal, head);
        }
        self.clock.place(Seen::Hit(orphan), events);
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let Some(Current { summary, file, modified, .. }) = self.current.take() else { return };
        self.clock.end_file(summary.last, summary.hole_at_end, events);
        if let Some(carry) = summary.carry {
            self.carry = carry;
        }
        if let (Some(last), Some(modified)) = (self.clock.last(), modified)
            && summary.last.is_some()
            && last > modified + JUMP
        {
            self.ahead.push(file);
        }
    }

    pub fn into_report(self) -> FamilyReport {
        FamilyReport {
            family: FamilyId(self.family),
            counts: self.clock.counts,
            clock: self.reached,
            disagreements: self.disagreements,
            ahead: self.ahead,
        }
    }
}
