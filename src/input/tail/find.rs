//! Which families there are below the paths that the user gave, now and later.
//!
//! Files and directories may appear, go and come again while we watch. A family is found once and kept: its reader copes
//! with what becomes of its files.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fingerprint::{Modified, read_at};
use crate::input::archive::{Opened, Unpacked};
use crate::input::assign::{Assigner, Assignment, Place, SAMPLE, Unassigned};
use crate::input::discover::{Discovery, Found, discover};
use crate::input::rotation::rolled;
use crate::pattern::LogId;

/// Archives of several files are for `replay`.
const COLLECTIONS: [&str; 5] = [".tar", ".tgz", ".tar.gz", ".tar.zst", ".tzst"];

/// A family that is there to be tailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The live file, which need not exist.
    pub live: PathBuf,
    pub assignment: Assignment,
    /// The user named a file of it.
    pub named: bool,
}

/// What a look at the directories brought.
#[derive(Debug, Default)]
pub struct News {
    pub families: Vec<Family>,
    /// What the user should hear, once.
    pub notes: Vec<Note>,
}

/// What is not read, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Note {
    #[error("{}: not there yet; it is read as soon as it is", .0.display())]
    Missing(PathBuf),
    #[error("{}: {error}", path.display())]
    Unreadable { path: PathBuf, error: String },
    #[error("{}: may be a log of {}; say which with --log NAME={}", path.display(), names.join(", "), path.display())]
    Ambiguous { path: PathBuf, names: Vec<Arc<str>> },
    #[error("{}: no log looks like this; say which it is with --log NAME={}", .0.display(), .0.display())]
    Unknown(PathBuf),
    #[error("{}: left out, because it is the same log of the same node as {}; give one of them another node with --assign", path.display(), kept.display())]
    Twice { path: PathBuf, kept: PathBuf },
}

pub struct Find<'a> {
    assigner: &'a Assigner<'a>,
    paths: Vec<PathBuf>,
    /// By their live file.
    families: HashMap<PathBuf, Family>,
    names: HashMap<(Arc<str>, LogId, Arc<str>), PathBuf>,
    /// Files that need no second look.
    settled: HashSet<PathBuf>,
    /// Files that no log looked like, as they were then.
    strange: HashMap<PathBuf, (u64, Modified)>,
    /// Directories by their real path, with the paths by which they were found.
    directories: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    noted: HashSet<Note>,
}

impl<'a> Find<'a> {
    pub fn new(assigner: &'a Assigner<'a>, paths: Vec<PathBuf>) -> Find<'a> {
        Find {
            assigner,
            paths,
            families: HashMap::new(),
            names: HashMap::new(),
            settled: HashSet::new(),
            strange: HashMap::new(),
            directories: BTreeMap::new(),
            noted: HashSet::new(),
        }
    }

    /// Looks at all directories again.
    pub fn look(&mut self) -> News {
        let Discovery { files, directories, unreadable, missing, .. } = discover(&self.paths);
        let mut news = News::default();
        for (path, error) in unreadable {
            self.note(&mut news, Note::Unreadable { path, error: error.to_string() });
        }
        for path in &missing {
            self.note(&mut news, Note::Missing(path.clone()));
        }
        self.watch(directories, &files, &missing);
        let there: HashSet<&Path> = files.iter().map(|found| found.path.as_path()).collect();
        self.settled.retain(|path| there.contains(path.as_path()));
        self.strange.retain(|path, _| there.contains(path.as_path()));
        let new: Vec<Found> = files.iter().filter(|found| self.is_new(&found.path)).cloned().collect();
        let new = Discovery { files: new, ..Discovery::default() }.once_each(|path| self.assigner.claim(path));
        self.settled.extend(new.links.into_iter().map(|(link, _)| link));
        for found in new.files {
            self.file(&found, &mut news);
        }
        news
    }

    /// The directories in which something may happen, by their real paths.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.keys().map(PathBuf::as_path)
    }

    /// The live file of the family that a file belongs to, where the file is named as the directory really is.
    pub fn family_of(&self, path: &Path) -> Option<&Path> {
        let name = path.file_name()?.to_str()?;
        let live = rolled(name).live;
        let mut known = self.directories.get(path.parent()?)?.iter().flat_map(|d| [d.join(name), d.join(&live)]);
        known.find_map(|path| self.families.get(&path)).map(|family| family.live.as_path())
    }

    fn is_new(&self, path: &Path) -> bool {
        if self.settled.contains(path) {
            return false;
        }
        let Some(seen) = self.strange.get(path) else { return true };
        // What stood in a full sample does not change by what comes after it.
        seen.0 < SAMPLE as u64 && size_of(path).is_some_and(|now| now != *seen)
    }

    fn file(&mut self, found: &Found, news: &mut News) {
        let path = &found.path;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.as_os_str() == "-" || COLLECTIONS.iter().any(|ending| name.ends_with(ending)) {
            self.settled.insert(path.clone());
            return;
        }
        let live = live_of(path);
        if let Some(family) = self.families.get_mut(&live) {
            family.named |= found.named;
            self.settled.insert(path.clone());
            return;
        }
        match self.assign(found) {
            Ok(Ok(assignment)) => {
                self.settled.insert(path.clone());
                self.family(Family { live, assignment, named: found.named }, news);
            }
            Ok(Err(why)) => {
                self.strange.insert(path.clone(), size_of(path).unwrap_or_default());
                match why {
                    Unassigned::Ambiguous(names) => {
                        self.note(news, Note::Ambiguous { path: path.clone(), names });
                    }
                    Unassigned::Unknown if found.named && size_of(path).is_some_and(|(size, _)| size > 0) => {
                        self.note(news, Note::Unknown(path.clone()));
                    }
                    Unassigned::Unknown => {}
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // It is tried again with the next look.
            Err(error) => self.note(news, Note::Unreadable { path: path.clone(), error: error.to_string() }),
        }
    }

    fn assign(&self, found: &Found) -> io::Result<Result<Assignment, Unassigned>> {
        let place = Place::file(&found.path);
        match self.assigner.by_path(&place) {
            Some(assignment) => Ok(Ok(assignment)),
            None => Ok(self.assigner.by_content(&place, &sample(&found.path)?, found.named)),
        }
    }

    fn family(&mut self, family: Family, news: &mut News) {
        let Assignment { node, log, family: name, .. } = &family.assignment;
        let key = (node.clone(), *log, name.clone());
        if let Some(kept) = self.names.get(&key) {
            let note = Note::Twice { path: family.live.clone(), kept: kept.clone() };
            return self.note(news, note);
        }
        self.names.insert(key, family.live.clone());
        self.families.insert(family.live.clone(), family.clone());
        news.families.push(family);
    }

    fn note(&mut self, news: &mut News, note: Note) {
        if self.noted.insert(note.clone()) {
            news.notes.push(note);
        }
    }

    /// What is to be watched: directories that were walked, those of files, of what links lead to, and where missing
    /// paths would begin.
    fn watch(&mut self, walked: Vec<PathBuf>, files: &[Found], missing: &[PathBuf]) {
        let mut found: BTreeSet<PathBuf> = walked.into_iter().collect();
        found.extend(files.iter().filter_map(|file| parent(&file.path)));
        found.extend(missing.iter().filter_map(|path| {
            path.ancestors().skip(1).find_map(|above| {
                let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
                above.is_dir().then(|| above.to_owned())
            })
        }));
        self.directories.clear();
        for directory in found {
            if let Ok(real) = directory.canonicalize() {
                self.directories.entry(real).or_default().insert(directory);
            }
        }
    }
}

fn parent(path: &Path) -> Option<PathBuf> {
    path.parent().map(|parent| if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
}

fn live_of(path: &Path) -> PathBuf {
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => path.with_file_name(rolled(name).live),
        None => path.to_owned(),
    }
}

fn size_of(path: &Path) -> Option<(u64, Modified)> {
    fs::metadata(path).ok().map(|metadata| (metadata.len(), Modified::of(&metadata)))
}

/// The first bytes of what is in a file.
fn sample(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; SAMPLE];
    let (file, _): (File, _) = super::plain::open(path)?;
    let length = match Unpacked::open(file, &path.to_string_lossy())? {
        Opened::Packed(mut unpacked) => unpacked.read(&mut bytes)?,
        Opened::Plain(file) => read_at(&file, &mut bytes, 0)?.len(),
        Opened::Other(_) => 0,
    };
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
