//! The scanner: records out of lines, hits out of records.

use std::sync::Arc;

use super::belief::{Belief, WINDOW};
use super::block::{Lines, RawLine};
use super::hit::{Carry, Head, Hit, Line, Seen, Summary};
use crate::pattern::stamp::Stamp;
use crate::pattern::{Log, Patterns, Signal, SignalId, Zone};
use crate::transition::EVIDENCE_BYTES;

/// Rules see this much of a record's first line.
pub const HEAD_LIMIT: usize = 4096;

/// Whether what a record says can be checked against what follows in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookahead {
    /// A file that is whole: the records after one tell whether its time can be believed.
    File,
    /// A file that is being written: the wall clock tells.
    Live,
}

pub struct Scanner<'p> {
    patterns: &'p Patterns,
    log: &'p Log,
    file: Arc<str>,
    lines: Lines,
    records: Records,
}

/// The state between two lines.
struct Records {
    belief: Belief,
    current: Record,
    /// Hits in front of the first head, one for each signal.
    orphans: Vec<Hit>,
    untimed: u64,
}

/// The record that the last line belongs to.
enum Record {
    /// No head yet: these lines belong to the file before.
    Before,
    /// What its head was is lost in a hole.
    Headless {
        given: Vec<SignalId>,
    },
    Headed(Carry),
}

impl<'p> Scanner<'p> {
    pub fn new(patterns: &'p Patterns, log: &'p Log, file: Arc<str>, zone: Zone, lookahead: Lookahead) -> Scanner<'p> {
        let ahead = if lookahead == Lookahead::File { WINDOW } else { 0 };
        let records =
            Records { belief: Belief::new(zone, ahead), current: Record::Before, orphans: Vec::new(), untimed: 0 };
        Scanner { patterns, log, file, lines: Lines::default(), records }
    }

    /// Reads the next bytes of the file, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Seen>) {
        let Scanner { patterns, log, file, lines, records } = self;
        lines.feed(bytes, |line| records.line(patterns, log, file, line, out));
        records.belief.tick(out);
    }

    /// Bytes are missing here: what was said next to the gap proves nothing about it.
    pub fn hole(&mut self, out: &mut Vec<Seen>) {
        self.end_line(out);
        self.records.belief.hole();
        if !matches!(self.records.current, Record::Before) {
            self.records.current = Record::Headless { given: Vec::new() };
        }
    }

    /// The end of the file.
    pub fn finish(mut self, out: &mut Vec<Seen>) -> Summary {
        self.end_line(out);
        self.records.belief.finish(out);
        let Records { belief, current, orphans, untimed } = self.records;
        let carry = match current {
            Record::Before => None,
            Record::Headless { given } => Some(Carry { head: None, given }),
            Record::Headed(carry) => Some(carry),
        };
        Summary {
            orphans,
            carry,
            first: belief.first,
            last: belief.last(),
            hole_at_end: belief.in_hole(),
            lines: self.lines.ended(),
            bytes: self.lines.bytes(),
            untimed,
            disbelieved: belief.disbelieved,
        }
    }

    fn end_line(&mut self, out: &mut Vec<Seen>) {
        let Scanner { patterns, log, file, lines, records } = self;
        lines.finish(|line| records.line(patterns, log, file, line, out));
    }
}

impl Records {
    fn line(&mut self, patterns: &Patterns, log: &Log, file: &Arc<str>, line: RawLine, out: &mut Vec<Seen>) {
        let begins = self.begin(log, file, line, out);
        if begins {
            self.messages(patterns, log, file, line, out);
        }
        if !log.search.match_signals.is_empty() {
            for at in log.search.match_set.matches(line.bytes) {
                self.found(patterns, log.search.match_signals[at], file, line, out);
            }
        }
    }

    /// Is this the first line of a record?
    fn begin(&mut self, log: &Log, file: &Arc<str>, line: RawLine, out: &mut Vec<Seen>) -> bool {
        let seen = &line.bytes[..line.bytes.len().min(HEAD_LIMIT)];
        let parts = log.layouts.iter().find_map(|(_, layout)| layout.parse(seen));
        let (stamp, message): (Option<Stamp>, _) = match parts {
            Some(parts) => (parts.stamp, parts.message),
            None if log.line_records => (None, 0..seen.len()),
            None => return false,
        };
        self.untimed += u64::from(stamp.is_none());
        self.belief.record(stamp, out);
        let head = Head { line: evidence(file, line), bytes: seen.into(), message };
        self.current = Record::Headed(Carry { head: Some(head), given: Vec::new() });
        true
    }

    /// Signals that are looked for in the message alone.
    fn messages(&mut self, patterns: &Patterns, log: &Log, file: &Arc<str>, line: RawLine, out: &mut Vec<Seen>) {
        let Record::Headed(Carry { head: Some(head), .. }) = &self.current else { return };
        if log.search.message_signals.is_empty() {
            return;
        }
        for at in log.search.message_set.matches(&head.bytes[head.message.clone()]) {
            self.found(patterns, log.search.message_signals[at], file, line, out);
        }
    }

    /// The clause that a signal is looked for by holds in this line.
    fn found(&mut self, patterns: &Patterns, id: SignalId, file: &Arc<str>, line: RawLine, out: &mut Vec<Seen>) {
        let signal = patterns.signal(id);
        let (head, given) = match &mut self.current {
            Record::Before => {
                if !self.orphans.iter().any(|h| h.signal == id) {
                    self.orphans.push(hit(signal, id, None, file, line));
                }
                return;
            }
            Record::Headless { given } => (None, given),
            Record::Headed(carry) => (carry.head.as_ref(), &mut carry.given),
        };
        if given.contains(&id) || !judge_head(signal, head) {
            return;
        }
        given.push(id);
        let hit = hit(signal, id, head, file, line);
        self.belief.hit(hit, out);
    }
}

/// Do the clauses hold that look at a record's first line? (For a signal without `match`, the message too.)
pub fn judge_head(signal: &Signal, head: Option<&Head>) -> bool {
    let Some(head) = head else { return signal.message.is_none() && signal.head.is_none() };
    let message = &head.bytes[head.message.clone()];
    signal.message.as_ref().is_none_or(|c| c.regex.is_match(message))
        && signal.head.as_ref().is_none_or(|c| c.regex.is_match(&head.bytes))
}

fn hit(signal: &Signal, id: SignalId, head: Option<&Head>, file: &Arc<str>, line: RawLine) -> Hit {
    let mut captures = Vec::new();
    if let Some(clause) = &signal.matches {
        clause.capture_into(line.bytes, &mut captures);
    }
    let head = head.inspect(|head| capture_head(signal, head, &mut captures));
    let mut hit = Hit {
        signal: id,
        stamp: None,
        captures,
        weight: 1,
        line: evidence(file, line),
        head: head.filter(|h| h.line.offset != line.offset).map(|h| h.line.clone()),
    };
    hit.weigh(signal);
    hit
}

fn capture_head(signal: &Signal, head: &Head, captures: &mut Vec<(crate::pattern::CaptureId, Box<str>)>) {
    if let Some(clause) = &signal.message {
        clause.capture_into(&head.bytes[head.message.clone()], captures);
    }
    if let Some(clause) = &signal.head {
        clause.capture_into(&head.bytes, captures);
    }
}

impl Hit {
    fn weigh(&mut self, signal: &Signal) {
        let times = signal.weight.and_then(|id| self.captures.iter().find(|(c, _)| *c == id));
        self.weight = times.and_then(|(_, text)| text.parse().ok()).unwrap_or(1).max(1);
    }

    /// Gives an orphan the head that stands in the file before.
    pub fn adopt(&mut self, signal: &Signal, head: &Head) {
        capture_head(signal, head, &mut self.captures);
        self.head = Some(head.line.clone());
        self.weigh(signal);
    }
}

fn evidence(file: &Arc<str>, line: RawLine) -> Line {
    let text = &line.bytes[..line.bytes.len().min(EVIDENCE_BYTES)];
    Line { file: file.clone(), number: line.number, offset: line.offset, text: text.into() }
}

#[cfg(test)]
mod tests;
