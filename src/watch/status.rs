//! What a watch knows, for people: how far each family was read, what is active, what waits to be sent.
//!
//! A running watch tells it over its socket; of one that does not run, the store tells the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::core::Watch;
use super::feed::SavedFeed;
use super::past::Past;
use crate::deliver::outbox::{Lag, Outbox};
use crate::state::{Broken, Store};
use crate::transition::Transition;

#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// The process, if it runs.
    pub pid: Option<u32>,
    pub families: Vec<Reached>,
    pub active: Vec<Arc<Transition>>,
    pub sinks: Vec<Lag>,
    /// What is raised now survives a crash.
    pub durable: bool,
}

/// How far a family was read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reached {
    pub node: String,
    pub log: String,
    pub family: String,
    pub path: PathBuf,
    /// Read of the live file, if it is the one that is read.
    pub offset: Option<u64>,
    /// Bytes of it that were not read.
    pub lag: Option<u64>,
    /// Its clock.
    pub clock: Option<crate::time::Moment>,
}

impl Status {
    pub fn of(watch: &Watch) -> Status {
        let families = (0..watch.len()).map(|at| {
            let (family, feed) = (watch.family(at), watch.feed(at));
            let offset = feed.place().map(|(_, offset)| offset);
            let path = feed.source.path().to_owned();
            let clock = feed.clock().last().map(|last| family.zone.moment(last));
            let (node, log, family) = (family.node.to_string(), family.log_name.to_string(), family.name.to_string());
            Reached { node, log, family, lag: lag(&path, offset), path, offset, clock }
        });
        Status {
            pid: Some(std::process::id()),
            families: families.collect(),
            active: watch.active().cloned().collect(),
            sinks: watch.outbox.lags(),
            durable: watch.keeper().store().is_some(),
        }
    }

    /// Of a watch that does not run.
    pub fn saved(past: Past, store: &Store) -> Result<Status, Broken> {
        let mut families: Vec<Reached> = past.families.iter().filter_map(|(key, saved)| reached(key, saved)).collect();
        families.sort_by(|a, b| (&a.node, &a.log, &a.family).cmp(&(&b.node, &b.log, &b.family)));
        Ok(Status {
            pid: None,
            families,
            active: past.active.into_iter().map(Arc::new).collect(),
            sinks: Outbox::saved_lags(store)?,
            durable: true,
        })
    }
}

fn reached(key: &str, saved: &SavedFeed) -> Option<Reached> {
    let mut parts = key.split('\0').skip(1).map(str::to_owned);
    let (node, log, family) = (parts.next()?, parts.next()?, parts.next()?);
    let (path, offset) = (saved.path.clone(), saved.offset());
    Some(Reached { node, log, family, lag: lag(&path, offset), path, offset, clock: None })
}

fn lag(path: &Path, offset: Option<u64>) -> Option<u64> {
    let size = fs::metadata(path).ok()?.len();
    Some(size.saturating_sub(offset?))
}
