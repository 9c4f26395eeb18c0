//! Watching: logs in as they are written, transitions out as they happen, and nothing lost in between.
//!
//! [`core`] is the watch itself, without clock and without waiting; [`turns`] decides what is looked at and when; [`run`]
//! brings the real clock, the wake-up, signals and sinks.

mod backlog;
pub mod core;
mod feed;
mod learning;
mod named;
mod own;
mod past;
mod pipe;
mod report;
mod run;
mod saving;
mod sinks;
mod socket;
mod source;
mod status;
mod stdin;
mod ticking;
pub mod turns;
mod watchdog;

pub use feed::{News, SavedFeed};
pub use named::Named;
pub use own::Own;
pub use past::{Begun, Past};
pub use report::Report;
pub use run::{Reload, WatchError, run};
pub use sinks::forget_others;
pub use socket::{Answer, Asked, Question, Socket, ask};
pub use source::Source;
pub use status::{Reached, Status};
pub use stdin::Piped;
