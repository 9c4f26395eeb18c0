//! Reading TOML tables key by key, with a place for every value and every mistake kept.
//!
//! serde stops at the first error and forgets places; a person who mends a pattern file wants all of them at once,
//! and for an unknown key the known one that was probably meant. So a [`Table`] is asked for each key that there is,
//! remembers what it was asked for, and reports the rest when it is [finished](Table::finish).

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, SourceId, Span, suggest};
use super::model::{At, Name};
use crate::time::{MINUTE, Millis, parse_duration};

/// Where mistakes go, and which file they are in.
pub struct Context<'a> {
    pub source: SourceId,
    pub found: &'a mut Vec<Diagnostic>,
}

impl Context<'_> {
    pub fn span(&self, range: Range<usize>) -> Span {
        Span { source: self.source, range }
    }
}

pub struct Table<'t> {
    table: &'t DeTable<'t>,
    pub span: Span,
    /// What this table is, for messages: "a signal".
    what: &'static str,
    asked: Vec<&'static str>,
    /// Keys that must be there and are not, each with an example.
    missing: Vec<(&'static str, String)>,
}

/// No rule waits longer than this; a year of look-back is a slip of the pen.
const LONGEST: Millis = 366 * 24 * 60 * MINUTE;

impl<'t> Table<'t> {
    /// `None`, and a mistake noted, if the value is no table.
    pub fn new(cx: &mut Context, value: &'t Spanned<DeValue<'t>>, what: &'static str) -> Option<Table<'t>> {
        let span = cx.span(value.span());
        match value.get_ref().as_table() {
            Some(table) => Some(Table { table, span, what, asked: Vec::new(), missing: Vec::new() }),
            None => {
                wrong_type(cx, &span, value, "a table", &format!("{what} is a table: `{{ key = value, … }}`"));
                None
            }
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn get(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    pub fn string(&mut self, cx: &mut Context, key: &'static str) -> Option<Name> {
        let value = self.get(key)?;
        string(cx, value, key)
    }

    pub fn required_string(&mut self, cx: &mut Context, key: &'static str, example: &str) -> Option<Name> {
        if !self.has(key) {
            self.missing(key, example);
        }
        let text = self.string(cx, key)?;
        if text.value.trim().is_empty() {
            let error = Diagnostic::error(&text.span, format!("`{key}` is empty"), "nothing stands here");
            cx.found.push(error.help(format!("write for example `{example}`")));
        }
        Some(text)
    }

    /// A name or a list of names.
    pub fn strings(&mut self, cx: &mut Context, key: &'static str) -> Option<Vec<Name>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Array(items) => Some(items.iter().filter_map(|v| string(cx, v, key)).collect()),
            _ => Some(string(cx, value, key).into_iter().collect()),
        }
    }

    /// The same, where an empty list makes no sense.
    pub fn names(&mut self, cx: &mut Context, key: &'static str) -> Option<Vec<Name>> {
        if let Some(value) = self.table.get(key)
            && value.get_ref().as_array().is_some_and(|items| items.is_empty())
        {
            let span = cx.span(value.span());
            cx.found.push(
                Diagnostic::error(&span, format!("`{key}` is an empty list"), "nothing is named here")
                    .help(format!("name at least one, as in `{key} = [\"…\"]`, or remove the entry")),
            );
        }
        self.strings(cx, key)
    }

    pub fn required_names(&mut self, cx: &mut Context, key: &'static str, example: &str) -> Vec<Name> {
        if !self.has(key) {
            self.missing(key, example);
        }
        self.names(cx, key).unwrap_or_default()
    }

    pub fn bool(&mut self, cx: &mut Context, key: &'static str) -> bool {
        let Some(value) = self.get(key) else { return false };
        let span = cx.span(value.span());
        value.get_ref().as_bool().unwrap_or_else(|| {
            wrong_type(cx, &span, value, "true or false", &format!("write `{key} = true` or leave it out"));
            false
        })
    }

    pub fn enabled(&mut self, cx: &mut Context) -> bool {
        let said = self.has("enabled");
        let value = self.bool(cx, "enabled");
        !said || value
    }

    pub fn number(&mut self, cx: &mut Context, key: &'static str, allowed: RangeInclusive<i64>) -> Option<i64> {
        let value = self.get(key)?;
        let span = cx.span(value.span());
        let number = value.get_ref().as_integer().and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
        match number {
            Some(n) if allowed.contains(&n) => Some(n),
            Some(n) => {
                let what = if n < *allowed.start() { "small" } else { "large" };
                let error = Diagnostic::error(&span, format!("`{key}` is too {what}"), format!("{n} is out of bounds"));
                cx.found.push(error.help(format!("write a number from {} to {}", allowed.start(), allowed.end())));
                None
            }
            None => {
                let example = (*allowed.start()).max(3);
                wrong_type(cx, &span, value, "a whole number", &format!("write for example `{key} = {example}`"));
                None
            }
        }
    }

    pub fn duration(&mut self, cx: &mut Context, key: &'static str) -> Option<Millis> {
        if !self.has(key) {
            self.missing(key, &format!("{key} = \"30s\""));
        }
        if let Some(value) = self.table.get(key)
            && let Some(number) = value.get_ref().as_integer()
        {
            self.asked.push(key);
            let error = Diagnostic::error(&cx.span(value.span()), "a duration without a unit", "seconds, minutes?");
            cx.found.push(error.help(format!("write for example `{key} = \"{}s\"`", number.as_str())));
            return None;
        }
        let text = self.string(cx, key)?;
        let error = match parse_duration(&text.value) {
            Some(duration) if (1..=LONGEST).contains(&duration) => return Some(duration),
            Some(duration) => {
                let label = if duration < 1 { "nothing happens within no time" } else { "this is longer than a year" };
                Diagnostic::error(&text.span, format!("`{key}` is out of bounds"), label)
                    .help("write a time from \"1ms\" to \"366d\"")
            }
            None => Diagnostic::error(
                &text.span,
                format!("`{}` is no duration", text.value),
                "expected a number and a unit",
            )
            .help("write for example \"500ms\", \"30s\", \"10m\", \"1h30m\" or \"1d\""),
        };
        cx.found.push(error);
        None
    }

    /// A list of tables, as `[[test.input]]` or `[{ … }, { … }]`; a single table counts as a list of one.
    pub fn tables(&mut self, cx: &mut Context, key: &'static str, what: &'static str) -> Vec<Table<'t>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|v| Table::new(cx, v, what)).collect(),
            _ => Table::new(cx, value, what).into_iter().collect(),
        }
    }

    /// The names below this table, each with its place: `[signal.x]` is the name `x` in the table `signal`.
    pub fn entries(&self, cx: &Context) -> Vec<(Name, &'t Spanned<DeValue<'t>>)> {
        self.table.iter().map(|(k, v)| (At::new(k.get_ref().to_string(), &cx.span(k.span())), v)).collect()
    }

    pub fn child(&mut self, cx: &mut Context, key: &'static str, what: &'static str) -> Option<Table<'t>> {
        let value = self.get(key)?;
        Table::new(cx, value, what)
    }

    /// Takes a key as known without reading it, where an error about it has been reported already.
    pub fn allow(&mut self, key: &'static str) {
        self.asked.push(key);
    }

    /// Where the value of a key stands; the whole table if it has no such key.
    pub fn span_of(&self, cx: &Context, key: &str) -> Span {
        self.table.get(key).map_or_else(|| self.span.clone(), |v| cx.span(v.span()))
    }

    /// Where the key itself stands.
    pub fn key_span(&self, cx: &Context, key: &str) -> Span {
        self.table.get_key_value(key).map_or_else(|| self.span.clone(), |(k, _)| cx.span(k.span()))
    }

    pub fn is_empty_list(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|v| v.get_ref().as_array().is_some_and(|items| items.is_empty()))
    }

    /// Is the value of this key a table?
    pub fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|v| v.get_ref().is_table())
    }

    /// Says at the end that this key must be there.
    pub fn missing(&mut self, key: &'static str, example: &str) {
        self.missing.push((key, example.to_owned()));
    }

    fn report_missing(&self, cx: &mut Context) {
        let quoted: Vec<String> = self.missing.iter().map(|(key, _)| format!("`{key}`")).collect();
        let (keys, label, help) = match (quoted.as_slice(), self.missing.as_slice()) {
            ([], _) => return,
            ([key], [(_, example)]) => (key.clone(), format!("{key} is missing here"), format!("add `{example}`")),
            ([most @ .., last], all) => {
                let examples: Vec<String> = all.iter().map(|(_, example)| format!("\n  {example}")).collect();
                let keys = format!("{} and {last}", most.join(", "));
                (keys, "these keys are missing here".to_owned(), format!("add{}", examples.concat()))
            }
        };
        cx.found.push(Diagnostic::error(&self.span, format!("{} without {keys}", self.what), label).help(help));
    }

    /// Reports the keys that are missing, and every key that nobody asked for.
    pub fn finish(self, cx: &mut Context) {
        self.report_missing(cx);
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                let span = cx.span(key.span());
                cx.found.push(
                    Diagnostic::error(&span, format!("unknown key `{name}`"), format!("{} has no such key", self.what))
                        .help(suggest(name, self.asked.iter().copied())),
                );
            }
        }
    }
}

fn string(cx: &mut Context, value: &Spanned<DeValue>, key: &str) -> Option<Name> {
    let span = cx.span(value.span());
    match value.get_ref().as_str() {
        Some(s) => Some(At::new(s.to_owned(), &span)),
        None => {
            let quotes = if matches!(key, "match" | "message" | "head" | "regex") { "'''…'''" } else { "\"…\"" };
            wrong_type(cx, &span, value, "a string", &format!("write `{key} = {quotes}`"));
            None
        }
    }
}

fn wrong_type(cx: &mut Context, span: &Span, value: &Spanned<DeValue>, wanted: &str, help: &str) {
    let label = format!("this is of type {}", value.get_ref().type_str());
    cx.found.push(Diagnostic::error(span, format!("expected {wanted}"), label).help(help));
}
