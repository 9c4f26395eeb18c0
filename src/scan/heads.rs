//! Which lines of a block begin records.
//!
//! Most lines are never asked. Where one is of interest, its head is looked for backwards, line by line.

use std::ops::Range;

use super::block::Block;
use crate::pattern::Log;
use crate::pattern::stamp::Stamp;

/// Rules see this much of a record's first line.
pub const HEAD_LIMIT: usize = 4096;

#[derive(Clone, Copy)]
pub struct Heads<'a> {
    log: &'a Log,
    pub block: Block<'a>,
}

impl<'a> Heads<'a> {
    pub fn new(log: &'a Log, block: Block<'a>) -> Heads<'a> {
        Heads { log, block }
    }

    /// What rules see of a line as a head.
    pub fn seen(&self, line: &Range<usize>) -> &'a [u8] {
        let text = self.block.text(line);
        &text[..text.len().min(HEAD_LIMIT)]
    }

    /// `None` if the line is no head, else its time, if it has one that is real, and its message.
    pub fn parse(&self, line: &Range<usize>) -> Option<(Option<Stamp>, Range<usize>)> {
        let seen = self.seen(line);
        let mut layouts = self.log.layouts.iter().filter(|(_, layout)| layout.is_head(seen));
        match layouts.find_map(|(_, layout)| layout.parse(seen)) {
            Some(parts) => Some((parts.stamp, parts.message)),
            None => self.log.line_records.then_some((None, 0..seen.len())),
        }
    }

    /// The time of a head; `None` for every other line.
    pub fn stamp(&self, line: &Range<usize>) -> Option<Stamp> {
        let seen = self.seen(line);
        for (_, layout) in &self.log.layouts {
            let stamp = layout.stamp(seen);
            // The first layout that takes the line has the say, even if it finds no real time there.
            if stamp.is_some() || layout.is_head(seen) {
                return stamp;
            }
        }
        None
    }

    /// The last head in front of `end` and not in front of `floor`, with what [`Heads::parse`] tells of it.
    pub fn last_before(&self, mut end: usize, floor: usize) -> Option<(Range<usize>, Option<Stamp>, Range<usize>)> {
        while end > floor {
            let line = self.block.line_before(end);
            if let Some((stamp, message)) = self.parse(&line) {
                return Some((line, stamp, message));
            }
            end = line.start;
        }
        None
    }
}
