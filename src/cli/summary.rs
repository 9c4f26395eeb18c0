//! What a replay says on standard error besides its transitions: what was read, what was not, and how it all came out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::zones::LogZones;
use crate::correlate::clock::Counts;
use crate::deliver::stdout::{printable, short_time};
use crate::input::discover::Discovery;
use crate::pattern::Patterns;
use crate::replay::Report;
use crate::replay::gather::{Fate, FileReport, Gathered, Reading, Zones};
use crate::time::{Millis, human_duration};
use crate::transition::{Event, Transition};

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Errors only.
    Quiet,
    Normal,
    Verbose,
}

pub struct Summary {
    loudness: Loudness,
    /// Something was damaged or could not be read.
    pub damaged: bool,
    counts: FileCounts,
    alarms: BTreeMap<(Arc<str>, Arc<str>), AlarmRow>,
    late: u64,
    shown: u64,
}

#[derive(Default)]
struct FileCounts {
    read: u64,
    skipped: u64,
    duplicates: u64,
    bytes: u64,
    lines: u64,
    untimed: u64,
    disbelieved: u64,
}

/// One alarm on one node.
#[derive(Default)]
struct AlarmRow {
    raised: u64,
    cleared: u64,
    occurred: u64,
    /// Milliseconds for which cleared instances were active.
    duration: Millis,
    causes: BTreeSet<Arc<str>>,
}

impl Summary {
    pub fn new(loudness: Loudness) -> Summary {
        Summary { loudness, damaged: false, counts: FileCounts::default(), alarms: BTreeMap::new(), late: 0, shown: 0 }
    }

    fn say(&self, least: Loudness, text: &str) {
        if self.loudness >= least {
            eprintln!("tocsin: {}", printable(text));
        }
    }

    /// What became of each file.
    pub fn files(&mut self, gathered: &Gathered, discovery: &Discovery, patterns: &Patterns) {
        for (path, why) in &discovery.unreadable {
            self.damaged = true;
            self.say(Loudness::Quiet, &format!("{}: cannot be read: {why}", path.display()));
        }
        for FileReport { path, fate, .. } in &gathered.files {
            match fate {
                Fate::Read(reading) => self.reading(path, reading, patterns),
                Fate::Skipped(why) => {
                    self.counts.skipped += 1;
                    self.say(Loudness::Verbose, &format!("{path}: skipped: {why}"));
                }
                Fate::Duplicate { of } => {
                    self.counts.duplicates += 1;
                    self.say(Loudness::Verbose, &format!("{path}: the same content as {of}, read once"));
                }
                Fate::Ambiguous(_) => {}
                Fate::Damaged(what) => {
                    self.damaged = true;
                    self.say(Loudness::Quiet, what);
                }
                Fate::Unreadable(why) => {
                    self.damaged = true;
                    self.say(Loudness::Quiet, why);
                }
            }
        }
    }

    fn reading(&mut self, path: &str, reading: &Reading, patterns: &Patterns) {
        self.counts.read += 1;
        self.counts.bytes += reading.bytes;
        self.counts.lines += reading.lines;
        self.counts.untimed += reading.untimed;
        self.counts.disbelieved += reading.disbelieved;
        for damage in &reading.damage {
            self.damaged = true;
            self.say(Loudness::Quiet, &format!("{damage}; what stands before was read"));
        }
        let assignment = &reading.assignment;
        match &assignment.announce {
            Some(announce) => self.say(Loudness::Normal, &format!("{path}: {announce}")),
            None => {
                let log = &patterns.log(assignment.log).name;
                self.say(Loudness::Verbose, &format!("{path}: log `{log}` of node `{}`", assignment.node));
            }
        }
        for note in &reading.notes {
            self.say(Loudness::Verbose, &format!("{path}: {note}"));
        }
    }

    pub fn zones(&self, zones: &LogZones, gathered: &Gathered) {
        if gathered.families.iter().any(|f| zones.is_assumed(f.family.log)) {
            let text = format!("times are read as {} ({}; `--tz` says otherwise)", zones.default.name(), zones.source);
            self.say(Loudness::Normal, &text);
        }
    }

    pub fn transition(&mut self, t: &Transition) {
        let row = self.alarms.entry((t.alarm.clone(), t.node.clone())).or_default();
        match t.event {
            Event::Raise => row.raised += 1,
            Event::Clear => row.cleared += 1,
            Event::Occur => row.occurred += 1,
        }
        row.duration += t.duration_ms.unwrap_or(0);
        row.causes.extend(t.causes.iter().cloned());
        self.late += u64::from(t.late);
        self.shown += 1;
    }

    /// Was anything raised, of what was written?
    pub fn any_raised(&self) -> bool {
        self.alarms.values().any(|r| r.raised + r.occurred > 0)
    }

    /// The end: what was strange, what was read, and, for a person, how the alarms came out.
    pub fn end(&self, report: &Report, zones: &LogZones, table: bool) {
        for family in &report.families {
            family.disagreements.iter().for_each(|d| self.say(Loudness::Verbose, d));
            for file in &family.ahead {
                let text = "its last line is later than the file itself; if its zone is another, say so with `--tz`";
                self.say(Loudness::Normal, &format!("{file}: {text}"));
            }
        }
        let all = |count: fn(&Counts) -> u64| report.families.iter().map(|f| count(&f.counts)).sum::<u64>();
        for (count, what) in [
            (self.counts.untimed, "records without a time took that of the record before"),
            (self.counts.disbelieved, "records jumped ahead and were taken back: their times were not believed"),
            (all(|c| c.steps), "times fell by more than a minute: a clock was set back"),
            (all(|c| c.holes), "holes in the logs: nothing is concluded from silence in them"),
            (all(|c| c.assumed), "hits got an assumed time"),
            (self.late, "late hits"),
        ] {
            if count > 0 {
                self.say(Loudness::Normal, &format!("{count} {what}"));
            }
        }
        self.say(Loudness::Normal, &self.totals(report, zones));
        if table && self.loudness >= Loudness::Normal && !self.alarms.is_empty() {
            eprint!("{}", self.table());
        }
    }

    fn totals(&self, report: &Report, zones: &LogZones) -> String {
        let c = &self.counts;
        let bytes = indicatif::HumanBytes(c.bytes);
        let mut text = format!("{} files read ({bytes}, {} lines)", c.read, c.lines);
        for (count, what) in [(c.duplicates, "read once because they are copies"), (c.skipped, "skipped")] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        let first = report.families.iter().filter_map(|f| f.first).min();
        let last = report.families.iter().filter_map(|f| f.clock).max();
        if let (Some(first), Some(last)) = (first, last) {
            let zone = report.families.first().map_or(zones.default, |f| zones.of(f.log));
            let _ = write!(
                text,
                "; from {} to {} {}",
                short_time(zone.moment(first)),
                short_time(zone.moment(last)),
                zone.name()
            );
        }
        let _ = write!(text, "; {} transitions", self.shown);
        text
    }

    fn table(&self) -> String {
        let heads = ["ALARM", "NODE", "RAISED", "CLEARED", "ACTIVE", "DURATION", "CAUSES"].map(str::to_owned);
        let mut rows = vec![heads];
        for ((alarm, node), row) in &self.alarms {
            let causes: Vec<&str> = row.causes.iter().map(|c| &**c).collect();
            rows.push([
                printable(alarm),
                printable(node),
                (row.raised + row.occurred).to_string(),
                row.cleared.to_string(),
                row.raised.saturating_sub(row.cleared).to_string(),
                if row.cleared > 0 { human_duration(row.duration) } else { "-".to_owned() },
                printable(&causes.join(", ")),
            ]);
        }
        let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        let line = |row: &[String; 7]| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        rows.iter().map(line).collect()
    }
}
