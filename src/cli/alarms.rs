//! `tocsin alarms`: the catalogue, as a list or one alarm as a page.

use std::io::{IsTerminal, Write};

use clap::Args;
use serde::Serialize;

use super::Terminal;
use super::exit::{Exit, Failure};
use super::pattern_args::ConfiguredArgs;
use crate::catalogue::Catalogue;
use crate::catalogue::page::Page;
use crate::catalogue::runbook::Step;
use crate::catalogue::summary::Summary;
use crate::config::{ConfigError, Given};
use crate::pattern::diagnostic::suggest;
use crate::pattern::{Alarm, Patterns};

/// List the alarms, or show what one means and what to do about it
///
/// Placeholders such as {node} stay in the page; `replay --runbook` adds the page with all that the record knows filled in.
#[derive(Args, Debug)]
pub struct Alarms {
    /// An alarm's id, such as ALM-45641 (or its number, 45641)
    alarm: Option<String>,

    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    patterns: ConfiguredArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, wrapped to the terminal's width
    Text,
    Markdown,
    /// One JSON object a line
    Json,
}

/// Wider lines are hard to read.
const WIDEST: usize = 100;

/// What `--format json` tells of one alarm.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    summary: Summary,
    runbook: Option<Book<'a>>,
}

#[derive(Serialize)]
struct Book<'a> {
    source: &'a str,
    markdown: String,
    steps: &'a [Step],
}

impl Alarms {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let set = self.patterns.settings(Given::default(), terminal.stderr)?.pattern_set();
        let (patterns, _) = set.compile(terminal.stderr)?;
        let catalogue = set.catalogue().map_err(ConfigError::from)?;
        let page = Page { width: width(), bold: terminal.stdout };
        let text = match &self.alarm {
            Some(name) => self.one(alarm_named(&patterns, name)?, &patterns, &catalogue, page)?,
            None => self.all(&patterns, page)?,
        };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(Exit::Fine)
    }

    fn one(&self, alarm: &Alarm, patterns: &Patterns, catalogue: &Catalogue, page: Page) -> Result<String, Failure> {
        let (book, summary) = (catalogue.get(&alarm.name), Summary::new(patterns, alarm));
        if self.format == Format::Json {
            let runbook = book.map(|b| Book { source: &b.source.name, markdown: b.markdown(alarm), steps: &b.steps });
            return json(&Whole { summary, runbook });
        }
        let markdown = match book {
            Some(book) => book.markdown(alarm),
            None => format!(
                "# {}: {}\n\nSeverity: {}\n\nThere is no runbook for this alarm.\n",
                alarm.name,
                alarm.title,
                alarm.severity.name()
            ),
        };
        let markdown = format!("{markdown}\n## Rules\n\n{}", rules(&summary));
        Ok(if self.format == Format::Markdown { markdown } else { page.render(&markdown) })
    }

    fn all(&self, patterns: &Patterns, page: Page) -> Result<String, Failure> {
        let summaries = patterns.alarms.iter().map(|a| Summary::new(patterns, a));
        Ok(match self.format {
            Format::Json => summaries.map(|s| json(&s)).collect::<Result<_, _>>()?,
            Format::Markdown => table(summaries),
            Format::Text => summaries.map(|s| entry(&s, page)).collect(),
        })
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
    Ok(format!("{text}\n"))
}

/// By id, in any case, or by the vendor's number.
pub(super) fn alarm_named<'p>(patterns: &'p Patterns, name: &str) -> Result<&'p Alarm, Failure> {
    let fits = |a: &&Alarm| a.name.eq_ignore_ascii_case(name) || a.number.is_some_and(|n| n.to_string() == name);
    patterns.alarms.iter().find(fits).ok_or_else(|| {
        let known = patterns.alarms.iter().map(|a| &*a.name);
        Failure::invalid(format!("unknown alarm `{name}`: {} (`tocsin alarms` lists them)", suggest(name, known)))
    })
}

/// An alarm of the list: what it is, and below that its rules.
fn entry(s: &Summary, page: Page) -> String {
    let name = page.strong(&s.alarm);
    format!("{name}  {}  {}\n{}\n", s.severity.name(), s.name, page.render(&rules(s)))
}

/// The rules as a list of Markdown.
fn rules(s: &Summary) -> String {
    let list = |texts: &[String]| texts.join("; ");
    let provenance: Vec<&str> = s.provenance.iter().map(|p| p.name()).collect();
    let cleared = match s.stateless {
        true => "nothing: it has no state".to_owned(),
        false => list(&s.cleared_by),
    };
    let logs = s.logs.join(", ");
    format!(
        "- log: {logs}\n- raised by: {}\n- cleared by: {cleared}\n- provenance: {}\n",
        list(&s.raised_by),
        provenance.join(", ")
    )
}

fn table(summaries: impl Iterator<Item = Summary>) -> String {
    let mut text =
        "| alarm | severity | name | log | raised by | cleared by | provenance |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for s in summaries {
        let provenance: Vec<&str> = s.provenance.iter().map(|p| p.name()).collect();
        let (raised, cleared) = (s.raised_by.join("; "), s.cleared_by.join("; "));
        let (severity, logs) = (s.severity.name(), s.logs.join(", "));
        text.push_str(&format!(
            "| {} | {severity} | {} | {logs} | {raised} | {cleared} | {} |\n",
            s.alarm,
            s.name,
            provenance.join(", ")
        ));
    }
    text
}

/// What the terminal has, or `COLUMNS` says.
pub(super) fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|c| *c > 0);
    let seen =
        || std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten().map(|(w, _)| usize::from(w.0));
    said.or_else(seen).unwrap_or(WIDEST).min(WIDEST)
}
