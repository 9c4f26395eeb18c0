//! The AdminServer, where four-letter words are off: JSON over HTTP, from ZooKeeper 3.5 on.
//!
//! Its default port is one that many programs take, and on a host with several servers only one of them has it. So an
//! answer counts only if it is a ZooKeeper's, and of the server that is meant.

use std::net::SocketAddr;

use serde_json::Value;

use super::{Answer, Connections, Deadline, Limits, connect, say};

pub(super) struct Admin<'a> {
    pub(super) addresses: &'a [SocketAddr],
    pub(super) port: u16,
    /// Of the server that is meant.
    pub(super) client_port: u16,
    pub(super) deadline: Deadline,
}

impl Admin<'_> {
    pub(super) fn service(&self) -> Answer<String> {
        self.own("server_stats").and_then(|told| match told["server_stats"]["server_state"].as_str() {
            Some("read-only") => Answer::NotServing("it has no quorum and serves reads alone".to_owned()),
            Some(mode) => Answer::Told(mode.to_owned()),
            None => Answer::Refused,
        })
    }

    pub(super) fn connections(&self) -> Answer<Connections> {
        self.own("connections").and_then(|told| {
            let list = |key: &str| told[key].as_array().cloned();
            let Some(plain) = list("connections") else { return Answer::Refused };
            let mut connections = Connections::default();
            for one in plain.iter().chain(&list("secure_connections").unwrap_or_default()) {
                if let Some(client) = one["remote_socket_address"].as_str().and_then(address) {
                    connections.add(client);
                }
            }
            Answer::Told(connections)
        })
    }

    pub(super) fn limits(&self) -> Answer<Limits> {
        self.own("configuration").and_then(|told| {
            let number = |key: &str| told[key].as_u64();
            Answer::Told(Limits::of(number("max_client_cnxns"), number("max_cnxns")))
        })
    }

    /// What a command gives, if this is the AdminServer of the server that is meant.
    fn own(&self, command: &str) -> Answer<Value> {
        self.get("configuration").and_then(|told| {
            let ports = ["client_port", "secure_client_port"].map(|key| told[key].as_u64());
            match ports.contains(&Some(u64::from(self.client_port))) {
                true if command == "configuration" => Answer::Told(told),
                true => self.get(command),
                false => Answer::Refused,
            }
        })
    }

    fn get(&self, command: &str) -> Answer<Value> {
        let at = self.addresses.iter().map(|a| SocketAddr::new(a.ip(), self.port));
        let mut stream = match connect(at, self.deadline) {
            Ok(stream) => stream,
            Err(why) => return Answer::Silent(why),
        };
        // The older version of the protocol: the answer ends with the connection.
        let host = self.addresses.first().map(SocketAddr::ip).map(|ip| ip.to_string()).unwrap_or_default();
        let request = format!("GET /commands/{command} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        match say(&mut stream, &request, self.deadline) {
            Ok(heard) => answer(&heard),
            Err(why) => Answer::Silent(why),
        }
    }
}

fn answer(heard: &[u8]) -> Answer<Value> {
    let end = heard.windows(4).position(|w| w == b"\r\n\r\n");
    let body = end.and_then(|at| serde_json::from_slice::<Value>(&heard[at + 4..]).ok());
    let Some(body) = body.filter(|b| b["command"].is_string()) else { return Answer::Refused };
    match body["error"].as_str() {
        None => Answer::Told(body),
        Some(error) if error.contains("not currently serving") => {
            Answer::NotServing("it runs, but is not part of a quorum".to_owned())
        }
        Some(_) => Answer::Refused,
    }
}

/// `10.0.0.7:40188`, `[0:0:0:0:0:0:0:1]:40188`, without the port.
fn address(text: &str) -> Option<String> {
    let (host, _) = text.rsplit_once(':')?;
    let host = host.rsplit('/').next()?;
    Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_zookeeper_answers() {
        let told = |text: &str| answer(text.as_bytes());
        assert!(matches!(told("HTTP/1.1 404 Not Found\r\n\r\n<html>"), Answer::Refused));
        assert!(matches!(told("HTTP/1.1 200 OK\r\n\r\n{\"a\":1}"), Answer::Refused));
        assert!(matches!(told("{\"command\":\"x\"}"), Answer::Refused));
        let fine = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"command\":\"x\",\"error\":null}";
        assert!(matches!(told(fine), Answer::Told(_)));
        let down = "HTTP/1.1 200 OK\r\n\r\n{\"command\":\"x\",\"error\":\"This ZooKeeper instance is not currently serving requests\"}";
        assert!(matches!(told(down), Answer::NotServing(_)));
    }

    #[test]
    fn an_address_loses_its_port() {
        for (text, ip) in [
            ("10.0.0.7:40188", "10.0.0.7"),
            ("[0:0:0:0:0:0:0:1]:5", "0:0:0:0:0:0:0:1"),
            ("/10.0.0.7:1", "10.0.0.7"),
            ("zk-client.example:1", "zk-client.example"),
        ] {
            assert_eq!(address(text).as_deref(), Some(ip));
        }
        assert_eq!(address("x"), None);
    }
}
