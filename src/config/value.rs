//! What single values look like, the same on the command line and in the file.

use std::fmt;

use crate::pattern::Zone;
use crate::pattern::diagnostic::suggest;
use crate::time::{MINUTE, Millis, parse_duration};
use crate::transition::{Severity, Transition};

const DAY: Millis = 24 * 60 * MINUTE;

/// Longer than this, and the order of hits is worth nothing any more.
const LONGEST_HOLD: Millis = DAY;

/// Reading back more than a year is a slip of the pen.
const LONGEST_LOOKBACK: Millis = 366 * DAY;

/// Where the first start without a state begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// So much is read back, to learn what is active.
    Lookback(Millis),
    Start,
    End,
}

/// How tocsin's own log is written on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people and for the journal
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

impl LogFormat {
    pub fn name(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }
}

/// Where transitions go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    Stdout,
    Kafka { brokers: Vec<Broker>, topic: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    pub port: u16,
}

const KAFKA_PORT: u16 = 9092;

impl Sink {
    pub fn parse(text: &str) -> Result<Sink, String> {
        if text == "stdout" {
            return Ok(Sink::Stdout);
        }
        let shape = "expected `stdout` or `kafka://BROKER[,BROKER]/TOPIC`";
        let rest = text.strip_prefix("kafka://").ok_or(shape)?;
        if rest.contains('@') {
            return Err(
                "a user and a password do not belong into a URL, which is shown: write them under `[kafka]`".into()
            );
        }
        let (brokers, topic) = rest.split_once('/').ok_or("the topic is missing: kafka://BROKER[,BROKER]/TOPIC")?;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if topic.is_empty() || topic.len() > 249 || !topic.chars().all(legal) || matches!(topic, "." | "..") {
            return Err(format!("`{topic}` is no name of a topic: letters, digits, `.`, `_` and `-`"));
        }
        let brokers = brokers.split(',').map(broker).collect::<Result<_, _>>()?;
        Ok(Sink::Kafka { brokers, topic: topic.to_owned() })
    }
}

fn broker(text: &str) -> Result<Broker, String> {
    let wrong = || format!("`{text}` is no broker: write HOST or HOST:PORT");
    let port = |text: &str| text.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(wrong);
    let (host, port) = match text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        Some((host, "")) => (host, KAFKA_PORT),
        Some((host, rest)) => (host, port(rest.strip_prefix(':').ok_or_else(wrong)?)?),
        None => match text.split_once(':') {
            Some((host, rest)) => (host, port(rest)?),
            None => (text, KAFKA_PORT),
        },
    };
    match host.is_empty() || host.contains(char::is_whitespace) {
        true => Err(wrong()),
        false => Ok(Broker { host: host.to_owned(), port }),
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sink::Stdout => f.write_str("stdout"),
            Sink::Kafka { brokers, topic } => {
                let brokers: Vec<String> = brokers.iter().map(Broker::to_string).collect();
                write!(f, "kafka://{}/{topic}", brokers.join(","))
            }
        }
    }
}

/// What of the transitions is written, apart from times. Nothing here changes what is read.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Empty: all.
    pub alarms: Vec<String>,
    pub nodes: Vec<String>,
    /// At least so severe.
    pub severity: Option<Severity>,
}

impl Shown {
    pub fn shows(&self, t: &Transition) -> bool {
        let listed = |list: &[String], value: &str| list.is_empty() || list.iter().any(|v| v == value);
        listed(&self.alarms, &t.alarm)
            && listed(&self.nodes, &t.node)
            && self.severity.is_none_or(|least| t.severity <= least)
    }
}

pub fn hold(text: &str) -> Result<Millis, String> {
    bounded(text, LONGEST_HOLD).ok_or_else(|| "expected a duration such as 2s or 500ms, of at most a day".to_owned())
}

pub fn lookback(text: &str) -> Result<Millis, String> {
    bounded(text, LONGEST_LOOKBACK)
        .ok_or_else(|| "expected a duration such as 1h or 30m, of at most 366 days".to_owned())
}

/// Between two rounds of checks.
pub fn interval(text: &str) -> Result<Millis, String> {
    let known = parse_duration(text).filter(|d| (1_000..=DAY).contains(d));
    known.ok_or_else(|| "expected a duration from 1s to 1d, such as 60s".to_owned())
}

/// For all answers of one server.
pub fn patience(text: &str) -> Result<Millis, String> {
    let known = parse_duration(text).filter(|d| (1..=10 * MINUTE).contains(d));
    known.ok_or_else(|| "expected a duration from 1ms to 10m, such as 5s".to_owned())
}

/// How long a log may be silent.
pub fn silent(text: &str) -> Result<Millis, String> {
    bounded(text, LONGEST_LOOKBACK)
        .filter(|limit| *limit > 0)
        .ok_or_else(|| "expected a duration such as 10m or 1d, of at most 366 days".to_owned())
}

fn bounded(text: &str, most: Millis) -> Option<Millis> {
    if text == "0" {
        return Some(0);
    }
    parse_duration(text).filter(|d| (0..=most).contains(d))
}

pub fn begin(text: &str) -> Result<Begin, String> {
    match text {
        "start" => Ok(Begin::Start),
        "end" => Ok(Begin::End),
        _ => Err("expected `start` or `end`".to_owned()),
    }
}

pub fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| crate::pattern::zone::help(text))
}

pub fn severity(text: &str) -> Result<Severity, String> {
    Severity::from_name(text).ok_or_else(|| suggest(text, Severity::NAMES))
}

pub fn not_empty(text: &str) -> Result<String, String> {
    match text.trim().is_empty() {
        true => Err("write a value, or remove the key".to_owned()),
        false => Ok(text.to_owned()),
    }
}

const UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `1GiB`, `512MiB`.
pub fn size(text: &str) -> Result<u64, String> {
    let known = UNITS.iter().find_map(|(name, unit)| {
        let number: u64 = text.strip_suffix(name)?.trim_end().parse().ok()?;
        number.checked_mul(*unit)
    });
    known.filter(|n| *n > 0).ok_or_else(|| "expected a size such as 512MiB or 1GiB".to_owned())
}

/// The reverse of [`size`].
pub fn human_size(bytes: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    let (name, unit) = unit.unwrap_or(&("B", 1));
    format!("{}{name}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_reads_as_it_is_written() {
        for (text, shown) in [
            ("stdout", "stdout"),
            ("kafka://b1/alarms", "kafka://b1:9092/alarms"),
            ("kafka://b1:9093,b2/a.b_c-d", "kafka://b1:9093,b2:9092/a.b_c-d"),
            ("kafka://[2001:db8::1]:9094,10.0.0.7/t", "kafka://[2001:db8::1]:9094,10.0.0.7:9092/t"),
            ("kafka://[::1]/t", "kafka://[::1]:9092/t"),
        ] {
            let sink = Sink::parse(text).unwrap();
            assert_eq!(sink.to_string(), shown);
            assert_eq!(Sink::parse(shown).unwrap(), sink);
        }
        for wrong in [
            "",
            "stdin",
            "kafka",
            "kafka://",
            "kafka://b1",
            "kafka://b1/",
            "kafka:///t",
            "kafka://b1:/t",
            "kafka://b1:0/t",
            "kafka://b1:70000/t",
            "kafka://b1,/t",
            "kafka://b1/a/b",
            "kafka://b1/a b",
            "kafka://b1/..",
            "http://b1/t",
            "kafka://user:secret@b1/t",
            "kafka://[::1/t",
            "kafka://[::1]x/t",
        ] {
            let error = Sink::parse(wrong).expect_err(wrong);
            assert!(!error.contains("secret@"), "{error}");
        }
    }

    #[test]
    fn sizes_read_as_they_are_written() {
        for (text, bytes) in [("1GiB", 1 << 30), ("512MiB", 512 << 20), ("3KiB", 3072), ("7B", 7), ("2TiB", 2 << 40)] {
            assert_eq!(size(text), Ok(bytes));
            assert_eq!(human_size(bytes), text);
        }
        for wrong in ["", "1", "GiB", "1GB", "-1GiB", "0B", "99999999999TiB", "1.5GiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_have_bounds() {
        for (text, expect) in
            [("0", Some(0)), ("0s", Some(0)), ("2s", Some(2_000)), ("1d", Some(DAY)), ("1d1ms", None), ("2", None)]
        {
            assert_eq!(hold(text).ok(), expect, "{text}");
        }
        assert_eq!(lookback("366d"), Ok(366 * DAY));
        assert!(lookback("367d").is_err());
    }
}
