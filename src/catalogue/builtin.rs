//! The runbooks that are part of the binary.

macro_rules! files {
    ($($alarm:literal),* $(,)?) => {
        &[$(($alarm, include_str!(concat!("../../patterns/runbooks/", $alarm, ".md")))),*]
    };
}

/// Alarm and text. A test compares this list with the directory and with the alarms.
pub const RUNBOOKS: &[(&str, &str)] = files![
    "ALM-12010",
    "ALM-12011",
    "ALM-13000",
    "ALM-13001",
    "ALM-13007",
    "ALM-27003",
    "ALM-27004",
    "ALM-45640",
    "ALM-45641",
    "ALM-45653",
    "ALM-45654",
    "ALM-45655",
    "FLINK-CHECKPOINT-FAILED",
    "FLINK-FATAL",
    "FLINK-FLOAT-IP-INVALID",
    "FLINK-HA-STORAGE-DENIED",
    "FLINK-JM-LOST",
    "FLINK-JOB-FAILED",
    "FLINK-LEADER-CHANGED",
    "FLINK-PROCESS-STARTED",
    "FLINK-TM-LOST",
    "FLINK-ZK-LOST",
    "FLINK-ZK-SUSPENDED",
    "HA-GATEWAY",
    "HA-LINK",
    "HA-NETWORK",
    "HA-RESTART",
    "HA-SWITCHOVER",
    "ZK-FOLLOWER-LOST",
    "ZK-LEADER-LOST",
    "ZK-NOT-SERVING",
    "ZK-SERVER-DOWN",
    "ZK-SESSION-EXPIRED",
];
