//! Heartbeats: the signals whose silence raises an alarm, and how often they come.
//!
//! Their wording is nowhere documented, and a rule that waits for a line that never comes never raises. Only the log
//! itself can tell.

use super::Text;
use super::finding::Finding;
use super::logs::LogFile;
use super::sample::Ends;
use crate::pattern::{Alarm, LogId, Patterns, RaiseKind, SignalId, Zone};
use crate::scan::{Lookahead, Scanner, Seen};
use crate::time::{Millis, human_duration};

/// A rule that waits for signals of this log to stop.
struct Waiting<'p> {
    alarm: &'p Alarm,
    signals: Vec<SignalId>,
    span: Millis,
}

fn waiting(patterns: &Patterns, log: LogId) -> Vec<Waiting<'_>> {
    let mut rules = Vec::new();
    for alarm in patterns.alarms.iter().filter(|a| a.logs.contains(&log)) {
        for raise in &alarm.raise {
            let RaiseKind::Absent { absent, span, .. } = &raise.kind else { continue };
            let signals: Vec<SignalId> =
                absent.iter().filter(|id| patterns.signal(**id).logs.contains(&log)).copied().collect();
            if !signals.is_empty() {
                rules.push(Waiting { alarm, signals, span: *span });
            }
        }
    }
    rules
}

pub fn examine(patterns: &Patterns, file: &LogFile, zone: Zone, ends: &Ends) -> Vec<Finding> {
    let rules = waiting(patterns, file.log);
    if rules.is_empty() {
        return Vec::new();
    }
    let hits = hits(patterns, file.log, zone, ends);
    let judge = |rule: &Waiting| {
        let times: Vec<Millis> = hits.iter().filter(|(id, _)| rule.signals.contains(id)).map(|(_, t)| *t).collect();
        let names: Vec<Text> = rule.signals.iter().map(|id| patterns.signal(*id).name.clone()).collect();
        judge(&file.shown, &rule.alarm.name, &names.join(", "), rule.span, &times)
    };
    rules.iter().map(judge).collect()
}

fn hits(patterns: &Patterns, log: LogId, zone: Zone, ends: &Ends) -> Vec<(SignalId, Millis)> {
    let mut seen = Vec::new();
    let mut scanner = Scanner::new(patterns, patterns.log(log), "".into(), zone, Lookahead::File);
    scanner.feed(ends.newest(), &mut seen);
    scanner.finish(&mut seen);
    let mut last = None;
    let mut hits = Vec::new();
    for hit in seen.iter().filter_map(|s| if let Seen::Hit(hit) = s { Some(hit) } else { None }) {
        let Some(time) = hit.stamp.and_then(|s| zone.instant(s, last, ends.modified)) else { continue };
        last = Some(time);
        hits.push((hit.signal, time));
    }
    hits
}

fn judge(file: &str, alarm: &str, signals: &str, span: Millis, times: &[Millis]) -> Finding {
    const CHECK: &str = "heartbeat";
    let Some(cadence) = cadence(times) else {
        let found = match times.len() {
            0 => format!("{alarm} waits for `{signals}` to stop, and no line at the end says it"),
            _ => format!("{alarm} waits for `{signals}` to stop, and one line at the end says it"),
        };
        let remedy = format!(
            "if this service writes heartbeats, replace the signal by what they say (docs/patterns.md); see `tocsin explain --signal {} {file}`",
            signals.split(", ").next().unwrap_or(signals)
        );
        return Finding::note(CHECK, file, found).remedy(remedy);
    };
    let every = format!("`{signals}` every {} ({} seen)", human_duration(cadence), times.len());
    if cadence >= span {
        let wanted = human_duration((cadence * 3).max(1000));
        return Finding::mend(CHECK, file, format!("{every}, but {alarm} is raised after {}", human_duration(span)))
            .remedy(format!("in the configuration: [alarm.{alarm}] for = \"{wanted}\""));
    }
    Finding::ok(CHECK, file, format!("{every}, {alarm} waits {}", human_duration(span)))
}

/// The gap in the middle of all gaps.
fn cadence(times: &[Millis]) -> Option<Millis> {
    let mut gaps: Vec<Millis> = times.windows(2).map(|w| (w[1] - w[0]).max(0)).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_heartbeat_that_is_slower_than_its_rule_is_told() {
        let every = |gap: Millis| (0..10).map(|n| n * gap).collect::<Vec<_>>();
        for (times, verdict, text) in [
            (every(1_000), Verdict::Ok, "every 1s (10 seen)"),
            (every(29_999), Verdict::Ok, "every 29s999ms"),
            (every(30_000), Verdict::Mend, "ALM-1 is raised after 30s"),
            (vec![], Verdict::Note, "no line"),
            (vec![5], Verdict::Note, "one line"),
            (vec![0, 1_000, 2_000, 90_000, 91_000], Verdict::Ok, "every 1s (5 seen)"),
        ] {
            let finding = judge("ha.log", "ALM-1", "beat", 30_000, &times);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.found.contains(text), "{finding:?}");
        }
        let slow = judge("ha.log", "ALM-1", "beat", 30_000, &every(40_000));
        assert_eq!(slow.remedy.as_deref(), Some("in the configuration: [alarm.ALM-1] for = \"2m\""));
    }
}
