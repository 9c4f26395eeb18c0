//! Which files the settings name, to tell a log that is new from one that is only named now.
//!
//! Both are found without a place to go on from. A new one is read from its beginning, since nothing of it was ever read. One
//! that was there all along, while neither paths nor patterns named it, has a past that is no news.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::input::assign::Decisions;
use crate::pattern::{Log, LogId, Patterns};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Log → what of its files says.
    logs: BTreeMap<String, Vec<String>>,
    paths: Vec<PathBuf>,
}

impl Named {
    pub fn new(patterns: &Patterns, decisions: &Decisions, paths: &[PathBuf]) -> Named {
        let files = |(at, log): (usize, &Log)| {
            let globs = log.files.iter().map(|glob| glob.source().to_owned());
            let decided = decisions.logs.iter().filter(|(of, _)| *of == LogId(at as u32));
            let decided = decided.map(|(_, path)| path.to_string_lossy().into_owned());
            (log.name.to_string(), globs.chain(decided).collect())
        };
        Named { logs: patterns.logs.iter().enumerate().map(files).collect(), paths: paths.to_vec() }
    }

    /// Was this file of this log named before, as it is by `now`?
    pub fn names(&self, log: &str, live: &Path, now: &Named) -> bool {
        let same_log = self.logs.get(log).is_some_and(|files| now.logs.get(log) == Some(files));
        same_log && (self.paths == now.paths || self.paths.iter().any(|path| is_below(live, path)))
    }
}

/// A path may be a file, a directory, or a glob of either.
fn is_below(live: &Path, path: &Path) -> bool {
    let glob = glob::Pattern::new(&path.to_string_lossy()).ok();
    live.starts_with(path) || glob.is_some_and(|glob| live.ancestors().any(|above| glob.matches_path(above)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{builtin, compile};

    fn named(paths: &[&str]) -> Named {
        let patterns = compile(&builtin::builtin()).patterns.expect("the built-in patterns are valid");
        Named::new(&patterns, &Decisions::default(), &paths.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_the_paths_named_before_was_named() {
        let now = named(&["/x", "/y"]);
        for (before, live, was) in [
            (&["/x", "/y"][..], "/z/ha.log", true),
            (&["/x"], "/x/a/ha.log", true),
            (&["/x"], "/y/a/ha.log", false),
            (&["/x*/a"], "/xyz/a/ha.log", true),
            (&["/x/a/ha.log"], "/x/a/ha.log", true),
            (&["/x"], "/xyz/ha.log", false),
        ] {
            assert_eq!(named(before).names("ha-oms", Path::new(live), &now), was, "{before:?} {live}");
        }
    }

    #[test]
    fn a_log_with_other_files_was_not_named() {
        let now = named(&["/x"]);
        let mut before = now.clone();
        before.logs.remove("ha-oms");
        assert!(!before.names("ha-oms", Path::new("/x/ha.log"), &now));
        before.logs.insert("ha-oms".to_owned(), vec!["other.log".to_owned()]);
        assert!(!before.names("ha-oms", Path::new("/x/ha.log"), &now));
        assert!(before.names("ha-flinkserver", Path::new("/x/ha.log"), &now));
    }
}
