//! Logs in one directory, a state, and the real binary that watches them.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

/// What was not said after so long never will be.
const PATIENCE: Duration = Duration::from_secs(600);

/// What was written then needs no waiting for other logs that may have something older.
const LONG_AGO: TimeDelta = TimeDelta::minutes(1);

/// Clock ticks in a second of `/proc/PID/stat`, which Linux has fixed.
const TICKS: u64 = 100;

const PATTERNS: &str = r"
[layout.live]
pattern = '%d{ISO8601} %p %m'
[log.live]
files = ['live/*.log']
layout = 'live'
service = 'Bench'
role = 'Live'
[signal.begun]
log = 'live'
message = 'the process has begun'
provenance = 'assumed'
[signal.probe]
log = 'live'
message = 'probe number \d+'
provenance = 'assumed'
[alarm.BENCH-BEGUN]
name = 'A log that is read'
severity = 'minor'
log = 'live'
stateless = true
by = ['family']
raise = [{ on = 'begun' }]
[alarm.BENCH-PROBE]
name = 'A line whose way is timed'
severity = 'minor'
log = 'live'
stateless = true
raise = [{ on = 'probe' }]
";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The alarm reads a single family.
    Single,
    /// It reads all of the node, in order: a hit is held until the others have passed it.
    Held,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Kind::Single { "single family" } else { "with hold" })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Disk,
    Memory,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == State::Disk { "on disk" } else { "in memory" })
    }
}

pub struct Setup<'a> {
    pub program: &'a Path,
    pub files: usize,
    pub kind: Kind,
    pub state: State,
}

pub struct Site {
    program: PathBuf,
    root: TempDir,
    /// Elsewhere than the logs, if it is in memory.
    state: TempDir,
    pub logs: Vec<PathBuf>,
}

impl Site {
    /// Logs of one line each.
    pub fn new(setup: Setup) -> Site {
        let Setup { program, files, kind, state } = setup;
        let root = tempfile::tempdir().expect("a directory for the logs");
        let memory = Path::new("/dev/shm");
        let state =
            if state == State::Memory && memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let directory = root.path().join("logs/node/live");
        fs::create_dir_all(&directory).expect("a directory");
        fs::create_dir(root.path().join("patterns")).expect("a directory");
        let by = if kind == Kind::Single { "by = ['family']\n" } else { "" };
        fs::write(root.path().join("patterns/live.toml"), format!("{PATTERNS}{by}")).expect("the patterns");
        let logs: Vec<PathBuf> = (0..files).map(|number| directory.join(format!("process-{number}.log"))).collect();
        for log in &logs {
            fs::write(log, line(Utc::now() - LONG_AGO, "the process has begun")).expect("a log");
        }
        Site { program: program.to_owned(), root, state: state.expect("a directory for the state"), logs }
    }

    pub fn watch(&self) -> Watch {
        let mut command = Command::new(&self.program);
        command.args(["watch", "--no-default-patterns", "--patterns", "patterns", "--from", "start", "--tz", "UTC"]);
        command.args(["--format", "json", "--state"]).arg(self.state.path()).arg("logs");
        command.current_dir(self.root.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let stderr = self.root.path().join("stderr");
        command.stderr(fs::File::create(&stderr).expect("a file for what is said"));
        let mut child = command.spawn().expect("tocsin starts");
        let stdout = child.stdout.take().expect("its output");
        let (tell, records) = channel();
        std::thread::spawn(move || {
            for record in BufReader::new(stdout).lines().map_while(Result::ok) {
                if tell.send((Instant::now(), record)).is_err() {
                    return;
                }
            }
        });
        Watch { child, records, stderr }
    }
}

/// A line as the layout has it.
pub fn line(time: DateTime<Utc>, message: &str) -> String {
    format!("{} INFO {message}\n", time.format("%Y-%m-%d %H:%M:%S,%3f"))
}

pub struct Watch {
    child: Child,
    records: Receiver<(Instant, String)>,
    /// Where it writes what else it has to say.
    stderr: PathBuf,
}

impl Watch {
    fn record(&self) -> (Instant, String) {
        self.records.recv_timeout(PATIENCE).unwrap_or_else(|why| {
            let said = fs::read_to_string(&self.stderr).unwrap_or_default();
            panic!("{why}: {}", said.lines().last().unwrap_or_default())
        })
    }

    /// Waits until every log has been read once.
    pub fn until_begun(&self, files: usize) {
        let mut begun = 0;
        while begun < files {
            begun += usize::from(self.record().1.contains("BENCH-BEGUN"));
        }
    }

    /// How long after they were written these probes were said.
    pub fn delays(&mut self, mut probes: HashMap<u64, Instant>) -> Vec<Duration> {
        let mut delays = Vec::with_capacity(probes.len());
        while !probes.is_empty() {
            let (at, record) = self.record();
            let number = record.split_once("probe number ").map(|(_, rest)| {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                rest[..end].parse::<u64>().expect("a number")
            });
            delays.extend(number.and_then(|number| probes.remove(&number)).map(|written| at - written));
        }
        delays
    }

    /// What it has used of the processors.
    pub fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        let (_, after_name) = stat.rsplit_once(") ").expect("a name in brackets");
        let fields: Vec<&str> = after_name.split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
        Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS)
    }

    /// One of the figures that the kernel has of its memory, in MiB.
    pub fn memory(&self, name: &str) -> u64 {
        let status = self.proc("status");
        let found = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = found.and_then(|rest| rest.split_whitespace().next()).expect("a figure");
        kilobytes.parse::<u64>().expect("a number") / 1024
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("it runs")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It has done what was measured.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
