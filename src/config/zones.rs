//! The zone of each log: what the user says, else the pattern file, else the layout, else the machine.

use crate::pattern::{Log, LogId, Patterns, Zone};
use crate::replay::gather::Zones;

#[derive(Clone, Debug)]
pub struct LogZones {
    of: Vec<Option<Zone>>,
    pub default: Zone,
    /// How the default is known, for the user.
    pub source: &'static str,
}

impl LogZones {
    /// `all` is said of every log, `one` of a single one.
    pub fn new(patterns: &Patterns, all: Option<Zone>, one: &[(LogId, Zone)]) -> LogZones {
        let machine = Zone::of_machine();
        let source = if machine.is_some() { "this machine's zone" } else { "this machine names no zone that is known" };
        let by_layout = |l: &Log| l.layouts.iter().find_map(|(_, layout)| Zone::parse(layout.zone()?));
        let of = patterns.logs.iter().map(|l| all.or(l.zone).or_else(|| by_layout(l))).collect();
        let mut zones = LogZones { of, default: all.or(machine).unwrap_or(Zone::UTC), source };
        for (log, zone) in one {
            zones.of[log.index()] = Some(*zone);
        }
        zones
    }

    /// Nobody said which zone this log is in.
    pub fn is_assumed(&self, log: LogId) -> bool {
        self.of[log.index()].is_none()
    }
}

impl Zones for LogZones {
    fn of(&self, log: LogId) -> Zone {
        self.of[log.index()].unwrap_or(self.default)
    }
}
