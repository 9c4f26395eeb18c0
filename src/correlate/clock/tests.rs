use super::*;
use crate::pattern::SignalId;
use crate::scan::Line;
use crate::time::{MINUTE, SECOND};

const FAMILY: FamilyId = FamilyId(0);

fn clock(zone: &str) -> Clock {
    Clock::new(FAMILY, Zone::parse(zone).unwrap())
}

fn hit(stamp: Option<Stamp>) -> Seen {
    let line = Line { file: "x".into(), number: 1, offset: 0, text: [].into() };
    Seen::Hit(Hit { signal: SignalId(0), stamp, captures: Vec::new(), weight: 1, line, head: None })
}

fn utc(t: Millis) -> Option<Stamp> {
    Some(Stamp::Utc(t))
}

fn local(text: &str) -> Stamp {
    Stamp::Local(chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap().and_utc().timestamp_millis())
}

/// What comes out: `hit 5`, `hit 5 (key 7)` where it stands elsewhere in the order, `hit 5 assumed`, `tick 5`, …
fn shown(events: &[Event]) -> Vec<String> {
    let one = |e: &Event| match &e.what {
        What::Hit(h) => {
            let key = if e.key == h.moment.millis { String::new() } else { format!(" (key {})", e.key) };
            format!("hit {}{key}{}", h.moment.millis, if h.assumed { " assumed" } else { "" })
        }
        What::Tick(t) => format!("tick {t}"),
        What::Hole { from, until } => format!("hole {from}..{until}"),
        What::Step(by) => format!("step {by}"),
        What::Recall(to) => format!("recall {to}"),
    };
    events.iter().map(one).collect()
}

fn place(clock: &mut Clock, seen: impl IntoIterator<Item = Seen>) -> Vec<String> {
    let mut out = Vec::new();
    seen.into_iter().for_each(|s| clock.place(s, &mut out));
    shown(&out)
}

#[test]
fn hits_keep_their_own_time_and_stand_by_the_latest() {
    let mut clock = clock("UTC");
    assert_eq!(
        place(&mut clock, [5000, 4000, 6000, 5999].map(|t| hit(utc(t)))),
        ["hit 5000", "hit 4000 (key 5000)", "hit 6000", "hit 5999 (key 6000)"]
    );
    assert_eq!(clock.last(), Some(5999));
    assert_eq!(clock.counts, Counts::default());
}

#[test]
fn a_fall_of_more_than_a_minute_is_a_step() {
    let mut clock = clock("UTC");
    let start = 10 * MINUTE;
    let falls = [start, start - MINUTE, start, start - MINUTE - 1, start - MINUTE];
    assert_eq!(
        place(&mut clock, falls.map(|t| hit(utc(t)))),
        ["hit 600000", "hit 540000 (key 600000)", "hit 600000", "step -60001", "hit 539999", "hit 540000"]
    );
    assert_eq!(clock.counts.steps, 1);
}

#[test]
fn untimed_hits_take_the_familys_last_time() {
    let mut clock = clock("UTC");
    clock.begin_file(utc(1000), Some(9000), &mut Vec::new());
    assert_eq!(place(&mut clock, [hit(utc(3000)), hit(None)]), ["hit 3000", "hit 3000"]);
    let mut out = Vec::new();
    clock.end_file(utc(4000), false, &mut out);
    assert_eq!(shown(&out), [""; 0]);
    // Also from the file before.
    clock.begin_file(utc(8000), None, &mut out);
    assert_eq!(place(&mut clock, [hit(None)]), ["hit 4000"]);
    assert_eq!(clock.counts.assumed, 0);
}

#[test]
fn without_any_time_before_the_file_says() {
    for (first, modified, expect) in [
        (utc(1000), Some(9000), "hit 1000 assumed"),
        (None, Some(9000), "hit 9000 assumed"),
        (None, None, "hit 0 assumed"),
    ] {
        let mut clock = clock("UTC");
        clock.begin_file(first, modified, &mut Vec::new());
        assert_eq!(place(&mut clock, [hit(None)]), [expect]);
        assert_eq!(clock.counts.assumed, 1);
    }
    // A date without a year is of the year next to the file's own stamp.
    let mut clock = clock("UTC");
    clock.begin_file(Some(Stamp::Yearless { month: 1, day: 2, ms: 0 }), Some(0), &mut Vec::new());
    assert_eq!(place(&mut clock, [hit(None)]), ["hit 86400000 assumed"]);
}

/// Where a block or a file ended must not show: the rules hear of hits, and of the end of the last file.
#[test]
fn ticks_move_no_clock_but_at_the_end() {
    let mut clock = clock("UTC");
    let tick = |t| Seen::Tick(Stamp::Utc(t));
    assert_eq!(
        place(&mut clock, [hit(utc(5000)), tick(9000), hit(None), hit(utc(7500))]),
        ["hit 5000", "hit 9000", "hit 7500 (key 9000)"]
    );
    // Between the hits the times went far ahead and were set back.
    assert_eq!(place(&mut clock, [tick(10 * MINUTE), hit(utc(8 * MINUTE))]), ["hit 480000"]);
    assert_eq!(clock.counts.steps, 0);
    let mut out = Vec::new();
    clock.end_file(utc(550_000), false, &mut out);
    clock.place(tick(560_000), &mut out);
    clock.end_file(utc(555_000), false, &mut out);
    assert_eq!(shown(&out), [""; 0]);
    clock.stop(&mut out);
    clock.stop(&mut out);
    assert_eq!(shown(&out), ["tick 555000"]);
}

/// Only hits show that a clock was set back.
#[test]
fn a_tick_long_behind_is_no_step() {
    let mut clock = clock("UTC");
    assert_eq!(place(&mut clock, [hit(utc(10 * MINUTE)), Seen::Tick(Stamp::Utc(0))]), ["hit 600000"]);
    assert_eq!(clock.counts.steps, 0);
}

#[test]
fn holes_go_from_the_last_time_to_the_next() {
    let mut clock = clock("UTC");
    let hole = |from, until| Seen::Hole { from, until: Stamp::Utc(until) };
    let seen = [hit(utc(1000)), hole(utc(2000), 9000), hit(utc(9000)), hole(None, 9500), hit(utc(9500))];
    assert_eq!(place(&mut clock, seen), ["hit 1000", "hole 2000..9000", "hit 9000", "hole 9000..9500", "hit 9500"]);
    // At the end of a file it ends with the first time of the next.
    let mut out = Vec::new();
    clock.end_file(utc(9500), true, &mut out);
    clock.begin_file(utc(20_000), None, &mut out);
    clock.place(hit(utc(20_000)), &mut out);
    clock.place(hit(utc(21_000)), &mut out);
    assert_eq!(shown(&out), ["hole 9500..20000", "hit 20000", "hit 21000"]);
    assert_eq!(clock.counts.holes, 3);
    // A hole at the very start has no beginning.
    let mut fresh = self::clock("UTC");
    fresh.hole();
    assert_eq!(place(&mut fresh, [hit(utc(5))]), ["hole 5..5", "hit 5"]);
}

/// 02:00 to 03:00 occurs twice in autumn; the family's own times tell which one is meant.
#[test]
fn the_hour_that_occurs_twice() {
    let mut clock = clock("Europe/Berlin");
    let heads = ["01:59:00", "02:00:00", "02:59:50", "02:00:10", "02:30:00", "03:00:00"];
    let mut out = Vec::new();
    heads.iter().for_each(|h| clock.place(hit(Some(local(&format!("2021-10-31 {h}")))), &mut out));
    let times: Vec<String> =
        out.iter().filter_map(|e| if let What::Hit(h) = &e.what { Some(h.moment.to_string()) } else { None }).collect();
    assert_eq!(
        times,
        [
            "2021-10-31T01:59:00.000+02:00",
            "2021-10-31T02:00:00.000+02:00",
            "2021-10-31T02:59:50.000+02:00",
            "2021-10-31T02:00:10.000+01:00",
            "2021-10-31T02:30:00.000+01:00",
            "2021-10-31T03:00:00.000+01:00",
        ]
    );
    assert_eq!((clock.counts.steps, out.len()), (0, heads.len()), "nothing was set back");
}

/// The heads between two hits decide, though nobody looks for them: they come as ticks.
#[test]
fn ticks_lead_through_the_hour_that_occurs_twice() {
    let hits = |ticks: &[&str]| {
        let mut clock = clock("Europe/Berlin");
        let at = |text: &str| local(&format!("2021-10-31 {text}"));
        let mut out = Vec::new();
        clock.place(hit(Some(at("02:10:00"))), &mut out);
        ticks.iter().for_each(|t| clock.place(Seen::Tick(at(t)), &mut out));
        clock.place(hit(Some(at("02:40:00"))), &mut out);
        let last =
            out.iter().rev().find_map(|e| if let What::Hit(h) = &e.what { Some(h.moment.to_string()) } else { None });
        last.unwrap()
    };
    assert_eq!(hits(&[]), "2021-10-31T02:40:00.000+02:00");
    assert_eq!(hits(&["02:50:00", "02:20:00"]), "2021-10-31T02:40:00.000+01:00");
}

#[test]
fn the_hour_that_never_occurs() {
    let mut clock = clock("Europe/Berlin");
    let mut out = Vec::new();
    for text in ["2021-03-28 01:59:59", "2021-03-28 02:30:00", "2021-03-28 03:31:00"] {
        clock.place(hit(Some(local(text))), &mut out);
    }
    let times: Vec<Millis> = out.iter().map(Event::time).collect();
    assert_eq!([times[1] - times[0], times[2] - times[1]], [30 * MINUTE + SECOND, MINUTE]);
    assert_eq!(clock.counts.steps, 0);
}

/// Live, nothing that was just written is much later than the wall clock.
#[test]
fn live_the_wall_clock_tells() {
    let mut clock = clock("UTC");
    clock.set_wall(0);
    let seen = [0, JUMP, JUMP + 1, 1000].map(|t| hit(utc(t)));
    assert_eq!(place(&mut clock, seen), ["hit 0", "hit 300000", "hit 300000", "step -299000", "hit 1000"]);
    assert_eq!(clock.counts.disbelieved, 1);
    // A clock that is wrong from the start is what there is.
    let mut fresh = self::clock("UTC");
    fresh.set_wall(0);
    assert_eq!(place(&mut fresh, [hit(utc(2 * JUMP)), hit(utc(3 * JUMP))]), ["hit 600000", "hit 900000"]);
}

#[test]
fn live_the_clock_of_a_family_that_is_read_to_its_end_follows_the_wall() {
    let mut clock = clock("UTC");
    let mut out = Vec::new();
    clock.set_wall(100_000);
    clock.place(hit(utc(99_000)), &mut out);
    assert_eq!(clock.at_end(&mut out), Some(99_000));
    clock.set_wall(105_000);
    assert_eq!(clock.at_end(&mut out), Some(103_000));
    // The wall clock was set back: the family's is not.
    clock.set_wall(50_000);
    assert_eq!(clock.at_end(&mut out), Some(103_000));
    assert_eq!(shown(&out), ["hit 99000", "tick 103000"]);
}

#[test]
fn live_a_family_whose_clock_is_far_off_keeps_its_own() {
    let mut clock = clock("UTC");
    let mut out = Vec::new();
    let wall = 100 * MINUTE;
    clock.set_wall(wall);
    clock.place(hit(utc(wall - 60 * MINUTE)), &mut out);
    clock.written(Stamp::Utc(wall - 60 * MINUTE));
    assert_eq!(clock.skew(), Some(-60 * MINUTE));
    clock.set_wall(wall + 10 * SECOND);
    assert_eq!(clock.at_end(&mut out), Some(wall - 60 * MINUTE + 8 * SECOND));
    clock.written(Stamp::Utc(wall));
    assert_eq!(clock.skew(), None);
}

#[test]
fn live_a_line_that_was_flushed_late_is_no_step() {
    let mut clock = clock("UTC");
    let mut out = Vec::new();
    let wall = 100 * MINUTE;
    clock.set_wall(wall);
    clock.place(hit(utc(wall)), &mut out);
    clock.set_wall(wall + 3 * MINUTE);
    clock.at_end(&mut out);
    clock.place(hit(utc(wall + 1)), &mut out);
    assert_eq!((clock.counts.steps, clock.last()), (0, Some(wall + 1)));
    clock.place(hit(utc(wall - 2 * MINUTE)), &mut out);
    assert_eq!(clock.counts.steps, 1);
}

/// Not all of a burst need be hits, and a file may end in it.
#[test]
fn live_ticks_from_the_future_move_nothing() {
    let mut clock = clock("UTC");
    clock.set_wall(0);
    let tick = |t| Seen::Tick(Stamp::Utc(t));
    let seen = [hit(utc(0)), tick(1000), tick(60 * MINUTE), hit(utc(60 * MINUTE))];
    assert_eq!(place(&mut clock, seen), ["hit 0", "hit 1000"]);
    let mut out = Vec::new();
    clock.end_file(utc(61 * MINUTE), false, &mut out);
    clock.place(hit(utc(61 * MINUTE)), &mut out);
    assert_eq!((shown(&out), clock.counts.disbelieved), (vec!["hit 1000".to_owned()], 2));
}

#[test]
fn live_one_line_from_the_future_moves_nothing() {
    let mut clock = clock("UTC");
    let mut out = Vec::new();
    let wall = 100 * MINUTE;
    clock.set_wall(wall);
    clock.place(hit(utc(wall)), &mut out);
    clock.written(Stamp::Utc(wall));
    clock.place(hit(utc(wall + 1_000 * MINUTE)), &mut out);
    clock.written(Stamp::Utc(wall + 1_000 * MINUTE));
    assert_eq!((clock.skew(), clock.at_end(&mut out)), (None, Some(wall)));
}

/// The rules' clock went on by the wall while the log was silent: it must not fall by less than the log's own.
#[test]
fn live_a_step_takes_back_what_only_the_wall_clock_said() {
    let mut clock = clock("UTC");
    let wall = 1_000 * MINUTE;
    clock.set_wall(wall);
    assert_eq!(place(&mut clock, [hit(utc(wall))]), [format!("hit {wall}")]);
    clock.set_wall(wall + 30 * SECOND);
    let mut out = Vec::new();
    clock.at_end(&mut out);
    assert_eq!(shown(&out), [format!("tick {}", wall + 28 * SECOND)]);
    let back = wall - 60 * MINUTE;
    let fallen = [format!("step {}", back - wall), format!("recall {back}"), format!("hit {back}")];
    assert_eq!(place(&mut clock, [hit(utc(back))]), fallen);
}

#[test]
fn live_a_line_that_was_flushed_a_little_late_is_heard_at_its_time() {
    let mut clock = clock("UTC");
    let wall = 1_000 * MINUTE;
    clock.set_wall(wall);
    clock.at_end(&mut Vec::new());
    let late = wall - 12 * SECOND;
    assert_eq!(place(&mut clock, [hit(utc(late))]), [format!("recall {late}"), format!("hit {late}")]);
    // What comes behind it is no later than it was.
    assert_eq!(place(&mut clock, [hit(utc(late + SECOND))]), [format!("hit {}", late + SECOND)]);
}

#[test]
fn live_a_clock_that_stays_ahead_is_believed_in_the_end() {
    let mut clock = clock("UTC");
    let wall = 1_000 * MINUTE;
    let ahead = 60 * MINUTE;
    clock.set_wall(wall);
    place(&mut clock, [hit(utc(wall))]);
    for minute in 1..=LONGEST / MINUTE {
        clock.set_wall(wall + minute * MINUTE);
        assert_eq!(place(&mut clock, [hit(utc(wall + minute * MINUTE + ahead))]), [format!("hit {wall}")]);
        // A record without a time has that of the one before, and tells nothing.
        place(&mut clock, [hit(None)]);
    }
    let now = wall + LONGEST + 2 * MINUTE;
    clock.set_wall(now);
    assert_eq!(place(&mut clock, [hit(utc(now + ahead))]), [format!("hit {}", now + ahead)]);
    clock.written(Stamp::Utc(now + ahead));
    assert_eq!(clock.skew(), Some(ahead));
}

#[test]
fn live_a_clock_that_is_far_off_is_so_after_a_restart() {
    let mut clock = clock("UTC");
    clock.set_wall(1_000 * MINUTE);
    clock.written(Stamp::Utc(940 * MINUTE));
    let again = Clock::restore(FAMILY, Zone::parse("UTC").unwrap(), &clock.save().unwrap()).unwrap();
    assert_eq!((clock.skew(), again.skew()), (Some(-60 * MINUTE), Some(-60 * MINUTE)));
}

/// A machine that began with a clock that was behind, and was set right: what is known already is not waited for again.
#[test]
fn live_a_clock_set_forward_keeps_no_deadline_waiting() {
    let mut clock = clock("UTC");
    let (wall, by) = (1_000 * MINUTE, 480 * MINUTE);
    clock.set_wall(wall);
    place(&mut clock, [hit(utc(wall + 4 * MINUTE))]);
    clock.wall_was_set(by);
    clock.set_wall(wall + by + SECOND);
    let mut out = Vec::new();
    clock.at_end(&mut out);
    assert_eq!(shown(&out), [format!("tick {}", wall + 4 * MINUTE + SECOND)]);
}
