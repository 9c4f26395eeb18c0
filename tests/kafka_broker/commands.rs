//! The commands around the topic: make it, test it, fill it, look into it.

use crate::broker::{self, Login, Topic};
use crate::support::{Ended, Site, alarm};
use crate::watch_support::{Running, append, now};

const LOG: &str = "logs/node-1/flink/flinkserver/ha/runlog/ha.log";

/// Two alarms, of which one is over.
fn logs() -> Site {
    let line = |second: u32, id, category| alarm(&format!("2026-05-04 10:00:{second:02},000"), id, category);
    let text = [line(1, 0, 0), line(2, 1, 0), line(3, 0, 1)].concat();
    Site::new(&[(LOG, &text)])
}

fn replay(site: &Site, login: &Login, topic: &Topic, more: &[&str]) -> Ended {
    let after: Vec<&str> = more.iter().chain(&["--tz", "UTC", "logs"]).copied().collect();
    login.run(site, &["replay", "--to"], &topic.name, &after)
}

#[test]
fn a_topic_is_made_and_found_to_be_well() {
    let _beside = broker::beside_others();
    let (site, topic) = (Site::new(&[]), Topic::none("made"));
    let create = |more: &[&str]| topic.login.run(&site, &["topic", "create"], &topic.name, more);
    let made = create(&["--partitions", "2"]);
    assert_eq!(made.code, Some(0), "{}", made.shown());
    assert!(made.out.contains("made, 2 partitions, 1 replicas"), "{}", made.shown());
    assert_eq!(topic.login.run(&site, &["topic", "check"], &topic.name, &[]).code, Some(0));
    assert_eq!(create(&[]).code, Some(0), "it is there, and well");
    let other = create(&["--partitions", "3"]);
    assert_eq!(other.code, Some(1), "{}", other.shown());
    assert!(other.out.contains("it has 2 partitions, and not 3"), "{}", other.shown());
}

#[test]
fn what_is_off_with_a_topic_is_said() {
    let _beside = broker::beside_others();
    let settings = [("cleanup.policy", "delete"), ("unclean.leader.election.enable", "true")];
    let (site, topic) = (Site::new(&[]), Topic::make("off", 1, &settings));
    let ended = topic.login.run(&site, &["topic", "check"], &topic.name, &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.shown());
    for says in ["cleanup.policy=delete", "--add-config cleanup.policy=compact", "acknowledged alarms may be lost"] {
        assert!(ended.out.contains(says), "{says}: {}", ended.shown());
    }
}

/// A user who may not make topics, and one who may not even see this one.
#[test]
fn a_topic_is_not_made_without_the_right_to() {
    let _beside = broker::beside_others();
    let (site, topic) = (Site::new(&[]), Topic::none("forbidden"));
    for user in ["tocsin", "stranger"] {
        let ended = Login::by("sasl-scram").user(user).run(&site, &["topic", "create"], &topic.name, &[]);
        assert_eq!(ended.code, Some(1), "{}", ended.shown());
        assert!(ended.err.contains(&format!("user {user} may not")), "{}", ended.shown());
        assert!(ended.err.contains("grant the ACL"), "{}", ended.shown());
    }
}

#[test]
fn a_test_alarm_reports_each_acknowledgement() {
    let _beside = broker::beside_others();
    let (site, topic) = (Site::new(&[]), Topic::make("test-alarm", 1, &[]));
    let login = Login::by("tls-scram");
    let ended = login.run(&site, &["test-alarm", "--to"], &topic.name, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    for says in ["raise acknowledged", "clear acknowledged"] {
        assert!(ended.err.contains(says), "{}", ended.shown());
    }
    for (seen, event) in topic.read(2).iter().zip(["raise", "clear"]) {
        assert_eq!((seen.record["event"].as_str(), seen.headers["tocsin_mode"].as_str()), (Some(event), "test"));
    }
    let wrong = login.with("sasl.password", Some("wrong-secret")).run(&site, &["test-alarm", "--to"], &topic.name, &[]);
    assert_eq!(wrong.code, Some(1), "{}", wrong.shown());
    assert!(wrong.err.contains("authentication failed for user tocsin"), "{}", wrong.shown());
    assert!(!wrong.shown().contains("wrong-secret"), "{}", wrong.shown());
}

#[test]
fn a_replay_waits_until_all_is_there() {
    let _beside = broker::beside_others();
    let (site, topic) = (logs(), Topic::make("replay", 1, &[]));
    let ended = replay(&site, &topic.login, &topic, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert!(ended.err.contains("3 transitions acknowledged"), "{}", ended.shown());
    assert_eq!(ended.out, "", "standard output was not asked for");
    let both = replay(&site, &topic.login, &topic, &["--to", "stdout"]);
    assert_eq!(both.ids(), topic.read(6)[3..].iter().map(|seen| seen.id().to_owned()).collect::<Vec<_>>());
    assert_eq!(topic.read(1)[0].headers["tocsin_mode"], "replay");
}

#[test]
fn a_replay_keeps_away_from_a_topic_that_a_watch_writes_to() {
    let _beside = broker::beside_others();
    let (site, topic) = (logs(), Topic::make("guarded", 2, &[]));
    let args = ["watch", "--state", "state", "--tz", "UTC", "--from", "start", "--to"];
    let running = Running::start(topic.login.command(&site, &args, &topic.name, &["logs"]));
    topic.read(3);
    assert_eq!(running.stop().code, Some(0));
    let refused = replay(&site, &topic.login, &topic, &[]);
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    assert!(refused.err.contains("a watch writes to this topic"), "{}", refused.shown());
    assert_eq!(topic.count(), 3);
    // Who may not read cannot look, and has to say that he means it.
    let blind = Login::by("sasl-scram");
    let denied = replay(&site, &blind, &topic, &[]);
    assert_eq!(denied.code, Some(1), "{}", denied.shown());
    assert!(denied.err.contains("Read"), "{}", denied.shown());
    let forced = replay(&site, &blind, &topic, &["--force"]);
    assert_eq!(forced.code, Some(0), "{}", forced.shown());
    assert_eq!(topic.count(), 6);
}

#[test]
fn a_replay_that_cannot_deliver_fails_with_the_reason() {
    let _beside = broker::beside_others();
    let (site, none, topic) = (logs(), Topic::none("nowhere"), Topic::make("denied", 1, &[]));
    let reader = Login::by("sasl-plain").user("reader");
    for (login, topic, says) in [
        (&none.login, &none, "does not exist; make it with `tocsin topic create`"),
        (&reader, &topic, "user reader may not write to the topic"),
    ] {
        let ended = replay(&site, login, topic, &[]);
        assert_eq!(ended.code, Some(1), "{}", ended.shown());
        assert!(ended.err.contains(says), "{}", ended.shown());
    }
}

/// With the rights of a consumer.
#[test]
fn tail_shows_what_is_active_and_what_comes() {
    let _beside = broker::beside_others();
    let (site, topic) = (logs(), Topic::make("tail", 3, &[]));
    assert_eq!(replay(&site, &topic.login, &topic, &[]).code, Some(0));
    let login = Login::by("tls-scram").user("reader");
    let active = login.run(&site, &["tail"], &topic.name, &["--active", "--format", "json"]);
    assert_eq!(active.code, Some(0), "{}", active.shown());
    let alarms: Vec<_> = active.records().iter().map(|r| r["alarm"].as_str().unwrap().to_owned()).collect();
    assert_eq!(alarms, ["ALM-45641"]);

    let follow = ["--active", "--follow", "--format", "json"];
    let mut tail = Running::start(login.command(&site, &["tail"], &topic.name, &follow));
    tail.transition("raise", "ALM-45641");
    append(&site, "logs/node-2/flink/flinkserver/ha/runlog/ha.log", &alarm(&now(), 0, 0));
    assert_eq!(replay(&site, &topic.login, &topic, &["--node", "node-2"]).code, Some(0));
    assert_eq!(tail.transition("raise", "ALM-45640")["node"], "node-2");
}
