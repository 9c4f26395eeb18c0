//! An instance: one alarm at one location with its extra key fields, and all that its rules remember.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::event::{FamilyId, TimedHit};
use super::window::Window;
use crate::pattern::{Alarm, AlarmId, CauseSet, ClearKind, RaiseKind};
use crate::time::{MINUTE, Millis, Moment};
use crate::transition::{Event, Location, Provenance};

/// An instance without any state is kept this long after its last change: a record of the same millisecond must get
/// another ordinal.
pub const LINGER: Millis = 2 * MINUTE;

/// What waits for a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// An `absent` or `without` entry, by index.
    Raise(u16),
    /// A `quiet` entry, by index.
    Clear(u16),
    /// Forgetting the instance itself.
    Forget,
}

#[derive(Clone, Debug, Default)]
pub struct Timer {
    pub deadline: Option<Millis>,
    /// The family on whose clock it runs: that of the hit that set it.
    pub family: Option<FamilyId>,
    /// The earliest entry for it in the family's queue.
    pub queued: Option<Millis>,
}

/// What a raise entry remembers.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub timer: Timer,
    /// `absent`: hits in a row so far.
    pub run: u32,
    /// `absent`: time of the last of them.
    pub last: Millis,
    /// `count`: times and weights inside the window.
    pub window: Window,
    /// The hit that a deadline will be blamed on.
    pub hit: Option<Arc<TimedHit>>,
}

impl Memory {
    /// Is there anything in it that the next hit or a deadline asks for?
    pub fn remembers(&self) -> bool {
        self.timer.deadline.is_some() || self.run > 0 || !self.window.is_empty()
    }
}

/// What a quiet entry remembers.
#[derive(Clone, Debug, Default)]
pub struct Quiet {
    pub timer: Timer,
    /// The last raise or renew hit that keeps it from clearing.
    pub hit: Option<Arc<TimedHit>>,
}

/// The raise that an active instance stands on; its clear repeats it.
#[derive(Clone, Debug)]
pub struct Raised {
    pub at: Moment,
    /// `at`, moved along when the machine's clock was set back, so that durations stay true.
    pub clock: Millis,
    pub family: FamilyId,
    pub causes: Vec<Arc<str>>,
    pub params: BTreeMap<Arc<str>, String>,
    pub provenance: Provenance,
}

#[derive(Debug)]
pub struct Instance {
    pub alarm: AlarmId,
    pub place: u32,
    pub by: Box<[Box<str>]>,
    pub key: Arc<str>,
    pub location: Location,
    pub active: CauseSet,
    pub raised: Option<Raised>,
    pub count: u64,
    pub raise: Vec<Memory>,
    pub quiet: Vec<Quiet>,
    pub forget: Timer,
    /// The last raise or renew hit, while it is active.
    pub last_hit: Option<Arc<TimedHit>>,
    /// With the family on whose clock that is.
    pub last_transition: Option<(Millis, FamilyId)>,
    pub recent: Recent,
    /// It is among those that have changed since they were last saved.
    pub is_changed: bool,
    pub is_saved: bool,
}

impl Instance {
    pub fn new(
        id: AlarmId,
        alarm: &Alarm,
        place: u32,
        by: Box<[Box<str>]>,
        key: Arc<str>,
        location: Location,
    ) -> Instance {
        Instance {
            alarm: id,
            place,
            by,
            key,
            location,
            active: 0,
            raised: None,
            count: 0,
            raise: vec![Memory::default(); alarm.raise.len()],
            quiet: vec![Quiet::default(); alarm.clear.len()],
            forget: Timer::default(),
            last_hit: None,
            last_transition: None,
            recent: Recent::default(),
            is_changed: false,
            is_saved: false,
        }
    }

    pub fn timer(&mut self, slot: Slot) -> &mut Timer {
        match slot {
            Slot::Raise(i) => &mut self.raise[usize::from(i)].timer,
            Slot::Clear(i) => &mut self.quiet[usize::from(i)].timer,
            Slot::Forget => &mut self.forget,
        }
    }

    pub fn slots(&self) -> impl Iterator<Item = (Slot, &Timer)> {
        let raise = self.raise.iter().enumerate().map(|(i, m)| (Slot::Raise(i as u16), &m.timer));
        let quiet = self.quiet.iter().enumerate().map(|(i, q)| (Slot::Clear(i as u16), &q.timer));
        raise.chain(quiet).chain([(Slot::Forget, &self.forget)])
    }

    /// The earliest deadline before `time`, but for forgetting.
    pub fn due_before(&self, time: Millis) -> Option<(Millis, Slot)> {
        let due = self.slots().filter(|(slot, _)| *slot != Slot::Forget);
        due.filter_map(|(slot, t)| Some((t.deadline.filter(|d| *d < time)?, slot))).min()
    }

    /// Nothing would be lost with this instance at `clock`.
    pub fn is_idle(&self, alarm: &Alarm, clock: Millis) -> bool {
        let waits = self.slots().any(|(slot, t)| slot != Slot::Forget && t.deadline.is_some());
        let counting = alarm.raise.iter().zip(&self.raise).any(|(r, m)| match r.kind {
            RaiseKind::Count { within, .. } => m.window.latest().is_some_and(|t| t >= clock - within - LINGER),
            RaiseKind::Absent { span, .. } => m.run > 0 && m.last >= clock - span - LINGER,
            _ => false,
        });
        let fresh = self.last_transition.is_some_and(|(t, _)| t >= clock - LINGER);
        self.active == 0 && !waits && !counting && !fresh
    }

    /// The clock behind `family` was changed: whatever it timed moves along.
    pub fn shift(&mut self, family: FamilyId, by: Millis) {
        for memory in &mut self.raise {
            if memory.timer.family == Some(family) {
                memory.last += by;
            }
            memory.window.shift(family, by);
            memory.timer.shift(family, by);
        }
        for quiet in &mut self.quiet {
            quiet.timer.shift(family, by);
        }
        self.forget.shift(family, by);
        if let Some(raised) = self.raised.as_mut().filter(|r| r.family == family) {
            raised.clock += by;
        }
        if let Some((time, _)) = self.last_transition.as_mut().filter(|(_, f)| *f == family) {
            *time += by;
        }
    }

    /// What is missing between two times proves nothing.
    pub fn pass_hole(&mut self, alarm: &Alarm, family: FamilyId, from: Millis, until: Millis) {
        for (raise, memory) in alarm.raise.iter().zip(&mut self.raise) {
            if memory.timer.family != Some(family) || memory.timer.deadline.is_some_and(|d| d <= from) {
                continue;
            }
            match raise.kind {
                RaiseKind::Absent { .. } => {
                    memory.run = 0;
                    memory.timer.deadline = None;
                }
                RaiseKind::Without { .. } => memory.timer.deadline = memory.timer.deadline.filter(|d| *d > until),
                RaiseKind::On { .. } | RaiseKind::Count { .. } => {}
            }
        }
        for (clear, Quiet { timer, .. }) in alarm.clear.iter().zip(&mut self.quiet) {
            if let ClearKind::Quiet(span) = clear.kind
                && timer.family == Some(family)
                && let Some(deadline) = timer.deadline.filter(|d| *d > from)
            {
                timer.deadline = Some(deadline.max(until + span));
            }
        }
    }
}

impl Timer {
    /// From now on it runs on the clock of this family, whose queue does not know of it yet.
    pub fn belong_to(&mut self, family: FamilyId) {
        if self.family != Some(family) {
            self.family = Some(family);
            self.queued = None;
        }
    }

    fn shift(&mut self, family: FamilyId, by: Millis) {
        if self.family == Some(family) {
            self.deadline = self.deadline.map(|d| d + by);
            self.queued = None;
        }
    }
}

/// Recent transitions, for ordinals: event, time, how many so far.
#[derive(Clone, Debug, Default)]
pub struct Recent(VecDeque<(Event, Millis, u32)>);

impl Recent {
    /// Number of this transition among those with the same event and time.
    pub fn ordinal(&mut self, event: Event, time: Millis) -> u32 {
        let newest = self.0.iter().map(|(_, t, _)| *t).max().unwrap_or(time).max(time);
        // A step back makes `newest` mean nothing; the length bounds it then.
        while self.0.len() > 64 || self.0.front().is_some_and(|(_, t, _)| *t < newest - LINGER) {
            self.0.pop_front();
        }
        match self.0.iter_mut().find(|(e, t, _)| *e == event && *t == time) {
            Some((_, _, n)) => {
                *n += 1;
                *n
            }
            None => {
                self.0.push_back((event, time, 0));
                0
            }
        }
    }

    /// What there is to save of it.
    pub fn iter(&self) -> impl Iterator<Item = (Event, Millis, u32)> {
        self.0.iter().copied()
    }
}

impl FromIterator<(Event, Millis, u32)> for Recent {
    fn from_iter<T: IntoIterator<Item = (Event, Millis, u32)>>(saved: T) -> Recent {
        Recent(saved.into_iter().collect())
    }
}
