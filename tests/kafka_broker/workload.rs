//! Logs that make many transitions, and what must arrive of them.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, TimeDelta};

use crate::broker::{Listener, Seen, Topic};
use crate::support::{Site, alarm};
use crate::watch_support::{append, stamp};

/// Appends, on each of so many nodes, what raises and clears one alarm; each pair a raise and a clear.
pub fn write(site: &Site, below: &str, nodes: usize, pairs: Range<usize>) {
    let began = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    for node in 1..=nodes {
        let line = |n: usize| alarm(&stamp(began + TimeDelta::seconds(n as i64)), 0, (n % 2) as u32);
        let text: String = (2 * pairs.start..2 * pairs.end).map(line).collect();
        append(site, &format!("{below}/node-{node}/flink/flinkserver/ha/runlog/ha.log"), &text);
    }
}

/// A record that must arrive.
struct Record {
    key: usize,
    /// How many of its key's come before it.
    place: usize,
    arrived: bool,
}

/// The records of one key.
#[derive(Default)]
struct Key {
    count: usize,
    /// The place of what came last, plus one.
    next: usize,
}

/// Everything that must arrive, and what has.
pub struct Expected {
    records: HashMap<String, Record>,
    keys: Vec<Key>,
    pub arrived: usize,
    pub repeated: usize,
    /// Messages, those about tocsin itself among them.
    heard: i64,
}

impl Expected {
    /// What a replay says on standard output.
    pub fn of(site: &Site, logs: &str) -> Expected {
        let ended = site.run(&["replay", "--quiet", logs]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut keys: Vec<Key> = Vec::new();
        let mut records = HashMap::new();
        for record in ended.records() {
            let new = numbers.len();
            let key = *numbers.entry(record["key"].as_str().unwrap().to_owned()).or_insert(new);
            keys.resize_with(numbers.len(), Key::default);
            let place = keys[key].count;
            keys[key].count += 1;
            records.insert(record["id"].as_str().unwrap().to_owned(), Record { key, place, arrived: false });
        }
        Expected { records, keys, arrived: 0, repeated: 0, heard: 0 }
    }

    pub fn total(&self) -> usize {
        self.records.len()
    }

    /// Takes what arrives until so many different records have.
    pub fn take(&mut self, from: &Listener, until: usize) {
        while self.arrived < until {
            self.hear(&from.next());
        }
    }

    /// Takes what arrives until all have, and each key's last is its last.
    pub fn take_all(&mut self, from: &Listener) {
        self.take(from, self.total());
        while !self.is_whole() {
            self.hear(&from.next());
        }
    }

    /// Nobody sends any more: takes what lies in the topic, and each key's last is still its last.
    pub fn take_rest(&mut self, from: &Listener, topic: &Topic) {
        let end = topic.count();
        while self.heard < end {
            self.hear(&from.next());
        }
        assert!(self.is_whole());
    }

    fn is_whole(&self) -> bool {
        self.keys.iter().all(|key| key.next == key.count)
    }

    /// Of each key a record comes right behind the one before it, or the key goes on from an earlier record, as it does
    /// where what was sent had not been acknowledged. So none is skipped.
    fn hear(&mut self, seen: &Seen) {
        self.heard += 1;
        // That a sink is behind, for one.
        if seen.key.starts_with("TOCSIN-") {
            return;
        }
        let record = self.records.get_mut(seen.id()).unwrap_or_else(|| panic!("nothing makes this: {}", seen.record));
        let key = &mut self.keys[record.key];
        assert!(record.place <= key.next, "{}: record {} before record {}", seen.key, record.place, key.next);
        key.next = record.place + 1;
        match std::mem::replace(&mut record.arrived, true) {
            true => self.repeated += 1,
            false => self.arrived += 1,
        }
    }
}
