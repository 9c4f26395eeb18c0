//! Names for indices and back: what an entry mentions besides what it is about.

use std::collections::HashMap;
use std::sync::Arc;

use super::form::{EntryForm, FamilyForm, HitForm, Index, LineForm, TimerForm};
use crate::correlate::event::{Family, FamilyId, TimedHit};
use crate::correlate::instance::Timer;
use crate::pattern::{Alarm, CaptureId, CauseSet, ClearKind, LogId, Patterns, RaiseKind, SignalId};
use crate::scan::{Hit, Line};

/// What there is to mention, while an entry is written.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub patterns: &'a Patterns,
    pub families: &'a [Family],
}

impl Names<'_> {
    pub fn family(&self, id: FamilyId) -> FamilyForm {
        let family = &self.families[id.index()];
        FamilyForm { log: family.log_name.clone(), name: family.name.clone() }
    }

    /// `family`: where the entry lists the hit's family.
    pub fn hit(&self, hit: &TimedHit, family: Index) -> HitForm {
        let captures = hit.hit.captures.iter();
        HitForm {
            family,
            signal: self.patterns.signal(hit.hit.signal).name.clone(),
            captures: captures.map(|(id, v)| (self.patterns.captures[id.index()].clone(), v.clone())).collect(),
            weight: hit.hit.weight,
            line: line_form(&hit.hit.line),
            head: hit.hit.head.as_ref().map(line_form),
            moment: hit.moment.into(),
            assumed: hit.assumed,
            position: hit.position,
            file: hit.file,
        }
    }
}

fn line_form(line: &Line) -> LineForm {
    LineForm { file: line.file.clone(), number: line.number, offset: line.offset, text: line.text.clone() }
}

pub fn line_of_form(form: LineForm) -> Line {
    Line { file: form.file, number: form.number, offset: form.offset, text: form.text }
}

/// The families and hits that an entry has mentioned so far, each once.
pub struct Mentions<'a> {
    pub names: Names<'a>,
    families: Vec<FamilyId>,
    hits: Vec<Arc<TimedHit>>,
}

impl<'a> Mentions<'a> {
    pub fn new(names: Names<'a>) -> Mentions<'a> {
        Mentions { names, families: Vec::new(), hits: Vec::new() }
    }

    pub fn family(&mut self, id: FamilyId) -> Index {
        index_of(&mut self.families, id, |known| *known == id)
    }

    pub fn hit(&mut self, hit: Arc<TimedHit>) -> Index {
        self.family(hit.family);
        let same = hit.clone();
        index_of(&mut self.hits, hit, |known| known.is(&same))
    }

    pub fn timer(&mut self, timer: &Timer) -> TimerForm {
        TimerForm { deadline: timer.deadline, family: timer.family.map(|f| self.family(f)) }
    }

    pub fn finish(mut self) -> (Vec<FamilyForm>, Vec<HitForm>) {
        let mut hits = Vec::with_capacity(self.hits.len());
        for hit in std::mem::take(&mut self.hits) {
            let family = self.family(hit.family);
            hits.push(self.names.hit(&hit, family));
        }
        (self.families.iter().map(|f| self.names.family(*f)).collect(), hits)
    }
}

fn index_of<T>(list: &mut Vec<T>, item: T, is_it: impl Fn(&T) -> bool) -> Index {
    let at = list.iter().position(is_it).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    });
    at as Index
}

/// What an entry of an alarm is called in the state: what it says of signals and causes, but not its times and numbers, so
/// that a change of these leaves what it remembers alone.
#[derive(Debug)]
pub struct EntryNames {
    /// For each alarm.
    raise: Vec<Vec<EntryForm>>,
    clear: Vec<Vec<EntryForm>>,
}

impl EntryNames {
    pub fn new(patterns: &Patterns) -> EntryNames {
        let raise = |a: &Alarm| numbered(a.raise.iter().map(|r| raise_says(patterns, a, &r.kind, r.cause)));
        let clear = |a: &Alarm| numbered(a.clear.iter().map(|c| clear_says(a, &c.kind, c.causes)));
        EntryNames {
            raise: patterns.alarms.iter().map(raise).collect(),
            clear: patterns.alarms.iter().map(clear).collect(),
        }
    }

    pub fn raise(&self, alarm: crate::pattern::AlarmId) -> &[EntryForm] {
        &self.raise[alarm.index()]
    }

    pub fn clear(&self, alarm: crate::pattern::AlarmId) -> &[EntryForm] {
        &self.clear[alarm.index()]
    }
}

fn raise_says(patterns: &Patterns, alarm: &Alarm, kind: &RaiseKind, cause: usize) -> String {
    let list = |signals: &[SignalId]| signals.iter().map(|s| &*patterns.signal(*s).name).collect::<Vec<_>>().join(",");
    let kind = match kind {
        RaiseKind::On { on } => format!("on {}", list(on)),
        RaiseKind::Count { on, .. } => format!("count {}", list(on)),
        RaiseKind::Without { on, without, .. } => format!("on {} without {}", list(on), list(without)),
        RaiseKind::Absent { absent, disarm, .. } => format!("absent {} disarm {}", list(absent), list(disarm)),
    };
    format!("{kind}: {}", alarm.causes[cause])
}

/// Only `quiet` remembers anything.
fn clear_says(alarm: &Alarm, kind: &ClearKind, causes: CauseSet) -> String {
    match kind {
        ClearKind::Quiet(_) => format!("quiet: {}", causes_of(alarm, causes).join(",")),
        ClearKind::On(_) | ClearKind::Present(_) => String::new(),
    }
}

fn causes_of(alarm: &Alarm, set: CauseSet) -> Vec<&str> {
    let named = alarm.causes.iter().enumerate();
    named.filter(|(at, _)| set.checked_shr(*at as u32).is_some_and(|s| s & 1 == 1)).map(|(_, name)| &**name).collect()
}

fn numbered(all: impl Iterator<Item = String>) -> Vec<EntryForm> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let numbered = all.map(|says| {
        let next = seen.entry(says.clone()).or_default();
        *next += 1;
        EntryForm { says: says.into(), nth: *next - 1 }
    });
    numbered.collect()
}

/// What names mean to the patterns that a state is restored with.
pub struct Meaning<'a> {
    pub patterns: &'a Patterns,
    pub entries: Arc<EntryNames>,
    signals: HashMap<&'a str, SignalId>,
    captures: HashMap<&'a str, CaptureId>,
    logs: HashMap<&'a str, LogId>,
}

impl<'a> Meaning<'a> {
    pub fn new(patterns: &'a Patterns) -> Meaning<'a> {
        let signals = patterns.signals.iter().enumerate().map(|(at, s)| (&*s.name, SignalId(at as u32)));
        let captures = patterns.captures.iter().enumerate().map(|(at, name)| (&**name, CaptureId(at as u32)));
        let logs = patterns.logs.iter().enumerate().map(|(at, l)| (&*l.name, LogId(at as u32)));
        let entries = Arc::new(EntryNames::new(patterns));
        Meaning { patterns, entries, signals: signals.collect(), captures: captures.collect(), logs: logs.collect() }
    }

    pub fn log(&self, name: &str) -> Option<LogId> {
        self.logs.get(name).copied()
    }

    /// The hit of a family; `None` if nothing is called like its signal.
    pub fn hit(&self, form: HitForm, family: FamilyId) -> Option<Arc<TimedHit>> {
        let signal = *self.signals.get(&*form.signal)?;
        let captures = form.captures.into_iter();
        let hit = Hit {
            signal,
            // Its moment says more.
            stamp: None,
            captures: captures.filter_map(|(name, v)| Some((*self.captures.get(&*name)?, v))).collect(),
            weight: form.weight,
            line: line_of_form(form.line),
            head: form.head.map(line_of_form),
        };
        let HitForm { moment, assumed, position, file, .. } = form;
        Some(Arc::new(TimedHit { hit, moment: moment.into(), assumed, family, position, file }))
    }
}
