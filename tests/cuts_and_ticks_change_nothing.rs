//! What a log says does not depend on how it was read.
//!
//! Blocks end where a read happened to end, files end where a rotation happened to come, ticks come when somebody
//! happened to look, and files are found in the order in which a disk lists them. None of this is in the log, so none
//! of it may be in what we write: otherwise a replay would differ from what was seen live.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::Index;

use tocsin::correlate::event::SLACK;
use tocsin::correlate::{Family, HOLD, MAX_KEYS};
use tocsin::pattern::stamp::Stamp;
use tocsin::pattern::{Patterns, Zone};
use tocsin::replay::{FamilyRuns, Options, Run, replay};
use tocsin::scan::{Lookahead, Scanner, Seen};
use tocsin::time::{Millis, Moment};
use tocsin::transition::{Mode, Transition};

/// 2021-01-01T00:00:00Z.
const START: Millis = 1_609_459_200_000;

const PATTERNS: &str = r#"
[layout.plain]
pattern = '%d{ISO8601} %p %m%n'

[log.app]
files = ["app/*.log*"]
layout = "plain"
service = "S"
role = "R"

[log.peer]
files = ["peer/*.log*"]
layout = "plain"
service = "S"
role = "R"

[log.lines]
files = ["lines/*.log*"]
layout = "plain"
service = "S"
role = "Lines"
records = "line"

[signal.begun]
log = ["app", "peer", "lines"]
message = '''begun (?<k>\w+)'''
provenance = "observed"

[signal.ended]
log = ["app", "peer", "lines"]
message = '''ended(?: (?<k>\w+))?'''
provenance = "observed"

[signal.beat]
log = ["app", "peer", "lines"]
message = '''beat'''
provenance = "observed"

[signal.stopped]
log = ["app", "peer", "lines"]
message = '''stopped'''
provenance = "observed"

[signal.repeated]
log = ["app", "peer", "lines"]
match = '''repeated (?<times>\d+)'''
weight = "times"
provenance = "observed"

[signal.caused]
log = ["app", "peer", "lines"]
match = '''Caused by: (?<why>\w+)'''
provenance = "observed"

[signal.caused-of-error]
log = ["app", "peer"]
match = '''Caused by: (?<why>\w+)'''
message = '''begun (?<k>\w+)'''
head = '''ERROR'''
provenance = "observed"

[alarm.Begun]
name = "…"
severity = "minor"
log = ["app", "peer", "lines"]
by = ["k"]
params = ["why"]
raise = [{ on = "begun", with = [{ on = ["caused", "repeated"], within = "20s", cause = "caused", max = 2 }] }]
clear = [{ on = "ended" }, { quiet = "15s" }]

[alarm.Silent]
name = "…"
severity = "minor"
log = ["app", "peer"]
params = ["why"]
raise = [{ absent = "beat", for = "3s", arm = 2, disarm = "stopped", cause = "silent", with = [{ on = "caused", within = "10s" }] }, { on = "stopped" }]
clear = [{ present = "beat" }, { quiet = "8s", causes = ["stopped"] }]

[alarm.Often]
name = "…"
severity = "minor"
log = "app"
by = ["family"]
raise = [{ on = ["repeated", "begun"], count = 4, within = "5s", unless = [{ on = "stopped", within = "4s" }] }]
clear = [{ quiet = "4s" }]

[alarm.Unended]
name = "…"
severity = "minor"
log = ["app", "peer", "lines"]
by = ["k"]
raise = [{ on = "begun", without = "ended", within = "4s", unless = [{ on = "beat", within = "1s" }] }, { on = "beat", renew = true }]
clear = [{ on = "ended" }, { quiet = "6s" }]

[alarm.Caused]
name = "…"
severity = "minor"
log = ["app", "peer"]
by = ["k"]
params = ["why"]
stateless = true
raise = [{ on = "caused-of-error", with = [{ on = "caused", within = "30s" }] }]
"#;

static COMPILED: LazyLock<Patterns> = LazyLock::new(|| PATTERNS.parse().unwrap_or_else(|wrong| panic!("{wrong}")));

// ------------------------------------------------------------------------------------------------------------- the logs

#[derive(Clone, Debug)]
struct Log {
    node: &'static str,
    log: &'static str,
    lines: Vec<Line>,
    line_break: &'static str,
    ends_with_break: bool,
}

#[derive(Clone, Debug)]
enum Line {
    /// A head, so much after the latest so far, but so much older.
    Head { ahead: Millis, behind: Millis, level: &'static str, says: &'static str },
    /// A head with a time that never was.
    Impossible(&'static str),
    /// Belongs to the record above, if lines are no records.
    More(&'static str),
}

const SAYINGS: [&str; 14] = [
    "beat",
    "beat",
    "begun a",
    "begun a",
    "begun b",
    "ended",
    "ended a",
    "stopped",
    "repeated 2 times",
    "Caused by: one",
    "begun a Caused by: two",
    "Caused by: three, repeated 3",
    "nothing of interest",
    "",
];

impl Line {
    fn text(&self, latest: &mut Millis) -> String {
        match self {
            Line::Head { ahead, behind, level, says } => {
                *latest += ahead;
                let time = Moment::utc(*latest - behind).to_string();
                let (date, time) = (&time[..10], time[11..23].replace('.', ","));
                format!("{date} {time} {level} {says}")
            }
            Line::Impossible(says) => format!("2021-02-30 00:00:00,000 INFO {says}"),
            Line::More(says) => (*says).to_owned(),
        }
    }
}

impl Log {
    /// Its lines with their line breaks.
    fn lines(&self) -> Vec<String> {
        let mut latest = START;
        let mut lines: Vec<String> = self.lines.iter().map(|l| l.text(&mut latest) + self.line_break).collect();
        if let Some(last) = lines.last_mut().filter(|_| !self.ends_with_break) {
            last.truncate(last.trim_end_matches(['\r', '\n']).len());
        }
        lines
    }

    fn family(&self, at: usize) -> Family {
        Family {
            cluster: "cluster".into(),
            node: self.node.into(),
            log: COMPILED.log_named(self.log).unwrap(),
            log_name: self.log.into(),
            name: format!("{}/{at}.log", self.log).into(),
            zone: Zone::UTC,
        }
    }

    /// One file, read in blocks that end at these places.
    fn run(&self, file: &str, text: &[u8], cuts: &[usize]) -> Run {
        let log = COMPILED.log(COMPILED.log_named(self.log).unwrap());
        let mut scanner = Scanner::new(&COMPILED, log, file.into(), Zone::UTC, Lookahead::File);
        let mut seen = Vec::new();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        for block in places.windows(2) {
            scanner.feed(&text[block[0]..block[1]], &mut seen);
        }
        let summary = scanner.finish(&mut seen);
        Run { file: file.to_owned(), seen: seen.into(), summary, ..Run::default() }
    }

    fn whole(&self, at: usize) -> FamilyRuns {
        let text = self.lines().concat();
        let family = self.family(at);
        FamilyRuns { runs: vec![self.run(&family.name, text.as_bytes(), &[])], family }
    }
}

fn logs() -> impl Strategy<Value = Vec<Log>> {
    let ahead = prop::sample::select(vec![0, 0, 500, 500, 1000, 1000, 2000, 3000, 7000, 40_000]);
    let behind = prop_oneof![4 => Just(0), 1 => Just(500), 1 => Just(1000)];
    let says = || prop::sample::select(&SAYINGS[..]);
    let level = prop::sample::select(vec!["INFO", "ERROR"]);
    let head = (ahead, behind, level, says());
    let line = prop_oneof![
        6 => head.prop_map(|(ahead, behind, level, says)| Line::Head { ahead, behind, level, says }),
        1 => says().prop_map(Line::Impossible),
        3 => says().prop_map(Line::More),
    ];
    let node = prop::sample::select(vec!["node-1", "node-1", "node-1", "node-2"]);
    let log = prop::sample::select(vec!["app", "app", "peer", "lines"]);
    let line_break = prop::sample::select(vec!["\n", "\n", "\r\n"]);
    let parts = (node, log, prop::collection::vec(line, 1..45), line_break, any::<bool>());
    let log = parts.prop_map(|(node, log, mut lines, line_break, ends_with_break)| {
        // The time of what stands before all times is taken from the file's own, which is another matter.
        lines.insert(0, Line::Head { ahead: 0, behind: 0, level: "INFO", says: "first" });
        Log { node, log, lines, line_break, ends_with_break }
    });
    prop::collection::vec(log, 1..4)
}

fn end() -> impl Strategy<Value = Option<Millis>> {
    prop::option::of((0_i64..200).prop_map(|seconds| START + 1000 * seconds))
}

fn transitions(families: Vec<FamilyRuns>, end: Option<Millis>) -> Vec<Transition> {
    let mut all = Vec::new();
    let options = Options { mode: Mode::Replay, hold: HOLD, end, max_keys: MAX_KEYS };
    let done = replay(&COMPILED, families, options, None, |t| {
        all.push(t);
        Ok::<(), Infallible>(())
    });
    match done {
        Ok(_) => all,
        Err(never) => match never {},
    }
}

fn json(transitions: &[Transition]) -> Vec<String> {
    transitions.iter().map(|t| t.to_json().unwrap()).collect()
}

/// Where a line stands is the one thing that a rotation changes.
fn without_places(mut transitions: Vec<Transition>) -> Vec<Transition> {
    for line in transitions.iter_mut().flat_map(|t| &mut t.evidence) {
        (line.file, line.line, line.offset) = ("".into(), 0, 0);
    }
    transitions
}

fn whole(logs: &[Log]) -> Vec<FamilyRuns> {
    logs.iter().enumerate().map(|(at, log)| log.whole(at)).collect()
}

// ------------------------------------------------------------------------------------------------------------ rotations

/// The log in several files, of which each begins where the one before was left.
///
/// Files are put in order by the first time inside, so a rotation that would come between records that are out of order
/// among themselves, and turn two files around, does not come.
fn rolled(log: &Log, at: usize, cuts: &[Index]) -> FamilyRuns {
    let lines = log.lines();
    let mut places: Vec<usize> = cuts.iter().map(|cut| 1 + cut.index(lines.len())).collect();
    places.extend([0, lines.len()]);
    places.sort_unstable();
    places.dedup();
    let mut files: Vec<String> = places.windows(2).map(|p| lines[p[0]..p[1]].concat()).collect();
    loop {
        let first = |file: &String| log.run("", file.as_bytes(), &[]).summary.first.map(millis);
        let latest = |files: &[String]| files.iter().flat_map(|f| times(f)).max();
        let begins: Vec<Option<Millis>> =
            files.iter().enumerate().map(|(i, file)| first(file).or_else(|| latest(&files[..=i]))).collect();
        match begins.windows(2).position(|pair| pair[1] < pair[0]) {
            Some(turned) => {
                let next = files.remove(turned + 1);
                files[turned] += &next;
            }
            None => {
                let family = log.family(at);
                let runs = files.iter().enumerate().map(|(i, file)| {
                    let mut run = log.run(&format!("{}.{}", family.name, files.len() - i), file.as_bytes(), &[]);
                    run.modified = latest(&files[..=i]);
                    run.rank = vec![i as i64];
                    run
                });
                return FamilyRuns { runs: runs.collect(), family };
            }
        }
    }
}

fn millis(stamp: Stamp) -> Millis {
    match stamp {
        Stamp::Local(t) | Stamp::Utc(t) => t,
        Stamp::Yearless { .. } => unreachable!("the layout has a year"),
    }
}

/// The times of all heads in a file.
fn times(file: &str) -> Vec<Millis> {
    let layout = &COMPILED.logs[0].layouts[0].1;
    file.lines().filter_map(|line| layout.stamp(line.as_bytes())).map(millis).collect()
}

// ---------------------------------------------------------------------------------------------------------------- ticks

/// Other ticks: at each place the latest that is true, less so much, or none.
fn tick_anew(runs: &mut FamilyRuns, choices: &[Option<Millis>]) {
    let run = &mut runs.runs[0];
    let Some(last) = run.summary.last.map(millis) else { return };
    let hits: Vec<Seen> = std::mem::take(&mut run.seen).read().filter(|seen| !matches!(seen, Seen::Tick(_))).collect();
    let mut seen = Vec::new();
    let mut choices = choices.iter().cycle();
    let time = |seen: &Seen| match seen {
        Seen::Hit(hit) => hit.stamp.map(millis),
        _ => None,
    };
    for at in 0..=hits.len() {
        let later = hits[at..].iter().filter_map(time).min();
        // True: nothing later is older by more than the slack. One ahead of the last record would be the family's last.
        let latest = later.map_or(last, |t| t.min(last)) + SLACK;
        if let Some(Some(less)) = choices.next() {
            seen.push(Seen::Tick(Stamp::Local(latest - less)));
        }
        seen.extend(hits.get(at).cloned());
    }
    run.seen = seen.into();
}

// ----------------------------------------------------------------------------------------------------------- properties

/// `PROPTEST_CASES` asks for more.
fn cases(at_least: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: at_least.max(config.cases), max_shrink_iters: 50_000, failure_persistence: None, ..config }
}

fn same(one: &[Transition], other: &[Transition], logs: &[Log]) -> Result<(), TestCaseError> {
    let (one, other) = (json(one), json(other));
    let text = || logs.iter().map(|l| l.lines().concat()).collect::<Vec<_>>().join("\n---\n");
    prop_assert!(one == other, "{}\nis not\n{}\nfrom\n{}", one.join("\n"), other.join("\n"), text());
    Ok(())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn cutting_the_input_into_blocks_changes_nothing(
        logs in logs(),
        end in end(),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let cut = logs.iter().enumerate().map(|(at, log)| {
            let text = log.lines().concat();
            let family = log.family(at);
            FamilyRuns { runs: vec![log.run(&family.name, text.as_bytes(), &cuts)], family }
        });
        same(&transitions(whole(&logs), end), &transitions(cut.collect(), end), &logs)?;
    }

    #[test]
    fn a_rotation_between_any_two_lines_changes_nothing(
        logs in logs(),
        end in end(),
        cuts in prop::collection::vec(any::<Index>(), 1..6),
    ) {
        let rolled = logs.iter().enumerate().map(|(at, log)| rolled(log, at, &cuts)).collect();
        let (one, other) = (transitions(whole(&logs), end), transitions(rolled, end));
        same(&without_places(one), &without_places(other), &logs)?;
    }

    #[test]
    fn ticks_that_come_go_or_move_change_nothing(
        logs in logs(),
        end in end(),
        choices in prop::collection::vec(prop::option::of(prop::sample::select(vec![0, 500, 1000, 3000])), 1..12),
    ) {
        let mut ticked = whole(&logs);
        ticked.iter_mut().for_each(|runs| tick_anew(runs, &choices));
        same(&transitions(whole(&logs), end), &transitions(ticked, end), &logs)?;
    }

    #[test]
    fn the_order_of_files_and_families_changes_nothing(
        logs in logs(),
        end in end(),
        cuts in prop::collection::vec(any::<Index>(), 0..4),
        turn in 1_usize..8,
    ) {
        let given = || logs.iter().enumerate().map(|(at, log)| rolled(log, at, &cuts)).collect::<Vec<_>>();
        let mut turned = given();
        turned.reverse();
        let by = turn % turned.len();
        turned.rotate_left(by);
        for family in &mut turned {
            family.runs.reverse();
            let by = turn % family.runs.len();
            family.runs.rotate_left(by);
        }
        same(&transitions(given(), end), &transitions(turned, end), &logs)?;
    }
}

/// Too rare for random logs: the last line of a file is later than the first of the next, no hit, and a line of another
/// family stands between them.
#[test]
fn a_rotation_among_records_out_of_order_changes_nothing() {
    let head = |ahead, behind, says| Line::Head { ahead, behind, level: "INFO", says };
    let log = |log, lines| Log { node: "node-1", log, lines, line_break: "\n", ends_with_break: true };
    let app = vec![head(0, 0, "first"), head(10_000, 0, "nothing"), head(0, 500, "begun a"), head(9_000, 0, "nothing")];
    let peer = vec![head(0, 0, "first"), head(9_500, 0, "begun a"), head(9_000, 0, "nothing")];
    let logs = [log("app", app), log("peer", peer)];
    let runs = |files: [&[&str]; 2]| {
        let families = logs.iter().zip(files).enumerate().map(|(at, (log, files))| {
            let named = files.iter().enumerate().map(|(i, file)| log.run(&format!("{i}"), file.as_bytes(), &[]));
            FamilyRuns { runs: named.collect(), family: log.family(at) }
        });
        without_places(transitions(families.collect(), None))
    };
    let (app, peer) = (logs[0].lines(), logs[1].lines().concat());
    let whole = runs([&[&app.concat()], &[&peer]]);
    let rolled = runs([&[&app[..2].concat(), &app[2..].concat()], &[&peer]]);
    assert!(!whole.is_empty());
    assert_eq!(json(&whole), json(&rolled));
}

/// The properties would hold of an input that says nothing, so be sure that theirs does.
#[test]
fn the_logs_of_these_properties_make_every_alarm() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut events = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let (logs, end) = (logs(), end()).new_tree(&mut runner).unwrap().current();
        events.extend(transitions(whole(&logs), end).into_iter().map(|t| (t.alarm, t.event.name())));
    }
    let all: Vec<(Arc<str>, &str)> = COMPILED
        .alarms
        .iter()
        .flat_map(|a| {
            if a.stateless { vec!["occur"] } else { vec!["raise", "clear"] }.into_iter().map(|e| (a.name.clone(), e))
        })
        .collect();
    assert!(all.iter().all(|e| events.contains(e)), "only {events:?}");
}
