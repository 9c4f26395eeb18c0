//! What the rules would make of a single look, without a log: the lines go the way of a replay, from memory.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use super::line::{self, Entry, Seen};
use crate::correlate::{Family, HOLD, MAX_KEYS};
use crate::pattern::{Patterns, Zone};
use crate::replay::{FamilyRuns, Options, Run, replay};
use crate::scan::{Lookahead, Scanner};
use crate::time::Moment;
use crate::transition::{Mode, Transition};

/// The log that a line is of, by its name in `patterns/probe.toml`.
fn log(seen: &Seen) -> &'static str {
    match seen {
        Seen::Certificate(_) => "certificate-probe",
        _ => "zookeeper-probe",
    }
}

/// The transitions, or the log that the patterns do not have.
pub fn transitions(
    patterns: &Patterns,
    cluster: &str,
    entries: &[Entry],
    now: Moment,
) -> Result<Vec<Transition>, &'static str> {
    let mut lines: BTreeMap<(&str, &'static str), String> = BTreeMap::new();
    for entry in entries {
        let line = line::written(now, &entry.seen).unwrap_or_default();
        lines.entry((&entry.node, log(&entry.seen))).or_default().push_str(&line);
    }
    let mut families = Vec::new();
    for ((node, log), lines) in lines {
        let log = patterns.log_named(log).ok_or(log)?;
        let name = patterns.log(log).name.clone();
        let file = "tocsin probe";
        let mut seen = Vec::new();
        let mut scanner = Scanner::new(patterns, patterns.log(log), Arc::from(file), Zone::UTC, Lookahead::File);
        scanner.feed(lines.as_bytes(), &mut seen);
        let summary = scanner.finish(&mut seen);
        let run = Run { file: file.to_owned(), seen: seen.into(), summary, ..Run::default() };
        let family =
            Family { cluster: cluster.into(), node: node.into(), log, log_name: name.clone(), name, zone: Zone::UTC };
        families.push(FamilyRuns { family, runs: vec![run] });
    }
    let options = Options { mode: Mode::Watch, hold: HOLD, end: None, max_keys: MAX_KEYS };
    let mut made = Vec::new();
    let keep = |transition: Transition| -> Result<(), Infallible> {
        made.push(transition);
        Ok(())
    };
    match replay(patterns, families, options, None, keep) {
        Ok(_) => Ok(made),
        Err(never) => match never {},
    }
}
