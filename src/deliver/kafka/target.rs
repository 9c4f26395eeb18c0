//! Which topic of which brokers, and how they are spoken to.

use std::fmt;
use std::sync::Arc;

use super::trouble::{Kind, Trouble};

/// A property of librdkafka with its value. The value of a hidden one is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
    pub hidden: bool,
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.hidden { "(hidden)" } else { &self.value };
        write!(f, "{}={value}", self.name)
    }
}

/// Reads the properties anew: a password that was changed in its file is used at the next try.
pub type Settings = Arc<dyn Fn() -> Result<Vec<Setting>, String> + Send + Sync>;

#[derive(Clone)]
pub struct Target {
    /// As messages and the state call it.
    pub name: Arc<str>,
    /// HOST:PORT, separated by commas.
    pub brokers: String,
    pub topic: String,
    pub settings: Settings,
    pub patience: Patience,
}

/// What becomes of records that do not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// They are kept and tried again as long as it takes.
    Endless,
    /// The first that fails ends the sink: a command that has an end says so.
    Once,
}

/// Properties that are tocsin's to decide, and why.
const OURS: [(&str, &str); 4] = [
    ("bootstrap.servers", "the brokers stand in kafka://BROKER[,BROKER]/TOPIC"),
    ("metadata.broker.list", "the brokers stand in kafka://BROKER[,BROKER]/TOPIC"),
    ("delivery.report.only.error", "a record counts as sent when it was acknowledged"),
    ("transactional.id", "tocsin writes no transactions"),
];

/// By all the names that librdkafka has for it.
pub const IN_FLIGHT: [&str; 2] = ["max.in.flight.requests.per.connection", "max.in.flight"];

impl Target {
    /// The properties, if they can be read and mean what they must.
    pub fn settings(&self) -> Result<Vec<Setting>, Trouble> {
        let settings = (self.settings)().map_err(|why| Trouble::new(Kind::Property, why))?;
        match settings.iter().find_map(refused).or_else(|| overtaking(&settings)) {
            Some(why) => Err(Trouble::new(Kind::Property, why)),
            None => {
                missing_feature(&settings)?;
                Ok(settings)
            }
        }
    }
}

fn refused(setting: &Setting) -> Option<String> {
    let name = setting.name.as_str();
    if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == name) {
        return Some(format!("the Kafka property `{name}` cannot be set: {why}; remove it"));
    }
    if name == "partitioner" && setting.value == "random" {
        let why = "with `random`, records of one key are in several partitions, and their order is lost";
        return Some(format!("the Kafka property `partitioner` cannot be `random`: {why}; remove it"));
    }
    let weak = matches!(name, "acks" | "request.required.acks") && !matches!(setting.value.as_str(), "all" | "-1");
    weak.then(|| {
        format!("the Kafka property `{name}` must be `all`: with less, an alarm that was acknowledged may be lost")
    })
}

/// Without idempotence, a record that is sent again could overtake.
fn overtaking(settings: &[Setting]) -> Option<String> {
    let in_flight = value(settings, &IN_FLIGHT).filter(|number| *number != "1")?;
    (!is_idempotent(settings)).then(|| {
        format!(
            "the Kafka property `max.in.flight` must be 1 and not {in_flight} without `enable.idempotence`: with more, \
             the order of a key's records may be lost"
        )
    })
}

/// Values are read as librdkafka reads them, which refuses any other.
pub fn is_idempotent(settings: &[Setting]) -> bool {
    let said = value(settings, &["enable.idempotence"]).unwrap_or("true");
    !["false", "f", "0"].iter().any(|no| said.eq_ignore_ascii_case(no))
}

/// The last that was said of a property wins, as in librdkafka.
pub fn value<'a>(settings: &'a [Setting], names: &[&str]) -> Option<&'a str> {
    settings.iter().rev().find(|s| names.contains(&s.name.as_str())).map(|s| s.value.as_str())
}

/// A build may lack what a property asks for. librdkafka says so too, but not what to do.
fn missing_feature(settings: &[Setting]) -> Result<(), Trouble> {
    let protocol = value(settings, &["security.protocol"]).unwrap_or("plaintext").to_ascii_lowercase();
    let mechanism = value(settings, &["sasl.mechanisms", "sasl.mechanism"]).unwrap_or("GSSAPI").to_ascii_uppercase();
    let tls = (!cfg!(feature = "kafka-tls"))
        .then(|| match (protocol.as_str(), mechanism.as_str()) {
            ("ssl" | "sasl_ssl", _) => Some(protocol.as_str()),
            ("sasl_plaintext", scram) if scram.starts_with("SCRAM") => Some(scram),
            _ => settings.iter().map(|s| s.name.as_str()).find(|name| name.starts_with("ssl.")),
        })
        .flatten();
    let kerberos = (!cfg!(feature = "kafka-kerberos") && protocol.starts_with("sasl") && mechanism == "GSSAPI")
        .then_some("Kerberos (GSSAPI, which is librdkafka's default mechanism)");
    for (asked, feature) in [(tls, "kafka-tls"), (kerberos, "kafka-kerberos")] {
        if let Some(asked) = asked {
            let why =
                format!("this build of tocsin has no {asked}: build it with `--features {feature}`, as by default");
            return Err(Trouble::new(Kind::Build, why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(settings: &[(&str, &str)]) -> Target {
        let settings: Vec<Setting> = settings
            .iter()
            .map(|(name, value)| Setting { name: (*name).into(), value: (*value).into(), hidden: false })
            .collect();
        Target {
            name: "kafka://b/t".into(),
            brokers: "b:9092".into(),
            topic: "t".into(),
            settings: Arc::new(move || Ok(settings.clone())),
            patience: Patience::Once,
        }
    }

    #[test]
    fn what_would_break_the_promises_is_refused() {
        for (name, value, says) in [
            ("acks", "1", "must be `all`"),
            ("request.required.acks", "0", "must be `all`"),
            ("bootstrap.servers", "x", "the brokers stand in kafka://"),
            ("metadata.broker.list", "x", "the brokers stand in kafka://"),
            ("delivery.report.only.error", "true", "when it was acknowledged"),
            ("transactional.id", "t", "no transactions"),
            ("partitioner", "random", "their order is lost"),
        ] {
            let trouble = target(&[(name, value)]).settings().unwrap_err();
            assert!(trouble.to_string().contains(says), "{trouble}");
        }
        for no in ["false", "FALSE", "f", "0"] {
            let all = [("max.in.flight", "5"), ("enable.idempotence", no)];
            let trouble = target(&all).settings().unwrap_err();
            assert!(trouble.to_string().contains("must be 1 and not 5"), "{trouble}");
            let one = [("enable.idempotence", no), ("max.in.flight.requests.per.connection", "1")];
            assert!(target(&one).settings().is_ok(), "{no}");
        }
        assert!(target(&[("max.in.flight", "5"), ("enable.idempotence", "true")]).settings().is_ok());
        assert!(target(&[("acks", "all"), ("acks", "-1"), ("linger.ms", "5")]).settings().is_ok());
    }

    #[test]
    fn what_the_build_has_not_is_named_with_its_feature() {
        for (settings, feature, built) in [
            (&[("security.protocol", "SSL")][..], "kafka-tls", cfg!(feature = "kafka-tls")),
            (&[("ssl.ca.location", "/ca")], "kafka-tls", cfg!(feature = "kafka-tls")),
            (
                &[("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "SCRAM-SHA-512")],
                "kafka-tls",
                cfg!(feature = "kafka-tls"),
            ),
            (&[("security.protocol", "SASL_PLAINTEXT")], "kafka-kerberos", cfg!(feature = "kafka-kerberos")),
        ] {
            match target(settings).settings() {
                Ok(_) => assert!(built, "{settings:?}"),
                Err(trouble) => {
                    assert!(!built && trouble.to_string().contains(feature), "{settings:?}: {trouble}");
                }
            }
        }
        assert!(target(&[("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "PLAIN")]).settings().is_ok());
    }

    #[test]
    fn hidden_values_are_not_shown() {
        let setting = Setting { name: "sasl.password".into(), value: "hunter2".into(), hidden: true };
        assert_eq!(format!("{setting:?}"), "sasl.password=(hidden)");
    }
}
