//! The explanation as text: one block for each line, deadlines between them, and what is left at the end.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::Range;

use anstyle::{AnsiColor, Style};

use super::near::{Failed, Head, Kind, Near, Nearness, Text};
use super::reach::Expected;
use super::records::{Record, Source};
use super::story::{Found, Passed, Remark, Story, Tone};
use super::{Options, Subject};
use crate::deliver::stdout::printable;
use crate::pattern::{Alarm, AlarmId, Patterns, SignalId};
use crate::scan::HEAD_LIMIT;
use crate::scan::block::RawLine;
use crate::time::{Millis, Moment};

/// A line is shown to this many characters.
const LONGEST: usize = 1000;

/// What is quoted to be compared is shown to this many.
const QUOTE: usize = 100;

pub struct Page<'a, W> {
    subject: &'a Subject<'a>,
    options: &'a Options,
    records: &'a [Record],
    story: &'a Story,
    out: W,
    near: Nearness<'a>,
    /// Deadlines with the line before which they stand, in order.
    passed: VecDeque<(u64, &'a Passed)>,
    /// How many records have begun.
    begun: usize,
    /// The first line of the current record, as far as rules see it.
    head: Vec<u8>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    lines: u64,
    hits: usize,
    near: usize,
}

impl<'a, W: Write> Page<'a, W> {
    pub fn new(
        subject: &'a Subject<'a>,
        options: &'a Options,
        records: &'a [Record],
        story: &'a Story,
        out: W,
    ) -> Self {
        let near = Nearness::new(subject.patterns, subject.log(), &options.filter);
        let wanted = story.passed.iter().filter(|p| p.remarks.iter().any(|r| wanted(subject.patterns, options, r)));
        let mut passed: Vec<(u64, &Passed)> = wanted.map(|p| (place(p, records), p)).collect();
        passed.sort_by_key(|(line, _)| *line);
        let counts = Counts::default();
        let passed = passed.into();
        Page { subject, options, records, story, out, near, passed, begun: 0, head: Vec::new(), counts }
    }

    pub fn line(&mut self, line: RawLine) -> io::Result<()> {
        self.counts.lines += 1;
        self.deadlines(line.number)?;
        let begins = self.records.get(self.begun).is_some_and(|r| r.line == line.number);
        if begins {
            self.begun += 1;
            self.head = line.bytes[..line.bytes.len().min(HEAD_LIMIT)].to_vec();
        }
        let next = self.records.get(self.begun).map(|r| r.line);
        let record = self.begun.checked_sub(1).and_then(|at| self.records.get(at));
        let found: &[Found] = self.story.lines.get(&line.number).map_or(&[], Vec::as_slice);
        let signals: Vec<SignalId> = found.iter().map(|f| f.hit.hit.signal).collect();
        let text = Text {
            line: line.bytes,
            message: record.filter(|_| begins).map(|r| &r.message),
            head: record.map(|r| Head { bytes: &self.head, message: part(&self.head, &r.message) }),
            last: next.is_some_and(|next| next == line.number + 1) || self.is_last(line),
        };
        let (near, more) = self.near.of(line.number, text, &signals);
        let found: Vec<&Found> = found.iter().filter(|f| self.wants(f)).collect();
        self.counts.hits += found.len();
        let missed = near.iter().filter(|n| !matches!(n.kind, Kind::Again(_))).count();
        self.counts.near += missed + more;
        if self.options.only_hits && found.is_empty() && missed == 0 {
            return Ok(());
        }
        self.quote(line)?;
        self.record(record, begins, line)?;
        found.iter().try_for_each(|f| self.found(f))?;
        near.iter().try_for_each(|n| self.near_miss(n))?;
        if more > 0 {
            self.tag(
                "",
                &format!("and {more} more signals that are no nearer (`--signal NAME` shows one)"),
                self.yellow(),
            )?;
        }
        writeln!(self.out)
    }

    /// No line follows this one.
    fn is_last(&self, line: RawLine) -> bool {
        let end = line.offset + line.bytes.len() as u64;
        let rest = usize::try_from(end).ok().and_then(|end| self.subject.bytes.get(end..)).unwrap_or_default();
        rest.iter().all(|b| matches!(b, b'\r' | b'\n'))
    }

    fn quote(&mut self, line: RawLine) -> io::Result<()> {
        let (bold, text) = (self.style(Style::new().bold()), cut(line.bytes, LONGEST));
        writeln!(self.out, "{bold}{:>4}{bold:#} | {text}", line.number)
    }

    fn record(&mut self, record: Option<&Record>, begins: bool, line: RawLine) -> io::Result<()> {
        let log = self.subject.log();
        let plain = Style::new();
        let Some(record) = record else {
            let layouts: Vec<&str> = log.layouts.iter().map(|(name, _)| &**name).collect();
            let text = format!("no record has begun: the line does not look like layout {}", layouts.join(" or "));
            return self.tag("record", &text, self.yellow());
        };
        if !begins {
            return self.tag("record", &format!("continues line {}, {}", record.line, record.time), plain);
        }
        let layout = match record.layout.and_then(|at| log.layouts.get(at)) {
            Some((name, _)) => format!("layout {name}"),
            None => "a line for itself, of no layout".to_owned(),
        };
        let level = record.level.as_ref().map(|l| cut(part(line.bytes, l), QUOTE));
        let level = level.filter(|l| !l.is_empty()).map(|l| format!(", level {l}")).unwrap_or_default();
        let (time, strange) = (record.time, strangeness(record.source));
        self.tag("record", &format!("{layout}, time {time}{strange}{level}"), plain)?;
        let message = cut(part(line.bytes, &record.message), LONGEST);
        self.tag("message", &message, plain)
    }

    fn found(&mut self, found: &Found) -> io::Result<()> {
        let patterns = self.subject.patterns;
        let hit = &found.hit.hit;
        let signal = patterns.signal(hit.signal);
        let mut text = format!("`{}`", signal.name);
        for (name, value) in &hit.captures {
            text.push_str(&format!(", {}={}", patterns.captures[name.index()], cut(value.as_bytes(), QUOTE)));
        }
        if hit.weight != 1 {
            text.push_str(&format!(" (counts {} times)", hit.weight));
        }
        self.tag("signal", &text, self.style(AnsiColor::Cyan.on_default().bold()))?;
        let remarks = found.remarks.iter().filter(|r| self.options.filter.alarm(r.alarm));
        remarks.clone().try_for_each(|r| self.remark(r))?;
        let said = remarks.count();
        let others = self.other_logs(found);
        let uses = self.uses(hit.signal);
        if let Some(uses) = &uses {
            self.detail(uses, Style::new())?;
        }
        if let Some(others) = &others {
            let style = if said == 0 { self.yellow() } else { Style::new() };
            self.detail(others, style)?;
        }
        if said == 0 && others.is_none() && uses.is_none() {
            self.detail("no alarm has a rule over this signal", self.yellow())?;
        }
        Ok(())
    }

    fn remark(&mut self, remark: &Remark) -> io::Result<()> {
        let style = match remark.tone {
            Tone::Raised => AnsiColor::Red.on_default().bold(),
            Tone::Cleared => AnsiColor::Green.on_default().bold(),
            Tone::Missed => AnsiColor::Yellow.on_default(),
            Tone::Plain => Style::new(),
        };
        let alarm = &self.subject.patterns.alarm(remark.alarm).name;
        let fields = if remark.fields.is_empty() { String::new() } else { format!(" {}", remark.fields) };
        self.detail(&format!("{alarm}{fields}: {}", remark.text), self.style(style))
    }

    /// Alarms that would act on this signal in another log.
    fn other_logs(&self, found: &Found) -> Option<String> {
        let patterns = self.subject.patterns;
        let name = |id: &AlarmId| {
            let alarm = patterns.alarm(*id);
            let logs: Vec<String> = alarm.logs.iter().map(|l| format!("`{}`", patterns.log(*l).name)).collect();
            format!("{} (it reads {})", alarm.name, logs.join(", "))
        };
        let others: Vec<String> =
            found.other_log.iter().filter(|id| self.options.filter.alarm(**id)).map(name).collect();
        let own = &self.subject.log().name;
        (!others.is_empty()).then(|| format!("nothing for {}: this log is `{own}`", others.join(", ")))
    }

    /// What a signal is looked back at for.
    fn uses(&self, signal: SignalId) -> Option<String> {
        let patterns = self.subject.patterns;
        let of = |looks: fn(&Alarm, SignalId) -> bool| {
            let ids = (0..patterns.alarms.len() as u32).map(AlarmId).filter(|id| self.options.filter.alarm(*id));
            ids.map(|id| patterns.alarm(id))
                .filter(|a| looks(a, signal))
                .map(|a| &*a.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let with = of(|a, s| a.raise.iter().flat_map(|r| &r.with).any(|w| w.on.contains(&s)));
        let unless = of(|a, s| a.raise.iter().flat_map(|r| &r.unless).any(|u| u.on.contains(&s)));
        let said = [("kept as a reason for", with), ("kept as an `unless` of", unless)];
        let said: Vec<String> =
            said.into_iter().filter(|(_, a)| !a.is_empty()).map(|(t, a)| format!("{t} {a}")).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn near_miss(&mut self, near: &Near) -> io::Result<()> {
        let patterns: &'a Patterns = self.subject.patterns;
        let name = &patterns.signal(near.signal).name;
        let yellow = self.yellow();
        match &near.kind {
            Kind::Again(line) => {
                let text = format!("`{name}` again: a record gives a signal once, and line {line} has given it");
                self.tag("signal", &text, Style::new())
            }
            Kind::Headless => {
                let text = format!("`{name}`: `match` holds, but the record's first line is not in this input");
                self.tag("near", &text, yellow)
            }
            Kind::Clauses { hold, fail } => {
                let hold: Vec<String> = hold.iter().map(|c| format!("`{c}` holds")).collect();
                let failed = fail.iter().map(|f| match f.in_no_line {
                    true => format!("`{}` holds in no line of the record", f.clause),
                    false => format!("`{}` fails", f.clause),
                });
                let failed = failed.collect::<Vec<_>>().join(", ");
                let but = if hold.is_empty() { "" } else { ", but " };
                self.tag("near", &format!("`{name}`: {}{but}{failed}", hold.join(", ")), yellow)?;
                fail.iter().try_for_each(|f| self.failed(f, fail.len() > 1))
            }
        }
    }

    /// What was expected, next to what stands there.
    fn failed(&mut self, failed: &Failed, several: bool) -> io::Result<()> {
        let clause = if several { format!(" ({})", failed.clause) } else { String::new() };
        let Some(reach) = &failed.reach else {
            self.detail(&format!("expected  `{}`{clause}", cut(failed.source.as_bytes(), QUOTE)), Style::new())?;
            return match failed.in_no_line {
                true => Ok(()),
                false => self.detail(&format!("found     `{}`", cut(&failed.text, QUOTE)), Style::new()),
            };
        };
        let (expected, means) = match &reach.expected {
            Expected::Text(text) => (text.as_str(), ""),
            Expected::Pattern(source) => (source.as_str(), meaning(source)),
        };
        let rest = failed.text.get(reach.matched.end..).unwrap_or_default();
        let found =
            if rest.is_empty() { "nothing: it ends here".to_owned() } else { format!("`{}`", cut(rest, QUOTE)) };
        let matched = cut_front(part(&failed.text, &reach.matched), QUOTE);
        self.detail(&format!("matches   `{matched}`{clause}"), Style::new())?;
        self.detail(&format!("expected  `{}`{means}", cut(expected.as_bytes(), QUOTE)), Style::new())?;
        self.detail(&format!("found     {found}"), Style::new())
    }

    /// The deadlines that stand before a line.
    fn deadlines(&mut self, line: u64) -> io::Result<()> {
        while let Some((_, passed)) = self.passed.pop_front_if(|(before, _)| *before <= line) {
            let bold = self.style(Style::new().bold());
            writeln!(self.out, "{bold}  -- {bold:#}| {} deadline: {}", passed.at, printable(&passed.why))?;
            for remark in &passed.remarks {
                self.remark(remark)?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// What is still open, and what was seen in all.
    pub fn end(&mut self) -> io::Result<()> {
        self.deadlines(u64::MAX)?;
        let clock = self.story.clock.map(|t| self.moment(t).to_string());
        let wanted = self.story.left.iter().filter(|r| wanted(self.subject.patterns, self.options, r));
        let left: Vec<&Remark> = wanted.collect();
        if let Some(clock) = &clock {
            writeln!(self.out, "at the end, {clock}:")?;
        } else {
            writeln!(self.out, "at the end:")?;
        }
        left.iter().try_for_each(|r| self.remark(r))?;
        if left.is_empty() {
            let asked = if self.options.filter.is_given() { " of what was asked for" } else { "" };
            self.detail(&format!("nothing{asked} is raised, and no deadline waits"), Style::new())?;
        }
        let Counts { lines, hits, near } = self.counts;
        let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let lines = count(usize::try_from(lines).unwrap_or(usize::MAX), "line", "lines");
        let records = count(self.records.len(), "record", "records");
        let (hits, near) = (count(hits, "hit", "hits"), count(near, "near miss", "near misses"));
        self.detail(&format!("{lines}, {records}, {hits}, {near}"), Style::new())?;
        self.out.flush()
    }

    fn moment(&self, millis: Millis) -> Moment {
        self.subject.family.zone.moment(millis)
    }

    fn wants(&self, found: &Found) -> bool {
        self.options.filter.signal(self.subject.patterns, found.hit.hit.signal)
    }

    fn tag(&mut self, tag: &str, text: &str, style: Style) -> io::Result<()> {
        writeln!(self.out, "       {style}{tag:<8}{style:#} {}", printable(text))
    }

    fn detail(&mut self, text: &str, style: Style) -> io::Result<()> {
        writeln!(self.out, "                  {style}{}{style:#}", printable(text))
    }

    fn yellow(&self) -> Style {
        self.style(AnsiColor::Yellow.on_default())
    }

    fn style(&self, style: Style) -> Style {
        if self.options.coloured { style } else { Style::new() }
    }
}

/// The line before which a deadline stands: the first record behind the line that set it that is later.
fn place(passed: &Passed, records: &[Record]) -> u64 {
    let after = records.partition_point(|r| r.line <= passed.line);
    records[after..].iter().find(|r| r.time.millis > passed.at.millis).map_or(u64::MAX, |r| r.line)
}

fn wanted(patterns: &Patterns, options: &Options, remark: &Remark) -> bool {
    let filter = &options.filter;
    let signals = || remark.signals.iter().any(|s| filter.signal(patterns, *s));
    filter.alarm(remark.alarm) && (filter.signals.is_empty() || signals())
}

fn strangeness(source: Source) -> &'static str {
    match source {
        Source::Own => "",
        Source::Before => " (of the record before: it has no real time of its own)",
        Source::NotBelieved => " (of the record before: its own jumps ahead and is taken back by what follows)",
        Source::Assumed => " (assumed: no record so far has a time)",
    }
}

/// What an element of a regex means, for those that are no characters.
fn meaning(source: &str) -> &'static str {
    match source {
        r"\b" => " (the border of a word)",
        "$" | r"\z" => " (the end)",
        "^" | r"\A" => " (the start)",
        _ => "",
    }
}

fn part<'b>(bytes: &'b [u8], range: &Range<usize>) -> &'b [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}

/// The first characters of a text, safe for a terminal.
fn cut(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = printable(&text.chars().take(most).collect::<String>());
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// The last characters of a text, safe for a terminal.
fn cut_front(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let skip = text.chars().count().saturating_sub(most);
    let shown = printable(&text.chars().skip(skip).collect::<String>());
    if skip > 0 { format!("…{shown}") } else { shown }
}
