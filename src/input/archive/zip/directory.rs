//! A zip by its directory, for files that can be read in any order.
//!
//! The directory is checked before the first entry is handed out: it is used for all entries or for none, so that
//! nothing is read twice. It is streamed both times, and entries that claim more bytes than the file has (the
//! overlapping entries of a bomb) make it wrong.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use memchr::memmem;

use super::super::damage::{Cause, Error};
use super::super::source::{Outer, Source, Window};
use super::super::walk::{Place, Walk};
use super::END_SIZE;
use super::record::{END, END_64, Entry, LOCAL, LOCAL_SIZE, u16_at, u32_at, u64_at};

/// The last record and the longest comment it can have.
const TAIL: u64 = END_SIZE as u64 + u16::MAX as u64;
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_SIZE: u64 = 20;
const END_64_SIZE: usize = 56;

/// Where the directory is.
#[derive(Debug, Clone, Copy)]
struct Directory {
    start: u64,
    end: u64,
    entries: u64,
    /// The count is kept in 16 bits, and old writers let it run over.
    narrow: bool,
}

/// Visits every entry that the directory lists. False, with nothing visited, if the directory cannot be used.
pub(in super::super) fn walk_file(walk: &mut Walk<'_>, file: &File, place: &Place) -> Result<bool, Error> {
    let directory = Directory::find(file).ok().flatten().filter(|directory| directory.is_sound(file));
    let Some(directory) = directory else {
        walk.damage(place, 0, None, Cause::Directory);
        return Ok(false);
    };
    let mut window = Window::new(file, directory.start, directory.end, None);
    let mut source = Source::new(&mut window);
    while let Some(entry) = Entry::take_central(&mut source) {
        visit(walk, file, &entry, place)?;
    }
    Ok(true)
}

fn visit(walk: &mut Walk<'_>, file: &File, entry: &Entry, zip: &Place) -> Result<(), Error> {
    let Some(sums) = entry.sums.filter(|_| !entry.is_empty_kind()) else {
        return Ok(());
    };
    let place = zip.entry(&entry.name, entry.stamp);
    let start = match data_start(file, entry.offset) {
        Ok(Some(start)) => start,
        Ok(None) => {
            walk.damage(&place, 0, None, Cause::EntryHeader);
            return Ok(());
        }
        Err(error) => {
            walk.damage(&place, 0, None, Cause::Read(error.to_string()));
            return Ok(());
        }
    };
    let mut window = Window::new(file, start, start.saturating_add(sums.packed), walk.progress.clone());
    super::bounded(walk, &mut Source::new(&mut window), entry, sums, zip)?;
    if let Some(error) = window.take_fault() {
        walk.damage(&place, 0, None, Cause::Read(error.to_string()));
    }
    Ok(())
}

/// Where an entry's data begins: behind its own header, whose extra field may be of another length than the
/// directory's.
fn data_start(file: &File, offset: u64) -> io::Result<Option<u64>> {
    let head = read_at(file, offset, LOCAL_SIZE as u64)?;
    if !head.starts_with(&LOCAL) {
        return Ok(None);
    }
    let length = u16_at(&head, 26).zip(u16_at(&head, 28)).map(|(name, extra)| u64::from(name) + u64::from(extra));
    Ok(length.map(|length| offset + LOCAL_SIZE as u64 + length))
}

/// Up to `length` bytes; fewer at the file's end.
fn read_at(mut file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Directory {
    fn find(file: &File) -> io::Result<Option<Self>> {
        let length = file.metadata()?.len();
        let tail_start = length.saturating_sub(TAIL);
        let tail = read_at(file, tail_start, TAIL)?;
        let ends = memmem::rfind_iter(&tail, &END);
        let Some((at, record)) = ends.map(|at| (at, &tail[at..])).find(|(_, record)| is_end(record)) else {
            return Ok(None);
        };
        let position = tail_start + at as u64;
        if let Some(wide) = Self::wide(file, position)? {
            return Ok(Some(wide));
        }
        Ok((|| {
            let (size, start) = (u32_at(record, 12)?, u32_at(record, 16)?);
            let entries = u64::from(u16_at(record, 10)?);
            Some(Self { start, end: start + size, entries, narrow: true }).filter(|directory| directory.end <= position)
        })())
    }

    /// The directory of a zip64, which stands before the ordinary end at `position`.
    fn wide(file: &File, position: u64) -> io::Result<Option<Self>> {
        let Some(locator) = position.checked_sub(LOCATOR_SIZE) else {
            return Ok(None);
        };
        let locator = read_at(file, locator, LOCATOR_SIZE)?;
        let Some(at) = u64_at(&locator, 8).filter(|_| locator.starts_with(&LOCATOR)) else {
            return Ok(None);
        };
        let record = read_at(file, at, END_64_SIZE as u64)?;
        if !record.starts_with(&END_64) {
            return Ok(None);
        }
        Ok((|| {
            let (entries, size, start) = (u64_at(&record, 32)?, u64_at(&record, 40)?, u64_at(&record, 48)?);
            let end = start.checked_add(size).filter(|&end| end <= at)?;
            Some(Self { start, end, entries, narrow: false })
        })())
    }

    /// Whether every record can be read, the count is right, and the entries have room before the directory without
    /// overlapping.
    fn is_sound(&self, file: &File) -> bool {
        let mut window = Window::new(file, self.start, self.end, None);
        let mut source = Source::new(&mut window);
        let (mut entries, mut claimed) = (0_u64, 0_u64);
        while let Some(entry) = Entry::take_central(&mut source) {
            entries += 1;
            let packed = entry.sums.map_or(0, |sums| sums.packed);
            claimed = claimed.saturating_add(packed).saturating_add(LOCAL_SIZE as u64);
            if entry.offset >= self.start || claimed > self.start {
                return false;
            }
        }
        let all = source.position() == self.end - self.start;
        let count = if self.narrow { entries & u64::from(u16::MAX) } else { entries };
        all && count == self.entries && (entries > 0 || self.start == 0)
    }
}

/// Whether the bytes are the last record of a zip that is in one piece.
fn is_end(record: &[u8]) -> bool {
    let disks = u32_at(record, 4);
    let comment = u16_at(record, 20).map(usize::from);
    disks == Some(0) && comment.is_some_and(|comment| END_SIZE + comment <= record.len())
}
