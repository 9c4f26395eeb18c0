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
use crate::scan::Hit;
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

/// Packs hits, and knows the names of their files, of which each is kept once.
#[derive(Debug, Default)]
pub struct Shelf {
    files: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    buffer: Vec<u8>,
}

/// What a hit says besides its text, in the order of [`Opened`].
#[derive(Serialize)]
struct Closed<'h> {
    hit: &'h Hit,
    file: u32,
    head: Option<u32>,
    moment: (Millis, i32),
    assumed: bool,
    family: u32,
    position: u64,
    number: u32,
}

#[derive(Deserialize)]
struct Opened {
    hit: Hit,
    file: u32,
    head: Option<u32>,
    moment: (Millis, i32),
    assumed: bool,
    family: u32,
    position: u64,
    number: u32,
}

impl Shelf {
    pub fn keep(&mut self, timed: &TimedHit) -> Option<KeptHit> {
        let TimedHit { hit, moment, assumed, family, position, file } = timed;
        let closed = Closed {
            hit,
            file: self.number(&hit.line.file),
            head: hit.head.as_ref().map(|head| self.number(&head.file)),
            moment: (moment.millis, moment.offset),
            assumed: *assumed,
            family: family.0,
            position: *position,
            number: *file,
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.buffer = postcard::to_extend(&closed, buffer).ok()?;
        Some(KeptHit(self.buffer.as_slice().into()))
    }

    pub fn open(&self, kept: &KeptHit) -> Option<Arc<TimedHit>> {
        let Opened { mut hit, file, head, moment: (millis, offset), assumed, family, position, number } =
            postcard::from_bytes(&kept.0).ok()?;
        hit.line.file = self.files.get(file as usize)?.clone();
        if let (Some(line), Some(head)) = (&mut hit.head, head) {
            line.file = self.files.get(head as usize)?.clone();
        }
        let (moment, family) = (Moment { millis, offset }, FamilyId(family));
        Some(Arc::new(TimedHit { hit, moment, assumed, family, position, file: number }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::stamp::Stamp;
    use crate::pattern::{CaptureId, SignalId};
    use crate::scan::Line;

    #[test]
    fn a_hit_that_was_kept_is_the_same_hit() {
        let line =
            |file: &str, number| Line { file: file.into(), number, offset: number * 7, text: (*b"x\xFF\n").into() };
        let hit = |head: Option<Line>| Hit {
            signal: SignalId(7),
            stamp: Some(Stamp::Local(-3)),
            captures: vec![(CaptureId(1), "é".into())],
            weight: u64::MAX,
            line: line("b.log", 2),
            head,
        };
        let mut shelf = Shelf::default();
        for head in [None, Some(line("a.log", 1)), Some(line("b.log", 1))] {
            let moment = Moment { millis: -1, offset: -3600 };
            let timed =
                TimedHit { hit: hit(head), moment, assumed: true, family: FamilyId(9), position: 1 << 40, file: 3 };
            let opened = shelf.keep(&timed).and_then(|kept| shelf.open(&kept)).expect("it was kept");
            assert_eq!((&opened.hit, opened.moment, opened.assumed), (&timed.hit, timed.moment, timed.assumed));
            assert_eq!((opened.family, opened.position, opened.file), (timed.family, timed.position, timed.file));
        }
        assert_eq!(shelf.files.len(), 2, "each name once");
    }
}
