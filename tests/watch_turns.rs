//! What a watch does turn by turn, under a clock of the test's own: the wall clock is set, logs rest, grow, cannot be read,
//! or run far behind the others of their node.

mod live_support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use chrono::DateTime;

use tocsin::correlate::HOLD;
use tocsin::input::tail::wake::Woken;
use tocsin::pattern::diagnostic::Source as File;
use tocsin::pattern::{Zone, builtin, compile};
use tocsin::time::{MINUTE, Millis, SECOND};
use tocsin::transition::{Event, Transition};
use tocsin::watch::Source;
use tocsin::watch::turns::Turns;

use live_support::{Site, pass};

const START: Millis = 1_767_225_600_000;
const HOUR: Millis = 60 * MINUTE;
const HA: &str = "node-7/flink/flinkserver/ha/runlog/ha.log";
const ZOOKEEPER: &str = "node-7/zookeeper/quorumpeer/zookeeper-omm-server-node-7.log";

const MORE: &str = r#"
[alarm.T-SILENT]
name     = "Heartbeats stop"
severity = "minor"
log      = "ha-flinkserver"
raise    = [{ absent = "ha-heartbeat", for = "30s", arm = 2, cause = "silent" }]
clear    = [{ present = "ha-heartbeat" }]

[alarm.T-GATEWAY]
name     = "The gateway does not come back"
severity = "minor"
log      = ["ha-flinkserver", "ha-oms"]
raise    = [{ on = "ha-gateway-lost", without = "ha-gateway-back", within = "10s", cause = "gateway" }]
clear    = [{ on = "ha-gateway-back" }]
"#;

/// A site, who watches it, and what time it is.
struct World {
    site: Site,
    turns: Option<Turns<'static>>,
    now: Millis,
}

impl World {
    fn new(logs: &[&str]) -> World {
        let mut files = builtin::builtin();
        files.push(File { name: "more.toml".into(), text: MORE.to_owned(), builtin: false });
        let patterns = compile(&files).patterns.expect("the patterns are valid");
        let mut world = World { site: Site::new(patterns, Zone::UTC), turns: None, now: START };
        logs.iter().for_each(|log| world.append(log, ""));
        world.start();
        world.turn();
        world
    }

    /// A new process, after one that kept what it knew and what was acknowledged.
    fn start(&mut self) {
        if let Some(turns) = &mut self.turns {
            (0..2).for_each(|_| turns.watch.commit_now(self.now).unwrap());
        }
        self.turns = None;
        self.turns = Some(self.site.watch(self.now, HOLD));
    }

    fn turns(&mut self) -> &mut Turns<'static> {
        self.turns.as_mut().unwrap()
    }

    /// One turn, as soon as after a wake-up. Gives when it wants the next.
    fn turn(&mut self) -> Millis {
        self.now += 10;
        let now = self.now;
        self.turns().turn(now, &Woken { all: true, ..Woken::default() }).unwrap()
    }

    fn pass(&mut self, time: Millis) {
        let until = self.now + time;
        let mut now = self.now;
        pass(self.turns(), &mut now, until, &Woken::default());
        self.now = until;
        self.turn();
    }

    /// Lets time pass turn by turn, and gives how often the next turn was wanted at once.
    fn spins(&mut self, until: Millis) -> usize {
        let mut spins = 0;
        while self.now < until {
            let now = self.now;
            let next = self.turns().turn(now, &Woken::default()).unwrap();
            spins += usize::from(next <= now);
            self.now = next.max(now + 1);
        }
        spins
    }

    /// The machine's clock is set by this much.
    fn set_clock(&mut self, by: Millis) {
        self.now += by;
        let now = self.now;
        self.turns().clock_was_set(by, now);
        self.turn();
    }

    fn append(&self, log: &str, text: &str) {
        self.site.append(Path::new(log), text.as_bytes());
    }

    fn path(&self, log: &str) -> PathBuf {
        self.site.logs().join(log)
    }

    fn family(&mut self, log: &str) -> usize {
        let path = self.path(log);
        let watch = &self.turns().watch;
        (0..watch.len()).find(|at| watch.feed(*at).source.path() == path).unwrap()
    }

    /// A heartbeat is written now, and read. Gives its time.
    fn beat(&mut self) -> Millis {
        let now = self.now;
        self.append(HA, &beat(now));
        self.turn();
        now
    }

    /// What was said of this alarm so far.
    fn said(&self, alarm: &str) -> Vec<Transition> {
        self.site.taken.all().into_iter().filter(|t| &*t.alarm == alarm).collect()
    }

    /// How often this alarm was raised and cleared.
    fn count(&self, alarm: &str) -> (usize, usize) {
        let said = self.said(alarm);
        let of = |event| said.iter().filter(|t| t.event == event).count();
        (of(Event::Raise), of(Event::Clear))
    }
}

fn stamp(time: Millis) -> String {
    DateTime::from_timestamp_millis(time).unwrap().format("%Y-%m-%d %H:%M:%S,%3f").to_string()
}

fn ha(time: Millis, message: &str) -> String {
    let time = stamp(time);
    format!("[{time}][10195489353][0][NOTICE][{message}][HA][ha_alarm.c:HA_SendAlarm,77][ha.bin,26572,41]\n")
}

fn beat(time: Millis) -> String {
    ha(time, "recv heartbeat from peer")
}

fn alarm(time: Millis, id: u32, category: u32) -> String {
    let info =
        format!("hasendalarm info: id={id},category={category},cause=0,locainfo=(),addinfo=(),lochost=(a),locha=(b)");
    ha(time, &info)
}

/// ZooKeeper turns a client away.
fn refused(time: Millis, client: u32) -> String {
    let says = "WARN  [NIOServerCxn.Factory:/10.0.0.9:2181:NIOServerCnxnFactory@218] - Too many connections from";
    format!("{} [myid:] - {says} /10.0.{}.{} - max is 5\n", stamp(time), client / 250, client % 250)
}

fn filler(time: Millis, bytes: usize) -> String {
    let line = ha(time, "nothing to speak of");
    line.repeat(bytes / line.len() + 1)
}

#[test]
fn a_clock_that_is_wrong_for_a_moment_fires_nothing() {
    let mut world = World::new(&[HA]);
    for _ in 0..3 {
        world.beat();
        world.pass(10 * SECOND);
    }
    world.set_clock(HOUR);
    world.pass(5 * SECOND);
    world.set_clock(-HOUR);
    let mut last = 0;
    for _ in 0..3 {
        last = world.beat();
        world.pass(10 * SECOND);
    }
    assert_eq!(world.count("T-SILENT"), (0, 0));
    assert_eq!(world.said("TOCSIN-CLOCK-STEPPED").len(), 2);
    // What really stops is told at its time.
    world.pass(40 * SECOND);
    let said = world.said("T-SILENT");
    assert_eq!(said.iter().map(|t| t.time.millis).collect::<Vec<_>>(), [last + 30 * SECOND]);
}

/// What wakes the watch on a quiet log is often the line itself, in the turn that notices the set clock.
#[test]
fn a_line_in_the_turn_that_notices_a_clock_set_back_fires_nothing() {
    let mut world = World::new(&[HA]);
    for _ in 0..3 {
        world.beat();
        world.pass(10 * SECOND);
    }
    for _ in 0..2 {
        let written = world.now - HOUR;
        world.append(HA, &beat(written));
        world.set_clock(-HOUR);
        for _ in 0..3 {
            world.pass(10 * SECOND);
            world.beat();
        }
    }
    assert_eq!(world.count("T-SILENT"), (0, 0));
}

/// A clock that was wrong, and was set right while nobody watched, has carried the log's clock ahead.
#[test]
fn lines_take_back_what_only_the_wall_clock_said() {
    let mut world = World::new(&[HA]);
    world.append(HA, &ha(START, "nothing to speak of"));
    world.turn();
    world.now += 24 * HOUR;
    world.turn();
    world.pass(10 * SECOND);
    world.now = START + MINUTE;
    world.start();
    let mut last = 0;
    for _ in 0..5 {
        last = world.beat();
        world.pass(10 * SECOND);
    }
    assert_eq!(world.count("T-SILENT"), (0, 0));
    world.pass(40 * SECOND);
    let said = world.said("T-SILENT");
    assert_eq!(said.iter().map(|t| t.time.millis).collect::<Vec<_>>(), [last + 30 * SECOND]);
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_for_longer() {
    let mut world = World::new(&[HA, ZOOKEEPER]);
    world.append(ZOOKEEPER, &refused(world.now, 1));
    world.turn();
    assert_eq!(world.count("ALM-13007"), (0, 0), "it is held for lines of the other log");
    world.set_clock(-HOUR);
    world.pass(2 * HOLD);
    assert_eq!(world.count("ALM-13007"), (1, 0));
}

#[test]
fn a_clock_that_is_set_back_between_two_processes_holds_nothing_for_longer() {
    let mut world = World::new(&[HA, ZOOKEEPER]);
    world.append(ZOOKEEPER, &refused(world.now, 1));
    world.turn();
    assert_eq!(world.count("ALM-13007"), (0, 0), "it is held for lines of the other log");
    world.turns().watch.commit_now(START).unwrap();
    world.turns = None;
    world.now -= HOUR;
    world.start();
    world.pass(2 * HOLD + SECOND);
    assert_eq!(world.count("ALM-13007"), (1, 0));
}

/// Its clock will not pass what the others have to say for an hour.
#[test]
fn a_log_whose_clock_is_an_hour_behind_does_not_keep_its_node_from_catching_up() {
    let mut world = World::new(&[HA, ZOOKEEPER]);
    world.append(HA, &ha(world.now - HOUR, "nothing to speak of"));
    world.turn();
    let at = world.family(HA);
    assert_eq!(world.turns().watch.feed(at).clock().skew(), Some(-HOUR - 10));
    // More than one look gives: it is behind.
    let mut lines = String::new();
    for n in 0..12_000 {
        lines += &refused(world.now - MINUTE + n, n as u32 / 6_000);
    }
    assert!(lines.len() > 3 << 19);
    world.append(ZOOKEEPER, &lines);
    world.pass(10 * SECOND);
    assert_eq!(world.count("ALM-13007"), (2, 0));
}

#[test]
fn a_log_that_cannot_be_read_holds_up_no_other_of_its_node() {
    let mut world = World::new(&[HA, ZOOKEEPER]);
    // It is behind when it cannot be read any more.
    world.append(HA, &filler(world.now, 3 << 20));
    let (live, away) = (world.path(HA), world.path("away"));
    fs::rename(&live, &away).unwrap();
    symlink(&live, &live).unwrap();
    world.append(ZOOKEEPER, &refused(world.now, 1));
    world.turn();
    world.pass(2 * HOLD);
    assert_eq!(world.count("ALM-13007"), (1, 0));
    world.pass(MINUTE);
    assert_eq!(world.count("TOCSIN-READER-STUCK"), (1, 0));
    // A person may clear it, and it comes again, since it is still so.
    let (key, now) = (world.said("TOCSIN-READER-STUCK")[0].key.clone(), world.now);
    assert!(world.turns().clear(&key, now));
    world.pass(10 * SECOND);
    assert_eq!(world.count("TOCSIN-READER-STUCK"), (2, 1));
    fs::remove_file(&live).unwrap();
    fs::rename(&away, &live).unwrap();
    world.pass(10 * SECOND);
    assert_eq!(world.count("TOCSIN-READER-STUCK"), (2, 2));
}

/// Lines that were written while it could not be read are old when they are read: they do not tell that its clock is wrong.
#[test]
fn what_was_written_while_a_log_could_not_be_read_is_not_written_now() {
    let mut world = World::new(&[HA]);
    world.beat();
    // Its descriptor was needed elsewhere: it has to be opened again.
    let at = world.family(HA);
    let Source::Files(tail) = &mut world.turns().watch.feed_mut(at).source else { panic!("it is a file") };
    assert!(tail.close());
    let (live, away) = (world.path(HA), world.path("away"));
    fs::rename(&live, &away).unwrap();
    symlink(&live, &live).unwrap();
    world.pass(MINUTE);
    world.append("away", &ha(world.now, "nothing to speak of"));
    world.pass(10 * MINUTE);
    fs::remove_file(&live).unwrap();
    fs::rename(&away, &live).unwrap();
    world.pass(10 * SECOND);
    assert_eq!(world.turns().watch.feed(at).clock().skew(), None);
    let size = fs::metadata(&live).unwrap().len();
    assert_eq!(world.turns().watch.feed(at).place().unwrap().1, size, "it was read");
}

/// A machine that slept for an hour: what was written before is read after it.
#[test]
fn what_was_written_before_a_sleep_is_not_written_now() {
    let mut world = World::new(&[HA]);
    world.beat();
    world.append(HA, &ha(world.now, "nothing to speak of"));
    world.now += HOUR;
    world.turn();
    let at = world.family(HA);
    assert_eq!(world.turns().watch.feed(at).clock().skew(), None);
}

#[test]
fn what_waits_for_another_log_has_a_bound() {
    let mut world = World::new(&[HA, ZOOKEEPER]);
    world.append(ZOOKEEPER, &filler(world.now, 96 << 20));
    world.turn();
    let lines: String = (0..20_000).map(|_| alarm(world.now, 0, 0)).collect();
    world.append(HA, &lines);
    world.turn();
    let (ha, zookeeper) = (world.family(HA), world.family(ZOOKEEPER));
    let watch = &world.turns().watch;
    assert!(!watch.is_caught_up(), "{:?} was read too fast", watch.feed(zookeeper).place());
    assert!((1..5_000).contains(&watch.held(ha)), "{} events wait", watch.held(ha));
    world.pass(10 * SECOND);
    assert_eq!(world.count("ALM-45640"), (1, 0));
}

#[test]
fn a_log_with_a_limit_is_told_of_when_it_is_silent() {
    let mut world = World::new(&[HA, ZOOKEEPER]);
    let ha = world.site.patterns.log_named("ha-flinkserver").unwrap();
    world.site.silent.insert(ha, 10 * MINUTE);
    world.start();
    for _ in 0..15 {
        world.beat();
        world.pass(MINUTE);
    }
    assert_eq!(world.count("TOCSIN-LOG-SILENT"), (0, 0));
    world.pass(10 * MINUTE);
    let said = world.said("TOCSIN-LOG-SILENT");
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].params["about"], world.path(HA).to_string_lossy());
    // Another process knows of it, and that it is over.
    world.start();
    world.beat();
    world.pass(10 * SECOND);
    assert_eq!(world.count("TOCSIN-LOG-SILENT"), (1, 1));
}

/// A deadline of an alarm that reads several logs waits for the others of its node, and not turn by turn.
#[test]
fn a_deadline_that_waits_for_other_logs_does_not_spin() {
    let mut world = World::new(&[HA, ZOOKEEPER]);
    world.append(HA, &alarm(world.now, 6, 0));
    world.turn();
    let end = world.now + 20 * SECOND;
    assert!(world.spins(end) < 20);
    assert_eq!(world.count("T-GATEWAY"), (1, 0));
}

#[test]
fn without_a_store_it_does_not_spin() {
    let mut world = World::new(&[HA]);
    fs::remove_dir_all(world.site.state()).unwrap();
    world.append(HA, &alarm(world.now, 0, 0));
    world.turn();
    assert_eq!(world.count("TOCSIN-STATE-FAILED"), (1, 0));
    let end = world.now + 5 * SECOND;
    assert!(world.spins(end) < 20);
    world.pass(10 * SECOND);
    assert_eq!(world.count("TOCSIN-STATE-FAILED"), (1, 1));
}

/// Whoever watches directories is told when they were listed, and not in each turn.
#[test]
fn directories_are_handed_on_when_they_were_listed() {
    let mut world = World::new(&[HA]);
    assert!(world.turns().take_listed());
    world.now += 1;
    let now = world.now;
    world.turns().turn(now, &Woken::default()).unwrap();
    assert!(!world.turns().take_listed());
}

#[test]
fn a_sink_that_is_added_gets_what_is_active_and_nothing_twice() {
    let mut world = World::new(&[HA]);
    world.append(HA, &(alarm(world.now, 0, 0) + &alarm(world.now, 1, 0) + &alarm(world.now, 1, 1)));
    world.pass(SECOND);
    let alarms = |taken: &live_support::Taken| -> Vec<(Event, String)> {
        taken.all().iter().map(|t| (t.event, t.alarm.to_string())).collect()
    };
    assert_eq!(world.site.taken.all().len(), 3);
    let second = world.site.add_sink("second");
    world.start();
    world.pass(SECOND);
    assert_eq!(alarms(&second), [(Event::Raise, "ALM-45640".to_owned())]);
    assert_eq!(world.site.taken.all().len(), 3);
    // It is taken away, misses something, and is added again.
    world.site.remove_sink("second");
    world.start();
    world.append(HA, &(alarm(world.now, 0, 1) + &alarm(world.now, 4, 0)));
    world.append(HA, &alarm(world.now, 1, 0));
    world.pass(SECOND);
    let third = world.site.add_sink("second");
    world.start();
    world.append(HA, &alarm(world.now, 1, 1));
    world.pass(SECOND);
    let alm = "ALM-45641".to_owned();
    let got = alarms(&third);
    assert!(got.contains(&(Event::Raise, alm.clone())) && got.contains(&(Event::Clear, alm)), "{got:?}");
    assert!(!got.iter().any(|(_, alarm)| alarm == "ALM-45640"), "{got:?}");
}
