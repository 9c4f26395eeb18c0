//! Where the time of a replay goes, for whoever asks.
//!
//! Clocks are looked at once for each block and for each read, never for each line. What several threads do at the same
//! time is added up, so that on two cores it comes to more than has passed.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::scan::Summary;

/// What a replay spends its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Getting bytes from files.
    Read,
    Inflate,
    /// Searching blocks for the texts of signals.
    Scan,
    /// Regexes and times of the lines where one stands, and keeping the hits.
    Verify,
    /// Files in order, the merge and the rules.
    Correlate,
    Write,
}

impl Part {
    pub const ALL: [Part; 6] = [Part::Read, Part::Inflate, Part::Scan, Part::Verify, Part::Correlate, Part::Write];

    pub fn name(self) -> &'static str {
        ["read", "inflate", "scan", "verify", "correlate", "write"][self as usize]
    }
}

#[derive(Debug, Default)]
pub struct Stats {
    nanos: [AtomicU64; Part::ALL.len()],
    bytes: AtomicU64,
    candidates: AtomicU64,
    hits: AtomicU64,
}

impl Stats {
    pub fn add(&self, part: Part, took: Duration) {
        self.nanos[part as usize].fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// A file was scanned.
    pub fn scanned(&self, summary: &Summary) {
        self.bytes.fetch_add(summary.bytes, Ordering::Relaxed);
        self.candidates.fetch_add(summary.candidates, Ordering::Relaxed);
        self.hits.fetch_add(summary.hits, Ordering::Relaxed);
    }

    pub fn took(&self, part: Part) -> Duration {
        Duration::from_nanos(self.nanos[part as usize].load(Ordering::Relaxed))
    }

    /// Bytes of logs, unpacked.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn candidates(&self) -> u64 {
        self.candidates.load(Ordering::Relaxed)
    }

    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

/// Goes from part to part on one thread.
pub struct Lap<'s> {
    stats: &'s Stats,
    since: Instant,
}

impl<'s> Lap<'s> {
    pub fn begin(stats: &'s Stats) -> Lap<'s> {
        Lap { stats, since: Instant::now() }
    }

    /// What was done since the last call was this.
    pub fn end(&mut self, part: Part) {
        let now = Instant::now();
        self.stats.add(part, now - self.since);
        self.since = now;
    }
}

/// A reader that knows how long it took.
pub struct Timed<R> {
    inner: R,
    pub took: Duration,
}

impl<R> Timed<R> {
    pub fn new(inner: R) -> Timed<R> {
        Timed { inner, took: Duration::ZERO }
    }
}

impl<R: Read> Read for Timed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        let read = self.inner.read(out);
        self.took += began.elapsed();
        read
    }
}
