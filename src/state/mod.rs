//! What survives a crash: one ACID store in the state directory.
//!
//! One transaction moves everything together: how far each family was read, what the merge holds, what the rules know,
//! and the outbox. So a restart goes on from one moment, whenever the process was killed. The store knows keys and
//! bytes and nothing of what they mean; [`Batch`] says what changes, [`Keeper`] lives through a full disk.

mod batch;
mod directory;
mod keeper;
mod store;

pub use batch::{Batch, Table};
pub use directory::{Directory, Locked};
pub use keeper::{Keeper, RETRY};
pub use store::{Broken, Store};

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The version of what is kept: raised whenever an older binary could not read it, or this one could not read what an
/// older one kept.
pub const VERSION: u32 = 2;

/// Why the state cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("another tocsin{} is using the state in {}: stop it, or give this one a `--state` of its own", by(.pid), .dir.display())]
    InUse { dir: PathBuf, pid: Option<u32> },
    #[error(
        "the state in {} was written by a newer tocsin (format {found}, this one knows {VERSION}): run that one, or move the directory away",
        .dir.display()
    )]
    Newer { dir: PathBuf, found: u32 },
    #[error(
        "the state in {} was written by an older tocsin in a format that is read no more (format {found}, this one knows {VERSION}): move the directory away and start again, which reads the logs back by `--lookback`",
        .dir.display()
    )]
    Older { dir: PathBuf, found: u32 },
    #[error("the state in {} is damaged ({why}): move {} away and start again, which reads the logs back by `--lookback`", .path.display(), .path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("cannot use the state directory {}: {why}", .dir.display())]
    Io { dir: PathBuf, why: io::Error },
}

fn by(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}
