//! Asking servers that are played by threads of the test.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// What a played server answers to what it hears; `None`: it closes without a word.
type Script = fn(&str) -> Option<String>;

/// Answers each connection once. Its port, and how many connections are open at the moment.
fn play(script: Script) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let theirs = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let mut heard = [0; 512];
            let n = stream.read(&mut heard).unwrap_or(0);
            let heard = String::from_utf8_lossy(&heard[..n]).into_owned();
            theirs.lock().unwrap().push(heard.chars().take(40).collect());
            if let Some(said) = script(&heard) {
                let peer = stream.peer_addr().unwrap();
                let _ = stream.write_all(said.replace("ASKING", &peer.to_string()).as_bytes());
            }
        }
    });
    (port, asked)
}

fn server(port: u16, admin_port: u16) -> Server {
    Server { admin_port, ..Server::parse(&format!("127.0.0.1:{port}")).unwrap() }
}

/// A port on which nobody listens.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn open_words(heard: &str) -> Option<String> {
    Some(match heard {
        "srvr" => "Zookeeper version: 3.9.5\nConnections: 3\nMode: follower\n".to_owned(),
        "conf" => "clientPort=2181\nmaxClientCnxns=60\n".to_owned(),
        "cons" => " /10.0.0.7:1[1](queued=0)\n /10.0.0.7:2[1](queued=0)\n /ASKING[0](queued=0)\n\n".to_owned(),
        other => panic!("{other}"),
    })
}

fn closed_words(heard: &str) -> Option<String> {
    match heard {
        "srvr" => open_words(heard),
        word => Some(format!("{word} is not executed because it is not in the whitelist.\n")),
    }
}

#[test]
fn four_letter_words_tell_everything() {
    let (port, _) = play(open_words);
    let asked = ask(&server(port, nobody()), PATIENCE);
    assert_eq!(asked.service, Service::Serving("follower".into()));
    assert_eq!(asked.limits, Ok(Limits { client: Some(60), total: None }));
    let connections = asked.connections.unwrap();
    assert_eq!((connections.total, connections.by_client["10.0.0.7"]), (2, 2));
}

#[test]
fn what_a_server_may_not_tell_names_the_setting_and_is_no_fault_of_it() {
    let (port, _) = play(closed_words);
    let asked = ask(&server(port, nobody()), PATIENCE);
    assert_eq!(asked.service, Service::Serving("follower".into()));
    let Err(Untold(why)) = asked.connections else { panic!("told") };
    assert!(why.contains("4lw.commands.whitelist") && why.contains("admin.enableServer"), "{why}");
    assert!(asked.limits.is_err());
    let (port, _) = play(|word| Some(format!("{word} is not executed because it is not in the whitelist.\n")));
    assert!(matches!(ask(&server(port, nobody()), PATIENCE).service, Service::Untold(_)));
}

#[test]
fn an_admin_server_counts_only_if_it_is_the_servers_own() {
    fn admin(heard: &str) -> Option<String> {
        let body = match heard.split(['/', ' ']).nth(3) {
            Some("configuration") => {
                r#"{"client_port":7,"max_client_cnxns":60,"command":"configuration","error":null}"#
            }
            _ => {
                r#"{"connections":[{"remote_socket_address":"10.0.0.9:1"}],"secure_connections":[],"command":"connections","error":null}"#
            }
        };
        Some(format!("HTTP/1.1 200 OK\r\n\r\n{body}"))
    }
    let (port, _) = play(closed_words);
    let (admin_port, heard) = play(admin);
    // Client port 7 is another's.
    assert!(ask(&server(port, admin_port), PATIENCE).connections.is_err());
    assert!(heard.lock().unwrap().iter().all(|h| h.contains("configuration")));
    let addresses = [SocketAddr::from(([127, 0, 0, 1], 7))];
    let deadline = Deadline(Instant::now() + PATIENCE);
    let own = admin::Admin { addresses: &addresses, port: admin_port, client_port: 7, deadline };
    assert_eq!(own.connections().told().unwrap().by_client["10.0.0.9"], 1);
    assert_eq!(own.limits().told().unwrap().client, Some(60));
}

#[test]
fn who_is_not_there_or_has_no_quorum_is_down() {
    let down = |asked: Asked| match asked.service {
        Service::Down(why) => why,
        other => panic!("{other:?}"),
    };
    assert!(down(ask(&server(nobody(), nobody()), PATIENCE)).contains("no connection"));
    let (port, _) = play(|_| Some("This ZooKeeper instance is not currently serving requests\n".into()));
    assert!(down(ask(&server(port, nobody()), PATIENCE)).contains("quorum"));
    // It takes connections and says nothing: stopped, or hung.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hung = server(listener.local_addr().unwrap().port(), nobody());
    assert_eq!(down(ask(&hung, Duration::from_millis(50))), LATE);
}

#[test]
fn a_server_that_turns_everybody_away_is_not_called_down() {
    let (port, _) = play(|_| None);
    let asked = ask(&server(port, nobody()), PATIENCE);
    let Service::Untold(Untold(why)) = &asked.service else { panic!("{asked:?}") };
    assert!(why.contains("maxClientCnxns") && why.contains("maxCnxns"), "{why}");
    assert!(asked.connections.is_err() && asked.limits.is_err());
    // Its AdminServer knows better.
    let (admin_port, _) = play(|_| {
        let says = "This ZooKeeper instance is not currently serving requests";
        Some(format!("HTTP/1.1 200 OK\r\n\r\n{{\"command\":\"x\",\"error\":\"{says}\"}}"))
    });
    assert!(matches!(ask(&server(port, admin_port), PATIENCE).service, Service::Down(_)));
}

#[test]
fn an_address_that_is_silent_leaves_time_for_the_next() {
    // A queue that is full takes nobody, and says nothing.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let silent = full.local_addr().unwrap().as_socket().unwrap();
    let wait = Duration::from_millis(50);
    let waiting: Vec<_> = (0..64).map_while(|_| TcpStream::connect_timeout(&silent, wait).ok()).collect();
    assert!(waiting.len() < 64, "the queue is never full");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let found = connect([silent, open].into_iter(), Deadline(Instant::now() + Duration::from_secs(2))).unwrap();
    assert_eq!(found.peer_addr().unwrap(), open);
}

#[test]
fn what_takes_too_long_is_left_to_itself() {
    let soon = Deadline(Instant::now() + Duration::from_millis(10));
    let (end, ended) = std::sync::mpsc::channel::<()>();
    assert_eq!(in_time(soon, move || ended.recv().is_ok()), None);
    drop(end);
    assert_eq!(in_time(Deadline(Instant::now() + PATIENCE), || 7), Some(7));
}
