//! What `watch` and `replay` are told alike: whose the logs are and in which zone, and what the outcome is like.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::exit::Failure;
use super::filter::ShownArgs;
use super::kafka_args::KafkaArgs;
use super::pattern_args::PatternArgs;
use super::zones;
use crate::config::{Given, Sink, value};
use crate::deliver::stdout::Format;
use crate::time::Millis;
use crate::transition::Severity;

/// Which logs these are, and what is looked for in them.
#[derive(Args, Clone, Debug, Default)]
pub struct LogArgs {
    /// The configuration file; what the command line says replaces what it says
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The time zone of the logs: a name, an offset, or LOG=ZONE for one log (default: this machine's)
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub tz: Vec<String>,

    /// The node of everything below a path (`-`: standard input)
    #[arg(long, value_name = "NODE=PATH", value_parser = pair)]
    pub assign: Vec<(String, PathBuf)>,

    /// The log that a file is of (`-`: standard input)
    #[arg(long, value_name = "NAME=PATH", value_parser = pair)]
    pub log: Vec<(String, PathBuf)>,

    #[command(flatten)]
    pub patterns: PatternArgs,
}

/// What the outcome is like.
#[derive(Args, Clone, Debug)]
pub struct OutcomeArgs {
    /// The name of the cluster, the first part of every location (default: default)
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub cluster: Option<String>,

    /// How transitions are written to standard output (default: json)
    #[arg(long, value_enum)]
    pub format: Option<Format>,

    /// How much older a line of another log must be to be seen as a reason; live, how long lines wait for older ones
    /// (default: 2s)
    #[arg(long, value_name = "DURATION", value_parser = value::hold)]
    pub hold: Option<Millis>,

    /// Keys of one alarm that are kept for a node; hits of further keys are counted, and raise an alarm of their own
    /// (default: 1000000)
    #[arg(long, value_name = "N")]
    pub max_keys: Option<usize>,

    /// Where transitions go: `stdout`, or kafka://BROKER[,BROKER]/TOPIC; may be given several times (default: stdout)
    #[arg(long, value_name = "SINK", value_parser = Sink::parse)]
    pub to: Vec<Sink>,

    #[command(flatten)]
    pub kafka: KafkaArgs,

    #[command(flatten)]
    pub shown: ShownArgs,
}

fn pair(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err("expected NAME=PATH".to_owned()),
    }
}

impl LogArgs {
    pub fn given(&self) -> Result<Given, Failure> {
        let (zone, zones) = zones::read(&self.tz)?;
        Ok(Given {
            zone,
            zones,
            assign: self.assign.clone(),
            logs: self.log.clone(),
            patterns: self.patterns.patterns.clone(),
            no_default_patterns: self.patterns.no_default_patterns,
            ..Given::default()
        })
    }
}

impl OutcomeArgs {
    pub fn given(&self, logs: &LogArgs) -> Result<Given, Failure> {
        Ok(Given {
            cluster: self.cluster.clone(),
            format: self.format,
            hold: self.hold,
            max_keys: self.max_keys,
            to: self.to.clone(),
            kafka: self.kafka.properties()?,
            alarms: self.shown.alarm.clone(),
            nodes: self.shown.node.clone(),
            severity: self.shown.severity.as_deref().and_then(Severity::from_name),
            ..logs.given()?
        })
    }
}
