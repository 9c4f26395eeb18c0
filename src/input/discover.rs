//! Which files to read: files, directories and globs become one list, in the order of their paths.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub path: PathBuf,
    /// It was named by the user, and did not just stand in a directory.
    pub named: bool,
}

#[derive(Debug, Default)]
pub struct Discovery {
    pub files: Vec<Found>,
    /// What could not be looked at.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// Named paths that do not exist.
    pub missing: Vec<PathBuf>,
}

pub fn discover(paths: &[PathBuf]) -> Discovery {
    let mut found = Discovery::default();
    for path in paths {
        if path.as_os_str() == "-" || path.is_file() {
            found.files.push(Found { path: path.clone(), named: true });
        } else if path.is_dir() {
            walk(path, &mut found);
        } else if path.exists() {
            // A pipe or a device: what is in it comes once, as from standard input.
            found.files.push(Found { path: path.clone(), named: true });
        } else {
            expand(path, &mut found);
        }
    }
    found.files = once(std::mem::take(&mut found.files));
    found
}

/// A file that is reached in several ways (named twice, by a link) is read once: by its own path if that is among them,
/// else by the first. Being named by any of them is being named.
fn once(files: Vec<Found>) -> Vec<Found> {
    let mut by_file: BTreeMap<PathBuf, Vec<Found>> = BTreeMap::new();
    for file in files {
        let real = file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
        by_file.entry(real).or_default().push(file);
    }
    let mut files: Vec<Found> = Vec::with_capacity(by_file.len());
    for (real, mut ways) in by_file {
        let is_link = |way: &Found| std::path::absolute(&way.path).is_ok_and(|p| p != real);
        ways.sort_by_cached_key(|way| (is_link(way), way.path.clone()));
        let named = ways.iter().any(|way| way.named);
        files.extend(ways.into_iter().next().map(|way| Found { named, ..way }));
    }
    files.sort();
    files
}

/// A glob that no shell has expanded (it was quoted, or came from a script).
fn expand(pattern: &Path, found: &mut Discovery) {
    let paths = pattern.to_str().filter(|p| p.contains(['*', '?', '['])).and_then(|p| glob::glob(p).ok());
    let before = found.files.len();
    for path in paths.into_iter().flatten().flatten() {
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.files.push(Found { path, named: true });
        }
    }
    if found.files.len() == before {
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
            Ok(_) => {}
            Err(e) if e.loop_ancestor().is_some() => {}
            Err(e) => {
                let path = e.path().unwrap_or(directory).to_owned();
                let why = e.into_io_error().unwrap_or_else(|| io::Error::other("cannot be looked at"));
                // A link that leads nowhere is no file.
                if why.kind() != io::ErrorKind::NotFound {
                    found.unreadable.push((path, why));
                }
            }
        }
    }
}
