//! What each signal costs, for whoever writes one: by which texts it is found, and what looking for it takes in a log.
//!
//! Signals are measured one by one, each with a scanner that looks for nothing else, and against one that looks for
//! nothing at all: together they share what they have in common, and nothing could be told of one of them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::input::archive::{self, Damage, MemberInfo, Visitor};
use crate::input::assign::{Assigner, Decisions, Place, SAMPLE};
use crate::pattern::search::{Search, Sought};
use crate::pattern::windows::Windows;
use crate::pattern::{Log, LogId, Patterns, SignalId, Zone};
use crate::scan::{Lookahead, Scanner};

/// Of one log, more than this tells nothing new.
const ENOUGH: usize = 16 << 20;

/// As much as a replay scans at a time.
const PIECE: usize = 256 << 10;

/// What else the machine does makes a run slower and never faster, so the best of these counts.
const RUNS: usize = 5;

/// A text of which each match has one, and whether upper case counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    pub bytes: Box<[u8]>,
    pub exact: bool,
}

/// How one signal is found in one log.
#[derive(Clone, Debug)]
pub struct Found {
    pub signal: SignalId,
    /// One of these stands in each of its lines. None: every line is tried.
    pub texts: Vec<Text>,
}

/// What looking for one signal takes in a sample.
#[derive(Clone, Debug)]
pub struct Cost {
    pub found: Found,
    /// More than reading alone.
    pub took: Duration,
    pub candidates: u64,
    pub hits: u64,
}

/// A part of a log.
#[derive(Debug)]
pub struct Sample {
    pub log: LogId,
    pub bytes: Vec<u8>,
}

/// A log's signals with what each of them takes.
#[derive(Debug)]
pub struct Measured {
    pub log: LogId,
    pub bytes: usize,
    /// Reading that looks for nothing, and reading that looks for everything.
    pub nothing: Duration,
    pub everything: Duration,
    /// The dearest first.
    pub costs: Vec<Cost>,
}

/// By what a log's signals are found if it is like the sample, which may be empty.
pub fn found_by(log: &Log, sample: &[u8]) -> Vec<Found> {
    let sought = &log.search.sought;
    let mut found: Vec<Found> = sought.iter().map(|s| Found { signal: s.signal, texts: Vec::new() }).collect();
    for (at, bytes, exact) in Windows::choose(sought, sample).texts() {
        found[at].texts.push(Text { bytes: bytes.into(), exact });
    }
    found.iter_mut().for_each(|found| found.texts.sort_unstable());
    found
}

pub fn measure(patterns: &Patterns, sample: &Sample) -> Result<Measured, String> {
    let log = patterns.log(sample.log);
    let time = |search: &Search| run(patterns, log, search, &sample.bytes);
    let (nothing, ..) = time(&Search::default());
    let mut costs = Vec::new();
    for (found, Sought { signal, .. }) in found_by(log, &sample.bytes).into_iter().zip(&log.search.sought) {
        let Some((place, clause)) = patterns.signal(*signal).sought_by() else { continue };
        let (took, candidates, hits) = time(&Search::new([(*signal, place, clause)].into_iter())?);
        costs.push(Cost { found, took: took.saturating_sub(nothing), candidates, hits });
    }
    costs.sort_by_key(|cost| std::cmp::Reverse(cost.took));
    let (everything, ..) = time(&log.search);
    Ok(Measured { log: sample.log, bytes: sample.bytes.len(), nothing, everything, costs })
}

/// The best time, candidates and hits.
fn run(patterns: &Patterns, log: &Log, search: &Search, bytes: &[u8]) -> (Duration, u64, u64) {
    let mut best = (Duration::MAX, 0, 0);
    for _ in 0..RUNS {
        let scanner = Scanner::new(patterns, log, "sample".into(), Zone::UTC, Lookahead::File);
        let (mut scanner, mut seen) = (scanner.looking_for(search), Vec::new());
        let began = Instant::now();
        for piece in bytes.chunks(PIECE) {
            scanner.feed(piece, &mut seen);
            seen.clear();
        }
        let summary = scanner.finish(&mut seen);
        best = best.min((began.elapsed(), summary.candidates, summary.hits));
    }
    best
}

/// The logs in a file or an archive, with as much of each as tells something.
pub fn samples(patterns: &Patterns, path: &Path) -> Result<Vec<Sample>, archive::Error> {
    let assigner = Assigner::new(patterns, Decisions::default(), "");
    let mut reading = Reading { assigner: &assigner, outer: path.to_owned(), samples: Vec::new() };
    archive::visit(path, &mut reading)?;
    Ok(reading.samples)
}

struct Reading<'a> {
    assigner: &'a Assigner<'a>,
    outer: PathBuf,
    samples: Vec<Sample>,
}

impl Visitor for Reading<'_> {
    fn member(&mut self, info: &MemberInfo, data: &mut dyn Read) -> io::Result<()> {
        let place = Place { outer: self.outer.clone(), inner: info.parts[1..].to_vec() };
        let mut begins = Vec::new();
        data.take(SAMPLE as u64).read_to_end(&mut begins)?;
        let by_content = || self.assigner.by_content(&place, &begins, place.inner.is_empty()).ok();
        let Some(assignment) = self.assigner.by_path(&place).or_else(by_content) else { return Ok(()) };
        let at = self.samples.iter().position(|sample| sample.log == assignment.log).unwrap_or_else(|| {
            self.samples.push(Sample { log: assignment.log, bytes: Vec::new() });
            self.samples.len() - 1
        });
        let bytes = &mut self.samples[at].bytes;
        bytes.extend_from_slice(&begins);
        let room = ENOUGH.saturating_sub(bytes.len());
        data.take(room as u64).read_to_end(bytes)?;
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        Ok(())
    }

    /// What cannot be read is no part of the sample.
    fn skipped(&mut self, _path: &str, _why: &str) {}

    fn damaged(&mut self, _damage: Damage) {}
}
