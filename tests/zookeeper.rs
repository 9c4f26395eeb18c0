//! The probes against real servers, which `scripts/zookeeper` starts on loopback. Needs Java and Maven,
//! so it runs only when it is named: `cargo test --release --test zookeeper`.

mod support;
mod watch_support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use support::Site;
use watch_support::{Running, clock};

/// Servers that are stopped when the test ends, however it does.
struct Servers<'s> {
    site: &'s Site,
    port: u16,
}

impl<'s> Servers<'s> {
    /// Each test has a thousand ports of its own, below those that systems give away.
    fn start(site: &'s Site, port: u16, options: &[&str]) -> Servers<'s> {
        let servers = Servers { site, port };
        servers.script(&[&["start", "--port", &port.to_string()], options].concat());
        servers
    }

    fn script(&self, args: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/zookeeper");
        let status = Command::new(script).args(args).arg("--home").arg(self.site.path("logs")).status().unwrap();
        assert!(status.success(), "scripts/zookeeper {args:?}");
    }

    /// A watch that asks so many of them each second, and reads their logs.
    fn watch(&self, count: u16) -> Running {
        let servers: Vec<String> =
            (1..=count).map(|k| format!("\"node-{k}=127.0.0.1:{}\"", self.port + k - 1)).collect();
        let config = format!(
            "[probe.zookeeper]\nservers = [{}]\nevery = \"1s\"\nmax-connections = 12\nadmin-port = {}\n",
            servers.join(", "),
            self.port + 100
        );
        self.site.write("tocsin.toml", config.as_bytes());
        let args = ["watch", "--state", "state", "--from", "start", "--config", "tocsin.toml", "logs"];
        Running::start(self.site.command(&args))
    }

    /// So many connections from an address.
    fn connect(&self, from: [u8; 4], count: usize) -> Vec<TcpStream> {
        let connect = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
            socket.connect(&SocketAddr::from(([127, 0, 0, 1], self.port)).into()).unwrap();
            TcpStream::from(socket)
        };
        (0..count).map(|_| connect()).collect()
    }
}

impl Drop for Servers<'_> {
    fn drop(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/zookeeper");
        let _ = Command::new(script).arg("stop").arg("--home").arg(self.site.path("logs")).status();
    }
}

fn probe_log(site: &Site, node: &str) -> String {
    let path = site.path(&format!("state/probe/{node}/tocsin-probe/probe-zookeeper.log"));
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Waits until the probe's log says this of a node, in a line that has both.
fn seen(running: &mut Running, site: &Site, node: &str, parts: [&str; 2]) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let text = probe_log(site, node);
        if text.lines().any(|line| parts.iter().all(|part| line.contains(part))) {
            return;
        }
        assert!(Instant::now() < until, "{parts:?} is not in {text}");
        // A watch that has ended would never write it.
        running.until("it runs", |_| true);
        std::thread::yield_now();
    }
}

fn of<'r>(records: &'r [Value], alarm: &str) -> Vec<&'r str> {
    records.iter().filter(|r| r["alarm"] == alarm).map(|r| r["event"].as_str().unwrap()).collect()
}

#[test]
fn connections_of_clients_and_of_all_raise_and_clear() {
    let site = Site::new(&[("logs/none", "")]);
    let servers = Servers::start(&site, 21_000, &["--max-client", "5", "--max", "12"]);
    let mut running = servers.watch(1);
    let many = servers.connect([127, 0, 0, 2], 5);
    let few = servers.connect([127, 0, 0, 3], 4);
    let client = running.transition("raise", "ALM-13007");
    assert_eq!((&client["node"], &client["params"]["clientIp"]), (&"node-1".into(), &"127.0.0.2".into()));
    assert_eq!(client["params"]["triggerCondition"], "5 connections of maxClientCnxns 5, threshold 80 %");
    // 9 of 12 are 75 %, and 10 are 83 %.
    let more = servers.connect([127, 0, 0, 4], 1);
    let all = running.transition("raise", "ALM-13001");
    assert_eq!(all["params"]["triggerCondition"], "10 connections of maxCnxns 12, threshold 80 %");
    drop(more);
    running.transition("clear", "ALM-13001");
    drop(many);
    let clear = running.transition("clear", "ALM-13007");
    assert_eq!(clear["key"], client["key"]);
    drop(few);
    let ended = running.stop();
    let records = ended.records();
    assert_eq!(
        (of(&records, "ALM-13007"), of(&records, "ALM-13001")),
        (vec!["raise", "clear"], vec!["raise", "clear"])
    );
    assert_eq!(records.len(), 4, "{}", ended.out);
    let replayed = site.run(&["replay", "--quiet", "--tz", "UTC", "--end", &clock(&ended), "state/probe", "logs"]);
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(replayed.ids()), sorted(ended.ids()), "{}", replayed.err);
}

#[test]
fn the_only_server_stopped_is_the_service_unavailable() {
    let site = Site::new(&[("logs/none", "")]);
    let servers = Servers::start(&site, 22_000, &[]);
    let mut running = servers.watch(1);
    seen(&mut running, &site, "node-1", ["\"serving\"", "standalone"]);
    servers.script(&["stop", "1"]);
    running.transition("raise", "ZK-SERVER-DOWN");
    running.transition("raise", "ALM-13000");
    servers.script(&["resume", "1"]);
    running.transition("clear", "ZK-SERVER-DOWN");
    running.transition("clear", "ALM-13000");
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn one_of_three_stopped_is_a_server_and_not_the_service() {
    let site = Site::new(&[("logs/none", "")]);
    let servers = Servers::start(&site, 23_000, &["--ensemble"]);
    let mut running = servers.watch(3);
    let nodes = ["node-1", "node-2", "node-3"];
    nodes.iter().for_each(|node| seen(&mut running, &site, node, ["\"check\":\"server\"", "\"serving\""]));
    // Without its leader an ensemble is away for as long as it takes to elect another.
    let is_follower = |node: &&&str| probe_log(&site, node).contains("\"mode\":\"follower\"");
    let follower = nodes.iter().find(is_follower).unwrap();
    let number = follower.strip_prefix("node-").unwrap();
    servers.script(&["stop", number]);
    let down = running.transition("raise", "ZK-SERVER-DOWN");
    assert_eq!(down["node"], **follower);
    // What was said of the ensemble then.
    let name = format!("127.0.0.1:{}", 22_999 + number.parse::<u16>().unwrap());
    seen(&mut running, &site, "node-1", ["\"available\",\"serving\":2", &name]);
    servers.script(&["resume", number]);
    running.transition("clear", "ZK-SERVER-DOWN");
    let ended = running.stop();
    assert!(of(&ended.records(), "ALM-13000").is_empty(), "{}", ended.out);
}

#[test]
fn without_four_letter_words_the_admin_server_is_asked() {
    let site = Site::new(&[("logs/none", "")]);
    let servers = Servers::start(&site, 24_000, &["--words-off", "--max-client", "5"]);
    // `srvr` alone cannot be switched off.
    for word in ["conf", "cons"] {
        let mut asking = TcpStream::connect(("127.0.0.1", 24_000)).unwrap();
        asking.write_all(word.as_bytes()).unwrap();
        let mut heard = String::new();
        asking.read_to_string(&mut heard).unwrap();
        assert!(heard.contains("is not in the whitelist"), "{word}: {heard}");
    }
    let mut running = servers.watch(1);
    let held = servers.connect([127, 0, 0, 2], 5);
    let client = running.transition("raise", "ALM-13007");
    assert_eq!(client["params"]["clientIp"], "127.0.0.2");
    drop(held);
    running.transition("clear", "ALM-13007");
    assert_eq!(running.stop().code, Some(0));
    // Where nobody listens, the setting to change is named and nothing is raised.
    let ended = site.run(&["probe", "zookeeper", "--server", "127.0.0.1:24000", "--admin-port", "24999"]);
    assert_eq!(ended.code, Some(4), "{}", ended.shown());
    assert!(ended.err.contains("4lw.commands.whitelist"), "{}", ended.err);
}
