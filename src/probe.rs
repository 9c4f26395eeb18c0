//! Probes: what no log line shows.
//!
//! Some alarms are about what nobody logs: a certificate that ends next month, a client that has nearly all the
//! connections that it may have, a server that is not there to say so. A probe looks, and writes what it saw as a line of
//! a log of its own; that log is tailed, correlated, replayed and delivered like any other. So a probe decides nothing
//! about alarms, and what it saw can be read again years later.
//!
//! - [`certificate`], [`zookeeper`]: one look each, with a typed result; they change nothing and wait no longer than they
//!   are told to.
//! - [`settings`]: what is looked at, and when.
//! - [`line`](mod@line), [`log`]: what was seen as lines of JSON, and the files they stand in.
//! - [`level`], [`rounds`], [`files`]: what must be remembered from one look to the next, to say that a client is over its
//!   limit for the third time, or that a file is no longer there.
//! - [`schedule`], [`run`]: when to look, and the threads that do; [`once`]: what a single look would raise.

pub mod certificate;
pub mod files;
pub mod level;
pub mod line;
pub mod log;
pub mod once;
pub mod rounds;
pub mod run;
pub mod schedule;
pub mod settings;
pub mod zookeeper;

pub use run::Probes;
pub use settings::Settings;
