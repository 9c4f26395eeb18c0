//! What the rules did, in words for somebody who wonders why.
//!
//! Each sentence names the clause that decided and what it looked at, because the next step of whoever reads it is
//! to look at that line or to change that clause.

use super::story::{Known, Remark, Tone};
use crate::correlate::{Did, Entry, Note, TimedHit};
use crate::pattern::{Alarm, AlarmId, By, CauseSet, Clear, ClearKind, Raise, RaiseKind, SignalId};
use crate::time::{Millis, Moment, human_duration};
use crate::transition::{Event, Transition};

/// One thing that was done; `None` if it would only confuse.
pub fn say(known: &Known, note: &Note, hit: Option<&TimedHit>, made: &[Transition]) -> Option<(Tone, String)> {
    let cx = Context { known, note, alarm: known.alarm(note.alarm), hit };
    let time = note.about.deadline.or(hit.map(|h| h.moment));
    let transition = |event: Event| {
        made.iter().find(|t| t.key == note.key && t.event == event && time.is_none_or(|at| at.millis == t.time.millis))
    };
    Some(match &note.did {
        Did::Began { cause, changed: true } => (Tone::Raised, cx.raised(*cause, transition(Event::Raise))),
        Did::Began { cause, .. } => (Tone::Plain, cx.began_too(*cause)),
        Did::Renewed { .. } => (Tone::Plain, cx.renewed()),
        Did::QuietUntil { until } => (Tone::Plain, cx.quiet_until(*until)?),
        Did::Suppressed { by, at } => (Tone::Missed, cx.suppressed(*by, *at)),
        Did::NothingToRenew => (
            Tone::Missed,
            "not raised: this entry only renews (`renew = true`), and the alarm is not raised".to_owned(),
        ),
        Did::Counting { have, need, within } => (Tone::Missed, cx.counting(*have, *need, *within)),
        Did::Arming { have, need } => (Tone::Missed, cx.arming(*have, *need)),
        Did::Armed { until } => (Tone::Plain, cx.armed(*until)),
        Did::Disarmed => (Tone::Missed, cx.disarmed()),
        Did::Waiting { until } => (Tone::Plain, cx.waiting(*until)),
        Did::Cancelled => (Tone::Missed, cx.cancelled()),
        Did::NothingToStop => (Tone::Plain, cx.nothing_to_stop()),
        Did::Ended { causes, changed: true } => (Tone::Cleared, cx.cleared(*causes, transition(Event::Clear))),
        Did::Ended { causes, .. } => (Tone::Plain, cx.ended(*causes)),
        // A `quiet` that passes after a clear entry was quicker is nothing that anybody waits for.
        Did::NothingToClear if note.about.deadline.is_some() => return None,
        Did::NothingToClear => (Tone::Missed, cx.nothing_to_clear()),
        Did::NothingAbsent => (Tone::Plain, cx.nothing_absent()),
        Did::Reason { on, at, line } => (Tone::Plain, cx.reason(*on, *at, *line)),
        Did::WithoutReason { on, within } => (Tone::Missed, cx.without_reason(*on, *within)),
        Did::Occurred => (Tone::Raised, cx.occurred(transition(Event::Occur))),
        Did::TooLate => (Tone::Missed, "too late: the alarm has changed after the time of this hit".to_owned()),
        Did::OtherLog => return None,
    })
}

/// Why a deadline fired: what was waited for, and since which line.
pub fn deadline(known: &Known, alarm: AlarmId, entry: Entry, line: u64) -> String {
    let alarm = known.alarm(alarm);
    let since = if line > 0 { format!(" after line {line}") } else { String::new() };
    match entry {
        Entry::Raise(at) => match alarm.raise.get(at).map(|r| &r.kind) {
            Some(RaiseKind::Absent { absent, span, .. }) => {
                format!("no {} for {}{since}", names(known, absent), human_duration(*span))
            }
            Some(RaiseKind::Without { without, within, .. }) => {
                format!("no {} within {}{since}", names(known, without), human_duration(*within))
            }
            _ => format!("a deadline passed{since}"),
        },
        Entry::Clear(at) => match alarm.clear.get(at).map(|c| &c.kind) {
            Some(ClearKind::Quiet(span)) => format!("quiet for {}{since}", human_duration(*span)),
            _ => format!("a deadline passed{since}"),
        },
    }
}

/// Where the input ends: what is raised, and what would have come.
pub fn left(known: &Known, clock: Option<Millis>) -> Vec<Remark> {
    let remark = |alarm: AlarmId, key: &str, entry: Option<Entry>, tone, text| {
        let signals = entry_signals(known.alarm(alarm), entry);
        Remark { alarm, fields: fields(key), tone, text, signals }
    };
    let mut all = Vec::new();
    for (key, active) in &known.active {
        let line = if active.line > 0 { format!(" (line {})", active.line) } else { String::new() };
        let causes = causes(known.alarm(active.alarm), active.causes);
        let text = format!("is raised since {}{line}: {causes}", active.since);
        let mut raised = remark(active.alarm, key, None, Tone::Raised, text);
        raised.signals.extend(known.alarm(active.alarm).clear.iter().flat_map(|c| c.signals()));
        all.push(raised);
    }
    for ((key, entry), pending) in &known.pending {
        let alarm = known.alarm(pending.alarm);
        let will = match entry {
            Entry::Raise(at) => alarm.raise.get(*at).map(|r| {
                let cause = &alarm.causes[r.cause];
                format!("raises `{cause}` at {} unless {} comes", pending.until, stopping(known, r))
            }),
            Entry::Clear(_) => Some(format!("clears at {} unless it is renewed", pending.until)),
        };
        // A deadline is a fact only when the clock is past it and the slack.
        let passed = clock.is_some_and(|clock| clock >= pending.until.millis);
        let why = if passed { "only just reached: nothing later stands in the input" } else { "the input ends before" };
        let text = format!("{} ({why}; `--end TIME` says until when it is complete)", will.unwrap_or_default());
        all.push(remark(pending.alarm, key, Some(*entry), Tone::Missed, text));
    }
    all
}

/// A capture that is part of the key, but not of the hit.
pub fn missing_fields(known: &Known, hit: &TimedHit, notes: &[Note], remarks: &mut Vec<Remark>) {
    let mut said: Vec<(AlarmId, bool)> = Vec::new();
    for note in notes.iter().filter(|n| n.about.deadline.is_none() && n.did != Did::OtherLog) {
        let alarm = known.alarm(note.alarm);
        let raises = matches!(note.about.entry, Some(Entry::Raise(at)) if begins(alarm, at, hit.hit.signal));
        let lacks = alarm
            .by
            .iter()
            .filter(|by| matches!(by, By::Capture(_, id) if !hit.hit.captures.iter().any(|(c, _)| c == id)));
        let lacks: Vec<String> = lacks.map(|by| format!("`{}`", by.name())).collect();
        if lacks.is_empty() || said.contains(&(note.alarm, raises)) {
            continue;
        }
        said.push((note.alarm, raises));
        let consequence =
            if raises { "it is empty in the key of this instance" } else { "it acts on every instance here" };
        let text = format!("the hit has no {}, by which the alarm is told apart: {consequence}", lacks.join(", "));
        let signals = vec![hit.hit.signal];
        remarks.push(Remark { alarm: note.alarm, fields: String::new(), tone: Tone::Missed, text, signals });
    }
}

fn begins(alarm: &Alarm, at: usize, signal: SignalId) -> bool {
    alarm.raise.get(at).is_some_and(|r| r.kind.raising().contains(&signal))
}

/// The extra fields of a key.
pub fn fields(key: &str) -> String {
    key.split('|').skip(5).collect::<Vec<_>>().join(" ")
}

/// The signals that an entry looks at.
pub fn entry_signals(alarm: &Alarm, entry: Option<Entry>) -> Vec<SignalId> {
    match entry {
        Some(Entry::Raise(at)) => alarm.raise.get(at).map(|r| r.signals().collect()).unwrap_or_default(),
        Some(Entry::Clear(at)) => match alarm.clear.get(at) {
            // What it waits for is that none of the raising signals comes.
            Some(Clear { kind: ClearKind::Quiet(_), causes }) => {
                let kept = |r: &&Raise| r.renew || has(*causes, r.cause);
                alarm.raise.iter().filter(kept).flat_map(Raise::signals).collect()
            }
            Some(clear) => clear.signals().to_vec(),
            None => Vec::new(),
        },
        None => alarm.raise.iter().flat_map(Raise::signals).collect(),
    }
}

struct Context<'a> {
    known: &'a Known<'a>,
    note: &'a Note,
    alarm: &'a Alarm,
    hit: Option<&'a TimedHit>,
}

impl Context<'_> {
    fn raise(&self) -> Option<&Raise> {
        match self.note.about.entry? {
            Entry::Raise(at) => self.alarm.raise.get(at),
            Entry::Clear(_) => None,
        }
    }

    fn clear(&self) -> Option<&Clear> {
        match self.note.about.entry? {
            Entry::Clear(at) => self.alarm.clear.get(at),
            Entry::Raise(_) => None,
        }
    }

    /// The cause that the raise entry begins.
    fn cause(&self) -> &str {
        self.raise().map_or("", |r| &self.alarm.causes[r.cause])
    }

    fn active(&self) -> CauseSet {
        self.known.active.get(&self.note.key).map_or(0, |a| a.causes)
    }

    fn causes(&self, set: CauseSet) -> String {
        causes(self.alarm, set)
    }

    fn raised(&self, cause: usize, made: Option<&Transition>) -> String {
        let counted = match self.raise().map(|r| &r.kind) {
            Some(RaiseKind::Count { count, within, .. }) => {
                format!(" ({count} within {} were reached)", human_duration(*within))
            }
            _ => String::new(),
        };
        format!("RAISED: {}{counted}", record(made).unwrap_or_else(|| format!("`{}`", self.alarm.causes[cause])))
    }

    fn began_too(&self, cause: usize) -> String {
        let (began, before) = (&self.alarm.causes[cause], self.causes(self.active()));
        format!("cause `{began}` begins too: no new raise, the alarm is raised already ({before})")
    }

    fn renewed(&self) -> String {
        format!("counted, no new raise: the alarm is raised already ({})", self.causes(self.active()))
    }

    fn quiet_until(&self, until: Moment) -> Option<String> {
        let ClearKind::Quiet(span) = self.clear()?.kind else { return None };
        Some(format!("clears at {until} unless it is renewed (`quiet` {})", human_duration(span)))
    }

    fn suppressed(&self, by: SignalId, at: Moment) -> String {
        let within = self.raise().and_then(|r| r.unless.iter().find(|u| u.on.contains(&by))).map(|u| u.within);
        let within = within.map(|w| format!(", and `unless` looks {} back", human_duration(w))).unwrap_or_default();
        let line = self.known.line_of(by, at).map(|l| format!(" in line {l}")).unwrap_or_default();
        let (name, before) = (self.known.signal(by), self.before(at));
        let no = if self.alarm.stateless { "no record" } else { "NOT raised" };
        format!("{no}, suppressed by `unless`: `{name}` was seen {before}{line} ({at}){within}")
    }

    /// How long before the hit or deadline that is talked of.
    fn before(&self, at: Moment) -> String {
        let now = self.note.about.deadline.or(self.hit.map(|h| h.moment));
        match now.map(|now| now.millis - at.millis) {
            Some(0) | None => "at the same time".to_owned(),
            Some(gap) if gap < 0 => format!("{} later by its own time", human_duration(-gap)),
            Some(gap) => format!("{} before", human_duration(gap)),
        }
    }

    fn counting(&self, have: u64, need: u64, within: Millis) -> String {
        let on = self.raise().map_or(&[][..], |r| r.kind.raising());
        let early =
            self.last_before(on, within).map(|(at, line)| format!("; line {line} is too early, {}", self.before(at)));
        let (span, early) = (human_duration(within), early.unwrap_or_default());
        format!("not raised yet: {have} of {need} within {span} for `{}`{early}", self.cause())
    }

    /// The newest hit that is too old to be within a time. With a key it might be another instance's.
    fn last_before(&self, on: &[SignalId], within: Millis) -> Option<(Moment, u64)> {
        let now = self.hit.filter(|_| self.alarm.by.is_empty())?.moment;
        let seen = on.iter().filter_map(|s| self.known.seen.get(s));
        let too_old = |(at, _): &&(Moment, u64)| at.millis < now.millis - within;
        seen.filter_map(|s| s.iter().rev().find(too_old)).max_by_key(|(at, _)| at.millis).copied()
    }

    fn arming(&self, have: u32, need: u32) -> String {
        let Some(RaiseKind::Absent { absent, span, .. }) = self.raise().map(|r| &r.kind) else { return String::new() };
        let gap = if have == 1 { self.last_before(absent, *span) } else { None };
        let gap = gap.map(|(at, line)| format!(" (the last was {}, in line {line})", self.before(at)));
        let (name, span, gap) = (names(self.known, absent), human_duration(*span), gap.unwrap_or_default());
        format!(
            "not armed yet: {have} of {need} {name} in a row, each within {span}{gap}; until then its absence raises nothing"
        )
    }

    fn armed(&self, until: Moment) -> String {
        let Some(RaiseKind::Absent { absent, span, .. }) = self.raise().map(|r| &r.kind) else { return String::new() };
        let (name, span) = (names(self.known, absent), human_duration(*span));
        format!("armed: raises `{}` at {until} unless {name} comes ({span})", self.cause())
    }

    fn disarmed(&self) -> String {
        let Some(RaiseKind::Absent { absent, arm, .. }) = self.raise().map(|r| &r.kind) else { return String::new() };
        format!(
            "disarmed: the absence of {} raises nothing until it was seen {arm} times in a row again",
            names(self.known, absent)
        )
    }

    fn waiting(&self, until: Moment) -> String {
        let waits = (self.note.key.clone(), self.note.about.entry);
        let earlier = waits.1.and_then(|entry| self.known.pending.get(&(waits.0, entry)));
        let since = earlier.map(|p| format!(", as line {} has set it", p.line)).unwrap_or_default();
        let other = self.raise().map(|r| stopping(self.known, r)).unwrap_or_default();
        format!("waiting: raises `{}` at {until}{since}, unless {other} comes", self.cause())
    }

    fn cancelled(&self) -> String {
        let Some(Entry::Raise(at)) = self.note.about.entry else { return String::new() };
        let pending = self.known.pending.get(&(self.note.key.clone(), Entry::Raise(at)));
        let line =
            pending.map(|p| format!(" (line {} would have raised it at {})", p.line, p.until)).unwrap_or_default();
        format!("NOT raised, cancelled: it came before `{}` was due{line}", self.cause())
    }

    fn nothing_to_stop(&self) -> String {
        match self.raise().map(|r| &r.kind) {
            Some(RaiseKind::Absent { absent, .. }) => {
                format!("nothing to disarm: the absence of {} is not armed", names(self.known, absent))
            }
            Some(RaiseKind::Without { on, .. }) => {
                format!("nothing to cancel: no {} waits for it", names(self.known, on))
            }
            _ => String::new(),
        }
    }

    fn cleared(&self, causes: CauseSet, made: Option<&Transition>) -> String {
        let after = made.and_then(|t| t.duration_ms).map(|d| format!(" after {}", human_duration(d)));
        let others = made.map(|t| t.causes.clone()).unwrap_or_default();
        let listed = others.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
        let listed = if listed.is_empty() { self.causes(causes) } else { listed };
        format!("CLEARED{}: {listed}", after.unwrap_or_default())
    }

    fn ended(&self, causes: CauseSet) -> String {
        let rest = self.active() & !causes;
        format!("{} ends, but the alarm stays raised: {}", self.causes(causes), self.causes(rest))
    }

    fn nothing_to_clear(&self) -> String {
        let of = self.clear().map_or(0, |c| c.causes);
        let active = self.active();
        if active != 0 {
            let (active, of) = (self.causes(active), self.causes(of));
            return format!("NOT cleared: the alarm is raised by {active}, and this entry clears only {of} (`causes`)");
        }
        match self.elsewhere() {
            Some(others) => format!("nothing to clear here: the alarm is raised for {others}"),
            None => "nothing to clear: the alarm is not raised".to_owned(),
        }
    }

    /// The same alarm with other fields in its key.
    fn elsewhere(&self) -> Option<String> {
        let same = self.known.active.iter().filter(|(_, a)| a.alarm == self.note.alarm);
        let others: Vec<String> = same.map(|(key, _)| fields(key)).filter(|f| !f.is_empty()).take(3).collect();
        (!others.is_empty()).then(|| others.join("; "))
    }

    fn nothing_absent(&self) -> String {
        match self.active() {
            0 => "nothing to clear: `present` ends an absence, and none is raised".to_owned(),
            active => {
                let active = self.causes(active);
                format!("NOT cleared: `present` ends an absence, and the alarm is raised by {active}")
            }
        }
    }

    fn reason(&self, on: SignalId, at: Moment, line: u64) -> String {
        let label = self.raise().and_then(|r| r.with.iter().find(|w| w.on.contains(&on))?.cause);
        let adds = label.map(|l| format!(", which adds `{}`", self.alarm.causes[l])).unwrap_or_default();
        format!("reason found by `with`: `{}` {} in line {line}{adds}", self.known.signal(on), self.before(at))
    }

    fn without_reason(&self, on: SignalId, within: Millis) -> String {
        let with = self.raise().and_then(|r| r.with.iter().find(|w| w.on.first() == Some(&on) && w.within == within));
        let on = with.map_or(vec![on], |w| w.on.clone());
        let label = with.and_then(|w| w.cause).map(|l| format!(" (`{}`)", self.alarm.causes[l])).unwrap_or_default();
        let (name, span) = (names(self.known, &on), human_duration(within));
        format!("no reason found by `with`{label}: no {name} in the {span} before; {}", self.last_seen(&on))
    }

    /// Where else it may be.
    fn last_seen(&self, on: &[SignalId]) -> String {
        let seen = on.iter().filter_map(|s| self.known.seen.get(s)?.last()).max_by_key(|(at, _)| at.millis);
        if let Some((at, line)) = seen {
            return format!("the last was {} (line {line})", self.before(*at));
        }
        let patterns = self.known.subject.patterns;
        let own = self.known.subject.family.log;
        let logs: Vec<&str> =
            on.iter().flat_map(|s| &patterns.signal(*s).logs).map(|l| &*patterns.log(*l).name).collect();
        if !on.iter().any(|s| patterns.signal(*s).logs.contains(&own)) {
            return format!("it stands in `{}`, which is not part of this input", logs.join("`, `"));
        }
        "it was not seen at all so far".to_owned()
    }

    fn occurred(&self, made: Option<&Transition>) -> String {
        let record = record(made).unwrap_or_else(|| format!("`{}`", self.cause()));
        format!("OCCURRED (stateless: every hit is a record of its own): {record}")
    }
}

/// Causes and params of a record.
fn record(made: Option<&Transition>) -> Option<String> {
    let made = made?;
    let mut text = made.causes.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    for (name, value) in &made.params {
        text.push_str(&format!(", {name}={value}"));
    }
    Some(text)
}

/// What takes the deadline of a raise entry away.
fn stopping(known: &Known, raise: &Raise) -> String {
    match &raise.kind {
        RaiseKind::Without { without, .. } => names(known, without),
        other => names(known, other.raising()),
    }
}

fn names(known: &Known, signals: &[SignalId]) -> String {
    signals.iter().map(|s| format!("`{}`", known.signal(*s))).collect::<Vec<_>>().join(" or ")
}

fn causes(alarm: &Alarm, set: CauseSet) -> String {
    let names = alarm.causes.iter().enumerate().filter(|(at, _)| has(set, *at)).map(|(_, name)| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

fn has(set: CauseSet, cause: usize) -> bool {
    1_u64.checked_shl(cause as u32).is_some_and(|bit| set & bit != 0)
}
