//! The rules once more, as simply as can be: everything that was ever seen is kept in plain lists, and what holds is
//! worked out from them anew each time that it is asked. Written from `docs/rules.md`, not from the engine.

use std::collections::{BTreeMap, BTreeSet};

use tocsin::correlate::event::SLACK;
use tocsin::transition::{Location, id, key};

use crate::Found;
use crate::rules::{Alarm, Clear, ClearKind, Kind, LOGS, Millis, With};
use crate::streams::{Between, CLUSTER, Said, Source, captures, name, node};

const HOLD: Millis = 2_000;
const STEP: Millis = 60_000;

/// A hit, with the time that it has come to have after steps of its family's clock.
#[derive(Clone, Debug)]
struct Hit {
    family: usize,
    log: usize,
    signal: usize,
    captures: BTreeMap<&'static str, String>,
    weight: u64,
    line: u64,
    printed: Millis,
    time: Millis,
}

type HitId = usize;

#[derive(Clone, Debug)]
enum What {
    Hit(Hit),
    Tick,
    Hole(Millis, Millis),
    Step(Millis),
}

#[derive(Clone, Debug)]
struct Event {
    family: usize,
    key: Millis,
    time: Millis,
    what: What,
}

/// What the rules must say about these files, in the order of output.
pub fn transitions(alarms: &[Alarm], sources: &[Source], end: Option<Millis>) -> Vec<Found> {
    let events = merged(sources, end);
    let mut found = Vec::new();
    let nodes: BTreeSet<usize> = sources.iter().map(|s| s.node).collect();
    for at in nodes {
        for alarm in alarms {
            let mut rules = Rules {
                alarm,
                sources,
                hits: vec![],
                before: 0,
                clocks: BTreeMap::new(),
                instances: vec![],
                out: vec![],
            };
            events.iter().filter(|e| sources[e.family].node == at).for_each(|e| rules.event(e));
            found.extend(rules.out);
        }
    }
    // In order of time, but none before one of its key that was made earlier.
    let mut latest: BTreeMap<String, Millis> = BTreeMap::new();
    let mut placed: Vec<(Millis, Found)> = Vec::new();
    for transition in found {
        let place = latest.entry(transition.key.clone()).or_insert(transition.time);
        *place = transition.time.max(*place);
        placed.push((*place, transition));
    }
    placed.sort_by(|(a, x), (b, y)| (a, &x.key).cmp(&(b, &y.key)));
    let found: Vec<Found> = placed.into_iter().map(|(_, t)| t).collect();
    found
}

/// The events of one family, in its own order.
fn events(at: usize, source: &Source, end: Option<Millis>) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    let mut clock: Option<Millis> = None;
    let mut before = None;
    let timed = source.timed();
    for record in &timed {
        let time = record.time;
        if record.before == Between::Hole {
            let from = before.unwrap_or(time);
            let key = clock.map_or(from, |c| c.max(from));
            all.push(Event { family: at, key, time: key, what: What::Hole(from, time) });
        }
        before = Some(time);
        match &record.said {
            // Where there are ticks depends on how the log was read.
            Said::Nothing(_) => {}
            Said::Signal { signal, weight, captures: values } => {
                if let Some(c) = clock.filter(|c| time < c - STEP) {
                    clock = Some(time);
                    all.push(Event { family: at, key: time, time, what: What::Step(time - c) });
                }
                let key = clock.map_or(time, |c| c.max(time));
                clock = Some(key);
                let hit = Hit {
                    family: at,
                    log: source.log,
                    signal: *signal,
                    captures: captures(values),
                    weight: *weight,
                    line: record.line,
                    printed: time,
                    time,
                };
                all.push(Event { family: at, key, time, what: What::Hit(hit) });
            }
        }
    }
    for last in timed.last().map(|r| r.time).into_iter().chain(end) {
        if clock.is_none_or(|c| last > c) {
            clock = Some(last);
            all.push(Event { family: at, key: last, time: last, what: What::Tick });
        }
    }
    all
}

/// All families, strictly in order: always the least of what comes next in each.
fn merged(sources: &[Source], end: Option<Millis>) -> Vec<Event> {
    let mut queues: Vec<Vec<Event>> = sources.iter().enumerate().map(|(at, s)| events(at, s, end)).collect();
    let mut all = Vec::new();
    let order = |e: &Event| (e.key, e.time, sources[e.family].log, name(e.family, &sources[e.family]));
    while let Some(next) = queues.iter().filter_map(|q| q.first()).min_by_key(|e| order(e)) {
        let family = next.family;
        all.push(queues[family].remove(0));
    }
    all
}

struct Rules<'a> {
    alarm: &'a Alarm,
    sources: &'a [Source],
    /// Everything that was seen on the node, and how much of it before the hit that is at hand.
    hits: Vec<Hit>,
    before: usize,
    clocks: BTreeMap<usize, Millis>,
    instances: Vec<Instance>,
    out: Vec<Found>,
}

/// A raise or renew: of these causes (all of them, if it renews), at this time, on this family's clock.
#[derive(Clone, Debug)]
struct Begun {
    causes: Vec<String>,
    time: Millis,
    family: usize,
    hit: HitId,
    /// Not a hit at all, but a hole that puts off this `quiet` entry alone.
    hole: Option<usize>,
}

#[derive(Clone, Debug)]
struct Raised {
    time: Millis,
    family: usize,
    causes: Vec<String>,
    params: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Instance {
    service: &'static str,
    role: &'static str,
    by: BTreeMap<&'static str, String>,
    active: BTreeSet<String>,
    raised: Option<Raised>,
    count: u64,
    begun: Vec<Begun>,
    /// Of each clear entry: how many of `begun` it has no more to do with.
    quieted: Vec<usize>,
    /// Of each raise entry: the hits that it counts.
    seen: Vec<Vec<HitId>>,
    /// Of each `absent`: where in `seen` a row can begin at the earliest.
    row: Vec<usize>,
    /// Of each `without`: the hit that waits.
    waiting: Vec<Option<HitId>>,
    /// What `renew` entries have counted since the raise.
    renewed: BTreeSet<HitId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Raise(usize),
    Quiet(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    time: Millis,
    due: Due,
    family: usize,
    hit: HitId,
}

impl Rules<'_> {
    fn event(&mut self, event: &Event) {
        let family = event.family;
        match &event.what {
            What::Hit(hit) => {
                self.advance(family, event.key);
                self.before = self.hits.len();
                self.hits.push(hit.clone());
                let hit = self.hits.len() - 1;
                let touched = self.touched(hit);
                for at in 0..self.instances.len() {
                    let time = touched.contains(&at).then_some(self.hits[hit].time);
                    self.fire(at, time);
                }
                if self.is_ours(hit) {
                    touched.into_iter().for_each(|at| self.end_by(at, hit));
                    self.begin_by(hit);
                }
                self.before = self.hits.len();
            }
            What::Tick => {
                self.advance(family, event.key);
                (0..self.instances.len()).for_each(|at| self.fire(at, None));
            }
            What::Hole(from, until) => (0..self.instances.len()).for_each(|at| self.hole(at, family, *from, *until)),
            What::Step(by) => self.step(family, *by),
        }
    }

    fn advance(&mut self, family: usize, key: Millis) {
        let clock = self.clocks.entry(family).or_insert(key);
        *clock = (*clock).max(key);
    }

    // ------------------------------------------------------------------------------------------ what a hit is about

    fn is_ours(&self, hit: HitId) -> bool {
        self.alarm.logs.contains(&self.hits[hit].log)
    }

    /// The instance of a raise hit, made if there is none.
    fn instance(&mut self, hit: HitId) -> usize {
        let (_, service, role) = LOGS[self.hits[hit].log];
        let by = self.by(hit);
        let by: BTreeMap<&str, String> =
            self.alarm.by.iter().map(|b| (*b, by.get(b).cloned().unwrap_or_default())).collect();
        let same = |i: &Instance| (i.service, i.role, &i.by) == (service, role, &by);
        self.instances.iter().position(same).unwrap_or_else(|| {
            let (raises, clears) = (self.alarm.raise.len(), self.alarm.clear.len());
            self.instances.push(Instance {
                service,
                role,
                by,
                active: BTreeSet::new(),
                raised: None,
                count: 0,
                begun: vec![],
                quieted: vec![0; clears],
                seen: vec![vec![]; raises],
                row: vec![0; raises],
                waiting: vec![None; raises],
                renewed: BTreeSet::new(),
            });
            self.instances.len() - 1
        })
    }

    /// The `by` values that a hit has.
    fn by(&self, hit: HitId) -> BTreeMap<&'static str, String> {
        let hit = &self.hits[hit];
        let family = ("family", name(hit.family, &self.sources[hit.family]));
        let all = hit.captures.iter().map(|(n, v)| (*n, v.clone())).chain([family]);
        all.filter(|(n, _)| self.alarm.by.contains(n)).collect()
    }

    /// Instances at the hit's location whose `by` values agree with what it captures.
    fn agreeing(&self, hit: HitId) -> Vec<usize> {
        let (_, service, role) = LOGS[self.hits[hit].log];
        let by = self.by(hit);
        let agrees = |i: &Instance| (i.service, i.role) == (service, role) && by.iter().all(|(n, v)| i.by[n] == *v);
        (0..self.instances.len()).filter(|&at| agrees(&self.instances[at])).collect()
    }

    /// Instances that the hit is a hit of: the one that it raises, and those that it ends something of.
    fn touched(&mut self, hit: HitId) -> Vec<usize> {
        if !self.is_ours(hit) {
            return vec![];
        }
        let alarm = self.alarm;
        let said = self.hits[hit].signal;
        let raising = |kind: &Kind| match kind {
            Kind::On { on } | Kind::Count { on, .. } | Kind::Without { on, .. } => on.contains(&said),
            Kind::Absent { absent, .. } => absent.contains(&said),
        };
        let mut touched = BTreeSet::new();
        if alarm.raise.iter().any(|r| raising(&r.kind)) {
            touched.insert(self.instance(hit));
        }
        let stopping = alarm.raise.iter().any(|r| match &r.kind {
            Kind::Without { without, .. } => without.contains(&said),
            Kind::Absent { disarm, .. } => disarm.contains(&said),
            _ => false,
        });
        let clearing = alarm.clear.iter().any(|c| match &c.kind {
            ClearKind::On(on) | ClearKind::Present(on) => on.contains(&said),
            ClearKind::Quiet(_) => false,
        });
        if stopping || clearing {
            touched.extend(self.agreeing(hit));
        }
        touched.into_iter().collect()
    }

    // -------------------------------------------------------------------------------------------------- deadlines

    /// All deadlines that an instance has.
    fn deadlines(&self, at: usize) -> Vec<Deadline> {
        let instance = &self.instances[at];
        let mut all = Vec::new();
        for (entry, raise) in self.alarm.raise.iter().enumerate() {
            let due = Due::Raise(entry);
            match &raise.kind {
                Kind::Without { within, .. } => all.extend(instance.waiting[entry].map(|hit| Deadline {
                    time: self.hits[hit].time + within,
                    due,
                    family: self.hits[hit].family,
                    hit,
                })),
                Kind::Absent { span, arm, .. } => {
                    let row = self.row(instance, entry, *span);
                    if let Some(&hit) = row.last().filter(|_| row.len() >= *arm) {
                        let latest = row.iter().map(|&h| self.hits[h].time).max().unwrap();
                        all.push(Deadline { time: latest + span, due, family: self.hits[hit].family, hit });
                    }
                }
                _ => {}
            }
        }
        for (entry, clear) in self.alarm.clear.iter().enumerate() {
            if let ClearKind::Quiet(span) = clear.kind
                && let Some(last) = self.last_begun(instance, entry, clear)
            {
                let (family, hit) = (last.family, last.hit);
                all.push(Deadline { time: last.time + span, due: Due::Quiet(entry), family, hit });
            }
        }
        all
    }

    /// The hits of an `absent` that are in a row, up to the last.
    fn row(&self, instance: &Instance, entry: usize, span: Millis) -> Vec<HitId> {
        let mut row: Vec<HitId> = Vec::new();
        for &hit in &instance.seen[entry][instance.row[entry]..] {
            let latest = row.iter().map(|&h| self.hits[h].time).max();
            if latest.is_some_and(|latest| self.hits[hit].time > latest + span) {
                row.clear();
            }
            row.push(hit);
        }
        row
    }

    /// The latest raise or renew that keeps a `quiet` entry from clearing.
    fn last_begun<'i>(&self, instance: &'i Instance, entry: usize, clear: &Clear) -> Option<&'i Begun> {
        let ended = self.alarm.ended(clear);
        let counts = |b: &&Begun| match b.hole {
            Some(of) => of == entry,
            None => b.causes.iter().any(|c| ended.contains(c)),
        };
        instance.begun[instance.quieted[entry]..].iter().filter(counts).max_by_key(|b| b.time)
    }

    /// Fires what is due on an instance, by the clocks or, if one touches it, before a hit of this time.
    fn fire(&mut self, at: usize, before: Option<Millis>) {
        loop {
            let due =
                |d: &Deadline| self.clocks[&d.family] > d.time + SLACK || before.is_some_and(|before| before > d.time);
            // A deadline that is due takes with it what the instance has that is earlier.
            let all = self.deadlines(at);
            let Some(until) = all.iter().filter(|d| due(d)).map(|d| d.time).max() else { return };
            let Some(next) = all.into_iter().filter(|d| d.time <= until).min() else { return };
            match next.due {
                Due::Quiet(entry) => {
                    self.instances[at].quieted[entry] = self.instances[at].begun.len();
                    let ended = self.alarm.ended(&self.alarm.clear[entry]);
                    self.end(at, &ended, "quiet", next.hit, next.time);
                }
                Due::Raise(entry) => {
                    let weight = match self.alarm.raise[entry].kind {
                        Kind::Without { .. } if self.instances[at].renewed.contains(&next.hit) => 0,
                        Kind::Without { .. } => self.hits[next.hit].weight,
                        _ => 1,
                    };
                    self.instances[at].waiting[entry] = None;
                    self.instances[at].row[entry] = self.instances[at].seen[entry].len();
                    if !self.is_suppressed(entry, next.hit, Some(next.time)) {
                        self.begin(at, entry, weight, next.hit, Some(next.time));
                    }
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------------- looking back

    /// Hits of these signals that a look back finds, newest first.
    fn look_back(&self, on: &[usize], within: Millis, hit: HitId, deadline: Option<Millis>) -> Vec<HitId> {
        let from = &self.hits[hit];
        let now = deadline.unwrap_or(from.time);
        let is_seen = |&other: &HitId| {
            let h = &self.hits[other];
            let visible = match h.family == from.family {
                true => deadline.map_or(other < hit, |deadline| h.time <= deadline),
                false => h.time <= now - HOLD,
            };
            other != hit && on.contains(&h.signal) && h.time >= now - within && visible
        };
        let mut found: Vec<HitId> = (0..self.before).filter(is_seen).collect();
        found.sort_by_key(|&h| std::cmp::Reverse((self.hits[h].time, self.place(h))));
        found
    }

    /// What puts hits of the same time in order: log, family, position.
    fn place(&self, hit: HitId) -> (usize, String, HitId) {
        let Hit { log, family, .. } = self.hits[hit];
        (log, name(family, &self.sources[family]), hit)
    }

    fn is_suppressed(&self, entry: usize, hit: HitId, deadline: Option<Millis>) -> bool {
        let unless = &self.alarm.raise[entry].unless;
        unless.iter().any(|u| !self.look_back(&u.on, u.within, hit, deadline).is_empty())
    }

    // --------------------------------------------------------------------------------------------- ending, beginning

    /// Clear entries, `disarm`, `without`.
    fn end_by(&mut self, at: usize, hit: HitId) {
        if !self.agreeing(hit).contains(&at) {
            return;
        }
        let alarm = self.alarm;
        let said = self.hits[hit].signal;
        let time = self.hits[hit].time;
        for clear in &alarm.clear {
            match &clear.kind {
                ClearKind::On(on) if on.contains(&said) => self.end(at, &alarm.ended(clear), "signal", hit, time),
                ClearKind::Present(on) if on.contains(&said) => {
                    let mut absent = alarm.raise.iter().filter(|r| matches!(r.kind, Kind::Absent { .. }));
                    if absent.any(|r| self.instances[at].active.contains(&r.cause())) {
                        self.end(at, &alarm.ended(clear), "present", hit, time);
                    }
                }
                _ => {}
            }
        }
        for (entry, raise) in alarm.raise.iter().enumerate() {
            let instance = &mut self.instances[at];
            match &raise.kind {
                Kind::Without { without, .. } if without.contains(&said) => instance.waiting[entry] = None,
                Kind::Absent { disarm, .. } if disarm.contains(&said) => {
                    instance.row[entry] = instance.seen[entry].len()
                }
                _ => {}
            }
        }
    }

    fn begin_by(&mut self, hit: HitId) {
        let alarm = self.alarm;
        let Hit { signal: said, weight, .. } = self.hits[hit];
        for (entry, raise) in alarm.raise.iter().enumerate() {
            match &raise.kind {
                Kind::On { on } if on.contains(&said) => {
                    if self.is_suppressed(entry, hit, None) {
                        continue;
                    }
                    let at = self.instance(hit);
                    match raise.renew {
                        true => self.renew(at, hit),
                        false => self.begin(at, entry, weight, hit, None),
                    }
                }
                Kind::Count { on, count, within } if on.contains(&said) => {
                    if self.is_suppressed(entry, hit, None) {
                        continue;
                    }
                    let at = self.instance(hit);
                    self.instances[at].seen[entry].push(hit);
                    let seen = self.instances[at].seen[entry].iter().map(|&h| &self.hits[h]);
                    let latest = seen.clone().map(|h| h.time).max().unwrap();
                    let sum: u64 = seen.filter(|h| h.time >= latest - within).map(|h| h.weight).sum();
                    if self.instances[at].active.contains(&raise.cause()) {
                        self.begin(at, entry, weight, hit, None);
                    } else if sum >= *count {
                        self.begin(at, entry, sum, hit, None);
                    }
                }
                Kind::Without { on, .. } if on.contains(&said) => {
                    let at = self.instance(hit);
                    self.instances[at].waiting[entry].get_or_insert(hit);
                }
                Kind::Absent { absent, .. } if absent.contains(&said) => {
                    let at = self.instance(hit);
                    self.instances[at].seen[entry].push(hit);
                }
                _ => {}
            }
        }
    }

    fn renew(&mut self, at: usize, hit: HitId) {
        let Hit { time, family, weight, .. } = self.hits[hit];
        let causes = self.alarm.states();
        let instance = &mut self.instances[at];
        if !instance.active.is_empty() {
            instance.count += weight;
            instance.renewed.insert(hit);
            instance.begun.push(Begun { causes, time, family, hit, hole: None });
        }
    }

    /// A cause begins, or is renewed.
    fn begin(&mut self, at: usize, entry: usize, weight: u64, hit: HitId, deadline: Option<Millis>) {
        let raise = &self.alarm.raise[entry];
        let time = deadline.unwrap_or(self.hits[hit].time);
        let family = self.hits[hit].family;
        let is_first = self.instances[at].active.is_empty();
        self.instances[at].count += weight;
        if !self.alarm.stateless {
            self.instances[at].active.insert(raise.cause());
            self.instances[at].begun.push(Begun { causes: vec![raise.cause()], time, family, hit, hole: None });
        }
        if !is_first {
            return;
        }
        let reasons: Vec<(&With, Vec<HitId>)> = raise
            .with
            .iter()
            .map(|w| {
                let mut found = self.look_back(&w.on, w.within, hit, deadline);
                found.truncate(w.max.unwrap_or(4));
                (w, found)
            })
            .collect();
        let mut causes = vec![raise.cause()];
        for (with, found) in &reasons {
            let label = with.cause.filter(|_| !found.is_empty()).map(str::to_owned);
            causes.extend(label.filter(|l| !causes.contains(l)));
        }
        let mut params = BTreeMap::new();
        for other in std::iter::once(&hit).chain(reasons.iter().flat_map(|(_, found)| found)) {
            for param in ["p", "q"] {
                if let Some(value) = self.hits[*other].captures.get(param) {
                    params.entry(param.to_owned()).or_insert(value.clone());
                }
            }
        }
        let mut extra: Vec<HitId> = Vec::new();
        for other in reasons.iter().flat_map(|(_, found)| found) {
            if !extra.contains(other) && extra.len() < 7 {
                extra.push(*other);
            }
        }
        extra.sort_by_key(|&h| (self.hits[h].printed, self.place(h)));
        let evidence = std::iter::once(hit).chain(extra).collect();
        self.instances[at].raised = Some(Raised { time, family, causes, params });
        let event = if self.alarm.stateless { "occur" } else { "raise" };
        self.write(at, event, None, time, evidence);
        if self.alarm.stateless {
            self.instances[at].raised = None;
            self.instances[at].count = 0;
        }
    }

    /// Causes end, if they are active.
    fn end(&mut self, at: usize, causes: &[String], by: &'static str, hit: HitId, time: Millis) {
        let was_active = !self.instances[at].active.is_empty();
        self.instances[at].active.retain(|c| !causes.contains(c));
        if was_active && self.instances[at].active.is_empty() {
            self.write(at, "clear", Some(by), time, vec![hit]);
            let instance = &mut self.instances[at];
            instance.count = 0;
            instance.raised = None;
            instance.renewed.clear();
            instance.begun.clear();
            instance.quieted.fill(0);
        }
    }

    fn write(
        &mut self,
        at: usize,
        event: &'static str,
        cleared_by: Option<&'static str>,
        time: Millis,
        evidence: Vec<HitId>,
    ) {
        let instance = &self.instances[at];
        let raised = instance.raised.as_ref().unwrap();
        let place = Location {
            source: CLUSTER.into(),
            service: instance.service.into(),
            role: instance.role.into(),
            node: node(&self.sources[self.hits[evidence[0]].family]).into(),
        };
        let by = instance.by.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let key = key(&self.alarm.name, &place, &by);
        let ordinal = self.out.iter().filter(|t| (t.event, &t.key, t.time) == (event, &key, time)).count();
        let kind = match event {
            "raise" => tocsin::transition::Event::Raise,
            "clear" => tocsin::transition::Event::Clear,
            _ => tocsin::transition::Event::Occur,
        };
        let lines = evidence.iter().map(|&h| {
            let hit = &self.hits[h];
            format!("{}:{} {}", name(hit.family, &self.sources[hit.family]), hit.line, hit.printed)
        });
        self.out.push(Found {
            event,
            alarm: self.alarm.name.clone(),
            id: id(&key, kind, time, ordinal as u32),
            key,
            time,
            causes: raised.causes.clone(),
            params: raised.params.clone(),
            count: instance.count,
            cleared_by,
            duration: (event == "clear").then(|| (time - raised.time).max(0)),
            evidence: lines.collect(),
        });
    }

    // ----------------------------------------------------------------------------------------------- holes and steps

    fn hole(&mut self, at: usize, family: usize, from: Millis, until: Millis) {
        for deadline in self.deadlines(at) {
            if deadline.family != family || deadline.time <= from {
                continue;
            }
            let instance = &mut self.instances[at];
            match deadline.due {
                Due::Quiet(entry) => {
                    let hit = deadline.hit;
                    instance.begun.push(Begun { causes: vec![], time: until, family, hit, hole: Some(entry) });
                }
                Due::Raise(entry) => match self.alarm.raise[entry].kind {
                    Kind::Without { .. } if deadline.time <= until => instance.waiting[entry] = None,
                    Kind::Absent { .. } => instance.row[entry] = instance.seen[entry].len(),
                    _ => {}
                },
            }
        }
        // A row that sets no deadline yet begins anew as well.
        for (entry, raise) in self.alarm.raise.iter().enumerate() {
            let Kind::Absent { span, arm, .. } = raise.kind else { continue };
            let row = self.row(&self.instances[at], entry, span);
            if row.len() < arm && row.last().is_some_and(|&h| self.hits[h].family == family) {
                self.instances[at].row[entry] = self.instances[at].seen[entry].len();
            }
        }
    }

    fn step(&mut self, family: usize, by: Millis) {
        self.clocks.entry(family).and_modify(|clock| *clock += by);
        self.hits.iter_mut().filter(|h| h.family == family).for_each(|h| h.time += by);
        for instance in &mut self.instances {
            instance.begun.iter_mut().filter(|b| b.family == family).for_each(|b| b.time += by);
            instance.raised.iter_mut().filter(|r| r.family == family).for_each(|r| r.time += by);
        }
    }
}
