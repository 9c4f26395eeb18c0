//! The recordings in the layouts that others use.
//!
//! Servers say the same in every layout, so a pattern that holds must find the same in each. Names change too: with the
//! layouts that Flink ships, its files are called by what no glob knows, and must be recognised by their content.

use std::fs;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As log4j's configuration that comes with Flink, and with ZooKeeper.
    Shipped,
    /// Logback's, with shortened names of classes.
    Logback,
    /// FusionInsight's, with bars.
    Bars,
}

/// What a head says, whatever its layout.
struct Head<'l> {
    date: &'l str,
    millis: &'l str,
    level: &'l str,
    thread: &'l str,
    message: &'l str,
    class: &'l str,
}

/// Copies a recording with its plain logs rewritten.
pub fn rewrite(from: &Path, to: &Path, style: Style) {
    for entry in walkdir::WalkDir::new(from).into_iter().filter_map(Result::ok).filter(|e| e.file_type().is_file()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let bytes = fs::read(entry.path()).expect("readable");
        let directory = entry.path().parent().and_then(|p| p.strip_prefix(from).ok()).expect("below the recording");
        fs::create_dir_all(to.join(directory)).expect("made");
        let is_flink = name.starts_with("flink");
        let renamed = name.replace("flink-jm", "master").replace("flink-tm", "worker");
        let path = to.join(directory).join(if style == Style::Logback { renamed } else { name.clone() });
        if !name.ends_with(".log") {
            fs::write(path, bytes).expect("written");
            continue;
        }
        let text = String::from_utf8_lossy(&bytes);
        let rewritten = |line: &str| head(line).map_or_else(|| line.to_owned(), |h| h.written(style, is_flink));
        let lines: String = text.lines().map(|line| rewritten(line) + "\n").collect();
        fs::write(path, lines).expect("written");
    }
}

/// A head of one of the recordings' own layouts.
fn head(line: &str) -> Option<Head<'_>> {
    let (date, rest) = line.split_at_checked(19).filter(|(date, _)| date.starts_with("20"))?;
    let (millis, rest) = rest.strip_prefix(',')?.split_at_checked(3)?;
    let rest = rest.trim_start();
    let with = |level, thread, message, class| Head { date, millis, level, thread, message, class };
    if let Some(rest) = rest.strip_prefix("| ") {
        let (level, rest) = rest.split_once(" | ")?;
        let (thread, rest) = rest.split_once(" | ")?;
        // Where a message goes on below, the class stands there.
        let (message, place) = rest.rsplit_once(" | ").filter(|(_, place)| place.ends_with(')')).unwrap_or((rest, ""));
        let place = place.split_once('(').map_or("", |(class, _)| class);
        let class =
            if place.ends_with(' ') { place.trim_end() } else { place.rsplit_once('.').map_or("", |(class, _)| class) };
        return Some(with(level.trim_end(), thread.trim_matches(['[', ']']), message, class));
    }
    // The classic layout of ZooKeeper: [myid:] - LEVEL [thread:class@line] - message
    let (_, rest) = rest.split_once("- ")?;
    let (level, rest) = rest.split_once('[')?;
    let (place, message) = rest.split_once("] - ")?;
    let (thread, class) = place.rsplit_once('@')?.0.rsplit_once(':')?;
    Some(with(level.trim_end(), thread, message, class))
}

impl Head<'_> {
    fn written(&self, style: Style, is_flink: bool) -> String {
        let Head { date, millis, level, thread, message, class } = self;
        let short = class.rsplit('.').next().unwrap_or_default();
        match (style, is_flink) {
            (Style::Shipped, true) => format!("{date},{millis} {level:<5} {class:<60} [] - {message}"),
            (Style::Logback, true) => format!("{date}.{millis} [{thread}] {level:<5} o.a.f.r.{short}  - {message}"),
            (Style::Bars, true) => {
                format!("{date},{millis} | {level:<5} | [{thread}] | {message} | {class} ({short}.java:1)")
            }
            (Style::Shipped, false) => format!("{date},{millis} [myid:] - {level:<5} [{thread}:{short}@1] - {message}"),
            (Style::Logback, false) => {
                format!("{date},{millis} [myid:1] - {level:<5} [{thread}:o.a.z.s.{short}@1] - {message}")
            }
            (Style::Bars, false) => {
                format!("{date},{millis} | {level:<5} | {thread} | {message} | org.apache.{short}.run({short}.java:1)")
            }
        }
    }
}
