//! Which bytes to look for.
//!
//! A SIMD search compares three or four bytes at a time, so of each text such a window is looked for, and the rest of
//! it is compared where the window stands. Texts are chosen by what the log is full of: " failed" finds every line of
//! one log and none of another. A sample of the log tells how often each window stands there; among those that do not
//! occur, the rarer bytes win.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::packed;
use aho_corasick::{AhoCorasick, Span};
use memchr::memmem;

use super::literal::{Need, Text};
use super::search::Sought;

/// Of a text; shorter only if the text is.
const WIDE: usize = 4;

/// Comparing three bytes is a third faster, as long as there are so few windows that no others look like them, and it
/// is not paid for by so many more of them.
const NARROW: usize = 3;
const NARROW_WINDOWS: usize = 16;
const NARROW_GAIN: f64 = 50.0;

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
    case: Case,
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
    /// Where that cannot be built either, window by window: no text may be passed over in silence.
    Each(Vec<Box<[u8]>>),
}

/// What is searched: the log as it is written, or in ASCII lower case, which costs a copy. The former will do if each
/// clause has a text whose case is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Written,
    Folded,
}

/// A text by one of its windows.
#[derive(Clone, Debug)]
struct Anchor {
    /// Index of the clause, as [`super::search::Search::sought`] has them.
    sought: usize,
    /// Each match of the clause has it, in the case that is searched.
    text: Box<[u8]>,
    /// The same as it must be written, if that is not what is searched.
    exact: Option<Box<[u8]>>,
    /// The window's first byte in the text.
    at: usize,
}

impl Windows {
    /// Chooses for a log that is like `sample`.
    pub fn choose(sought: &[Sought], sample: &[u8]) -> Windows {
        let sample = &sample[..sample.len().min(SAMPLE)];
        let written = Windows::in_case(Case::Written, sought, sample);
        written.or_else(|| Windows::in_case(Case::Folded, sought, &sample.to_ascii_lowercase())).unwrap_or_default()
    }

    /// `None` if a clause has no text whose case is known.
    fn in_case(case: Case, sought: &[Sought], sample: &[u8]) -> Option<Windows> {
        let wide = Windows::of_width(WIDE, case, sought, sample)?;
        if wide.passes.iter().map(|pass| pass.anchors.len()).sum::<usize>() > NARROW_WINDOWS {
            return Some(wide);
        }
        let narrow = Windows::of_width(NARROW, case, sought, sample)?;
        Some(if narrow.expected < wide.expected + NARROW_GAIN { narrow } else { wide })
    }

    fn of_width(width: usize, case: Case, sought: &[Sought], sample: &[u8]) -> Option<Windows> {
        let sample = Sample::new(width, case, sample);
        let mut chosen: BTreeMap<Box<[u8]>, Vec<Anchor>> = BTreeMap::new();
        for (index, sought) in sought.iter().enumerate() {
            let Some(need) = &sought.need else { continue };
            for (text, at) in cheapest(need, &sample, &chosen)?.texts {
                let searched = text.searched(case)?;
                let window = searched[at..at + sample.window_len(searched)].into();
                let exact = text.exact.clone().filter(|_| case == Case::Folded);
                chosen.entry(window).or_default().push(Anchor { sought: index, text: searched.into(), exact, at });
            }
        }
        let chosen = prefix_free(chosen);
        let expected = chosen.keys().map(|window| sample.expected(window)).sum();
        let all: Vec<(Box<[u8]>, Vec<Anchor>)> = chosen.into_iter().collect();
        let size = if all.len() <= ONE_PASS { ONE_PASS } else { EACH_PASS };
        let passes = all.chunks(size).map(Pass::new).collect();
        Some(Windows { passes, case, sample: sample.text.len(), expected })
    }

    /// The texts that each clause is found by: its index, the text, and whether it must be written so.
    pub fn texts(&self) -> impl Iterator<Item = (usize, &[u8], bool)> {
        let anchors = self.passes.iter().flat_map(|pass| &pass.anchors).flatten();
        anchors.map(|anchor| match &anchor.exact {
            Some(exact) => (anchor.sought, &**exact, true),
            None => (anchor.sought, &*anchor.text, self.case == Case::Written),
        })
    }

    pub fn case(&self) -> Case {
        self.case
    }

    /// Calls `found` with the place of each text in `block` and with the clause that it may be for, pass after pass.
    /// `searched` is the same in the case that is searched. Gives the number of windows that were looked at.
    pub fn find(&self, block: &[u8], searched: &[u8], mut found: impl FnMut(usize, usize)) -> u64 {
        let mut windows = 0;
        for pass in &self.passes {
            let mut from = 0;
            while let Some((window, at)) = pass.engine.next(searched, from) {
                windows += 1;
                for anchor in &pass.anchors[window] {
                    let Some(start) = at.checked_sub(anchor.at) else { continue };
                    let stands = searched[start..].starts_with(&anchor.text)
                        && anchor.exact.as_ref().is_none_or(|exact| block[start..].starts_with(exact));
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
    fn new(windows: &[(Box<[u8]>, Vec<Anchor>)]) -> Pass {
        let bytes = || windows.iter().map(|(window, _)| window);
        let packed = packed::Config::new().builder().extend(bytes()).build().map(Engine::Packed);
        let engine = packed.or_else(|| AhoCorasick::new(bytes()).ok().map(Engine::Automaton));
        let engine = engine.unwrap_or_else(|| Engine::Each(bytes().cloned().collect()));
        Pass { engine, anchors: windows.iter().map(|(_, anchors)| anchors.clone()).collect() }
    }
}

impl Engine {
    /// The first window from a place on, and where it is. Only one can stand at each place, see [`prefix_free`].
    fn next(&self, folded: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = Span { start: from, end: folded.len() };
        let found = match self {
            Engine::Each(windows) => {
                let place = |window: &[u8]| Some(from + memmem::find(folded.get(from..)?, window)?);
                let places = windows.iter().enumerate().filter_map(|(number, window)| Some((place(window)?, number)));
                return places.min().map(|(at, number)| (number, at));
            }
            Engine::Packed(searcher) => searcher.find_in(folded, span)?,
            Engine::Automaton(automaton) => automaton.find(aho_corasick::Input::new(folded).span(span))?,
        };
        Some((found.pattern().as_usize(), found.start()))
    }
}

impl Text {
    fn searched(&self, case: Case) -> Option<&[u8]> {
        match case {
            Case::Written => self.exact.as_deref(),
            Case::Folded => Some(&self.folded),
        }
    }
}

impl Default for Windows {
    fn default() -> Windows {
        Windows { passes: Vec::new(), case: Case::Written, sample: 0, expected: 0.0 }
    }
}

/// Texts, each with the place of its window.
struct Choice<'n> {
    cost: f64,
    texts: Vec<(&'n Text, usize)>,
}

/// The texts that cost least; `None` if there are none in this case.
fn cheapest<'n>(need: &'n Need, sample: &Sample, chosen: &BTreeMap<Box<[u8]>, Vec<Anchor>>) -> Option<Choice<'n>> {
    match need {
        Need::Text(text) => {
            let searched = text.searched(sample.case)?;
            let cost = |at: usize| {
                let window = &searched[at..at + sample.window_len(searched)];
                // What is looked for anyway costs no more than comparing the rest of the text.
                let known = chosen.contains_key(window);
                if known { sample.expected(window) / 8.0 } else { EACH_WINDOW + sample.expected(window) }
            };
            let places = (0..=searched.len() - sample.window_len(searched)).map(|at| (cost(at), at));
            let (cost, at) = places.min_by(|a, b| a.0.total_cmp(&b.0))?;
            Some(Choice { cost, texts: vec![(text, at)] })
        }
        Need::OneOf(needs) => {
            let each: Option<Vec<Choice>> = needs.iter().map(|need| cheapest(need, sample, chosen)).collect();
            let sum = |sum: Choice<'n>, one: Choice<'n>| Choice {
                cost: sum.cost + one.cost,
                texts: [sum.texts, one.texts].concat(),
            };
            each?.into_iter().reduce(sum)
        }
        Need::All(needs) => {
            let each = needs.iter().filter_map(|need| cheapest(need, sample, chosen));
            each.min_by(|a, b| a.cost.total_cmp(&b.cost))
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
    width: usize,
    case: Case,
    text: &'t [u8],
    /// Windows by a hash: what falls together is counted together, which can only make it look commoner.
    windows: Vec<u32>,
    /// How likely each byte is, 0 to 1.
    bytes: [f64; 256],
}

impl Sample<'_> {
    fn new(width: usize, case: Case, text: &[u8]) -> Sample<'_> {
        let mut windows = vec![0_u32; 1 << 16];
        for window in text.windows(width) {
            windows[slot(window)] += 1;
        }
        // Before anything is seen, letters, digits and blanks are what logs are made of.
        let mut counts = [1_u32; 256];
        (0..=255_u8)
            .filter(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b' ')
            .for_each(|b| counts[usize::from(b)] = 16);
        text.iter().for_each(|b| counts[usize::from(*b)] += 1);
        let all = f64::from(counts.iter().sum::<u32>());
        Sample { width, case, text, windows, bytes: counts.map(|count| f64::from(count) / all) }
    }

    fn window_len(&self, text: &[u8]) -> usize {
        text.len().min(self.width)
    }

    /// How often a window stands in [`UNIT`] bytes of such a log.
    fn expected(&self, window: &[u8]) -> f64 {
        let by_chance = UNIT * window.iter().map(|b| self.bytes[usize::from(*b)]).product::<f64>();
        let seen = if window.len() == self.width {
            self.windows[slot(window)] as usize
        } else {
            memmem::find_iter(self.text, window).count()
        };
        by_chance + seen as f64 * UNIT / self.text.len().max(self.width) as f64
    }
}

fn slot(window: &[u8]) -> usize {
    let bytes = window.iter().fold(0_u32, |bytes, byte| bytes << 8 | u32::from(*byte));
    (bytes.wrapping_mul(0x9E37_79B1) >> 16) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whichever could be built, it finds the same.
    #[test]
    fn every_engine_finds_each_window() {
        let windows: Vec<Box<[u8]>> = [b"lost".as_slice(), b"abc", b"back"].into_iter().map(Into::into).collect();
        let packed = packed::Config::new().builder().extend(&windows).build().map(Engine::Packed);
        let automaton = Engine::Automaton(AhoCorasick::new(&windows).unwrap());
        for engine in packed.into_iter().chain([automaton, Engine::Each(windows.clone())]) {
            let (mut from, mut found) = (0, Vec::new());
            while let Some((window, at)) = engine.next(b"back to what was lost, abcabc", from) {
                found.push((window, at));
                from = at + 1;
            }
            assert_eq!(found, [(2, 0), (0, 17), (1, 23), (1, 26)], "{engine:?}");
        }
    }
}
