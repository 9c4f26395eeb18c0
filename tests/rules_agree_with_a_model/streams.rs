//! Random families: records with times as coarse as the rules' spans, so that ties and hits exactly at a deadline
//! are common.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use tocsin::correlate::Family;
use tocsin::pattern::stamp::Stamp;
use tocsin::pattern::{CaptureId, Patterns, SignalId, Zone};
use tocsin::replay::{FamilyRuns, Run};
use tocsin::scan::{Hit, Line, Seen, Summary};

use crate::SIGNALS;
use crate::rules::{CAPTURES, LOGS, Millis, signal};

/// 2021-01-01T00:00:00Z.
pub const START: Millis = 1_609_459_200_000;

pub const CLUSTER: &str = "cluster";

/// A log file. Its index is part of its name, so no two are the same.
#[derive(Clone, Debug)]
pub struct Source {
    pub node: usize,
    pub log: usize,
    pub records: Vec<Record>,
}

#[derive(Clone, Debug)]
pub struct Record {
    /// What came to pass since the record before.
    pub before: Between,
    /// From the latest time so far.
    pub ahead: Millis,
    /// Logged by a thread that was slow: older than it would be by this.
    pub behind: Millis,
    pub said: Said,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Between {
    Nothing,
    /// Bytes were lost.
    Hole,
    /// The machine's clock was set back.
    Step(Millis),
}

#[derive(Clone, Debug)]
pub enum Said {
    /// No signal; `true` if the scanner gives a tick for it.
    Nothing(bool),
    Signal {
        signal: usize,
        weight: u64,
        captures: [Option<u8>; CAPTURES.len()],
    },
}

/// A record with its time.
#[derive(Clone, Debug)]
pub struct Timed {
    pub time: Millis,
    pub before: Between,
    pub said: Said,
    /// From 1.
    pub line: u64,
}

pub fn name(at: usize, source: &Source) -> String {
    format!("{}/{at}.log", LOGS[source.log].0)
}

pub fn node(source: &Source) -> String {
    format!("node-{}", source.node)
}

pub fn captures(captures: &[Option<u8>; CAPTURES.len()]) -> BTreeMap<&'static str, String> {
    CAPTURES.iter().zip(captures).filter_map(|(name, v)| Some((*name, format!("v{}", (*v)?)))).collect()
}

impl Source {
    pub fn timed(&self) -> Vec<Timed> {
        let mut latest = START;
        let mut line = 0;
        let each = self.records.iter().map(|record| {
            line += 1;
            if let Between::Step(by) = record.before {
                latest -= by;
            }
            latest += record.ahead;
            let time = latest - record.behind;
            Timed { time, before: record.before, said: record.said.clone(), line }
        });
        each.collect()
    }

    /// The same as scanning the file would leave it.
    pub fn runs(&self, at: usize, patterns: &Patterns) -> FamilyRuns {
        let name = name(at, self);
        let file: Arc<str> = name.as_str().into();
        let timed = self.timed();
        let mut seen = Vec::new();
        let mut from = None;
        for record in &timed {
            let stamp = Stamp::Utc(record.time);
            if record.before == Between::Hole {
                seen.push(Seen::Hole { from, until: stamp });
            }
            from = Some(stamp);
            match &record.said {
                Said::Nothing(tick) => seen.extend(tick.then_some(Seen::Tick(stamp))),
                Said::Signal { signal: s, weight, captures: c } => seen.push(Seen::Hit(Hit {
                    signal: signal_id(patterns, *s),
                    stamp: Some(stamp),
                    captures: captures(c).into_iter().map(|(n, v)| (capture_id(patterns, n), v.into())).collect(),
                    weight: *weight,
                    line: Line {
                        file: file.clone(),
                        number: record.line,
                        offset: record.line * 100,
                        text: format!("line {}", record.line).into_bytes().into(),
                    },
                    head: None,
                })),
            }
        }
        let log = patterns.log_named(LOGS[self.log].0).unwrap();
        let family = Family {
            cluster: CLUSTER.into(),
            node: node(self).into(),
            log,
            log_name: LOGS[self.log].0.into(),
            name: name.as_str().into(),
            zone: Zone::UTC,
        };
        let stamp = |record: &Timed| Stamp::Utc(record.time);
        let summary = Summary { first: timed.first().map(stamp), last: timed.last().map(stamp), ..Summary::default() };
        FamilyRuns { family, runs: vec![Run { file: name, seen: seen.into(), summary, ..Run::default() }] }
    }
}

fn signal_id(patterns: &Patterns, at: usize) -> SignalId {
    let at = patterns.signals.iter().position(|s| *s.name == *signal(at)).unwrap();
    SignalId(at as u32)
}

fn capture_id(patterns: &Patterns, name: &str) -> CaptureId {
    let at = patterns.captures.iter().position(|c| **c == *name).unwrap();
    CaptureId(at as u32)
}

/// One to three families on one or two nodes, and perhaps a time until which they are complete.
pub fn streams(between: fn() -> BoxedStrategy<Between>) -> impl Strategy<Value = (Vec<Source>, Option<Millis>)> {
    let source = (prop::bool::weighted(0.15), 0..LOGS.len(), prop::collection::vec(record(between), 1..16))
        .prop_map(|(node, log, records)| Source { node: usize::from(node), log, records });
    let end = prop::option::of(prop_oneof![0_i64..60, 0_i64..1000].prop_map(|halves| START + 500 * halves));
    (prop::collection::vec(source, 1..4), end)
}

fn record(between: fn() -> BoxedStrategy<Between>) -> impl Strategy<Value = Record> {
    // The longest are there because keys that have nothing to remember are forgotten after some minutes.
    let ahead = prop_oneof![
        6 => Just(0),
        12 => prop::sample::select(vec![500, 1000, 1500]),
        6 => prop::sample::select(vec![2000, 2500, 3000, 5000, 9000]),
        1 => prop::sample::select(vec![60_000, 121_000, 180_000, 400_000]),
    ];
    let behind = prop_oneof![4 => Just(0), 1 => Just(500), 1 => Just(1000)];
    let value = || prop_oneof![2 => Just(None), 2 => Just(Some(0)), 1 => Just(Some(1))];
    let signal = (0..SIGNALS, prop_oneof![4 => Just(1_u64), 1 => 2_u64..4], [value(), value(), value(), value()])
        .prop_map(|(signal, weight, captures)| Said::Signal { signal, weight, captures });
    let said = prop_oneof![6 => signal, 1 => any::<bool>().prop_map(Said::Nothing)];
    (between(), ahead, behind, said).prop_map(|(before, ahead, behind, said)| Record { before, ahead, behind, said })
}

pub fn nothing() -> BoxedStrategy<Between> {
    Just(Between::Nothing).boxed()
}

pub fn holes() -> BoxedStrategy<Between> {
    prop_oneof![8 => Just(Between::Nothing), 1 => Just(Between::Hole)].boxed()
}

/// Each family on a node of its own. What a step means to an instance that other families have a part in follows from
/// which of them set its deadline, and the model does not keep that.
pub fn apart(mut sources: Vec<Source>) -> Vec<Source> {
    sources.iter_mut().enumerate().for_each(|(at, source)| source.node = at);
    sources
}

pub fn steps() -> BoxedStrategy<Between> {
    let by = prop::sample::select(vec![90_000, 600_000]);
    prop_oneof![12 => Just(Between::Nothing), 1 => by.prop_map(Between::Step)].boxed()
}

/// A family as a person reads it.
pub fn show(at: usize, source: &Source) -> String {
    let mut text = format!("{} on {}:", name(at, source), node(source));
    for record in source.timed() {
        let said = match &record.said {
            Said::Nothing(tick) => {
                if *tick {
                    "tick".to_owned()
                } else {
                    "-".to_owned()
                }
            }
            Said::Signal { signal: s, weight, captures: c } => format!("{} x{weight} {:?}", signal(*s), captures(c)),
        };
        text += &format!("\n  {:>3} {:>8} {:?} {said}", record.line, record.time - START, record.before);
    }
    text
}
