//! What a probe saw, as a line of its log: one JSON object, with its time, what was looked at and the verdict first, so that
//! a signal finds all of it at the beginning of the line and never inside something that a server or a certificate says.
//!
//! The fields and their order are what the patterns of `patterns/probe.toml` read. They may only be added to.

use serde::{Deserialize, Serialize};

use super::level::Level;
use crate::time::Moment;

/// What was seen, of which node.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub node: String,
    pub seen: Seen,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "kebab-case")]
pub enum Seen {
    Certificate(File),
    Server(Server),
    /// What a server may not tell, and what to change.
    Untold {
        server: String,
        reason: String,
    },
    Ensemble(Ensemble),
    /// All connections of a server.
    Connections(Use),
    /// Those of one client.
    Client(Use),
    /// This server, or without one all of this node, is looked at no longer.
    Ended {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<String>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct File {
    pub verdict: String,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
}

/// The verdict on a path that is looked at no longer.
pub const ENDED: &str = "ended";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    Serving,
    Down,
    Untold,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    pub verdict: Service,
    pub server: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    Available,
    Unavailable,
    /// Too few are known to serve, and too few not to.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ensemble {
    pub verdict: Availability,
    pub serving: usize,
    pub servers: usize,
    /// Those that do not serve, by name.
    pub down: String,
}

/// How much of a limit is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Use {
    pub verdict: Level,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    pub in_use: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    pub server: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ip: Option<String>,
    pub trigger_condition: String,
}

/// A line as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Line<S> {
    time: Moment,
    #[serde(flatten)]
    seen: S,
}

/// The line of what was seen then, with its end.
pub fn written(time: Moment, seen: &Seen) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(&Line { time, seen })? + "\n")
}

/// What a line says; `None` for one that somebody else wrote, or an older or newer version.
pub fn read(line: &str) -> Option<(Moment, Seen)> {
    let Line { time, seen } = serde_json::from_str(line).ok()?;
    Some((time, seen))
}

/// For a table: what was looked at, of what, the verdict, and what there is to say about it.
pub fn shown(seen: &Seen) -> [String; 4] {
    let word = |value: Result<serde_json::Value, _>| match value {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    };
    let row =
        |check: &str, about: &str, verdict: String, what: String| [check.to_owned(), about.to_owned(), verdict, what];
    match seen {
        Seen::Certificate(file) => {
            let mut what: Vec<String> = file.reason.iter().cloned().collect();
            what.extend(file.days_left.map(|days| format!("{days} days left")));
            what.extend(file.not_after.map(|at| format!("until {at}")));
            what.extend(file.subject.clone());
            row("certificate", &file.path, file.verdict.clone(), what.join(", "))
        }
        Seen::Server(server) => {
            let what = server.mode.clone().or(server.reason.clone()).unwrap_or_default();
            row("server", &server.server, word(serde_json::to_value(server.verdict)), what)
        }
        Seen::Untold { server, reason } => row("server", server, "untold".to_owned(), reason.clone()),
        Seen::Ensemble(ensemble) => {
            let what = format!("{} of {} serve", ensemble.serving, ensemble.servers);
            row("ensemble", "", word(serde_json::to_value(ensemble.verdict)), what)
        }
        Seen::Connections(all) => {
            row("connections", &all.server, word(serde_json::to_value(all.verdict)), all.trigger_condition.clone())
        }
        Seen::Client(one) => {
            let client = one.client_ip.as_deref().unwrap_or_default();
            row("client", client, word(serde_json::to_value(one.verdict)), one.trigger_condition.clone())
        }
        Seen::Ended { server } => row("server", server.as_deref().unwrap_or_default(), ENDED.to_owned(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_time_what_was_looked_at_and_the_verdict() {
        let server = |reason: &str| Server {
            verdict: Service::Down,
            server: "zk1:2181".into(),
            server_ip: None,
            mode: None,
            reason: Some(reason.into()),
        };
        let usage = Use {
            verdict: Level::Over,
            client_ip: Some("10.0.0.7".into()),
            in_use: 58,
            limit: Some(60),
            server: "zk1:2181".into(),
            server_ip: Some("10.0.0.1".into()),
            trigger_condition: "58 connections of maxClientCnxns 60, threshold 80 %".into(),
        };
        let path = File { verdict: "missing".into(), path: "/a/\"b\"".into(), ..File::default() };
        let time = Moment { millis: 0, offset: 8 * 3600 };
        for (seen, begin) in [
            (
                Seen::Server(server("\"verdict\":\"x\"")),
                r#""check":"server","verdict":"down","server":"zk1:2181","reason":"\"verdict"#,
            ),
            (
                Seen::Client(usage),
                r#""check":"client","verdict":"over","clientIp":"10.0.0.7","inUse":58,"limit":60,"server""#,
            ),
            (Seen::Certificate(path), r#""check":"certificate","verdict":"missing","path":"/a/\"b\"""#),
            (Seen::Ended { server: None }, r#""check":"ended"}"#),
        ] {
            let line = written(time, &seen).unwrap();
            let begin = format!("{{\"time\":\"1970-01-01T08:00:00.000+08:00\",{begin}");
            assert!(line.starts_with(&begin) && line.ends_with("}\n"), "{line}\n{begin}");
            assert_eq!(read(&line), Some((time, seen)));
        }
        assert_eq!(read("{}"), None);
    }
}
