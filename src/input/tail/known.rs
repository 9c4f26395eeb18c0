//! Which files of a family need no reading, because they are read or were passed over at the first start.
//!
//! They are renamed, copied, packed and unpacked while nobody looks, and must be known all the same; and a new file
//! that begins like an old one must not be taken for it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::cursor::{End, Read};
use super::fingerprint::{HEAD, Identity, Modified, Place, Print};
use super::siblings::Sibling;
use crate::input::archive::{Opened, Unpacked};

/// Files that have gone are remembered a little longer: one may have been between two names when the directory was
/// listed.
const GONE: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Known {
    /// The last one is the latest.
    files: Arc<[Read]>,
    /// Archives that were unpacked to see whether they are a known file, and are not.
    refuted: Vec<(Identity, Place)>,
}

/// What is to be done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing: its content is known.
    Known,
    /// Read from here on: the rest was written later.
    Grown(Place),
    /// An archive that may hold what was read up to here; unpacking it will tell.
    Perhaps(Place),
    Unread,
    /// It is not one log.
    Other(String),
}

impl Known {
    pub fn new(files: Arc<[Read]>) -> Known {
        Known { files, refuted: Vec::new() }
    }

    pub fn files(&self) -> Arc<[Read]> {
        self.files.clone()
    }

    /// The family's files that are there: the others are forgotten by and by.
    pub fn keep(&mut self, present: &[Sibling], live: Option<Identity>) {
        let is_there = |read: &Read| Some(read.identity) == live || present.iter().any(|s| s.identity == read.identity);
        let gone = self.files.iter().filter(|read| !is_there(read)).count();
        if gone > GONE {
            let mut forget = gone - GONE;
            let kept = self.files.iter().filter(|read| {
                let forgotten = forget > 0 && !is_there(read);
                forget -= usize::from(forgotten);
                !forgotten
            });
            self.files = kept.cloned().collect();
        }
        self.refuted.retain(|(identity, _)| present.iter().any(|s| s.identity == *identity));
    }

    pub fn add(&mut self, read: Read) {
        let others = self.files.iter().filter_map(|other| {
            if other.identity != read.identity {
                return Some(other.clone());
            }
            // An inode is used again at once, and the file that had it may be on its way into an archive.
            is_another(&other.end, &read.end).then(|| Read { identity: Identity::default(), ..other.clone() })
        });
        self.files = others.chain([read.clone()]).collect();
    }

    pub fn refute(&mut self, identity: Identity, place: Place) {
        self.refuted.push((identity, place));
    }

    /// Passes a file over, as it is now.
    pub fn pass_over(&mut self, sibling: &Sibling) {
        let end = looked_at(sibling).unwrap_or(End::Unknown);
        self.add(read(sibling, end));
    }

    /// It was tried and cannot be read.
    pub fn give_up(&mut self, sibling: &Sibling) {
        self.add(read(sibling, End::Unknown));
    }

    /// As far as can be told without opening it.
    pub fn is_known(&self, sibling: &Sibling) -> bool {
        let is_it = |read: &&Read| read.identity == sibling.identity;
        let same = self.files.iter().find(is_it);
        same.is_some_and(|read| read.size == sibling.size && read.modified == sibling.modified)
    }

    pub fn judge(&mut self, sibling: &Sibling, present: &[Sibling]) -> io::Result<Verdict> {
        if self.is_known(sibling) {
            return Ok(Verdict::Known);
        }
        let file = File::open(&sibling.path)?;
        if Identity::of(&file.metadata()?) != sibling.identity {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if !sibling.packed {
            return self.judge_plain(sibling, &file, present);
        }
        match Unpacked::open(file, &sibling.path.to_string_lossy())? {
            Opened::Packed(unpacked) => self.judge_packed(sibling, *unpacked, present),
            Opened::Plain(file) => self.judge_plain(sibling, &file, present),
            Opened::Other(why) => Ok(Verdict::Other(why)),
        }
    }

    fn judge_plain(&mut self, sibling: &Sibling, file: &File, present: &[Sibling]) -> io::Result<Verdict> {
        if sibling.size == 0 {
            return Ok(Verdict::Known);
        }
        let same = self.files.iter().find(|read| read.identity == sibling.identity);
        if let Some(End::At(place)) = same.map(|read| read.end)
            && place.offset > 0
            && sibling.size >= place.offset
            && place.is_in(file)?
        {
            return Ok(match sibling.size == place.offset {
                true => self.again(sibling, End::At(place)),
                false => Verdict::Grown(place),
            });
        }
        for other in self.others(sibling, present) {
            let (End::At(place) | End::Announced(place)) = other.end else { continue };
            if place.offset == sibling.size && place.is_in(file)? {
                return Ok(self.again(sibling, End::At(Place::take(file, sibling.size)?)));
            }
        }
        Ok(Verdict::Unread)
    }

    fn judge_packed(&mut self, sibling: &Sibling, unpacked: Unpacked, present: &[Sibling]) -> io::Result<Verdict> {
        let announced = unpacked.announced();
        let head = first_bytes(unpacked)?;
        let mut perhaps = Verdict::Unread;
        for other in self.others(sibling, present) {
            let (End::At(place) | End::Announced(place)) = other.end else { continue };
            if place.offset == 0 || !place.head.begins(&head) || self.refuted.contains(&(sibling.identity, place)) {
                continue;
            }
            // Files that begin alike may be of the same size, too; what packs a log mostly keeps its time.
            let unread = matches!(other.end, End::Announced(_));
            let same_time = other.modified.seconds == sibling.modified.seconds;
            if announced == Some(place.offset) && (unread || same_time) {
                return Ok(self.again(sibling, other.end));
            }
            if matches!(other.end, End::At(_)) && perhaps == Verdict::Unread {
                perhaps = Verdict::Perhaps(place);
            }
        }
        Ok(perhaps)
    }

    /// The known files that this one may be, the latest first. A short content may be there twice: it is taken for a file
    /// that has gone, not for one that still stands beside it.
    fn others(&self, sibling: &Sibling, present: &[Sibling]) -> Vec<Read> {
        let is =
            |s: &Sibling, read: &Read| (s.identity, s.size, s.modified) == (read.identity, read.size, read.modified);
        let beside = |read: &Read| present.iter().any(|s| s.identity != sibling.identity && is(s, read));
        let may_be = |read: &&Read| match read.end {
            End::At(place) | End::Announced(place) => place.offset > HEAD as u64 || !beside(read),
            End::Unknown => false,
        };
        self.files.iter().rev().filter(may_be).cloned().collect()
    }

    fn again(&mut self, sibling: &Sibling, end: End) -> Verdict {
        self.add(read(sibling, end));
        Verdict::Known
    }
}

/// May these be the ends of two different contents?
fn is_another(before: &End, after: &End) -> bool {
    matches!(before, End::At(place) if place.offset > 0) && before != after
}

fn read(sibling: &Sibling, end: End) -> Read {
    Read { identity: sibling.identity, modified: sibling.modified, size: sibling.size, end }
}

/// What is to be known of a file that is not read.
fn looked_at(sibling: &Sibling) -> io::Result<End> {
    let file = File::open(&sibling.path)?;
    if !sibling.packed {
        return Ok(End::At(Place::take(&file, sibling.size)?));
    }
    match Unpacked::open(file, &sibling.path.to_string_lossy())? {
        Opened::Plain(file) => Ok(End::At(Place::take(&file, sibling.size)?)),
        Opened::Other(_) => Ok(End::Unknown),
        Opened::Packed(unpacked) => {
            let announced = unpacked.announced();
            let head = Print::of(&first_bytes(*unpacked)?);
            Ok(announced.map_or(End::Unknown, |offset| End::Announced(Place { offset, head, foot: Print::default() })))
        }
    }
}

fn first_bytes(mut unpacked: Unpacked) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let length = unpacked.read(&mut head)?;
    head.truncate(length);
    Ok(head)
}

/// A file that has been read to `end`.
pub(super) fn read_to(identity: Identity, size: u64, modified: Modified, end: Place) -> Read {
    Read { identity, modified, size, end: End::At(end) }
}
