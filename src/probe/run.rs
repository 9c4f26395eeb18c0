//! The threads that look while a watch runs.
//!
//! Each kind of probe has a thread of its own: a certificate on a file system that hangs delays no other check, and nothing
//! that a probe waits for delays the watch, which only reads what they have written.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::files::Files;
use super::line::{ENDED, Entry, Seen};
use super::log::{Kind, Logs};
use super::rounds::{Rounds, ask_all};
use super::schedule::{Daily, Every};
use super::settings::{Certificates, Settings, Zookeeper};
use crate::pattern::Zone;
use crate::time::Millis;

/// Between two looks at whether something is due, or a file has changed.
const LOOK: Duration = Duration::from_secs(1);

/// Probes that run until this is dropped. Whatever a thread still waits for then is not written any more.
pub struct Probes {
    logs: Shared,
    /// Threads end when their channel does.
    stop: Vec<Sender<()>>,
}

/// Taken away when the probes end.
type Shared = Arc<Mutex<Option<Logs>>>;

/// Where the probes run, and what of the rest of the world they need.
pub struct Ground<T> {
    /// This machine's node.
    pub here: String,
    /// Of the daily check, and of the times in the logs.
    pub zone: Zone,
    pub now: fn() -> Millis,
    /// Hears what keeps a probe from looking or from writing.
    pub tell: T,
}

impl Probes {
    /// Starts what is wanted, makes the directory for it, and says of what is wanted no longer that it has ended.
    pub fn start<T>(settings: &Settings, directory: &Path, ground: &Ground<T>) -> std::io::Result<Probes>
    where
        T: Fn(String) + Clone + Send + 'static,
    {
        if !settings.is_empty() {
            std::fs::create_dir_all(directory)?;
        }
        let logs = Logs::new(directory, ground.zone);
        let shared: Shared = Arc::new(Mutex::new(Some(logs.clone())));
        let mut stop = Vec::new();
        let probe = |kind| Probe {
            kind,
            logs: shared.clone(),
            here: ground.here.clone(),
            now: ground.now,
            tell: ground.tell.clone(),
            said: Vec::new(),
            owed: Vec::new(),
            failed: None,
        };
        let mut spawn = |name: &str, run: Box<dyn FnOnce(Receiver<()>) + Send>| {
            let (tell, told) = channel();
            stop.push(tell);
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(told)).map(drop)
        };
        let (mut certificates, mut servers) = (probe(Kind::Certificate), probe(Kind::Zookeeper));
        match settings.certificate.clone() {
            Some(wanted) => {
                let daily = Daily::new(wanted.at, ground.zone);
                spawn("certificates", Box::new(move |stop| certificates.certificates(wanted, daily, &stop)))?;
            }
            None => certificates.end_certificates(&logs),
        }
        match settings.zookeeper.clone() {
            Some(wanted) => {
                spawn("zookeeper", Box::new(move |stop| servers.servers(wanted, &stop)))?;
            }
            None => drop(servers.recall(&mut Rounds::new(Zookeeper::default(), &ground.here))),
        }
        Ok(Probes { logs: shared, stop })
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.stop.clear();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Kept,
    /// A full disk, or a directory that is not ours.
    Not,
    /// The probes have ended.
    Over,
}

/// What a thread works with.
struct Probe<T> {
    kind: Kind,
    logs: Shared,
    here: String,
    now: fn() -> Millis,
    tell: T,
    /// Said once, until it changes.
    said: Vec<String>,
    /// What is said only once and was not written: that something has ended.
    owed: Vec<Entry>,
    /// Why the last lines were not written.
    failed: Option<String>,
}

impl<T: Fn(String)> Probe<T> {
    fn certificates(&mut self, settings: Certificates, mut daily: Daily, stop: &Receiver<()>) {
        let mut files = Files::new(settings, &self.here);
        let Some(last) = self.last(&self.here.clone()) else { return };
        files.recall(&last);
        let mut everything = false;
        loop {
            let now = (self.now)();
            everything |= daily.is_due(now);
            let seen = files.look(everything, now);
            // What could not be written is looked at again.
            everything = match self.write(&seen) {
                Written::Over => return,
                Written::Not => true,
                Written::Kept => false,
            };
            if is_over(stop) {
                return;
            }
        }
    }

    /// Without settings: what was last said of paths is said no longer.
    fn end_certificates(&mut self, logs: &Logs) {
        for node in logs.nodes(self.kind) {
            let mut files = Files::new(Certificates::default(), &node);
            files.recall(&logs.last(&node, self.kind));
            self.write(&files.look(false, (self.now)()));
        }
    }

    fn servers(&mut self, settings: Zookeeper, stop: &Receiver<()>) {
        let mut every = Every::new(settings.every);
        let mut rounds = Rounds::new(settings, &self.here);
        if !self.recall(&mut rounds) {
            return;
        }
        loop {
            if every.is_due((self.now)()) {
                let asked = ask_all(rounds.settings());
                let seen = rounds.judge(&asked);
                self.untold(&seen);
                if self.write(&seen) == Written::Over {
                    return;
                }
            }
            if is_over(stop) {
                return;
            }
        }
    }

    /// What is in the logs of all nodes, and what of it is looked at no longer.
    fn recall(&mut self, rounds: &mut Rounds) -> bool {
        let nodes = self.with_logs(|logs, kind| logs.nodes(kind)).unwrap_or_default();
        nodes.iter().all(|node| {
            let Some(last) = self.last(node) else { return false };
            let ended = rounds.recall(node, &last);
            self.write(&ended) != Written::Over
        })
    }

    /// A person is told what to change, once.
    fn untold(&mut self, seen: &[Entry]) {
        let untold: Vec<String> = seen.iter().filter_map(|entry| untold(&entry.seen)).collect();
        untold.iter().filter(|text| !self.said.contains(text)).for_each(|text| (self.tell)(text.clone()));
        self.said = untold;
    }

    fn last(&self, node: &str) -> Option<Vec<(Millis, Seen)>> {
        self.with_logs(|logs, kind| logs.last(node, kind))
    }

    fn with_logs<R>(&self, with: impl FnOnce(&Logs, Kind) -> R) -> Option<R> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.as_ref().map(|logs| with(logs, self.kind))
    }

    fn write(&mut self, seen: &[Entry]) -> Written {
        // The time of writing: within a log times must not fall, however long the answers took.
        let now = (self.now)();
        let mut all = std::mem::take(&mut self.owed);
        all.extend_from_slice(seen);
        match self.with_logs(|logs, kind| logs.write(kind, &all, now)) {
            Some(Err(error)) => {
                all.retain(|entry| has_ended(&entry.seen));
                self.owed = all;
                let why = format!("{} cannot be written, and what was seen is lost: {error}", self.kind.file());
                if self.failed.as_ref() != Some(&why) {
                    (self.tell)(why.clone());
                }
                self.failed = Some(why);
                Written::Not
            }
            Some(Ok(())) => {
                self.failed = None;
                Written::Kept
            }
            None => Written::Over,
        }
    }
}

/// What a person has to change before a probe can judge it.
pub fn untold(seen: &Seen) -> Option<String> {
    match seen {
        Seen::Untold { server, reason } => Some(format!("{server}: {reason}")),
        Seen::Connections(all) if all.limit.is_none() => Some(format!(
            "{}: it does not tell its limit of all connections, so ALM-13001 is not judged: set `max-connections` of \
             `[probe.zookeeper]` to its `maxCnxns`, if it has one",
            all.server
        )),
        _ => None,
    }
}

fn has_ended(seen: &Seen) -> bool {
    match seen {
        Seen::Ended { .. } => true,
        Seen::Certificate(file) => file.verdict == ENDED,
        _ => false,
    }
}

fn is_over(stop: &Receiver<()>) -> bool {
    !matches!(stop.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_said_until_it_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let logs = Logs::new(directory.path(), Zone::UTC);
        let mut probe = Probe {
            kind: Kind::Zookeeper,
            logs: Arc::new(Mutex::new(Some(logs.clone()))),
            here: "here".to_owned(),
            now: || 0,
            tell: |_: String| {},
            said: Vec::new(),
            owed: Vec::new(),
            failed: None,
        };
        let ended = Entry { node: "a".to_owned(), seen: Seen::Ended { server: Some("zk1:2181".to_owned()) } };
        let untold = Seen::Untold { server: "zk1:2181".to_owned(), reason: "x".to_owned() };
        let untold = Entry { node: "a".to_owned(), seen: untold };
        // A file where the node's directory should be.
        std::fs::write(directory.path().join("a"), "").unwrap();
        assert!(probe.write(&[untold, ended.clone()]) == Written::Not);
        assert!(probe.write(&[]) == Written::Not);
        std::fs::remove_file(directory.path().join("a")).unwrap();
        assert!(probe.write(&[]) == Written::Kept);
        assert!(probe.write(&[]) == Written::Kept);
        assert_eq!(logs.last("a", Kind::Zookeeper), [(0, ended.seen)]);
    }
}
