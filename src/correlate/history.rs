//! Looking back: what was recently hit on a node, for `with` and `unless`.
//!
//! A line that says why comes before the line that says that, often in another log. Hits of other families are seen
//! only if they are older than the raise by the hold at least, because live, younger ones might not have been read.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use super::event::{Family, FamilyId, TimedHit};
use crate::pattern::zone::STEP_BACK;
use crate::pattern::{Patterns, SignalId};
use crate::time::{MINUTE, Millis};

/// Of one signal at most this many hits are kept, the newest: evidence is a few lines, and a storm is not.
const MOST: usize = 4096;

#[derive(Clone, Debug)]
pub struct Past {
    /// The hit's time, moved along when the machine's clock was set back.
    pub at: Millis,
    pub hit: Arc<TimedHit>,
}

/// The past of one signal. Its hits are numbered as they come, so that those that are saved have a name.
#[derive(Debug, Default)]
struct Row {
    hits: VecDeque<Past>,
    /// The number of the first of `hits`.
    first: u64,
    /// The numbers of those that are saved.
    saved: Range<u64>,
    /// What is saved says other times.
    shifted: bool,
}

/// What is to be saved of one hit: it, or that it is forgotten.
pub type Changed<'a> = (SignalId, u64, Option<&'a Past>);

/// What a look back starts from.
#[derive(Clone, Copy, Debug)]
pub struct From {
    pub family: FamilyId,
    pub time: Millis,
    /// A deadline, not a line: of its own family too, only what is not later counts.
    pub deadline: bool,
}

#[derive(Debug)]
pub struct History {
    /// How far any rule of the lane looks back for a signal; signals that none looks for are not kept.
    reach: HashMap<SignalId, Millis>,
    past: HashMap<SignalId, Row>,
    /// No clock was set back so far, and none was ahead of its lines, so all of it is in order of time, more or less.
    in_order: bool,
    hold: Millis,
}

impl History {
    /// For the alarms that read several families, or for those that read one.
    pub fn new(patterns: &Patterns, several: bool, hold: Millis) -> History {
        let mut reach: HashMap<SignalId, Millis> = HashMap::new();
        for raise in patterns.alarms.iter().filter(|a| a.several == several).flat_map(|a| &a.raise) {
            let with = raise.with.iter().map(|w| (&w.on, w.within));
            let unless = raise.unless.iter().map(|u| (&u.on, u.within));
            for (signals, within) in with.chain(unless) {
                for &signal in signals {
                    let longest = reach.entry(signal).or_default();
                    *longest = within.max(*longest);
                }
            }
        }
        History { reach, past: HashMap::new(), in_order: true, hold }
    }

    /// `pending`: the earliest deadline that may still look back, on the clock of a family that may be far behind.
    pub fn remember(&mut self, hit: &Arc<TimedHit>, pending: impl FnOnce() -> Option<Millis>) {
        let Some(reach) = self.reach.get(&hit.hit.signal) else { return };
        let row = self.past.entry(hit.hit.signal).or_default();
        let at = hit.moment.millis;
        let past = &mut row.hits;
        past.push_back(Past { at, hit: hit.clone() });
        // A minute more than the rules ask for, since families may be that far apart.
        let oldest = |now: Millis| now - reach - self.hold - MINUTE;
        if past.front().is_some_and(|p| p.at < oldest(at)) {
            let oldest = oldest(pending().map_or(at, |deadline| deadline.min(at)));
            while past.front().is_some_and(|p| p.at < oldest) {
                past.pop_front();
                row.first += 1;
            }
        }
        if past.len() > MOST {
            past.pop_front();
            row.first += 1;
        }
    }

    /// Hits of any of these signals not older than `within`, newest first.
    pub fn recent(&self, families: &[Family], signals: &[SignalId], from: From, within: Millis) -> Vec<&Arc<TimedHit>> {
        let visible = |p: &&Past| {
            let newest = match (p.hit.family == from.family, from.deadline) {
                // Earlier in the file is earlier, whatever a few milliseconds between threads say.
                (true, false) => Millis::MAX,
                (true, true) => from.time,
                (false, _) => from.time - self.hold,
            };
            p.at >= from.time - within && p.at <= newest
        };
        // Kept in the order of the merge, from which a hit's own time is never further than a step back.
        let reach = |p: &&Past| !self.in_order || p.at >= from.time - within - STEP_BACK;
        let past = signals.iter().filter_map(|s| self.past.get(s));
        let mut found: Vec<&Past> =
            past.flat_map(|row| row.hits.iter().rev().take_while(reach)).filter(visible).collect();
        if signals.len() > 1 || found.len() > 1 {
            let rank = |p: &Past| families[p.hit.family.index()].rank();
            found.sort_by(|a, b| (b.at, rank(b), b.hit.position).cmp(&(a.at, rank(a), a.hit.position)));
        }
        found.into_iter().map(|p| &p.hit).collect()
    }

    /// The clock behind a family was changed: its past moves along.
    pub fn shift(&mut self, family: FamilyId, by: Millis) {
        self.in_order = false;
        for row in self.past.values_mut() {
            for past in row.hits.iter_mut().filter(|p| p.hit.family == family) {
                past.at += by;
                row.shifted = true;
            }
        }
    }

    /// Hits were given out by a clock that was wrong.
    pub fn is_not_in_order(&mut self) {
        self.in_order = false;
    }

    pub fn is_in_order(&self) -> bool {
        self.in_order
    }

    /// What has changed since the last call.
    pub fn take_changes(&mut self) -> impl Iterator<Item = Changed<'_>> {
        self.past.iter_mut().flat_map(|(signal, row)| {
            let Row { hits, first, saved, shifted } = row;
            let end = *first + hits.len() as u64;
            let forgotten = saved.start..saved.end.min(*first);
            let fresh = if std::mem::take(shifted) { *first } else { saved.end.max(*first) };
            *saved = *first..end;
            let fresh = hits.iter().enumerate().skip((fresh - *first) as usize);
            let fresh = fresh.map(|(at, past)| (*signal, *first + at as u64, Some(past)));
            forgotten.map(|number| (*signal, number, None)).chain(fresh)
        })
    }

    /// All of it counts as changed.
    pub fn change_all(&mut self) {
        self.past.values_mut().for_each(|row| row.saved = row.first..row.first);
    }

    /// Does any rule look back for it?
    pub fn keeps(&self, signal: SignalId) -> bool {
        self.reach.contains_key(&signal)
    }

    /// Puts back what was saved, in the order of its numbers. Returns its number of now, which is another if something
    /// before it is gone.
    pub fn put_back(&mut self, number: u64, past: Past) -> u64 {
        let row = self.past.entry(past.hit.hit.signal).or_default();
        if row.hits.is_empty() {
            (row.first, row.saved) = (number, number..number);
        }
        row.hits.push_back(past);
        let now = row.saved.end;
        row.saved.end += 1;
        row.shifted |= now != number;
        now
    }

    pub fn put_back_order(&mut self, in_order: bool) {
        self.in_order &= in_order;
    }
}
