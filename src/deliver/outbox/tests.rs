use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::state::Directory;

/// A sink that takes as much as it is told to.
#[derive(Clone, Default)]
struct Made(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    name: &'static str,
    room: usize,
    taken: Vec<(u64, Transition)>,
    acknowledged: u64,
}

impl Made {
    fn new(name: &'static str, room: usize, acknowledged: u64) -> Made {
        Made(Rc::new(RefCell::new(State { name, room, acknowledged, ..State::default() })))
    }

    fn acknowledge(&self, upto: u64) {
        self.0.borrow_mut().acknowledged = upto;
    }

    fn took(&self) -> Vec<u64> {
        self.0.borrow().taken.iter().map(|(n, _)| *n).collect()
    }
}

impl Sink for Made {
    fn name(&self) -> &str {
        self.0.borrow().name
    }

    fn offer(&mut self, number: u64, record: &Arc<Transition>) -> bool {
        let mut state = self.0.borrow_mut();
        if state.room == 0 {
            return false;
        }
        state.room -= 1;
        state.taken.push((number, (**record).clone()));
        true
    }

    fn acknowledged(&self) -> u64 {
        self.0.borrow().acknowledged
    }

    fn ended(&self) -> Option<Ended> {
        None
    }

    fn finish(&mut self, _: Duration) {}
}

fn record(text: &str) -> Transition {
    keyed(text, "A|c|s|r|n")
}

fn keyed(text: &str, key: &str) -> Transition {
    let json = format!(
        r#"{{"schema":1,"id":"{text}","event":"raise","alarm":"A","alarmId":null,"name":"N","severity":"minor",
        "causes":["c"],"key":"{key}","time":"2026-01-01T00:00:00.000Z","raisedAt":null,"clearedBy":null,
        "durationMs":null,"node":"n","location":{{"source":"c","serviceName":"s","roleName":"r","hostName":"n"}},
        "params":{{}},"count":1,"evidence":[],"provenance":"documented","patterns":"p","late":false,
        "timeAssumed":false,"mode":"watch","detectedAt":null}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn commit(outbox: &mut Outbox, store: &Store) {
    let mut batch = Batch::default();
    outbox.save(&mut batch, false);
    store.commit(&batch).unwrap();
    outbox.saved();
}

#[test]
fn nothing_is_offered_before_it_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Directory::new(dir.path())).unwrap();
    let sink = Made::new("a", 10, 0);
    let mut outbox = Outbox::restore(&store).unwrap();
    outbox.add(Box::new(sink.clone()), 0);
    outbox.push(record("1"), None).unwrap();
    outbox.deliver(Some(&store)).unwrap();
    assert_eq!(sink.took(), [0; 0]);
    commit(&mut outbox, &store);
    outbox.deliver(Some(&store)).unwrap();
    assert_eq!(sink.took(), [0]);
    assert!(sink.0.borrow().taken[0].1.durable);
}

#[test]
fn without_a_store_records_go_out_and_say_so() {
    let sink = Made::new("a", 10, 0);
    let mut outbox = Outbox::default();
    outbox.add(Box::new(sink.clone()), 0);
    outbox.push(record("1"), None).unwrap();
    outbox.deliver(None).unwrap();
    assert!(!sink.0.borrow().taken[0].1.durable);
}

#[test]
fn a_restart_repeats_what_was_not_acknowledged_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Directory::new(dir.path())).unwrap();
    let mut outbox = Outbox::restore(&store).unwrap();
    let (fast, slow) = (Made::new("fast", 99, 0), Made::new("slow", 3, 0));
    outbox.add(Box::new(fast.clone()), 0);
    outbox.add(Box::new(slow.clone()), 0);
    (0..5).for_each(|n| outbox.push(record(&n.to_string()), None).unwrap());
    commit(&mut outbox, &store);
    outbox.deliver(Some(&store)).unwrap();
    assert_eq!((fast.took(), slow.took()), (vec![0, 1, 2, 3, 4], vec![0, 1, 2]));
    fast.acknowledge(5);
    slow.acknowledge(2);
    commit(&mut outbox, &store);

    let mut outbox = Outbox::restore(&store).unwrap();
    assert_eq!(outbox.end(), 5);
    let cursor = |name| Outbox::cursor(&store, name).unwrap();
    assert_eq!((cursor("fast"), cursor("slow"), cursor("new")), (Some(5), Some(2), None));
    let (fast, slow) = (Made::new("fast", 99, 5), Made::new("slow", 99, 2));
    outbox.add(Box::new(fast.clone()), 5);
    outbox.add(Box::new(slow.clone()), 2);
    outbox.push(record("5"), None).unwrap();
    commit(&mut outbox, &store);
    outbox.deliver(Some(&store)).unwrap();
    assert_eq!((fast.took(), slow.took()), (vec![5], vec![2, 3, 4, 5]));
    let ids: Vec<String> = slow.0.borrow().taken.iter().map(|(_, r)| r.id.clone()).collect();
    assert_eq!(ids, ["2", "3", "4", "5"]);
}

#[test]
fn what_is_for_one_sink_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Directory::new(dir.path())).unwrap();
    let mut outbox = Outbox::restore(&store).unwrap();
    let (old, new) = (Made::new("old", 99, 0), Made::new("new", 99, 0));
    outbox.add(Box::new(old.clone()), 0);
    outbox.add(Box::new(new.clone()), 0);
    outbox.push(record("0"), Some("new".into())).unwrap();
    commit(&mut outbox, &store);
    outbox.deliver(Some(&store)).unwrap();
    assert_eq!((old.took(), new.took()), (vec![], vec![0]));
    new.acknowledge(1);
    assert!(outbox.lags().iter().all(|lag| lag.waiting == 0));
    commit(&mut outbox, &store);
    assert_eq!(store.outbox_end().unwrap(), 0);
    assert_eq!(Outbox::cursor(&store, "old").unwrap(), Some(1));
}

#[test]
fn a_sink_far_behind_is_served_from_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Directory::new(dir.path())).unwrap();
    let mut outbox = Outbox::restore(&store).unwrap();
    let sink = Made::new("slow", 0, 0);
    outbox.add(Box::new(sink.clone()), 0);
    let long = "x".repeat(WINDOW / 100);
    for _ in 0..400 {
        outbox.push(record(&long), None).unwrap();
    }
    commit(&mut outbox, &store);
    assert!(outbox.bytes <= WINDOW && outbox.window.len() < 200);
    for _ in 0..500 {
        sink.0.borrow_mut().room = 7;
        outbox.deliver(Some(&store)).unwrap();
        let taken = sink.took().len() as u64;
        sink.acknowledge(taken);
        commit(&mut outbox, &store);
    }
    assert_eq!(sink.took(), (0..400).collect::<Vec<u64>>());
    assert_eq!(store.outbox_end().unwrap(), 0);
}

#[test]
fn what_a_crash_would_repeat_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Directory::new(dir.path())).unwrap();
    let mut outbox = Outbox::restore(&store).unwrap();
    let (sink, slow) = (Made::new("a", 99, 0), Made::new("slow", 99, 0));
    outbox.add(Box::new(sink.clone()), 0);
    outbox.add(Box::new(slow.clone()), 0);
    (0..5).for_each(|n| outbox.push(record(&n.to_string()), None).unwrap());
    commit(&mut outbox, &store);
    outbox.deliver(Some(&store)).unwrap();
    assert_eq!(outbox.repeatable(), 0);
    sink.acknowledge(3);
    slow.acknowledge(1);
    assert_eq!(outbox.repeatable(), 3);
    commit(&mut outbox, &store);
    assert_eq!(outbox.repeatable(), 0);
}

/// A bit that turned on the disk costs the one record, and somebody is told.
#[test]
fn a_damaged_entry_is_said_and_holds_up_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Directory::new(dir.path())).unwrap();
    let mut outbox = Outbox::restore(&store).unwrap();
    outbox.add(Box::new(Made::new("a", 0, 0)), 0);
    (0..5).for_each(|n| outbox.push(record(&n.to_string()), None).unwrap());
    commit(&mut outbox, &store);
    let stored = encode(None, &record("3").to_json().unwrap());
    for (number, bytes) in [(1, &b"no line break"[..]), (2, b"\n{\"schema\":1}"), (3, &stored[..stored.len() / 2])] {
        store.commit(&Batch { outbox: vec![(number, bytes.to_vec())], ..Batch::default() }).unwrap();
    }

    let mut outbox = Outbox::restore(&store).unwrap();
    let sink = Made::new("a", 0, 0);
    outbox.add(Box::new(sink.clone()), 0);
    assert_eq!(drain(&mut outbox, &store, &sink), [0, 4]);
    assert_eq!(outbox.take_dropped(), [Dropped { sink: "a".into(), lost: 3, damaged: true }]);
    assert_eq!((outbox.take_dropped(), outbox.lags()[0].waiting), (vec![], 0));
}

/// Lets a sink take all that it can get, and gives the numbers.
fn drain(outbox: &mut Outbox, store: &Store, sink: &Made) -> Vec<u64> {
    let before = sink.took().len();
    sink.0.borrow_mut().room = usize::MAX;
    outbox.deliver(Some(store)).unwrap();
    sink.acknowledge(outbox.end());
    commit(outbox, store);
    sink.took()[before..].to_vec()
}

#[test]
fn at_its_bound_the_latest_record_of_each_key_is_left() {
    for restarted in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&Directory::new(dir.path())).unwrap();
        let mut outbox = Outbox::restore(&store).unwrap();
        let (away, well) = (Made::new("away", 1, 0), Made::new("well", usize::MAX, 0));
        outbox.add(Box::new(away.clone()), 0);
        outbox.add(Box::new(well.clone()), 0);
        outbox.bound(WINDOW as u64 * 3);
        let long = "x".repeat(WINDOW / 100);
        for n in 0..500 {
            outbox.push(keyed(&long, &format!("key {}", n % 7)), None).unwrap();
            commit(&mut outbox, &store);
            outbox.deliver(Some(&store)).unwrap();
            outbox.collapse(Some(&store)).unwrap();
            // A reader that is not behind hears everything.
            assert_eq!(well.took().len(), n + 1);
            well.acknowledge(outbox.end());
            assert!(outbox.size <= WINDOW as u64 * 3);
        }
        commit(&mut outbox, &store);
        let collapsed = outbox.take_dropped();
        assert!(!collapsed.is_empty() && collapsed.iter().all(|c| c.sink == "away" && !c.damaged), "{collapsed:?}");
        let lost: u64 = collapsed.iter().map(|c| c.lost).sum();
        assert_eq!(outbox.lags()[0].waiting, 500 - lost);
        assert_eq!(Outbox::saved_lags(&store).unwrap()[0].waiting, 500 - lost);
        let took = if restarted {
            let mut outbox = Outbox::restore(&store).unwrap();
            let again = Made::new("away", 0, 0);
            outbox.add(Box::new(again.clone()), 0);
            drain(&mut outbox, &store, &again)
        } else {
            drain(&mut outbox, &store, &away)
        };
        // What it was offered and has not acknowledged is said again after a restart, and only then.
        assert_eq!(took[0] == 0, restarted);
        assert_eq!(took.len() as u64, 500 - lost - u64::from(!restarted));
        assert!(took.is_sorted() && took.ends_with(&[493, 494, 495, 496, 497, 498, 499]), "{took:?}");
        assert_eq!(store.outbox_end().unwrap(), 0);
    }
}

#[test]
fn what_cannot_be_made_smaller_is_not_tried_at_every_record() {
    let sink = Made::new("away", 0, 0);
    let mut outbox = Outbox::default();
    outbox.add(Box::new(sink.clone()), 0);
    outbox.bound(10_000);
    for n in 0..1000 {
        outbox.push(keyed("x", &format!("key {n}")), None).unwrap();
        outbox.collapse(None).unwrap();
    }
    assert_eq!(outbox.lags()[0].waiting, 1000);
    assert_eq!(outbox.take_dropped(), []);
    assert!(outbox.least >= outbox.size / 2);
}

/// The store was closed and opened again, as after a full disk: what only it has is still to be sent.
#[test]
fn a_store_that_was_away_keeps_what_memory_does_not_hold() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Directory::new(dir.path())).unwrap();
    let mut outbox = Outbox::restore(&store).unwrap();
    let sink = Made::new("slow", 10, 0);
    outbox.add(Box::new(sink.clone()), 0);
    let long = "x".repeat(WINDOW / 100);
    (0..300).for_each(|_| outbox.push(record(&long), None).unwrap());
    commit(&mut outbox, &store);
    outbox.deliver(Some(&store)).unwrap();
    outbox.push(record("while it was away"), None).unwrap();
    outbox.deliver(None).unwrap();
    sink.acknowledge(5);
    let mut batch = Batch::default();
    outbox.save(&mut batch, true);
    store.commit(&Batch { anew: true, ..batch }).unwrap();
    outbox.saved();
    assert_eq!(sink.took(), (0..10).collect::<Vec<u64>>());
    assert_eq!(drain(&mut outbox, &store, &sink), (10..301).collect::<Vec<u64>>());
    assert_eq!(store.outbox_end().unwrap(), 0);
}
