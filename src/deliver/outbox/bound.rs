//! The outbox at its bound.
//!
//! A sink that is away for days must neither stop the readers nor fill the disk. So what it was not offered yet is thinned
//! out to the latest record of each key, which is what the alarm is now. Whoever reads that sink then sees a raise
//! without its clear, or a clear without its raise, and is told of it by an alarm about ourselves. What a sink was
//! offered, and what another sink that is not behind still has to get, is left alone.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ops::Range;

use super::entry::keyed;
use super::{Dropped, Outbox, Port};
use crate::state::{Broken, Store};

impl Outbox {
    /// It may grow to so many bytes.
    pub fn bound(&mut self, bytes: u64) {
        self.bound = Some(bytes);
    }

    /// Thins out what is too much, if it is. The store hears of it with the next commit.
    pub fn collapse(&mut self, store: Option<&Store>) -> Result<(), Broken> {
        let Some(bound) = self.bound.filter(|bound| self.size > *bound.max(&self.least)) else { return Ok(()) };
        let behind: Vec<bool> = self.ports.iter().map(|port| self.size_from(port.acknowledged()) > bound / 2).collect();
        let unwanted = self.unwanted(&behind, store)?;
        for (port, _) in self.ports.iter_mut().zip(&behind).filter(|(_, behind)| **behind) {
            let lost = unwanted.iter().filter(|number| **number >= port.next).count() as u64;
            port.ahead.clear();
            port.read = port.next;
            if lost > 0 {
                self.dropped_for.push(Dropped { sink: port.sink.name().to_owned(), lost, damaged: false });
            }
        }
        self.remove(&unwanted);
        // If the latest of each key is nearly as much, thinning it out over and over would be all that we do.
        self.least = 2 * self.size;
        Ok(())
    }

    fn size_from(&self, from: u64) -> u64 {
        let kept = self.kept.iter().rev().take_while(|(number, _)| *number >= from);
        kept.map(|(_, bytes)| bytes).sum()
    }

    /// Numbers of records of which every sink that has not been offered them gets a later one of the same key. Newest
    /// first, so that the first of a key is its latest; what only the store has, and cannot be read now, stays.
    fn unwanted(&self, behind: &[bool], store: Option<&Store>) -> Result<BTreeSet<u64>, Broken> {
        let first = self.window.front().map_or(self.next, |entry| entry.number);
        let ports: Vec<(&Port, bool)> = self.ports.iter().zip(behind.iter().copied()).collect();
        let mut later: Vec<HashSet<u64>> = vec![HashSet::new(); ports.len()];
        let mut unwanted = BTreeSet::new();
        let mut judge = |number: u64, key: u64, only: Option<&str>| {
            let wanted = ports.iter().zip(&mut later).fold(false, |wanted, ((port, behind), later)| {
                let is_its = only.is_none_or(|only| only == port.sink.name());
                let has_it = number < port.acknowledged();
                // Of what it was offered, it may have taken any part.
                let offered = number < port.next;
                let wants = is_its && !has_it && (offered || !behind || later.insert(key));
                wanted || wants
            });
            if !wanted {
                unwanted.insert(number);
            }
        };
        for entry in self.window.iter().rev() {
            judge(entry.number, hash(&entry.record.key), entry.only.as_deref());
        }
        let mut older: VecDeque<(u64, u64, Option<String>)> = VecDeque::new();
        if let Some(store) = store {
            store.outbox(0, |number, bytes| {
                if number < first
                    && let Some((key, only)) = keyed(bytes)
                {
                    older.push_front((number, hash(&key), only.map(str::to_owned)));
                }
                number < first
            })?;
        }
        for (number, key, only) in older {
            judge(number, key, only.as_deref());
        }
        Ok(unwanted)
    }

    fn remove(&mut self, unwanted: &BTreeSet<u64>) {
        self.kept.retain(|(number, _)| !unwanted.contains(number));
        self.size = self.kept.iter().map(|(_, bytes)| bytes).sum();
        self.window.retain(|entry| !unwanted.contains(&entry.number));
        self.bytes = self.window.iter().map(|entry| entry.bytes.len()).sum();
        for number in unwanted {
            match self.gone.last_mut() {
                Some(Range { end, .. }) if *end == *number => *end += 1,
                _ => self.gone.push(*number..*number + 1),
            }
        }
    }
}

/// A million keys are not to be held twice; two of them with one hash are next to impossible within 64 bits.
fn hash(key: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
