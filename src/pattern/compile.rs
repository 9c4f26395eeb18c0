//! From [`Definitions`] to [`Patterns`]: names become indices, regexes are built, and all that does not fit together
//! is reported.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::alarms;
use super::diagnostic::{Diagnostic, Source, Span, suggest};
use super::glob::Glob;
use super::layout::{Layout, LayoutError};
use super::literal::{Need, SHORTEST};
use super::load::load;
use super::model::*;
use super::patterns::*;
use super::regexes::{self, Place};
use super::search::{self, Search};
use super::stamp::SpecError;
use super::zone::Zone;

const DEFAULT_TIME: &str = "yyyy-MM-dd HH:mm:ss,SSS";

/// What compiling gave: patterns if there was no error, and everything there is to say either way.
pub struct Compiled {
    pub patterns: Option<Patterns>,
    pub definitions: Definitions,
    pub diagnostics: Vec<Diagnostic>,
}

pub fn compile(sources: &[Source]) -> Compiled {
    let (definitions, diagnostics) = load(sources);
    let mut compiler = Compiler { sources, definitions: &definitions, found: diagnostics, captures: Vec::new() };
    let patterns = compiler.patterns();
    let mut diagnostics = compiler.found;
    diagnostics.sort_by_key(|d| (d.gravity, d.span.source, d.span.range.start));
    let failed = diagnostics.iter().any(|d| d.gravity == super::diagnostic::Gravity::Error);
    Compiled { patterns: (!failed).then_some(patterns), definitions, diagnostics }
}

pub(super) struct Compiler<'a> {
    sources: &'a [Source],
    pub(super) definitions: &'a Definitions,
    pub(super) found: Vec<Diagnostic>,
    captures: Vec<Arc<str>>,
}

impl Compiler<'_> {
    fn patterns(&mut self) -> Patterns {
        let definitions = self.definitions;
        let layouts: BTreeMap<&str, Layout> =
            bodies(&definitions.layouts).filter_map(|(name, def)| Some((name, self.layout(def)?))).collect();
        let mut logs: Vec<Log> = bodies(&definitions.logs).filter_map(|(name, def)| self.log(name, def, &layouts)).collect();
        let mut signals = Vec::new();
        for (name, def) in bodies(&definitions.signals) {
            signals.extend(self.signal(name, def, &logs));
        }
        for (at, signal) in signals.iter().enumerate() {
            for log in &signal.logs {
                logs[log.index()].signals.push(SignalId(at as u32));
            }
        }
        for log in &mut logs {
            log.search = self.search(log, &signals);
        }
        let mut alarms = Vec::new();
        for (name, def) in bodies(&definitions.alarms) {
            alarms.extend(alarms::alarm(self, name, def, &logs, &signals));
        }
        Patterns {
            hash: hash(self.sources).into(),
            logs,
            signals,
            alarms,
            captures: std::mem::take(&mut self.captures),
            tests: definitions.tests.clone(),
        }
    }

    /// The place of `range` inside a string of a pattern file; the whole string if escapes make that unclear.
    fn inside(&self, text: &Name, range: Range<usize>) -> Span {
        let source = &self.sources[text.span.source.0].text;
        let written = source.get(text.span.range.clone()).unwrap_or_default();
        match written.find(&text.value) {
            Some(at) => {
                let start = text.span.range.start + at;
                let end = (start + range.end).min(text.span.range.end);
                Span { source: text.span.source, range: (start + range.start).min(end)..end }
            }
            None => text.span.clone(),
        }
    }

    fn layout(&mut self, def: &LayoutDef) -> Option<Layout> {
        let spec = |this: &mut Self, text: &Name, e: SpecError| {
            let span = this.inside(text, e.at.clone());
            this.found.push(Diagnostic::error(&span, "this layout cannot be read", e.message).help(e.help));
        };
        match def {
            LayoutDef::Conversion(pattern) => Layout::from_conversion(&pattern.value).map_err(|e| spec(self, pattern, e)).ok(),
            LayoutDef::Regex { regex, time } => {
                let format = time.as_ref().map_or(DEFAULT_TIME, |t| &t.value);
                match Layout::from_regex(&regex.value, format) {
                    Ok(layout) => Some(layout),
                    Err(LayoutError::Time(e)) => {
                        spec(self, time.as_ref().unwrap_or(regex), e);
                        None
                    }
                    Err(LayoutError::Regex { message, at }) => {
                        let span = self.inside(regex, at.unwrap_or(0..regex.value.len()));
                        self.found.push(Diagnostic::error(&span, "this regex cannot be read", message));
                        None
                    }
                    Err(LayoutError::MissingGroup(group)) => {
                        self.found.push(
                            Diagnostic::error(&regex.span, format!("a layout without a group `{group}`"), "no such group in here")
                                .help(format!("enclose the {group} in `(?<{group}>…)`")),
                        );
                        None
                    }
                }
            }
        }
    }

    fn log(&mut self, name: &str, def: &LogDef, layouts: &BTreeMap<&str, Layout>) -> Option<Log> {
        let mut files = Vec::new();
        for file in &def.files {
            match Glob::new(&file.value) {
                Ok(glob) => files.push(glob),
                Err(why) => self.found.push(Diagnostic::error(&file.span, "this glob cannot be used", why)),
            }
        }
        let mut own = Vec::new();
        for layout in &def.layouts {
            match layouts.get(layout.value.as_str()) {
                Some(l) => own.push((layout.value.as_str().into(), l.clone())),
                None => self.unknown("layout", layout, &self.definitions.layouts),
            }
        }
        let zone = def.zone.as_ref().and_then(|z| self.zone(z));
        Some(Log {
            name: name.into(),
            files,
            layouts: own,
            service: def.service.as_str().into(),
            role: def.role.as_str().into(),
            default: def.default,
            line_records: def.line_records,
            zone,
            signals: Vec::new(),
            search: Search::default(),
        })
    }

    pub(super) fn zone(&mut self, text: &Name) -> Option<Zone> {
        let zone = Zone::parse(&text.value);
        if zone.is_none() {
            self.found.push(
                Diagnostic::error(&text.span, format!("unknown time zone `{}`", text.value), "neither a name nor an offset")
                    .help("write an IANA name such as \"Asia/Shanghai\", or an offset such as \"+08:00\""),
            );
        }
        zone
    }

    fn signal(&mut self, name: &str, def: &SignalDef, logs: &[Log]) -> Option<Signal> {
        let ids = self.logs(&def.logs, logs);
        let matches = def.matches.as_ref().map(|c| self.clause(c, Place::Anywhere));
        let message = def.message.as_ref().map(|c| self.clause(c, Place::Start));
        let head = def.head.as_ref().map(|c| self.clause(c, Place::Anywhere));
        let failed = [&matches, &message, &head].iter().any(|c| matches!(c, Some(None)));
        if failed {
            return None;
        }
        let searched = def.matches.as_ref().or(def.message.as_ref());
        if let Some(text) = searched.filter(|t| regexes::hir(&t.value).is_some_and(|h| Need::of(&h).is_none())) {
            self.found.push(
                Diagnostic::warning(&text.span, format!("signal `{name}` has no literal to search for"), "every line must be tried")
                    .help(format!("name a word of at least {} letters that always stands there", SHORTEST)),
            );
        }
        let mut signal = Signal {
            name: name.into(),
            logs: ids,
            matches: matches.flatten(),
            message: message.flatten(),
            head: head.flatten(),
            weight: None,
            provenance: def.provenance,
        };
        signal.weight = def.weight.as_ref().and_then(|w| self.capture_of(w, [&signal].into_iter()));
        Some(signal)
    }

    /// Indices of logs by name; a log that is switched off is left out.
    pub(super) fn logs(&mut self, names: &[Name], logs: &[Log]) -> Vec<LogId> {
        let mut ids = Vec::new();
        for name in names {
            match logs.iter().position(|l| *l.name == *name.value) {
                Some(at) => ids.push(LogId(at as u32)),
                None if self.definitions.logs.contains_key(&name.value) => {}
                None => self.unknown("log", name, &self.definitions.logs),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub(super) fn unknown<T>(&mut self, what: &str, name: &Name, known: &BTreeMap<String, Entry<T>>) {
        if known.get(&name.value).is_some() {
            return; // It is there, and what is wrong with it has been said.
        }
        self.found.push(
            Diagnostic::error(&name.span, format!("unknown {what} `{}`", name.value), format!("no [{what}.{}] is defined", name.value))
                .help(suggest(&name.value, known.keys().map(String::as_str))),
        );
    }

    /// The index of a capture that at least one of `signals` makes.
    pub(super) fn capture_of<'s>(&mut self, name: &Name, signals: impl Iterator<Item = &'s Signal>) -> Option<CaptureId> {
        let made: Vec<CaptureId> =
            signals.flat_map(|s| s.clauses()).flat_map(|(_, c)| c.groups.iter().map(|(_, id)| *id)).collect();
        let id = made.iter().find(|id| *self.captures[id.index()] == *name.value);
        if id.is_none() {
            let known: Vec<&str> = made.iter().map(|id| &*self.captures[id.index()]).collect();
            self.found.push(
                Diagnostic::error(&name.span, format!("unknown capture `{}`", name.value), "no signal here captures this")
                    .help(suggest(&name.value, known.iter().copied())),
            );
        }
        id.copied()
    }

    fn clause(&mut self, text: &Name, place: Place) -> Option<Clause> {
        match regexes::build(&text.value, place) {
            Ok(regex) => {
                let names = regex.capture_names().enumerate().filter_map(|(i, n)| Some((i, n?.to_owned())));
                let groups = names.map(|(i, n)| (i, self.capture(&n))).collect();
                Some(Clause { source: text.value.clone(), regex, groups })
            }
            Err(e) => {
                let span = self.inside(text, e.at);
                let mut error = Diagnostic::error(&span, "this regex cannot be read", e.message);
                error.help = e.help;
                self.found.push(error);
                None
            }
        }
    }

    fn capture(&mut self, name: &str) -> CaptureId {
        let at = self.captures.iter().position(|c| **c == *name).unwrap_or_else(|| {
            self.captures.push(name.into());
            self.captures.len() - 1
        });
        CaptureId(at as u32)
    }

    /// How the signals of a log are looked for. What is too large together is no error of one pattern, so it has no place.
    fn search(&mut self, log: &Log, signals: &[Signal]) -> Search {
        let own = || log.signals.iter().map(|id| (*id, &signals[id.index()]));
        // A signal with both is looked for by its `match`; its message is verified then.
        let messages = own().filter(|(_, s)| s.matches.is_none());
        let messages = messages.filter_map(|(id, s)| Some((id, search::Place::Message, s.message.as_ref()?)));
        let lines = own().filter_map(|(id, s)| Some((id, search::Place::Line, s.matches.as_ref()?)));
        Search::new(messages.chain(lines)).unwrap_or_else(|error| {
            if let Some(entry) = self.definitions.logs.get(&*log.name) {
                let title = format!("the signals of log `{}` are too large together", log.name);
                self.found.push(Diagnostic::error(&entry.span, title, error).help("shorten counted repetitions"));
            }
            Search::default()
        })
    }
}

fn bodies<T>(entries: &BTreeMap<String, Entry<T>>) -> impl Iterator<Item = (&str, &T)> {
    entries.iter().filter_map(|(name, e)| Some((name.as_str(), e.body.as_ref()?)))
}

pub fn hash(sources: &[Source]) -> String {
    let mut hash = Sha256::new();
    for source in sources {
        hash.update((source.text.len() as u64).to_le_bytes());
        hash.update(&source.text);
    }
    hash.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect()
}
