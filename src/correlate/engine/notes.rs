//! What an engine says of its own doing, if anybody listens. Nothing here changes what it does.

use super::super::event::{Family, FamilyId, TimedHit};
use super::super::instance::Slot;
use super::super::note::{About, Did, Entry, Note};
use super::{Engine, InstanceId, value};
use crate::pattern::{Alarm, AlarmId, Clear, ClearKind, Raise};
use crate::time::Millis;

impl Engine<'_> {
    pub(super) fn note(&mut self, id: InstanceId, did: Did) {
        if let (Some(notes), Some(instance)) = (&mut self.notes, self.instances.get(id)) {
            let key = self.site.key(self.patterns, instance);
            notes.push(Note { alarm: instance.alarm, key, about: self.about, did });
        }
    }

    pub(super) fn note_quiet(
        &mut self,
        id: InstanceId,
        families: &[Family],
        at: usize,
        deadline: Millis,
        family: FamilyId,
    ) {
        if self.notes.is_some() {
            let about = self.about;
            self.about.entry = Some(Entry::Clear(at));
            self.note(id, Did::QuietUntil { until: families[family.index()].zone.moment(deadline) });
            self.about = about;
        }
    }

    /// A hit that would end something finds no instance at all.
    pub(super) fn note_untouched(
        &mut self,
        id: AlarmId,
        alarm: &Alarm,
        family: &Family,
        hit: &TimedHit,
        ends: impl Fn(&Clear) -> bool,
        stops: impl Fn(&Raise) -> bool,
    ) {
        let Some(notes) = &mut self.notes else { return };
        let by: Box<[Box<str>]> = alarm.by.iter().map(|by| value(by, family, hit).unwrap_or_default()).collect();
        let key = self.site.key_of(self.patterns, id, self.patterns.log(family.log), &by);
        let clears = alarm.clear.iter().enumerate().filter(|(_, c)| ends(c)).map(|(at, c)| match c.kind {
            ClearKind::Present(_) => (Entry::Clear(at), Did::NothingAbsent),
            _ => (Entry::Clear(at), Did::NothingToClear),
        });
        let stopped = alarm
            .raise
            .iter()
            .enumerate()
            .filter(|(_, r)| stops(r))
            .map(|(at, _)| (Entry::Raise(at), Did::NothingToStop));
        notes.extend(clears.chain(stopped).map(|(entry, did)| {
            let about = About { entry: Some(entry), deadline: None };
            Note { alarm: id, key: key.clone(), about, did }
        }));
    }

    pub(super) fn about_deadline(
        &mut self,
        families: &[Family],
        id: InstanceId,
        slot: Slot,
        deadline: Millis,
    ) -> About {
        let entry = match slot {
            Slot::Raise(at) => Some(Entry::Raise(usize::from(at))),
            Slot::Clear(at) => Some(Entry::Clear(usize::from(at))),
            Slot::Forget => None,
        };
        let family = self.instances.get_mut(id).and_then(|i| i.timer(slot).family);
        About { entry, deadline: family.map(|f| families[f.index()].zone.moment(deadline)) }
    }
}
