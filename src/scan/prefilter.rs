//! Finds the lines that are worth a look, without looking at lines.
//!
//! The whole block is searched for the texts of all signals at once, folded to lower case if need be. Only signals that no text
//! tells of make it look at every line.

use std::ops::Range;
use std::sync::Arc;

use super::block::Block;
use super::heads::Heads;
use crate::pattern::search::{Search, Sought};
use crate::pattern::windows::{Case, SAMPLE, Windows};

/// A clause may hold in the line that this byte is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub at: usize,
    /// Index of [`Search::sought`].
    pub sought: usize,
}

pub struct Prefilter<'p> {
    search: &'p Search,
    windows: Option<Arc<Windows>>,
    folded: Vec<u8>,
    /// Too many windows were looked at in some block since the last choice.
    crowded: bool,
}

impl<'p> Prefilter<'p> {
    pub fn new(search: &'p Search) -> Prefilter<'p> {
        Prefilter { search, windows: search.windows(), folded: Vec::new(), crowded: false }
    }

    /// Gives back the copy of the block.
    pub fn rest(&mut self) {
        self.folded = Vec::new();
    }

    /// Fills `found` with the candidates of a block, in its order.
    pub fn find(&mut self, heads: &Heads, found: &mut Vec<Candidate>) {
        found.clear();
        let by_text = self.by_text(&heads.block, found);
        let tried = self.by_trial(heads, found);
        if tried || !by_text {
            found.sort_unstable();
        }
    }

    /// Has a line of this block, which was searched last, all the texts that a clause needs?
    pub fn may_hold(&self, sought: &Sought, block: &Block, line: &Range<usize>) -> bool {
        let Some(check) = &sought.check else { return true };
        match self.case() {
            Case::Written => check.holds(Case::Written, &block.bytes[line.clone()]),
            Case::Folded => check.holds(Case::Folded, &self.folded[line.clone()]),
        }
    }

    fn case(&self) -> Case {
        self.windows.as_ref().map_or(Case::Written, |windows| windows.case())
    }

    /// True if what was found is in order.
    fn by_text(&mut self, block: &Block, found: &mut Vec<Candidate>) -> bool {
        if self.search.sought.iter().all(|sought| sought.need.is_none()) {
            return true;
        }
        self.watch(block);
        let Some(windows) = &self.windows else { return true };
        let searched = match windows.case() {
            Case::Written => block.bytes,
            Case::Folded => {
                self.folded.clear();
                self.folded.extend_from_slice(block.bytes);
                self.folded.make_ascii_lowercase();
                &self.folded
            }
        };
        let looked_at = windows.find(block.bytes, searched, |at, sought| found.push(Candidate { at, sought }));
        self.crowded |= windows.is_crowded(looked_at, block.bytes.len());
        windows.in_order()
    }

    /// Chooses texts at first, and again when the log is not what it was when they were chosen, but ever more rarely.
    fn watch(&mut self, block: &Block) {
        let may = self.search.may_choose_again(block.bytes.len());
        let few = |windows: &Windows| windows.sample < SAMPLE / 2 && windows.sample < block.bytes.len() / 2;
        if self.windows.as_ref().is_none_or(|windows| may && (self.crowded || few(windows))) {
            self.crowded = false;
            let windows = Arc::new(Windows::choose(&self.search.sought, block.bytes));
            self.search.leave(windows.clone());
            self.windows = Some(windows);
        }
    }

    /// True if anything was found.
    fn by_trial(&self, heads: &Heads, found: &mut Vec<Candidate>) -> bool {
        let before = found.len();
        let mut lines = self.search.lines.as_ref().map(|trial| trial.start());
        let mut messages = self.search.messages.as_ref().map(|trial| trial.start());
        let mut at = if lines.is_none() && messages.is_none() { heads.block.bytes.len() } else { 0 };
        while at < heads.block.bytes.len() {
            let line = heads.block.line_from(at);
            if let Some(lines) = &mut lines {
                lines.run(heads.block.text(&line), |sought| found.push(Candidate { at, sought }));
            }
            if let Some(messages) = &mut messages
                && let Some((_, message)) = heads.parse(&line)
            {
                messages.run(&heads.seen(&line)[message], |sought| found.push(Candidate { at, sought }));
            }
            at = heads.block.behind(&line);
        }
        found.len() > before
    }
}
