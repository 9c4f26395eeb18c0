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
pub use note::{Did, Note};
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
    nodes: BTreeMap<(Arc<str>, Arc<str>), Node<'p>>,
    listening: bool,
}

impl<'p> Correlator<'p> {
    pub fn new(patterns: &'p Patterns, mode: Mode, hold: Millis) -> Correlator<'p> {
        Correlator { patterns, mode, hold, families: Vec::new(), nodes: BTreeMap::new(), listening: false }
    }

    /// Keep notes of what the rules do, for `explain`.
    pub fn listen(&mut self) {
        self.listening = true;
    }

    pub fn add(&mut self, family: Family) -> FamilyId {
        self.families.push(family);
        FamilyId(self.families.len() as u32 - 1)
    }

    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Takes in what the merge has released.
    pub fn event(&mut self, released: &Released, out: &mut Vec<Transition>) {
        let family = &self.families[released.family.index()];
        let at = (family.cluster.clone(), family.node.clone());
        let node = self.nodes.entry(at).or_insert_with(|| {
            let (cluster, node) = (family.cluster.clone(), family.node.clone());
            let site = Site { cluster, node, mode: self.mode, hold: self.hold };
            let mut made = Node {
                single: Engine::new(self.patterns, site.clone(), false),
                several: Engine::new(self.patterns, site, true),
            };
            if self.listening {
                made.single.listen();
                made.several.listen();
            }
            made
        });
        let what = &released.event.what;
        if released.lane != Lane::Several {
            node.single.event(&self.families, released.family, what, false, out);
        }
        if released.lane != Lane::Single {
            node.several.event(&self.families, released.family, what, released.late, out);
        }
    }

    /// What the rules did since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        self.nodes.values_mut().flat_map(|n| [n.single.take_notes(), n.several.take_notes()].concat()).collect()
    }

    /// The earliest deadline that may still fire on the clock of a family that is `open`.
    pub fn earliest_deadline(&self, open: impl Fn(FamilyId) -> bool) -> Option<Millis> {
        let engines = self.nodes.values().flat_map(|n| [&n.single, &n.several]);
        engines.filter_map(|e| e.earliest_deadline(&open)).min()
    }
}
