//! What compiles and is still wrong, or probably not what its author meant.

use std::collections::HashSet;

use super::diagnostic::Diagnostic;
use super::model::Definitions;
use super::patterns::{Log, Patterns, SignalId};

/// Errors and warnings over a whole pattern set.
pub fn lint(patterns: &Patterns, definitions: &Definitions) -> Vec<Diagnostic> {
    let mut found = shared_files(patterns, definitions);
    found.extend(unused_signals(patterns, definitions));
    found.extend(untested_alarms(patterns, definitions));
    found
}

/// Two logs that match one file: whose it is would be a matter of luck.
fn shared_files(patterns: &Patterns, definitions: &Definitions) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, log) in patterns.logs.iter().enumerate() {
        for other in &patterns.logs[at + 1..] {
            found.extend(shared_file(log, other, definitions));
        }
    }
    found
}

fn shared_file(log: &Log, other: &Log, definitions: &Definitions) -> Option<Diagnostic> {
    let pairs =
        log.files.iter().enumerate().flat_map(|(i, a)| other.files.iter().enumerate().map(move |(j, b)| (i, a, j, b)));
    let (i, j, path) = pairs.into_iter().find_map(|(i, a, j, b)| Some((i, j, a.common_path(b)?)))?;
    let span = |name: &str, at: usize| Some(definitions.logs.get(name)?.body.as_ref()?.files.get(at)?.span.clone());
    let title = format!("the logs `{}` and `{}` match one file", log.name, other.name);
    Some(
        Diagnostic::error(&span(&other.name, j)?, title, format!("matches `{path}`"))
            .also(&span(&log.name, i)?, "and so does this")
            .help("make one of the globs name a directory or an ending that the other does not have"),
    )
}

fn unused_signals(patterns: &Patterns, definitions: &Definitions) -> Vec<Diagnostic> {
    let mut used: HashSet<SignalId> = HashSet::new();
    for alarm in &patterns.alarms {
        for raise in &alarm.raise {
            used.extend(raise.kind.signals());
            used.extend(raise.with.iter().flat_map(|w| &w.on));
            used.extend(raise.unless.iter().flat_map(|u| &u.on));
        }
        used.extend(alarm.clear.iter().flat_map(|c| c.signals()));
    }
    let unused = patterns.signals.iter().enumerate().filter(|(i, _)| !used.contains(&SignalId(*i as u32)));
    unused
        .filter_map(|(_, signal)| {
            let entry = definitions.signals.get(&*signal.name)?;
            let title = format!("no rule uses the signal `{}`", signal.name);
            Some(Diagnostic::warning(&entry.span, title, "defined here").help("name it in an alarm, or remove it"))
        })
        .collect()
}

fn untested_alarms(patterns: &Patterns, definitions: &Definitions) -> Vec<Diagnostic> {
    let tested: HashSet<&str> = patterns.tests.iter().filter_map(|t| Some(t.alarm.as_ref()?.value.as_str())).collect();
    let untested = patterns.alarms.iter().filter(|a| !tested.contains(&*a.name));
    untested
        .filter_map(|alarm| {
            let entry = definitions.alarms.get(&*alarm.name)?;
            let title = format!("the alarm `{}` has no test", alarm.name);
            let help = "add a [[test]] with real lines that raise it, lines that clear it, and a near miss";
            Some(Diagnostic::warning(&entry.span, title, "defined here").help(help))
        })
        .collect()
}
