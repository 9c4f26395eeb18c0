//! The file that was being read, found again: under its name or another, plain, copied or packed.
//!
//! It was closed because another process was there before, because its descriptor was needed, or because what stood under
//! its name was truncated. Device and inode are asked first, then the content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::cursor::Position;
use super::fingerprint::{FOOT, HEAD, Identity, Place, Print};
use super::known::Verdict;
use super::packed::{Packed, Passed};
use super::passing::Passing;
use super::plain::{Got, Plain};
use super::siblings::Sibling;
use super::{At, Lost, Said, Tail, identity_at, is_missing, open_at, unreadable};
use crate::input::archive::{Opened, Unpacked};
use crate::time::Millis;

pub(super) struct Away {
    pub position: Position,
    /// Behind the last newline in front of it.
    pub line: Place,
    pub why: Why,
    /// Files that were looked at and are not it.
    pub tried: Vec<Identity>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Another process was there before.
    Resumed,
    /// The descriptor was needed elsewhere.
    Closed,
    /// The file was truncated; the rest may be in a copy.
    Truncated { size: u64 },
}

impl Away {
    pub fn new(position: Position, line: Place, why: Why) -> Away {
        Away { position, line, why, tried: Vec::new() }
    }

    /// The position at an offset in front of it.
    pub fn position_at(&self, offset: u64, live: &Path) -> Position {
        let Position { identity, place } = self.position;
        let known = [place, self.line].into_iter().find(|known| known.offset == offset);
        let place = known.or_else(|| open_at(live, Some(identity), &place).ok()??.place_at(offset).into());
        // Where nothing can be asked, the inode has to do.
        let head = |head: Print| if u64::from(head.length) <= offset { head } else { Print::default() };
        let place = place.unwrap_or(Place { offset, head: head(self.position.place.head), foot: Print::default() });
        Position { identity, place }
    }
}

impl Tail {
    /// Looks for the file that was being read. What cannot be read may be it, for a while.
    pub(super) fn find(&mut self, away: Away, now: Millis) -> Option<Said> {
        if away.position.place.offset == 0 {
            // Nothing of it was read, so nothing but a number would tell it from others: the oldest unread file comes first.
            self.end();
            return None;
        }
        match self.found(&away) {
            Ok(Some(Candidate::Plain(mut plain))) => {
                plain.line_began(away.line.offset);
                if away.why == Why::Resumed || !self.begun {
                    self.begin(&plain.path, plain.modified(), plain.offset);
                }
                self.at = At::Plain(plain);
            }
            Ok(Some(Candidate::Packed(packed))) => self.at = At::Passing(packed, Passing::Back(away)),
            Ok(Some(Candidate::Doubtful(packed, known))) => self.at = At::Passing(packed, Passing::Check(away, known)),
            Ok(None) => self.lose(away),
            Err((path, error)) => {
                if path != self.live && !self.is_patient(away.position.identity, now) {
                    self.lose(away);
                    return None;
                }
                self.at = At::Away(away);
                return Some(unreadable(&path, error));
            }
        }
        None
    }

    fn lose(&mut self, away: Away) {
        let Away { position, why, .. } = away;
        let offset = position.place.offset;
        match why {
            Why::Truncated { size } => {
                let path = self.live.clone();
                self.to_say.push_back(Said::Lost(Lost::Truncated { path, offset, size }));
            }
            _ => self.to_say.push_back(Said::Lost(Lost::Gone { path: self.live.clone(), offset })),
        }
        self.end();
    }

    /// By device and inode first, then by content: the oldest file that has the place.
    fn found(&mut self, away: &Away) -> Result<Option<Candidate>, (PathBuf, io::Error)> {
        let Position { identity, place } = &away.position;
        let live = self.live.clone();
        let at_live = |error| (live.clone(), error);
        let truncated = matches!(away.why, Why::Truncated { .. });
        if !truncated && identity_at(&self.live) == Some(*identity) {
            let plain = open_at(&self.live, Some(*identity), place).map_err(at_live)?;
            if let Some(plain) = plain.filter(|plain| !self.was_copied(plain)) {
                return Ok(Some(Candidate::Plain(plain)));
            }
        }
        let all = match self.siblings(Some(*identity)) {
            Err(error) if is_missing(&error) => Vec::new(),
            all => all.map_err(|error| (self.directory().to_owned(), error))?,
        };
        let mut unreadable = None;
        let (same, others): (Vec<&Sibling>, Vec<&Sibling>) =
            all.iter().partition(|s| s.identity == *identity && !s.packed);
        // The number alone does not make it the same file: it may be a known one that was written anew.
        let in_order = same.into_iter().filter(|_| !truncated).chain(others);
        let candidates: Vec<_> = in_order.map(|s| (s, self.known.judge(s, &all))).collect();
        for (sibling, verdict) in candidates {
            if away.tried.contains(&sibling.identity) || matches!(verdict, Ok(Verdict::Known | Verdict::Other(_))) {
                continue;
            }
            // Without any content to compare there is the inode only.
            if place.head.length == 0 && sibling.identity != *identity {
                continue;
            }
            match self.candidate(sibling, place) {
                Ok(Some(Candidate::Plain(plain))) if plain.identity == *identity && self.was_copied(&plain) => {}
                Ok(Some(candidate)) => return Ok(Some(candidate.in_doubt(verdict.ok()))),
                Ok(None) => {}
                Err(error) if is_missing(&error) => {}
                Err(error) => unreadable = unreadable.or(Some((sibling.path.clone(), error))),
            }
        }
        if !truncated
            && place.head.length > 0
            && let Some(plain) = open_at(&self.live, None, place).map_err(at_live)?
        {
            return Ok(Some(Candidate::Plain(plain)));
        }
        unreadable.map_or(Ok(None), Err)
    }

    /// Was the file copied and truncated while we were not there, and does it begin as it did before? Then an older file
    /// has the place, too, and goes on in another way.
    fn was_copied(&mut self, live: &Plain) -> bool {
        let place = live.place_at(live.offset);
        let present = self.siblings(None).unwrap_or_default();
        let others = present.iter().take_while(|s| s.identity != live.identity);
        let unread: Vec<&Sibling> =
            others.filter(|s| !matches!(self.judge_in_full(s, &present), Ok(Verdict::Known))).collect();
        let mut candidates = unread.into_iter().filter_map(|s| self.candidate(s, &place).ok().flatten());
        candidates.any(|candidate| candidate.goes_on_differently(&place, live).unwrap_or(false))
    }

    /// Unpacks what may be known until that is clear.
    fn judge_in_full(&mut self, sibling: &Sibling, present: &[Sibling]) -> io::Result<Verdict> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let Verdict::Perhaps(place) = self.known.judge(sibling, present)? else {
                return self.known.judge(sibling, present);
            };
            let Some(Candidate::Packed(mut packed)) = self.candidate(sibling, &place)? else {
                return Ok(Verdict::Unread);
            };
            let passed = loop {
                match packed.pass(&place, &mut buffer)? {
                    Passed::NotYet => {}
                    passed => break passed,
                }
            };
            match passed {
                Passed::Reached if packed.is_over()? => self.known.add(packed.finish().0),
                Passed::Reached if place.offset > HEAD as u64 => return Ok(Verdict::Grown(place)),
                _ => self.known.refute(sibling.identity, place),
            }
        }
    }

    /// May this file hold the place? A plain one can be asked, an archive has to be unpacked up to it.
    fn candidate(&self, sibling: &Sibling, place: &Place) -> io::Result<Option<Candidate>> {
        if !sibling.packed {
            return Ok(open_at(&sibling.path, Some(sibling.identity), place)?.map(Candidate::Plain));
        }
        match Unpacked::open(fs::File::open(&sibling.path)?, &sibling.path.to_string_lossy())? {
            Opened::Packed(unpacked) => Ok(Some(Candidate::Packed(Packed::new(unpacked, sibling)))),
            Opened::Plain(_) => Ok(open_at(&sibling.path, Some(sibling.identity), place)?.map(Candidate::Plain)),
            Opened::Other(_) => Ok(None),
        }
    }
}

enum Candidate {
    Plain(Plain),
    Packed(Packed),
    /// It may be a known file, up to there.
    Doubtful(Packed, Place),
}

impl Candidate {
    fn in_doubt(self, verdict: Option<Verdict>) -> Candidate {
        match (self, verdict) {
            (Candidate::Packed(packed), Some(Verdict::Perhaps(known))) => Candidate::Doubtful(packed, known),
            (candidate, _) => candidate,
        }
    }

    /// Is the place in it, and followed by other bytes than in that file?
    fn goes_on_differently(self, place: &Place, other: &Plain) -> io::Result<bool> {
        let mut bytes = vec![0; 64 * 1024];
        let count = match self {
            Candidate::Plain(mut plain) => match plain.read(&mut bytes)? {
                Got::Bytes(range) => {
                    bytes.drain(..range.start);
                    range.len()
                }
                _ => 0,
            },
            Candidate::Packed(mut packed) | Candidate::Doubtful(mut packed, _) => loop {
                match packed.pass(place, &mut bytes)? {
                    Passed::NotYet => {}
                    Passed::Reached => break packed.read(&mut bytes)?,
                    Passed::Elsewhere => break 0,
                }
            },
        };
        other.continues_with(&bytes[..count.min(FOOT)]).map(|same| !same)
    }
}
