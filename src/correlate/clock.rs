//! From stamps to event time: the clock of one family.
//!
//! A stamp says what the log printed. Which instant that is depends on the zone and on what the family said before,
//! so every hit and tick of a family passes here, in the order of its files and lines. Nothing is clamped: a hit
//! keeps its own time, and the running maximum is only what families are merged by.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{Event, FamilyId, SLACK, TimedHit, What};
use super::saved::{self, Key, Unreadable};
use crate::pattern::Zone;
use crate::pattern::stamp::Stamp;
use crate::pattern::zone::STEP_BACK;
use crate::scan::belief::JUMP;
use crate::scan::jump::LONGEST;
use crate::scan::{Hit, Seen};
use crate::time::{Millis, SECOND};

/// Live: a line is read no later than this after its time.
pub const GRACE: Millis = 2 * SECOND;

/// Between two calls, `last` is the time of the family's last record that is known, `clock` the latest of them since
/// the machine's clock was last set back.
#[derive(Clone, Debug)]
pub struct Clock {
    family: FamilyId,
    zone: Zone,
    last: Option<Millis>,
    /// No record has told it: it is what was assumed for one.
    assumed: bool,
    clock: Option<Millis>,
    /// The same as hits tell it. Live, at the end of a file the wall clock goes on without them; a line that was flushed
    /// late is no step back, but it takes back what only the wall clock said. Where ticks are depends on where blocks end.
    latest: Option<Millis>,
    /// For records without any time before them: what the file around them says.
    fallback: Option<Millis>,
    /// Live: nothing that was just written is later than this by more than [`JUMP`].
    wall: Option<Millis>,
    /// Live: the family's clock goes this much ahead of the wall clock (or behind it), by far more than it should.
    skew: Option<Millis>,
    /// Live: the wall clock when records began to come from the future, and have ever since.
    ahead_since: Option<Millis>,
    hole: bool,
    /// Hits so far.
    hits: u64,
    /// Files that were begun.
    files: u32,
    pub counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub steps: u64,
    pub holes: u64,
    pub disbelieved: u64,
    /// Hits whose time had to be taken from the file.
    pub assumed: u64,
}

/// A [`Clock`] as it is saved; the zone is said anew.
#[derive(Serialize, Deserialize)]
struct SavedClock {
    last: Option<Millis>,
    assumed: bool,
    clock: Option<Millis>,
    latest: Option<Millis>,
    fallback: Option<Millis>,
    skew: Option<Millis>,
    hole: bool,
    hits: u64,
    files: u32,
    counts: [u64; 4],
}

impl Clock {
    pub fn new(family: FamilyId, zone: Zone) -> Clock {
        Clock {
            family,
            zone,
            last: None,
            assumed: false,
            clock: None,
            latest: None,
            fallback: None,
            wall: None,
            skew: None,
            ahead_since: None,
            hole: false,
            hits: 0,
            files: 0,
            counts: Counts::default(),
        }
    }

    /// What the next file or line of the family must know of those before, to be saved with how far it was read.
    pub fn save(&self) -> Option<Vec<u8>> {
        let Clock { last, assumed, clock, latest, fallback, skew, hole, hits, files, counts, .. } = *self;
        let Counts { steps, holes, disbelieved, assumed: times } = counts;
        saved::seal(&SavedClock {
            last,
            assumed,
            clock,
            latest,
            fallback,
            skew,
            hole,
            hits,
            files,
            counts: [steps, holes, disbelieved, times],
        })
    }

    /// Goes on from what [`save`](Clock::save) gave.
    pub fn restore(family: FamilyId, zone: Zone, bytes: &[u8]) -> Result<Clock, Unreadable> {
        let key = Key::new("family", &[&family.0.to_string()]);
        let SavedClock { last, assumed, clock, latest, fallback, skew, hole, hits, files, counts } =
            saved::open(&key, bytes)?;
        let [steps, holes, disbelieved, times] = counts;
        let counts = Counts { steps, holes, disbelieved, assumed: times };
        Ok(Clock {
            last,
            assumed,
            clock,
            latest,
            fallback,
            skew,
            hole,
            hits,
            files,
            counts,
            ..Clock::new(family, zone)
        })
    }

    pub fn last(&self) -> Option<Millis> {
        self.last
    }

    /// No later hit of the family is older than this, but for the slack.
    pub fn reached(&self) -> Option<Millis> {
        self.clock
    }

    pub fn zone(&self) -> Zone {
        self.zone
    }

    pub fn family(&self) -> FamilyId {
        self.family
    }

    /// A file of the family begins: its first stamp, and its own modification time, for what has no other time.
    /// Returns the instant of the former.
    pub fn begin_file(
        &mut self,
        first: Option<Stamp>,
        modified: Option<Millis>,
        out: &mut Vec<Event>,
    ) -> Option<Millis> {
        self.files = self.files.wrapping_add(1);
        let first = first.and_then(|s| self.zone.instant(s, self.last, modified));
        self.fallback = first.or(modified);
        if let Some(first) = first {
            self.pass_hole(first, out);
        }
        first
    }

    /// Live: the wall clock at this read.
    pub fn set_wall(&mut self, wall: Millis) {
        self.wall = Some(wall);
    }

    /// Live: a record with this time was read as it was written. If that is far from the wall clock, so is the family's
    /// clock from now on.
    pub fn written(&mut self, stamp: Stamp) {
        if let (Some(wall), Some(time)) = (self.wall, self.instant(stamp))
            && !self.is_from_the_future(time, wall)
        {
            self.skew = Some(time - wall).filter(|skew| skew.abs() > JUMP);
        }
    }

    /// Live: the wall clock was set by this much. Until a line tells, the family's time goes on as if it had not been:
    /// a clock that is wrong for a moment must not fire what only waits.
    pub fn wall_was_set(&mut self, by: Millis) {
        let skew = self.skew.unwrap_or(0).saturating_sub(by);
        // But it stands still for no one: the end of the file is no earlier than what is known already.
        let known = self.clock.zip(self.wall).map(|(clock, wall)| clock + GRACE - (wall + by));
        let skew = known.map_or(skew, |known| skew.max(known.min(0)));
        self.skew = Some(skew).filter(|skew| *skew != 0);
    }

    pub fn skew(&self) -> Option<Millis> {
        self.skew
    }

    /// Live: at the wall clock that was set last, the family was read to its end. Gives its clock there.
    pub fn at_end(&mut self, out: &mut Vec<Event>) -> Option<Millis> {
        if let Some(wall) = self.wall {
            let reached = wall + self.skew.unwrap_or(0) - GRACE;
            self.pass_hole(reached, out);
            self.tick(reached, out);
        }
        self.clock
    }

    /// Something of the family is missing here, before whatever comes next.
    pub fn hole(&mut self) {
        self.hole = true;
    }

    /// The last record of a file is as late as this.
    pub fn end_file(&mut self, last: Option<Stamp>, hole: bool, out: &mut Vec<Event>) {
        if let Some(t) = last.and_then(|s| self.believed(s)) {
            self.pass(t, out);
            (self.last, self.assumed) = (Some(t), false);
        }
        self.hole |= hole;
    }

    /// The logs are complete until `end`, but for a hole that is still open there.
    pub fn close(&mut self, end: Millis, out: &mut Vec<Event>) {
        self.pass_hole(end, out);
    }

    /// No other file follows: here the clock stops.
    pub fn stop(&mut self, out: &mut Vec<Event>) {
        if let Some(last) = self.last {
            self.tick(last, out);
        }
    }

    pub fn place(&mut self, seen: Seen, out: &mut Vec<Event>) {
        match seen {
            Seen::Hit(hit) => self.hit(hit, out),
            Seen::Tick(stamp) => {
                if let Some(t) = self.believed(stamp) {
                    self.pass(t, out);
                    // A tick is older than the record that it is made of.
                    self.recall(t - SLACK, STEP_BACK, out);
                }
            }
            Seen::Hole { from, until } => {
                let from = from.and_then(|s| self.instant(s)).or(self.last);
                if let Some(until) = self.instant(until) {
                    self.report_hole(from.unwrap_or(until), until, out);
                }
            }
        }
    }

    /// The time of what stands between the records of `stamp` and the next: of an orphan, or of a record without one.
    fn hit(&mut self, hit: Hit, out: &mut Vec<Event>) {
        let own = hit.stamp.and_then(|s| self.instant(s));
        let (time, assumed) = match own.or(self.last) {
            Some(t) => (t, own.is_none() && self.assumed),
            // Nothing in the family had a time so far. Without any hint the beginning of all time is the one value
            // that nobody takes for a real one.
            None => (self.fallback.unwrap_or(0), true),
        };
        let time = self.believe(time);
        // A time that is only the one before says nothing of where the hole ends.
        if own.is_some() {
            self.pass_hole(time, out);
        }
        if let Some(latest) = self.latest.filter(|latest| time < latest - STEP_BACK) {
            self.counts.steps += 1;
            let only_the_wall = self.clock.is_some_and(|clock| clock > latest);
            (self.clock, self.latest) = (Some(time), None);
            out.push(Event { key: time, what: What::Step(time - latest) });
            // Timers were set by lines and fall with them; what the wall clock said since is void.
            out.extend(only_the_wall.then_some(Event { key: time, what: What::Recall(time) }));
        }
        if own.is_some() {
            self.recall(time, SLACK, out);
        }
        self.latest = self.latest.max(Some(time));
        self.counts.assumed += u64::from(assumed);
        (self.last, self.assumed) = (Some(time), assumed);
        let key = self.clock.map_or(time, |c| c.max(time));
        self.clock = Some(key);
        let timed = TimedHit {
            hit,
            moment: self.zone.moment(time),
            assumed,
            family: self.family,
            position: self.hits,
            file: self.files,
        };
        self.hits += 1;
        out.push(Event { key, what: What::Hit(Arc::new(timed)) });
    }

    fn instant(&self, stamp: Stamp) -> Option<Millis> {
        self.zone.instant(stamp, self.last, self.fallback.or(self.wall))
    }

    /// What a record without a hit says, unless it is, live, from the future.
    fn believed(&mut self, stamp: Stamp) -> Option<Millis> {
        let time = self.instant(stamp)?;
        let wild = self.wall.is_some_and(|wall| self.is_from_the_future(time, wall));
        (!wild).then_some(time)
    }

    /// Live, a record from the future takes the time of the one before.
    fn believe(&mut self, time: Millis) -> Millis {
        match (self.wall, self.last) {
            (Some(wall), Some(last)) if self.is_from_the_future(time, wall) => {
                self.counts.disbelieved += 1;
                last
            }
            _ => time,
        }
    }

    /// A jump ahead of the wall clock, where the records before were not. A clock that was wrong for a moment is soon right
    /// again; one that stays ahead for as long as replay would believe it is the log's own.
    fn is_from_the_future(&mut self, time: Millis, wall: Millis) -> bool {
        if time <= wall + JUMP || self.last.is_none_or(|last| last > wall + JUMP) {
            // A record without a time has that of the one before, and tells nothing.
            if self.last != Some(time) {
                self.ahead_since = None;
            }
            return false;
        }
        let since = *self.ahead_since.get_or_insert(wall);
        wall - since <= LONGEST
    }

    fn tick(&mut self, time: Millis, out: &mut Vec<Event>) {
        // A tick behind the clock says nothing: larger falls are shown by hits alone.
        if self.clock.is_none_or(|clock| time > clock) {
            self.clock = Some(time);
            out.push(Event { key: time, what: What::Tick(time) });
        }
    }

    /// A record is behind a clock that no record has told: it goes back to what the record says. In replay there is no
    /// such clock.
    fn recall(&mut self, time: Millis, by: Millis, out: &mut Vec<Event>) {
        let told = self.latest.map_or(time, |latest| latest.max(time));
        if self.clock.is_some_and(|clock| told < clock - by) {
            self.clock = Some(told);
            out.push(Event { key: told, what: What::Recall(told) });
        }
    }

    /// A record without a hit says this. Where there are such depends on where blocks and files end, so the rules hear
    /// nothing of it.
    fn pass(&mut self, time: Millis, out: &mut Vec<Event>) {
        self.pass_hole(time, out);
        if self.last.is_none_or(|last| last < time) {
            (self.last, self.assumed) = (Some(time), false);
        }
    }

    /// A hole at the end of the file before ends with the first time behind it.
    fn pass_hole(&mut self, until: Millis, out: &mut Vec<Event>) {
        if std::mem::take(&mut self.hole) {
            self.report_hole(self.last.unwrap_or(until), until, out);
        }
    }

    fn report_hole(&mut self, from: Millis, until: Millis, out: &mut Vec<Event>) {
        self.counts.holes += 1;
        let key = self.clock.map_or(from, |c| c.max(from));
        out.push(Event { key, what: What::Hole { from, until } });
    }
}

#[cfg(test)]
mod tests;
