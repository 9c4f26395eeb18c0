//! The state directory, and the lock that keeps a second process out of it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;

/// A directory of ours. Log text is in it, so it is the owner's alone.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// The directory is ours as long as this lives; the operating system lets go of it when we die.
#[derive(Debug)]
pub struct Locked {
    path: PathBuf,
    lock: File,
}

impl Directory {
    pub fn new(path: &Path) -> Directory {
        Directory { path: path.to_owned() }
    }

    pub fn store(&self) -> PathBuf {
        self.path.join("store.redb")
    }

    pub fn socket(&self) -> PathBuf {
        self.path.join("socket")
    }

    /// Makes the directory if need be, and locks it.
    pub fn lock(&self) -> Result<Locked, OpenError> {
        let io = |why| OpenError::Io { dir: self.path.clone(), why };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(io)?;
        let path = self.path.join("lock");
        let options = || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut lock = options().map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let read = lock.read_to_string(&mut pid);
                let pid = read.ok().and_then(|_| pid.trim().parse().ok());
                return Err(OpenError::InUse { dir: self.path.clone(), pid });
            }
            Err(TryLockError::Error(why)) => return Err(io(why)),
        }
        // A full disk must not keep us from watching, and the number is only for messages.
        let _ = lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id()));
        Ok(Locked { path, lock })
    }
}

impl Locked {
    /// Is what we locked still there? A directory that was deleted under us takes its lock with it.
    pub fn is_there(&self) -> bool {
        let same = |ours: io::Result<std::fs::Metadata>, there: io::Result<std::fs::Metadata>| match (ours, there) {
            (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
            _ => false,
        };
        same(self.lock.metadata(), self.path.metadata())
    }
}
