//! What a sink is to `watch`: something that takes records in order and says later which it has.
//!
//! A sink works on a thread of its own, so that a slow one delays nobody. It may take a record again after a restart;
//! the record's id says so.

use std::sync::Arc;
use std::time::Duration;

use crate::transition::Transition;

pub trait Sink {
    /// As it is called in the state and in messages; secrets are no part of it.
    fn name(&self) -> &str;

    /// Hands over the next record. `false`: there is no room now; it will wake the watch when there is.
    fn offer(&mut self, number: u64, record: &Arc<Transition>) -> bool;

    /// Every record with a lower number has arrived.
    fn acknowledged(&self) -> u64;

    /// Why it will never take anything again, if that is so.
    fn ended(&self) -> Option<Ended>;

    /// What it has to say since it was last asked.
    fn take_notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }

    /// Lets what was handed over arrive, for no longer than this.
    fn finish(&mut self, patience: Duration);
}

/// What a person should know of a sink that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Nothing arrives. `lasting`: not before somebody mends what the words say; the sink tries again now and then.
    Troubled { why: String, lasting: bool },
    /// It arrives, again or for the first time.
    Well,
    /// This record can never arrive, and is counted as if it had: those behind it go on.
    Refused { key: Arc<str>, id: String, why: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Whoever read our standard output is gone.
    Closed,
    Failed(String),
}
