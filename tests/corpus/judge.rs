//! Which alarms belong to which fault, which belong to none, and which should have been cleared.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::expect::{Class, Expect};
use crate::recording::{Fault, Recording, instant};

/// After a fault is over its alarm must clear, and the log must go on for this long to owe that.
const GRACE: i64 = 90_000;

#[derive(Default)]
pub struct Verdict {
    /// Faults that the logs show, and how many of them were found.
    pub faults: usize,
    pub found: usize,
    pub raised: usize,
    /// Clears that had to come.
    pub owed: usize,
    pub complaints: Vec<String>,
}

impl Verdict {
    pub fn add(&mut self, other: Verdict) {
        self.faults += other.faults;
        self.found += other.found;
        self.raised += other.raised;
        self.owed += other.owed;
        self.complaints.extend(other.complaints);
    }
}

/// A raise, or an occurrence of an alarm without a state.
struct Raised {
    id: String,
    alarm: String,
    node: String,
    from: i64,
    /// When it was cleared, if it was.
    cleared: Option<i64>,
    has_state: bool,
    params: Map<String, Value>,
}

struct Judge<'a> {
    recording: &'a Recording,
    /// Each fault with its class.
    faults: Vec<(&'a Fault, &'a Class)>,
    raised: Vec<Raised>,
    verdict: Verdict,
}

pub fn judge(recording: &Recording, expect: &Expect, output: &str) -> Result<Verdict, String> {
    let of_class = |fault| classified(recording, fault, expect);
    let faults = recording.faults.iter().map(of_class).collect::<Result<_, String>>()?;
    let mut judge = Judge { recording, faults, raised: read(output), verdict: Verdict::default() };
    judge.nodes();
    let mut right = judge.faults();
    right.extend(judge.ordinary(expect));
    judge.strays(&right, expect);
    judge.clears();
    Ok(judge.verdict)
}

fn classified<'a>(
    recording: &Recording,
    fault: &'a Fault,
    expect: &'a Expect,
) -> Result<(&'a Fault, &'a Class), String> {
    let class = expect.class_of(&fault.action, &fault.about);
    let name = recording.directory.display();
    class
        .map(|c| (fault, c))
        .ok_or_else(|| format!("{name} {}: a fault of no class: {} {}", fault.id, fault.action, fault.about))
}

impl Judge<'_> {
    fn complain(&mut self, text: String) {
        self.verdict.complaints.push(format!("{}: {text}", self.recording.directory.display()));
    }

    /// A node is a directory that holds a log.
    fn nodes(&mut self) {
        let nodes: BTreeSet<_> = self.raised.iter().map(|r| r.node.clone()).collect();
        for node in nodes {
            if !self.recording.ends.contains_key(&node) {
                self.complain(format!("STRANGE node {node}"));
            }
        }
    }

    /// Is every fault found that the logs show? Returns the raises that belong to one.
    fn faults(&mut self) -> BTreeSet<String> {
        let mut right = BTreeSet::new();
        for (fault, class) in self.faults.clone() {
            let window = fault.from..=fault.until + class.timeout;
            let active = |r: &&Raised| {
                r.from <= *window.end()
                    && (r.from >= fault.from || (r.has_state && r.cleared.is_none_or(|c| c >= fault.from)))
            };
            let inside: Vec<&Raised> = self.raised.iter().filter(active).collect();
            right
                .extend(inside.iter().filter(|r| r.from >= fault.from && class.allows(&r.alarm)).map(|r| r.id.clone()));
            if !self.shows(fault, class) {
                continue;
            }
            self.verdict.faults += 1;
            if inside.iter().any(|r| class.requires(&r.alarm) && class.is_same(&fault.fields, &r.params)) {
                self.verdict.found += 1;
            } else {
                self.complain(format!("MISSED {} ({}): none of {}", fault.id, class.name, class.must.join(", ")));
            }
        }
        right
    }

    fn shows(&self, fault: &Fault, class: &Class) -> bool {
        let any = |says: &dyn Fn(&str) -> bool| self.recording.any_line(fault.from, fault.until + class.timeout, says);
        let client = fault.fields.get("client").and_then(Value::as_str).unwrap_or_default();
        let refusal = format!("Too many connections from /{client} ");
        match &class.shown {
            _ if class.hidden => false,
            Some(regex) => any(&|line| regex.is_match(line)),
            None => !class.needs_refusal || any(&|line| line.contains(&refusal)),
        }
    }

    /// Raises that an ordinary start or stop explains.
    fn ordinary(&self, expect: &Expect) -> BTreeSet<String> {
        let mut right = BTreeSet::new();
        for action in &self.recording.actions {
            for class in expect.ordinary.iter().filter(|c| c.fits(&action.action, &action.target)) {
                let window = action.from..=action.from + class.timeout;
                right.extend(
                    self.raised
                        .iter()
                        .filter(|r| class.allows(&r.alarm) && window.contains(&r.from))
                        .map(|r| r.id.clone()),
                );
            }
        }
        right
    }

    fn strays(&mut self, right: &BTreeSet<String>, expect: &Expect) {
        self.verdict.raised = self.raised.len();
        let stray = |r: &&Raised| !right.contains(&r.id) && !expect.benign.is_match(&r.alarm);
        let strays: Vec<_> = self
            .raised
            .iter()
            .filter(stray)
            .map(|r| format!("FALSE {} at {} of {}", r.alarm, r.from, r.node))
            .collect();
        strays.into_iter().for_each(|s| self.complain(s));
    }

    /// Was everything cleared that is over, where the log goes on long enough to tell?
    fn clears(&mut self) {
        let mut open = Vec::new();
        for raised in self.raised.iter().filter(|r| r.has_state) {
            let over = self.over(raised);
            let end = self.recording.ends.get(&raised.node).copied().unwrap_or(0);
            if end - over < GRACE {
                continue;
            }
            self.verdict.owed += 1;
            if raised.cleared.is_none_or(|c| c > over + GRACE) {
                open.push(format!("NEVER CLEARED {} at {} of {}", raised.alarm, raised.from, raised.node));
            }
        }
        open.into_iter().for_each(|o| self.complain(o));
    }

    /// When the last fault is over that keeps this alarm up: faults that allow it and follow each other closely.
    fn over(&self, raised: &Raised) -> i64 {
        let mut faults = self.faults.clone();
        faults.sort_by_key(|(fault, _)| fault.from);
        let mut over = raised.from;
        for (fault, class) in faults {
            if class.allows(&raised.alarm) && fault.from <= over + GRACE {
                over = over.max(fault.recovered.unwrap_or(over));
            }
        }
        over
    }
}

fn read(output: &str) -> Vec<Raised> {
    let records: Vec<Value> = output.lines().map(|l| serde_json::from_str(l).expect("a record is JSON")).collect();
    let text = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_owned();
    let time = |record: &Value| instant(record["time"].as_str().expect("a record has a time"));
    let clears: Vec<&Value> = records.iter().filter(|r| r["event"] == "clear").collect();
    let read = |record: &Value| {
        let (key, from) = (text(record, "key"), time(record));
        let cleared = clears.iter().filter(|c| text(c, "key") == key).map(|c| time(c)).filter(|t| *t >= from).min();
        Raised {
            id: text(record, "id"),
            alarm: text(record, "alarm"),
            node: text(record, "node"),
            from,
            cleared,
            has_state: record["event"] == "raise",
            params: record["params"].as_object().cloned().unwrap_or_default(),
        }
    };
    records.iter().filter(|r| r["event"] != "clear").map(read).collect()
}
