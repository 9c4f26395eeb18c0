//! Signals that a line almost says: some of their clauses hold, or a clause matches a good part of the text.

use std::cmp::Reverse;
use std::ops::Range;

use super::filter::Filter;
use super::reach::{Elements, Reach};
use crate::pattern::regexes::Place;
use crate::pattern::{Clause, Log, Patterns, Signal, SignalId};

/// A line that is near to many signals is near to none: the nearest are shown.
const MOST: usize = 3;

/// A clause with fewer literal characters holds so often that it alone says nothing.
const TELLING: usize = 8;

/// The record that a line is part of, as far as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub bytes: &'a [u8],
    pub message: &'a [u8],
}

/// One line of a record.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    pub line: &'a [u8],
    /// Where the message stands in the line, if the line is the record's first.
    pub message: Option<&'a Range<usize>>,
    /// `None`: the first line is not in this input.
    pub head: Option<Head<'a>>,
    /// No other line of the record follows.
    pub last: bool,
}

#[derive(Clone, Debug)]
pub struct Near {
    pub signal: SignalId,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// The record has given it already, in this line.
    Again(u64),
    /// It cannot be judged: its clauses look at a first line that is not in this input.
    Headless,
    /// These clauses hold, and these fail.
    Clauses { hold: Vec<&'static str>, fail: Vec<Failed> },
}

/// A clause that does not hold.
#[derive(Clone, Debug)]
pub struct Failed {
    pub clause: &'static str,
    pub source: String,
    /// What it was tried on.
    pub text: Vec<u8>,
    pub reach: Option<Reach>,
    /// It holds in no line of the record.
    pub in_no_line: bool,
}

/// A signal with what its clauses are made of.
struct Candidate<'p> {
    id: SignalId,
    signal: &'p Signal,
    matches: Option<Elements>,
    message: Option<Elements>,
    head: Option<Elements>,
}

pub struct Nearness<'p> {
    candidates: Vec<Candidate<'p>>,
    /// The user asks for some signals: then nothing about them is left out.
    asked: bool,
    /// Signals that the current record has given, and those near misses of it that were shown.
    given: Vec<(SignalId, u64)>,
    shown: Vec<SignalId>,
}

impl<'p> Nearness<'p> {
    pub fn new(patterns: &'p Patterns, log: &Log, filter: &Filter) -> Nearness<'p> {
        let wanted = log.signals.iter().filter(|id| filter.signal(patterns, **id));
        let elements = |clause: &Option<Clause>, place| clause.as_ref().and_then(|c| Elements::new(&c.source, place));
        let candidate = |&id: &SignalId| {
            let signal = patterns.signal(id);
            let matches = elements(&signal.matches, Place::Anywhere);
            let (message, head) = (elements(&signal.message, Place::Start), elements(&signal.head, Place::Anywhere));
            Candidate { id, signal, matches, message, head }
        };
        let candidates = wanted.map(candidate).collect();
        Nearness { candidates, asked: filter.is_given(), given: Vec::new(), shown: Vec::new() }
    }

    /// The near misses of a line, nearest first, and how many more there are. `found`: the signals found in it.
    pub fn of(&mut self, number: u64, text: Text, found: &[SignalId]) -> (Vec<Near>, usize) {
        if text.message.is_some() {
            self.given.clear();
            self.shown.clear();
        }
        self.given.extend(found.iter().map(|id| (*id, number)));
        let covered = self.covered(text, found);
        let mut near = Vec::new();
        for candidate in self.candidates.iter().filter(|c| !found.contains(&c.id)) {
            let kind = candidate.judge(text, &self.given, self.asked, self.shown.contains(&candidate.id));
            near.extend(kind.map(|kind| Near { signal: candidate.id, kind }));
        }
        if !self.asked {
            // What a found signal has in common with its siblings is no near miss of these.
            near.retain(|n| n.range(text).is_none_or(|own| !covered.iter().any(|c| contains(c, &own))));
        }
        near.sort_by_key(|n| Reverse(n.weight()));
        let more = if self.asked { 0 } else { near.len().saturating_sub(MOST) };
        near.truncate(near.len() - more);
        self.shown.extend(near.iter().map(|n| n.signal));
        (near, more)
    }

    /// The bytes of the line that the signals found in it have matched.
    fn covered(&self, text: Text, found: &[SignalId]) -> Vec<Range<usize>> {
        let candidates = self.candidates.iter().filter(|c| found.contains(&c.id));
        let of = |c: &Candidate| {
            let whole = c.signal.matches.as_ref().and_then(|m| m.regex.find(text.line)).map(|m| m.range());
            let base = text.message.map_or(0, |m| m.start);
            let message = c.signal.message.as_ref().zip(text.head).and_then(|(m, head)| m.regex.find(head.message));
            let message = message.filter(|_| text.message.is_some()).map(|m| base + m.start()..base + m.end());
            [whole, message]
        };
        candidates.flat_map(of).flatten().collect()
    }
}

impl Candidate<'_> {
    fn judge(&self, text: Text, given: &[(SignalId, u64)], asked: bool, shown: bool) -> Option<Kind> {
        let by_line = self.signal.matches.is_some();
        if !by_line && text.message.is_none() {
            return None;
        }
        let holds = self.signal.matches.as_ref().is_some_and(|c| c.regex.is_match(text.line));
        if let Some((_, line)) = given.iter().find(|(id, _)| *id == self.id) {
            return holds.then_some(Kind::Again(*line));
        }
        let Some(head) = text.head else { return holds.then_some(Kind::Headless) };
        let (mut hold, mut fail) = (Vec::new(), Vec::new());
        let tried = [
            ("match", &self.signal.matches, &self.matches, text.line),
            ("message", &self.signal.message, &self.message, head.message),
            ("head", &self.signal.head, &self.head, head.bytes),
        ];
        let mut telling = false;
        for (name, clause, elements, on) in tried {
            let Some(clause) = clause else { continue };
            if clause.regex.is_match(on) {
                hold.push(name);
                telling |= elements.as_ref().is_none_or(|e| e.literals() >= TELLING);
            } else {
                fail.push((name, clause, on, elements.as_ref().and_then(|e| e.reach(on))));
            }
        }
        let near_here = fail.iter().any(|(name, .., reach)| reach.is_some() && (*name == "match") == by_line);
        let kind = |in_no_line: bool| {
            let failed = |(clause, written, on, reach): &(&'static str, &Clause, &[u8], Option<Reach>)| {
                let (source, text) = (written.source.clone(), on.to_vec());
                Failed { clause, source, text, reach: reach.clone(), in_no_line }
            };
            Kind::Clauses { hold: hold.clone(), fail: fail.iter().map(failed).collect() }
        };
        if holds || near_here || (!by_line && !hold.is_empty() && (telling || asked)) {
            return Some(kind(false));
        }
        // The first line says the right thing, but no line of the record says the rest.
        if by_line && text.last && !hold.is_empty() && fail.len() == 1 && (telling || asked) && !shown {
            return Some(kind(true));
        }
        None
    }
}

impl Near {
    /// The bytes of the line that are near the signal.
    fn range(&self, text: Text) -> Option<Range<usize>> {
        let Kind::Clauses { hold, fail } = &self.kind else { return None };
        let failed = fail.first().filter(|_| hold.is_empty())?;
        let base = if failed.clause == "message" { text.message?.start } else { 0 };
        failed.reach.as_ref().map(|r| base + r.matched.start..base + r.matched.end)
    }

    /// How near it is, in thousandths.
    fn weight(&self) -> usize {
        match &self.kind {
            Kind::Again(_) | Kind::Headless => 1000,
            Kind::Clauses { hold, fail } => {
                let reach = fail.iter().filter_map(|f| f.reach.as_ref()).map(|r| 1000 * r.found / r.of.max(1)).max();
                1000 * hold.len() + reach.unwrap_or(0)
            }
        }
    }
}

fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
