//! Transitions in order of time.
//!
//! A deadline becomes a fact only when the clock has passed it, and then its transition is older than others that
//! were made before. So a transition is kept until nothing older can come. Those of one key never overtake each other,
//! whatever their times: the last one says what state the instance is in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::time::Millis;
use crate::transition::Transition;

/// How often it is worth while to ask what may go out.
const BATCH: usize = 256;

/// Above this, the oldest go out even if an older one might still come: order is a courtesy, memory is not.
const MOST_BYTES: usize = 8 << 20;

/// What a transition takes besides the text of its evidence, more or less: its fields, its names, its place here.
const BARE: usize = 1024;

pub struct Output<W> {
    write: W,
    /// By time and key, and for one key in the order in which they were made.
    waiting: BTreeMap<(Millis, Arc<str>, u64), Box<Transition>>,
    /// For each key that waits, where its last transition stands, and how many there are.
    last: HashMap<Arc<str>, (Millis, u64)>,
    /// What they take.
    bytes: usize,
    made: u64,
    asked: usize,
}

impl<E, W: FnMut(Transition) -> Result<(), E>> Output<W> {
    pub fn new(write: W) -> Output<W> {
        Output { write, waiting: BTreeMap::new(), last: HashMap::new(), bytes: 0, made: 0, asked: BATCH }
    }

    /// `settled`: nothing that is still to come is older than this; `None`: nothing is to come.
    pub fn push(
        &mut self,
        transitions: impl Iterator<Item = Transition>,
        settled: impl FnOnce() -> Option<Millis>,
    ) -> Result<(), E> {
        for transition in transitions {
            self.made += 1;
            self.bytes += bytes(&transition);
            let (last, count) = self.last.entry(transition.key.clone()).or_insert((Millis::MIN, 0));
            (*last, *count) = (transition.time.millis.max(*last), *count + 1);
            self.waiting.insert((*last, transition.key.clone(), self.made), Box::new(transition));
        }
        if self.waiting.len() < self.asked {
            return Ok(());
        }
        let settled = settled().unwrap_or(Millis::MAX);
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 >= settled && self.bytes < MOST_BYTES {
                break;
            }
            self.write_first()?;
        }
        self.asked = self.waiting.len() + BATCH;
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), E> {
        while !self.waiting.is_empty() {
            self.write_first()?;
        }
        Ok(())
    }

    fn write_first(&mut self) -> Result<(), E> {
        match self.waiting.pop_first() {
            Some((_, transition)) => {
                self.bytes -= bytes(&transition);
                if let Some((_, count)) = self.last.get_mut(&transition.key) {
                    *count -= 1;
                    if *count == 0 {
                        self.last.remove(&transition.key);
                    }
                }
                (self.write)(*transition)
            }
            None => Ok(()),
        }
    }
}

fn bytes(transition: &Transition) -> usize {
    BARE + transition.evidence.iter().map(|e| e.text.len()).sum::<usize>()
}
