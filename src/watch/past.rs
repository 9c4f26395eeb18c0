//! What a watch goes on from, and under which names it is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::feed::SavedFeed;
use super::named::Named;
use crate::correlate::Family;
use crate::correlate::saved::Key;
use crate::input::tail::Start;
use crate::state::{Keeper, Store, Table};
use crate::time::Millis;
use crate::transition::Transition;

/// What the facts are stored under.
pub(super) const LEARNING: &[u8] = b"learning families";
pub(super) const UNSAID: &[u8] = b"unsaid";
pub(super) const NAMED: &[u8] = b"named";
pub(super) const BEGUN: &[u8] = b"begun";

/// What a watch goes on from: its state of an earlier process, or of this one before it got other patterns.
#[derive(Default)]
pub struct Past {
    /// Family → how far it was read.
    pub families: HashMap<String, SavedFeed>,
    pub entries: Vec<(Key, Vec<u8>)>,
    pub active: Vec<Transition>,
    /// Families whose past was being read.
    pub learning: BTreeSet<String>,
    /// Active instances that were not told of, since some family's past says them.
    pub unsaid: BTreeMap<Arc<str>, String>,
    /// What was named when it was last looked for logs. `None`: it never was.
    pub named: Option<Named>,
    /// Where the first start began, until it was through: families that it has not looked at begin there.
    pub begun: Option<Begun>,
}

/// Where a first start begins that does not read everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Begun {
    End,
    Since(Millis),
}

impl Begun {
    pub fn start(self) -> Start {
        match self {
            Begun::End => Start::End,
            Begun::Since(time) => Start::Since(time, None),
        }
    }
}

impl Past {
    /// What is in the store. `None`: nothing was ever.
    pub fn load(keeper: &Keeper) -> Result<Option<Past>, String> {
        let Some(store) = keeper.store() else { return Ok(None) };
        if store.is_new().map_err(|broken| broken.to_string())? {
            return Ok(None);
        }
        let mut past = Past::default();
        each(store, Table::Families, |key, value| {
            let saved = postcard::from_bytes(value).map_err(|error| error.to_string())?;
            past.families.insert(String::from_utf8_lossy(key).into_owned(), saved);
            Ok(())
        })?;
        each(store, Table::Rules, |key, value| {
            let key = Key::from_bytes(key).map_err(|error| error.to_string())?;
            past.entries.push((key, value.to_vec()));
            Ok(())
        })?;
        each(store, Table::Active, |_, value| {
            past.active.push(serde_json::from_slice(value).map_err(|error| error.to_string())?);
            Ok(())
        })?;
        each(store, Table::Facts, |key, value| {
            let read = match key {
                LEARNING => postcard::from_bytes(value).map(|learning| past.learning = learning),
                UNSAID => postcard::from_bytes(value).map(|unsaid| past.unsaid = unsaid),
                NAMED => postcard::from_bytes(value).map(|named| past.named = Some(named)),
                BEGUN => postcard::from_bytes(value).map(|begun| past.begun = Some(begun)),
                _ => Ok(()),
            };
            read.map_err(|error| error.to_string())
        })?;
        Ok(Some(past))
    }
}

/// Reads a table, and says which entry of it cannot be read.
fn each(store: &Store, table: Table, mut read: impl FnMut(&[u8], &[u8]) -> Result<(), String>) -> Result<(), String> {
    let mut result = Ok(());
    let all = store.each(table, |key, value| {
        if result.is_ok() {
            result = read(key, value).map_err(|why| {
                format!("`{}` of the {}: {why}", String::from_utf8_lossy(key).replace('\0', "/"), table.name())
            });
        }
    });
    all.map_err(|broken| broken.to_string()).and(result)
}

/// A family's name in the store.
pub fn family_key(family: &Family) -> String {
    family.whole_name().join("\0")
}
