//! A record as the outbox holds and stores it.
//!
//! In the store it is its JSON as it is sent, behind the name of the only sink that it is for. Whatever cannot be read
//! back is told to whoever asked: a transition may be lost, and never without a word.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use crate::transition::Transition;

pub struct Entry {
    pub number: u64,
    /// Only this sink gets it.
    pub only: Option<Arc<str>>,
    pub record: Arc<Transition>,
    /// As it is stored.
    pub bytes: Arc<[u8]>,
    pub stored: bool,
}

/// All that is to be known of a record without reading it whole.
#[derive(Deserialize)]
struct Keyed<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
}

/// Between the sink and the JSON: it stands in no sink's name.
const BREAK: u8 = b'\n';

pub fn encode(only: Option<&str>, json: &str) -> Vec<u8> {
    let only = only.unwrap_or_default();
    debug_assert!(!only.as_bytes().contains(&BREAK), "a sink's name is one line");
    [only.as_bytes(), &[BREAK], json.as_bytes()].concat()
}

fn split(bytes: &[u8]) -> Option<(Option<&str>, &[u8])> {
    let at = memchr::memchr(BREAK, bytes)?;
    let only = std::str::from_utf8(&bytes[..at]).ok()?;
    Some((Some(only).filter(|only| !only.is_empty()), &bytes[at + 1..]))
}

/// A record's key and the only sink that it is for.
pub fn keyed(bytes: &[u8]) -> Option<(Cow<'_, str>, Option<&str>)> {
    let (only, json) = split(bytes)?;
    let Keyed { key } = serde_json::from_slice(json).ok()?;
    Some((key, only))
}

impl Entry {
    pub fn decode(number: u64, bytes: &[u8]) -> Option<Entry> {
        let (only, json) = split(bytes)?;
        let record = serde_json::from_slice(json).ok()?;
        Some(Entry { number, only: only.map(Into::into), record: Arc::new(record), bytes: bytes.into(), stored: true })
    }

    pub fn not_durable(&self) -> Arc<Transition> {
        Arc::new(Transition { durable: false, ..(*self.record).clone() })
    }
}
