//! The watch itself: families in, transitions out, and everything between two looks in one store.
//!
//! One thread does all of it, so that "what was read", "what the rules know" and "what is to be sent" are always of one
//! moment and can be committed together. It never waits and never asks for the time: the wall clock and what to look at
//! come from outside, so a test can let a day pass in a millisecond.

mod keeping;
mod saying;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::feed::{Fed, Feed, News, SavedFeed};
use super::learning::Learning;
use super::named::Named;
use super::own::Own;
use super::past::{Begun, Past, family_key};
use super::source::Source;
use crate::correlate::clock::GRACE;
use crate::correlate::event::SLACK;
use crate::correlate::saved::Key;
use crate::correlate::{Correlator, Family, FamilyId, Merge};
use crate::deliver::Outbox;
use crate::pattern::Patterns;
use crate::state::Keeper;
use crate::time::Millis;
use crate::transition::{Mode, Transition};

/// Read of one family in one look.
const LOOK: usize = 1 << 20;

/// Events of a family that is read to its end, while others of its node are behind; with more of them it waits as well.
const AHEAD: usize = 1024;

/// An index of the families that are watched.
pub type Watched = usize;

/// Which transitions go out.
pub type Wanted = Box<dyn Fn(&Transition) -> bool>;

pub struct Settings {
    pub hold: Millis,
    pub max_keys: usize,
    pub wanted: Wanted,
}

pub struct Watch<'p> {
    patterns: &'p Patterns,
    wanted: Wanted,
    hold: Millis,
    correlator: Correlator<'p>,
    /// One for each node: a backlog of one holds up no other.
    merges: Vec<Merge>,
    /// Cluster and node → its merge.
    nodes: HashMap<(Arc<str>, Arc<str>), usize>,
    families: Vec<Member<'p>>,
    /// For what is restored later than the correlator: the merges, by node.
    held: Vec<(Key, Vec<u8>)>,
    keeper: Keeper,
    pub outbox: Outbox,
    /// The raise of each instance that is active.
    active: BTreeMap<Arc<str>, Arc<Transition>>,
    /// Instances whose entry in `active` the store does not know.
    changed: BTreeSet<Arc<str>>,
    learning: Learning,
    named: Named,
    /// The store does not know what is named.
    renamed: bool,
    begun: Option<Begun>,
    own: Own,
    buffer: Vec<u8>,
    uncommitted: u64,
    /// The wall clock as it was told last.
    wall: Millis,
    committed: Millis,
    /// Something has changed since the last commit.
    dirty: bool,
    news: Vec<(Watched, News)>,
    made: Vec<Transition>,
    /// Family of the correlator → family here.
    by_id: HashMap<FamilyId, Watched>,
    /// Families of which the rules heard since they were asked for.
    touched: BTreeSet<Watched>,
}

/// A family with its place in its node's merge.
pub(super) struct Member<'p> {
    pub(super) feed: Feed<'p>,
    pub(super) id: FamilyId,
    /// Its name in the store.
    pub(super) key: String,
    node: usize,
    at: usize,
    state: Standing,
    /// Changed since it was saved.
    pub(super) dirty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Behind,
    AtEnd,
    /// It cannot be read for now: nobody waits for it.
    Blind,
    Over,
}

/// What came of a look at a family.
#[derive(Debug)]
pub enum Look {
    /// More can be read at once.
    More,
    /// It was read to its end. `moved`: something was read on the way.
    AtEnd {
        moved: bool,
    },
    /// Others of its node have to be read first.
    Waits,
    Later(Millis),
    Unreadable(String),
    Over,
}

impl<'p> Watch<'p> {
    /// A watch without families; they are added as they are found.
    pub fn new(
        patterns: &'p Patterns,
        settings: Settings,
        keeper: Keeper,
        outbox: Outbox,
        past: &Past,
        own: Own,
        wall: Millis,
    ) -> Result<Watch<'p>, String> {
        let Settings { hold, max_keys, wanted } = settings;
        let mut correlator = Correlator::new(patterns, Mode::Watch, hold);
        correlator.bound_keys(max_keys);
        let mut watch = Watch {
            patterns,
            wanted,
            hold,
            correlator,
            merges: Vec::new(),
            nodes: HashMap::new(),
            families: Vec::new(),
            held: Vec::new(),
            keeper,
            outbox,
            active: past.active.iter().map(|t| (t.key.clone(), Arc::new(t.clone()))).collect(),
            changed: BTreeSet::new(),
            learning: Learning::of(past),
            named: past.named.clone().unwrap_or_default(),
            renamed: false,
            begun: past.begun,
            own,
            buffer: vec![0; 256 * 1024],
            uncommitted: 0,
            wall,
            committed: wall,
            dirty: true,
            news: Vec::new(),
            made: Vec::new(),
            by_id: HashMap::new(),
            touched: BTreeSet::new(),
        };
        watch.correlator.restore(past.entries.iter().cloned(), &mut watch.made).map_err(|e| e.to_string())?;
        watch.held = past.entries.iter().filter(|(key, _)| key.is_held()).cloned().collect();
        watch.publish(wall, None);
        Ok(watch)
    }

    /// Adds a family that was found; it is behind until it is read to its end. `past`: what it says until then is no news.
    pub fn add(
        &mut self,
        family: Family,
        source: Source,
        saved: Option<SavedFeed>,
        past: bool,
    ) -> Result<Watched, String> {
        let key = family_key(&family);
        let (log, zone) = (self.patterns.log(family.log), family.zone);
        let name = (family.cluster.clone(), family.node.clone());
        let id = self.correlator.rejoin(family);
        let node = *self.nodes.entry(name).or_insert_with(|| {
            self.merges.push(Merge::new(self.hold));
            self.merges.len() - 1
        });
        let merge = &mut self.merges[node];
        merge.reads_at(self.wall);
        let at = merge.add(id, self.correlator.families());
        let held = self.held.extract_if(.., |(key, _)| key.is_held_of(&self.correlator.families()[id.index()]));
        let held: Vec<_> = held.collect();
        if !held.is_empty() {
            merge.restore(self.patterns, self.correlator.families(), held).map_err(|e| e.to_string())?;
        }
        let feed = match saved {
            Some(saved) => Feed::resume(self.patterns, log, zone, id, source, saved).map_err(|e| e.to_string())?,
            None => Feed::new(self.patterns, log, zone, id, source),
        };
        self.learning.found(self.families.len(), &key, past);
        self.families.push(Member { feed, id, key, node, at, state: Standing::Behind, dirty: true });
        self.dirty = true;
        let watched = self.families.len() - 1;
        self.by_id.insert(id, watched);
        Ok(watched)
    }

    /// The past of the family with this name was being read when the last watch ended.
    pub fn was_learning(&self, key: &str) -> bool {
        self.learning.awaits(key)
    }

    /// All families that are there were added, as `named` names them.
    pub fn found_all(&mut self, named: Named, wall: Millis) {
        let names = self.families.iter().map(|member| member.key.as_str()).collect();
        let unsaid = self.learning.found_all(&names);
        self.renamed |= named != self.named;
        self.named = named;
        self.dirty = true;
        self.announce(unsaid, wall);
    }

    pub fn len(&self) -> usize {
        self.families.len()
    }

    pub fn is_empty(&self) -> bool {
        self.families.is_empty()
    }

    pub fn feed(&self, family: Watched) -> &Feed<'p> {
        &self.families[family].feed
    }

    pub fn feed_mut(&mut self, family: Watched) -> &mut Feed<'p> {
        &mut self.families[family].feed
    }

    pub fn family(&self, family: Watched) -> &Family {
        &self.correlator.families()[self.families[family].id.index()]
    }

    /// Every family has been read to its end.
    pub fn is_caught_up(&self) -> bool {
        self.families.iter().all(|member| member.state != Standing::Behind)
    }

    /// Nothing of any family waits in a file that cannot be read.
    pub fn sees_everything(&self) -> bool {
        self.families.iter().all(|member| member.state != Standing::Blind)
    }

    /// Reads what a family has, as far as one look goes, and applies what may be applied.
    pub fn look(&mut self, family: Watched, wall: Millis) -> Look {
        self.wall = wall;
        let member = &mut self.families[family];
        let merge = &mut self.merges[member.node];
        merge.reads_at(wall);
        if member.state == Standing::AtEnd && merge.is_behind() && merge.waiting(member.at) > AHEAD {
            member.state = Standing::Behind;
            member.feed.fall_behind();
            merge.fell_behind(member.at);
        }
        // While it is behind, it is not read further than the merge can give out: memory is bounded by that.
        if member.state == Standing::Behind && !merge.is_starved(member.at) {
            return Look::Waits;
        }
        let (mut events, mut news) = (Vec::new(), Vec::new());
        let before = member.feed.bytes;
        let look = loop {
            match member.feed.step(wall, &mut self.buffer, &mut events, &mut news) {
                Fed::More if member.feed.bytes - before >= LOOK as u64 => break Look::More,
                Fed::More if merge.is_behind() && events.len() >= AHEAD => break Look::More,
                Fed::More if member.state == Standing::Behind && !events.is_empty() => break Look::More,
                Fed::More => {}
                Fed::AtEnd(clock) => break Look::at_end(clock, member, merge, before),
                Fed::Later(until) => break Look::Later(until),
                Fed::Unreadable(error) => {
                    // What it holds back must not hold up the others.
                    member.state = Standing::Blind;
                    merge.finish(member.at);
                    break Look::Unreadable(error.to_string());
                }
                Fed::Over => {
                    member.state = Standing::Over;
                    merge.finish(member.at);
                    break Look::Over;
                }
            }
        };
        let read = member.feed.bytes - before;
        let is_blind = member.state == Standing::Blind && !matches!(look, Look::Unreadable(_));
        if is_blind || (matches!(look, Look::More) && member.state == Standing::AtEnd) {
            member.state = Standing::Behind;
            member.feed.fall_behind();
            merge.fell_behind(member.at);
        }
        let changed = read > 0 || !events.is_empty() || !news.is_empty();
        member.dirty |= changed;
        self.dirty |= changed;
        self.uncommitted += read;
        let at = member.at;
        for event in events {
            merge.push(at, event);
        }
        self.news.extend(news.into_iter().map(|news| (family, news)));
        self.settle(self.families[family].node, wall);
        look
    }

    /// Families of which the rules heard since the last call.
    pub fn take_touched(&mut self) -> BTreeSet<Watched> {
        std::mem::take(&mut self.touched)
    }

    /// It is behind, and its node waits for it.
    pub fn is_hungry(&self, family: Watched) -> bool {
        let member = &self.families[family];
        member.state == Standing::Behind && self.merges[member.node].is_starved(member.at)
    }

    /// The wall time at which the family's next deadline is due, if nothing comes before. None while it is behind.
    pub fn deadline(&self, family: Watched) -> Option<Millis> {
        let member = &self.families[family];
        let clock = member.feed.clock();
        let deadline = self.correlator.deadline_of(member.id, clock.reached());
        let deadline = deadline.filter(|_| member.state == Standing::AtEnd)?;
        Some(deadline + SLACK + 1 + GRACE - clock.skew().unwrap_or(0))
    }

    /// Families whose node holds something that goes on at this wall time: they are looked at first, since what holds it
    /// is that they may have something older.
    pub fn held_up(&self, wall: Millis) -> Vec<Watched> {
        let due = |merge: &Merge| merge.held_until().is_some_and(|until| until <= wall);
        let members = self.families.iter().enumerate();
        let held = members.filter(|(_, member)| member.state == Standing::AtEnd && due(&self.merges[member.node]));
        held.map(|(at, _)| at).collect()
    }

    /// How much of a family was read and waits for others of its node.
    pub fn held(&self, family: Watched) -> usize {
        let member = &self.families[family];
        self.merges[member.node].waiting(member.at)
    }

    /// When something that is held goes on at the latest.
    pub fn held_until(&self) -> Option<Millis> {
        self.merges.iter().filter_map(Merge::held_until).min()
    }

    /// The wall clock was set by this much: event time goes on as if it had not been, until lines tell.
    pub fn wall_was_set(&mut self, by: Millis) {
        (self.wall, self.committed) = (self.wall + by, self.committed + by);
        self.merges.iter_mut().for_each(|merge| merge.wall_was_set(by));
        self.families.iter_mut().for_each(|member| member.feed.wall_was_set(by));
        self.touched.extend(0..self.families.len());
    }

    /// Time has passed: what was held for others of the node may go on.
    pub fn pass(&mut self, wall: Millis) {
        self.wall = wall;
        for node in 0..self.merges.len() {
            self.merges[node].set_wall(wall);
            self.settle(node, wall);
        }
    }

    /// Gives to the rules what the merge gives out.
    fn settle(&mut self, node: usize, wall: Millis) {
        self.publish(wall, None);
        while let Some(released) = self.merges[node].pop() {
            self.correlator.event(&released, &mut self.made);
            let family = self.by_id.get(&released.family).copied();
            self.touched.extend(family);
            self.dirty = true;
            if !self.made.is_empty() {
                self.publish(wall, family);
            }
        }
        if !self.merges[node].is_behind() {
            self.learned(node, wall);
        }
        if self.begun.is_some() && self.is_caught_up() {
            self.begun = None;
        }
    }

    /// Up to here every family was read: replay gives the same, if its logs are complete until then.
    pub fn clock(&self) -> Option<Millis> {
        self.families.iter().filter_map(|member| member.feed.clock().reached()).min()
    }

    /// Nothing will ever come again.
    pub fn is_over(&self) -> bool {
        self.families.iter().all(|member| member.state == Standing::Over)
    }

    pub fn active(&self) -> impl Iterator<Item = &Arc<Transition>> {
        self.active.values()
    }

    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// What happened to files since the last call.
    pub fn take_news(&mut self) -> Vec<(Watched, News)> {
        std::mem::take(&mut self.news)
    }
}

impl Look {
    fn at_end(clock: Option<Millis>, member: &mut Member, merge: &mut Merge, before: u64) -> Look {
        member.stand(Standing::AtEnd, clock.unwrap_or(Millis::MIN), merge);
        Look::AtEnd { moved: member.feed.bytes > before }
    }
}

impl Member<'_> {
    fn stand(&mut self, state: Standing, clock: Millis, merge: &mut Merge) {
        self.state = state;
        merge.at_end(self.at, clock);
    }
}
