//! Whoever is killed, every record arrives, and those of each key in their order.

use crate::broker::{self, Login, Topic};
use crate::support::Site;
use crate::watch_support::Running;
use crate::workload::{self, Expected};

const WATCH: [&str; 8] = ["watch", "--state", "state", "--tz", "UTC", "--from", "start", "--to"];

fn watch(site: &Site, topic: &Topic) -> Running {
    Running::start(topic.login.command(site, &WATCH, &topic.name, &["logs"]))
}

/// Each broker is killed in the middle of 100,000 transitions, and comes back. Where there are three of them, the other
/// two take what comes meanwhile, because the topic has three replicas of which two are enough.
#[test]
fn brokers_that_are_killed_in_turn_cost_nothing() {
    let _alone = broker::alone();
    let site = Site::new(&[]);
    let brokers = Login::by("plaintext").servers.split(',').count();
    workload::write(&site, "whole", 50, 0..1_000 * brokers);
    let mut expected = Expected::of(&site, "whole");
    assert_eq!(expected.total(), 100_000 * brokers);
    let least = if brokers > 1 { "2" } else { "1" };
    let topic = Topic::make("killed-broker", 3, &[("min.insync.replicas", least)]);
    let listener = topic.listen();
    std::fs::create_dir(site.path("logs")).unwrap();
    let running = watch(&site, &topic);

    for node in 1..=brokers {
        let before = expected.arrived;
        workload::write(&site, "logs", 50, 1_000 * (node - 1)..1_000 * node);
        expected.take(&listener, before + 20_000);
        broker::script(&["crash", &node.to_string()]);
        if brokers > 1 {
            expected.take(&listener, before + 100_000);
        }
        broker::script(&["start"]);
        expected.take(&listener, before + 100_000);
    }
    expected.take_all(&listener);
    assert_eq!(running.stop().code, Some(0));
    expected.take_rest(&listener, &topic);
    eprintln!("{brokers} killed in turn: {} records, {} of them repeated", expected.total(), expected.repeated);
}

/// tocsin is killed again and again while it sends.
#[test]
fn killed_while_it_sends_it_loses_nothing() {
    let _beside = broker::beside_others();
    let site = Site::new(&[]);
    workload::write(&site, "logs", 50, 0..1_000);
    let mut expected = Expected::of(&site, "logs");
    let topic = Topic::make("killed-tocsin", 3, &[]);
    let listener = topic.listen();
    // Anywhere in its work: between the first record of a life and some thousands later.
    for more in [1, 1_700, 40, 5_000, 300, 9_000, 2, 2_600, 7_100, 900] {
        let running = watch(&site, &topic);
        expected.take(&listener, expected.arrived + more);
        running.kill();
    }
    let running = watch(&site, &topic);
    expected.take_all(&listener);
    assert_eq!(running.stop().code, Some(0));
    expected.take_rest(&listener, &topic);
    eprintln!("tocsin killed ten times: {} records, {} repeated", expected.total(), expected.repeated);
}
