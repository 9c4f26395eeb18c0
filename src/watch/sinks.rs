//! The sinks of a watch, from the configuration; and those that were, and are no more.
//!
//! The store knows how far each sink is. Of one that is no longer wanted nothing is kept from then on, so how far it was
//! means nothing when it is wanted again: it is forgotten, and comes back as a new one, which first gets what is active.

use std::io;

use super::run::WatchError;
use crate::config::kafka::target;
use crate::config::value::Sink as Wanted;
use crate::config::watch::WatchSettings;
use crate::deliver::Outbox;
use crate::deliver::kafka::{self, target::Patience};
use crate::deliver::outbox::Lag;
use crate::deliver::screen::Screen;
use crate::deliver::sink::Sink;
use crate::deliver::stdout::Stdout;
use crate::input::tail::wake::Caller;
use crate::state::{Batch, Broken, Keeper, Table};

/// The outbox with its sinks, and those that the state does not know.
pub fn sinks(
    settings: &WatchSettings,
    keeper: &Keeper,
    known: bool,
    coloured: bool,
    caller: &Caller,
) -> Result<(Outbox, Vec<String>), WatchError> {
    let Some(store) = keeper.store() else { return Ok((Outbox::default(), Vec::new())) };
    let bad = |e: Broken| WatchError::Past { dir: settings.state.dir.display().to_string(), why: e.to_string() };
    let mut outbox = Outbox::restore(store).map_err(bad)?;
    outbox.bound(settings.state.outbox);
    let mut new = Vec::new();
    for wanted in &settings.sinks {
        let name = wanted.to_string();
        let cursor = Outbox::cursor(store, &name).map_err(bad)?;
        if cursor.is_none() && known {
            new.push(name);
        }
        let from = cursor.unwrap_or(outbox.end());
        outbox.add(open(wanted, settings, from, coloured, caller)?, from);
    }
    Ok((outbox, new))
}

fn open(
    wanted: &Wanted,
    settings: &WatchSettings,
    from: u64,
    coloured: bool,
    caller: &Caller,
) -> Result<Box<dyn Sink>, WatchError> {
    let caller = caller.clone();
    match target(wanted, &settings.kafka, Patience::Endless) {
        Some(target) => Ok(kafka::open(&target, from, move || caller.call())?),
        None => {
            let out = Stdout::new(io::stdout(), settings.format, coloured);
            Ok(Box::new(Screen::start(out, from, move || caller.call())))
        }
    }
}

/// Forgets all sinks but these, and gives what waited for those that are forgotten.
pub fn forget_others(keeper: &Keeper, wanted: &[String]) -> Result<Vec<Lag>, Broken> {
    let Some(store) = keeper.store() else { return Ok(Vec::new()) };
    let mut gone = Outbox::saved_lags(store)?;
    gone.retain(|lag| !wanted.contains(&lag.sink));
    if !gone.is_empty() {
        let mut batch = Batch::default();
        gone.iter().for_each(|lag| batch.remove(Table::Sinks, lag.sink.as_str()));
        store.commit(&batch)?;
    }
    Ok(gone)
}
