//! The order of a family's files: by the first time inside, because names lie.
//!
//! `x-1.log.gz` is the newest in one naming scheme and the oldest in another, and copies lose their modification
//! times. Names only break ties, and what they say otherwise is reported.

use super::{FamilyRuns, Run};
use crate::pattern::LogId;
use crate::time::Millis;

/// The runs of a family, oldest first, and what was strange about their order.
pub struct Ordered {
    pub log: LogId,
    pub runs: Vec<Run>,
    pub disagreements: Vec<String>,
}

pub fn order(family: FamilyRuns) -> Ordered {
    let zone = family.family.zone;
    let mut keyed: Vec<(Option<Millis>, Run)> = family
        .runs
        .into_iter()
        .map(|run| {
            let first = run.summary.first.and_then(|s| zone.instant(s, None, run.modified));
            // A file without any time stands where its own stamp puts it.
            (first.or(run.modified), run)
        })
        .collect();
    keyed.sort_by(|(a, x), (b, y)| (a, &x.rank, &x.file).cmp(&(b, &y.rank, &y.file)));
    let disagreements = keyed
        .windows(2)
        .filter(|pair| {
            pair[0].0 != pair[1].0 && pair[0].1.rank.len() == pair[1].1.rank.len() && pair[0].1.rank > pair[1].1.rank
        })
        .map(|pair| format!("{} begins before {}, though its name says otherwise", pair[0].1.file, pair[1].1.file))
        .collect();
    Ordered { log: family.family.log, runs: keyed.into_iter().map(|(_, run)| run).collect(), disagreements }
}
