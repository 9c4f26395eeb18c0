//! What a replay says on standard error besides its transitions: what was read, what was not, and how it all came out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::filter::Filter;
use crate::config::LogZones;
use crate::correlate::clock::Counts;
use crate::deliver::stdout::{printable, short_time};
use crate::input::assign::Assignment;
use crate::input::discover::Discovery;
use crate::pattern::Patterns;
use crate::pattern::diagnostic::suggest;
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
    guesses: Guesses,
    alarms: BTreeMap<(Arc<str>, Arc<str>), AlarmRow>,
    late: u64,
    shown: u64,
}

/// What was not clear from paths, so that a heap of files gets a few lines and not one each.
#[derive(Default)]
struct Guesses {
    /// Files whose log was recognised by their content.
    logs: BTreeMap<GuessedLog, Vec<String>>,
    /// Files after which a node is called, by that node.
    nodes: BTreeMap<Arc<str>, BTreeSet<PathBuf>>,
    /// Directories after which a node is called, by that node, with a file in each.
    directories: BTreeMap<Arc<str>, BTreeMap<Arc<str>, String>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct GuessedLog {
    log: Arc<str>,
    node: Arc<str>,
    /// The logs that it is as much like.
    equals: Vec<Arc<str>>,
}

#[derive(Default)]
struct FileCounts {
    read: u64,
    skipped: u64,
    unopened: u64,
    copies: u64,
    damaged: u64,
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
        Summary {
            loudness,
            damaged: false,
            counts: FileCounts::default(),
            guesses: Guesses::default(),
            alarms: BTreeMap::new(),
            late: 0,
            shown: 0,
        }
    }

    fn say(&self, least: Loudness, text: &str) {
        if self.loudness >= least {
            eprintln!("tocsin: {}", printable(text));
        }
    }

    /// What became of each file.
    pub fn files(&mut self, gathered: &Gathered, discovery: &Discovery, patterns: &Patterns) {
        for (path, why) in &discovery.unreadable {
            self.damage(&format!("{}: cannot be read: {why}", path.display()));
        }
        for path in &discovery.missing {
            self.damage(&format!("{}: no such file or directory", path.display()));
        }
        for (link, path) in &discovery.links {
            let (link, path) = (link.display(), path.display());
            self.say(Loudness::Verbose, &format!("{link}: the same file as {path}, read once"));
        }
        let mut unopened = Vec::new();
        for FileReport { path, outer, fate } in &gathered.files {
            match fate {
                Fate::Read(reading) => self.reading(path, outer, reading, patterns),
                Fate::Skipped(why) => {
                    self.counts.skipped += 1;
                    self.say(Loudness::Verbose, &format!("{path}: skipped: {why}"));
                }
                Fate::Unopened(why) => unopened.push(format!("{path}: not opened: {why}")),
                Fate::Copy { of, reading } => {
                    self.counts.copies += 1;
                    self.say(Loudness::Verbose, &format!("{path}: the same content as {of}, read once"));
                    // Whole, it might have been the longer one.
                    for damage in &reading.damage {
                        self.damage(&format!("{damage}; what it shares with {of} was read there"));
                    }
                    self.guess(path, outer, &reading.assignment, patterns);
                }
                Fate::Ambiguous(_) => {}
                Fate::Damaged(what) | Fate::Unreadable(what, _) => self.damage(what),
            }
        }
        if gathered.spilled > 0 {
            let bytes = indicatif::HumanBytes(gathered.spilled);
            self.say(Loudness::Verbose, &format!("{bytes} of what was found was kept in a temporary file"));
        }
        self.counts.unopened = unopened.len() as u64;
        self.say_some(&unopened);
        self.guesses();
    }

    /// The first of these lines, and how many more there are: a heap of archives would fill the screen.
    fn say_some(&self, lines: &[String]) {
        const MOST: usize = 8;
        let most = if self.loudness == Loudness::Verbose { usize::MAX } else { MOST };
        lines.iter().take(most).for_each(|line| self.say(Loudness::Normal, line));
        if lines.len() > most {
            let more = lines.len() - most;
            self.say(Loudness::Normal, &format!("… and {more} more of these, which `--verbose` shows"));
        }
    }

    fn damage(&mut self, what: &str) {
        self.damaged = true;
        self.counts.damaged += 1;
        self.say(Loudness::Quiet, what);
    }

    fn reading(&mut self, path: &str, outer: &Path, reading: &Reading, patterns: &Patterns) {
        self.counts.read += 1;
        self.counts.bytes += reading.bytes;
        self.counts.lines += reading.lines;
        self.counts.untimed += reading.untimed;
        self.counts.disbelieved += reading.disbelieved;
        for damage in &reading.damage {
            self.damage(&format!("{damage}; what stands before was read"));
        }
        let Assignment { log, node, unclear, .. } = &reading.assignment;
        self.say(Loudness::Verbose, &format!("{path}: log `{}` of node `{node}`", patterns.log(*log).name));
        self.guess(path, outer, &reading.assignment, patterns);
        // Copies are not asked: a file that was collected twice is of one host.
        if let Some(directory) = &unclear.directory {
            let directories = self.guesses.directories.entry(node.clone()).or_default();
            directories.entry(directory.clone()).or_insert_with(|| path.to_owned());
        }
        for note in &reading.notes {
            self.say(Loudness::Verbose, &format!("{path}: {note}"));
        }
    }

    fn guess(&mut self, path: &str, outer: &Path, assignment: &Assignment, patterns: &Patterns) {
        let Assignment { log, node, unclear, .. } = assignment;
        let log = &patterns.log(*log).name;
        if unclear.log {
            let guess = GuessedLog { log: log.clone(), node: node.clone(), equals: unclear.equals.clone() };
            self.guesses.logs.entry(guess).or_default().push(path.to_owned());
        }
        if unclear.node {
            self.guesses.nodes.entry(node.clone()).or_default().insert(outer.to_owned());
        }
    }

    /// Ids depend on these names, so the user must know which of them are guesses.
    fn guesses(&self) {
        let logs = self.guesses.logs.iter().map(|(GuessedLog { log, node, equals }, paths)| {
            let files = some(paths.iter().map(String::as_str));
            let others = match equals.is_empty() {
                true => String::new(),
                false => format!(", though as much like {}", equals.join(", ")),
            };
            format!("{files}: taken for log `{log}` of node `{node}` by content{others}")
        });
        let (shared, single): (Vec<_>, Vec<_>) = self.guesses.nodes.iter().partition(|(_, outers)| outers.len() > 1);
        // Two nodes under one name are the one guess that is wrong for sure.
        let shared = shared.into_iter().map(|(node, outers)| {
            let names: Vec<String> = outers.iter().map(|o| shown(o)).collect();
            format!("{}: taken for one node `{node}`, since nothing tells them apart", some(names.iter().map(|n| &**n)))
        });
        let alike = self.guesses.directories.iter().filter(|(_, files)| files.len() > 1).map(|(node, files)| {
            let files = some(files.values().map(String::as_str));
            format!("{files}: taken for one node `{node}`, since their directories are called so")
        });
        let single = single.into_iter().flat_map(|(node, outers)| {
            outers.iter().map(move |o| format!("{}: taken for node `{node}`, since no path inside names one", shown(o)))
        });
        let with = |remedy: &'static str| move |text: String| format!("{text} (`{remedy}` decides)");
        self.say_some(&logs.map(with("--log NAME=PATH")).collect::<Vec<_>>());
        self.say_some(&shared.chain(alike).chain(single).map(with("--assign NODE=PATH")).collect::<Vec<_>>());
    }

    pub fn zones(&self, zones: &LogZones, gathered: &Gathered) {
        if gathered.families.iter().any(|f| zones.is_assumed(f.family.log)) {
            let text = match &zones.unknown {
                None => format!("times are read as {} ({}; `--tz` says otherwise)", zones.default.name(), zones.source),
                Some(name) => format!(
                    "warning: this machine's zone `{name}` is not known here: times are read as {}, and may be wrong by hours \
                     (`--tz` says which zone it is)",
                    zones.default.name()
                ),
            };
            self.say(Loudness::Normal, &text);
        }
    }

    /// A slip of the pen in `--node` would look like silence.
    pub fn nodes(&self, filter: &Filter, gathered: &Gathered) {
        let read: BTreeSet<&str> = gathered.families.iter().map(|f| &*f.family.node).collect();
        for node in filter.unknown_nodes(&read) {
            let text = format!("nothing was read of node `{node}`: {}", suggest(node, read.iter().copied()));
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
            family.disagreements.iter().take(1).for_each(|d| self.say(Loudness::Normal, d));
            for file in &family.ahead {
                let text = "its last line is later than the file itself; if its zone is another, say so with `--tz`";
                self.say(Loudness::Normal, &format!("{file}: {text}"));
            }
        }
        let all = |count: fn(&Counts) -> u64| report.families.iter().map(|f| count(&f.counts)).sum::<u64>();
        for (count, what, more) in [
            (self.counts.untimed, "hit", "without a time of its own, which took that of the record before"),
            (
                self.counts.disbelieved + all(|c| c.disbelieved),
                "hit",
                "whose time jumped ahead of what follows and was not believed",
            ),
            (all(|c| c.steps), "fall", "of more than a minute in a log's times: a clock was set back"),
            (all(|c| c.holes), "hole", "in the logs: nothing is concluded from silence there"),
            (all(|c| c.assumed), "hit", "with an assumed time"),
            (self.late, "late hit", ""),
        ] {
            if count > 0 {
                self.say(Loudness::Normal, format!("{} {more}", few(count, what)).trim_end());
            }
        }
        for (node, alarm, hits) in &report.refused {
            let text = "raised nothing: there are more keys than are kept (`--max-keys`)";
            self.say(Loudness::Normal, &format!("{} of {alarm} on node `{node}` {text}", few(*hits, "hit")));
        }
        self.say(Loudness::Normal, &self.totals(report, zones));
        if table && self.loudness >= Loudness::Normal && !self.alarms.is_empty() {
            eprint!("{}", self.table());
        }
    }

    fn totals(&self, report: &Report, zones: &LogZones) -> String {
        let c = &self.counts;
        let bytes = indicatif::HumanBytes(c.bytes);
        let mut text = format!("{} read ({bytes}, {})", few(c.read, "file"), few(c.lines, "line"));
        for (count, what) in [
            (c.copies, format!("{} passed over as the same content", c.copies)),
            (c.skipped, format!("{} skipped as no log", c.skipped)),
            (c.unopened, format!("{} not opened", c.unopened)),
            (c.damaged, few(c.damaged, "damaged place")),
        ] {
            if count > 0 {
                let _ = write!(text, ", {what}");
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
        let _ = write!(text, "; {}", few(self.shown, "transition"));
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

/// The first of these names, and how many more there are.
fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 3;
    let more = names.len().saturating_sub(MOST);
    let mut text = names.take(MOST).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

fn shown(outer: &Path) -> String {
    if outer.as_os_str() == "-" { "stdin".to_owned() } else { outer.display().to_string() }
}

/// `1 file`, `2 files`.
pub(super) fn few(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
