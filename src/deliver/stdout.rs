//! Standard output: one line a transition, flushed, so that whoever reads it knows at once.

use std::io::{self, Write};

use thiserror::Error;

use crate::time::{Moment, human_duration};
use crate::transition::{Event, Severity, Transition, steers};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line, for programs
    Json,
    /// Aligned columns, for people
    Table,
}

#[derive(Debug, Error)]
pub enum WriteError {
    /// Unlike for `grep | head`, whoever closes our output loses alarms.
    #[error("standard output was closed: transitions are being lost")]
    Closed,
    #[error("cannot write to standard output: {0}")]
    Failed(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> WriteError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => WriteError::Closed,
            _ => WriteError::Failed(error),
        }
    }
}

pub struct Stdout<W> {
    out: W,
    format: Format,
    coloured: bool,
}

impl<W: Write> Stdout<W> {
    pub fn new(out: W, format: Format, coloured: bool) -> Stdout<W> {
        Stdout { out, format, coloured }
    }

    /// The column heads, if the format has columns.
    pub fn begin(&mut self) -> Result<(), WriteError> {
        if self.format == Format::Table {
            let line =
                format!("{:<29}  {:<5}  {:<8}  {:<22}  {:<16}  WHAT", "TIME", "EVENT", "SEVERITY", "ALARM", "NODE");
            writeln!(self.out, "{line}")?;
            self.out.flush()?;
        }
        Ok(())
    }

    pub fn write(&mut self, transition: &Transition) -> Result<(), WriteError> {
        let mut line = match self.format {
            Format::Json => transition.to_json().map_err(|e| WriteError::Failed(io::Error::other(e)))?,
            Format::Table => self.row(transition),
        };
        // One call for line and end, so that readers of a pipe never see half a line.
        line.push('\n');
        self.out.write_all(line.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    fn row(&self, t: &Transition) -> String {
        let paint = |text: String| match self.colour(t) {
            Some(style) => format!("{style}{text}{style:#}"),
            None => text,
        };
        let event = paint(format!("{:<5}", t.event.name()));
        let severity = paint(format!("{:<8}", t.severity.name()));
        format!(
            "{:<29}  {event}  {severity}  {:<22}  {:<16}  {}",
            t.time.to_string(),
            printable(&t.alarm),
            printable(&t.node),
            what(t)
        )
    }

    fn colour(&self, t: &Transition) -> Option<anstyle::Style> {
        use anstyle::AnsiColor::{Green, Red, Yellow};
        let colour = match (t.event, t.severity) {
            (Event::Clear, _) => Green,
            (_, Severity::Critical | Severity::Major) => Red,
            _ => Yellow,
        };
        self.coloured.then(|| anstyle::Style::new().fg_color(Some(colour.into())))
    }
}

fn what(t: &Transition) -> String {
    let mut text = t.causes.iter().map(|c| &**c).collect::<Vec<_>>().join(", ");
    if let Some(duration) = t.duration_ms {
        text.push_str(&format!(" after {}", human_duration(duration)));
    }
    for (name, value) in &t.params {
        text.push_str(&format!(" {name}={value}"));
    }
    printable(&text)
}

/// Text of a log as a terminal may show it: nothing that steers it.
pub fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if steers(c) { c.escape_default().collect() } else { vec![c] }).collect()
}

/// For tables of other commands: a moment to the second, in its own zone.
pub fn short_time(moment: Moment) -> String {
    let text = moment.to_string();
    text.get(..19).map_or(text.clone(), |t| t.replace('T', " "))
}
