//! What ends: causes, by a signal, by presence or by silence; and what waits to begin, by what it waits against.

use super::*;

impl Engine<'_> {
    pub(super) fn clear(
        &mut self,
        families: &[Family],
        id: InstanceId,
        alarm: &Alarm,
        clear: &Clear,
        hit: &Arc<TimedHit>,
        late: bool,
    ) {
        let by = match clear.kind {
            ClearKind::On(_) => ClearedBy::Signal,
            ClearKind::Present(_) => {
                // Presence ends an absence; without one it is the ordinary state of things.
                let absences = alarm.raise.iter().filter(|r| matches!(r.kind, RaiseKind::Absent { .. }));
                let absent = absences.fold(0, |set, r| set | bit(r.cause));
                if self.instances.get(id).is_none_or(|i| i.active & absent == 0) {
                    self.note(id, Did::NothingAbsent);
                    return;
                }
                ClearedBy::Present
            }
            ClearKind::Quiet(_) => return,
        };
        self.end(families, id, clear.causes, by, hit, hit.moment.millis, false, late);
    }

    /// Causes end; with the last of them, the instance is cleared.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn end(
        &mut self,
        families: &[Family],
        id: InstanceId,
        causes: CauseSet,
        by: ClearedBy,
        hit: &Arc<TimedHit>,
        time: Millis,
        deadline: bool,
        late: bool,
    ) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let ended = instance.active & causes;
        if ended == 0 {
            self.note(id, Did::NothingToClear);
            return;
        }
        instance.active &= !causes;
        let cleared = instance.active == 0;
        self.note(id, Did::Ended { causes: ended, changed: cleared });
        let Some(instance) = self.instances.get_mut(id) else { return };
        if !cleared {
            return;
        }
        for quiet in &mut instance.quiet {
            (quiet.timer.deadline, quiet.hit) = (None, None);
        }
        instance.last_hit = None;
        let change = Change { event: Event::Clear, hit, time, deadline, late, cleared_by: Some(by), reasons: &[] };
        let transition = self.site.transition(self.patterns, families, instance, &change);
        self.out.extend(transition);
        self.linger(id, time, hit.family);
    }

    pub(super) fn stop(&mut self, id: InstanceId, at: usize) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let memory = &mut instance.raise[at];
        let waited = memory.timer.deadline.take().is_some() || memory.run > 0;
        memory.run = 0;
        let absent = matches!(self.patterns.alarm(instance.alarm).raise[at].kind, RaiseKind::Absent { .. });
        self.note(
            id,
            match (waited, absent) {
                (true, true) => Did::Disarmed,
                (true, false) => Did::Cancelled,
                (false, _) => Did::NothingToStop,
            },
        );
    }
}
