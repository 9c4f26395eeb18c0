//! The times of hits, read from the records around them.
//!
//! The time of a record is believed or not by what the few records before and after it say (see [`super::belief`]), so
//! the times of all others need not be read. What is read is one stretch of the file without gaps: it is prolonged when
//! a hit comes that is near its end, and dropped for a new one when a hit comes that is not. At the end of a block the
//! stretch is brought up to there, with enough of what is before it for the first hit of the next block.
//!
//! Four things make every head from the start of a block on be read, until they are settled: a hit that waits for what
//! the records after it say, the record behind a hole, the first time of the file, and a [jump](super::jump) ahead. Where
//! heads are passed over, a jump among them is found by halving. A block in which the zone's offset changes is read head
//! by head too, and each record of such an hour gives a tick.

mod reach;

use std::collections::VecDeque;

use super::belief::{Doubt, JUMP, SIGHT, Verdict, WINDOW, older, verdict};
use super::heads::Heads;
use super::hit::{Hit, Seen};
use super::jump::{Jump, Jumps};
use super::saved::SavedTimes;
use crate::pattern::Zone;
use crate::pattern::stamp::Stamp;

/// A tick is the oldest of so many times: more than can be wild in a row.
const TICK_WINDOW: usize = 2 * WINDOW + 1;

/// A place in a block up to which heads have been read: 0 is in front of its first byte, and a line that begins at `s`
/// is before `s + 1`.
pub type Place = usize;

/// Between two blocks, the stretch reaches to the end of the last one, and either it is whole or it contains a time
/// that is surely believed and [`WINDOW`] times in front of that. `waiting` is not empty only if the stretch reaches
/// to the end of the block.
pub struct Times {
    zone: Zone,
    doubt: Doubt,
    /// Records after one that may take its time back; none if live, where the wall clock decides.
    ahead: usize,
    /// Records that carry a time.
    stretch: VecDeque<Timed>,
    /// Does the stretch begin with the first time of the file?
    whole: bool,
    /// All heads in front of this byte of the block are in the stretch.
    upto: usize,
    /// So many times of the stretch have been looked at for jumps.
    passed: usize,
    /// The last of them that is believed.
    before: Option<Stamp>,
    pub jumps: Jumps,
    /// Where the block begins in the file.
    block: u64,
    /// Records that say something by themselves, in front of hits at the same place.
    marks: VecDeque<(Place, Mark)>,
    /// What cannot be told yet, by the number of its last time, counted from the stretch's first.
    waiting: VecDeque<(Option<usize>, Item)>,
    hole: bool,
    /// In this block, each record of an hour in which the zone's offset changes gives a tick.
    every: bool,
    ticked: Option<Stamp>,
    pub first: Option<Stamp>,
    pub untimed: u64,
    pub disbelieved: u64,
}

#[derive(Clone, Copy)]
struct Timed {
    /// In the block; 0 if it is in an earlier one.
    place: Place,
    /// Of its head in the file.
    offset: u64,
    stamp: Stamp,
}

#[derive(Clone, Copy)]
enum Mark {
    Tick,
    Hole,
}

enum Item {
    Mark(Mark),
    /// `true`: its record has a time of its own.
    Hit(Box<Hit>, bool),
}

/// Where a hit is: in the record that begins before this place, which has a time of its own or not.
#[derive(Clone, Copy)]
pub struct At {
    pub place: Place,
    pub timed: bool,
}

impl Timed {
    /// The head that begins at `start` in the block.
    fn new(heads: &Heads, start: usize, stamp: Stamp) -> Timed {
        Timed { place: start + 1, offset: heads.block.offset + start as u64, stamp }
    }
}

impl Times {
    pub fn new(zone: Zone, ahead: usize) -> Times {
        Times {
            zone,
            doubt: Doubt::new(zone),
            ahead,
            stretch: VecDeque::new(),
            whole: true,
            upto: 0,
            passed: 0,
            before: None,
            jumps: Jumps::default(),
            block: 0,
            marks: VecDeque::new(),
            waiting: VecDeque::new(),
            hole: false,
            every: false,
            ticked: None,
            first: None,
            untimed: 0,
            disbelieved: 0,
        }
    }

    /// Between two blocks of a file that is being written nothing waits: the wall clock tells what is believed.
    pub fn save(&self) -> SavedTimes {
        debug_assert!(self.waiting.is_empty());
        let stretch = self.stretch.iter().map(|timed| (timed.offset, timed.stamp)).collect();
        SavedTimes { stretch, whole: self.whole, first: self.first, ticked: self.ticked, hole: self.hole }
    }

    pub fn restore(saved: SavedTimes, zone: Zone) -> Times {
        let SavedTimes { stretch, whole, first, ticked, hole } = saved;
        let stretch: VecDeque<Timed> =
            stretch.into_iter().map(|(offset, stamp)| Timed { place: 0, offset, stamp }).collect();
        let before = stretch.back().map(|timed| timed.stamp);
        Times { passed: stretch.len(), before, stretch, whole, first, ticked, hole, ..Times::new(zone, 0) }
    }

    /// The time of the last record that has one.
    pub fn last(&self) -> Option<Stamp> {
        self.stretch.back().map(|timed| timed.stamp)
    }

    pub fn hole(&mut self) {
        self.hole = true;
    }

    /// Is a hole waiting for the record behind it?
    pub fn in_hole(&self) -> bool {
        self.hole
    }

    /// A block begins.
    pub fn begin(&mut self, heads: &Heads, out: &mut Vec<Seen>) {
        self.upto = 0;
        self.block = heads.block.offset;
        self.every = self.doubt.is_possible() && self.changes_in(heads);
        while self.must_read_on() && self.forward(heads) {
            self.settle(false, out);
        }
        self.settle(false, out);
    }

    /// Hits come in the order of the file.
    pub fn hit(&mut self, at: At, hit: Hit, heads: &Heads, out: &mut Vec<Seen>) {
        self.flush_marks(at.place, heads, out);
        if at.place > self.upto {
            self.reach(at.place, 0, heads);
        }
        self.item(at.place, Item::Hit(Box::new(hit), at.timed), heads, out);
    }

    /// The block ends.
    pub fn end(&mut self, heads: &Heads, out: &mut Vec<Seen>) {
        let end = heads.block.bytes.len();
        self.flush_marks(end, heads, out);
        self.reach(end, TICK_WINDOW, heads);
        self.settle(false, out);
        self.stretch.iter_mut().for_each(|timed| timed.place = 0);
        if self.waiting.is_empty() && self.first.is_some() {
            self.tick(out);
            self.trim();
        }
    }

    /// The file ends. Gives the last time that is believed.
    pub fn finish(&mut self, out: &mut Vec<Seen>) -> Option<Stamp> {
        self.settle(true, out);
        debug_assert!(self.waiting.is_empty() && self.marks.is_empty());
        self.believed(self.stretch.len().checked_sub(1), true).unwrap_or_default()
    }

    fn must_read_on(&self) -> bool {
        self.every || self.hole || self.first.is_none() || self.is_unsettled()
    }

    /// Do the next records tell something of those that were read?
    fn is_unsettled(&self) -> bool {
        !self.waiting.is_empty() || self.passed < self.stretch.len() || self.jumps.read_on()
    }

    /// May the zone's offset change between the block before and the end of this one?
    fn changes_in(&mut self, heads: &Heads) -> bool {
        let last = self.backward(heads, heads.block.bytes.len()).next();
        let first = if self.stretch.is_empty() { Self::next_head(heads, 0).1 } else { None };
        let known = self.stretch.back().copied().into_iter().chain(first).chain(last).map(|timed| timed.stamp);
        let known: Vec<Stamp> = known.collect();
        self.doubt.between(known.into_iter())
    }

    /// Reads the next head with a time. `false`: there is none in this block.
    fn forward(&mut self, heads: &Heads) -> bool {
        let (upto, found) = Self::next_head(heads, self.upto);
        self.upto = upto;
        let Some(found) = found else { return false };
        self.stretch.push_back(found);
        if std::mem::take(&mut self.hole) {
            self.marks.push_back((found.place, Mark::Hole));
        }
        if self.every {
            self.marks.push_back((found.place, Mark::Tick));
        }
        true
    }

    /// The first head with a time from `from` on, and where the line behind it begins.
    fn next_head(heads: &Heads, mut from: usize) -> (usize, Option<Timed>) {
        while from < heads.block.bytes.len() {
            let line = heads.block.line_from(from);
            from = heads.block.behind(&line);
            if let Some(stamp) = heads.stamp(&line) {
                return (from, Some(Timed::new(heads, line.start, stamp)));
            }
        }
        (from, None)
    }

    /// Shows the times that can be told to the jumps.
    fn pass(&mut self, all: bool, out: &mut Vec<Seen>) {
        while let Some(&Timed { offset, stamp, .. }) = self.stretch.get(self.passed) {
            let at = self.passed;
            match self.verdict(at, all) {
                Verdict::Unknown => return,
                Verdict::Wild => {}
                Verdict::Believed => {
                    self.disbelieved += self.jumps.go_on(stamp, offset);
                    let raw = at.checked_sub(1).filter(|_| !self.whole).map(|before| self.stretch[before].stamp);
                    let before = self.before.or(raw);
                    match before {
                        Some(before) => self.jump(at, before, out),
                        None if self.ahead > 0 => self.jumps.begin(self.zone, stamp, offset),
                        None => {}
                    }
                    self.before = Some(stamp);
                }
            }
            self.passed += 1;
        }
    }

    /// Looks whether the time at `at` jumps ahead of the one before and, where they are known, of all that were near.
    fn jump(&mut self, at: usize, before: Stamp, out: &mut Vec<Seen>) {
        let Timed { offset, stamp, .. } = self.stretch[at];
        let Some(jump) = Jump::between(self.zone, before, stamp, offset) else { return };
        if self.ahead == 0 {
            // The wall clock tells what is believed, and then this is the time before it.
            return out.push(Seen::Tick(before));
        }
        let mut near = self.stretch.range(at.saturating_sub(WINDOW)..at);
        if near.all(|timed| timed.stamp.behind(stamp).is_none_or(|ahead| ahead > JUMP)) {
            self.jumps.open(jump);
        }
    }

    fn flush_marks(&mut self, place: Place, heads: &Heads, out: &mut Vec<Seen>) {
        while let Some((at, mark)) = self.marks.pop_front_if(|(at, _)| *at <= place) {
            self.item(at, Item::Mark(mark), heads, out);
        }
    }

    /// The stretch reaches to `place`.
    fn item(&mut self, place: Place, item: Item, heads: &Heads, out: &mut Vec<Seen>) {
        let at = self.stretch.partition_point(|timed| timed.place <= place).checked_sub(1);
        self.waiting.push_back((at, item));
        self.settle(false, out);
        while self.is_unsettled() && self.forward(heads) {
            self.settle(false, out);
        }
    }

    /// Gives out what can be told. `all`: the file ends, and nothing that follows can take anything back.
    fn settle(&mut self, all: bool, out: &mut Vec<Seen>) {
        if self.first.is_none() {
            self.first = self.first_believed(all);
        }
        self.pass(all, out);
        while let Some((at, item)) = self.waiting.pop_front() {
            if let Some(item) = self.tell(at, item, all, out) {
                self.waiting.push_front((at, item));
                return;
            }
        }
    }

    /// Gives out what can be told of an item, or gives it back.
    fn tell(&mut self, at: Option<usize>, item: Item, all: bool, out: &mut Vec<Seen>) -> Option<Item> {
        match (item, at) {
            (Item::Hit(mut hit, timed), at) => {
                let Some(stamp) = self.believed(at, all) else { return Some(Item::Hit(hit, timed)) };
                let wild = timed && at.is_some_and(|at| self.verdict(at, all) == Verdict::Wild);
                self.disbelieved += u64::from(wild && self.jumps.counts_wild(hit.line.offset));
                self.untimed += u64::from(!timed);
                hit.stamp = stamp;
                out.push(Seen::Hit(*hit));
            }
            (Item::Mark(Mark::Tick), Some(at)) => match self.verdict(at, all) {
                Verdict::Unknown => return Some(Item::Mark(Mark::Tick)),
                Verdict::Wild => {}
                Verdict::Believed => {
                    let own = self.stretch[at].stamp;
                    out.extend(self.doubt.at(own).then_some(Seen::Tick(own)));
                }
            },
            (Item::Mark(Mark::Hole), Some(at)) => {
                let Some(until) = self.believed(Some(at), all) else { return Some(Item::Mark(Mark::Hole)) };
                let Some(from) = self.believed(at.checked_sub(1), all) else { return Some(Item::Mark(Mark::Hole)) };
                out.push(Seen::Hole { from, until: until.unwrap_or(self.stretch[at].stamp) });
            }
            (Item::Mark(_), None) => {}
        }
        None
    }

    /// The last time that is believed up to the one at `at`; `None`: that cannot be told yet.
    fn believed(&self, at: Option<usize>, all: bool) -> Option<Option<Stamp>> {
        for at in (0..at.map_or(0, |at| at + 1)).rev() {
            match self.verdict(at, all) {
                Verdict::Believed => return Some(Some(self.stretch[at].stamp)),
                Verdict::Wild => {}
                Verdict::Unknown => return None,
            }
        }
        debug_assert!(self.whole);
        Some(None)
    }

    fn first_believed(&self, all: bool) -> Option<Stamp> {
        for at in 0..self.stretch.len() {
            match self.verdict(at, all) {
                Verdict::Believed => return Some(self.stretch[at].stamp),
                Verdict::Wild => {}
                Verdict::Unknown => return None,
            }
        }
        None
    }

    fn verdict(&self, at: usize, all: bool) -> Verdict {
        if self.ahead == 0 {
            return Verdict::Believed;
        }
        debug_assert!(self.whole || at >= WINDOW);
        let Timed { offset, stamp: own, .. } = self.stretch[at];
        let sight = offset + SIGHT;
        let end = self.stretch.len().min(at + 1 + self.ahead);
        let complete = all || end - at > self.ahead || self.block + self.upto as u64 >= sight;
        let before = self.stretch.range(at.saturating_sub(WINDOW)..at).map(|timed| timed.stamp);
        let after = self.stretch.range(at + 1..end).take_while(|timed| timed.offset < sight);
        verdict(self.zone, before, own, after.map(|timed| timed.stamp), complete)
    }

    /// A tick that holds whatever follows: the oldest of the last few times, so that neither wild ones nor one out of
    /// order make it untrue.
    fn tick(&mut self, out: &mut Vec<Seen>) {
        let least = if self.ahead == 0 { WINDOW.min(self.stretch.len()) } else { TICK_WINDOW };
        let Some(from) = self.stretch.len().checked_sub(least) else { return };
        let oldest = self.stretch.range(from..).map(|timed| timed.stamp).reduce(older);
        let Some(oldest) = oldest.filter(|_| !self.every).filter(|oldest| Some(*oldest) != self.ticked) else { return };
        if !self.doubt.at(oldest) {
            self.ticked = Some(oldest);
            out.push(Seen::Tick(oldest));
        }
    }

    /// Forgets what can have no influence on anything that follows.
    fn trim(&mut self) {
        let mut sure = (0..self.stretch.len()).rev().take_while(|at| self.whole || *at >= WINDOW);
        let Some(sure) = sure.find(|at| self.verdict(*at, false) == Verdict::Believed) else { return };
        let keep_from = sure.saturating_sub(WINDOW).min(self.stretch.len().saturating_sub(TICK_WINDOW));
        let keep_from = keep_from.min(self.passed.saturating_sub(WINDOW));
        if keep_from > 0 {
            self.stretch.drain(..keep_from);
            self.passed -= keep_from;
            self.whole = false;
        }
    }
}
