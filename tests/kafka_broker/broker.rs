//! The broker that `scripts/kafka` started, and topics of a test's own on it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::support::{Ended, Site};

/// Whatever has not arrived after this time will never arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whoever kills brokers is alone with them.
static CROWD: RwLock<()> = RwLock::new(());

pub fn beside_others() -> RwLockReadGuard<'static, ()> {
    CROWD.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub fn alone() -> RwLockWriteGuard<'static, ()> {
    CROWD.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn directory() -> PathBuf {
    std::env::var_os("TOCSIN_KAFKA_DIR").map_or_else(|| root().join("target/kafka"), PathBuf::from)
}

/// `scripts/kafka …`, which has to succeed.
#[track_caller]
pub fn script(args: &[&str]) {
    let ended = Command::new(root().join("scripts/kafka")).args(args).output().unwrap();
    assert!(ended.status.success(), "scripts/kafka {}: {}", args.join(" "), String::from_utf8_lossy(&ended.stderr));
}

/// One way to reach the broker: a file that `scripts/kafka` wrote.
pub struct Login {
    pub servers: String,
    properties: Vec<(String, String)>,
}

impl Login {
    #[track_caller]
    pub fn by(name: &str) -> Login {
        let path = directory().join(format!("clients/{name}.properties"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| {
            panic!("{}: {e}\nstart a broker first: scripts/kafka start --kerberos", path.display())
        });
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut properties: Vec<_> = text.lines().filter_map(pair).collect();
        let servers = properties.remove(0);
        assert_eq!(servers.0, "bootstrap.servers", "{}", path.display());
        Login { servers: servers.1, properties }
    }

    /// The same with one property changed, added, or (`None`) left out.
    pub fn with(mut self, name: &str, value: Option<&str>) -> Login {
        self.properties.retain(|(there, _)| there != name);
        self.properties.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    /// As another of the users that `scripts/kafka` made.
    pub fn user(self, name: &str) -> Login {
        self.with("sasl.username", Some(name)).with("sasl.password", Some(&format!("{name}-secret")))
    }

    pub fn run(&self, site: &Site, before: &[&str], topic: &str, after: &[&str]) -> Ended {
        Ended::of(self.command(site, before, topic, after).output().unwrap())
    }

    /// `before`, the topic, the properties, `after`. A password is never an argument.
    pub fn command(&self, site: &Site, before: &[&str], topic: &str, after: &[&str]) -> Command {
        let mut args: Vec<String> = before.iter().map(|arg| (*arg).to_owned()).collect();
        args.push(format!("kafka://{}/{topic}", self.servers));
        for (name, value) in &self.properties {
            let value = if name == "sasl.password" { "${PASSWORD_OF_THE_TEST}" } else { value };
            args.extend(["-X".to_owned(), format!("{name}={value}")]);
        }
        args.extend(after.iter().map(|arg| (*arg).to_owned()));
        let mut command = site.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        if let Some((_, password)) = self.properties.iter().find(|(name, _)| name == "sasl.password") {
            command.env("PASSWORD_OF_THE_TEST", password);
        }
        // Tickets of its own: another test's would do as well.
        command.env("KRB5CCNAME", site.path("tickets")).env("KRB5_CONFIG", directory().join("kerberos/krb5.conf"));
        command
    }
}

/// A topic of one test.
pub struct Topic {
    pub name: String,
    pub login: Login,
}

/// What a consumer saw of one message.
pub struct Seen {
    pub key: String,
    pub headers: HashMap<String, String>,
    pub record: Value,
}

impl Seen {
    pub fn id(&self) -> &str {
        self.record["id"].as_str().unwrap()
    }
}

impl Topic {
    #[track_caller]
    pub fn make(about: &str, partitions: i32, settings: &[(&str, &str)]) -> Topic {
        let topic = Topic::none(about);
        topic.create(partitions, settings);
        topic
    }

    /// Over the plain listener, where one may do everything.
    #[track_caller]
    pub fn create(&self, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.login.servers).create().unwrap();
        let brokers = self.login.servers.split(',').count() as i32;
        let mut new =
            NewTopic::new(&self.name, partitions, TopicReplication::Fixed(brokers)).set("cleanup.policy", "compact");
        for (name, value) in settings {
            new = new.set(name, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(admin.create_topics([&new], &options));
        assert_eq!(made.unwrap(), [Ok(self.name.clone())]);
    }

    /// A name that no topic has.
    pub fn none(about: &str) -> Topic {
        static NAMED: AtomicU32 = AtomicU32::new(0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        let name = format!("{about}-{now:x}-{}", NAMED.fetch_add(1, Ordering::Relaxed));
        Topic { name, login: Login::by("plaintext") }
    }

    /// Everything from the beginning of all partitions, as it comes.
    pub fn listen(&self) -> Listener {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.login.servers)
            .set("group.id", "nobody")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(&self.name), PATIENCE).unwrap();
        let partitions: Vec<i32> = metadata.topics()[0].partitions().iter().map(|partition| partition.id()).collect();
        let mut all = TopicPartitionList::new();
        for partition in &partitions {
            all.add_partition_offset(&self.name, *partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        Listener { consumer, partitions }
    }

    /// The first so many.
    pub fn read(&self, count: usize) -> Vec<Seen> {
        let listener = self.listen();
        (0..count).map(|_| listener.next()).collect()
    }

    /// How many messages lie between the ends of the partitions, those that were compacted away among them.
    pub fn count(&self) -> i64 {
        let listener = self.listen();
        let marks = |p: &i32| listener.consumer.fetch_watermarks(&self.name, *p, PATIENCE).unwrap();
        listener.partitions.iter().map(marks).map(|(low, high)| high - low).sum()
    }

    /// Key and id of everything that is there.
    pub fn everything(&self) -> Vec<(String, String)> {
        let listener = self.listen();
        let (mut seen, mut open) = (Vec::new(), listener.partitions.len());
        while open > 0 {
            match listener.consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    let message = read(&message);
                    seen.push((message.key.clone(), message.id().to_owned()));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                other => panic!("{other:?}"),
            }
        }
        seen
    }
}

pub struct Listener {
    consumer: BaseConsumer,
    partitions: Vec<i32>,
}

impl Listener {
    /// The next message; brokers may be away in between.
    pub fn next(&self) -> Seen {
        let until = Instant::now() + PATIENCE;
        loop {
            // What is wrong with the connection is told here too, and passes.
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) {
                return read(&message);
            }
            assert!(Instant::now() < until, "nothing more arrives");
        }
    }
}

fn read(message: &BorrowedMessage) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Seen {
        key: text(message.key().unwrap()),
        headers: headers.map(|h| (h.key.to_owned(), text(h.value.unwrap()))).collect(),
        record: serde_json::from_slice(message.payload().unwrap()).unwrap(),
    }
}
