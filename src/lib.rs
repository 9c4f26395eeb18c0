//! Turns the logs of Flink HA clusters and their ZooKeeper into alarms.

pub mod correlate;
pub mod pattern;
pub mod replay;
pub mod scan;
pub mod selftest;
pub mod time;
pub mod transition;
