//! The first promise: the same lines give the same transitions with the same ids, tailed as they were written or read
//! afterwards.
//!
//! Random alarms of every kind over random logs of several families and nodes. The lines are written one by one under a
//! clock of the test's own, with rotations of every kind between them, lines that come late (but within the hold), and
//! crashes; then the same directory is replayed, complete until the clock at which the watch stopped.

#[path = "../live_support/mod.rs"]
mod live_support;
mod recordings;
#[allow(dead_code, reason = "the model's side of them is not needed here")]
#[path = "../rules_agree_with_a_model/rules.rs"]
mod rules;
#[allow(dead_code, reason = "the model's side of them is not needed here")]
#[path = "../rules_agree_with_a_model/streams.rs"]
mod streams;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use tocsin::correlate::HOLD;
use tocsin::input::tail::wake::Woken;
use tocsin::pattern::Zone;
use tocsin::transition::Transition;
use tocsin::watch::turns::Turns;

use live_support::{Site, comparable, gzip, pass};
use rules::{Alarm, Millis};
use streams::{Said, Source};

const SIGNALS: usize = 4;

/// A log that was written to within this time is looked at several times a second.
const HOT: Millis = 50_000;

/// What happens to a file before a line is written to it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Roll {
    No,
    /// `x.log` becomes `x.log.1`, `x.log.1` becomes `x.log.2`, and so on.
    Shift,
    /// The same, and what was `x.log.1` is compressed.
    Compress,
    /// `x.log` becomes `x.log.DATE`.
    Date,
    /// It is copied, and then truncated; the watch has read it.
    Copy,
}

/// What happens to the watch after a line was written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// It is told.
    Wakes,
    /// It is not told.
    Sleeps,
    /// It dies without notice, and is started again after this time.
    Crashes(Millis),
    /// What was written is the first half of a line; the rest comes with the next.
    Half,
}

struct Case {
    alarms: Vec<Alarm>,
    sources: Vec<Source>,
    /// For each line, over and over: how much later than its time it is written, and what happens around it.
    lines: Vec<(Millis, Roll, Then)>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let toml = rules::toml(&self.alarms);
        writeln!(f, "{}", toml.find("[alarm.").map_or("", |at| &toml[at..]))?;
        self.sources.iter().enumerate().try_for_each(|(at, source)| writeln!(f, "{}", streams::show(at, source)))?;
        write!(f, "{:?}", self.lines)
    }
}

fn case() -> impl Strategy<Value = Case> {
    let roll = prop_oneof![
        12 => Just(Roll::No),
        1 => Just(Roll::Shift),
        1 => Just(Roll::Compress),
        1 => Just(Roll::Date),
        1 => Just(Roll::Copy),
    ];
    let then = prop_oneof![
        6 => Just(Then::Wakes),
        2 => Just(Then::Sleeps),
        1 => Just(Then::Half),
        1 => prop::sample::select(vec![0, 1000, 20_000]).prop_map(Then::Crashes),
    ];
    let line = (prop::sample::select(vec![0, 0, 10, 400, 900]), roll, then);
    (rules::alarms(), streams::streams(streams::nothing), prop::collection::vec(line, 1..12))
        .prop_map(|(alarms, (sources, _), lines)| Case { alarms, sources, lines })
}

/// A line on its way.
struct Write {
    wall: Millis,
    source: usize,
    text: String,
    roll: Roll,
    then: Then,
}

impl Case {
    /// All lines in the order in which they are written.
    fn writes(&self) -> Vec<Write> {
        let mut writes = Vec::new();
        let mut doings = self.lines.iter().cycle();
        for (at, source) in self.sources.iter().enumerate() {
            let (mut latest, mut wall) = (streams::START, streams::START);
            for (record, timed) in source.records.iter().zip(source.timed()) {
                let (delay, roll, then) = *doings.next().unwrap();
                latest += record.ahead;
                wall = wall.max(latest + delay);
                let time = chrono::DateTime::from_timestamp_millis(timed.time).unwrap();
                let said = match &timed.said {
                    Said::Nothing(_) => "nothing".to_owned(),
                    Said::Signal { signal, captures, .. } => {
                        let captures = streams::captures(captures);
                        let captures: String = rules::CAPTURES
                            .iter()
                            .filter_map(|name| Some(format!(" {name}={}", captures.get(name)?)))
                            .collect();
                        format!("{}{captures}", rules::signal(*signal))
                    }
                };
                // No two lines are the same: a file that begins as another one ends would be taken for its copy.
                let (number, time) = (writes.len(), time.format("%Y-%m-%d %H:%M:%S,%3f"));
                let text = format!("{time} INFO {said} #{number}\n");
                writes.push(Write { wall, source: at, text, roll, then });
            }
        }
        writes.sort_by_key(|write| write.wall);
        writes
    }

    fn path(&self, source: usize) -> PathBuf {
        PathBuf::from(streams::node(&self.sources[source])).join(streams::name(source, &self.sources[source]))
    }
}

/// Rolls a file. What was rolled before moves on.
fn roll(site: &Site, path: &PathBuf, roll: Roll, count: usize) {
    let live = site.logs().join(path);
    if !live.exists() {
        return;
    }
    let rolled = |n: usize, end: &str| PathBuf::from(format!("{}.{n}{end}", live.display()));
    match roll {
        Roll::No => {}
        Roll::Shift | Roll::Compress => {
            for n in (1..30).rev() {
                for end in ["", ".gz"].into_iter().filter(|end| rolled(n, end).exists()) {
                    fs::rename(rolled(n, end), rolled(n + 1, end)).unwrap();
                }
            }
            fs::rename(&live, rolled(1, "")).unwrap();
            if roll == Roll::Compress {
                gzip(&rolled(1, ""));
            }
        }
        Roll::Date => fs::rename(&live, format!("{}.2021-01-01_00-{:02}-00", live.display(), count)).unwrap(),
        Roll::Copy => {
            fs::copy(&live, format!("{}.2021-01-01_00-{:02}-30", live.display(), count)).unwrap();
            fs::OpenOptions::new().write(true).truncate(true).open(&live).unwrap();
        }
    }
}

/// Lets time pass. A watch that is down is started when its pause is over.
fn until(site: &Site, turns: &mut Option<Turns<'static>>, now: &mut Millis, down_until: &mut Millis, wall: Millis) {
    if turns.is_none() && *down_until <= wall {
        *now = (*down_until).max(*now);
        *turns = Some(site.watch(*now, HOLD));
    }
    match turns {
        Some(turns) => pass(turns, now, wall, &Woken::default()),
        None => *now = wall,
    }
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let patterns = rules::toml(&case.alarms).parse().expect("the generator writes valid patterns");
    let site = Site::new(patterns, Zone::UTC);
    let mut now = streams::START - 10_000;
    // Nobody waits for a family that is not there yet.
    (0..case.sources.len()).for_each(|source| site.append(&case.path(source), b""));
    let mut turns = Some(site.watch(now, HOLD));
    let mut down_until = now;
    // When each log was written to by a line that a watch has surely read.
    let mut hot: BTreeMap<usize, Millis> = BTreeMap::new();
    for (count, write) in case.writes().into_iter().enumerate() {
        until(&site, &mut turns, &mut now, &mut down_until, write.wall);
        let path = case.path(write.source);
        // A name of one scheme only, so that names say the order.
        let scheme = if write.source % 2 == 0 { [Roll::Shift, Roll::Compress] } else { [Roll::Date, Roll::Copy] };
        // Copied and truncated unread, lines are lost: that is not what is to be shown here.
        let unread = write.roll == Roll::Copy && turns.is_none();
        if scheme.contains(&write.roll) && !unread {
            turns.iter_mut().for_each(|turns| turns.read_all(now));
            roll(&site, &path, write.roll, count);
        }
        let all = Woken { all: true, ..Woken::default() };
        // Without being told, nobody looks at an idle log within the hold.
        let is_hot = hot.get(&write.source).is_some_and(|at| now - at < HOT);
        let then = if write.then == Then::Sleeps && !is_hot { Then::Wakes } else { write.then };
        match (then, &turns) {
            (Then::Crashes(_), _) | (_, None) => hot.clear(),
            _ => _ = hot.insert(write.source, now),
        }
        match (then, &mut turns) {
            (Then::Half, Some(turns)) => {
                let (first, rest) = write.text.split_at(write.text.len() / 2);
                site.append(&path, first.as_bytes());
                turns.turn(now, &all).unwrap();
                site.append(&path, rest.as_bytes());
                turns.turn(now, &all).unwrap();
            }
            (Then::Wakes, Some(turns)) => {
                site.append(&path, write.text.as_bytes());
                turns.turn(now, &all).unwrap();
            }
            (Then::Crashes(pause), Some(_)) => {
                site.append(&path, write.text.as_bytes());
                turns = None;
                down_until = now + pause;
            }
            _ => site.append(&path, write.text.as_bytes()),
        }
    }
    let end = now + 40_000;
    until(&site, &mut turns, &mut now, &mut down_until, end);
    let mut turns = turns.expect("the longest pause is over");
    turns.read_all(now);
    turns.watch.commit_now(now).unwrap();
    let clock = turns.watch.clock();
    drop(turns);

    let replayed = site.replay(clock);
    let live = once(site.taken.all())?;
    let show = |all: &[Transition]| -> Vec<String> {
        let mut shown: Vec<String> = all.iter().map(|t| comparable(t).to_string()).collect();
        shown.sort();
        shown
    };
    prop_assert_eq!(show(&live), show(&replayed));
    for key in replayed.iter().map(|t| &t.key) {
        let of = |all: &[Transition]| all.iter().filter(|t| t.key == *key).map(|t| t.id.clone()).collect::<Vec<_>>();
        prop_assert_eq!(of(&live), of(&replayed));
    }
    Ok(())
}

/// What was sent again carries the same id, and says the same.
fn once(all: Vec<Transition>) -> Result<Vec<Transition>, TestCaseError> {
    let mut by_id: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    let mut kept = Vec::new();
    for transition in all {
        let json = comparable(&transition);
        match by_id.get(&transition.id) {
            Some(before) => prop_assert_eq!(before, &json),
            None => {
                by_id.insert(transition.id.clone(), json);
                kept.push(transition);
            }
        }
    }
    Ok(kept)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(64), ..ProptestConfig::default() })]

    #[test]
    fn live_gives_what_replay_gives(case in case()) {
        check(&case)?;
    }
}

/// `PROPTEST_CASES` asks for more than the usual number.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).map_or(usual, |n: u32| usual * n.div_ceil(256))
}
