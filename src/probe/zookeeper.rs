//! Is a ZooKeeper server serving, and who is connected to it?
//!
//! Four-letter words on the client port tell it, where `4lw.commands.whitelist` allows them; else the AdminServer does.
//! Each question is a connection of its own that is closed with the answer, and the one that counts connections is not
//! counted. All questions to a server together have one deadline.
//!
//! A server that may not answer is not a server that is down: what it does not tell is [`Untold`], with the setting to
//! change.

mod admin;
mod server;
mod words;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

pub use server::{ADMIN_PORT, Server};

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where it was reached, or would have been.
    pub address: Option<IpAddr>,
    pub service: Service,
    pub connections: Result<Connections, Untold>,
    pub limits: Result<Limits, Untold>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// As leader, follower, observer or alone.
    Serving(String),
    /// With the reason.
    Down(String),
    Untold(Untold),
}

/// What a server may not tell, and what to change so that it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold(pub String);

/// Who is connected, the one who asked left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub total: u64,
    /// By address, as the server writes it, which is how its log writes it.
    pub by_client: BTreeMap<String, u64>,
}

impl Connections {
    fn add(&mut self, client: String) {
        self.total += 1;
        *self.by_client.entry(client).or_default() += 1;
    }
}

/// `None`: there is none, or it is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `maxClientCnxns`.
    pub client: Option<u64>,
    /// `maxCnxns`, which the open-source server never tells.
    pub total: Option<u64>,
}

impl Limits {
    /// 0 means that there is none.
    fn of(client: Option<u64>, total: Option<u64>) -> Limits {
        Limits { client: client.filter(|n| *n > 0), total: total.filter(|n| *n > 0) }
    }
}

/// What a question to one of the two doors comes to.
#[derive(Debug)]
enum Answer<T> {
    Told(T),
    /// It answers that it does not serve clients.
    NotServing(String),
    /// It may not say, or nobody is there who would.
    Refused,
    /// Nobody is there, or whoever is there says nothing in time.
    Silent(String),
}

impl<T> Answer<T> {
    fn and_then<U>(self, then: impl FnOnce(T) -> Answer<U>) -> Answer<U> {
        match self {
            Answer::Told(told) => then(told),
            Answer::NotServing(why) => Answer::NotServing(why),
            Answer::Refused => Answer::Refused,
            Answer::Silent(why) => Answer::Silent(why),
        }
    }

    fn told(self) -> Option<T> {
        match self {
            Answer::Told(told) => Some(told),
            _ => None,
        }
    }
}

/// Asks a server for everything, and has done so when `patience` is over.
pub fn ask(server: &Server, patience: Duration) -> Asked {
    let deadline = Deadline(Instant::now() + patience);
    let addresses = match addresses(server, deadline) {
        Ok(addresses) => addresses,
        Err(why) => return Asked::down(None, why),
    };
    let words = words::Words { addresses: &addresses, deadline };
    let admin = admin::Admin { addresses: &addresses, port: server.admin_port, client_port: server.port, deadline };
    let address = addresses.first().map(SocketAddr::ip);
    let service = match words.service() {
        Answer::Told(mode) => Service::Serving(mode),
        Answer::NotServing(why) => Service::Down(why),
        // A server at its limit of connections turns everybody away, yet it serves.
        Answer::Silent(why) if why == words::CLOSED => match admin.service() {
            Answer::Told(mode) => Service::Serving(mode),
            Answer::NotServing(why) => Service::Down(why),
            Answer::Refused | Answer::Silent(_) => return Asked::turned_away(address, server),
        },
        Answer::Silent(why) => Service::Down(why),
        Answer::Refused => match admin.service() {
            Answer::Told(mode) => Service::Serving(mode),
            Answer::NotServing(why) => Service::Down(why),
            Answer::Refused | Answer::Silent(_) => Service::Untold(untold("srvr", server)),
        },
    };
    if let Service::Down(why) = service {
        return Asked::down(address, why);
    }
    let connections = words.connections().told().or_else(|| admin.connections().told());
    let limits = words.limits().told().or_else(|| admin.limits().told());
    Asked {
        address,
        service,
        connections: connections.ok_or_else(|| untold("cons` and `conf", server)),
        limits: limits.ok_or_else(|| untold("cons` and `conf", server)),
    }
}

impl Asked {
    fn down(address: Option<IpAddr>, why: String) -> Asked {
        let untold = || Untold("the server does not serve".to_owned());
        Asked { address, service: Service::Down(why), connections: Err(untold()), limits: Err(untold()) }
    }

    /// It takes a connection and closes it at once, and nobody else speaks for it.
    fn turned_away(address: Option<IpAddr>, server: &Server) -> Asked {
        let untold = || {
            Untold(format!(
                "{}, as a server does that has as many connections as it may have (`maxClientCnxns` from this machine, or \
                 `maxCnxns`): close some or raise the limit, or enable its AdminServer (`admin.enableServer=true`; port {} is \
                 tried)",
                words::CLOSED,
                server.admin_port
            ))
        };
        Asked { address, service: Service::Untold(untold()), connections: Err(untold()), limits: Err(untold()) }
    }
}

fn untold(word: &str, server: &Server) -> Untold {
    Untold(format!(
        "it may not answer `{word}`: set `4lw.commands.whitelist=srvr,conf,cons` in its zoo.cfg, or enable its AdminServer \
         (`admin.enableServer=true`; port {} is tried)",
        server.admin_port
    ))
}

fn addresses(server: &Server, deadline: Deadline) -> Result<Vec<SocketAddr>, String> {
    if let Ok(ip) = server.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, server.port)]);
    }
    let name = (server.host.clone(), server.port);
    let found = in_time(deadline, move || name.to_socket_addrs().map(Vec::from_iter))
        .ok_or("its name was not found in time")?;
    let found = found.map_err(|e| format!("its name is not known: {e}"))?;
    if found.is_empty() { Err("its name stands for no address".to_owned()) } else { Ok(found) }
}

/// Looking up a name takes as long as the system likes. So a thread does it, which is left to itself when time is up.
fn in_time<T: Send + 'static>(deadline: Deadline, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("resolve".to_owned()).spawn(move || done.send(work())).ok()?;
    result.recv_timeout(deadline.left()?).ok()
}

/// By when all must be said.
#[derive(Clone, Copy)]
struct Deadline(Instant);

impl Deadline {
    fn left(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        (left > Duration::ZERO).then_some(left)
    }
}

/// To the first address that takes a connection. One that is silent leaves the others their share of the time.
fn connect(addresses: impl ExactSizeIterator<Item = SocketAddr>, deadline: Deadline) -> Result<TcpStream, String> {
    let mut why = LATE.to_owned();
    let remaining = (1..=addresses.len()).rev();
    for (address, remaining) in addresses.zip(remaining) {
        let Some(left) = deadline.left() else { break };
        let share = left / u32::try_from(remaining).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(&address, share.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = format!("no connection to {address}: {error}"),
        }
    }
    Err(why)
}

const LATE: &str = "it did not answer in time";

/// More than the connections of a server that has as many as it can have.
const LONGEST: u64 = 64 << 20;

/// Says something and hears everything until the other side closes.
fn say(stream: &mut TcpStream, text: &str, deadline: Deadline) -> Result<Vec<u8>, String> {
    use std::io::{ErrorKind, Read, Write};
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => LATE.to_owned(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => words::CLOSED.to_owned(),
        _ => error.to_string(),
    };
    stream.set_write_timeout(Some(deadline.left().ok_or(LATE)?)).map_err(failed)?;
    stream.write_all(text.as_bytes()).map_err(failed)?;
    let (mut heard, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        stream.set_read_timeout(Some(deadline.left().ok_or(LATE)?)).map_err(failed)?;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(heard),
            Ok(n) if heard.len() as u64 + n as u64 <= LONGEST => heard.extend_from_slice(&buffer[..n]),
            Ok(_) => return Err("it does not stop talking".to_owned()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // What was said before it hung up counts.
            Err(error) if error.kind() == ErrorKind::ConnectionReset && !heard.is_empty() => return Ok(heard),
            Err(error) => return Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests;
