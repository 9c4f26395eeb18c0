//! What an operator changes about an alarm without writing it again.
//!
//! A pattern file that replaces an alarm has to repeat its rules, and then misses what a new version mends in them. So
//! the configuration may change the few things that differ from site to site (is it wanted, how severe is it, how long
//! and how often) on the definition itself, before it is compiled: all else stays as it was written.

use super::diagnostic::{Diagnostic, Source, SourceId, Span, suggest};
use super::model::{AlarmDef, At, ClearDef, ClearKindDef, Definitions, Name, RaiseDef, RaiseKindDef};
use super::toml_reader::{Context, Table};
use crate::transition::Severity;

/// Changes of alarms, in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub alarms: Vec<Override>,
}

#[derive(Clone, Debug)]
pub struct Override {
    pub alarm: Name,
    pub enabled: Option<At<bool>>,
    pub severity: Option<At<Severity>>,
    pub limits: Vec<Limit>,
}

/// One number of a rule.
#[derive(Clone, Debug)]
pub struct Limit {
    pub kind: LimitKind,
    /// A count, or milliseconds.
    pub value: At<i64>,
    /// Only in the rules of this cause; `None`: in the one rule that has such a limit.
    pub cause: Option<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    Count,
    Within,
    For,
    Arm,
    Quiet,
}

impl LimitKind {
    pub const ALL: [LimitKind; 5] =
        [LimitKind::Count, LimitKind::Within, LimitKind::For, LimitKind::Arm, LimitKind::Quiet];

    pub fn name(self) -> &'static str {
        match self {
            LimitKind::Count => "count",
            LimitKind::Within => "within",
            LimitKind::For => "for",
            LimitKind::Arm => "arm",
            LimitKind::Quiet => "quiet",
        }
    }

    pub fn is_duration(self) -> bool {
        !matches!(self, LimitKind::Count | LimitKind::Arm)
    }

    fn is_of(self, raise: &RaiseDef) -> bool {
        match self {
            LimitKind::Count => matches!(raise.kind, RaiseKindDef::Count { .. }),
            LimitKind::Within => matches!(raise.kind, RaiseKindDef::Count { .. } | RaiseKindDef::Without { .. }),
            LimitKind::For | LimitKind::Arm => matches!(raise.kind, RaiseKindDef::Absent { .. }),
            // It stands in a clear entry.
            LimitKind::Quiet => false,
        }
    }

    fn set(self, raise: &mut RaiseDef, value: i64) {
        match (self, &mut raise.kind) {
            (LimitKind::Count, RaiseKindDef::Count { count, .. }) => *count = value.unsigned_abs(),
            (LimitKind::Within, RaiseKindDef::Count { within, .. } | RaiseKindDef::Without { within, .. }) => {
                *within = value;
            }
            (LimitKind::For, RaiseKindDef::Absent { span, .. }) => *span = value,
            (LimitKind::Arm, RaiseKindDef::Absent { arm, .. }) => *arm = u32::try_from(value).unwrap_or(u32::MAX),
            _ => {}
        }
    }
}

/// More hits than this need not be counted to know that something is wrong.
const MOST: i64 = 1_000_000;

/// `[alarm.ID]` of a configuration.
pub fn read(cx: &mut Context, alarm: Name, mut t: Table) -> Override {
    let enabled = t.has("enabled").then(|| At::new(t.enabled(cx), &t.span_of(cx, "enabled")));
    t.allow("enabled");
    let severity = t.string(cx, "severity").and_then(|s| severity(cx, &s));
    let mut limits = limits(cx, &mut t, None);
    if let Some(causes) = t.child(cx, "cause", "a table of causes") {
        for (cause, value) in causes.entries(cx) {
            let Some(mut table) = Table::new(cx, value, "the limits of a cause") else { continue };
            limits.extend(self::limits(cx, &mut table, Some(cause)));
            table.finish(cx);
        }
    }
    t.finish(cx);
    Override { alarm, enabled, severity, limits }
}

fn severity(cx: &mut Context, at: &Name) -> Option<At<Severity>> {
    let known = Severity::from_name(&at.value);
    if known.is_none() {
        let title = format!("unknown severity `{}`", at.value);
        let error = Diagnostic::error(&at.span, title, "not one of the known values");
        cx.found.push(error.help(suggest(&at.value, Severity::NAMES)));
    }
    known.map(|s| At::new(s, &at.span))
}

fn limits(cx: &mut Context, t: &mut Table, cause: Option<Name>) -> Vec<Limit> {
    let mut limits = Vec::new();
    for kind in LimitKind::ALL {
        let key = kind.name();
        if !t.has(key) {
            t.allow(key);
            continue;
        }
        let span = t.span_of(cx, key);
        let value = if kind.is_duration() { t.duration(cx, key) } else { t.number(cx, key, 1..=MOST) };
        limits.extend(value.map(|v| Limit { kind, value: At::new(v, &span), cause: cause.clone() }));
    }
    limits
}

impl Overrides {
    pub fn is_empty(&self) -> bool {
        self.alarms.is_empty()
    }

    /// The name of the changed pattern set: records must tell by which rules they were made.
    pub fn hash(&self, patterns: &str) -> String {
        let text = |text: String| Source { name: String::new(), text, builtin: false };
        super::compile::hash(&[text(patterns.to_owned()), text(self.canonical())])
    }

    /// The same text for the same changes, however they are written.
    fn canonical(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for o in &self.alarms {
            let alarm = &o.alarm.value;
            lines.extend(o.enabled.as_ref().map(|e| format!("{alarm} enabled {}\n", e.value)));
            lines.extend(o.severity.as_ref().map(|s| format!("{alarm} severity {}\n", s.value.name())));
            for l in &o.limits {
                let cause = l.cause.as_ref().map_or("", |c| &c.value);
                lines.push(format!("{alarm} {cause} {} {}\n", l.kind.name(), l.value.value));
            }
        }
        lines.sort();
        lines.concat()
    }

    /// Changes the definitions. What cannot be changed so is reported; `source` is the number of the file that says it.
    pub fn apply(&self, definitions: &mut Definitions, source: SourceId) -> Vec<Diagnostic> {
        let mut apply = Apply { found: Vec::new(), source };
        for o in &self.alarms {
            apply.one(o, definitions);
        }
        apply.found
    }
}

struct Apply {
    found: Vec<Diagnostic>,
    source: SourceId,
}

impl Apply {
    fn span(&self, span: &Span) -> Span {
        Span { source: self.source, range: span.range.clone() }
    }

    fn refuse(&mut self, at: &Span, title: String, label: &str, help: String) {
        let error = Diagnostic::error(&self.span(at), title, label);
        self.found.push(error.help(help));
    }

    fn one(&mut self, o: &Override, definitions: &mut Definitions) {
        let name = &o.alarm.value;
        let Some(entry) = definitions.alarms.get_mut(name) else {
            let help = suggest(name, definitions.alarms.keys().map(String::as_str));
            return self.refuse(&o.alarm.span, format!("unknown alarm `{name}`"), "no pattern file defines it", help);
        };
        let wanted = o.enabled.as_ref().is_none_or(|e| e.value);
        let Some(body) = &mut entry.body else {
            if wanted {
                let title = format!("the alarm `{name}` is switched off");
                let error = Diagnostic::error(&self.span(&o.alarm.span), title, "there is nothing to change");
                let help = "remove this, or `enabled = false` in the pattern file";
                self.found.push(error.also(&entry.span, "switched off here").help(help));
            }
            return;
        };
        if let Some(severity) = &o.severity {
            body.severity = severity.value;
        }
        for limit in &o.limits {
            self.limit(name, limit, body);
        }
        if !wanted {
            entry.body = None;
        }
        // What the pattern files' tests expect of it need not hold any more.
        entry.replaces = true;
    }

    fn limit(&mut self, alarm: &str, limit: &Limit, body: &mut AlarmDef) {
        if let Some(cause) = &limit.cause
            && !body.raise.iter().any(|r| r.label() == Some(&cause.value))
        {
            let known: Vec<&str> = body.raise.iter().filter_map(RaiseDef::label).collect();
            let title = format!("`{}` is no cause of `{alarm}`", cause.value);
            let help = suggest(&cause.value, known.iter().copied());
            // Once for all limits below it.
            if !self.found.iter().any(|d| d.span.range == cause.span.range) {
                self.refuse(&cause.span, title, "no rule raises it", help);
            }
            return;
        }
        let label = if limit.kind == LimitKind::Quiet { set_quiet(limit, body) } else { set_raise(limit, body) };
        let key = limit.kind.name();
        match label {
            Found::One => {}
            Found::None => {
                let (title, help) = (format!("no rule of `{alarm}` has `{key}`"), has(body));
                self.refuse(&limit.value.span, title, "there is nothing to change", help);
            }
            Found::Several(causes) => {
                let title = format!("several rules of `{alarm}` have `{key}`");
                let help = match causes.as_slice() {
                    // Another table would not tell them apart.
                    [_] | [] => "replace the alarm in a pattern file".to_owned(),
                    [first, ..] => {
                        let all = causes.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
                        format!("say for which cause ({all}), as in `[alarm.{alarm}.cause.{first}]`")
                    }
                };
                self.refuse(&limit.value.span, title, "which of them is meant?", help);
            }
        }
    }
}

/// The rules that have a limit.
enum Found {
    None,
    One,
    /// With the causes of them.
    Several(Vec<String>),
}

fn set_raise(limit: &Limit, body: &mut AlarmDef) -> Found {
    let meant = |r: &RaiseDef| limit.cause.as_ref().is_none_or(|c| r.label() == Some(&c.value));
    let mut fitting: Vec<&mut RaiseDef> = body.raise.iter_mut().filter(|r| limit.kind.is_of(r) && meant(r)).collect();
    match fitting.as_mut_slice() {
        [] => Found::None,
        [one] => {
            limit.kind.set(one, limit.value.value);
            Found::One
        }
        several => {
            let mut causes: Vec<String> = several.iter().filter_map(|r| r.label()).map(str::to_owned).collect();
            causes.dedup();
            Found::Several(causes)
        }
    }
}

fn set_quiet(limit: &Limit, body: &mut AlarmDef) -> Found {
    let meant = |c: &ClearDef| match (&limit.cause, &c.causes) {
        (Some(cause), Some(causes)) => causes.iter().any(|c| c.value == cause.value),
        _ => true,
    };
    let quiet = |c: &&mut ClearDef| matches!(c.kind, ClearKindDef::Quiet(_)) && meant(c);
    let mut fitting: Vec<&mut ClearDef> = body.clear.iter_mut().filter(quiet).collect();
    match fitting.as_mut_slice() {
        [] => Found::None,
        [one] => {
            one.kind = ClearKindDef::Quiet(limit.value.value);
            Found::One
        }
        several => {
            let causes = several.iter().flat_map(|c| c.causes.iter().flatten());
            Found::Several(causes.map(|c| c.value.clone()).collect())
        }
    }
}

/// The limits that an alarm does have.
fn has(body: &AlarmDef) -> String {
    let quiet = body.clear.iter().any(|c| matches!(c.kind, ClearKindDef::Quiet(_)));
    let has = |kind: &LimitKind| match kind {
        LimitKind::Quiet => quiet,
        kind => body.raise.iter().any(|r| kind.is_of(r)),
    };
    let known: Vec<String> = LimitKind::ALL.into_iter().filter(has).map(|k| format!("`{}`", k.name())).collect();
    match known.is_empty() {
        true => "its rules have no limits; `severity` and `enabled` can be changed".to_owned(),
        false => format!("its rules have {}", known.join(", ")),
    }
}
