//! Turn after turn: what is due is looked at, and what came of it is committed and sent.
//!
//! A turn is given the wall clock and what the wake-up saw, does what is due and says when it wants the next one. So the
//! same turns run under the real clock and, in tests, under one that is made up.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::backlog::Backlog;
use super::core::{Look, Watch, Watched};
use super::feed::SavedFeed;
use super::named::Named;
use super::own::{
    self, CLOCK_STEPPED, LOG_SILENT, OUTBOX_GROWING, READER_STUCK, RECORD_REFUSED, SINK_REFUSES, STATE_FAILED,
};
use super::past::family_key;
use super::report::Report;
use super::source::Source;
use super::stdin::Piped;
use super::watchdog::{Findings, Told, Watchdog};
use crate::correlate::Family;
use crate::deliver::outbox::Lag;
use crate::deliver::sink::Notice;
use crate::input::assign::Assigner;
use crate::input::tail::descriptors::Descriptors;
use crate::input::tail::wake::Woken;
use crate::input::tail::{Family as Found, FamilyId, Find, Listings, Schedule, Start, Tail, Yield};
use crate::pattern::{LogId, Patterns};
use crate::replay::gather::Zones;
use crate::time::{Millis, SECOND, human_duration};

/// Directories are listed again this often, whatever the wake-up says, and no more often than that; with many families
/// it costs more, and is done less often.
const FIND: Millis = 5 * SECOND;
const FIND_AGAIN: Millis = SECOND / 10;
const LISTED: usize = 10;

/// Read in one turn before what was found is committed and sent.
const TURN: usize = 64;

/// Before something that was held goes on, the node's families are looked at once more; with more than these, no more
/// often than that.
const FEW: usize = 1000;
const SWEEP: Millis = SECOND / 2;

pub struct Turns<'p> {
    patterns: &'p Patterns,
    pub watch: Watch<'p>,
    find: Find<'p>,
    zones: &'p dyn Zones,
    cluster: Arc<str>,
    /// Where families begin that were there at the first start; those that come later are read from their beginning.
    start: Start,
    /// What is named now, what was before, and where families begin that were not.
    named: Named,
    before: Option<Named>,
    only_now: Start,
    /// How far families were read by an earlier process, until they are found.
    saved: HashMap<String, SavedFeed>,
    schedule: Schedule,
    listings: Rc<Listings>,
    descriptors: Descriptors<Watched>,
    by_live: HashMap<PathBuf, Watched>,
    /// Families that come through a pipe.
    piped: Vec<Watched>,
    /// When a family's next deadline is due.
    deadlines: BTreeSet<(Millis, Watched)>,
    deadline_of: Vec<Option<Millis>>,
    /// How long each log may be silent.
    silent: HashMap<LogId, Millis>,
    watchdog: Watchdog,
    /// Sink → whether it keeps up.
    backlogs: HashMap<String, Backlog>,
    find_at: Millis,
    found_at: Millis,
    last: Option<Millis>,
    released_at: Option<Millis>,
    /// The directories have been listed.
    began: bool,
    listed: bool,
    pub report: Report,
}

/// What a watch is made of.
pub struct Parts<'p> {
    pub patterns: &'p Patterns,
    pub assigner: &'p Assigner<'p>,
    pub zones: &'p dyn Zones,
    pub cluster: Arc<str>,
    pub paths: Vec<PathBuf>,
    pub start: Start,
    /// What was named before; `None`: nothing.
    pub before: Option<Named>,
    pub named: Named,
    /// Where families begin that were there before, and are only named now.
    pub only_now: Start,
    pub watch: Watch<'p>,
    pub saved: HashMap<String, SavedFeed>,
    /// How long a log may be silent before that is told of.
    pub silent: HashMap<LogId, Millis>,
    /// Descriptors that logs may have.
    pub descriptors: usize,
    pub report: Report,
}

impl<'p> Turns<'p> {
    pub fn new(parts: Parts<'p>) -> Turns<'p> {
        let Parts {
            patterns,
            assigner,
            zones,
            cluster,
            paths,
            start,
            before,
            named,
            only_now,
            watch,
            saved,
            silent,
            descriptors,
            report,
        } = parts;
        Turns {
            patterns,
            watch,
            find: Find::new(assigner, paths),
            zones,
            cluster,
            start,
            named,
            before,
            only_now,
            saved,
            schedule: Schedule::default(),
            listings: Rc::default(),
            descriptors: Descriptors::new(descriptors),
            by_live: HashMap::new(),
            piped: Vec::new(),
            deadlines: BTreeSet::new(),
            deadline_of: Vec::new(),
            silent,
            watchdog: Watchdog::default(),
            backlogs: HashMap::new(),
            find_at: Millis::MIN,
            found_at: Millis::MIN,
            last: None,
            released_at: None,
            began: false,
            listed: false,
            report,
        }
    }

    /// Watches standard input as well.
    pub fn add_piped(&mut self, family: Family, piped: Piped, wall: Millis) -> Result<(), String> {
        let saved = piped.goes_on().then(|| self.saved.remove(&family_key(&family))).flatten();
        let past = saved.is_none() && !piped.goes_on() && self.start.looks_back();
        let at = self.add(family, Source::Piped(piped), saved, past, wall)?;
        self.piped.push(at);
        Ok(())
    }

    /// Does what is due at this wall time. Gives the time of the next turn, if nothing wakes us before.
    pub fn turn(&mut self, wall: Millis, woken: &Woken) -> Result<Millis, String> {
        self.clock(wall);
        self.wake(wall, woken);
        if wall >= self.find_at {
            self.find(wall)?;
        }
        for at in self.due_deadlines(wall) {
            self.look(at, wall);
        }
        let mut looks = 0;
        while looks < TURN
            && let Some(FamilyId(id)) = self.schedule.next_due(wall)
        {
            let yielded = self.look(id as Watched, wall);
            self.schedule.looked(FamilyId(id), wall, yielded);
            looks += 1;
        }
        self.release(wall);
        self.follow(wall);
        self.notice(wall);
        self.keep(wall);
        Ok(self.next(wall))
    }

    /// The directories in which something may happen, by their real paths.
    pub fn directories(&self) -> impl Iterator<Item = PathBuf> {
        self.find.directories().map(PathBuf::from)
    }

    /// Nothing will ever come again.
    pub fn is_over(&self) -> bool {
        !self.piped.is_empty() && self.piped.len() == self.watch.len() && self.watch.is_over()
    }

    /// The watch, its log, and what was saved of families that are not there just now.
    pub fn into_parts(self) -> (Watch<'p>, Report, HashMap<String, SavedFeed>) {
        (self.watch, self.report, self.saved)
    }

    /// The directories have been listed since this was asked last.
    pub fn take_listed(&mut self) -> bool {
        std::mem::take(&mut self.listed)
    }

    /// Reads everything to its end, as far as it is there now.
    pub fn read_all(&mut self, wall: Millis) {
        self.read_while(wall, &|| true);
    }

    /// The same, for as long as there is time.
    pub fn read_while(&mut self, wall: Millis, time: &dyn Fn() -> bool) {
        // A family that was waiting for others may go on when these were read.
        let mut more = true;
        while std::mem::take(&mut more) {
            for at in 0..self.watch.len() {
                while time() && matches!(self.watch.look(at, wall), Look::More) {
                    more = true;
                }
            }
        }
        self.watch.pass(wall);
        self.follow(wall);
    }

    /// What was held may go on, after a last look at what held it up.
    fn release(&mut self, wall: Millis) {
        if self.watch.held_until().is_some_and(|until| until <= wall) {
            let swept = self.released_at.is_some_and(|at| (at..at + SWEEP).contains(&wall));
            if self.watch.len() <= FEW || !swept {
                self.released_at = Some(wall);
                for at in self.watch.held_up(wall) {
                    self.look(at, wall);
                }
            }
        }
        self.watch.pass(wall);
    }

    /// What was planned on a clock that was set back since is planned anew.
    fn clock(&mut self, wall: Millis) {
        if self.last.is_some_and(|last| wall < last) {
            self.schedule.clock_set_back(wall);
            (self.find_at, self.found_at) = (self.find_at.min(wall + FIND), Millis::MIN);
        }
        self.last = Some(wall);
    }

    /// The machine's clock was set by this much, and is here now.
    pub fn clock_was_set(&mut self, by: Millis, wall: Millis) {
        let way = if by > 0 { "forward" } else { "back" };
        let how = format!("{way} by {}", human_duration(by.abs()));
        self.report.warn("clock", &format!("this machine's clock was set {how}"));
        self.watch.wall_was_set(by);
        self.watchdog.wall_was_set(by);
        self.backlogs.values_mut().for_each(|backlog| backlog.wall_was_set(by));
        self.watch.occur(CLOCK_STEPPED, "clock", how, wall);
    }

    fn wake(&mut self, wall: Millis, woken: &Woken) {
        let pause = FIND_AGAIN + Millis::try_from(self.watch.len() / LISTED).unwrap_or(FIND);
        let find_again = wall.max(self.found_at.saturating_add(pause.min(FIND)));
        if woken.all {
            self.schedule.woken_all(wall);
            self.find_at = self.find_at.min(find_again);
        }
        for path in &woken.paths {
            match self.find.family_of(path).and_then(|live| self.by_live.get(live)) {
                Some(at) => self.schedule.woken(FamilyId(*at as u32), wall),
                None => self.find_at = self.find_at.min(find_again),
            }
        }
        for at in &self.piped {
            self.schedule.woken(FamilyId(*at as u32), wall);
        }
    }

    /// Lists the directories, and begins with families that are new.
    fn find(&mut self, wall: Millis) -> Result<(), String> {
        (self.find_at, self.found_at) = (wall + FIND, wall);
        self.listed = true;
        let first = !std::mem::replace(&mut self.began, true);
        let news = self.find.look();
        for note in news.notes {
            self.report.warn("found", &note.to_string());
        }
        for Found { live, assignment, .. } in news.families {
            let (log, zone) = (assignment.log, self.zones.of(assignment.log));
            let log_name = self.patterns.log(log).name.clone();
            let (cluster, node, name) = (self.cluster.clone(), assignment.node, assignment.family);
            let family = Family { cluster, node, log, log_name, name, zone };
            let key = family_key(&family);
            let saved = self.saved.remove(&key);
            let cursor =
                saved.as_ref().map(SavedFeed::cursor).transpose().map_err(|e| format!("{}: {e}", live.display()))?;
            let cursor = cursor.flatten();
            let start = self.start_of(&family, &key, &live, first);
            let past = saved.is_none() && start.looks_back();
            let tail = match cursor {
                Some(cursor) => Tail::resume(live.clone(), &cursor),
                None => Tail::new(live.clone(), start),
            };
            let source = Source::Files(Box::new(tail.sharing(&self.listings)));
            self.report.found(&family, &live, saved.as_ref().and_then(|saved| saved.offset()));
            let at = self.add(family, source, saved, past, wall)?;
            self.by_live.insert(live, at);
        }
        if first {
            self.watch.found_all(self.named.clone(), wall);
        }
        Ok(())
    }

    /// Where a family begins that was never read.
    fn start_of(&self, family: &Family, key: &str, live: &Path, first: bool) -> Start {
        let was_named = |before: &Named| before.names(&family.log_name, live, &self.named);
        let only_now = first && !self.before.as_ref().is_none_or(was_named);
        // It was looked at by an earlier process, which read nothing of it.
        let learning = self.watch.was_learning(key) && !self.start.looks_back();
        match first {
            _ if only_now || learning => self.only_now.clone(),
            true => self.start.clone(),
            false => Start::Beginning,
        }
    }

    fn add(
        &mut self,
        family: Family,
        source: Source,
        saved: Option<SavedFeed>,
        past: bool,
        wall: Millis,
    ) -> Result<Watched, String> {
        let limit = self.silent.get(&family.log).copied();
        let at = self.watch.add(family, source, saved, past)?;
        let FamilyId(id) = self.schedule.add(wall);
        debug_assert_eq!(id as Watched, at);
        self.deadline_of.push(None);
        let told = self.told(at);
        self.watchdog.add(limit, told, wall);
        Ok(at)
    }

    fn told(&self, at: Watched) -> Told {
        let live = self.live(at);
        Told { stuck: self.watch.told(READER_STUCK, &live), silent: self.watch.told(LOG_SILENT, &live) }
    }

    /// Clears what has this key, because a person says so. What is still so with a log is told again.
    pub fn clear(&mut self, key: &str, wall: Millis) -> bool {
        let found = self.watch.clear(key, wall);
        if found && key.starts_with("TOCSIN-") {
            for at in 0..self.watch.len() {
                let told = self.told(at);
                self.watchdog.told(at, told);
            }
        }
        found
    }

    fn due_deadlines(&mut self, wall: Millis) -> Vec<Watched> {
        let due: Vec<(Millis, Watched)> = self.deadlines.range(..=(wall, Watched::MAX)).copied().collect();
        for entry in &due {
            self.deadlines.remove(entry);
            self.deadline_of[entry.1] = None;
        }
        due.into_iter().map(|(_, at)| at).collect()
    }

    fn look(&mut self, at: Watched, wall: Millis) -> Yield {
        let look = self.watch.look(at, wall);
        self.open(at);
        let findings = match &look {
            Look::Unreadable(why) => self.watchdog.unreadable(at, why, wall),
            _ => {
                let (feed, rests) = (self.watch.feed(at), matches!(look, Look::AtEnd { .. }));
                self.watchdog.read(at, feed.bytes, rests, || feed.source.size(), wall)
            }
        };
        self.tell(at, &look, findings, wall);
        match look {
            Look::More => Yield::More,
            Look::AtEnd { moved: true } => Yield::Bytes,
            Look::AtEnd { moved: false } | Look::Over => Yield::Nothing,
            // It is said when the others have gone on.
            Look::Waits => Yield::Pending(wall + SECOND),
            Look::Later(until) => Yield::Pending(until),
            Look::Unreadable(_) => Yield::Nothing,
        }
    }

    fn tell(&mut self, at: Watched, look: &Look, findings: Findings, wall: Millis) {
        if findings == Findings::default() {
            return;
        }
        let live = self.live(at);
        match (findings.unreadable, look) {
            (Some(true), Look::Unreadable(why)) => self.report.warn("unreadable", why),
            (Some(false), _) => self.report.info("readable", &live),
            _ => {}
        }
        for (alarm, found) in [(READER_STUCK, findings.stuck), (LOG_SILENT, findings.silent)] {
            let Some(why) = found else { continue };
            match &why {
                Some(why) => self.report.warn(alarm, &format!("{live}: {why}")),
                None => self.report.info(alarm, &format!("{live}: over")),
            }
            self.watch.tell(alarm, &live, why, wall);
        }
    }

    fn live(&self, at: Watched) -> String {
        self.watch.feed(at).source.path().to_string_lossy().into_owned()
    }

    /// Keeps the number of open files within the limit.
    fn open(&mut self, at: Watched) {
        let Source::Files(tail) = &self.watch.feed(at).source else { return };
        if !tail.is_open() {
            return self.descriptors.closed(&at);
        }
        self.descriptors.used(at);
        let mut tries = 0;
        while tries < 8
            && let Some(&oldest) = self.descriptors.too_many()
        {
            tries += 1;
            let closed = match &mut self.watch.feed_mut(oldest).source {
                Source::Files(tail) => tail.close(),
                Source::Piped(_) => true,
            };
            match closed {
                true => self.descriptors.closed(&oldest),
                false => self.descriptors.used(oldest),
            }
        }
    }

    /// Families that the rules heard of: those of which more is wanted are due, and their deadlines are noted.
    fn follow(&mut self, wall: Millis) {
        for at in self.watch.take_touched() {
            if self.watch.is_hungry(at) {
                self.schedule.woken(FamilyId(at as u32), wall);
            }
            let due = self.watch.deadline(at);
            if due != self.deadline_of[at] {
                if let Some(old) = self.deadline_of[at] {
                    self.deadlines.remove(&(old, at));
                }
                self.deadlines.extend(due.map(|due| (due, at)));
                self.deadline_of[at] = due;
            }
        }
        for (at, news) in self.watch.take_news() {
            self.report.news(self.watch.family(at), &news);
        }
    }

    /// What sinks say of themselves.
    fn hear_sinks(&mut self, wall: Millis) {
        for (sink, notice) in self.watch.outbox.take_notices() {
            match notice {
                Notice::Troubled { why, lasting } => {
                    self.report.trouble("sink", &sink, &why);
                    if lasting {
                        self.watch.tell(SINK_REFUSES, &sink, Some(why), wall);
                    }
                }
                Notice::Well => {
                    self.report.over("sink", &sink, "transitions arrive again");
                    self.watch.tell(SINK_REFUSES, &sink, None, wall);
                }
                // An alarm about that would be refused as well, and so on without end.
                Notice::Refused { key, why, .. } if own::is_of(RECORD_REFUSED, &key) => {
                    let words = format!("not even {RECORD_REFUSED} arrives, of which no more is said: {why}");
                    self.report.once("sink", &sink, &words);
                }
                Notice::Refused { key, id, why } => {
                    let words = format!("the record {id} of {key} will never arrive: {why}");
                    self.report.warn("sink", &format!("{sink}: {words}"));
                    self.watch.occur(RECORD_REFUSED, &sink, words, wall);
                }
            }
        }
    }

    /// What may go wrong without anybody else noticing.
    fn notice(&mut self, wall: Millis) {
        self.hear_sinks(wall);
        for Lag { sink, waiting, .. } in self.watch.outbox.lags() {
            let end = self.watch.outbox.end();
            let known = || Backlog::new(self.watch.told(OUTBOX_GROWING, &sink));
            let backlog = self.backlogs.entry(sink.clone()).or_insert_with(known);
            let late = backlog.is_late(end - waiting.min(end), end, wall);
            if late == self.watch.told(OUTBOX_GROWING, &sink) {
                continue;
            }
            let why = late.then(|| format!("{waiting} transitions wait for it, some for more than a minute"));
            match &why {
                Some(why) => self.report.warn(OUTBOX_GROWING, &format!("{sink}: {why}")),
                None => self.report.info(OUTBOX_GROWING, &format!("{sink}: over")),
            }
            self.watch.tell(OUTBOX_GROWING, &sink, why, wall);
        }
        self.report.alive(wall, &self.watch);
    }

    fn keep(&mut self, wall: Millis) {
        let directory = self.watch.keeper().directory().store().to_string_lossy().into_owned();
        match self.watch.commit(wall) {
            Ok(()) if self.watch.keeper().store().is_some() => {
                if self.watch.tell(STATE_FAILED, &directory, None, wall) {
                    self.report.info("state", &format!("{directory}: everything is kept again"));
                }
            }
            Ok(()) => {}
            Err(why) => {
                let words = format!("{directory}: {why}; transitions go out without being kept");
                if self.watch.tell(STATE_FAILED, &directory, Some(why), wall) {
                    self.report.warn("state", &words);
                }
                // It goes out at once, and not with the next commit.
                let _ = self.watch.commit(wall);
            }
        }
    }

    fn next(&self, wall: Millis) -> Millis {
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let times = [self.schedule.next_time(), deadline, self.watch.commit_at(), self.watch.held_until()];
        times.into_iter().flatten().chain([self.find_at]).min().unwrap_or(wall).max(wall)
    }
}
