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
mod instances;
mod keys;
pub mod merge;
pub mod note;
mod packed;
mod record;
pub mod saved;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use clock::Clock;
pub use engine::Engine;
pub use event::{Event, Family, FamilyId, TimedHit, What};
pub use keys::{EXHAUSTED, MAX_KEYS, Refused};
pub use merge::{Lane, Merge, Released};
pub use note::{About, Did, Entry, Note};
pub use record::Site;

use crate::pattern::{AlarmId, Patterns};
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
    /// Whole name → family.
    by_name: HashMap<[Arc<str>; 4], FamilyId>,
    /// Family → its node.
    node_of: Vec<usize>,
    nodes: Vec<Node<'p>>,
    /// Cluster and node → index of the node.
    names: BTreeMap<(Arc<str>, Arc<str>), usize>,
    listening: bool,
    max_keys: usize,
    /// `None`: nothing is to be saved.
    saving: Option<saved::Saving>,
}

impl<'p> Node<'p> {
    /// The engine of the alarms that read several families, or of those that read one.
    fn lane(&mut self, several: bool) -> &mut Engine<'p> {
        if several { &mut self.several } else { &mut self.single }
    }
}

impl<'p> Correlator<'p> {
    pub fn new(patterns: &'p Patterns, mode: Mode, hold: Millis) -> Correlator<'p> {
        let (families, node_of, nodes, names) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        Correlator {
            patterns,
            mode,
            hold,
            families,
            by_name: HashMap::new(),
            node_of,
            nodes,
            names,
            listening: false,
            max_keys: MAX_KEYS,
            saving: None,
        }
    }

    /// Keep notes of what the rules do, for `explain`. To be said before the first family is added.
    pub fn listen(&mut self) {
        self.listening = true;
    }

    /// Of one alarm on one node, no more keys than this are kept. To be said before the first family is added.
    pub fn bound_keys(&mut self, limit: usize) {
        self.max_keys = limit;
    }

    /// For each node with more keys than that, the alarms and how many hits they went without.
    pub fn refused(&self) -> impl Iterator<Item = (&Arc<str>, AlarmId, u64)> {
        self.names.iter().flat_map(|((_, name), at)| {
            let Node { single, several } = &self.nodes[*at];
            [single, several].into_iter().flat_map(|e| e.refused()).map(move |(alarm, hits)| (name, *alarm, *hits))
        })
    }

    pub fn add(&mut self, family: Family) -> FamilyId {
        let name = (family.cluster.clone(), family.node.clone());
        let node = match self.names.get(&name) {
            Some(node) => *node,
            None => {
                self.nodes.push(self.node(&family.cluster, &family.node));
                self.names.insert(name, self.nodes.len() - 1);
                self.nodes.len() - 1
            }
        };
        let id = FamilyId(self.families.len() as u32);
        self.by_name.entry(family.owned_name()).or_insert(id);
        self.families.push(family);
        self.node_of.push(node);
        id
    }

    /// The family that was restored with this name, which from now on is as it is given here; it is added if there is none.
    pub fn rejoin(&mut self, family: Family) -> FamilyId {
        match self.by_name.get(&family.owned_name()).copied() {
            Some(id) => {
                self.families[id.index()] = family;
                id
            }
            None => self.add(family),
        }
    }

    fn node(&self, cluster: &Arc<str>, node: &Arc<str>) -> Node<'p> {
        let (cluster, node) = (cluster.clone(), node.clone());
        let site = Site { cluster, node, mode: self.mode, hold: self.hold };
        let engine = |several: bool| {
            let mut engine = Engine::new(self.patterns, site.clone(), several);
            engine.bound_keys(self.max_keys);
            if self.listening {
                engine.listen();
            }
            if self.saving.is_some() {
                engine.keep_new_changes();
            }
            engine
        };
        Node { single: engine(false), several: engine(true) }
    }

    fn node_named(&mut self, cluster: &Arc<str>, node: &Arc<str>) -> Option<&mut Node<'p>> {
        let at = *self.names.get(&(cluster.clone(), node.clone()))?;
        self.nodes.get_mut(at)
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

    /// Before this event is taken in: lets the family's clock go on until the next deadline fires, if one does before the
    /// event. One event may bring a hundred thousand deadlines, whose transitions need not all be there at once.
    pub fn step_towards(&mut self, released: &Released, out: &mut Vec<Transition>) -> bool {
        let Node { single, several } = &mut self.nodes[self.node_of[released.family.index()]];
        let single = single.step_towards(&self.families, released.family, &released.event, out);
        several.step_towards(&self.families, released.family, &released.event, out) | single
    }

    /// Every family's clock is at `end`: nothing is to come before it.
    pub fn complete(&mut self, end: Millis, out: &mut Vec<Transition>) {
        for node in &mut self.nodes {
            node.single.complete(&self.families, end, out);
            node.several.complete(&self.families, end, out);
        }
    }

    /// Clears the instance with this key at this time, because a person says so. False if none is active.
    pub fn clear_by_operator(&mut self, key: &str, time: Millis, out: &mut Vec<Transition>) -> bool {
        let Correlator { nodes, families, .. } = self;
        let mut engines = nodes.iter_mut().flat_map(|n| [&mut n.single, &mut n.several]);
        engines.any(|engine| engine.clear_by_operator(families, key, time, out))
    }

    /// What the rules did since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        self.nodes.iter_mut().flat_map(|n| [n.single.take_notes(), n.several.take_notes()].concat()).collect()
    }

    /// The earliest deadline on a family's clock that the clock, which is here now, has yet to pass. What it has passed
    /// waits for the merge alone.
    pub fn deadline_of(&self, family: FamilyId, clock: Option<Millis>) -> Option<Millis> {
        let Node { single, several } = &self.nodes[self.node_of[family.index()]];
        [single, several].into_iter().filter_map(|engine| engine.deadline_of(family, clock)).min()
    }

    /// The earliest deadline that may still fire on the clock of a family that is `open`.
    pub fn earliest_deadline(&self, open: impl Fn(FamilyId) -> bool) -> Option<Millis> {
        let mut lives = vec![false; self.nodes.len()];
        let families = (0..self.families.len() as u32).map(FamilyId);
        families.filter(|f| open(*f)).for_each(|f| lives[self.node_of[f.index()]] = true);
        let nodes = self.nodes.iter().zip(lives);
        // A deadline of a family that has ended is still fired by another family's hit of its instance.
        nodes
            .filter_map(|(n, live)| {
                n.single.earliest_deadline(&open).into_iter().chain(n.several.earliest_deadline(|_| live)).min()
            })
            .min()
    }
}
