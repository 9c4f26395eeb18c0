//! A watch that is killed and started again goes on as if nothing had happened.
//!
//! Random alarms over random hits, once without an interruption and once with: at any event all state is saved (only what
//! has changed since it was saved last), thrown away, and restored from what was stored. Every transition must be the same,
//! id and evidence included, and in the same order.

#[allow(dead_code, reason = "the model's side of them is not needed here")]
#[path = "rules_agree_with_a_model/rules.rs"]
mod rules;
#[allow(dead_code, reason = "the model's side of them is not needed here")]
#[path = "rules_agree_with_a_model/streams.rs"]
mod streams;

use std::collections::BTreeMap;
use std::fmt;

use proptest::prelude::*;

use tocsin::correlate::saved::{Entry, Key};
use tocsin::correlate::{Clock, Correlator, Event, Family, HOLD, Lane, Merge, Released};
use tocsin::pattern::Patterns;
use tocsin::replay::FamilyRuns;
use tocsin::scan::{Seen, Summary};
use tocsin::transition::{Mode, Transition};

use rules::{Alarm, Millis};
use streams::Source;

const SIGNALS: usize = 4;

struct Case {
    alarms: Vec<Alarm>,
    sources: Vec<Source>,
    end: Option<Millis>,
    /// After each event: what is done, over and over.
    doings: Vec<Doing>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Doing {
    Nothing,
    Save,
    Restart,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let toml = rules::toml(&self.alarms);
        writeln!(f, "{}", toml.find("[alarm.").map_or("", |at| &toml[at..]))?;
        self.sources.iter().enumerate().try_for_each(|(at, source)| writeln!(f, "{}", streams::show(at, source)))?;
        write!(f, "end: {:?}\n{:?}", self.end.map(|end| end - streams::START), self.doings)
    }
}

fn case() -> impl Strategy<Value = Case> {
    let between = || prop_oneof![8 => streams::nothing(), 1 => streams::holes(), 1 => streams::steps()].boxed();
    let doing = prop_oneof![3 => Just(Doing::Nothing), 1 => Just(Doing::Save), 1 => Just(Doing::Restart)];
    let parts = (rules::alarms(), streams::streams(between), prop::collection::vec(doing, 1..12));
    parts.prop_map(|(alarms, (sources, end), doings)| Case { alarms, sources, end, doings })
}

fn patterns(case: &Case) -> Patterns {
    rules::toml(&case.alarms).parse().expect("the generator writes valid patterns")
}

/// One family's file as it is read.
#[derive(Clone)]
struct Reading {
    family: Family,
    seen: Vec<Seen>,
    summary: Summary,
    /// How much of `seen` was taken in.
    taken: usize,
}

/// All that is in memory, and dies with the process.
struct Process<'p> {
    patterns: &'p Patterns,
    correlator: Correlator<'p>,
    merge: Merge,
    /// Of each file: its family and clock.
    clocks: Vec<Clock>,
}

/// All that a process leaves behind.
#[derive(Default)]
struct Store {
    entries: BTreeMap<Key, Vec<u8>>,
    clocks: Vec<Vec<u8>>,
}

impl Store {
    fn apply(&mut self, changed: impl Iterator<Item = Entry>) {
        for (key, bytes) in changed {
            // As a store would give it back.
            let key = Key::from_bytes(key.as_bytes()).unwrap();
            match bytes {
                Some(bytes) => self.entries.insert(key, bytes),
                None => Some(self.entries.remove(&key).expect("nothing is removed that was never stored")),
            };
        }
    }
}

impl<'p> Process<'p> {
    fn start(patterns: &'p Patterns, mode: Mode, readings: &[Reading], store: &Store, wall: Millis) -> Process<'p> {
        let mut correlator = Correlator::new(patterns, mode, HOLD);
        let mut cleared = Vec::new();
        correlator.restore(store.entries.clone(), &mut cleared).unwrap();
        assert_eq!(cleared, [], "the patterns are the same");
        let mut merge = Merge::new(HOLD);
        let mut clocks = Vec::new();
        let mut places = BTreeMap::new();
        for (at, reading) in readings.iter().enumerate() {
            let id = correlator.rejoin(reading.family.clone());
            let saved = store.clocks.get(at).map(|bytes| Clock::restore(id, reading.family.zone, bytes).unwrap());
            clocks.push(saved.unwrap_or_else(|| Clock::new(id, reading.family.zone)));
            places.insert(id, at);
        }
        for (at, clock) in clocks.iter().enumerate() {
            assert_eq!(merge.add(clock.family(), correlator.families()), at);
        }
        merge.reads_at(wall);
        merge.restore(patterns, correlator.families(), store.entries.clone()).unwrap();
        Process { patterns, correlator, merge, clocks }
    }

    fn save(&mut self, store: &mut Store) {
        store.apply(self.correlator.changed());
        store.apply(self.merge.changed(self.patterns, self.correlator.families()));
        store.clocks = self.clocks.iter().map(|clock| clock.save().unwrap()).collect();
    }

    /// Reads the family's next events. False at the end of its file.
    fn read(&mut self, at: usize, reading: &mut Reading) -> bool {
        let mut events: Vec<Event> = Vec::new();
        let clock = &mut self.clocks[at];
        match reading.seen.get(reading.taken) {
            Some(seen) => clock.place(seen.clone(), &mut events),
            None if reading.taken == reading.seen.len() => {
                clock.end_file(reading.summary.last, false, &mut events);
                clock.stop(&mut events);
            }
            None => return false,
        }
        reading.taken += 1;
        events.into_iter().for_each(|event| self.merge.push(at, event));
        true
    }

    fn of(&self, released: &Released) -> usize {
        self.clocks.iter().position(|clock| clock.family() == released.family).unwrap()
    }
}

fn readings(case: &Case, patterns: &Patterns) -> Vec<Reading> {
    let runs = case.sources.iter().enumerate().map(|(at, source)| source.runs(at, patterns));
    let reading = |FamilyRuns { family, mut runs }: FamilyRuns| {
        let run = runs.remove(0);
        Reading { family, seen: run.seen.read().collect(), summary: run.summary, taken: 0 }
    };
    runs.map(reading).collect()
}

/// Catching up: every family is behind until its file is read.
fn catch_up(case: &Case, patterns: &Patterns, doings: &[Doing]) -> Vec<Transition> {
    let (mut readings, mut store, mut out) = (readings(case, patterns), Store::default(), Vec::new());
    let mut process = Process::start(patterns, Mode::Replay, &readings, &store, 0);
    let mut doings = doings.iter().cycle();
    loop {
        for (at, reading) in readings.iter_mut().enumerate() {
            while process.merge.is_starved(at) {
                if !process.read(at, reading) {
                    process.merge.finish(at);
                }
            }
        }
        let Some(released) = process.merge.pop() else { break };
        assert!(process.of(&released) < readings.len());
        process.correlator.event(&released, &mut out);
        match doings.next() {
            Some(Doing::Save) => process.save(&mut store),
            Some(Doing::Restart) => {
                process.save(&mut store);
                process = Process::start(patterns, Mode::Replay, &readings, &store, 0);
            }
            _ => {}
        }
    }
    if let Some(end) = case.end {
        for at in 0..readings.len() {
            let mut events = Vec::new();
            process.clocks[at].close(end, &mut events);
            let family = process.clocks[at].family();
            for event in events {
                let released = Released { family, event, lane: Lane::Both, late: false };
                process.correlator.event(&released, &mut out);
            }
        }
        process.correlator.complete(end, &mut out);
    }
    out
}

/// Live: lines come as they are written, some files' later than others', and the hold is over for some of them.
fn live(case: &Case, patterns: &Patterns, doings: &[Doing]) -> Vec<Transition> {
    let (mut readings, mut store, mut out) = (readings(case, patterns), Store::default(), Vec::new());
    let lag = |at: usize| [0, 700, 5_000][at % 3];
    let mut arrivals: Vec<(Millis, usize)> = Vec::new();
    for (at, source) in case.sources.iter().enumerate() {
        let mut latest = 0;
        for record in source.timed().into_iter().take(readings[at].seen.len()) {
            latest = (record.time + lag(at)).max(latest);
            arrivals.push((latest, at));
        }
    }
    arrivals.sort_unstable();
    let mut process = Process::start(patterns, Mode::Watch, &readings, &store, 0);
    let mut doings = doings.iter().cycle();
    for (wall, at) in arrivals {
        process.merge.set_wall(wall);
        process.read(at, &mut readings[at]);
        (0..readings.len()).for_each(|at| process.merge.at_end(at, wall - 2 * HOLD));
        while let Some(released) = process.merge.pop() {
            process.correlator.event(&released, &mut out);
        }
        match doings.next() {
            Some(Doing::Save) => process.save(&mut store),
            Some(Doing::Restart) => {
                process.save(&mut store);
                process = Process::start(patterns, Mode::Watch, &readings, &store, wall);
            }
            _ => {}
        }
    }
    out
}

type Run = fn(&Case, &Patterns, &[Doing]) -> Vec<Transition>;

fn is_the_same(case: &Case, run: Run) -> Result<(), TestCaseError> {
    let patterns = patterns(case);
    let mut whole = run(case, &patterns, &[Doing::Nothing]);
    let mut restarted = run(case, &patterns, &case.doings);
    // Nodes know nothing of each other, so which is asked first is no matter.
    whole.sort_by(|a, b| a.node.cmp(&b.node));
    restarted.sort_by(|a, b| a.node.cmp(&b.node));
    let show = |all: &[Transition]| all.iter().map(|t| format!("  {}\n", t.to_json().unwrap())).collect::<String>();
    prop_assert!(whole == restarted, "in one go\n{}with restarts\n{}", show(&whole), show(&restarted));
    Ok(())
}

/// `PROPTEST_CASES` asks for more.
fn cases(at_least: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: at_least.max(config.cases), max_shrink_iters: 20_000, failure_persistence: None, ..config }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn catching_up(case in case()) {
        is_the_same(&case, catch_up)?;
    }

    #[test]
    fn live_with_late_hits(case in case()) {
        is_the_same(&case, live)?;
    }
}
