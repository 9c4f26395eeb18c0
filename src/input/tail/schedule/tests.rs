use super::*;

/// The looks until a time, each of which finds nothing unless `yields` says otherwise.
fn play(
    schedule: &mut Schedule,
    from: Millis,
    to: Millis,
    yields: impl Fn(FamilyId, Millis) -> Yield,
) -> Vec<(Millis, FamilyId)> {
    let mut looks = Vec::new();
    for now in from..to {
        // Who uses up its share is looked at again in the same millisecond, but not for ever here.
        for _ in 0..3 {
            while let Some(id) = schedule.next_due(now) {
                looks.push((now, id));
                schedule.looked(id, now, yields(id, now));
                if looks.len() % 8 == 0 {
                    break;
                }
            }
        }
    }
    looks
}

fn times(looks: &[(Millis, FamilyId)]) -> Vec<Millis> {
    looks.iter().map(|(at, _)| *at).collect()
}

#[test]
fn an_idle_family_is_looked_at_every_five_seconds() {
    let mut schedule = Schedule::default();
    schedule.add(0);
    let looks = play(&mut schedule, 0, 16_000, |_, _| Yield::Nothing);
    assert_eq!(times(&looks), [0, 5_000, 10_000, 15_000]);
}

#[test]
fn an_event_makes_a_family_hot_until_twenty_looks_find_nothing_and_one_more() {
    let mut schedule = Schedule::default();
    let id = schedule.add(0);
    play(&mut schedule, 0, 10, |_, _| Yield::Nothing);
    schedule.woken(id, 1_000);
    let looks = times(&play(&mut schedule, 1_000, 1_200, |_, _| Yield::Nothing));
    assert_eq!(looks.first(), Some(&1_000));
    assert_eq!(looks.len(), 21);
    assert_eq!(looks[19..], [1_019, 1_019]);
    let later = times(&play(&mut schedule, 1_200, 2_000, |_, _| Yield::Nothing));
    assert_eq!(later, [1_269, 1_519, 1_769], "hot within the last minute");
    let later = times(&play(&mut schedule, 2_000, 75_000, |_, _| Yield::Nothing));
    assert!(later.windows(2).rev().take(2).all(|pair| pair[1] - pair[0] == 5_000), "{later:?}");
}

#[test]
fn a_family_that_yields_stays_hot() {
    let mut schedule = Schedule::default();
    schedule.add(0);
    let looks = play(&mut schedule, 0, 1_000, |_, now| if now % 15 == 0 { Yield::Bytes } else { Yield::Nothing });
    assert!(times(&looks).windows(2).all(|pair| pair[1] - pair[0] <= 1), "{looks:?}");
}

#[test]
fn the_more_families_are_hot_the_longer_the_tick() {
    let mut schedule = Schedule::default();
    for _ in 0..2_000 {
        schedule.add(0);
    }
    while let Some(id) = schedule.next_due(0) {
        schedule.looked(id, 0, Yield::Bytes);
    }
    assert_eq!(schedule.hot, 2_000);
    let id = FamilyId(7);
    schedule.woken(id, 100);
    schedule.looked(id, 100, Yield::Bytes);
    assert_eq!(schedule.families[7].as_ref().unwrap().due.0, 105);
}

#[test]
fn one_that_never_ends_leaves_the_others_their_turns() {
    let mut schedule = Schedule::default();
    let large = schedule.add(0);
    let small: Vec<FamilyId> = (0..3).map(|_| schedule.add(0)).collect();
    let mut turns = Vec::new();
    for _ in 0..8 {
        let id = schedule.next_due(0).unwrap();
        turns.push(id);
        schedule.looked(id, 0, if id == large { Yield::More } else { Yield::Nothing });
    }
    assert!(small.iter().all(|id| turns[..5].contains(id)), "{turns:?}");
}

#[test]
fn what_waits_is_left_alone_until_its_time() {
    let mut schedule = Schedule::default();
    schedule.add(0);
    let waits = |_, now: Millis| if now < 500 { Yield::Pending(500) } else { Yield::Nothing };
    let looks = play(&mut schedule, 0, 1_000, waits);
    assert_eq!(times(&looks), [0, 500]);
}

#[test]
fn when_anything_may_have_happened_all_are_looked_at_once_and_none_becomes_hot() {
    let mut schedule = Schedule::default();
    for _ in 0..10 {
        schedule.add(0);
    }
    play(&mut schedule, 0, 10, |_, _| Yield::Nothing);
    schedule.woken_all(1_000);
    assert_eq!(play(&mut schedule, 1_000, 2_000, |_, _| Yield::Nothing).len(), 10);
    assert_eq!(schedule.hot, 0);
}

#[test]
fn thousands_of_families_are_not_swept_for_each_event() {
    let mut schedule = Schedule::default();
    for _ in 0..10_000 {
        schedule.add(0);
    }
    let mut looks = 0;
    for now in 0..1_000 {
        schedule.woken_all(now);
        while let Some(id) = schedule.next_due(now) {
            looks += 1;
            schedule.looked(id, now, Yield::Nothing);
        }
    }
    assert_eq!(looks, 100_000, "ten times in a second");
}

#[test]
fn the_next_time_is_that_of_the_first_that_is_due() {
    let mut schedule = Schedule::default();
    assert_eq!(schedule.next_time(), None);
    let a = schedule.add(5);
    let b = schedule.add(3);
    assert_eq!(schedule.next_time(), Some(3));
    schedule.remove(b);
    assert_eq!(schedule.next_time(), Some(5));
    assert_eq!(schedule.next_due(4), None);
    assert_eq!(schedule.next_due(5), Some(a));
    schedule.looked(a, 5, Yield::Nothing);
    schedule.remove(a);
    assert_eq!(schedule.next_time(), None);
}

#[test]
fn a_clock_that_is_set_back_stops_nothing() {
    let mut schedule = Schedule::default();
    let id = schedule.add(1_000_000);
    assert_eq!(schedule.next_due(1_000_000), Some(id));
    schedule.looked(id, 1_000_000, Yield::Nothing);
    schedule.clock_set_back(500);
    assert_eq!(schedule.next_due(500), Some(id));
}

#[test]
fn what_is_read_on_a_timer_is_not_looked_at_for_each_event_in_addition() {
    let mut schedule = Schedule::default();
    let (hot, idle, waits) = (schedule.add(0), schedule.add(0), schedule.add(0));
    while let Some(id) = schedule.next_due(0) {
        schedule.looked(id, 0, if id == idle { Yield::Nothing } else { Yield::Bytes });
    }
    // It is hot, too, but not to be looked at for a while.
    schedule.looked(waits, 0, Yield::Pending(500));
    schedule.looked(hot, 0, Yield::Bytes);
    schedule.woken_all(0);
    let looks: Vec<FamilyId> = std::iter::from_fn(|| schedule.next_due(0)).collect();
    assert_eq!(looks, [idle, waits]);
}
