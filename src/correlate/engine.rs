//! The rules of alarms, applied to one node's hits and ticks.
//!
//! Deterministic and without a clock of its own: time is what hits and ticks say. An engine serves one lane of one
//! node; the merge decides in which order it hears of things. Here a hit finds its instances; what it begins, what it
//! ends, and what deadlines do each stand in a file of their own.

mod clear;
mod notes;
mod raise;
mod saved;
mod timers;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use super::event::{Family, FamilyId, SLACK, TimedHit, What};
use super::history::{From, History};
use super::instance::{Instance, LINGER, Slot};
use super::instances::{InstanceId, Instances};
use super::keys::{Keys, MAX_KEYS, Refused};
use super::note::{About, Did, Entry, Note};
use super::packed::Shelf;
use super::record::{Change, Site};
use crate::pattern::{Alarm, AlarmId, By, CauseSet, Clear, ClearKind, Patterns, Raise, RaiseKind, SignalId};
use crate::time::Millis;
use crate::transition::{ClearedBy, Event, Transition};

use saved::Saving;

/// What waits on one family's clock, earliest first. An entry may be out of date; the timer knows.
type Deadlines = BinaryHeap<Reverse<(Millis, InstanceId, Slot)>>;

pub struct Engine<'p> {
    patterns: &'p Patterns,
    site: Site,
    /// It serves the alarms that read several families, and not those that read one.
    several: bool,
    /// Signal → alarms of this lane that have a rule over it.
    alarms: Vec<Vec<AlarmId>>,
    /// Log → index of its service and role, equal for logs that share them.
    places: Vec<u32>,
    instances: Instances,
    shelf: Shelf,
    keys: Keys,
    clocks: HashMap<FamilyId, Millis>,
    /// `None`: nothing is to be saved.
    saving: Option<Saving>,
    timers: HashMap<FamilyId, Deadlines>,
    history: History,
    /// A `renew` entry has counted the hit at hand.
    renewed: bool,
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
            several,
            alarms,
            places: patterns.logs.iter().map(place).collect(),
            instances: Instances::default(),
            shelf: Shelf::default(),
            keys: Keys::new(patterns, MAX_KEYS),
            clocks: HashMap::new(),
            saving: None,
            timers: HashMap::new(),
            history: History::new(patterns, several, site.hold),
            site,
            renewed: false,
            out: Vec::new(),
            notes: None,
            about: About::default(),
        }
    }

    /// Of one alarm, no more keys than this are kept. To be said before the first event.
    pub fn bound_keys(&mut self, limit: usize) {
        self.keys = Keys::new(self.patterns, limit);
    }

    /// Hits for which there was no instance because of that bound.
    pub fn refused(&self) -> &Refused {
        &self.keys.refused
    }

    /// From now on, keep notes of what the rules do.
    pub fn listen(&mut self) {
        self.notes = Some(Vec::new());
    }

    pub fn take_notes(&mut self) -> Vec<Note> {
        self.notes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The earliest deadline on a family's clock, unless it has only to hear that the clock is here already. It may be out
    /// of date: then nothing happens when it is due.
    pub fn deadline_of(&self, family: FamilyId, clock: Option<Millis>) -> Option<Millis> {
        let Reverse((deadline, ..)) = self.timers.get(&family)?.peek()?;
        Some(*deadline).filter(|deadline| clock.is_none_or(|clock| deadline + SLACK >= clock))
    }

    /// The earliest deadline of families that are `open`, so that what comes out can be put in order of time.
    pub fn earliest_deadline(&self, open: impl Fn(FamilyId) -> bool) -> Option<Millis> {
        let timers = self.timers.iter().filter(|(family, _)| open(**family));
        timers.filter_map(|(_, t)| t.peek()).map(|Reverse((d, ..))| *d).min()
    }

    /// Clears the instance with this key, because a person says so. False if it is not active.
    pub fn clear_by_operator(&mut self, families: &[Family], key: &str, at: Millis, out: &mut Vec<Transition>) -> bool {
        let Some(id) = self.instances.find(|i| *self.site.key(self.patterns, i) == *key) else { return false };
        let last = self.instances.get(id).filter(|i| i.active != 0).and_then(|i| i.last_hit.as_ref());
        let Some(hit) = last.and_then(|hit| self.shelf.open(hit)) else { return false };
        self.end(families, id, CauseSet::MAX, ClearedBy::Operator, &hit, at, true, false);
        out.append(&mut self.out);
        true
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
            What::Recall(to) => self.recall(id, *to),
        }
        out.append(&mut self.out);
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
        let Engine { history, timers, instances, .. } = self;
        history.remember(hit, || timers::earliest(timers, instances));
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
            let Some(instance) = self.exact(id, alarm, place, family, hit) else {
                self.out.extend(self.keys.refuse(self.patterns, &self.site, families, id, hit));
                return;
            };
            self.overdue(families, instance, hit.moment.millis);
            for (at, entry) in alarm.raise.iter().enumerate().filter(|(_, r)| begins(r)) {
                self.about.entry = Some(Entry::Raise(at));
                if self.is_too_late(instance, hit, late) {
                    self.count_only(instance, hit);
                } else {
                    self.raise(families, instance, alarm, at, entry, hit, late);
                }
            }
            self.mark_counted(instance, hit);
            self.linger(instance, hit.moment.millis, hit.family);
        }
        self.about = About::default();
    }

    /// A hit that comes after the hold and is older than what its instance did last changes nothing.
    fn is_too_late(&mut self, id: InstanceId, hit: &TimedHit, late: bool) -> bool {
        let last = self.instances.get(id).and_then(|i| i.last_transition);
        let too_late = late && last.is_some_and(|(t, _)| hit.moment.millis < t);
        if too_late {
            self.note(id, Did::TooLate);
        }
        too_late
    }

    fn count_only(&mut self, id: InstanceId, hit: &Arc<TimedHit>) {
        if let Some(instance) = self.instances.get_mut(id).filter(|i| i.active != 0) {
            instance.count = instance.count.saturating_add(hit.hit.weight);
        }
    }

    /// The instance that a raise hit belongs to; it is made if need be, and if there is room for one more.
    fn exact(&mut self, id: AlarmId, alarm: &Alarm, place: u32, family: &Family, hit: &TimedHit) -> Option<InstanceId> {
        let by: Box<[Box<str>]> = alarm.by.iter().map(|by| value(by, family, hit).unwrap_or_default()).collect();
        if let Some(instance) = self.instances.exact(id, place, &by) {
            return Some(instance);
        }
        if !self.keys.take(id) {
            return None;
        }
        Some(self.instances.add(Instance::new(id, place, by.into())))
    }

    /// The instances that a clear hit acts on: what it does not capture, it does not tell apart.
    fn matching(&self, id: AlarmId, alarm: &Alarm, place: u32, family: &Family, hit: &TimedHit) -> Vec<InstanceId> {
        let wanted: Vec<Option<Box<str>>> = alarm.by.iter().map(|by| value(by, family, hit)).collect();
        if wanted.iter().all(Option::is_some) {
            let exact: Box<[Box<str>]> = wanted.into_iter().flatten().collect();
            return self.instances.exact(id, place, &exact).into_iter().collect();
        }
        self.instances.matching(id, place, &wanted)
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
