//! What a commit takes from a watch: everything that has changed since the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::core::Member;
use super::learning::Learning;
use super::named::Named;
use super::past::{BEGUN, Begun, LEARNING, NAMED, UNSAID};
use crate::correlate::{Correlator, Merge};
use crate::pattern::Patterns;
use crate::state::{Batch, Table};
use crate::transition::Transition;

pub(super) struct Saving<'a, 'p> {
    pub patterns: &'p Patterns,
    pub correlator: &'a mut Correlator<'p>,
    pub merges: &'a mut [Merge],
    pub families: &'a [Member<'p>],
    pub active: &'a BTreeMap<Arc<str>, Arc<Transition>>,
    pub changed: &'a BTreeSet<Arc<str>>,
    pub learning: &'a Learning,
    /// If the store does not know it.
    pub named: Option<&'a Named>,
    pub begun: Option<Begun>,
}

impl Saving<'_, '_> {
    /// `anew`: what the store has is not known, so all of it is said.
    pub fn batch(&mut self, anew: bool) -> Result<Batch, String> {
        let mut batch = Batch::default();
        if anew {
            self.correlator.keep_changes();
            self.merges.iter_mut().for_each(Merge::change_all);
        }
        self.families(&mut batch, anew)?;
        self.rules(&mut batch);
        self.active(&mut batch, anew)?;
        self.facts(&mut batch)?;
        Ok(batch)
    }

    fn facts(&self, batch: &mut Batch) -> Result<(), String> {
        let learning = self.learning.names(|family| &self.families[family].key);
        put(batch, LEARNING, (!learning.is_empty()).then_some(&learning))?;
        let unsaid = self.learning.unsaid();
        put(batch, UNSAID, (!unsaid.is_empty()).then_some(unsaid))?;
        put(batch, BEGUN, self.begun.as_ref())?;
        if self.named.is_some() {
            put(batch, NAMED, self.named)?;
        }
        Ok(())
    }

    fn families(&self, batch: &mut Batch, anew: bool) -> Result<(), String> {
        for member in self.families.iter().filter(|member| anew || member.dirty) {
            let key = &member.key;
            let saved = member.feed.save().ok_or_else(|| format!("{key}: its clock cannot be written"))?;
            let saved = postcard::to_stdvec(&saved).map_err(|e| format!("{key}: {e}"))?;
            batch.put(Table::Families, key.as_str(), saved);
        }
        Ok(())
    }

    fn rules(&mut self, batch: &mut Batch) {
        let entries = &mut batch.entries;
        for merge in self.merges.iter_mut() {
            let changed = merge.changed(self.patterns, self.correlator.families());
            entries.extend(changed.map(|(key, value)| (Table::Rules, key.as_bytes().to_vec(), value)));
        }
        let changed = self.correlator.changed();
        entries.extend(changed.map(|(key, value)| (Table::Rules, key.as_bytes().to_vec(), value)));
    }

    fn active(&self, batch: &mut Batch, anew: bool) -> Result<(), String> {
        let all = self.active.keys().filter(|_| anew);
        for key in self.changed.iter().chain(all) {
            let record = self.active.get(key).map(|t| t.to_json().map_err(|e| format!("{key}: {e}"))).transpose()?;
            batch.entries.push((Table::Active, key.as_bytes().to_vec(), record.map(String::into_bytes)));
        }
        Ok(())
    }
}

/// A fact, or that it is none any more.
fn put<T: Serialize>(batch: &mut Batch, name: &[u8], fact: Option<&T>) -> Result<(), String> {
    let bytes =
        fact.map(|fact| postcard::to_stdvec(fact).map_err(|e| format!("{}: {e}", String::from_utf8_lossy(name))));
    batch.entries.push((Table::Facts, name.to_vec(), bytes.transpose()?));
    Ok(())
}
