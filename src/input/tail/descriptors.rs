//! How many files may be open at once, and which of them is closed when one more is needed.

use std::collections::{BTreeMap, HashMap};
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors left to others: the store, sockets, archives, directories that are being listed. Those that are watched
/// come in addition.
const RESERVED: u64 = 256;

/// More watched directories than this help nobody either: they wake the watch all the time.
pub const DIRECTORIES: usize = 4096;

/// More open files than this help nobody.
const MOST: u64 = 1 << 20;

/// Raises the soft limit of open files to the hard one, which needs no rights. Returns how many there may be now.
pub fn raise_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(MOST).min(MOST);
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    }
    Ok(limit_now())
}

fn limit_now() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(MOST)
}

/// How many directories may be watched, each of which holds one: beyond that they are polled.
pub fn directories() -> usize {
    watched(limit_now())
}

/// The same, of so many descriptors.
fn watched(limit: u64) -> usize {
    usize::try_from(limit / 8).unwrap_or(usize::MAX).clamp(1, DIRECTORIES)
}

/// How many of so many descriptors may be logs.
pub fn share(limit: u64) -> usize {
    let left = limit.saturating_sub(RESERVED).saturating_sub(watched(limit) as u64);
    usize::try_from(left.max(limit / 2)).unwrap_or(usize::MAX)
}

/// Which files are open, the one that was used longest ago first.
#[derive(Debug)]
pub struct Descriptors<K> {
    most: usize,
    clock: u64,
    used: HashMap<K, u64>,
    order: BTreeMap<u64, K>,
}

impl<K: Clone + Eq + std::hash::Hash> Descriptors<K> {
    pub fn new(most: usize) -> Descriptors<K> {
        Descriptors { most: most.max(1), clock: 0, used: HashMap::new(), order: BTreeMap::new() }
    }

    /// A file was used and is open.
    pub fn used(&mut self, file: K) {
        self.closed(&file);
        self.clock += 1;
        self.used.insert(file.clone(), self.clock);
        self.order.insert(self.clock, file);
    }

    /// A file is not open any more.
    pub fn closed(&mut self, file: &K) {
        if let Some(at) = self.used.remove(file) {
            self.order.remove(&at);
        }
    }

    /// The file to close next, as long as there are too many. Say [`Descriptors::closed`] if it could be, else
    /// [`Descriptors::used`].
    pub fn too_many(&self) -> Option<&K> {
        (self.used.len() > self.most).then(|| self.order.values().next()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_was_used_longest_ago_is_closed_first() {
        let mut open = Descriptors::new(2);
        for file in ["a", "b", "a", "c"] {
            open.used(file);
        }
        assert_eq!(open.too_many(), Some(&"b"));
        open.closed(&"b");
        assert_eq!(open.too_many(), None);
        open.used("d");
        assert_eq!(open.too_many(), Some(&"a"));
        // It cannot be closed just now: the next one is asked.
        open.used("a");
        assert_eq!(open.too_many(), Some(&"c"));
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let limit = raise_limit().unwrap();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current.unwrap_or(MOST), limit);
        assert!(now.maximum.is_none_or(|hard| limit >= hard.min(MOST)));
    }

    #[test]
    fn logs_leave_descriptors_to_others() {
        assert_eq!((share(1024), watched(1024)), (640, 128));
        assert_eq!((share(100), watched(100)), (50, 12));
        assert_eq!((share(1 << 20), watched(1 << 20)), ((1 << 20) - 256 - 4096, 4096));
    }
}
