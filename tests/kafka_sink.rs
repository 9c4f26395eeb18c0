//! The Kafka sink against librdkafka's mock cluster, through the real binary.
#![cfg(feature = "kafka")]

mod kafka_support;
mod support;
mod watch_support;

use std::fs;

use kafka_support::{Kafka, Seen};
use support::{Site, alarm};
use watch_support::{Running, append, now};

const HA_LOG: &str = "logs/node-7/flink/flinkserver/ha/runlog/ha.log";
const KEY: &str = "ALM-45640|default|Flink|FlinkServer|node-7";

fn site() -> Site {
    let site = Site::new(&[]);
    fs::create_dir(site.path("logs")).unwrap();
    site
}

fn watch(site: &Site, to: &[&str]) -> Running {
    let mut args = vec!["watch", "--state", "state", "--tz", "UTC", "--from", "start"];
    to.iter().for_each(|sink| args.extend(["--to", sink]));
    args.push("logs");
    Running::start(site.command(&args))
}

fn raise(site: &Site) {
    append(site, HA_LOG, &alarm(&now(), 0, 0));
}

fn clear(site: &Site) {
    append(site, HA_LOG, &alarm(&now(), 0, 1));
}

/// Events of a key, in the order of their partition.
fn events<'a>(seen: &'a [Seen], key: &str) -> Vec<&'a str> {
    seen.iter().filter(|s| s.key == key).map(|s| s.value["event"].as_str().unwrap()).collect()
}

#[test]
fn a_record_is_a_message_with_its_key_and_headers() {
    let (kafka, site) = (Kafka::start(), site());
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    raise(&site);
    clear(&site);
    let raised = watch.transition("raise", "ALM-45640");
    let cleared = watch.transition("clear", "ALM-45640");
    let seen = kafka.until("two messages", |seen| seen.len() == 2);
    assert_eq!(seen.iter().map(|s| &s.value).collect::<Vec<_>>(), [&raised, &cleared]);
    for message in &seen {
        assert_eq!(message.key, KEY);
        let (record, event) = (&message.value, message.value["event"].as_str().unwrap());
        let headers: Vec<(&str, &str)> = message.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let kind = format!("dev.tocsin.alarm.{event}");
        assert_eq!(
            headers,
            [
                ("ce_specversion", "1.0"),
                ("ce_id", record["id"].as_str().unwrap()),
                ("ce_type", kind.as_str()),
                ("ce_source", "/tocsin/default/node-7"),
                ("ce_time", record["time"].as_str().unwrap()),
                ("ce_dataschema", "https://tocsin.dev/schema/transition.schema.json"),
                ("content-type", "application/json"),
                ("tocsin_mode", "watch"),
            ]
        );
    }
    assert_eq!(watch.stop().code, Some(0));
}

#[test]
fn brokers_that_come_late_get_everything_in_order() {
    let (kafka, site) = (Kafka::start(), site());
    kafka.cluster.broker_down(1).unwrap();
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    watch.says("nobody answers at ");
    for _ in 0..10 {
        raise(&site);
        clear(&site);
    }
    // Neither reading nor stdout waits.
    watch.until("twenty records", |watch| watch.out.len() == 20);
    kafka.cluster.broker_up(1).unwrap();
    watch.says("transitions arrive again");
    let seen = kafka.until("twenty messages", |seen| seen.len() >= 20);
    assert_eq!(events(&seen, KEY), ["raise", "clear"].repeat(10));
    assert_eq!(watch.stop().code, Some(0));
}

fn raised_and_cleared() -> Site {
    Site::new(&[(HA_LOG, &(alarm("2021-03-22 14:03:35,344", 0, 0) + &alarm("2021-03-22 14:05:35,344", 0, 1)))])
}

#[test]
fn a_replay_waits_until_everything_is_there() {
    let (kafka, site) = (Kafka::start(), raised_and_cleared());
    let args = ["replay", "--tz", "UTC", "--to", &kafka.url(), "logs"];
    let ended = site.run(&args);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
    assert!(ended.err.contains("/alarms: 2 transitions acknowledged"), "{}", ended.err);
    let seen = kafka.all();
    assert_eq!(events(&seen, KEY), ["raise", "clear"]);
    assert_eq!(seen[0].header("tocsin_mode"), "replay");
    // The same again, to standard output too: what others replayed is no obstacle.
    let ended = site.run(&[&args[..], &["--to", "stdout"]].concat());
    assert_eq!((ended.code, ended.records().len(), kafka.all().len()), (Some(0), 2, 4), "{}", ended.err);
    assert_eq!(ended.ids(), seen.iter().map(|s| s.id().to_owned()).collect::<Vec<_>>());
}

#[test]
fn a_replay_keeps_away_from_a_topic_that_a_watch_writes_to() {
    let (kafka, site) = (Kafka::start(), raised_and_cleared());
    kafka.put("k", Some("{}"), Some("watch"));
    (0..10).for_each(|_| kafka.put("k", Some("{}"), None));
    let args = ["replay", "--tz", "UTC", "--to", &kafka.url(), "logs"];
    let ended = site.run(&args);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("a watch writes to this topic") && ended.err.contains("--force"), "{}", ended.err);
    assert_eq!(kafka.all().len(), 11);
    let ended = site.run(&[&args[..], &["--force"]].concat());
    assert_eq!((ended.code, kafka.all().len()), (Some(0), 13), "{}", ended.err);
}

#[test]
fn a_replay_that_cannot_be_delivered_fails_and_says_why() {
    let site = raised_and_cleared();
    let ended = site.run(&["replay", "--tz", "UTC", "--to", "kafka://127.0.0.1:1/alarms", "logs"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
    assert!(ended.err.contains("nobody answers at 127.0.0.1:1"), "{}", ended.err);
    let kafka = Kafka::without_topic();
    let args = ["replay", "--tz", "UTC", "--to", &kafka.url(), "logs"];
    for force in [&[][..], &["--force"]] {
        let ended = site.run(&[&args[..], force].concat());
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        assert!(
            ended.err.contains("the topic alarms does not exist; make it with `tocsin topic create`"),
            "{}",
            ended.err
        );
    }
}
