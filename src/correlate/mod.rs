//! Hits and ticks in, transitions out.
//!
//! Pure and deterministic: no wall clock, no files, no randomness. A [`Clock`] makes event time of what a family's
//! files say, the [`Merge`] puts the families of a node in order, and an [`Engine`] applies the rules. Live differs from
//! replay only in who feeds the ticks and in what releases a hit.

pub mod clock;
mod engine;
pub mod event;
mod history;
mod instance;
pub mod merge;
pub mod note;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use clock::Clock;
pub use engine::Engine;
pub use event::{Event, Family, FamilyId, TimedHit, What};
pub use merge::{Lane, Merge, Released};
pub use note::{About, Did, Entry, Note};
pub use record::Site;

use crate::pattern::Patterns;
use crate::time::{Millis, SECOND};
use crate::transition::{Mode, Transition};

/// How long a hit waits, live, for other families that might have something older.
pub const HOLD: Millis = 2 * SECOND;

/// The engines of one node: alarms that read a single family need not wait for the others.
struct Node<'p> {
    single: Engine<'p>,
    several: Engine<'p>,
}

/// All nodes.
pub struct Correlator<'p> {
    patterns: &'p Patterns,
    mode: Mode,
    hold: Millis,
    families: Vec<Family>,
    /// Family → its node.
    node_of: Vec<usize>,
    nodes: Vec<Node<'p>>,
    /// Cluster and node → index of the node.
    names: BTreeMap<(Arc<str>, Arc<str>), usize>,
    listening: bool,
}

impl<'p> Correlator<'p> {
    pub fn new(patterns: &'p Patterns, mode: Mode, hold: Millis) -> Correlator<'p> {
        let (families, node_of, nodes, names) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        Correlator { patterns, mode, hold, families, node_of, nodes, names, listening: false }
    }

    /// Keep notes of what the rules do, for `explain`. To be said before the first family is added.
    pub fn listen(&mut self) {
        self.listening = true;
    }

    pub fn add(&mut self, family: Family) -> FamilyId {
        let name = (family.cluster.clone(), family.node.clone());
        let node = match self.names.get(&name) {
            Some(node) => *node,
            None => {
                self.nodes.push(self.node(&family));
                self.names.insert(name, self.nodes.len() - 1);
                self.nodes.len() - 1
            }
        };
        self.families.push(family);
        self.node_of.push(node);
        FamilyId(self.families.len() as u32 - 1)
    }

    fn node(&self, family: &Family) -> Node<'p> {
        let (cluster, node) = (family.cluster.clone(), family.node.clone());
        let site = Site { cluster, node, mode: self.mode, hold: self.hold };
        let engine = |several: bool| {
            let mut engine = Engine::new(self.patterns, site.clone(), several);
            if self.listening {
                engine.listen();
            }
            engine
        };
        Node { single: engine(false), several: engine(true) }
    }

    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Takes in what the merge has released.
    pub fn event(&mut self, released: &Released, out: &mut Vec<Transition>) {
        let node = &mut self.nodes[self.node_of[released.family.index()]];
        let what = &released.event.what;
        if released.lane != Lane::Several {
            node.single.event(&self.families, released.family, what, false, out);
        }
        if released.lane != Lane::Single {
            node.several.event(&self.families, released.family, what, released.late, out);
        }
    }

    /// Every family's clock is at `end`: nothing is to come before it.
    pub fn complete(&mut self, end: Millis, out: &mut Vec<Transition>) {
        for node in &mut self.nodes {
            node.single.complete(&self.families, end, out);
            node.several.complete(&self.families, end, out);
        }
    }

    /// What the rules did since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        self.nodes.iter_mut().flat_map(|n| [n.single.take_notes(), n.several.take_notes()].concat()).collect()
    }

    /// The earliest deadline that may still fire on the clock of a family that is `open`.
    pub fn earliest_deadline(&self, open: impl Fn(FamilyId) -> bool) -> Option<Millis> {
        let engines = self.nodes.iter().flat_map(|n| [&n.single, &n.several]);
        engines.filter_map(|e| e.earliest_deadline(&open)).min()
    }
}
