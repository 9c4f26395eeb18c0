//! Keeping the store through trouble: a full disk, a deleted directory.
//!
//! A store that failed is closed, and opened again after a while; alarms go out meanwhile, and say that they are not
//! durable. What it missed is not known piece by piece, so the first batch after that says everything.

use super::directory::Directory;
use super::{Batch, OpenError, Store};
use crate::time::{Millis, SECOND};

/// How long a broken store is left alone.
pub const RETRY: Millis = 10 * SECOND;

pub struct Keeper {
    directory: Directory,
    store: Option<Store>,
    /// Wall time of the next try, while there is no store.
    retry: Millis,
}

impl Keeper {
    pub fn open(directory: Directory) -> Result<Keeper, OpenError> {
        let store = Store::open(&directory)?;
        Ok(Keeper { directory, store: Some(store), retry: 0 })
    }

    /// The store, while it works.
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// When the next try is due, if there is no store.
    pub fn retry_at(&self) -> Option<Millis> {
        self.store.is_none().then_some(self.retry)
    }

    /// Commits what `batch` gives; it is asked for everything (`true`) if the store is a new one. `Ok(false)`: there is
    /// no store now. An error is told once, when it comes.
    pub fn commit(&mut self, wall: Millis, batch: impl FnOnce(bool) -> Result<Batch, String>) -> Result<bool, String> {
        let anew = self.store.is_none();
        if anew {
            // A clock that was set back must not keep us waiting for long.
            if wall < self.retry && self.retry - wall <= RETRY {
                return Ok(false);
            }
            self.retry = wall + RETRY;
            self.store = Some(Store::open(&self.directory).map_err(|e| e.to_string())?);
        }
        let Some(store) = &self.store else { return Ok(false) };
        let committed =
            batch(anew).and_then(|batch| store.commit(&Batch { anew, ..batch }).map_err(|broken| broken.to_string()));
        match committed {
            Ok(()) => Ok(true),
            Err(broken) => {
                self.store = None;
                self.retry = wall + RETRY;
                Err(broken)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Table;

    #[test]
    fn a_deleted_store_is_made_again_and_told_everything() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let mut keeper = Keeper::open(Directory::new(&state)).unwrap();
        let batch = |anew: bool| {
            let mut batch = Batch::default();
            batch.put(Table::Facts, "anew", vec![u8::from(anew)]);
            Ok(batch)
        };
        assert_eq!(keeper.commit(0, batch), Ok(true));
        std::fs::remove_dir_all(&state).unwrap();
        assert!(keeper.commit(1, batch).is_err());
        assert_eq!(keeper.retry_at(), Some(1 + RETRY));
        assert_eq!(keeper.commit(2, batch), Ok(false));
        assert_eq!(keeper.commit(1 + RETRY, batch), Ok(true));
        assert_eq!(keeper.store().unwrap().get(Table::Facts, b"anew").unwrap(), Some(vec![1]));
    }
}
