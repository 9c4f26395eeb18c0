//! An archive is passed over up to a place: what stands in front of it was read when it was not packed yet.

use super::away::Away;
use super::fingerprint::{HEAD, Place};
use super::packed::{Packed, Passed};
use super::{At, Said, Tail, unreadable};
use crate::time::Millis;

pub(super) enum Passing {
    /// The file that was being read went on here.
    Back(Away),
    /// What was read up to here is known.
    Behind(Place),
    /// Before the file that was being read is looked for in it: it may be one that is known up to here.
    Check(Away, Place),
}

impl Tail {
    pub(super) fn pass(
        &mut self,
        mut packed: Packed,
        passing: Passing,
        buffer: &mut [u8],
        now: Millis,
    ) -> Option<Said> {
        let to = match &passing {
            Passing::Back(away) => away.position.place,
            Passing::Behind(place) | Passing::Check(_, place) => *place,
        };
        match packed.pass(&to, buffer) {
            Ok(Passed::NotYet) => {
                self.at = At::Passing(packed, passing);
                Some(Said::Pending(now))
            }
            Ok(Passed::Reached) => match passing {
                Passing::Back(_) => {
                    if !self.begun {
                        self.begin(&packed.path, Some(packed.modified.millis()), packed.offset);
                    }
                    self.at = At::Packed(packed);
                    None
                }
                Passing::Behind(place) => self.passed(packed, place),
                Passing::Check(mut away, place) => {
                    match packed.is_over() {
                        Ok(true) => self.known.add(packed.finish().0),
                        Ok(false) if place.offset <= HEAD as u64 => self.known.refute(packed.identity, place),
                        _ => away.tried.push(packed.identity),
                    }
                    self.at = At::Away(away);
                    None
                }
            },
            Ok(Passed::Elsewhere) => {
                match passing {
                    Passing::Back(mut away) => {
                        away.tried.push(packed.identity);
                        self.at = At::Away(away);
                    }
                    Passing::Behind(place) => self.known.refute(packed.identity, place),
                    Passing::Check(away, place) => {
                        self.known.refute(packed.identity, place);
                        self.at = At::Away(away);
                    }
                }
                None
            }
            Err(error) => {
                let said = unreadable(&packed.path, error);
                if let Passing::Back(away) | Passing::Check(away, _) = passing {
                    self.at = At::Away(away);
                }
                Some(said)
            }
        }
    }

    /// An archive turned out to begin with what is known, and mostly that is all. If it is not, the file grew after it was
    /// left, unless so little was compared that it may be another one.
    fn passed(&mut self, mut packed: Packed, known: Place) -> Option<Said> {
        match packed.is_over() {
            Ok(true) => self.known.add(packed.finish().0),
            Ok(false) if known.offset <= HEAD as u64 => self.known.refute(packed.identity, known),
            Ok(false) => {
                self.begin(&packed.path, Some(packed.modified.millis()), packed.offset);
                self.at = At::Packed(packed);
            }
            Err(error) => return Some(unreadable(&packed.path, error)),
        }
        None
    }
}
