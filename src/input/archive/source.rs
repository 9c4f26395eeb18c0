//! Bytes with a look ahead, stacked: a file, what a decoder makes of it, an entry inside that, and so on.
//!
//! The layers below a [`Source`] cannot fail: what goes wrong is kept as a fault by the layer that met it and looks
//! like an early end to everything above. That is how a visitor gets a clean end of file after the intact prefix, and
//! how the bytes before an error are never thrown away with the error.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::spare::{Lent, Spares};

/// Room for a whole zip header (30 bytes, a name and an extra field of 64 KiB each) and a block that keeps an inflater
/// busy.
pub(super) const BUFFER: usize = 256 * 1024;
/// The first fill is small: most members of a heap are, and clearing 256 KiB for each would cost more than reading it.
const FIRST: usize = 16 * 1024;

/// Something that yields bytes until it ends. `pull` returns 0 only at the end or for an empty `out`.
pub(super) trait Layer {
    fn pull(&mut self, out: &mut [u8]) -> usize;
}

enum Inner<'a> {
    Lent(&'a mut dyn Layer),
    Owned(Box<dyn Layer>),
}

impl Layer for Inner<'_> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        match self {
            Inner::Lent(layer) => layer.pull(out),
            Inner::Owned(layer) => layer.pull(out),
        }
    }
}

/// A layer with a look ahead.
pub(super) struct Source<'a> {
    inner: Inner<'a>,
    /// `buffer[start..end]` has been pulled but not yet handed out.
    buffer: Lent<Vec<u8>>,
    start: usize,
    end: usize,
    position: u64,
    ended: bool,
}

thread_local! {
    static BUFFERS: Spares<Vec<u8>> = const { Spares::new(Vec::new()) };
}

impl Source<'static> {
    /// A source that stands by itself, for readers that outlive the call which opened them.
    pub fn owning(inner: Box<dyn Layer>) -> Self {
        Self::over(Inner::Owned(inner))
    }
}

impl<'a> Source<'a> {
    pub fn new(inner: &'a mut dyn Layer) -> Self {
        Self::over(Inner::Lent(inner))
    }

    fn over(inner: Inner<'a>) -> Self {
        Self { inner, buffer: Lent::take(&BUFFERS, Vec::new), start: 0, end: 0, position: 0, ended: false }
    }

    /// Bytes handed out so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next `want` bytes (at most [`BUFFER`]) without taking them; fewer only at the end.
    pub fn peek(&mut self, want: usize) -> &[u8] {
        let want = want.min(BUFFER);
        while self.end - self.start < want && !self.ended {
            self.make_room(want);
            self.pull_more();
        }
        &self.buffer[self.start..self.end.min(self.start + want)]
    }

    /// Whatever is at hand, pulling only if nothing is: empty only at the end.
    pub fn fill(&mut self) -> &[u8] {
        if self.start == self.end && !self.ended {
            self.make_room(1);
            self.pull_more();
        }
        &self.buffer[self.start..self.end]
    }

    /// Takes `count` bytes that a look ahead has shown.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }

    /// Takes and drops up to `count` bytes; returns how many there were.
    pub fn skip(&mut self, count: u64) -> u64 {
        let mut left = count;
        while left > 0 {
            let at_hand = self.fill().len() as u64;
            if at_hand == 0 {
                break;
            }
            let step = at_hand.min(left);
            self.consume(usize::try_from(step).unwrap_or(usize::MAX));
            left -= step;
        }
        count - left
    }

    /// Takes zero bytes, and returns whether nothing else was left.
    pub fn skip_zeros_to_end(&mut self) -> bool {
        loop {
            let at_hand = self.fill();
            if at_hand.is_empty() {
                return true;
            }
            let zeros = at_hand.iter().position(|&byte| byte != 0).unwrap_or(at_hand.len());
            let all = zeros == at_hand.len();
            self.consume(zeros);
            if !all {
                return false;
            }
        }
    }

    /// Makes sure that there is space after `end`, and for `want` bytes from `start` on.
    fn make_room(&mut self, want: usize) {
        let full = self.end == self.buffer.len();
        if full || self.start == self.end || self.buffer.len() - self.start < want {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let size = if self.buffer.is_empty() { FIRST.max(want) } else { BUFFER };
        if self.buffer.len() < size && (full || self.buffer.len() < want) {
            self.buffer.resize(size, 0);
        }
    }

    fn pull_more(&mut self) {
        let count = self.inner.pull(&mut self.buffer[self.end..]);
        self.end += count;
        self.ended = count == 0;
    }
}

impl Layer for Source<'_> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        // A reader with a big buffer of its own is served past this one: no copy between the inflater and the scan.
        if self.start == self.end && !self.ended && out.len() >= FIRST {
            let count = self.inner.pull(out);
            self.ended = count == 0;
            self.position += count as u64;
            return count;
        }
        if out.is_empty() {
            return 0;
        }
        let at_hand = self.fill();
        let count = at_hand.len().min(out.len());
        out[..count].copy_from_slice(&at_hand[..count]);
        self.consume(count);
        count
    }
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.pull(out))
    }
}

/// The next `left` bytes of a source: an entry of an archive.
pub(super) struct Limit<'s, 'r> {
    source: &'s mut Source<'r>,
    left: u64,
}

impl<'s, 'r> Limit<'s, 'r> {
    pub fn new(source: &'s mut Source<'r>, left: u64) -> Self {
        Self { source, left }
    }

    /// Passes over what was not read; returns how many bytes the source does not have.
    pub fn finish(self) -> u64 {
        self.left - self.source.skip(self.left)
    }
}

impl Layer for Limit<'_, '_> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let count = self.source.pull(&mut out[..most]);
        self.left -= count as u64;
        count
    }
}

/// What comes from outside, of one visit: its bytes, and how long they took, if anybody wants to know.
#[derive(Debug, Default)]
pub struct Meter {
    /// Of all visits.
    bytes: Arc<AtomicU64>,
    nanos: Option<AtomicU64>,
}

impl Meter {
    pub fn new(bytes: Arc<AtomicU64>, timed: bool) -> Meter {
        Meter { bytes, nanos: timed.then(AtomicU64::default) }
    }

    /// How long reading took so far.
    pub fn took(&self) -> Duration {
        Duration::from_nanos(self.nanos.as_ref().map_or(0, |nanos| nanos.load(Ordering::Relaxed)))
    }
}

pub(super) type Progress = Option<Arc<Meter>>;

fn metered(progress: &Progress, read: impl FnOnce() -> usize) -> usize {
    let Some(meter) = progress else { return read() };
    let began = meter.nanos.as_ref().map(|nanos| (nanos, Instant::now()));
    let count = read();
    meter.bytes.fetch_add(count as u64, Ordering::Relaxed);
    if let Some((nanos, began)) = began {
        nanos.fetch_add(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    count
}

/// A lowest layer: what it could not read is kept until asked for.
pub(super) trait Outer: Layer {
    fn take_fault(&mut self) -> Option<io::Error>;
}

/// The lowest layer of something that can only be read once.
pub(super) struct Stream<R> {
    inner: R,
    progress: Progress,
    fault: Option<io::Error>,
}

impl<R: Read> Stream<R> {
    pub fn new(inner: R, progress: Progress) -> Self {
        Self { inner, progress, fault: None }
    }
}

impl<R: Read> Layer for Stream<R> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        let Stream { inner, progress, fault } = self;
        metered(progress, || read_or_keep(inner, out, fault))
    }
}

/// The lowest layer of a regular file, or of a part of it. Several may stand over one file: each seeks before it reads.
pub(super) struct Window<'f> {
    file: &'f File,
    position: u64,
    end: u64,
    progress: Progress,
    fault: Option<io::Error>,
}

impl<'f> Window<'f> {
    pub fn new(file: &'f File, from: u64, end: u64, progress: Progress) -> Self {
        Self { file, position: from, end, progress, fault: None }
    }

    /// Bytes that lie before `end` and have not been read.
    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }
}

impl Layer for Window<'_> {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        let most = usize::try_from(self.left()).unwrap_or(usize::MAX).min(out.len());
        if let Err(error) = self.file.seek(SeekFrom::Start(self.position)) {
            self.fault.get_or_insert(error);
            return 0;
        }
        let Window { file, position, progress, fault, .. } = self;
        let count = metered(progress, || read_or_keep(file, &mut out[..most], fault));
        *position += count as u64;
        count
    }
}

/// Reads, and keeps an error instead of returning it. After one nothing is read any more: a failing disk is not asked
/// twice.
fn read_or_keep(inner: &mut impl Read, out: &mut [u8], fault: &mut Option<io::Error>) -> usize {
    if fault.is_some() {
        return 0;
    }
    loop {
        match inner.read(out) {
            Ok(count) => return count.min(out.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                *fault = Some(error);
                return 0;
            }
        }
    }
}

impl<R: Read> Outer for Stream<R> {
    fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }
}

impl Outer for Window<'_> {
    fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }
}
