//! Which probes are wanted: what the command line, the file and the defaults come to.

use std::path::absolute;

use chrono::NaiveTime;

use super::model::ProbeConfig;
use super::settings::{Environment, Origin, Sourced};
use crate::pattern::model::At;
use crate::probe::settings::{BIGDATA_HOME, CERTIFICATE, Certificates, SERVER, Settings, Zookeeper};
use crate::probe::zookeeper::{ADMIN_PORT, Server};
use crate::time::Millis;

/// `--probe`: this one is wanted, and what it is to look at, if that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedProbe {
    Certificate(Vec<String>),
    Zookeeper(Vec<Server>),
}

impl WantedProbe {
    /// `certificate[=PATH]`, `zookeeper[=SERVER[,SERVER]]`.
    pub fn parse(text: &str) -> Result<WantedProbe, String> {
        let (name, what) = match text.split_once('=') {
            Some((name, what)) => (name, Some(what)),
            None => (text, None),
        };
        match (name, what) {
            ("certificate", None) => Ok(WantedProbe::Certificate(Vec::new())),
            ("certificate", Some(path)) => Ok(WantedProbe::Certificate(vec![certificate(path)?])),
            ("zookeeper", None) => Ok(WantedProbe::Zookeeper(Vec::new())),
            ("zookeeper", Some(servers)) => {
                let servers: Result<_, _> = servers.split(',').map(Server::parse).collect();
                Ok(WantedProbe::Zookeeper(servers?))
            }
            _ => Err("expected `certificate[=PATH]` or `zookeeper[=[NODE=]HOST:PORT[,…]]`".to_owned()),
        }
    }
}

/// A path or glob of the command line, from wherever the command was typed.
pub fn certificate(text: &str) -> Result<String, String> {
    if let Err(why) = glob::Pattern::new(text) {
        return Err(format!("`{text}` is no path or glob: {}", why.msg));
    }
    let path = absolute(text).map_err(|_| "a path is missing".to_owned())?;
    Ok(path.to_string_lossy().into_owned())
}

/// The wanted probes with all that they are told, and who says so.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    pub certificate: Option<CertificateProbe>,
    pub zookeeper: Option<ZookeeperProbe>,
}

#[derive(Clone, Debug)]
pub struct CertificateProbe {
    pub paths: Sourced<Vec<String>>,
    pub days: Sourced<u32>,
    pub at: Sourced<NaiveTime>,
}

#[derive(Clone, Debug)]
pub struct ZookeeperProbe {
    pub servers: Sourced<Vec<Server>>,
    pub every: Sourced<Millis>,
    pub patience: Sourced<Millis>,
    pub threshold: Sourced<u32>,
    pub client_threshold: Sourced<u32>,
    pub trigger_count: Sourced<u32>,
    pub max_connections: Option<Sourced<u64>>,
    pub admin_port: Sourced<u16>,
}

impl Probes {
    pub fn new(given: &[WantedProbe], written: ProbeConfig, environment: &Environment) -> Probes {
        let (mut paths, mut servers) = (None, None);
        for wanted in given {
            match wanted {
                WantedProbe::Certificate(more) => paths.get_or_insert_with(Vec::new).extend(more.iter().cloned()),
                WantedProbe::Zookeeper(more) => servers.get_or_insert_with(Vec::new).extend(more.iter().cloned()),
            }
        }
        Probes {
            certificate: (paths.is_some() || written.certificate.is_some())
                .then(|| CertificateProbe::new(paths, written.certificate.unwrap_or_default(), environment)),
            zookeeper: (servers.is_some() || written.zookeeper.is_some())
                .then(|| ZookeeperProbe::new(servers, written.zookeeper.unwrap_or_default())),
        }
    }

    /// What the probes run on.
    pub fn settings(&self) -> Settings {
        Settings {
            certificate: self.certificate.as_ref().map(CertificateProbe::settings),
            zookeeper: self.zookeeper.as_ref().map(ZookeeperProbe::settings),
        }
    }
}

/// What is not empty; else what the file says.
fn list<T>(given: Option<Vec<T>>, written: Option<At<Vec<T>>>) -> Option<Sourced<Vec<T>>> {
    Sourced::pick(given.filter(|list| !list.is_empty()), written)
}

impl CertificateProbe {
    fn new(given: Option<Vec<String>>, written: super::model::CertificateConfig, environment: &Environment) -> Self {
        let default = || {
            let home = (environment.variable)("BIGDATA_HOME").filter(|home| !home.is_empty());
            let (home, origin) = match home {
                Some(home) => (home.to_string_lossy().into_owned(), Origin::Environment("BIGDATA_HOME")),
                None => (BIGDATA_HOME.to_owned(), Origin::Default),
            };
            Sourced { value: vec![format!("{}/{CERTIFICATE}", home.trim_end_matches('/'))], origin }
        };
        let usual = Certificates::default();
        CertificateProbe {
            paths: list(given, written.paths).unwrap_or_else(default),
            days: Sourced::or(None, written.days, usual.days),
            at: Sourced::or(None, written.at, usual.at),
        }
    }

    fn settings(&self) -> Certificates {
        Certificates { paths: self.paths.value.clone(), days: self.days.value, at: self.at.value }
    }
}

impl ZookeeperProbe {
    fn new(given: Option<Vec<Server>>, written: super::model::ZookeeperConfig) -> Self {
        let usual = Zookeeper::default();
        let default = || Sourced { value: Server::parse(SERVER).into_iter().collect(), origin: Origin::Default };
        ZookeeperProbe {
            servers: list(given, written.servers).unwrap_or_else(default),
            every: Sourced::or(None, written.every, usual.every),
            patience: Sourced::or(None, written.patience, usual.patience),
            threshold: Sourced::or(None, written.threshold, usual.threshold),
            client_threshold: Sourced::or(None, written.client_threshold, usual.client_threshold),
            trigger_count: Sourced::or(None, written.trigger_count, usual.trigger_count),
            max_connections: Sourced::pick(None, written.max_connections),
            admin_port: Sourced::or(None, written.admin_port, ADMIN_PORT),
        }
    }

    /// What the command line says besides the servers.
    pub fn say(&mut self, admin_port: Option<u16>, max_connections: Option<u64>) {
        if let Some(port) = Sourced::pick(admin_port, None) {
            self.admin_port = port;
        }
        if let Some(most) = Sourced::pick(max_connections, None) {
            self.max_connections = Some(most);
        }
    }

    fn settings(&self) -> Zookeeper {
        let at_port = |server: &Server| Server { admin_port: self.admin_port.value, ..server.clone() };
        Zookeeper {
            servers: self.servers.value.iter().map(at_port).collect(),
            every: self.every.value,
            patience: self.patience.value,
            threshold: self.threshold.value,
            client_threshold: self.client_threshold.value,
            trigger_count: self.trigger_count.value,
            max_connections: self.max_connections.as_ref().map(|m| m.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wanted_probe_may_say_what_it_is_to_look_at() {
        let servers = |list: &[&str]| list.iter().map(|s| Server::parse(s).unwrap()).collect();
        for (text, expect) in [
            ("certificate", WantedProbe::Certificate(Vec::new())),
            ("certificate=/a/*/b.crt", WantedProbe::Certificate(vec!["/a/*/b.crt".into()])),
            ("zookeeper", WantedProbe::Zookeeper(Vec::new())),
            ("zookeeper=n1=zk1:2181,zk2", WantedProbe::Zookeeper(servers(&["n1=zk1:2181", "zk2:2181"]))),
        ] {
            assert_eq!(WantedProbe::parse(text), Ok(expect));
        }
        for wrong in ["", "zookeper", "certificate=", "certificate=/a/***", "zookeeper=", "zookeeper=zk1,"] {
            WantedProbe::parse(wrong).expect_err(wrong);
        }
    }
}
