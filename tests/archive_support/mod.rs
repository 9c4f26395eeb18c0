//! What the tests of the whole program share: running it, reading what it wrote, and packing its input.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

pub mod pack;
pub mod random;
#[path = "../support/skip.rs"]
mod skip;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

pub use skip::skipped;

/// How the program ended and what it said.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The most memory that it had, in KiB. (As the system counts it, this includes what this process had at the start.)
    pub peak_kib: i64,
    told: String,
}

/// Runs `tocsin replay` with these arguments in a directory.
pub fn replay(directory: &Path, args: &[&str]) -> Ran {
    replay_stdin(directory, args, b"")
}

pub fn replay_stdin(directory: &Path, args: &[&str], stdin: &[u8]) -> Ran {
    run(tocsin().arg("replay").args(args).current_dir(directory), |pipe| pipe.write_all(stdin))
}

/// As another user: root may read everything.
pub fn replay_as_nobody(directory: &Path, args: &[&str]) -> Ran {
    let mut command = match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--clear-groups", env!("CARGO_BIN_EXE_tocsin")]);
            command
        }
        false => tocsin(),
    };
    run(command.arg("replay").args(args).current_dir(directory), |_| Ok(()))
}

fn is_root() -> bool {
    // SAFETY: it only reads the process's user.
    unsafe { libc::geteuid() == 0 }
}

/// Memory that no input may make the program use: with next to nothing to read, a third of it is enough.
pub const LITTLE_KIB: u32 = 64 * 1024;

/// The program with so little memory that it dies if its input decides how much it takes.
pub fn tocsin_in_memory(kib: u32, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {kib} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_tocsin")]);
    command.args(args).env("NO_COLOR", "1");
    command
}

pub fn tocsin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tocsin"));
    command.env("NO_COLOR", "1");
    command
}

/// Runs a command to its end. `feed` writes its standard input; that nobody reads it is no failure.
pub fn run(command: &mut Command, feed: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[expect(clippy::zombie_processes, reason = "`reap` waits for it")]
    let mut child = command.spawn().unwrap();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut stdin = std::io::BufWriter::with_capacity(1 << 16, stdin.unwrap());
            let _ = feed(&mut stdin).and_then(|()| stdin.flush());
        });
        let read = |mut pipe: Box<dyn Read + Send>| {
            move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).unwrap();
                String::from_utf8(bytes).expect("output is UTF-8")
            }
        };
        let stdout = scope.spawn(read(Box::new(stdout.unwrap())));
        let stderr = scope.spawn(read(Box::new(stderr.unwrap())));
        (stdout.join().unwrap(), stderr.join().unwrap())
    });
    let (code, peak_kib) = reap(child.id());
    let told = format!("{command:?}\nin {:?}", command.get_current_dir().unwrap_or(Path::new(".")));
    Ran { code, stdout, stderr, peak_kib, told }
}

/// Waits for a child, and learns what it used, which the standard library does not tell.
fn reap(pid: u32) -> (i32, i64) {
    let mut status = 0;
    // SAFETY: a rusage may be all zeros, and both pointers are to locals that live longer than the call.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid as libc::pid_t, &mut status, 0, &mut usage), usage)
    };
    assert_eq!(waited, pid as libc::pid_t, "the child could not be waited for");
    assert!(libc::WIFEXITED(status), "the child died of signal {}", libc::WTERMSIG(status));
    (libc::WEXITSTATUS(status), usage.ru_maxrss)
}

impl Ran {
    /// Everything there is to know when a test fails.
    pub fn told(&self) -> String {
        let Ran { code, stdout, stderr, told, .. } = self;
        format!("{told}\nended with {code}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }

    #[track_caller]
    pub fn ends(self, code: i32) -> Ran {
        assert!(self.code == code, "expected exit code {code}:\n{}", self.told());
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Ran {
        assert!(self.stderr.contains(text), "expected on stderr: {text}\n{}", self.told());
        self
    }

    #[track_caller]
    pub fn says_nothing_of(self, text: &str) -> Ran {
        assert!(!self.stderr.contains(text), "not expected on stderr: {text}\n{}", self.told());
        self
    }

    pub fn records(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The records without what depends on where the lines stood, and on when they were read.
    pub fn transitions(&self) -> Vec<Value> {
        let mut records = self.records();
        for record in &mut records {
            record.as_object_mut().unwrap().remove("detectedAt");
            for line in record["evidence"].as_array_mut().unwrap() {
                for place in ["file", "line", "offset"] {
                    line.as_object_mut().unwrap().remove(place);
                }
            }
        }
        records
    }

    /// `raise ALM-45640 node-7 2021-03-22T14:03:35.344Z` for each record.
    pub fn brief(&self) -> Vec<String> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let fields = ["event", "alarm", "node", "time"];
        self.records().iter().map(|r| fields.map(|f| text(&r[f])).join(" ")).collect()
    }

    #[track_caller]
    pub fn gives(self, expected: &[&str]) -> Ran {
        assert!(self.brief() == expected, "expected {expected:#?}, found {:#?}\n{}", self.brief(), self.told());
        self
    }

    #[track_caller]
    pub fn gives_the_same_as(self, other: &Ran) -> Ran {
        if self.transitions() != other.transitions() {
            panic!("expected {:#?}\nfound {:#?}\n{}", other.brief(), self.brief(), self.told());
        }
        self
    }
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A new directory with these files in it.
pub fn directory(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        write(directory.path(), path, content);
    }
    directory
}

pub fn write(directory: &Path, path: &str, content: &[u8]) {
    let path = directory.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A line of the HA process, `second` seconds into 2021-03-22 14:00.
pub fn ha(second: u32, message: &str) -> String {
    let (hour, minute, second) = (14 + second / 3600, second / 60 % 60, second % 60);
    format!(
        "[2021-03-22 {hour}:{minute:02}:{second:02},000][10195489353][0][NOTICE][{message}][HA][a.c:f,1][ha.bin,1,2]\n"
    )
}

pub fn heartbeat_lost(second: u32) -> String {
    ha(second, "hasendalarm info: id=0,category=0,cause=0,lochost=(a)")
}

pub fn heartbeat_back(second: u32) -> String {
    ha(second, "hasendalarm info: id=0,category=1,cause=0,lochost=(a)")
}

/// Where a node's `ha.log` lives, below the node.
pub const HA_LOG: &str = "flink/flinkserver/ha/runlog/ha.log";
