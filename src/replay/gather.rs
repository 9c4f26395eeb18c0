//! The first phase of a replay: every file is scanned to a run, by workers that know nothing of each other.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::duplicate::{Deduplicated, without_duplicates};
use super::read::{Blocks, Idle, Reader};
use super::stats::{Part, Stats, Timed};
use super::store::{BUDGET, Budget, Recorder};
use super::{FamilyRuns, Run};
use crate::correlate::Family;
use crate::input::archive::{self, Damage, MemberInfo, Meter, Visitor};
use crate::input::assign::{Assigner, Assignment, Place, SAMPLE, Unassigned};
use crate::input::discover::Found;
use crate::pattern::{LogId, Patterns, Zone};
use crate::scan::{Lookahead, Scanner, Summary};

pub struct Gatherer<'a> {
    pub patterns: &'a Patterns,
    pub assigner: &'a Assigner<'a>,
    pub cluster: Arc<str>,
    /// The zone of each log.
    pub zones: &'a dyn Zones,
    pub jobs: usize,
    /// Bytes of the files that were given, as they lie on disk, that have been read.
    pub progress: Arc<AtomicU64>,
    /// Where the time goes, if anybody asks.
    pub stats: Option<Arc<Stats>>,
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
    /// It is no log of ours.
    Skipped(String),
    /// It may hold logs, but we cannot open it: encrypted, packed too deep, or in a format that is not read.
    Unopened(String),
    /// The same content as another file of the family, or the beginning of it.
    Copy {
        of: String,
        reading: Reading,
    },
    Ambiguous(Vec<Arc<str>>),
    /// A part of an archive that cannot be made out.
    Damaged(String),
    /// Why, and whose it is, if its path tells.
    Unreadable(String, Option<Assignment>),
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

/// Node, log and name: what makes files one family.
type FamilyKey = (Arc<str>, LogId, Arc<str>);

/// What one worker says of one file.
type Told = Vec<(FileReport, Option<Run>)>;

impl Gatherer<'_> {
    pub fn gather(&self, files: &[Found]) -> Gathered {
        let budget = Budget::new(BUDGET);
        let next = AtomicUsize::new(0);
        let workers = self.jobs.clamp(1, files.len().max(1));
        let idle = Idle::new(self.jobs.saturating_sub(workers));
        let done: Mutex<Vec<(usize, Told)>> = Mutex::new(Vec::new());
        let work = || {
            let mut blocks = Blocks::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(found) = files.get(at) else { break };
                let told = self.file(found, &budget, &idle, &mut blocks);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((at, told));
            }
            idle.add();
        };
        std::thread::scope(|scope| {
            // Where the system gives no more threads, fewer must do; this one is there in any case.
            let begin = |_| std::thread::Builder::new().spawn_scoped(scope, work).is_ok();
            let _all = (1..workers).all(begin);
            work();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        let gathered = self.group(done.into_iter().flat_map(|(_, told)| told));
        Gathered { spilled: budget.spilled(), ..gathered }
    }

    fn file(&self, found: &Found, budget: &Arc<Budget>, idle: &Idle, blocks: &mut Blocks) -> Told {
        let meter = Arc::new(Meter::new(self.progress.clone(), self.stats.is_some()));
        let (told, notes) = (Vec::new(), Vec::new());
        let mut visit = Visit { gatherer: self, found, budget, idle, blocks, meter, told, notes };
        let ended = if found.path.as_os_str() == "-" {
            archive::visit_stream("-", Box::new(io::stdin()), &mut visit)
        } else {
            archive::visit(&found.path, &mut visit)
        };
        if let Err(error) = ended {
            let path = found.path.display().to_string();
            let run = self.unread(found, &path);
            visit.tell(
                path,
                Fate::Unreadable(error.to_string(), run.as_ref().map(|(a, _)| a.clone())),
                run.map(|r| r.1),
            );
        }
        visit.told
    }

    /// A file that cannot be read is a hole in its family, if its path tells which that is.
    fn unread(&self, found: &Found, path: &str) -> Option<(Assignment, Run)> {
        let assignment = self.assigner.by_path(&Place { outer: found.path.clone(), inner: Vec::new() })?;
        let summary = Summary { hole_at_end: true, ..Summary::default() };
        let rank = assignment.rank.clone();
        Some((assignment, Run { file: path.to_owned(), summary, rank, ..Run::default() }))
    }

    /// Files of the same node, log and name are a family, in whatever order they were read.
    fn group(&self, told: impl Iterator<Item = (FileReport, Option<Run>)>) -> Gathered {
        // With each run the index of its report.
        let mut families: BTreeMap<FamilyKey, Vec<(usize, Run)>> = BTreeMap::new();
        let mut files = Vec::new();
        for (report, run) in told {
            let assignment = match &report.fate {
                Fate::Read(reading) => Some(&reading.assignment),
                Fate::Unreadable(_, assignment) => assignment.as_ref(),
                _ => None,
            };
            if let (Some(Assignment { node, log, family, .. }), Some(run)) = (assignment, run) {
                families.entry((node.clone(), *log, family.clone())).or_default().push((files.len(), run));
            }
            files.push(report);
        }
        let mut grouped = Vec::new();
        for ((node, log, name), runs) in families {
            let (reports, runs): (Vec<usize>, Vec<Run>) = runs.into_iter().unzip();
            let Deduplicated { runs, copies } = without_duplicates(runs);
            for (index, of) in copies {
                let fate = &mut files[reports[index]].fate;
                if let Fate::Read(reading) = std::mem::replace(fate, Fate::Skipped(String::new())) {
                    *fate = Fate::Copy { of, reading };
                }
            }
            let (cluster, log_name, zone) =
                (self.cluster.clone(), self.patterns.log(log).name.clone(), self.zones.of(log));
            grouped.push(FamilyRuns { family: Family { cluster, node, log, log_name, name, zone }, runs });
        }
        Gathered { families: grouped, files, spilled: 0 }
    }
}

/// One file with all that is in it.
struct Visit<'a> {
    gatherer: &'a Gatherer<'a>,
    found: &'a Found,
    budget: &'a Arc<Budget>,
    idle: &'a Idle,
    blocks: &'a mut Blocks,
    meter: Arc<Meter>,
    told: Told,
    /// What is said of a member before it comes.
    notes: Vec<String>,
}

impl Visit<'_> {
    fn tell(&mut self, path: String, fate: Fate, run: Option<Run>) {
        self.told.push((FileReport { path, outer: self.found.path.clone(), fate }, run));
    }

    fn scan(
        &mut self,
        assignment: &Assignment,
        info: &MemberInfo,
        sample: &[u8],
        data: &mut dyn Read,
    ) -> io::Result<Run> {
        let patterns = self.gatherer.patterns;
        let file: Arc<str> = shown(&info.path).into();
        let zone = self.gatherer.zones.of(assignment.log);
        let scanner = Scanner::new(patterns, patterns.log(assignment.log), file.clone(), zone, Lookahead::File);
        let stats = self.gatherer.stats.as_deref();
        let mut reader = Reader::new(scanner, Recorder::new(self.budget.clone()), stats);
        reader.feed(sample)?;
        // What is not packed is read faster than it is scanned.
        let idle = Some(self.idle).filter(|_| info.compressed);
        let reader = match stats {
            None => reader.read(data, idle, self.blocks)?,
            Some(stats) => {
                let (mut data, before) = (Timed::new(data), self.meter.took());
                let reader = reader.read(&mut data, idle, self.blocks)?;
                let outside = (self.meter.took() - before).min(data.took);
                let unpacking = if info.compressed { Part::Inflate } else { Part::Read };
                stats.add(unpacking, data.took - outside);
                stats.add(Part::Read, outside);
                reader
            }
        };
        let Reader { scanner, mut recorder, start, last, .. } = reader;
        let mut seen = Vec::new();
        let summary = scanner.finish(&mut seen);
        if let Some(stats) = stats {
            stats.scanned(&summary);
        }
        seen.iter().try_for_each(|seen| recorder.push(seen))?;
        Ok(Run {
            file: file.to_string(),
            seen: recorder.finish(file),
            summary,
            modified: info.stamp,
            rank: assignment.rank.clone(),
            start: start.into(),
            cut: last.is_some_and(|byte| byte != b'\n'),
            from: 0,
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
        self.tell(shown(path), Fate::Unopened(why.to_owned()), None);
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

    fn progress(&self) -> Option<Arc<Meter>> {
        Some(self.meter.clone())
    }
}

/// Standard input has no name of its own.
fn shown(path: &str) -> String {
    match path.strip_prefix('-') {
        Some(rest) if rest.is_empty() || rest.starts_with('!') => format!("stdin{rest}"),
        _ => path.to_owned(),
    }
}
