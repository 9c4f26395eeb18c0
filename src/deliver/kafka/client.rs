//! librdkafka, configured for alarms, and listened to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaRespErr;

use super::reasons::Names;
use super::target::{IN_FLIGHT, Patience, Setting, Target};
use super::trouble::{Kind, Trouble};
use super::window::ROOM;

/// A command that has an end waits for an acknowledgement no longer than this.
pub const LONGEST: Duration = Duration::from_secs(60);

const TIMEOUT: [&str; 2] = ["message.timeout.ms", "delivery.timeout.ms"];

/// How long to wait for the brokers' description of themselves, try by try; the last again and again.
pub const ASKING: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
pub const LAST_ASKING: Duration = Duration::from_secs(2);

/// A person who waits for an answer gets one after this.
const SOON: Duration = Duration::from_secs(6);

/// What is set unless the user says otherwise, by all the names that librdkafka has for it.
const DEFAULTS: [(&[&str], &str); 3] = [
    (&["client.id"], "tocsin"),
    // A topic that springs into being has settings that lose alarms.
    (&["allow.auto.create.topics"], "false"),
    (&["reconnect.backoff.max.ms"], "3000"),
];

const OF_PRODUCERS: [(&[&str], &str); 9] = [
    (&["enable.idempotence"], "true"),
    (&["acks", "request.required.acks"], "all"),
    // Known to every broker that is in use, unlike zstd.
    (&["compression.type", "compression.codec"], "lz4"),
    // As the clients in Java do it, so that a key is in the same partition whoever sends it.
    (&["partitioner"], "murmur2_random"),
    (&["topic.metadata.propagation.max.ms"], "1000"),
    (&["queue.buffering.max.kbytes"], "65536"),
    (&["linger.ms", "queue.buffering.max.ms"], "5"),
    (&["socket.keepalive.enable"], "true"),
    (&["batch.size"], "1000000"),
];

const OF_CONSUMERS: [(&[&str], &str); 4] = [
    // It only has to be there: no group is joined and nothing is committed.
    (&["group.id"], "tocsin-tail"),
    (&["enable.auto.commit"], "false"),
    (&["enable.partition.eof"], "true"),
    (&["auto.offset.reset"], "earliest"),
];

/// Are the properties such as a client could be made of?
pub fn check(target: &Target) -> Result<(), Trouble> {
    let settings = target.settings()?;
    let config = for_producer(target, &settings, false);
    config.create_native_config().map(drop).map_err(|e| names(target, &settings).refused(&e, &settings))
}

/// How long a command that has an end waits, which the user may say as for librdkafka.
pub fn longest(settings: &[Setting]) -> Duration {
    let said = super::target::value(settings, &TIMEOUT).and_then(|text| text.parse().ok());
    said.filter(|millis| *millis > 0).map_or(LONGEST, Duration::from_millis)
}

pub fn names(target: &Target, settings: &[Setting]) -> Names {
    Names::new(&target.brokers, &target.topic, settings)
}

/// `alone`: each record in a batch of its own.
pub fn for_producer(target: &Target, settings: &[Setting], alone: bool) -> ClientConfig {
    let mut defaults = OF_PRODUCERS.to_vec();
    let room = ROOM.to_string();
    defaults.push((&["queue.buffering.max.messages"], &room));
    let longest = LONGEST.as_millis().to_string();
    // While the brokers are away nothing fails: what fails could only be sent again, and would have lost its place.
    let patience = if target.patience == Patience::Once { longest.as_str() } else { "0" };
    defaults.push((&TIMEOUT, patience));
    if !super::target::is_idempotent(settings) {
        // Or else a record that is sent again could overtake; a target with more is refused.
        defaults.push((&IN_FLIGHT, "1"));
    }
    let mut config = configured(target, settings, &defaults);
    if alone {
        config.set("batch.num.messages", "1");
    }
    config
}

pub fn for_consumer(target: &Target, settings: &[Setting]) -> ClientConfig {
    configured(target, settings, &OF_CONSUMERS)
}

fn configured(target: &Target, settings: &[Setting], more: &[(&[&str], &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    // Errors come by a callback; of the log only what stands nowhere else is of interest: why a connection was closed.
    config.set_log_level(RDKafkaLogLevel::Info);
    config.set("bootstrap.servers", &target.brokers);
    for (names, value) in DEFAULTS.iter().chain(more) {
        if super::target::value(settings, names).is_none() {
            config.set(names[0], *value);
        }
    }
    for setting in settings {
        config.set(&setting.name, &setting.value);
    }
    config
}

/// What a client has said of itself.
#[derive(Default)]
pub struct Said {
    /// The trouble that explains most.
    pub trouble: Option<Trouble>,
    /// No broker is connected.
    pub down: bool,
}

#[derive(Default)]
pub struct Ears(Mutex<Said>);

impl Ears {
    pub fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn logged(&self, names: &Names, facility: &str, text: &str) {
        if let Some(trouble) = names.logged(facility, text) {
            self.hear(trouble);
        }
    }

    pub fn told(&self, names: &Names, error: &KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(Code::AllBrokersDown) {
            self.said().down = true;
        }
        if let Some(trouble) = names.said(error, reason) {
            self.hear(trouble);
        }
    }

    /// The root of several troubles goes before what comes of it, and what lasts before what passes.
    fn hear(&self, trouble: Trouble) {
        let weight = |t: &Trouble| (matches!(t.kind, Kind::NoKinit | Kind::Kinit), t.is_lasting());
        let mut said = self.said();
        if said.trouble.as_ref().is_none_or(|known| weight(known) <= weight(&trouble)) {
            said.trouble = Some(trouble);
        }
    }
}

/// Hears a client that only asks or reads.
pub struct Listener {
    names: Names,
    ears: Arc<Ears>,
}

impl ClientContext for Listener {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, text: &str) {
        self.ears.logged(&self.names, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.ears.told(&self.names, &error, reason);
    }
}

impl ConsumerContext for Listener {}

/// A consumer, and what it hears.
pub fn consumer(target: &Target) -> Result<(BaseConsumer<Listener>, Names, Arc<Ears>), Trouble> {
    let settings = target.settings()?;
    let names = names(target, &settings);
    let ears = Arc::<Ears>::default();
    let listener = Listener { names: names.clone(), ears: ears.clone() };
    let config = for_consumer(target, &settings);
    let consumer = config.create_with_context(listener).map_err(|e| names.refused(&e, &settings))?;
    Ok((consumer, names, ears))
}

/// The error of a topic, if it cannot be written to.
pub fn error_of_topic(metadata: &Metadata, topic: &str) -> Option<Code> {
    let found = metadata.topics().iter().find(|t| t.name() == topic);
    match found {
        None => Some(Code::UnknownTopicOrPartition),
        Some(found) => match found.error() {
            // It is being made, or moves.
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) | None => None,
            Some(error) => Some(error.into()),
        },
    }
}

/// The brokers' description of a topic, or why there is none. `hear` lets the client tell what it has to say.
pub fn metadata<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    ears: (&Names, &Ears),
    hear: &dyn Fn(),
) -> Result<Metadata, Trouble> {
    let metadata = asked(client, Some(topic), ears, hear)?;
    match error_of_topic(&metadata, topic) {
        Some(code) => Err(ears.0.failed(code)),
        None => Ok(metadata),
    }
}

/// The brokers' description of themselves.
pub fn metadata_of_all<C: ClientContext>(
    client: &Client<C>,
    ears: (&Names, &Ears),
    hear: &dyn Fn(),
) -> Result<Metadata, Trouble> {
    asked(client, None, ears, hear)
}

fn asked<C: ClientContext>(
    client: &Client<C>,
    topic: Option<&str>,
    (names, ears): (&Names, &Ears),
    hear: &dyn Fn(),
) -> Result<Metadata, Trouble> {
    let began = Instant::now();
    let mut waits = ASKING.into_iter();
    loop {
        let error = match client.fetch_metadata(topic, waits.next().unwrap_or(LAST_ASKING)) {
            Ok(metadata) => return Ok(metadata),
            Err(error) => error,
        };
        hear();
        let certain = std::mem::take(&mut ears.said().down) && ears.said().trouble.is_some();
        if certain || began.elapsed() > SOON {
            return Err(because(names, ears, &error));
        }
    }
}

/// What was heard about why something did not work, or else the error itself.
pub fn because(names: &Names, ears: &Ears, error: &KafkaError) -> Trouble {
    let said = ears.said().trouble.take();
    said.unwrap_or_else(|| match error.rdkafka_error_code() {
        Some(Code::BrokerTransportFailure) | None => names.trouble(Kind::Silent, &error.to_string()),
        Some(code) => names.failed(code),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_idempotence_one_request_is_on_its_way_however_that_is_said() {
        let target = Target {
            name: "kafka://b/t".into(),
            brokers: "b:9092".into(),
            topic: "t".into(),
            settings: Arc::new(|| Ok(Vec::new())),
            patience: Patience::Endless,
        };
        for (said, in_flight) in [("false", Some("1")), ("0", Some("1")), ("F", Some("1")), ("true", None)] {
            let setting = Setting { name: "enable.idempotence".into(), value: said.into(), hidden: false };
            let config = for_producer(&target, &[setting], false);
            assert_eq!(config.get("max.in.flight.requests.per.connection"), in_flight, "{said}");
            assert!(config.create_native_config().is_ok(), "{said}");
        }
    }
}
