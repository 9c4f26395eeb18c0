//! Which server is asked, and of which node it is.

use std::fmt;
use std::net::IpAddr;

/// Where clients connect, by default.
pub const CLIENT_PORT: u16 = 2181;

/// Where the AdminServer listens, by default.
pub const ADMIN_PORT: u16 = 8080;

/// `[NODE=]HOST[:PORT]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Whose alarms these are, where the host's name is not the node's.
    pub node: Option<String>,
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    pub port: u16,
    pub admin_port: u16,
}

impl Server {
    pub fn parse(text: &str) -> Result<Server, String> {
        let wrong = || format!("`{text}` is no server: write HOST:PORT or NODE=HOST:PORT");
        let (node, rest) = match text.split_once('=') {
            Some((node, rest)) => (Some(node), rest),
            None => (None, text),
        };
        // It becomes a directory.
        if node.is_some_and(|n| n.trim().is_empty() || n.contains(['/', '\0']) || matches!(n, "." | "..")) {
            return Err(format!("`{text}` has no name of a node before its `=`"));
        }
        let port = |text: &str| text.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(wrong);
        let (host, port) = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            Some((host, "")) => (host, CLIENT_PORT),
            Some((host, rest)) => (host, port(rest.strip_prefix(':').ok_or_else(wrong)?)?),
            // An IPv6 address without brackets has no port.
            None if rest.parse::<IpAddr>().is_ok() => (rest, CLIENT_PORT),
            None => match rest.split_once(':') {
                Some((host, text)) => (host, port(text)?),
                None => (rest, CLIENT_PORT),
            },
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        match !host.is_empty() && host.chars().all(legal) && !matches!(host, "." | "..") {
            true => Ok(Server { node: node.map(str::to_owned), host: host.to_owned(), port, admin_port: ADMIN_PORT }),
            false => Err(wrong()),
        }
    }

    /// The node that it is of: as it was said; else its host, which for this machine has the name `here`.
    pub fn node<'a>(&'a self, here: &'a str) -> &'a str {
        match &self.node {
            Some(node) => node,
            None if self.is_here() => here,
            None => &self.host,
        }
    }

    fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// `HOST:PORT`
    pub fn name(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.iter().try_for_each(|node| write!(f, "{node}="))?;
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_reads_as_it_is_written() {
        for (text, shown, node) in [
            ("zk1", "zk1:2181", "zk1"),
            ("zk1:24002", "zk1:24002", "zk1"),
            ("node-1=10.0.0.7:2181", "node-1=10.0.0.7:2181", "node-1"),
            ("10.0.0.7", "10.0.0.7:2181", "10.0.0.7"),
            ("localhost:2181", "localhost:2181", "here"),
            ("127.0.0.3:2181", "127.0.0.3:2181", "here"),
            ("[::1]:2182", "[::1]:2182", "here"),
            ("2001:db8::1", "[2001:db8::1]:2181", "2001:db8::1"),
        ] {
            let server = Server::parse(text).unwrap();
            assert_eq!((server.to_string().as_str(), server.node("here")), (shown, node));
            assert_eq!(Server::parse(shown).unwrap(), server);
        }
        for wrong in
            ["", "=zk1", "a/b=zk1", "..=zk1", "zk1:", "zk1:0", "zk1:70000", "zk 1", "..", "a/b", "[::1", "[::1]x"]
        {
            Server::parse(wrong).expect_err(wrong);
        }
    }
}
