//! The Kafka sink against librdkafka's mock cluster, through the real binary.
#![cfg(feature = "kafka")]

mod kafka_support;
mod support;
mod watch_support;

use std::fs;
use std::time::Duration;

use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Error};

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

/// With these sinks, and what else stands behind them.
fn watch(site: &Site, to: &[&str]) -> Running {
    let mut args = vec!["watch", "--state", "state", "--tz", "UTC", "--from", "start"];
    let sinks = to.iter().take_while(|word| !word.starts_with('-')).count();
    to[..sinks].iter().for_each(|sink| args.extend(["--to", sink]));
    args.extend(&to[sinks..]);
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

/// Ids of what was printed, own alarms apart.
fn printed(watch: &Running) -> Vec<String> {
    let records = watch.records().filter(|r| !r["alarm"].as_str().unwrap().starts_with("TOCSIN-"));
    records.map(|r| r["id"].as_str().unwrap().to_owned()).collect()
}

/// Ids of a key in the order of their first arrival.
fn arrived(seen: &[Seen], key: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for message in seen.iter().filter(|s| s.key == key) {
        if !ids.iter().any(|id| id == message.id()) {
            ids.push(message.id().to_owned());
        }
    }
    ids
}

fn has(seen: &[Seen], key: &str, count: usize) -> bool {
    arrived(seen, key).len() >= count
}

#[test]
fn a_topic_that_is_missing_is_said_at_once_and_the_sink_goes_on_when_it_is_there() {
    let (kafka, site) = (Kafka::without_topic(), site());
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    // Before there is anything to send.
    watch.says("the topic alarms does not exist; make it with `tocsin topic create`");
    let own = watch.transition("raise", "TOCSIN-SINK-REFUSES");
    assert_eq!(own["params"]["about"], kafka.url());
    raise(&site);
    clear(&site);
    watch.transition("clear", "ALM-45640");
    kafka.cluster.create_topic(kafka_support::TOPIC, 3, 1).unwrap();
    watch.says("transitions arrive again");
    watch.transition("clear", "TOCSIN-SINK-REFUSES");
    let seen = kafka.until("both", |seen| has(seen, KEY, 2));
    assert_eq!(arrived(&seen, KEY), printed(&watch));
    assert_eq!(watch.stop().code, Some(0));
}

#[test]
fn what_may_not_be_written_is_tried_again_in_order_when_it_may() {
    let (kafka, site) = (Kafka::start(), site());
    kafka.cluster.request_errors(Api::Produce, &[Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 2]);
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    for _ in 0..5 {
        raise(&site);
        clear(&site);
    }
    watch.says("may not use the topic alarms; grant the ACLs");
    watch.transition("raise", "TOCSIN-SINK-REFUSES");
    watch.transition("clear", "TOCSIN-SINK-REFUSES");
    let seen = kafka.until("all", |seen| has(seen, KEY, 10));
    assert_eq!(arrived(&seen, KEY), printed(&watch));
    assert_eq!(seen.iter().rfind(|s| s.key == KEY).unwrap().value["event"], "clear", "the last is the latest");
}

#[test]
fn what_passes_by_itself_is_no_word_worth() {
    let (kafka, site) = (Kafka::start(), site());
    use Error::*;
    let passing = [
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ];
    kafka.cluster.request_errors(Api::Produce, &passing);
    kafka.cluster.request_errors(Api::InitProducerId, &[RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS; 2]);
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    for _ in 0..5 {
        raise(&site);
        clear(&site);
    }
    let seen = kafka.until("all", |seen| has(seen, KEY, 10));
    watch.until("ten records", |watch| watch.out.len() >= 10);
    assert_eq!(seen.iter().map(|s| s.id().to_owned()).collect::<Vec<_>>(), printed(&watch), "each once, in order");
    let ended = watch.stop();
    assert!(!ended.err.contains("warning sink:") && !ended.out.contains("TOCSIN-"), "{}\n{}", ended.out, ended.err);
}

#[test]
fn after_a_fatal_error_a_new_producer_goes_on_from_the_last_acknowledgement() {
    let (kafka, site) = (Kafka::start(), site());
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    raise(&site);
    kafka.until("the first", |seen| has(seen, KEY, 1));
    kafka.cluster.request_errors(Api::Produce, &[Error::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    for _ in 0..5 {
        clear(&site);
        raise(&site);
    }
    watch.until("eleven records", |watch| printed(watch).len() == 11);
    let seen = kafka.until("all", |seen| has(seen, KEY, 11));
    assert_eq!(arrived(&seen, KEY), printed(&watch));
    assert_eq!(watch.stop().code, Some(0));
}

#[test]
fn a_record_that_is_too_large_is_left_out_loudly_and_holds_up_nothing() {
    let says = "larger than the topic alarms takes; raise its `max.message.bytes`";
    leaves_one_out(Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, says);
}

#[test]
fn a_record_that_is_not_as_the_topic_takes_it_is_left_out_and_holds_up_nothing() {
    leaves_one_out(
        Error::RD_KAFKA_RESP_ERR_INVALID_RECORD,
        "not as the topic alarms takes it; the broker's log says why",
    );
}

fn leaves_one_out(error: Error, says: &str) {
    let (kafka, site) = (Kafka::start(), site());
    // Of a batch that is refused nobody knows which record is to blame: then each goes alone.
    kafka.cluster.request_errors(Api::Produce, &[error; 2]);
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    for _ in 0..5 {
        raise(&site);
        clear(&site);
    }
    watch.says(&format!("will never arrive: {says}"));
    let own = watch.transition("occur", "TOCSIN-RECORD-REFUSED");
    watch.until("ten records", |watch| printed(watch).len() == 10);
    let seen = kafka.until("all but one", |seen| {
        has(seen, KEY, 9) && seen.iter().any(|s| s.value["alarm"] == "TOCSIN-RECORD-REFUSED")
    });
    let missing: Vec<String> = printed(&watch).into_iter().filter(|id| !arrived(&seen, KEY).contains(id)).collect();
    assert_eq!(missing.len(), 1);
    assert!(own["params"]["why"].as_str().unwrap().contains(&missing[0]), "{own}");
    // What came since goes in batches again: the next that is refused is sent once more, alone.
    kafka.cluster.request_errors(Api::Produce, &[error]);
    raise(&site);
    kafka.until("the next", |seen| has(seen, KEY, 10));
    let refused = watch.records().filter(|r| r["alarm"] == "TOCSIN-RECORD-REFUSED").count();
    assert_eq!(refused, 1);
}

/// An alarm about each refused record, which is refused as well, would never end.
#[test]
fn a_sink_that_takes_no_record_is_no_source_of_alarms_about_alarms() {
    let (kafka, site) = (Kafka::start(), site());
    // The least that can be set, and less than any record with its headers.
    let mut watch = watch(&site, &[&kafka.url(), "stdout", "-X", "message.max.bytes=1000"]);
    raise(&site);
    watch.says("not even TOCSIN-RECORD-REFUSED arrives");
    clear(&site);
    let refused = |watch: &Running| watch.records().filter(|r| r["alarm"] == "TOCSIN-RECORD-REFUSED").count();
    watch.until("both refused", |watch| refused(watch) >= 2);
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(
        ended.out.matches(r#""alarm":"TOCSIN-RECORD-REFUSED""#).count(),
        2,
        "one for each of ours\n{}",
        ended.out
    );
    assert_eq!(ended.err.matches("not even TOCSIN-RECORD-REFUSED").count(), 1, "{}", ended.err);
    assert_eq!(kafka.all(), []);
}

#[test]
fn what_no_broker_ever_takes_is_raised_with_its_remedy() {
    let (kafka, site) = (Kafka::start(), site());
    kafka.cluster.request_errors(Api::Produce, &[Error::RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE]);
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    raise(&site);
    watch.says("does not take this compression; set `compression.type`");
    watch.transition("raise", "TOCSIN-SINK-REFUSES");
    watch.transition("clear", "TOCSIN-SINK-REFUSES");
    kafka.until("the alarm", |seen| has(seen, KEY, 1));
    assert_eq!(watch.stop().code, Some(0));
}

#[test]
fn a_queue_with_room_for_one_and_a_slow_broker_lose_nothing() {
    let (kafka, site) = (Kafka::start(), site());
    kafka.cluster.broker_round_trip_time(1, Duration::from_millis(20)).unwrap();
    let mut watch = watch(&site, &[&kafka.url(), "stdout", "-X", "queue.buffering.max.messages=1"]);
    for _ in 0..50 {
        raise(&site);
        clear(&site);
    }
    watch.until("a hundred records", |watch| printed(watch).len() == 100);
    let seen = kafka.until("all", |seen| has(seen, KEY, 100));
    assert_eq!(seen.iter().map(|s| s.id().to_owned()).collect::<Vec<_>>(), printed(&watch));
}

/// Several keys over several partitions: the order of each holds.
#[test]
fn the_order_of_each_key_holds() {
    let (kafka, site) = (Kafka::start(), site());
    let mut watch = watch(&site, &[&kafka.url(), "stdout"]);
    let log = |node: usize| format!("logs/node-{node}/flink/flinkserver/ha/runlog/ha.log");
    for round in 0..10 {
        if round == 5 {
            kafka.cluster.broker_down(1).unwrap();
        }
        for node in 1..=6 {
            append(&site, &log(node), &(alarm(&now(), 0, 0) + &alarm(&now(), 0, 1)));
        }
        if round == 7 {
            kafka.cluster.broker_up(1).unwrap();
        }
    }
    watch.until("all records", |watch| printed(watch).len() == 120);
    let keys: Vec<String> = (1..=6).map(|node| KEY.replace("node-7", &format!("node-{node}"))).collect();
    let seen = kafka.until("all messages", |seen| keys.iter().all(|key| has(seen, key, 20)));
    assert!(seen.iter().map(|s| s.partition).collect::<std::collections::BTreeSet<_>>().len() > 1);
    for key in &keys {
        let wanted: Vec<String> = watch
            .records()
            .filter(|r| r["key"] == key.as_str())
            .map(|r| r["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(arrived(&seen, key), wanted, "{key}");
    }
}

#[test]
fn what_was_not_acknowledged_when_it_was_killed_arrives_after_the_restart_with_the_same_ids() {
    let (kafka, site) = (Kafka::start(), site());
    let mut first = watch(&site, &[&kafka.url(), "stdout"]);
    raise(&site);
    kafka.until("the first", |seen| has(seen, KEY, 1));
    kafka.cluster.broker_down(1).unwrap();
    clear(&site);
    raise(&site);
    first.until("three records", |watch| printed(watch).len() == 3);
    let ids = printed(&first.kill());
    let mut second = watch(&site, &[&kafka.url(), "stdout"]);
    clear(&site);
    second.until("the last record", |watch| watch.records().any(|r| r["event"] == "clear"));
    kafka.cluster.broker_up(1).unwrap();
    let seen = kafka.until("all", |seen| has(seen, KEY, 4));
    let all = arrived(&seen, KEY);
    assert_eq!((&all[..3], all.len()), (&ids[..], 4));
    assert_eq!(second.stop().code, Some(0));
}

#[test]
fn a_stop_with_a_dead_broker_keeps_what_waits() {
    let site = site();
    let to = "kafka://127.0.0.1:1/alarms";
    let mut watch = watch(&site, &[to, "stdout"]);
    raise(&site);
    watch.transition("raise", "ALM-45640");
    let ended = watch.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let state = watch_support::state(&site);
    let sink = state["sinks"].as_array().unwrap().iter().find(|s| s["sink"] == to).unwrap();
    assert_eq!(sink["waiting"], 1, "{state:#}");
}

#[test]
fn wrong_properties_end_the_start_and_secrets_are_not_taken_from_the_command_line() {
    let site = site();
    let run = |properties: &[&str]| {
        let mut args = vec!["watch", "--state", "state", "--to", "kafka://127.0.0.1:1/alarms"];
        properties.iter().for_each(|property| args.extend(["-X", property]));
        args.push("logs");
        site.run(&args)
    };
    for (property, says) in [
        ("sasl.password=hunter2", "write `sasl.password-file=PATH` or `sasl.password=${VARIABLE}`"),
        ("securty.protocol=ssl", "did you mean `security.protocol`?"),
        ("linger.ms=soon", "the Kafka property `linger.ms` is wrong"),
        ("acks=1", "must be `all`"),
        ("partitioner=random", "their order is lost"),
        ("enable.idempotence=0 max.in.flight=5", "must be 1 and not 5"),
        ("bootstrap.servers=x", "the brokers stand in kafka://"),
        ("sasl.password-file=/nowhere/p", "cannot read /nowhere/p"),
        ("sasl.password=${TOCSIN_NOT_SET}", "the environment variable `TOCSIN_NOT_SET` is not set"),
        ("hunter2", "expected NAME=VALUE"),
    ] {
        let ended = run(&property.split(' ').collect::<Vec<_>>());
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{property}: {}", ended.err);
        assert!(ended.err.contains(says), "{property}: {}", ended.err);
        assert!(!ended.err.contains("hunter2"), "{}", ended.err);
    }
}

#[test]
fn tail_prints_what_comes_and_what_is_active() {
    let (kafka, site) = (Kafka::start(), site());
    let url = kafka.url();
    let mut live = Running::start(site.command(&["tail", &url, "--since", "1h", "--format", "json"]));
    let log = |node: &str| format!("logs/{node}/flink/flinkserver/ha/runlog/ha.log");
    append(&site, &log("node-1"), &alarm("2021-03-22 14:03:35,344", 0, 0));
    append(&site, &log("node-2"), &(alarm("2021-03-22 14:03:36,344", 0, 0) + &alarm("2021-03-22 14:05:35,344", 0, 1)));
    append(&site, &log("bad\u{1b}[31mnode"), &alarm("2021-03-22 14:03:37,344", 0, 0));
    assert_eq!(site.run(&["replay", "--tz", "UTC", "--to", &url, "logs"]).code, Some(0));
    live.until("four records", |live| live.out.len() == 4);
    // A tombstone, and what others wrote there.
    kafka.put("no record", Some("{\"a\":1}"), None);
    let active = || site.run(&["tail", &url, "--active"]);
    let ended = active();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("is no record of tocsin"), "{}", ended.err);
    let nodes = |out: &str| {
        out.lines().skip(1).filter_map(|l| Some(l.split_whitespace().nth(4)?.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(nodes(&ended.out), ["node-1", "bad\\u{1b}[31mnode"], "{}", ended.out);
    kafka.put(&KEY.replace("node-7", "node-1"), None, None);
    assert_eq!(nodes(&active().out), ["bad\\u{1b}[31mnode"]);
    assert!(live.records().all(|r| r["mode"] == "replay"));
    assert!(!live.out.iter().any(|line| line.contains('\u{1b}')));
}

#[test]
fn tail_of_what_cannot_be_read_says_why() {
    let (kafka, site) = (Kafka::without_topic(), site());
    let ended = site.run(&["tail", &kafka.url()]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("the topic alarms does not exist"), "{}", ended.err);
    let ended = site.run(&["tail", "kafka://127.0.0.1:1/alarms"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("nobody answers at 127.0.0.1:1"), "{}", ended.err);
    assert_eq!(site.run(&["tail", "stdout"]).code, Some(2));
}

#[test]
fn a_test_alarm_goes_through_every_sink_and_each_acknowledgement_is_told() {
    let (kafka, site) = (Kafka::start(), site());
    let url = kafka.url();
    let ended = site.run(&["test-alarm", "--to", &url, "--to", "stdout"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for word in
        ["raise acknowledged after", "clear acknowledged after", "stdout: raise written", "stdout: clear written"]
    {
        assert!(ended.err.contains(word), "{word}: {}", ended.err);
    }
    let seen = kafka.all();
    assert_eq!(seen.iter().map(|s| s.value.clone()).collect::<Vec<_>>(), ended.records());
    assert!(seen.iter().all(|s| s.header("tocsin_mode") == "test" && s.value["mode"] == "test"));
    assert_eq!(seen.iter().map(|s| s.value["event"].as_str().unwrap()).collect::<Vec<_>>(), ["raise", "clear"]);
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/transition.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    seen.iter().for_each(|s| schema.validate(&s.value).unwrap());
    // One that fails keeps no other from its test.
    let ended =
        site.run(&["test-alarm", "--to", "kafka://127.0.0.1:1/alarms", "-X", "message.timeout.ms=1000", "--to", &url]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("nobody answers at 127.0.0.1:1"), "{}", ended.err);
    assert!(ended.err.contains("/alarms: clear acknowledged after"), "{}", ended.err);
}

#[test]
fn doctor_asks_for_the_topic() {
    let (kafka, site) = (Kafka::without_topic(), site());
    site.write("tocsin.toml", format!("to = [\"{}\"]\n", kafka.url()).as_bytes());
    let topic = || {
        let args = ["doctor", "--format", "json", "--tz", "UTC", "--state", "state", "--config", "tocsin.toml", "logs"];
        site.run(&args).records().into_iter().find(|f| f["check"] == "topic").unwrap()
    };
    let finding = topic();
    assert_eq!((&finding["verdict"], &finding["found"]), (&"mend".into(), &"there is no such topic".into()));
    assert_eq!(finding["remedy"], format!("tocsin topic create {}", kafka.url()));
    kafka.cluster.create_topic(kafka_support::TOPIC, 3, 1).unwrap();
    let finding = topic();
    assert_eq!(
        (&finding["verdict"], &finding["found"]),
        (&"ok".into(), &"3 partitions, 1 replicas".into()),
        "{finding}"
    );
}
