//! `tocsin test-alarm`: does an alarm reach those who wait for it?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::Terminal;
use super::exit::{Exit, Failure};
use super::kafka_args::KafkaArgs;
use super::replay::host;
use super::sending::Remote;
use crate::config::kafka::target;
use crate::config::settings::Environment;
use crate::config::{ConfigFile, Given, Settings, Sink};
use crate::deliver::kafka::target::Patience;
use crate::deliver::stdout::{Stdout, printable};
use crate::time::{Millis, Moment};
use crate::transition::{ClearedBy, Event, Location, Mode, Provenance, SCHEMA, Severity, Transition, id, key};

/// The alarm of the test.
const ALARM: &str = "TOCSIN-TEST";

/// Send a marked raise and its clear through every sink, and report each acknowledgement
///
/// The records are of the alarm TOCSIN-TEST and carry `"mode":"test"`, as does the header `tocsin_mode`. The exit code is 1 if
/// a sink did not acknowledge both.
#[derive(Args, Debug)]
pub struct TestAlarm {
    /// A sink to test: `stdout`, or kafka://BROKER[,BROKER]/TOPIC (default: those of the configuration)
    #[arg(long, value_name = "SINK", value_parser = Sink::parse)]
    to: Vec<Sink>,

    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The name of the cluster (default: that of the configuration, or default)
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    cluster: Option<String>,

    #[command(flatten)]
    kafka: KafkaArgs,
}

impl TestAlarm {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let settings = self.settings(terminal.stderr)?;
        let (patterns, _) = settings.pattern_set().compile(terminal.stderr)?;
        let place = Location {
            source: settings.cluster.value.as_str().into(),
            service: "tocsin".into(),
            role: "test".into(),
            node: host().into(),
        };
        let now = Utc::now().timestamp_millis();
        let records = [Event::Raise, Event::Clear].map(|event| Arc::new(record(event, &place, &patterns.hash, now)));
        let mut failed = false;
        for sink in &settings.to.value {
            if let Err(failure) = send(sink, &settings, &records, terminal) {
                // The others are tested all the same.
                eprintln!("{sink}: {}", failure.message);
                failed = true;
            }
        }
        Ok(if failed { Exit::Failed } else { Exit::Fine })
    }

    fn settings(&self, coloured: bool) -> Result<Settings, Failure> {
        let file = ConfigFile::find(self.config.as_deref(), coloured)?;
        let kafka = self.kafka.properties()?;
        let given = Given { to: self.to.clone(), cluster: self.cluster.clone(), kafka, ..Given::default() };
        Ok(Settings::new(given, file, &Environment::of_process()))
    }
}

fn send(sink: &Sink, settings: &Settings, records: &[Arc<Transition>; 2], terminal: &Terminal) -> Result<(), Failure> {
    let Some(target) = target(sink, &settings.kafka, Patience::Once) else {
        let mut stdout = Stdout::new(std::io::stdout().lock(), settings.format.value, terminal.stdout);
        stdout.begin()?;
        for record in records {
            stdout.write(record)?;
            eprintln!("{sink}: {} written", record.event.name());
        }
        return Ok(());
    };
    let mut remote = Remote::open(&target)?;
    for record in records {
        let began = Instant::now();
        remote.offer(record)?;
        remote.wait(false)?;
        remote.refuse_refused()?;
        let words = format!("{} acknowledged after {} ms", record.event.name(), began.elapsed().as_millis());
        eprintln!("{}: {words}", printable(&target.name));
    }
    remote.finish();
    Ok(())
}

fn record(event: Event, place: &Location, patterns: &Arc<str>, now: Millis) -> Transition {
    let key: Arc<str> = key(ALARM, place, &BTreeMap::new()).into();
    let (time, cleared) = (Moment::utc(now), event == Event::Clear);
    Transition {
        schema: SCHEMA,
        id: id(&key, event, now, 0),
        event,
        alarm: ALARM.into(),
        alarm_id: None,
        name: "A Test of the Way That Alarms Take".into(),
        severity: Severity::Warning,
        causes: vec!["test".into()],
        key,
        time,
        raised_at: Some(time),
        cleared_by: cleared.then_some(ClearedBy::Operator),
        duration_ms: cleared.then_some(0),
        node: place.node.clone(),
        location: place.clone(),
        params: BTreeMap::new(),
        count: 1,
        evidence: Vec::new(),
        provenance: Provenance::Documented,
        patterns: patterns.clone(),
        late: false,
        time_assumed: false,
        mode: Mode::Test,
        detected_at: Some(time),
        durable: true,
        runbook: None,
    }
}
