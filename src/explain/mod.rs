//! Why a line did what it did, or did nothing.
//!
//! When an alarm was expected and none came, somebody has to know at which clause of which pattern the line was lost.
//! Here a file takes the same way as in a replay, with somebody listening, and each of its lines is shown with the
//! layout and time that were recognised, the signals found, what the rules did with them, and what was only near.

mod filter;
mod near;
mod page;
mod reach;
mod records;
mod say;
mod story;

use std::io::{self, Write};
use std::sync::Arc;

pub use filter::Filter;

use crate::correlate::Family;
use crate::pattern::{Log, Patterns};
use crate::replay::Report;
use crate::scan::naive::lines::Lines;
use crate::time::Millis;

/// What is explained: one file, whole.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    pub patterns: &'a Patterns,
    pub family: Family,
    /// As it is shown to a person.
    pub file: Arc<str>,
    pub bytes: &'a [u8],
    /// The file's own stamp.
    pub modified: Option<Millis>,
    /// Something is missing behind `bytes`.
    pub damaged: bool,
}

impl Subject<'_> {
    fn log(&self) -> &Log {
        self.patterns.log(self.family.log)
    }
}

#[derive(Clone, Debug)]
pub struct Options {
    pub hold: Millis,
    /// The log is complete until then.
    pub end: Option<Millis>,
    pub filter: Filter,
    /// Leave out lines about which there is nothing to say.
    pub only_hits: bool,
    pub coloured: bool,
}

/// Writes the explanation of each line, and of each deadline that passed between them.
pub fn explain(subject: &Subject, options: &Options, out: &mut impl Write) -> io::Result<Report> {
    let records = records::records(subject);
    let story = story::tell(subject, options);
    let mut page = page::Page::new(subject, options, &records, &story, out);
    let mut written = Ok(());
    let mut lines = Lines::default();
    lines.feed(subject.bytes, |line| {
        if written.is_ok() {
            written = page.line(line);
        }
    });
    lines.finish(|line| {
        if written.is_ok() {
            written = page.line(line);
        }
    });
    written?;
    page.end()?;
    Ok(story.report)
}
