//! Tar, read from front to back, with a way on after every kind of damage.
//!
//! Existing readers end at the first header that is wrong and take extended headers of any length into memory. This one
//! looks for the next header and bounds both. Links and directories hold nothing to read; two archives one after the
//! other are read as one.

pub(super) mod header;
mod pax;
mod sparse;

use std::io::Read;

use super::damage::{Cause, Error, Format};
use super::source::{Limit, Source};
use super::walk::{Place, Walk};
use header::{BLOCK, Header, Kind};
use pax::Extended;
use sparse::{MAX_SEGMENTS, Map, Sparse};

/// The most that a long name or an extended header may take.
const MAX_EXTENDED: u64 = 1 << 20;
/// Where the mark stands in all tars since 1988.
const MARK: &[u8] = b"ustar";
const MARK_AT: usize = 257;

/// Whether the bytes begin a tar. A header whose checksum is wrong still counts if it carries the mark: the entries
/// behind it are intact.
pub(super) fn is_start(start: &[u8]) -> bool {
    // Text has the mark at that very place once in a blue moon, but no zeros.
    start.get(MARK_AT..).is_some_and(|rest| rest.starts_with(MARK) && start.contains(&0))
        || Header::parse(start).is_some_and(|header| !header.name.is_empty())
}

/// Visits every file in a tar.
pub(super) fn walk(walk: &mut Walk<'_>, source: &mut Source<'_>, place: &Place) -> Result<(), Error> {
    let mut tar =
        Tar { walk, source, place, next: Extended::default(), all: Extended::default(), ended: false, cut: false };
    while let Some(header) = tar.header() {
        tar.entry(&header)?;
    }
    Ok(())
}

struct Tar<'w, 'v, 's, 'r> {
    walk: &'w mut Walk<'v>,
    source: &'s mut Source<'r>,
    place: &'w Place,
    /// What extended headers said of the next entry.
    next: Extended,
    /// What they said of all entries to come.
    all: Extended,
    /// A block of zeros was the last thing seen: the archive may end here.
    ended: bool,
    /// The bytes ended inside an entry, and that was reported.
    cut: bool,
}

impl Tar<'_, '_, '_, '_> {
    fn damage(&mut self, offset: u64, cause: Cause) {
        self.walk.damage(self.place, offset, None, cause);
    }

    /// The next header, wherever it is.
    fn header(&mut self) -> Option<Header> {
        loop {
            let position = self.source.position();
            let block = self.source.peek(BLOCK);
            let length = block.len();
            if length == 0 {
                if !self.ended && !self.cut {
                    self.damage(position, Cause::NoEndMarker);
                }
                return None;
            }
            if block.iter().all(|&byte| byte == 0) {
                self.source.consume(length);
                self.ended = true;
            } else if let Some(header) = Header::parse(block) {
                self.source.consume(length);
                self.ended = false;
                return Some(header);
            } else if !self.find_header() {
                return None;
            }
        }
    }

    /// Passes over blocks until one is a header. What was meant for the entry that is lost must not be taken for the
    /// next one's.
    fn find_header(&mut self) -> bool {
        self.next = Extended::default();
        let start = self.source.position();
        loop {
            let stepped = self.source.skip(BLOCK as u64);
            let bytes = self.source.position() - start;
            if stepped < BLOCK as u64 {
                // Bytes behind the end marker are what a tape or a disk held before.
                if !self.ended {
                    let stump = bytes < BLOCK as u64;
                    let lost = Cause::Unrecognised { format: Format::Tar, bytes };
                    self.damage(start, if stump { Cause::Truncated(Format::Tar) } else { lost });
                }
                return false;
            }
            if Header::parse(self.source.peek(BLOCK)).is_some_and(|header| header.marked) {
                self.damage(start, Cause::Unrecognised { format: Format::Tar, bytes });
                return true;
            }
        }
    }

    fn entry(&mut self, header: &Header) -> Result<(), Error> {
        let size = self.next.size.or(self.all.size).unwrap_or(header.size);
        match header.kind {
            Kind::LongName => {
                if let Some(name) = self.extended(header.size) {
                    self.next.name = Some(header::until_zero(&name).to_vec());
                }
            }
            Kind::LongLink => self.pass(header.size),
            Kind::Pax => {
                if let Some(records) = self.extended(header.size) {
                    let fine = self.next.apply(&records);
                    self.complain_unless(fine.is_some());
                }
            }
            Kind::PaxGlobal => {
                if let Some(records) = self.extended(header.size) {
                    let fine = self.all.apply(&records);
                    self.complain_unless(fine.is_some());
                }
            }
            Kind::File | Kind::Sparse => self.file(header, size)?,
            Kind::Continuation => {
                let place = self.place.entry(&String::from_utf8_lossy(&header.name), None);
                self.walk
                    .visitor
                    .skipped(&place.path(), "continues a file of another tar volume; join the volumes first");
                self.next = Extended::default();
                self.pass(size);
            }
            Kind::Other => {
                self.next = Extended::default();
                self.pass_other(size);
            }
        }
        Ok(())
    }

    fn complain_unless(&mut self, fine: bool) {
        if !fine {
            self.damage(self.source.position(), Cause::ExtendedHeader("its records are malformed"));
        }
    }

    fn file(&mut self, header: &Header, size: u64) -> Result<(), Error> {
        let next = std::mem::take(&mut self.next);
        let name = String::from_utf8_lossy(next.name.as_deref().unwrap_or(&header.name)).into_owned();
        let seconds = i64::try_from(header.mtime).ok().filter(|&seconds| seconds != 0);
        let stamp = next.mtime.or(self.all.mtime).or_else(|| seconds?.checked_mul(1000));
        let place = self.place.entry(&name, stamp);
        self.walk.begin_entry();
        let old_map = (header.kind == Kind::Sparse).then(|| self.old_map(header));
        let mut data = Limit::new(self.source, size);
        let map = old_map.or_else(|| Some(pax_map(next.sparse?, &mut data)));
        let missing = match map {
            None => {
                self.walk.descend(&mut data, &place)?;
                data.finish()
            }
            Some(None) => {
                self.walk.visitor.skipped(&place.path(), "its map of holes is not usable; unpack it with tar");
                data.finish()
            }
            Some(Some(map)) => {
                let mut sparse = Sparse::new(data, map);
                self.walk.descend(&mut sparse, &place)?;
                let (missing, faults) = sparse.finish();
                self.walk.report(&place, faults);
                missing
            }
        };
        if missing > 0 {
            self.cut(&place, size - missing, missing);
        }
        self.source.skip(padded(size) - size);
        Ok(())
    }

    /// The archive ended inside an entry.
    fn cut(&mut self, place: &Place, offset: u64, missing: u64) {
        if !self.walk.has_reported(place) {
            self.walk.damage(place, offset, None, Cause::EntryCut { missing });
        }
        self.damage(self.source.position(), Cause::Truncated(Format::Tar));
        self.cut = true;
    }

    /// The map in a header and in the blocks that continue it.
    fn old_map(&mut self, header: &Header) -> Option<Map> {
        let mut segments = header.map.clone();
        let mut goes_on = header.map_goes_on;
        while goes_on {
            let block: &[u8; BLOCK] = self.source.peek(BLOCK).try_into().ok()?;
            let (more, again) = header::more_map(block);
            self.source.consume(BLOCK);
            segments.extend(more);
            goes_on = again && segments.len() <= MAX_SEGMENTS;
        }
        (segments.len() <= MAX_SEGMENTS).then_some(Map { segments, size: header.sparse_size })
    }

    /// The bytes of a long name or an extended header.
    fn extended(&mut self, size: u64) -> Option<Vec<u8>> {
        if size > MAX_EXTENDED {
            self.damage(self.source.position(), Cause::ExtendedHeader("it is larger than 1 MiB"));
            self.pass(size);
            return None;
        }
        let mut bytes = Vec::new();
        let mut data = Limit::new(self.source, size);
        // Cannot fail: layers do not.
        let _ = Source::new(&mut data).read_to_end(&mut bytes);
        let missing = data.finish();
        self.after_pass(padded(size) - size, missing);
        (missing == 0).then_some(bytes)
    }

    /// Passes over an entry's data.
    fn pass(&mut self, size: u64) {
        let missing = size - self.source.skip(size);
        self.after_pass(padded(size) - size, missing);
    }

    fn after_pass(&mut self, padding: u64, missing: u64) {
        if missing > 0 {
            self.damage(self.source.position(), Cause::Truncated(Format::Tar));
            self.cut = true;
        }
        self.source.skip(padding);
    }

    /// Some writers give links the size of their target without its data, others with it. What comes next tells.
    fn pass_other(&mut self, size: u64) {
        let block = self.source.peek(BLOCK);
        let is_header = Header::parse(block).is_some() || block.iter().all(|&byte| byte == 0);
        if size > 0 && !is_header {
            self.pass(size);
        }
    }
}

/// What `size` bytes take in the archive.
fn padded(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX)
}

/// The map of a sparse file that extended headers describe.
fn pax_map(sparse: pax::Sparse, data: &mut Limit<'_, '_>) -> Option<Map> {
    let segments = if sparse.map_in_data { sparse::map_in_data(data)? } else { sparse.map };
    let end = segments.last().map_or(0, |&(start, length)| start.saturating_add(length));
    Some(Map { segments, size: sparse.real_size.unwrap_or(end) })
}
