//! What holds if neither the command line nor the file says anything.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::settings::Origin;
use crate::pattern::Patterns;
use crate::time::{MINUTE, Millis};

/// Where the vendor's services write their logs.
pub const VENDOR: &str = "var/log/Bigdata";

pub const LOOKBACK: Millis = 60 * MINUTE;

/// The outbox may grow to this while a sink is away.
pub const OUTBOX: u64 = 1 << 30;

pub const CLUSTER: &str = "default";

/// The directories in which the logs' files would lie on a node whose root is `root`, in the order of their names. Only
/// directories that a glob names without a wildcard, and of which nothing else is to be expected: a `logs` could be
/// anything.
pub fn log_directories(patterns: &Patterns, root: &Path) -> Vec<PathBuf> {
    let mut directories: BTreeSet<PathBuf> = BTreeSet::new();
    for glob in patterns.logs.iter().flat_map(|l| &l.files) {
        let Some((directory, _)) = glob.source().rsplit_once('/') else { continue };
        if directory.contains(['*', '?', '{', '[']) || !directory.contains('/') {
            continue;
        }
        let anchored = directory.starts_with("var/log/");
        directories.insert(if anchored { root.join(directory) } else { root.join(VENDOR).join(directory) });
    }
    directories.into_iter().collect()
}

/// Without those that lie in others: a directory is watched with all that is below it.
pub fn topmost(directories: Vec<PathBuf>) -> Vec<PathBuf> {
    let below = |d: &Path| directories.iter().any(|other| other != d && d.starts_with(other));
    directories.iter().filter(|d| !below(d)).cloned().collect()
}

/// Where the state lies, and who says so.
pub fn state_directory(environment: impl Fn(&str) -> Option<OsString>, root: bool) -> (PathBuf, Origin) {
    let said = |name: &str| environment(name).filter(|v| !v.is_empty());
    // systemd names several, separated by colons, if the unit has several.
    if let Some(directory) = said("STATE_DIRECTORY") {
        let text = directory.to_string_lossy().into_owned();
        let first = text.split(':').next().unwrap_or_default();
        return (PathBuf::from(first), Origin::Environment("STATE_DIRECTORY"));
    }
    if root {
        return (PathBuf::from("/var/lib/tocsin"), Origin::Default);
    }
    if let Some(home) = said("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute()) {
        return (home.join("tocsin"), Origin::Environment("XDG_STATE_HOME"));
    }
    match said("HOME") {
        Some(home) => (PathBuf::from(home).join(".local/state/tocsin"), Origin::Environment("HOME")),
        // A user without a home: as a service has it, where the unit has to make it writable.
        None => (PathBuf::from("/var/lib/tocsin"), Origin::Default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{builtin, compile};

    #[test]
    fn the_vendors_directories_come_from_the_logs() {
        let patterns = compile(&builtin::builtin()).patterns.unwrap();
        let found = log_directories(&patterns, Path::new("/r"));
        let found: Vec<&str> = found.iter().map(|p| p.to_str().unwrap()).collect();
        assert_eq!(
            found,
            [
                "/r/var/log/Bigdata/dbservice/ha/runlog",
                "/r/var/log/Bigdata/flink/flinkserver",
                "/r/var/log/Bigdata/flink/flinkserver/ha/runlog",
                "/r/var/log/Bigdata/omm/oms/ha/runlog",
                "/r/var/log/Bigdata/zookeeper/quorumpeer",
                "/r/var/log/flink",
                "/r/var/log/zookeeper",
            ]
        );
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        let top = topmost(paths(&["/r/a", "/r/a/b", "/r/ab", "/r/c/d"]));
        assert_eq!(top, paths(&["/r/a", "/r/ab", "/r/c/d"]));
    }

    #[test]
    fn the_state_lies_where_systemd_the_user_or_the_machine_says() {
        type Said = &'static [(&'static str, &'static str)];
        let cases: [(Said, bool, &str); 7] = [
            (&[("STATE_DIRECTORY", "/var/lib/x"), ("HOME", "/home/u")], false, "/var/lib/x"),
            (&[("STATE_DIRECTORY", "/var/lib/x:/var/lib/y")], true, "/var/lib/x"),
            (&[("STATE_DIRECTORY", ""), ("XDG_STATE_HOME", "/x")], true, "/var/lib/tocsin"),
            (&[("XDG_STATE_HOME", "/x"), ("HOME", "/home/u")], false, "/x/tocsin"),
            (&[("XDG_STATE_HOME", "x"), ("HOME", "/home/u")], false, "/home/u/.local/state/tocsin"),
            (&[("HOME", "/home/u")], false, "/home/u/.local/state/tocsin"),
            (&[], false, "/var/lib/tocsin"),
        ];
        for (environment, root, expect) in cases {
            let said = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
            assert_eq!(state_directory(said, root).0, Path::new(expect), "{environment:?} {root}");
        }
    }
}
