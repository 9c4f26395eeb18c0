//! What begins: causes, at once, by their number, or at a deadline; with what a look back finds.

use super::*;

impl Engine<'_> {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn raise(
        &mut self,
        families: &[Family],
        id: InstanceId,
        alarm: &Alarm,
        at: usize,
        entry: &Raise,
        hit: &Arc<TimedHit>,
        late: bool,
    ) {
        let time = hit.moment.millis;
        let cause = Cause { hit, time, deadline: false, weight: hit.hit.weight };
        match &entry.kind {
            RaiseKind::On { .. } => {
                if self.suppressed(families, id, entry, &cause) {
                } else if entry.renew {
                    self.renew(families, id, entry, &cause);
                } else if alarm.stateless {
                    self.occur(families, id, entry, &cause, late);
                } else {
                    self.begin(families, id, entry, &cause, late);
                }
            }
            RaiseKind::Count { count, within, .. } => {
                if !self.suppressed(families, id, entry, &cause) {
                    self.count(families, id, at, entry, (*count, *within), &cause, late);
                }
            }
            RaiseKind::Without { within, .. } => self.wait(families, id, at, time + within, hit),
            RaiseKind::Absent { span, arm, .. } => self.arm(families, id, at, (*span, *arm), hit),
        }
    }

    pub(super) fn renew(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause) {
        let active = self.instances.get(id).is_some_and(|i| i.active != 0);
        if active {
            self.note(id, Did::Renewed { cause: entry.cause });
            self.touch(families, id, entry, cause);
            self.renewed = true;
        } else {
            self.note(id, Did::NothingToRenew);
        }
    }

    /// What a `renew` entry has counted is not counted again when it has waited.
    pub(super) fn mark_counted(&mut self, id: InstanceId, hit: &TimedHit) {
        if std::mem::take(&mut self.renewed)
            && let Some(instance) = self.instances.get_mut(id)
        {
            let waiting = instance.raise.iter_mut().flatten().filter(|m| m.hit.as_ref().is_some_and(|h| h.is(hit)));
            waiting.for_each(|memory| memory.is_counted = true);
        }
    }

    /// A raise or renew hit counts, and every quiet entry that it keeps up starts anew.
    pub(super) fn touch(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.count = instance.count.saturating_add(cause.weight);
        instance.last_hit = self.shelf.keep(cause.hit);
        let alarm = self.patterns.alarm(instance.alarm);
        for (at, clear) in alarm.clear.iter().enumerate() {
            let ClearKind::Quiet(span) = clear.kind else { continue };
            let keeps = if entry.renew { !0 } else { bit(entry.cause) };
            if clear.causes & keeps != 0 {
                let Some(instance) = self.instances.get_mut(id) else { return };
                let last = instance.last_hit.clone();
                let quiet = instance.quiet(at);
                let deadline = cause.time + span;
                // A hit that stands behind a later one is not the last.
                if quiet.timer.deadline.is_none_or(|later| later <= deadline) {
                    quiet.hit = last;
                    self.set_timer(id, Slot::Clear(at as u16), deadline, cause.hit.family);
                    self.note_quiet(id, families, at, deadline, cause.hit.family);
                }
            }
        }
    }

    pub(super) fn begin(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause, late: bool) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        if instance.active == 0 {
            instance.count = 0;
        }
        let (before, own) = (instance.active, bit(entry.cause));
        instance.active |= own;
        let did = if before & own != 0 {
            Did::Renewed { cause: entry.cause }
        } else {
            Did::Began { cause: entry.cause, changed: before == 0 }
        };
        self.note(id, did);
        self.touch(families, id, entry, cause);
        if before == 0 {
            self.changed(families, id, entry, cause, Event::Raise, late);
        }
    }

    pub(super) fn occur(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause, late: bool) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.count = cause.weight;
        }
        self.note(id, Did::Occurred);
        self.changed(families, id, entry, cause, Event::Occur, late);
    }

    /// Writes the raise (or the record without a state), with what a look back finds.
    pub(super) fn changed(
        &mut self,
        families: &[Family],
        id: InstanceId,
        entry: &Raise,
        cause: &Cause,
        event: Event,
        late: bool,
    ) {
        let from = From { family: cause.hit.family, time: cause.time, deadline: cause.deadline };
        let mut reasons = Vec::new();
        for with in &entry.with {
            let mut found = self.history.recent(families, &with.on, from, with.within);
            found.retain(|hit| !hit.is(cause.hit));
            found.truncate(with.max);
            let found: Vec<Arc<TimedHit>> = found.into_iter().cloned().collect();
            if let (true, Some(&on)) = (found.is_empty(), with.on.first()) {
                self.note(id, Did::WithoutReason { on, within: with.within });
            }
            for reason in &found {
                self.note(id, Did::Reason { on: reason.hit.signal, at: reason.moment, line: reason.hit.line.number });
            }
            reasons.push((with.cause, found));
        }
        let Some(instance) = self.instances.get_mut(id) else { return };
        let change = Change {
            event,
            hit: cause.hit,
            time: cause.time,
            deadline: cause.deadline,
            late,
            cleared_by: None,
            reasons: &reasons,
        };
        self.site.raise(self.patterns, families, instance, entry, &change);
        let transition = self.site.transition(self.patterns, families, instance, &change);
        self.out.extend(transition);
    }

    /// `unless`: was one of these hit on the node within the time before?
    pub(super) fn suppressed(&mut self, families: &[Family], id: InstanceId, entry: &Raise, cause: &Cause) -> bool {
        let from = From { family: cause.hit.family, time: cause.time, deadline: cause.deadline };
        let seen = entry.unless.iter().find_map(|u| {
            let mut recent = self.history.recent(families, &u.on, from, u.within).into_iter();
            // What a deadline is blamed on is no reason against it.
            let hit = recent.find(|hit| !hit.is(cause.hit))?;
            Some((hit.hit.signal, hit.moment))
        });
        if let Some((by, at)) = seen {
            self.note(id, Did::Suppressed { by, at });
        }
        seen.is_some()
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn count(
        &mut self,
        families: &[Family],
        id: InstanceId,
        at: usize,
        entry: &Raise,
        (need, within): (u64, Millis),
        cause: &Cause,
        late: bool,
    ) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let active = instance.active & bit(entry.cause) != 0;
        let have = instance.memory(at).window.add(cause.time, cause.weight, cause.hit.family, within, need);
        if active {
            self.begin(families, id, entry, cause, late);
        } else if have >= need {
            self.begin(families, id, entry, &Cause { weight: have, ..*cause }, late);
        } else {
            self.note(id, Did::Counting { have, need, within });
        }
    }

    /// `without`: the first hit sets the deadline.
    pub(super) fn wait(
        &mut self,
        families: &[Family],
        id: InstanceId,
        at: usize,
        deadline: Millis,
        hit: &Arc<TimedHit>,
    ) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let memory = instance.memory(at);
        let deadline = match memory.timer.deadline {
            Some(earlier) => earlier,
            None => {
                (memory.hit, memory.is_counted) = (Some(hit.clone()), false);
                self.set_timer(id, Slot::Raise(at as u16), deadline, hit.family);
                deadline
            }
        };
        self.note(id, Did::Waiting { until: families[hit.family.index()].zone.moment(deadline) });
    }

    /// `absent`: hits in a row arm it, each of them moves the deadline.
    pub(super) fn arm(
        &mut self,
        families: &[Family],
        id: InstanceId,
        at: usize,
        (span, need): (Millis, u32),
        hit: &Arc<TimedHit>,
    ) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let memory = instance.memory(at);
        let time = hit.moment.millis;
        let in_a_row = memory.run > 0 && time - memory.last <= span;
        memory.last = if in_a_row { time.max(memory.last) } else { time };
        memory.run = if in_a_row { memory.run.saturating_add(1) } else { 1 };
        memory.timer.belong_to(hit.family);
        memory.hit = Some(hit.clone());
        let (run, deadline) = (memory.run, memory.last + span);
        if run >= need {
            self.set_timer(id, Slot::Raise(at as u16), deadline, hit.family);
            self.note(id, Did::Armed { until: families[hit.family.index()].zone.moment(deadline) });
        } else {
            self.note(id, Did::Arming { have: run, need });
        }
    }
}
