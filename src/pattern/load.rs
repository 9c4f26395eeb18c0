//! From TOML to [`Definitions`]: the shape of pattern files, and which entry wins.
//!
//! Only shape is checked here (keys, types, what excludes what); whether names and regexes mean anything is for
//! [`compile`](super::compile).

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::diagnostic::{Diagnostic, Source, SourceId, Span};
use super::model::*;
use super::toml_reader::{Context, Table};
use crate::transition::{Provenance, Severity};

/// Look-back takes this many lines of a `with` clause as evidence unless it says otherwise.
const WITH_MAX: usize = 4;

/// Reads all sources, in order; an entry of a later source replaces a built-in one of the same name.
pub fn load(sources: &[Source]) -> (Definitions, Vec<Diagnostic>) {
    let mut all = Definitions::default();
    let mut found = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let mut cx = Context { source: SourceId(index), found: &mut found };
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        for error in errors {
            let span = cx.span(error.span().unwrap_or(0..0));
            cx.found.push(Diagnostic::error(&span, "this is not TOML", error.message().trim()));
        }
        let value = toml::Spanned::new(table.span(), toml::de::DeValue::Table(table.into_inner()));
        let Some(root) = Table::new(&mut cx, &value, "a pattern file") else { continue };
        file(&mut cx, root, source.builtin, &mut all, sources);
    }
    (all, found)
}

fn file(cx: &mut Context, mut root: Table, builtin: bool, all: &mut Definitions, sources: &[Source]) {
    section(cx, &mut root, "layout", &mut all.layouts, sources, layout);
    section(cx, &mut root, "log", &mut all.logs, sources, log);
    section(cx, &mut root, "signal", &mut all.signals, sources, signal);
    section(cx, &mut root, "alarm", &mut all.alarms, sources, alarm);
    for table in root.tables(cx, "test", "a test") {
        all.tests.extend(test(cx, table, builtin));
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
    read: fn(&mut Context, &mut Table<'t>) -> Option<T>,
) {
    let Some(section) = root.child(cx, key, "a section") else { return };
    for (name, value) in section.entries(cx) {
        let what = match key {
            "layout" => "a layout",
            "log" => "a log",
            "signal" => "a signal",
            _ => "an alarm",
        };
        let Some(mut table) = Table::new(cx, value, what) else { continue };
        let enabled = table.enabled(cx);
        // A switched-off entry need not be whole: `[alarm.X] enabled = false` is all that it takes.
        let body = if enabled {
            let body = read(cx, &mut table);
            table.finish(cx);
            match body {
                Some(body) => Some(body),
                None => continue,
            }
        } else {
            None
        };
        let older = into.get(&name.value);
        if let Some(older) = older.filter(|o| !sources[o.span.source.0].builtin) {
            cx.found.push(
                Diagnostic::error(&name.span, format!("{what} `{}` is defined twice", name.value), "second definition")
                    .also(&older.span, "first definition")
                    .help("remove one of them; only a built-in entry can be replaced"),
            );
            continue;
        }
        let replaces = older.is_some();
        into.insert(name.value, Entry { span: name.span, replaces, body });
    }
}

fn layout<'t>(cx: &mut Context, t: &mut Table<'t>) -> Option<LayoutDef> {
    let (pattern, regex, time) = (t.string(cx, "pattern"), t.string(cx, "regex"), t.string(cx, "time"));
    match (pattern, regex) {
        (Some(pattern), None) => Some(LayoutDef::Conversion(pattern)),
        (None, Some(regex)) => Some(LayoutDef::Regex { regex, time }),
        (Some(_), Some(regex)) => {
            cx.found.push(Diagnostic::error(
                &regex.span,
                "a layout has `pattern` or `regex`, not both",
                "remove one of them",
            ));
            None
        }
        (None, None) => {
            t.missing(cx, "pattern", "pattern = '%d{ISO8601} | %-5p | %t | %m | %l%n'");
            None
        }
    }
}

fn log<'t>(cx: &mut Context, t: &mut Table<'t>) -> Option<LogDef> {
    if !t.has("files") {
        t.missing(cx, "files", "files = [\"zookeeper/quorumpeer/zookeeper-*.log*\"]");
    }
    if !t.has("layout") {
        t.missing(cx, "layout", "layout = \"ha\"");
    }
    let files = t.strings(cx, "files");
    let layouts = t.strings(cx, "layout");
    let service = t.required_string(cx, "service", "service = \"Flink\"");
    let role = t.required_string(cx, "role", "role = \"FlinkServer\"");
    let default = t.bool(cx, "default");
    let line_records = match t.string(cx, "records") {
        Some(r) if r.value == "line" => true,
        Some(r) if r.value != "multi" => {
            cx.found.push(Diagnostic::error(
                &r.span,
                format!("unknown value `{}`", r.value),
                "expected \"line\" or \"multi\"",
            ));
            false
        }
        _ => false,
    };
    let zone = t.string(cx, "tz");
    Some(LogDef {
        files: files?,
        layouts: layouts?,
        service: service?.value,
        role: role?.value,
        default,
        line_records,
        zone,
    })
}

fn signal<'t>(cx: &mut Context, t: &mut Table<'t>) -> Option<SignalDef> {
    if !t.has("log") {
        t.missing(cx, "log", "log = \"ha-flinkserver\"");
    }
    if !t.has("match") && !t.has("message") {
        t.missing(cx, "match", "match = '''…'''` (any line of a record) or `message = '''…'''");
    }
    let logs = t.strings(cx, "log");
    let (matches, message, head) = (t.string(cx, "match"), t.string(cx, "message"), t.string(cx, "head"));
    let weight = t.string(cx, "weight");
    let provenance = t
        .required_string(cx, "provenance", "provenance = \"documented\"")
        .and_then(|p| one_of(cx, &p, "provenance", &Provenance::NAMES, Provenance::from_name(&p.value)));
    t.string(cx, "note");
    if matches.is_none() && message.is_none() {
        return None;
    }
    Some(SignalDef { logs: logs?, matches, message, head, weight, provenance: provenance? })
}

fn alarm<'t>(cx: &mut Context, t: &mut Table<'t>) -> Option<AlarmDef> {
    for (key, example) in [("log", "log = \"ha-flinkserver\""), ("raise", "raise = [{ on = \"…\" }]")] {
        if !t.has(key) {
            t.missing(cx, key, example);
        }
    }
    let name = t.required_string(cx, "name", "name = \"…\"");
    let severity = t
        .required_string(cx, "severity", "severity = \"major\"")
        .and_then(|s| one_of(cx, &s, "severity", &Severity::NAMES, Severity::from_name(&s.value)));
    let logs = t.strings(cx, "log");
    let by = t.strings(cx, "by").unwrap_or_default();
    let params = params(cx, t);
    let stateless = t.bool(cx, "stateless");
    let raise = t.tables(cx, "raise", "a raise entry").into_iter().filter_map(|e| raise(cx, e)).collect();
    let clear: Vec<ClearDef> =
        t.tables(cx, "clear", "a clear entry").into_iter().filter_map(|e| clear(cx, e)).collect();
    Some(AlarmDef { name: name?.value, severity: severity?, logs: logs?, raise, clear, by, params, stateless })
}

fn one_of<T>(cx: &mut Context, at: &Name, what: &str, names: &[&str], value: Option<T>) -> Option<T> {
    if value.is_none() {
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
            None => cx.found.push(Diagnostic::error(&span, "expected the name of a capture", "write a string here")),
        }
    }
    params
}

fn raise(cx: &mut Context, mut t: Table) -> Option<RaiseDef> {
    let span = t.span.clone();
    let kind = raise_kind(cx, &mut t);
    let cause = t.string(cx, "cause");
    let renew = t.bool(cx, "renew");
    let with = t.tables(cx, "with", "a `with` clause").into_iter().filter_map(|w| with(cx, w)).collect();
    let unless = t.tables(cx, "unless", "an `unless` clause").into_iter().filter_map(|u| unless(cx, u)).collect();
    t.finish(cx);
    let kind = kind?;
    if renew && !matches!(kind, RaiseKindDef::On { .. }) {
        cx.found.push(Diagnostic::error(&span, "`renew` goes with `on` alone", "this entry waits or counts"));
    }
    Some(RaiseDef { span, kind, cause, with, unless, renew })
}

fn raise_kind(cx: &mut Context, t: &mut Table) -> Option<RaiseKindDef> {
    let (has_on, has_absent) = (t.has("on"), t.has("absent"));
    let (has_count, has_without) = (t.has("count"), t.has("without"));
    let on = t.strings(cx, "on");
    let absent = t.strings(cx, "absent");
    if has_on == has_absent || (has_count && has_without) || (has_absent && (has_count || has_without)) {
        cx.found.push(
            Diagnostic::error(&t.span, "a raise entry says one thing", "here it says none, or several")
                .help("write one of `on = …`, `on = …, count = N, within = T`, `on = …, without = …, within = T`, `absent = …, for = T`"),
        );
        // Name the keys, so that they are not reported as unknown on top.
        for key in ["count", "without", "within", "for", "arm", "disarm"] {
            t.allow(key);
        }
        return None;
    }
    if has_absent {
        let span = t.duration(cx, "for");
        let arm = t.number(cx, "arm", 1).unwrap_or(1);
        let disarm = t.strings(cx, "disarm").unwrap_or_default();
        return Some(RaiseKindDef::Absent {
            absent: absent?,
            span: span?,
            arm: u32::try_from(arm).unwrap_or(u32::MAX),
            disarm,
        });
    }
    if has_count {
        let count = t.number(cx, "count", 1);
        let within = t.duration(cx, "within");
        return Some(RaiseKindDef::Count { on: on?, count: count?.unsigned_abs(), within: within? });
    }
    if has_without {
        let without = t.strings(cx, "without");
        let within = t.duration(cx, "within");
        return Some(RaiseKindDef::Without { on: on?, without: without?, within: within? });
    }
    Some(RaiseKindDef::On { on: on? })
}

fn with(cx: &mut Context, mut t: Table) -> Option<WithDef> {
    if !t.has("on") {
        t.missing(cx, "on", "on = \"…\"");
    }
    let on = t.strings(cx, "on");
    let within = t.duration(cx, "within");
    let cause = t.string(cx, "cause");
    let max = t.number(cx, "max", 1).map_or(WITH_MAX, |n| usize::try_from(n).unwrap_or(WITH_MAX));
    t.finish(cx);
    Some(WithDef { on: on?, within: within?, cause, max })
}

fn unless(cx: &mut Context, mut t: Table) -> Option<UnlessDef> {
    if !t.has("on") {
        t.missing(cx, "on", "on = \"…\"");
    }
    let on = t.strings(cx, "on");
    let within = t.duration(cx, "within");
    t.finish(cx);
    Some(UnlessDef { on: on?, within: within? })
}

fn clear(cx: &mut Context, mut t: Table) -> Option<ClearDef> {
    let span = t.span.clone();
    let given = ["on", "present", "quiet"].iter().filter(|k| t.has(k)).count();
    let kind = if given == 1 {
        if t.has("quiet") {
            t.duration(cx, "quiet").map(ClearKindDef::Quiet)
        } else if t.has("on") {
            t.strings(cx, "on").map(ClearKindDef::On)
        } else {
            t.strings(cx, "present").map(ClearKindDef::Present)
        }
    } else {
        cx.found.push(
            Diagnostic::error(&span, "a clear entry says one thing", "here it says none, or several")
                .help("write one of `on = …`, `present = …`, `quiet = \"60s\"`"),
        );
        None
    };
    for key in ["on", "present", "quiet"] {
        t.allow(key);
    }
    let causes = t.strings(cx, "causes");
    t.finish(cx);
    Some(ClearDef { span, kind: kind?, causes })
}

fn test(cx: &mut Context, mut t: Table, builtin: bool) -> Option<TestDef> {
    let span = t.span.clone();
    let alarm = t.string(cx, "alarm");
    let name = t.required_string(cx, "name", "name = \"raised and cleared\"");
    let (zone, end) = (t.string(cx, "tz"), t.string(cx, "end"));
    let (log, node, lines) = (t.string(cx, "log"), t.string(cx, "node"), t.string(cx, "lines"));
    if !t.has("expect") {
        t.missing(cx, "expect", "expect = [\"raise 2021-03-22T14:03:35.344 cause\"]` (`[]`: nothing");
    }
    let expect = t.strings(cx, "expect").unwrap_or_default();
    let mut inputs: Vec<TestInput> =
        t.tables(cx, "input", "an input").into_iter().filter_map(|i| test_input(cx, i)).collect();
    if let Some(lines) = lines {
        inputs.insert(0, TestInput { log, node: node_name(node), lines: lines.value });
    } else if inputs.is_empty() {
        t.missing(cx, "lines", "lines = '''…'''");
    }
    t.finish(cx);
    Some(TestDef { span, alarm, name: name?.value, zone, end, inputs, expect, builtin })
}

fn test_input(cx: &mut Context, mut t: Table) -> Option<TestInput> {
    let (log, node) = (t.string(cx, "log"), t.string(cx, "node"));
    let lines = t.required_string(cx, "lines", "lines = '''…'''");
    t.finish(cx);
    Some(TestInput { log, node: node_name(node), lines: lines?.value })
}

fn node_name(node: Option<Name>) -> String {
    node.map_or_else(|| "node".to_owned(), |n| n.value)
}

/// The place of an entry that a definition names, for messages that point at both.
pub fn span_of<T>(entries: &BTreeMap<String, Entry<T>>, name: &str) -> Option<Span> {
    entries.get(name).map(|e| e.span.clone())
}
