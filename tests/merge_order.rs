//! In which order the rules hear of what several families say.
//!
//! Replay equals live only if both give events out in the same order, and an operator is told in time only if a single
//! family need not wait for others. The wall clock is an argument here, so none of this has to wait.

use std::sync::Arc;

use proptest::prelude::*;

use tocsin::correlate::{Clock, Event, Family, FamilyId, HOLD, Lane, Merge, Released, TimedHit, What};
use tocsin::pattern::stamp::Stamp;
use tocsin::pattern::{LogId, SignalId, Zone};
use tocsin::scan::{Hit, Line, Seen};
use tocsin::time::{Millis, Moment};

fn family(log: &str, name: &str) -> Family {
    Family {
        cluster: "cluster".into(),
        node: "node".into(),
        log: LogId(0),
        log_name: log.into(),
        name: name.into(),
        zone: Zone::UTC,
    }
}

fn found(stamp: Option<Stamp>, line: u64) -> Hit {
    Hit {
        signal: SignalId(0),
        stamp,
        captures: vec![],
        weight: 1,
        line: Line { file: "f".into(), number: line, offset: line, text: (*b"").into() },
        head: None,
    }
}

/// A hit that is merged at `key` and is found in the log at `time`, in this line.
fn hit(key: Millis, time: Millis, line: u64) -> Event {
    let (hit, moment) = (found(None, line), Moment::utc(time));
    Event {
        key,
        what: What::Hit(Arc::new(TimedHit { hit, moment, assumed: false, family: FamilyId(0), position: 0, file: 0 })),
    }
}

fn tick(time: Millis) -> Event {
    Event { key: time, what: What::Tick(time) }
}

/// Families of the same log by name, in this order.
fn merge(names: &[&str]) -> Merge {
    let families: Vec<Family> = names.iter().map(|n| family("log", n)).collect();
    let mut merge = Merge::new(HOLD);
    for at in 0..families.len() {
        assert_eq!(merge.add(FamilyId(at as u32), &families), at);
    }
    merge
}

/// Which family, and which line of it, if it is a hit.
fn line(released: &Released) -> Option<(u32, u64)> {
    match &released.event.what {
        What::Hit(hit) => Some((released.family.0, hit.hit.line.number)),
        _ => None,
    }
}

/// Nothing more of any of these families, for a long time; but they are still behind.
fn say_no_more(merge: &mut Merge, families: usize) {
    (0..families).for_each(|at| merge.push(at, tick(1_000_000)));
}

fn drain(merge: &mut Merge) -> Vec<Released> {
    std::iter::from_fn(|| merge.pop()).collect()
}

fn lines(released: &[Released], lane: Lane) -> Vec<(u32, u64)> {
    released.iter().filter(|r| r.lane == lane).filter_map(line).collect()
}

// --------------------------------------------------------------------------------------------------------------- behind

#[test]
fn while_a_family_is_behind_nothing_overtakes_what_it_may_still_say() {
    let mut merge = merge(&["a", "b"]);
    merge.push(0, hit(10, 10, 1));
    merge.push(0, hit(30, 30, 2));
    assert!(merge.pop().is_none() && merge.is_starved(1), "b has said nothing so far");
    // However long that takes.
    merge.set_wall(1_000 * HOLD);
    assert!(merge.pop().is_none());
    merge.push(1, hit(20, 20, 1));
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Both), [(0, 1), (1, 1)]);
    assert!(merge.is_starved(1) && !merge.is_starved(0), "b may have something before 30");
    merge.finish(1);
    assert_eq!(lines(&drain(&mut merge), Lane::Both), [(0, 2)]);
}

#[test]
fn a_family_that_is_behind_is_waited_for_by_those_that_are_not() {
    let mut merge = merge(&["a", "b"]);
    merge.at_end(0, 100);
    merge.push(0, hit(10, 10, 1));
    merge.set_wall(1_000 * HOLD);
    assert!(merge.pop().is_none());
    merge.push(1, tick(11));
    assert_eq!(lines(&drain(&mut merge)[..1], Lane::Both), [(0, 1)]);
}

#[test]
fn a_family_that_is_read_to_its_end_does_not_hold_up_one_that_is_behind() {
    let mut merge = merge(&["a", "b"]);
    merge.at_end(0, 100);
    for time in [10, 20] {
        merge.push(1, hit(time, time, time as u64));
    }
    assert_eq!(lines(&drain(&mut merge), Lane::Both), [(1, 10), (1, 20)]);
}

// ----------------------------------------------------------------------------------------------------------------- ties

#[test]
fn ties_go_by_time_then_log_then_family_then_position() {
    let names = [("log-b", "x"), ("log-a", "y"), ("log-a", "x")];
    let families: Vec<Family> = names.iter().map(|(log, name)| family(log, name)).collect();
    let mut merge = Merge::new(HOLD);
    for at in 0..families.len() {
        merge.add(FamilyId(at as u32), &families);
    }
    merge.push(0, hit(10, 8, 1));
    merge.push(0, hit(10, 10, 2));
    merge.push(0, hit(10, 10, 3));
    merge.push(1, hit(10, 10, 1));
    merge.push(2, hit(10, 10, 1));
    merge.push(2, hit(10, 9, 2));
    say_no_more(&mut merge, 3);
    // Within a family its own order holds, whatever the times say.
    assert_eq!(lines(&drain(&mut merge), Lane::Both), [(0, 1), (2, 1), (2, 2), (1, 1), (0, 2), (0, 3)]);
}

#[test]
fn small_falls_are_merged_by_the_running_maximum() {
    let mut events = Vec::new();
    let mut clock = Clock::new(FamilyId(0), Zone::UTC);
    for (line, time) in [(1, 10_000), (2, 9_400), (3, 9_900), (4, 10_300)] {
        clock.place(Seen::Hit(found(Some(Stamp::Utc(time)), line)), &mut events);
    }
    let mut merge = merge(&["a", "b"]);
    events.into_iter().for_each(|e| merge.push(0, e));
    for (line, time) in [(1, 9_500), (2, 10_000), (3, 10_200)] {
        merge.push(1, hit(time, time, line));
    }
    say_no_more(&mut merge, 2);
    let order = [(1, 1), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (0, 4)];
    assert_eq!(lines(&drain(&mut merge), Lane::Both), order);
}

// ----------------------------------------------------------------------------------------------------------------- live

/// Two families, both read to their ends, at which their clocks are these.
fn live(a: Millis, b: Millis) -> Merge {
    let mut merge = merge(&["a", "b"]);
    merge.at_end(0, a);
    merge.at_end(1, b);
    merge
}

#[test]
fn live_alarms_over_one_family_hear_of_a_hit_at_once() {
    let mut merge = live(0, 0);
    merge.push(1, hit(20, 20, 1));
    merge.push(0, hit(10, 10, 1));
    merge.push(1, hit(30, 30, 2));
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Single), [(1, 1), (0, 1), (1, 2)], "as they came");
    assert!(lines(&now, Lane::Both).is_empty());
}

#[test]
fn live_alarms_over_several_families_hear_of_a_hit_when_the_other_clocks_have_passed_it() {
    let mut merge = live(0, 19);
    merge.push(0, hit(20, 20, 1));
    assert_eq!(lines(&drain(&mut merge), Lane::Several), []);
    // It may still write a line of this very time, whose family comes first.
    merge.at_end(1, 20);
    assert_eq!(lines(&drain(&mut merge), Lane::Several), []);
    merge.at_end(1, 21);
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Several), [(0, 1)]);
    assert!(!now[0].late);
    // What waits in another family has passed everything before it too.
    merge.push(0, hit(30, 30, 2));
    assert_eq!(lines(&drain(&mut merge), Lane::Several), []);
    merge.push(1, hit(25, 25, 1));
    merge.at_end(0, 31);
    assert_eq!(lines(&drain(&mut merge), Lane::Several), [(1, 1)]);
    merge.push(1, tick(35));
    assert_eq!(lines(&drain(&mut merge), Lane::Several), [(0, 2)]);
}

#[test]
fn live_alarms_over_several_families_wait_no_longer_than_the_hold() {
    let mut merge = live(0, 0);
    merge.set_wall(1_000);
    merge.push(0, hit(20, 20, 1));
    merge.set_wall(1_500);
    merge.push(0, hit(30, 30, 2));
    merge.set_wall(1_000 + HOLD - 1);
    assert_eq!(lines(&drain(&mut merge), Lane::Several), []);
    merge.set_wall(1_000 + HOLD);
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Several), [(0, 1)], "the hold is each event's own");
    assert!(!now[0].late, "it is what comes now before it that is late");
    merge.set_wall(1_500 + HOLD);
    assert_eq!(lines(&drain(&mut merge), Lane::Several), [(0, 2)]);
}

#[test]
fn what_comes_before_something_that_was_not_waited_for_any_longer_is_late() {
    let mut merge = live(0, 0);
    merge.push(0, hit(20, 20, 1));
    merge.set_wall(HOLD);
    assert_eq!(lines(&drain(&mut merge), Lane::Several), [(0, 1)]);
    merge.at_end(0, 100);
    merge.push(1, hit(19, 19, 1));
    merge.push(1, hit(20, 20, 2));
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Single), [(1, 1), (1, 2)]);
    assert_eq!(lines(&now, Lane::Several), [(1, 1), (1, 2)]);
    let late: Vec<bool> = now.iter().map(|r| r.late).collect();
    assert_eq!(late, [false, false, true, false], "alarms over one family have missed nothing");
    // The family that was on time stays so.
    merge.at_end(1, 100);
    merge.push(0, hit(19, 19, 2));
    assert!(drain(&mut merge).iter().all(|r| !r.late));
}

#[test]
fn nothing_is_late_that_was_waited_for() {
    let mut merge = live(0, 0);
    merge.push(0, hit(20, 20, 1));
    merge.push(1, hit(10, 10, 1));
    merge.set_wall(HOLD);
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Several), [(1, 1), (0, 1)]);
    assert!(now.iter().all(|r| !r.late));
}

#[test]
fn a_finished_family_is_not_waited_for() {
    let mut merge = live(0, 0);
    merge.finish(1);
    merge.push(0, hit(20, 20, 1));
    assert_eq!(lines(&drain(&mut merge), Lane::Several), [(0, 1)]);
}

#[test]
fn falling_behind_and_catching_up_gives_each_lane_everything_once() {
    let mut merge = live(0, 0);
    merge.push(0, hit(20, 20, 1));
    assert_eq!(lines(&drain(&mut merge), Lane::Single), [(0, 1)]);
    merge.fell_behind(1);
    merge.push(0, hit(30, 30, 2));
    merge.set_wall(1_000 * HOLD);
    assert!(drain(&mut merge).is_empty(), "strictly in order again");
    merge.push(1, hit(10, 10, 1));
    merge.push(1, hit(25, 25, 2));
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Both), [(1, 1), (1, 2)]);
    assert_eq!(lines(&now, Lane::Several), [(0, 1)], "alarms over one family know it already");
    merge.at_end(1, 26);
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Single), [(0, 2)]);
    assert!(now.iter().all(|r| !r.late));
}

/// A hit may look back at other families in both lanes, so what was kept waiting must not come family by family.
#[test]
fn what_waited_while_one_was_behind_is_given_out_in_order_of_time() {
    let mut merge = merge(&["a", "b", "c"]);
    merge.push(0, hit(20, 20, 1));
    merge.push(0, hit(40, 40, 2));
    merge.push(1, hit(10, 10, 1));
    merge.push(1, hit(30, 30, 2));
    (0..3).for_each(|at| merge.at_end(at, 50));
    let now = drain(&mut merge);
    assert_eq!(lines(&now, Lane::Single), [(1, 1), (0, 1), (1, 2), (0, 2)]);
    assert_eq!(lines(&now, Lane::Several), [(1, 1), (0, 1), (1, 2), (0, 2)]);
}

#[test]
fn a_family_that_is_added_later_is_behind_and_ranks_by_its_name() {
    let mut families = vec![family("log", "b")];
    let mut merge = Merge::new(HOLD);
    merge.add(FamilyId(0), &families);
    merge.push(0, hit(10, 10, 1));
    families.push(family("log", "a"));
    merge.add(FamilyId(1), &families);
    assert!(merge.pop().is_none());
    merge.push(1, hit(10, 10, 1));
    say_no_more(&mut merge, 2);
    assert_eq!(lines(&drain(&mut merge), Lane::Both), [(1, 1), (0, 1)]);
}

// ----------------------------------------------------------------------------------------------------------- properties

const NAMES: [&str; 3] = ["c", "a", "b"];

/// Each family's events, as the steps ahead of their keys and the falls of their times.
fn events() -> impl Strategy<Value = Vec<Vec<Event>>> {
    let one = prop::collection::vec((0_i64..3, 0_i64..2), 0..8).prop_map(|steps| {
        let mut key = 0;
        let each = steps.into_iter().enumerate().map(|(line, (ahead, behind))| {
            key += 10 * ahead;
            hit(key, key - behind, line as u64)
        });
        each.collect::<Vec<Event>>()
    });
    prop::collection::vec(one, NAMES.len())
}

/// What can happen to a merge.
#[derive(Clone, Debug)]
enum Happens {
    Push(usize),
    AtEnd(usize, Millis),
    Behind(usize),
    Wall(Millis),
    Pop,
}

fn happens() -> impl Strategy<Value = Happens> {
    let family = || 0..NAMES.len();
    prop_oneof![
        6 => family().prop_map(Happens::Push),
        2 => (family(), 0_i64..100).prop_map(|(f, clock)| Happens::AtEnd(f, clock)),
        1 => family().prop_map(Happens::Behind),
        2 => (0..HOLD).prop_map(Happens::Wall),
        4 => Just(Happens::Pop),
    ]
}

fn order(released: &[Released]) -> Vec<(u32, u64)> {
    released.iter().filter_map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn while_behind_the_order_does_not_depend_on_what_was_read_first(
        events in events(),
        pushes in prop::collection::vec((0..NAMES.len(), any::<bool>()), 0..40),
    ) {
        let mut at_once = merge(&NAMES);
        for (at, events) in events.iter().enumerate() {
            events.iter().for_each(|e| at_once.push(at, e.clone()));
        }
        say_no_more(&mut at_once, NAMES.len());
        let mut mixed = merge(&NAMES);
        let mut left: Vec<_> = events.iter().map(|e| e.iter().cloned()).collect();
        let mut found = Vec::new();
        for (at, pop) in pushes {
            if let Some(event) = left[at].next() {
                mixed.push(at, event);
            }
            if pop {
                found.extend(mixed.pop());
            }
        }
        for (at, events) in left.into_iter().enumerate() {
            events.for_each(|e| mixed.push(at, e));
        }
        say_no_more(&mut mixed, NAMES.len());
        found.extend(drain(&mut mixed));
        prop_assert_eq!(order(&found), order(&drain(&mut at_once)));
    }

    #[test]
    fn each_lane_hears_of_everything_once_and_in_the_order_of_its_family(
        events in events(),
        happens in prop::collection::vec(happens(), 0..60),
    ) {
        let mut merge = merge(&NAMES);
        let mut left: Vec<_> = events.iter().map(|e| e.iter().cloned()).collect();
        let mut found = Vec::new();
        let mut wall = 0;
        for what in happens {
            match what {
                Happens::Push(at) => {
                    if let Some(event) = left[at].next() {
                        merge.push(at, event);
                    }
                }
                Happens::AtEnd(at, clock) => merge.at_end(at, clock),
                Happens::Behind(at) => merge.fell_behind(at),
                Happens::Wall(by) => {
                    wall += by;
                    merge.set_wall(wall);
                }
                Happens::Pop => found.extend(merge.pop()),
            }
        }
        for (at, events) in left.into_iter().enumerate() {
            events.for_each(|e| merge.push(at, e));
            merge.finish(at);
        }
        found.extend(drain(&mut merge));
        for (at, events) in events.iter().enumerate() {
            let all: Vec<u64> = (0..events.len() as u64).collect();
            for not in [Lane::Several, Lane::Single] {
                let heard = found.iter().filter(|r| r.family.index() == at && r.lane != not);
                prop_assert_eq!(&heard.filter_map(|r| Some(line(r)?.1)).collect::<Vec<_>>(), &all, "without {:?}", not);
            }
        }
        prop_assert!(found.iter().all(|r| r.lane != Lane::Single || !r.late));
    }
}
