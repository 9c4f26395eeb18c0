//! Between two files: which one is read next.

use std::fs;
use std::io;

use super::fingerprint::Identity;
use super::known::Verdict;
use super::packed::Packed;
use super::passing::Passing;
use super::plain::{self, Plain};
use super::siblings::Sibling;
use super::{At, Lost, Said, Tail, identity_at, is_missing, unreadable};
use crate::input::archive::{Opened, Unpacked};
use crate::time::Millis;

impl Tail {
    /// No file is being read: begins the oldest that is unread, at last the live one.
    pub(super) fn advance(&mut self, now: Millis) -> Option<Said> {
        // The live file is opened before the directory is listed: whatever was rolled before it was made is in the list.
        let live = match plain::open(&self.live) {
            Ok((file, metadata)) => Ok(Some((file, Identity::of(&metadata)))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        };
        let identity = match &live {
            Ok(live) => live.as_ref().map(|(_, identity)| *identity),
            Err(_) => identity_at(&self.live),
        };
        let present = match self.siblings(None) {
            Ok(present) => present,
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Some(unreadable(self.directory(), error)),
        };
        self.known.keep(&present, identity);
        let rolled: Vec<&Sibling> = present.iter().filter(|s| Some(s.identity) != identity).collect();
        for (at, sibling) in rolled.iter().enumerate() {
            match self.begin_rolled(sibling, &present, rolled.get(at + 1..).unwrap_or_default()) {
                Ok(true) => return None,
                Ok(false) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return None,
                Err(error) if is_missing(&error) => return None,
                Err(error) => match self.is_patient(sibling.identity, now) {
                    true => return Some(unreadable(&sibling.path, error)),
                    false => {
                        self.known.give_up(sibling);
                        let path = sibling.path.clone();
                        return Some(Said::Lost(Lost::Unreadable { path, error: error.to_string() }));
                    }
                },
            }
        }
        match live {
            Ok(Some((file, _))) => self.begin_live(file),
            Ok(None) => {
                self.start = None;
                Some(Said::AtEnd)
            }
            Err(error) => Some(unreadable(&self.live, error)),
        }
    }

    /// Begins a rolled file, if anything in it is unread.
    fn begin_rolled(&mut self, sibling: &Sibling, present: &[Sibling], later: &[&Sibling]) -> io::Result<bool> {
        let place = match self.known.judge(sibling, present)? {
            Verdict::Known => return Ok(false),
            Verdict::Grown(place) | Verdict::Perhaps(place) => Some(place),
            Verdict::Unread => None,
            Verdict::Other(why) => {
                self.known.give_up(sibling);
                self.to_say.push_back(Said::Lost(Lost::NotOneLog { path: sibling.path.clone(), why }));
                return Ok(true);
            }
        };
        let (file, metadata) = plain::open(&sibling.path)?;
        if Identity::of(&metadata) != sibling.identity {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let file = match sibling.packed {
            false => file,
            true => match Unpacked::open(file, &sibling.path.to_string_lossy())? {
                Opened::Packed(unpacked) => {
                    let packed = Packed::new(unpacked, sibling);
                    self.at = match place {
                        Some(place) => At::Passing(packed, Passing::Behind(place)),
                        None => {
                            self.begin(&packed.path, Some(packed.modified.millis()), 0);
                            At::Packed(packed)
                        }
                    };
                    return Ok(true);
                }
                Opened::Plain(file) => file,
                Opened::Other(_) => return Err(io::ErrorKind::Interrupted.into()),
            },
        };
        let mut plain = Plain::new(file, sibling.path.clone(), place.map_or(0, |place| place.offset))?;
        plain.is_over = later.iter().any(|s| !self.known.is_known(s) && s.size > 0);
        self.begin(&plain.path, plain.modified(), plain.offset);
        self.at = At::Plain(plain);
        Ok(true)
    }

    fn begin_live(&mut self, file: fs::File) -> Option<Said> {
        let offset = match &self.start {
            Some(start) => start.offset(&file),
            None => Ok(0),
        };
        match offset.and_then(|offset| Plain::new(file, self.live.clone(), offset)) {
            Ok(plain) => {
                self.start = None;
                self.begin(&plain.path, plain.modified(), plain.offset);
                self.at = At::Plain(plain);
                None
            }
            Err(error) => Some(unreadable(&self.live, error)),
        }
    }
}
