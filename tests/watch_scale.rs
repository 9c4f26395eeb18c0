//! Many logs, many directories and few descriptors: `tocsin watch` reads all of them, and says what it cannot have.

mod support;
mod watch_support;

use std::fs;

use support::{Site, alarm};
use watch_support::{Running, append, now};

const WATCH: [&str; 8] = ["watch", "--state", "state", "--tz", "UTC", "--from", "start", "logs"];

fn ha_log(node: usize) -> String {
    format!("logs/node-{node:03}/flink/flinkserver/ha/runlog/ha.log")
}

/// Each log that lists its directory for itself makes of this a matter of many minutes.
#[test]
fn ten_thousand_logs_of_one_directory_are_begun() {
    const LOGS: usize = 10_000;
    let site = Site::in_memory();
    let line = format!("{} | INFO | main | binding to port 0.0.0.0/0.0.0.0:24002 | x (y.java:1)\n", now());
    for number in 0..LOGS {
        site.write(&format!("logs/zookeeper/quorumpeer/zookeeper-omm-server-{number}.log"), line.as_bytes());
    }
    let mut watch = Running::start(site.command(&WATCH));
    watch.until("all are opened", |w| w.err.iter().filter(|said| said.contains("info opened: ")).count() >= LOGS);
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

/// With 128 descriptors, 16 directories may be watched, and 64 logs be open.
#[test]
fn logs_in_more_directories_than_can_be_watched_are_polled() {
    const NODES: usize = 100;
    let site = Site::in_memory();
    for node in 0..NODES {
        append(&site, &ha_log(node), "");
    }
    let mut watch = Running::start(site.limited("ulimit -n 128", &WATCH));
    watch.says("there are more directories than the 16 that are watched");
    for node in [0, NODES - 1] {
        append(&site, &ha_log(node), &alarm(&now(), 0, 0));
        let name = format!("node-{node:03}");
        watch.record(&name, |record| record["event"] == "raise" && record["node"] == *name);
    }
    // A directory that goes and one that comes are no reason to say it again.
    fs::remove_dir_all(site.path("logs/node-050")).unwrap();
    append(&site, &ha_log(NODES), &alarm(&now(), 0, 0));
    watch.record("a new one", |record| record["node"] == format!("node-{NODES}"));
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let said = ended.err.lines().filter(|line| line.contains("wake-up")).count();
    assert_eq!(said, 1, "{}", ended.err);
}
