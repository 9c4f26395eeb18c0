//! `--tz`: a zone, or LOG=ZONE.

use super::exit::Failure;
use crate::pattern::diagnostic::suggest;
use crate::pattern::{LogId, Patterns, Zone};

/// The zone of all logs, and those of single ones.
type Given = (Option<Zone>, Vec<(String, Zone)>);

pub fn read(given: &[String]) -> Result<Given, Failure> {
    let (mut all, mut one) = (None, Vec::new());
    for text in given {
        match text.split_once('=') {
            Some((log, zone)) => one.push((log.to_owned(), parse(zone)?)),
            None => all = Some(parse(text)?),
        }
    }
    Ok((all, one))
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
