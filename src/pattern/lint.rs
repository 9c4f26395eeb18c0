//! What compiles and is still wrong, or probably not what its author meant.

use std::collections::{BTreeMap, HashSet};

use super::diagnostic::{Diagnostic, suggest};
use super::expectation;
use super::model::{Definitions, Entry, Name, TestDef};
use super::patterns::{Alarm, Log, Patterns, SignalId};
use super::zone::Zone;

/// Warnings over a whole pattern set; with an error in it, most of them would be that error's consequences.
pub fn lint(patterns: &Patterns, definitions: &Definitions) -> Vec<Diagnostic> {
    let mut found = unused_signals(patterns, definitions);
    found.extend(untested_alarms(patterns, definitions));
    found.extend(switched_off(definitions));
    found
}

/// Errors over a whole pattern set, or over as much of it as could be compiled.
pub fn errors(patterns: &Patterns, definitions: &Definitions) -> Vec<Diagnostic> {
    let mut found = shared_files(patterns, definitions);
    found.extend(patterns.logs.iter().filter_map(|log| two_zones(log, definitions)));
    found.extend(definitions.tests.iter().flat_map(|t| test(t, definitions)));
    found
}

/// What a test says that cannot be, whatever the rules do.
fn test(test: &TestDef, definitions: &Definitions) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let zone = expectation::zone(test).unwrap_or_else(|error| {
        found.push(*error);
        Zone::UTC
    });
    found.extend(expectation::end(test, zone).err().map(|error| *error));
    let alarm = test
        .alarm
        .as_ref()
        .and_then(|a| Some((a, named(a, "alarm", &definitions.alarms, test, definitions, &mut found)?)));
    // What a user's alarm does is no concern of the built-in one's tests.
    let alarm = alarm.filter(|(_, entry)| !(test.builtin && entry.replaces)).and_then(|(_, entry)| entry.body.as_ref());
    for log in test.inputs.iter().filter_map(|i| i.log.as_ref()) {
        named(log, "log", &definitions.logs, test, definitions, &mut found);
    }
    if test.alarm.is_none() && test.inputs.iter().any(|i| i.log.is_none()) {
        found.push(expectation::nameless(test));
    }
    for line in &test.expect {
        match expectation::read(line, zone) {
            Ok(read) => found.extend(alarm.iter().flat_map(|a| read.impossible(line, a))),
            Err(error) => found.push(*error),
        }
    }
    found
}

/// The entry that a test names, and a mistake noted if there is none or it is switched off.
fn named<'d, T>(
    name: &Name,
    what: &str,
    known: &'d BTreeMap<String, Entry<T>>,
    test: &TestDef,
    definitions: &Definitions,
    found: &mut Vec<Diagnostic>,
) -> Option<&'d Entry<T>> {
    let entry = known.get(&name.value);
    match entry {
        Some(entry) if entry.body.is_none() && !test.builtin => found.push(
            Diagnostic::error(
                &name.span,
                format!("the {what} `{}` is switched off", name.value),
                "nothing can be found",
            )
            .also(&entry.span, "here")
            .help("remove the test, or the `enabled = false`"),
        ),
        None if definitions.broken.is_empty() => found.push(
            Diagnostic::error(
                &name.span,
                format!("unknown {what} `{}`", name.value),
                format!("no [{what}.{}] is defined", name.value),
            )
            .help(suggest(&name.value, known.keys().map(String::as_str))),
        ),
        _ => {}
    }
    entry
}

/// A signal that is switched off takes away what alarms do with it, which may be more than was meant.
fn switched_off(definitions: &Definitions) -> Vec<Diagnostic> {
    let off = |name: &Name| definitions.signals.get(&name.value).filter(|e| e.body.is_none()).map(|e| &e.span);
    let mut found = Vec::new();
    for (alarm, entry) in &definitions.alarms {
        let Some(body) = &entry.body else { continue };
        let lists = body.raise.iter().flat_map(|r| r.kind.lists()).chain(body.clear.iter().map(|c| c.signals()));
        for list in lists.filter(|l| !l.is_empty() && l.iter().all(|n| off(n).is_some())) {
            let Some(span) = off(&list[0]) else { continue };
            let title = format!(
                "the alarm `{alarm}` has an entry that cannot act: its signal `{}` is switched off",
                list[0].value
            );
            found.push(
                Diagnostic::warning(span, title, "switched off here")
                    .also(&list[0].span, "needed here")
                    .help("replace the signal, or the alarm, or switch the alarm off too"),
            );
        }
    }
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

/// A log is in one zone, and its layouts may name several.
fn two_zones(log: &Log, definitions: &Definitions) -> Option<Diagnostic> {
    let named = |at: usize| Some((at, log.layouts.get(at)?.1.zone()?));
    let mut zones = (0..log.layouts.len()).filter_map(named);
    let (first, zone) = zones.next().filter(|_| log.zone.is_none())?;
    let (second, other) = zones.find(|(_, other)| Zone::parse(other) != Zone::parse(zone))?;
    let layouts = &definitions.logs.get(&*log.name)?.body.as_ref()?.layouts;
    let title = format!("the layouts of the log `{}` name two time zones", log.name);
    Some(
        Diagnostic::error(&layouts.get(second)?.span, title, format!("this one names `{other}`"))
            .also(&layouts.get(first)?.span, format!("and this one `{zone}`"))
            .help("a log is in one zone: make two logs of it, or say with `tz` which zone is right"),
    )
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
    let used: HashSet<SignalId> = patterns.alarms.iter().flat_map(Alarm::signals).collect();
    // What a user's alarm has no use for may stay where it is.
    let changed = definitions.alarms.values().any(|a| a.replaces || a.body.is_none());
    let unused = patterns.signals.iter().enumerate().filter(|(i, _)| !used.contains(&SignalId(*i as u32)));
    unused
        .filter_map(|(_, signal)| {
            let entry = definitions.signals.get(&*signal.name).filter(|e| !(e.builtin && changed))?;
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
