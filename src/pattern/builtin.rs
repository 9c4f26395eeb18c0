//! The default pattern set, part of the binary, and the user's files that go on top of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::diagnostic::Source;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$((concat!("<built-in>/", $name), include_str!(concat!("../../patterns/", $name)))),*]
    };
}

const FILES: [(&str, &str); 4] = files!["flink-ha.toml", "flink.toml", "probe.toml", "zookeeper.toml"];

pub fn builtin() -> Vec<Source> {
    let source = |(name, text): (&str, &str)| Source { name: name.to_owned(), text: text.to_owned(), builtin: true };
    FILES.into_iter().map(source).collect()
}

#[derive(Debug, Error)]
pub enum ReadError {
    #[error("cannot read the pattern directory {}: {why}", path.display())]
    Directory { path: PathBuf, why: io::Error },
    #[error("cannot read the pattern file {}: {why}", path.display())]
    File { path: PathBuf, why: io::Error },
    #[error("there is no .toml file in the pattern directory {}", path.display())]
    Empty { path: PathBuf },
}

/// Every `.toml` file of a directory, by name; or the one file that is named.
pub fn read(path: &Path) -> Result<Vec<Source>, ReadError> {
    if path.is_file() {
        return Ok(vec![read_file(path)?]);
    }
    let unreadable = |why| ReadError::Directory { path: path.to_owned(), why };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|e| e == "toml") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(ReadError::Empty { path: path.to_owned() });
    }
    files.iter().map(|f| read_file(f)).collect()
}

fn read_file(path: &Path) -> Result<Source, ReadError> {
    let unreadable = |why| ReadError::File { path: path.to_owned(), why };
    // A stray byte in a comment is no reason to refuse a file; in a regex it will not match and the tests will tell.
    let text = String::from_utf8_lossy(&fs::read(path).map_err(unreadable)?).into_owned();
    Ok(Source { name: path.display().to_string(), text, builtin: false })
}
