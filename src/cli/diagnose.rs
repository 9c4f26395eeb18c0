//! `tocsin diagnose`: the runbook of an alarm, walked as far as a program can.

mod page;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Utc;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::Terminal;
use super::alarms::{alarm_named, width};
use super::exit::{Exit, Failure};
use super::log_args::LogArgs;
use super::replay::host;
use super::watch::root;
use crate::catalogue::Runbook;
use crate::config::settings::{Environment, Named};
use crate::config::watch::Paths;
use crate::config::{ConfigError, ConfigFile, Given, Settings};
use crate::diagnose::history::{self, History, Raised, Source};
use crate::diagnose::machine::Machine;
use crate::diagnose::{Ground, Verdict, Walked, floating_ip, walk};
use crate::doctor::access::{User, grant};
use crate::pattern::{Alarm, Patterns, SignalId};
use crate::probe::{self, zookeeper::Server};
use crate::state::Directory;
use crate::time::Millis;
use crate::transition::{Severity, Transition};
use crate::watch::{Answer, Question, ask};

/// Walk the runbook of an alarm: check what a program can check, and say what is left for a person
///
/// Run it on the node that raised the alarm, as root where files may not be read otherwise. The alarm's latest raise is taken
/// from the running watch, or else from the logs. Each step that can be checked is printed with its verdict (ok, fault,
/// unknown), the evidence and where to go on. It changes nothing and never takes longer than half a minute for its checks.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Diagnose {
    /// An alarm's id, such as ALM-45641 (or its number, 45641)
    alarm: String,

    /// The logs to take the alarm from (default: those of the configuration, or the paths of the known logs that exist)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// The node that raised it (default: this machine, or the only one that did)
    #[arg(long, value_name = "NODE")]
    node: Option<String>,

    /// Of several instances, the one with this key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,

    /// The other node of the pair, where the record does not name it; with a port, TCP is tried there and not at 22
    #[arg(long, value_name = "HOST[:PORT]")]
    peer: Option<String>,

    /// A ZooKeeper server to ask, where it is not the node at port 2181
    #[arg(long, value_name = "[NODE=]HOST[:PORT]", value_parser = Server::parse)]
    server: Vec<Server>,

    /// What a placeholder of the runbook stands for, where the record does not say it
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    param: Vec<(String, String)>,

    /// Look at the files of a machine below this directory: a copy, a snapshot, a mounted disk
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// The state directory of the watch to ask
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    #[command(flatten)]
    logs: LogArgs,

    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  sudo tocsin diagnose ALM-45641                          on the node that raised it
  tocsin diagnose ALM-45640 --peer 192.168.0.12           where the record does not name the other node
  tocsin diagnose ALM-13007 --param clientIp=10.0.0.7 --server zk1:2181
  tocsin diagnose ALM-45641 --root /mnt/node-7            a copy of a machine's files

Exit codes:
  0  everything that can be checked is well
  1  a fault was found
  2  usage, configuration or patterns invalid
  3  --root is no directory
  4  no fault was found, but a step could not be decided";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// All that there is to say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    alarm: &'a str,
    name: &'a str,
    severity: Severity,
    node: Option<String>,
    active: bool,
    raise: Option<&'a Transition>,
    clear: Option<&'a Transition>,
    /// Keys of other instances that are active.
    others: Vec<&'a str>,
    /// Where the alarm is known from, and what stood in the way.
    notes: Vec<String>,
    steps: Vec<Walked>,
}

/// What is known of the alarm, and from where.
struct Case {
    raised: Vec<Raised>,
    history: History,
    notes: Vec<String>,
}

impl Diagnose {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let machine_root = self.root.as_deref().unwrap_or(root());
        if !machine_root.is_dir() {
            let shown = machine_root.display();
            return Err(Failure::new(Exit::NothingToRead, format!("{shown} is no directory that can be looked at")));
        }
        let settings = self.settings(terminal.stderr)?;
        let (patterns, _) = settings.pattern_set().compile(terminal.stderr)?;
        let named = settings.named(&patterns, terminal.stderr)?;
        let alarm = alarm_named(&patterns, &self.alarm)?;
        let catalogue = settings.pattern_set().catalogue().map_err(ConfigError::from)?;
        let book = catalogue.get(&alarm.name).ok_or_else(|| no_runbook(alarm))?;
        let now = Utc::now().timestamp_millis();
        let case = self.case(&settings, &patterns, &named, alarm, now);
        let probes = settings.probes.settings();
        let report = self.report(&case, alarm, book, (machine_root, probes), &named, now)?;
        let text = match self.format {
            Format::Text => page::page(&report, width(), terminal.stdout),
            Format::Json => json(&report)?,
        };
        std::io::stdout().lock().write_all(text.as_bytes())?;
        Ok(exit(&report.steps))
    }

    /// The logs and the watch of this machine are its own business when another's files are looked at.
    fn settings(&self, coloured: bool) -> Result<Settings, Failure> {
        let named = self.logs.config.as_deref();
        let file = match (named, &self.root) {
            (None, Some(_)) => None,
            _ => ConfigFile::find(named, coloured)?,
        };
        let given = Given { paths: self.paths.clone(), state: self.state.clone(), ..self.logs.given()? };
        Ok(Settings::new(given, file, &Environment::of_process()))
    }

    /// Is it about this machine, as it runs?
    fn is_own(&self) -> bool {
        self.root.is_none() && self.paths.is_empty()
    }

    fn case(&self, settings: &Settings, patterns: &Patterns, named: &Named, alarm: &Alarm, now: Millis) -> Case {
        let mut notes = Vec::new();
        let watched = match self.is_own() || self.state.is_some() {
            true => watched(&settings.state.value, alarm, &mut notes),
            false => Vec::new(),
        };
        let paths = Paths::find(settings, patterns, self.root.as_deref().unwrap_or(root())).chosen;
        let source = Source {
            patterns,
            named,
            host: &host(),
            cluster: settings.cluster.value.as_str().into(),
            paths: &paths,
            hold: settings.hold.value,
            max_keys: settings.max_keys.value,
            end: self.is_own().then_some(now),
        };
        let history = history::read(&source, alarm, floating(patterns));
        let user = User::of_process();
        for (path, why) in &history.unread {
            let directory = path.parent().unwrap_or(Path::new("/"));
            notes.push(format!("{} could not be read ({why}): {}", path.display(), grant(&user, directory)));
        }
        let (raised, from) = match watched.is_empty() {
            false => (watched, "the running watch"),
            true => (history.raised.clone(), "the logs"),
        };
        let read = match history.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        notes.push(match (raised.is_empty(), history.files) {
            (true, 0) => "no log of this alarm was found: the steps are taken all the same".to_owned(),
            (true, _) => format!("not raised in the logs that were read ({read}): the steps are taken all the same"),
            _ => format!("known from {from} ({read} read)"),
        });
        Case { raised, history, notes }
    }

    fn report<'a>(
        &self,
        case: &'a Case,
        alarm: &'a Alarm,
        book: &Runbook,
        (machine_root, probes): (&Path, probe::settings::Settings),
        named: &Named,
        now: Millis,
    ) -> Result<Report<'a>, Failure> {
        let host = host();
        let chosen = self.chosen(&case.raised, &host)?;
        let own = self.root.is_none().then(|| host.clone()).filter(|_| self.paths.is_empty());
        let node = chosen.map(|r| r.raise.node.to_string()).or(self.node.clone()).or(own);
        let is_here = node.as_ref().is_some_and(|n| *n == host);
        let other = (self.root.is_none() && !is_here).then(|| host.clone());
        let said = match &node {
            Some(node) => case.history.said.get(node.as_str()),
            // A copy of one machine has one node.
            None => case.history.said.values().next().filter(|_| case.history.said.len() == 1),
        };
        let ground = Ground {
            machine: Arc::new(Machine::new(machine_root, other)),
            raised: chosen.cloned(),
            node: node.clone(),
            given: self.given(),
            certificates: probes.certificate.unwrap_or_default(),
            zookeeper: self.zookeeper(probes.zookeeper.unwrap_or_default()),
            here: host,
            floating: said.cloned(),
            zone: named.zones.default,
            now,
        };
        let active = |r: &&Raised| r.is_active() && chosen.is_none_or(|c| c.raise.key != r.raise.key);
        Ok(Report {
            alarm: &alarm.name,
            name: &alarm.title,
            severity: alarm.severity,
            node,
            active: chosen.is_some_and(Raised::is_active),
            raise: chosen.map(|r| &*r.raise),
            clear: chosen.and_then(|r| r.clear.as_deref()),
            others: case.raised.iter().filter(active).map(|r| &*r.raise.key).collect(),
            notes: case.notes.clone(),
            steps: walk(book, &ground),
        })
    }

    /// The instance to diagnose: active before ended, late before early, and of this machine if nothing else is said.
    fn chosen<'r>(&self, raised: &'r [Raised], host: &str) -> Result<Option<&'r Raised>, Failure> {
        if let Some(key) = &self.key {
            let found = raised.iter().find(|r| *r.raise.key == **key);
            let unknown = || Failure::invalid(format!("no raise with the key `{key}` was found"));
            return found.map(Some).ok_or_else(unknown);
        }
        let asked = self.node.as_deref();
        let at = |node: &str| raised.iter().filter(|r| *r.raise.node == *node).max_by_key(|r| r.weight());
        Ok(match asked {
            Some(node) => at(node),
            None => at(host).or_else(|| raised.iter().max_by_key(|r| r.weight())),
        })
    }

    /// The servers of the command line replace those that the probe asks.
    fn zookeeper(&self, probe: probe::settings::Zookeeper) -> probe::settings::Zookeeper {
        match self.server.is_empty() {
            true => probe,
            false => probe::settings::Zookeeper { servers: self.server.clone(), ..probe },
        }
    }

    fn given(&self) -> BTreeMap<String, String> {
        let mut given: BTreeMap<String, String> = self.param.iter().cloned().collect();
        given.extend(self.peer.clone().map(|peer| ("peer".to_owned(), peer)));
        if let [server] = self.server.as_slice() {
            given.insert("server".to_owned(), server.host.clone());
        }
        given
    }
}

fn no_runbook(alarm: &Alarm) -> Failure {
    let name = &alarm.name;
    Failure::invalid(format!("there is no runbook for {name}: write one, `runbooks/{name}.md` in a pattern directory"))
}

fn floating(patterns: &Patterns) -> Option<SignalId> {
    let at = patterns.signals.iter().position(|s| &*s.name == floating_ip::SIGNAL)?;
    u32::try_from(at).ok().map(SignalId)
}

/// What a running watch has of this alarm. That none runs is no fault; that it cannot be asked is worth a word.
fn watched(state: &Path, alarm: &Alarm, notes: &mut Vec<String>) -> Vec<Raised> {
    let socket = Directory::new(state).socket();
    let why = match ask(&socket, &Question::State) {
        Ok(Some(Answer::State(status))) => {
            let own = status.active.into_iter().filter(|t| t.alarm == alarm.name);
            return own.map(|raise| Raised { raise, clear: None }).collect();
        }
        Ok(None) => return Vec::new(),
        Ok(Some(Answer::Refused(why))) => why,
        Ok(Some(Answer::Cleared(_))) => "it answered something else".to_owned(),
        Err(error) => error.to_string(),
    };
    notes.push(format!("the watch could not be asked ({}: {why})", socket.display()));
    Vec::new()
}

fn exit(steps: &[Walked]) -> Exit {
    let any = |verdict: Verdict| steps.iter().any(|s| s.verdict == verdict);
    match (any(Verdict::Fault), any(Verdict::Unknown)) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Damaged,
        (false, false) => Exit::Fine,
    }
}

fn json(report: &Report) -> Result<String, Failure> {
    let text = serde_json::to_string(report).map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
    Ok(format!("{text}\n"))
}
