//! Whether the time of a record can be believed, decided record by record: see [`crate::scan::belief`].

use std::collections::VecDeque;

use crate::pattern::Zone;
use crate::pattern::stamp::Stamp;
use crate::pattern::zone::STEP_BACK;
use crate::scan::belief::{JUMP, SIGHT, WINDOW};
use crate::scan::hit::{Hit, Seen};
use crate::time::{MINUTE, Millis};

/// A record that waits for its verdict.
struct Pending {
    /// Where it begins in the file.
    offset: u64,
    /// The time that it carries.
    own: Option<Stamp>,
    /// Something was lost in front of it.
    after_hole: bool,
    hits: Vec<Hit>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Believed,
    Missing,
    Wild,
}

pub struct Belief {
    zone: Zone,
    /// Records after the one in question that are waited for; none if live, where the wall clock decides.
    ahead: usize,
    pending: VecDeque<Pending>,
    /// How many of `pending` carry a time.
    timed: usize,
    /// Times before the first of `pending`, as carried and as believed, newest last.
    carried: VecDeque<Stamp>,
    believed: VecDeque<Stamp>,
    hole: bool,
    pub first: Option<Stamp>,
    /// What became of the time of the record that was released last.
    released: Own,
    pub untimed: u64,
    pub disbelieved: u64,
    /// The last hour of local time that was looked up, and whether the zone's offset changes in it.
    doubtful_hour: (i64, bool),
}

impl Belief {
    pub fn new(zone: Zone, ahead: usize) -> Belief {
        Belief {
            zone,
            ahead,
            pending: VecDeque::new(),
            timed: 0,
            carried: VecDeque::new(),
            believed: VecDeque::new(),
            hole: false,
            first: None,
            released: Own::Believed,
            untimed: 0,
            disbelieved: 0,
            doubtful_hour: (i64::MIN, false),
        }
    }

    /// A record begins at this offset. Those before it come out as soon as enough is known about them.
    pub fn record(&mut self, own: Option<Stamp>, offset: u64, out: &mut Vec<Seen>) {
        let after_hole = own.is_some() && std::mem::take(&mut self.hole);
        self.pending.push_back(Pending { offset, own, after_hole, hits: Vec::new() });
        self.timed += usize::from(own.is_some());
        self.settle(false, out);
    }

    /// A hit in the record that began last.
    pub fn hit(&mut self, mut hit: Hit, out: &mut Vec<Seen>) {
        match self.pending.back_mut() {
            Some(record) => record.hits.push(hit),
            None => {
                hit.stamp = self.last();
                self.count(1);
                out.push(Seen::Hit(hit));
            }
        }
    }

    pub fn hole(&mut self) {
        self.hole = true;
    }

    /// Is a hole waiting for the record behind it?
    pub fn in_hole(&self) -> bool {
        self.hole
    }

    /// The last time that is believed.
    pub fn last(&self) -> Option<Stamp> {
        self.believed.back().copied()
    }

    /// A tick that holds whatever follows: the oldest of the last few times, so that neither a wild one nor one out of
    /// order makes it untrue. In an hour that occurs twice an older time could mean a later instant.
    pub fn tick(&mut self, out: &mut Vec<Seen>) {
        if self.believed.len() == WINDOW || self.ahead == 0 {
            let oldest =
                self.believed.iter().copied().reduce(|a, b| if b.behind(a).is_some_and(|d| d > 0) { b } else { a });
            out.extend(oldest.filter(|oldest| !self.doubtful(*oldest)).map(Seen::Tick));
        }
    }

    /// The file ends: nothing can take back what is still waiting.
    pub fn finish(&mut self, out: &mut Vec<Seen>) {
        self.settle(true, out);
    }

    fn settle(&mut self, all: bool, out: &mut Vec<Seen>) {
        while let Some(front) = self.pending.front() {
            let after = self.timed - usize::from(front.own.is_some());
            // The record that began last may still get hits, but live it must not wait for the next one to begin. One
            // without a time needs no verdict.
            let no_verdict = self.pending.len() > 1 && front.own.is_none();
            let out_of_sight = self.pending.back().is_some_and(|last| last.offset - front.offset >= SIGHT);
            if !(all || self.ahead == 0 || after >= self.ahead || no_verdict || out_of_sight) {
                return;
            }
            let Some(record) = self.pending.pop_front() else { return };
            self.timed = after;
            self.release(record, out);
        }
    }

    fn release(&mut self, record: Pending, out: &mut Vec<Seen>) {
        self.released = Own::Missing;
        if let Some(own) = record.own {
            let from = self.last();
            let wild = self.is_wild(own, record.offset);
            self.released = if wild { Own::Wild } else { Own::Believed };
            if !wild {
                remember(&mut self.believed, own);
                self.first = self.first.or(Some(own));
            }
            remember(&mut self.carried, own);
            if record.after_hole {
                out.push(Seen::Hole { from, until: self.last().unwrap_or(own) });
            }
            if !wild && self.doubtful(own) {
                out.push(Seen::Tick(own));
            }
        }
        self.count(record.hits.len() as u64);
        let stamp = self.last();
        out.extend(record.hits.into_iter().map(|hit| Seen::Hit(Hit { stamp, ..hit })));
    }

    /// Hits in the record that was released last.
    fn count(&mut self, hits: u64) {
        match self.released {
            Own::Believed => {}
            Own::Missing => self.untimed += hits,
            Own::Wild => self.disbelieved += hits,
        }
    }

    /// Does this time jump ahead of a record before it, and does one after it come back to where that was?
    fn is_wild(&self, own: Stamp, offset: u64) -> bool {
        let doubt = if let Stamp::Local(t) = own { self.zone.doubt(t) } else { 0 };
        let ahead_of = |other: &Stamp, by: Millis| other.behind(own).is_some_and(|d| d > by);
        let mut after =
            self.pending.iter().take_while(|p| p.offset - offset < SIGHT).filter_map(|p| p.own).take(self.ahead);
        if self.carried.is_empty() {
            // Nothing before it in this file: then all that follows must be far behind.
            let mut any = 0;
            return after.all(|t| {
                any += 1;
                ahead_of(&t, JUMP + doubt)
            }) && any > 1;
        }
        after.any(|next| {
            ahead_of(&next, STEP_BACK + doubt)
                && self.carried.iter().any(|before| {
                    // It comes back to where the jump began: nearer to there than to the time in question.
                    let fall = next.behind(own).unwrap_or(0);
                    ahead_of(before, JUMP + doubt) && next.behind(*before).is_some_and(|d| d <= STEP_BACK && -d <= fall)
                })
        })
    }

    /// Which instant this is depends on every record before it, so each is shown.
    fn doubtful(&mut self, own: Stamp) -> bool {
        let Stamp::Local(local) = own else { return false };
        let hour = local.div_euclid(60 * MINUTE);
        if self.doubtful_hour.0 != hour {
            let start = hour * 60 * MINUTE;
            let changes = [0, 15, 30, 45].iter().any(|m| self.zone.doubt(start + m * MINUTE) != 0);
            self.doubtful_hour = (hour, changes);
        }
        self.doubtful_hour.1
    }
}

fn remember(window: &mut VecDeque<Stamp>, stamp: Stamp) {
    if window.len() == WINDOW {
        window.pop_front();
    }
    window.push_back(stamp);
}

#[cfg(test)]
mod tests;
