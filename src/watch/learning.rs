//! What was raised and cleared before anybody watched is not news.
//!
//! A log that was there before it was watched, at the first start or because patterns name it only now, has a past. It is
//! read for what is active, and nothing of it is said before it has been read to its end; then what is still active is.
//! Other logs, and what is known already, are not held up by that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::core::Watched;
use super::past::Past;
use crate::transition::Event;

#[derive(Default)]
pub struct Learning {
    /// Families whose past is being read.
    families: BTreeSet<Watched>,
    /// The same of an earlier process, by their names, until they are found.
    awaited: BTreeSet<String>,
    /// Instances that were raised in some family's past, and are active.
    unsaid: BTreeMap<Arc<str>, String>,
}

impl Learning {
    pub fn of(past: &Past) -> Learning {
        Learning { families: BTreeSet::new(), awaited: past.learning.clone(), unsaid: past.unsaid.clone() }
    }

    /// Was the past of the family with this name being read when the last watch ended?
    pub fn awaits(&self, name: &str) -> bool {
        self.awaited.contains(name)
    }

    /// A family is found. `past`: it has one that is to be read.
    pub fn found(&mut self, family: Watched, name: &str, past: bool) {
        if self.awaited.remove(name) || past {
            self.families.insert(family);
        }
    }

    pub fn has(&self, family: Watched) -> bool {
        self.families.contains(&family)
    }

    /// Families whose past is being read.
    pub fn families(&self) -> impl Iterator<Item = Watched> {
        self.families.iter().copied()
    }

    /// Is this to be said? `past`: the name of the family, if it was read in its past.
    pub fn is_news(&mut self, event: Event, key: &Arc<str>, past: Option<&str>) -> bool {
        match (event, past) {
            (Event::Raise, Some(name)) => {
                self.unsaid.insert(key.clone(), name.to_owned());
                false
            }
            // Whoever never heard of the raise need not hear of its end.
            (Event::Clear, _) => self.unsaid.remove(key).is_none(),
            (Event::Raise, None) => {
                self.unsaid.remove(key);
                true
            }
            (Event::Occur, past) => past.is_none(),
        }
    }

    /// The past of a family has been read: the instances that are to be said now.
    pub fn over(&mut self, family: Watched, name: &str) -> Vec<Arc<str>> {
        self.families.remove(&family);
        self.take(|of| of == name)
    }

    /// All families that are there have been found. The past of others cannot be read, so what is known of them is said.
    pub fn found_all(&mut self, names: &BTreeSet<&str>) -> Vec<Arc<str>> {
        self.take(|of| !names.contains(of))
    }

    fn take(&mut self, of: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        self.unsaid.extract_if(.., |_, name| of(name)).map(|(key, _)| key).collect()
    }

    /// The names of families whose past is not read yet.
    pub fn names<'n>(&self, name: impl Fn(Watched) -> &'n str) -> BTreeSet<String> {
        let found = self.families.iter().map(|family| name(*family).to_owned());
        found.chain(self.awaited.iter().cloned()).collect()
    }

    pub fn unsaid(&self) -> &BTreeMap<Arc<str>, String> {
        &self.unsaid
    }
}
