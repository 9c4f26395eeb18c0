use super::*;
use crate::pattern::SignalId;
use crate::scan::Line;

/// The time that is believed of each record, in seconds; what the records say is `own`. A `None` has no time.
fn believed(own: &[Option<i64>]) -> Vec<Option<i64>> {
    believed_with(own, WINDOW)
}

fn believed_with(own: &[Option<i64>], ahead: usize) -> Vec<Option<i64>> {
    let (mut belief, mut seen) = (Belief::new(Zone::UTC, ahead), Vec::new());
    for (number, time) in own.iter().enumerate() {
        belief.record(time.map(|s| Stamp::Local(s * 1000)), 0, &mut seen);
        belief.hit(hit(number as u64), &mut seen);
    }
    belief.finish(&mut seen);
    let hits: Vec<&Hit> = seen.iter().filter_map(|s| if let Seen::Hit(hit) = s { Some(hit) } else { None }).collect();
    assert!(hits.iter().map(|h| h.line.number).eq(0..own.len() as u64), "hits stay in file order");
    hits.iter().map(|h| h.stamp.map(seconds)).collect()
}

fn hit(number: u64) -> Hit {
    let line = Line { file: "x".into(), number, offset: 0, text: [].into() };
    Hit { signal: SignalId(0), stamp: None, captures: Vec::new(), weight: 1, line, head: None }
}

fn seconds(stamp: Stamp) -> i64 {
    match stamp {
        Stamp::Local(t) | Stamp::Utc(t) => t / 1000,
        Stamp::Yearless { .. } => unreachable!("not in these tests"),
    }
}

fn times(own: &[i64]) -> Vec<Option<i64>> {
    own.iter().copied().map(Some).collect()
}

const WILD: i64 = 1_000_000;

#[test]
fn a_jump_ahead_that_the_file_takes_back_is_not_believed() {
    for (what, own, expect) in [
        ("a spike", vec![0, 10, WILD, 20, 30], vec![0, 10, 10, 20, 30]),
        ("just too far: more than five minutes", vec![0, 301, 0, 1], vec![0, 0, 0, 1]),
        ("five minutes are no jump", vec![0, 300, 0, 1], vec![0, 300, 0, 1]),
        ("two spikes", vec![0, WILD, 10, 2 * WILD, 20], vec![0, 0, 10, 10, 20]),
        ("a burst", vec![0, WILD, WILD + 1, WILD + 2, 10, 20], vec![0, 0, 0, 0, 10, 20]),
        ("taken back to a little before", vec![100, WILD, 50, 110], vec![100, 100, 50, 110]),
        ("taken back to a time after that", vec![0, WILD, 1000, 1001], vec![0, 0, 1000, 1001]),
        ("taken back to long before: the clock was changed", vec![1000, WILD, 900, 910], vec![1000, WILD, 900, 910]),
        ("threads out of order", vec![10, 11, 10, 12, 11], vec![10, 11, 10, 12, 11]),
        ("a quiet log", vec![0, 10, WILD, WILD + 1], vec![0, 10, WILD, WILD + 1]),
        ("the last line: nothing takes it back", vec![0, 10, WILD], vec![0, 10, WILD]),
        ("the clock is set back", vec![5000, 5010, 0, 10, 20], vec![5000, 5010, 0, 10, 20]),
        ("and set right again", vec![5000, 0, 10, 5020, 5030], vec![5000, 0, 10, 5020, 5030]),
    ] {
        assert_eq!(believed(&times(&own)), times(&expect), "{what}");
    }
}

#[test]
fn the_first_line_is_judged_by_those_behind_it() {
    // Its hits have no time then; the family's clock knows what to do.
    assert_eq!(believed(&times(&[WILD, 0, 10, 20])), [None, Some(0), Some(10), Some(20)]);
    // One line against one: nobody can tell.
    assert_eq!(believed(&times(&[WILD, 0])), times(&[WILD, 0]));
    assert_eq!(believed(&times(&[WILD])), times(&[WILD]));
    // All behind it must be far behind it.
    assert_eq!(believed(&times(&[WILD, 0, WILD + 1])), times(&[WILD, 0, WILD + 1]));
}

#[test]
fn a_burst_is_seen_as_far_as_we_look() {
    let burst = |length: usize| {
        let mut own = vec![0];
        own.extend((0..length as i64).map(|n| WILD + n));
        own.extend([10, 20]);
        own
    };
    let short = believed(&times(&burst(WINDOW)));
    assert_eq!(short[1..=WINDOW], vec![Some(0); WINDOW]);
    let long = believed(&times(&burst(WINDOW + 1)));
    assert_eq!(long[1], Some(WILD), "the line that takes it back is too far away");
}

#[test]
fn records_without_a_time_have_that_of_the_one_before() {
    assert_eq!(
        believed(&[None, Some(5), None, Some(WILD), None, Some(6), None]),
        [None, Some(5), Some(5), Some(5), Some(5), Some(6), Some(6)]
    );
    // They do not shorten the sight.
    let mut own = vec![Some(0), Some(WILD)];
    own.extend(vec![None; 3 * WINDOW]);
    own.push(Some(1));
    assert_eq!(believed(&own)[1], Some(0));
}

/// Live, nothing waits for what follows: the wall clock tells.
#[test]
fn live_believes_at_once() {
    assert_eq!(believed_with(&times(&[0, WILD, 1]), 0), times(&[0, WILD, 1]));
    let (mut belief, mut seen) = (Belief::new(Zone::UTC, 0), Vec::new());
    belief.record(Some(Stamp::Local(7000)), 0, &mut seen);
    belief.hit(hit(1), &mut seen);
    assert!(matches!(seen.as_slice(), [Seen::Hit(h)] if h.stamp == Some(Stamp::Local(7000))), "{seen:?}");
}

#[test]
fn what_was_not_believed_is_counted() {
    let (mut belief, mut seen) = (Belief::new(Zone::UTC, WINDOW), Vec::new());
    for t in [0, WILD, 1, WILD, 2, 3] {
        belief.record(Some(Stamp::Local(t * 1000)), 0, &mut seen);
        belief.hit(hit(0), &mut seen);
    }
    belief.finish(&mut seen);
    assert_eq!((belief.disbelieved, belief.first, belief.last()), (2, Some(Stamp::Local(0)), Some(Stamp::Local(3000))));
}

/// Times of another kind cannot be compared, and a date without a year only with its like.
#[test]
fn other_kinds_of_times() {
    let of = |stamps: &[Stamp]| {
        let (mut belief, mut seen) = (Belief::new(Zone::UTC, WINDOW), Vec::new());
        for stamp in stamps {
            belief.record(Some(*stamp), 0, &mut seen);
            belief.hit(hit(0), &mut seen);
        }
        belief.finish(&mut seen);
        belief.disbelieved
    };
    let day = |day| Stamp::Yearless { month: 3, day, ms: 0 };
    assert_eq!(of(&[day(1), day(9), day(1), day(1)]), 1);
    assert_eq!(of(&[Stamp::Utc(0), Stamp::Utc(WILD * 1000), Stamp::Utc(1)]), 1);
    assert_eq!(of(&[Stamp::Utc(0), Stamp::Local(WILD * 1000), Stamp::Utc(1)]), 0);
}

fn local(text: &str) -> Stamp {
    Stamp::Local(chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap().and_utc().timestamp_millis())
}

fn ticks(zone: &str, heads: &[&str]) -> Vec<usize> {
    let zone = Zone::parse(zone).unwrap();
    let (mut belief, mut shown) = (Belief::new(zone, 0), Vec::new());
    for (at, head) in heads.iter().enumerate() {
        let mut seen = Vec::new();
        belief.record(Some(local(head)), 0, &mut seen);
        shown.extend(seen.contains(&Seen::Tick(local(head))).then_some(at));
    }
    shown
}

/// Where the zone's offset changes, which instant a time means depends on all the heads before: each is shown.
#[test]
fn heads_over_a_change_of_the_offset_are_shown_one_by_one() {
    let autumn = [
        "2021-10-31 01:59:59",
        "2021-10-31 02:00:00",
        "2021-10-31 02:59:59",
        "2021-10-31 02:00:00",
        "2021-10-31 03:00:00",
    ];
    assert_eq!(ticks("Europe/Berlin", &autumn), [1, 2, 3]);
    let spring = ["2021-03-28 01:59:59", "2021-03-28 02:30:00", "2021-03-28 03:00:00"];
    assert_eq!(ticks("Europe/Berlin", &spring), [1]);
    // By half an hour only.
    assert_eq!(
        ticks("Australia/Lord_Howe", &["2021-04-04 01:15:00", "2021-04-04 01:45:00", "2021-04-04 02:00:00"]),
        [0, 1]
    );
    assert!(ticks("Asia/Shanghai", &autumn).is_empty());
    assert!(ticks("+02:00", &autumn).is_empty());
}

/// The hour that occurs twice is no jump ahead that is taken back.
#[test]
fn a_change_of_the_offset_is_no_wild_time() {
    let zone = Zone::parse("Europe/Berlin").unwrap();
    let (mut belief, mut seen) = (Belief::new(zone, WINDOW), Vec::new());
    for head in ["2021-10-31 02:00:10", "2021-10-31 02:59:50", "2021-10-31 02:00:10", "2021-10-31 02:10:00"] {
        belief.record(Some(local(head)), 0, &mut seen);
        belief.hit(hit(0), &mut seen);
    }
    belief.finish(&mut seen);
    assert_eq!(belief.disbelieved, 0);
}

/// A tick must hold whatever follows, so it is the oldest of the last few times.
#[test]
fn ticks_are_the_oldest_of_the_last_times() {
    let (mut belief, mut seen) = (Belief::new(Zone::UTC, WINDOW), Vec::new());
    for t in [5, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18] {
        belief.record(Some(Stamp::Local(t)), 0, &mut seen);
        belief.tick(&mut seen);
    }
    belief.finish(&mut seen);
    belief.tick(&mut seen);
    let ticks: Vec<&Seen> = seen.iter().filter(|s| matches!(s, Seen::Tick(_))).collect();
    assert_eq!(ticks.last(), Some(&&Seen::Tick(Stamp::Local(11))));
    let (mut belief, mut seen) = (Belief::new(Zone::UTC, WINDOW), Vec::new());
    belief.record(Some(Stamp::Local(5)), 0, &mut seen);
    belief.finish(&mut seen);
    belief.tick(&mut seen);
    assert!(seen.is_empty(), "too few to know");
}

#[test]
fn a_hole_is_between_the_times_next_to_it() {
    let (mut belief, mut seen) = (Belief::new(Zone::UTC, WINDOW), Vec::new());
    belief.hole();
    belief.record(Some(Stamp::Local(5)), 0, &mut seen);
    belief.hole();
    assert!(belief.in_hole());
    belief.record(None, 0, &mut seen);
    belief.record(Some(Stamp::Local(9)), 0, &mut seen);
    assert!(!belief.in_hole());
    belief.finish(&mut seen);
    let (first, second) = (
        Seen::Hole { from: None, until: Stamp::Local(5) },
        Seen::Hole { from: Some(Stamp::Local(5)), until: Stamp::Local(9) },
    );
    assert_eq!(seen, [first, second]);
}

/// A quiet hour, and then a clock that is set back a little: nothing comes back to where it was before the hour.
#[test]
fn a_small_step_back_behind_a_quiet_hour_takes_nothing_back() {
    let own = [Some(0), Some(3600), Some(3601), Some(3510), Some(3520)];
    assert_eq!(believed(&own), own);
}

#[test]
fn records_without_a_time_do_not_wait_for_ever() {
    let (mut belief, mut seen) = (Belief::new(Zone::UTC, WINDOW), Vec::new());
    let far = SIGHT / 10;
    belief.record(Some(Stamp::Local(0)), 0, &mut seen);
    for number in 1..4 * far {
        belief.record(None, 10 * number, &mut seen);
        assert!(belief.pending.len() as u64 <= far + 1);
    }
    assert_eq!(belief.pending.len(), 1, "none waits but the last, which may get hits");
}

/// What takes a time back stands no further behind it than we look.
#[test]
fn a_time_is_taken_back_within_sight_only() {
    for (offset, expect) in [(10 + SIGHT - 1, 0), (10 + SIGHT, WILD)] {
        let (mut belief, mut seen) = (Belief::new(Zone::UTC, WINDOW), Vec::new());
        let records = [(0, Some(0)), (10, Some(WILD)), (20, None), (offset, Some(1)), (offset + 10, Some(2))];
        for (number, (offset, time)) in records.into_iter().enumerate() {
            belief.record(time.map(|s| Stamp::Local(s * 1000)), offset, &mut seen);
            belief.hit(hit(number as u64), &mut seen);
        }
        belief.finish(&mut seen);
        let Seen::Hit(wild) = &seen[1] else { panic!("{seen:?}") };
        assert_eq!(wild.stamp.map(seconds), Some(expect));
    }
}
