//! A broker in this process: librdkafka's mock cluster, to which the real binary sends over loopback.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

/// Whatever has not happened after this time will never happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const TOPIC: &str = "alarms";

/// The mock takes a broker down by binding its port anew, which fails while another test starts a process: for a moment
/// that has all descriptors of this one.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub struct Kafka {
    pub cluster: MockCluster<'static, DefaultProducerContext>,
    _alone: MutexGuard<'static, ()>,
}

/// A message as a consumer sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub partition: i32,
    pub key: String,
    pub value: Value,
    pub headers: Vec<(String, String)>,
}

impl Seen {
    pub fn id(&self) -> &str {
        self.value["id"].as_str().unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{name}: {self:?}")).1
    }
}

impl Kafka {
    /// One broker with the topic.
    pub fn start() -> Kafka {
        let kafka = Kafka::without_topic();
        kafka.cluster.create_topic(TOPIC, 3, 1).unwrap();
        kafka
    }

    pub fn without_topic() -> Kafka {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        Kafka { cluster: MockCluster::new(1).unwrap(), _alone: alone }
    }

    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    pub fn url(&self) -> String {
        format!("kafka://{}/{TOPIC}", self.brokers())
    }

    /// Reads the topic from its beginning until this holds of what was seen.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let consumer = self.consumer();
        let until = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while !holds(&seen) {
            // Anything else: a broker that is down comes up again.
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                seen.push(see(&message));
            }
            assert!(Instant::now() < until, "{what}: {} messages: {seen:#?}", seen.len());
        }
        seen
    }

    /// All that is in the topic now.
    pub fn all(&self) -> Vec<Seen> {
        let consumer = self.consumer();
        let ends = (0..3).map(|p| consumer.fetch_watermarks(TOPIC, p, PATIENCE).unwrap().1).sum::<i64>();
        self.until("all", |seen| seen.len() as i64 >= ends)
    }

    fn consumer(&self) -> BaseConsumer {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.brokers())
            .set("group.id", "test")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..3 {
            all.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        consumer
    }

    /// Puts a message there that tocsin did not send.
    pub fn put(&self, key: &str, value: Option<&str>, mode: Option<&str>) {
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", self.brokers()).create().unwrap();
        let mut record = BaseRecord::<str, str>::to(TOPIC).key(key);
        if let Some(value) = value {
            record = record.payload(value);
        }
        if let Some(mode) = mode {
            let header = rdkafka::message::Header { key: "tocsin_mode", value: Some(mode) };
            record = record.headers(rdkafka::message::OwnedHeaders::new().insert(header));
        }
        producer.send(record).map_err(|(e, _)| e).unwrap();
        producer.flush(PATIENCE).unwrap();
    }
}

fn see(message: &impl Message) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = message
        .headers()
        .map(|headers| headers.iter().map(|h| (h.key.to_owned(), h.value.map(text).unwrap_or_default())).collect());
    let value = message.payload().map_or(Value::Null, |value| serde_json::from_slice(value).unwrap());
    let key = message.key().map(text).unwrap_or_default();
    Seen { partition: message.partition(), key, value, headers: headers.unwrap_or_default() }
}
