//! One file per promise: every format and nesting is read, damage loses nothing that is intact, memory and time are
//! bounded whatever comes.

mod bounds;
mod build;
mod damaged;
mod formats;
mod nested;
mod random;

use std::io::{self, Read};

use super::{Damage, Error, MemberInfo, Visitor, visit, visit_stream};

/// Keeps all that it is told.
#[derive(Debug, Default)]
struct Seen {
    members: Vec<(MemberInfo, Vec<u8>)>,
    skipped: Vec<(String, String)>,
    damages: Vec<Damage>,
    notes: Vec<String>,
}

impl Visitor for Seen {
    fn member(&mut self, info: &MemberInfo, data: &mut dyn Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes)?;
        self.members.push((info.clone(), bytes));
        Ok(())
    }

    fn skipped(&mut self, path: &str, why: &str) {
        self.skipped.push((path.to_owned(), why.to_owned()));
    }

    fn damaged(&mut self, damage: Damage) {
        self.damages.push(damage);
    }

    fn noted(&mut self, path: &str, what: &str) {
        self.notes.push(format!("{path}: {what}"));
    }
}

impl Seen {
    /// Reads `bytes` as standard input would be.
    fn stream(name: &str, bytes: &[u8]) -> Self {
        let mut seen = Self::default();
        visit_stream(name, Box::new(bytes), &mut seen).expect("a slice can be read");
        seen
    }

    /// Reads `bytes` as a file of this name.
    fn file(name: &str, bytes: &[u8]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("room for a test file");
        let mut seen = Self::default();
        visit(&path, &mut seen).expect("the file can be read");
        let prefix = format!("{}/", directory.path().display());
        for (info, _) in &mut seen.members {
            info.path = info.path.replacen(&prefix, "", 1);
            info.parts[0] = info.parts[0].replacen(&prefix, "", 1);
        }
        for damage in &mut seen.damages {
            damage.path = damage.path.replacen(&prefix, "", 1);
        }
        seen
    }

    /// Both ways, which must agree on what the members hold.
    fn both(name: &str, bytes: &[u8]) -> Self {
        let (file, stream) = (Self::file(name, bytes), Self::stream(name, bytes));
        assert_eq!(file.contents(), stream.contents(), "a file and a stream of it differ");
        file
    }

    /// Paths and contents.
    fn contents(&self) -> Vec<(&str, &[u8])> {
        self.members.iter().map(|(info, bytes)| (info.path.as_str(), bytes.as_slice())).collect()
    }

    fn bytes(&self, path: &str) -> &[u8] {
        let found = self.members.iter().find(|(info, _)| info.path == path);
        found.map(|(_, bytes)| bytes.as_slice()).unwrap_or_else(|| panic!("no {path} in {:?}", self.paths()))
    }

    fn paths(&self) -> Vec<&str> {
        self.members.iter().map(|(info, _)| info.path.as_str()).collect()
    }

    fn stamp(&self, index: usize) -> Option<i64> {
        self.members[index].0.stamp
    }

    /// Nothing was damaged, skipped or odd.
    fn assert_clean(&self) {
        assert!(self.damages.is_empty() && self.skipped.is_empty() && self.notes.is_empty(), "{self:?}");
    }

    fn damage_text(&self) -> String {
        self.damages.iter().map(|damage| format!("{damage}\n")).collect()
    }
}

/// Whether the error is the visitor's.
fn is_visitors(error: &Error) -> bool {
    matches!(error, Error::Visitor(_))
}
