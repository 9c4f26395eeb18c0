//! The zone of each log: what the command line says of it, else the zone that its layout names (unless the pattern file
//! corrects it), else what the command line says of all, else the pattern file, else the machine.

use super::exit::Failure;
use crate::pattern::diagnostic::suggest;
use crate::pattern::{Log, LogId, Patterns, Zone};
use crate::replay::gather::Zones;

pub struct LogZones {
    of: Vec<Option<Zone>>,
    pub default: Zone,
    /// How the default is known, for the user.
    pub source: &'static str,
    /// The machine's zone, if it is one that is not known here and nobody said which else to take.
    pub unknown: Option<String>,
}

impl LogZones {
    /// `given` are the values of `--tz`: a zone, or LOG=ZONE.
    pub fn new(patterns: &Patterns, given: &[String]) -> Result<LogZones, Failure> {
        let machine = Zone::of_machine();
        let source = if machine.is_ok() { "this machine's zone" } else { "this machine names no zone that is known" };
        let by_layout = |l: &Log| l.layouts.iter().find_map(|(_, layout)| Zone::parse(layout.zone()?));
        let of = patterns.logs.iter().map(|l| l.zone.or_else(|| by_layout(l))).collect();
        let unknown = machine.as_ref().err().cloned();
        let mut zones = LogZones { of, default: machine.unwrap_or(Zone::UTC), source, unknown };
        for text in given.iter().filter(|t| !t.contains('=')) {
            (zones.default, zones.unknown) = (parse(text)?, None);
            // What a layout names is the format's own zone, wherever the machine stands that wrote it.
            let others = patterns.logs.iter().zip(&mut zones.of).filter(|(log, _)| by_layout(log).is_none());
            others.for_each(|(_, of)| *of = Some(zones.default));
        }
        for text in given {
            if let Some((log, zone)) = text.split_once('=') {
                zones.of[log_named(patterns, log)?.index()] = Some(parse(zone)?);
            }
        }
        Ok(zones)
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

fn parse(zone: &str) -> Result<Zone, Failure> {
    let help = "give an IANA name such as Asia/Shanghai, or an offset such as +08:00";
    Zone::parse(zone).ok_or_else(|| Failure::invalid(format!("unknown time zone `{zone}`: {help}")))
}

pub fn log_named(patterns: &Patterns, name: &str) -> Result<LogId, Failure> {
    patterns.log_named(name).ok_or_else(|| {
        let known = patterns.logs.iter().map(|l| &*l.name);
        Failure::invalid(format!("unknown log `{name}`: {}", suggest(name, known)))
    })
}
