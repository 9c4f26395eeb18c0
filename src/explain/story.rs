//! What the rules did, told hit by hit and deadline by deadline.
//!
//! The file goes the way of a replay, with somebody listening. What is said of a hit depends on what was known when it
//! came (what was active, what was waiting), so it is put into words there and then.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use super::say;
use super::{Options, Subject};
use crate::correlate::{Did, Entry, Event, Note, TimedHit, What};
use crate::pattern::{AlarmId, CauseSet, SignalId};
use crate::replay::{FamilyRuns, Report, Run, replay};
use crate::scan::{Lookahead, Scanner};
use crate::time::{Millis, Moment};
use crate::transition::{Mode, Transition};

#[derive(Debug)]
pub struct Story {
    /// Hits by the number of their line.
    pub lines: BTreeMap<u64, Vec<Found>>,
    /// Deadlines that fired, in order of time.
    pub passed: Vec<Passed>,
    /// What is raised or waits when the input ends.
    pub left: Vec<Remark>,
    /// Where the clock stopped.
    pub clock: Option<Millis>,
    pub report: Report,
}

/// A signal found in a line, and what came of it.
#[derive(Debug)]
pub struct Found {
    pub hit: Arc<TimedHit>,
    pub remarks: Vec<Remark>,
    /// Alarms with rules over this signal that do not read this log.
    pub other_log: Vec<AlarmId>,
}

/// A deadline that fired.
#[derive(Debug)]
pub struct Passed {
    pub at: Moment,
    /// The line that set it.
    pub line: u64,
    pub entry: Entry,
    pub why: String,
    pub remarks: Vec<Remark>,
}

/// One thing that a rule did.
#[derive(Clone, Debug)]
pub struct Remark {
    pub alarm: AlarmId,
    /// The extra fields of the instance's key, if there are any.
    pub fields: String,
    pub tone: Tone,
    pub text: String,
    /// The entry's own signals, for narrowing.
    pub signals: Vec<SignalId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Raised,
    Cleared,
    /// Something was missing.
    Missed,
    Plain,
}

/// An instance with active causes.
#[derive(Clone, Debug)]
pub struct Active {
    pub alarm: AlarmId,
    pub causes: CauseSet,
    pub since: Moment,
    /// 0 if a deadline began it.
    pub line: u64,
}

/// A deadline that is waited for.
#[derive(Clone, Debug)]
pub struct Pending {
    pub alarm: AlarmId,
    pub until: Moment,
    pub line: u64,
}

/// What is known at the point that the events have reached.
pub struct Known<'a> {
    pub subject: &'a Subject<'a>,
    pub active: BTreeMap<Arc<str>, Active>,
    pub pending: BTreeMap<(Arc<str>, Entry), Pending>,
    /// Where each signal was seen, in order of the file.
    pub seen: HashMap<SignalId, Vec<(Moment, u64)>>,
}

pub fn tell(subject: &Subject, options: &Options) -> Story {
    let patterns = subject.patterns;
    let mut seen = Vec::new();
    let mut scanner = Scanner::new(patterns, subject.log(), subject.file.clone(), subject.family.zone, Lookahead::File);
    scanner.feed(subject.bytes, &mut seen);
    if subject.damaged {
        scanner.hole(&mut seen);
    }
    let summary = scanner.finish(&mut seen);
    let run = Run {
        file: subject.file.to_string(),
        seen: seen.into(),
        summary,
        modified: subject.modified,
        ..Run::default()
    };
    let families = vec![FamilyRuns { family: subject.family.clone(), runs: vec![run] }];
    let known = Known { subject, active: BTreeMap::new(), pending: BTreeMap::new(), seen: HashMap::new() };
    let mut teller = Teller { known, lines: BTreeMap::new(), passed: Vec::new() };
    let replayed = crate::replay::Options { mode: Mode::Replay, hold: options.hold, end: options.end };
    let mut listener = |event: &Event, notes: &[Note], made: &[Transition]| teller.event(event, notes, made);
    let report = match replay(patterns, families, replayed, Some(&mut listener), |_| Ok::<(), Infallible>(())) {
        Ok(report) => report,
        Err(never) => match never {},
    };
    teller.finish(report)
}

struct Teller<'a> {
    known: Known<'a>,
    lines: BTreeMap<u64, Vec<Found>>,
    passed: Vec<Passed>,
}

impl Teller<'_> {
    fn event(&mut self, event: &Event, notes: &[Note], made: &[Transition]) {
        let hit = match &event.what {
            What::Hit(hit) => Some(hit),
            _ => None,
        };
        let mut remarks = Vec::new();
        let mut other_log = Vec::new();
        for note in notes {
            if note.did == Did::OtherLog {
                other_log.push(note.alarm);
                continue;
            }
            let remark = self.remark(note, hit, made);
            match note.about.deadline {
                Some(at) => self.fired(note, at, remark),
                None => remarks.extend(remark),
            }
            self.learn(note, hit);
        }
        if let Some(hit) = hit {
            // When it clears by itself is said last.
            remarks.sort_by_key(|(late, _): &(bool, Remark)| *late);
            let mut remarks: Vec<Remark> = remarks.into_iter().map(|(_, r)| r).collect();
            say::missing_fields(&self.known, hit, notes, &mut remarks);
            let line = hit.hit.line.number;
            self.known.seen.entry(hit.hit.signal).or_default().push((hit.moment, line));
            self.lines.entry(line).or_default().push(Found { hit: hit.clone(), remarks, other_log });
        }
    }

    fn remark(&self, note: &Note, hit: Option<&Arc<TimedHit>>, made: &[Transition]) -> Option<(bool, Remark)> {
        let (tone, text) = say::say(&self.known, note, hit.map(|h| &**h), made)?;
        let late = matches!(note.did, Did::QuietUntil { .. });
        let fields = say::fields(&note.key);
        let signals = say::entry_signals(self.known.alarm(note.alarm), note.about.entry);
        Some((late, Remark { alarm: note.alarm, fields, tone, text, signals }))
    }

    /// A deadline says one thing or several, one after the other.
    fn fired(&mut self, note: &Note, at: Moment, remark: Option<(bool, Remark)>) {
        let Some((late, remark)) = remark else { return };
        let newest = self.passed.last_mut().filter(|p| {
            let same = p.remarks.first().is_some_and(|r| r.alarm == remark.alarm && r.fields == remark.fields);
            same && p.at == at && (late || Some(p.entry) == note.about.entry)
        });
        if let Some(passed) = newest {
            passed.remarks.push(remark);
            return;
        }
        let Some(entry) = note.about.entry else { return };
        let line = self.known.pending.get(&(note.key.clone(), entry)).map_or(0, |p| p.line);
        let why = say::deadline(&self.known, note.alarm, entry, line);
        self.passed.push(Passed { at, line, entry, why, remarks: vec![remark] });
    }

    /// Keeps what later notes are understood by.
    fn learn(&mut self, note: &Note, hit: Option<&Arc<TimedHit>>) {
        let Some(entry) = note.about.entry else { return };
        let own = (note.key.clone(), entry);
        let line = match note.about.deadline {
            Some(_) => 0,
            None => hit.map_or(0, |h| h.hit.line.number),
        };
        let since = note.about.deadline.or(hit.map(|h| h.moment));
        if note.about.deadline.is_some() && !matches!(note.did, Did::QuietUntil { .. }) {
            self.known.pending.remove(&own);
        }
        let alarm = note.alarm;
        match &note.did {
            Did::Began { cause, .. } => {
                if let Some(since) = since {
                    let fresh = Active { alarm, causes: 0, since, line };
                    self.known.active.entry(note.key.clone()).or_insert(fresh).causes |= 1 << cause;
                }
            }
            Did::Ended { causes, changed } => {
                if let Some(active) = self.known.active.get_mut(&note.key) {
                    active.causes &= !causes;
                }
                if *changed {
                    self.known.active.remove(&note.key);
                    self.known.pending.retain(|(key, entry), _| *key != note.key || matches!(entry, Entry::Raise(_)));
                }
            }
            Did::Armed { until } | Did::QuietUntil { until } => {
                self.known.pending.insert(own, Pending { alarm, until: *until, line });
            }
            Did::Waiting { until } => {
                self.known.pending.entry(own).or_insert(Pending { alarm, until: *until, line });
            }
            Did::Disarmed | Did::Cancelled => {
                self.known.pending.remove(&own);
            }
            _ => {}
        }
    }

    fn finish(self, report: Report) -> Story {
        let Teller { known, lines, mut passed } = self;
        passed.sort_by_key(|p| p.at.millis);
        let clock = report.families.first().and_then(|f| f.clock);
        Story { lines, passed, left: say::left(&known, clock), clock, report }
    }
}

impl Known<'_> {
    pub fn alarm(&self, id: AlarmId) -> &crate::pattern::Alarm {
        self.subject.patterns.alarm(id)
    }

    pub fn signal(&self, id: SignalId) -> &str {
        &self.subject.patterns.signal(id).name
    }

    /// The line in which a signal was seen at a time.
    pub fn line_of(&self, signal: SignalId, at: Moment) -> Option<u64> {
        self.seen.get(&signal)?.iter().rev().find(|(t, _)| *t == at).map(|(_, line)| *line)
    }
}
