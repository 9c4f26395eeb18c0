//! What waits in the merge, taken out to be saved and put back.
//!
//! What was read and not yet given to the rules would be lost with the process, since reading goes on behind it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::super::event::{Event, Family, What};
use super::super::saved::form::{FamilyForm, QueueForm, WaitingForm, WhatForm};
use super::super::saved::mention::{Meaning, Names};
use super::super::saved::{Entry, Key, MERGE, Unreadable, open, seal};
use super::{Merge, Queue, State, Waiting};
use crate::pattern::Patterns;
use crate::time::Millis;

/// What is stored of a queue.
#[derive(Debug, Default)]
pub struct Saved {
    /// The numbers of its events.
    events: Range<u64>,
    /// From this one on they have changed since.
    changed: Option<u64>,
    missed: Option<Millis>,
}

impl Saved {
    /// The event with this number is not as it is stored.
    pub fn change(&mut self, number: u64) {
        self.changed = Some(self.changed.map_or(number, |first| first.min(number)));
    }
}

impl Queue {
    fn changes(&mut self, names: Names, into: &mut BTreeMap<Key, Option<Vec<u8>>>) {
        let Queue { id, waiting, position, missed, saved, .. } = self;
        let (site, family) = (&names.families[id.index()], names.family(*id));
        let name = [&*site.cluster, &site.node, &family.log, &family.name];
        let event = |number: u64| Key::new(MERGE, &[&name[..], &[&format!("{number:016x}")]].concat());
        if *missed != saved.missed {
            let (cluster, node, family) = (site.cluster.clone(), site.node.clone(), names.family(*id));
            into.insert(
                Key::new(MERGE, &name),
                seal(&Form::Queue(QueueForm { cluster, node, family, missed: *missed })),
            );
        }
        let end = *position + waiting.len() as u64;
        into.extend((saved.events.start..saved.events.end.min(*position)).map(|number| (event(number), None)));
        let first = saved.changed.unwrap_or(end).min(saved.events.end).max(*position);
        for (number, waiting) in (*position..).zip(&*waiting).skip((first - *position) as usize) {
            let form = WaitingForm {
                cluster: site.cluster.clone(),
                node: site.node.clone(),
                family: names.family(*id),
                number,
                key: waiting.event.key,
                what: what_form(names, &waiting.event.what),
                since: waiting.since,
                given: waiting.given,
            };
            into.insert(event(number), seal(&Form::Waiting(form)));
        }
        *saved = Saved { events: *position..end, changed: None, missed: *missed };
    }
}

fn what_form(names: Names, what: &What) -> WhatForm {
    match what {
        What::Hit(hit) => WhatForm::Hit(names.hit(hit, 0)),
        What::Tick(time) => WhatForm::Tick(*time),
        What::Hole { from, until } => WhatForm::Hole { from: *from, until: *until },
        What::Step(by) => WhatForm::Step(*by),
        What::Recall(to) => WhatForm::Recall(*to),
    }
}

impl Merge {
    /// What has changed since the last call, each key once. To be asked when nothing more comes out of [`pop`](Merge::pop).
    pub fn changed(&mut self, patterns: &Patterns, families: &[Family]) -> impl Iterator<Item = Entry> + use<> {
        let mut changed = std::mem::take(&mut self.stale).into_iter().map(|key| (key, None)).collect();
        for queue in &mut self.queues {
            queue.changes(Names { patterns, families }, &mut changed);
        }
        changed.into_iter()
    }

    /// All of it counts as changed: for a store that is empty.
    pub fn change_all(&mut self) {
        self.queues.iter_mut().for_each(|queue| queue.saved = Saved::default());
    }

    /// Goes on from what was saved, which comes in the order of its keys; entries of the correlator are passed over. To be
    /// said when all restored families have been added, and are behind. What is of a family or a signal that is gone from
    /// the patterns is gone, too.
    pub fn restore(
        &mut self,
        patterns: &Patterns,
        families: &[Family],
        entries: impl IntoIterator<Item = (Key, Vec<u8>)>,
    ) -> Result<(), Unreadable> {
        let meaning = Meaning::new(patterns);
        let names = self.queues.iter().enumerate().map(|(at, queue)| (families[queue.id.index()].whole_name(), at));
        let queues: HashMap<[&str; 4], usize> = names.collect();
        for (key, bytes) in entries.into_iter().filter(|(key, _)| key.kind() == MERGE) {
            let form: Form = open(&key, &bytes)?;
            let (cluster, node, family) = form.of();
            let fits = match queues.get(&[cluster, node, &*family.log, &*family.name]) {
                Some(&at) => self.put_back(&meaning, at, form),
                None => false,
            };
            if !fits {
                self.stale.push(key);
            }
        }
        self.fronts = (0..self.queues.len()).filter_map(|at| self.front(at)).collect();
        Ok(())
    }

    /// False if it has no meaning any more, or stands elsewhere now.
    fn put_back(&mut self, meaning: &Meaning, at: usize, form: Form) -> bool {
        let queue = &mut self.queues[at];
        let waiting = match form {
            Form::Queue(form) => {
                (queue.missed, queue.saved.missed) = (form.missed, form.missed);
                return true;
            }
            Form::Waiting(waiting) => waiting,
        };
        let WaitingForm { number, key, since, given, .. } = waiting;
        let what = match waiting.what {
            WhatForm::Hit(hit) => match meaning.hit(hit, queue.id) {
                Some(hit) => What::Hit(hit),
                None => return false,
            },
            WhatForm::Tick(time) => What::Tick(time),
            WhatForm::Hole { from, until } => What::Hole { from, until },
            WhatForm::Step(by) => What::Step(by),
            WhatForm::Recall(to) => What::Recall(to),
        };
        if queue.waiting.is_empty() {
            (queue.position, queue.saved.events) = (number, number..number);
            self.starved -= usize::from(queue.state == State::Behind);
        }
        // A clock that was set back in the meantime must not hold it for that long.
        let since = since.min(self.wall);
        queue.waiting.push_back(Waiting { event: Event { key, what }, since, given });
        let now = queue.saved.events.end;
        queue.saved.events.end += 1;
        if now != number {
            queue.saved.change(now);
        }
        now == number
    }
}

/// The two kinds of entries of a merge.
#[derive(serde::Serialize, serde::Deserialize)]
enum Form {
    Queue(QueueForm),
    Waiting(WaitingForm),
}

impl Form {
    fn of(&self) -> (&str, &str, &FamilyForm) {
        match self {
            Form::Queue(q) => (&q.cluster, &q.node, &q.family),
            Form::Waiting(w) => (&w.cluster, &w.node, &w.family),
        }
    }
}
