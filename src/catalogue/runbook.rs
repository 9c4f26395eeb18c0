//! The shape of a runbook: sections, and numbered steps that a person or a program can carry out.
//!
//! It is Markdown with four sections, Meaning, Impact, Causes and Steps. The title and the severity stand in the file
//! for who reads it there; what is printed takes both from the pattern set. A step is an entry of a numbered list:
//!
//! ````markdown
//! 3. **Check the space for backups.** A full directory stops the synchronization.
//!
//!    probe: space /srv/BigData/LocalBackup
//!
//!    ```sh
//!    df -h /srv/BigData/LocalBackup
//!    ```
//!
//!    - ok: there is room; go to step 5.
//!    - fault: it is full; go on.
//! ````
//!
//! A block of commands only looks, unless its first line begins with `# change:` and says what it changes. A probe is
//! what a program can decide the step by. In an outcome, `step N` is where to go on and `done` the end; with neither, the
//! next step follows.

use std::ops::Range;

use serde::Serialize;

use super::fill;
use super::placeholders;
use crate::pattern::Alarm;
use crate::pattern::diagnostic::{Diagnostic, Source, SourceId, Span, suggest};

pub const SECTIONS: [&str; 4] = ["Meaning", "Impact", "Causes", "Steps"];

/// What a step can be decided by: the name, how many arguments it takes, and what it looks at.
pub const PROBES: [(&str, Range<usize>, &str); 8] = [
    ("ping", 1..2, "does the host answer?"),
    ("floating-ip", 0..1, "does prestart.log say that the floating IP address is invalid?"),
    ("space", 1..2, "is the file system of the directory full?"),
    (
        "junk-files",
        1..9,
        "are there junk synchronization files (`sed*`, empty, without permissions) in the directories?",
    ),
    ("permissions", 1..2, "is the file there, with the mode and owner of its neighbours?"),
    ("certificate", 0..2, "is the HA certificate there, readable and valid?"),
    ("zookeeper", 1..2, "does the ZooKeeper server of the host serve?"),
    ("connections", 1..2, "how many ZooKeeper connections does the client hold, and how many may it?"),
];

#[derive(Debug)]
pub struct Runbook {
    pub source: Source,
    pub steps: Vec<Step>,
    /// Where what follows title and severity begins.
    body: usize,
    problems: Vec<Problem>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    pub number: u32,
    /// What to do, in short.
    pub title: String,
    /// The rest of its words, as Markdown.
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Commands>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Outcome>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    pub name: String,
    pub arguments: Vec<String>,
}

/// A block of commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commands {
    pub run: String,
    /// What it changes; without it, it only looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub text: String,
    /// The step to go on with, where it is not the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// Nothing is left to do then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

impl Outcome {
    fn new(text: &str) -> Outcome {
        Outcome { text: text.trim().to_owned(), step: None, done: false }
    }
}

/// What is wrong, where, and what to write.
#[derive(Debug)]
struct Problem {
    range: Range<usize>,
    title: String,
    help: String,
}

impl Runbook {
    pub fn parse(source: Source) -> Runbook {
        let body = body(&source.text);
        let mut reader = Reader { text: &source.text, steps: Vec::new(), sections: Vec::new(), problems: Vec::new() };
        reader.read(body);
        reader.check();
        let Reader { steps, problems, .. } = reader;
        let steps = steps.into_iter().map(|(_, step)| step).collect();
        Runbook { steps, body, problems, source }
    }

    /// The whole page, with the title and severity of the pattern set.
    pub fn markdown(&self, alarm: &Alarm) -> String {
        let (name, title, severity) = (&alarm.name, &alarm.title, alarm.severity.name());
        format!("# {name}: {title}\n\nSeverity: {severity}\n\n{}\n", self.source.text[self.body..].trim())
    }

    /// The steps with all that is known filled in, for a person to read. Where a step leads is told by `steps` alone: no
    /// value may change that.
    pub fn filled(&self, known: &dyn Fn(&str) -> Option<String>) -> Vec<Step> {
        Runbook::parse(Source { text: fill::fill(&self.source.text, known), ..self.source.clone() }).steps
    }

    /// What is wrong with it. `alarm`: the one that it is for, if there is one.
    pub fn diagnostics(&self, source: SourceId, alarm: Option<&Alarm>) -> Vec<Diagnostic> {
        let warning = |range: &Range<usize>, title: String, help: String| {
            Diagnostic::warning(&Span { source, range: range.clone() }, title, "in this runbook").help(help)
        };
        let mut found: Vec<Diagnostic> =
            self.problems.iter().map(|p| warning(&p.range, p.title.clone(), p.help.clone())).collect();
        let Some(alarm) = alarm else { return found };
        let known: Vec<&str> = placeholders(alarm).collect();
        for place in fill::placeholders(&self.source.text).iter().filter(|p| !known.contains(&p.name)) {
            let title = format!("nothing fills in `{{{}}}`", place.name);
            found.push(warning(&place.range, title, suggest(place.name, known.iter().copied())));
        }
        found
    }
}

/// Where the page goes on after `# title` and `Severity: …`.
fn body(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !(line.trim().is_empty() || line.starts_with("# ") || line.starts_with("Severity:")) {
            break;
        }
        at += line.len();
    }
    at
}

struct Reader<'t> {
    text: &'t str,
    /// Each step with the place of its first line.
    steps: Vec<(Range<usize>, Step)>,
    sections: Vec<&'t str>,
    problems: Vec<Problem>,
}

/// What the lines of a step are part of.
enum Part {
    Text,
    Block(Vec<String>),
    Ok,
    Fault,
}

impl<'t> Reader<'t> {
    fn read(&mut self, body: usize) {
        let mut at = body;
        let mut part = Part::Text;
        for line in self.text[body..].split_inclusive('\n') {
            let range = at..at + line.trim_end().len();
            at += line.len();
            let line = line.trim_end();
            if let Part::Block(lines) = &mut part {
                if fill::is_fence(line) {
                    let lines = std::mem::take(lines);
                    self.block(lines);
                    part = Part::Text;
                } else {
                    lines.push(line.to_owned());
                }
            } else if fill::is_fence(line) {
                part = Part::Block(Vec::new());
            } else if let Some(section) = line.strip_prefix("## ") {
                self.sections.push(section.trim());
                part = Part::Text;
            } else if self.sections.last() == Some(&"Steps") {
                part = self.step_line(line, range, part);
            }
        }
    }

    fn step_line(&mut self, line: &str, range: Range<usize>, part: Part) -> Part {
        if let Some((number, rest)) = numbered(line) {
            let (title, text) = titled(rest);
            self.steps.push((range, Step { number, title, text, ..Step::default() }));
            return Part::Text;
        }
        let line = line.trim();
        if let Some(probe) = line.strip_prefix("probe:") {
            self.probe(probe, range);
            return Part::Text;
        }
        let Some((_, step)) = self.steps.last_mut() else { return Part::Text };
        if let Some(text) = line.strip_prefix("- ok:") {
            step.ok = Some(Outcome::new(text));
            return Part::Ok;
        }
        if let Some(text) = line.strip_prefix("- fault:") {
            step.fault = Some(Outcome::new(text));
            return Part::Fault;
        }
        match (&part, line.is_empty() || line.starts_with("- ")) {
            (Part::Ok, false) => step.ok.iter_mut().for_each(|o| append(&mut o.text, line)),
            (Part::Fault, false) => step.fault.iter_mut().for_each(|o| append(&mut o.text, line)),
            _ => {
                append_line(&mut step.text, line);
                return Part::Text;
            }
        }
        part
    }

    fn block(&mut self, lines: Vec<String>) {
        let Some((_, step)) = self.steps.last_mut() else { return };
        let indent = lines.iter().filter(|l| !l.is_empty()).map(|l| l.len() - l.trim_start().len()).min().unwrap_or(0);
        let lines: Vec<&str> = lines.iter().map(|l| l.get(indent..).unwrap_or_default()).collect();
        let changes = lines.first().and_then(|l| l.strip_prefix("# change:")).map(|c| c.trim().to_owned());
        let run = lines[usize::from(changes.is_some())..].join("\n");
        step.commands.push(Commands { run, changes });
    }

    fn probe(&mut self, written: &str, range: Range<usize>) {
        let mut words = written.split_whitespace().map(str::to_owned);
        let name = words.next().unwrap_or_default();
        let arguments: Vec<String> = words.collect();
        match PROBES.iter().find(|(known, ..)| *known == name) {
            None => {
                let help = suggest(&name, PROBES.iter().map(|(known, ..)| *known));
                self.problem(range, format!("unknown probe `{name}`"), help);
            }
            Some((_, count, what)) if !count.contains(&arguments.len()) => {
                let title = format!("the probe `{name}` does not take {} arguments", arguments.len());
                self.problem(range, title, format!("it asks: {what}"));
            }
            Some(_) => {}
        }
        if let Some((_, step)) = self.steps.last_mut() {
            step.probe = Some(Probe { name, arguments });
        }
    }

    fn problem(&mut self, range: Range<usize>, title: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem { range, title: title.into(), help: help.into() });
    }

    /// What can only be said when all is read.
    fn check(&mut self) {
        let start = 0..self.text.find('\n').unwrap_or(self.text.len());
        for section in SECTIONS {
            if !self.sections.contains(&section) {
                self.problem(
                    start.clone(),
                    format!("a runbook without the section `{section}`"),
                    format!("add `## {section}`"),
                );
            }
        }
        if self.steps.is_empty() {
            self.problem(start, "a runbook without steps", "number them below `## Steps`: `1. **Do this.** …`");
        }
        let count = self.steps.len() as u32;
        let mut wrong = Vec::new();
        for (at, (range, step)) in self.steps.iter_mut().enumerate() {
            if step.number != at as u32 + 1 {
                wrong.push((range.clone(), format!("step {} stands at place {}", step.number, at + 1)));
            }
            step.text = step.text.trim().to_owned();
            for outcome in [&mut step.ok, &mut step.fault].into_iter().flatten() {
                outcome.step = named_step(&outcome.text);
                outcome.done = outcome.text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word == "done");
                if let Some(next) = outcome.step.filter(|n| !(1..=count).contains(n)) {
                    wrong.push((range.clone(), format!("this step leads to step {next}, which is not there")));
                }
            }
        }
        for (range, title) in wrong {
            self.problem(range, title, "number the steps from 1 on, and correct what refers to them");
        }
        for place in fill::placeholders(self.text).into_iter().filter(|p| p.quoted) {
            let title = format!("`{{{}}}` stands inside quotes", place.name);
            self.problem(place.range, title, "leave the quotes out: what is filled in is quoted where that is needed");
        }
    }
}

/// `12. rest`
fn numbered(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.split_once(". ")?;
    Some((number.parse().ok()?, rest))
}

/// `**Title.** text`
fn titled(line: &str) -> (String, String) {
    let bold = line.strip_prefix("**").and_then(|rest| rest.split_once("**"));
    let (title, text) = bold.unwrap_or((line, ""));
    (title.to_owned(), text.trim().to_owned())
}

/// The number in the last `step N`.
fn named_step(text: &str) -> Option<u32> {
    let (_, after) = text.rsplit_once("step ")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

fn append(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(line);
}

fn append_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Runbook {
        Runbook::parse(Source { name: "x.md".to_owned(), text: text.to_owned(), builtin: false })
    }

    const WHOLE: &str =
        "# X: y\n\nSeverity: minor\n\n## Meaning\n\nm\n\n## Impact\n\ni\n\n## Causes\n\n- `a`: c\n\n## Steps\n\n";

    #[test]
    fn a_step_has_a_title_a_probe_commands_and_outcomes() {
        let steps = "1. **Look.** Whether\n   it is full.\n\n   probe: space /srv\n\n   ```sh\n   df -h /srv\n   ```\n\n   \
            - ok: go to\n     step 2.\n   - fault: it clears; done.\n\n   ```sh\n   # change: deletes x\n   rm x\n   ```\n\n2. **Wait.**\n";
        let book = parsed(&format!("{WHOLE}{steps}"));
        assert!(book.problems.is_empty(), "{:?}", book.problems);
        let first = &book.steps[0];
        assert_eq!((first.number, first.title.as_str(), first.text.as_str()), (1, "Look.", "Whether\nit is full."));
        assert_eq!(first.probe, Some(Probe { name: "space".into(), arguments: vec!["/srv".into()] }));
        let changes = Some("deletes x".to_owned());
        assert_eq!(
            first.commands,
            [Commands { run: "df -h /srv".into(), changes: None }, Commands { run: "rm x".into(), changes }]
        );
        assert_eq!(first.ok, Some(Outcome { text: "go to step 2.".into(), step: Some(2), done: false }));
        assert_eq!(first.fault, Some(Outcome { text: "it clears; done.".into(), step: None, done: true }));
        assert_eq!(book.steps[1].title, "Wait.");
    }

    #[test]
    fn mistakes_are_said() {
        for (steps, title) in [
            ("", "a runbook without steps"),
            ("2. **Late.**\n", "step 2 stands at place 1"),
            ("1. **A.**\n   - ok: go to step 7.\n", "this step leads to step 7, which is not there"),
            ("1. **A.**\n   probe: pong {peer}\n", "unknown probe `pong`"),
            ("1. **A.**\n   probe: ping\n", "the probe `ping` does not take 0 arguments"),
            ("1. **A.**\n   ```sh\n   ls '{path}'\n   ```\n", "`{path}` stands inside quotes"),
        ] {
            let book = parsed(&format!("{WHOLE}{steps}"));
            assert!(book.problems.iter().any(|p| p.title == title), "{title}: {:?}", book.problems);
        }
        assert!(parsed("## Steps\n\n1. **A.**\n").problems.iter().any(|p| p.title.contains("`Meaning`")));
    }
}
