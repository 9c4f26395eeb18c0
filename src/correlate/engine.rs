//! The rules of alarms, applied to one node's hits and ticks.
//!
//! Deterministic and without a clock of its own: time is what hits and ticks say. An engine serves one lane of one
//! node; the merge decides in which order it hears of things.

mod notes;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::event::{Family, FamilyId, SLACK, TimedHit, What};
use super::history::{From, History};
use super::instance::{Instance, LINGER, Slot};
use super::note::{About, Did, Entry, Note};
use super::record::{Change, Site};
use crate::pattern::{Alarm, AlarmId, By, CauseSet, Clear, ClearKind, Patterns, Raise, RaiseKind, SignalId};
use crate::time::Millis;
use crate::transition::{ClearedBy, Event, Transition};

type InstanceId = u64;

/// Instances of one alarm at one service and role.
type Group = HashMap<Box<[Box<str>]>, InstanceId>;

pub struct Engine<'p> {
    patterns: &'p Patterns,
    site: Site,
    /// Signal → alarms of this lane that have a rule over it.
    alarms: Vec<Vec<AlarmId>>,
    /// Log → index of its service and role, equal for logs that share them.
    places: Vec<u32>,
    instances: HashMap<InstanceId, Instance>,
    groups: HashMap<(AlarmId, u32), Group>,
    next: InstanceId,
    clocks: HashMap<FamilyId, Millis>,
    timers: HashMap<FamilyId, BinaryHeap<Reverse<(Millis, InstanceId, Slot)>>>,
    history: History,
    out: Vec<Transition>,
    notes: Option<Vec<Note>>,
    /// What the next notes are about.
    about: About,
}

/// What makes a cause begin: a hit, or a deadline that an earlier hit set.
struct Cause<'a> {
    hit: &'a Arc<TimedHit>,
    time: Millis,
    deadline: bool,
    weight: u64,
}

impl<'p> Engine<'p> {
    /// An engine for the alarms that read several families, or for those that read one.
    pub fn new(patterns: &'p Patterns, site: Site, several: bool) -> Engine<'p> {
        let mut alarms = vec![Vec::new(); patterns.signals.len()];
        for (at, alarm) in patterns.alarms.iter().enumerate().filter(|(_, a)| a.several == several) {
            let mut signals: Vec<SignalId> = alarm.raise.iter().flat_map(|r| r.kind.signals()).collect();
            signals.extend(alarm.clear.iter().flat_map(|c| c.signals()));
            signals.sort_unstable();
            signals.dedup();
            for signal in signals {
                alarms[signal.index()].push(AlarmId(at as u32));
            }
        }
        let place = |log: &crate::pattern::Log| {
            patterns.logs.iter().position(|l| (&l.service, &l.role) == (&log.service, &log.role)).unwrap_or(0) as u32
        };
        Engine {
            patterns,
            alarms,
            places: patterns.logs.iter().map(place).collect(),
            instances: HashMap::new(),
            groups: HashMap::new(),
            next: 0,
            clocks: HashMap::new(),
            timers: HashMap::new(),
            history: History::new(patterns, site.hold),
            site,
            out: Vec::new(),
            notes: None,
            about: About::default(),
        }
    }

    /// From now on, keep notes of what the rules do.
    pub fn listen(&mut self) {
        self.notes = Some(Vec::new());
    }

    pub fn take_notes(&mut self) -> Vec<Note> {
        self.notes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The earliest deadline of families that are `open`, so that what comes out can be put in order of time.
    pub fn earliest_deadline(&self, open: impl Fn(FamilyId) -> bool) -> Option<Millis> {
        let timers = self.timers.iter().filter(|(family, _)| open(**family));
        timers.filter_map(|(_, t)| t.peek()).map(|Reverse((d, ..))| *d).min()
    }

    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// Takes in one event of a family and gives the transitions that it makes.
    pub fn event(&mut self, families: &[Family], id: FamilyId, what: &What, late: bool, out: &mut Vec<Transition>) {
        let family = &families[id.index()];
        match what {
            What::Tick(time) => self.advance(families, id, *time),
            What::Hit(hit) => {
                self.advance(families, id, hit.moment.millis);
                self.hit(families, family, hit, late);
            }
            What::Hole { from, until } => self.hole(id, *from, *until),
            What::Step(by) => self.step(id, *by),
        }
        out.append(&mut self.out);
    }

    /// The family's clock has reached `time`: deadlines that it has passed are facts now.
    fn advance(&mut self, families: &[Family], id: FamilyId, time: Millis) {
        let clock = self.clocks.entry(id).or_insert(time);
        *clock = time.max(*clock);
        let clock = *clock;
        while let Some(timers) = self.timers.get_mut(&id) {
            match timers.peek() {
                Some(Reverse((deadline, ..))) if *deadline + SLACK < clock => {}
                _ => return,
            }
            let Some(Reverse((deadline, instance, slot))) = timers.pop() else { return };
            self.due(families, id, instance, slot, deadline);
        }
    }

    /// The logs are complete until `end`, all of them: deadlines of all families fire in one order.
    pub fn complete(&mut self, families: &[Family], end: Millis, out: &mut Vec<Transition>) {
        for clock in self.clocks.values_mut() {
            *clock = end.max(*clock);
        }
        loop {
            let tops = self.timers.iter().filter_map(|(id, timers)| Some((timers.peek()?.0, *id)));
            let due =
                tops.filter(|((deadline, ..), id)| self.clocks.get(id).is_some_and(|c| deadline + SLACK < *c)).min();
            let Some(((deadline, instance, slot), id)) = due else { break };
            if let Some(timers) = self.timers.get_mut(&id) {
                timers.pop();
            }
            self.due(families, id, instance, slot, deadline);
        }
        out.append(&mut self.out);
    }

    /// An entry of the queue has come up; the timer may have been moved since.
    fn due(&mut self, families: &[Family], family: FamilyId, id: InstanceId, slot: Slot, queued: Millis) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let timer = instance.timer(slot);
        if timer.queued == Some(queued) {
            timer.queued = None;
        }
        match timer.deadline {
            Some(d) if timer.family == Some(family) && d == queued => self.fire(families, id, slot, d),
            Some(d) if timer.family == Some(family) => self.set_timer(id, slot, d, family),
            _ => {}
        }
    }

    fn set_timer(&mut self, id: InstanceId, slot: Slot, deadline: Millis, family: FamilyId) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let timer = instance.timer(slot);
        // An entry of the queue that comes up earlier is moved then: one entry serves any number of renewals.
        let covered = timer.family == Some(family) && timer.queued.is_some_and(|q| q <= deadline);
        timer.deadline = Some(deadline);
        timer.family = Some(family);
        if !covered {
            timer.queued = Some(deadline);
            self.timers.entry(family).or_default().push(Reverse((deadline, id, slot)));
        }
    }

    fn fire(&mut self, families: &[Family], id: InstanceId, slot: Slot, deadline: Millis) {
        let before = self.about;
        if self.notes.is_some() {
            self.about = self.about_deadline(families, id, slot, deadline);
        }
        self.fire_slot(families, id, slot, deadline);
        self.about = before;
    }

    fn fire_slot(&mut self, families: &[Family], id: InstanceId, slot: Slot, deadline: Millis) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let family = instance.timer(slot).family;
        instance.timer(slot).deadline = None;
        let alarm = self.patterns.alarm(instance.alarm);
        match slot {
            Slot::Raise(at) => {
                let entry = &alarm.raise[usize::from(at)];
                let memory = &mut instance.raise[usize::from(at)];
                memory.run = 0;
                let Some(hit) = memory.hit.clone() else { return };
                let weight = if matches!(entry.kind, RaiseKind::Absent { .. }) { 1 } else { hit.hit.weight };
                let cause = Cause { hit: &hit, time: deadline, deadline: true, weight };
                if !self.suppressed(families, id, entry, &cause) {
                    self.begin(families, id, entry, &cause, false);
                }
            }
            Slot::Clear(at) => {
                let clear = &alarm.clear[usize::from(at)];
                let hit = instance.last_hit.clone();
                if let Some(hit) = hit {
                    self.end(families, id, clear.causes, ClearedBy::Quiet, &hit, deadline, true, false);
                }
            }
            Slot::Forget => {
                let clock = family.and_then(|f| self.clocks.get(&f)).copied().unwrap_or(deadline);
                if instance.is_idle(alarm, clock) {
                    self.forget(id);
                } else if instance.active == 0
                    && let Some(family) = family
                {
                    self.set_timer(id, Slot::Forget, clock + LINGER, family);
                }
            }
        }
    }

    fn forget(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.remove(&id)
            && let Some(group) = self.groups.get_mut(&(instance.alarm, instance.place))
        {
            group.remove(&instance.by);
        }
    }

    fn hit(&mut self, families: &[Family], family: &Family, hit: &Arc<TimedHit>, late: bool) {
        let patterns = self.patterns;
        for at in 0..self.alarms[hit.hit.signal.index()].len() {
            let id = self.alarms[hit.hit.signal.index()][at];
            let alarm = patterns.alarm(id);
            if alarm.logs.contains(&family.log) {
                self.apply(families, id, alarm, family, hit, late);
            } else if let Some(notes) = &mut self.notes {
                notes.push(Note { alarm: id, key: "".into(), about: About::default(), did: Did::OtherLog });
            }
        }
        self.history.remember(hit);
    }

    /// One hit and one alarm: what is overdue, then what it ends, then what it begins.
    fn apply(
        &mut self,
        families: &[Family],
        id: AlarmId,
        alarm: &Alarm,
        family: &Family,
        hit: &Arc<TimedHit>,
        late: bool,
    ) {
        let signal = hit.hit.signal;
        let place = self.places[family.log.index()];
        let ends = |c: &&Clear| c.signals().contains(&signal);
        let stops = |r: &Raise| match &r.kind {
            RaiseKind::Without { without, .. } => without.contains(&signal),
            RaiseKind::Absent { disarm, .. } => disarm.contains(&signal),
            _ => false,
        };
        let begins = |r: &Raise| r.kind.raising().contains(&signal);
        if alarm.clear.iter().any(|c| ends(&c)) || alarm.raise.iter().any(stops) {
            let touched = self.matching(id, alarm, place, family, hit);
            if touched.is_empty() {
                self.note_untouched(id, alarm, family, hit, |c| ends(&c), stops);
            }
            for instance in touched {
                self.overdue(families, instance, hit.moment.millis);
                if !self.is_too_late(instance, hit, late) {
                    for (at, clear) in alarm.clear.iter().enumerate().filter(|(_, c)| ends(c)) {
                        self.about.entry = Some(Entry::Clear(at));
                        self.clear(families, instance, alarm, clear, hit, late);
                    }
                    for (at, _) in alarm.raise.iter().enumerate().filter(|(_, r)| stops(r)) {
                        self.about.entry = Some(Entry::Raise(at));
                        self.stop(instance, at);
                    }
                }
            }
        }
        if alarm.raise.iter().any(begins) {
            let instance = self.exact(id, alarm, place, family, hit);
            self.overdue(families, instance, hit.moment.millis);
            for (at, entry) in alarm.raise.iter().enumerate().filter(|(_, r)| begins(r)) {
                self.about.entry = Some(Entry::Raise(at));
                if self.is_too_late(instance, hit, late) {
                    self.count_only(instance, hit);
                } else {
                    self.raise(families, instance, alarm, at, entry, hit, late);
                }
            }
            self.linger(instance, hit);
        }
        self.about = About::default();
    }

    /// Deadlines of this instance that are earlier than a hit of it were kept, whatever the ticks say.
    fn overdue(&mut self, families: &[Family], id: InstanceId, time: Millis) {
        while let Some((deadline, slot)) = self.instances.get(&id).and_then(|i| i.due_before(time)) {
            self.fire(families, id, slot, deadline);
        }
    }

    /// A hit that comes after the hold and is older than what its instance did last changes nothing.
    fn is_too_late(&mut self, id: InstanceId, hit: &TimedHit, late: bool) -> bool {
        let last = self.instances.get(&id).and_then(|i| i.last_transition);
        let too_late = late && last.is_some_and(|t| hit.moment.millis < t);
        if too_late {
            self.note(id, Did::TooLate);
        }
        too_late
    }

    fn count_only(&mut self, id: InstanceId, hit: &Arc<TimedHit>) {
        if let Some(instance) = self.instances.get_mut(&id).filter(|i| i.active != 0) {
            instance.count += hit.hit.weight;
        }
    }

    /// The instance that a raise hit belongs to; it is made if need be.
    fn exact(&mut self, id: AlarmId, alarm: &Alarm, place: u32, family: &Family, hit: &TimedHit) -> InstanceId {
        let by: Box<[Box<str>]> = alarm.by.iter().map(|by| value(by, family, hit).unwrap_or_default()).collect();
        let group = self.groups.entry((id, place)).or_default();
        if let Some(instance) = group.get(&by) {
            return *instance;
        }
        let instance = self.next;
        self.next += 1;
        group.insert(by.clone(), instance);
        let made = self.site.instance(self.patterns, id, family, place, by);
        self.instances.insert(instance, made);
        instance
    }

    /// The instances that a clear hit acts on: what it does not capture, it does not tell apart.
    fn matching(&self, id: AlarmId, alarm: &Alarm, place: u32, family: &Family, hit: &TimedHit) -> Vec<InstanceId> {
        let Some(group) = self.groups.get(&(id, place)) else { return Vec::new() };
        let wanted: Vec<Option<Box<str>>> = alarm.by.iter().map(|by| value(by, family, hit)).collect();
        if wanted.iter().all(Option::is_some) {
            let exact: Box<[Box<str>]> = wanted.into_iter().flatten().collect();
            return group.get(&exact).copied().into_iter().collect();
        }
        let fits =
            |by: &[Box<str>]| by.iter().zip(&wanted).all(|(own, wanted)| wanted.as_ref().is_none_or(|w| w == own));
        let mut found: Vec<(&Box<[Box<str>]>, InstanceId)> =
            group.iter().filter(|(by, _)| fits(by)).map(|(by, i)| (by, *i)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, instance)| instance).collect()
    }

    fn clear(
        &mut self,
        families: &[Family],
        id: InstanceId,
        alarm: &Alarm,
        clear: &Clear,
        hit: &Arc<TimedHit>,
        late: bool,
    ) {
        let by = match clear.kind {
            ClearKind::On(_) => ClearedBy::Signal,
            ClearKind::Present(_) => {
                // Presence ends an absence; without one it is the ordinary state of things.
                let absences = alarm.raise.iter().filter(|r| matches!(r.kind, RaiseKind::Absent { .. }));
                let absent = absences.fold(0, |set, r| set | bit(r.cause));
                if self.instances.get(&id).is_none_or(|i| i.active & absent == 0) {
                    self.note(id, Did::NothingAbsent);
                    return;
                }
                ClearedBy::Present
            }
            ClearKind::Quiet(_) => return,
        };
        self.end(families, id, clear.causes, by, hit, hit.moment.millis, false, late);
    }

    /// Causes end; with the last of them, the instance is cleared.
    #[allow(clippy::too_many_arguments)]
    fn end(
        &mut self,
        families: &[Family],
        id: InstanceId,
        causes: CauseSet,
        by: ClearedBy,
        hit: &Arc<TimedHit>,
        time: Millis,
        deadline: bool,
        late: bool,
    ) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let ended = instance.active & causes;
        if ended == 0 {
            self.note(id, Did::NothingToClear);
            return;
        }
        instance.active &= !causes;
        let cleared = instance.active == 0;
        self.note(id, Did::Ended { causes: ended, changed: cleared });
        let Some(instance) = self.instances.get_mut(&id) else { return };
        if !cleared {
            return;
        }
        for timer in &mut instance.quiet {
            timer.deadline = None;
        }
        let change = Change { event: Event::Clear, hit, time, deadline, late, cleared_by: Some(by), reasons: &[] };
        let transition = self.site.transition(self.patterns, families, instance, &change);
        self.out.extend(transition);
        self.linger(id, hit);
    }

    fn stop(&mut self, id: InstanceId, at: usize) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let memory = &mut instance.raise[at];
        let waited = memory.timer.deadline.take().is_some() || memory.run > 0;
        memory.run = 0;
        let absent = matches!(self.patterns.alarm(instance.alarm).raise[at].kind, RaiseKind::Absent { .. });
        self.note(
            id,
            match (waited, absent) {
                (true, true) => Did::Disarmed,
                (true, false) => Did::Cancelled,
                (false, _) => Did::NothingToStop,
            },
        );
    }

    #[allow(clippy::too_many_arguments)]
    fn raise(
        &mut self,
        families: &[Family],
        id: InstanceId,
        alarm: &Alarm,
        at: usize,
        entry: &Raise,
        hit: &Arc<TimedHit>,
        late: bool,
    ) {
        let time = hit.moment.millis;
        let cause = Cause { hit, time, deadline: false, weight: hit.hit.weight };
        match &entry.kind {
            RaiseKind::On { .. } if entry.renew => self.renew(families, id, entry, &cause),
            RaiseKind::On { .. } => {
                if self.suppressed(families, id, entry, &cause) {
                } else if alarm.stateless {
                    self.occur(families, id, entry, &cause, late);
                } else {
                    self.begin(families, id, entry, &cause, late);
                }
            }
            RaiseKind::Count { count, within, .. } => {
                if !self.suppressed(families, id, entry, &cause) {
                    self.count(families, id, at, entry, (*count, *within), &cause, late);
                }
            }
            RaiseKind::Without { within, .. } => self.wait(families, id, at, time + within, hit),
            RaiseKind::Absent { span, arm, .. } => self.arm(families, id, at, (*span, *arm), hit),
        }
    }

    fn renew(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause) {
        let active = self.instances.get(&id).is_some_and(|i| i.active != 0);
        if active {
            self.note(id, Did::Renewed { cause: entry.cause });
            self.touch(families, id, entry, cause);
        } else {
            self.note(id, Did::NothingToRenew);
        }
    }

    /// A raise or renew hit counts, and every quiet entry that it keeps up starts anew.
    fn touch(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        instance.count += cause.weight;
        instance.last_hit = Some(cause.hit.clone());
        let alarm = self.patterns.alarm(instance.alarm);
        for (at, clear) in alarm.clear.iter().enumerate() {
            let ClearKind::Quiet(span) = clear.kind else { continue };
            let keeps = if entry.renew { !0 } else { bit(entry.cause) };
            if clear.causes & keeps != 0 {
                let Some(instance) = self.instances.get(&id) else { return };
                let older = instance.quiet[at].deadline.unwrap_or(Millis::MIN);
                let deadline = older.max(cause.time + span);
                self.set_timer(id, Slot::Clear(at as u16), deadline, cause.hit.family);
                self.note_quiet(id, families, at, deadline, cause.hit.family);
            }
        }
    }

    fn begin(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause, late: bool) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        if instance.active == 0 {
            instance.count = 0;
        }
        let (before, own) = (instance.active, bit(entry.cause));
        instance.active |= own;
        let did = if before & own != 0 {
            Did::Renewed { cause: entry.cause }
        } else {
            Did::Began { cause: entry.cause, changed: before == 0 }
        };
        self.note(id, did);
        self.touch(families, id, entry, cause);
        if before == 0 {
            self.changed(families, id, entry, cause, Event::Raise, late);
        }
    }

    fn occur(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause, late: bool) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.count = cause.weight;
        }
        self.note(id, Did::Occurred);
        self.changed(families, id, entry, cause, Event::Occur, late);
    }

    /// Writes the raise (or the record without a state), with what a look back finds.
    fn changed(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause, event: Event, late: bool) {
        let from = From { family: cause.hit.family, time: cause.time, deadline: cause.deadline };
        let mut reasons = Vec::new();
        for with in &entry.with {
            let mut found = self.history.recent(families, &with.on, from, with.within);
            found.retain(|hit| !std::ptr::eq::<TimedHit>(&***hit, &**cause.hit));
            found.truncate(with.max);
            let found: Vec<Arc<TimedHit>> = found.into_iter().cloned().collect();
            if let (true, Some(&on)) = (found.is_empty(), with.on.first()) {
                self.note(id, Did::WithoutReason { on, within: with.within });
            }
            for reason in &found {
                self.note(id, Did::Reason { on: reason.hit.signal, at: reason.moment, line: reason.hit.line.number });
            }
            reasons.push((with.cause, found));
        }
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let change = Change {
            event,
            hit: cause.hit,
            time: cause.time,
            deadline: cause.deadline,
            late,
            cleared_by: None,
            reasons: &reasons,
        };
        self.site.raise(self.patterns, families, instance, entry, &change);
        let transition = self.site.transition(self.patterns, families, instance, &change);
        self.out.extend(transition);
    }

    /// `unless`: was one of these hit on the node within the time before?
    fn suppressed(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause) -> bool {
        let from = From { family: cause.hit.family, time: cause.time, deadline: cause.deadline };
        let seen = entry.unless.iter().find_map(|u| {
            let mut recent = self.history.recent(families, &u.on, from, u.within).into_iter();
            // What a deadline is blamed on is no reason against it.
            let hit = recent.find(|hit| !Arc::ptr_eq(hit, cause.hit))?;
            Some((hit.hit.signal, hit.moment))
        });
        if let Some((by, at)) = seen {
            self.note(id, Did::Suppressed { by, at });
        }
        seen.is_some()
    }

    #[allow(clippy::too_many_arguments)]
    fn count(
        &mut self,
        families: &[Family],
        id: InstanceId,
        at: usize,
        entry: &Raise,
        (need, within): (u64, Millis),
        cause: &Cause,
        late: bool,
    ) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let active = instance.active & bit(entry.cause) != 0;
        let window = &mut instance.raise[at].window;
        window.push_back((cause.time, cause.weight, cause.hit.family));
        let newest = window.iter().map(|(t, ..)| *t).max().unwrap_or(cause.time);
        window.retain(|(t, ..)| *t >= newest - within);
        let have: u64 = window.iter().map(|(_, w, _)| w).sum();
        if active {
            self.begin(families, id, entry, cause, late);
        } else if have >= need {
            self.begin(families, id, entry, &Cause { weight: have, ..*cause }, late);
        } else {
            self.note(id, Did::Counting { have, need, within });
        }
    }

    /// `without`: the first hit sets the deadline.
    fn wait(&mut self, families: &[Family], id: InstanceId, at: usize, deadline: Millis, hit: &Arc<TimedHit>) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let memory = &mut instance.raise[at];
        let deadline = match memory.timer.deadline {
            Some(earlier) => earlier,
            None => {
                memory.hit = Some(hit.clone());
                self.set_timer(id, Slot::Raise(at as u16), deadline, hit.family);
                deadline
            }
        };
        self.note(id, Did::Waiting { until: families[hit.family.index()].zone.moment(deadline) });
    }

    /// `absent`: hits in a row arm it, each of them moves the deadline.
    fn arm(
        &mut self,
        families: &[Family],
        id: InstanceId,
        at: usize,
        (span, need): (Millis, u32),
        hit: &Arc<TimedHit>,
    ) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let memory = &mut instance.raise[at];
        let time = hit.moment.millis;
        let in_a_row = memory.run > 0 && time - memory.last <= span;
        memory.last = if in_a_row { time.max(memory.last) } else { time };
        memory.run = if in_a_row { memory.run.saturating_add(1) } else { 1 };
        memory.timer.belong_to(hit.family);
        memory.hit = Some(hit.clone());
        let (run, deadline) = (memory.run, memory.last + span);
        if run >= need {
            self.set_timer(id, Slot::Raise(at as u16), deadline, hit.family);
            self.note(id, Did::Armed { until: families[hit.family.index()].zone.moment(deadline) });
        } else {
            self.note(id, Did::Arming { have: run, need });
        }
    }

    /// An instance that nothing needs any more is dropped after a while: keys come and go.
    fn linger(&mut self, id: InstanceId, hit: &TimedHit) {
        let Some(instance) = self.instances.get(&id) else { return };
        let keyed = !self.patterns.alarm(instance.alarm).by.is_empty();
        if keyed && instance.active == 0 && instance.forget.deadline.is_none() {
            self.set_timer(id, Slot::Forget, hit.moment.millis + LINGER, hit.family);
        }
    }

    fn hole(&mut self, family: FamilyId, from: Millis, until: Millis) {
        for instance in self.instances.values_mut() {
            instance.pass_hole(self.patterns.alarm(instance.alarm), family, from, until);
        }
    }

    fn step(&mut self, family: FamilyId, by: Millis) {
        self.history.shift(family, by);
        if let Some(clock) = self.clocks.get_mut(&family) {
            *clock += by;
        }
        let mut timers = BinaryHeap::new();
        for (&id, instance) in &mut self.instances {
            instance.shift(family, by);
            let own: Vec<(Slot, Millis)> = instance
                .slots()
                .filter(|(_, t)| t.family == Some(family))
                .filter_map(|(s, t)| Some((s, t.deadline?)))
                .collect();
            for (slot, deadline) in own {
                instance.timer(slot).queued = Some(deadline);
                timers.push(Reverse((deadline, id, slot)));
            }
        }
        self.timers.insert(family, timers);
    }
}

fn value(by: &By, family: &Family, hit: &TimedHit) -> Option<Box<str>> {
    match by {
        By::Family => Some((*family.name).into()),
        By::Capture(_, id) => hit.hit.captures.iter().find(|(c, _)| c == id).map(|(_, v)| v.clone()),
    }
}

fn bit(cause: usize) -> CauseSet {
    1 << cause
}
