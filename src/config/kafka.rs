//! What a sink and the properties come to for the Kafka client.

use std::sync::Arc;

use super::secret::{Property, is_secret};
use super::value::{Broker, Sink};
use crate::deliver::kafka::target::{Patience, Setting, Target};

/// `None`: it is not Kafka.
pub fn target(sink: &Sink, properties: &[Property], patience: Patience) -> Option<Target> {
    let Sink::Kafka { brokers, topic } = sink else { return None };
    let properties = properties.to_vec();
    Some(Target {
        name: sink.to_string().into(),
        brokers: brokers.iter().map(Broker::to_string).collect::<Vec<_>>().join(","),
        topic: topic.clone(),
        settings: Arc::new(move || properties.iter().map(setting).collect()),
        patience,
    })
}

fn setting(property: &Property) -> Result<Setting, String> {
    let value = property.resolve(|name| std::env::var(name).ok());
    let value = value.map_err(|e| format!("the Kafka property `{}`: {e}", property.name))?;
    // A file is a secret's place whatever the property is called, and so is the environment.
    let hidden = is_secret(&property.name) || !property.is_plain();
    Ok(Setting { name: property.name.clone(), value: value.reveal().to_owned(), hidden })
}
