//! Jumps ahead that only the files next to one can tell: a clock that was wrong when a log was rolled, or when a process
//! began a new file.
//!
//! A scanner knows one file. It notes what nothing in it took back, and that the file's first times were taken back by
//! what follows. Here the files of a family are in order, and what was a burst is decided before any of them is read.

use super::Run;
use crate::pattern::Zone;
use crate::pattern::stamp::Stamp;
use crate::scan::jump::{Beginning, Burst, Course, Jump, Unsettled};

/// A jump that nothing has taken back yet, and the index of its file.
struct Open {
    file: usize,
    jump: Jump,
}

/// The files of a family, oldest first.
pub fn settle(runs: &mut [Run], zone: Zone) {
    let mut open: Vec<Open> = Vec::new();
    let mut last = None;
    for at in 0..runs.len() {
        let Unsettled { beginning, jumps } = std::mem::take(&mut runs[at].summary.unsettled);
        let Some(first) = runs[at].summary.first else { continue };
        let here = last.and_then(|last| Jump::between(zone, last, first, 0)).map(|jump| Open { file: at, jump });
        for mut reaching in std::mem::take(&mut open).into_iter().chain(here) {
            match through(&mut reaching.jump, first, beginning) {
                (Course::Open, _) => open.push(reaching),
                (Course::Kept, _) => {}
                (Course::TakenBack, until) => take_back(&mut runs[..=at], &reaching, until),
            }
        }
        open.extend(jumps.into_iter().map(|jump| Open { file: at, jump }));
        last = runs[at].summary.last.or(last);
    }
}

/// What becomes of a jump in a file that begins with this time, and where in the file, if it is not with the first record.
fn through(jump: &mut Jump, first: Stamp, beginning: Option<Beginning>) -> (Course, Option<(u64, Stamp)>) {
    match (jump.go_on(first), beginning) {
        (Course::Open, Some(beginning)) => match (jump.go_on(beginning.latest), beginning.back) {
            (Course::Open, Some((place, stamp))) if jump.go_on(stamp) == Course::TakenBack => {
                (Course::TakenBack, Some((place, stamp)))
            }
            (Course::Open, None) => (Course::Open, None),
            _ => (Course::Kept, None),
        },
        // These times went on for too long.
        (Course::Open, None) => (Course::Kept, None),
        (course, _) => (course, None),
    }
}

/// The last of these files takes the jump back, with the first record or with that at `until`.
fn take_back(runs: &mut [Run], Open { file, jump }: &Open, until: Option<(u64, Stamp)>) {
    let (Some(before), Some((last, inside))) = (jump.before(), runs.split_last_mut()) else { return };
    for (at, run) in inside.iter_mut().enumerate().skip(*file) {
        let from = if at == *file { jump.from() } else { 0 };
        run.summary.bursts.add(Burst { from, until: u64::MAX, before });
        run.summary.last = run.summary.last.and(Some(before));
        if at > *file {
            run.summary.first = run.summary.first.and(Some(before));
        }
    }
    if let Some((until, back)) = until {
        last.summary.bursts.add(Burst { from: 0, until, before });
        last.summary.first = Some(back);
    }
}
