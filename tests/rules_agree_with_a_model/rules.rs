//! Random alarms: what can be written in a pattern file, as data that both sides understand and that shrinks.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::SIGNALS;

pub type Millis = i64;

/// Logs of the test world: name, service, role. Two of them share a location.
pub const LOGS: [(&str, &str, &str); 3] = [("l0", "S", "R"), ("l1", "S", "Other"), ("l2", "S", "R")];

/// Captures of every signal; the first two are for `by`, the others for `params`.
pub const CAPTURES: [&str; 4] = ["k", "j", "p", "q"];

#[derive(Clone, Debug)]
pub struct Alarm {
    pub name: String,
    pub logs: Vec<usize>,
    pub by: Vec<&'static str>,
    pub stateless: bool,
    pub raise: Vec<Raise>,
    pub clear: Vec<Clear>,
}

#[derive(Clone, Debug)]
pub struct Raise {
    pub kind: Kind,
    /// `None`: named after its first signal.
    pub cause: Option<&'static str>,
    pub renew: bool,
    pub with: Vec<With>,
    pub unless: Vec<Unless>,
}

#[derive(Clone, Debug)]
pub enum Kind {
    On { on: Vec<usize> },
    Count { on: Vec<usize>, count: u64, within: Millis },
    Without { on: Vec<usize>, without: Vec<usize>, within: Millis },
    Absent { absent: Vec<usize>, span: Millis, arm: usize, disarm: Vec<usize> },
}

#[derive(Clone, Debug)]
pub struct With {
    pub on: Vec<usize>,
    pub within: Millis,
    pub cause: Option<&'static str>,
    /// `None`: not written, so 4.
    pub max: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Unless {
    pub on: Vec<usize>,
    pub within: Millis,
}

#[derive(Clone, Debug)]
pub struct Clear {
    pub kind: ClearKind,
    /// Of these raise entries; none: of all.
    pub of: Vec<usize>,
}

#[derive(Clone, Debug)]
pub enum ClearKind {
    On(Vec<usize>),
    Present(Vec<usize>),
    Quiet(Millis),
}

impl Raise {
    pub fn cause(&self) -> String {
        let first = match &self.kind {
            Kind::On { on } | Kind::Count { on, .. } | Kind::Without { on, .. } => on[0],
            Kind::Absent { absent, .. } => absent[0],
        };
        self.cause.map_or_else(|| signal(first), str::to_owned)
    }
}

impl Alarm {
    /// The causes that can be active.
    pub fn states(&self) -> Vec<String> {
        self.raise.iter().filter(|r| !r.renew).map(Raise::cause).collect()
    }

    /// The causes that a clear entry ends.
    pub fn ended(&self, clear: &Clear) -> Vec<String> {
        let named = self.named(clear);
        if named.is_empty() { self.states() } else { named }
    }

    fn named(&self, clear: &Clear) -> Vec<String> {
        let entries = clear.of.iter().map(|i| &self.raise[i % self.raise.len()]);
        let mut named: Vec<String> = entries.filter(|r| !r.renew).map(Raise::cause).collect();
        named.sort();
        named.dedup();
        named
    }
}

pub fn signal(at: usize) -> String {
    format!("sig{at}")
}

/// The pattern file that says so.
pub fn toml(alarms: &[Alarm]) -> String {
    let mut t = String::from("[layout.plain]\npattern = '%d{ISO8601} %p %m%n'\n");
    for (name, service, role) in LOGS {
        let _ = writeln!(t, "[log.{name}]\nfiles = [\"{name}/*.log\"]\nlayout = \"plain\"");
        let _ = writeln!(t, "service = \"{service}\"\nrole = \"{role}\"");
    }
    let captures: String = CAPTURES.iter().map(|c| format!("(?: {c}=(?<{c}>\\w+))?")).collect();
    for at in 0..SIGNALS {
        let logs = names(&LOGS.map(|(name, ..)| name.to_owned()));
        // Half of them by the message, half by the line.
        let clause = if at % 2 == 0 { "message = '''" } else { "match = '''INFO " };
        let _ = writeln!(t, "[signal.{0}]\nlog = {logs}\n{clause}{0}{captures}'''", signal(at));
        let _ = writeln!(t, "provenance = \"observed\"");
    }
    for alarm in alarms {
        let _ = writeln!(t, "[alarm.{}]\nname = \"…\"\nseverity = \"minor\"", alarm.name);
        let logs: Vec<String> = alarm.logs.iter().map(|&l| LOGS[l].0.to_owned()).collect();
        let by: Vec<String> = alarm.by.iter().map(|b| (*b).to_owned()).collect();
        let _ = writeln!(t, "log = {}\nby = {}\nparams = [\"p\", \"q\"]", names(&logs), names(&by));
        let _ = writeln!(t, "stateless = {}", alarm.stateless);
        let _ = writeln!(t, "raise = [{}]", alarm.raise.iter().map(raise).collect::<Vec<_>>().join(", "));
        let clear: Vec<String> = alarm.clear.iter().map(|c| self::clear(alarm, c)).collect();
        let _ = writeln!(t, "clear = [{}]", clear.join(", "));
    }
    t
}

fn names(names: &[String]) -> String {
    format!("[{}]", names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", "))
}

fn signals(at: &[usize]) -> String {
    names(&at.iter().map(|&s| signal(s)).collect::<Vec<_>>())
}

fn raise(raise: &Raise) -> String {
    let mut t = match &raise.kind {
        Kind::On { on } => format!("{{ on = {}", signals(on)),
        Kind::Count { on, count, within } => {
            format!("{{ on = {}, count = {count}, within = \"{within}ms\"", signals(on))
        }
        Kind::Without { on, without, within } => {
            format!("{{ on = {}, without = {}, within = \"{within}ms\"", signals(on), signals(without))
        }
        Kind::Absent { absent, span, arm, disarm } => {
            let (absent, disarm) = (signals(absent), signals(disarm));
            format!("{{ absent = {absent}, for = \"{span}ms\", arm = {arm}, disarm = {disarm}")
        }
    };
    t += &raise.cause.map(|c| format!(", cause = \"{c}\"")).unwrap_or_default();
    t += if raise.renew { ", renew = true" } else { "" };
    let with = raise.with.iter().map(|w| {
        let cause = w.cause.map(|c| format!(", cause = \"{c}\"")).unwrap_or_default();
        let max = w.max.map(|m| format!(", max = {m}")).unwrap_or_default();
        format!("{{ on = {}, within = \"{}ms\"{cause}{max} }}", signals(&w.on), w.within)
    });
    let with: Vec<String> = with.collect();
    let unless = raise.unless.iter().map(|u| format!("{{ on = {}, within = \"{}ms\" }}", signals(&u.on), u.within));
    let unless: Vec<String> = unless.collect();
    let _ = write!(t, ", with = [{}], unless = [{}] }}", with.join(", "), unless.join(", "));
    t
}

fn clear(alarm: &Alarm, clear: &Clear) -> String {
    let kind = match &clear.kind {
        ClearKind::On(on) => format!("on = {}", signals(on)),
        ClearKind::Present(on) => format!("present = {}", signals(on)),
        ClearKind::Quiet(span) => format!("quiet = \"{span}ms\""),
    };
    match alarm.named(clear) {
        named if named.is_empty() => format!("{{ {kind} }}"),
        named => format!("{{ {kind}, causes = {} }}", names(&named)),
    }
}

pub fn alarms() -> impl Strategy<Value = Vec<Alarm>> {
    let several = prop::collection::vec(alarm(), 1..4);
    several.prop_map(|mut alarms| {
        for (at, alarm) in alarms.iter_mut().enumerate() {
            alarm.name = format!("A{at}");
        }
        alarms
    })
}

fn alarm() -> impl Strategy<Value = Alarm> {
    let logs = prop::sample::subsequence(vec![0, 1, 2], 1..=3);
    let by = prop::sample::select(vec![vec![], vec!["k"], vec!["j", "k"], vec!["family"], vec!["family", "k"]]);
    let stateless = prop::bool::weighted(0.1);
    let raise = prop::collection::vec(raise_entry(), 1..4);
    let clear = prop::collection::vec(clear_entry(), 0..4);
    (logs, by, stateless, raise, clear).prop_map(|(logs, by, stateless, mut raise, mut clear)| {
        // What the language refuses: an alarm that only renews, a stateless one that waits or counts, a `present`
        // without an absence to end.
        raise[0].renew = false;
        if stateless {
            clear.clear();
            for entry in &mut raise {
                entry.renew = false;
                entry.kind = match std::mem::replace(&mut entry.kind, Kind::On { on: vec![0] }) {
                    Kind::On { on } | Kind::Count { on, .. } | Kind::Without { on, .. } => Kind::On { on },
                    Kind::Absent { absent, .. } => Kind::On { on: absent },
                };
            }
        }
        let mut alarm = Alarm { name: String::new(), logs, by, stateless, raise, clear };
        let absences = alarm.raise.iter().filter(|r| matches!(r.kind, Kind::Absent { .. }));
        let absences: Vec<String> = absences.map(Raise::cause).collect();
        let ends_one: Vec<bool> =
            alarm.clear.iter().map(|c| alarm.ended(c).iter().any(|cause| absences.contains(cause))).collect();
        for (clear, ends_one) in alarm.clear.iter_mut().zip(ends_one) {
            if let ClearKind::Present(on) = &clear.kind
                && !ends_one
            {
                clear.kind = ClearKind::On(on.clone());
            }
        }
        alarm
    })
}

fn some_signals() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        4 => (0..SIGNALS).prop_map(|s| vec![s]),
        1 => prop::sample::subsequence((0..SIGNALS).collect::<Vec<_>>(), 2),
    ]
}

/// Multiples of the same half second as times, so that a hit often comes exactly at a deadline.
fn span() -> impl Strategy<Value = Millis> {
    prop::sample::select(vec![500, 500, 1000, 1000, 1500, 1500, 2000, 2000, 3000, 3000, 4000, 6000, 180_000])
}

fn raise_entry() -> impl Strategy<Value = Raise> {
    let kind = prop_oneof![
        3 => some_signals().prop_map(|on| Kind::On { on }),
        2 => (some_signals(), 1_u64..5, span()).prop_map(|(on, count, within)| Kind::Count { on, count, within }),
        2 => (some_signals(), some_signals(), span())
            .prop_map(|(on, without, within)| Kind::Without { on, without, within }),
        3 => (some_signals(), span(), 1_usize..4, prop_oneof![Just(vec![]), some_signals()])
            .prop_map(|(absent, span, arm, disarm)| Kind::Absent { absent, span, arm, disarm }),
    ];
    let cause = prop::option::of(prop::sample::select(vec!["a", "b", "c"]));
    let with = prop::collection::vec(with_entry(), 0..3);
    let unless = (some_signals(), span()).prop_map(|(on, within)| Unless { on, within });
    let unless = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(unless, 1..3)];
    (kind, cause, prop::bool::weighted(0.15), with, unless).prop_map(|(kind, cause, renew, with, unless)| {
        let renew = renew && matches!(kind, Kind::On { .. });
        Raise { kind, cause, renew, with, unless }
    })
}

fn with_entry() -> impl Strategy<Value = With> {
    let cause = prop::option::of(prop::sample::select(vec!["a", "x", "y"]));
    let max = prop_oneof![Just(None), Just(Some(1)), Just(Some(2)), Just(Some(8))];
    (some_signals(), span(), cause, max).prop_map(|(on, within, cause, max)| With { on, within, cause, max })
}

fn clear_entry() -> impl Strategy<Value = Clear> {
    let kind = prop_oneof![
        some_signals().prop_map(ClearKind::On),
        some_signals().prop_map(ClearKind::Present),
        span().prop_map(ClearKind::Quiet),
    ];
    let of = prop_oneof![Just(vec![]), prop::collection::vec(0_usize..3, 1..3)];
    (kind, of).prop_map(|(kind, of)| Clear { kind, of })
}
