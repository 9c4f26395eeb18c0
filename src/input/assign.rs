//! Whose log a file is: its log, its node, its family.
//!
//! Ids depend on these names and on nothing else of the machine, so they are taken from the path alone and never from
//! which other files exist. Where the path does not tell, the content does, and that is said aloud.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::rotation::{Rolled, rolled};
use crate::pattern::{LogId, Patterns, Zone};
use crate::scan::{Lookahead, Scanner, Seen};

/// How much of a file is looked at to recognise its log.
pub const SAMPLE: usize = 64 * 1024;

/// What the user decided on the command line.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// `--assign NODE=PATH`.
    pub nodes: Vec<(String, PathBuf)>,
    /// `--log NAME=PATH`.
    pub logs: Vec<(LogId, PathBuf)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub log: LogId,
    pub node: Arc<str>,
    /// The family's name: the live file below the node.
    pub family: Arc<str>,
    pub rank: Vec<i64>,
    pub unclear: Unclear,
}

/// What neither the path nor the user said, and so must be said to the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unclear {
    /// The log was recognised by content.
    pub log: bool,
    /// Logs that fitted as well as the one that was taken, which is the default among them.
    pub equals: Vec<Arc<str>>,
    /// The node is called like the archive, or `stdin`.
    pub node: bool,
    /// The node is called like this directory, only because a loose file stands there: another directory of that name
    /// may be another host's.
    pub directory: Option<Arc<str>>,
}

/// What a path has to say about its file, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    None,
    /// A log's glob matches.
    Anchored,
    /// The user decided about this very path.
    Decided,
}

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unassigned {
    /// No log looks like this.
    Unknown,
    /// Several logs do, and none of them is the default.
    Ambiguous(Vec<Arc<str>>),
}

/// A file, or a member of an archive, by its path: what the archive is called comes first.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file as named, or `-`.
    pub outer: PathBuf,
    /// Names inside archives, outermost first.
    pub inner: Vec<String>,
}

impl Place {
    pub fn file(path: &Path) -> Place {
        Place { outer: path.to_owned(), inner: Vec::new() }
    }

    pub fn is_stdin(&self) -> bool {
        self.outer.as_os_str() == "-"
    }

    /// Where the file itself stands; standard input stands nowhere.
    fn outer_path(&self) -> String {
        if self.is_stdin() {
            return String::new();
        }
        absolute(&self.outer).to_string_lossy().into_owned()
    }

    /// Is this path the archive itself, and not a directory around it or in it?
    fn is_container(&self, path: &str) -> bool {
        !self.inner.is_empty() && path == self.outer_path()
    }

    /// The archive's name without what says that it is one, or `stdin`.
    fn outer_name(&self) -> String {
        let name = self.outer.file_name().filter(|_| !self.is_stdin());
        name.map_or_else(|| "stdin".to_owned(), |n| stem(&n.to_string_lossy()).to_owned())
    }

    /// One path through everything, to look for anchors in. An archive is a directory in it; but one that holds a log of
    /// its own name (`x-1.log.zip` with `x-1.log`, or `x.log.zip` with `x.log.1`) is that log, packed.
    fn whole(&self) -> String {
        let mut path = self.outer_path();
        for name in &self.inner {
            let name = name.trim_start_matches("./").trim_start_matches('/');
            let (directory, container) = path.rsplit_once('/').unwrap_or(("", &path));
            let own = name.rsplit('/').next().unwrap_or(name);
            if stem(container) == own {
                continue;
            }
            path = match rolled(container).live == rolled(own).live {
                true => format!("{directory}/{own}"),
                false => format!("{path}/{name}"),
            };
        }
        path
    }
}

/// A path from the root without detours. Links stay as they are: a node's directory may be one.
fn absolute(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

pub struct Assigner<'p> {
    patterns: &'p Patterns,
    decisions: Decisions,
    host: Arc<str>,
}

impl<'p> Assigner<'p> {
    pub fn new(patterns: &'p Patterns, decisions: Decisions, host: &str) -> Assigner<'p> {
        Assigner { patterns, decisions, host: host.into() }
    }

    /// How well a file's path tells whose log it is; of several paths to one file, the best one counts.
    pub fn claim(&self, path: &Path) -> Claim {
        let decided = self.decisions.nodes.iter().map(|(_, p)| p).chain(self.decisions.logs.iter().map(|(_, p)| p));
        if decided.into_iter().any(|p| p == path) {
            return Claim::Decided;
        }
        self.by_path(&Place::file(path)).map_or(Claim::None, |_| Claim::Anchored)
    }

    /// By the path alone; `None` if no glob matches and nothing was decided.
    pub fn by_path(&self, place: &Place) -> Option<Assignment> {
        let whole = place.whole();
        let (directory, name) = whole.rsplit_once('/').unwrap_or(("", &whole));
        let rolled = rolled(name);
        let live = format!("{directory}/{}", rolled.live);
        let decided = decision(&self.decisions.logs, place).copied();
        let anchored = |wanted: Option<LogId>| {
            let mut logs = (0..self.patterns.logs.len() as u32).map(LogId).filter(|id| wanted.is_none_or(|w| w == *id));
            logs.find_map(|id| Some((self.anchor(id, &live).or_else(|| self.anchor(id, &whole))?, id)))
        };
        match (anchored(decided), decided) {
            (Some((anchor, log)), _) => Some(self.assignment(place, log, &live, anchor, rolled)),
            // Whose file it is does not depend on what the user says is in it.
            (None, Some(log)) => Some(match anchored(None) {
                Some((anchor, _)) => self.assignment(place, log, &live, anchor, rolled),
                None => self.loose(place, log, &live, rolled),
            }),
            (None, None) => None,
        }
    }

    /// Where the longest match of a log's globs begins.
    fn anchor(&self, id: LogId, path: &str) -> Option<usize> {
        self.patterns.log(id).files.iter().filter_map(|g| g.anchor(path)).min()
    }

    /// By content: the log whose layout and signals are found in a file's first bytes.
    pub fn by_content(&self, place: &Place, sample: &[u8], named: bool) -> Result<Assignment, Unassigned> {
        let mut best: Vec<(usize, u64, LogId)> = Vec::new();
        for id in (0..self.patterns.logs.len() as u32).map(LogId) {
            if let Some((hits, heads)) = self.likeness(id, sample) {
                best.push((hits, heads, id));
            }
        }
        let most = best.iter().map(|(hits, heads, _)| (*hits, *heads)).max().ok_or(Unassigned::Unknown)?;
        best.retain(|(hits, heads, _)| (*hits, *heads) == most);
        let log = match best.as_slice() {
            [(_, _, only)] => *only,
            several => {
                let mut defaults = several.iter().filter(|(_, _, id)| self.patterns.log(*id).default);
                let default = defaults.next().filter(|_| defaults.next().is_none());
                // In a directory, a file that says nothing of ours is simply not ours.
                let names = || several.iter().map(|(_, _, id)| self.patterns.log(*id).name.clone()).collect();
                default.map(|(_, _, id)| *id).ok_or_else(|| {
                    if named || most.0 > 0 { Unassigned::Ambiguous(names()) } else { Unassigned::Unknown }
                })?
            }
        };
        let whole = place.whole();
        let (directory, name) = whole.rsplit_once('/').unwrap_or(("", &whole));
        let rolled = rolled(name);
        let live = format!("{directory}/{}", rolled.live);
        let loose = self.loose(place, log, &live, rolled);
        let others = best.iter().filter(|(_, _, id)| *id != log);
        let equals = others.map(|(_, _, id)| self.patterns.log(*id).name.clone()).collect();
        Ok(Assignment { unclear: Unclear { log: true, equals, ..loose.unclear }, ..loose })
    }

    /// How many hits and heads of this log a sample has; `None` if it cannot be of this log.
    fn likeness(&self, id: LogId, sample: &[u8]) -> Option<(usize, u64)> {
        let log = self.patterns.log(id);
        let heads =
            sample.split(|b| *b == b'\n').filter(|line| log.layouts.iter().any(|(_, l)| l.is_head(line))).count()
                as u64;
        let mut seen = Vec::new();
        let mut scanner = Scanner::new(self.patterns, log, "".into(), Zone::UTC, Lookahead::File);
        scanner.feed(sample, &mut seen);
        let orphans = scanner.finish(&mut seen).orphans.len();
        let hits = orphans + seen.iter().filter(|s| matches!(s, Seen::Hit(_))).count();
        (heads > 0 || (log.line_records && hits > 0)).then_some((hits, heads))
    }

    fn assignment(&self, place: &Place, log: LogId, live: &str, anchor: usize, rolled: Rolled) -> Assignment {
        let above = live[..anchor].trim_end_matches('/');
        let above = without_last(without_last(above, "Bigdata"), "var/log");
        // This machine's own logs: nothing stands above them.
        let own = above.is_empty() && live.starts_with("/var/log/");
        let (node, node_unclear) = match above.rsplit('/').next().filter(|n| !n.is_empty()) {
            _ if own && place.inner.is_empty() && !place.is_stdin() => (self.host.clone(), false),
            Some(_) if place.is_container(above) => (place.outer_name().into(), true),
            Some(node) if place.inner.is_empty() => (node.into(), false),
            Some(node) => (stem(node).into(), false),
            None if place.inner.is_empty() && !place.is_stdin() => (self.host.clone(), true),
            None => (place.outer_name().into(), true),
        };
        let unclear = Unclear { node: node_unclear, ..Unclear::default() };
        self.assigned(place, log, node, live[anchor..].into(), rolled, unclear)
    }

    /// A file that no glob anchors: its node is the directory that holds it.
    fn loose(&self, place: &Place, log: LogId, live: &str, rolled: Rolled) -> Assignment {
        let (directory, name) = live.rsplit_once('/').unwrap_or(("", live));
        let name = if name.is_empty() { "stdin" } else { name };
        let (node, node_unclear) = match directory.rsplit('/').next().filter(|d| !d.is_empty()) {
            Some(_) if place.is_container(directory) => (place.outer_name().into(), true),
            Some(holder) if place.inner.is_empty() => (holder.into(), false),
            Some(holder) => (stem(holder).into(), false),
            None => (place.outer_name().into(), true),
        };
        let directory = (!node_unclear).then(|| directory.into());
        let unclear = Unclear { node: node_unclear, directory, ..Unclear::default() };
        self.assigned(place, log, node, name.into(), rolled, unclear)
    }

    fn assigned(
        &self,
        place: &Place,
        log: LogId,
        node: Arc<str>,
        family: Arc<str>,
        rolled: Rolled,
        unclear: Unclear,
    ) -> Assignment {
        let (node, unclear) = match self.decided_node(place) {
            Some(decided) => (decided, Unclear::default()),
            None => (node, unclear),
        };
        Assignment { log, node, family, rank: rolled.rank, unclear }
    }

    fn decided_node(&self, place: &Place) -> Option<Arc<str>> {
        decision(&self.decisions.nodes, place).map(|n| n.as_str().into())
    }

    /// Paths of decisions that named nothing that was read.
    pub fn unused<'a>(&'a self, read: &BTreeSet<PathBuf>) -> Vec<&'a Path> {
        let paths = self.decisions.nodes.iter().map(|(_, p)| p).chain(self.decisions.logs.iter().map(|(_, p)| p));
        paths.filter(|p| !read.iter().any(|r| covers(p, r))).map(PathBuf::as_path).collect()
    }
}

/// The value that was decided for the longest path that covers this place.
fn decision<'a, T>(decided: &'a [(T, PathBuf)], place: &Place) -> Option<&'a T> {
    let covering = decided.iter().filter(|(_, path)| covers(path, &place.outer));
    covering.max_by_key(|(_, path)| path.as_os_str().len()).map(|(value, _)| value)
}

fn covers(path: &Path, file: &Path) -> bool {
    path == file || (path.as_os_str() != "-" && absolute(file).starts_with(absolute(path)))
}

/// `var/log/Bigdata` and `Bigdata` belong to the anchor.
fn without_last<'a>(path: &'a str, last: &str) -> &'a str {
    let rest = path.strip_suffix(last).filter(|rest| rest.is_empty() || rest.ends_with('/'));
    rest.unwrap_or(path).trim_end_matches('/')
}

/// The name of an archive without what says that it is one.
fn stem(name: &str) -> &str {
    let endings = [".tar.gz", ".tar.zst", ".tgz", ".tar", ".zip", ".gz", ".zst"];
    endings.iter().find_map(|e| name.strip_suffix(e)).filter(|s| !s.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests;
