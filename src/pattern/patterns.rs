//! The compiled pattern set: what scan and correlate run on. Names have become indices.

use std::sync::Arc;

use regex::bytes::{Captures, Regex};

use super::glob::Glob;
use super::layout::Layout;
use super::model::TestDef;
use super::search::{Place, Search};
use super::zone::Zone;
use crate::time::Millis;
use crate::transition::{Provenance, Severity};

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub u32);
        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

index! {
    /// A log of [`Patterns::logs`].
    LogId
    /// A signal of [`Patterns::signals`].
    SignalId
    /// An alarm of [`Patterns::alarms`].
    AlarmId
    /// A name of [`Patterns::captures`].
    CaptureId
}

#[derive(Debug)]
pub struct Patterns {
    /// Names the pattern set in records and in `--version`.
    pub hash: Arc<str>,
    pub logs: Vec<Log>,
    pub signals: Vec<Signal>,
    pub alarms: Vec<Alarm>,
    /// Names of captures, over all signals.
    pub captures: Vec<Arc<str>>,
    pub tests: Vec<TestDef>,
}

impl Patterns {
    pub fn log(&self, id: LogId) -> &Log {
        &self.logs[id.index()]
    }

    pub fn signal(&self, id: SignalId) -> &Signal {
        &self.signals[id.index()]
    }

    pub fn alarm(&self, id: AlarmId) -> &Alarm {
        &self.alarms[id.index()]
    }

    pub fn log_named(&self, name: &str) -> Option<LogId> {
        self.logs.iter().position(|l| &*l.name == name).map(|i| LogId(i as u32))
    }

    pub fn alarm_named(&self, name: &str) -> Option<AlarmId> {
        self.alarms.iter().position(|a| &*a.name == name).map(|i| AlarmId(i as u32))
    }
}

#[derive(Debug)]
pub struct Log {
    pub name: Arc<str>,
    pub files: Vec<Glob>,
    pub layouts: Vec<(Arc<str>, Layout)>,
    pub service: Arc<str>,
    pub role: Arc<str>,
    pub default: bool,
    pub line_records: bool,
    pub zone: Option<Zone>,
    /// The signals that can stand in this log, by index.
    pub signals: Vec<SignalId>,
    pub search: Search,
}

#[derive(Debug)]
pub struct Signal {
    pub name: Arc<str>,
    pub logs: Vec<LogId>,
    pub matches: Option<Clause>,
    pub message: Option<Clause>,
    pub head: Option<Clause>,
    pub weight: Option<CaptureId>,
    pub provenance: Provenance,
}

impl Signal {
    /// The clause that it is looked for by. With both, that is its `match`; its message is verified then.
    pub fn sought_by(&self) -> Option<(Place, &Clause)> {
        let by_message = || Some((Place::Message, self.message.as_ref()?));
        self.matches.as_ref().map(|clause| (Place::Line, clause)).or_else(by_message)
    }

    /// The clauses that are given, strongest claim on a capture's name first.
    pub fn clauses(&self) -> impl Iterator<Item = (&'static str, &Clause)> {
        [("match", &self.matches), ("message", &self.message), ("head", &self.head)]
            .into_iter()
            .filter_map(|(name, clause)| Some((name, clause.as_ref()?)))
    }
}

#[derive(Debug)]
pub struct Clause {
    /// As written.
    pub source: String,
    pub regex: Regex,
    /// Group index → capture.
    pub groups: Vec<(usize, CaptureId)>,
}

impl Clause {
    /// Adds the captures of a match, but for those that a stronger clause has set.
    pub fn capture_into(&self, text: &[u8], into: &mut Vec<(CaptureId, Box<str>)>) {
        if !self.groups.is_empty() {
            self.take(text, into);
        }
    }

    /// The same, and whether there is a match at all.
    pub fn take(&self, text: &[u8], into: &mut Vec<(CaptureId, Box<str>)>) -> bool {
        if self.groups.is_empty() {
            return self.regex.is_match(text);
        }
        let Some(found) = self.regex.captures(text) else { return false };
        for &(group, id) in &self.groups {
            if let Some(value) = capture(&found, group)
                && !into.iter().any(|(have, _)| *have == id)
            {
                into.push((id, value));
            }
        }
        true
    }
}

fn capture(found: &Captures, group: usize) -> Option<Box<str>> {
    found.get(group).map(|m| String::from_utf8_lossy(m.as_bytes()).into())
}

#[derive(Debug)]
pub struct Alarm {
    pub name: Arc<str>,
    /// What it is called in words.
    pub title: Arc<str>,
    pub number: Option<u32>,
    pub severity: Severity,
    pub logs: Vec<LogId>,
    pub by: Vec<By>,
    pub params: Vec<(Arc<str>, CaptureId)>,
    pub stateless: bool,
    /// Labels of states and of look-back; an index is a bit of a [`CauseSet`] for the former.
    pub causes: Vec<Arc<str>>,
    pub raise: Vec<Raise>,
    pub clear: Vec<Clear>,
    /// Reads more than one family of a node, and must therefore wait for their order when live.
    pub several: bool,
}

impl Alarm {
    /// Every signal that it has to do with.
    pub fn signals(&self) -> impl Iterator<Item = SignalId> {
        self.raise.iter().flat_map(Raise::signals).chain(self.clear.iter().flat_map(Clear::signals).copied())
    }
}

/// Bits over [`Alarm::causes`].
pub type CauseSet = u64;

/// What one set can hold.
pub const MAX_CAUSES: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    Capture(Arc<str>, CaptureId),
    /// The family's name as live.
    Family,
}

impl By {
    pub fn name(&self) -> &str {
        match self {
            By::Capture(name, _) => name,
            By::Family => "family",
        }
    }
}

#[derive(Debug)]
pub struct Raise {
    pub kind: RaiseKind,
    pub cause: usize,
    pub with: Vec<With>,
    pub unless: Vec<Unless>,
    pub renew: bool,
}

impl Raise {
    /// The signals that it looks back for.
    pub fn looks_for(&self) -> impl Iterator<Item = SignalId> {
        self.with.iter().flat_map(|w| &w.on).chain(self.unless.iter().flat_map(|u| &u.on)).copied()
    }

    /// Every signal that it has to do with.
    pub fn signals(&self) -> impl Iterator<Item = SignalId> {
        self.kind.signals().chain(self.looks_for())
    }
}

#[derive(Debug)]
pub enum RaiseKind {
    On { on: Vec<SignalId> },
    Count { on: Vec<SignalId>, count: u64, within: Millis },
    Without { on: Vec<SignalId>, without: Vec<SignalId>, within: Millis },
    Absent { absent: Vec<SignalId>, span: Millis, arm: u32, disarm: Vec<SignalId> },
}

impl RaiseKind {
    /// The signals that an entry of this kind acts on, as raise or otherwise.
    pub fn signals(&self) -> impl Iterator<Item = SignalId> {
        let (a, b): (&[SignalId], &[SignalId]) = match self {
            RaiseKind::On { on } | RaiseKind::Count { on, .. } => (on, &[]),
            RaiseKind::Without { on, without, .. } => (on, without),
            RaiseKind::Absent { absent, disarm, .. } => (absent, disarm),
        };
        a.iter().chain(b).copied()
    }

    /// The signals whose hits (or whose absence) raise.
    pub fn raising(&self) -> &[SignalId] {
        match self {
            RaiseKind::On { on } | RaiseKind::Count { on, .. } | RaiseKind::Without { on, .. } => on,
            RaiseKind::Absent { absent, .. } => absent,
        }
    }
}

#[derive(Debug)]
pub struct With {
    pub on: Vec<SignalId>,
    pub within: Millis,
    pub cause: Option<usize>,
    pub max: usize,
}

#[derive(Debug)]
pub struct Unless {
    pub on: Vec<SignalId>,
    pub within: Millis,
}

#[derive(Debug)]
pub struct Clear {
    pub kind: ClearKind,
    pub causes: CauseSet,
}

#[derive(Debug)]
pub enum ClearKind {
    On(Vec<SignalId>),
    Present(Vec<SignalId>),
    Quiet(Millis),
}

impl Clear {
    pub fn signals(&self) -> &[SignalId] {
        match &self.kind {
            ClearKind::On(s) | ClearKind::Present(s) => s,
            ClearKind::Quiet(_) => &[],
        }
    }
}
