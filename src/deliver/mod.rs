//! Making transitions known.
//!
//! `replay` writes to standard output as it goes. `watch` keeps what it has to say in an [`Outbox`] until each of its
//! sinks has acknowledged it.

pub mod kafka;
pub mod outbox;
pub mod screen;
pub mod sink;
pub mod stdout;

pub use outbox::Outbox;
