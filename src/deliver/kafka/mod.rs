//! Kafka: the alarm topic that others build on.
//!
//! A topic that is compacted holds the last record of each instance, so it says at any time what is active. That is true
//! only if nothing is lost, and if the records of one key arrive in their order: so a record counts as sent when all
//! replicas have it, records are sent again from the first that was not acknowledged, and one that fails stops those
//! behind it until it was sent again.
//!
//! - [`target`]: which brokers, which topic, and the properties that the user gave.
//! - [`trouble`]: what can go wrong, in words that say what to do.
//! - `client`: librdkafka configured, and listened to; `reasons` makes troubles of what it says.
//! - `window`: what is on its way, in order; `worker` sends it; `sink` is both as a [`Sink`](super::sink::Sink).
//! - `message`: a record as a message with its headers.
//! - [`topic`]: a topic's settings, made and checked; `admin` asks the brokers.
//! - `read`: what a topic holds.
//!
//! Without the feature `kafka`, only the parts that need no librdkafka are there, and `absent` says so to those who ask.

pub mod target;
pub mod topic;
pub mod trouble;

#[cfg(feature = "kafka")]
mod admin;
#[cfg(feature = "kafka")]
mod client;
#[cfg(feature = "kafka")]
mod message;
#[cfg(feature = "kafka")]
mod read;
#[cfg(feature = "kafka")]
mod reasons;
#[cfg(feature = "kafka")]
mod sink;
#[cfg(feature = "kafka")]
mod window;
#[cfg(feature = "kafka")]
mod worker;

#[cfg(not(feature = "kafka"))]
mod absent;

#[cfg(not(feature = "kafka"))]
pub use absent::*;
#[cfg(feature = "kafka")]
pub use {
    admin::{ask, create},
    client::check,
    read::{last, read},
    sink::open,
};

use crate::transition::Mode;

/// The header that tells what a record is worth without a look into it.
pub const MODE_HEADER: &str = "tocsin_mode";

/// A message of the topic, as a reader gets it.
#[derive(Clone, Debug)]
pub struct Message {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    /// `None`: a tombstone.
    pub value: Option<Vec<u8>>,
    /// What [`MODE_HEADER`] says.
    pub mode: Option<Vec<u8>>,
}

impl Message {
    pub fn is_of(&self, mode: Mode) -> bool {
        self.mode.as_deref() == Some(mode.name().as_bytes())
    }
}

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Beginning,
    /// What comes from now on.
    Now,
    /// The first message that was sent at this time or later, in UTC milliseconds.
    Time(i64),
}

/// What a reader is told.
pub enum Heard<'a> {
    Message(&'a Message),
    /// All that was there at the beginning has been told.
    End,
    /// It cannot go on for now, and tries again.
    Trouble(&'a trouble::Trouble),
    /// Nothing for a while: a chance to stop.
    Nothing,
}
