//! `tocsin check --speed` tells by which texts signals are found, and what looking for them costs. What it says of times is
//! the machine's, so only what it counts is held to.

mod support;

use support::{Ended, Site, gzip};

const PATTERNS: &str = r##"
[layout.app]
pattern = '%d{yyyy-MM-dd HH:mm:ss,SSS} %p %m%n'

[log.app]
files   = ["app/app.log*"]
layout  = "app"
service = "App"
role    = "Server"

[log.app-audit]
files   = ["app/audit.log*"]
layout  = "app"
service = "App"
role    = "Audit"

[signal.lost]
log        = "app"
message    = '''connection to (?<peer>\S+) lost'''
provenance = "documented"

[signal.back]
log        = ["app", "app-audit"]
message    = '''(?i)connection to \S+ is back'''
provenance = "documented"

[signal.stopped]
log        = "app-audit"
match      = '''stopped (?:by signal|by hand|at (?:night|noon))'''
provenance = "documented"

[signal.code]
log        = "app-audit"
message    = '''[A-Z]{2}\d+$'''
provenance = "documented"

[alarm.APP-LOST]
name     = "Connection Lost"
severity = "major"
log      = ["app", "app-audit"]
raise    = [{ on = ["lost", "stopped", "code"], cause = "lost" }]
clear    = [{ on = "back" }]

[[test]]
alarm  = "APP-LOST"
name   = "lost and back"
log    = "app"
lines  = '''
2021-03-22 14:03:35,344 WARN connection to node-1 lost
2021-03-22 14:03:36,000 INFO connection to node-1 is back
'''
expect = ["raise 2021-03-22T14:03:35.344 lost", "clear 2021-03-22T14:03:36.000 lost"]
"##;

fn line(second: usize, message: &str) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("2021-03-22 {hour:02}:{minute:02}:{second:02},000 INFO {message}\n")
}

/// Of each hundred lines one is lost, one looks like it, and one is back.
fn log() -> String {
    let message = |at: usize| match at % 100 {
        10 => "connection to node-1 lost".to_owned(),
        20 => "connection to node-1 closed".to_owned(),
        30 => "Connection to node-1 is back".to_owned(),
        _ => format!("request {at} took {} ms", at * 7919 % 1000),
    };
    (0..20_000).map(|at| line(at, &message(at))).collect()
}

fn check(site: &Site, speed: &[&str]) -> Ended {
    site.run(&[&["check", "--no-default-patterns", "--patterns", "app.toml", "--speed"], speed].concat())
}

fn site() -> Site {
    let text = log();
    let site = Site::new(&[("app.toml", PATTERNS), ("n/app/app.log", &text), ("notes.txt", "bring milk\n")]);
    site.write("n.gz", &gzip(text.as_bytes()));
    site
}

#[test]
fn each_signal_has_its_texts_and_one_without_is_named_with_the_remedy() {
    insta::assert_snapshot!(check(&site(), &[]).shown());
}

/// The cells of a row up to the share.
fn cells<'t>(ended: &'t Ended, signal: &str) -> Vec<&'t str> {
    let row = ended.out.lines().find(|line| line.split_whitespace().next() == Some(signal));
    row.unwrap_or_else(|| panic!("no row of {signal} in {}", ended.shown())).split_whitespace().take(5).collect()
}

#[test]
fn candidates_and_hits_are_those_of_the_sample_plain_or_packed() {
    let (site, text) = (site(), log());
    let each = |count: usize| format!("{:.1}", count as f64 / (text.len() as f64 / 1e6));
    for sample in ["n/app/app.log", "n.gz"] {
        let ended = check(&site, &[sample]);
        assert_eq!(ended.code, Some(0), "{}", ended.shown());
        let lost = cells(&ended, "lost");
        assert_eq!(lost[2], each(200), "{}", ended.shown());
        let candidates: f64 = lost[1].parse().unwrap();
        assert!(candidates >= 200.0 / (text.len() as f64 / 1e6) - 0.1, "{}", ended.shown());
        assert_eq!(cells(&ended, "back")[2], each(200), "{}", ended.shown());
        assert!(ended.out.contains("app: ") && ended.out.contains("for all 2 signals"), "{}", ended.shown());
        assert!(!ended.out.contains("stopped"), "a log that is not in the sample: {}", ended.shown());
    }
}

#[test]
fn a_signal_that_is_tried_on_every_line_is_named_with_what_it_costs() {
    let site = site();
    site.write("n/app/audit.log", log().as_bytes());
    let ended = check(&site, &["n/app/audit.log"]);
    assert!(ended.out.contains("nothing: every line must be tried"), "{}", ended.shown());
    assert!(
        ended.out.contains("`code` has no literal to search for, so every line of app-audit must be tried"),
        "{}",
        ended.shown()
    );
}

#[test]
fn what_is_no_log_or_is_not_there_is_no_sample() {
    let site = site();
    for (sample, says) in [("notes.txt", "no log looks like this"), ("missing.log", "missing.log")] {
        let ended = check(&site, &[sample]);
        assert_eq!(ended.code, Some(3), "{}", ended.shown());
        assert!(ended.err.contains(says), "{}", ended.shown());
    }
}
