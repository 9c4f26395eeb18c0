//! Can the brokers be reached, do they let us in, and is the topic fit for alarms?

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::finding::{Finding, Verdict};
use crate::config::Sink;
use crate::config::kafka::target;
use crate::config::secret::Property;
use crate::config::value::Broker;
use crate::deliver::kafka::ask;
use crate::deliver::kafka::target::{Patience, Target};

/// A broker that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(3);

pub fn examine(sinks: &[Sink], kafka: &[Property], found: &mut Vec<Finding>) {
    for sink in sinks {
        match sink {
            Sink::Stdout => found.push(Finding::ok("sink", "stdout", "needs nothing")),
            Sink::Kafka { brokers, .. } => {
                let reached = reach(brokers);
                let any = reached.iter().any(|finding| finding.verdict == Verdict::Ok);
                found.extend(reached);
                if any && let Some(target) = target(sink, kafka, Patience::Once) {
                    found.extend(topic(&target));
                }
            }
        }
    }
}

/// What the brokers say of the topic, to the user of the configuration.
fn topic(target: &Target) -> Vec<Finding> {
    let mend = |found: String| Finding::mend("topic", &*target.name, found);
    match ask(target) {
        // The remedy is part of the words.
        Err(trouble) => vec![mend(trouble.to_string())],
        Ok(None) => {
            let remedy = format!("tocsin topic create {}", target.name);
            vec![mend("there is no such topic".to_owned()).remedy(remedy)]
        }
        Ok(Some(found)) => {
            let faults = found.faults(&target.brokers, &target.topic);
            let findings: Vec<_> = faults.into_iter().map(|fault| mend(fault.what).remedy(fault.remedy)).collect();
            let words = format!("{} partitions, {} replicas", found.partitions, found.replicas);
            if findings.is_empty() { vec![Finding::ok("topic", &*target.name, words)] } else { findings }
        }
    }
}

/// All at once, so that several that do not answer take no longer than one.
fn reach(brokers: &[Broker]) -> Vec<Finding> {
    let waiting: Vec<_> = brokers
        .iter()
        .map(|broker| {
            let (told, tells) = channel();
            let asked = broker.clone();
            // Looking a name up may take as long as it likes: the thread is left behind then.
            thread::spawn(move || told.send(connect(&asked)));
            (broker, tells)
        })
        .collect();
    let deadline = Instant::now() + PATIENCE + PATIENCE / 2;
    let judge = |(broker, tells): (&Broker, std::sync::mpsc::Receiver<Result<(), String>>)| {
        let left = deadline.saturating_duration_since(Instant::now());
        let ended = tells.recv_timeout(left).unwrap_or_else(|_| Err("no answer in time".to_owned()));
        match ended {
            Ok(()) => Finding::ok("sink", broker.to_string(), "reachable"),
            Err(why) => Finding::mend("sink", broker.to_string(), format!("cannot be reached: {why}"))
                .remedy("check that the broker runs, its name and port in `to`, and firewalls on the way"),
        }
    };
    waiting.into_iter().map(judge).collect()
}

fn connect(broker: &Broker) -> Result<(), String> {
    let addresses = (broker.host.as_str(), broker.port).to_socket_addrs().map_err(|e| e.to_string())?;
    let mut why = "the name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(e) => why = e.to_string(),
        }
    }
    Err(why)
}
