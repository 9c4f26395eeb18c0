//! What an instance keeps for its end, packed.
//!
//! A clear repeats what was raised, and one by silence shows the last hit before it. While an instance is active both are
//! kept and hardly ever looked at, and there may be hundreds of thousands of instances. So they are kept as bytes: one
//! small piece of memory each, where the things themselves are five.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::event::{FamilyId, TimedHit};
use crate::pattern::{CaptureId, SignalId};
use crate::scan::{Hit, Line};
use crate::time::{Millis, Moment};

/// A value as bytes.
#[derive(Debug)]
pub struct Packed<T> {
    bytes: Box<[u8]>,
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Packed<T> {
    pub fn new(value: &T) -> Option<Packed<T>> {
        let bytes = postcard::to_allocvec(value).ok()?;
        Some(Packed { bytes: bytes.into(), of: PhantomData })
    }

    pub fn open(&self) -> Option<T> {
        postcard::from_bytes(&self.bytes).ok()
    }
}

/// A hit as bytes; the shelf that it was packed by opens it.
#[derive(Clone, Debug)]
pub struct KeptHit(Arc<[u8]>);

/// Packs hits. It knows what many of them have in common: the names of their files, and how a line of a signal begins and
/// ends, for which the first one that comes is the model.
#[derive(Debug, Default)]
pub struct Shelf {
    files: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    models: HashMap<SignalId, Box<[u8]>>,
    buffer: Vec<u8>,
}

/// What a hit says, besides its stamp, for which the moment stands. Behind it come the bytes of its line in which it
/// differs from the model.
#[derive(Serialize, Deserialize)]
struct Closed<Captures, Head> {
    signal: SignalId,
    captures: Captures,
    weight: u64,
    line: Place,
    /// So many bytes at the line's beginning and at its end are the model's.
    common: (u32, u32),
    head: Option<(u32, Head)>,
    moment: (Millis, i32),
    assumed: bool,
    family: FamilyId,
    position: u64,
    file: u32,
}

type Opened = Closed<Vec<(CaptureId, Box<str>)>, Line>;

/// Where a line is: number of its file, its own, offset.
type Place = (u32, u64, u64);

impl Shelf {
    pub fn keep(&mut self, timed: &TimedHit) -> Option<KeptHit> {
        let TimedHit { hit, moment, assumed, family, position, file } = timed;
        let text = &hit.line.text;
        let common = common(self.models.entry(hit.signal).or_insert_with(|| text.clone()), text);
        let closed = Closed {
            signal: hit.signal,
            captures: &hit.captures,
            weight: hit.weight,
            line: (self.number(&hit.line.file), hit.line.number, hit.line.offset),
            common: (common.0 as u32, common.1 as u32),
            head: hit.head.as_ref().map(|head| (self.number(&head.file), head)),
            moment: (moment.millis, moment.offset),
            assumed: *assumed,
            family: *family,
            position: *position,
            file: *file,
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.buffer = postcard::to_extend(&closed, buffer).ok()?;
        self.buffer.extend_from_slice(&text[common.0..text.len() - common.1]);
        Some(KeptHit(self.buffer.as_slice().into()))
    }

    pub fn open(&self, kept: &KeptHit) -> Option<Arc<TimedHit>> {
        let (closed, differs) = postcard::take_from_bytes::<Opened>(&kept.0).ok()?;
        let Closed { signal, captures, weight, line, common, head, moment, assumed, family, position, file } = closed;
        let (model, common) = (self.models.get(&signal)?, (common.0 as usize, common.1 as usize));
        let (begins, ends) = (model.get(..common.0)?, model.get(model.len().checked_sub(common.1)?..)?);
        let text = [begins, differs, ends].concat().into();
        let named = |number: u32| self.files.get(number as usize).cloned();
        let head = match head {
            Some((number, head)) => Some(Line { file: named(number)?, ..head }),
            None => None,
        };
        let line = Line { file: named(line.0)?, number: line.1, offset: line.2, text };
        let hit = Hit { signal, stamp: None, captures, weight, line, head };
        let moment = Moment { millis: moment.0, offset: moment.1 };
        Some(Arc::new(TimedHit { hit, moment, assumed, family, position, file }))
    }

    fn number(&mut self, file: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(file) {
            return *number;
        }
        let number = self.files.len() as u32;
        self.files.push(file.clone());
        self.numbers.insert(file.clone(), number);
        number
    }
}

/// How many bytes two lines have in common at their beginning, and how many others at their end.
fn common(model: &[u8], text: &[u8]) -> (usize, usize) {
    let begins = model.iter().zip(text).take_while(|(a, b)| a == b).count();
    let (model, text) = (&model[begins..], &text[begins..]);
    (begins, model.iter().rev().zip(text.iter().rev()).take_while(|(a, b)| a == b).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(file: &str, text: &str) -> Line {
        Line { file: file.into(), number: 7, offset: 1 << 40, text: text.as_bytes().into() }
    }

    fn timed(text: &str, head: Option<Line>) -> TimedHit {
        let captures = vec![(CaptureId(1), "é".into())];
        let hit = Hit { signal: SignalId(7), stamp: None, captures, weight: u64::MAX, line: line("b.log", text), head };
        let moment = Moment { millis: -1, offset: -3600 };
        TimedHit { hit, moment, assumed: true, family: FamilyId(9), position: 1 << 50, file: 3 }
    }

    fn same(a: &TimedHit, b: &TimedHit) -> bool {
        let rest = |t: &TimedHit| (t.moment, t.assumed, t.family, t.position, t.file);
        a.hit == b.hit && rest(a) == rest(b)
    }

    #[test]
    fn a_hit_that_was_kept_is_the_same_hit() {
        let mut shelf = Shelf::default();
        let texts = [
            "12:00 from /10.0.0.1 - max",
            "12:01 from /10.0.0.17 - max",
            "",
            "12",
            "max",
            "12:00 from /10.0.0.1 - max",
            "é",
        ];
        let heads = [None, Some(line("a.log", "head")), Some(line("b.log", "another"))];
        let all: Vec<TimedHit> = texts.iter().flat_map(|text| heads.clone().map(|head| timed(text, head))).collect();
        let kept: Vec<KeptHit> = all.iter().filter_map(|timed| shelf.keep(timed)).collect();
        let opened: Vec<_> = kept.iter().filter_map(|kept| shelf.open(kept)).collect();
        assert_eq!(opened.len(), all.len());
        assert!(opened.iter().zip(&all).all(|(opened, timed)| same(opened, timed)), "{opened:?}");
        assert_eq!(shelf.files.len(), 2, "each name once");
    }

    #[test]
    fn what_lines_have_in_common_is_kept_once() {
        let mut shelf = Shelf::default();
        let text = |number: u64| format!("{}{number}{}", "begins ".repeat(100), " ends".repeat(100));
        let kept: Vec<usize> =
            (0..3).filter_map(|n| shelf.keep(&timed(&text(n), None))).map(|kept| kept.0.len()).collect();
        assert!(kept.len() == 3 && kept.iter().all(|length| *length < 64), "{kept:?}");
    }
}
