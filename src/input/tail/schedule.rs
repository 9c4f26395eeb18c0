//! Which families are looked at, and when next.
//!
//! A family that yields is read on a timer, which costs less than an event for each write; one that does not is left to
//! its watch. Whatever the watch may miss, each family is looked at every few seconds, so that correctness never rests on
//! it. The clock is the caller's.

use std::collections::BTreeSet;

use crate::time::{MINUTE, Millis, SECOND};

/// So many looks in a row find nothing before a family is left to its watch.
const EMPTY: u32 = 20;

/// Between two looks at a family that yields; the more there are, the longer.
const TICK: std::ops::RangeInclusive<Millis> = 1..=5;

/// So many hot families lengthen the tick by a millisecond.
const CROWD: usize = 250;

/// How often a family is looked at, whatever the watch says: one that was hot within the last minute, and others.
const RECENT: Millis = SECOND / 4;
const IDLE: Millis = 5 * SECOND;

/// So many families can be looked at in a millisecond without that being all that is done.
const SWEPT: usize = 100;

/// A family, as the schedule knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FamilyId(pub u32);

/// What a look at a family gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yield {
    /// Bytes, and there may be more: its share was used up.
    More,
    /// Bytes, and then the end.
    Bytes,
    Nothing,
    /// Nothing before this time.
    Pending(Millis),
}

#[derive(Debug, Default)]
pub struct Schedule {
    families: Vec<Option<Entry>>,
    due: BTreeSet<(Millis, u64, FamilyId)>,
    /// Gives those that are due at the same time their turns.
    turn: u64,
    hot: usize,
    swept: Option<Millis>,
    /// When all are looked at, because something happened and nobody said where.
    sweep: Option<Millis>,
}

#[derive(Debug)]
struct Entry {
    due: (Millis, u64),
    /// Empty looks before it is left to its watch; none if it is not hot.
    patience: u32,
    last_hot: Option<Millis>,
}

impl Schedule {
    /// A new family is looked at at once.
    pub fn add(&mut self, now: Millis) -> FamilyId {
        let id = FamilyId(u32::try_from(self.families.len()).unwrap_or(u32::MAX));
        self.families.push(Some(Entry { due: (now, 0), patience: 0, last_hot: None }));
        self.put(id, now);
        id
    }

    pub fn remove(&mut self, id: FamilyId) {
        let Some(entry) = self.families.get_mut(id.0 as usize).and_then(Option::take) else { return };
        self.hot -= usize::from(entry.patience > 0);
        self.due.remove(&(entry.due.0, entry.due.1, id));
    }

    /// Something happened to a family: it is read at once, and becomes hot.
    pub fn woken(&mut self, id: FamilyId, now: Millis) {
        self.heat(id, now);
        self.sooner(id, now);
    }

    /// Something happened somewhere. All are looked at, but not so often that it would cost much.
    pub fn woken_all(&mut self, now: Millis) {
        let pause = Millis::try_from(self.families.len() / SWEPT).unwrap_or(IDLE).clamp(1, IDLE);
        let at = self.swept.filter(|swept| *swept <= now).map_or(now, |swept| now.max(swept + pause));
        self.sweep = Some(self.sweep.map_or(at, |sweep| sweep.min(at)));
    }

    /// The next family that is due, to be looked at now; [`Schedule::looked`] is said afterwards.
    pub fn next_due(&mut self, now: Millis) -> Option<FamilyId> {
        if self.sweep.is_some_and(|at| at <= now) {
            self.sweep = None;
            self.swept = Some(now);
            for id in (0..self.families.len()).filter_map(|id| u32::try_from(id).ok()) {
                if !self.is_ticking(FamilyId(id), now) {
                    self.sooner(FamilyId(id), now);
                }
            }
        }
        let first = *self.due.first().filter(|(at, ..)| *at <= now)?;
        self.due.remove(&first);
        Some(first.2)
    }

    pub fn looked(&mut self, id: FamilyId, now: Millis, yielded: Yield) {
        if matches!(yielded, Yield::More | Yield::Bytes) {
            self.heat(id, now);
        }
        let tick = *TICK.start() + Millis::try_from(self.hot / CROWD).unwrap_or(*TICK.end());
        let tick = tick.min(*TICK.end());
        let Some(Some(entry)) = self.families.get_mut(id.0 as usize) else { return };
        let next = match yielded {
            Yield::More => now,
            Yield::Bytes => now + tick,
            Yield::Pending(until) => until.max(now),
            Yield::Nothing if entry.patience > 1 => {
                entry.patience -= 1;
                now + tick
            }
            // Back to the watch, with one look more.
            Yield::Nothing if entry.patience == 1 => {
                entry.patience = 0;
                self.hot -= 1;
                now
            }
            Yield::Nothing => {
                let recent = entry.last_hot.is_some_and(|at| (at..at + MINUTE).contains(&now));
                now + if recent { RECENT } else { IDLE }
            }
        };
        self.put(id, next);
    }

    /// When to look next; all times before are idle.
    pub fn next_time(&self) -> Option<Millis> {
        let due = self.due.first().map(|(at, ..)| *at);
        due.into_iter().chain(self.sweep).min()
    }

    /// The wall clock was set back: what was planned on the old one is due now.
    pub fn clock_set_back(&mut self, now: Millis) {
        let far: Vec<FamilyId> = self.due.range((now + IDLE, u64::MAX, FamilyId(0))..).map(|(.., id)| *id).collect();
        far.into_iter().for_each(|id| self.sooner(id, now));
        self.sweep = self.sweep.map(|at| at.min(now + IDLE));
    }

    /// It is hot, and its next look is a tick away: it need not be woken by what it has most likely caused itself.
    fn is_ticking(&self, id: FamilyId, now: Millis) -> bool {
        let entry = self.families.get(id.0 as usize).and_then(Option::as_ref);
        entry.is_some_and(|entry| entry.patience > 0 && entry.due.0 <= now + TICK.end())
    }

    fn heat(&mut self, id: FamilyId, now: Millis) {
        let Some(Some(entry)) = self.families.get_mut(id.0 as usize) else { return };
        self.hot += usize::from(entry.patience == 0);
        entry.patience = EMPTY;
        entry.last_hot = Some(now);
    }

    fn sooner(&mut self, id: FamilyId, now: Millis) {
        let later = self.families.get(id.0 as usize).and_then(Option::as_ref).is_some_and(|entry| entry.due.0 > now);
        if later {
            self.put(id, now);
        }
    }

    fn put(&mut self, id: FamilyId, at: Millis) {
        let Some(Some(entry)) = self.families.get_mut(id.0 as usize) else { return };
        self.due.remove(&(entry.due.0, entry.due.1, id));
        self.turn += 1;
        entry.due = (at, self.turn);
        self.due.insert((at, self.turn, id));
    }
}

#[cfg(test)]
mod tests;
