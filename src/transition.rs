//! The output record: one change of one instance.
//!
//! This is what other systems build on, so its shape is fixed here and nowhere else: field order, the key, and the
//! id that makes a record that is sent twice recognisable. Fields are only ever added; `schema/` describes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::time::{Millis, Moment};

/// The version of the record's shape, and of the recipe for ids.
pub const SCHEMA: u32 = 1;

/// Evidence is for a person to read: at most this many lines of this many bytes.
pub const EVIDENCE_LINES: usize = 8;
pub const EVIDENCE_BYTES: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    Raise,
    Clear,
    /// A record of an alarm that has no state.
    Occur,
}

impl Event {
    pub fn name(self) -> &'static str {
        match self {
            Event::Raise => "raise",
            Event::Clear => "clear",
            Event::Occur => "occur",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Critical,
    Major,
    Minor,
    Warning,
}

impl Severity {
    pub const NAMES: [&'static str; 4] = ["critical", "major", "minor", "warning"];

    pub fn name(self) -> &'static str {
        Severity::NAMES[self as usize]
    }

    pub fn from_name(name: &str) -> Option<Severity> {
        use Severity::*;
        [Critical, Major, Minor, Warning].into_iter().find(|s| s.name() == name)
    }
}

/// Where a pattern comes from, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    Documented,
    Observed,
    Assumed,
}

impl Provenance {
    pub const NAMES: [&'static str; 3] = ["documented", "observed", "assumed"];

    pub fn name(self) -> &'static str {
        Provenance::NAMES[self as usize]
    }

    pub fn from_name(name: &str) -> Option<Provenance> {
        use Provenance::*;
        [Documented, Observed, Assumed].into_iter().find(|p| p.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClearedBy {
    Signal,
    Quiet,
    Present,
    /// The alarm was removed, disabled or re-keyed.
    Config,
    Operator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Watch,
    Replay,
    Test,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Watch => "watch",
            Mode::Replay => "replay",
            Mode::Test => "test",
        }
    }
}

/// The place that an alarm is about; service and role are the log's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    pub source: Arc<str>,
    #[serde(rename = "serviceName")]
    pub service: Arc<str>,
    #[serde(rename = "roleName")]
    pub role: Arc<str>,
    #[serde(rename = "hostName")]
    pub node: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub log: Arc<str>,
    pub file: Arc<str>,
    pub line: u64,
    pub offset: u64,
    pub time: Moment,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    pub schema: u32,
    pub id: String,
    pub event: Event,
    pub alarm: Arc<str>,
    /// The vendor's number, if the alarm is one of the vendor's.
    pub alarm_id: Option<u32>,
    pub name: Arc<str>,
    pub severity: Severity,
    pub causes: Vec<Arc<str>>,
    pub key: Arc<str>,
    pub time: Moment,
    pub raised_at: Option<Moment>,
    pub cleared_by: Option<ClearedBy>,
    pub duration_ms: Option<Millis>,
    pub node: Arc<str>,
    pub location: Location,
    pub params: BTreeMap<Arc<str>, String>,
    /// The weighted number of raise hits so far.
    pub count: u64,
    pub evidence: Vec<Evidence>,
    pub provenance: Provenance,
    pub patterns: Arc<str>,
    pub late: bool,
    pub time_assumed: bool,
    pub mode: Mode,
    /// Wall time at which we noticed; the one field that differs from run to run.
    pub detected_at: Option<Moment>,
    /// It was kept before it was sent, so that a crash cannot lose it. Said only where it is not so.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub durable: bool,
    /// What to do about it, as Markdown; only if it was asked for, and never for a clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
}

fn yes() -> bool {
    true
}

fn is_yes(durable: &bool) -> bool {
    *durable
}

impl Transition {
    /// It is about tocsin itself, and says that other alarms may be missing.
    pub fn is_own(&self) -> bool {
        self.alarm.starts_with("TOCSIN-")
    }

    /// One line of JSON without the newline. What JSON leaves alone and a terminal does not is escaped too, so that log
    /// text can never steer the terminal that shows it.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut out = Vec::with_capacity(1024);
        let mut json = serde_json::Serializer::with_formatter(&mut out, TerminalSafe);
        self.serialize(&mut json)?;
        String::from_utf8(out).map_err(serde::ser::Error::custom)
    }
}

/// Would this character do something to a screen instead of standing on it? Control characters do, and so do those that
/// end a line or turn the direction of the text after them.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The compact format, with all that [`steers`] escaped.
struct TerminalSafe;

impl serde_json::ser::Formatter for TerminalSafe {
    fn write_string_fragment<W: ?Sized + std::io::Write>(&mut self, w: &mut W, fragment: &str) -> std::io::Result<()> {
        // Nearly all text is plain, and this tells so for many bytes at a time.
        if fragment.bytes().fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte)) {
            return w.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(steers) {
            w.write_all(&rest.as_bytes()[..at])?;
            let mut chars = rest[at..].chars();
            if let Some(c) = chars.next() {
                write!(w, "\\u{:04x}", u32::from(c))?;
            }
            rest = chars.as_str();
        }
        w.write_all(rest.as_bytes())
    }
}

/// 128 bits that name a transition: the same in replay, live, and when it is sent again.
pub fn id(key: &str, event: Event, time: Millis, ordinal: u32) -> String {
    let mut hash = Sha256::new();
    // The key is percent-escaped, so a newline cannot stand in it and the fields cannot run into each other.
    hash.update(format!("{SCHEMA}\n{key}\n{}\n{time}\n{ordinal}", event.name()));
    let digit = |four: u8| char::from(b"0123456789abcdef"[usize::from(four)]);
    hash.finalize()[..16].iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// `alarm|cluster|service|role|node|k=v…`, each part escaped so that the separators are unambiguous.
pub fn key(alarm: &str, at: &Location, by: &BTreeMap<&str, &str>) -> String {
    let mut key = String::new();
    for part in [alarm, &at.source, &at.service, &at.role, &at.node] {
        if !key.is_empty() {
            key.push('|');
        }
        escape_into(&mut key, part);
    }
    for (name, value) in by {
        key.push('|');
        escape_into(&mut key, name);
        key.push('=');
        escape_into(&mut key, value);
    }
    key
}

fn escape_into(out: &mut String, part: &str) {
    if part.bytes().all(|b| b.is_ascii() && !b.is_ascii_control() && !matches!(b, b'%' | b'|' | b'=')) {
        return out.push_str(part);
    }
    for c in part.chars() {
        if c.is_control() || matches!(c, '%' | '|' | '=') {
            let mut bytes = [0; 4];
            for b in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{b:02X}"));
            }
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(node: &str) -> Location {
        Location { source: "prod".into(), service: "Flink".into(), role: "FlinkServer".into(), node: node.into() }
    }

    #[test]
    fn keys_escape_what_would_make_two_instances_one() {
        let by = BTreeMap::from([("clientIp", "10.0.0.1"), ("a", "x|y=z%")]);
        assert_eq!(
            key("ALM-13007", &place("node-7"), &by),
            "ALM-13007|prod|Flink|FlinkServer|node-7|a=x%7Cy%3Dz%25|clientIp=10.0.0.1"
        );
        assert_ne!(key("A", &place("n|k=v"), &BTreeMap::new()), key("A", &place("n"), &BTreeMap::from([("k", "v")])));
        assert_eq!(key("A", &place("a\nb"), &BTreeMap::new()), "A|prod|Flink|FlinkServer|a%0Ab");
    }

    #[test]
    fn ids_are_stable_across_versions_of_this_program() {
        // This value is a promise: consumers deduplicate by it across upgrades.
        let id = id("ALM-45640|prod|Flink|FlinkServer|node-7", Event::Raise, 1_616_393_015_344, 0);
        insta::assert_snapshot!(id, @"91d7a10092301de21d235eed01ffb37f");
    }

    #[test]
    fn ids_differ_in_each_of_their_parts() {
        let base = id("k", Event::Raise, 1, 0);
        for other in [
            id("l", Event::Raise, 1, 0),
            id("k", Event::Clear, 1, 0),
            id("k", Event::Raise, 2, 0),
            id("k", Event::Raise, 1, 1),
        ] {
            assert_ne!(base, other);
        }
    }
}
