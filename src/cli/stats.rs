//! `replay --stats`: where the time went, as a table.

use std::fmt::Write as _;
use std::time::Duration;

use super::summary::few;
use crate::replay::stats::{Part, Stats};

/// `passed` is the time of the whole replay.
pub fn table(stats: &Stats, passed: Duration, jobs: usize) -> String {
    let all: Duration = Part::ALL.iter().map(|part| stats.took(*part)).sum();
    let mut text = format!("{:<12}{:>9}{:>7}  {:>12}\n", "PART", "SECONDS", "SHARE", "RATE");
    for part in Part::ALL {
        let took = stats.took(part);
        let _ = writeln!(text, "{}", row(part.name(), took, all, stats.bytes()));
    }
    let _ = writeln!(text, "{}", row("together", all, all, stats.bytes()));
    let _ = writeln!(text, "{}", row("passed", passed, all, stats.bytes()));
    let (candidates, hits) = (stats.candidates(), stats.hits());
    let bytes = indicatif::HumanBytes(stats.bytes());
    let share = share(hits as f64, candidates as f64);
    let _ = writeln!(
        text,
        "{bytes} of logs on up to {}; {}, {} of them {} ({share:.0} %)",
        few(jobs as u64, "core"),
        few(candidates, "candidate"),
        hits,
        if hits == 1 { "a hit" } else { "hits" },
    );
    text
}

fn row(name: &str, took: Duration, all: Duration, bytes: u64) -> String {
    let seconds = took.as_secs_f64();
    let rate = match seconds > 0.0 && bytes > 0 {
        true => format!("{:.0} MB/s", bytes as f64 / seconds / 1e6),
        false => "-".to_owned(),
    };
    format!("{name:<12}{seconds:>9.3}{:>5.0} %  {rate:>12}", share(seconds, all.as_secs_f64()))
}

/// In percent.
fn share(part: f64, all: f64) -> f64 {
    if all > 0.0 { 100.0 * part / all } else { 0.0 }
}
