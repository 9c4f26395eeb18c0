//! The topic as others read it: with kcat, with Python, and after compaction.

use std::collections::HashMap;
use std::process::Command;

use crate::broker::{self, Topic, directory, root};
use crate::support::{Ended, Site};
use crate::watch_support::Running;
use crate::workload::{self, Expected};

/// A topic to which a watch has sent the records of ten keys, and how many these are.
fn filled(partitions: i32, settings: &[(&str, &str)], pairs: usize) -> (Topic, usize) {
    let site = Site::new(&[]);
    workload::write(&site, "logs", 10, 0..pairs);
    let mut expected = Expected::of(&site, "logs");
    let topic = Topic::make("consumers", partitions, settings);
    let args = ["watch", "--state", "state", "--tz", "UTC", "--from", "start", "--to"];
    let running = Running::start(topic.login.command(&site, &args, &topic.name, &["logs"]));
    expected.take_all(&topic.listen());
    assert_eq!(running.stop().code, Some(0));
    (topic, expected.total())
}

/// A consumer's command, stopped after so many lines.
#[track_caller]
fn lines(mut command: Command, count: usize) -> Vec<String> {
    command.env("PYTHONUNBUFFERED", "1");
    let mut running = Running::start(command);
    running.until(&format!("{count} lines"), |running| running.out.len() >= count);
    let out = std::mem::take(&mut running.out);
    drop(running);
    out
}

#[test]
fn keys_and_headers_are_those_of_the_record() {
    let _beside = broker::beside_others();
    let (topic, count) = filled(3, &[], 5);
    for seen in topic.read(count) {
        let (record, headers) = (&seen.record, &seen.headers);
        assert_eq!(record["key"], seen.key.as_str());
        assert_eq!(record["mode"], "watch");
        let event = record["event"].as_str().unwrap();
        let expected = [
            ("ce_specversion", "1.0"),
            ("ce_id", record["id"].as_str().unwrap()),
            ("ce_type", &format!("dev.tocsin.alarm.{event}")),
            ("ce_source", &format!("/tocsin/default/{}", record["node"].as_str().unwrap())),
            ("ce_time", record["time"].as_str().unwrap()),
            ("ce_dataschema", "https://tocsin.dev/schema/transition.schema.json"),
            ("content-type", "application/json"),
            ("tocsin_mode", "watch"),
        ];
        for (name, value) in expected {
            assert_eq!(headers[name], value, "{name}");
        }
        assert_eq!(headers.len(), expected.len());
    }
}

#[test]
fn a_group_of_kcat_gets_each_record_once() {
    let _beside = broker::beside_others();
    let (topic, count) = filled(3, &[], 5);
    let kcat = |count: usize| {
        let mut command = Command::new("kcat");
        // cargo lets programs find the librdkafka that was built for us, which is not kcat's.
        command.env_remove("LD_LIBRARY_PATH");
        command.args(["-b", &topic.login.servers, "-X", "auto.offset.reset=earliest", "-c", &count.to_string()]);
        command.args(["-f", "%k %h\\n", "-G", "on-call", &topic.name]);
        Ended::of(command.output().unwrap_or_else(|e| panic!("kcat: {e}")))
    };
    let (first, rest) = (kcat(count / 3), kcat(count - count / 3));
    let lines: Vec<&str> = first.out.lines().chain(rest.out.lines()).collect();
    assert_eq!(lines.len(), count, "{}{}", first.err, rest.err);
    let mut ids: Vec<&str> = lines.iter().filter_map(|line| line.split_once("ce_id=")?.1.get(..32)).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

/// The consumer of docs/kafka.md, as it stands there.
#[test]
fn the_consumer_in_python_of_the_page_runs() {
    let _beside = broker::beside_others();
    let (topic, count) = filled(3, &[], 5);
    let site = Site::new(&[("consumer.py", &listing("python"))]);
    let mut command = Command::new(directory().join("python/bin/python"));
    command.arg(site.path("consumer.py")).args([&topic.login.servers, &topic.name, "python"]);
    let out = lines(command, count);
    assert!(
        out.iter().any(|line| line.starts_with("raise minor ALM-45640|default|Flink|FlinkServer|node-7 ")),
        "{out:?}"
    );
}

#[test]
fn the_consumer_in_java_of_the_page_runs() {
    let _beside = broker::beside_others();
    let (topic, count) = filled(3, &[], 5);
    let site = Site::new(&[("Alarms.java", &listing("java"))]);
    let mut command = Command::new("java");
    command.args(["-Dlog4j2.level=OFF", "-cp", directory().join("lib/*").to_str().unwrap()]);
    command.arg(site.path("Alarms.java")).args([&topic.login.servers, &topic.name, "java"]);
    let out = lines(command, count);
    assert!(out.iter().any(|line| line == "clear ALM-45640|default|Flink|FlinkServer|node-7"), "{out:?}");
}

/// The block of this language in docs/kafka.md.
fn listing(language: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/kafka.md")).unwrap();
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap_or_else(|| panic!("no {language} in the page"));
    rest.split_once("```\n").unwrap().0.to_owned()
}

/// What is left of a compacted topic is the last record of each key.
#[test]
fn compaction_keeps_the_last_record_of_each_key() {
    let _beside = broker::beside_others();
    // Segments cannot be smaller. The last one is never compacted, those before it are.
    let settings = [("segment.bytes", "1048576"), ("min.cleanable.dirty.ratio", "0.01")];
    let (topic, count) = filled(1, &settings, 1_000);
    // Without what tocsin says of itself: that so many records wait, for one.
    let last = |seen: &[(String, String)]| {
        seen.iter().filter(|(key, _)| key.starts_with("ALM-")).cloned().collect::<HashMap<_, _>>()
    };
    let all = topic.everything();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(90);
    let kept = loop {
        let kept = topic.everything();
        if kept.len() < count / 2 {
            break kept;
        }
        assert!(std::time::Instant::now() < until, "still {} of {count} records", kept.len());
    };
    assert_eq!(last(&kept), last(&all));
    assert_eq!(last(&kept).len(), 10);
}
