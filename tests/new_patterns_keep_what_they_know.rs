//! A watch that is started again with other patterns goes on with all that they still know. What they took away is cleared
//! and says so, so that no alarm stays raised for ever that nothing can clear.

use std::collections::BTreeMap;

use tocsin::correlate::saved::{Key, Unreadable};
use tocsin::correlate::{Clock, Correlator, Event, Family, FamilyId, HOLD, Lane, Released};
use tocsin::pattern::{Patterns, Zone};
use tocsin::scan::{Lookahead, Scanner};
use tocsin::selftest::parse_instant;
use tocsin::time::{Millis, Moment};
use tocsin::transition::{Mode, Transition};

const LOGS: &str = r#"
[layout.plain]
pattern = '%d{ISO8601} %p %m%n'
[log.app]
files = ["app.log"]
layout = "plain"
service = "App"
role = "Server"
[log.proxy]
files = ["proxy.log"]
layout = "plain"
service = "App"
role = "Proxy"
[signal.lost]
log = ["app", "proxy"]
message = 'lost (?<peer>\w+)'
provenance = "observed"
[signal.slow]
log = "app"
message = 'slow'
provenance = "observed"
[signal.back]
log = ["app", "proxy"]
message = 'back'
provenance = "observed"
"#;

/// Two alarms over the same lines.
const PEER: &str = r#"
[alarm.PEER]
name = "Peer lost"
severity = "major"
log = "app"
by = ["peer"]
params = ["peer"]
raise = [{ on = "lost" }, { on = "slow", cause = "slow" }]
clear = [{ quiet = "60s", causes = ["lost"] }, { on = "back" }]
"#;
const OTHER: &str = r#"
[alarm.OTHER]
name = "Too much is lost"
severity = "minor"
log = "app"
raise = [{ on = "lost", count = 2, within = "30s" }, { absent = "slow", for = "10m", cause = "no-slow" }]
clear = [{ on = "back" }]
"#;

fn compiled(parts: &[&str]) -> Patterns {
    parts.concat().parse().unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn family(patterns: &Patterns) -> Family {
    Family {
        cluster: "prod".into(),
        node: "n".into(),
        log: patterns.log_named("app").unwrap(),
        log_name: "app".into(),
        name: "app.log".into(),
        zone: Zone::parse("+08:00").unwrap(),
    }
}

/// Gives these lines to the rules.
fn say(patterns: &Patterns, correlator: &mut Correlator, lines: &str) -> Vec<Transition> {
    let family = family(patterns);
    let (log, zone) = (patterns.log(family.log), family.zone);
    let id = correlator.rejoin(family);
    let mut scanner = Scanner::new(patterns, log, "app.log".into(), zone, Lookahead::File);
    let mut seen = Vec::new();
    scanner.feed(lines.as_bytes(), &mut seen);
    scanner.finish(&mut seen);
    let (mut clock, mut events, mut out) = (Clock::new(id, zone), Vec::new(), Vec::new());
    seen.into_iter().for_each(|seen| clock.place(seen, &mut events));
    events.into_iter().for_each(|event| correlator.event(&released(id, event), &mut out));
    out
}

fn released(family: FamilyId, event: Event) -> Released {
    Released { family, event, lane: Lane::Both, late: false }
}

fn saved(correlator: &mut Correlator) -> BTreeMap<Key, Vec<u8>> {
    correlator.changed().map(|(key, bytes)| (key, bytes.expect("nothing was stored before"))).collect()
}

/// All state after these lines with the original patterns.
fn state(lines: &str) -> BTreeMap<Key, Vec<u8>> {
    let patterns = compiled(&[LOGS, PEER, OTHER]);
    let mut correlator = Correlator::new(&patterns, Mode::Watch, HOLD);
    correlator.keep_changes();
    say(&patterns, &mut correlator, lines);
    saved(&mut correlator)
}

fn restored<'p>(patterns: &'p Patterns, state: &BTreeMap<Key, Vec<u8>>) -> (Correlator<'p>, Vec<Transition>) {
    let mut correlator = Correlator::new(patterns, Mode::Watch, HOLD);
    let mut out = Vec::new();
    correlator.restore(state.clone(), &mut out).unwrap();
    (correlator, out)
}

fn brief(transitions: &[Transition]) -> Vec<String> {
    let by = |t: &Transition| serde_json::to_value(t.cleared_by).unwrap().as_str().unwrap_or("-").to_owned();
    transitions.iter().map(|t| format!("{} {} {} {}", t.event.name(), t.key, t.time, by(t))).collect()
}

const LINES: &str = "\
2026-03-22 14:00:00,000 WARN lost a
2026-03-22 14:00:01,000 WARN lost b
2026-03-22 14:00:05,000 INFO slow
";

/// With new patterns after these lines: what was cleared, and what this line then does.
fn then(parts: &[&str], line: &str) -> (Vec<String>, Vec<String>) {
    let patterns = compiled(parts);
    let (mut correlator, cleared) = restored(&patterns, &state(LINES));
    let later = say(&patterns, &mut correlator, line);
    (brief(&cleared), brief(&later))
}

const BACK: &str = "2026-03-22 14:00:30,000 INFO back\n";

#[test]
fn an_alarm_that_is_the_same_stays_as_it_is_whatever_becomes_of_others() {
    let changed = OTHER.replace("OTHER", "ANOTHER").replace("30s", "40s");
    let (cleared, later) = then(&[LOGS, &changed, PEER], BACK);
    assert_eq!(cleared, ["clear OTHER|prod|App|Server|n 2026-03-22T14:00:05.000+08:00 config"]);
    let expected =
        ["", "a", "b"].map(|p| format!("clear PEER|prod|App|Server|n|peer={p} 2026-03-22T14:00:30.000+08:00 signal"));
    assert_eq!(later, expected);
}

#[test]
fn an_alarm_that_is_gone_is_cleared_at_the_clock_of_its_node() {
    let patterns = compiled(&[LOGS, OTHER]);
    let state = state(LINES);
    let (mut correlator, cleared) = restored(&patterns, &state);
    let expected =
        ["", "a", "b"].map(|p| format!("clear PEER|prod|App|Server|n|peer={p} 2026-03-22T14:00:05.000+08:00 config"));
    assert_eq!(brief(&cleared), expected);
    // The record is whole, though nothing of the alarm is left.
    let record = Transition { detected_at: Some(Moment::utc(0)), ..cleared[1].clone() };
    let record = serde_json::to_value(record).unwrap();
    let schema: serde_json::Value =
        serde_json::from_slice(&std::fs::read("schema/transition.schema.json").unwrap()).unwrap();
    assert!(jsonschema::is_valid(&schema, &record), "{record}");
    for (field, value) in [("name", "Peer lost"), ("severity", "major"), ("raisedAt", "2026-03-22T14:00:00.000+08:00")]
    {
        assert_eq!(record[field], value);
    }
    assert_eq!(record["durationMs"], 5000);
    assert_eq!(record["params"]["peer"], "a");
    assert_eq!(record["evidence"][0]["text"], "2026-03-22 14:00:00,000 WARN lost a");
    // It is said once: the store is told to forget it.
    let mut left = state;
    for (key, bytes) in correlator.changed() {
        match bytes {
            Some(bytes) => left.insert(key, bytes),
            None => left.remove(&key),
        };
    }
    assert_eq!(brief(&restored(&patterns, &left).1), [""; 0]);
}

#[test]
fn an_alarm_with_another_key_or_another_log_is_cleared() {
    let cleared =
        ["", "a", "b"].map(|p| format!("clear PEER|prod|App|Server|n|peer={p} 2026-03-22T14:00:05.000+08:00 config"));
    for (what, changed) in [
        ("switched off", format!("{PEER}enabled = false\n")),
        ("by nothing", PEER.replace("by = [\"peer\"]", "by = []")),
        ("by more", PEER.replace("by = [\"peer\"]", "by = [\"peer\", \"family\"]")),
        (
            "another log",
            PEER.replace("log = \"app\"", "log = \"proxy\"").replace(", { on = \"slow\", cause = \"slow\" }", ""),
        ),
    ] {
        assert_eq!(then(&[LOGS, OTHER, &changed], "").0, cleared, "{what}");
    }
    let elsewhere = LOGS.replace("role = \"Server\"", "role = \"Worker\"");
    assert_eq!(then(&[&elsewhere, OTHER, PEER], "").0.len(), 4);
}

#[test]
fn a_cause_that_is_gone_ends_and_the_others_go_on() {
    let without_slow = PEER.replace(", { on = \"slow\", cause = \"slow\" }", "");
    let (cleared, later) = then(&[LOGS, OTHER, &without_slow], BACK);
    assert_eq!(cleared, ["clear PEER|prod|App|Server|n|peer= 2026-03-22T14:00:05.000+08:00 config"]);
    assert_eq!(later.len(), 3, "{later:?}");
}

#[test]
fn what_waits_goes_on_waiting_with_the_new_times() {
    // The quiet of 60 s has become one of 20 s.
    let quiet = PEER.replace("60s", "20s");
    let (cleared, later) = then(&[LOGS, OTHER, &quiet], "2026-03-22 14:00:25,000 INFO slow\n");
    assert_eq!(cleared, [""; 0]);
    let expected = [("a", "20"), ("b", "21")]
        .map(|(p, s)| format!("clear PEER|prod|App|Server|n|peer={p} 2026-03-22T14:00:{s}.000+08:00 quiet"));
    assert_eq!(later, expected);
    // There was none, and now there is: from the last hit on.
    let patterns = compiled(&[LOGS, &PEER.replace("{ quiet = \"60s\", causes = [\"lost\"] }, ", "")]);
    let mut correlator = Correlator::new(&patterns, Mode::Watch, HOLD);
    correlator.keep_changes();
    say(&patterns, &mut correlator, LINES);
    let patterns = compiled(&[LOGS, PEER]);
    let (mut correlator, cleared) = restored(&patterns, &saved(&mut correlator));
    assert_eq!(brief(&cleared), [""; 0]);
    let later = say(&patterns, &mut correlator, "2026-03-22 14:01:02,500 INFO slow\n");
    let expected = [("a", "00"), ("b", "01")]
        .map(|(p, s)| format!("clear PEER|prod|App|Server|n|peer={p} 2026-03-22T14:01:{s}.000+08:00 quiet"));
    assert_eq!(brief(&later), expected);
}

#[test]
fn a_person_may_clear_an_alarm_by_its_key() {
    let patterns = compiled(&[LOGS, PEER]);
    let mut correlator = Correlator::new(&patterns, Mode::Watch, HOLD);
    say(&patterns, &mut correlator, LINES);
    let key = "PEER|prod|App|Server|n|peer=a";
    let at: Millis = parse_instant("2026-03-22T14:00:10+08:00", Zone::UTC).unwrap();
    let mut out = Vec::new();
    assert!(correlator.clear_by_operator(key, at, &mut out));
    assert_eq!(brief(&out), [format!("clear {key} 2026-03-22T14:00:10.000+08:00 operator")]);
    assert!(!correlator.clear_by_operator(key, at, &mut out), "it is clear");
    assert!(!correlator.clear_by_operator("PEER|prod|App|Server|n|peer=z", at, &mut out), "there is none");
    assert_eq!(out.len(), 1);
    // Nothing is left to be quiet; the next hit raises it again.
    let later = say(&patterns, &mut correlator, "2026-03-22 14:10:00,000 WARN lost a\n");
    assert!(!brief(&later).contains(&format!("clear {key} 2026-03-22T14:01:00.000+08:00 quiet")));
    assert!(brief(&later).contains(&format!("raise {key} 2026-03-22T14:10:00.000+08:00 -")));
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_and_never_a_fresh_start() {
    let patterns = compiled(&[LOGS, PEER]);
    let good = state(LINES);
    let refused = |change: fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        change(bad.values_mut().next().unwrap());
        Correlator::new(&patterns, Mode::Watch, HOLD).restore(bad, &mut Vec::new()).unwrap_err()
    };
    assert!(matches!(refused(|bytes| bytes[0] = 200), Unreadable::Newer { found: 200, .. }));
    assert!(matches!(refused(|bytes| bytes.truncate(bytes.len() - 1)), Unreadable::Damaged { .. }));
    assert!(matches!(refused(Vec::clear), Unreadable::Damaged { .. }));
    let mut strange = good.clone();
    strange.insert(Key::from_bytes(b"zebra\0n").unwrap(), vec![1]);
    let error = Correlator::new(&patterns, Mode::Watch, HOLD).restore(strange, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Unreadable::Unknown(kind) if kind == "zebra|n"));
}

/// What version 1 of the state looks like. If this changes, the version must, and what was saved before must still be read.
#[test]
fn the_form_of_the_state_is_the_same_as_ever() {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let state: String = state(LINES).iter().map(|(key, bytes)| format!("{key} {}\n", hex(bytes))).collect();
    insta::assert_snapshot!(state);
}
