//! The scanner: candidates out of blocks, records around candidates, hits out of records.

use std::ops::Range;
use std::sync::Arc;

use super::belief::WINDOW;
use super::block::Blocks;
use super::heads::Heads;
use super::hit::{Hit, Seen, Summary};
use super::prefilter::{Candidate, Prefilter};
use super::record::Record;
use super::saved::SavedScanner;
use super::times::Times;
use crate::pattern::search::{Place, Search};
use crate::pattern::stamp::Stamp;
use crate::pattern::{Log, Patterns, Zone};

/// Whether what a record says can be checked against what follows in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookahead {
    /// A file that is whole: the records after one tell whether its time can be believed.
    File,
    /// A file that is being written: the wall clock tells.
    Live,
}

/// A block has been searched, or what was found in it has been judged. The scan itself knows no clock; whoever wants to
/// know where the time goes looks at one then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Searched,
    Judged,
}

pub struct Scanner<'p> {
    blocks: Blocks,
    state: State<'p>,
}

/// The state between two blocks.
struct State<'p> {
    patterns: &'p Patterns,
    log: &'p Log,
    search: &'p Search,
    file: Arc<str>,
    prefilter: Prefilter<'p>,
    times: Times,
    record: Record,
    /// Hits in front of the first head, one for each signal.
    orphans: Vec<Hit>,
    /// Empty, but for their memory.
    candidates: Vec<Candidate>,
    in_line: Vec<usize>,
    judged: u64,
    hits: u64,
}

impl<'p> Scanner<'p> {
    pub fn new(patterns: &'p Patterns, log: &'p Log, file: Arc<str>, zone: Zone, lookahead: Lookahead) -> Scanner<'p> {
        let ahead = if lookahead == Lookahead::File { WINDOW } else { 0 };
        let state = State {
            patterns,
            log,
            search: &log.search,
            file,
            prefilter: Prefilter::new(&log.search),
            times: Times::new(zone, ahead),
            record: Record::default(),
            orphans: Vec::new(),
            candidates: Vec::new(),
            in_line: Vec::new(),
            judged: 0,
            hits: 0,
        };
        Scanner { blocks: Blocks::default(), state }
    }

    /// Goes on in a file that is being written, at the saved offset.
    pub fn resume(
        patterns: &'p Patterns,
        log: &'p Log,
        file: Arc<str>,
        zone: Zone,
        SavedScanner { offset, lines, record, times }: SavedScanner,
    ) -> Scanner<'p> {
        let fresh = Scanner::new(patterns, log, file, zone, Lookahead::Live);
        let (times, record) = (Times::restore(times, zone), Record::restore(record, lines, patterns));
        Scanner { blocks: Blocks::from(offset), state: State { times, record, ..fresh.state } }
    }

    /// Looks for less than the log's signals.
    pub fn looking_for(self, search: &'p Search) -> Scanner<'p> {
        Scanner { state: State { search, prefilter: Prefilter::new(search), ..self.state }, ..self }
    }

    /// Begins at an offset, with so many lines before it that are not read.
    pub fn from(self, offset: u64, lines: u64) -> Scanner<'p> {
        let record = self.state.record.after(lines);
        Scanner { blocks: Blocks::from(offset), state: State { record, ..self.state } }
    }

    /// Where the line begins that has not ended yet.
    pub fn offset(&self) -> u64 {
        self.blocks.offset()
    }

    /// The line that has not ended yet, as far as it is kept.
    pub fn unfinished(&self) -> &[u8] {
        self.blocks.unfinished()
    }

    /// What another process must know to go on where the unfinished line begins. Only for [`Lookahead::Live`], and when
    /// the orphans were taken.
    pub fn save(&self) -> SavedScanner {
        let State { patterns, times, record, .. } = &self.state;
        let (offset, lines) = (self.blocks.offset(), record.lines());
        SavedScanner { offset, lines, record: record.save(patterns), times: times.save() }
    }

    /// Live: hits in front of the file's first head, which need not wait for the file's end.
    pub fn take_orphans(&mut self) -> Vec<Hit> {
        std::mem::take(&mut self.state.orphans)
    }

    /// The time of the last record that has one.
    pub fn last(&self) -> Option<Stamp> {
        self.state.times.last()
    }

    /// Gives back what scanning needs and a file at rest does not.
    pub fn rest(&mut self) {
        self.state.prefilter.rest();
        (self.state.candidates, self.state.in_line) = (Vec::new(), Vec::new());
    }

    /// Reads the next bytes of the file, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Seen>) {
        self.feed_watched(bytes, out, &mut |_| {});
    }

    /// The same, and calls `watch` after each step of each block.
    pub fn feed_watched(&mut self, bytes: &[u8], out: &mut Vec<Seen>, watch: &mut dyn FnMut(Step)) {
        let Scanner { blocks, state } = self;
        blocks.feed(bytes, |block| state.block(&Heads::new(state.log, block), out, watch));
    }

    /// Bytes are missing here: what was said next to the gap proves nothing about it.
    pub fn hole(&mut self, out: &mut Vec<Seen>) {
        self.end_line(out);
        self.state.times.hole();
        self.state.record.lose();
    }

    /// The end of the file.
    pub fn finish(mut self, out: &mut Vec<Seen>) -> Summary {
        self.end_line(out);
        let State { mut times, record, orphans, file, judged, hits, .. } = self.state;
        let last = times.finish(out);
        let (bursts, unsettled, wild) = std::mem::take(&mut times.jumps).finish();
        Summary {
            orphans,
            lines: record.lines(),
            carry: record.into_carry(&file),
            first: times.first,
            last,
            bursts,
            unsettled,
            hole_at_end: times.in_hole(),
            bytes: self.blocks.bytes(),
            untimed: times.untimed,
            disbelieved: times.disbelieved + wild,
            candidates: judged,
            hits,
        }
    }

    fn end_line(&mut self, out: &mut Vec<Seen>) {
        let Scanner { blocks, state } = self;
        blocks.finish(|block| state.block(&Heads::new(state.log, block), out, &mut |_| {}));
    }
}

impl State<'_> {
    fn block(&mut self, heads: &Heads, out: &mut Vec<Seen>, watch: &mut dyn FnMut(Step)) {
        self.times.begin(heads, out);
        self.record.begin_block();
        let mut candidates = std::mem::take(&mut self.candidates);
        let mut in_line = std::mem::take(&mut self.in_line);
        self.prefilter.find(heads, &mut candidates);
        watch(Step::Searched);
        let mut rest = candidates.as_slice();
        while let Some(first) = rest.first() {
            let line = heads.block.line_at(first.at);
            let (here, behind) = rest.split_at(rest.iter().take_while(|candidate| candidate.at <= line.end).count());
            in_line.clear();
            in_line.extend(here.iter().map(|candidate| candidate.sought));
            // The order of clauses, not of their texts, is that of a line's hits.
            in_line.sort_unstable();
            in_line.dedup();
            for &sought in &in_line {
                self.candidate(sought, &line, heads, out);
            }
            rest = behind;
        }
        (self.candidates, self.in_line) = (candidates, in_line);
        self.record.end_block(heads);
        self.times.end(heads, out);
        watch(Step::Judged);
    }

    /// Is there a hit of this clause's signal in this line?
    fn candidate(&mut self, sought: usize, line: &Range<usize>, heads: &Heads, out: &mut Vec<Seen>) {
        self.judged += 1;
        let sought = &self.search.sought[sought];
        if !self.prefilter.may_hold(sought, &heads.block, line) {
            return;
        }
        self.record.find(line, heads);
        let id = sought.signal;
        // A message stands in a head only.
        if (sought.place == Place::Message && !self.record.is_head(line)) || self.record.has_given(id) {
            return;
        }
        let signal = self.patterns.signal(id);
        let raw = heads.block.raw(line, self.record.number_at(line.start, heads));
        if self.record.is_before() {
            let holds = signal.matches.as_ref().is_some_and(|clause| clause.regex.is_match(raw.bytes));
            if holds && !self.orphans.iter().any(|hit| hit.signal == id) {
                self.hits += 1;
                self.orphans.push(Hit::new(signal, id, None, &self.file, raw));
            }
        } else if let Some(hit) = Hit::judge(signal, id, self.record.head(heads), &self.file, raw) {
            self.hits += 1;
            self.record.give(id);
            self.times.hit(self.record.at(), hit, heads, out);
        }
    }
}

#[cfg(test)]
mod tests;
