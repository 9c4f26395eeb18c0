//! Alarms about ourselves: where alarms may be missed, silence would be a lie.
//!
//! They are made by the wall clock and by what this process lives through, so replay does not repeat them. Each is about
//! one thing, a file or a sink, and stays active until that is well again. No filter hides them: whoever asks for one
//! alarm wants to know when it may be missing. They have no evidence, because no line of a log says them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::time::{Millis, Moment};
use crate::transition::{ClearedBy, Event, Location, Transition, key};

/// Alarms about ourselves, with their names in words.
pub const READER_STUCK: &str = "TOCSIN-READER-STUCK";
pub const STATE_FAILED: &str = "TOCSIN-STATE-FAILED";
pub const OUTBOX_GROWING: &str = "TOCSIN-OUTBOX-GROWING";
pub const OUTBOX_COLLAPSED: &str = "TOCSIN-OUTBOX-COLLAPSED";
pub const SINK_REFUSES: &str = "TOCSIN-SINK-REFUSES";
pub const RECORD_REFUSED: &str = "TOCSIN-RECORD-REFUSED";
pub const LOG_SILENT: &str = "TOCSIN-LOG-SILENT";
pub const CLOCK_STEPPED: &str = "TOCSIN-CLOCK-STEPPED";

pub const OWN: [(&str, &str); 8] = [
    (READER_STUCK, "A Watched Log Cannot Be Read"),
    (STATE_FAILED, "The State Directory Cannot Be Written"),
    (OUTBOX_GROWING, "Transitions Do Not Reach a Sink"),
    (OUTBOX_COLLAPSED, "Transitions for a Sink Were Dropped"),
    (SINK_REFUSES, "A Sink Takes No Transitions Until Somebody Mends It"),
    (RECORD_REFUSED, "A Transition Can Never Reach a Sink"),
    (LOG_SILENT, "A Watched Log Says Nothing Any More"),
    (CLOCK_STEPPED, "The Clock of This Machine Was Set"),
];

/// Is this key one of that alarm?
pub fn is_of(alarm: &str, key: &str) -> bool {
    key.strip_prefix(alarm).is_some_and(|rest| rest.starts_with('|'))
}

/// Where we run.
pub struct Own {
    cluster: Arc<str>,
    host: Arc<str>,
    /// What is active, by key: since when, why, and what it is about.
    active: BTreeMap<Arc<str>, (Moment, String, String)>,
}

impl Own {
    /// `active`: what an earlier process left active.
    pub fn new(cluster: Arc<str>, host: Arc<str>, active: &[Transition]) -> Own {
        let ours = active.iter().filter(|t| OWN.iter().any(|(name, _)| *name == &*t.alarm));
        let of = |t: &Transition| {
            let param = |name| t.params.get(name).cloned().unwrap_or_default();
            (t.key.clone(), (t.time, param("why"), param("about")))
        };
        Own { cluster, host, active: ours.map(of).collect() }
    }

    /// The transition that this makes, if it changes anything.
    pub fn tell(
        &mut self,
        patterns: &Arc<str>,
        alarm: &'static str,
        about: &str,
        why: Option<String>,
        wall: Millis,
    ) -> Option<Transition> {
        let key = self.key(alarm, about);
        let time = Moment::utc(wall);
        let (event, since, by, why) = match (why, self.active.contains_key(&key)) {
            (Some(_), true) | (None, false) => return None,
            (Some(why), false) => {
                self.active.insert(key.clone(), (time, why.clone(), about.to_owned()));
                (Event::Raise, time, None, why)
            }
            (None, true) => {
                let (since, why, _) = self.active.remove(&key)?;
                (Event::Clear, since, Some(ClearedBy::Signal), why)
            }
        };
        Some(self.transition(patterns, alarm, about, event, since, by, why, wall))
    }

    pub fn is_active(&self, alarm: &str, about: &str) -> bool {
        !self.active.is_empty() && self.active.contains_key(&self.key(alarm, about))
    }

    /// Ends what has this key because a person says so. It comes again if it is still so.
    pub fn clear(&mut self, patterns: &Arc<str>, key: &str, wall: Millis) -> Option<Transition> {
        let (key, (since, why, about)) = self.active.remove_entry(key)?;
        let alarm = OWN.iter().map(|(name, _)| *name).find(|name| self.key(name, &about) == key)?;
        Some(self.transition(patterns, alarm, &about, Event::Clear, since, Some(ClearedBy::Operator), why, wall))
    }

    /// What has no end.
    pub fn occur(
        &mut self,
        patterns: &Arc<str>,
        alarm: &'static str,
        about: &str,
        why: String,
        wall: Millis,
    ) -> Transition {
        self.transition(patterns, alarm, about, Event::Occur, Moment::utc(wall), None, why, wall)
    }

    fn location(&self) -> Location {
        Location {
            source: self.cluster.clone(),
            service: "tocsin".into(),
            role: "watch".into(),
            node: self.host.clone(),
        }
    }

    fn key(&self, alarm: &str, about: &str) -> Arc<str> {
        key(alarm, &self.location(), &BTreeMap::from([("about", about)])).into()
    }

    #[expect(clippy::too_many_arguments, reason = "each is a field of the record")]
    fn transition(
        &self,
        patterns: &Arc<str>,
        alarm: &'static str,
        about: &str,
        event: Event,
        since: Moment,
        cleared_by: Option<ClearedBy>,
        why: String,
        wall: Millis,
    ) -> Transition {
        let title = OWN.iter().find(|(name, _)| *name == alarm).map_or(alarm, |(_, title)| title);
        let mut record = Transition::own(alarm, title, event, ("about", about), self.location(), Moment::utc(wall));
        record.params.insert("why".into(), why);
        let cleared = event == Event::Clear;
        Transition {
            raised_at: (event != Event::Occur).then_some(since),
            cleared_by,
            duration_ms: cleared.then(|| (wall - since.millis).max(0)),
            patterns: patterns.clone(),
            ..record
        }
    }
}
