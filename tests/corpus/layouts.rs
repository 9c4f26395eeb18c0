//! The recordings in the layouts that others use.
//!
//! Servers say the same in every layout, so a pattern that holds must find the same in each. Names change too: with the
//! layouts that Flink ships, its files are called by what no glob knows, and must be recognised by their content.

use std::fs;
use std::path::Path;

use regex::Regex;

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
    let reader = Reader::new();
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
        let rewritten = |line: &str| reader.head(line).map_or_else(|| line.to_owned(), |h| h.written(style, is_flink));
        let lines: String = text.lines().map(|line| rewritten(line) + "\n").collect();
        fs::write(path, lines).expect("written");
    }
}

/// Reads heads of the recordings' own layouts.
struct Reader {
    bars: Regex,
    classic: Regex,
}

impl Reader {
    fn new() -> Reader {
        let stamp = r"^(?<date>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(?<millis>\d{3})";
        // Where a message goes on below, the class stands there.
        let class = r"(?: \| (?<class>[\w.$]+?)(?:\.[\w<>$]+)? ?\([^()]*\))?$";
        let bars = format!(r"{stamp} \| (?<level>\w+) *\| \[?(?<thread>.*?)\]? \| (?<message>.*?){class}");
        let classic = format!(
            r"{stamp} (?:\[myid:\S*\] )?- (?<level>\w+) +\[(?<thread>.*):(?<class>[\w$.]+)@\d+\] - (?<message>.*)$"
        );
        let regex = |text: &str| Regex::new(text).expect("a regex");
        Reader { bars: regex(&bars), classic: regex(&classic) }
    }

    fn head<'l>(&self, line: &'l str) -> Option<Head<'l>> {
        let found = self.bars.captures(line).or_else(|| self.classic.captures(line))?;
        let part = |name: &str| found.name(name).map_or("", |m| m.as_str());
        let (date, millis, level) = (part("date"), part("millis"), part("level"));
        Some(Head { date, millis, level, thread: part("thread"), message: part("message"), class: part("class") })
    }
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
