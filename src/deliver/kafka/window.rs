//! What a sink has taken and the brokers have not acknowledged, in order.
//!
//! Reports come in any order, so each record is marked and the acknowledged number moves over the marked ones at the
//! front alone: where N failed and N+1 arrived, N is not skipped. After a failure everything from the front is sent
//! again by a new client, so that what arrived out of order arrives once more in order, and the last record of a key is
//! its latest. What the old client still has to say is not heard: each client has a number of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::transition::Transition;

/// Records that are taken and not acknowledged.
pub const ROOM: usize = 4096;

struct Entry {
    number: u64,
    record: Arc<Transition>,
    arrived: bool,
}

pub struct Window {
    entries: VecDeque<Entry>,
    /// How many from the front were sent by this client.
    sent: usize,
    /// The client that sends.
    client: u64,
    /// The number behind the last record that was taken.
    end: u64,
    /// Acknowledged since the last call of [`Window::take_progress`].
    progress: u64,
}

impl Window {
    /// Everything below `end` was acknowledged before.
    pub fn new(end: u64) -> Window {
        Window { entries: VecDeque::new(), sent: 0, client: 0, end, progress: 0 }
    }

    /// False: there is no room.
    pub fn take(&mut self, number: u64, record: Arc<Transition>) -> bool {
        if self.entries.len() >= ROOM {
            return false;
        }
        self.entries.push_back(Entry { number, record, arrived: false });
        self.end = number + 1;
        true
    }

    /// The next record that this client has not sent. It counts as sent from here on, because its report may come before
    /// the client has returned.
    pub fn send(&mut self) -> Option<(u64, Arc<Transition>)> {
        let entry = self.entries.get(self.sent)?;
        self.sent += 1;
        Some((entry.number, entry.record.clone()))
    }

    /// The client has not taken what [`Window::send`] gave.
    pub fn take_back(&mut self) {
        self.sent = self.sent.saturating_sub(1);
    }

    /// A new client, which sends everything again.
    pub fn begin(&mut self) -> u64 {
        self.sent = 0;
        self.entries.iter_mut().for_each(|entry| entry.arrived = false);
        self.client += 1;
        self.client
    }

    pub fn is_of(&self, client: u64) -> bool {
        self.client == client
    }

    /// A record arrived, or never will and is done with.
    pub fn arrived(&mut self, client: u64, number: u64) {
        if client != self.client {
            return;
        }
        let at = self.entries.partition_point(|entry| entry.number < number);
        if let Some(entry) = self.entries.get_mut(at).filter(|entry| entry.number == number) {
            entry.arrived = true;
        }
        while self.entries.pop_front_if(|entry| entry.arrived).is_some() {
            self.sent = self.sent.saturating_sub(1);
            self.progress += 1;
        }
    }

    /// A record that has not arrived.
    pub fn record(&self, number: u64) -> Option<&Arc<Transition>> {
        let at = self.entries.partition_point(|entry| entry.number < number);
        self.entries.get(at).filter(|entry| entry.number == number).map(|entry| &entry.record)
    }

    /// Everything with a lower number has arrived.
    pub fn acknowledged(&self) -> u64 {
        self.entries.front().map_or(self.end, |entry| entry.number)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sent, and not known to have arrived.
    pub fn is_waiting(&self) -> bool {
        self.sent > 0
    }

    /// How far the acknowledged number has moved since the last call.
    pub fn take_progress(&mut self) -> u64 {
        std::mem::take(&mut self.progress)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> Arc<Transition> {
        let json = r#"{"schema":1,"id":"i","event":"raise","alarm":"A","alarmId":null,"name":"N","severity":"minor",
            "causes":[],"key":"k","time":"2026-01-01T00:00:00.000Z","raisedAt":null,"clearedBy":null,"durationMs":null,
            "node":"n","location":{"source":"c","serviceName":"s","roleName":"r","hostName":"n"},"params":{},"count":1,
            "evidence":[],"provenance":"documented","patterns":"p","late":false,"timeAssumed":false,"mode":"watch",
            "detectedAt":null}"#;
        Arc::new(serde_json::from_str(json).unwrap())
    }

    /// Sends all there is, and tells the numbers.
    fn send(window: &mut Window) -> Vec<u64> {
        let mut sent = Vec::new();
        while let Some((number, _)) = window.send() {
            sent.push(number);
        }
        sent
    }

    #[test]
    fn the_acknowledged_number_moves_over_the_front_alone() {
        let mut window = Window::new(5);
        let client = window.begin();
        // Numbers have gaps.
        for number in [5, 6, 9] {
            assert!(window.take(number, record()));
        }
        assert_eq!(send(&mut window), [5, 6, 9]);
        window.arrived(client, 6);
        window.arrived(client, 9);
        assert_eq!((window.acknowledged(), window.is_empty()), (5, false));
        window.arrived(client, 5);
        assert_eq!((window.acknowledged(), window.is_empty(), window.take_progress()), (10, true, 3));
        assert!(!window.is_waiting());
    }

    #[test]
    fn a_new_client_sends_all_again_and_the_old_one_is_not_heard() {
        let mut window = Window::new(0);
        let old = window.begin();
        (0..3).for_each(|n| assert!(window.take(n, record())));
        send(&mut window);
        window.arrived(old, 1);
        let new = window.begin();
        window.arrived(old, 0);
        assert_eq!(window.acknowledged(), 0);
        assert_eq!(send(&mut window), [0, 1, 2]);
        window.arrived(new, 0);
        assert_eq!(window.acknowledged(), 1, "what arrived out of order before counts no more");
    }

    #[test]
    fn it_is_bounded() {
        let mut window = Window::new(0);
        assert!((0..ROOM as u64).all(|n| window.take(n, record())));
        assert!(!window.take(ROOM as u64, record()));
    }

    proptest! {
        /// Whatever is reported in whatever order, nothing that did not arrive is ever counted as acknowledged.
        #[test]
        fn nothing_is_skipped(reports in prop::collection::vec((0_u64..20, prop::bool::weighted(0.1)), 0..80)) {
            let mut window = Window::new(0);
            let mut client = window.begin();
            (0..20).for_each(|n| { window.take(n, record()); });
            let mut arrived = std::collections::BTreeSet::new();
            send(&mut window);
            for (number, again) in reports {
                if again {
                    client = window.begin();
                    arrived.retain(|n| *n < window.acknowledged());
                    prop_assert_eq!(send(&mut window), (window.acknowledged()..20).collect::<Vec<_>>());
                }
                window.arrived(client, number);
                arrived.insert(number);
                let prefix = (0..20).take_while(|n| arrived.contains(n)).count() as u64;
                prop_assert_eq!(window.acknowledged(), prefix);
            }
        }
    }
}
