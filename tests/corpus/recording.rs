//! A recording: its time line, and what its plain logs say when.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use regex::Regex;
use serde_json::{Map, Value};

/// The induced time is noted a little late; what came before belongs to nothing.
const EARLY: i64 = 500;

/// A fault that was not put right is over for the judge after this long.
const ENDLESS: i64 = 60_000;

pub struct Recording {
    pub directory: PathBuf,
    /// Of the zone of its logs, as `--tz` takes it.
    pub offset: String,
    pub faults: Vec<Fault>,
    pub actions: Vec<Action>,
    /// Every line of the plain logs with the time of its record, in order of time.
    pub lines: Vec<(i64, String)>,
    /// The last time in the logs of each node.
    pub ends: BTreeMap<String, i64>,
}

pub struct Fault {
    pub id: String,
    pub action: String,
    pub about: String,
    pub from: i64,
    /// When it was put right, or taken for that.
    pub until: i64,
    /// It was put right.
    pub recovered: Option<i64>,
    pub fields: Map<String, Value>,
}

pub struct Action {
    pub action: String,
    pub target: String,
    pub from: i64,
}

impl Recording {
    pub fn read(directory: &Path) -> Recording {
        let text = fs::read_to_string(directory.join("timeline.jsonl")).expect("a time line");
        let events: Vec<Map<String, Value>> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        let stamp = string(&events[0], "ts");
        let offset = stamp[stamp.len() - 6..].to_owned();
        let of_kind = |kind: &'static str| events.iter().filter(move |e| string(e, "kind") == kind);
        let faults = of_kind("fault").map(|e| Fault::read(e, of_kind("recovery"))).collect();
        let actions = of_kind("action").map(|e| Action {
            action: string(e, "action"),
            target: string(e, "target"),
            from: millis(e) - EARLY,
        });
        let mut recording = Recording {
            directory: directory.to_owned(),
            faults,
            actions: actions.collect(),
            lines: Vec::new(),
            ends: BTreeMap::new(),
            offset,
        };
        recording.read_logs();
        recording
    }

    fn read_logs(&mut self) {
        let head = Regex::new(r"^\[?(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)[,.](\d{3})").expect("a regex");
        let logs = walkdir::WalkDir::new(&self.directory).into_iter().filter_map(Result::ok);
        for log in logs.filter(|e| e.path().extension().is_some_and(|x| x == "log")) {
            let node =
                log.path().parent().and_then(Path::file_name).expect("in a directory").to_string_lossy().into_owned();
            let text = String::from_utf8_lossy(&fs::read(log.path()).expect("a readable log")).into_owned();
            let mut time = None;
            for line in text.lines() {
                if let Some(found) = head.captures(line) {
                    time = Some(instant(&format!("{}T{}.{}{}", &found[1], &found[2], &found[3], self.offset)));
                }
                self.lines.extend(time.map(|t| (t, line.to_owned())));
                let end = self.ends.entry(node.clone()).or_insert(0);
                *end = (*end).max(time.unwrap_or(0));
            }
        }
        self.lines.sort();
    }

    /// Does a line in this time satisfy `says`?
    pub fn any_line(&self, from: i64, until: i64, says: impl Fn(&str) -> bool) -> bool {
        self.lines.iter().any(|(time, line)| (from..=until).contains(time) && says(line))
    }
}

impl Fault {
    fn read<'a>(event: &Map<String, Value>, recoveries: impl Iterator<Item = &'a Map<String, Value>>) -> Fault {
        let id = string(event, "fault_id");
        let about = ["target", "description", "limit", "role"].map(|field| string(event, field)).join(" ");
        let from = millis(event) - EARLY;
        let recovered = recoveries.filter(|r| string(r, "fault_id") == id).map(millis).max();
        let until = recovered.unwrap_or(from + ENDLESS);
        Fault { id, action: string(event, "action"), about, from, until, recovered, fields: event.clone() }
    }
}

fn string(event: &Map<String, Value>, field: &str) -> String {
    event.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn millis(event: &Map<String, Value>) -> i64 {
    event.get("epoch_ms").and_then(Value::as_i64).expect("epoch_ms")
}

pub fn instant(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|e| panic!("{text}: {e}")).timestamp_millis()
}
