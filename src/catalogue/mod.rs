//! The catalogue: what each alarm means, and what to do about it.
//!
//! A runbook is Markdown beside the pattern files, one for each alarm, part of the binary like them and replaced in the
//! same way: `runbooks/<ALARM>.md` in a user's pattern directory. It is written for a person to read and for a program
//! to walk, so its steps have a shape ([`runbook`]) and its placeholders a list of what can stand there ([`fill`]).

pub mod builtin;
mod fill;
pub mod page;
pub mod runbook;
pub mod summary;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::pattern::builtin::ReadError;
use crate::pattern::diagnostic::{Diagnostic, Source, SourceId, Span, suggest};
use crate::pattern::{Alarm, Patterns};
use crate::transition::{Event, Transition};

pub use fill::value as known_by;
pub use runbook::Runbook;

#[derive(Debug, Default)]
pub struct Catalogue {
    books: BTreeMap<String, Runbook>,
}

impl Catalogue {
    /// What is part of the binary.
    pub fn builtin() -> Catalogue {
        let mut catalogue = Catalogue::default();
        for (alarm, text) in builtin::RUNBOOKS {
            let name = format!("patterns/runbooks/{alarm}.md");
            catalogue.insert(alarm, Source { name, text: (*text).to_owned(), builtin: true });
        }
        catalogue
    }

    /// The runbooks of a pattern directory take the place of those of the same name.
    pub fn add(&mut self, directory: &Path) -> Result<(), ReadError> {
        let directory = directory.join("runbooks");
        if !directory.is_dir() {
            return Ok(());
        }
        let unreadable = |why| ReadError::Directory { path: directory.clone(), why };
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            files.push(entry.map_err(unreadable)?.path());
        }
        files.sort();
        for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "md")) {
            let bytes = fs::read(file).map_err(|why| ReadError::File { path: file.clone(), why })?;
            let alarm = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.insert(&alarm, Source { name: file.display().to_string(), text, builtin: false });
        }
        Ok(())
    }

    fn insert(&mut self, alarm: &str, source: Source) {
        self.books.insert(alarm.to_owned(), Runbook::parse(source));
    }

    pub fn get(&self, alarm: &str) -> Option<&Runbook> {
        self.books.get(alarm)
    }

    /// The runbook of a record with all that the record knows filled in; none for a clear.
    pub fn filled(&self, patterns: &Patterns, transition: &Transition) -> Option<String> {
        if transition.event == Event::Clear {
            return None;
        }
        let alarm = patterns.alarm(patterns.alarm_named(&transition.alarm)?);
        let text = self.get(&transition.alarm)?.markdown(alarm);
        Some(fill::fill(&text, &|name| fill::value(transition, name)))
    }

    /// What is wrong with the user's runbooks, and the sources to show it in; the first of these has the number `first`.
    pub fn check(&self, patterns: &Patterns, first: usize) -> (Vec<Source>, Vec<Diagnostic>) {
        let (mut sources, mut found) = (Vec::new(), Vec::new());
        for (name, book) in self.books.iter().filter(|(_, b)| !b.source.builtin) {
            let source = SourceId(first + sources.len());
            let alarm = patterns.alarm_named(name).map(|id| patterns.alarm(id));
            found.extend(book.diagnostics(source, alarm));
            if alarm.is_none() {
                let span = Span { source, range: 0..book.source.text.find('\n').unwrap_or(book.source.text.len()) };
                let known = patterns.alarms.iter().map(|a| &*a.name);
                found.push(
                    Diagnostic::warning(
                        &span,
                        format!("a runbook for the unknown alarm `{name}`"),
                        "the file's name is the alarm's",
                    )
                    .help(suggest(name, known)),
                );
            }
            sources.push(book.source.clone());
        }
        (sources, found)
    }
}

/// The placeholders that the runbook of this alarm may use.
pub fn placeholders(alarm: &Alarm) -> impl Iterator<Item = &str> {
    fill::COMMON.iter().map(|(name, _)| *name).chain(alarm.params.iter().map(|(name, _)| &**name))
}
