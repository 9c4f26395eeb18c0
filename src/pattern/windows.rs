//! Which bytes to look for.
//!
//! A SIMD search compares four bytes at a time, so of each text a window of four bytes is looked for, and the rest of
//! it is compared where the window stands. Texts are chosen by what the log is full of: " failed" finds every line of
//! one log and none of another. A sample of the log tells how often each window stands there; among those that do not
//! occur, the rarer bytes win.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::packed;
use aho_corasick::{AhoCorasick, Span};

use super::literal::{Need, Text};
use super::search::Sought;

/// Of a text; shorter only if the text is.
const WINDOW: usize = 4;

/// As many windows are found in one pass; with more, several passes of fewer are faster.
const ONE_PASS: usize = 36;
const EACH_PASS: usize = 16;

/// Looking at more of a log tells nothing new.
pub const SAMPLE: usize = 256 << 10;

/// Costs are counted in candidates for so many bytes.
const UNIT: f64 = 65536.0;

/// What one more window costs wherever it stands.
const EACH_WINDOW: f64 = 2.0;

#[derive(Debug)]
pub struct Windows {
    passes: Vec<Pass>,
    /// How much of the log the choice was made from.
    pub sample: usize,
    /// Windows that are expected in [`UNIT`] bytes.
    expected: f64,
}

#[derive(Debug)]
struct Pass {
    engine: Engine,
    /// The texts that each window stands for.
    anchors: Vec<Vec<Anchor>>,
}

#[derive(Debug)]
enum Engine {
    Packed(packed::Searcher),
    /// On machines without the instructions.
    Automaton(AhoCorasick),
}

/// A text by one of its windows.
#[derive(Clone, Debug)]
struct Anchor {
    /// Index of the clause, as [`super::search::Search::sought`] has them.
    sought: usize,
    text: Text,
    /// The window's first byte in the text.
    at: usize,
}

impl Windows {
    /// Chooses for a log that is like `sample`, which is in ASCII lower case.
    pub fn choose(sought: &[Sought], sample: &[u8]) -> Windows {
        let sample = Sample::new(&sample[..sample.len().min(SAMPLE)]);
        let mut chosen: BTreeMap<Box<[u8]>, Vec<Anchor>> = BTreeMap::new();
        for (index, sought) in sought.iter().enumerate() {
            let Some(need) = &sought.need else { continue };
            for (text, at) in cheapest(need, &sample, &chosen).1 {
                let window = text.folded[at..at + window_len(text)].into();
                chosen.entry(window).or_default().push(Anchor { sought: index, text: text.clone(), at });
            }
        }
        let chosen = prefix_free(chosen);
        let expected = chosen.keys().map(|window| sample.expected(window)).sum();
        let all: Vec<(Box<[u8]>, Vec<Anchor>)> = chosen.into_iter().collect();
        let size = if all.len() <= ONE_PASS { ONE_PASS } else { EACH_PASS };
        let passes = all.chunks(size).filter_map(Pass::new).collect();
        Windows { passes, sample: sample.text.len(), expected }
    }

    /// Calls `found` with the place of each text in `block` and with the clause that it may be for, pass after pass.
    /// `folded` is the same in ASCII lower case. Gives the number of windows that were looked at.
    pub fn find(&self, block: &[u8], folded: &[u8], mut found: impl FnMut(usize, usize)) -> u64 {
        let mut windows = 0;
        for pass in &self.passes {
            let mut from = 0;
            while let Some((window, at)) = pass.engine.next(folded, from) {
                windows += 1;
                for anchor in &pass.anchors[window] {
                    let Some(start) = at.checked_sub(anchor.at) else { continue };
                    let stands = folded[start..].starts_with(&anchor.text.folded)
                        && anchor.text.exact.as_ref().is_none_or(|exact| block[start..].starts_with(exact));
                    if stands {
                        found(start, anchor.sought);
                    }
                }
                // Windows may overlap.
                from = at + 1;
            }
        }
        windows
    }

    /// Were far more windows looked at in so many bytes than the sample made expect?
    pub fn is_crowded(&self, windows: u64, bytes: usize) -> bool {
        windows as f64 > (2.0 * self.expected + EACH_WINDOW) * (bytes as f64 / UNIT + 1.0)
    }

    /// Are candidates in the order of the block without sorting?
    pub fn in_order(&self) -> bool {
        self.passes.len() < 2
    }
}

impl Pass {
    fn new(windows: &[(Box<[u8]>, Vec<Anchor>)]) -> Option<Pass> {
        let bytes = || windows.iter().map(|(window, _)| window);
        let engine = match packed::Config::new().builder().extend(bytes()).build() {
            Some(searcher) => Engine::Packed(searcher),
            None => Engine::Automaton(AhoCorasick::new(bytes()).ok()?),
        };
        Some(Pass { engine, anchors: windows.iter().map(|(_, anchors)| anchors.clone()).collect() })
    }
}

impl Engine {
    /// The first window from a place on, and where it is. Only one can stand at each place, see [`prefix_free`].
    fn next(&self, folded: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = Span { start: from, end: folded.len() };
        let found = match self {
            Engine::Packed(searcher) => searcher.find_in(folded, span)?,
            Engine::Automaton(automaton) => automaton.find(aho_corasick::Input::new(folded).span(span))?,
        };
        Some((found.pattern().as_usize(), found.start()))
    }
}

fn window_len(text: &Text) -> usize {
    text.folded.len().min(WINDOW)
}

/// The texts, each with its window, that cost least, and what they cost.
fn cheapest<'n>(
    need: &'n Need,
    sample: &Sample,
    chosen: &BTreeMap<Box<[u8]>, Vec<Anchor>>,
) -> (f64, Vec<(&'n Text, usize)>) {
    match need {
        Need::Text(text) => {
            let cost = |at: &usize| {
                let window = &text.folded[*at..*at + window_len(text)];
                // What is looked for anyway costs no more than comparing the rest of the text.
                if chosen.contains_key(window) {
                    sample.expected(window) / 8.0
                } else {
                    EACH_WINDOW + sample.expected(window)
                }
            };
            let places = 0..=text.folded.len() - window_len(text);
            let best = places.map(|at| (cost(&at), at)).min_by(|a, b| a.0.total_cmp(&b.0));
            best.map_or((f64::MAX, Vec::new()), |(cost, at)| (cost, vec![(text, at)]))
        }
        Need::OneOf(needs) => needs.iter().fold((0.0, Vec::new()), |(sum, mut texts), need| {
            let (cost, more) = cheapest(need, sample, chosen);
            texts.extend(more);
            (sum + cost, texts)
        }),
        Need::All(needs) => {
            let all = needs.iter().map(|need| cheapest(need, sample, chosen));
            all.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::MAX, Vec::new()))
        }
    }
}

/// A search gives one window for each place, so none may begin with another: the shorter stands for both.
fn prefix_free(chosen: BTreeMap<Box<[u8]>, Vec<Anchor>>) -> BTreeMap<Box<[u8]>, Vec<Anchor>> {
    let names: BTreeSet<Box<[u8]>> = chosen.keys().cloned().collect();
    let mut free: BTreeMap<Box<[u8]>, Vec<Anchor>> = BTreeMap::new();
    for (window, anchors) in chosen {
        let shorter = (1..window.len()).map(|end| &window[..end]).find(|prefix| names.contains(*prefix));
        let name = shorter.map_or(window.clone(), Box::from);
        free.entry(name).or_default().extend(anchors);
    }
    free
}

/// What stands in a part of a log.
struct Sample<'t> {
    text: &'t [u8],
    /// Windows of four bytes by a hash: what falls together is counted together, which can only make it look commoner.
    windows: Vec<u32>,
    /// How likely each byte is, 0 to 1.
    bytes: [f64; 256],
}

impl Sample<'_> {
    fn new(text: &[u8]) -> Sample<'_> {
        let mut windows = vec![0_u32; 1 << 16];
        for window in text.windows(WINDOW) {
            windows[slot(window)] += 1;
        }
        // Before anything is seen, letters, digits and blanks are what logs are made of.
        let mut counts = [1_u32; 256];
        (0..=255_u8)
            .filter(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b' ')
            .for_each(|b| counts[usize::from(b)] = 16);
        text.iter().for_each(|b| counts[usize::from(*b)] += 1);
        let all = f64::from(counts.iter().sum::<u32>());
        Sample { text, windows, bytes: counts.map(|count| f64::from(count) / all) }
    }

    /// How often a window stands in [`UNIT`] bytes of such a log.
    fn expected(&self, window: &[u8]) -> f64 {
        let by_chance = UNIT * window.iter().map(|b| self.bytes[usize::from(*b)]).product::<f64>();
        let seen = match window.len() {
            WINDOW => self.windows[slot(window)] as usize,
            _ => memchr::memmem::find_iter(self.text, window).count(),
        };
        by_chance + seen as f64 * UNIT / self.text.len().max(WINDOW) as f64
    }
}

fn slot(window: &[u8]) -> usize {
    let bytes = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
    (bytes.wrapping_mul(0x9E37_79B1) >> 16) as usize
}
