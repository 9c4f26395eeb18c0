//! `-X`: properties of the Kafka client on the command line.

use clap::Args;

use super::exit::Failure;
use crate::config::secret::Property;

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
