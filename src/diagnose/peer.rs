//! Does another host answer?
//!
//! It is asked in two ways at once: by `ping`, as the vendor's procedure does, where that program is there and allowed, and
//! by a TCP connection, which any user may open. A connection that is refused is an answer: somebody refused it.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Answer;

/// Every node runs it.
const SSH: u16 = 22;

/// A host that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often to look whether `ping` has ended.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    /// It is there.
    Answers(String),
    /// It is not, as far as this way tells.
    Silent(String),
    /// This way cannot be gone.
    Untold(String),
}

/// `peer`: a name or an address, with a port or without.
pub fn examine(peer: &str) -> Answer {
    let (host, port) = split(peer);
    if host.is_empty() || host.starts_with('-') {
        return Answer::unknown(format!("`{peer}` is no name of a host")).remedy("name it with `--peer HOST`");
    }
    let addresses = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses.collect::<Vec<_>>(),
        Err(error) => {
            return Answer::unknown(format!("{host} has no address: {error}")).remedy("give it with `--peer ADDRESS`");
        }
    };
    let Some(first) = addresses.first().map(|a| a.ip()) else {
        return Answer::unknown(format!("{host} has no address")).remedy("give it with `--peer ADDRESS`");
    };
    let heard = thread::scope(|scope| {
        let pinged = scope.spawn(|| ping(first));
        let connected = connect(&addresses);
        let lost = || Heard::Untold("ping: broken off".to_owned());
        [pinged.join().unwrap_or_else(|_| lost()), connected]
    });
    judge(host, first, heard)
}

/// `host`, `host:port`, `[address]:port` or an address of whatever kind.
fn split(peer: &str) -> (&str, u16) {
    if peer.parse::<IpAddr>().is_ok() {
        return (peer, SSH);
    }
    let ported = peer.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = ported.unwrap_or((peer, SSH));
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

fn ping(address: IpAddr) -> Heard {
    let began = Instant::now();
    let mut command = Command::new("ping");
    command.args(["-n", "-q", "-c", "1", "-W", "2", "--"]).arg(address.to_string());
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Heard::Untold("ping: not installed".to_owned());
        }
        Err(error) => return Heard::Untold(format!("ping: {error}")),
    };
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                return match status.code() {
                    Some(0) => Heard::Answers("ping: it answers".to_owned()),
                    Some(1) => Heard::Silent("ping: no answer".to_owned()),
                    // It could not ask: no permission, no network of that kind.
                    _ => Heard::Untold("ping: it could not be sent".to_owned()),
                };
            }
            Ok(None) if began.elapsed() < PATIENCE => thread::sleep(LOOK),
            ended => {
                let _ = child.kill();
                let _ = child.wait();
                return match ended {
                    Err(error) => Heard::Untold(format!("ping: {error}")),
                    Ok(_) => Heard::Silent("ping: no answer in time".to_owned()),
                };
            }
        }
    }
}

fn connect(addresses: &[SocketAddr]) -> Heard {
    let deadline = Instant::now() + PATIENCE;
    let mut silent = Heard::Untold("TCP: no time was left".to_owned());
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let port = address.port();
        silent = match TcpStream::connect_timeout(address, left) {
            Ok(_) => return Heard::Answers(format!("TCP port {port}: open")),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => {
                    return Heard::Answers(format!("TCP port {port}: refused, so the host is there"));
                }
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                    Heard::Untold(format!("TCP port {port}: no answer in {} s", PATIENCE.as_secs()))
                }
                _ => Heard::Silent(format!("TCP port {port}: {error}")),
            },
        };
    }
    silent
}

fn judge(host: &str, address: IpAddr, heard: [Heard; 2]) -> Answer {
    let shown = if host == address.to_string() { host.to_owned() } else { format!("{host} ({address})") };
    let mut answer = if heard.iter().any(|h| matches!(h, Heard::Answers(_))) {
        Answer::ok(format!("{shown} answers"))
    } else if heard.iter().any(|h| matches!(h, Heard::Silent(_))) {
        Answer::fault(format!("{shown} does not answer"))
    } else {
        // A firewall may drop what is not expected.
        let remedy = "run this where `ping` may be used, or name a port that is open on the peer: `--peer HOST:PORT`";
        Answer::unknown(format!("{shown}: not heard, and that proves nothing")).remedy(remedy)
    };
    answer.evidence.extend(heard.into_iter().map(|h| match h {
        Heard::Answers(text) | Heard::Silent(text) | Heard::Untold(text) => text,
    }));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Verdict;

    #[test]
    fn a_port_may_be_named() {
        for (peer, expect) in [
            ("node-8", ("node-8", 22)),
            ("node-8:2222", ("node-8", 2222)),
            ("10.0.0.8", ("10.0.0.8", 22)),
            ("10.0.0.8:2222", ("10.0.0.8", 2222)),
            ("fe80::1", ("fe80::1", 22)),
            ("[fe80::1]:2222", ("fe80::1", 2222)),
        ] {
            assert_eq!(split(peer), expect, "{peer}");
        }
    }

    #[test]
    fn one_way_that_is_heard_is_enough_and_silence_must_be_certain() {
        let address: IpAddr = "10.0.0.8".parse().unwrap();
        let (yes, no, open) = (Heard::Answers("a".into()), Heard::Silent("s".into()), Heard::Untold("u".into()));
        for (heard, verdict) in [
            ([yes.clone(), no.clone()], Verdict::Ok),
            ([open.clone(), yes.clone()], Verdict::Ok),
            ([no.clone(), open.clone()], Verdict::Fault),
            ([open.clone(), no.clone()], Verdict::Fault),
            ([open.clone(), open.clone()], Verdict::Unknown),
        ] {
            assert_eq!(judge("node-8", address, heard.clone()).verdict, verdict, "{heard:?}");
        }
        assert_eq!(judge("node-8", address, [yes, no]).evidence, ["node-8 (10.0.0.8) answers", "a", "s"]);
    }

    #[test]
    fn an_option_is_no_host() {
        assert_eq!(examine("-f").verdict, Verdict::Unknown);
        assert_eq!(examine("").verdict, Verdict::Unknown);
    }
}
