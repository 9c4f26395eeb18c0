//! `check --speed`: by which texts signals are found, and what that costs in a log.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::exit::{Exit, Failure};
use crate::deliver::stdout::printable;
use crate::pattern::Patterns;
use crate::pattern::search::SHORTEST;
use crate::speed::{Cost, Found, Measured, Text, found_by, measure, samples};

/// Texts of one signal that are shown.
const SHOWN: usize = 4;

/// What there is to tell, with a sample or without.
pub fn tell(patterns: &Patterns, sample: Option<&Path>) -> Result<String, Failure> {
    let Some(path) = sample else { return Ok(literals(patterns)) };
    let samples = samples(patterns, path).map_err(|e| Failure::new(Exit::NothingToRead, e.to_string()))?;
    if samples.is_empty() {
        let text = format!("{}: no log looks like this", printable(&path.to_string_lossy()));
        return Err(Failure::new(Exit::NothingToRead, text));
    }
    let mut text = String::new();
    for sample in &samples {
        let measured = measure(patterns, sample).map_err(Failure::invalid)?;
        text += &costs(patterns, &measured);
    }
    Ok(text)
}

/// Each signal with its texts. Logs that are alike have the same, so they are named only where they differ.
fn literals(patterns: &Patterns) -> String {
    let mut ways: BTreeMap<(&str, Vec<Text>), Vec<&str>> = BTreeMap::new();
    for log in &patterns.logs {
        for Found { signal, texts } in found_by(log, &[]) {
            ways.entry((&patterns.signal(signal).name, texts)).or_default().push(&log.name);
        }
    }
    let mut rows = vec![["SIGNAL", "LOG", "FOUND BY"].map(str::to_owned)];
    rows.extend(ways.iter().map(|((name, texts), logs)| [(*name).to_owned(), logs.join(", "), shown(texts)]));
    let mut text = columns(&rows, &[]);
    let tried = ways.iter().filter(|((_, texts), _)| texts.is_empty());
    tried.for_each(|((name, _), logs)| text += &remedy(name, &logs.join(", ")));
    text
}

fn costs(patterns: &Patterns, measured: &Measured) -> String {
    let log = patterns.log(measured.log);
    let megabytes = measured.bytes as f64 / 1e6;
    let all: Duration = measured.costs.iter().map(|cost| cost.took).sum();
    let heads = ["SIGNAL", "CANDIDATES/MB", "HITS/MB", "NS/MB", "SHARE", "FOUND BY"];
    let mut rows = vec![heads.map(str::to_owned)];
    for Cost { found, took, candidates, hits } in &measured.costs {
        let share = if all.is_zero() { 0.0 } else { 100.0 * took.as_secs_f64() / all.as_secs_f64() };
        rows.push([
            patterns.signal(found.signal).name.to_string(),
            format!("{:.1}", *candidates as f64 / megabytes),
            format!("{:.1}", *hits as f64 / megabytes),
            format!("{:.0}", took.as_nanos() as f64 / megabytes),
            format!("{share:.0} %"),
            shown(&found.texts),
        ]);
    }
    let rate = |took: Duration| measured.bytes as f64 / took.as_secs_f64().max(1e-9) / 1e6;
    let mut text = columns(&rows, &[1, 2, 3, 4]);
    let _ = writeln!(
        text,
        "{}: {megabytes:.1} MB; looking for nothing {:.0} MB/s, for all {} signals {:.0} MB/s",
        log.name,
        rate(measured.nothing),
        measured.costs.len(),
        rate(measured.everything)
    );
    let tried = measured.costs.iter().filter(|cost| cost.found.texts.is_empty());
    tried.for_each(|cost| text += &remedy(&patterns.signal(cost.found.signal).name, &log.name));
    text
}

/// What to do about a signal without a text.
fn remedy(signal: &str, logs: &str) -> String {
    format!(
        "`{signal}` has no literal to search for, so every line of {logs} must be tried: name a word of at least {SHORTEST} letters \
         that always stands there\n"
    )
}

fn shown(texts: &[Text]) -> String {
    let quoted = |text: &Text| {
        let case = if text.exact { "" } else { "(?i)" };
        format!("{case}\"{}\"", printable(&String::from_utf8_lossy(&text.bytes)))
    };
    let more = match texts.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" or {more} more"),
    };
    match texts {
        [] => "nothing: every line must be tried".to_owned(),
        _ => texts.iter().take(SHOWN).map(quoted).collect::<Vec<_>>().join(" or ") + &more,
    }
}

/// Rows below heads; columns of numbers stand to the right.
fn columns<const N: usize>(rows: &[[String; N]], numbers: &[usize]) -> String {
    let widths: [usize; N] = std::array::from_fn(|c| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0));
    let cell = |column: usize, text: &str| match numbers.contains(&column) {
        true => format!("{text:>0$}", widths[column]),
        false => format!("{text:<0$}", widths[column]),
    };
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().enumerate().map(|(column, text)| cell(column, text)).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
