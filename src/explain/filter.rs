//! What the user wants to hear about: some alarms, some signals, or everything.

use crate::pattern::{Alarm, AlarmId, Patterns, SignalId};

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub alarms: Vec<AlarmId>,
    pub signals: Vec<SignalId>,
}

impl Filter {
    pub fn is_given(&self) -> bool {
        !self.alarms.is_empty() || !self.signals.is_empty()
    }

    pub fn alarm(&self, id: AlarmId) -> bool {
        self.alarms.is_empty() || self.alarms.contains(&id)
    }

    /// A signal that was asked for, and that one of the alarms looks at that were asked for.
    pub fn signal(&self, patterns: &Patterns, id: SignalId) -> bool {
        let used = || self.alarms.iter().any(|a| signals(patterns.alarm(*a)).any(|s| s == id));
        (self.signals.is_empty() || self.signals.contains(&id)) && (self.alarms.is_empty() || used())
    }
}

/// All signals that an alarm looks at.
fn signals(alarm: &Alarm) -> impl Iterator<Item = SignalId> {
    let looks = |r: &'_ crate::pattern::Raise| {
        let with = r.with.iter().flat_map(|w| &w.on);
        with.chain(r.unless.iter().flat_map(|u| &u.on)).copied().collect::<Vec<_>>()
    };
    let raise = alarm.raise.iter().flat_map(move |r| r.kind.signals().chain(looks(r)));
    raise.chain(alarm.clear.iter().flat_map(|c| c.signals().iter().copied()))
}
