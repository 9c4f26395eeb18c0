//! One file, or one member of an archive, scanned from its beginning to its end.
//!
//! Files are shared out among workers, and that is all it takes while there are more files than cores. Of a single large
//! archive one core would do all the unpacking and all the scanning, so where a core has no file of its own, it takes
//! the scanning over: blocks go from the one to the other and come back to be filled again. What is found is the same,
//! for the scanner does not know who feeds it.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::stats::{Lap, Part, Stats};
use super::store::Recorder;
use crate::scan::{Scanner, Seen, Step};

/// What is scanned at a time.
const BLOCK: usize = 256 * 1024;

/// Blocks that are filled while one is scanned: enough that neither waits for the other's every hiccup.
const AHEAD: usize = 3;

/// What is smaller is read before a thread has begun.
const WORTH_SHARING: usize = 4 * BLOCK;

/// What is kept of a file's beginning, to know the same content again.
const START: usize = 256;

/// Cores that have no file of their own.
pub struct Idle(AtomicUsize);

/// One of them, until it is dropped.
pub struct Core<'i>(&'i Idle);

impl Idle {
    pub fn new(cores: usize) -> Idle {
        Idle(AtomicUsize::new(cores))
    }

    /// There are no more files for this one.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn take(&self) -> Option<Core<'_>> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |cores| cores.checked_sub(1));
        taken.ok().map(|_| Core(self))
    }
}

impl Drop for Core<'_> {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// The blocks of a worker, for all its files: between what is kept of each, freed ones would be holes that nothing fits
/// into.
pub struct Blocks(Vec<Vec<u8>>);

impl Blocks {
    pub fn new() -> Blocks {
        Blocks(vec![vec![0; BLOCK]])
    }

    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| vec![0; BLOCK])
    }
}

/// A file that is being scanned, with what must be known of it besides.
pub struct Reader<'p> {
    pub scanner: Scanner<'p>,
    pub recorder: Recorder,
    pub start: Vec<u8>,
    pub last: Option<u8>,
    /// `None`: nobody asks where the time goes.
    stats: Option<&'p Stats>,
    /// Empty, but for its memory.
    seen: Vec<Seen>,
}

impl<'p> Reader<'p> {
    pub fn new(scanner: Scanner<'p>, recorder: Recorder, stats: Option<&'p Stats>) -> Reader<'p> {
        Reader { scanner, recorder, start: Vec::new(), last: None, stats, seen: Vec::new() }
    }

    pub fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.start.is_empty() {
            self.start = bytes[..bytes.len().min(START)].to_vec();
        }
        self.last = bytes.last().copied().or(self.last);
        let Reader { scanner, recorder, seen, .. } = self;
        match self.stats {
            None => {
                scanner.feed(bytes, seen);
                seen.drain(..).try_for_each(|seen| recorder.push(&seen))
            }
            Some(stats) => {
                let mut lap = Lap::begin(stats);
                scanner.feed_watched(bytes, seen, &mut |step| match step {
                    Step::Searched => lap.end(Part::Scan),
                    Step::Judged => lap.end(Part::Verify),
                });
                let kept = seen.drain(..).try_for_each(|seen| recorder.push(&seen));
                lap.end(Part::Verify);
                kept
            }
        }
    }

    /// Reads all of `data`, together with an idle core if that is worth it.
    pub fn read(mut self, data: &mut dyn Read, idle: Option<&Idle>, blocks: &mut Blocks) -> io::Result<Reader<'p>> {
        let mut block = blocks.take();
        let (mut alone, mut idle) = (0, idle);
        let done = loop {
            let read = fill(data, &mut block)?;
            self.feed(&block[..read])?;
            alone += read;
            if read < block.len() {
                break Ok(self);
            }
            let Some(core) = idle.filter(|_| alone >= WORTH_SHARING).and_then(Idle::take) else { continue };
            match self.share(data, blocks) {
                Shared::Done(done) => break *done,
                Shared::Refused(reader) => (self, idle) = (*reader, None),
            }
            drop(core);
        };
        blocks.0.push(block);
        done
    }

    /// Unpacks here and scans there, if there is a thread to be had.
    fn share(self, data: &mut dyn Read, blocks: &mut Blocks) -> Shared<'p> {
        let (give, filled) = sync_channel(AHEAD);
        let (give_back, empty) = sync_channel(AHEAD + 1);
        let (hand, handed) = sync_channel::<Reader>(1);
        for _ in 0..=AHEAD {
            // There is room for all of them.
            let _ = give_back.send(blocks.take());
        }
        let shared = thread::scope(|scope| {
            let scan = move || Some(handed.recv().ok()?.scan(filled, &give_back));
            let Ok(scanning) = thread::Builder::new().spawn_scoped(scope, scan) else {
                return Shared::Refused(self.into());
            };
            // It waits for this, and for nothing else.
            let _ = hand.send(self);
            let read = unpack(data, &empty, &give);
            drop(give);
            let scanned = scanning.join().unwrap_or_else(|panic| resume_unwind(panic));
            let scanned = scanned.unwrap_or_else(|| Err(io::Error::other("nothing was handed over")));
            Shared::Done(read.and(scanned).into())
        });
        blocks.0.extend(empty.try_iter());
        shared
    }

    fn scan(mut self, filled: Receiver<(Vec<u8>, usize)>, give_back: &SyncSender<Vec<u8>>) -> io::Result<Reader<'p>> {
        for (block, length) in filled {
            self.feed(&block[..length])?;
            // There is always room, and whoever unpacks may have come to the end.
            let _ = give_back.send(block);
        }
        Ok(self)
    }
}

/// What became of sharing.
enum Shared<'p> {
    Done(Box<io::Result<Reader<'p>>>),
    /// The system gives no thread for it.
    Refused(Box<Reader<'p>>),
}

/// Fills blocks until `data` ends, or until nobody wants them any more: then the other side knows why.
fn unpack(data: &mut dyn Read, empty: &Receiver<Vec<u8>>, give: &SyncSender<(Vec<u8>, usize)>) -> io::Result<()> {
    while let Ok(mut block) = empty.recv() {
        let read = fill(data, &mut block)?;
        if read == 0 || give.send((block, read)).is_err() {
            break;
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Patterns, Zone};
    use crate::replay::store::{BUDGET, Budget};
    use crate::scan::Lookahead;

    /// So many bytes of lines, in small pieces; then the end, or an error.
    struct Data<'i> {
        left: usize,
        fails: bool,
        idle: &'i Idle,
        /// How many cores were idle when the last byte was asked for.
        seen: Option<usize>,
    }

    impl Read for Data<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(self.left).min(50_000);
            self.left -= count;
            out[..count].fill(b'\n');
            if count == 0 && !out.is_empty() {
                self.seen = Some(self.idle.0.load(Ordering::Relaxed));
                return if self.fails { Err(io::Error::other("it fails")) } else { Ok(0) };
            }
            Ok(count)
        }
    }

    const LOG: &str =
        "[log.l]\nfiles = ['l']\nlayout = 'l'\nservice = 'S'\nrole = 'R'\n[layout.l]\npattern = '%d %m'\n";

    fn patterns() -> Patterns {
        LOG.parse().unwrap()
    }

    /// Reads so much with so many idle cores. Gives how many bytes were scanned, and how many cores were idle meanwhile
    /// and are after it.
    fn read(left: usize, cores: usize, fails: bool) -> (Result<u64, String>, Option<usize>, usize) {
        let (patterns, idle, mut blocks) = (patterns(), Idle::new(cores), Blocks::new());
        let scanner = Scanner::new(&patterns, &patterns.logs[0], "x".into(), Zone::UTC, Lookahead::File);
        let reader = Reader::new(scanner, Recorder::new(Budget::new(BUDGET)), None);
        let mut data = Data { left, fails, idle: &idle, seen: None };
        let done = reader.read(&mut data, Some(&idle), &mut blocks);
        assert!(blocks.0.iter().all(|block| block.len() == BLOCK) && blocks.0.len() <= AHEAD + 1);
        let bytes = done.map(|reader| reader.scanner.finish(&mut Vec::new()).bytes);
        (bytes.map_err(|error| error.to_string()), data.seen, idle.0.load(Ordering::Relaxed))
    }

    #[test]
    fn what_is_large_is_shared_with_an_idle_core_and_what_is_small_is_not() {
        let large = 10 * WORTH_SHARING + 7;
        assert_eq!(read(large, 1, false), (Ok(large as u64), Some(0), 1));
        assert_eq!(read(large, 0, false), (Ok(large as u64), Some(0), 0));
        assert_eq!(read(100, 1, false), (Ok(100), Some(1), 1));
        assert_eq!(read(0, 1, false), (Ok(0), Some(1), 1));
        // Nothing is left when the other core comes in.
        assert_eq!(read(WORTH_SHARING, 1, false), (Ok(WORTH_SHARING as u64), Some(0), 1));
    }

    #[test]
    fn an_error_ends_both_sides() {
        for cores in [0, 1] {
            let (done, _, after) = read(10 * WORTH_SHARING, cores, true);
            assert_eq!((done, after), (Err("it fails".to_owned()), cores));
        }
    }
}
