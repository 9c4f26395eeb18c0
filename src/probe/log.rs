//! The files that probes write: for each node a directory, below which the log is anchored like any other.
//!
//! `DIRECTORY/NODE/tocsin-probe/probe-zookeeper.log`, so that the node of a line is that of the server that was asked,
//! whoever asked it. They are rolled by size, and so bounded.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::line::{self, Entry, Seen};
use crate::pattern::Zone;
use crate::time::Millis;

/// Below a node's directory; the anchor of the logs in `patterns/probe.toml`.
const ANCHOR: &str = "tocsin-probe";

/// A file is rolled when it is larger, and so many rolled ones are kept.
const LARGEST: u64 = 8 << 20;
const KEPT: u32 = 4;

/// The last lines are looked for this far from the end. A round of checks has less.
const BACK: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Certificate,
    Zookeeper,
}

impl Kind {
    pub fn file(self) -> &'static str {
        match self {
            Kind::Certificate => "probe-certificate.log",
            Kind::Zookeeper => "probe-zookeeper.log",
        }
    }
}

/// The logs of all probes.
#[derive(Clone, Debug)]
pub struct Logs {
    directory: PathBuf,
    zone: Zone,
    largest: u64,
}

impl Logs {
    /// Below the state directory.
    pub fn directory(state: &Path) -> PathBuf {
        state.join("probe")
    }

    pub fn new(directory: &Path, zone: Zone) -> Logs {
        Logs { directory: directory.to_owned(), zone, largest: LARGEST }
    }

    fn path(&self, node: &str, kind: Kind) -> PathBuf {
        self.directory.join(node).join(ANCHOR).join(kind.file())
    }

    /// The nodes of which there is such a log.
    pub fn nodes(&self, kind: Kind) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return BTreeSet::new() };
        let nodes = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
        nodes.filter(|node| self.path(node, kind).exists()).collect()
    }

    /// Writes what was seen now, each node's lines with one call, so that whoever is killed leaves no half round.
    pub fn write(&self, kind: Kind, entries: &[Entry], now: Millis) -> io::Result<()> {
        let nodes: BTreeSet<&str> = entries.iter().map(|entry| entry.node.as_str()).collect();
        let mut failed = None;
        for node in nodes {
            let mut lines = String::new();
            for entry in entries.iter().filter(|entry| entry.node == node) {
                lines.push_str(&line::written(self.zone.moment(now), &entry.seen)?);
            }
            // One node's log that cannot be written must not cost the others'.
            failed = failed.or(self.append(&self.path(node, kind), &lines).err());
        }
        failed.map_or(Ok(()), Err)
    }

    fn append(&self, path: &Path, lines: &str) -> io::Result<()> {
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        if fs::metadata(path).is_ok_and(|m| m.len() > 0 && m.len() + lines.len() as u64 > self.largest) {
            roll(path)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        // What a crash or a full disk cut off must not swallow the next line.
        let torn = if ends_torn(&mut file)? { "\n" } else { "" };
        file.write_all(format!("{torn}{lines}").as_bytes())
    }

    /// What was last seen of a node, oldest first, as far back as it matters.
    pub fn last(&self, node: &str, kind: Kind) -> Vec<(Millis, Seen)> {
        let path = self.path(node, kind);
        let mut seen = Vec::new();
        for path in [rolled(&path, 1), path] {
            let text = tail(&path).unwrap_or_default();
            seen.extend(text.lines().filter_map(line::read).map(|(time, seen)| (time.millis, seen)));
        }
        seen
    }
}

fn rolled(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    PathBuf::from(name)
}

/// The oldest goes, the others move up by one.
fn roll(path: &Path) -> io::Result<()> {
    for n in (1..KEPT).rev() {
        match fs::rename(rolled(path, n), rolled(path, n + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, rolled(path, 1))
}

fn ends_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != [b'\n'])
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BACK)))?;
    let mut bytes = Vec::new();
    file.take(BACK).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(node: &str, server: &str) -> Entry {
        Entry { node: node.into(), seen: Seen::Ended { server: Some(server.into()) } }
    }

    fn logs(directory: &Path, largest: u64) -> Logs {
        Logs { largest, ..Logs::new(directory, Zone::UTC) }
    }

    #[test]
    fn each_node_has_its_log_and_remembers_what_was_last_seen() {
        let directory = tempfile::tempdir().unwrap();
        let logs = logs(directory.path(), 1 << 20);
        logs.write(Kind::Zookeeper, &[ended("a", "1"), ended("b", "2"), ended("a", "3")], 5).unwrap();
        assert_eq!(logs.nodes(Kind::Zookeeper), ["a", "b"].map(String::from).into());
        assert!(logs.nodes(Kind::Certificate).is_empty());
        assert_eq!(logs.last("a", Kind::Zookeeper), [(5, ended("", "1").seen), (5, ended("", "3").seen)]);
        assert!(logs.last("c", Kind::Zookeeper).is_empty());
        assert!(directory.path().join("a/tocsin-probe/probe-zookeeper.log").exists());
    }

    #[test]
    fn a_log_is_rolled_and_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let logs = logs(directory.path(), 200);
        for n in 0..100 {
            logs.write(Kind::Zookeeper, &[ended("a", &n.to_string())], n).unwrap();
        }
        let home = directory.path().join("a/tocsin-probe");
        let mut files: Vec<_> = fs::read_dir(&home).unwrap().map(|f| f.unwrap()).collect();
        files.sort_by_key(|f| f.file_name());
        let names: Vec<_> = files.iter().map(|f| f.file_name().into_string().unwrap()).collect();
        let expect = ["", ".1", ".2", ".3", ".4"].map(|end| format!("probe-zookeeper.log{end}"));
        assert_eq!(names, expect);
        assert!(files.iter().all(|f| f.metadata().unwrap().len() <= 200));
        // The last file and the one before it, in order.
        let last: Vec<Millis> = logs.last("a", Kind::Zookeeper).iter().map(|(at, _)| *at).collect();
        assert!(last.len() > 2 && last.is_sorted() && last.last() == Some(&99), "{last:?}");
    }

    #[test]
    fn a_line_that_was_cut_does_not_swallow_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let logs = logs(directory.path(), 1 << 20);
        logs.write(Kind::Zookeeper, &[ended("a", "1")], 1).unwrap();
        let path = logs.path("a", Kind::Zookeeper);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"time\":\"20").unwrap();
        logs.write(Kind::Zookeeper, &[ended("a", "2")], 2).unwrap();
        assert_eq!(logs.last("a", Kind::Zookeeper).len(), 2);
    }
}
