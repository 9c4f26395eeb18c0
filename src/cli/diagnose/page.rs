//! A diagnosis as a person reads it: what was found at the top, what to do next at the bottom, where the eye is.

use anstyle::AnsiColor;

use super::Report;
use crate::catalogue::page::Page;
use crate::catalogue::runbook::Step;
use crate::deliver::stdout::printable;
use crate::diagnose::{Verdict, Walked};
use crate::time::human_duration;
use crate::transition::Transition;

/// The column in which titles begin.
const INDENT: &str = "             ";

pub fn page(report: &Report, width: usize, coloured: bool) -> String {
    let page = Page { width, bold: coloured };
    let mut text = head(report, page);
    for walked in &report.steps {
        text.push_str(&step(walked, coloured));
    }
    text.push_str(&format!("\n{}\n", sum(&report.steps)));
    text.push_str(&left(report, page));
    text
}

/// What is known of the alarm.
fn head(report: &Report, page: Page) -> String {
    let title = format!("{}: {}", report.alarm, report.name);
    let mut text = format!("{}\n{}", page.strong(&printable(&title)), report.severity.name());
    if let Some(node) = &report.node {
        text.push_str(&format!(", on {}", printable(node)));
    }
    match (report.raise, report.clear) {
        (Some(raise), clear) => text.push_str(&raised(raise, clear, report.active)),
        (None, _) => text.push('\n'),
    }
    for note in &report.notes {
        text.push_str(&format!("  {}\n", printable(note)));
    }
    if !report.others.is_empty() {
        text.push_str("  also active, each with `--key`:\n");
        let others = report.others.iter().map(|key| format!("    {}\n", printable(key)));
        text.extend(others);
    }
    text.push('\n');
    text
}

fn raised(raise: &Transition, clear: Option<&Transition>, active: bool) -> String {
    let when = match (clear, active) {
        (Some(clear), _) => {
            let after = clear.duration_ms.map_or_else(String::new, |d| format!(", after {}", human_duration(d)));
            format!("raised {}, cleared {}{after}", raise.time, clear.time)
        }
        (None, true) => format!("active since {}", raise.time),
        (None, false) => format!("last seen {}", raise.time),
    };
    let causes: Vec<&str> = raise.causes.iter().map(|c| &**c).collect();
    let mut text = format!(", {when}");
    if !causes.is_empty() {
        text.push_str(&format!(": {}", printable(&causes.join(", "))));
    }
    text.push('\n');
    for (name, value) in &raise.params {
        text.push_str(&format!("  {name}={}\n", printable(value)));
    }
    for line in &raise.evidence {
        text.push_str(&format!("  {}:{}: {}\n", printable(&line.file), line.line, printable(&line.text)));
    }
    text
}

/// A line for the step; below it what was seen and where it leads.
fn step(walked: &Walked, coloured: bool) -> String {
    let Walked { step, verdict, evidence, remedy, .. } = walked;
    let word = match verdict {
        Verdict::NotNeeded => "-",
        Verdict::Person => "you",
        other => other.name(),
    };
    let word = paint(format!("{word:<7}"), *verdict, coloured);
    let mut text = format!("{word}  {:>2}  {}\n", step.number, unmarked(&step.title));
    for line in evidence {
        text.push_str(&format!("{INDENT}{}\n", printable(line)));
    }
    if let Some(remedy) = remedy {
        text.push_str(&format!("{INDENT}remedy: {}\n", printable(remedy)));
    }
    let outcome = match verdict {
        Verdict::Ok => &step.ok,
        Verdict::Fault => &step.fault,
        _ => &None,
    };
    if let Some(outcome) = outcome {
        text.push_str(&format!("{INDENT}next: {}\n", unmarked(&outcome.text)));
    }
    text
}

/// Without the marks that only a renderer understands.
fn unmarked(markdown: &str) -> String {
    printable(&markdown.replace("**", "").replace('`', ""))
}

fn sum(steps: &[Walked]) -> String {
    let count = |verdict: Verdict| steps.iter().filter(|s| s.verdict == verdict).count();
    let faults = count(Verdict::Fault);
    format!(
        "{faults} at fault, {} ok, {} undecided, {} for you, {} not needed",
        count(Verdict::Ok),
        count(Verdict::Unknown),
        count(Verdict::Person),
        count(Verdict::NotNeeded)
    )
}

/// What to do: the step that each fault leads to, in full; without a fault, where the rest is to be read.
fn left(report: &Report, page: Page) -> String {
    let faults = report.steps.iter().filter(|s| s.verdict == Verdict::Fault);
    let mut next: Vec<u32> = faults.filter_map(|s| s.next).collect();
    next.dedup();
    let to_do = report.steps.iter().filter(|s| s.verdict == Verdict::Person && next.contains(&s.step.number));
    let mut text: String = to_do.map(|s| format!("\n{}", page.render(&markdown(&s.step)))).collect();
    if next.is_empty() {
        text.push_str("\nNothing that was checked is at fault: the steps for you are left.\n");
    }
    text.push_str(&format!("\n`tocsin alarms {}` has every step in full.\n", report.alarm));
    text
}

/// A step as its runbook has it.
fn markdown(step: &Step) -> String {
    let mut text = format!("{}. **{}** {}\n", step.number, step.title, step.text);
    for commands in &step.commands {
        let change = commands.changes.as_ref().map_or_else(String::new, |what| format!("# change: {what}\n"));
        text.push_str(&format!("\n```sh\n{change}{}\n```\n", commands.run));
    }
    text
}

fn paint(text: String, verdict: Verdict, coloured: bool) -> String {
    let colour = match verdict {
        Verdict::Ok => AnsiColor::Green,
        Verdict::Fault => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Yellow,
        Verdict::Person | Verdict::NotNeeded => return text,
    };
    let style = anstyle::Style::new().fg_color(Some(colour.into()));
    if coloured { format!("{style}{text}{style:#}") } else { text }
}
