//! From TOML to [`Config`], with all that is wrong at once.

mod probe;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::model::{Config, FilterConfig, LogConfig, StateConfig};
use super::secret::{Property, Written, blotted};
use super::value::{self, Begin, LogFormat, Sink};
use crate::deliver::stdout::Format;
use crate::pattern::diagnostic::{Diagnostic, Source, SourceId, Span, render_all, suggest};
use crate::pattern::model::{At, Name};
use crate::pattern::overrides;
use crate::pattern::syntax;
use crate::pattern::toml_reader::{Context, Table};

/// Read if there is one and `--config` names no other.
pub const DEFAULT_FILE: &str = "/etc/tocsin/tocsin.toml";

/// A configuration and the text that it was read from, without its secrets.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub config: Config,
    pub source: Source,
}

/// No alarm has more keys than this in the memory of one machine.
const MOST_KEYS: i64 = 1_000_000_000;

impl ConfigFile {
    /// The file that is named; or else the default one, if there is one.
    pub fn find(named: Option<&Path>, coloured: bool) -> Result<Option<ConfigFile>, ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if named.is_none() && e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(ConfigError::Unreadable { path: path.to_owned(), why }),
        };
        let file = ConfigFile::parse(path, &String::from_utf8_lossy(&bytes));
        file.map(Some).map_err(|(source, found)| ConfigError::Invalid(render_all(&found, &[source], coloured)))
    }

    /// The configuration, or everything that is wrong with it. Relative paths in it begin where the file lies.
    pub fn parse(path: &Path, text: &str) -> Result<ConfigFile, (Source, Vec<Diagnostic>)> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let value = toml::Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        let mut found = Vec::new();
        let directory = std::path::absolute(path).ok().and_then(|p| Some(p.parent()?.to_owned())).unwrap_or_default();
        let mut cx = Context { source: SourceId(0), found: &mut found };
        let root = Table::new(&mut cx, &value, "the configuration");
        let config = root.map(|root| Reader { directory: &directory }.file(&mut cx, root)).unwrap_or_default();
        let broken = syntax::Broken::new(SourceId(0), text, &errors);
        found.retain(|d| !broken.covers(d.span.range.start));
        found.extend(broken.errors);
        found.sort_by_key(|d| d.span.range.start);
        let source = Source { name: path.display().to_string(), text: blotted(text), builtin: false };
        match found.is_empty() {
            true => Ok(ConfigFile { path: path.to_owned(), config, source }),
            false => Err((source, found)),
        }
    }

    /// `file:line` of something in it.
    pub fn place(&self, span: &Span) -> String {
        let before = self.source.text.get(..span.range.start).unwrap_or_default();
        format!("{}:{}", self.source.name, before.matches('\n').count() + 1)
    }
}

struct Reader<'a> {
    directory: &'a Path,
}

impl Reader<'_> {
    fn file(&self, cx: &mut Context, mut t: Table) -> Config {
        let config = Config {
            paths: self.paths(cx, &mut t, "paths"),
            wait: flag(cx, &mut t, "wait"),
            cluster: parsed(cx, &mut t, "cluster", value::not_empty),
            zone: parsed(cx, &mut t, "tz", value::zone),
            hold: parsed(cx, &mut t, "hold", value::hold),
            max_keys: max_keys(cx, &mut t),
            to: sinks(cx, &mut t),
            format: parsed(cx, &mut t, "format", choice::<Format>),
            log_format: parsed(cx, &mut t, "log-format", choice::<LogFormat>),
            patterns: self.paths(cx, &mut t, "patterns"),
            no_default_patterns: flag(cx, &mut t, "no-default-patterns"),
            assign: self.assign(cx, &mut t),
            logs: self.logs(cx, &mut t),
            overrides: alarms(cx, &mut t),
            filter: filter(cx, &mut t),
            state: self.state(cx, &mut t),
            kafka: self.kafka(cx, &mut t),
            probe: self.probe(cx, &mut t),
        };
        t.finish(cx);
        config
    }

    /// A path as the user means it; `-` is standard input.
    fn path(&self, written: &str) -> PathBuf {
        if written == "-" { PathBuf::from(written) } else { self.directory.join(written) }
    }

    fn paths(&self, cx: &mut Context, t: &mut Table, key: &'static str) -> Option<At<Vec<PathBuf>>> {
        let span = t.span_of(cx, key);
        let names = t.names(cx, key)?;
        not_blank(cx, &names, key);
        Some(At::new(names.iter().map(|n| self.path(&n.value)).collect(), &span))
    }

    fn assign(&self, cx: &mut Context, t: &mut Table) -> Vec<At<(String, PathBuf)>> {
        let Some(table) = t.child(cx, "assign", "the table of nodes") else { return Vec::new() };
        let mut assign = Vec::new();
        for (node, value) in table.entries(cx) {
            if node.value.is_empty() {
                let error = Diagnostic::error(&node.span, "a node without a name", "nothing stands here");
                cx.found.push(error.help("write `NODE = \"PATH\"`"));
            }
            for path in strings(cx, value, &node.value, "PATH") {
                assign.push(At::new((node.value.clone(), self.path(&path.value)), &path.span));
            }
        }
        assign
    }

    fn logs(&self, cx: &mut Context, t: &mut Table) -> Vec<LogConfig> {
        let mut logs = Vec::new();
        for (name, mut table) in named(cx, t, "log", "a log") {
            let zone = parsed(cx, &mut table, "tz", value::zone);
            let silent = parsed(cx, &mut table, "silent", value::silent);
            let files = table.names(cx, "files").unwrap_or_default();
            not_blank(cx, &files, "files");
            table.finish(cx);
            let files = files.iter().map(|f| At::new(self.path(&f.value), &f.span)).collect();
            logs.push(LogConfig { name, zone, silent, files });
        }
        logs
    }

    fn state(&self, cx: &mut Context, t: &mut Table) -> StateConfig {
        let Some(mut table) = t.child(cx, "state", "the table `state`") else { return StateConfig::default() };
        let dir = parsed(cx, &mut table, "dir", value::not_empty).map(|d| At::new(self.path(&d.value), &d.span));
        let lookback = parsed(cx, &mut table, "lookback", value::lookback);
        let from = parsed(cx, &mut table, "from", value::begin);
        if let (Some(lookback), Some(from)) = (&lookback, &from) {
            let error = Diagnostic::error(&from.span, "`from` and `lookback` exclude each other", "from here, or");
            cx.found.push(error.also(&lookback.span, "so far back?").help("remove one of them"));
        }
        let begin = from.or(lookback.map(|l| At::new(Begin::Lookback(l.value), &l.span)));
        let outbox = parsed(cx, &mut table, "outbox", value::size);
        table.finish(cx);
        StateConfig { dir, begin, outbox }
    }

    fn kafka(&self, cx: &mut Context, t: &mut Table) -> Vec<Property> {
        let mut properties = Vec::new();
        if let Some(table) = t.child(cx, "kafka", "the table `kafka`") {
            self.properties(cx, &table, "", &mut properties);
        }
        for (at, property) in properties.iter().enumerate() {
            if let Some(twice) = properties[..at].iter().find(|p| p.name == property.name) {
                let (Some(span), Some(first)) = (&property.span, &twice.span) else { continue };
                let title = format!("`{}` is given twice", property.name);
                let error = Diagnostic::error(span, title, "second value").also(first, "first value");
                cx.found.push(error.help("remove one of them"));
            }
        }
        properties
    }

    /// TOML takes `sasl.username = "x"` for tables in each other; the client's properties have dots in their names.
    fn properties(&self, cx: &mut Context, table: &Table, above: &str, into: &mut Vec<Property>) {
        for (key, value) in table.entries(cx) {
            let name = format!("{above}{}", key.value);
            let span = cx.span(value.span());
            let text = match value.get_ref() {
                DeValue::Table(_) => {
                    if let Some(below) = Table::new(cx, value, "properties") {
                        self.properties(cx, &below, &format!("{name}."), into);
                    }
                    continue;
                }
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Float(number) => number.to_string(),
                DeValue::Boolean(bool) => bool.to_string(),
                _ => {
                    let label = format!("this is of type {}", value.get_ref().type_str());
                    let error = Diagnostic::error(&span, "expected a property's value", label);
                    cx.found.push(error.help(format!("write `{name} = \"…\"`")));
                    continue;
                }
            };
            let (name, value) = match name.strip_suffix("-file") {
                Some(name) => (name.to_owned(), Written::File(self.path(&text))),
                None => (name, Written::Text(text)),
            };
            into.push(Property { name, value, span: Some(span) });
        }
    }
}

/// The tables of a section by name: `[log.NAME]`.
fn named<'t>(cx: &mut Context, t: &mut Table<'t>, key: &'static str, what: &'static str) -> Vec<(Name, Table<'t>)> {
    let Some(section) = t.child(cx, key, "a section") else { return Vec::new() };
    let entries = section.entries(cx);
    entries.into_iter().filter_map(|(name, value)| Some((name, Table::new(cx, value, what)?))).collect()
}

fn alarms(cx: &mut Context, t: &mut Table) -> overrides::Overrides {
    let alarms = named(cx, t, "alarm", "an alarm");
    overrides::Overrides { alarms: alarms.into_iter().map(|(name, table)| overrides::read(cx, name, table)).collect() }
}

fn filter(cx: &mut Context, t: &mut Table) -> FilterConfig {
    let Some(mut table) = t.child(cx, "filter", "the table `filter`") else { return FilterConfig::default() };
    let mut list = |cx: &mut Context, key| {
        let span = table.span_of(cx, key);
        table.names(cx, key).map(|names| At::new(names, &span))
    };
    let (alarms, nodes) = (list(cx, "alarm"), list(cx, "node"));
    let severity = parsed(cx, &mut table, "severity", value::severity);
    table.finish(cx);
    FilterConfig { alarms, nodes, severity }
}

fn max_keys(cx: &mut Context, t: &mut Table) -> Option<At<usize>> {
    let span = t.span_of(cx, "max-keys");
    let number = t.number(cx, "max-keys", 1..=MOST_KEYS)?;
    Some(At::new(usize::try_from(number).ok()?, &span))
}

fn sinks(cx: &mut Context, t: &mut Table) -> Option<At<Vec<Sink>>> {
    let span = t.span_of(cx, "to");
    let mut sinks = Vec::new();
    for name in t.names(cx, "to")? {
        match Sink::parse(&name.value) {
            Ok(sink) => sinks.push(sink),
            Err(why) => {
                // What stands there may hold a password, where it should not.
                let error = Diagnostic::error(&name.span, "this is no sink", "here");
                cx.found.push(error.help(why));
            }
        }
    }
    Some(At::new(sinks, &span))
}

fn flag(cx: &mut Context, t: &mut Table, key: &'static str) -> Option<At<bool>> {
    let (said, span) = (t.has(key), t.span_of(cx, key));
    let value = t.bool(cx, key);
    said.then(|| At::new(value, &span))
}

/// A string that has to mean something.
fn parsed<T>(
    cx: &mut Context,
    t: &mut Table,
    key: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<At<T>> {
    let text = t.string(cx, key)?;
    match parse(&text.value) {
        Ok(value) => Some(At::new(value, &text.span)),
        Err(help) => {
            let title = format!("`{}` is no value for `{key}`", text.value);
            cx.found.push(Diagnostic::error(&text.span, title, "here").help(help));
            None
        }
    }
}

fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let known: Vec<_> = T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
        suggest(text, known.iter().map(clap::builder::PossibleValue::get_name))
    })
}

fn not_blank(cx: &mut Context, names: &[Name], key: &str) {
    for name in names.iter().filter(|n| n.value.trim().is_empty()) {
        let error = Diagnostic::error(&name.span, format!("a path of `{key}` is empty"), "nothing stands here");
        cx.found.push(error.help("write a path, or remove it"));
    }
}

/// A string or a list of strings below a key that the user chose.
fn strings(cx: &mut Context, value: &toml::Spanned<DeValue>, key: &str, what: &str) -> Vec<Name> {
    let items: Vec<&toml::Spanned<DeValue>> = match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    let mut names = Vec::new();
    for item in items {
        let span = cx.span(item.span());
        match item.get_ref().as_str().filter(|s| !s.trim().is_empty()) {
            Some(text) => names.push(At::new(text.to_owned(), &span)),
            None => {
                let error = Diagnostic::error(&span, "expected a path", "this is none");
                cx.found.push(error.help(format!("write `{key} = \"{what}\"`, or a list of such")));
            }
        }
    }
    names
}
