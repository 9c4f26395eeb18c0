//! Replay: from scanned files to transitions in order of time.
//!
//! The second of the two phases of a replay. Workers have scanned each file to a [`Run`], knowing nothing of other
//! files; here the runs of a family are put in order, joined, timed and merged with those of other families. The tests
//! inside pattern files take the same way, with lines from memory.

mod border;
mod duplicate;
pub mod gather;
pub mod join;
mod order;
mod output;
mod read;
pub mod stats;
pub mod store;
mod timeline;

use std::sync::Arc;

use crate::correlate::{Clock, Correlator, Event, Family, FamilyId, Lane, Merge, Note, Released, What};
use crate::pattern::Patterns;
use crate::pattern::zone::STEP_BACK;
use crate::scan::Summary;
use crate::time::Millis;
use crate::transition::{Mode, Transition};

use output::Output;
use timeline::Timeline;

/// A file as scanning left it.
#[derive(Debug, Default)]
pub struct Run {
    /// As it is shown to a person.
    pub file: String,
    pub seen: store::Recorded,
    pub summary: Summary,
    /// The file's own stamp: modification time, gz header or tar entry.
    pub modified: Option<Millis>,
    /// Where its name puts it in the family, oldest first; breaks ties of the first times.
    pub rank: Vec<i64>,
    /// The first bytes inside, to know the same content again.
    pub start: Box<[u8]>,
    /// Its last line has no end: it may have been cut.
    pub cut: bool,
    /// Hits before this offset count in another copy of this file.
    pub from: u64,
}

/// A family with its files, in any order.
#[derive(Debug)]
pub struct FamilyRuns {
    pub family: Family,
    pub runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub mode: Mode,
    pub hold: Millis,
    /// The logs are complete until then.
    pub end: Option<Millis>,
    /// Keys of one alarm that are kept for a node.
    pub max_keys: usize,
}

/// What there is to say about a replay besides its transitions.
#[derive(Debug, Default)]
pub struct Report {
    pub families: Vec<FamilyReport>,
    /// Node, alarm, and how many hits of it were of more keys than are kept.
    pub refused: Vec<(Arc<str>, Arc<str>, u64)>,
}

#[derive(Debug)]
pub struct FamilyReport {
    pub family: FamilyId,
    pub log: crate::pattern::LogId,
    /// The first time in its files.
    pub first: Option<Millis>,
    pub counts: crate::correlate::clock::Counts,
    /// Where the family's clock stopped.
    pub clock: Option<Millis>,
    /// Files whose names say another order than the times inside.
    pub disagreements: Vec<String>,
    /// What a temporary file did not give back.
    pub lost: Option<String>,
    /// Files whose last line is later than the file itself, so that the zone must be wrong.
    pub ahead: Vec<String>,
}

/// Hears of every event and what the rules did with it, for `explain`.
pub type Listener<'a> = &'a mut dyn FnMut(&Event, &[Note], &[Transition]);

/// Runs everything through merge and rules. `write` gets the transitions in order of time; what it returns ends the replay.
pub fn replay<E>(
    patterns: &Patterns,
    families: Vec<FamilyRuns>,
    options: Options,
    mut listener: Option<Listener>,
    write: impl FnMut(Transition) -> Result<(), E>,
) -> Result<Report, E> {
    let mut correlator = Correlator::new(patterns, options.mode, options.hold);
    correlator.bound_keys(options.max_keys);
    if listener.is_some() {
        correlator.listen();
    }
    let mut timelines: Vec<Timeline> = Vec::new();
    for runs in families {
        let id = correlator.add(runs.family.clone());
        let clock = Clock::new(id, runs.family.zone);
        timelines.push(Timeline::new(patterns, order::order(runs), clock));
    }
    let mut merge = Merge::new(options.hold);
    for at in 0..timelines.len() {
        merge.add(FamilyId(at as u32), correlator.families());
    }
    for (at, timeline) in timelines.iter_mut().enumerate() {
        feed(&mut merge, at, timeline);
    }
    let mut output = Output::new(write);
    let mut made = Vec::new();
    while let Some(released) = merge.pop() {
        let at = released.family.index();
        while listener.is_none() && correlator.step_towards(&released, &mut made) {
            let open = |family: FamilyId| {
                options.end.is_some() || family == released.family || !timelines[family.index()].is_over()
            };
            let settled =
                || correlator.earliest_deadline(open).into_iter().chain([released.event.key - STEP_BACK]).min();
            output.push(made.drain(..), settled)?;
        }
        correlator.event(&released, &mut made);
        if let Some(listener) = &mut listener {
            listener(&released.event, &correlator.take_notes(), &made);
        }
        if merge.is_starved(at) {
            feed(&mut merge, at, &mut timelines[at]);
        }
        output.push(made.drain(..), || {
            let open = |family: FamilyId| options.end.is_some() || !timelines[family.index()].is_over();
            merge.next_key().into_iter().map(|k| k - STEP_BACK).chain(correlator.earliest_deadline(open)).min()
        })?;
    }
    if let Some(end) = options.end {
        for (at, timeline) in timelines.iter_mut().enumerate() {
            for event in timeline.close(end) {
                let family = FamilyId(at as u32);
                correlator.event(&Released { family, event, lane: Lane::Both, late: false }, &mut made);
            }
        }
        correlator.complete(end, &mut made);
        if let Some(listener) = &mut listener {
            listener(&Event { key: end, what: What::Tick(end) }, &correlator.take_notes(), &made);
        }
        output.push(made.drain(..), || None)?;
    }
    output.finish()?;
    let refused = correlator.refused();
    Ok(Report {
        refused: refused.map(|(node, id, hits)| (node.clone(), patterns.alarm(id).name.clone(), hits)).collect(),
        families: timelines.into_iter().map(Timeline::into_report).collect(),
    })
}

/// Gives the merge the family's next event, or tells it that there is none.
fn feed(merge: &mut Merge, at: usize, timeline: &mut Timeline) {
    match timeline.next() {
        Some(event) => merge.push(at, event),
        None => merge.finish(at),
    }
}
