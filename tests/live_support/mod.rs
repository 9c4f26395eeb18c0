//! A watch whose clock and wake-up are the test's: a day passes as fast as it can be computed.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use tocsin::correlate::{HOLD, MAX_KEYS};
use tocsin::deliver::Outbox;
use tocsin::deliver::sink::{Ended, Sink};
use tocsin::input::assign::{Assigner, Decisions};
use tocsin::input::discover::discover;
use tocsin::input::tail::Start;
use tocsin::input::tail::wake::Woken;
use tocsin::pattern::{LogId, Patterns, Zone};
use tocsin::replay::gather::{Gatherer, Zones};
use tocsin::replay::{Options, replay};
use tocsin::state::{Directory, Keeper};
use tocsin::time::Millis;
use tocsin::transition::{Mode, Transition};
use tocsin::watch::core::{Settings, Watch};
use tocsin::watch::turns::{Parts, Turns};
use tocsin::watch::{Named, Own, Past, Report, forget_others};

pub const CLUSTER: &str = "cluster";

/// The shortest time between two turns that nothing wakes.
const PACE: Millis = 200;

/// The zone of every log.
pub struct Everywhere(pub Zone);

impl Zones for Everywhere {
    fn of(&self, _: LogId) -> Zone {
        self.0
    }
}

/// In memory if there is such a place: nothing here is about disks.
pub fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}

/// What a sink has taken; outlives the process that sent it.
#[derive(Clone, Default)]
pub struct Taken(Arc<Mutex<Vec<Transition>>>);

impl Taken {
    pub fn all(&self) -> Vec<Transition> {
        self.0.lock().unwrap().clone()
    }
}

struct Made {
    name: String,
    taken: Taken,
    acknowledged: u64,
}

impl Sink for Made {
    fn name(&self) -> &str {
        &self.name
    }

    fn offer(&mut self, number: u64, record: &Arc<Transition>) -> bool {
        self.taken.0.lock().unwrap().push((**record).clone());
        self.acknowledged = number + 1;
        true
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    fn ended(&self) -> Option<Ended> {
        None
    }

    fn finish(&mut self, _: Duration) {}
}

/// Logs, a state, and whoever watches.
pub struct Site {
    pub root: TempDir,
    pub patterns: &'static Patterns,
    pub zone: &'static Everywhere,
    assigner: &'static Assigner<'static>,
    pub taken: Taken,
    /// Other sinks.
    sinks: Vec<(String, Taken)>,
    /// How long a log may be silent.
    pub silent: HashMap<LogId, Millis>,
}

impl Site {
    pub fn new(patterns: Patterns, zone: Zone) -> Site {
        // They live as long as the test's process, so that a watch can be thrown away at any moment.
        let patterns: &'static Patterns = Box::leak(Box::new(patterns));
        let assigner = Box::leak(Box::new(Assigner::new(patterns, Decisions::default(), "here")));
        let zone = Box::leak(Box::new(Everywhere(zone)));
        let site = Site {
            root: directory(),
            patterns,
            zone,
            assigner,
            taken: Taken::default(),
            sinks: Vec::new(),
            silent: HashMap::new(),
        };
        fs::create_dir(site.logs()).unwrap();
        site
    }

    pub fn assigner(&self) -> &Assigner<'static> {
        self.assigner
    }

    pub fn logs(&self) -> PathBuf {
        self.root.path().join("logs")
    }

    pub fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    pub fn append(&self, path: &Path, bytes: &[u8]) {
        let path = self.logs().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
    }

    /// The next process has one more sink.
    pub fn add_sink(&mut self, name: &str) -> Taken {
        let taken = Taken::default();
        self.sinks.push((name.to_owned(), taken.clone()));
        taken
    }

    pub fn remove_sink(&mut self, name: &str) {
        self.sinks.retain(|(own, _)| own != name);
    }

    /// Starts a watch as a new process would.
    pub fn watch(&self, wall: Millis, hold: Millis) -> Turns<'static> {
        let keeper = Keeper::open(Directory::new(&self.state())).unwrap();
        let past = Past::load(&keeper).unwrap().unwrap_or_default();
        let store = keeper.store().unwrap();
        let known = !store.is_new().unwrap();
        let mut outbox = Outbox::restore(store).unwrap();
        let sinks: Vec<(String, Taken)> =
            [("made".to_owned(), self.taken.clone())].into_iter().chain(self.sinks.iter().cloned()).collect();
        let names: Vec<String> = sinks.iter().map(|(name, _)| name.clone()).collect();
        forget_others(&keeper, &names).unwrap();
        let mut new = Vec::new();
        for (name, taken) in sinks {
            let cursor = Outbox::cursor(store, &name).unwrap();
            if cursor.is_none() && known {
                new.push(name.clone());
            }
            let from = cursor.unwrap_or(outbox.end());
            outbox.add(Box::new(Made { name, taken, acknowledged: from }), from);
        }
        let own = Own::new(CLUSTER.into(), "here".into(), &past.active);
        let settings = Settings { hold, max_keys: MAX_KEYS, wanted: Box::new(|_| true) };
        let mut watch = Watch::new(self.patterns, settings, keeper, outbox, &past, own, wall).unwrap();
        new.iter().for_each(|sink| watch.introduce(sink, wall));
        Turns::new(Parts {
            patterns: self.patterns,
            assigner: self.assigner,
            zones: self.zone,
            cluster: CLUSTER.into(),
            paths: vec![self.logs()],
            start: Start::Beginning,
            before: past.named,
            named: Named::new(self.patterns, &Decisions::default(), &[self.logs()]),
            only_now: Start::Beginning,
            watch,
            saved: past.families,
            silent: self.silent.clone(),
            descriptors: 100,
            report: Report::new(tocsin::config::LogFormat::Text, Box::new(std::io::sink())),
        })
    }

    /// What replay makes of the same logs.
    pub fn replay(&self, end: Option<Millis>) -> Vec<Transition> {
        let gatherer = Gatherer {
            patterns: self.patterns,
            assigner: self.assigner,
            cluster: CLUSTER.into(),
            zones: self.zone,
            jobs: 1,
            progress: Arc::default(),
            stats: None,
        };
        let files = discover(&[self.logs()]).once_each(|path| self.assigner.claim(path)).files;
        let gathered = gatherer.gather(&files);
        let options = Options { mode: Mode::Replay, hold: HOLD, end, max_keys: MAX_KEYS };
        let mut made = Vec::new();
        let report =
            replay::<std::convert::Infallible>(self.patterns, gathered.families, options, None, |transition| {
                made.push(transition);
                Ok(())
            });
        let Ok(_) = report;
        made
    }
}

/// Lets the watch take its turns, as it asks for them, until this wall time.
pub fn pass(turns: &mut Turns, now: &mut Millis, until: Millis, woken: &Woken) {
    let mut next = turns.turn(*now, woken).unwrap();
    // No more often than a loaded machine would.
    while next.max(*now + PACE) < until {
        *now = next.max(*now + PACE);
        next = turns.turn(*now, &Woken::default()).unwrap();
    }
    *now = until;
}

/// A transition without what may differ between live and replay.
pub fn comparable(transition: &Transition) -> serde_json::Value {
    let mut json = serde_json::to_value(transition).unwrap();
    for field in ["detectedAt", "mode", "late", "durable"] {
        json[field] = serde_json::Value::Null;
    }
    for evidence in json["evidence"].as_array_mut().unwrap() {
        for field in ["file", "line", "offset"] {
            evidence[field] = serde_json::Value::Null;
        }
    }
    json
}

pub fn gzip(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let to = PathBuf::from(format!("{}.gz", path.display()));
    let mut gz = flate2::write::GzEncoder::new(File::create(&to).unwrap(), flate2::Compression::fast());
    gz.write_all(&bytes).unwrap();
    gz.finish().unwrap();
    fs::remove_file(path).unwrap();
}
