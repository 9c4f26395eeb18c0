//! Which files to read: files, directories and globs become one list, in the order of their paths.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// What Linux says of a link to itself; the standard library has no stable name for it.
const ELOOP: i32 = 40;

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub path: PathBuf,
    /// It was named by the user, and did not just stand in a directory.
    pub named: bool,
}

/// Several paths of it may be of one file, until [`Discovery::once_each`].
#[derive(Debug, Default)]
pub struct Discovery {
    pub files: Vec<Found>,
    /// Directories that were looked into.
    pub directories: Vec<PathBuf>,
    /// What could not be looked at.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// Named paths that do not exist.
    pub missing: Vec<PathBuf>,
    /// Other paths to files that are read, and the path by which they are.
    pub links: Vec<(PathBuf, PathBuf)>,
}

pub fn discover(paths: &[PathBuf]) -> Discovery {
    let mut found = Discovery::default();
    for path in paths {
        if path.as_os_str() == "-" {
            found.named(path.clone());
            continue;
        }
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => walk(path, &mut found),
            // A pipe or a device too: what is in it comes once, as from standard input.
            Ok(_) => found.named(path.clone()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => expand(path, &mut found),
            Err(e) => found.unreadable.push((path.clone(), e)),
        }
    }
    found.files.sort();
    found
}

impl Discovery {
    fn named(&mut self, path: PathBuf) {
        self.files.push(Found { path, named: true });
    }

    /// Keeps one path to each file, the others being links or other ways to write it: that with the best claim, else the
    /// one that the user named, else the file's own.
    pub fn once_each<C: Ord>(mut self, claim: impl Fn(&Path) -> C) -> Discovery {
        let mut best: HashMap<PathBuf, Found> = HashMap::new();
        for found in std::mem::take(&mut self.files) {
            let own = found.path.canonicalize().unwrap_or_else(|_| found.path.clone());
            match best.entry(own) {
                Entry::Vacant(place) => {
                    place.insert(found);
                }
                Entry::Occupied(mut place) => {
                    let own = place.key();
                    let is_own = |f: &Found| std::path::absolute(&f.path).is_ok_and(|p| p == *own);
                    let rank = |f: &Found| (claim(&f.path), f.named, is_own(f));
                    let better = rank(&found) > rank(place.get());
                    let worse = if better { place.insert(found) } else { found };
                    if worse.path != place.get().path {
                        self.links.push((worse.path, place.get().path.clone()));
                    }
                }
            }
        }
        self.files = best.into_values().collect();
        self.files.sort();
        self
    }
}

/// A glob that no shell has expanded (it was quoted, or came from a script).
fn expand(pattern: &Path, found: &mut Discovery) {
    let paths = pattern.to_str().filter(|p| p.contains(['*', '?', '['])).and_then(|p| glob::glob(p).ok());
    let mut none = true;
    for path in paths.into_iter().flatten() {
        none = false;
        match path {
            Ok(path) if path.is_dir() => walk(&path, found),
            Ok(path) => found.named(path),
            Err(e) => found.unreadable.push((e.path().to_owned(), e.into())),
        }
    }
    if none {
        found.missing.push(pattern.to_owned());
    }
}

/// Links are followed, but never in circles.
fn walk(directory: &Path, found: &mut Discovery) {
    for entry in WalkDir::new(directory).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                found.files.push(Found { path: entry.into_path(), named: false });
            }
            Ok(entry) if entry.file_type().is_dir() => found.directories.push(entry.into_path()),
            Ok(_) => {}
            Err(e) if e.loop_ancestor().is_some() => {}
            Err(e) => {
                let path = e.path().unwrap_or(directory).to_owned();
                let why = e.into_io_error().unwrap_or_else(|| io::Error::other("cannot be looked at"));
                // A link that leads nowhere, or to itself, is no file.
                if why.kind() != io::ErrorKind::NotFound && why.raw_os_error() != Some(ELOOP) {
                    found.unreadable.push((path, why));
                }
            }
        }
    }
}
