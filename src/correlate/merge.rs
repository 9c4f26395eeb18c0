//! The merge that stands before the rules: one order for the families of a node.
//!
//! While a family is behind, its node's events are given out strictly in order of time, however long that takes;
//! that is replay, and catching up is the same thing. Once all families are read to their end, an event goes at once
//! to the alarms that read a single family, and to those that read several as soon as the other families' clocks
//! have passed it, or when the hold is over. The wall clock is an argument here, so nothing has to wait in a test.

mod saved;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::clock::GRACE;
use super::event::{Event, Family, FamilyId, What};
use crate::time::Millis;

/// Which alarms an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Both,
    /// Alarms that read a single family.
    Single,
    /// Alarms that read several.
    Several,
}

#[derive(Debug)]
pub struct Released {
    pub family: FamilyId,
    pub event: Event,
    pub lane: Lane,
    /// It came when the hold of a later one was over.
    pub late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// More is to be read; how much is not known.
    Behind,
    /// Read to its end at this wall time: nothing older than this clock is to come.
    AtEnd { clock: Millis, wall: Millis },
    /// Nothing is to come at all.
    Finished,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    /// Wall time at which it was pushed.
    since: Millis,
    /// Already given to the alarms that read a single family.
    given: bool,
}

#[derive(Debug)]
struct Queue {
    id: FamilyId,
    rank: u32,
    state: State,
    waiting: VecDeque<Waiting>,
    /// The number of the first of `waiting`, counted from the family's first event.
    position: u64,
    /// An event up to this key went out without waiting for this family any longer.
    missed: Option<Millis>,
    saved: saved::Saved,
}

/// The front of a queue, in the order of release: key, time, log and family (as rank), position.
type Front = Reverse<(Millis, Millis, u32, u64, usize)>;

impl Queue {
    /// Of two ticks behind each other, the later one says all. True if the event needs no place of its own.
    fn take_in(&mut self, event: &Event) -> bool {
        // The first of them has its place among the fronts.
        let Some(before) = self.waiting.len().checked_sub(1).filter(|before| *before > 0) else { return false };
        let last = &mut self.waiting[before];
        if last.given || !matches!((&last.event.what, &event.what), (What::Tick(_), What::Tick(_))) {
            return false;
        }
        last.event = event.clone();
        self.saved.change(self.position + before as u64);
        true
    }
}

#[derive(Debug, Default)]
pub struct Merge {
    queues: Vec<Queue>,
    /// Indices of `queues` in the order of their families' names.
    ranked: Vec<usize>,
    fronts: BinaryHeap<Front>,
    /// Families that are behind, those of them of which nothing waits, and families that are read to their end.
    behind: usize,
    starved: usize,
    at_end: usize,
    hold: Millis,
    /// Wall time of what is pushed, and up to which holds are over.
    wall: Millis,
    over: Millis,
    /// Live: queues with events that the single lane has not seen, in order of arrival.
    fresh: VecDeque<usize>,
    /// What is stored and has become meaningless.
    stale: Vec<super::saved::Key>,
}

impl Merge {
    pub fn new(hold: Millis) -> Merge {
        Merge { hold, ..Merge::default() }
    }

    /// Adds a family that is behind. Returns its index here.
    pub fn add(&mut self, id: FamilyId, families: &[Family]) -> usize {
        let (state, waiting, saved) = (State::Behind, VecDeque::new(), saved::Saved::default());
        let queue = Queue { id, rank: 0, state, waiting, position: 0, missed: None, saved };
        self.queues.push(queue);
        self.behind += 1;
        self.starved += 1;
        self.rank(families);
        self.queues.len() - 1
    }

    /// Ranks the family that was added last by its name, so that ties do not depend on who came first.
    fn rank(&mut self, families: &[Family]) {
        let added = self.queues.len() - 1;
        let name = |queue: usize| families[self.queues[queue].id.index()].rank();
        let place = self.ranked.partition_point(|&other| name(other) <= name(added));
        self.ranked.insert(place, added);
        for (rank, &queue) in self.ranked.iter().enumerate().skip(place) {
            self.queues[queue].rank = rank as u32;
        }
        if !self.fronts.is_empty() {
            self.fronts = (0..self.queues.len()).filter_map(|q| self.front(q)).collect();
        }
    }

    fn front(&self, at: usize) -> Option<Front> {
        let queue = &self.queues[at];
        let event = &queue.waiting.front()?.event;
        Some(Reverse((event.key, event.time(), queue.rank, queue.position, at)))
    }

    pub fn push(&mut self, at: usize, event: Event) {
        let behind = self.behind > 0;
        let queue = &mut self.queues[at];
        // While others are behind for hours, a family that is read to its end says what time it is over and over.
        if behind && queue.take_in(&event) {
            return;
        }
        let was_empty = queue.waiting.is_empty();
        queue.waiting.push_back(Waiting { event, since: self.wall, given: false });
        if self.behind == 0 {
            self.fresh.push_back(at);
        }
        if was_empty {
            self.starved -= usize::from(queue.state == State::Behind);
            self.fronts.extend(self.front(at));
        }
    }

    /// A family of the node is behind.
    pub fn is_behind(&self) -> bool {
        self.behind > 0
    }

    /// How many events of a family wait.
    pub fn waiting(&self, at: usize) -> usize {
        self.queues[at].waiting.len()
    }

    pub fn is_starved(&self, at: usize) -> bool {
        self.queues[at].state == State::Behind && self.queues[at].waiting.is_empty()
    }

    /// The family has been read to its end, at which its clock is `clock`.
    pub fn at_end(&mut self, at: usize, clock: Millis) {
        self.set_state(at, State::AtEnd { clock, wall: self.wall });
    }

    pub fn fell_behind(&mut self, at: usize) {
        self.set_state(at, State::Behind);
    }

    pub fn finish(&mut self, at: usize) {
        self.set_state(at, State::Finished);
    }

    fn set_state(&mut self, at: usize, state: State) {
        let queue = &mut self.queues[at];
        if let (State::AtEnd { .. }, State::AtEnd { .. }) = (queue.state, state) {
            queue.state = state;
            return;
        }
        let empty = usize::from(queue.waiting.is_empty());
        if queue.state == State::Behind {
            self.behind -= 1;
            self.starved -= empty;
        }
        if state == State::Behind {
            self.behind += 1;
            self.starved += empty;
        }
        self.at_end -= usize::from(matches!(queue.state, State::AtEnd { .. }));
        self.at_end += usize::from(matches!(state, State::AtEnd { .. }));
        queue.state = state;
        if self.behind == 0 {
            self.fresh = self.unheard();
        }
    }

    /// The queues of what waits and the single lane has not seen, in the order of what waits.
    fn unheard(&self) -> VecDeque<usize> {
        let mut unheard: Vec<(Millis, Millis, u32, usize, usize)> = Vec::new();
        for (at, queue) in self.queues.iter().enumerate() {
            let waiting = queue.waiting.iter().enumerate().filter(|(_, w)| !w.given);
            unheard.extend(waiting.map(|(i, w)| (w.event.key, w.event.time(), queue.rank, i, at)));
        }
        unheard.sort_unstable();
        unheard.into_iter().map(|(.., at)| at).collect()
    }

    /// The wall clock, for the hold.
    pub fn set_wall(&mut self, wall: Millis) {
        (self.wall, self.over) = (wall, wall);
    }

    /// What is pushed now came at this wall time. No hold is over yet, because others may have been read for longer.
    pub fn reads_at(&mut self, wall: Millis) {
        self.wall = wall;
    }

    /// The wall clock was set by this much: what waits has not waited longer for it, or shorter.
    pub fn wall_was_set(&mut self, by: Millis) {
        (self.wall, self.over) = (self.wall + by, self.over + by);
        for queue in &mut self.queues {
            queue.waiting.iter_mut().for_each(|waiting| waiting.since += by);
            queue.saved.change(queue.position);
            if let State::AtEnd { wall, .. } = &mut queue.state {
                *wall += by;
            }
        }
    }

    /// Live, when the hold of the next event is over.
    pub fn held_until(&self) -> Option<Millis> {
        let Reverse((.., at)) = self.fronts.peek()?;
        // Those that are behind are read first, however long that takes; then nothing waits for longer than the hold.
        let waiting = self.queues[*at].waiting.front().filter(|_| self.starved == 0)?;
        Some(waiting.since + self.hold)
    }

    /// The key of the next event in order, if one waits.
    pub fn next_key(&self) -> Option<Millis> {
        self.fronts.peek().map(|Reverse((key, ..))| *key)
    }

    /// The next event that may go out now.
    pub fn pop(&mut self) -> Option<Released> {
        if self.behind > 0 {
            return if self.starved == 0 { self.pop_in_order(false) } else { None };
        }
        self.pop_single().or_else(|| self.pop_in_order(true))
    }

    /// Live: every event goes at once to the alarms that read a single family, in the order of its family.
    fn pop_single(&mut self) -> Option<Released> {
        while let Some(at) = self.fresh.pop_front() {
            let queue = &mut self.queues[at];
            if let Some((i, waiting)) = queue.waiting.iter_mut().enumerate().find(|(_, w)| !w.given) {
                waiting.given = true;
                queue.saved.change(queue.position + i as u64);
                let event = waiting.event.clone();
                return Some(Released { family: queue.id, event, lane: Lane::Single, late: false });
            }
        }
        None
    }

    /// Will the family, if it says nothing, not even pass this within the time that anything is held?
    fn will_not_pass(&self, queue: &Queue, key: Millis) -> bool {
        let State::AtEnd { clock, wall } = queue.state else { return false };
        let now = clock.saturating_add(self.wall - wall);
        key.saturating_sub(now) > self.hold + GRACE
    }

    fn pop_in_order(&mut self, live: bool) -> Option<Released> {
        let &Reverse((key, _, _, _, at)) = self.fronts.peek()?;
        let passed = |q: &Queue| match q.state {
            _ if !q.waiting.is_empty() => true,
            State::Behind => false,
            // What it writes next may still be of this very time, and come first in the order of names.
            State::AtEnd { clock, .. } => clock > key,
            State::Finished => true,
        };
        // In replay no family is at its end and open, and there may be thousands.
        let others = || self.queues.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, q)| q);
        let all_passed = self.at_end == 0 || others().all(passed);
        if !all_passed {
            let held = self.queues[at].waiting.front().is_some_and(|w| self.over - w.since >= self.hold);
            // While others are behind, a log whose clock is hours behind would keep its node from ever catching up.
            let hopeless = |q: &Queue| passed(q) || self.will_not_pass(q, key);
            let may_go = held || (!live && others().all(hopeless));
            if !may_go {
                return None;
            }
            let missing = self.queues.iter_mut().enumerate().filter(|(i, q)| *i != at && q.waiting.is_empty());
            for (_, queue) in missing {
                queue.missed = queue.missed.max(Some(key));
            }
        }
        self.fronts.pop();
        let queue = &mut self.queues[at];
        let waiting = queue.waiting.pop_front()?;
        queue.position += 1;
        let (state, empty, family) = (queue.state, queue.waiting.is_empty(), queue.id);
        let late = queue.missed.is_some_and(|missed| key < missed);
        self.starved += usize::from(state == State::Behind && empty);
        self.fronts.extend(self.front(at));
        let lane = if waiting.given { Lane::Several } else { Lane::Both };
        Some(Released { family, event: waiting.event, lane, late })
    }
}
