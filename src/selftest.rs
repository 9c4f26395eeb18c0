//! The tests inside pattern files: lines in, transitions out, compared with what their author expects.
//!
//! They take the same way as a replay. What is compared is what the author wrote down: a cause or a param that an
//! expectation does not mention may be anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::correlate::{Family, HOLD, MAX_KEYS};
use crate::pattern::diagnostic::Diagnostic;
pub use crate::pattern::expectation::parse_instant;
use crate::pattern::expectation::{self, Expectation};
use crate::pattern::model::{Name, TestDef, TestInput};
use crate::pattern::{LogId, Patterns, Zone};
use crate::replay::{FamilyRuns, Options, Run, replay};
use crate::scan::{Lookahead, Scanner};
use crate::transition::{Mode, Transition};

/// How a test came out.
#[derive(Debug)]
pub enum Outcome {
    Passed,
    /// What was expected and what was found, line by line.
    Failed(String),
    /// The test itself says something that cannot be.
    Broken(Diagnostic),
}

pub fn run(patterns: &Patterns, test: &TestDef) -> Outcome {
    match transitions(patterns, test).and_then(|found| Ok((expectations(test)?, found))) {
        Ok((expected, found)) => compare(&expected, &found, expectation::zone(test).unwrap_or(Zone::UTC)),
        Err(broken) => Outcome::Broken(*broken),
    }
}

fn fits(expected: &Expectation, found: &Transition) -> bool {
    let causes = || found.causes.iter().map(|c| c.to_string()).collect::<Vec<_>>();
    expected.event == found.event
        && expected.time == found.time.millis
        && expected.causes.as_ref().is_none_or(|c| *c == causes())
        && expected.fields.iter().all(|(name, value)| field(found, name).as_deref() == Some(value))
}

fn field(found: &Transition, name: &str) -> Option<String> {
    match name {
        "node" => Some(found.node.to_string()),
        "count" => Some(found.count.to_string()),
        _ => found.params.get(name).cloned(),
    }
}

fn transitions(patterns: &Patterns, test: &TestDef) -> Result<Vec<Transition>, Box<Diagnostic>> {
    let zone = expectation::zone(test)?;
    let mut families: BTreeMap<(String, LogId), FamilyRuns> = BTreeMap::new();
    for (at, input) in test.inputs.iter().enumerate() {
        let log = log_of(patterns, test, input)?;
        let runs = families.entry((input.node.clone(), log)).or_insert_with(|| FamilyRuns {
            family: Family {
                cluster: "test".into(),
                node: input.node.as_str().into(),
                log,
                log_name: patterns.log(log).name.clone(),
                name: patterns.log(log).name.clone(),
                zone,
            },
            runs: Vec::new(),
        });
        runs.runs.push(scan(patterns, log, &test.name, input, zone, at));
    }
    let end = expectation::end(test, zone)?;
    let options = Options { mode: Mode::Test, hold: HOLD, end, max_keys: MAX_KEYS };
    let mut found = Vec::new();
    let only = test.alarm.as_ref();
    let keep = |t: Transition| -> Result<(), std::convert::Infallible> {
        if only.is_none_or(|a| *a.value == *t.alarm) {
            found.push(t);
        }
        Ok(())
    };
    let families = families.into_values().collect();
    match replay(patterns, families, options, None, keep) {
        Ok(_) => Ok(found),
        Err(never) => match never {},
    }
}

fn scan(patterns: &Patterns, log: LogId, test: &str, input: &TestInput, zone: Zone, at: usize) -> Run {
    let mut seen = Vec::new();
    let mut scanner = Scanner::new(patterns, patterns.log(log), Arc::from(test), zone, Lookahead::File);
    // The line break after `'''` is TOML's to drop; one more is the author's habit.
    scanner.feed(input.lines.trim_start_matches('\n').as_bytes(), &mut seen);
    let summary = scanner.finish(&mut seen);
    Run { file: test.to_owned(), seen: seen.into(), summary, rank: vec![at as i64], ..Run::default() }
}

/// Lines that no layout takes for the head of a record prove nothing, and a near miss of them least of all.
pub fn headless(patterns: &Patterns, test: &TestDef) -> Option<Diagnostic> {
    let zone = expectation::zone(test).ok()?;
    let log = test.inputs.iter().find_map(|input| {
        let log = log_of(patterns, test, input).ok()?;
        let run = scan(patterns, log, &test.name, input, zone, 0);
        (run.summary.carry.is_none() && run.summary.lines > 0).then_some(log)
    })?;
    let log = patterns.log(log);
    let title = format!("no line of this test begins a record of the log `{}`", log.name);
    let layouts: Vec<String> = log.layouts.iter().map(|(name, _)| format!("`{name}`")).collect();
    let help = format!(
        "give it whole lines, with their time, as the layout {} describes them; or mend the layout",
        layouts.join(" or ")
    );
    Some(Diagnostic::warning(&test.span, title, "its lines find nothing").help(help))
}

fn log_of(patterns: &Patterns, test: &TestDef, input: &TestInput) -> Result<LogId, Box<Diagnostic>> {
    let unknown = |name: &Name, what: &str| {
        let help = "name a log or an alarm that is defined and not switched off";
        Box::new(
            Diagnostic::error(&name.span, format!("unknown {what} `{}`", name.value), "needed by this test").help(help),
        )
    };
    if let Some(name) = &input.log {
        return patterns.log_named(&name.value).ok_or_else(|| unknown(name, "log"));
    }
    let Some(alarm) = &test.alarm else { return Err(Box::new(expectation::nameless(test))) };
    let id = patterns.alarm_named(&alarm.value).ok_or_else(|| unknown(alarm, "alarm"))?;
    patterns.alarm(id).logs.first().copied().ok_or_else(|| unknown(alarm, "log of"))
}

fn expectations(test: &TestDef) -> Result<Vec<Expectation>, Box<Diagnostic>> {
    let zone = expectation::zone(test)?;
    test.expect.iter().map(|line| expectation::read(line, zone)).collect()
}

fn compare(expected: &[Expectation], found: &[Transition], zone: Zone) -> Outcome {
    if expected.len() == found.len() && expected.iter().zip(found).all(|(e, f)| fits(e, f)) {
        return Outcome::Passed;
    }
    // What an expectation asks for is shown of what was found, too.
    let asked = |name: &str| expected.iter().any(|e| e.fields.iter().any(|(n, _)| n == name));
    let (node, count) = (asked("node"), asked("count"));
    let describe = |f: &Transition| {
        let node = if node { format!(" node={}", f.node) } else { String::new() };
        let count = if count { format!(" count={}", f.count) } else { String::new() };
        format!("{}{node}{count}", describe(f, zone))
    };
    let mut diff = String::new();
    let (mut i, mut j) = (0, 0);
    while i < expected.len() || j < found.len() {
        match (expected.get(i), found.get(j)) {
            (Some(e), Some(f)) if fits(e, f) => {
                let _ = writeln!(diff, "  {}", e.written);
                (i, j) = (i + 1, j + 1);
            }
            // What stands further on among the found is preceded by what nobody expected.
            (Some(e), Some(f)) if found[j..].iter().any(|later| fits(e, later)) => {
                let _ = writeln!(diff, "+ {}", describe(f));
                j += 1;
            }
            (Some(e), _) => {
                let _ = writeln!(diff, "- {}", e.written);
                i += 1;
            }
            (None, Some(f)) => {
                let _ = writeln!(diff, "+ {}", describe(f));
                j += 1;
            }
            (None, None) => break,
        }
    }
    Outcome::Failed(diff)
}

/// A transition as an expectation would be written.
pub fn describe(found: &Transition, zone: Zone) -> String {
    let time = zone.moment(found.time.millis).to_string();
    // The zone is the test's, so its offset says nothing.
    let time = time.get(..23).unwrap_or(&time);
    let mut text =
        format!("{} {time} {}", found.event.name(), found.causes.iter().map(|c| &**c).collect::<Vec<_>>().join(","));
    for (name, value) in &found.params {
        let _ = write!(text, " {name}={value}");
    }
    text
}
