//! Jumps ahead that more records follow than [`belief`](super::belief) looks at.
//!
//! A machine that boots with a wrong clock writes hundreds of records before somebody sets it right. They are a burst: it
//! begins with a jump ahead, and the file takes it back when it is over. Hits do not wait for that. What was a burst is
//! noted by its place in the file, and whoever reads the file's hits afterwards gives those in it the time before it.
//!
//! Where a file ends inside a burst, or begins inside one, the files next to it tell: see [`Unsettled`].

use super::belief::JUMP;
use crate::pattern::Zone;
use crate::pattern::stamp::Stamp;
use crate::pattern::zone::STEP_BACK;
use crate::time::{MINUTE, Millis};

/// A clock that was wrong for longer than this, by its own time, and is then set back was not wrong but changed.
pub const LONGEST: Millis = 10 * MINUTE;

/// So many records behind a jump are read one by one; behind them it is enough to look where hits are and blocks end.
const READ_ON: u32 = 512;

/// Records that are not believed, by their places in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    pub from: u64,
    pub until: u64,
    /// The time of the record before them, which they take.
    pub before: Stamp,
}

/// A jump ahead that may still be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// `None`: the file begins here.
    before: Option<Stamp>,
    after: Stamp,
    latest: Stamp,
    /// Of the record behind it.
    from: u64,
    /// By how much local times differ there without anything having happened.
    doubt: Millis,
    read: u32,
    /// Hits since that were not believed for other reasons, and were not counted.
    wild: u64,
}

/// What becomes of a jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It may still be taken back.
    Open,
    /// It was not.
    Kept,
    TakenBack,
}

impl Jump {
    /// From one time to a later one, if that is a jump.
    pub fn between(zone: Zone, before: Stamp, after: Stamp, from: u64) -> Option<Jump> {
        let ahead = before.behind(after).filter(|ahead| *ahead > JUMP)?;
        let jump = Jump { before: Some(before), ..Jump::at_beginning(zone, after, from) };
        (ahead > JUMP + jump.doubt).then_some(jump)
    }

    fn at_beginning(zone: Zone, after: Stamp, from: u64) -> Jump {
        let doubt = if let Stamp::Local(local) = after { zone.doubt(local) } else { 0 };
        Jump { before: None, after, latest: after, from, doubt, read: 0, wild: 0 }
    }

    pub fn before(&self) -> Option<Stamp> {
        self.before
    }

    /// Of the first record behind it.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// The next record says this.
    pub fn go_on(&mut self, stamp: Stamp) -> Course {
        let Some(since) = self.after.behind(stamp) else { return Course::Kept };
        if since > self.longest() {
            Course::Kept
        } else if since >= -(STEP_BACK + self.doubt) {
            if self.latest.behind(stamp).is_some_and(|later| later > 0) {
                self.latest = stamp;
            }
            Course::Open
        } else if self.is_back(stamp) {
            Course::TakenBack
        } else {
            Course::Kept
        }
    }

    /// What began longer ago than this cannot be taken back any more: it would not be [back](Jump::is_back).
    fn longest(&self) -> Millis {
        let gap = self.before.and_then(|before| before.behind(self.after));
        gap.map_or(LONGEST, |gap| LONGEST.min(gap / 2)) + MINUTE
    }

    /// It comes back to where the jump began: nearer to there than to where it led, and what passed meanwhile fits into
    /// what passed altogether. A clock that was ahead for long and is then set back does not fit.
    fn is_back(&self, stamp: Stamp) -> bool {
        let Some(before) = self.before else { return true };
        let (passed, fall) = (before.behind(stamp), stamp.behind(self.after));
        let (Some(passed), Some(fall), Some(lasted)) = (passed, fall, self.after.behind(self.latest)) else {
            return false;
        };
        passed >= -STEP_BACK && passed <= fall && lasted <= passed.max(0) + MINUTE
    }
}

/// The jumps of a file, as its records come.
#[derive(Debug, Default)]
pub struct Jumps {
    open: Vec<Jump>,
    unsettled: Unsettled,
    bursts: Bursts,
}

/// What one file leaves to be told by those next to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unsettled {
    /// The file's first times are taken back by what follows, or nothing follows. Whether they were ahead, the file
    /// before it tells.
    pub beginning: Option<Beginning>,
    /// Nothing has taken them back when the file ended.
    pub jumps: Vec<Jump>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The latest of these times.
    pub latest: Stamp,
    /// What takes them back: its place and time.
    pub back: Option<(u64, Stamp)>,
}

/// Bursts in the order of the file; none lies in another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bursts(Vec<Burst>);

impl Bursts {
    /// Those of a file of which every time that can be believed is known, with the place of its record.
    pub fn of(zone: Zone, times: impl Iterator<Item = (u64, Stamp)>) -> Bursts {
        let (mut jumps, mut before) = (Jumps::default(), None);
        for (offset, stamp) in times {
            jumps.go_on(stamp, offset);
            jumps.open.extend(before.and_then(|before| Jump::between(zone, before, stamp, offset)));
            before = Some(stamp);
        }
        jumps.bursts
    }

    pub fn add(&mut self, burst: Burst) {
        if self.0.last().is_some_and(|last| last.from <= burst.from && burst.until <= last.until) {
            return;
        }
        self.0.retain(|other| other.until <= burst.from || burst.until <= other.from);
        let at = self.0.partition_point(|other| other.from < burst.from);
        self.0.insert(at, burst);
    }

    /// The time that is believed of a record at this place, if it is not its own.
    pub fn before(&self, offset: u64) -> Option<Stamp> {
        let at = self.0.partition_point(|burst| burst.from <= offset).checked_sub(1)?;
        self.0.get(at).filter(|burst| offset < burst.until).map(|burst| burst.before)
    }
}

impl Jumps {
    /// The file's first record.
    pub fn begin(&mut self, zone: Zone, stamp: Stamp, offset: u64) {
        self.open.push(Jump::at_beginning(zone, stamp, offset));
    }

    /// The record behind those of the open jumps. Gives how many hits count as not believed after all.
    pub fn go_on(&mut self, stamp: Stamp, offset: u64) -> u64 {
        let mut wild = 0;
        for mut jump in std::mem::take(&mut self.open).into_iter().rev() {
            jump.read = jump.read.saturating_add(1);
            match (jump.go_on(stamp), jump.before) {
                (Course::Open, _) => {
                    jump.wild += std::mem::take(&mut wild);
                    self.open.push(jump);
                }
                (Course::Kept, _) => wild += jump.wild,
                (Course::TakenBack, Some(before)) => {
                    self.bursts.add(Burst { from: jump.from, until: offset, before });
                }
                (Course::TakenBack, None) => {
                    wild += jump.wild;
                    self.unsettled.beginning = Some(Beginning { latest: jump.latest, back: Some((offset, stamp)) });
                }
            }
        }
        self.open.reverse();
        wild
    }

    pub fn open(&mut self, jump: Jump) {
        self.open.push(jump);
    }

    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Is every record of interest?
    pub fn read_on(&self) -> bool {
        self.open.iter().any(|jump| jump.read < READ_ON)
    }

    /// A hit is not believed because of the records next to it. Does it count, or may it be in a burst, which counts its
    /// own?
    pub fn counts_wild(&mut self, offset: u64) -> bool {
        match self.open.iter_mut().rev().find(|jump| jump.from <= offset) {
            Some(jump) => {
                jump.wild += 1;
                false
            }
            None => self.bursts.before(offset).is_none(),
        }
    }

    /// The file ends. Gives its bursts, what the files next to it must tell, and how many hits count as not believed
    /// after all.
    pub fn finish(self) -> (Bursts, Unsettled, u64) {
        let Jumps { open, mut unsettled, bursts } = self;
        let wild = open.iter().map(|jump| jump.wild).sum();
        for jump in open {
            match jump.before {
                Some(_) => unsettled.jumps.push(jump),
                None => unsettled.beginning = Some(Beginning { latest: jump.latest, back: None }),
            }
        }
        (bursts, unsettled, wild)
    }
}
