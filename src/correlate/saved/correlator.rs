//! The whole correlator: what has changed of it, and a fresh one that goes on from there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::form::{ClockForm, EarlierEngineForm, EngineForm, FamilyForm, InstanceForm, PastForm};
use super::mention::{EntryNames, Meaning, Names};
use super::{CLOCK, ENGINE, Entry, HISTORY, INSTANCE, Key, MERGE, Unreadable, open};
use crate::correlate::event::{Family, FamilyId};
use crate::correlate::{Correlator, Node};
use crate::pattern::Zone;
use crate::transition::Transition;

/// What a correlator keeps to be saved.
#[derive(Debug)]
pub struct Saving {
    entries: Arc<EntryNames>,
    /// What is stored and has become meaningless.
    stale: Vec<Key>,
}

/// Cluster, node, log and name.
type FamilyName = (String, String, String, String);

impl Correlator<'_> {
    /// From now on keeps what changes, beginning with all that there is: for a store that is empty.
    pub fn keep_changes(&mut self) {
        let entries = Arc::new(EntryNames::new(self.patterns));
        self.saving.get_or_insert_with(|| Saving { entries, stale: Vec::new() });
        for Node { single, several } in &mut self.nodes {
            single.keep_changes();
            several.keep_changes();
        }
    }

    /// What has changed since the last call, each key once. It must be stored, or kept and stored with what comes later.
    pub fn changed(&mut self) -> impl Iterator<Item = Entry> + use<> {
        let mut changed: BTreeMap<Key, Option<Vec<u8>>> = BTreeMap::new();
        if let Some(saving) = &mut self.saving {
            changed.extend(std::mem::take(&mut saving.stale).into_iter().map(|key| (key, None)));
            let names = Names { patterns: self.patterns, families: &self.families };
            for Node { single, several } in &mut self.nodes {
                single.take_changes(names, &saving.entries, &mut changed);
                several.take_changes(names, &saving.entries, &mut changed);
            }
        }
        changed.into_iter()
    }

    /// Goes on from what was saved, which comes in the order of its keys; entries of the merge are passed over. To be said
    /// of a fresh correlator, before any family is added: those that were saved are added here, in the order in which
    /// [`families`](Correlator::families) has them afterwards. What is no longer there to be active is cleared in `out`.
    /// From then on, changes are kept.
    pub fn restore(
        &mut self,
        entries: impl IntoIterator<Item = (Key, Vec<u8>)>,
        out: &mut Vec<Transition>,
    ) -> Result<(), Unreadable> {
        let mut restoring = Restoring { meaning: Meaning::new(self.patterns), families: HashMap::new() };
        self.saving = Some(Saving { entries: restoring.meaning.entries.clone(), stale: Vec::new() });
        for (key, bytes) in entries {
            let fits = match key.kind() {
                CLOCK => restoring.clock(self, open(&key, &bytes)?),
                ENGINE => restoring.engine(self, &engine_form(&key, &bytes)?),
                HISTORY => restoring.past(self, open(&key, &bytes)?),
                INSTANCE => restoring.instance(self, open(&key, &bytes)?, out),
                MERGE => true,
                _ => return Err(Unreadable::Unknown(key.to_string())),
            };
            if let (false, Some(saving)) = (fits, &mut self.saving) {
                saving.stale.push(key);
            }
        }
        Ok(())
    }
}

struct Restoring<'p> {
    meaning: Meaning<'p>,
    families: HashMap<FamilyName, FamilyId>,
}

/// Each says whether its entry may stay in the store.
impl<'p> Restoring<'p> {
    fn clock(&mut self, correlator: &mut Correlator<'p>, form: ClockForm) -> bool {
        let Some(log) = self.meaning.log(&form.family.log) else { return false };
        let name = family_name(&form.cluster, &form.node, &form.family);
        let id = *self.families.entry(name).or_insert_with(|| {
            correlator.add(Family {
                cluster: form.cluster,
                node: form.node,
                log,
                log_name: form.family.log,
                name: form.family.name,
                zone: Zone::parse(&form.zone).unwrap_or(Zone::UTC),
            })
        });
        let node = &mut correlator.nodes[correlator.node_of[id.index()]];
        node.lane(form.several).restore_clock(id, form.clock);
        true
    }

    fn engine(&mut self, correlator: &mut Correlator<'p>, form: &EngineForm) -> bool {
        let Some(node) = correlator.node_named(&form.cluster, &form.node) else { return false };
        node.lane(form.several).restore_engine(form);
        true
    }

    fn past(&mut self, correlator: &mut Correlator<'p>, form: PastForm) -> bool {
        let name = family_name(&form.cluster, &form.node, &form.family);
        let Some(&family) = self.families.get(&name) else { return false };
        let Some(node) = correlator.node_named(&form.cluster, &form.node) else { return false };
        node.lane(form.several).restore_past(&self.meaning, family, form)
    }

    fn instance(&mut self, correlator: &mut Correlator<'p>, form: InstanceForm, out: &mut Vec<Transition>) -> bool {
        let patterns = correlator.patterns;
        let Some(&at) = correlator.names.get(&(form.cluster.clone(), form.node.clone())) else {
            // None of the node's logs is known any more, nor what time it is there.
            let node = correlator.node(&form.cluster, &form.node);
            out.extend(node.single.config_clear(&form, None));
            return false;
        };
        let Correlator { nodes, families, .. } = correlator;
        let node = &mut nodes[at];
        let now = node.single.latest_clock().max(node.several.latest_clock());
        let (cluster, name) = (form.cluster.clone(), form.node.clone());
        let known = |f: &FamilyForm| self.families.get(&family_name(&cluster, &name, f)).copied();
        let lane = patterns.alarm_named(&form.alarm).is_some_and(|id| patterns.alarm(id).several);
        node.lane(lane).restore_instance(families, &self.meaning, known, form, now, out)
    }
}

fn family_name(cluster: &str, node: &str, family: &FamilyForm) -> FamilyName {
    (cluster.to_owned(), node.to_owned(), family.log.to_string(), family.name.to_string())
}

/// The form grew at its end, so one that ends too early is an earlier one.
fn engine_form(key: &Key, bytes: &[u8]) -> Result<EngineForm, Unreadable> {
    open(key, bytes).or_else(|_| Ok(open::<EarlierEngineForm>(key, bytes)?.into()))
}
