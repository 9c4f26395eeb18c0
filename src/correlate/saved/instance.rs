//! An instance as an entry, and back.

use std::sync::Arc;

use super::form::{EntryForm, FamilyForm, HitForm, Index, InstanceForm, MemoryForm, QuietForm, RaisedForm, TimerForm};
use super::mention::{EntryNames, Meaning, Mentions, Names};
use crate::correlate::event::{FamilyId, TimedHit};
use crate::correlate::instance::{Instance, Memory, Quiet, Raised, Timer};
use crate::correlate::packed::{KeptHit, Packed, Shelf};
use crate::correlate::record::Site;
use crate::correlate::window::Window;
use crate::pattern::{Alarm, CauseSet, ClearKind};
use crate::time::Moment;

pub fn form(
    names: Names,
    site: &Site,
    shelf: &Shelf,
    entries: &EntryNames,
    number: u64,
    instance: &Instance,
) -> InstanceForm {
    let alarm = names.patterns.alarm(instance.alarm);
    let mut mentions = Mentions::new(names);
    let raised = instance.raised.as_ref().filter(|_| instance.active != 0).and_then(Packed::open);
    let raised = raised.map(|r| raised_form(alarm, &r, mentions.family(r.family)));
    let kept = |hit: &KeptHit| shelf.open(hit);
    let raise = entries.raise(instance.alarm).iter().zip(&instance.raise);
    let raise = raise
        .filter_map(|(e, m)| Some((e, m.as_deref()?)))
        .filter(|(_, m)| m.remembers())
        .map(|(e, m)| memory_form(e, m, &mut mentions))
        .collect();
    let quiet = alarm.clear.iter().zip(entries.clear(instance.alarm)).zip(&instance.quiet);
    let quiet = quiet.filter_map(|((clear, entry), quiet)| match clear.kind {
        ClearKind::Quiet(span) if quiet.timer.deadline.is_some() => Some(QuietForm {
            entry: entry.clone(),
            span,
            timer: mentions.timer(&quiet.timer),
            hit: quiet.hit.as_ref().and_then(kept).map(|hit| mentions.hit(hit)),
        }),
        _ => None,
    });
    let quiet = quiet.collect();
    let forget = mentions.timer(&instance.forget);
    let last_hit = instance.last_hit.as_ref().and_then(kept).map(|hit| mentions.hit(hit));
    let last_transition = instance.last_transition.map(|(time, family)| (time, mentions.family(family)));
    let (families, hits) = mentions.finish();
    let log = &names.patterns.logs[instance.place as usize];
    InstanceForm {
        cluster: site.cluster.clone(),
        node: site.node.clone(),
        service: log.service.clone(),
        role: log.role.clone(),
        alarm: alarm.name.clone(),
        key: site.key(names.patterns, instance),
        by: alarm.by.iter().zip(&*instance.by).map(|(by, value)| (by.name().into(), value.clone())).collect(),
        number,
        families,
        hits,
        active: causes(alarm, instance.active),
        count: instance.count,
        raised,
        raise,
        quiet,
        forget,
        last_hit,
        last_transition,
        recent: instance.recent.iter().collect(),
    }
}

fn raised_form(alarm: &Alarm, raised: &Raised, family: Index) -> RaisedForm {
    RaisedForm {
        title: alarm.title.clone(),
        number: alarm.number,
        severity: alarm.severity,
        at: raised.moment().into(),
        clock: raised.clock,
        family,
        causes: raised.causes.to_vec(),
        params: raised.params.iter().map(|(name, v)| (name.clone(), v.to_string())).collect(),
        provenance: raised.provenance,
    }
}

fn memory_form(entry: &EntryForm, memory: &Memory, mentions: &mut Mentions) -> MemoryForm {
    MemoryForm {
        entry: entry.clone(),
        timer: mentions.timer(&memory.timer),
        run: memory.run,
        last: memory.last,
        window: memory.window.hits().map(|(t, weight, family)| (t, weight, mentions.family(family))).collect(),
        hit: memory.hit.as_ref().map(|hit| mentions.hit(hit.clone())),
        is_counted: memory.is_counted,
    }
}

fn causes(alarm: &Alarm, set: CauseSet) -> Vec<Arc<str>> {
    let named = alarm.causes.iter().enumerate();
    named.filter(|(at, _)| *at < 64 && set >> at & 1 == 1).map(|(_, name)| name.clone()).collect()
}

/// Those of these causes that the alarm can still raise.
fn causes_named(alarm: &Alarm, names: &[Arc<str>]) -> CauseSet {
    let raised = |cause: &usize| alarm.raise.iter().any(|r| r.cause == *cause && !r.renew);
    let known = names.iter().filter_map(|name| alarm.causes.iter().position(|c| c == name));
    known.filter(raised).fold(0, |set, cause| set | 1 << cause)
}

/// What an entry mentions, as the patterns of now know it.
pub struct Mentioned {
    families: Vec<Option<FamilyId>>,
    hits: Vec<Option<Arc<TimedHit>>>,
}

impl Mentioned {
    /// `family`: the family of that name, if the alarm still reads its log.
    pub fn new(
        meaning: &Meaning,
        families: &[FamilyForm],
        hits: Vec<HitForm>,
        family: impl Fn(&FamilyForm) -> Option<FamilyId>,
    ) -> Mentioned {
        let families: Vec<Option<FamilyId>> = families.iter().map(family).collect();
        let known = |hit: HitForm| {
            let family = families.get(hit.family as usize).copied().flatten()?;
            meaning.hit(hit, family)
        };
        let hits = hits.into_iter().map(known).collect();
        Mentioned { families, hits }
    }

    /// Nothing of it is gone.
    pub fn is_whole(&self) -> bool {
        self.families.iter().all(Option::is_some) && self.hits.iter().all(Option::is_some)
    }

    fn family(&self, at: Index) -> Option<FamilyId> {
        self.families.get(at as usize).copied().flatten()
    }

    fn hit(&self, at: Option<Index>) -> Option<Arc<TimedHit>> {
        self.hits.get(at? as usize).cloned().flatten()
    }

    fn timer(&self, form: &TimerForm) -> Timer {
        Timer { deadline: form.deadline, family: form.family.and_then(|f| self.family(f)), queued: None }
    }
}

/// Gives the instance back what it remembered. False if some of that has no place in it any more.
pub fn remember(
    form: InstanceForm,
    alarm: &Alarm,
    entries: &EntryNames,
    mentioned: &Mentioned,
    shelf: &mut Shelf,
    into: &mut Instance,
) -> bool {
    let mut whole = true;
    into.active = causes_named(alarm, &form.active);
    whole &= into.active.count_ones() as usize == form.active.len();
    into.count = form.count;
    into.raised = form.raised.and_then(|r| {
        let family = mentioned.family(r.family)?;
        let RaisedForm { at, clock, causes, params, provenance, .. } = r;
        let params = params.into_iter().map(|(name, v)| (name, v.into())).collect();
        let Moment { millis: at, offset } = at.into();
        Packed::new(&Raised { at, offset, clock, family, causes: causes.into(), params, provenance })
    });
    let last_hit = mentioned.hit(form.last_hit);
    into.last_hit = last_hit.as_ref().and_then(|hit| shelf.keep(hit));
    into.last_transition = form.last_transition.and_then(|(time, family)| Some((time, mentioned.family(family)?)));
    into.forget = mentioned.timer(&form.forget);
    for memory in form.raise {
        match entries.raise(into.alarm).iter().position(|e| *e == memory.entry) {
            Some(at) => *into.memory(at) = memory_of(memory, mentioned),
            None => whole = false,
        }
    }
    for quiet in form.quiet {
        let at = entries.clear(into.alarm).iter().position(|e| *e == quiet.entry);
        match at.map(|at| (at, &alarm.clear[at].kind)) {
            Some((at, ClearKind::Quiet(span))) => {
                let (mut timer, hit) = (mentioned.timer(&quiet.timer), mentioned.hit(quiet.hit));
                timer.deadline = timer.deadline.map(|d| d + (span - quiet.span));
                whole &= *span == quiet.span;
                *into.quiet(at) = Quiet { timer, hit: hit.and_then(|hit| shelf.keep(&hit)) };
            }
            _ => whole = false,
        }
    }
    whole & last_hit.is_none_or(|hit| wait_for_new_quiet(alarm, &hit, into))
}

/// A `quiet` that the alarm did not have, or that was of other causes, waits from the last hit on. False if there is one.
fn wait_for_new_quiet(alarm: &Alarm, hit: &TimedHit, instance: &mut Instance) -> bool {
    let mut none = true;
    let (active, last) = (instance.active, instance.last_hit.clone());
    for (at, clear) in alarm.clear.iter().enumerate() {
        if let ClearKind::Quiet(span) = clear.kind
            && clear.causes & active != 0
            && instance.quiet(at).timer.deadline.is_none()
        {
            let deadline = Some(hit.moment.millis + span);
            let timer = Timer { deadline, family: Some(hit.family), queued: None };
            *instance.quiet(at) = Quiet { timer, hit: last.clone() };
            none = false;
        }
    }
    none
}

fn memory_of(form: MemoryForm, mentioned: &Mentioned) -> Memory {
    let mut window = Window::default();
    for (time, weight, family) in form.window {
        if let Some(family) = mentioned.family(family) {
            window.put_back(time, weight, family);
        }
    }
    let (timer, hit) = (mentioned.timer(&form.timer), mentioned.hit(form.hit));
    Memory { timer, run: form.run, last: form.last, window, hit, is_counted: form.is_counted }
}
