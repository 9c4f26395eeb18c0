//! Where a family's bytes come from, live: files, or standard input.

use std::fs;
use std::path::Path;

use super::stdin::Piped;
use crate::input::tail::{Cursor, Step, Tail};
use crate::time::Millis;

pub enum Source {
    Files(Box<Tail>),
    Piped(Piped),
}

impl Source {
    pub fn path(&self) -> &Path {
        match self {
            Source::Files(tail) => tail.live(),
            Source::Piped(_) => Path::new("-"),
        }
    }

    /// Of the live file, if there is one.
    pub fn size(&self) -> Option<u64> {
        match self {
            Source::Files(tail) => Some(fs::metadata(tail.live()).ok()?.len()),
            Source::Piped(_) => None,
        }
    }

    pub fn step<'b>(&mut self, wall: Millis, buffer: &'b mut [u8]) -> Step<'b> {
        match self {
            Source::Files(tail) => tail.step(wall, buffer),
            Source::Piped(piped) => piped.step(buffer),
        }
    }

    /// What came through a pipe does not come again.
    pub fn cursor(&self, offset: u64) -> Option<Cursor> {
        match self {
            Source::Files(tail) => tail.cursor(offset),
            Source::Piped(_) => None,
        }
    }

    /// Nothing will ever come again.
    pub fn is_over(&self) -> bool {
        match self {
            Source::Files(_) => false,
            Source::Piped(piped) => piped.is_over(),
        }
    }
}
