//! A head's regex in two halves, before and after the message. In one piece it would have to try the text after the
//! message at every byte of it, and with captures that takes milliseconds on a long line; in two, the first half stops
//! where the message starts, and the second is searched for backwards from the end of the line.

use std::ops::Range;

use regex::bytes::{Captures, Regex};

#[derive(Clone, Debug)]
pub(super) struct Halves {
    /// Anchored at the line's start. Has the group `time` and perhaps `level`.
    pub head: Regex,
    /// Anchored at the line's end. May have the group `level`. Without a match the message takes the whole line.
    pub tail: Option<Regex>,
}

impl Halves {
    /// Where the message that starts at `start` ends, and the level if it stands after the message.
    pub(super) fn message_end(&self, line: &[u8], start: usize) -> (usize, Option<Range<usize>>) {
        let Some(tail) = &self.tail else { return (line.len(), None) };
        let rest = &line[start..];
        if tail.captures_len() == 1 {
            return (tail.find(rest).map_or(line.len(), |found| start + found.start()), None);
        }
        let Some(found) = tail.captures(rest) else { return (line.len(), None) };
        let level = group(&found, "level").map(|range| start + range.start..start + range.end);
        (start + found.get_match().start(), level)
    }
}

pub(super) fn group(found: &Captures<'_>, name: &str) -> Option<Range<usize>> {
    found.name(name).map(|m| m.range())
}
