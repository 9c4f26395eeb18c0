//! Sinks that were, and are no more.
//!
//! The store knows how far each sink is. Of one that is no longer wanted nothing is kept from then on, so how far it was
//! means nothing when it is wanted again: it is forgotten, and comes back as a new one, which first gets what is active.

use crate::deliver::Outbox;
use crate::deliver::outbox::Lag;
use crate::state::{Batch, Broken, Keeper, Table};

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
