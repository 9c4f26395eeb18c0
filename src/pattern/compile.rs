//! From [`Definitions`] to [`Patterns`]: names become indices, regexes are built, and all that does not fit together
//! is reported.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::alarms;
use super::diagnostic::{Diagnostic, Gravity, Source, SourceId, Span, render_all, suggest};
use super::glob::Glob;
use super::layout::{Layout, LayoutError};
use super::lint;
use super::literal::{Need, SHORTEST};
use super::load::load;
use super::model::*;
use super::overrides::Overrides;
use super::patterns::*;
use super::places;
use super::regexes::{self, Place};
use super::search::Search;
use super::stamp::SpecError;
use super::zone::{self, Zone};

const DEFAULT_TIME: &str = "yyyy-MM-dd HH:mm:ss,SSS";

/// What compiling gave: patterns if there was no error, and everything there is to say either way.
pub struct Compiled {
    pub patterns: Option<Patterns>,
    pub definitions: Definitions,
    pub diagnostics: Vec<Diagnostic>,
}

pub fn compile(sources: &[Source]) -> Compiled {
    compile_with(sources, &Overrides::default())
}

/// A single pattern file, or all that is wrong with it.
impl FromStr for Patterns {
    type Err = String;

    fn from_str(text: &str) -> Result<Patterns, String> {
        let sources = [Source { name: "patterns.toml".into(), text: text.into(), builtin: false }];
        let Compiled { patterns, diagnostics, .. } = compile(&sources);
        patterns.ok_or_else(|| render_all(&diagnostics, &sources, false))
    }
}

/// With what the configuration changes; mistakes in there stand in the source behind the last.
pub fn compile_with(sources: &[Source], overrides: &Overrides) -> Compiled {
    let (mut definitions, mut diagnostics) = load(sources);
    diagnostics.extend(overrides.apply(&mut definitions, SourceId(sources.len())));
    let loaded = diagnostics.len();
    let mut compiler = Compiler {
        sources,
        definitions: &definitions,
        found: diagnostics,
        captures: Vec::new(),
        doubtful: HashSet::new(),
    };
    let mut patterns = compiler.patterns();
    if !overrides.is_empty() {
        patterns.hash = overrides.hash(&patterns.hash).into();
    }
    compiler.found.extend(lint::errors(&patterns, &definitions));
    let mut diagnostics = compiler.found;
    let later = diagnostics.split_off(loaded);
    let misread =
        |span: &Span| definitions.broken.iter().any(|b| b.source == span.source && b.range.contains(&span.range.start));
    diagnostics.extend(later.into_iter().filter(|d| !misread(&d.span)));
    diagnostics.sort_by_key(|d| (d.gravity, d.span.source, d.span.range.start));
    let failed = diagnostics.iter().any(|d| d.gravity == Gravity::Error);
    if failed {
        // Most warnings beside an error are its consequences; the others can wait.
        diagnostics.retain(|d| d.gravity == Gravity::Error);
    }
    Compiled { patterns: (!failed).then_some(patterns), definitions, diagnostics }
}

pub(super) struct Compiler<'a> {
    sources: &'a [Source],
    pub(super) definitions: &'a Definitions,
    pub(super) found: Vec<Diagnostic>,
    captures: Vec<Arc<str>>,
    /// Signals of which not all captures or logs are known, because something is wrong with them.
    doubtful: HashSet<String>,
}

impl Compiler<'_> {
    fn patterns(&mut self) -> Patterns {
        let definitions = self.definitions;
        let layouts: BTreeMap<&str, Layout> =
            bodies(&definitions.layouts).filter_map(|(name, def)| Some((name, self.layout(def)?))).collect();
        let mut logs: Vec<Log> =
            bodies(&definitions.logs).filter_map(|(name, def)| self.log(name, def, &layouts)).collect();
        let mut signals = Vec::new();
        for (name, def) in bodies(&definitions.signals) {
            signals.push(self.signal(name, def, &logs));
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
            alarms.push(alarms::alarm(self, name, def, &logs, &signals));
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

    /// The place of `range` inside a string of a pattern file.
    fn inside(&self, text: &Name, range: Range<usize>) -> Span {
        places::inside(&self.sources[text.span.source.0].text, text, range)
    }

    fn layout(&mut self, def: &LayoutDef) -> Option<Layout> {
        match def {
            LayoutDef::Broken => None,
            LayoutDef::Conversion(pattern) => self.conversion(pattern),
            LayoutDef::Regex { regex, time } => {
                let format = time.as_ref().map_or(DEFAULT_TIME, |t| &t.value);
                let layout = Layout::from_regex(&regex.value, format);
                layout.map_err(|e| self.no_layout(regex, time.as_ref(), e)).ok()
            }
        }
    }

    fn conversion(&mut self, pattern: &Name) -> Option<Layout> {
        let layout = Layout::from_conversion(&pattern.value).map_err(|e| self.no_spec(pattern, e)).ok()?;
        if let Some(zone) = layout.zone().filter(|zone| Zone::parse(zone).is_none()) {
            let title = format!("unknown time zone `{zone}`");
            let help = "write an IANA name such as Asia/Shanghai, or leave it out and give the log a `tz`";
            self.found.push(Diagnostic::error(&pattern.span, title, "named in this layout").help(help));
        }
        Some(layout)
    }

    fn no_spec(&mut self, text: &Name, e: SpecError) {
        let span = self.inside(text, e.at);
        self.found.push(Diagnostic::error(&span, "this layout cannot be read", e.message).help(e.help));
    }

    fn no_layout(&mut self, regex: &Name, time: Option<&Name>, error: LayoutError) {
        let found = match error {
            LayoutError::Time(e) => return self.no_spec(time.unwrap_or(regex), e),
            LayoutError::Regex { message, at, help } => {
                let span = self.inside(regex, at.unwrap_or(0..regex.value.len()));
                Diagnostic { help, ..Diagnostic::error(&span, "this regex cannot be used", message) }
            }
            LayoutError::MissingGroup(group) => {
                let title = format!("a layout without a group `{group}`");
                let help = format!("enclose the {group} in `(?<{group}>…)`");
                Diagnostic::error(&regex.span, title, "no such group in here").help(help)
            }
        };
        self.found.push(found);
    }

    fn log(&mut self, name: &str, def: &LogDef, layouts: &BTreeMap<&str, Layout>) -> Option<Log> {
        let mut files = Vec::new();
        for file in &def.files {
            match Glob::new(&file.value) {
                Ok(glob) => files.push(glob),
                // That it is empty has been said.
                Err(why) => {
                    let error = Diagnostic::error(&file.span, "this glob cannot be used", why);
                    self.found
                        .push(error.help("write the path below the node's directory, with `*`, `?`, `**` and `{a,b}`"));
                }
            }
        }
        let mut own = Vec::new();
        for layout in &def.layouts {
            match layouts.get(layout.value.as_str()) {
                Some(l) => own.push((layout.value.as_str().into(), l.clone())),
                None => match self.definitions.layouts.get(&layout.value) {
                    Some(entry) if entry.body.is_none() => self.found.push(
                        Diagnostic::error(
                            &entry.span,
                            format!("the log `{name}` needs the layout `{}`", layout.value),
                            "switched off here",
                        )
                        .also(&layout.span, "needed here")
                        .help("replace the layout, or switch the log off too"),
                    ),
                    _ => self.unknown("layout", layout, &self.definitions.layouts),
                },
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
                Diagnostic::error(
                    &text.span,
                    format!("unknown time zone `{}`", text.value),
                    "neither a name nor an offset",
                )
                .help(zone::help(&text.value)),
            );
        }
        zone
    }

    fn signal(&mut self, name: &str, def: &SignalDef, logs: &[Log]) -> Signal {
        let ids = self.logs(&def.logs, logs);
        let mut failed = def.matches.is_none() && def.message.is_none();
        let mut clause = |this: &mut Self, text: &Option<Name>, place| {
            let clause = text.as_ref().and_then(|t| this.clause(t, place));
            failed |= text.is_some() && clause.is_none();
            clause
        };
        let matches = clause(self, &def.matches, Place::Anywhere);
        let message = clause(self, &def.message, Place::Start);
        let head = clause(self, &def.head, Place::Anywhere);
        if failed || !self.are_known(&def.logs) {
            self.doubtful.insert(name.to_owned());
        }
        let searched = matches.as_ref().and(def.matches.as_ref()).or(message.as_ref().and(def.message.as_ref()));
        if let Some(text) = searched.filter(|t| regexes::hir(&t.value).is_some_and(|h| Need::of(&h).is_none())) {
            self.found.push(
                Diagnostic::warning(
                    &text.span,
                    format!("signal `{name}` has no literal to search for"),
                    "every line must be tried",
                )
                .help(format!("name a word of at least {SHORTEST} letters that always stands there")),
            );
        }
        let mut signal =
            Signal { name: name.into(), logs: ids, matches, message, head, weight: None, provenance: def.provenance };
        if let Some(weight) = def.weight.as_ref().filter(|_| !failed) {
            signal.weight = self.capture_of(weight, [&signal].into_iter(), true);
        }
        signal
    }

    /// Is the name of each of these logs known?
    pub(super) fn are_known(&self, logs: &[Name]) -> bool {
        !logs.is_empty() && logs.iter().all(|l| self.definitions.logs.contains_key(&l.value))
    }

    pub(super) fn is_doubtful(&self, signal: &Signal) -> bool {
        self.doubtful.contains(&*signal.name)
    }

    /// Indices of logs by name; a log that is switched off is left out.
    pub(super) fn logs(&mut self, names: &[Name], logs: &[Log]) -> Vec<LogId> {
        let mut ids = Vec::new();
        for name in names {
            match logs.iter().position(|l| *l.name == *name.value) {
                Some(at) => ids.push(LogId(at as u32)),
                None => self.unknown("log", name, &self.definitions.logs),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub(super) fn unknown<T>(&mut self, what: &str, name: &Name, known: &BTreeMap<String, Entry<T>>) {
        if known.contains_key(&name.value) {
            return; // It is switched off, or what is wrong with it has been said.
        }
        // It may be defined in what could not be read.
        let header = format!("[{what}.{}", name.value);
        if self.definitions.broken.iter().any(|b| self.sources[b.source.0].text.contains(&header)) {
            return;
        }
        self.found.push(
            Diagnostic::error(
                &name.span,
                format!("unknown {what} `{}`", name.value),
                format!("no [{what}.{}] is defined", name.value),
            )
            .help(suggest(&name.value, known.keys().map(String::as_str))),
        );
    }

    /// The index of a capture that at least one of `signals` makes; if `all` of them are known, there must be one.
    pub(super) fn capture_of<'s>(
        &mut self,
        name: &Name,
        signals: impl Iterator<Item = &'s Signal>,
        all: bool,
    ) -> Option<CaptureId> {
        let mut made: Vec<CaptureId> =
            signals.flat_map(|s| s.clauses()).flat_map(|(_, c)| c.groups.iter().map(|(_, id)| *id)).collect();
        made.sort_unstable();
        made.dedup();
        let id = made.iter().find(|id| *self.captures[id.index()] == *name.value);
        if id.is_none() && all {
            let known: Vec<&str> = made.iter().map(|id| &*self.captures[id.index()]).collect();
            let help = match known.is_empty() {
                true => format!("write a group `(?<{}>…)` into the regex of a signal", name.value),
                false => suggest(&name.value, known.iter().copied()),
            };
            let label = "no signal that could fill it has such a group";
            self.found
                .push(Diagnostic::error(&name.span, format!("unknown capture `{}`", name.value), label).help(help));
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
                let mut error = Diagnostic::error(&span, "this regex cannot be used", e.message);
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
        let own = log.signals.iter().map(|id| (*id, &signals[id.index()]));
        let sought = own.filter_map(|(id, signal)| {
            let (place, clause) = signal.sought_by()?;
            Some((id, place, clause))
        });
        Search::new(sought).unwrap_or_else(|error| {
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
