//! The shapes of entries. Whoever changes one raises the version in `mod.rs`, and keeps the old one readable.
//!
//! Postcard writes fields in their order and without names, so the order counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::{Millis, Moment};
use crate::transition::{Event, Provenance, Severity};

/// Index of an entry's own list.
pub type Index = u32;

/// A family of the entry's node.
#[derive(Debug, Serialize, Deserialize)]
pub struct FamilyForm {
    pub log: Arc<str>,
    pub name: Arc<str>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineForm {
    pub file: Arc<str>,
    pub number: u64,
    pub offset: u64,
    pub text: Box<[u8]>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct HitForm {
    pub family: Index,
    pub signal: Arc<str>,
    pub captures: Vec<(Arc<str>, Box<str>)>,
    pub weight: u64,
    pub line: LineForm,
    pub head: Option<LineForm>,
    pub moment: MomentForm,
    pub assumed: bool,
    pub position: u64,
    pub file: u32,
}

/// As the record prints it is not how it is stored.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MomentForm(pub Millis, pub i32);

impl From<Moment> for MomentForm {
    fn from(m: Moment) -> MomentForm {
        MomentForm(m.millis, m.offset)
    }
}

impl From<MomentForm> for Moment {
    fn from(MomentForm(millis, offset): MomentForm) -> Moment {
        Moment { millis, offset }
    }
}

/// A family and its clock in one lane.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClockForm {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub family: FamilyForm,
    pub zone: String,
    pub several: bool,
    pub clock: Millis,
}

/// What the engine of one lane of a node knows besides.
#[derive(Debug, Serialize, Deserialize)]
pub struct EngineForm {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub several: bool,
    /// No clock was set back so far.
    pub in_order: bool,
    /// Alarms with more keys than are kept, and the hits that went without.
    pub refused: Vec<(Arc<str>, u64)>,
    /// Alarms and roles for which that has been said.
    pub said: Vec<(Arc<str>, Arc<str>)>,
    /// Since when, in the same order; it came later, see [`EarlierEngineForm`].
    pub since: Vec<Option<MomentForm>>,
}

/// An [`EngineForm`] as it was at first. What is longer than this an older program reads without its end.
#[derive(Debug, Serialize, Deserialize)]
pub struct EarlierEngineForm {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub several: bool,
    pub in_order: bool,
    pub refused: Vec<(Arc<str>, u64)>,
    pub said: Vec<(Arc<str>, Arc<str>)>,
}

impl From<EarlierEngineForm> for EngineForm {
    fn from(earlier: EarlierEngineForm) -> EngineForm {
        let EarlierEngineForm { cluster, node, several, in_order, refused, said } = earlier;
        EngineForm { cluster, node, several, in_order, refused, said, since: Vec::new() }
    }
}

/// A hit that can be looked back at.
#[derive(Debug, Serialize, Deserialize)]
pub struct PastForm {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub several: bool,
    pub number: u64,
    pub at: Millis,
    pub family: FamilyForm,
    pub hit: HitForm,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct InstanceForm {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub service: Arc<str>,
    pub role: Arc<str>,
    pub alarm: Arc<str>,
    pub key: Arc<str>,
    pub by: Vec<(Arc<str>, Box<str>)>,
    /// Its place in the order in which instances were made.
    pub number: u64,
    /// What the indices below mean.
    pub families: Vec<FamilyForm>,
    pub hits: Vec<HitForm>,
    pub active: Vec<Arc<str>>,
    pub count: u64,
    /// Of an active one.
    pub raised: Option<RaisedForm>,
    pub raise: Vec<MemoryForm>,
    pub quiet: Vec<QuietForm>,
    pub forget: TimerForm,
    pub last_hit: Option<Index>,
    pub last_transition: Option<(Millis, Index)>,
    pub recent: Vec<(Event, Millis, u32)>,
}

/// The raise, with all that a clear repeats: when it is needed, the alarm may be gone.
#[derive(Debug, Serialize, Deserialize)]
pub struct RaisedForm {
    pub title: Arc<str>,
    pub number: Option<u32>,
    pub severity: Severity,
    pub at: MomentForm,
    pub clock: Millis,
    pub family: Index,
    pub causes: Vec<Arc<str>>,
    pub params: BTreeMap<Arc<str>, String>,
    pub provenance: Provenance,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TimerForm {
    pub deadline: Option<Millis>,
    pub family: Option<Index>,
}

/// What a raise entry remembers, if it remembers anything.
#[derive(Debug, Serialize, Deserialize)]
pub struct MemoryForm {
    pub entry: EntryForm,
    pub timer: TimerForm,
    pub run: u32,
    pub last: Millis,
    pub window: Vec<(Millis, u64, Index)>,
    pub hit: Option<Index>,
    pub is_counted: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct QuietForm {
    pub entry: EntryForm,
    pub span: Millis,
    pub timer: TimerForm,
    pub hit: Option<Index>,
}

/// Which entry of the alarm: what it says in names, and how many before it say the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryForm {
    pub says: Arc<str>,
    pub nth: u32,
}

/// What the merge knows of a family, besides the events that wait.
#[derive(Debug, Serialize, Deserialize)]
pub struct QueueForm {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub family: FamilyForm,
    pub missed: Option<Millis>,
}

/// An event that waits in the merge.
#[derive(Debug, Serialize, Deserialize)]
pub struct WaitingForm {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub family: FamilyForm,
    pub number: u64,
    pub key: Millis,
    pub what: WhatForm,
    pub since: Millis,
    pub given: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum WhatForm {
    Hit(HitForm),
    Tick(Millis),
    Hole { from: Millis, until: Millis },
    Step(Millis),
    Recall(Millis),
}
