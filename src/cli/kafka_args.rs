//! What commands that speak to Kafka are told alike: properties of the client, and which topic.

use std::path::PathBuf;

use clap::Args;

use super::exit::Failure;
use crate::config::kafka::target;
use crate::config::secret::Property;
use crate::config::settings::Environment;
use crate::config::{ConfigFile, Given, Settings, Sink};
use crate::deliver::kafka::target::{Patience, Target};

#[derive(Args, Clone, Debug, Default)]
pub struct KafkaArgs {
    /// A property of the Kafka client, as librdkafka calls it; a secret as NAME-file=PATH or NAME='${VARIABLE}'
    #[arg(short = 'X', value_name = "NAME=VALUE", help_heading = "Kafka", allow_hyphen_values = true)]
    property: Vec<String>,
}

impl KafkaArgs {
    /// Not parsed by clap, whose errors quote the value.
    pub fn properties(&self) -> Result<Vec<Property>, Failure> {
        let parse = |text: &String| Property::parse(text).map_err(|why| Failure::invalid(format!("-X: {why}")));
        self.property.iter().map(parse).collect()
    }
}

/// One topic, and how it is reached.
#[derive(Args, Debug)]
pub struct TopicArgs {
    /// kafka://BROKER[,BROKER]/TOPIC (default: the first in the configuration)
    #[arg(value_name = "TOPIC", value_parser = Sink::parse)]
    topic: Option<Sink>,

    /// The configuration file, for its `[kafka]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    kafka: KafkaArgs,
}

impl TopicArgs {
    pub fn target(&self, coloured: bool) -> Result<Target, Failure> {
        let file = ConfigFile::find(self.config.as_deref(), coloured)?;
        let given = Given { kafka: self.kafka.properties()?, ..Given::default() };
        let settings = Settings::new(given, file, &Environment::of_process());
        let sinks = self.topic.iter().chain(&settings.to.value);
        let topic = sinks.filter_map(|sink| target(sink, &settings.kafka, Patience::Once)).next();
        let is_topic = self.topic.as_ref().is_none_or(|topic| *topic != Sink::Stdout);
        topic.filter(|_| is_topic).ok_or_else(|| Failure::invalid("name a topic: kafka://BROKER[,BROKER]/TOPIC"))
    }
}
