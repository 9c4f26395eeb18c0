//! What the user wants to hear about: some alarms, some signals, or everything.

use crate::pattern::{AlarmId, Patterns, SignalId};

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
        let used = || self.alarms.iter().any(|a| patterns.alarm(*a).signals().any(|s| s == id));
        (self.signals.is_empty() || self.signals.contains(&id)) && (self.alarms.is_empty() || used())
    }
}
