//! `tocsin watch` as an operator meets it: the real binary, under the real clock.

mod support;
mod watch_support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use rustix::process::Signal;
use serde_json::Value;

use support::{Site, TOCSIN, alarm, ha};
use watch_support::{Running, append, clock, now, stamp, state, state_until};

const HA_LOG: &str = "logs/node-7/flink/flinkserver/ha/runlog/ha.log";
const KEY: &str = "ALM-45640|default|Flink|FlinkServer|node-7";

/// A directory that exists, with nothing in it.
fn site() -> Site {
    let site = Site::new(&[]);
    fs::create_dir(site.path("logs")).unwrap();
    site
}

fn watch(site: &Site, more: &[&str]) -> Running {
    Running::start(site.command(&[&["watch", "--state", "state", "--tz", "UTC"], more].concat()))
}

/// Watches from the start of the logs.
fn watch_all(site: &Site, more: &[&str]) -> Running {
    watch(site, &[&["--from", "start"], more, &["logs"]].concat())
}

fn raise(site: &Site) {
    append(site, HA_LOG, &alarm(&now(), 0, 0));
}

fn clear(site: &Site) {
    append(site, HA_LOG, &alarm(&now(), 0, 1));
}

/// A ZooKeeper turns a client away.
fn refused(client: usize) -> String {
    let client = format!("10.{}.{}.{}", client / 62_500, client / 250 % 250, client % 250);
    let says = "WARN  [NIOServerCxn.Factory:/10.0.0.9:2181:NIOServerCnxnFactory@218] - Too many connections from";
    format!("{} [myid:] - {says} /{client} - max is 5\n", now())
}

fn replayed(site: &Site, end: &str) -> Vec<String> {
    let ended = site.run(&["replay", "--tz", "UTC", "--end", end, "logs"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    ended.ids()
}

#[test]
fn prints_what_is_raised_and_cleared_as_lines_come() {
    let site = site();
    let mut watch = watch_all(&site, &[]);
    raise(&site);
    let raised = watch.transition("raise", "ALM-45640");
    assert_eq!((&raised["key"], &raised["mode"]), (&KEY.into(), &"watch".into()));
    assert_eq!(raised.get("durable"), None);
    // The rest of a line that was not complete.
    let line = alarm(&now(), 0, 1);
    let (half, rest) = line.split_at(line.len() / 2);
    append(&site, HA_LOG, half);
    append(&site, HA_LOG, rest);
    let cleared = watch.transition("clear", "ALM-45640");
    assert_eq!((&cleared["raisedAt"], &cleared["clearedBy"]), (&raised["time"], &"signal".into()));
    let ended = watch.stop();
    assert_eq!((ended.code, ended.ids().len()), (Some(0), 2));
}

#[test]
fn a_stop_says_where_a_replay_ends_that_gives_the_same() {
    let site = site();
    let mut watch = watch_all(&site, &[]);
    raise(&site);
    watch.transition("raise", "ALM-45640");
    clear(&site);
    // Lines that nobody was seen to read are read before the end.
    append(&site, HA_LOG, &alarm(&now(), 1, 0));
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let ids = ended.ids();
    assert_eq!(ids.len(), 3, "{}", ended.out);
    assert_eq!(replayed(&site, &clock(&ended)), ids);
    // The next one goes on, and says nothing twice.
    let mut watch = watch_all(&site, &[]);
    append(&site, HA_LOG, &alarm(&now(), 1, 1));
    let cleared = watch.transition("clear", "ALM-45641");
    let ended = watch.stop();
    assert_eq!(ended.ids(), [cleared["id"].as_str().unwrap()]);
}

/// Lines that are held for those of other logs are said before the end: replay has them too.
#[test]
fn a_stop_waits_for_what_is_held() {
    let site = site();
    let mut watch = watch_all(&site, &[]);
    let zookeeper = "logs/node-7/zookeeper/quorumpeer/zookeeper-omm-server-node-7.log";
    raise(&site);
    watch.transition("raise", "ALM-45640");
    append(&site, zookeeper, &refused(7));
    watch.says("opened: ");
    watch.until("both logs", |w| w.err.iter().filter(|line| line.contains("opened: ")).count() == 2);
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.ids().len(), 2, "{}{}", ended.out, ended.err);
    assert_eq!(replayed(&site, &clock(&ended)), ended.ids());
}

/// Asks to stop twice, while its output is not read: the first time it waits for the reader.
#[test]
fn a_second_signal_ends_it_at_once() {
    let site = site();
    let mut lines = String::new();
    for second in 0..4000 {
        let time = Utc::now() - TimeDelta::seconds(4000 - second);
        lines += &alarm(&stamp(time), 0, (second % 2) as u32);
    }
    append(&site, HA_LOG, &lines);
    let mut command = site.command(&["watch", "--state", "state", "--tz", "UTC", "--from", "start", "logs"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // A full pipe: nobody reads it.
    state_once_running(&site, |state| state["sinks"][0]["waiting"].as_u64() > Some(0));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let both = [Signal::INT, Signal::TERM];
    for signal in both.iter().cycle() {
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(1));
            break;
        }
        rustix::process::kill_process(pid, *signal).unwrap();
        std::thread::yield_now();
    }
}

/// The same as [`state_until`], while the watch may not have begun.
fn state_once_running(site: &Site, holds: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < until, "it does not run");
        let ended = site.run(&["state", "state", "--json"]);
        if ended.code == Some(0) {
            let state: Value = serde_json::from_str(&ended.out).unwrap();
            if !state["pid"].is_null() && holds(&state) {
                return state;
            }
        }
    }
}

const TIMED: &str = r#"
[alarm.T-SILENT]
name     = "Heartbeats stop"
severity = "minor"
log      = "ha-flinkserver"
raise    = [{ absent = "ha-heartbeat", for = "200ms", arm = 2, cause = "silent" }]
clear    = [{ present = "ha-heartbeat" }]
"#;

const LINK: &str = r#"
[alarm.T-LINK]
name     = "A link is lost"
severity = "minor"
log      = "ha-flinkserver"
raise    = [{ on = "ha-link-lost", cause = "link" }]
clear    = [{ on = "ha-link-back" }]
"#;

#[test]
fn a_reload_takes_new_alarms_and_keeps_the_state_of_the_others() {
    let site = site();
    site.write("more/timed.toml", TIMED.as_bytes());
    let mut watch = watch_all(&site, &["--patterns", "more"]);
    raise(&site);
    let raised = watch.transition("raise", "ALM-45640");
    site.write("more/link.toml", LINK.as_bytes());
    watch.signal(Signal::HUP);
    watch.says("reloaded: ");
    append(&site, HA_LOG, &alarm(&now(), 4, 0));
    let link = watch.transition("raise", "T-LINK");
    assert_ne!(link["patterns"], raised["patterns"]);

    // What is broken is refused, and the old set goes on.
    site.write("more/link.toml", b"[alarm.T-LINK]\nseverty = \"minor\"\n");
    watch.signal(Signal::HUP);
    watch.says("reload: refused");
    watch.says("severty");
    append(&site, HA_LOG, &alarm(&now(), 4, 1));
    watch.transition("clear", "T-LINK");
    append(&site, HA_LOG, &alarm(&now(), 4, 0));
    watch.until("raised again", |w| w.records().filter(|r| r["alarm"] == "T-LINK").count() == 3);

    // An alarm that is there no more clears what it raised.
    fs::remove_file(site.path("more/link.toml")).unwrap();
    watch.signal(Signal::HUP);
    let gone = watch.record("cleared by config", |r| r["clearedBy"] == "config");
    assert_eq!((&gone["alarm"], &gone["event"]), (&"T-LINK".into(), &"clear".into()));

    // Through all of it, what was raised before is still known.
    clear(&site);
    let cleared = watch.transition("clear", "ALM-45640");
    assert_eq!(cleared["raisedAt"], raised["time"]);
    let ended = watch.stop();
    assert_eq!((ended.code, ended.ids().len()), (Some(0), 9), "{}", ended.out);
}

/// Half a line that came before the reload is half of the same line after it, from a pipe and from a file.
#[test]
fn a_reload_breaks_no_line() {
    let site = site();
    let args = ["watch", "--state", "state", "--tz", "UTC", "--log", "ha-flinkserver=-", "--assign", "node-7=-"];
    let mut command = site.command(&[&args[..], &["--from", "start", "-", "logs"]].concat());
    command.stdin(Stdio::piped());
    let mut watch = Running::start(command);
    let mut stdin = watch.stdin.take().unwrap();
    let (piped, filed) = (alarm(&now(), 0, 0) + &alarm(&now(), 0, 1), alarm(&now(), 1, 0));
    let other = HA_LOG.replace("node-7", "node-8");
    stdin.write_all(&piped.as_bytes()[..300]).unwrap();
    append(&site, &other, &filed[..100]);
    watch.transition("raise", "ALM-45640");
    state_until(&site, "half was read", |s| s["families"].as_array().unwrap().len() == 2);
    watch.signal(Signal::HUP);
    watch.says("reloaded: ");
    stdin.write_all(&piped.as_bytes()[300..]).unwrap();
    append(&site, &other, &filed[100..]);
    let cleared = watch.transition("clear", "ALM-45640");
    assert_eq!(cleared["evidence"][0]["line"], 2);
    assert_eq!(watch.transition("raise", "ALM-45641")["node"], "node-8");
    assert_eq!(watch.stop().code, Some(0));
}

#[test]
fn silence_on_standard_input_is_noticed_by_the_wall_clock() {
    let site = site();
    site.write("more/timed.toml", TIMED.as_bytes());
    let args = ["--patterns", "more", "--log", "ha-flinkserver=-", "--assign", "node-7=-", "-"];
    let mut command = site.command(&[&["watch", "--state", "state", "--tz", "UTC"][..], &args].concat());
    command.stdin(Stdio::piped());
    let mut watch = Running::start(command);
    let mut stdin = watch.stdin.take().unwrap();
    let beat = |seconds| ha(&stamp(Utc::now() + TimeDelta::milliseconds(seconds)), "recv heartbeat from peer");
    let lines = [beat(-200), beat(-100), beat(0)].concat();
    stdin.write_all(lines.as_bytes()).unwrap();
    let raised = watch.transition("raise", "T-SILENT");
    assert_eq!(raised["node"], "node-7");
    stdin.write_all(beat(0).as_bytes()).unwrap();
    watch.transition("clear", "T-SILENT");
    drop(stdin);
    let ended = watch.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.ids().len(), 2, "{}", ended.out);
}

#[test]
fn a_closed_standard_output_has_its_exit_code() {
    let site = site();
    let mut command = site.command(&["watch", "--state", "state", "--tz", "UTC", "--from", "start", "logs"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    raise(&site);
    let ended = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(5), "{err}");
    assert!(err.contains("standard output was closed"), "{err}");
    // What nobody got is sent by the next one.
    let mut watch = watch_all(&site, &[]);
    watch.transition("raise", "ALM-45640");
    assert_eq!(watch.stop().code, Some(0));
}

#[test]
fn a_second_watch_on_the_same_state_is_told_whose_it_is() {
    let site = site();
    let mut first = watch_all(&site, &[]);
    raise(&site);
    first.transition("raise", "ALM-45640");
    let second = site.run(&["watch", "--state", "state", "logs"]);
    assert_eq!((second.code, second.out.as_str()), (Some(1), ""));
    assert!(second.err.contains(&format!("(process {})", first.pid())), "{}", second.err);
    // It has not disturbed the first: neither its lock nor its socket.
    assert_eq!(state(&site)["pid"], first.pid());
    clear(&site);
    first.transition("clear", "ALM-45640");
    assert_eq!(first.stop().code, Some(0));
}

#[test]
fn the_state_can_be_asked_for_whether_it_runs_or_not() {
    let site = site();
    let none = site.run(&["state", "state"]);
    assert_eq!(none.code, Some(3), "{}", none.err);
    let mut watch = watch_all(&site, &[]);
    raise(&site);
    let raised = watch.transition("raise", "ALM-45640");
    let size = fs::metadata(site.path(HA_LOG)).unwrap().len();
    let running = state_until(&site, "nothing waits", |s| s["sinks"][0]["waiting"] == 0);
    let family = &running["families"][0];
    assert_eq!((&running["pid"], &running["durable"]), (&watch.pid().into(), &true.into()));
    assert_eq!((&family["node"], &family["log"]), (&"node-7".into(), &"ha-flinkserver".into()));
    assert_eq!((&family["offset"], &family["lag"]), (&size.into(), &0.into()));
    assert_eq!(running["active"][0]["id"], raised["id"]);
    let text = site.run(&["state", "state"]).out;
    assert!(text.contains(&format!("watched by process {}", watch.pid())) && text.contains(KEY), "{text}");

    assert_eq!(watch.stop().code, Some(0));
    append(&site, HA_LOG, "x\n");
    let stopped = state(&site);
    assert_eq!((&stopped["pid"], &stopped["families"][0]["lag"]), (&Value::Null, &2.into()));
    assert_eq!(stopped["active"][0]["id"], raised["id"]);
    assert_eq!(stopped["sinks"][0]["waiting"], 0);
    let text = site.run(&["state", "state"]).out;
    assert!(text.contains("not watched now") && text.contains("1 alarms active") && text.contains(KEY), "{text}");
}

#[test]
fn an_operator_clears_what_is_stuck() {
    let site = site();
    let mut watch = watch_all(&site, &[]);
    raise(&site);
    let raised = watch.transition("raise", "ALM-45640");
    let other = site.run(&["state", "clear", "--state", "state", "ALM-0|x"]);
    assert_eq!(other.code, Some(2), "{}", other.err);
    assert!(other.err.contains("nothing with this key is active"), "{}", other.err);
    let done = site.run(&["state", "clear", "--state", "state", KEY]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    let cleared = watch.transition("clear", "ALM-45640");
    assert_eq!((&cleared["clearedBy"], &cleared["raisedAt"]), (&"operator".into(), &raised["time"]));
    assert_eq!(state(&site)["active"], Value::Array(Vec::new()));
    assert_eq!(site.run(&["state", "clear", "--state", "state", KEY]).code, Some(2));
    // It may come again, and is another one then.
    raise(&site);
    watch.until("raised again", |w| w.records().filter(|r| r["event"] == "raise").count() == 2);
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0));
    let ids: std::collections::BTreeSet<String> = ended.ids().into_iter().collect();
    assert_eq!(ids.len(), 3);
    let done = site.run(&["state", "clear", "--state", "state", KEY]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("no watch is running"), "{}", done.err);
}

#[test]
fn the_first_start_looks_back_and_tells_only_what_is_still_active() {
    let site = site();
    let ago = |minutes| stamp(Utc::now() - TimeDelta::minutes(minutes));
    // Long before and active, within the look back and over, within it and active.
    let lines = [alarm(&ago(600), 4, 0), alarm(&ago(30), 0, 0), alarm(&ago(20), 0, 1), alarm(&ago(10), 1, 0)];
    append(&site, HA_LOG, &lines.concat());
    let mut watch = watch(&site, &["--lookback", "1h", "logs"]);
    let raised = watch.transition("raise", "ALM-45641");
    raise(&site);
    watch.transition("raise", "ALM-45640");
    append(&site, HA_LOG, &alarm(&now(), 1, 1));
    let cleared = watch.transition("clear", "ALM-45641");
    assert_eq!(cleared["raisedAt"], raised["time"]);
    assert!(cleared["durationMs"].as_i64() >= Some(600_000), "{cleared}");
    let ended = watch.stop();
    assert_eq!((ended.code, ended.ids().len()), (Some(0), 4), "{}", ended.out);
    assert_eq!(ended.records()[0]["alarm"], "HA-LINK", "what began long ago and goes on is news");
}

#[test]
fn from_the_end_nothing_that_was_there_is_read() {
    let site = site();
    raise(&site);
    let mut watch = watch(&site, &["--from", "end", "logs"]);
    watch.says("opened: ");
    append(&site, HA_LOG, &alarm(&now(), 1, 0));
    watch.transition("raise", "ALM-45641");
    // A log that comes later is read from its beginning.
    let other = HA_LOG.replace("node-7", "node-8");
    append(&site, &other, &alarm(&now(), 0, 0));
    let raised = watch.transition("raise", "ALM-45640");
    assert_eq!(raised["node"], "node-8");
    assert_eq!(watch.stop().ids().len(), 2);
}

#[test]
fn without_any_log_it_says_where_it_looked() {
    let site = site();
    let config = "[state]\ndir = \"state\"\n";
    site.write("tocsin.toml", config.as_bytes());
    // On a machine that is no node; where it is one, there is nothing to see here.
    if fs::exists("/var/log/Bigdata").unwrap()
        || fs::exists("/var/log/flink").unwrap()
        || fs::exists("/var/log/zookeeper").unwrap()
    {
        return;
    }
    let ended = site.run(&["watch", "--config", "tocsin.toml"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(3), ""));
    for text in ["/var/log/Bigdata/flink/flinkserver/ha/runlog\n", "/var/log/zookeeper\n", "`--wait`"] {
        assert!(ended.err.contains(text), "{}", ended.err);
    }
}

#[test]
fn a_directory_that_does_not_exist_yet_is_waited_for() {
    let site = Site::new(&[]);
    let mut watch = watch_all(&site, &["--wait"]);
    state_once_running(&site, |state| state["families"] == Value::Array(Vec::new()));
    raise(&site);
    watch.transition("raise", "ALM-45640");
    assert_eq!(watch.stop().code, Some(0));
}

/// Root may read everything, so this runs as somebody else.
#[test]
fn an_unreadable_log_is_told_of_and_read_once_it_can_be() {
    const NOBODY: u32 = 65534;
    let root = rustix::process::geteuid().is_root();
    let site = site();
    raise(&site);
    let mode = |mode| fs::set_permissions(site.path(HA_LOG), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    let mut command = site.command(&["watch", "--state", "state", "--tz", "UTC", "--from", "start", "logs"]);
    if root {
        use std::os::unix::process::CommandExt;
        for path in ["", "logs"] {
            fs::set_permissions(site.path(path), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::create_dir(site.path("state")).unwrap();
        std::os::unix::fs::chown(site.path("state"), Some(NOBODY), Some(NOBODY)).unwrap();
        // The binary may lie where only root may go.
        fs::copy(TOCSIN, site.path("tocsin")).unwrap();
        fs::set_permissions(site.path("tocsin"), fs::Permissions::from_mode(0o755)).unwrap();
        let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        command = std::process::Command::new(site.path("tocsin"));
        command.args(args).current_dir(site.path("")).env("TZ", "UTC").stdin(Stdio::null());
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut watch = Running::start(command);
    watch.says("unreadable: ");
    mode(0o644);
    watch.transition("raise", "ALM-45640");
    clear(&site);
    watch.transition("clear", "ALM-45640");
    assert_eq!(watch.stop().code, Some(0));
}

#[test]
fn its_own_log_can_be_read_by_programs() {
    let site = site();
    let mut watch = watch_all(&site, &["--log-format", "json"]);
    raise(&site);
    watch.transition("raise", "ALM-45640");
    fs::rename(site.path(HA_LOG), site.path(&format!("{HA_LOG}.1"))).unwrap();
    clear(&site);
    watch.transition("clear", "ALM-45640");
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0));
    let mut what = Vec::new();
    for line in ended.err.lines() {
        let said: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(said["time"].is_string() && said["level"].is_string() && said["text"].is_string(), "{line}");
        what.push(said["what"].as_str().unwrap().to_owned());
    }
    for wanted in ["found", "opened", "rotated", "stopped"] {
        assert!(what.iter().any(|what| what == wanted), "{wanted} in {}", ended.err);
    }
}

#[test]
fn filters_change_what_is_written_and_not_what_is_known() {
    let site = site();
    let mut watch = watch_all(&site, &["--alarm", "ALM-45641", "--node", "node-7"]);
    raise(&site);
    append(&site, &HA_LOG.replace("node-7", "node-8"), &alarm(&now(), 1, 0));
    append(&site, HA_LOG, &alarm(&now(), 1, 0));
    watch.transition("raise", "ALM-45641");
    let known = state_until(&site, "all are known", |s| s["active"].as_array().unwrap().len() == 3);
    assert_eq!(known["sinks"][0]["waiting"], 0);
    let ended = watch.stop();
    assert_eq!(ended.ids().len(), 1, "{}", ended.out);
    // A filter hides no alarm about ourselves.
    let mut watch = watch_all(&site, &["--alarm", "ALM-45641", "--node", "node-7", "--severity", "critical"]);
    state_once_running(&site, |_| true);
    fs::remove_dir_all(site.path("state")).unwrap();
    append(&site, HA_LOG, &alarm(&now(), 1, 0));
    let failed = watch.transition("raise", "TOCSIN-STATE-FAILED");
    let form = serde_json::from_str(include_str!("../schema/transition.schema.json")).unwrap();
    let schema = jsonschema::draft202012::new(&form).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&failed).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{failed}");
    watch.transition("clear", "TOCSIN-STATE-FAILED");
    assert_eq!(watch.stop().code, Some(0));
    // What was filtered is not told of afterwards either.
    let mut watch = watch_all(&site, &[]);
    clear(&site);
    watch.transition("clear", "ALM-45640");
    assert_eq!(watch.stop().ids().len(), 1);
}

/// What was about to be cleared by silence while we were down is cleared at its time, and what goes on is not.
#[test]
fn a_deadline_that_passed_while_nobody_watched_has_its_own_time() {
    let site = site();
    site.write("more/timed.toml", TIMED.as_bytes());
    let beat = |ms| ha(&stamp(Utc::now() + TimeDelta::milliseconds(ms)), "recv heartbeat from peer");
    let mut watch = watch_all(&site, &["--patterns", "more"]);
    append(&site, HA_LOG, &[beat(-200), beat(-100), beat(0)].concat());
    watch.says("opened: ");
    state_until(&site, "it was read", |s| {
        s["families"][0]["lag"] == 0 && s["families"][0]["offset"].as_u64() > Some(0)
    });
    watch.kill();
    let mut watch = watch_all(&site, &["--patterns", "more"]);
    let raised = watch.transition("raise", "T-SILENT");
    let last = raised["evidence"][0]["time"].as_str().unwrap();
    let gap = chrono::DateTime::parse_from_rfc3339(raised["time"].as_str().unwrap()).unwrap()
        - chrono::DateTime::parse_from_rfc3339(last).unwrap();
    assert_eq!(gap, TimeDelta::milliseconds(200), "{raised}");
    assert_eq!(watch.stop().code, Some(0));
}

/// More logs than the limit of descriptors allows, on a hundred nodes.
#[test]
fn ten_thousand_logs_are_watched() {
    const LOGS: usize = 10_000;
    let site = Site::in_memory();
    let log = |n: usize| format!("logs/node-{}/zookeeper/quorumpeer/zookeeper-omm-server-{n}.log", n % 100);
    for n in 0..LOGS {
        site.write(&log(n), refused(n).as_bytes());
    }
    // A hard limit below what they all need, and a soft one far below that.
    let limits = "ulimit -H -n 4096 2>/dev/null; ulimit -S -n 256";
    let command = site.limited(limits, &["watch", "--state", "state", "--tz", "UTC", "--from", "start", "logs"]);
    let mut watch = Running::start(command);
    watch.until("all are raised", |w| w.out.len() >= LOGS);
    for n in [0, LOGS / 2, LOGS - 1] {
        append(&site, &log(n), &refused(LOGS + n));
    }
    watch.until("some say more", |w| w.out.len() >= LOGS + 3);
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.ids().len(), LOGS + 3);
}
