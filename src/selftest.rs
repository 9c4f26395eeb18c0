//! The tests inside pattern files: lines in, transitions out, compared with what their author expects.
//!
//! They take the same way as a replay. What is compared is what the author wrote down: a cause or a param that an
//! expectation does not mention may be anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::NaiveDateTime;

use crate::correlate::{Family, HOLD, MAX_KEYS};
use crate::pattern::diagnostic::{Diagnostic, Span};
use crate::pattern::model::{Name, TestDef, TestInput};
use crate::pattern::{LogId, Patterns, Zone};
use crate::replay::{FamilyRuns, Options, Run, replay};
use crate::scan::{Lookahead, Scanner};
use crate::time::Millis;
use crate::transition::{Event, Mode, Transition};

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
        Ok((expected, found)) => compare(&expected, &found, zone(test).unwrap_or(Zone::UTC)),
        Err(broken) => Outcome::Broken(*broken),
    }
}

/// One line of `expect`.
#[derive(Debug)]
struct Expectation {
    written: String,
    event: Event,
    time: Millis,
    causes: Option<Vec<String>>,
    fields: Vec<(String, String)>,
}

impl Expectation {
    fn fits(&self, found: &Transition) -> bool {
        let causes = || found.causes.iter().map(|c| c.to_string()).collect::<Vec<_>>();
        self.event == found.event
            && self.time == found.time.millis
            && self.causes.as_ref().is_none_or(|c| *c == causes())
            && self.fields.iter().all(|(name, value)| field(found, name).as_deref() == Some(value))
    }
}

fn field(found: &Transition, name: &str) -> Option<String> {
    match name {
        "node" => Some(found.node.to_string()),
        "count" => Some(found.count.to_string()),
        _ => found.params.get(name).cloned(),
    }
}

fn transitions(patterns: &Patterns, test: &TestDef) -> Result<Vec<Transition>, Box<Diagnostic>> {
    let zone = zone(test).ok_or_else(|| unknown_zone(test))?;
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
    let end = test.end.as_ref().map(|e| instant(e, zone)).transpose()?;
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
    let Some(alarm) = &test.alarm else {
        let error =
            Diagnostic::error(&test.span, "a test without an alarm names its logs", "which log are these lines of?");
        return Err(Box::new(error.help("add `log = \"…\"`, or `alarm = \"…\"`")));
    };
    let id = patterns.alarm_named(&alarm.value).ok_or_else(|| unknown(alarm, "alarm"))?;
    patterns.alarm(id).logs.first().copied().ok_or_else(|| unknown(alarm, "log of"))
}

fn zone(test: &TestDef) -> Option<Zone> {
    test.zone.as_ref().map_or(Some(Zone::UTC), |z| Zone::parse(&z.value))
}

fn unknown_zone(test: &TestDef) -> Box<Diagnostic> {
    let span: &Span = test.zone.as_ref().map_or(&test.span, |z| &z.span);
    Box::new(
        Diagnostic::error(span, "unknown time zone", "neither a name nor an offset")
            .help("for example \"Asia/Shanghai\" or \"+08:00\""),
    )
}

/// `2021-03-22T14:03:35.344` in the test's zone, or with an offset of its own.
fn instant(text: &Name, zone: Zone) -> Result<Millis, Box<Diagnostic>> {
    parse_instant(&text.value, zone).ok_or_else(|| {
        Box::new(
            Diagnostic::error(&text.span, format!("`{}` is no time", text.value), "expected a date and a time")
                .help("write for example \"2021-03-22T14:03:35.344\""),
        )
    })
}

/// A time as a person writes it: ISO 8601, with or without an offset.
pub fn parse_instant(text: &str, zone: Zone) -> Option<Millis> {
    if let Ok(t) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(t.timestamp_millis());
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let naive = formats.iter().find_map(|f| NaiveDateTime::parse_from_str(&text.replace(',', "."), f).ok())?;
    Some(zone.resolve(naive.and_utc().timestamp_millis(), None))
}

fn expectations(test: &TestDef) -> Result<Vec<Expectation>, Box<Diagnostic>> {
    let zone = zone(test).ok_or_else(|| unknown_zone(test))?;
    test.expect.iter().map(|line| expectation(line, zone)).collect()
}

/// `raise 2021-03-22T14:03:35.344 cause1,cause2 param=value`
fn expectation(line: &Name, zone: Zone) -> Result<Expectation, Box<Diagnostic>> {
    let wrong = |why: &str| {
        let error = Diagnostic::error(&line.span, "this expectation cannot be read", why.to_owned());
        Box::new(error.help("write `raise TIME [CAUSE,CAUSE] [PARAM=VALUE …]`, or `clear …`, or `occur …`"))
    };
    let mut words = line.value.split_whitespace();
    let event = match words.next() {
        Some("raise") => Event::Raise,
        Some("clear") => Event::Clear,
        Some("occur") => Event::Occur,
        _ => return Err(wrong("it begins with none of raise, clear, occur")),
    };
    let time = words
        .next()
        .and_then(|t| parse_instant(t, zone))
        .ok_or_else(|| wrong("there is no time behind the first word"))?;
    let mut expectation = Expectation { written: line.value.clone(), event, time, causes: None, fields: Vec::new() };
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => expectation.fields.push((name.to_owned(), value.to_owned())),
            None => expectation.causes = Some(word.split(',').map(str::to_owned).collect()),
        }
    }
    Ok(expectation)
}

fn compare(expected: &[Expectation], found: &[Transition], zone: Zone) -> Outcome {
    if expected.len() == found.len() && expected.iter().zip(found).all(|(e, f)| e.fits(f)) {
        return Outcome::Passed;
    }
    let mut diff = String::new();
    let (mut i, mut j) = (0, 0);
    while i < expected.len() || j < found.len() {
        match (expected.get(i), found.get(j)) {
            (Some(e), Some(f)) if e.fits(f) => {
                let _ = writeln!(diff, "  {}", e.written);
                (i, j) = (i + 1, j + 1);
            }
            // What stands further on among the found is preceded by what nobody expected.
            (Some(e), Some(f)) if found[j..].iter().any(|later| e.fits(later)) => {
                let _ = writeln!(diff, "+ {}", describe(f, zone));
                j += 1;
            }
            (Some(e), _) => {
                let _ = writeln!(diff, "- {}", e.written);
                i += 1;
            }
            (None, Some(f)) => {
                let _ = writeln!(diff, "+ {}", describe(f, zone));
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
