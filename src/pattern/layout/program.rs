//! The part of a conversion pattern that can be read step by step, without a choice: literal text, padding, the time,
//! the level. It throws out nearly every line that is no head after a byte or two, and reads the time of those that are
//! without captures. It stops at the first word that may be anything; what comes after is for the regex to judge.

use std::ops::Range;

use super::super::stamp::{Stamp, TimeFormat};
use super::conversion::Node;
use super::words;

#[derive(Clone, Debug)]
pub(super) struct Program {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Literal(Box<[u8]>),
    /// At least so many, and any colours among them.
    Spaces(usize),
    Time,
    Level(Box<[String]>),
}

#[derive(Debug)]
pub(super) enum Outcome {
    /// The line is no head.
    NoHead,
    /// At the place of the time is no real moment; only the regex can say whether it has the shape of one.
    Impossible,
    /// It may be a head whose time stands after a word that may be anything.
    Unsure,
    /// It is a head if the regex says so.
    Read { stamp: Stamp, time: Range<usize>, level: Option<Range<usize>> },
}

impl Program {
    /// Takes what stands before the message.
    pub(super) fn new(nodes: &[Node]) -> Program {
        let mut program = Program { steps: Vec::new() };
        for (i, node) in nodes.iter().enumerate() {
            let rest = &nodes[i + 1..];
            let taken = match node {
                Node::Literal(text) => {
                    // Blanks right before the message may be missing if it is empty, see `words`.
                    program.literal(if rest.is_empty() { text.trim_end() } else { text });
                    !rest.is_empty()
                }
                Node::Pad | Node::Colour => program.spaces(0),
                // Only the first date is the record's time.
                Node::Time(_) => program.time(),
                Node::Level(words) => program.level(words, rest),
                Node::Field(_) | Node::Optional(_) | Node::Message | Node::Break => false,
            };
            if !taken {
                break;
            }
        }
        program
    }

    fn time(&mut self) -> bool {
        let first = !self.steps.contains(&Step::Time);
        if first {
            self.steps.push(Step::Time);
        }
        first
    }

    fn spaces(&mut self, min: usize) -> bool {
        match self.steps.last_mut() {
            Some(Step::Spaces(before)) => *before += min,
            _ => self.steps.push(Step::Spaces(min)),
        }
        true
    }

    fn literal(&mut self, text: &str) {
        let mut text = text;
        if let Some(Step::Spaces(_)) = self.steps.last() {
            let rest = text.trim_start_matches(' ');
            self.spaces(text.len() - rest.len());
            text = rest;
        }
        if !text.is_empty() {
            self.steps.push(Step::Literal(text.as_bytes().into()));
        }
    }

    /// The letters of a level end where a literal without letters begins; before anything else only a regex can tell.
    fn level(&mut self, words: &[String], rest: &[Node]) -> bool {
        let next = rest.iter().find(|node| !matches!(node, Node::Pad | Node::Colour));
        let delimited = match next {
            Some(Node::Literal(text)) => !text.as_bytes().first().is_some_and(|b| b.is_ascii_alphabetic()),
            _ => false,
        };
        let known = self.steps.iter().any(|step| matches!(step, Step::Level(_)));
        if known || !delimited || !words.iter().all(|word| word.bytes().all(|b| b.is_ascii_alphabetic())) {
            return false;
        }
        self.spaces(0);
        self.steps.push(Step::Level(words.into()));
        self.spaces(0)
    }

    pub(super) fn run(&self, line: &[u8], format: &TimeFormat) -> Outcome {
        let (mut at, mut read, mut level) = (0, None, None);
        for step in &self.steps {
            let rest = &line[at..];
            let length = match step {
                Step::Literal(text) => rest.starts_with(text).then_some(text.len()),
                Step::Spaces(min) => spaces(rest, *min),
                Step::Time => match time(rest, format) {
                    Ok((stamp, length)) => {
                        read = Some((stamp, at..at + length));
                        Some(length)
                    }
                    Err(outcome) => return outcome,
                },
                Step::Level(words) => {
                    let length = count(rest, |b| b.is_ascii_alphabetic());
                    level = Some(at..at + length);
                    let word = &rest[..length];
                    words.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word)).then_some(length)
                }
            };
            let Some(length) = length else { return Outcome::NoHead };
            at += length;
        }
        match read {
            Some((stamp, time)) => Outcome::Read { stamp, time, level },
            None => Outcome::Unsure,
        }
    }
}

fn time(rest: &[u8], format: &TimeFormat) -> Result<(Stamp, usize), Outcome> {
    let first = rest.first().ok_or(Outcome::NoHead)?;
    if !format.can_start_with(*first) {
        return Err(Outcome::NoHead);
    }
    format.parse(rest).ok_or(Outcome::Impossible)
}

/// The length of the blanks and colours at the start of a text, if there are enough blanks.
fn spaces(text: &[u8], min: usize) -> Option<usize> {
    let (mut at, mut blanks) = (0, 0);
    loop {
        match text.get(at) {
            Some(b' ') => {
                blanks += 1;
                at += 1;
            }
            Some(b'\x1b') => match words::colours(&text[at..]) {
                0 => break,
                length => at += length,
            },
            _ => break,
        }
    }
    (blanks >= min).then_some(at)
}

fn count(text: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|b| wanted(**b)).count()
}
