//! What is kept: commits, and what another watch goes on from.

use super::super::own::OUTBOX_COLLAPSED;
use super::super::saving::Saving;
use super::super::stdin::Piped;
use super::*;
use crate::time::SECOND;

/// Read without a commit.
const UNCOMMITTED: u64 = 64 << 20;

/// After a crash, no more records than about this many are sent again though they had arrived.
const REPEATED: u64 = 4096;

/// Without anything to say, what was read is committed this often.
const COMMIT: Millis = SECOND;

impl Watch<'_> {
    /// When the next commit is due, if there is anything to commit.
    pub fn commit_at(&self) -> Option<Millis> {
        let due = self.dirty || self.outbox.has_news();
        // Without a store, records go out with each turn and nothing is in a hurry to be kept.
        let much = || self.uncommitted >= UNCOMMITTED || self.outbox.repeatable() >= REPEATED;
        let hurry = self.keeper.store().is_some() && (self.outbox.is_fresh() || much());
        due.then(|| match hurry {
            true => Millis::MIN,
            false => self.committed.saturating_add(COMMIT),
        })
    }

    /// Commits if it is time, and delivers. What the store says against it is told once.
    pub fn commit(&mut self, wall: Millis) -> Result<(), String> {
        let due = self.commit_at().is_some_and(|at| at <= wall || self.committed > wall);
        self.keep(wall, due)
    }

    /// Commits whatever there is.
    pub fn commit_now(&mut self, wall: Millis) -> Result<(), String> {
        self.keep(wall, true)
    }

    fn keep(&mut self, wall: Millis, due: bool) -> Result<(), String> {
        let mut result = Ok(());
        if due {
            let Watch {
                keeper,
                correlator,
                merges,
                families,
                patterns,
                outbox,
                active,
                changed,
                learning,
                named,
                renamed,
                begun,
                ..
            } = self;
            let committed = keeper.commit(wall, |anew| {
                let mut saving = Saving {
                    patterns,
                    correlator,
                    merges,
                    families,
                    active,
                    changed,
                    learning,
                    named: (anew || *renamed).then_some(&*named),
                    begun: *begun,
                };
                let mut batch = saving.batch(anew)?;
                outbox.save(&mut batch, anew);
                Ok(batch)
            });
            match committed {
                Ok(true) => {
                    self.outbox.saved();
                    self.changed.clear();
                    self.families.iter_mut().for_each(|member| member.dirty = false);
                    (self.dirty, self.renamed, self.uncommitted, self.committed) = (false, false, 0, wall);
                }
                Ok(false) => self.committed = wall,
                Err(error) => {
                    self.committed = wall;
                    self.changed.clear();
                    result = Err(error);
                }
            }
        }
        let store = self.keeper.store();
        let delivered = self.outbox.deliver(store).and_then(|()| self.outbox.collapse(store));
        for dropped in self.outbox.take_dropped() {
            self.occur(OUTBOX_COLLAPSED, &dropped.sink, dropped.to_string(), wall);
        }
        result.and(delivered.map_err(|broken| broken.to_string()))
    }

    /// Ends this watch, and gives what another one, with other patterns, goes on from.
    pub fn into_past(mut self) -> Result<(Past, Option<Piped>, Keeper, Outbox, Own), String> {
        self.correlator.keep_changes();
        self.merges.iter_mut().for_each(Merge::change_all);
        let families = self.correlator.families();
        let save = |member: &Member| {
            let key = &member.key;
            let saved = member.feed.save().ok_or_else(|| format!("{key}: its clock cannot be written"))?;
            Ok((key.clone(), saved))
        };
        let saved = self.families.iter().map(save).collect::<Result<_, String>>()?;
        let mut entries: BTreeMap<Key, Option<Vec<u8>>> = BTreeMap::new();
        for merge in &mut self.merges {
            entries.extend(merge.changed(self.patterns, families));
        }
        entries.extend(self.correlator.changed());
        let past = Past {
            families: saved,
            entries: entries.into_iter().filter_map(|(key, value)| Some((key, value?))).chain(self.held).collect(),
            active: self.active.into_values().map(|t| (*t).clone()).collect(),
            learning: self.learning.names(|family| &self.families[family].key),
            unsaid: self.learning.unsaid().clone(),
            named: Some(self.named),
            begun: self.begun,
        };
        // Files are opened again, as after a restart, each at the line that was not complete.
        let pipe = self.families.into_iter().find_map(|member| member.feed.into_pipe());
        Ok((past, pipe, self.keeper, self.outbox, self.own))
    }
}
