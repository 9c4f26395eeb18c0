//! The machine whose files are looked at: this one, or a copy of one below a directory.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::names::Names;

/// More links on one path than this are a circle.
const MOST_LINKS: usize = 40;

#[derive(Debug)]
pub struct Machine {
    root: PathBuf,
    pub names: Names,
    /// Whose files these are, if they are not those of the node that the alarm is about.
    pub other: Option<String>,
}

/// A file or directory on a path.
#[derive(Debug)]
pub struct Station {
    /// As it is called on that machine.
    pub path: PathBuf,
    pub metadata: io::Result<Metadata>,
}

impl Machine {
    pub fn new(root: &Path, other: Option<String>) -> Machine {
        Machine { root: root.to_owned(), names: Names::read(root), other }
    }

    /// Is it the one that this process runs on?
    pub fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where a path of that machine lies here.
    pub fn here(&self, path: &Path) -> PathBuf {
        let below = path.components().filter(|c| matches!(c, Component::Normal(_)));
        self.root.join(below.collect::<PathBuf>())
    }

    /// Every directory on the way to `path`, from the root on, and at the end the file itself, or what kept us from it.
    /// Links are followed as that machine follows them, so one never leads out of a copy.
    pub fn way(&self, path: &Path) -> Vec<Station> {
        let mut left: VecDeque<OsString> = names(path).collect();
        let mut at = PathBuf::from("/");
        let mut way = vec![Station { metadata: fs::metadata(self.here(&at)), path: at.clone() }];
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            if name == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&name);
            let mut metadata = fs::symlink_metadata(self.here(&next));
            if metadata.as_ref().is_ok_and(|m| m.is_symlink()) {
                links += 1;
                match fs::read_link(self.here(&next)) {
                    Ok(_) if links > MOST_LINKS => metadata = Err(io::Error::other("links lead in a circle")),
                    Ok(target) => {
                        if target.is_absolute() {
                            at = PathBuf::from("/");
                        }
                        left = names(&target).chain(left).collect();
                        continue;
                    }
                    Err(error) => metadata = Err(error),
                }
            }
            let ended = metadata.is_err();
            at = next;
            way.push(Station { path: at.clone(), metadata });
            if ended {
                break;
            }
        }
        way
    }

    /// The file that a path of that machine leads to, by its name there; what kept us from it otherwise.
    pub fn find(&self, path: &Path) -> io::Result<(PathBuf, Metadata)> {
        let last = self.way(path).pop();
        let Station { path, metadata } = last.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok((path, metadata?))
    }
}

/// The parts of a path that go somewhere.
fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|c| match c {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_inside_a_copy_alone() {
        let root = tempfile::tempdir().unwrap();
        let inside = |path: &str| root.path().join(path);
        fs::create_dir_all(inside("data/opt/conf")).unwrap();
        fs::write(inside("data/opt/conf/a"), "").unwrap();
        symlink("/data/opt", inside("opt")).unwrap();
        symlink("../../../../opt/conf", inside("data/opt/up")).unwrap();
        symlink("/circle", inside("circle")).unwrap();
        symlink("/etc", inside("data/etc")).unwrap();
        let machine = Machine::new(root.path(), None);
        let end = |path: &str| {
            let Station { path, metadata } = machine.way(Path::new(path)).pop().unwrap();
            (path.display().to_string(), metadata.is_ok())
        };
        assert_eq!(end("/opt/conf/a"), ("/data/opt/conf/a".to_owned(), true));
        assert_eq!(end("/opt/up/a"), ("/data/opt/conf/a".to_owned(), true));
        assert_eq!(end("/opt/gone/a"), ("/data/opt/gone".to_owned(), false));
        assert_eq!(end("/data/etc/passwd"), ("/etc".to_owned(), false), "that machine has no /etc");
        assert!(!end("/circle").1);
        let way: Vec<_> = machine.way(Path::new("/opt/conf")).into_iter().map(|s| s.path).collect();
        assert_eq!(way, ["/", "/data", "/data/opt", "/data/opt/conf"].map(PathBuf::from));
    }
}
