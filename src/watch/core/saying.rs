//! From what the rules said to records: what is news goes out, and the rest is kept in mind.

use super::*;
use crate::time::Moment;
use crate::transition::Event;

impl Watch<'_> {
    /// Makes records of what the rules said when they heard of this family.
    pub(super) fn publish(&mut self, wall: Millis, family: Option<Watched>) {
        let past = family.filter(|family| self.learning.has(*family));
        for transition in std::mem::take(&mut self.made) {
            let past = past.map(|family| self.families[family].key.as_str());
            let is_news = self.learning.is_news(transition.event, &transition.key, past);
            self.note(transition, wall, is_news.then_some(None));
        }
    }

    fn send(&mut self, transition: Transition, wall: Millis, only: Option<Arc<str>>) {
        self.note(transition, wall, Some(only));
    }

    /// Keeps in mind what has changed. `to`: it is said, to all sinks or to one.
    fn note(&mut self, mut transition: Transition, wall: Millis, to: Option<Option<Arc<str>>>) {
        transition.detected_at = Some(Moment::utc(wall));
        self.dirty = true;
        match transition.event {
            Event::Raise => {
                self.active.insert(transition.key.clone(), Arc::new(transition.clone()));
                self.change(&transition.key);
            }
            Event::Clear => {
                self.active.remove(&transition.key);
                self.change(&transition.key);
            }
            Event::Occur => {}
        }
        if let Some(only) = to
            && (self.wanted)(&transition)
        {
            // A record is text and numbers, which JSON can always write.
            let _ = self.outbox.push(transition, only);
        }
    }

    /// A store that is opened again is told everything, so that nothing has to be noted until then.
    fn change(&mut self, key: &Arc<str>) {
        if self.keeper.store().is_some() {
            self.changed.insert(key.clone());
        }
    }

    /// What was read of a node's logs up to their end is the past: what is still active is news.
    pub(super) fn learned(&mut self, node: usize, wall: Millis) {
        let read = |family: &Watched| {
            let member = &self.families[*family];
            member.node == node && matches!(member.state, Standing::AtEnd | Standing::Over)
        };
        let over: Vec<Watched> = self.learning.families().filter(read).collect();
        let mut unsaid = Vec::new();
        for family in over {
            unsaid.extend(self.learning.over(family, &self.families[family].key));
        }
        self.announce(unsaid, wall);
    }

    /// Says what is active.
    pub(super) fn announce(&mut self, keys: Vec<Arc<str>>, wall: Millis) {
        let mut active: Vec<Arc<Transition>> = keys.iter().filter_map(|key| self.active.get(key).cloned()).collect();
        active.sort_by(|a, b| (a.time.millis, &a.key).cmp(&(b.time.millis, &b.key)));
        for transition in active {
            self.send((*transition).clone(), wall, None);
        }
    }

    /// A sink that is new here first gets every raise that is active.
    pub fn introduce(&mut self, sink: &str, wall: Millis) {
        let said = |key: &&Arc<str>| !self.learning.unsaid().contains_key(*key);
        let active: Vec<Arc<Transition>> =
            self.active.iter().filter(|(key, _)| said(key)).map(|(_, raise)| raise.clone()).collect();
        for transition in active {
            self.send((*transition).clone(), wall, Some(sink.into()));
        }
    }

    /// Clears an instance because a person says so. False if none with this key is active.
    pub fn clear(&mut self, key: &str, wall: Millis) -> bool {
        let found = self.correlator.clear_by_operator(key, wall, &mut self.made);
        let own = self.own.clear(&self.patterns.hash, key, wall);
        let found = found || own.is_some();
        self.made.extend(own);
        self.publish(wall, None);
        found
    }

    /// An alarm about ourselves begins (`Some`, with its reason) or ends. False if it had done so before.
    pub fn tell(&mut self, alarm: &'static str, about: &str, why: Option<String>, wall: Millis) -> bool {
        let made = self.own.tell(&self.patterns.hash, alarm, about, why, wall);
        let is_new = made.is_some();
        if let Some(transition) = made {
            self.send(transition, wall, None);
        }
        is_new
    }

    /// Is an alarm about ourselves active?
    pub fn told(&self, alarm: &str, about: &str) -> bool {
        self.own.is_active(alarm, about)
    }

    /// Something happened to ourselves.
    pub fn occur(&mut self, alarm: &'static str, about: &str, why: String, wall: Millis) {
        let transition = self.own.occur(&self.patterns.hash, alarm, about, why, wall);
        self.send(transition, wall, None);
    }
}
