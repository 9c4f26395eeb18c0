//! The first phase of a replay: every file is scanned to a run, by workers that know nothing of each other.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{FamilyRuns, Run};
use crate::correlate::Family;
use crate::input::assign::{Assigner, Assignment, Place, SAMPLE, Unassigned};
use crate::input::discover::Found;
use crate::input::read::{self, BLOCK};
use crate::pattern::{LogId, Patterns, Zone};
use crate::scan::{Lookahead, Scanner};

pub struct Gatherer<'a> {
    pub patterns: &'a Patterns,
    pub assigner: &'a Assigner<'a>,
    pub cluster: Arc<str>,
    /// The zone of each log.
    pub zones: &'a dyn Zones,
    pub jobs: usize,
}

/// Which zone a log's times are in.
pub trait Zones: Sync {
    fn of(&self, log: LogId) -> Zone;
}

/// What gathering found.
#[derive(Debug, Default)]
pub struct Gathered {
    pub families: Vec<FamilyRuns>,
    pub files: Vec<FileReport>,
}

/// What became of one file.
#[derive(Debug)]
pub struct FileReport {
    pub path: String,
    pub fate: Fate,
}

#[derive(Debug)]
pub enum Fate {
    Read { assignment: Assignment, bytes: u64, lines: u64, untimed: u64, disbelieved: u64, damage: Option<String> },
    /// It is no log of ours.
    Skipped,
    Ambiguous(Vec<Arc<str>>),
    Unreadable(String),
}

impl Gatherer<'_> {
    pub fn gather(&self, files: &[Found]) -> Gathered {
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, FileReport, Option<Run>)>> = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, files.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(found) = files.get(at) else { return };
                        let (report, run) = self.file(found);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((at, report, run));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _, _)| *at);
        self.group(done)
    }

    /// Files of the same node, log and name are a family, in whatever order they were read.
    fn group(&self, done: Vec<(usize, FileReport, Option<Run>)>) -> Gathered {
        let mut families: BTreeMap<(Arc<str>, LogId, Arc<str>), Vec<Run>> = BTreeMap::new();
        let mut files = Vec::new();
        for (_, report, run) in done {
            if let (Fate::Read { assignment, .. }, Some(run)) = (&report.fate, run) {
                let key = (assignment.node.clone(), assignment.log, assignment.family.clone());
                families.entry(key).or_default().push(run);
            }
            files.push(report);
        }
        let family = |(node, log, name): (Arc<str>, LogId, Arc<str>)| Family {
            cluster: self.cluster.clone(),
            node,
            log,
            log_name: self.patterns.log(log).name.clone(),
            name,
            zone: self.zones.of(log),
        };
        let families = families.into_iter().map(|(key, runs)| FamilyRuns { family: family(key), runs }).collect();
        Gathered { families, files }
    }

    fn file(&self, found: &Found) -> (FileReport, Option<Run>) {
        let path = found.path.display().to_string();
        let (fate, run) = match self.scan(found, &path) {
            Ok(scanned) => scanned,
            Err(error) => (Fate::Unreadable(error.to_string()), None),
        };
        (FileReport { path, fate }, run)
    }

    fn scan(&self, found: &Found, path: &str) -> io::Result<(Fate, Option<Run>)> {
        let place = Place::file(&found.path);
        let by_path = self.assigner.by_path(&place);
        let mut opened = read::open(&found.path)?;
        let mut sample = Vec::new();
        let mut damage = None;
        let assignment = match by_path {
            Some(assignment) => assignment,
            None => {
                if let Err(error) = opened.data.by_ref().take(SAMPLE as u64).read_to_end(&mut sample) {
                    damage = Some(error);
                }
                match self.assigner.by_content(&place, &sample, found.named) {
                    Ok(assignment) => assignment,
                    Err(Unassigned::Unknown) => return Ok((Fate::Skipped, None)),
                    Err(Unassigned::Ambiguous(names)) => return Ok((Fate::Ambiguous(names), None)),
                }
            }
        };
        let zone = self.zones.of(assignment.log);
        let log = self.patterns.log(assignment.log);
        let mut seen = Vec::new();
        let mut scanner = Scanner::new(self.patterns, log, path.into(), zone, Lookahead::File);
        scanner.feed(&sample, &mut seen);
        let mut block = vec![0; BLOCK];
        let mut read = sample.len() as u64;
        while damage.is_none() {
            match opened.data.read(&mut block) {
                Ok(0) => break,
                Ok(n) => {
                    read += n as u64;
                    scanner.feed(&block[..n], &mut seen);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => damage = Some(e),
            }
        }
        if damage.is_some() {
            scanner.hole(&mut seen);
        }
        let summary = scanner.finish(&mut seen);
        let damage = damage.map(|e| format!("{path}: damaged after {read} bytes: {e}"));
        let fate = Fate::Read {
            bytes: summary.bytes,
            lines: summary.lines,
            untimed: summary.untimed,
            disbelieved: summary.disbelieved,
            damage,
            assignment: assignment.clone(),
        };
        let run = Run { file: path.to_owned(), seen, summary, modified: opened.modified, rank: assignment.rank };
        Ok((fate, Some(run)))
    }
}

/// Paths that were read, for telling the user which decisions had no effect.
pub fn read_paths(gathered: &Gathered) -> std::collections::BTreeSet<PathBuf> {
    gathered.files.iter().filter(|f| matches!(f.fate, Fate::Read { .. })).map(|f| PathBuf::from(&f.path)).collect()
}
