//! Whoever is killed, every record arrives, and those of each key in their order.

use crate::broker::{self, Topic};
use crate::support::Site;
use crate::watch_support::Running;
use crate::workload::{self, Expected};

const WATCH: [&str; 8] = ["watch", "--state", "state", "--tz", "UTC", "--from", "start", "--to"];

fn watch(site: &Site, topic: &Topic) -> Running {
    Running::start(topic.login.command(site, &WATCH, &topic.name, &["logs"]))
}

/// The broker is killed in the middle of 100,000 transitions, and comes back.
#[test]
fn a_broker_that_is_killed_costs_nothing() {
    let _alone = broker::alone();
    let site = Site::new(&[]);
    workload::write(&site, 50, 1_000);
    let mut expected = Expected::of(&site);
    assert_eq!(expected.total(), 100_000);
    let topic = Topic::make("killed-broker", 3, &[]);
    let listener = topic.listen();
    let running = watch(&site, &topic);

    expected.take(&listener, 20_000);
    broker::script(&["crash"]);
    broker::script(&["start"]);
    expected.take_all(&listener);

    assert_eq!(running.stop().code, Some(0));
    expected.take_rest(&listener, &topic);
    eprintln!("the broker killed once: {} records, {} of them repeated", expected.total(), expected.repeated);
}

/// tocsin is killed again and again while it sends.
#[test]
fn killed_while_it_sends_it_loses_nothing() {
    let _beside = broker::beside_others();
    let site = Site::new(&[]);
    workload::write(&site, 50, 1_000);
    let mut expected = Expected::of(&site);
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
