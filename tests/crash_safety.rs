//! The second promise: whenever the process is killed, nothing is lost, and what is said again carries the same id.
//!
//! Logs are written under the real clock, and rolled in every way; between two lines, between two system calls, the watch
//! is killed without notice and started again. In the end, what came out of all its lives is what one replay of the same
//! directory gives. `TOCSIN_CRASHES` says how often it is killed, `TOCSIN_SEED` repeats a run that failed (as far as the
//! machine's own timing allows).

mod support;
mod watch_support;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::Utc;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use support::{Ended, Site, alarm, ha};
use watch_support::{Running, append, clock, now, pack, state, state_until};

/// Alarms that are raised and cleared by the clock, within the time that a test has.
const TIMED: &str = r#"
[alarm.T-SILENT]
name     = "Heartbeats stop"
severity = "minor"
log      = "ha-flinkserver"
raise    = [{ absent = "ha-heartbeat", for = "300ms", arm = 2, cause = "silent" }]
clear    = [{ present = "ha-heartbeat" }]

[alarm.T-NOISY]
name     = "Switched over again and again"
severity = "major"
log      = "ha-flinkserver"
raise    = [{ on = "ha-switchover", count = 3, within = "400ms", cause = "noisy" }]
clear    = [{ quiet = "500ms" }]

[alarm.T-GATEWAY]
name     = "The gateway does not come back"
severity = "minor"
log      = "ha-flinkserver"
raise    = [{ on = "ha-gateway-lost", without = "ha-gateway-back", within = "300ms", cause = "gateway" }]
clear    = [{ on = "ha-gateway-back" }]
"#;

const LOGS: [&str; 4] = [
    "logs/node-1/flink/flinkserver/ha/runlog/ha.log",
    "logs/node-1/zookeeper/quorumpeer/zookeeper-omm-server-node-1.log",
    "logs/node-2/flink/flinkserver/ha/runlog/ha.log",
    "logs/node-2/zookeeper/quorumpeer/zookeeper-omm-server-node-2.log",
];
const ARGS: [&str; 10] = ["watch", "--state", "state", "--tz", "UTC", "--from", "start", "--patterns", "more", "logs"];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// Chance that can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// Says how to repeat a run that fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat it with TOCSIN_SEED={}", self.0);
        }
    }
}

/// Whoever writes the logs, and rolls them.
struct Writer {
    site: Site,
    chance: Chance,
    /// Half a line that was written to a log.
    open: [Option<String>; LOGS.len()],
    rolled: u32,
    marks: u32,
}

impl Writer {
    fn new(seed: u64) -> Writer {
        let site = Site::new(&[("more/timed.toml", TIMED)]);
        fs::create_dir(site.path("logs")).unwrap();
        Writer { site, chance: Chance(seed | 1), open: Default::default(), rolled: 0, marks: 0 }
    }

    fn line(&mut self, log: usize) -> String {
        if log % 2 == 1 {
            return match self.chance.below(5) {
                0 => {
                    zookeeper("INFO  [main:QuorumPeerConfig@136] - Reading configuration from: /etc/zookeeper/zoo.cfg")
                }
                client => refused(client),
            };
        }
        match self.chance.below(10) {
            0..4 => ha(&now(), "recv heartbeat from peer"),
            4 => alarm(&now(), 2, 2),
            5 => alarm(&now(), 6, self.chance.below(2) as u32),
            6 => ha(&now(), "nothing to speak of\nand a line below it"),
            _ => alarm(&now(), [0, 1, 4, 5][self.chance.below(4) as usize], self.chance.below(2) as u32),
        }
    }

    fn write(&mut self) {
        let log = self.chance.below(LOGS.len() as u64) as usize;
        let mut text = self.open[log].take().unwrap_or_default();
        for _ in 0..=self.chance.below(4) {
            text += &self.line(log);
        }
        if self.chance.one_in(5) {
            let (now, later) = text.split_at(text.len() - 1 - self.chance.below(60) as usize);
            self.open[log] = Some(later.to_owned());
            text = now.to_owned();
        }
        append(&self.site, LOGS[log], &text);
    }

    /// Completes what is half, since a roll would leave it so.
    fn complete(&mut self, log: usize) {
        if let Some(rest) = self.open[log].take() {
            append(&self.site, LOGS[log], &rest);
        }
    }

    /// Rolls a log. `watched`: the watch runs, so that a copy can wait until it has read everything.
    fn roll(&mut self, watched: bool) {
        let log = self.chance.below(LOGS.len() as u64) as usize;
        let live = self.site.path(LOGS[log]);
        if !live.exists() {
            return;
        }
        self.complete(log);
        self.rolled += 1;
        let name = live.file_name().unwrap().to_str().unwrap().to_owned();
        let beside = |end: String| live.with_file_name(format!("{name}{end}"));
        // A log is rolled by numbers or by dates, and not now so, now so.
        match (log < 2, watched && self.chance.one_in(3)) {
            // By the shift of numbers, and what was rolled before is compressed.
            (true, false) => {
                let packs = self.chance.one_in(2);
                let there = |n: u32| {
                    let ends = [format!(".{n}"), format!(".{n}.gz")];
                    ends.into_iter().find(|end| beside(end.clone()).exists())
                };
                let last = (1..).find(|n| there(*n).is_none()).unwrap();
                for n in (1..last).rev() {
                    let from = there(n).unwrap();
                    let to = from.replacen(&format!(".{n}"), &format!(".{}", n + 1), 1);
                    fs::rename(beside(from), beside(to)).unwrap();
                }
                fs::rename(&live, beside(".1".to_owned())).unwrap();
                let second = beside(".2".to_owned());
                if packs && second.exists() {
                    pack(&second);
                }
            }
            // By a date that is taken once.
            (false, false) => {
                let to = beside(Utc::now().format(".%Y-%m-%d-%H-%M-%S").to_string());
                if !to.exists() {
                    fs::rename(&live, to).unwrap();
                }
            }
            (true, true) if !beside(".1".to_owned()).exists() && !beside(".1.gz".to_owned()).exists() => {
                self.copy(&live, &beside(".1".to_owned()));
            }
            (false, true) => {
                let to = beside(Utc::now().format(".%Y-%m-%d-%H-%M-%S").to_string());
                if !to.exists() {
                    self.copy(&live, &to);
                }
            }
            _ => {}
        }
        if self.chance.one_in(2) {
            OpenOptions::new().append(true).create(true).open(&live).unwrap();
        }
    }

    /// Copies and truncates, once everything was read: what is written in between would be lost by it, read or not.
    fn copy(&self, live: &Path, to: &Path) {
        let size = fs::metadata(live).unwrap().len();
        // The file before is not left for an empty one, so of that nobody would say that it was read.
        if size == 0 {
            return;
        }
        let is_read = |s: &Value| {
            let path = live.strip_prefix(self.site.path("")).unwrap().to_str().unwrap();
            let families = s["families"].as_array().unwrap();
            families.iter().any(|f| f["path"].as_str().unwrap().ends_with(path) && f["offset"] == size)
        };
        state_until(&self.site, "it was read", is_read);
        fs::copy(live, to).unwrap();
        OpenOptions::new().write(true).open(live).unwrap().set_len(0).unwrap();
    }

    /// Writes lines that raise something nobody else raises, and that come out only when everything before them has:
    /// one to each log, held for each other.
    fn mark(&mut self) -> Vec<String> {
        self.marks += 1;
        for log in [0, 2] {
            self.complete(log);
            append(&self.site, LOGS[log], &ha(&now(), "recv heartbeat from peer"));
        }
        let mut clients = Vec::new();
        for log in [1, 3] {
            self.complete(log);
            append(&self.site, LOGS[log], &refused(u64::from(self.marks) + 1000));
            clients.push(format!("node-{}|clientIp={}", log.div_ceil(2), client(u64::from(self.marks) + 1000)));
        }
        clients
    }
}

fn zookeeper(message: &str) -> String {
    format!("{} [myid:] - {message}\n", now())
}

fn client(number: u64) -> String {
    format!("10.0.{}.{}", number / 250, number % 250)
}

fn refused(number: u64) -> String {
    let client = client(number);
    zookeeper(&format!(
        "WARN  [NIOServerCxn.Factory:/10.0.0.9:2181:NIOServerCnxnFactory@218] - Too many connections from /{client} - max is 5"
    ))
}

/// What came out of all lives, in order.
#[derive(Default)]
struct Heard {
    lines: Vec<String>,
    torn: usize,
}

impl Heard {
    fn take(&mut self, watch: &mut Running) {
        self.lines.append(&mut watch.out);
        self.torn += usize::from(watch.torn.is_some());
    }

    fn has(&self, watch: &Running, keys: &[String]) -> bool {
        let said = |key: &String| self.lines.iter().chain(&watch.out).any(|line| line.contains(key.as_str()));
        keys.iter().all(said)
    }

    fn records(&self) -> Vec<Value> {
        self.lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

fn text<'v>(record: &'v Value, field: &str) -> &'v str {
    record[field].as_str().unwrap()
}

/// Key → ids in their order, each where it first stands. Alarms about tocsin itself are nothing that logs say.
fn histories(records: &[Value]) -> BTreeMap<String, Vec<String>> {
    let (mut histories, mut seen): (BTreeMap<String, Vec<String>>, _) = (BTreeMap::new(), BTreeSet::new());
    for record in records.iter().filter(|record| !text(record, "alarm").starts_with("TOCSIN-")) {
        if seen.insert(text(record, "id").to_owned()) {
            histories.entry(text(record, "key").to_owned()).or_default().push(text(record, "id").to_owned());
        }
    }
    histories
}

/// What came out of all lives is what a replay gives: each id, and for each key in the same order.
#[track_caller]
fn assert_like_a_replay(site: &Site, heard: &Heard, end: &str) {
    let replay = site.run(&["replay", "--tz", "UTC", "--patterns", "more", "--quiet", "--end", end, "logs"]);
    assert_eq!(replay.code, Some(0), "{}", replay.err);
    let (live, replayed) = (heard.records(), replay.records());
    let (there, wanted) = (histories(&live), histories(&replayed));
    if there == wanted {
        return;
    }
    let mut wrong = String::new();
    for key in there.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
        if there.get(key) != wanted.get(key) {
            wrong += &format!("\n{key}\n  live:\n{}  replay:\n{}", history(&live, key), history(&replayed, key));
        }
    }
    panic!("until {end}, live and replay differ:{wrong}");
}

fn history(records: &[Value], key: &str) -> String {
    let mut seen = BTreeSet::new();
    let own = records.iter().filter(|r| text(r, "key") == key && seen.insert(text(r, "id")));
    own.map(|r| format!("    {} {} {} seen {}\n", r["event"], r["time"], r["causes"], r["detectedAt"])).collect()
}

/// Whatever is said again is the same to the last byte.
#[track_caller]
fn assert_repeats_are_the_same(heard: &Heard) -> usize {
    let mut first: HashMap<String, &String> = HashMap::new();
    let mut repeated = 0;
    for (line, record) in heard.lines.iter().zip(heard.records()) {
        let before = first.entry(text(&record, "id").to_owned()).or_insert(line);
        assert_eq!(*before, line);
        repeated += 1;
    }
    repeated - first.len()
}

fn start(site: &Site) -> Running {
    Running::start(site.command(&ARGS))
}

/// Starts it once more, lets it come to the end of everything, and stops it.
fn last_life(writer: &mut Writer, heard: &mut Heard) -> Ended {
    let mut watch = start(&writer.site);
    let marks = writer.mark();
    watch.until("the last mark", |watch| heard.has(watch, &marks));
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    heard.lines.extend(ended.out.lines().map(str::to_owned));
    ended
}

/// Lets some chance amount of time pass, so that the next signal hits anywhere.
fn linger(chance: &mut Chance) {
    let until = Instant::now() + Duration::from_micros(chance.below(40_000));
    while Instant::now() < until {
        std::thread::yield_now();
    }
}

#[test]
fn killed_at_any_moment_it_loses_nothing() {
    let seed = Seed(number(
        "TOCSIN_SEED",
        u64::from(std::process::id()) << 20 | u64::from(Utc::now().timestamp_subsec_micros()),
    ));
    let mut writer = Writer::new(seed.0);
    let mut heard = Heard::default();
    for _ in 0..number("TOCSIN_CRASHES", 60) {
        let mut watch = start(&writer.site);
        // Often it gets to say something first, else it is killed while it starts or catches up.
        if writer.chance.one_in(2) {
            let marks = writer.mark();
            if writer.chance.one_in(3) {
                watch.until("the mark", |watch| heard.has(watch, &marks));
            } else {
                watch.says(" is zookeeper of node-2");
            }
        }
        for _ in 0..writer.chance.below(12) {
            match writer.chance.below(8) {
                0 => writer.roll(false),
                1 if watch.err.iter().any(|line| line.contains("opened: ")) => writer.roll(true),
                _ => writer.write(),
            }
            linger(&mut Chance(writer.chance.below(u64::MAX) | 1));
        }
        heard.take(&mut watch.kill());
        if writer.chance.one_in(3) {
            writer.write();
        }
        if writer.chance.one_in(4) {
            writer.roll(false);
        }
    }
    let ended = last_life(&mut writer, &mut heard);
    assert_like_a_replay(&writer.site, &heard, &clock(&ended));
    let repeated = assert_repeats_are_the_same(&heard);
    let (records, torn, rolled) = (heard.lines.len(), heard.torn, writer.rolled);
    println!("{records} records, {repeated} of them again, {torn} torn by the kill, {rolled} rolls");
}

/// Without its state it begins at the start of the logs again, and finds the same.
#[test]
fn a_state_that_is_deleted_between_two_lives_makes_nothing_new() {
    let seed = Seed(number("TOCSIN_SEED", u64::from(std::process::id())));
    let mut writer = Writer::new(seed.0);
    let mut heard = Heard::default();
    for _ in 0..6 {
        let mut watch = start(&writer.site);
        for _ in 0..5 {
            writer.write();
        }
        writer.roll(false);
        let marks = writer.mark();
        watch.until("the mark", |watch| heard.has(watch, &marks));
        heard.take(&mut watch.kill());
        fs::remove_dir_all(writer.site.path("state")).unwrap();
    }
    let ended = last_life(&mut writer, &mut heard);
    assert_like_a_replay(&writer.site, &heard, &clock(&ended));
    let ids: BTreeSet<String> = heard.records().iter().map(|r| text(r, "id").to_owned()).collect();
    assert!(ids.len() < heard.lines.len(), "nothing was said again");
}

/// A state directory that is deleted while it is in use is made anew, and nothing is lost in between.
#[test]
fn a_state_that_is_deleted_while_it_is_in_use_is_made_anew() {
    let mut writer = Writer::new(7);
    let mut heard = Heard::default();
    let mut watch = start(&writer.site);
    let marks = writer.mark();
    watch.until("the mark", |watch| heard.has(watch, &marks));
    fs::remove_dir_all(writer.site.path("state")).unwrap();
    let marks = writer.mark();
    watch.until("the mark", |watch| heard.has(watch, &marks));
    watch.says("transitions go out without being kept");
    let failed = watch.transition("raise", "TOCSIN-STATE-FAILED");
    assert_eq!(failed["durable"], false);
    watch.transition("clear", "TOCSIN-STATE-FAILED");
    heard.take(&mut watch.kill());
    let ended = last_life(&mut writer, &mut heard);
    assert_like_a_replay(&writer.site, &heard, &clock(&ended));
}

/// Starts a watch and lets it run out of room for its state.
fn full(writer: &mut Writer, heard: &Heard) -> Running {
    // A new store has this size, and grows with the first keys.
    let command = writer.site.limited("trap '' XFSZ; ulimit -S -f 4096", &ARGS);
    let mut watch = Running::start(command);
    let marks = writer.mark();
    watch.until("the mark", |watch| heard.has(watch, &marks));
    // More instances than there is room for.
    let mut clients = 2000;
    while !watch.err.iter().any(|line| line.contains("transitions go out without being kept")) {
        let lines: String = (0..500).map(|n| refused(clients + n)).collect();
        clients += 500;
        append(&writer.site, LOGS[1], &lines);
        let marks = writer.mark();
        watch.until("the mark", |watch| heard.has(watch, &marks));
        assert!(clients < 100_000, "it never ran out of room");
    }
    let failed = watch.transition("raise", "TOCSIN-STATE-FAILED");
    assert_eq!(failed["durable"], false);
    watch
}

/// The store may not grow any more: what is raised goes out all the same, and says that it was not kept. Once there is
/// room, everything is kept again.
#[test]
fn without_room_for_its_state_it_goes_on_and_says_so() {
    let mut writer = Writer::new(11);
    let mut heard = Heard::default();
    let mut watch = full(&mut writer, &heard);
    let marks = writer.mark();
    watch.until("the mark", |watch| heard.has(watch, &marks));
    let record =
        watch.record("not durable", |record| text(record, "key").ends_with(marks[0].split_once('|').unwrap().1));
    assert_eq!(record["durable"], false);
    assert_eq!(state(&writer.site)["durable"], false);

    let pid = Pid::from_raw(i32::try_from(watch.pid()).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    watch.transition("clear", "TOCSIN-STATE-FAILED");
    let marks = writer.mark();
    let last = marks[0].split_once('|').unwrap().1.to_owned();
    let record = watch.record("durable again", |record| text(record, "key").ends_with(&last));
    assert_eq!(record.get("durable"), None);
    watch.until("the mark", |watch| heard.has(watch, &marks));
    heard.take(&mut watch.kill());
    let ended = last_life(&mut writer, &mut heard);
    assert_like_a_replay(&writer.site, &heard, &clock(&ended));
}

/// Killed without room for its state, the next one goes on from what was kept last: it says again what was not, with the
/// same ids, and nothing is lost.
#[test]
fn killed_without_room_for_its_state_it_loses_nothing() {
    let mut writer = Writer::new(17);
    let mut heard = Heard::default();
    let mut watch = full(&mut writer, &heard);
    let marks = writer.mark();
    watch.until("the mark", |watch| heard.has(watch, &marks));
    writer.write();
    heard.take(&mut watch.kill());
    writer.write();
    let ended = last_life(&mut writer, &mut heard);
    assert_like_a_replay(&writer.site, &heard, &clock(&ended));
    let ids: BTreeSet<String> = heard.records().iter().map(|r| text(r, "id").to_owned()).collect();
    assert!(ids.len() < heard.lines.len(), "nothing was said again");
}

/// Without room for a new state it does not begin, and says why: what it said would be said again by the next one. With
/// room it begins as if nothing had been.
#[test]
fn without_room_for_a_new_state_it_ends_and_says_why() {
    let mut writer = Writer::new(13);
    writer.mark();
    let ended = Running::start(writer.site.limited("trap '' XFSZ; ulimit -S -f 8", &ARGS)).end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
    assert!(ended.err.contains("state"), "{}", ended.err);
    let mut heard = Heard::default();
    let ended = last_life(&mut writer, &mut heard);
    assert_like_a_replay(&writer.site, &heard, &clock(&ended));
}
