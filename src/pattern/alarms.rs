//! Compiling alarms: their rules over signals, their causes, and what would make a rule lie.

use std::sync::Arc;

use super::compile::Compiler;
use super::diagnostic::{Diagnostic, suggest};
use super::load::span_of;
use super::model::*;
use super::patterns::*;
use crate::transition::Provenance;

pub(super) fn alarm(cx: &mut Compiler, name: &str, def: &AlarmDef, logs: &[Log], signals: &[Signal]) -> Alarm {
    let own_logs = cx.logs(&def.logs, logs);
    let logs_known = cx.are_known(&def.logs);
    // With one that is switched off, or that is wrong, the others need not capture everything.
    let signals_known =
        !def.partial && def.signals().all(|n| signals.iter().any(|s| *s.name == *n.value && !cx.is_doubtful(s)));
    let mut build = Build { cx, def, logs: own_logs, logs_known, signals_known, signals, causes: Vec::new() };
    let raise = build.raises();
    let clear = build.clears(&raise);
    let (by, params) = (build.by(&raise), build.params(&raise));
    build.stateless();
    let several = several(&build.logs, logs, &by);
    Alarm {
        name: name.into(),
        title: def.name.as_str().into(),
        number: name.strip_prefix("ALM-").and_then(|n| n.parse().ok()),
        severity: def.severity,
        logs: build.logs,
        by,
        params,
        stateless: def.stateless,
        causes: build.causes.iter().map(|c| c.as_str().into()).collect(),
        raise,
        clear,
        several,
    }
}

/// Can hits of more than one family of a node meet in one instance? Not if the family is part of its key, nor if each of
/// the logs has a service and role of its own and can be one file only.
fn several(own: &[LogId], logs: &[Log], by: &[By]) -> bool {
    let own = || own.iter().map(|id| &logs[id.index()]);
    let one_family = |log: &Log| log.files.len() <= 1 && log.files.iter().all(|g| g.names_one_family());
    let place = |log: &Log| (log.service.clone(), log.role.clone());
    let places: std::collections::BTreeSet<_> = own().map(place).collect();
    let apart = own().all(one_family) && places.len() == own().count();
    !(apart || by.contains(&By::Family))
}

struct Build<'a, 'c> {
    cx: &'a mut Compiler<'c>,
    def: &'a AlarmDef,
    logs: Vec<LogId>,
    /// All that are named are there.
    logs_known: bool,
    signals_known: bool,
    signals: &'a [Signal],
    causes: Vec<String>,
}

impl Build<'_, '_> {
    /// Indices of signals by name. `bound` ones must stand in a log of this alarm.
    fn signals(&mut self, names: &[Name], bound: bool) -> Vec<SignalId> {
        let mut ids = Vec::new();
        for name in names {
            let Some(at) = self.signals.iter().position(|s| *s.name == *name.value) else {
                self.cx.unknown("signal", name, &self.cx.definitions.signals);
                continue;
            };
            ids.push(SignalId(at as u32));
            let signal = &self.signals[at];
            let known =
                self.logs_known && !self.cx.is_doubtful(signal) && !signal.logs.is_empty() && !self.logs.is_empty();
            if bound && known && !signal.logs.iter().any(|l| self.logs.contains(l)) {
                let mut error = Diagnostic::error(
                    &name.span,
                    format!("`{}` cannot stand in a log of this alarm", name.value),
                    "never a hit here",
                )
                .help("add the signal's log to the alarm's `log`, or the alarm's log to the signal's");
                if let Some(span) = span_of(&self.cx.definitions.signals, &name.value) {
                    error = error.also(&span, "the signal names its logs here");
                }
                self.cx.found.push(error);
            }
        }
        ids
    }

    /// The alarm's extra key fields.
    fn by(&mut self, raise: &[Raise]) -> Vec<By> {
        let signals = self.signals;
        let raising = || raise.iter().flat_map(|r| r.kind.raising()).map(|id| &signals[id.index()]);
        let mut by = Vec::new();
        for name in &self.def.by {
            if name.value == "family" {
                by.push(By::Family);
                continue;
            }
            let Some(id) = self.cx.capture_of(name, raising(), self.signals_known) else { continue };
            by.push(By::Capture(name.value.as_str().into(), id));
            let captures = |s: &Signal| s.clauses().any(|(_, c)| c.groups.iter().any(|(_, own)| *own == id));
            if let Some(signal) = raising().find(|s| !captures(s)) {
                let title = format!("the signal `{}` raises this alarm without `{}`", signal.name, name.value);
                let mut warning =
                    Diagnostic::warning(&name.span, title, "its hits are all of one instance, in which this is empty");
                if let Some(span) = span_of(&self.cx.definitions.signals, &signal.name) {
                    warning = warning.also(&span, "has no such group");
                }
                let help =
                    format!("write a group `(?<{}>…)` into its regex, or give it an alarm of its own", name.value);
                self.cx.found.push(warning.help(help));
            }
        }
        by.sort_by(|a, b| a.name().cmp(b.name()));
        by.dedup();
        by
    }

    /// Params are filled by what raises, and by what is found when it looks back.
    fn params(&mut self, raise: &[Raise]) -> Vec<(Arc<str>, CaptureId)> {
        let signals = self.signals;
        let filling = || {
            let beginning = raise.iter().filter(|r| !r.renew);
            let ids = beginning.flat_map(|r| r.kind.raising().iter().chain(r.with.iter().flat_map(|w| &w.on)));
            ids.map(|id| &signals[id.index()])
        };
        let mut params = Vec::new();
        for (param, capture) in &self.def.params {
            params.extend(
                self.cx.capture_of(capture, filling(), self.signals_known).map(|id| (param.value.as_str().into(), id)),
            );
        }
        params
    }

    fn cause(&mut self, label: &str) -> usize {
        self.causes.iter().position(|c| c == label).unwrap_or_else(|| {
            self.causes.push(label.to_owned());
            self.causes.len() - 1
        })
    }

    fn raises(&mut self) -> Vec<Raise> {
        let def = self.def;
        if !def.partial && def.raise.iter().all(|r| r.renew) && !def.raise.is_empty() {
            self.error_at_alarm(
                "an alarm that nothing raises",
                "every entry has `renew`, and there is nothing to renew: remove it from one",
            );
        }
        // States first, so that their indices are bits; labels of look-back follow.
        let states: Vec<usize> = def.raise.iter().map(|r| self.state(r)).collect();
        if self.causes.len() > MAX_CAUSES {
            self.error_at_alarm("an alarm has at most 64 causes", "split it into several alarms");
        }
        def.raise.iter().zip(states).map(|(r, cause)| self.raise(r, cause)).collect()
    }

    fn state(&mut self, def: &RaiseDef) -> usize {
        self.cause(def.label().unwrap_or_default())
    }

    fn raise(&mut self, def: &RaiseDef, cause: usize) -> Raise {
        let kind = match &def.kind {
            RaiseKindDef::On { on } => RaiseKind::On { on: self.signals(on, true) },
            RaiseKindDef::Count { on, count, within } => {
                RaiseKind::Count { on: self.signals(on, true), count: *count, within: *within }
            }
            RaiseKindDef::Without { on, without, within } => {
                RaiseKind::Without { on: self.signals(on, true), without: self.signals(without, true), within: *within }
            }
            RaiseKindDef::Absent { absent, span, arm, disarm } => RaiseKind::Absent {
                absent: self.signals(absent, true),
                span: *span,
                arm: *arm,
                disarm: self.signals(disarm, true),
            },
        };
        let with = def.with.iter().map(|w| self.with(w)).collect();
        let unless = def.unless.iter().map(|u| Unless { on: self.signals(&u.on, false), within: u.within }).collect();
        Raise { kind, cause, with, unless, renew: def.renew }
    }

    fn with(&mut self, def: &WithDef) -> With {
        let cause = def.cause.as_ref().map(|c| self.cause(&c.value));
        With { on: self.signals(&def.on, false), within: def.within, cause, max: def.max }
    }

    fn clears(&mut self, raise: &[Raise]) -> Vec<Clear> {
        let def = self.def;
        let states: CauseSet = raise.iter().filter(|r| !r.renew).fold(0, |set, r| set | bit(r.cause));
        let mut clears = Vec::new();
        for entry in &def.clear {
            let kind = match &entry.kind {
                ClearKindDef::On(on) => ClearKind::On(self.signals(on, true)),
                ClearKindDef::Present(present) => ClearKind::Present(self.signals(present, true)),
                ClearKindDef::Quiet(span) => ClearKind::Quiet(*span),
            };
            let causes = match &entry.causes {
                None => states,
                Some(names) => names.iter().fold(0, |set, name| set | self.state_bit(name, states)),
            };
            let clear = Clear { kind, causes };
            self.refuse_guesswork(entry, &clear, raise);
            self.refuse_presence(entry, &clear, raise);
            clears.push(clear);
        }
        if !def.stateless && !def.partial {
            self.warn_of_endless(&clears, states);
        }
        clears
    }

    /// A cause that nothing ends keeps the alarm raised for ever.
    fn warn_of_endless(&mut self, clears: &[Clear], states: CauseSet) {
        let ended = clears.iter().fold(0, |set, c| set | c.causes);
        if clears.is_empty() {
            let help = "add `clear = [..]`, or `stateless = true` if it has no state";
            self.warn_at_alarm(Diagnostic::warning, "an alarm that nothing clears", help);
        } else if let Some(cause) = (0..self.causes.len().min(MAX_CAUSES)).find(|c| states & !ended & bit(*c) != 0) {
            let title = format!("nothing clears the cause `{}`", self.causes[cause]);
            self.warn_at_alarm(
                Diagnostic::warning,
                &title,
                "add a clear entry for it, or name it in the `causes` of one",
            );
        }
    }

    /// `present` ends an absence; without one it would never do anything.
    fn refuse_presence(&mut self, entry: &ClearDef, clear: &Clear, raise: &[Raise]) {
        let ends = |r: &Raise| matches!(r.kind, RaiseKind::Absent { .. }) && clear.causes & bit(r.cause) != 0;
        if matches!(clear.kind, ClearKind::Present(_))
            && !self.def.partial
            && clear.causes != 0
            && !raise.iter().any(ends)
        {
            let error = Diagnostic::error(
                &entry.span,
                "`present` without an absence to end",
                "no `absent` entry raises one of its causes",
            );
            self.cx.found.push(error.help("write `on = …`, which ends causes of every kind"));
        }
    }

    fn state_bit(&mut self, name: &Name, states: CauseSet) -> CauseSet {
        match self.causes.iter().position(|c| *c == name.value) {
            Some(at) if at < MAX_CAUSES && states & bit(at) != 0 => bit(at),
            _ if self.def.partial => 0,
            _ => {
                let known: Vec<&str> = self
                    .causes
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| states & bit(*i) != 0)
                    .map(|(_, c)| c.as_str())
                    .collect();
                self.cx.found.push(
                    Diagnostic::error(
                        &name.span,
                        format!("`{}` is no cause that an entry raises", name.value),
                        "nothing to clear",
                    )
                    .help(suggest(&name.value, known.iter().copied())),
                );
                0
            }
        }
    }

    /// An assumed signal may never clear a documented cause: a guess must not silence a fact.
    fn refuse_guesswork(&mut self, entry: &ClearDef, clear: &Clear, raise: &[Raise]) {
        let signals = self.signals;
        let of =
            |ids: &[SignalId], p: Provenance| ids.iter().map(|id| &signals[id.index()]).find(|s| s.provenance == p);
        let Some(guess) = of(clear.signals(), Provenance::Assumed) else { return };
        for r in raise.iter().filter(|r| clear.causes & bit(r.cause) != 0) {
            if let Some(fact) = of(r.kind.raising(), Provenance::Documented) {
                self.cx.found.push(
                    Diagnostic::error(
                        &entry.span,
                        format!(
                            "the assumed signal `{}` would clear the documented cause `{}`",
                            guess.name, self.causes[r.cause]
                        ),
                        format!("`{}` is documented; a guess must not silence it", fact.name),
                    )
                    .help("limit this entry with `causes = [..]` to causes that are assumed or observed"),
                );
            }
        }
    }

    fn stateless(&mut self) {
        if !self.def.stateless {
            return;
        }
        if let Some(entry) = self.def.clear.first() {
            let error =
                Diagnostic::error(&entry.span, "a stateless alarm cannot be cleared", "there is nothing to clear");
            self.cx.found.push(error.help("remove `clear`, or `stateless = true`"));
        }
        for entry in &self.def.raise {
            if !matches!(entry.kind, RaiseKindDef::On { .. }) || entry.renew {
                self.cx.found.push(
                    Diagnostic::error(
                        &entry.span,
                        "a stateless alarm has `on` entries only",
                        "this one waits, counts or renews",
                    )
                    .help("write `{ on = … }`, or remove `stateless = true`"),
                );
            }
        }
    }

    fn error_at_alarm(&mut self, title: &str, help: &str) {
        self.warn_at_alarm(Diagnostic::error, title, help);
    }

    fn warn_at_alarm(
        &mut self,
        kind: fn(&super::diagnostic::Span, String, String) -> Diagnostic,
        title: &str,
        help: &str,
    ) {
        let entry =
            self.cx.definitions.alarms.iter().find(|(_, e)| e.body.as_ref().is_some_and(|b| std::ptr::eq(b, self.def)));
        if let Some((_, entry)) = entry {
            self.cx.found.push(kind(&entry.span, title.to_owned(), "this alarm".to_owned()).help(help));
        }
    }
}

fn bit(cause: usize) -> CauseSet {
    1_u64.checked_shl(cause as u32).unwrap_or(0)
}

#[cfg(test)]
mod tests;
