//! Writing transitions: from an instance and what changed it to the record that goes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::{Family, TimedHit};
use super::instance::{Instance, Raised};
use super::packed::Packed;
use crate::pattern::{AlarmId, Log, Patterns, Raise};
use crate::scan::Line;
use crate::time::{Millis, Moment};
use crate::transition::{
    ClearedBy, EVIDENCE_BYTES, EVIDENCE_LINES, Event, Evidence, Location, Mode, SCHEMA, Transition, id, key,
};

/// What the records of a node have in common.
#[derive(Clone, Debug)]
pub struct Site {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub mode: Mode,
    pub hold: Millis,
}

/// A change of an instance.
pub struct Change<'a> {
    pub event: Event,
    /// What changed it, or what a deadline is blamed on.
    pub hit: &'a Arc<TimedHit>,
    pub time: Millis,
    pub deadline: bool,
    pub late: bool,
    pub cleared_by: Option<ClearedBy>,
    /// For each `with` its label and what it found, newest first.
    pub reasons: &'a [(Option<usize>, Vec<Arc<TimedHit>>)],
}

impl Site {
    /// The key of an instance.
    pub fn key(&self, patterns: &Patterns, instance: &Instance) -> Arc<str> {
        self.key_of(patterns, instance.alarm, &patterns.logs[instance.place as usize], &instance.by)
    }

    /// The key that an instance with these values has.
    pub fn key_of(&self, patterns: &Patterns, id: AlarmId, log: &Log, by: &[Box<str>]) -> Arc<str> {
        let alarm = patterns.alarm(id);
        let fields: BTreeMap<&str, &str> = alarm.by.iter().map(|b| b.name()).zip(by.iter().map(|v| &**v)).collect();
        key(&alarm.name, &self.location(log), &fields).into()
    }

    fn location(&self, log: &Log) -> Location {
        Location {
            source: self.cluster.clone(),
            service: log.service.clone(),
            role: log.role.clone(),
            node: self.node.clone(),
        }
    }

    /// Notes what the instance stands on from now on; its clear will repeat it.
    pub fn raise(
        &self,
        patterns: &Patterns,
        families: &[Family],
        instance: &mut Instance,
        entry: &Raise,
        change: &Change,
    ) {
        let alarm = patterns.alarm(instance.alarm);
        let mut causes = vec![alarm.causes[entry.cause].clone()];
        for (label, found) in change.reasons {
            let label = label.filter(|_| !found.is_empty()).map(|l| &alarm.causes[l]);
            causes.extend(label.filter(|l| !causes.contains(l)).cloned());
        }
        let hits = || std::iter::once(change.hit).chain(change.reasons.iter().flat_map(|(_, found)| found));
        let mut params: BTreeMap<Arc<str>, Box<str>> = BTreeMap::new();
        for (name, capture) in &alarm.params {
            let value = hits().find_map(|h| h.hit.captures.iter().find(|(c, _)| c == capture));
            params.extend(value.map(|(_, v)| (name.clone(), v.clone())));
        }
        let provenance = patterns.signal(change.hit.hit.signal).provenance;
        let at = self.moment(families, change);
        let (clock, family) = (change.time, change.hit.family);
        let (causes, params) = (causes.into(), params.into_iter().collect());
        let Moment { millis: at, offset } = at;
        instance.raised = Packed::new(&Raised { at, offset, clock, family, causes, params, provenance });
    }

    pub fn transition(
        &self,
        patterns: &Patterns,
        families: &[Family],
        instance: &mut Instance,
        change: &Change,
    ) -> Option<Transition> {
        let alarm = patterns.alarm(instance.alarm);
        let time = self.moment(families, change);
        let ordinal = instance.recent.ordinal(change.event, change.time);
        instance.last_transition = Some((change.time, change.hit.family));
        let raised = instance.raised.as_ref().and_then(Packed::open)?;
        let key = self.key(patterns, instance);
        let raised_at = (change.event != Event::Occur).then(|| raised.moment());
        let cleared = change.event == Event::Clear;
        Some(Transition {
            schema: SCHEMA,
            id: id(&key, change.event, change.time, ordinal),
            event: change.event,
            alarm: alarm.name.clone(),
            alarm_id: alarm.number,
            name: alarm.title.clone(),
            severity: alarm.severity,
            causes: raised.causes.into_vec(),
            key,
            time,
            raised_at,
            cleared_by: change.cleared_by,
            duration_ms: cleared.then(|| (change.time - raised.clock).max(0)),
            node: self.node.clone(),
            location: self.location(&patterns.logs[instance.place as usize]),
            params: raised.params.into_iter().map(|(name, v)| (name, v.into_string())).collect(),
            count: instance.count,
            evidence: evidence(families, change),
            provenance: match change.cleared_by {
                Some(ClearedBy::Signal | ClearedBy::Present) => patterns.signal(change.hit.hit.signal).provenance,
                _ => raised.provenance,
            },
            patterns: patterns.hash.clone(),
            late: change.late,
            time_assumed: change.hit.assumed,
            mode: self.mode,
            detected_at: None,
            durable: true,
            runbook: None,
        })
    }

    fn moment(&self, families: &[Family], change: &Change) -> Moment {
        match change.deadline {
            true => families[change.hit.family.index()].zone.moment(change.time),
            false => change.hit.moment,
        }
    }
}

/// The head, the line itself, and then what a look back found, in order of time.
fn evidence(families: &[Family], change: &Change) -> Vec<Evidence> {
    let hit = change.hit;
    let mut lines = evidence_of(families, hit);
    let mut reasons: Vec<&Arc<TimedHit>> = Vec::new();
    for (_, found) in change.reasons {
        let room = EVIDENCE_LINES.saturating_sub(lines.len() + reasons.len());
        let fresh = found.iter().filter(|r| !same_line(r, hit) && !reasons.iter().any(|have| same_line(r, have)));
        let fresh: Vec<_> = fresh.take(room).collect();
        reasons.extend(fresh);
    }
    reasons.sort_by_key(|r| (r.moment.millis, families[r.family.index()].rank(), r.position));
    lines.extend(reasons.into_iter().map(|r| line_of(families, r, &r.hit.line)));
    lines
}

/// The head and the line itself.
pub fn evidence_of(families: &[Family], hit: &TimedHit) -> Vec<Evidence> {
    hit.hit.head.iter().chain([&hit.hit.line]).map(|line| line_of(families, hit, line)).collect()
}

fn line_of(families: &[Family], hit: &TimedHit, line: &Line) -> Evidence {
    evidence_line(&families[hit.family.index()].log_name, hit.moment, line)
}

fn same_line(a: &TimedHit, b: &TimedHit) -> bool {
    (a.family, a.file, a.hit.line.offset) == (b.family, b.file, b.hit.line.offset)
}

/// A line of this log, as much of it as a record shows.
pub fn evidence_line(log: &Arc<str>, time: Moment, line: &Line) -> Evidence {
    let mut bytes = &*line.text;
    if bytes.len() == EVIDENCE_BYTES {
        // It was cut there, maybe inside of a character.
        let broken = bytes.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
        bytes = &bytes[..bytes.len() - broken];
    }
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if text.len() > EVIDENCE_BYTES {
        // Replacement characters are longer than the bytes they stand for.
        text.truncate((0..=EVIDENCE_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0));
    }
    Evidence { log: log.clone(), file: line.file.clone(), line: line.number, offset: line.offset, time, text }
}
