//! When the alarm was raised, and what the logs say about it besides.
//!
//! Nothing is taken on trust from whoever types the alarm's name: the logs are replayed in memory, those that the alarm
//! reads and no others, and the latest raise is the one that is diagnosed.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::Serialize;

use crate::config::LogZones;
use crate::config::settings::Named;
use crate::correlate::{Event as Heard, Note, What};
use crate::input::assign::{Assigner, Place};
use crate::input::discover::{Found, discover};
use crate::pattern::{Alarm, LogId, Patterns, SignalId};
use crate::replay::gather::{Fate, Gathered, Gatherer};
use crate::replay::{FamilyRuns, Options, replay};
use crate::time::{Millis, Moment};
use crate::transition::{Event, Mode, Transition};

/// What is read, and how.
pub struct Source<'a> {
    pub patterns: &'a Patterns,
    pub named: &'a Named,
    pub host: &'a str,
    pub cluster: Arc<str>,
    pub paths: &'a [PathBuf],
    pub hold: Millis,
    pub max_keys: usize,
    /// The logs are complete until then.
    pub end: Option<Millis>,
}

/// One instance of the alarm, as it was raised last.
#[derive(Clone, Debug, Serialize)]
pub struct Raised {
    pub raise: Arc<Transition>,
    /// How it ended, if it has.
    pub clear: Option<Arc<Transition>>,
}

impl Raised {
    pub fn is_active(&self) -> bool {
        self.clear.is_none() && self.raise.event == Event::Raise
    }

    /// What matters more: active before ended, late before early.
    pub fn weight(&self) -> (bool, Millis, &str) {
        (self.is_active(), self.raise.time.millis, &self.raise.key)
    }
}

/// A line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub time: Moment,
    pub file: Arc<str>,
    pub line: u64,
    pub text: String,
}

/// What the logs say.
#[derive(Debug, Default)]
pub struct History {
    pub raised: Vec<Raised>,
    /// Lines of one signal, by node; a node that has the log and no such line has an empty list.
    pub said: BTreeMap<Arc<str>, Vec<Said>>,
    pub files: usize,
    /// What could not be read, and why.
    pub unread: Vec<(PathBuf, String)>,
}

/// Replays the logs of `alarm`, and listens for `signal` in its own.
pub fn read(source: &Source, alarm: &Alarm, signal: Option<SignalId>) -> History {
    let patterns = source.patterns;
    let mut logs: BTreeSet<LogId> = alarm.logs.iter().copied().collect();
    logs.extend(alarm.signals().chain(signal).flat_map(|id| &patterns.signal(id).logs));
    let assigner = Assigner::new(patterns, source.named.decisions.clone(), source.host);
    let found = discover(source.paths).once_each(|path| assigner.claim(path));
    let wanted = |f: &&Found| {
        // What no path tells is told by its content, which only reading shows.
        assigner.by_path(&Place::file(&f.path)).map_or(f.named, |known| logs.contains(&known.log))
    };
    let files: Vec<Found> = found.files.iter().filter(wanted).cloned().collect();
    let gathered = gather(source, &assigner, &source.named.zones, &files);
    let mut history = History { files: count(&gathered), ..History::default() };
    history.unread.extend(found.unreadable.into_iter().map(|(path, why)| (path, why.to_string())));
    history.unread.extend(found.missing.into_iter().map(|path| (path, "does not exist".to_owned())));
    history.unread.extend(gathered.files.iter().filter_map(|f| match &f.fate {
        Fate::Unreadable(why, _) => Some((f.outer.clone(), why.clone())),
        _ => None,
    }));
    correlate(source, alarm, signal, gathered.families, &mut history);
    history
}

fn gather(source: &Source, assigner: &Assigner, zones: &LogZones, files: &[Found]) -> Gathered {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let progress = Arc::new(AtomicU64::new(0));
    let (patterns, cluster) = (source.patterns, source.cluster.clone());
    Gatherer { patterns, assigner, cluster, zones, jobs, progress, stats: None }.gather(files)
}

fn count(gathered: &Gathered) -> usize {
    gathered.files.iter().filter(|f| matches!(f.fate, Fate::Read(_) | Fate::Copy { .. })).count()
}

fn correlate(
    source: &Source,
    alarm: &Alarm,
    signal: Option<SignalId>,
    families: Vec<FamilyRuns>,
    history: &mut History,
) {
    let nodes: Vec<Arc<str>> = families.iter().map(|f| f.family.node.clone()).collect();
    let own = |log: LogId| signal.is_some_and(|id| source.patterns.signal(id).logs.contains(&log));
    for family in families.iter().filter(|f| own(f.family.log)) {
        history.said.entry(family.family.node.clone()).or_default();
    }
    let said = &mut history.said;
    let mut listen = |heard: &Heard, _: &[Note], _: &[Transition]| {
        if let What::Hit(hit) = &heard.what
            && Some(hit.hit.signal) == signal
        {
            let line = &hit.hit.line;
            let text = String::from_utf8_lossy(&line.text).into_owned();
            let one = Said { time: hit.moment, file: line.file.clone(), line: line.number, text };
            said.entry(nodes[hit.family.index()].clone()).or_default().push(one);
        }
    };
    let mut raised: BTreeMap<Arc<str>, Raised> = BTreeMap::new();
    let mut write = |transition: Transition| -> Result<(), Infallible> {
        if transition.alarm != alarm.name {
            return Ok(());
        }
        let (key, transition) = (transition.key.clone(), Arc::new(transition));
        match transition.event {
            Event::Clear => {
                if let Some(one) = raised.get_mut(&key) {
                    one.clear = Some(transition);
                }
            }
            Event::Raise | Event::Occur => {
                raised.insert(key, Raised { raise: transition, clear: None });
            }
        }
        Ok(())
    };
    let options = Options { mode: Mode::Replay, hold: source.hold, end: source.end, max_keys: source.max_keys };
    let Ok(_) = replay(source.patterns, families, options, Some(&mut listen), &mut write);
    history.raised = raised.into_values().collect();
}
