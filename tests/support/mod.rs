//! Running the real binary, away from this machine's zone, colours and files.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

mod skip;
pub use skip::skipped;

pub const TOCSIN: &str = env!("CARGO_BIN_EXE_tocsin");

/// A directory of its own, in which the binary runs.
pub struct Site {
    root: TempDir,
}

/// How a run ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Site {
    pub fn new(files: &[(&str, &str)]) -> Site {
        let site = Site { root: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            site.write(path, text.as_bytes());
        }
        site
    }

    /// Nothing that it is about depends on a disk.
    pub fn in_memory() -> Site {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Site { root: made.unwrap() }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    pub fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(TOCSIN);
        command.args(args).current_dir(self.root.path()).env_remove("NO_COLOR").env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    /// The same under limits that a shell sets for it.
    pub fn limited(&self, limits: &str, args: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limits}; exec \"$0\" \"$@\""), TOCSIN]).args(args);
        command.current_dir(self.root.path()).env_remove("NO_COLOR").env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }

    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ended {
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that ends without reading is no fault of ours.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ended::of(child.wait_with_output().unwrap())
    }
}

impl Ended {
    pub fn of(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Everything that a person sees, for a golden.
    pub fn shown(&self) -> String {
        let err = if self.err.is_empty() { String::new() } else { format!("--- stderr ---\n{}", self.err) };
        format!("{}{err}--- exit {} ---", self.out, self.code.map_or("by signal".to_owned(), |c| c.to_string()))
    }

    /// The records on standard output.
    pub fn records(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// The ids on standard output, in their order.
    pub fn ids(&self) -> Vec<String> {
        self.records().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A line of `ha.log`.
pub fn ha(time: &str, message: &str) -> String {
    format!("[{time}][10195489353][0][NOTICE][{message}][HA][ha_alarm.c:HA_SendAlarm,77][ha.bin,26572,41]\n")
}

/// The HA process raises (0), clears (1) or reports (2) its alarm `id`.
pub fn alarm(time: &str, id: u32, category: u32) -> String {
    let lost = format!(
        "hasendalarm info: id={id},category={category},cause=0,locainfo=(),addinfo=(),lochost=(node-master1qnFC),locha=(192-168-0-11)"
    );
    ha(time, &lost)
}
