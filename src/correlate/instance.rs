//! An instance: one alarm at one location with its extra key fields, and all that its rules remember.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{FamilyId, TimedHit};
use super::packed::{KeptHit, Packed};
use super::window::Window;
use crate::pattern::{Alarm, AlarmId, CauseSet, ClearKind, RaiseKind};
use crate::time::{MINUTE, Millis, Moment};
use crate::transition::{Event, Provenance};

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
    /// `without`: a `renew` entry has counted that hit since the instance was raised.
    pub is_counted: bool,
}

impl Memory {
    /// Is there anything in it that the next hit or a deadline asks for?
    pub fn remembers(&self) -> bool {
        self.timer.deadline.is_some() || self.run > 0 || !self.window.is_empty()
    }
}

/// What a quiet entry remembers.
#[derive(Debug, Default)]
pub struct Quiet {
    pub timer: Timer,
    /// The last raise or renew hit that keeps it from clearing.
    pub hit: Option<KeptHit>,
}

/// The raise that an active instance stands on; its clear repeats it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Raised {
    pub at: Millis,
    /// Seconds east of UTC there.
    pub offset: i32,
    /// `at`, moved along when the machine's clock was set back, so that durations stay true.
    pub clock: Millis,
    pub family: FamilyId,
    pub causes: Box<[Arc<str>]>,
    /// In the order of their names.
    pub params: Box<[(Arc<str>, Box<str>)]>,
    pub provenance: Provenance,
}

/// There may be hundreds of thousands, so what few of them need is in boxes, what is read once in the end is packed, and
/// what the alarm, the place and the node say is not here at all: the key, for one.
#[derive(Debug)]
pub struct Instance {
    pub alarm: AlarmId,
    /// Index of the first log with its service and role.
    pub place: u32,
    pub by: Arc<[Box<str>]>,
    pub active: CauseSet,
    /// While it is active.
    pub raised: Option<Packed<Raised>>,
    pub count: u64,
    /// For each raise entry, as far as they have anything to remember: those that raise at once do not.
    pub raise: Box<[Option<Box<Memory>>]>,
    /// For each clear entry, as far as they are quiet entries that wait or have waited.
    pub quiet: Box<[Quiet]>,
    pub forget: Timer,
    /// The last raise or renew hit, while it is active.
    pub last_hit: Option<KeptHit>,
    /// With the family on whose clock that is.
    pub last_transition: Option<(Millis, FamilyId)>,
    pub recent: Recent,
    /// It is among those that have changed since they were last saved.
    pub is_changed: bool,
    pub is_saved: bool,
}

impl Instance {
    pub fn new(id: AlarmId, place: u32, by: Arc<[Box<str>]>) -> Instance {
        Instance {
            alarm: id,
            place,
            by,
            active: 0,
            raised: None,
            count: 0,
            raise: Box::default(),
            quiet: Box::default(),
            forget: Timer::default(),
            last_hit: None,
            last_transition: None,
            recent: Recent::default(),
            is_changed: false,
            is_saved: false,
        }
    }

    /// What this raise entry remembers.
    pub fn memory(&mut self, entry: usize) -> &mut Memory {
        grow(&mut self.raise, entry);
        self.raise[entry].get_or_insert_default()
    }

    /// What this clear entry remembers.
    pub fn quiet(&mut self, entry: usize) -> &mut Quiet {
        grow(&mut self.quiet, entry);
        &mut self.quiet[entry]
    }

    pub fn timer(&mut self, slot: Slot) -> &mut Timer {
        match slot {
            Slot::Raise(i) => &mut self.memory(usize::from(i)).timer,
            Slot::Clear(i) => &mut self.quiet(usize::from(i)).timer,
            Slot::Forget => &mut self.forget,
        }
    }

    pub fn slots(&self) -> impl Iterator<Item = (Slot, &Timer)> {
        let raise =
            self.raise.iter().enumerate().filter_map(|(i, m)| Some((Slot::Raise(i as u16), &m.as_ref()?.timer)));
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
        let memories = alarm.raise.iter().zip(&self.raise).filter_map(|(r, m)| Some((r, m.as_ref()?)));
        let counting = memories.into_iter().any(|(r, m)| match r.kind {
            RaiseKind::Count { within, .. } => m.window.latest().is_some_and(|t| t >= clock - within - LINGER),
            RaiseKind::Absent { span, .. } => m.run > 0 && m.last >= clock - span - LINGER,
            _ => false,
        });
        let fresh = self.last_transition.is_some_and(|(t, _)| t >= clock - LINGER);
        self.active == 0 && !waits && !counting && !fresh
    }

    /// The clock behind `family` was changed: whatever it timed moves along.
    pub fn shift(&mut self, family: FamilyId, by: Millis) {
        for memory in self.raise.iter_mut().flatten() {
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
        if let Some(mut raised) = self.raised.as_ref().and_then(Packed::open).filter(|r| r.family == family) {
            raised.clock += by;
            self.raised = Packed::new(&raised);
        }
        if let Some((time, _)) = self.last_transition.as_mut().filter(|(_, f)| *f == family) {
            *time += by;
        }
    }

    /// What is missing between two times proves nothing.
    pub fn pass_hole(&mut self, alarm: &Alarm, family: FamilyId, from: Millis, until: Millis) {
        for (raise, memory) in alarm.raise.iter().zip(&mut self.raise) {
            let Some(memory) = memory else { continue };
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

/// Makes room for an entry; there is none for those behind it.
fn grow<T: Default>(entries: &mut Box<[T]>, entry: usize) {
    if entry >= entries.len() {
        let mut more = std::mem::take(entries).into_vec();
        more.resize_with(entry + 1, T::default);
        *entries = more.into();
    }
}

impl Raised {
    pub fn moment(&self) -> Moment {
        Moment { millis: self.at, offset: self.offset }
    }
}

/// One of the recent transitions: event, time, how many so far.
type Counted = (Event, Millis, u32);

/// Recent transitions, for ordinals. Most instances have one.
#[derive(Clone, Debug, Default)]
pub enum Recent {
    #[default]
    None,
    One(Counted),
    More(Box<[Counted]>),
}

impl Recent {
    /// Number of this transition among those with the same event and time.
    pub fn ordinal(&mut self, event: Event, time: Millis) -> u32 {
        let mut all: Vec<Counted> = self.iter().collect();
        let newest = all.iter().map(|(_, t, _)| *t).max().unwrap_or(time).max(time);
        // A step back makes `newest` mean nothing; the length bounds it then.
        while all.len() > 64 || all.first().is_some_and(|(_, t, _)| *t < newest - LINGER) {
            all.remove(0);
        }
        let known = all.iter_mut().find(|(e, t, _)| *e == event && *t == time);
        let ordinal = known.map_or(0, |(_, _, n)| {
            *n += 1;
            *n
        });
        if ordinal == 0 {
            all.push((event, time, 0));
        }
        *self = all.into_iter().collect();
        ordinal
    }

    /// What there is to save of it.
    pub fn iter(&self) -> impl Iterator<Item = Counted> {
        let counted = match self {
            Recent::None => &[],
            Recent::One(counted) => std::slice::from_ref(counted),
            Recent::More(counted) => counted,
        };
        counted.iter().copied()
    }
}

impl FromIterator<Counted> for Recent {
    fn from_iter<T: IntoIterator<Item = Counted>>(counted: T) -> Recent {
        let all: Vec<Counted> = counted.into_iter().collect();
        match all.as_slice() {
            [] => Recent::None,
            [one] => Recent::One(*one),
            _ => Recent::More(all.into()),
        }
    }
}
