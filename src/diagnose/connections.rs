//! Does a ZooKeeper server serve, and how many of its connections does one client hold?

use super::Answer;
use crate::probe::settings::Zookeeper;
use crate::probe::zookeeper::{Asked, Server, Service, ask};

/// Clients that are named besides the one that is asked about.
const SHOWN: usize = 3;

pub fn serves(server: &Server, settings: &Zookeeper) -> Answer {
    judge_service(&server.name(), &ask(server, settings.patience()))
}

pub fn of_client(server: &Server, client: &str, settings: &Zookeeper) -> Answer {
    judge_client(&server.name(), &ask(server, settings.patience()), client, u64::from(settings.client_threshold))
}

fn judge_service(shown: &str, asked: &Asked) -> Answer {
    match &asked.service {
        Service::Serving(mode) => Answer::ok(format!("{shown} serves ({mode})")),
        Service::Down(why) => Answer::fault(format!("{shown} does not serve: {why}")),
        Service::Untold(untold) => Answer::unknown(format!("{shown} may not say whether it serves")).remedy(&untold.0),
    }
}

/// `threshold`: so many in a hundred of the limit are not too much.
fn judge_client(shown: &str, asked: &Asked, client: &str, threshold: u64) -> Answer {
    if let Service::Down(_) = asked.service {
        // Whether the client holds many connections is not the question then.
        let Answer { evidence, .. } = judge_service(shown, asked);
        return Answer { evidence, ..Answer::unknown("") };
    }
    let connections = match &asked.connections {
        Ok(connections) => connections,
        Err(untold) => return Answer::unknown(format!("{shown} may not say who is connected")).remedy(&untold.0),
    };
    let bare = |client: &str| client.trim_start_matches('/').to_owned();
    let client = bare(client);
    let mut clients: Vec<(u64, String)> = connections.by_client.iter().map(|(c, n)| (*n, bare(c))).collect();
    clients.sort_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
    let held = clients.iter().find(|(_, c)| *c == client).map_or(0, |(held, _)| *held);
    let text = |of: &str| format!("{client} holds {held} connections to {shown}{of}");
    let answer = match &asked.limits {
        Err(untold) => Answer::unknown(text("; its limits are not told")).remedy(&untold.0),
        Ok(limits) => match limits.client {
            None => Answer::ok(text("; there is no limit for one client")),
            Some(limit) => {
                let of = text(&format!(", of maxClientCnxns {limit}, threshold {threshold} %"));
                if held * 100 > limit * threshold { Answer::fault(of) } else { Answer::ok(of) }
            }
        },
    };
    let others: Vec<String> =
        clients.iter().filter(|(_, c)| *c != client).take(SHOWN).map(|(n, c)| format!("{c} {n}")).collect();
    match others.is_empty() {
        true => answer,
        false => answer.and(format!("{} in all; other clients: {}", connections.total, others.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Verdict;
    use crate::probe::zookeeper::{Connections, Limits, Untold};

    fn asked(clients: &[(&str, u64)], limit: Option<u64>) -> Asked {
        let by_client = clients.iter().map(|(c, n)| ((*c).to_owned(), *n)).collect();
        let total = clients.iter().map(|(_, n)| n).sum();
        Asked {
            address: None,
            service: Service::Serving("leader".into()),
            connections: Ok(Connections { total, by_client }),
            limits: Ok(Limits { client: limit, total: None }),
        }
    }

    #[test]
    fn a_client_is_judged_by_its_share_of_the_limit() {
        for (held, limit, verdict) in [
            (48, Some(60), Verdict::Ok),
            (49, Some(60), Verdict::Fault),
            (0, Some(60), Verdict::Ok),
            (5000, None, Verdict::Ok),
        ] {
            let asked = asked(&[("10.0.0.7", held), ("10.0.0.8", 3)], limit);
            let answer = judge_client("zk:2181", &asked, "10.0.0.7", 80);
            assert_eq!(answer.verdict, verdict, "{answer:?}");
        }
        let full = asked(&[("10.0.0.7", 58), ("10.0.0.8", 3), ("10.0.0.9", 4)], Some(60));
        let evidence = judge_client("zk:2181", &full, "/10.0.0.7", 80).evidence;
        assert_eq!(
            evidence,
            [
                "10.0.0.7 holds 58 connections to zk:2181, of maxClientCnxns 60, threshold 80 %",
                "65 in all; other clients: 10.0.0.9 4, 10.0.0.8 3"
            ]
        );
    }

    #[test]
    fn what_a_server_may_not_say_is_not_decided() {
        let untold = || Untold("allow cons".into());
        let whole = asked(&[("10.0.0.7", 58)], Some(60));
        for asked in
            [Asked { connections: Err(untold()), ..whole.clone() }, Asked { limits: Err(untold()), ..whole.clone() }]
        {
            let answer = judge_client("zk:2181", &asked, "10.0.0.7", 80);
            assert_eq!((answer.verdict, answer.remedy.as_deref()), (Verdict::Unknown, Some("allow cons")));
        }
        let down = Asked { service: Service::Down("refused".into()), ..whole.clone() };
        assert_eq!(judge_client("zk:2181", &down, "10.0.0.7", 80).verdict, Verdict::Unknown);
        assert_eq!(judge_service("zk:2181", &down).verdict, Verdict::Fault);
        let mute = Asked { service: Service::Untold(untold()), ..whole.clone() };
        assert_eq!(judge_service("zk:2181", &mute).verdict, Verdict::Unknown);
        assert_eq!(judge_service("zk:2181", &whole).verdict, Verdict::Ok);
    }
}
