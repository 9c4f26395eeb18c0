//! Line by line: records out of lines, hits out of records.

use std::sync::Arc;

use super::belief::Belief;
use super::lines::Lines;
use crate::pattern::search::Place;
use crate::pattern::stamp::Stamp;
use crate::pattern::{Log, Patterns, SignalId, Zone};
use crate::scan::belief::WINDOW;
use crate::scan::block::RawLine;
use crate::scan::heads::HEAD_LIMIT;
use crate::scan::hit::judge_head;
use crate::scan::hit::{Carry, Head, Hit, Seen, Summary, evidence};
use crate::scan::scanner::Lookahead;

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
        let records = Records { belief: Belief::new(zone, ahead), current: Record::Before, orphans: Vec::new() };
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
        let Records { belief, current, orphans } = self.records;
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
            untimed: belief.untimed,
            disbelieved: belief.disbelieved,
            // It looks at everything, so nobody counts what.
            ..Summary::default()
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
        for sought in &log.search.sought {
            let signal = patterns.signal(sought.signal);
            let holds = match (sought.place, &self.current) {
                (Place::Line, _) => signal.matches.as_ref().is_some_and(|c| c.regex.is_match(line.bytes)),
                (Place::Message, Record::Headed(Carry { head: Some(head), .. })) if begins => {
                    signal.message.as_ref().is_some_and(|c| c.regex.is_match(&head.bytes[head.message.clone()]))
                }
                (Place::Message, _) => false,
            };
            if holds {
                self.found(patterns, sought.signal, file, line, out);
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
        self.belief.record(stamp, line.offset, out);
        let head = Head { line: evidence(file, line), bytes: seen.into(), message };
        self.current = Record::Headed(Carry { head: Some(head), given: Vec::new() });
        true
    }

    /// The clause that a signal is looked for by holds in this line.
    fn found(&mut self, patterns: &Patterns, id: SignalId, file: &Arc<str>, line: RawLine, out: &mut Vec<Seen>) {
        let signal = patterns.signal(id);
        let (head, given) = match &mut self.current {
            Record::Before => {
                if !self.orphans.iter().any(|h| h.signal == id) {
                    self.orphans.push(Hit::new(signal, id, None, file, line));
                }
                return;
            }
            Record::Headless { given } => (None, given),
            Record::Headed(carry) => (carry.head.as_ref().map(Head::view), &mut carry.given),
        };
        if given.contains(&id) || !judge_head(signal, head) {
            return;
        }
        given.push(id);
        let hit = Hit::new(signal, id, head, file, line);
        self.belief.hit(hit, out);
    }
}
