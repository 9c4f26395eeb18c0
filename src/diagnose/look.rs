//! Looking at what the steps of a runbook name: each probe on a thread of its own, and none waited for longer than it is worth.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::history::{Raised, Said};
use super::machine::Machine;
use super::{Answer, certificate, connections, floating_ip, junk, peer, permissions, space};
use crate::catalogue::known_by;
use crate::catalogue::runbook::{Probe, Step};
use crate::pattern::Zone;
use crate::probe::settings::{Certificates, Zookeeper};
use crate::probe::zookeeper::Server;
use crate::time::Millis;

/// What hangs (a dead mount, a name that is looked up for ever) is left behind then.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What the steps stand on.
#[derive(Debug)]
pub struct Ground {
    pub machine: Arc<Machine>,
    pub raised: Option<Raised>,
    /// The node, if it is known without the alarm being raised.
    pub node: Option<String>,
    /// What the command line says placeholders stand for.
    pub given: BTreeMap<String, String>,
    /// What the probes of the watch are told, if there are any.
    pub certificates: Certificates,
    pub zookeeper: Zookeeper,
    /// The name of this machine.
    pub here: String,
    /// Lines about the floating IP address; `None`: the log is not among those that were read.
    pub floating: Option<Vec<Said>>,
    pub zone: Zone,
    pub now: Millis,
}

impl Ground {
    /// What a placeholder stands for: what was given goes before what the record says.
    pub fn known(&self, name: &str) -> Option<String> {
        let given = || self.given.get(name).cloned();
        let record = || known_by(&self.raised.as_ref()?.raise, name);
        let node = || self.node.clone().filter(|_| name == "node");
        given().or_else(record).or_else(node)
    }

    /// The server of a host, or the one of the node.
    fn server(&self, host: &str) -> Result<Server, String> {
        let servers = &self.zookeeper.servers;
        let fits = |s: &&Server| s.host == host || s.name() == host || s.node(&self.here) == host;
        let only = || servers.first().filter(|_| servers.len() == 1);
        servers.iter().find(fits).or_else(only).cloned().map_or_else(|| Server::parse(host), Ok)
    }

    /// The log in which the refusal of a file stands.
    fn log(&self) -> Option<PathBuf> {
        let evidence = &self.raised.as_ref()?.raise.evidence;
        let refusal = evidence.iter().find(|e| e.text.contains("ermission denied")).or(evidence.first())?;
        Some(PathBuf::from(&*refusal.file))
    }
}

/// An argument of a probe, with its placeholder replaced.
enum Argument {
    Known(String),
    /// The placeholder that nothing is known for.
    Open(String),
}

/// The answers of all probes, by the number of the step.
pub fn look(steps: &[Step], ground: &Ground) -> BTreeMap<u32, Answer> {
    let deadline = Instant::now() + PATIENCE;
    let probes = steps.iter().filter_map(|s| Some((s.number, s.probe.as_ref()?)));
    let waiting: Vec<(u32, Receiver<Answer>)> = probes.map(|(number, probe)| (number, start(probe, ground))).collect();
    let wait = |(number, answer): (u32, Receiver<Answer>)| {
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = answer.recv_timeout(left).unwrap_or_else(|why| match why {
            RecvTimeoutError::Timeout => Answer::unknown(format!("no answer in {} s", PATIENCE.as_secs())),
            RecvTimeoutError::Disconnected => Answer::unknown("the look at it was broken off"),
        });
        (number, answer)
    };
    waiting.into_iter().map(wait).collect()
}

fn start(probe: &Probe, ground: &Ground) -> Receiver<Answer> {
    let (tell, told) = channel();
    let task = task(probe, ground);
    let spawned = thread::Builder::new().spawn(move || {
        // Nobody may be waiting any more.
        let _ = tell.send(task());
    });
    // Without a thread the channel is closed, and that is told.
    drop(spawned);
    told
}

type Task = Box<dyn FnOnce() -> Answer + Send>;

fn settled(answer: Answer) -> Task {
    Box::new(move || answer)
}

fn task(probe: &Probe, ground: &Ground) -> Task {
    let arguments: Vec<Argument> = probe.arguments.iter().map(|a| argument(a, ground)).collect();
    let is_of_files = matches!(&*probe.name, "space" | "junk-files" | "permissions" | "certificate");
    if let Some(here) = ground.machine.other.as_ref().filter(|_| is_of_files) {
        return settled(elsewhere(here, ground));
    }
    // A certificate lies where it always lies unless somebody says otherwise.
    let open = |a: &Argument| matches!(a, Argument::Open(_)) && probe.name != "certificate";
    if let Some(Argument::Open(name)) = arguments.iter().find(|a| open(a)) {
        return settled(open_question(name, ground));
    }
    let mut known: Vec<String> = Vec::new();
    known.extend(arguments.into_iter().filter_map(|a| if let Argument::Known(text) = a { Some(text) } else { None }));
    let first = known.first().cloned().unwrap_or_default();
    let (machine, zone, now) = (ground.machine.clone(), ground.zone, ground.now);
    match &*probe.name {
        "ping" => {
            let foreign = !ground.machine.is_here() || ground.machine.other.is_some();
            Box::new(move || {
                let answer = peer::examine(&first);
                if foreign { answer.and("asked from this machine, which is not the alarm's node") } else { answer }
            })
        }
        "floating-ip" => {
            let raised = ground.raised.as_ref().map(|r| r.raise.time);
            settled(floating_ip::examine(ground.floating.as_deref(), raised))
        }
        "space" => Box::new(move || space::examine(&machine, Path::new(&first))),
        "junk-files" => Box::new(move || {
            let directories: Vec<&Path> = known.iter().map(Path::new).collect();
            junk::examine(&machine, &directories, zone)
        }),
        "permissions" => {
            let log = ground.log();
            Box::new(move || permissions::examine(&machine, Path::new(&first), log.as_deref()))
        }
        "certificate" => {
            let Certificates { paths, days, .. } = ground.certificates.clone();
            let paths = if known.is_empty() { paths } else { known };
            Box::new(move || certificate::examine(&machine, &paths, days, now, zone))
        }
        "zookeeper" => {
            let settings = ground.zookeeper.clone();
            with_server(ground.server(&first), move |server| connections::serves(&server, &settings))
        }
        "connections" => {
            let Some(host) = ground.known("server").or_else(|| ground.known("node")) else {
                return settled(open_question("server", ground));
            };
            let settings = ground.zookeeper.clone();
            with_server(ground.server(&host), move |server| connections::of_client(&server, &first, &settings))
        }
        other => settled(Answer::unknown(format!("no probe is called `{other}`"))),
    }
}

fn with_server(server: Result<Server, String>, ask: impl FnOnce(Server) -> Answer + Send + 'static) -> Task {
    match server {
        Ok(server) => Box::new(move || ask(server)),
        Err(why) => settled(Answer::unknown(why).remedy("name it with `--server HOST:PORT`")),
    }
}

/// One argument is one word of the runbook; what stands for it may have as many as it likes, and no shell reads it.
fn argument(written: &str, ground: &Ground) -> Argument {
    match written.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
        Some(name) => match ground.known(name).filter(|value| !value.is_empty()) {
            Some(value) => Argument::Known(value),
            None => Argument::Open(name.to_owned()),
        },
        None => Argument::Known(written.to_owned()),
    }
}

fn open_question(name: &str, ground: &Ground) -> Answer {
    let text = match &ground.raised {
        Some(_) => format!("the record names no {name}"),
        None => format!("no record of the alarm was found that would name its {name}"),
    };
    let option = match name {
        "peer" => "--peer HOST".to_owned(),
        "server" => "--server HOST:PORT".to_owned(),
        _ => format!("--param {name}=VALUE"),
    };
    Answer::unknown(text).remedy(format!("name it with `{option}`"))
}

fn elsewhere(here: &str, ground: &Ground) -> Answer {
    let node = ground.known("node").unwrap_or_default();
    Answer::unknown(format!("this is {here}: the files of {node} are not here"))
        .remedy(format!("run this on {node}, or name a copy of its files with `--root DIR`"))
}
