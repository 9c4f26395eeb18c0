//! The file that is being read: what is new in it, and whether it is over.
//!
//! A file is not over because nothing more is in it. It is when another one stands in its place, or beside it with
//! something unread, and nothing has been written to it for a while.

use std::fs;

use super::away::Why;
use super::fingerprint::{Identity, Modified};
use super::known::Verdict;
use super::packed::Packed;
use super::plain::{Got, Plain};
use super::{At, LISTED, Lost, QUIET, Said, Tail, is_missing, unreadable};
use crate::time::Millis;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Older,
    Any,
}

impl Tail {
    pub(super) fn read(&mut self, mut plain: Plain, now: Millis, buffer: &mut [u8]) -> Option<Said> {
        let is_first = plain.offset == 0;
        match plain.read(buffer) {
            // Nothing tells an empty file from itself: it may have been written, copied and truncated in between.
            Ok(Got::Bytes(_)) if is_first && self.has_unread(plain.identity, Beside::Older) => {
                self.end();
                None
            }
            Ok(Got::Bytes(range)) => {
                self.at = At::Plain(plain);
                Some(Said::Bytes(range))
            }
            Ok(Got::Nothing { links }) => self.at_end(plain, links, now),
            Ok(Got::Changed { size }) => {
                self.at = At::Away(plain.away(Why::Truncated { size }));
                None
            }
            Err(error) => {
                let said = unreadable(&plain.path, error);
                self.at = At::Away(plain.away(Why::Closed));
                Some(said)
            }
        }
    }

    /// Nothing more is in the file: is it over?
    fn at_end(&mut self, mut plain: Plain, links: u64, now: Millis) -> Option<Said> {
        let in_its_place = match fs::metadata(&self.live) {
            Ok(live) if Identity::of(&live) == plain.identity => {
                if plain.offset == 0 && self.is_unread_beside(&plain, Beside::Older, now) {
                    self.end();
                    return None;
                }
                plain.quiet_since = None;
                self.at = At::Plain(plain);
                return Some(Said::AtEnd);
            }
            // An empty file has nothing to leave the old one for, to which something may still be written.
            Ok(live) => !live.is_file() || live.len() > 0,
            Err(error) if is_missing(&error) => false,
            Err(error) => {
                let said = unreadable(&self.live, error);
                self.at = At::Plain(plain);
                return Some(said);
            }
        };
        let has_successor = in_its_place || self.is_unread_beside(&plain, Beside::Any, now);
        if !has_successor && links > 0 {
            plain.quiet_since = None;
            self.at = At::Plain(plain);
            return Some(Said::AtEnd);
        }
        let since = *plain.quiet_since.get_or_insert(now);
        if now < since {
            plain.quiet_since = Some(now);
        }
        if plain.is_over || now - since >= QUIET {
            self.known.add(plain.finished());
            self.end();
            return None;
        }
        self.at = At::Plain(plain);
        Some(if has_successor { Said::Pending(since + QUIET) } else { Said::AtEnd })
    }

    /// The same, asked again and again: the directory is listed only if it may have changed.
    fn is_unread_beside(&mut self, plain: &Plain, beside: Beside, now: Millis) -> bool {
        let modified = fs::metadata(self.directory()).map(|m| Modified::of(&m)).unwrap_or_default();
        if let Some((at, then, found)) = self.listed
            && then == modified
            && (at..at + LISTED).contains(&now)
        {
            return found;
        }
        let found = self.has_unread(plain.identity, beside);
        self.listed = Some((now, modified, found));
        found
    }

    /// Is there an unread file beside this one? An archive that may be a known file counts only if it is newer.
    fn has_unread(&mut self, file: Identity, beside: Beside) -> bool {
        let present = self.siblings(None).unwrap_or_default();
        let at = present.iter().position(|s| s.identity == file);
        let older = at.unwrap_or(if beside == Beside::Older { present.len() } else { 0 });
        for (index, sibling) in present.iter().enumerate().filter(|(index, _)| Some(*index) != at) {
            let unread = match self.known.judge(sibling, &present) {
                Ok(Verdict::Unread | Verdict::Grown(_)) => index < older || beside == Beside::Any,
                Ok(Verdict::Perhaps(_) | Verdict::Other(_)) => (index < older) == (beside == Beside::Older),
                Ok(Verdict::Known) | Err(_) => false,
            };
            if unread {
                return true;
            }
        }
        false
    }

    pub(super) fn unpack(&mut self, mut packed: Packed, buffer: &mut [u8]) -> Option<Said> {
        match packed.read(buffer) {
            Ok(0) => {
                let (read, damage) = packed.finish();
                self.to_say.extend(damage.into_iter().map(|damage| Said::Lost(Lost::Damaged(damage))));
                self.known.add(read);
                self.end();
                None
            }
            Ok(count) => {
                self.at = At::Packed(packed);
                Some(Said::Bytes(0..count))
            }
            Err(error) => {
                let said = unreadable(&packed.path, error);
                self.at = At::Away(packed.away(Why::Closed));
                Some(said)
            }
        }
    }
}
