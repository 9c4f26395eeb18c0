//! All servers asked once: what that says of each server, of the ensemble, and of who holds how many connections.
//!
//! An alarm about connections has a node and a client, and no server. So where a node has several servers, its fullest
//! counts. What is not told is not taken for fine, and a server that does not answer says nothing about its clients.

use std::collections::{BTreeMap, BTreeSet};

use super::level::{Gauge, Level, fuller, limits};
use super::line::{Availability, Ensemble, Entry, Seen, Server as ServerLine, Service as Verdict, Use};
use super::settings::Zookeeper;
use super::zookeeper::{Asked, Server, Service, ask};
use crate::time::Millis;

/// Of so many clients of a node a line is written each time, besides those that are not fine.
const MOST_CLIENTS: usize = 1000;

/// Checks of the same servers, one after the other.
#[derive(Debug)]
pub struct Rounds {
    settings: Zookeeper,
    /// This machine's node.
    here: String,
    nodes: BTreeMap<String, Known>,
}

/// What the last round said of a node.
#[derive(Debug, Default)]
struct Known {
    total: Standing,
    clients: BTreeMap<String, Standing>,
    servers: BTreeSet<String>,
    /// It was said that too few servers serve.
    unavailable: bool,
    ended: bool,
}

/// A level, and how often in a row it was over the threshold.
#[derive(Clone, Copy, Debug)]
struct Standing {
    level: Level,
    row: u32,
}

impl Default for Standing {
    fn default() -> Standing {
        Standing { level: Level::Fine, row: 0 }
    }
}

/// Connections in use, their limit, and the server where they are.
#[derive(Clone, Copy)]
struct Used<'a> {
    in_use: u64,
    limit: Option<u64>,
    server: &'a Server,
    asked: &'a Asked,
}

impl<'a> Used<'a> {
    fn fuller(self, other: Option<Used<'a>>) -> Used<'a> {
        match other {
            Some(other) if !fuller((self.in_use, self.limit), (other.in_use, other.limit)) => other,
            _ => self,
        }
    }
}

/// Asks all servers at the same time.
pub fn ask_all(settings: &Zookeeper) -> Vec<Asked> {
    let patience = settings.patience();
    std::thread::scope(|scope| {
        let asking: Vec<_> = settings
            .servers
            .iter()
            .map(|server| {
                let asking = std::thread::Builder::new().name("ask".to_owned());
                (server, asking.spawn_scoped(scope, move || ask(server, patience)))
            })
            .collect();
        let answers = asking.into_iter().map(|(server, asking)| match asking.map(|thread| thread.join()) {
            Ok(Ok(asked)) => asked,
            // No thread was to be had: one after the other, then.
            _ => ask(server, patience),
        });
        answers.collect()
    })
}

impl Rounds {
    pub fn new(settings: Zookeeper, here: &str) -> Rounds {
        Rounds { settings, here: here.to_owned(), nodes: BTreeMap::new() }
    }

    pub fn settings(&self) -> &Zookeeper {
        &self.settings
    }

    /// Learns from a node's log what an earlier process saw, and says what of it is looked at no longer.
    pub fn recall(&mut self, node: &str, last: &[(Millis, Seen)]) -> Vec<Entry> {
        let mut known = Known::default();
        last.iter().for_each(|(_, seen)| known.see(seen));
        let ended = |server| Entry { node: node.to_owned(), seen: Seen::Ended { server } };
        let servers: BTreeSet<String> = self.of_node(node).iter().map(|(_, server)| server.name()).collect();
        let is_first = self.settings.servers.first().is_some_and(|first| first.node(&self.here) == node);
        if servers.is_empty() || (known.unavailable && !is_first) {
            let said = if known.ended { Vec::new() } else { vec![ended(None)] };
            known = Known { servers, ..Known::default() };
            self.nodes.insert(node.to_owned(), known);
            return said;
        }
        let gone = known.servers.difference(&servers).map(|server| ended(Some(server.clone()))).collect();
        self.nodes.insert(node.to_owned(), known);
        gone
    }

    fn of_node(&self, node: &str) -> Vec<(usize, Server)> {
        let servers = self.settings.servers.iter().enumerate();
        servers.filter(|(_, server)| server.node(&self.here) == node).map(|(at, server)| (at, server.clone())).collect()
    }

    /// What the answers say; they are in the order of the servers.
    pub fn judge(&mut self, asked: &[Asked]) -> Vec<Entry> {
        let mut entries = Vec::new();
        let nodes: BTreeSet<String> = self.settings.servers.iter().map(|s| s.node(&self.here).to_owned()).collect();
        for node in nodes {
            let servers = self.of_node(&node);
            let servers: Vec<(&Server, &Asked)> =
                servers.iter().filter_map(|(at, server)| Some((server, asked.get(*at)?))).collect();
            let mut seen: Vec<Seen> = servers.iter().flat_map(|(server, asked)| of_server(server, asked)).collect();
            if self.settings.servers.first().is_some_and(|first| first.node(&self.here) == node) {
                seen.push(Seen::Ensemble(ensemble(&self.settings.servers, asked)));
            }
            let mut known = self.nodes.remove(&node).unwrap_or_default();
            seen.extend(self.connections(&mut known, &servers));
            self.nodes.insert(node.clone(), known);
            entries.extend(seen.into_iter().map(|seen| Entry { node: node.clone(), seen }));
        }
        entries
    }

    fn connections(&self, known: &mut Known, servers: &[(&Server, &Asked)]) -> Vec<Seen> {
        let mut total: Option<Used> = None;
        let mut clients: BTreeMap<&str, Used> = BTreeMap::new();
        for &(server, asked) in servers {
            let Ok(connections) = &asked.connections else { continue };
            let limits = limits(asked.limits.clone().unwrap_or_default(), self.settings.max_connections);
            let used = Used { in_use: connections.total, limit: limits.total, server, asked };
            // Who does not answer now may have told a limit a moment ago.
            if asked.limits.is_ok() || used.limit.is_some() {
                total = Some(used.fuller(total));
            }
            if asked.limits.is_err() {
                continue;
            }
            for (client, in_use) in &connections.by_client {
                let used = Used { in_use: *in_use, limit: limits.client, server, asked };
                let fullest = used.fuller(clients.get(client.as_str()).copied());
                clients.insert(client, fullest);
            }
        }
        let is_down = |asked: &Asked| matches!(asked.service, Service::Down(_));
        let told = |asked: &Asked| asked.connections.is_ok() && asked.limits.is_ok();
        // Who is not seen may be connected to the server that does not tell.
        let is_whole = servers.iter().all(|(_, asked)| told(asked) || is_down(asked));
        let mut seen = Vec::new();
        if let Some(used) = total {
            seen.push(self.total(known, used));
        }
        if let Some(&(server, asked)) = servers.iter().find(|(_, asked)| told(asked)) {
            let nobody = Used { in_use: 0, limit: None, server, asked };
            seen.extend(self.clients(known, &clients, is_whole.then_some(nobody)));
        }
        seen
    }

    fn total(&self, known: &mut Known, used: Used) -> Seen {
        let gauge = Gauge {
            setting: "maxCnxns",
            threshold: self.settings.threshold,
            trigger_count: self.settings.trigger_count,
            slack: true,
        };
        let judged = gauge.level(used.in_use, used.limit, &mut known.total.row);
        // No server tells that it has no such limit, so this proves nothing and must not clear what its log says.
        known.total.level = if used.limit.is_none() { Level::Untold } else { judged };
        Seen::Connections(usage(gauge, known.total.level, None, used))
    }

    /// `nobody`: what is known of a client that is not connected; `None` if that says nothing.
    fn clients(&self, known: &mut Known, clients: &BTreeMap<&str, Used>, nobody: Option<Used>) -> Vec<Seen> {
        let gauge = Gauge {
            setting: "maxClientCnxns",
            threshold: self.settings.client_threshold,
            trigger_count: self.settings.trigger_count,
            slack: false,
        };
        let mut before = std::mem::take(&mut known.clients);
        let mut said = Vec::new();
        for (client, used) in clients {
            let mut last = before.remove(*client).unwrap_or_default();
            let was = last.level;
            last.level = gauge.level(used.in_use, used.limit, &mut last.row);
            known.clients.insert((*client).to_owned(), last);
            let is_news = last.level != Level::Fine || was != Level::Fine;
            if is_news || used.limit.is_some() {
                said.push((is_news, usage(gauge, last.level, Some(client), *used)));
            }
        }
        match nobody {
            Some(nobody) => {
                let gone = before.keys().map(|client| (true, usage(gauge, Level::Fine, Some(client), nobody)));
                said.extend(gone);
            }
            None => {
                said.retain(|(_, usage)| matches!(usage.verdict, Level::Over | Level::Rising));
                known.clients.extend(before);
            }
        }
        said.sort_by_key(|(is_news, usage)| (!is_news, std::cmp::Reverse(usage.in_use)));
        let news = said.iter().filter(|(is_news, _)| *is_news).count();
        said.truncate(news + MOST_CLIENTS);
        said.into_iter().map(|(_, usage)| Seen::Client(usage)).collect()
    }
}

impl Known {
    fn see(&mut self, seen: &Seen) {
        self.ended = matches!(seen, Seen::Ended { server: None });
        match seen {
            Seen::Client(Use { client_ip: Some(client), in_use: 0, .. }) => {
                self.clients.remove(client);
            }
            Seen::Client(Use { client_ip: Some(client), verdict, .. }) => {
                self.clients.insert(client.clone(), Standing { level: *verdict, row: 0 });
            }
            Seen::Connections(all) => self.total.level = all.verdict,
            Seen::Server(server) => {
                self.servers.insert(server.server.clone());
            }
            Seen::Ensemble(ensemble) => self.unavailable = ensemble.verdict != Availability::Available,
            Seen::Ended { server: Some(server) } => {
                self.servers.remove(server);
            }
            Seen::Ended { server: None } => *self = Known { ended: true, ..Known::default() },
            Seen::Client(_) | Seen::Untold { .. } | Seen::Certificate(_) => {}
        }
    }
}

fn usage(gauge: Gauge, verdict: Level, client: Option<&str>, used: Used) -> Use {
    Use {
        verdict,
        client_ip: client.map(str::to_owned),
        in_use: used.in_use,
        limit: used.limit,
        server: used.server.name(),
        server_ip: used.asked.address.map(|ip| ip.to_string()),
        trigger_condition: gauge.words(used.in_use, used.limit),
    }
}

/// Whether it serves, and what it may not tell.
fn of_server(server: &Server, asked: &Asked) -> Vec<Seen> {
    let (verdict, mode, reason) = match &asked.service {
        Service::Serving(mode) => (Verdict::Serving, Some(mode.clone()), None),
        Service::Down(why) => (Verdict::Down, None, Some(why.clone())),
        Service::Untold(untold) => (Verdict::Untold, None, Some(untold.0.clone())),
    };
    let server_ip = asked.address.map(|ip| ip.to_string());
    let mut seen = vec![Seen::Server(ServerLine { verdict, server: server.name(), server_ip, mode, reason })];
    if verdict != Verdict::Down {
        let mut untold: Vec<_> =
            asked.connections.as_ref().err().into_iter().chain(asked.limits.as_ref().err()).collect();
        // One remedy is said once.
        untold.dedup();
        seen.extend(untold.iter().map(|untold| Seen::Untold { server: server.name(), reason: untold.0.clone() }));
    }
    seen
}

/// A majority must serve, or nobody does. Who does not tell may serve or not.
fn ensemble(servers: &[Server], asked: &[Asked]) -> Ensemble {
    let majority = servers.len() / 2 + 1;
    let serving = asked.iter().filter(|asked| matches!(asked.service, Service::Serving(_))).count();
    let is_down = |asked: &Asked| matches!(asked.service, Service::Down(_));
    let down: Vec<String> =
        servers.iter().zip(asked).filter(|(_, asked)| is_down(asked)).map(|(server, _)| server.name()).collect();
    let verdict = match (serving >= majority, servers.len() - down.len() >= majority) {
        (true, _) => Availability::Available,
        (false, true) => Availability::Unknown,
        (false, false) => Availability::Unavailable,
    };
    Ensemble { verdict, serving, servers: servers.len(), down: down.join(", ") }
}

#[cfg(test)]
mod tests;
