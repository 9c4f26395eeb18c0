//! Four-letter words on the client port.

use std::net::SocketAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::{Answer, Connections, Deadline, Limits, connect, say};

/// What a server does that has no room for another connection, and one that is just ending.
pub(super) const CLOSED: &str = "it closed the connection without an answer";

pub(super) struct Words<'a> {
    pub(super) addresses: &'a [SocketAddr],
    pub(super) deadline: Deadline,
}

/// What was heard, and the address from which it was asked, as the server sees it.
struct Heard {
    text: String,
    from: Option<SocketAddr>,
}

impl Words<'_> {
    /// The server's mode.
    pub(super) fn service(&self) -> Answer<String> {
        self.ask("srvr").and_then(|heard| {
            let mode = value(&heard.text, "Mode:");
            match mode {
                Some("read-only") => Answer::NotServing("it has no quorum and serves reads alone".to_owned()),
                Some(mode) => Answer::Told(mode.to_owned()),
                None => Answer::Refused,
            }
        })
    }

    pub(super) fn connections(&self) -> Answer<Connections> {
        self.ask("cons").and_then(|heard| match clients(&heard.text, heard.from) {
            Some(connections) => Answer::Told(connections),
            None => Answer::Refused,
        })
    }

    pub(super) fn limits(&self) -> Answer<Limits> {
        self.ask("conf").and_then(|heard| {
            let number = |name| value(&heard.text, name).and_then(|v| v.parse().ok());
            match heard.text.contains("clientPort=") {
                true => Answer::Told(Limits::of(number("maxClientCnxns="), number("maxCnxns="))),
                false => Answer::Refused,
            }
        })
    }

    fn ask(&self, word: &str) -> Answer<Heard> {
        let mut stream = match connect(self.addresses.iter().copied(), self.deadline) {
            Ok(stream) => stream,
            Err(why) => return Answer::Silent(why),
        };
        let from = stream.local_addr().ok();
        let text = match say(&mut stream, word, self.deadline) {
            Ok(heard) => String::from_utf8_lossy(&heard).into_owned(),
            Err(why) => return Answer::Silent(why),
        };
        match text {
            text if text.trim().is_empty() => Answer::Silent(CLOSED.to_owned()),
            text if text.contains("not currently serving requests") => {
                Answer::NotServing("it runs, but is not part of a quorum".to_owned())
            }
            text if text.contains("is not executed because it is not in the whitelist") => Answer::Refused,
            text => Answer::Told(Heard { text, from }),
        }
    }
}

/// What stands behind a name at the beginning of a line.
fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.trim_start().strip_prefix(name)).map(str::trim)
}

/// ` /10.0.0.7:40188[1](queued=0,recved=1,sent=0)`; IPv6 with brackets or without, a name before the slash or none.
static CLIENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^\s*[^/\s]*/\[?(?<ip>[^\s\[\]]+)\]?:(?<port>\d+)\[\d+\]\(").ok());

/// `None` if this is no list of connections. A server always lists the one that asks.
fn clients(text: &str, asking: Option<SocketAddr>) -> Option<Connections> {
    let mut connections = Connections::default();
    let mut any = false;
    for found in CLIENT.as_ref()?.captures_iter(text) {
        any = true;
        let is_ours = asking.is_some_and(|a| found["port"] == *a.port().to_string() && is_address(&found["ip"], a));
        if !is_ours {
            connections.add(found["ip"].to_owned());
        }
    }
    any.then_some(connections)
}

fn is_address(ip: &str, address: SocketAddr) -> bool {
    let without_scope = ip.split('%').next().unwrap_or_default();
    without_scope.parse().is_ok_and(|ip: std::net::IpAddr| ip.to_canonical() == address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_counted_by_address_without_the_one_who_asks() {
        let text = " /10.0.0.7:41341[1](queued=0,recved=1,sent=1,sid=0x1,lop=NA)\n /10.0.0.7:41342[1](queued=0,recved=0,sent=0)\n \
            host/10.0.0.8:1[0](queued=0,recved=1,sent=0)\n /0:0:0:0:0:0:0:1:5000[1](queued=0)\n /[0:0:0:0:0:0:0:1]:5001[1](queued=0)\n \
            /10.0.0.9:57512[0](queued=0,recved=1,sent=0)\n\n";
        let found = clients(text, Some("10.0.0.9:57512".parse().unwrap())).unwrap();
        let by_client: Vec<_> = found.by_client.iter().map(|(ip, n)| (ip.as_str(), *n)).collect();
        assert_eq!(by_client, [("0:0:0:0:0:0:0:1", 2), ("10.0.0.7", 2), ("10.0.0.8", 1)]);
        assert_eq!(found.total, 5);
        // The same port of another host is another's.
        let other = clients(text, Some("10.0.0.6:57512".parse().unwrap())).unwrap();
        assert_eq!(other.total, 6);
        assert_eq!(clients("nonsense\n", None), None);
    }

    #[test]
    fn values_stand_behind_their_names() {
        let text = "clientPort=2181\nmaxClientCnxns=60\nMode: follower\n";
        assert_eq!(value(text, "maxClientCnxns="), Some("60"));
        assert_eq!(value(text, "Mode:"), Some("follower"));
        assert_eq!(value(text, "maxCnxns="), None);
    }
}
