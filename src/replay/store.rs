//! What scanning saw, kept until its family's turn comes.
//!
//! A heap of archives can hold more hits than memory does. So runs are kept encoded, and what exceeds a budget that all
//! runs share goes to one unnamed temporary file. Reading back takes one chunk of each family at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::scan::Seen;

/// What all runs together may keep in memory.
pub const BUDGET: i64 = 4 << 20;

/// Small enough that one for each of thousands of families is no matter.
const CHUNK: usize = 32 << 10;

/// The memory that is left, and the file for the rest.
#[derive(Debug)]
pub struct Budget {
    left: AtomicI64,
    spill: Mutex<Option<Spill>>,
}

#[derive(Debug)]
struct Spill {
    file: Arc<File>,
    end: u64,
}

impl Budget {
    pub fn new(bytes: i64) -> Arc<Budget> {
        Arc::new(Budget { left: AtomicI64::new(bytes), spill: Mutex::new(None) })
    }

    /// Bytes in the temporary file.
    pub fn spilled(&self) -> u64 {
        self.spill.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |s| s.end)
    }

    fn keep(&self, chunk: Vec<u8>) -> Chunk {
        let length = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
        if self.left.fetch_sub(length, Ordering::Relaxed) >= length {
            return Chunk::Memory(Arc::new(chunk));
        }
        self.left.fetch_add(length, Ordering::Relaxed);
        // Where the disk refuses, memory is all there is; losing hits is no choice.
        self.spill(&chunk).unwrap_or_else(|_| Chunk::Memory(Arc::new(chunk)))
    }

    fn spill(&self, chunk: &[u8]) -> io::Result<Chunk> {
        let mut guard = self.spill.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.is_none() {
            *guard = Some(Spill { file: Arc::new(tempfile::tempfile()?), end: 0 });
        }
        let Some(spill) = guard.as_mut() else { return Err(io::Error::other("no temporary file")) };
        spill.file.write_all_at(chunk, spill.end)?;
        let offset = spill.end;
        spill.end += chunk.len() as u64;
        Ok(Chunk::Spilled { file: spill.file.clone(), offset, length: chunk.len() })
    }
}

/// A part of a run; an event never lies across two.
#[derive(Debug)]
pub enum Chunk {
    Memory(Arc<Vec<u8>>),
    Spilled { file: Arc<File>, offset: u64, length: usize },
}

impl Chunk {
    fn share(&self) -> Chunk {
        match self {
            Chunk::Memory(bytes) => Chunk::Memory(bytes.clone()),
            Chunk::Spilled { file, offset, length } => {
                Chunk::Spilled { file: file.clone(), offset: *offset, length: *length }
            }
        }
    }

    fn load(self) -> io::Result<Vec<u8>> {
        match self {
            Chunk::Memory(bytes) => Ok(Arc::unwrap_or_clone(bytes)),
            Chunk::Spilled { file, offset, length } => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes)
            }
        }
    }
}

/// Takes what a scanner sees.
pub struct Recorder {
    budget: Arc<Budget>,
    chunks: Vec<Chunk>,
    buffer: Vec<u8>,
}

impl Recorder {
    pub fn new(budget: Arc<Budget>) -> Recorder {
        Recorder { budget, chunks: Vec::new(), buffer: Vec::new() }
    }

    pub fn push(&mut self, seen: &Seen) -> io::Result<()> {
        self.buffer = postcard::to_extend(seen, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
        if self.buffer.len() >= CHUNK {
            let chunk = std::mem::take(&mut self.buffer);
            self.chunks.push(self.budget.keep(chunk));
        }
        Ok(())
    }

    /// `file` is the name that every line of the run carries.
    pub fn finish(mut self, file: Arc<str>) -> Recorded {
        if !self.buffer.is_empty() {
            let mut chunk = std::mem::take(&mut self.buffer);
            chunk.shrink_to_fit();
            self.chunks.push(self.budget.keep(chunk));
        }
        Recorded(Form::Encoded { chunks: self.chunks, file })
    }
}

/// What was seen in one file, in order.
#[derive(Debug)]
pub struct Recorded(Form);

#[derive(Debug)]
enum Form {
    Plain(Vec<Seen>),
    Encoded { chunks: Vec<Chunk>, file: Arc<str> },
}

impl Default for Recorded {
    fn default() -> Recorded {
        Vec::new().into()
    }
}

impl From<Vec<Seen>> for Recorded {
    fn from(seen: Vec<Seen>) -> Recorded {
        Recorded(Form::Plain(seen))
    }
}

impl Recorded {
    pub fn read(self) -> Reader {
        match self.0 {
            Form::Plain(seen) => Reader::Plain(seen.into_iter()),
            Form::Encoded { chunks, file } => {
                Reader::Encoded { chunks: chunks.into_iter(), current: Vec::new(), at: 0, file, failed: None }
            }
        }
    }

    /// Reads without using up, to compare two runs.
    pub fn peek(&self) -> Reader {
        match &self.0 {
            Form::Plain(seen) => Reader::Plain(seen.clone().into_iter()),
            Form::Encoded { chunks, file } => {
                let chunks: Vec<Chunk> = chunks.iter().map(Chunk::share).collect();
                Reader::Encoded {
                    chunks: chunks.into_iter(),
                    current: Vec::new(),
                    at: 0,
                    file: file.clone(),
                    failed: None,
                }
            }
        }
    }
}

/// Gives back what was seen.
pub enum Reader {
    Plain(std::vec::IntoIter<Seen>),
    Encoded {
        chunks: std::vec::IntoIter<Chunk>,
        current: Vec<u8>,
        at: usize,
        file: Arc<str>,
        failed: Option<io::Error>,
    },
}

impl Reader {
    /// Why it ended early, if it did: the temporary file could not be read.
    pub fn failed(&self) -> Option<&io::Error> {
        match self {
            Reader::Encoded { failed, .. } => failed.as_ref(),
            Reader::Plain(_) => None,
        }
    }
}

impl Iterator for Reader {
    type Item = Seen;

    fn next(&mut self) -> Option<Seen> {
        let (chunks, current, at, file, failed) = match self {
            Reader::Plain(seen) => return seen.next(),
            Reader::Encoded { chunks, current, at, file, failed } => (chunks, current, at, file, failed),
        };
        while *at == current.len() {
            match chunks.next()?.load() {
                Ok(bytes) => (*current, *at) = (bytes, 0),
                Err(error) => {
                    *failed = Some(error);
                    *chunks = Vec::new().into_iter();
                    return None;
                }
            }
        }
        match postcard::take_from_bytes::<Seen>(&current[*at..]) {
            Ok((mut seen, rest)) => {
                *at = current.len() - rest.len();
                if let Seen::Hit(hit) = &mut seen {
                    hit.line.file = file.clone();
                    if let Some(head) = &mut hit.head {
                        head.file = file.clone();
                    }
                }
                Some(seen)
            }
            Err(error) => {
                *failed = Some(io::Error::other(error));
                (*at, *chunks) = (current.len(), Vec::new().into_iter());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::SignalId;
    use crate::pattern::stamp::Stamp;
    use crate::scan::{Hit, Line};

    fn hits(n: u64) -> Vec<Seen> {
        let line = |n: u64| Line { file: "f".into(), number: n, offset: n * 100, text: vec![b'x'; 200].into() };
        (0..n)
            .map(|n| match n % 5 {
                0 => Seen::Tick(Stamp::Local(n as i64)),
                _ => Seen::Hit(Hit {
                    signal: SignalId(n as u32),
                    stamp: Some(Stamp::Utc(-(n as i64))),
                    captures: vec![(crate::pattern::CaptureId(1), "é\u{1b}".into())],
                    weight: n,
                    line: line(n),
                    head: (n % 2 == 0).then(|| line(n - 1)),
                }),
            })
            .collect()
    }

    #[test]
    fn what_was_seen_comes_back_from_memory_and_from_disk() {
        for budget in [0, 100_000, BUDGET] {
            let budget = Budget::new(budget);
            let mut recorder = Recorder::new(budget.clone());
            let seen = hits(2_000);
            for s in &seen {
                recorder.push(s).unwrap();
            }
            let recorded = recorder.finish("f".into());
            assert_eq!(recorded.peek().collect::<Vec<_>>(), seen);
            assert_eq!(recorded.read().collect::<Vec<_>>(), seen);
            assert_eq!(budget.spilled() > 0, budget.left.load(Ordering::Relaxed) < BUDGET / 2);
        }
    }
}
