//! The first phase of a replay: every file is scanned to a run, by workers that know nothing of each other.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::duplicate;
use super::store::{BUDGET, Budget, Recorder};
use super::{FamilyRuns, Run};
use crate::correlate::Family;
use crate::input::archive::{self, Damage, MemberInfo, Visitor};
use crate::input::assign::{Assigner, Assignment, Place, SAMPLE, Unassigned};
use crate::input::discover::Found;
use crate::pattern::{LogId, Patterns, Zone};
use crate::scan::{Lookahead, Scanner, Seen};

/// What is scanned at a time.
const BLOCK: usize = 256 * 1024;

/// What is kept of a file's beginning, to know the same content again.
const START: usize = 256;

pub struct Gatherer<'a> {
    pub patterns: &'a Patterns,
    pub assigner: &'a Assigner<'a>,
    pub cluster: Arc<str>,
    /// The zone of each log.
    pub zones: &'a dyn Zones,
    pub jobs: usize,
    /// Bytes of the files that were given, as they lie on disk, that have been read.
    pub progress: Arc<AtomicU64>,
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
    /// Hits that memory did not hold.
    pub spilled: u64,
}

/// What became of one file, or of one member of an archive.
#[derive(Debug)]
pub struct FileReport {
    /// As it is shown; of what is inside an archive, the archive comes first.
    pub path: String,
    /// The file that was given, or stood in a directory that was.
    pub outer: PathBuf,
    pub fate: Fate,
}

#[derive(Debug)]
pub enum Fate {
    Read(Reading),
    /// It is no log of ours, or of no format that we know.
    Skipped(String),
    /// The same content as another file of the family.
    Duplicate {
        of: String,
    },
    Ambiguous(Vec<Arc<str>>),
    /// A part of an archive that cannot be made out.
    Damaged(String),
    Unreadable(String),
}

#[derive(Debug)]
pub struct Reading {
    pub assignment: Assignment,
    pub bytes: u64,
    pub lines: u64,
    pub untimed: u64,
    pub disbelieved: u64,
    pub damage: Vec<String>,
    pub notes: Vec<String>,
}

/// What one worker says of one file.
type Told = Vec<(FileReport, Option<Run>)>;

impl Gatherer<'_> {
    pub fn gather(&self, files: &[Found]) -> Gathered {
        let budget = Budget::new(BUDGET);
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Told)>> = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, files.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(found) = files.get(at) else { return };
                        let told = self.file(found, &budget);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((at, told));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        let gathered = self.group(done.into_iter().flat_map(|(_, told)| told));
        Gathered { spilled: budget.spilled(), ..gathered }
    }

    fn file(&self, found: &Found, budget: &Arc<Budget>) -> Told {
        let mut visit = Visit { gatherer: self, found, budget, told: Vec::new(), notes: Vec::new() };
        let ended = if found.path.as_os_str() == "-" {
            archive::visit_stream("-", Box::new(io::stdin()), &mut visit)
        } else {
            archive::visit(&found.path, &mut visit)
        };
        if let Err(error) = ended {
            let path = found.path.display().to_string();
            visit.tell(path, Fate::Unreadable(error.to_string()), None);
        }
        visit.told
    }

    /// Files of the same node, log and name are a family, in whatever order they were read.
    fn group(&self, told: impl Iterator<Item = (FileReport, Option<Run>)>) -> Gathered {
        let mut families: BTreeMap<(Arc<str>, LogId, Arc<str>), Vec<Run>> = BTreeMap::new();
        let mut files = Vec::new();
        for (report, run) in told {
            if let (Fate::Read(reading), Some(run)) = (&report.fate, run) {
                let Assignment { node, log, family, .. } = &reading.assignment;
                families.entry((node.clone(), *log, family.clone())).or_default().push(run);
            }
            files.push(report);
        }
        let mut twice = BTreeMap::new();
        let mut grouped = Vec::new();
        for ((node, log, name), runs) in families {
            let (runs, duplicates) = duplicate::without_duplicates(runs);
            twice.extend(duplicates);
            let (cluster, log_name, zone) =
                (self.cluster.clone(), self.patterns.log(log).name.clone(), self.zones.of(log));
            grouped.push(FamilyRuns { family: Family { cluster, node, log, log_name, name, zone }, runs });
        }
        for file in files.iter_mut().filter(|f| matches!(f.fate, Fate::Read(_))) {
            if let Some(of) = twice.remove(&file.path) {
                file.fate = Fate::Duplicate { of };
            }
        }
        Gathered { families: grouped, files, spilled: 0 }
    }
}

/// One file with all that is in it.
struct Visit<'a> {
    gatherer: &'a Gatherer<'a>,
    found: &'a Found,
    budget: &'a Arc<Budget>,
    told: Told,
    /// What is said of a member before it comes.
    notes: Vec<String>,
}

impl Visit<'_> {
    fn tell(&mut self, path: String, fate: Fate, run: Option<Run>) {
        self.told.push((FileReport { path, outer: self.found.path.clone(), fate }, run));
    }

    fn scan(&self, assignment: &Assignment, info: &MemberInfo, sample: &[u8], data: &mut dyn Read) -> io::Result<Run> {
        let patterns = self.gatherer.patterns;
        let file: Arc<str> = shown(&info.path).into();
        let zone = self.gatherer.zones.of(assignment.log);
        let mut scanner = Scanner::new(patterns, patterns.log(assignment.log), file.clone(), zone, Lookahead::File);
        let mut recorder = Recorder::new(self.budget.clone());
        let mut seen: Vec<Seen> = Vec::new();
        let mut start: Vec<u8> = sample[..sample.len().min(START)].to_vec();
        scanner.feed(sample, &mut seen);
        let mut block = vec![0; BLOCK];
        loop {
            for s in seen.drain(..) {
                recorder.push(&s)?;
            }
            let read = fill(data, &mut block)?;
            if read == 0 {
                break;
            }
            if start.is_empty() {
                start = block[..read.min(START)].to_vec();
            }
            scanner.feed(&block[..read], &mut seen);
        }
        let summary = scanner.finish(&mut seen);
        for s in &seen {
            recorder.push(s)?;
        }
        Ok(Run {
            file: file.to_string(),
            seen: recorder.finish(file),
            summary,
            modified: info.stamp,
            rank: assignment.rank.clone(),
            start: start.into(),
        })
    }
}

impl Visitor for Visit<'_> {
    fn member(&mut self, info: &MemberInfo, data: &mut dyn Read) -> io::Result<()> {
        let place = Place { outer: self.found.path.clone(), inner: info.parts[1..].to_vec() };
        let mut sample = Vec::new();
        let assigner = self.gatherer.assigner;
        let assigned = match assigner.by_path(&place) {
            Some(assignment) => Ok(assignment),
            None => {
                data.take(SAMPLE as u64).read_to_end(&mut sample)?;
                assigner.by_content(&place, &sample, self.found.named && place.inner.is_empty())
            }
        };
        let notes = std::mem::take(&mut self.notes);
        let (fate, run) = match assigned {
            Ok(assignment) => {
                let run = self.scan(&assignment, info, &sample, data)?;
                let s = &run.summary;
                let (bytes, lines, untimed, disbelieved) = (s.bytes, s.lines, s.untimed, s.disbelieved);
                let reading = Reading { assignment, bytes, lines, untimed, disbelieved, damage: Vec::new(), notes };
                (Fate::Read(reading), Some(run))
            }
            Err(Unassigned::Unknown) if sample.is_empty() => (Fate::Skipped("empty".to_owned()), None),
            Err(Unassigned::Unknown) => (Fate::Skipped("no log looks like this".to_owned()), None),
            Err(Unassigned::Ambiguous(names)) => (Fate::Ambiguous(names), None),
        };
        self.tell(shown(&info.path), fate, run);
        Ok(())
    }

    fn skipped(&mut self, path: &str, why: &str) {
        self.tell(shown(path), Fate::Skipped(why.to_owned()), None);
    }

    /// It comes after the member that it belongs to: what was behind the intact part is missing.
    fn damaged(&mut self, damage: Damage) {
        let path = shown(&damage.path);
        let member = self.told.iter_mut().rev().find(|(report, _)| report.path == path);
        match member {
            Some((FileReport { fate: Fate::Read(reading), .. }, Some(run))) => {
                reading.damage.push(damage.to_string());
                run.summary.hole_at_end = true;
            }
            // What is no log of ours may be damaged as it likes.
            Some((FileReport { fate: Fate::Skipped(_), .. }, _)) => {}
            _ => self.tell(path, Fate::Damaged(damage.to_string()), None),
        }
    }

    fn noted(&mut self, _path: &str, what: &str) {
        self.notes.push(what.to_owned());
    }

    fn progress(&self) -> Option<Arc<AtomicU64>> {
        Some(self.gatherer.progress.clone())
    }
}

/// Standard input has no name of its own.
fn shown(path: &str) -> String {
    match path.strip_prefix('-') {
        Some(rest) if rest.is_empty() || rest.starts_with('!') => format!("stdin{rest}"),
        _ => path.to_owned(),
    }
}

/// Fills the block as far as the data goes: decoders hand out small pieces, and scanning wants large ones.
fn fill(data: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match data.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}
