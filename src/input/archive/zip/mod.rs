//! Zip, with its directory where the file can be read in any order, and without it from a stream or when it is damaged.
//!
//! The entries of a zip are independent, so damage to one never costs another: with the directory each is found by its
//! offset, without it by the next header that makes sense. Existing readers hold the whole directory in memory, and
//! none reads a stream whose sizes come after the data.

pub(super) mod data;
mod directory;
pub(super) mod record;

use memchr::memmem;

use super::damage::{Cause, Error, Format};
use super::source::{BUFFER, Limit, Source};
use super::walk::{Place, Walk};
use data::Data;
use record::{CENTRAL, CENTRAL_SIZE, DESCRIPTOR_MAX, END, END_64, Entry, LOCAL, LOCAL_SIZE, Method, Sums};

pub(super) use directory::walk_file;

pub(super) const MAGIC: [u8; 4] = LOCAL;
/// As many bytes as [`is_start`] wants to see.
const START: usize = 8;
/// What stands before the first entry of an archive that was meant to be split and was not.
const SPLIT: [&[u8]; 2] = [b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04"];
const SPLIT_MARK: u64 = 4;

/// Whether the bytes begin a zip: its first entry, or the end of an empty one.
pub(super) fn is_start(start: &[u8]) -> bool {
    start.starts_with(&LOCAL) || start.starts_with(&END) || SPLIT.iter().any(|mark| start.starts_with(mark))
}

/// Visits every entry of a zip in the order of its bytes, by the headers before the entries.
pub(super) fn walk_stream(walk: &mut Walk<'_>, source: &mut Source<'_>, place: &Place) -> Result<(), Error> {
    if SPLIT.contains(&source.peek(START)) {
        source.skip(SPLIT_MARK);
    }
    loop {
        let position = source.position();
        let start = source.peek(LOCAL.len());
        if start.starts_with(&LOCAL) {
            entry(walk, source, place)?;
        } else if [CENTRAL, END, END_64].iter().any(|mark| start.starts_with(mark)) {
            if !pass_directory(source) {
                walk.damage(place, source.position(), None, Cause::Truncated(Format::Zip));
            }
            break;
        } else if find_record(source) {
            let bytes = source.position() - position;
            walk.damage(place, position, None, Cause::Unrecognised { format: Format::Zip, bytes });
        } else {
            walk.damage(place, position, None, Cause::Truncated(Format::Zip));
            break;
        }
    }
    // To its end, so that whoever writes into our pipe is not cut off, and a checksum around the zip is checked.
    source.skip(u64::MAX);
    Ok(())
}

fn entry(walk: &mut Walk<'_>, source: &mut Source<'_>, zip: &Place) -> Result<(), Error> {
    let position = source.position();
    let Some(entry) = Entry::take_local(source) else {
        walk.damage(zip, position, None, Cause::EntryHeader);
        source.skip(LOCAL.len() as u64);
        find_record(source);
        return Ok(());
    };
    if let Some(sums) = entry.sums {
        return bounded(walk, source, &entry, sums, zip);
    }
    if let Some(why) = unreadable(&entry) {
        walk.visitor.skipped(&zip.entry(&entry.name, None).path(), &why);
        find_record(source);
        return Ok(());
    }
    open(walk, source, &entry, zip)
}

/// Why an entry that holds data is not read.
fn unreadable(entry: &Entry) -> Option<String> {
    if entry.encrypted {
        return Some("encrypted; unpack it with its password first".to_owned());
    }
    match entry.method {
        Method::Other(_) => {
            Some(format!("packed with {}, which is not read; pack it again with deflate or zstd", entry.method.name()))
        }
        _ => None,
    }
}

/// Reads an entry whose sums are known before its data. `source` is left behind it.
fn bounded(walk: &mut Walk<'_>, source: &mut Source<'_>, entry: &Entry, sums: Sums, zip: &Place) -> Result<(), Error> {
    let place = zip.entry(&entry.name, entry.stamp);
    let mut limit = Limit::new(source, sums.packed);
    let why = unreadable(entry);
    let mut found = None;
    walk.begin_entry();
    if let (Some(why), false) = (&why, entry.is_empty_kind()) {
        walk.visitor.skipped(&place.path(), why);
    } else if !entry.is_empty_kind() {
        found = read(walk, &mut Source::new(&mut limit), entry, true, &place)?;
    }
    let missing = limit.finish();
    match found {
        _ if missing > 0 && walk.has_reported(&place) => {}
        _ if missing > 0 => walk.damage(&place, found.map_or(0, |(_, size)| size), None, Cause::EntryCut { missing }),
        Some((_, size)) if size != sums.unpacked => {
            walk.damage(&place, size, Some(sums.packed), Cause::Size { expected: sums.unpacked, found: size });
        }
        Some((crc, size)) if crc != sums.crc => {
            walk.damage(&place, size, Some(sums.packed), Cause::Checksum(Format::Zip));
        }
        _ => {}
    }
    Ok(())
}

/// Reads an entry whose sums stand behind its data.
fn open(walk: &mut Walk<'_>, source: &mut Source<'_>, entry: &Entry, zip: &Place) -> Result<(), Error> {
    let place = zip.entry(&entry.name, entry.stamp);
    let start = source.position();
    walk.begin_entry();
    let Some((crc, unpacked)) = read(walk, source, entry, false, &place)? else {
        // Damaged, which was reported: the data's end is lost with it.
        find_record(source);
        return Ok(());
    };
    let packed = source.position() - start;
    if let Some((length, announced)) = record::descriptor(source.peek(DESCRIPTOR_MAX), packed, unpacked) {
        source.skip(length as u64);
        if announced != crc {
            walk.damage(&place, unpacked, Some(packed), Cause::Checksum(Format::Zip));
        }
    } else {
        walk.damage(&place, unpacked, Some(packed), Cause::Descriptor);
        find_record(source);
    }
    Ok(())
}

/// Hands out an entry's data. Returns its checksum and size if its end was reached and it is sound so far.
fn read(
    walk: &mut Walk<'_>,
    packed: &mut Source<'_>,
    entry: &Entry,
    bounded: bool,
    place: &Place,
) -> Result<Option<(u32, u64)>, Error> {
    let mut data = match Data::new(packed, entry.method, bounded, place.max_window()) {
        Ok(Some(data)) => data,
        Ok(None) => return Ok(None),
        Err(error) => {
            walk.damage(place, 0, Some(0), Cause::Read(error.to_string()));
            return Ok(None);
        }
    };
    let inner = Place {
        compressed: place.compressed || entry.method != Method::Stored,
        in_zstd: place.in_zstd || entry.method == Method::Zstd,
        ..place.clone()
    };
    if !(entry.is_empty_kind()) {
        walk.descend(&mut data, &inner)?;
    }
    if !bounded {
        data.drain();
    }
    let (found, faults) = data.finish();
    walk.report(place, faults);
    Ok(found)
}

/// Passes over bytes until a record begins that makes sense. False if none does.
fn find_record(source: &mut Source<'_>) -> bool {
    loop {
        let ahead = source.peek(BUFFER / 2);
        if ahead.is_empty() {
            return false;
        }
        match memmem::find(ahead, b"PK") {
            Some(0) if is_record(ahead) => return true,
            Some(0) => source.consume(2),
            Some(at) => source.consume(at),
            None => {
                // The last byte may be the first of a mark, if something follows it.
                let keep = usize::from(ahead.len() == BUFFER / 2);
                let passed = ahead.len() - keep;
                source.consume(passed);
            }
        }
    }
}

/// Whether a mark is followed by what belongs there, so that two letters in packed data are not taken for an entry.
fn is_record(bytes: &[u8]) -> bool {
    let method_at = |at| record::u16_at(bytes, at).is_some_and(|method| matches!(method, 0..=20 | 93..=99));
    let name_at = |at| record::u16_at(bytes, at).is_some_and(|length| (1..=4096).contains(&length));
    if bytes.starts_with(&LOCAL) {
        bytes.len() >= LOCAL_SIZE && method_at(8) && name_at(26)
    } else if bytes.starts_with(&CENTRAL) {
        bytes.len() >= CENTRAL_SIZE && method_at(10) && name_at(28)
    } else {
        (bytes.starts_with(&END) || bytes.starts_with(&END_64)) && record::u16_at(bytes, 4).is_some()
    }
}

/// Passes over the directory. False if its end is missing: then entries may be missing, too.
fn pass_directory(source: &mut Source<'_>) -> bool {
    while source.peek(CENTRAL.len()).starts_with(&CENTRAL) {
        if Entry::take_central(source).is_none() {
            return false;
        }
    }
    loop {
        let ahead = source.peek(BUFFER / 2);
        if let Some(at) = memmem::find(ahead, &END) {
            source.consume(at);
            return source.peek(END_SIZE).len() == END_SIZE;
        }
        if ahead.len() < BUFFER / 2 {
            return false;
        }
        source.consume(BUFFER / 2 - END.len());
    }
}

/// The record that ends a zip, without its comment.
const END_SIZE: usize = 22;
