//! The configuration: one file, and what it comes to together with the command line.
//!
//! A service is started by a unit file that nobody likes to edit, and asked about by an operator who did not write it.
//! So one TOML file can say everything that the command line can, and each setting that is in effect knows who said it.
//!
//! - [`model`] and [`load`]: the file as written, with a place for every value and every mistake.
//! - [`value`] and [`secret`]: what single values may look like, and those that are never shown.
//! - [`defaults`]: what holds if nobody says anything.
//! - [`probes`]: the probes that are wanted.
//! - [`settings`]: the command line over the file over the defaults; [`show`] writes that down again.
//! - [`patterns`], [`zones`] and [`watch`]: the same with all names known, as `watch` and `replay` run on it.

pub mod defaults;
pub mod error;
pub mod load;
pub mod model;
pub mod patterns;
pub mod probes;
pub mod secret;
pub mod settings;
pub mod show;
pub mod value;
pub mod watch;
pub mod zones;

pub use error::ConfigError;
pub use load::{ConfigFile, DEFAULT_FILE};
pub use patterns::PatternSet;
pub use probes::WantedProbe;
pub use settings::{Given, Origin, Settings, Sourced};
pub use value::{Begin, LogFormat, Shown, Sink};
pub use watch::WatchSettings;
pub use zones::LogZones;
