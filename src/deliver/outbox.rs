//! What is to be sent, until every sink has it.
//!
//! One sequence of records, with a cursor for each sink. A record is offered only after the commit that made it durable
//! (or when there is no store, and the record says so); the cursor moves over acknowledged records alone, without gaps.
//! So a crash repeats at most what was not acknowledged, and nothing is skipped. The newest records are also in memory;
//! a sink that is far behind gets the older ones from the store.
//!
//! It has a bound. Where a sink stays away until that is reached, what it was to get is [collapsed](bound) to the latest
//! record of each key: the state of every alarm, and no longer its history.

mod bound;
mod entry;

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sink::{Ended, Notice, Sink};
use crate::state::{Batch, Broken, Store, Table};
use crate::transition::Transition;

use entry::{Entry, encode};

/// Durable records that are kept in memory, in bytes of their JSON.
const WINDOW: usize = 8 << 20;

/// Records that are read from the store at a time.
const READ: usize = 256;

/// A sink, and how far it is.
struct Port {
    sink: Box<dyn Sink>,
    /// The number of the next record to offer.
    next: u64,
    /// The number behind the last record that the sink took.
    offered: u64,
    /// What the store knows as acknowledged.
    saved: Option<u64>,
    /// Read from the store, in order of numbers, the first of them `next` or later.
    ahead: VecDeque<Entry>,
    /// The number behind the last that was read from the store.
    read: u64,
    /// Entries that could not be read, since that was last said.
    damaged: u64,
}

/// Records that a sink will never get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    pub sink: String,
    pub lost: u64,
    /// The store gave back something else than was put in; otherwise there was no more room for its history.
    pub damaged: bool,
}

/// Numbers rise; they have gaps where records were collapsed. All entries that are not stored are in the window.
#[derive(Default)]
pub struct Outbox {
    window: VecDeque<Entry>,
    /// All that is kept, in the window or in the store alone: number and bytes.
    kept: VecDeque<(u64, u64)>,
    /// The sum of these bytes.
    size: u64,
    bytes: usize,
    next: u64,
    ports: Vec<Port>,
    /// All records below are gone from the store.
    dropped: u64,
    /// Bytes that it may grow to.
    bound: Option<u64>,
    /// As small as it can be made is more than the bound: it is tried again at this size.
    least: u64,
    /// Collapsed, and still in the store.
    gone: Vec<Range<u64>>,
    dropped_for: Vec<Dropped>,
}

/// How far a sink is, for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lag {
    pub sink: String,
    /// Records that it has not acknowledged.
    pub waiting: u64,
    pub ended: Option<String>,
}

impl Outbox {
    /// The outbox as the store knows it.
    pub fn restore(store: &Store) -> Result<Outbox, Broken> {
        let mut next = store.outbox_end()?;
        store.each(Table::Sinks, |_, value| next = next.max(number(value).unwrap_or(0)))?;
        let mut outbox = Outbox { next, ..Outbox::default() };
        store.outbox(0, |number, bytes| {
            outbox.keep(number, bytes.len());
            true
        })?;
        Ok(outbox)
    }

    /// Where a sink goes on: behind what it has acknowledged. `None`: the store does not know it.
    pub fn cursor(store: &Store, sink: &str) -> Result<Option<u64>, Broken> {
        Ok(store.get(Table::Sinks, sink.as_bytes())?.as_deref().and_then(number))
    }

    fn keep(&mut self, number: u64, bytes: usize) {
        self.kept.push_back((number, bytes as u64));
        self.size += bytes as u64;
    }

    /// The number of the next record.
    pub fn end(&self) -> u64 {
        self.next
    }

    /// Some sink has not been offered everything yet.
    pub fn is_offering(&self) -> bool {
        self.ports.iter().any(|port| port.next < self.next && port.sink.ended().is_none())
    }

    /// Adds a sink that has acknowledged everything below `from`.
    pub fn add(&mut self, sink: Box<dyn Sink>, from: u64) {
        self.ports.push(Port {
            sink,
            next: from,
            offered: from,
            saved: None,
            ahead: VecDeque::new(),
            read: from,
            damaged: 0,
        });
    }

    /// To all sinks, or to a single one.
    pub fn push(&mut self, record: Transition, only: Option<Arc<str>>) -> serde_json::Result<()> {
        let bytes: Arc<[u8]> = encode(only.as_deref(), &record.to_json()?).into();
        self.bytes += bytes.len();
        self.keep(self.next, bytes.len());
        self.window.push_back(Entry { number: self.next, only, record: Arc::new(record), bytes, stored: false });
        self.next += 1;
        Ok(())
    }

    /// Is there anything that was never given to a commit?
    pub fn is_fresh(&self) -> bool {
        self.window.back().is_some_and(|entry| !entry.stored)
    }

    /// What the next commit has to say: the records that are new, and what was acknowledged. `anew`: what the store has
    /// is not known, but for records that are kept nowhere else.
    pub fn save(&mut self, batch: &mut Batch, anew: bool) {
        let fresh = self.window.iter().filter(|entry| anew || !entry.stored);
        batch.outbox.extend(fresh.map(|entry| (entry.number, entry.bytes.to_vec())));
        for port in &mut self.ports {
            let acknowledged = port.acknowledged();
            if anew || port.saved != Some(acknowledged) {
                batch.put(Table::Sinks, port.sink.name(), acknowledged.to_le_bytes().to_vec());
                port.saved = Some(acknowledged);
            }
        }
        let all = self.all_acknowledged();
        if anew {
            batch.sent.extend(self.not_kept());
        } else {
            batch.sent.append(&mut self.gone);
            batch.sent.extend((all > self.dropped).then_some(self.dropped..all));
        }
        self.dropped = self.dropped.max(all);
    }

    /// Numbers that are no record's, or not any more.
    fn not_kept(&self) -> Vec<Range<u64>> {
        let all = self.all_acknowledged();
        let kept = self.kept.iter().map(|(number, _)| *number).filter(|number| *number >= all);
        let mut from = 0;
        let mut gaps = Vec::new();
        for number in kept.chain([u64::MAX]) {
            gaps.extend((from < number).then_some(from..number));
            from = number.saturating_add(1);
        }
        gaps
    }

    /// The commit was made.
    pub fn saved(&mut self) {
        for entry in self.window.iter_mut().rev().take_while(|entry| !entry.stored) {
            entry.stored = true;
        }
        self.trim();
    }

    fn all_acknowledged(&self) -> u64 {
        self.ports.iter().map(Port::acknowledged).min().unwrap_or(self.next)
    }

    /// What all sinks have, and what the store has, need not be in memory.
    fn trim(&mut self) {
        let all = self.all_acknowledged();
        while let Some((_, bytes)) = self.kept.pop_front_if(|(number, _)| *number < all) {
            self.size -= bytes;
        }
        while let Some(first) = self.window.front()
            && (first.number < all || (first.stored && self.bytes > WINDOW))
        {
            self.bytes -= first.bytes.len();
            self.window.pop_front();
        }
    }

    /// Offers to each sink what it has not been offered, as far as it has room. Without a store nothing is durable, and
    /// waiting for one would be silence.
    pub fn deliver(&mut self, store: Option<&Store>) -> Result<(), Broken> {
        for port in &mut self.ports {
            port.deliver(&self.window, self.next, store)?;
            let lost = std::mem::take(&mut port.damaged);
            if lost > 0 {
                self.dropped_for.push(Dropped { sink: port.sink.name().to_owned(), lost, damaged: true });
            }
        }
        if store.is_none() {
            self.trim();
        }
        Ok(())
    }

    /// Some sink has acknowledged what the store does not know of yet.
    pub fn has_news(&self) -> bool {
        self.ports.iter().any(|port| port.saved != Some(port.acknowledged()))
    }

    /// How much of what a sink has acknowledged would be repeated after a crash now.
    pub fn repeatable(&self) -> u64 {
        let unsaved = |port: &Port| port.acknowledged().saturating_sub(port.saved.unwrap_or(port.offered));
        self.ports.iter().map(unsaved).max().unwrap_or(0)
    }

    /// What was dropped for sinks since the last call.
    pub fn take_dropped(&mut self) -> Vec<Dropped> {
        std::mem::take(&mut self.dropped_for)
    }

    /// The first sink that has ended, and why.
    pub fn ended(&self) -> Option<(&str, Ended)> {
        self.ports.iter().find_map(|port| Some((port.sink.name(), port.sink.ended()?)))
    }

    pub fn lags(&self) -> Vec<Lag> {
        let lag = |port: &Port| Lag {
            sink: port.sink.name().to_owned(),
            waiting: waiting(&self.kept, port.acknowledged()),
            ended: port.sink.ended().map(|ended| format!("{ended:?}")),
        };
        self.ports.iter().map(lag).collect()
    }

    /// The same of a watch that does not run.
    pub fn saved_lags(store: &Store) -> Result<Vec<Lag>, Broken> {
        let kept = Outbox::restore(store)?.kept;
        let mut lags = Vec::new();
        store.each(Table::Sinks, |name, value| {
            let waiting = waiting(&kept, number(value).unwrap_or(0));
            lags.push(Lag { sink: String::from_utf8_lossy(name).into_owned(), waiting, ended: None });
        })?;
        Ok(lags)
    }

    /// What the sinks have to say, each with its name.
    pub fn take_notices(&mut self) -> Vec<(String, Notice)> {
        let said = |port: &mut Port| {
            let name = port.sink.name().to_owned();
            port.sink.take_notices().into_iter().map(move |notice| (name.clone(), notice))
        };
        self.ports.iter_mut().flat_map(said).collect()
    }

    /// Lets every sink take what it was offered.
    pub fn finish(&mut self, patience: std::time::Duration) {
        let until = std::time::Instant::now() + patience;
        for port in &mut self.ports {
            port.sink.finish(until.saturating_duration_since(std::time::Instant::now()));
        }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Dropped { lost, damaged, .. } = self;
        match damaged {
            true => write!(f, "{lost} transitions in the state could not be read and were skipped"),
            false => {
                write!(f, "{lost} transitions that waited for it were dropped: the latest of each key is left")
            }
        }
    }
}

impl Port {
    fn deliver(&mut self, window: &VecDeque<Entry>, end: u64, store: Option<&Store>) -> Result<(), Broken> {
        while self.next < end {
            let first = window.front().map_or(end, |entry| entry.number);
            if self.next < first {
                match store {
                    Some(store) => {
                        if !self.read_on(first, store)? {
                            return Ok(());
                        }
                    }
                    // What only the store has goes out when it is back.
                    None => return Ok(()),
                }
                continue;
            }
            let at = window.partition_point(|entry| entry.number < self.next);
            let Some(entry) = window.get(at) else {
                self.next = end;
                return Ok(());
            };
            if (store.is_some() && !entry.stored) || !self.offer(entry) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Offers what is below `until` and only in the store. `false`: the sink has no more room.
    fn read_on(&mut self, until: u64, store: &Store) -> Result<bool, Broken> {
        if self.ahead.is_empty() {
            let (ahead, damaged, read) = (&mut self.ahead, &mut self.damaged, &mut self.read);
            store.outbox(self.next.max(*read), |number, bytes| {
                if number < until {
                    *read = number + 1;
                    match Entry::decode(number, bytes) {
                        Some(entry) => ahead.push_back(entry),
                        None => *damaged += 1,
                    }
                }
                number < until && ahead.len() < READ
            })?;
        }
        if self.ahead.is_empty() {
            // Nothing of these numbers is left that can be read.
            self.next = until;
        }
        while let Some(entry) = self.ahead.pop_front() {
            if !self.offer(&entry) {
                self.ahead.push_front(entry);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives a record to the sink, if it is for it. `false`: the sink has no room.
    fn offer(&mut self, entry: &Entry) -> bool {
        if entry.only.as_deref().is_none_or(|only| only == self.sink.name()) {
            let taken = match entry.stored {
                true => self.sink.offer(entry.number, &entry.record),
                false => self.sink.offer(entry.number, &entry.not_durable()),
            };
            if !taken {
                return false;
            }
            self.offered = entry.number + 1;
        }
        self.next = entry.number + 1;
        true
    }

    /// Every record with a lower number has arrived, or was not for this sink.
    fn acknowledged(&self) -> u64 {
        match self.sink.acknowledged() {
            all if all >= self.offered => self.next,
            some => some,
        }
    }
}

/// How many of these have this number or a higher one.
fn waiting(kept: &VecDeque<(u64, u64)>, from: u64) -> u64 {
    (kept.len() - kept.partition_point(|(number, _)| *number < from)) as u64
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
