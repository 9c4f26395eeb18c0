//! What a watch makes of ZooKeeper servers, which threads of the test play. Real ones are asked in `tests/zookeeper.rs`.

mod support;
mod watch_support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use support::{Site, alarm};
use watch_support::{Running, append, clock, now, stamp, state_until};

/// A server with so many connections of 10.0.0.7, of the 60 that it may have.
#[derive(Clone)]
struct Played(Arc<Mutex<u64>>);

impl Played {
    /// Its port, too.
    fn start(connections: u64) -> (Played, u16) {
        let played = Played(Arc::new(Mutex::new(connections)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let theirs = played.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { break };
                let mut word = [0; 4];
                let _ = stream.read_exact(&mut word);
                let _ = stream.write_all(theirs.answer(&word).as_bytes());
            }
        });
        (played, port)
    }

    fn answer(&self, word: &[u8]) -> String {
        match word {
            b"srvr" => "Mode: standalone\n".to_owned(),
            b"conf" => "clientPort=1\nmaxClientCnxns=60\n".to_owned(),
            _ => {
                let connections = *self.0.lock().unwrap();
                let own = " /192.0.2.1:9[0](queued=0,recved=1,sent=0)\n".to_owned();
                (0..connections).map(|n| format!(" /10.0.0.7:{}[1](queued=0)\n", 40_000 + n)).chain([own]).collect()
            }
        }
    }

    fn set(&self, connections: u64) {
        *self.0.lock().unwrap() = connections;
    }
}

fn config(servers: &[String], more: &str) -> String {
    let servers: Vec<String> = servers.iter().map(|s| format!("{s:?}")).collect();
    format!("[probe.zookeeper]\nservers = [{}]\nevery = \"1s\"\n{more}", servers.join(", "))
}

fn watch(site: &Site) -> Running {
    Running::start(site.command(&["watch", "--state", "state", "--from", "start", "--config", "tocsin.toml", "logs"]))
}

fn refused() -> String {
    format!(
        "{} [myid:] - WARN  [NIOServerCxnFactory.AcceptThread:/10.0.0.1:2181:RateLogger@87] - Message:Error accepting new \
         connection: Too many connections from /10.0.0.7 - max is 60 Value:null\n",
        now()
    )
}

#[test]
fn refusals_in_the_log_and_the_count_are_one_instance_that_the_count_clears() {
    let (played, port) = Played::start(60);
    let site = Site::new(&[("tocsin.toml", &config(&[format!("node-1=127.0.0.1:{port}")], "")), ("logs/none", "")]);
    let mut running = watch(&site);
    let raise = running.transition("raise", "ALM-13007");
    assert_eq!(raise["causes"], serde_json::json!(["connections"]));
    assert_eq!((&raise["node"], &raise["params"]["clientIp"]), (&"node-1".into(), &"10.0.0.7".into()));
    assert_eq!(raise["params"]["serverIp"], "127.0.0.1");
    assert_eq!(raise["params"]["triggerCondition"], "60 connections of maxClientCnxns 60, threshold 80 %");
    append(&site, "logs/node-1/var/log/zookeeper/zookeeper.log", &refused());
    // The refusal has been taken when it is among what is active.
    state_until(&site, "the log was read", |state| {
        let families = state["families"].as_array().unwrap();
        families.iter().any(|f| f["log"] == "zookeeper" && f["lag"] == 0)
    });
    played.set(48);
    let clear = running.transition("clear", "ALM-13007");
    assert_eq!((&clear["key"], &clear["clearedBy"]), (&raise["key"], &"signal".into()));
    let ended = running.stop();
    assert_eq!(ended.records().len(), 2, "{}", ended.out);

    let replayed = site.run(&["replay", "--quiet", "--tz", "UTC", "--end", &clock(&ended), "state/probe", "logs"]);
    assert_eq!(replayed.ids(), ended.ids(), "{}", replayed.err);
}

#[test]
fn a_server_that_says_nothing_delays_no_log_and_no_stop() {
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("zk1=127.0.0.1:{}", hung.local_addr().unwrap().port());
    let site = Site::new(&[("tocsin.toml", &config(&[server], "patience = \"10m\"\n")), ("logs/none", "")]);
    let mut running = watch(&site);
    // It was asked, and is not answered.
    let _asked = hung.accept().unwrap();
    append(&site, "logs/node-7/flink/flinkserver/ha/runlog/ha.log", &alarm(&stamp(chrono::Utc::now()), 0, 0));
    running.transition("raise", "ALM-45640");
    running.signal(Signal::HUP);
    running.says("reloaded");
    let _asked_again = hung.accept().unwrap();
    let ended = running.stop();
    assert_eq!((ended.code, ended.records().len()), (Some(0), 1), "{}", ended.err);
}

#[test]
fn a_server_that_is_away_is_down_until_it_is_back_or_no_longer_asked() {
    let (_played, port) = Played::start(1);
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let servers = [format!("n1=127.0.0.1:{port}"), format!("n2=127.0.0.1:{away}")];
    let site = Site::new(&[("tocsin.toml", &config(&servers, "")), ("logs/none", "")]);
    let mut running = watch(&site);
    let down = running.transition("raise", "ZK-SERVER-DOWN");
    assert_eq!((&down["node"], &down["severity"]), (&"n2".into(), &"major".into()));
    // One of two is no majority; the ensemble is of the first server's node.
    let away = running.transition("raise", "ALM-13000");
    assert_eq!((&away["node"], &away["severity"]), (&"n1".into(), &"critical".into()));
    assert_eq!((&away["params"]["serving"], &away["params"]["servers"]), (&"1".into(), &"2".into()));
    site.write("tocsin.toml", config(&servers[..1], "").as_bytes());
    running.signal(Signal::HUP);
    running.transition("clear", "ZK-SERVER-DOWN");
    running.transition("clear", "ALM-13000");
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn one_look_is_a_table_and_an_exit_code() {
    let (played, port) = Played::start(49);
    let server = format!("node-1=127.0.0.1:{port}");
    let site = Site::new(&[]);
    let ended = site.run(&["probe", "zookeeper", "--server", &server, "--max-connections", "1000"]);
    let port = port.to_string();
    // Of the same length, whatever its number.
    let shown = ended.shown().replace(&format!("{port:<5}"), "PORT ").replace(&port, "PORT");
    insta::assert_snapshot!(shown);
    assert_eq!(ended.code, Some(6));
    played.set(48);
    let ended = site.run(&["probe", "zookeeper", "--server", &server, "--max-connections", "1000", "--format", "json"]);
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""));
    let wrong = site.run(&["probe", "certificate", "--server", &server]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
}
