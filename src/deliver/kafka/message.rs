//! A record as a message: key, JSON, and headers that say what it is without a look into it (CloudEvents, binary mode).

use rdkafka::message::{Header, OwnedHeaders};

use super::MODE_HEADER;
use crate::transition::Transition;

/// As the schema calls itself.
const SCHEMA: &str = "https://tocsin.dev/schema/transition.schema.json";

/// Names of headers are fixed; text of a log stands in values alone.
pub fn headers(record: &Transition) -> OwnedHeaders {
    let kind = format!("dev.tocsin.alarm.{}", record.event.name());
    let source = format!("/tocsin/{}/{}", escaped(&record.location.source), escaped(&record.node));
    let time = record.time.to_string();
    let fields = [
        ("ce_specversion", "1.0"),
        ("ce_id", &record.id),
        ("ce_type", &kind),
        ("ce_source", &source),
        ("ce_time", &time),
        ("ce_dataschema", SCHEMA),
        ("content-type", "application/json"),
        (MODE_HEADER, record.mode.name()),
    ];
    fields.iter().fold(OwnedHeaders::new_with_capacity(fields.len()), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(*value) })
    })
}

/// As a part of a URI may be.
fn escaped(part: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    part.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_called_as_it_calls_itself() {
        let schema =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/transition.schema.json")).unwrap();
        let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
        assert_eq!(schema["$id"], SCHEMA);
    }

    #[test]
    fn a_source_is_a_uri_whatever_the_node_is_called() {
        assert_eq!(escaped("node-7.a_b~"), "node-7.a_b~");
        assert_eq!(escaped("a/b c\n%"), "a%2Fb%20c%0A%25");
    }
}
