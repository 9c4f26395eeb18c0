//! The alarm topic on a real Kafka, as an operator and a consumer see it.
//!
//! Not part of a plain `cargo test`: it wants a broker with a KDC, kcat, Java and Python's confluent-kafka. What `.ci/run` does
//! can be done by hand:
//!
//! ```sh
//! scripts/kafka start --kerberos
//! python3 -m venv target/kafka/python && target/kafka/python/bin/pip install confluent-kafka
//! cargo test --release --test kafka_broker
//! ```
//!
//! Without a broker each of these tests fails and says so.

#[path = "../support/mod.rs"]
mod support;
#[path = "../watch_support/mod.rs"]
mod watch_support;

mod broker;
mod commands;
mod consumers;
mod crashes;
mod logins;
mod workload;
