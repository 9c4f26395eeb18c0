//! The certificate files: which there are, and which have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::certificate::{Certificate, Fault, Verdict, examine};
use super::line::{ENDED, Entry, File, Seen};
use super::settings::Certificates;
use crate::time::{Millis, Moment};

/// Looks at the same files, one after the other.
#[derive(Debug)]
pub struct Files {
    settings: Certificates,
    node: String,
    /// Paths of which something was said.
    known: BTreeSet<String>,
    /// What was seen of each file when it was examined, and when it was last looked at.
    examined: BTreeMap<String, Mark>,
    looked: BTreeMap<String, Mark>,
}

/// Whatever is done to a file changes this. `None`: it is not there.
type Mark = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

fn mark(path: &str) -> Mark {
    let m = fs::metadata(path).ok()?;
    Some((m.dev(), m.ino(), m.size(), (m.mtime(), m.mtime_nsec()), (m.ctime(), m.ctime_nsec())))
}

impl Files {
    /// `node`: this machine's.
    pub fn new(settings: Certificates, node: &str) -> Files {
        let (known, examined, looked) = Default::default();
        Files { settings, node: node.to_owned(), known, examined, looked }
    }

    /// Learns from the log of which paths an earlier process spoke.
    pub fn recall(&mut self, last: &[(Millis, Seen)]) {
        for (_, seen) in last {
            match seen {
                Seen::Certificate(file) if file.verdict == ENDED => self.known.remove(&file.path),
                Seen::Certificate(file) => self.known.insert(file.path.clone()),
                _ => false,
            };
        }
    }

    /// Examines what has changed, or everything. A file that is just being written is left alone until the next look.
    pub fn look(&mut self, everything: bool, now: Millis) -> Vec<Entry> {
        let paths = self.paths();
        let mut seen = Vec::new();
        for gone in std::mem::take(&mut self.known).into_iter().filter(|path| !paths.contains(path)) {
            seen.push(File { verdict: ENDED.to_owned(), path: gone, ..File::default() });
        }
        self.examined.retain(|path, _| paths.contains(path));
        for path in &paths {
            let mark = mark(path);
            let before = self.looked.insert(path.clone(), mark);
            let has_changed = self.examined.get(path) != Some(&mark) && before == Some(mark);
            if everything || has_changed {
                seen.push(examined(path, self.settings.days, now));
                self.examined.insert(path.clone(), mark);
            }
        }
        self.known = paths;
        seen.into_iter().map(|file| Entry { node: self.node.clone(), seen: Seen::Certificate(file) }).collect()
    }

    /// What the settings name. Of a glob that finds nothing, what it found before: that is what is missing.
    fn paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for written in &self.settings.paths {
            let found: Vec<PathBuf> = match Path::new(written).exists() {
                true => Vec::new(),
                false => glob::glob(written).into_iter().flatten().filter_map(Result::ok).collect(),
            };
            let pattern = glob::Pattern::new(written).ok();
            let former = || {
                let fits = |path: &&String| pattern.as_ref().is_some_and(|p| p.matches(path)) && *path != written;
                self.known.iter().filter(fits).cloned().collect::<Vec<_>>()
            };
            match found.is_empty() {
                false => paths.extend(found.iter().map(|path| path.to_string_lossy().into_owned())),
                true if former().is_empty() => paths.extend([written.clone()]),
                true => paths.extend(former()),
            }
        }
        paths
    }
}

/// What keeps us from saying that a file or glob is not there: a directory on the way that is closed to us.
pub fn closed(pattern: &str) -> Option<(PathBuf, io::Error)> {
    let parts: Vec<_> = Path::new(pattern).components().map(|part| part.as_os_str()).collect();
    for n in 1..parts.len() {
        let (way, next) = (PathBuf::from_iter(&parts[..n]), parts[n]);
        for found in glob::glob(&way.to_string_lossy()).into_iter().flatten() {
            let path = match found {
                Ok(path) => path.join(next),
                Err(error) => return Some((error.path().to_owned(), error.into())),
            };
            // A glob passes over what it may not look into. Its own reading fails where the next part is a pattern.
            let looked = match next.as_encoded_bytes().iter().any(|b| b"*?[".contains(b)) {
                true => path.parent().map(fs::read_dir).map_or(Ok(()), |read| read.map(drop)),
                false => fs::symlink_metadata(&path).map(drop),
            };
            match looked {
                Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Some((path, error));
                }
                _ => {}
            }
        }
    }
    None
}

/// What is not seen because a directory is closed is not missing.
fn look_at(path: &str, now: Millis) -> Result<Certificate, Fault> {
    let unseen = |fault| match (&fault, closed(path)) {
        (Fault::Missing, Some((place, error))) => Fault::Unreadable(format!("{}: {error}", place.display())),
        _ => fault,
    };
    examine(Path::new(path), now).map_err(unseen)
}

fn examined(path: &str, days: u32, now: Millis) -> File {
    let examined = look_at(path, now);
    let verdict = Verdict::of(&examined, now, days).name().to_owned();
    let file = File { verdict, path: path.to_owned(), ..File::default() };
    let (certificate, reason) = match &examined {
        Ok(certificate) => (Some(certificate), None),
        Err(fault) => (fault.certificate(), Some(fault.reason())),
    };
    let Some(c) = certificate else { return File { reason, ..file } };
    File {
        reason,
        subject: Some(c.subject.clone()),
        issuer: Some(c.issuer.clone()),
        serial: Some(c.serial.clone()),
        not_before: Some(Moment::utc(c.not_before)),
        not_after: Some(Moment::utc(c.not_after)),
        days_left: Some(c.days_left(now)),
        ..file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Home {
            Home(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> String {
            self.0.path().join(name).to_str().unwrap().to_owned()
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path(name);
            fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn files(&self, paths: &[&str]) -> Files {
            let paths = paths.iter().map(|p| self.path(p)).collect();
            Files::new(Certificates { paths, ..Certificates::default() }, "here")
        }

        /// In short: verdict and path below this home.
        fn shown(&self, entries: &[Entry]) -> Vec<String> {
            let of = |entry: &Entry| match &entry.seen {
                Seen::Certificate(f) => {
                    format!("{} {}", f.verdict, f.path.strip_prefix(self.path("").as_str()).unwrap())
                }
                other => panic!("{other:?}"),
            };
            entries.iter().map(of).collect()
        }
    }

    #[test]
    fn what_changes_is_examined_as_soon_as_it_stands_still() {
        let home = Home::new();
        let mut files = home.files(&["a.crt"]);
        assert_eq!(home.shown(&files.look(true, 0)), ["missing a.crt"]);
        assert!(files.look(false, 0).is_empty());
        home.write("a.crt", "half");
        assert!(files.look(false, 0).is_empty(), "it may still be written");
        home.write("a.crt", "half and half");
        assert!(files.look(false, 0).is_empty(), "it was still written");
        assert_eq!(home.shown(&files.look(false, 0)), ["malformed a.crt"]);
        assert!(files.look(false, 0).is_empty());
        // Every day, whether or not it changed.
        assert_eq!(home.shown(&files.look(true, 0)), ["malformed a.crt"]);
        fs::remove_file(home.path("a.crt")).unwrap();
        assert!(files.look(false, 0).is_empty());
        assert_eq!(home.shown(&files.look(false, 0)), ["missing a.crt"]);
    }

    #[test]
    fn a_glob_finds_files_and_misses_those_that_it_found() {
        let home = Home::new();
        let mut files = home.files(&["v*/server.crt"]);
        assert_eq!(home.shown(&files.look(true, 0)), ["missing v*/server.crt"]);
        home.write("v1/server.crt", "x");
        assert_eq!(home.shown(&files.look(false, 0)), ["ended v*/server.crt"]);
        assert_eq!(home.shown(&files.look(false, 0)), ["malformed v1/server.crt"]);
        // The next version takes its place.
        home.write("v2/server.crt", "x");
        fs::remove_dir_all(home.path("v1")).unwrap();
        assert_eq!(home.shown(&files.look(false, 0)), ["ended v1/server.crt"]);
        assert_eq!(home.shown(&files.look(false, 0)), ["malformed v2/server.crt"]);
        fs::remove_dir_all(home.path("v2")).unwrap();
        files.look(false, 0);
        assert_eq!(home.shown(&files.look(false, 0)), ["missing v2/server.crt"]);
    }

    #[test]
    fn a_restart_remembers_what_was_found() {
        let home = Home::new();
        home.write("v1/server.crt", "x");
        home.write("b.crt", "x");
        let seen = home.files(&["v*/server.crt", "b.crt"]).look(true, 0);
        assert_eq!(home.shown(&seen), ["malformed b.crt", "malformed v1/server.crt"]);
        fs::remove_dir_all(home.path("v1")).unwrap();
        let mut later = home.files(&["v*/server.crt"]);
        later.recall(&seen.into_iter().map(|e| (0, e.seen)).collect::<Vec<_>>());
        assert_eq!(home.shown(&later.look(true, 0)), ["ended b.crt", "missing v1/server.crt"]);
    }

    #[test]
    fn a_file_whose_name_looks_like_a_glob_is_a_file() {
        let home = Home::new();
        home.write("a[1].crt", "x");
        assert_eq!(home.shown(&home.files(&["a[1].crt"]).look(true, 0)), ["malformed a[1].crt"]);
    }

    #[test]
    fn what_cannot_be_looked_into_is_not_called_missing() {
        let home = Home::new();
        // To root no directory is closed, but nobody gets through a link to itself.
        std::os::unix::fs::symlink("v1", home.path("v1")).unwrap();
        home.write("v/x", "");
        for (path, shown) in [
            ("v1/server.crt", "unreadable v1/server.crt"),
            ("v*/server.crt", "unreadable v*/server.crt"),
            ("v*/*.crt", "unreadable v*/*.crt"),
            ("v/s*.crt", "missing v/s*.crt"),
            ("v/x/server.crt", "missing v/x/server.crt"),
            ("w*/server.crt", "missing w*/server.crt"),
        ] {
            assert_eq!(home.shown(&home.files(&[path]).look(true, 0)), [shown]);
        }
    }
}
