//! docs/coverage.md says what the patterns cover; this holds it to that.
//!
//! Every signal stands in one of its tables with the provenance of the pattern files, every alarm in another, and what is
//! called observed is hit by a line: of a test in the pattern files, or of a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tocsin::input::assign::{Assigner, Decisions, Place};
use tocsin::pattern::{LogId, Patterns, Zone, builtin, compile};
use tocsin::scan::{Lookahead, Scanner, Seen};
use tocsin::transition::Provenance;

fn patterns() -> Patterns {
    compile(&builtin::builtin()).patterns.expect("the built-in patterns compile")
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coverage.md")).expect("docs/coverage.md")
}

/// Rows of the tables whose head begins with `kind`: the names in the first cell, and the other cells.
fn rows<'p>(page: &'p str, kind: &str) -> Vec<(Vec<&'p str>, Vec<&'p str>)> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if !line.starts_with('|') {
            inside = false;
        } else if cells[0] == kind {
            inside = true;
        } else if inside && !line.starts_with("|-") && !line.starts_with("| -") {
            let names = cells[0].split(", ").map(|n| n.trim_matches('`')).collect();
            rows.push((names, cells[1..].to_vec()));
        }
    }
    rows
}

#[test]
fn every_signal_is_listed_with_its_provenance() {
    let page = page();
    let mut listed = BTreeMap::new();
    for (names, cells) in rows(&page, "signal") {
        for name in names {
            assert_eq!(listed.insert(name, cells[1]), None, "{name} is listed twice");
        }
    }
    let patterns = patterns();
    let known: BTreeMap<&str, &str> = patterns.signals.iter().map(|s| (&*s.name, s.provenance.name())).collect();
    assert_eq!(listed, known, "docs/coverage.md, and the pattern files");
}

#[test]
fn every_alarm_is_listed() {
    let page = page();
    let listed: BTreeSet<&str> = rows(&page, "alarm").into_iter().flat_map(|(names, _)| names).collect();
    let patterns = patterns();
    let missing: Vec<&str> = patterns.alarms.iter().map(|a| &*a.name).filter(|a| !listed.contains(a)).collect();
    assert!(missing.is_empty(), "not in docs/coverage.md: {missing:?}");
}

/// Names of the signals that lines of this log hit.
fn hits<'p>(patterns: &'p Patterns, log: LogId, lines: &[u8], found: &mut BTreeSet<&'p str>) {
    let mut seen = Vec::new();
    let mut scanner = Scanner::new(patterns, patterns.log(log), "".into(), Zone::UTC, Lookahead::File);
    scanner.feed(lines, &mut seen);
    scanner.finish(&mut seen);
    for seen in seen {
        if let Seen::Hit(hit) = seen {
            found.insert(&patterns.signal(hit.signal).name);
        }
    }
}

fn hits_of_tests(patterns: &Patterns) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for test in &patterns.tests {
        let alarm = test.alarm.as_ref().and_then(|a| patterns.alarm_named(&a.value));
        for input in &test.inputs {
            let named = input.log.as_ref().and_then(|l| patterns.log_named(&l.value));
            let log = named.or_else(|| patterns.alarm(alarm?).logs.first().copied()).expect("a test has a log");
            hits(patterns, log, input.lines.as_bytes(), &mut found);
        }
    }
    found
}

fn hits_of_recordings(patterns: &Patterns) -> BTreeSet<&str> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus");
    let assigner = Assigner::new(patterns, Decisions::default(), "here");
    let mut found = BTreeSet::new();
    for file in walkdir::WalkDir::new(corpus).into_iter().filter_map(Result::ok) {
        if file.path().extension().is_some_and(|e| e == "log")
            && let Some(assigned) = assigner.by_path(&Place::file(file.path()))
        {
            hits(patterns, assigned.log, &fs::read(file.path()).expect("readable"), &mut found);
        }
    }
    found
}

#[test]
fn what_is_called_observed_is_hit_by_a_line() {
    let patterns = patterns();
    let (tested, recorded) = (hits_of_tests(&patterns), hits_of_recordings(&patterns));
    let observed = patterns.signals.iter().filter(|s| s.provenance == Provenance::Observed);
    let never: Vec<&str> =
        observed.map(|s| &*s.name).filter(|s| !tested.contains(s) && !recorded.contains(s)).collect();
    assert!(never.is_empty(), "observed, and hit by no line: {never:?}");
    // Whatever is not observed still has a line made for it: a regex that matches nothing would say nothing.
    let untested: Vec<&str> =
        patterns.signals.iter().map(|s| &*s.name).filter(|s| !tested.contains(s) && !recorded.contains(s)).collect();
    assert!(untested.is_empty(), "hit by no line at all: {untested:?}");
}
