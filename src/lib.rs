//! Turns the logs of Flink HA clusters and their ZooKeeper into alarms.
//!
//! The modules stand nearly in the order of the flow, and each uses only those above it (`docs/architecture.md`):
//!
//! - [`time`] and [`transition`]: event time, and the output record.
//! - [`pattern`]: the language of pattern files, compiled.
//! - [`scan`]: blocks of bytes in, hits and ticks out. Pure.
//! - [`input`]: which files there are, and whose they are, which for a loose file a scan of its first bytes tells; bytes
//!   come from here.
//! - [`correlate`]: hits and ticks in, transitions out. Pure and deterministic.
//! - [`replay`]: files scanned to runs, runs merged and correlated.
//! - [`selftest`]: the tests inside pattern files, which go the same way.
//! - [`speed`]: what each signal costs.
//! - [`state`]: what survives a crash.
//! - [`deliver`]: where transitions go.
//! - [`probe`]: checks of what no log says, written as logs.
//! - [`explain`]: why a line did what it did, or did nothing.
//! - [`catalogue`]: what an alarm means, and what to do about it.
//! - [`config`]: what the file and the command line come to.
//! - [`watch`]: logs as they are written, turn by turn.
//! - [`doctor`]: what stands in the way of watching.
//! - [`diagnose`]: the runbook of an alarm, walked as far as a program can.
//! - [`cli`]: one file per command.

// Data, paths and the outside world never end this program with a panic.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::todo, clippy::unimplemented))]

pub mod catalogue;
pub mod cli;
pub mod config;
pub mod correlate;
pub mod deliver;
pub mod diagnose;
pub mod doctor;
pub mod explain;
pub mod input;
pub mod pattern;
pub mod probe;
pub mod replay;
pub mod scan;
pub mod selftest;
pub mod speed;
pub mod state;
pub mod time;
pub mod transition;
pub mod watch;
