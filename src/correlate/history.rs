//! Looking back: what was recently hit on a node, for `with` and `unless`.
//!
//! A line that says why comes before the line that says that, often in another log. Hits of other families are seen
//! only if they are older than the raise by the hold at least, because live, younger ones might not have been read.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::event::{Family, FamilyId, TimedHit};
use crate::pattern::zone::STEP_BACK;
use crate::pattern::{Patterns, SignalId};
use crate::time::{MINUTE, Millis};

/// Of one signal at most this many hits are kept, the newest: evidence is a few lines, and a storm is not.
const MOST: usize = 4096;

#[derive(Clone, Debug)]
struct Past {
    /// The hit's time, moved along when the machine's clock was set back.
    at: Millis,
    hit: Arc<TimedHit>,
}

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
    /// How far any rule looks back for a signal; signals that none looks for are not kept.
    reach: HashMap<SignalId, Millis>,
    past: HashMap<SignalId, VecDeque<Past>>,
    /// No clock was set back so far, so all of it is in order of time, more or less.
    in_order: bool,
    hold: Millis,
}

impl History {
    pub fn new(patterns: &Patterns, hold: Millis) -> History {
        let mut reach: HashMap<SignalId, Millis> = HashMap::new();
        for raise in patterns.alarms.iter().flat_map(|a| &a.raise) {
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
    pub fn remember(&mut self, hit: &Arc<TimedHit>, pending: impl Fn() -> Option<Millis>) {
        let Some(reach) = self.reach.get(&hit.hit.signal) else { return };
        let past = self.past.entry(hit.hit.signal).or_default();
        let at = hit.moment.millis;
        past.push_back(Past { at, hit: hit.clone() });
        // A minute more than the rules ask for, since families may be that far apart.
        let oldest = |now: Millis| now - reach - self.hold - MINUTE;
        if past.front().is_some_and(|p| p.at < oldest(at)) {
            let oldest = oldest(pending().map_or(at, |deadline| deadline.min(at)));
            while past.front().is_some_and(|p| p.at < oldest) {
                past.pop_front();
            }
        }
        if past.len() > MOST {
            past.pop_front();
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
        let mut found: Vec<&Past> = past.flat_map(|past| past.iter().rev().take_while(reach)).filter(visible).collect();
        if signals.len() > 1 || found.len() > 1 {
            let rank = |p: &Past| families[p.hit.family.index()].rank();
            found.sort_by(|a, b| (b.at, rank(b), b.hit.position).cmp(&(a.at, rank(a), a.hit.position)));
        }
        found.into_iter().map(|p| &p.hit).collect()
    }

    /// The clock behind a family was changed: its past moves along.
    pub fn shift(&mut self, family: FamilyId, by: Millis) {
        self.in_order = false;
        for past in self.past.values_mut().flatten().filter(|p| p.hit.family == family) {
            past.at += by;
        }
    }
}
