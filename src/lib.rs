//! Turns the logs of Flink HA clusters and their ZooKeeper into alarms.
//!
//! The modules stand in the order of the flow, and each uses only those above it:
//!
//! - [`time`] and [`transition`]: event time, and the output record.
//! - [`pattern`]: the language of pattern files, compiled.
//! - [`input`]: which files there are, and whose they are; bytes come from here.
//! - [`scan`]: blocks of bytes in, hits and ticks out. Pure.
//! - [`correlate`]: hits and ticks in, transitions out. Pure and deterministic.
//! - [`replay`]: files scanned to runs, runs merged and correlated.
//! - [`selftest`]: the tests inside pattern files, which go the same way.
//! - [`state`]: what survives a crash.
//! - [`deliver`]: where transitions go.
//! - [`explain`]: why a line did what it did, or did nothing.
//! - [`catalogue`]: what an alarm means, and what to do about it.
//! - [`config`]: what the file and the command line come to.
//! - [`watch`]: logs as they are written, turn by turn.
//! - [`doctor`]: what stands in the way of watching.
//! - [`cli`]: one file per command.

pub mod catalogue;
pub mod cli;
pub mod config;
pub mod correlate;
pub mod deliver;
pub mod doctor;
pub mod explain;
pub mod input;
pub mod pattern;
pub mod replay;
pub mod scan;
pub mod selftest;
pub mod state;
pub mod time;
pub mod transition;
pub mod watch;
