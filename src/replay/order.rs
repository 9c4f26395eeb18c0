//! The order of a family's files: by the first time inside, because names lie.
//!
//! `x-1.log.gz` is the newest in one naming scheme and the oldest in another, and copies lose their modification
//! times. Names break ties, place what has no time, and are reported where they say otherwise.

use super::{FamilyRuns, Run};
use crate::correlate::event::SLACK;
use crate::pattern::LogId;
use crate::pattern::stamp::Stamp;
use crate::pattern::zone::STEP_BACK;
use crate::time::Millis;

/// The runs of a family, oldest first, and what was strange about their order.
pub struct Ordered {
    pub log: LogId,
    pub runs: Vec<Run>,
    pub disagreements: Vec<String>,
}

pub fn order(family: FamilyRuns) -> Ordered {
    let zone = family.family.zone;
    let begins = |run: &Run| {
        let first = zone.instant(run.summary.first?, None, run.modified)?;
        let last = run.summary.last.and_then(|last| zone.instant(last, Some(first), run.modified));
        // Ahead of its own end, it was begun by a clock that was wrong and then set right.
        Some(last.filter(|last| *last < first - STEP_BACK).unwrap_or(first))
    };
    let (mut timed, mut untimed): (Vec<(Millis, Run)>, Vec<Run>) = (Vec::new(), Vec::new());
    for run in family.runs {
        match begins(&run) {
            Some(begins) => timed.push((begins, run)),
            None => untimed.push(run),
        }
    }
    timed.sort_by(|(a, x), (b, y)| (a, &x.rank, &x.file).cmp(&(b, &y.rank, &y.file)));
    let doubtful = |run: &Run| matches!(run.summary.first, Some(Stamp::Local(t)) if zone.doubt(t) > 0);
    // Files that begin in an hour that occurs twice, or so close together that a slow thread may have written the first
    // line of the later one: which comes first, only the names tell.
    for neighbours in timed.chunk_by_mut(|(a, x), (b, y)| b - a <= SLACK || (doubtful(x) && doubtful(y))) {
        neighbours.sort_by(|(a, x), (b, y)| (&x.rank, a, &x.file).cmp(&(&y.rank, b, &y.file)));
    }
    let disagreements = timed
        .windows(2)
        .filter(|pair| pair[0].0 != pair[1].0 && pair[0].1.rank > pair[1].1.rank)
        .map(|pair| format!("{} begins before {}, though its name says otherwise", pair[0].1.file, pair[1].1.file))
        .collect();
    untimed.sort_by(|x, y| (&x.rank, x.modified, &x.file).cmp(&(&y.rank, y.modified, &y.file)));
    for run in untimed {
        let at = place(&timed, &run);
        let time = timed.get(at.wrapping_sub(1)).map_or(Millis::MIN, |(t, _)| *t);
        timed.insert(at, (time, run));
    }
    Ordered { log: family.family.log, runs: timed.into_iter().map(|(_, run)| run).collect(), disagreements }
}

/// Where a file without any time stands: where its name puts it, and if the names say nothing, its own stamp.
fn place(timed: &[(Millis, Run)], run: &Run) -> usize {
    let by_name = timed.iter().position(|(_, other)| other.rank > run.rank);
    let named = timed.iter().any(|(_, other)| other.rank != run.rank);
    match (by_name, run.modified) {
        (Some(at), _) => at,
        (None, Some(modified)) if !named => timed.partition_point(|(t, _)| *t <= modified),
        (None, _) => timed.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::Family;
    use crate::pattern::Zone;
    use crate::scan::Summary;
    use crate::time::MINUTE;

    /// Files by their names, with the minutes at which they begin and end.
    fn ordered(files: &[(&str, i64, i64)]) -> Vec<String> {
        let stamp = |minute: i64| Some(Stamp::Local(minute * MINUTE));
        let run = |&(file, first, last): &(&str, i64, i64)| Run {
            file: file.to_owned(),
            summary: Summary { first: stamp(first), last: stamp(last), ..Summary::default() },
            ..Run::default()
        };
        let (cluster, node, log_name, name) = ("c".into(), "n".into(), "l".into(), "f".into());
        let family = Family { cluster, node, log: LogId(0), log_name, name, zone: Zone::UTC };
        let ordered = order(FamilyRuns { family, runs: files.iter().map(run).collect() });
        ordered.runs.into_iter().map(|run| run.file).collect()
    }

    #[test]
    fn files_are_in_the_order_of_their_first_times() {
        assert_eq!(ordered(&[("c", 200, 300), ("a", 0, 100), ("b", 100, 200)]), ["a", "b", "c"]);
        // Threads are slow at times.
        assert_eq!(ordered(&[("b", 100, 99), ("a", 99, 100)]), ["a", "b"]);
    }

    /// A machine boots with its clock ahead, the process begins a new file, and then the clock is set right.
    #[test]
    fn a_file_that_begins_ahead_of_its_own_end_stands_where_it_ends() {
        assert_eq!(
            ordered(&[("before", 0, 100), ("boot", 580, 240), ("behind", 241, 700)]),
            ["before", "boot", "behind"]
        );
        assert_eq!(
            ordered(&[("before", 0, 100), ("boot", 580, 110), ("behind", 120, 700)]),
            ["before", "boot", "behind"]
        );
    }
}
