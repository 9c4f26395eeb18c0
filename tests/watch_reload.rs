//! SIGHUP and SIGTERM: what is known goes on, whatever happens around them.

mod support;
mod watch_support;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use chrono::{TimeDelta, Utc};
use rustix::process::Signal;

use support::{Site, alarm};
use watch_support::{Running, append, now, stamp, state_until};

const HA_LOG: &str = "logs/node-7/flink/flinkserver/ha/runlog/ha.log";

fn site() -> Site {
    let site = Site::new(&[]);
    fs::create_dir(site.path("logs")).unwrap();
    site
}

fn watch(site: &Site, more: &[&str]) -> Running {
    Running::start(site.command(&[&["watch", "--state", "state", "--tz", "UTC"], more].concat()))
}

const NOISY: &str = r#"
[alarm.T-NOISY]
name     = "Heartbeats come again and again"
severity = "major"
log      = "ha-flinkserver"
raise    = [{ on = "ha-heartbeat", count = 3, within = "1h", cause = "noisy" }]
clear    = [{ quiet = "1d" }]
"#;

fn read(site: &Site) {
    let size = fs::metadata(site.path(HA_LOG)).unwrap().len();
    state_until(site, "it was read", |s| s["families"][0]["offset"] == size);
}

/// What was read just before the reload is kept by it: the set that goes on takes it for kept.
#[test]
fn killed_after_a_reload_it_has_lost_nothing() {
    let site = site();
    site.write("more/noisy.toml", NOISY.as_bytes());
    let args = ["--from", "start", "--patterns", "more", "logs"];
    let mut running = watch(&site, &args);
    append(&site, HA_LOG, &alarm(&now(), 0, 0));
    running.transition("raise", "ALM-45640");
    for _ in 0..2 {
        append(&site, HA_LOG, &support::ha(&now(), "recv heartbeat from peer"));
    }
    read(&site);
    running.signal(Signal::HUP);
    running.says("reloaded: ");
    append(&site, HA_LOG, &alarm(&now(), 1, 0));
    running.transition("raise", "ALM-45641");
    running.kill();
    let mut running = watch(&site, &args);
    append(&site, HA_LOG, &support::ha(&now(), "recv heartbeat from peer"));
    let raised = running.transition("raise", "T-NOISY");
    assert_eq!(raised["count"], 3);
    assert_eq!(running.stop().code, Some(0));
}

/// The directory of a node is away for a while, as where it is mounted from elsewhere.
#[test]
fn a_reload_keeps_what_is_known_of_logs_that_are_away() {
    let site = site();
    let mut running = watch(&site, &["--from", "start", "logs"]);
    append(&site, HA_LOG, &alarm(&now(), 0, 0));
    let raised = running.transition("raise", "ALM-45640");
    fs::rename(site.path("logs/node-7"), site.path("away")).unwrap();
    for times in 1..=2 {
        running.signal(Signal::HUP);
        running.until("reloaded", |w| w.err.iter().filter(|line| line.contains("reloaded: ")).count() == times);
    }
    fs::rename(site.path("away"), site.path("logs/node-7")).unwrap();
    append(&site, HA_LOG, &alarm(&now(), 0, 1));
    let cleared = running.transition("clear", "ALM-45640");
    // What was read before is not read again, and not counted again.
    assert_eq!((&cleared["raisedAt"], &cleared["count"]), (&raised["time"], &1.into()));
    let ended = running.stop();
    assert_eq!(ended.ids().len(), 2, "{}", ended.out);
}

/// Without a log that it could be, what comes through the pipe would be lost.
#[test]
fn a_reload_that_does_not_know_standard_input_is_refused() {
    let site = site();
    let log = "[log.ha-flinkserver]\nfiles = [\"-\"]\n[assign]\nnode-7 = \"-\"\n";
    site.write("tocsin.toml", log.as_bytes());
    let mut command = site.command(&["watch", "--state", "state", "--tz", "UTC", "--config", "tocsin.toml", "-"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(alarm(&now(), 0, 0).as_bytes()).unwrap();
    running.transition("raise", "ALM-45640");
    site.write("tocsin.toml", b"[assign]\nnode-7 = \"-\"\n");
    running.signal(Signal::HUP);
    running.says("reload: refused");
    running.says("standard input would not be recognised");
    stdin.write_all(alarm(&now(), 0, 1).as_bytes()).unwrap();
    running.transition("clear", "ALM-45640");
    site.write("tocsin.toml", log.as_bytes());
    running.signal(Signal::HUP);
    running.says("reloaded: ");
    stdin.write_all(alarm(&now(), 1, 0).as_bytes()).unwrap();
    running.transition("raise", "ALM-45641");
    drop(stdin);
    assert_eq!(running.end().code, Some(0));
}

const OTHER: &str = r#"
[log.other]
files   = ["other/other.log*"]
layout  = "ha"
service = "Other"
role    = "Other"

[signal.other-lost]
log        = "other"
message    = '''^lost (?<what>\w+)'''
provenance = "documented"

[signal.other-back]
log        = "other"
message    = '''^back (?<what>\w+)'''
provenance = "documented"

[alarm.T-OTHER]
name     = "Something is lost"
severity = "minor"
log      = "other"
by       = ["what"]
raise    = [{ on = "other-lost", cause = "lost" }]
clear    = [{ on = "other-back" }]
"#;

/// A log that patterns name only now has a past, which is read for what is still active: what is over is no news.
#[test]
fn a_log_that_is_named_by_a_reload_begins_as_at_a_first_start() {
    let site = site();
    site.write("more/noisy.toml", NOISY.as_bytes());
    let log = "logs/node-7/other/other.log";
    let ago = |minutes, text: &str| support::ha(&stamp(Utc::now() - TimeDelta::minutes(minutes)), text);
    append(&site, log, &[ago(50, "lost a"), ago(40, "back a"), ago(30, "lost b"), ago(20, "lost c")].concat());
    let mut running = watch(&site, &["--patterns", "more", "logs"]);
    append(&site, HA_LOG, &alarm(&now(), 0, 0));
    running.transition("raise", "ALM-45640");
    site.write("more/other.toml", OTHER.as_bytes());
    running.signal(Signal::HUP);
    let is = |what: &'static str, event: &'static str| {
        move |record: &serde_json::Value| {
            record["key"].as_str().unwrap().ends_with(&format!("|what={what}")) && record["event"] == event
        }
    };
    running.record("b is lost", is("b", "raise"));
    running.record("c is lost", is("c", "raise"));
    // From now on all of it is news.
    append(
        &site,
        log,
        &[support::ha(&now(), "back b"), support::ha(&now(), "lost a"), support::ha(&now(), "back a")].concat(),
    );
    running.record("b is back", is("b", "clear"));
    running.record("a is back", is("a", "clear"));
    let ended = running.stop();
    assert_eq!(ended.ids().len(), 6, "{}", ended.out);
    // A log that comes to be while nobody watches is a new one.
    let new = "logs/node-8/other/other.log";
    append(&site, new, &[support::ha(&now(), "lost d"), support::ha(&now(), "back d")].concat());
    let mut running = watch(&site, &["--patterns", "more", "logs"]);
    running.record("d was back", is("d", "clear"));
    assert_eq!(running.stop().ids().len(), 2);
}

/// The same for a path that is given only now.
#[test]
fn a_path_that_is_added_begins_as_at_a_first_start() {
    let site = site();
    append(&site, HA_LOG, &alarm(&now(), 0, 0));
    let other = "more/node-8/flink/flinkserver/ha/runlog/ha.log";
    append(&site, other, &[alarm(&now(), 1, 0), alarm(&now(), 1, 1), alarm(&now(), 4, 0)].concat());
    let mut running = watch(&site, &["logs"]);
    running.transition("raise", "ALM-45640");
    running.stop();
    let mut running = watch(&site, &["logs", "more"]);
    running.transition("raise", "HA-LINK");
    append(&site, other, &[alarm(&now(), 0, 0), alarm(&now(), 0, 1)].concat());
    running.transition("clear", "ALM-45640");
    let ended = running.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.out.contains("ALM-45641"), "{}", ended.out);
}

/// What is held for an hour is left to the next watch: a stop does not wait for it.
#[test]
fn a_stop_leaves_what_takes_too_long_to_the_next_watch() {
    let site = site();
    let zookeeper = "logs/node-7/zookeeper/quorumpeer/zookeeper-omm-server-node-7.log";
    let refused = format!(
        "{} [myid:] - WARN  [NIOServerCxn.Factory:/10.0.0.9:2181:NIOServerCnxnFactory@218] - \
         Too many connections from /10.0.0.1 - max is 5\n",
        now()
    );
    append(&site, HA_LOG, &support::ha(&now(), "nothing to speak of"));
    append(&site, zookeeper, "");
    let mut running = watch(&site, &["--from", "start", "--hold", "1h", "logs"]);
    running.until("both logs", |w| w.err.iter().filter(|line| line.contains("opened: ")).count() == 2);
    append(&site, zookeeper, &refused.replace(&refused[..23], &stamp(Utc::now() + TimeDelta::minutes(2))));
    let size = fs::metadata(site.path(zookeeper)).unwrap().len();
    state_until(&site, "it was read", |s| s["families"].as_array().unwrap().iter().any(|f| f["offset"] == size));
    let ended = running.stop();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(ended.err.contains("not everything was read and said"), "{}", ended.err);
    let mut running = watch(&site, &["--hold", "0", "logs"]);
    running.transition("raise", "ALM-13007");
    assert_eq!(running.stop().ids().len(), 1);
}
