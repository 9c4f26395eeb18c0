//! Deadlines: what a hit sets, and what becomes a fact when the clock of its family has passed it.

use super::*;

impl Engine<'_> {
    /// The family's clock has reached `time`: deadlines that it has passed are facts now.
    pub(super) fn advance(&mut self, families: &[Family], id: FamilyId, time: Millis) {
        let clock = self.clocks.entry(id).or_insert(Millis::MIN);
        let moves = time > *clock;
        *clock = time.max(*clock);
        let clock = *clock;
        if moves {
            self.moved(id);
        }
        while let Some(timers) = self.timers.get_mut(&id) {
            match timers.peek() {
                Some(Reverse((deadline, ..))) if *deadline + SLACK < clock => {}
                _ => return,
            }
            let Some(Reverse((deadline, instance, slot))) = timers.pop() else { return };
            self.due(families, id, instance, slot, deadline);
        }
    }

    /// Fires what is due first of what this event will fire. False if it will fire nothing.
    pub fn step_towards(
        &mut self,
        families: &[Family],
        id: FamilyId,
        event: &super::super::event::Event,
        out: &mut Vec<Transition>,
    ) -> bool {
        let time = match &event.what {
            What::Tick(time) => *time,
            What::Hit(hit) => hit.moment.millis,
            What::Hole { .. } | What::Step(_) | What::Recall(_) => return false,
        };
        let next = self.timers.get(&id).and_then(|timers| timers.peek()).map(|Reverse((deadline, ..))| *deadline);
        let Some(next) = next.filter(|next| next + SLACK < time) else { return false };
        self.advance(families, id, (next + SLACK + 1).min(time));
        out.append(&mut self.out);
        true
    }

    /// The logs are complete until `end`, all of them: deadlines of all families fire in one order.
    pub fn complete(&mut self, families: &[Family], end: Millis, out: &mut Vec<Transition>) {
        for (id, clock) in &mut self.clocks {
            *clock = end.max(*clock);
            if let Some(saving) = &mut self.saving {
                saving.moved.insert(*id);
            }
        }
        loop {
            let tops = self.timers.iter().filter_map(|(id, timers)| Some((timers.peek()?.0, *id)));
            // Not what lies behind a clock that fell: no more than a line would, `end` fires what was set after it.
            let due = tops.filter(|((deadline, ..), _)| deadline + SLACK < end).min();
            let Some(((deadline, instance, slot), id)) = due else { break };
            if let Some(timers) = self.timers.get_mut(&id) {
                timers.pop();
            }
            self.due(families, id, instance, slot, deadline);
        }
        out.append(&mut self.out);
    }

    /// An entry of the queue has come up; the timer may have been moved since.
    pub(super) fn due(&mut self, families: &[Family], family: FamilyId, id: InstanceId, slot: Slot, queued: Millis) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let timer = instance.timer(slot);
        if timer.queued == Some(queued) {
            timer.queued = None;
        }
        match timer.deadline {
            Some(d) if timer.family == Some(family) && d == queued => match instance.due_before(d + 1) {
                // What the instance waits for on another family's clock may come first, and change what comes then.
                Some((earlier, first)) if slot != Slot::Forget && first != slot => {
                    self.set_timer(id, slot, d, family);
                    self.fire(families, id, first, earlier);
                }
                _ => self.fire(families, id, slot, d),
            },
            Some(d) if timer.family == Some(family) => self.set_timer(id, slot, d, family),
            _ => {}
        }
    }

    pub(super) fn set_timer(&mut self, id: InstanceId, slot: Slot, deadline: Millis, family: FamilyId) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let timer = instance.timer(slot);
        // An entry of the queue that comes up earlier is moved then: one entry serves any number of renewals.
        let covered = timer.family == Some(family) && timer.queued.is_some_and(|q| q <= deadline);
        timer.deadline = Some(deadline);
        timer.family = Some(family);
        if !covered {
            timer.queued = Some(deadline);
            self.timers.entry(family).or_default().push(Reverse((deadline, id, slot)));
        }
    }

    /// Deadlines of this instance that are earlier than a hit of it were kept, whatever the ticks say.
    pub(super) fn overdue(&mut self, families: &[Family], id: InstanceId, time: Millis) {
        while let Some((deadline, slot)) = self.instances.get(id).and_then(|i| i.due_before(time)) {
            self.fire(families, id, slot, deadline);
        }
    }

    pub(super) fn fire(&mut self, families: &[Family], id: InstanceId, slot: Slot, deadline: Millis) {
        let before = self.about;
        if self.notes.is_some() {
            self.about = self.about_deadline(families, id, slot, deadline);
        }
        self.fire_slot(families, id, slot, deadline);
        self.about = before;
    }

    pub(super) fn fire_slot(&mut self, families: &[Family], id: InstanceId, slot: Slot, deadline: Millis) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let family = instance.timer(slot).family;
        instance.timer(slot).deadline = None;
        let alarm = self.patterns.alarm(instance.alarm);
        match slot {
            Slot::Raise(at) => {
                let entry = &alarm.raise[usize::from(at)];
                let memory = instance.memory(usize::from(at));
                memory.run = 0;
                let Some(hit) = memory.hit.take() else { return };
                let weight = match entry.kind {
                    RaiseKind::Absent { .. } => 1,
                    _ if memory.is_counted => 0,
                    _ => hit.hit.weight,
                };
                let cause = Cause { hit: &hit, time: deadline, deadline: true, weight };
                if !self.suppressed(families, id, entry, &cause) {
                    self.begin(families, id, entry, &cause, false);
                }
            }
            Slot::Clear(at) => {
                let clear = &alarm.clear[usize::from(at)];
                let hit = instance.quiet(usize::from(at)).hit.as_ref();
                if let Some(hit) = hit.and_then(|hit| self.shelf.open(hit)) {
                    self.end(families, id, clear.causes, ClearedBy::Quiet, &hit, deadline, true, false);
                }
            }
            Slot::Forget => {
                let clock = family.and_then(|f| self.clocks.get(&f)).copied().unwrap_or(deadline);
                if instance.is_idle(alarm, clock) {
                    self.forget(id, deadline);
                } else if instance.active == 0
                    && let Some(family) = family
                {
                    self.set_timer(id, Slot::Forget, clock + LINGER, family);
                }
            }
        }
    }

    pub(super) fn forget(&mut self, id: InstanceId, time: Millis) {
        let Engine { instances, site, patterns, .. } = self;
        if let Some(instance) = instances.remove(id, |instance| site.key(patterns, instance)) {
            self.out.extend(self.keys.give_back(patterns, site, instance.alarm, time));
        }
    }

    /// An instance that nothing needs any more is dropped after a while: keys come and go.
    pub(super) fn linger(&mut self, id: InstanceId, time: Millis, family: FamilyId) {
        let Some(instance) = self.instances.get(id) else { return };
        let keyed = !self.patterns.alarm(instance.alarm).by.is_empty();
        if keyed && instance.active == 0 && instance.forget.deadline.is_none() {
            self.set_timer(id, Slot::Forget, time + LINGER, family);
        }
    }

    pub(super) fn hole(&mut self, family: FamilyId, from: Millis, until: Millis) {
        for (_, instance) in self.instances.iter_mut() {
            instance.pass_hole(self.patterns.alarm(instance.alarm), family, from, until);
        }
    }

    /// The family's clock was ahead of what its lines say. Deadlines were set by lines, so they stay where they are.
    pub(super) fn recall(&mut self, family: FamilyId, to: Millis) {
        self.history.is_not_in_order();
        self.clocks.insert(family, to);
        self.moved(family);
    }

    pub(super) fn step(&mut self, family: FamilyId, by: Millis) {
        self.history.shift(family, by);
        if let Some(clock) = self.clocks.get_mut(&family) {
            *clock += by;
        }
        self.moved(family);
        let mut timers = BinaryHeap::new();
        for (id, instance) in self.instances.iter_mut() {
            instance.shift(family, by);
            let own: Vec<(Slot, Millis)> = instance
                .slots()
                .filter(|(_, t)| t.family == Some(family))
                .filter_map(|(s, t)| Some((s, t.deadline?)))
                .collect();
            for (slot, deadline) in own {
                instance.timer(slot).queued = Some(deadline);
                timers.push(Reverse((deadline, id, slot)));
            }
        }
        self.timers.insert(family, timers);
    }
}

/// The earliest deadline that anything waits for. What was put off or given up since it was queued is not one: how long the
/// past is kept must not depend on it, since it is not there after a restart.
pub(super) fn earliest(timers: &mut HashMap<FamilyId, Deadlines>, instances: &mut Instances) -> Option<Millis> {
    let each = timers.iter_mut().filter_map(|(family, queue)| {
        loop {
            let &Reverse((queued, id, slot)) = queue.peek()?;
            let Some(timer) = instances.get_mut(id).map(|instance| instance.timer(slot)) else {
                queue.pop();
                continue;
            };
            let deadline = timer.deadline.filter(|_| timer.family == Some(*family));
            if deadline == Some(queued) {
                return deadline;
            }
            queue.pop();
            if timer.queued == Some(queued) {
                timer.queued = deadline;
                queue.extend(deadline.map(|deadline| Reverse((deadline, id, slot))));
            }
        }
    });
    each.min()
}
