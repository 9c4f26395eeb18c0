//! Where the files of a family meet: the last record of one may go on in the next, and so does the clock.
//!
//! The files of a family are scanned one by one, in replay even at the same time. What a scanner cannot know is made
//! good here, for replay and live alike.

use crate::correlate::{Clock, Event};
use crate::pattern::Patterns;
use crate::pattern::stamp::Stamp;
use crate::scan::{Carry, Head, Hit, Seen, judge_head};
use crate::time::Millis;

pub struct Join<'p> {
    patterns: &'p Patterns,
    pub clock: Clock,
    /// The last record of the files before this one.
    pub carry: Carry,
}

impl<'p> Join<'p> {
    pub fn new(patterns: &'p Patterns, clock: Clock, carry: Carry) -> Join<'p> {
        Join { patterns, clock, carry }
    }

    /// A file begins; its first time, if that is known, comes back as an instant.
    pub fn begin(&mut self, first: Option<Stamp>, modified: Option<Millis>, events: &mut Vec<Event>) -> Option<Millis> {
        self.clock.begin_file(first, modified, events)
    }

    /// What scanning saw, in the order of the file.
    pub fn place(&mut self, seen: Seen, events: &mut Vec<Event>) {
        self.clock.place(seen, events);
    }

    /// A hit in front of the file's first head belongs to the last record of the file before.
    pub fn adopt(&mut self, mut orphan: Hit, events: &mut Vec<Event>) {
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

    /// A file ends, with this last time and record; `hole`: something is missing behind them.
    pub fn end(&mut self, last: Option<Stamp>, carry: Option<Carry>, hole: bool, events: &mut Vec<Event>) {
        self.clock.end_file(last, hole, events);
        if let Some(carry) = carry {
            self.carry = carry;
        }
        if hole {
            // What comes next is not the rest of that record.
            self.carry = Carry::default();
        }
    }
}
