//! A bound on the keys of one alarm.
//!
//! A log may name ever new clients, and each is a key with memory of its own. Beyond the bound a hit of another key is
//! counted, and the first one raises an alarm about tocsin itself: what is missing must not look like silence. It is
//! cleared when a tenth of the keys is free again; at the bound itself one key may come and go for hours.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::{Family, TimedHit};
use super::record::{Site, evidence_of};
use crate::pattern::{AlarmId, Patterns};
use crate::time::{Millis, Moment};
use crate::transition::{ClearedBy, Event, Location, Transition};

/// Keys of one alarm that are kept for a node.
pub const MAX_KEYS: usize = 1_000_000;

/// The alarm that says that there are more.
pub const EXHAUSTED: &str = "TOCSIN-KEYS-EXHAUSTED";

const TITLE: &str = "More Keys of One Alarm Than Are Kept";

/// The alarms whose keys do not all fit, and for how many hits there was no instance.
pub type Refused = BTreeMap<AlarmId, u64>;

#[derive(Debug)]
pub struct Keys {
    limit: usize,
    /// Alarm → instances that there are.
    held: Vec<usize>,
    pub refused: Refused,
    /// Alarms and roles for which it has been said, and since when; `None`: an older version did not save that.
    pub said: BTreeMap<(AlarmId, Arc<str>), Option<Moment>>,
}

impl Keys {
    pub fn new(patterns: &Patterns, limit: usize) -> Keys {
        Keys { limit, held: vec![0; patterns.alarms.len()], refused: Refused::new(), said: BTreeMap::new() }
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

    /// One is forgotten at this time. Gives what there is to say if there is room again.
    pub fn give_back(&mut self, patterns: &Patterns, site: &Site, alarm: AlarmId, time: Millis) -> Vec<Transition> {
        let held = &mut self.held[alarm.index()];
        *held -= 1;
        if self.said.is_empty() || held.saturating_mul(10) > self.limit.saturating_mul(9) {
            return Vec::new();
        }
        let over = self.said.extract_if(.., |(said, _), _| *said == alarm).collect::<Vec<_>>();
        let clear = |((_, role), since): ((AlarmId, Arc<str>), Option<Moment>)| {
            let time = Moment { millis: time, offset: since.map_or(0, |since| since.offset) };
            let record = self.record(patterns, site, alarm, role, Event::Clear, time);
            let duration_ms = since.map(|since| (time.millis - since.millis).max(0));
            Transition { raised_at: since, cleared_by: Some(ClearedBy::Signal), duration_ms, ..record }
        };
        over.into_iter().map(clear).collect()
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
        let key = (alarm, log.role.clone());
        if self.said.contains_key(&key) {
            return None;
        }
        self.said.insert(key, Some(hit.moment));
        let record = self.record(patterns, site, alarm, log.role.clone(), Event::Raise, hit.moment);
        Some(Transition { evidence: evidence_of(families, hit), time_assumed: hit.assumed, ..record })
    }

    fn record(
        &self,
        patterns: &Patterns,
        site: &Site,
        alarm: AlarmId,
        role: Arc<str>,
        event: Event,
        time: Moment,
    ) -> Transition {
        let exhausted = &patterns.alarm(alarm).name;
        let location =
            Location { source: site.cluster.clone(), service: "tocsin".into(), role, node: site.node.clone() };
        let about = ("alarm", &**exhausted);
        let mut record = Transition::own(EXHAUSTED, TITLE, event, about, location, time);
        record.params.insert("limit".into(), self.limit.to_string());
        Transition { patterns: patterns.hash.clone(), mode: site.mode, ..record }
    }
}
