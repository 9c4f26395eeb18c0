//! From TOML to [`Definitions`]: the shape of pattern files, and which entry wins.
//!
//! Only shape is checked here (keys, types, what excludes what); whether names and regexes mean anything is for
//! [`compile`](super::compile).

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::diagnostic::{Diagnostic, Source, SourceId, Span};
use super::model::*;
use super::syntax;
use super::toml_reader::{Context, Table};
use crate::time::SECOND;
use crate::transition::{EVIDENCE_LINES, Provenance, Severity};

/// Look-back takes this many lines of a `with` clause as evidence unless it says otherwise.
const WITH_MAX: usize = 4;

/// More hits than this need not be counted to know that something is wrong.
const MOST: i64 = 1_000_000;

/// Reads all sources, in order; an entry of a later source replaces a built-in one of the same name.
///
/// What is wrong is reported and stands as something harmless in the definitions, so that checking can go on: nothing
/// runs from definitions with an error.
pub fn load(sources: &[Source]) -> (Definitions, Vec<Diagnostic>) {
    let mut all = Definitions::default();
    let mut found = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        let value = toml::Spanned::new(table.span(), toml::de::DeValue::Table(table.into_inner()));
        let mut shape = Vec::new();
        let mut cx = Context { source: SourceId(index), found: &mut shape };
        if let Some(root) = Table::new(&mut cx, &value, "a pattern file") {
            file(&mut cx, root, source.builtin, &mut all, sources);
        }
        let broken = syntax::Broken::new(SourceId(index), &source.text, &errors);
        shape.retain(|d| !broken.covers(d.span.range.start));
        all.broken.extend(broken.is_broken().then(|| Span { source: SourceId(index), range: broken.misread.clone() }));
        found.extend(broken.errors);
        found.extend(shape);
    }
    (all, found)
}

fn file(cx: &mut Context, mut root: Table, builtin: bool, all: &mut Definitions, sources: &[Source]) {
    section(cx, &mut root, "layout", &mut all.layouts, sources, layout);
    section(cx, &mut root, "log", &mut all.logs, sources, log);
    section(cx, &mut root, "signal", &mut all.signals, sources, signal);
    section(cx, &mut root, "alarm", &mut all.alarms, sources, alarm);
    for table in root.tables(cx, "test", "a test") {
        all.tests.push(test(cx, table, builtin));
    }
    root.finish(cx);
}

/// One of the named sections, each entry read by `read`.
fn section<'t, T>(
    cx: &mut Context,
    root: &mut Table<'t>,
    key: &'static str,
    into: &mut BTreeMap<String, Entry<T>>,
    sources: &[Source],
    read: fn(&mut Context, &mut Table<'t>) -> T,
) {
    let what = match key {
        "layout" => "a layout",
        "log" => "a log",
        "signal" => "a signal",
        _ => "an alarm",
    };
    let nameless = |span: &Span| {
        let label = format!("the name of {what} stands in its header");
        let error = Diagnostic::error(span, format!("{what} without a name"), label);
        error.help(format!("write `[{key}.NAME]` above its keys"))
    };
    if root.has(key) && !root.is_table(key) {
        let span = root.span_of(cx, key);
        root.allow(key);
        return cx.found.push(nameless(&span));
    }
    let Some(section) = root.child(cx, key, "a section") else { return };
    let entries = section.entries(cx);
    if let Some((name, _)) = entries.iter().find(|(_, v)| !v.get_ref().is_table()) {
        cx.found.push(nameless(&name.span));
    }
    for (name, value) in entries.into_iter().filter(|(_, v)| v.get_ref().is_table()) {
        let Some(mut table) = Table::new(cx, value, what) else { continue };
        let enabled = table.enabled(cx);
        // A switched-off entry need not be whole: `[alarm.X] enabled = false` is all that it takes.
        let body = enabled.then(|| {
            let body = read(cx, &mut table);
            table.finish(cx);
            body
        });
        if let Err(twice) = enter(name, body, what, into, sources) {
            cx.found.push(twice.help("remove one of them; only a built-in entry can be replaced"));
        }
    }
}

/// Takes in an entry, in the place of a built-in one of the same name.
fn enter<T>(
    name: Name,
    body: Option<T>,
    what: &str,
    into: &mut BTreeMap<String, Entry<T>>,
    sources: &[Source],
) -> Result<(), Box<Diagnostic>> {
    let older = into.get(&name.value);
    if let Some(older) = older.filter(|o| !sources[o.span.source.0].builtin) {
        let title = format!("{what} `{}` is defined twice", name.value);
        let error = Diagnostic::error(&name.span, title, "second definition");
        return Err(Box::new(error.also(&older.span, "first definition")));
    }
    let replaces = older.is_some();
    let builtin = sources[name.span.source.0].builtin;
    into.insert(name.value, Entry { span: name.span, builtin, replaces, body });
    Ok(())
}

fn layout<'t>(cx: &mut Context, t: &mut Table<'t>) -> LayoutDef {
    let (pattern, regex, time) = (t.string(cx, "pattern"), t.string(cx, "regex"), t.string(cx, "time"));
    match (pattern, regex) {
        (Some(pattern), None) => {
            if let Some(time) = time {
                let error =
                    Diagnostic::error(&time.span, "`time` goes with `regex`", "a conversion pattern has its own");
                cx.found.push(error.help("write the format into the pattern, as in `%d{yyyy-MM-dd HH:mm:ss,SSS}`"));
            }
            LayoutDef::Conversion(pattern)
        }
        (None, Some(regex)) => LayoutDef::Regex { regex, time },
        (Some(_), Some(regex)) => {
            cx.found.push(Diagnostic::error(
                &regex.span,
                "a layout has `pattern` or `regex`, not both",
                "remove one of them",
            ));
            LayoutDef::Broken
        }
        (None, None) => {
            if !t.has("pattern") && !t.has("regex") {
                t.missing("pattern", "pattern = '%d{ISO8601} | %-5p | %t | %m | %l%n'");
            }
            LayoutDef::Broken
        }
    }
}

fn log<'t>(cx: &mut Context, t: &mut Table<'t>) -> LogDef {
    let files = t.required_names(cx, "files", "files = [\"zookeeper/quorumpeer/zookeeper-*.log*\"]");
    let layouts = t.required_names(cx, "layout", "layout = \"ha\"");
    let service = t.required_string(cx, "service", "service = \"Flink\"");
    let role = t.required_string(cx, "role", "role = \"FlinkServer\"");
    let default = t.bool(cx, "default");
    let line_records = match t.string(cx, "records") {
        Some(r) if r.value == "line" => true,
        Some(r) if r.value != "multi" => {
            let error =
                Diagnostic::error(&r.span, format!("unknown value `{}`", r.value), "not one of the known values");
            cx.found.push(
                error.help("write \"line\" (every line is a record) or \"multi\" (lines without a head continue one)"),
            );
            false
        }
        _ => false,
    };
    let zone = t.string(cx, "tz");
    let text = |name: Option<Name>| name.map_or_else(String::new, |n| n.value);
    LogDef { files, layouts, service: text(service), role: text(role), default, line_records, zone }
}

fn signal<'t>(cx: &mut Context, t: &mut Table<'t>) -> SignalDef {
    let logs = t.required_names(cx, "log", "log = \"ha-flinkserver\"");
    if !t.has("match") && !t.has("message") {
        t.missing("match", "match = '''…''' (any line of a record), or message = '''…''' (the message alone)");
    }
    let (matches, message, head) = (t.string(cx, "match"), t.string(cx, "message"), t.string(cx, "head"));
    let weight = t.string(cx, "weight");
    let provenance = t
        .required_string(cx, "provenance", "provenance = \"documented\"")
        .and_then(|p| one_of(cx, &p, "provenance", &Provenance::NAMES, Provenance::from_name(&p.value)));
    t.string(cx, "note");
    // Observed: neither may it clear nothing, nor must it not be cleared.
    let provenance = provenance.unwrap_or(Provenance::Observed);
    SignalDef { logs, matches, message, head, weight, provenance }
}

fn alarm<'t>(cx: &mut Context, t: &mut Table<'t>) -> AlarmDef {
    let logs = t.required_names(cx, "log", "log = \"ha-flinkserver\"");
    if !t.has("raise") {
        t.missing("raise", "raise = [{ on = \"…\" }]");
    }
    let name = t.required_string(cx, "name", "name = \"…\"");
    let severity = t
        .required_string(cx, "severity", "severity = \"major\"")
        .and_then(|s| one_of(cx, &s, "severity", &Severity::NAMES, Severity::from_name(&s.value)));
    let by = t.strings(cx, "by").unwrap_or_default();
    let params = params(cx, t);
    let stateless = t.bool(cx, "stateless");
    let written = t.tables(cx, "raise", "a raise entry");
    let count = written.len();
    let raise: Vec<RaiseDef> = written.into_iter().filter_map(|e| raise(cx, e)).collect();
    let partial = !t.has("raise") || raise.len() < count;
    if t.has("raise") && count == 0 && t.is_empty_list("raise") {
        let span = t.span_of(cx, "raise");
        cx.found.push(
            Diagnostic::error(&span, "an alarm that nothing raises", "an empty list")
                .help("write `raise = [{ on = \"…\" }]`"),
        );
    }
    let clear: Vec<ClearDef> = t.tables(cx, "clear", "a clear entry").into_iter().map(|e| clear(cx, e)).collect();
    AlarmDef {
        name: name.map_or_else(String::new, |n| n.value),
        severity: severity.unwrap_or(Severity::Major),
        logs,
        raise,
        clear,
        by,
        params,
        stateless,
        partial,
    }
}

fn one_of<T>(cx: &mut Context, at: &Name, what: &str, names: &[&str], value: Option<T>) -> Option<T> {
    if value.is_none() && !at.value.trim().is_empty() {
        cx.found.push(
            Diagnostic::error(&at.span, format!("unknown {what} `{}`", at.value), "not one of the known values")
                .help(super::diagnostic::suggest(&at.value, names.iter().copied())),
        );
    }
    value
}

/// `params = ["path"]`, or `{ path = "file" }` where the capture has another name.
fn params<'t>(cx: &mut Context, t: &mut Table<'t>) -> Vec<(Name, Name)> {
    if !t.is_table("params") {
        return t.strings(cx, "params").unwrap_or_default().into_iter().map(|n| (n.clone(), n)).collect();
    }
    let Some(table) = t.child(cx, "params", "a table of params") else { return Vec::new() };
    let mut params = Vec::new();
    for (name, value) in table.entries(cx) {
        let span = cx.span(value.span());
        match value.get_ref().as_str() {
            Some(capture) => params.push((name, At::new(capture.to_owned(), &span))),
            None => {
                cx.found.push(Diagnostic::error(&span, "expected the name of a capture", "this is no string").help(
                    "write `params = { PARAM = \"CAPTURE\" }`, or `params = [\"CAPTURE\"]` if both have one name",
                ))
            }
        }
    }
    params
}

fn raise(cx: &mut Context, mut t: Table) -> Option<RaiseDef> {
    let span = t.span.clone();
    let kind = raise_kind(cx, &mut t);
    let cause = if t.has("cause") { t.required_string(cx, "cause", "cause = \"heartbeat-interrupted\"") } else { None };
    let renew = t.bool(cx, "renew");
    let with = t.tables(cx, "with", "a `with` clause").into_iter().map(|w| with(cx, w)).collect();
    let unless = t.tables(cx, "unless", "an `unless` clause").into_iter().map(|u| unless(cx, u)).collect();
    t.allow("cause");
    t.finish(cx);
    let kind = kind?;
    if renew && !matches!(kind, RaiseKindDef::On { .. }) {
        let error = Diagnostic::error(&span, "`renew` goes with `on` alone", "this entry waits or counts");
        cx.found.push(error.help("remove `renew`, or write an entry of its own: `{ on = …, renew = true }`"));
    }
    Some(RaiseDef { span, kind, cause, with, unless, renew })
}

/// The kinds of raise entries by the key that tells them apart, with all keys of their own.
const KINDS: [(&str, &[&str]); 4] = [
    ("count", &["on", "count", "within"]),
    ("without", &["on", "without", "within"]),
    ("absent", &["absent", "for", "arm", "disarm"]),
    ("on", &["on"]),
];

const KINDS_HELP: &str = "write one of\n  { on = … }\n  { on = …, count = N, within = T }\n  { on = …, without = …, within = T }\n  { absent = …, for = T }";

fn raise_kind(cx: &mut Context, t: &mut Table) -> Option<RaiseKindDef> {
    let all_keys = ["on", "count", "without", "within", "absent", "for", "arm", "disarm"];
    let kinds: Vec<&(&str, &[&str])> = KINDS.iter().filter(|(key, _)| t.has(key)).collect();
    let strays =
        |t: &Table, own: &[&str]| all_keys.into_iter().filter(|k| t.has(k) && !own.contains(k)).collect::<Vec<_>>();
    // `on` is also a key of the kinds in front of it.
    let kind = kinds.first().filter(|(_, own)| kinds.iter().all(|(key, _)| own.contains(key)));
    let Some((kind, own)) = kind else {
        let label = match kinds.as_slice() {
            [] => "here it says none",
            _ => "here it says several",
        };
        cx.found.push(Diagnostic::error(&t.span, "a raise entry says one thing", label).help(KINDS_HELP));
        all_keys.into_iter().for_each(|key| t.allow(key));
        return None;
    };
    for key in strays(t, own) {
        let span = t.key_span(cx, key);
        let error = Diagnostic::error(
            &span,
            format!("`{key}` does not go with `{kind}`"),
            format!("an entry with `{kind}` has no such key"),
        );
        cx.found.push(error.help(KINDS_HELP));
        t.allow(key);
    }
    // Read what is there, so that every mistake is found; a broken value stands as something harmless.
    if *kind == "absent" {
        let absent = t.names(cx, "absent").unwrap_or_default();
        let span = t.duration(cx, "for").unwrap_or(SECOND);
        let arm = t.number(cx, "arm", 1..=MOST).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let disarm = t.strings(cx, "disarm").unwrap_or_default();
        return Some(RaiseKindDef::Absent { absent, span, arm, disarm });
    }
    let on = t.required_names(cx, "on", "on = \"…\"");
    Some(match *kind {
        "count" => {
            let count = t.number(cx, "count", 1..=MOST).unwrap_or(1).unsigned_abs();
            RaiseKindDef::Count { on, count, within: t.duration(cx, "within").unwrap_or(SECOND) }
        }
        "without" => {
            let without = t.names(cx, "without").unwrap_or_default();
            RaiseKindDef::Without { on, without, within: t.duration(cx, "within").unwrap_or(SECOND) }
        }
        _ => RaiseKindDef::On { on },
    })
}

fn with(cx: &mut Context, mut t: Table) -> WithDef {
    let on = t.required_names(cx, "on", "on = \"…\"");
    let within = t.duration(cx, "within").unwrap_or(SECOND);
    let cause = if t.has("cause") { t.required_string(cx, "cause", "cause = \"permission-denied\"") } else { None };
    t.allow("cause");
    let max =
        t.number(cx, "max", 1..=EVIDENCE_LINES as i64).map_or(WITH_MAX, |n| usize::try_from(n).unwrap_or(WITH_MAX));
    t.finish(cx);
    WithDef { on, within, cause, max }
}

fn unless(cx: &mut Context, mut t: Table) -> UnlessDef {
    let on = t.required_names(cx, "on", "on = \"…\"");
    let within = t.duration(cx, "within").unwrap_or(SECOND);
    t.finish(cx);
    UnlessDef { on, within }
}

fn clear(cx: &mut Context, mut t: Table) -> ClearDef {
    let span = t.span.clone();
    let given = ["on", "present", "quiet"].iter().filter(|k| t.has(k)).count();
    let kind = if given == 1 {
        if t.has("quiet") {
            ClearKindDef::Quiet(t.duration(cx, "quiet").unwrap_or(SECOND))
        } else if t.has("on") {
            ClearKindDef::On(t.names(cx, "on").unwrap_or_default())
        } else {
            ClearKindDef::Present(t.names(cx, "present").unwrap_or_default())
        }
    } else {
        let label = if given == 0 { "here it says none" } else { "here it says several" };
        let help = "write one of\n  { on = … }\n  { present = … }\n  { quiet = \"60s\" }";
        cx.found.push(Diagnostic::error(&span, "a clear entry says one thing", label).help(help));
        ClearKindDef::Quiet(SECOND)
    };
    for key in ["on", "present", "quiet"] {
        t.allow(key);
    }
    let causes = t.names(cx, "causes");
    t.finish(cx);
    ClearDef { span, kind, causes }
}

fn test(cx: &mut Context, mut t: Table, builtin: bool) -> TestDef {
    let span = t.span.clone();
    let alarm = t.string(cx, "alarm");
    let name = t.required_string(cx, "name", "name = \"raised and cleared\"");
    let (zone, end) = (t.string(cx, "tz"), t.string(cx, "end"));
    let (log, node, lines) = (t.string(cx, "log"), t.string(cx, "node"), t.string(cx, "lines"));
    if !t.has("expect") {
        t.missing("expect", "expect = [\"raise 2021-03-22T14:03:35.344 cause\"]");
    }
    let expect = t.strings(cx, "expect").unwrap_or_default();
    let mut inputs: Vec<TestInput> = t.tables(cx, "input", "an input").into_iter().map(|i| test_input(cx, i)).collect();
    if let Some(lines) = lines {
        inputs.insert(0, TestInput { log, node: node_name(node), lines: lines.value });
    } else if inputs.is_empty() && !t.has("lines") && !t.has("input") {
        t.missing("lines", "lines = '''…'''");
    }
    t.finish(cx);
    TestDef { span, alarm, name: name.map_or_else(String::new, |n| n.value), zone, end, inputs, expect, builtin }
}

fn test_input(cx: &mut Context, mut t: Table) -> TestInput {
    let (log, node) = (t.string(cx, "log"), t.string(cx, "node"));
    let lines = t.required_string(cx, "lines", "lines = '''…'''");
    t.finish(cx);
    TestInput { log, node: node_name(node), lines: lines.map_or_else(String::new, |l| l.value) }
}

fn node_name(node: Option<Name>) -> String {
    node.map_or_else(|| "node".to_owned(), |n| n.value)
}

/// The place of an entry that a definition names, for messages that point at both.
pub fn span_of<T>(entries: &BTreeMap<String, Entry<T>>, name: &str) -> Option<Span> {
    entries.get(name).map(|e| e.span.clone())
}
