//! Directories are listed once for all the families in them.
//!
//! A directory may hold the logs of thousands of families, and each of them asks which files stand beside its live one.
//! So a list is kept for as long as it is known to be true, which the directory's own time tells: it changes with
//! every name that comes or goes. But that time moves in steps, and a change right after the listing may leave it as it
//! was. A list is therefore kept only if the directory was seen with this time a whole step before it was listed. The
//! clock that measures this is compared with itself alone, so that it need not agree with a file server's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::fingerprint::{Identity, Modified};

/// The steps of a directory's time: the kernel's tick, and a second or two where the file system has no finer ones.
const FINE: Duration = Duration::from_millis(50);
const COARSE: Duration = Duration::from_secs(3);

/// Where the time of a directory tells nothing, it is listed again after this.
const KEPT: Duration = Duration::from_secs(5);

/// The lists of directories, which the families of a watch share.
#[derive(Debug, Default)]
pub struct Listings(RefCell<HashMap<PathBuf, Seen>>);

/// What is in a directory: names with inodes, in the order of the names.
pub(super) type Listing = [(OsString, u64)];

/// A directory with a certain time.
#[derive(Debug)]
struct Seen {
    directory: (Identity, Modified),
    since: Instant,
    kept: Option<(Instant, Rc<Listing>)>,
}

impl Listings {
    /// What is in a directory now.
    pub(super) fn list(&self, path: &Path) -> io::Result<Rc<Listing>> {
        let now = Instant::now();
        let metadata = fs::metadata(path).inspect_err(|_| self.forget(path))?;
        let directory = (Identity::of(&metadata), Modified::of(&metadata));
        let mut all = self.0.borrow_mut();
        let known = all.get(path).filter(|seen| seen.directory == directory);
        let since = known.map_or(now, |seen| seen.since);
        if let Some((at, listing)) = known.and_then(|seen| seen.kept.as_ref())
            && now - *at < KEPT
        {
            return Ok(listing.clone());
        }
        let listing = read(path)?;
        let step = if directory.1.nanos == 0 { COARSE } else { FINE };
        let kept = (now - since >= step).then(|| (now, listing.clone()));
        all.insert(path.to_owned(), Seen { directory, since, kept });
        Ok(listing)
    }

    fn forget(&self, path: &Path) {
        self.0.borrow_mut().remove(path);
    }
}

fn read(path: &Path) -> io::Result<Rc<Listing>> {
    let entry = |entry: io::Result<fs::DirEntry>| entry.map(|entry| (entry.file_name(), entry.ino()));
    let mut names = fs::read_dir(path)?.map(entry).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks until a list is kept, which takes a step of the directory's time.
    fn kept(listings: &Listings, path: &Path) -> Rc<Listing> {
        loop {
            let (one, other) = (listings.list(path).unwrap(), listings.list(path).unwrap());
            if Rc::ptr_eq(&one, &other) {
                return one;
            }
        }
    }

    #[test]
    fn a_list_is_kept_until_a_name_comes_or_goes() {
        let directory = tempfile::tempdir().unwrap();
        let listings = Listings::default();
        assert!(kept(&listings, directory.path()).is_empty());
        for names in [vec!["a"], vec!["a", "b"], vec!["b", "c"]] {
            match names.as_slice() {
                ["b", "c"] => fs::rename(directory.path().join("a"), directory.path().join("c")).unwrap(),
                [.., new] => fs::write(directory.path().join(new), "").unwrap(),
                [] => {}
            }
            let listed = listings.list(directory.path()).unwrap();
            let found: Vec<_> = listed.iter().map(|(name, _)| name.to_str().unwrap()).collect();
            assert_eq!(found, names);
            let kept = kept(&listings, directory.path());
            assert_eq!(kept, listed);
        }
    }

    #[test]
    fn a_list_that_was_made_within_a_step_of_a_change_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        // As if each change fell into the same step: the time never moves.
        let time = fs::metadata(directory.path()).unwrap().modified().unwrap();
        let still = || fs::File::open(directory.path()).unwrap().set_modified(time).unwrap();
        let listings = Listings::default();
        let count = || listings.list(directory.path()).unwrap().len();
        still();
        assert_eq!(count(), 0);
        fs::write(directory.path().join("a"), "").unwrap();
        still();
        assert_eq!(count(), 1);
    }

    #[test]
    fn a_directory_in_the_place_of_another_is_listed_anew() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("logs");
        let listings = Listings::default();
        fs::create_dir(&path).unwrap();
        kept(&listings, &path);
        fs::rename(&path, root.path().join("old")).unwrap();
        assert_eq!(listings.list(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a"), "").unwrap();
        assert_eq!(listings.list(&path).unwrap().len(), 1);
    }
}
