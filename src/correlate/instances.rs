//! The instances of an engine, found by number or by what tells them apart, and which of them have changed.
//!
//! Whoever changes an instance gets it from here, so that none can change unseen: a running watch saves what changed
//! since it saved last, and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use super::instance::Instance;
use crate::pattern::AlarmId;

/// In the order in which they were made.
pub type InstanceId = u64;

/// Instances of one alarm at one service and role, by the values of their `by` fields.
type Group = HashMap<Arc<[Box<str>]>, InstanceId>;

#[derive(Debug, Default)]
pub struct Instances {
    /// In boxes, because a map that grows is there twice for a while.
    all: HashMap<InstanceId, Box<Instance>>,
    groups: HashMap<(AlarmId, u32), Group>,
    next: InstanceId,
    /// `None`: nobody wants to know.
    changes: Option<Changes>,
}

/// What has become of instances since it was last asked for.
#[derive(Debug, Default)]
pub struct Changes {
    /// Each once; an instance knows that it is here.
    pub changed: Vec<InstanceId>,
    /// The keys of those that had been saved and were forgotten.
    pub gone: Vec<Arc<str>>,
}

impl Instances {
    /// From now on changes are kept, beginning with all that there is.
    pub fn keep_changes(&mut self) {
        self.changes = Some(Changes { changed: self.all.keys().copied().collect(), gone: Vec::new() });
        self.all.values_mut().for_each(|i| (i.is_changed, i.is_saved) = (true, false));
    }

    /// The same, of what changes from now on: what there is has been saved.
    pub fn keep_new_changes(&mut self) {
        self.changes = Some(Changes::default());
    }

    /// What has changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let taken = self.changes.as_mut().map(std::mem::take).unwrap_or_default();
        for id in &taken.changed {
            if let Some(instance) = self.all.get_mut(id) {
                (instance.is_changed, instance.is_saved) = (false, true);
            }
        }
        taken
    }

    pub fn get(&self, id: InstanceId) -> Option<&Instance> {
        self.all.get(&id).map(|i| &**i)
    }

    /// The instance, to be changed.
    pub fn get_mut(&mut self, id: InstanceId) -> Option<&mut Instance> {
        let instance = self.all.get_mut(&id)?;
        note(&mut self.changes, id, instance);
        Some(instance)
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (InstanceId, &mut Instance)> {
        let Instances { all, changes, .. } = self;
        all.iter_mut().map(|(id, instance)| {
            note(changes, *id, instance);
            (*id, &mut **instance)
        })
    }

    /// The one that a person means: all are looked at.
    pub fn find(&self, is_meant: impl Fn(&Instance) -> bool) -> Option<InstanceId> {
        self.all.iter().find(|(_, i)| is_meant(i)).map(|(id, _)| *id)
    }

    pub fn add(&mut self, instance: Instance) -> InstanceId {
        let id = self.next;
        self.insert(id, instance);
        self.get_mut(id);
        id
    }

    /// Puts back an instance that had this number when it was saved.
    pub fn put_back(&mut self, id: InstanceId, mut instance: Instance) {
        instance.is_saved = true;
        self.insert(id, instance);
    }

    fn insert(&mut self, id: InstanceId, instance: Instance) {
        self.next = self.next.max(id + 1);
        let group = self.groups.entry((instance.alarm, instance.place)).or_default();
        group.insert(instance.by.clone(), id);
        self.all.insert(id, Box::new(instance));
    }

    /// `key`: what it is saved by.
    pub fn remove(&mut self, id: InstanceId, key: impl FnOnce(&Instance) -> Arc<str>) -> Option<Box<Instance>> {
        let instance = self.all.remove(&id)?;
        if let Some(group) = self.groups.get_mut(&(instance.alarm, instance.place)) {
            group.remove(&*instance.by);
        }
        if let Some(changes) = &mut self.changes
            && instance.is_saved
        {
            changes.gone.push(key(&instance));
        }
        Some(instance)
    }

    /// The one with exactly these values.
    pub fn exact(&self, alarm: AlarmId, place: u32, by: &[Box<str>]) -> Option<InstanceId> {
        self.groups.get(&(alarm, place))?.get(by).copied()
    }

    /// Those whose values agree with the ones that are wanted, in the order of their values.
    pub fn matching(&self, alarm: AlarmId, place: u32, wanted: &[Option<Box<str>>]) -> Vec<InstanceId> {
        let Some(group) = self.groups.get(&(alarm, place)) else { return Vec::new() };
        let fits =
            |by: &[Box<str>]| by.iter().zip(wanted).all(|(own, wanted)| wanted.as_ref().is_none_or(|w| w == own));
        let mut found: Vec<(&Arc<[Box<str>]>, InstanceId)> =
            group.iter().filter(|(by, _)| fits(by)).map(|(by, i)| (by, *i)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, instance)| instance).collect()
    }
}

fn note(changes: &mut Option<Changes>, id: InstanceId, instance: &mut Instance) {
    if let Some(changes) = changes
        && !instance.is_changed
    {
        instance.is_changed = true;
        changes.changed.push(id);
    }
}
