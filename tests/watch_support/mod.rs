//! A running `tocsin watch`: what it says is waited for, and never slept for.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Ended, Site};

/// Whatever has not happened after this time will never happen.
const PATIENCE: Duration = Duration::from_secs(60);

enum Said {
    Out(String),
    /// What came behind the last newline.
    Torn(String),
    Err(String),
    Over,
}

pub struct Running {
    child: Child,
    said: Receiver<Said>,
    /// Streams that are still open.
    open: usize,
    pub stdin: Option<ChildStdin>,
    pub out: Vec<String>,
    /// Half a line, where it was killed.
    pub torn: Option<String>,
    pub err: Vec<String>,
}

impl Running {
    pub fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, said) = channel();
        listen(child.stdout.take().unwrap(), tell.clone(), Said::Out);
        listen(child.stderr.take().unwrap(), tell, Said::Err);
        let stdin = child.stdin.take();
        Running { child, said, open: 2, stdin, out: Vec::new(), torn: None, err: Vec::new() }
    }

    /// Waits until this holds of what was said.
    #[track_caller]
    pub fn until(&mut self, what: &str, holds: impl Fn(&Running) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(self) {
            let left = until.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(said) => self.hear(said),
                Err(why) => panic!("{what}: {why}\n{}", self.heard()),
            }
            assert!(self.open > 0 || holds(self), "{what}: it has ended\n{}", self.heard());
        }
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Out(line) => self.out.push(line),
            Said::Torn(line) => self.torn = Some(line),
            Said::Err(line) => self.err.push(line),
            Said::Over => self.open -= 1,
        }
    }

    fn heard(&self) -> String {
        format!("--- stdout ---\n{}\n--- stderr ---\n{}", self.out.join("\n"), self.err.join("\n"))
    }

    /// Waits for a record of which this holds, and gives the first.
    #[track_caller]
    pub fn record(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.until(what, |running| running.records().any(|record| holds(&record)));
        self.records().find(|record| holds(record)).unwrap()
    }

    /// Waits for the record of an alarm.
    #[track_caller]
    pub fn transition(&mut self, event: &str, alarm: &str) -> Value {
        self.record(&format!("{event} of {alarm}"), |record| record["event"] == event && record["alarm"] == alarm)
    }

    pub fn records(&self) -> impl Iterator<Item = Value> {
        self.out.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
    }

    /// Waits until it says this on standard error.
    #[track_caller]
    pub fn says(&mut self, text: &str) {
        self.until(text, |running| running.err.iter().any(|line| line.contains(text)));
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGKILL, and what was said until then.
    pub fn kill(mut self) -> Running {
        self.child.kill().unwrap();
        let status = self.end_of_all();
        assert_eq!(status.signal(), Some(9), "it ended by itself\n{}", self.heard());
        self
    }

    /// Asks it to stop, and waits for that.
    pub fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.end()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let code = self.end_of_all().code();
        let whole = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        Ended { code, out: whole(&self.out), err: whole(&self.err) }
    }

    fn end_of_all(&mut self) -> std::process::ExitStatus {
        let until = Instant::now() + PATIENCE;
        while self.open > 0 {
            match self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(said) => self.hear(said),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end\n{}", self.heard()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.child.wait().unwrap()
    }
}

/// A test that fails leaves nobody behind.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(from: impl Read + Send + 'static, tell: Sender<Said>, whole: fn(String) -> Said) {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while let Ok(1..) = from.read_until(b'\n', &mut line) {
            let is_whole = line.pop_if(|last| *last == b'\n').is_some();
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            let _ = tell.send(if is_whole { whole(text) } else { Said::Torn(text) });
        }
        let _ = tell.send(Said::Over);
    });
}

pub fn append(site: &Site, path: &str, text: &str) {
    let path = site.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// A time as the logs write it.
pub fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S,%3f").to_string()
}

pub fn now() -> String {
    stamp(Utc::now())
}

/// What a watch said where a replay has to end to give the same.
pub fn clock(ended: &Ended) -> String {
    let line = ended.err.lines().find(|line| line.contains("--end ")).unwrap_or_else(|| panic!("{}", ended.err));
    line.rsplit_once("--end ").unwrap().1.to_owned()
}

/// What `tocsin state --json` says.
pub fn state(site: &Site) -> Value {
    let ended = site.run(&["state", "state", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

/// Asks for the state until this holds of it.
#[track_caller]
pub fn state_until(site: &Site, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let state = state(site);
        if holds(&state) {
            return state;
        }
        assert!(Instant::now() < until, "{what}: {state:#}");
    }
}

/// As `gzip` does: the archive comes to be beside the file, with its time, and takes its place.
pub fn pack(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let made = path.with_file_name(format!("{}.gz", path.file_name().unwrap().to_str().unwrap()));
    let mut file = File::create(&made).unwrap();
    file.write_all(&crate::support::gzip(&bytes)).unwrap();
    file.set_modified(modified).unwrap();
    drop(file);
    fs::remove_file(path).unwrap();
}
