//! Pattern files as written: names are still names, regexes still text, and every value knows where it stands.
//!
//! [`load`](super::load) makes this from TOML, [`compile`](super::compile) makes the [`Patterns`](super::Patterns)
//! that run from it; in between, an entry can be replaced or switched off by name.

use std::collections::BTreeMap;

use super::diagnostic::Span;
use crate::time::Millis;
use crate::transition::{Provenance, Severity};

/// A value and the place where it is written.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub value: T,
    pub span: Span,
}

impl<T> At<T> {
    pub fn new(value: T, span: &Span) -> At<T> {
        At { value, span: span.clone() }
    }
}

pub type Name = At<String>;

#[derive(Clone, Debug, Default)]
pub struct Definitions {
    pub layouts: BTreeMap<String, Entry<LayoutDef>>,
    pub logs: BTreeMap<String, Entry<LogDef>>,
    pub signals: BTreeMap<String, Entry<SignalDef>>,
    pub alarms: BTreeMap<String, Entry<AlarmDef>>,
    pub tests: Vec<TestDef>,
    /// Files that are not TOML throughout, so that what they define is not all known, and what of them was misread.
    pub broken: Vec<Span>,
}

/// A named entry. One that is switched off keeps its name known but has no body to check.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    pub span: Span,
    pub builtin: bool,
    /// A user's entry took the place of a built-in one.
    pub replaces: bool,
    pub body: Option<T>,
}

#[derive(Clone, Debug)]
pub enum LayoutDef {
    Conversion(Name),
    Regex {
        regex: Name,
        time: Option<Name>,
    },
    /// What is wrong with it has been said.
    Broken,
}

#[derive(Clone, Debug)]
pub struct LogDef {
    pub files: Vec<Name>,
    pub layouts: Vec<Name>,
    pub service: String,
    pub role: String,
    pub default: bool,
    /// `records = "line"`.
    pub line_records: bool,
    pub zone: Option<Name>,
}

#[derive(Clone, Debug)]
pub struct SignalDef {
    pub logs: Vec<Name>,
    pub matches: Option<Name>,
    pub message: Option<Name>,
    pub head: Option<Name>,
    pub weight: Option<Name>,
    pub provenance: Provenance,
}

#[derive(Clone, Debug)]
pub struct AlarmDef {
    pub name: String,
    pub severity: Severity,
    pub logs: Vec<Name>,
    pub raise: Vec<RaiseDef>,
    pub clear: Vec<ClearDef>,
    pub by: Vec<Name>,
    /// The record's param and the capture that fills it.
    pub params: Vec<(Name, Name)>,
    pub stateless: bool,
    /// A raise entry could not be read, so its signals and causes are not all known.
    pub partial: bool,
}

impl RaiseDef {
    /// The cause that the entry raises: its own, or its first signal's name.
    pub fn label(&self) -> Option<&str> {
        let (RaiseKindDef::On { on }
        | RaiseKindDef::Count { on, .. }
        | RaiseKindDef::Without { on, .. }
        | RaiseKindDef::Absent { absent: on, .. }) = &self.kind;
        self.cause.as_ref().or(on.first()).map(|n| n.value.as_str())
    }
}

impl AlarmDef {
    /// Every cause that a record of it can name.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        let states = self.raise.iter().filter_map(RaiseDef::label);
        states.chain(self.raise.iter().flat_map(|r| &r.with).filter_map(|w| Some(w.cause.as_ref()?.value.as_str())))
    }

    /// Every signal that the alarm names.
    pub fn signals(&self) -> impl Iterator<Item = &Name> {
        let raise = self.raise.iter().flat_map(|r| {
            let looks = r.with.iter().flat_map(|w| &w.on).chain(r.unless.iter().flat_map(|u| &u.on));
            r.kind.lists().flatten().chain(looks)
        });
        raise.chain(self.clear.iter().flat_map(|c| c.signals()))
    }
}

#[derive(Clone, Debug)]
pub struct RaiseDef {
    pub span: Span,
    pub kind: RaiseKindDef,
    pub cause: Option<Name>,
    pub with: Vec<WithDef>,
    pub unless: Vec<UnlessDef>,
    pub renew: bool,
}

#[derive(Clone, Debug)]
pub enum RaiseKindDef {
    On { on: Vec<Name> },
    Count { on: Vec<Name>, count: u64, within: Millis },
    Without { on: Vec<Name>, without: Vec<Name>, within: Millis },
    Absent { absent: Vec<Name>, span: Millis, arm: u32, disarm: Vec<Name> },
}

impl RaiseKindDef {
    /// The signals that it acts on, each list for itself.
    pub fn lists(&self) -> impl Iterator<Item = &[Name]> {
        let (a, b): (&[Name], &[Name]) = match self {
            RaiseKindDef::On { on } | RaiseKindDef::Count { on, .. } => (on, &[]),
            RaiseKindDef::Without { on, without, .. } => (on, without),
            RaiseKindDef::Absent { absent, disarm, .. } => (absent, disarm),
        };
        [a, b].into_iter()
    }
}

#[derive(Clone, Debug)]
pub struct WithDef {
    pub on: Vec<Name>,
    pub within: Millis,
    pub cause: Option<Name>,
    pub max: usize,
}

#[derive(Clone, Debug)]
pub struct UnlessDef {
    pub on: Vec<Name>,
    pub within: Millis,
}

#[derive(Clone, Debug)]
pub struct ClearDef {
    pub span: Span,
    pub kind: ClearKindDef,
    /// `None`: all causes.
    pub causes: Option<Vec<Name>>,
}

impl ClearDef {
    pub fn signals(&self) -> &[Name] {
        match &self.kind {
            ClearKindDef::On(signals) | ClearKindDef::Present(signals) => signals,
            ClearKindDef::Quiet(_) => &[],
        }
    }
}

#[derive(Clone, Debug)]
pub enum ClearKindDef {
    On(Vec<Name>),
    Present(Vec<Name>),
    Quiet(Millis),
}

#[derive(Clone, Debug)]
pub struct TestDef {
    pub span: Span,
    pub alarm: Option<Name>,
    pub name: String,
    pub zone: Option<Name>,
    pub end: Option<Name>,
    pub inputs: Vec<TestInput>,
    pub expect: Vec<Name>,
    pub builtin: bool,
}

#[derive(Clone, Debug)]
pub struct TestInput {
    /// `None`: the first log of the alarm.
    pub log: Option<Name>,
    pub node: String,
    pub lines: String,
}
