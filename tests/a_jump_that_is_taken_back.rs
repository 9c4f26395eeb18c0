//! A jump ahead that the log itself takes back is not believed, however many records it lasts: they have the time of the
//! one before. A clock that was ahead for long and is then set back was changed, and that is a step.
//!
//! The sentence is written here once more, over all times of all files of a family, and compared with what a replay says
//! that looks at few of them.

#[path = "live_support/mod.rs"]
mod live_support;

use std::convert::Infallible;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use tocsin::correlate::{Family, HOLD, MAX_KEYS, What};
use tocsin::input::tail::wake::Woken;
use tocsin::pattern::{Patterns, Zone};
use tocsin::replay::{FamilyRuns, Options, Run, replay};
use tocsin::scan::{Lookahead, Scanner};
use tocsin::time::{Millis, Moment};
use tocsin::transition::Mode;

/// 2021-01-01T00:00:00Z.
const START: Millis = 1_609_459_200_000;
const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;

const PATTERNS: &str = r#"
[layout.plain]
pattern = '%d{ISO8601} %p %m%n'

[log.app]
files = ["app/*.log*"]
layout = "plain"
service = "S"
role = "R"

[signal.beat]
log = "app"
message = '''beat'''
provenance = "observed"

[signal.refused]
log = "app"
message = '''refused'''
provenance = "observed"

[alarm.Silent]
name = "…"
severity = "minor"
log = "app"
raise = [{ absent = "beat", for = "60s", arm = 3 }]
clear = [{ present = "beat" }]

[alarm.Refused]
name = "…"
severity = "minor"
log = "app"
raise = [{ on = "refused" }]
clear = [{ quiet = "10m" }]
"#;

static COMPILED: LazyLock<Patterns> = LazyLock::new(|| PATTERNS.parse().unwrap_or_else(|wrong| panic!("{wrong}")));

#[derive(Clone, Debug)]
struct Record {
    time: Millis,
    says: &'static str,
    /// Bytes of continuation.
    more: usize,
}

fn record(time: Millis, says: &'static str) -> Record {
    Record { time, says, more: 0 }
}

impl Record {
    fn text(&self) -> String {
        let time = Moment::utc(self.time).to_string();
        let head = format!("{} {} INFO {}\n", &time[..10], time[11..23].replace('.', ","), self.says);
        if self.more > 0 { format!("{head}\tat {}\n", "x".repeat(self.more)) } else { head }
    }

    fn is_hit(&self) -> bool {
        self.says != "nothing"
    }
}

// ----------------------------------------------------------------------------------------------------------- the sentence

const JUMP: Millis = 5 * MINUTE;

/// The time that is to be believed of each record.
fn believed(times: &[Millis]) -> Vec<Millis> {
    let mut believed = times.to_vec();
    for jump in 1..times.len() {
        let (before, after) = (times[jump - 1], times[jump]);
        if after - before > JUMP
            && let Some(back) = taken_back(before, after, &times[jump..])
        {
            let before = believed[jump - 1];
            believed[jump..jump + back].fill(before);
        }
    }
    believed
}

/// How many records stand between the jump and the one that takes it back.
fn taken_back(before: Millis, after: Millis, behind: &[Millis]) -> Option<usize> {
    let longest = (10 * MINUTE).min((after - before) / 2) + MINUTE;
    let mut latest = after;
    for (at, time) in behind.iter().copied().enumerate() {
        if time - after > longest {
            return None;
        }
        if time - after < -MINUTE {
            let (passed, fall) = (time - before, after - time);
            let fits = latest - after <= passed.max(0) + MINUTE;
            return (passed >= -MINUTE && passed <= fall && fits).then_some(at);
        }
        latest = latest.max(time);
    }
    None
}

// ------------------------------------------------------------------------------------------------------------- the replay

/// What a replay says.
#[derive(Debug)]
struct Told {
    /// The times of the hits.
    hits: Vec<Millis>,
    disbelieved: u64,
    steps: u64,
    /// Event, alarm and time.
    transitions: Vec<(String, Millis)>,
}

fn told(files: &[&[Record]], cuts: &[usize]) -> Told {
    let log = &COMPILED.logs[0];
    let run = |(rank, records): (usize, &&[Record])| {
        let text: String = records.iter().map(Record::text).collect();
        let name = format!("app/{rank}.log");
        let mut scanner = Scanner::new(&COMPILED, log, name.as_str().into(), Zone::UTC, Lookahead::File);
        let mut seen = Vec::new();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        places.windows(2).for_each(|block| scanner.feed(&text.as_bytes()[block[0]..block[1]], &mut seen));
        let summary = scanner.finish(&mut seen);
        Run { file: name, seen: seen.into(), summary, rank: vec![rank as i64], ..Run::default() }
    };
    let runs: Vec<Run> = files.iter().enumerate().map(run).collect();
    let by_scanning: u64 = runs.iter().map(|run| run.summary.disbelieved).sum();
    let family = Family {
        cluster: "cluster".into(),
        node: "node".into(),
        log: COMPILED.log_named("app").unwrap(),
        log_name: "app".into(),
        name: "app/0.log".into(),
        zone: Zone::UTC,
    };
    let options = Options { mode: Mode::Replay, hold: HOLD, end: None, max_keys: MAX_KEYS };
    let (mut hits, mut transitions) = (Vec::new(), Vec::new());
    let mut listen = |event: &tocsin::correlate::Event, _: &[_], _: &[_]| {
        if let What::Hit(hit) = &event.what {
            hits.push(hit.moment.millis);
        }
    };
    let done = replay(&COMPILED, vec![FamilyRuns { family, runs }], options, Some(&mut listen), |t| {
        transitions.push((format!("{} {}", t.event.name(), t.alarm), t.time.millis));
        Ok::<(), Infallible>(())
    });
    let counts = match done {
        Ok(report) => report.families[0].counts,
        Err(never) => match never {},
    };
    Told { hits, disbelieved: by_scanning + counts.disbelieved, steps: counts.steps, transitions }
}

fn hits_of(records: &[Record]) -> (Vec<Millis>, u64) {
    let times: Vec<Millis> = records.iter().map(|record| record.time).collect();
    let believed = believed(&times);
    let hits = || records.iter().zip(&believed).filter(|(record, _)| record.is_hit());
    let wild = hits().filter(|(record, time)| record.time != **time).count() as u64;
    (hits().map(|(_, time)| *time).collect(), wild)
}

// ------------------------------------------------------------------------------------------------------------ what we saw

/// Beats every ten seconds for five minutes, then so many lines that are eight hours ahead, and then the beats go on.
fn booted(ahead: usize) -> (Vec<Record>, Vec<Record>, Vec<Record>) {
    let before: Vec<Record> = (0..30).map(|n| record(START + n * 10 * SECOND, "beat")).collect();
    let jumped = START + 291 * SECOND;
    let burst = (0..ahead as i64)
        .map(|n| record(jumped + 8 * HOUR + n * SECOND, if n % 3 == 0 { "refused" } else { "nothing" }));
    let back = jumped + ahead as i64 * SECOND;
    let behind = (0..60).map(|n| record(back + n * 10 * SECOND, "beat")).collect();
    (before, burst.collect(), behind)
}

const LENGTHS: [usize; 8] = [1, 2, 7, 8, 9, 20, 500, 600];

fn nothing_is_told_of_the_burst(told: &Told, whole: &[Record], what: &str) {
    let (hits, wild) = hits_of(whole);
    assert_eq!((&told.hits, told.disbelieved, told.steps), (&hits, wild, 0), "{what}");
    let last = whole.last().unwrap().time;
    assert!(told.transitions.iter().all(|(_, time)| *time <= last), "{what}: {:?}", told.transitions);
}

#[test]
fn a_burst_of_any_length_moves_no_clock() {
    for ahead in LENGTHS {
        let (before, burst, behind) = booted(ahead);
        let whole = [before, burst, behind].concat();
        let told = told(&[&whole], &[]);
        nothing_is_told_of_the_burst(&told, &whole, &format!("{ahead} lines"));
        let refused: Vec<_> = told.transitions.iter().filter(|(what, _)| what == "raise Refused").collect();
        assert_eq!(refused, [&("raise Refused".to_owned(), START + 290 * SECOND)], "{ahead} lines");
    }
}

#[test]
fn a_burst_across_a_roll_border_moves_no_clock() {
    for ahead in LENGTHS {
        let (before, burst, behind) = booted(ahead);
        let whole = [before, burst, behind].concat();
        for cut in [30, 31, 30 + ahead / 2, 30 + ahead - 1, 30 + ahead, 31 + ahead] {
            let (one, other) = whole.split_at(cut);
            let told = told(&[one, other], &[]);
            nothing_is_told_of_the_burst(&told, &whole, &format!("{ahead} lines, rolled before the {cut}th"));
        }
    }
}

#[test]
fn a_burst_through_several_files_moves_no_clock() {
    let (before, burst, behind) = booted(40);
    let whole = [before, burst, behind].concat();
    let (one, two) = (&whole[..35], &whole[35..]);
    // Whatever is rolled behind the burst, is a file like any other.
    let (two, three) = two.split_at(60);
    nothing_is_told_of_the_burst(&told(&[one, two, three], &[]), &whole, "three files");
}

/// Read with a wrong offset, a log is an hour ahead all summer and is set back in autumn.
#[test]
fn a_clock_that_is_set_back_after_long_is_a_step() {
    for step in [2, 10, 60] {
        let mut whole: Vec<Record> = (0..30).map(|n| record(START + n * 10 * SECOND, "beat")).collect();
        let ahead = START + 300 * SECOND + HOUR;
        let lasts = (0..).map(|n| n * step * SECOND).take_while(|t| *t <= 15 * MINUTE);
        whole.extend(lasts.map(|t| record(ahead + t, "beat")));
        let back = START + 300 * SECOND + 15 * MINUTE + SECOND;
        whole.extend((0..60).map(|n| record(back + n * 10 * SECOND, "beat")));
        let told = told(&[&whole], &[]);
        assert_eq!((&told.hits, told.disbelieved, told.steps), (&hits_of(&whole).0, 0, 1), "a line each {step} s");
        assert!(told.hits.contains(&ahead));
    }
}

/// Minutes pass in the burst, but none outside of it: the clock was ahead before the jump, too.
#[test]
fn what_lasted_longer_than_what_passed_is_believed() {
    let mut whole: Vec<Record> = (0..30).map(|n| record(START + n * 10 * SECOND, "beat")).collect();
    let before = START + 290 * SECOND;
    whole.extend((0..30).map(|n| record(before + HOUR + n * 10 * SECOND, "beat")));
    whole.extend((1..60).map(|n| record(before + n * 10 * SECOND, "beat")));
    let told = told(&[&whole], &[]);
    assert_eq!((told.disbelieved, told.steps), (0, 1));
    assert_eq!(told.hits, hits_of(&whole).0);
}

/// The times go ahead and are set back where no hit stands: what ends at which block must not show.
#[test]
fn a_fall_that_no_hit_stands_next_to_shows_nowhere() {
    let mut whole = vec![record(START, "refused")];
    whole.extend((1..1200).map(|n| record(START + n * SECOND, "nothing")));
    whole.push(record(START + 10 * MINUTE, "refused"));
    whole.extend((1..30).map(|n| record(START + 10 * MINUTE + n * MINUTE, "nothing")));
    let length: usize = whole.iter().map(|record| record.text().len()).sum();
    let in_one = told(&[&whole], &[]);
    assert_eq!(in_one.steps, 0);
    assert!(in_one.transitions.contains(&("clear Refused".to_owned(), START + 20 * MINUTE)), "{in_one:?}");
    let (one, other) = whole.split_at(1200);
    for (files, cuts) in [(vec![&whole[..]], vec![length / 2, length - 2000]), (vec![one, other], vec![])] {
        let cut = told(&files, &cuts);
        assert_eq!((cut.steps, &cut.transitions), (0, &in_one.transitions));
    }
}

// -------------------------------------------------------------------------------------------------------------------- live

/// Live, the wall clock tells what is ahead, and it says the same.
#[test]
fn a_burst_is_told_live_as_in_replay() {
    for ahead in [1, 5, 9, 40, 100] {
        let (before, burst, behind) = booted(ahead);
        let site = live_support::Site::new(PATTERNS.parse().unwrap(), Zone::UTC);
        let path = Path::new("node-1/app/x.log");
        site.append(path, b"");
        let mut now = START - MINUTE;
        let mut turns = site.watch(now, HOLD);
        let jumped = START + 291 * SECOND;
        let quiet = |record: &Record| Record { time: record.time + 700, says: "nothing", ..record.clone() };
        let spoken = before.iter().flat_map(|record| [record.clone(), quiet(record)]);
        let spoken = spoken
            .map(|record| (record.time, record))
            .chain((burst.into_iter().enumerate()).map(|(n, record)| (jumped + n as i64 * SECOND, record)));
        for (wall, record) in spoken.chain(behind.into_iter().map(|record| (record.time, record))) {
            live_support::pass(&mut turns, &mut now, wall + 50, &Woken::default());
            site.append(path, record.text().as_bytes());
            turns.turn(now, &Woken { all: true, ..Woken::default() }).unwrap();
        }
        let end = now + MINUTE;
        live_support::pass(&mut turns, &mut now, end, &Woken::default());
        turns.read_all(now);
        turns.watch.commit_now(now).unwrap();
        let replayed = site.replay(turns.watch.clock());
        let shown = |all: &[tocsin::transition::Transition]| {
            let mut shown: Vec<String> = all.iter().map(|t| live_support::comparable(t).to_string()).collect();
            shown.sort();
            shown
        };
        assert_eq!(shown(&site.taken.all()), shown(&replayed), "{ahead} lines");
        let refused = replayed.iter().find(|t| &*t.alarm == "Refused").map(|t| t.time.millis);
        assert_eq!(refused, Some(START + 290 * SECOND + 700), "{ahead} lines");
    }
}

// ---------------------------------------------------------------------------------------------------------------- any logs

/// A part of a log: so many records, so far apart.
#[derive(Clone, Debug)]
enum Part {
    Calm(Vec<(Millis, &'static str, usize)>),
    /// This much ahead.
    Burst(Millis, Vec<(Millis, &'static str, usize)>),
    /// For so long that the clock was changed when it is back.
    Changed(Millis, Vec<(Millis, &'static str, usize)>),
}

fn part() -> impl Strategy<Value = Part> {
    let says = || prop_oneof![6 => Just("nothing"), 1 => Just("beat"), 1 => Just("refused")];
    let more = || prop_oneof![20 => Just(0_usize), 1 => 0..3_000_usize];
    let calm_step = || prop_oneof![20 => 0..20 * SECOND, 1 => 0..40 * MINUTE];
    let calm = prop::collection::vec((calm_step(), says(), more()), 1..150);
    let short = prop::collection::vec((0..2 * SECOND, says(), more()), 1..40);
    // Of more, not every record is read, and of two bursts in a row that are as far ahead one might be made.
    let long = prop::collection::vec((0..SECOND, says(), more()), 1..480);
    let ahead = || prop_oneof![40 * MINUTE..25 * HOUR, Just(8 * HOUR)];
    let changed = prop::collection::vec((20 * SECOND..60 * SECOND, says(), more()), 60..80);
    prop_oneof![
        6 => calm.prop_map(Part::Calm),
        3 => (ahead(), short).prop_map(|(ahead, lines)| Part::Burst(ahead, lines)),
        2 => (ahead(), long).prop_map(|(ahead, lines)| Part::Burst(ahead, lines)),
        1 => (HOUR..9 * HOUR, changed).prop_map(|(ahead, lines)| Part::Changed(ahead, lines)),
    ]
}

fn records(parts: &[Part]) -> Vec<Record> {
    let mut now = START;
    let mut records = vec![record(now, "nothing")];
    for part in parts {
        // Calm for a while, or two bursts would be one, and nobody could tell what is ahead of what.
        records.extend((0..12).map(|n| record(now + n * SECOND, "nothing")));
        now += 12 * SECOND;
        let (ahead, lines) = match part {
            Part::Calm(lines) => (0, lines),
            Part::Burst(ahead, lines) | Part::Changed(ahead, lines) => (*ahead, lines),
        };
        for (step, says, more) in lines {
            now += step;
            records.push(Record { time: now + ahead, says, more: *more });
        }
    }
    records.extend((1..40).map(|n| record(now + n * SECOND, "beat")));
    records
}

/// Cut into files, as far as their times say their order.
fn files<'r>(records: &'r [Record], cuts: &[Index]) -> Vec<&'r [Record]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(records.len())).filter(|cut| *cut > 0).collect();
    places.sort_unstable();
    places.dedup();
    let mut files: Vec<&[Record]> = Vec::new();
    let mut from = 0;
    for until in places.into_iter().chain([records.len()]) {
        let (file, rest) = (&records[from..until], &records[until..]);
        let (first, last) = (file[0].time, file[file.len() - 1].time);
        // What was begun by a wrong clock and is not over says nothing of where it stands.
        let ordered = |file: &[Record]| file.iter().all(|record| record.time >= file[0].time - MINUTE);
        let begins = if last < first - MINUTE { last } else { first };
        let after_all = records[..from].iter().all(|record| record.time < begins || last < first - MINUTE);
        let before_all = rest.iter().all(|record| record.time > begins);
        // A single time that all behind it are far behind is not believed, whatever the file before says.
        let alone = rest.len() > 1 && rest[0].time > rest[1].time + JUMP && rest[0].time <= last + JUMP;
        if alone {
            continue;
        }
        if from == 0 && before_all || after_all && before_all && (ordered(file) || last < first - MINUTE) {
            files.push(file);
            from = until;
        }
    }
    if from < records.len() {
        files.pop();
        let begin: usize = files.iter().map(|file| file.len()).sum();
        files.push(&records[begin..]);
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_says_what_the_sentence_says(
        parts in prop::collection::vec(part(), 1..8),
        rolls in prop::collection::vec(any::<Index>(), 0..4),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let records = records(&parts);
        let (hits, wild) = hits_of(&records);
        let files = files(&records, &rolls);
        prop_assert_eq!(files.iter().map(|file| file.len()).sum::<usize>(), records.len());
        let told = told(&files, &cuts);
        prop_assert_eq!((&told.hits, told.disbelieved), (&hits, wild), "{} files", files.len());
    }
}

/// `PROPTEST_CASES` asks for more than the usual number.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).map_or(usual, |n: u32| usual * n.div_ceil(256))
}
