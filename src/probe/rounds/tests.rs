//! What made-up answers come to.

use super::super::zookeeper::{Connections, Limits, Untold};
use super::*;

fn settings(servers: &[&str]) -> Zookeeper {
    Zookeeper {
        servers: servers.iter().map(|s| Server::parse(s).unwrap()).collect(),
        max_connections: Some(100),
        ..Zookeeper::default()
    }
}

/// With so many connections of these clients, of 10 each.
fn serving(clients: &[(&str, u64)]) -> Asked {
    let by_client: BTreeMap<String, u64> = clients.iter().map(|(ip, n)| ((*ip).to_owned(), *n)).collect();
    Asked {
        address: "10.0.0.1".parse().ok(),
        service: Service::Serving("leader".into()),
        connections: Ok(Connections { total: by_client.values().sum(), by_client }),
        limits: Ok(Limits { client: Some(10), total: None }),
    }
}

fn silent(service: Service) -> Asked {
    let untold = || Untold("untold".into());
    Asked { address: None, service, connections: Err(untold()), limits: Err(untold()) }
}

fn down() -> Asked {
    silent(Service::Down("no connection".into()))
}

fn untold() -> Asked {
    Asked { limits: Err(Untold("conf".into())), connections: Err(Untold("cons".into())), ..serving(&[]) }
}

/// In short: node, what, verdict, and how much.
fn shown(entries: &[Entry]) -> Vec<String> {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let level = |level: Level| word(serde_json::to_value(level).unwrap());
    let of = |entry: &Entry| match &entry.seen {
        Seen::Server(s) => format!("{} {}", s.server, word(serde_json::to_value(s.verdict).unwrap())),
        Seen::Untold { reason, .. } => format!("untold {reason}"),
        Seen::Ensemble(e) => format!("{} {}/{}", word(serde_json::to_value(e.verdict).unwrap()), e.serving, e.servers),
        Seen::Connections(u) => format!("all {} {}", level(u.verdict), u.in_use),
        Seen::Client(u) => format!("{} {} {}", u.client_ip.as_deref().unwrap_or("?"), level(u.verdict), u.in_use),
        Seen::Ended { server } => format!("ended {}", server.as_deref().unwrap_or("all")),
        Seen::Certificate(_) => "certificate".into(),
    };
    entries.iter().map(|entry| format!("{}: {}", entry.node, of(entry))).collect()
}

#[test]
fn each_client_is_judged_and_one_that_is_gone_is_fine() {
    let mut rounds = Rounds::new(settings(&["n1=zk1"]), "here");
    let first = rounds.judge(&[serving(&[("c1", 9), ("c2", 3)])]);
    assert_eq!(
        shown(&first),
        ["n1: zk1:2181 serving", "n1: available 1/1", "n1: all fine 12", "n1: c1 over 9", "n1: c2 fine 3"]
    );
    let Seen::Client(usage) = &first[3].seen else { panic!() };
    assert_eq!(usage.trigger_condition, "9 connections of maxClientCnxns 10, threshold 80 %");
    assert_eq!((usage.server_ip.as_deref(), usage.limit), (Some("10.0.0.1"), Some(10)));
    let second = rounds.judge(&[serving(&[("c2", 81)])]);
    assert_eq!(shown(&second)[2..], ["n1: all over 81", "n1: c2 over 81", "n1: c1 fine 0"]);
    assert_eq!(shown(&rounds.judge(&[serving(&[])]))[2..], ["n1: all fine 0", "n1: c2 fine 0"]);
    assert_eq!(shown(&rounds.judge(&[serving(&[])]))[2..], ["n1: all fine 0"]);
}

#[test]
fn who_does_not_answer_says_nothing_about_clients() {
    let mut rounds = Rounds::new(settings(&["n1=zk1"]), "here");
    rounds.judge(&[serving(&[("c1", 9)])]);
    assert_eq!(shown(&rounds.judge(&[down()])), ["n1: zk1:2181 down", "n1: unavailable 0/1"]);
    let told = shown(&rounds.judge(&[untold()]));
    assert_eq!(told, ["n1: zk1:2181 serving", "n1: untold cons", "n1: untold conf", "n1: available 1/1"]);
    // It is known all the same.
    assert_eq!(shown(&rounds.judge(&[serving(&[])]))[3..], ["n1: c1 fine 0"]);
}

#[test]
fn of_several_servers_of_a_node_the_fullest_counts() {
    let mut rounds = Rounds::new(settings(&["n1=zk1", "n1=zk2"]), "here");
    let seen = shown(&rounds.judge(&[serving(&[("c1", 2), ("c2", 1)]), serving(&[("c1", 9)])]));
    assert_eq!(seen[2..], ["n1: available 2/2", "n1: all fine 9", "n1: c1 over 9", "n1: c2 fine 1"]);
    // The one with many does not tell: the other's few prove nothing.
    let seen = shown(&rounds.judge(&[serving(&[("c1", 2)]), untold()]));
    assert!(!seen.iter().any(|s| s.contains("c1")), "{seen:?}");
    let seen = shown(&rounds.judge(&[serving(&[("c1", 2)]), down()]));
    assert!(seen.contains(&"n1: c1 fine 2".to_owned()), "{seen:?}");
}

#[test]
fn an_ensemble_is_unavailable_when_a_majority_cannot_serve() {
    let of = |asked: Vec<Asked>| {
        let servers = ["n1=a", "n2=b", "n3=c", "n4=d"];
        let seen = shown(&Rounds::new(settings(&servers[..asked.len()]), "here").judge(&asked));
        seen.into_iter().find(|s| s.contains("available") || s.contains("unknown")).unwrap()
    };
    let unsure = || silent(Service::Untold(Untold("srvr".into())));
    let well = || serving(&[]);
    for (asked, expect) in [
        (vec![well(), well(), well()], "n1: available 3/3"),
        (vec![down(), well(), well()], "n1: available 2/3"),
        (vec![down(), down(), well()], "n1: unavailable 1/3"),
        (vec![down(), unsure(), well()], "n1: unknown 1/3"),
        (vec![down(), down(), unsure()], "n1: unavailable 0/3"),
        (vec![unsure()], "n1: unknown 0/1"),
        (vec![down()], "n1: unavailable 0/1"),
        // Half is no majority.
        (vec![down(), down(), well(), well()], "n1: unavailable 2/4"),
    ] {
        assert_eq!(of(asked), expect);
    }
}

#[test]
fn without_a_limit_nothing_is_too_much_and_nothing_is_proven_of_all() {
    let without = Zookeeper { max_connections: None, ..settings(&["n1=zk1"]) };
    let mut rounds = Rounds::new(without, "here");
    let unlimited = Asked { limits: Ok(Limits::default()), ..serving(&[("c1", 900)]) };
    assert_eq!(shown(&rounds.judge(std::slice::from_ref(&unlimited)))[2..], ["n1: all untold 900"]);
    rounds.judge(&[serving(&[("c1", 9)])]);
    // A server does tell that it has no limit for one client.
    assert_eq!(shown(&rounds.judge(&[unlimited]))[2..], ["n1: all untold 900", "n1: c1 fine 900"]);
}

#[test]
fn a_limit_that_is_not_told_this_time_is_not_taken_for_none() {
    let without = Zookeeper { max_connections: None, ..settings(&["n1=zk1"]) };
    let late = || Asked { limits: Err(Untold("conf".into())), ..serving(&[("c1", 9)]) };
    let told = shown(&Rounds::new(without, "here").judge(&[late()]));
    assert_eq!(told, ["n1: zk1:2181 serving", "n1: untold conf", "n1: available 1/1"]);
    // Here the settings say it.
    let told = shown(&Rounds::new(settings(&["n1=zk1"]), "here").judge(&[late()]));
    assert_eq!(told[3..], ["n1: all fine 9"]);
}

#[test]
fn only_so_many_clients_are_written_and_always_those_that_matter() {
    let mut rounds = Rounds::new(settings(&["n1=zk1"]), "here");
    let names: Vec<String> = (0..5000).map(|n| format!("c{n:04}")).collect();
    let clients: Vec<(&str, u64)> = names.iter().enumerate().map(|(n, c)| (c.as_str(), 1 + n as u64 % 9)).collect();
    let seen = rounds.judge(&[serving(&clients)]);
    let count = |level: Level| seen.iter().filter(|e| matches!(&e.seen, Seen::Client(u) if u.verdict == level)).count();
    assert_eq!((count(Level::Over), count(Level::Fine)), (555, MOST_CLIENTS));
}

#[test]
fn what_an_earlier_process_saw_is_gone_on_from_or_ended() {
    let lines = |entries: &[Entry]| entries.iter().map(|e| (0, e.seen.clone())).collect::<Vec<_>>();
    let mut earlier = Rounds::new(settings(&["n1=zk1", "n1=zk2", "n2=zk3"]), "here");
    let seen = earlier.judge(&[serving(&[("c1", 9)]), down(), down()]);
    let of = |node: &str| lines(&seen.iter().filter(|e| e.node == node).cloned().collect::<Vec<_>>());

    // A server and a node are looked at no longer.
    let mut rounds = Rounds::new(settings(&["n1=zk1"]), "here");
    assert_eq!(shown(&rounds.recall("n1", &of("n1"))), ["n1: ended zk2:2181"]);
    let ended = rounds.recall("n2", &of("n2"));
    assert_eq!(shown(&ended), ["n2: ended all"]);
    assert!(rounds.recall("n2", &[of("n2"), lines(&ended)].concat()).is_empty());
    assert_eq!(shown(&rounds.judge(&[serving(&[])]))[3..], ["n1: c1 fine 0"]);

    // Another node speaks for the ensemble now.
    let mut rounds = Rounds::new(settings(&["n2=zk3", "n1=zk1", "n1=zk2"]), "here");
    assert_eq!(shown(&rounds.recall("n1", &of("n1"))), ["n1: ended all"]);
}
