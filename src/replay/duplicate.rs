//! The same content twice in one family: plain and compressed, or collected at two times. It is read once.
//!
//! A copy that was collected earlier is the beginning of a later one. Two files are the same content if they begin
//! with the same bytes and times and the shorter one's hits stand at the same places in the longer one; whatever else
//! may differ between them, no rule would see it.

use std::collections::HashMap;

use super::Run;
use crate::scan::{Hit, Seen};

/// Enough of a beginning to tell most files apart, and little enough to stand in each of them.
const BUCKET: usize = 24;

/// The runs that add something, and for each of the others which one has it all.
pub fn without_duplicates(mut runs: Vec<Run>) -> (Vec<Run>, Vec<(String, String)>) {
    runs.sort_by(|a, b| b.summary.bytes.cmp(&a.summary.bytes).then_with(|| a.file.cmp(&b.file)));
    let mut kept: Vec<Run> = Vec::new();
    let mut buckets: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    let mut duplicates = Vec::new();
    for run in runs {
        let bucket = buckets.entry(run.start[..run.start.len().min(BUCKET)].to_vec()).or_default();
        match bucket.iter().find(|&&at| contains(&kept[at], &run)) {
            Some(&at) if !run.start.is_empty() => duplicates.push((run.file, kept[at].file.clone())),
            _ => {
                bucket.push(kept.len());
                kept.push(run);
            }
        }
    }
    (kept, duplicates)
}

fn contains(longer: &Run, run: &Run) -> bool {
    // What is missing at the end of a damaged file may be what the other one has.
    let intact = !longer.summary.hole_at_end || run.summary.hole_at_end;
    intact
        && longer.start.starts_with(&run.start)
        && longer.summary.first == run.summary.first
        && not_later(run, longer)
        && all_in(run.summary.orphans.iter().cloned(), longer.summary.orphans.iter().cloned())
        && all_in(hits(run), hits(longer))
}

fn not_later(run: &Run, longer: &Run) -> bool {
    match (run.summary.last, longer.summary.last) {
        (Some(own), Some(other)) => own.behind(other).is_none_or(|d| d >= 0),
        (own, _) => own.is_none(),
    }
}

fn hits(run: &Run) -> impl Iterator<Item = Hit> {
    run.seen.peek().filter_map(|seen| if let Seen::Hit(hit) = seen { Some(hit) } else { None })
}

/// The last line of a copy may be cut, so its text need only be the beginning of the other's.
fn all_in(mut own: impl Iterator<Item = Hit>, mut other: impl Iterator<Item = Hit>) -> bool {
    own.all(|hit| {
        other.next().is_some_and(|o| {
            o.signal == hit.signal && o.line.offset == hit.line.offset && o.line.text.starts_with(&hit.line.text)
        })
    })
}
