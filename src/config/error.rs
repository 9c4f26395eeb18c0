//! Why a configuration cannot be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::pattern::builtin::ReadError;

#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("cannot read the configuration {}: {why}", path.display())]
    Unreadable { path: PathBuf, why: io::Error },
    #[error(transparent)]
    Patterns(#[from] ReadError),
    /// Everything that is wrong, as a compiler would show it, and what to run to see more.
    #[error("{0}")]
    Invalid(String),
    #[error(
        "none of the paths where logs are looked for exists:\n  {}\nname others, or wait for them with `--wait`",
        list(tried)
    )]
    NoPath { tried: Vec<PathBuf> },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join("\n  ")
}
