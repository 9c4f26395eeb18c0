//! A bound on the keys of one alarm.
//!
//! A log may name ever new clients, and each is a key with memory of its own. Beyond the bound a hit of another key is
//! counted, and the first one raises an alarm about tocsin itself: what is missing must not look like silence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::event::{Family, TimedHit};
use super::record::{Site, evidence_of};
use crate::pattern::{AlarmId, Patterns};
use crate::transition::{Event, Location, Transition};

/// Keys of one alarm that are kept for a node.
pub const MAX_KEYS: usize = 1_000_000;

/// The alarm that says that there are more.
pub const EXHAUSTED: &str = "TOCSIN-KEYS-EXHAUSTED";

/// The alarms whose keys do not all fit, and for how many hits there was no instance.
pub type Refused = BTreeMap<AlarmId, u64>;

#[derive(Debug)]
pub struct Keys {
    limit: usize,
    /// Alarm → instances that there are.
    held: Vec<usize>,
    pub refused: Refused,
    /// Alarms and roles for which it has been said.
    pub said: BTreeSet<(AlarmId, Arc<str>)>,
}

impl Keys {
    pub fn new(patterns: &Patterns, limit: usize) -> Keys {
        Keys { limit, held: vec![0; patterns.alarms.len()], refused: Refused::new(), said: BTreeSet::new() }
    }

    /// Is there room for one more? Then it is taken.
    pub fn take(&mut self, alarm: AlarmId) -> bool {
        let held = &mut self.held[alarm.index()];
        let fits = *held < self.limit;
        *held += usize::from(fits);
        fits
    }

    /// One more, that there was room for when it was made.
    pub fn hold(&mut self, alarm: AlarmId) {
        self.held[alarm.index()] += 1;
    }

    pub fn give_back(&mut self, alarm: AlarmId) {
        self.held[alarm.index()] -= 1;
    }

    /// Counts a hit that there was no room for; for the first one, what there is to say.
    pub fn refuse(
        &mut self,
        patterns: &Patterns,
        site: &Site,
        families: &[Family],
        alarm: AlarmId,
        hit: &Arc<TimedHit>,
    ) -> Option<Transition> {
        *self.refused.entry(alarm).or_default() += 1;
        let log = patterns.log(families[hit.family.index()].log);
        if !self.said.insert((alarm, log.role.clone())) {
            return None;
        }
        let exhausted = &patterns.alarm(alarm).name;
        let location = Location {
            source: site.cluster.clone(),
            service: "tocsin".into(),
            role: log.role.clone(),
            node: site.node.clone(),
        };
        let title = "More Keys of One Alarm Than Are Kept";
        let about = ("alarm", &**exhausted);
        let mut record = Transition::own(EXHAUSTED, title, Event::Raise, about, location, hit.moment);
        record.params.insert("limit".into(), self.limit.to_string());
        let (patterns, mode, evidence) = (patterns.hash.clone(), site.mode, evidence_of(families, hit));
        Some(Transition { patterns, mode, evidence, time_assumed: hit.assumed, ..record })
    }
}
