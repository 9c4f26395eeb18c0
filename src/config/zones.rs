//! The zone of each log: what the user says of it, else the zone that its layout names (unless the pattern file corrects
//! it), else what the user says of all, else the pattern file, else the machine.

use crate::pattern::{Log, LogId, Patterns, Zone};
use crate::replay::gather::Zones;

#[derive(Clone, Debug)]
pub struct LogZones {
    of: Vec<Option<Zone>>,
    pub default: Zone,
    /// How the default is known, for the user.
    pub source: &'static str,
    /// The machine's zone, if it is one that is not known here and nobody said which else to take.
    pub unknown: Option<String>,
}

impl LogZones {
    /// `all` is said of every log, `one` of a single one.
    pub fn new(patterns: &Patterns, all: Option<Zone>, one: &[(LogId, Zone)]) -> LogZones {
        let machine = Zone::of_machine();
        let source = if machine.is_ok() { "this machine's zone" } else { "this machine names no zone that is known" };
        let by_layout = |l: &Log| l.layouts.iter().find_map(|(_, layout)| Zone::parse(layout.zone()?));
        // What a layout names is the format's own zone, wherever the machine stands that wrote it.
        let of_log = |l: &Log| match by_layout(l) {
            Some(named) => l.zone.or(Some(named)),
            None => all.or(l.zone),
        };
        let of = patterns.logs.iter().map(of_log).collect();
        let unknown = machine.as_ref().err().filter(|_| all.is_none()).cloned();
        let default = all.unwrap_or_else(|| machine.unwrap_or(Zone::UTC));
        let mut zones = LogZones { of, default, source, unknown };
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
