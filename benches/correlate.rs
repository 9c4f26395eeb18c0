//! How many hits the rules take in a second: `cargo bench --bench correlate [-- FILTER]`.
//!
//! The second phase of a replay alone: clock, merge, rules and the order of output, over hits that stand in memory. Each
//! case is one that costs something else: instances that come and go, look-back, windows, timers, many families.

mod harness;

use std::convert::Infallible;
use std::sync::Arc;

use tocsin::correlate::{Family, HOLD, MAX_KEYS};
use tocsin::pattern::stamp::Stamp;
use tocsin::pattern::{CaptureId, LogId, Patterns, SignalId, Zone};
use tocsin::replay::{FamilyRuns, Options, Run, replay};
use tocsin::scan::{Hit, Line, Seen, Summary};
use tocsin::transition::Mode;

const HITS: usize = 200_000;

/// 2021-03-22T12:00:00 UTC, and what lies between two hits of a family.
const START: i64 = 1_616_414_400_000;
const STEP: i64 = 100;

const LOG: &str = r#"
[layout.l]
pattern = '%d{ISO8601} %m'
[log.l]
files = ["l/*.log"]
layout = "l"
service = "S"
role = "R"
[signal.a]
log = "l"
message = 'a (?<key>\S+)'
provenance = "observed"
[signal.b]
log = "l"
message = 'b (?<key>\S+)'
provenance = "observed"
[alarm.A]
name = "A"
severity = "minor"
log = "l"
"#;

struct Case {
    name: &'static str,
    rules: &'static str,
    keys: usize,
    families: usize,
}

const CASES: [Case; 8] = [
    Case { name: "raised and cleared", rules: "raise = [{ on = 'a' }]\nclear = [{ on = 'b' }]", keys: 1, families: 1 },
    Case {
        name: "100 keys",
        rules: "by = ['key']\nraise = [{ on = 'a' }]\nclear = [{ on = 'b' }]",
        keys: 100,
        families: 1,
    },
    Case {
        name: "100,000 keys",
        rules: "by = ['key']\nraise = [{ on = 'a' }]\nclear = [{ quiet = '1h' }]",
        keys: 100_000,
        families: 1,
    },
    Case {
        name: "quiet",
        rules: "by = ['key']\nraise = [{ on = ['a', 'b'] }]\nclear = [{ quiet = '30s' }]",
        keys: 1000,
        families: 1,
    },
    Case {
        name: "count",
        rules: "by = ['key']\nraise = [{ on = 'a', count = 50, within = '10m' }]\nclear = [{ quiet = '5m' }]",
        keys: 10,
        families: 1,
    },
    Case {
        name: "absent",
        rules: "raise = [{ absent = 'a', for = '1s', arm = 3 }]\nclear = [{ present = 'a' }]",
        keys: 1,
        families: 1,
    },
    Case {
        name: "looking back",
        rules: "by = ['key']\nraise = [{ on = 'a', with = [{ on = 'b', within = '5m', cause = 'c' }], unless = [{ on = 'b', within = '1s' }] }]\nclear = [{ on = 'b' }]",
        keys: 100,
        families: 1,
    },
    Case {
        name: "1000 families",
        rules: "by = ['key']\nraise = [{ on = 'a' }]\nclear = [{ on = 'b' }]",
        keys: 10,
        families: 1000,
    },
];

fn main() {
    let filter = harness::filter();
    for case in CASES.iter().filter(|case| case.name.contains(&filter)) {
        let text = format!("{LOG}{}\n", case.rules);
        let patterns = text.parse().unwrap_or_else(|wrong| panic!("{wrong}"));
        let mut transitions = 0;
        let took = harness::best_with(|| families(case), |families| transitions = run(&patterns, families));
        let (each, all) = (took.as_secs_f64() * 1e9 / HITS as f64, HITS as f64 / took.as_secs_f64() / 1e6);
        println!("{:<20} {each:>6.0} ns a hit, {all:>5.2} M hits/s ({transitions} transitions)", case.name);
    }
}

fn run(patterns: &Patterns, families: Vec<FamilyRuns>) -> usize {
    let options = Options { mode: Mode::Test, hold: HOLD, end: None, max_keys: MAX_KEYS };
    let mut made = 0;
    let done: Result<_, Infallible> = replay(patterns, families, options, None, |_| {
        made += 1;
        Ok(())
    });
    done.map_or(0, |_| made)
}

/// One run for each family; they speak in turn.
fn families(case: &Case) -> Vec<FamilyRuns> {
    let hits = HITS / case.families;
    let of = |number: usize| {
        let name: Arc<str> = format!("l/{number}.log").into();
        let seen: Vec<Seen> = (0..hits).map(|at| hit(at, number, case.keys, &name)).collect();
        let stamp = |seen: Option<&Seen>| seen.and_then(|s| if let Seen::Hit(hit) = s { hit.stamp } else { None });
        let summary = Summary { first: stamp(seen.first()), last: stamp(seen.last()), ..Summary::default() };
        let family = Family {
            cluster: "bench".into(),
            node: format!("node-{}", number % 100).into(),
            log: LogId(0),
            log_name: "l".into(),
            name: name.clone(),
            zone: Zone::UTC,
        };
        FamilyRuns { family, runs: vec![Run { file: name.to_string(), seen: seen.into(), summary, ..Run::default() }] }
    };
    (0..case.families).map(of).collect()
}

/// Signals by turns, keys one after the other, now and then a pause.
fn hit(at: usize, family: usize, keys: usize, file: &Arc<str>) -> Seen {
    let time = START + at as i64 * STEP + (at / 100) as i64 * 2000 + family as i64 % 97;
    let line =
        Line { file: file.clone(), number: at as u64 + 1, offset: at as u64 * 150, text: vec![b'x'; 150].into() };
    Seen::Hit(Hit {
        signal: SignalId((at / keys % 2) as u32),
        stamp: Some(Stamp::Local(time)),
        captures: vec![(CaptureId(0), format!("key-{}", at % keys).into())],
        weight: 1,
        line,
        head: None,
    })
}
