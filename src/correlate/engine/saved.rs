//! What an engine remembers, taken out to be saved and put back.

use std::collections::BTreeMap;

use super::super::history::Past;
use super::super::instance::{Instance, Recent};
use super::super::record::evidence_line;
use super::super::saved::form::{EngineForm, FamilyForm, InstanceForm, MomentForm, PastForm, RaisedForm};
use super::super::saved::instance::{Mentioned, form, remember};
use super::super::saved::mention::{EntryNames, Meaning, Names, line_of_form};
use super::super::saved::{CLOCK, ENGINE, Entry, HISTORY, INSTANCE, Key, form::ClockForm, seal};
use super::*;
use crate::time::Moment;
use crate::transition::{Location, SCHEMA, id};

/// What is saved of an engine, besides the changes that its parts keep themselves.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// Families whose clock has moved.
    pub moved: BTreeSet<FamilyId>,
    /// The entry of the engine itself, as it was saved last.
    engine: Vec<u8>,
}

impl Engine<'_> {
    /// From now on what changes is kept, beginning with all that there is.
    pub fn keep_changes(&mut self) {
        self.saving = Some(Saving { moved: self.clocks.keys().copied().collect(), engine: Vec::new() });
        self.instances.keep_changes();
        self.history.change_all();
    }

    /// The same, of what changes from now on.
    pub fn keep_new_changes(&mut self) {
        self.saving = Some(Saving::default());
        self.instances.keep_new_changes();
    }

    /// Notes that this family's clock has moved.
    pub(super) fn moved(&mut self, family: FamilyId) {
        if let Some(saving) = &mut self.saving {
            saving.moved.insert(family);
        }
    }

    /// What has changed since the last call.
    pub fn take_changes(&mut self, names: Names, entries: &EntryNames, into: &mut BTreeMap<Key, Option<Vec<u8>>>) {
        let Some(mut saving) = self.saving.take() else { return };
        for family in std::mem::take(&mut saving.moved) {
            into.extend(self.clock_entry(names, family));
        }
        let engine = seal(&self.form()).unwrap_or_default();
        if engine != saving.engine {
            into.insert(key(&self.site, self.several, ENGINE, &[]), Some(engine.clone()));
            saving.engine = engine;
        }
        self.saving = Some(saving);
        self.history_entries(names, into);
        let changes = self.instances.take_changes();
        into.extend(changes.gone.iter().map(|key| (Key::new(INSTANCE, &[key]), None)));
        for number in changes.changed {
            if let Some(instance) = self.instances.get(number) {
                let form = form(names, &self.site, &self.shelf, entries, number, instance);
                into.insert(Key::new(INSTANCE, &[&form.key]), seal(&form));
            }
        }
    }

    fn clock_entry(&self, names: Names, id: FamilyId) -> Option<Entry> {
        let family = &names.families[id.index()];
        let clock = ClockForm {
            cluster: self.site.cluster.clone(),
            node: self.site.node.clone(),
            family: names.family(id),
            zone: family.zone.name(),
            several: self.several,
            clock: *self.clocks.get(&id)?,
        };
        Some((key(&self.site, self.several, CLOCK, &[&family.log_name, &family.name]), seal(&clock)))
    }

    fn form(&self) -> EngineForm {
        let name = |alarm: AlarmId| self.patterns.alarm(alarm).name.clone();
        EngineForm {
            cluster: self.site.cluster.clone(),
            node: self.site.node.clone(),
            several: self.several,
            in_order: self.history.is_in_order(),
            refused: self.keys.refused.iter().map(|(alarm, hits)| (name(*alarm), *hits)).collect(),
            said: self.keys.said.keys().map(|(alarm, role)| (name(*alarm), role.clone())).collect(),
            since: self.keys.said.values().map(|since| since.map(MomentForm::from)).collect(),
        }
    }

    fn history_entries(&mut self, names: Names, into: &mut BTreeMap<Key, Option<Vec<u8>>>) {
        let Engine { patterns, site, several, history, .. } = self;
        for (signal, number, past) in history.take_changes() {
            let key = key(site, *several, HISTORY, &[&patterns.signal(signal).name, &format!("{number:016x}")]);
            let form = past.map(|Past { at, hit }| PastForm {
                cluster: site.cluster.clone(),
                node: site.node.clone(),
                several: *several,
                number,
                at: *at,
                family: names.family(hit.family),
                hit: names.hit(hit, 0),
            });
            into.insert(key, form.and_then(|form| seal(&form)));
        }
    }
}

fn key(site: &Site, several: bool, kind: &str, more: &[&str]) -> Key {
    let lane = if several { "several" } else { "single" };
    Key::new(kind, &[&[&*site.cluster, &*site.node, lane], more].concat())
}

impl Engine<'_> {
    pub fn restore_clock(&mut self, family: FamilyId, clock: Millis) {
        self.clocks.insert(family, clock);
    }

    pub fn restore_engine(&mut self, form: &EngineForm) {
        self.history.put_back_order(form.in_order);
        for (alarm, hits) in &form.refused {
            self.keys.refused.extend(self.patterns.alarm_named(alarm).map(|alarm| (alarm, *hits)));
        }
        let since = form.since.iter().copied().chain(std::iter::repeat(None));
        for ((alarm, role), since) in form.said.iter().zip(since) {
            let alarm = self.patterns.alarm_named(alarm);
            self.keys.said.extend(alarm.map(|alarm| ((alarm, role.clone()), since.map(Moment::from))));
        }
    }

    /// Puts back a hit to look back at, if a rule does. Returns whether it still has the same number.
    pub fn restore_past(&mut self, meaning: &Meaning, family: FamilyId, form: PastForm) -> bool {
        let PastForm { number, at, hit, .. } = form;
        let hit = meaning.hit(hit, family).filter(|hit| self.history.keeps(hit.hit.signal));
        hit.is_some_and(|hit| self.history.put_back(number, Past { at, hit }) == number)
    }

    /// Puts back an instance as far as these patterns know it. If it is no longer active for that, it is cleared `now`.
    /// False if it is no instance of these patterns at all.
    pub fn restore_instance(
        &mut self,
        families: &[Family],
        meaning: &Meaning,
        family: impl Fn(&FamilyForm) -> Option<FamilyId>,
        mut form: InstanceForm,
        now: Option<Millis>,
        out: &mut Vec<Transition>,
    ) -> bool {
        let was_active = form.raised.is_some();
        let clear = self.config_clear(&form, now);
        let Some((id, place)) = self.identity(&form) else {
            out.extend(clear);
            return false;
        };
        let alarm = self.patterns.alarm(id);
        let read = |f: &FamilyForm| family(f).filter(|f| alarm.logs.contains(&families[f.index()].log));
        let mentioned = Mentioned::new(meaning, &form.families, std::mem::take(&mut form.hits), read);
        let number = form.number;
        let mut instance = Self::bare(id, place, &form);
        let mut whole = mentioned.is_whole();
        if whole {
            whole &= remember(form, alarm, &meaning.entries, &mentioned, &mut self.shelf, &mut instance);
        }
        if was_active
            && instance.active == 0
            && let Some(clear) = clear
        {
            instance.recent.ordinal(Event::Clear, clear.time.millis);
            instance.last_hit = None;
            instance.quiet.iter_mut().for_each(|quiet| quiet.timer.deadline = None);
            out.push(clear);
        }
        self.keys.hold(id);
        self.put_back(number, instance, whole);
        true
    }

    /// The alarm and the place of a saved instance, if it would be made with the same key today.
    fn identity(&self, form: &InstanceForm) -> Option<(AlarmId, u32)> {
        let id = self.patterns.alarm_named(&form.alarm)?;
        let alarm = self.patterns.alarm(id);
        let here = |log: &&crate::pattern::LogId| {
            let log = self.patterns.log(**log);
            (&*log.service, &*log.role) == (&*form.service, &*form.role)
        };
        let log = alarm.logs.iter().find(here)?;
        let same_by = alarm.by.iter().map(|by| by.name()).eq(form.by.iter().map(|(name, _)| &**name));
        (same_by && (!alarm.stateless || form.raised.is_none())).then_some((id, self.places[log.index()]))
    }

    /// The instance with nothing but its name and what its ids are made from.
    fn bare(id: AlarmId, place: u32, form: &InstanceForm) -> Instance {
        let by = form.by.iter().map(|(_, value)| value.clone()).collect();
        let mut instance = Instance::new(id, place, by);
        instance.recent = form.recent.iter().copied().collect();
        instance
    }

    fn put_back(&mut self, number: InstanceId, mut instance: Instance, whole: bool) {
        let waits: Vec<(Slot, Millis, FamilyId)> =
            instance.slots().filter_map(|(slot, t)| Some((slot, t.deadline?, t.family?))).collect();
        for (slot, deadline, family) in waits {
            instance.timer(slot).queued = Some(deadline);
            self.timers.entry(family).or_default().push(Reverse((deadline, number, slot)));
        }
        self.instances.put_back(number, instance);
        if !whole {
            self.instances.get_mut(number);
            let latest = self.clocks.iter().map(|(family, clock)| (*clock, *family)).max();
            if let Some((clock, family)) = latest {
                self.linger(number, clock, family);
            }
        }
    }

    pub fn latest_clock(&self) -> Option<Millis> {
        self.clocks.values().copied().max()
    }

    /// The record that says that an alarm is no longer there to be active. Its patterns may be gone, so it is made from
    /// what was saved alone.
    pub fn config_clear(&self, form: &InstanceForm, now: Option<Millis>) -> Option<Transition> {
        let raised: &RaisedForm = form.raised.as_ref()?;
        let hit = form.hits.get(form.last_hit? as usize)?;
        let log = &form.families.get(hit.family as usize)?.log;
        let at: Moment = raised.at.into();
        let time = now.unwrap_or(at.millis);
        let mut recent: Recent = form.recent.iter().copied().collect();
        let lines = hit.head.iter().chain([&hit.line]);
        Some(Transition {
            schema: SCHEMA,
            id: id(&form.key, Event::Clear, time, recent.ordinal(Event::Clear, time)),
            event: Event::Clear,
            alarm: form.alarm.clone(),
            alarm_id: raised.number,
            name: raised.title.clone(),
            severity: raised.severity,
            causes: raised.causes.clone(),
            key: form.key.clone(),
            time: at.at(time),
            raised_at: Some(at),
            cleared_by: Some(ClearedBy::Config),
            duration_ms: Some((time - raised.clock).max(0)),
            node: form.node.clone(),
            location: Location {
                source: form.cluster.clone(),
                service: form.service.clone(),
                role: form.role.clone(),
                node: form.node.clone(),
            },
            params: raised.params.clone(),
            count: form.count,
            evidence: lines.map(|line| evidence_line(log, hit.moment.into(), &line_of_form(line.clone()))).collect(),
            provenance: raised.provenance,
            patterns: self.patterns.hash.clone(),
            late: false,
            time_assumed: hit.assumed,
            mode: self.site.mode,
            detected_at: None,
            durable: true,
            runbook: None,
        })
    }
}
