//! The store itself: redb, with our tables.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, TableError,
    WriteTransaction,
};
use thiserror::Error;

use super::directory::{Directory, Locked};
use super::{Batch, OpenError, Table, VERSION};

/// What redb keeps of the file in memory.
const CACHE: usize = 8 << 20;

const OUTBOX: TableDefinition<u64, &[u8]> = TableDefinition::new("outbox");

const VERSION_KEY: &[u8] = b"version";

fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

/// A store that failed is closed; another try opens it anew.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Broken(String);

impl Broken {
    fn from(error: impl Into<redb::Error>) -> Broken {
        Broken(error.into().to_string())
    }
}

pub struct Store {
    database: Database,
    path: PathBuf,
    /// Which file it is: another one in its place means that ours was deleted.
    file: (u64, u64),
    lock: Locked,
}

impl Store {
    pub fn open(directory: &Directory) -> Result<Store, OpenError> {
        let lock = directory.lock()?;
        let path = directory.store();
        let damaged = |why: String| OpenError::Damaged { path: path.clone(), why };
        let io = |why| OpenError::Io { dir: path.clone(), why };
        // redb takes an empty file for a new store; made here, it is the owner's alone.
        let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = made.and_then(|f| f.metadata()).map_err(io)?;
        let database = match Builder::new().set_cache_size(CACHE).create(&path) {
            Ok(database) => database,
            // What is no store at all is said with an I/O error too.
            Err(redb::DatabaseError::Storage(redb::StorageError::Io(why)))
                if !matches!(why.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
            {
                return Err(io(why));
            }
            Err(error) => return Err(damaged(error.to_string())),
        };
        let store = Store { database, path: path.clone(), file: (file.dev(), file.ino()), lock };
        let dir = || path.parent().map_or_else(PathBuf::new, PathBuf::from);
        match store.version().map_err(|broken| damaged(broken.to_string()))? {
            Some(found) if found > VERSION => Err(OpenError::Newer { dir: dir(), found }),
            // Format 1 was never released; what comes after 2 brings its migration here.
            Some(found) if found < VERSION => Err(OpenError::Older { dir: dir(), found }),
            _ => Ok(store),
        }
    }

    fn version(&self) -> Result<Option<u32>, Broken> {
        let version = self.get(Table::Facts, VERSION_KEY)?;
        Ok(version.map(|bytes| bytes.try_into().map_or(u32::MAX, u32::from_le_bytes)))
    }

    /// Nothing was ever committed to it.
    pub fn is_new(&self) -> Result<bool, Broken> {
        Ok(self.version()?.is_none())
    }

    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        let read = self.database.begin_read().map_err(Broken::from)?;
        let Some(table) = if_any(read.open_table(definition(table)))? else { return Ok(None) };
        Ok(table.get(key).map_err(Broken::from)?.map(|value| value.value().to_vec()))
    }

    /// Hands over every entry of a table, in the order of keys.
    pub fn each(&self, table: Table, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Broken> {
        let read = self.database.begin_read().map_err(Broken::from)?;
        let Some(table) = if_any(read.open_table(definition(table)))? else { return Ok(()) };
        for entry in table.iter().map_err(Broken::from)? {
            let (key, value) = entry.map_err(Broken::from)?;
            each(key.value(), value.value());
        }
        Ok(())
    }

    /// The outbox from a number on; `each` says whether it wants more.
    pub fn outbox(&self, from: u64, mut each: impl FnMut(u64, &[u8]) -> bool) -> Result<(), Broken> {
        let read = self.database.begin_read().map_err(Broken::from)?;
        let Some(table) = if_any(read.open_table(OUTBOX))? else { return Ok(()) };
        for entry in table.range(from..).map_err(Broken::from)? {
            let (number, value) = entry.map_err(Broken::from)?;
            if !each(number.value(), value.value()) {
                break;
            }
        }
        Ok(())
    }

    /// The number behind the last entry of the outbox.
    pub fn outbox_end(&self) -> Result<u64, Broken> {
        let read = self.database.begin_read().map_err(Broken::from)?;
        let Some(table) = if_any(read.open_table(OUTBOX))? else { return Ok(0) };
        let last = table.last().map_err(Broken::from)?;
        Ok(last.map_or(0, |(number, _)| number.value() + 1))
    }

    /// Makes a batch durable: when this returns, a crash does not undo it.
    pub fn commit(&self, batch: &Batch) -> Result<(), Broken> {
        if !self.is_there() {
            return Err(Broken(format!("{} was deleted or replaced", self.path.display())));
        }
        let write = self.database.begin_write().map_err(Broken::from)?;
        self.apply(&write, batch)?;
        write.commit().map_err(Broken::from)
    }

    fn apply(&self, write: &WriteTransaction, batch: &Batch) -> Result<(), Broken> {
        if batch.anew {
            for table in Table::ALL {
                write.delete_table(definition(table)).map_err(Broken::from)?;
            }
        }
        {
            let mut facts = write.open_table(definition(Table::Facts)).map_err(Broken::from)?;
            if facts.is_empty().map_err(Broken::from)? {
                facts.insert(VERSION_KEY, VERSION.to_le_bytes().as_slice()).map_err(Broken::from)?;
            }
        }
        for table in Table::ALL {
            let mut entries = batch.entries.iter().filter(|(of, ..)| *of == table).peekable();
            if entries.peek().is_none() {
                continue;
            }
            let mut table = write.open_table(definition(table)).map_err(Broken::from)?;
            for (_, key, value) in entries {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice()).map(|_| ()),
                    None => table.remove(key.as_slice()).map(|_| ()),
                }
                .map_err(Broken::from)?;
            }
        }
        if !batch.outbox.is_empty() || !batch.sent.is_empty() {
            let mut outbox = write.open_table(OUTBOX).map_err(Broken::from)?;
            for (number, entry) in &batch.outbox {
                outbox.insert(number, entry.as_slice()).map_err(Broken::from)?;
            }
            for sent in &batch.sent {
                outbox.retain_in(sent.clone(), |_, _| false).map_err(Broken::from)?;
            }
        }
        Ok(())
    }

    /// Is the file still where it was? Writes to a deleted one succeed, and are lost.
    fn is_there(&self) -> bool {
        let there = self.path.metadata().map(|m| (m.dev(), m.ino()));
        there.is_ok_and(|there| there == self.file) && self.lock.is_there()
    }
}

/// A table that nothing was ever put into is none.
fn if_any<T>(opened: Result<T, TableError>) -> Result<Option<T>, Broken> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(Broken::from(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(store: &Store, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = Vec::new();
        store.each(table, |k, v| found.push((k.to_vec(), v.to_vec()))).unwrap();
        found
    }

    fn numbers(store: &Store, from: u64) -> Vec<u64> {
        let mut found = Vec::new();
        store
            .outbox(from, |n, _| {
                found.push(n);
                true
            })
            .unwrap();
        found
    }

    #[test]
    fn a_batch_is_there_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(&dir.path().join("state"));
        let store = Store::open(&directory).unwrap();
        assert!(store.is_new().unwrap());
        let mut batch = Batch::default();
        batch.put(Table::Families, "a", b"1".to_vec());
        batch.put(Table::Families, "b", b"2".to_vec());
        batch.outbox = (0..5).map(|n| (n, vec![0])).collect();
        store.commit(&batch).unwrap();
        let mut batch = Batch { sent: vec![0..2, 3..4], ..Batch::default() };
        batch.remove(Table::Families, "a");
        store.commit(&batch).unwrap();
        drop(store);
        let store = Store::open(&directory).unwrap();
        assert!(!store.is_new().unwrap());
        assert_eq!(all(&store, Table::Families), [(b"b".to_vec(), b"2".to_vec())]);
        assert_eq!((numbers(&store, 0), numbers(&store, 3)), (vec![2, 4], vec![4]));
        store.commit(&Batch { anew: true, ..Batch::default() }).unwrap();
        // Of the outbox, it says what goes: there may be more in it than memory holds.
        assert!(all(&store, Table::Families).is_empty() && numbers(&store, 0) == [2, 4]);
        assert!(!store.is_new().unwrap());
    }

    #[test]
    fn a_second_process_is_kept_out_and_told_by_whom() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path());
        let first = Store::open(&directory).unwrap();
        let pid = std::process::id();
        assert!(matches!(Store::open(&directory), Err(OpenError::InUse { pid: Some(p), .. }) if p == pid));
        drop(first);
        assert!(Store::open(&directory).is_ok());
    }

    #[test]
    fn what_another_format_has_is_refused() {
        let opened = |version: u32| {
            let dir = tempfile::tempdir().unwrap();
            let directory = Directory::new(dir.path());
            let store = Store::open(&directory).unwrap();
            let mut batch = Batch::default();
            batch.put(Table::Facts, VERSION_KEY, version.to_le_bytes().to_vec());
            store.commit(&batch).unwrap();
            drop(store);
            Store::open(&directory).map(drop)
        };
        assert!(matches!(opened(VERSION + 1), Err(OpenError::Newer { found, .. }) if found == VERSION + 1));
        assert!(matches!(opened(VERSION - 1), Err(OpenError::Older { found, .. }) if found == VERSION - 1));
        assert!(opened(VERSION).is_ok());
    }

    #[test]
    fn garbage_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path());
        let garbage = vec![0x55; 100_000];
        std::fs::write(directory.store(), &garbage).unwrap();
        assert!(matches!(Store::open(&directory), Err(OpenError::Damaged { .. })));
        assert_eq!(std::fs::read(directory.store()).unwrap(), garbage);
    }

    #[test]
    fn a_deleted_state_directory_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let store = Store::open(&Directory::new(&state)).unwrap();
        store.commit(&Batch::default()).unwrap();
        std::fs::remove_dir_all(&state).unwrap();
        assert!(store.commit(&Batch::default()).is_err());
    }
}
