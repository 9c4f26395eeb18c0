//! What the command line, the file and the defaults come to, as `watch` runs on it.

use std::ffi::OsString;
use std::fs;

use super::*;
use crate::config::settings::Environment;
use crate::config::{ConfigFile, Given};
use crate::pattern::Zone;
use crate::replay::gather::Zones;
use crate::transition::Severity;

fn nothing(_: &str) -> Option<OsString> {
    None
}

fn file(text: &str) -> ConfigFile {
    ConfigFile::parse(Path::new("/etc/tocsin/tocsin.toml"), text).unwrap_or_else(|(_, found)| panic!("{found:?}"))
}

/// On a machine whose root has these directories.
fn settle(given: Given, text: &str, directories: &[&str]) -> Result<WatchSettings, ConfigError> {
    let root = tempfile::tempdir().unwrap();
    directories.iter().for_each(|d| fs::create_dir_all(root.path().join(d)).unwrap());
    let environment = Environment { variable: &nothing, root: true };
    let settled = WatchSettings::new(&Settings::new(given, Some(file(text)), &environment), root.path(), false);
    settled.map(|mut s| {
        let below = |p: &PathBuf| p.strip_prefix(root.path()).map(Path::to_owned).unwrap_or(p.clone());
        s.paths = s.paths.iter().map(below).collect();
        s
    })
}

fn paths(list: &[&str]) -> Vec<PathBuf> {
    list.iter().map(PathBuf::from).collect()
}

#[test]
fn by_default_the_paths_that_exist_are_watched() {
    let exist =
        ["var/log/Bigdata/flink/flinkserver/ha/runlog", "var/log/Bigdata/zookeeper/quorumpeer", "var/log/other"];
    let settled = settle(Given::default(), "", &exist).unwrap();
    // One lies in the other.
    assert_eq!(settled.paths, paths(&["var/log/Bigdata/flink/flinkserver", "var/log/Bigdata/zookeeper/quorumpeer"]));
}

#[test]
fn without_any_path_there_is_nothing_to_watch_but_to_wait() {
    let error = settle(Given::default(), "", &[]).unwrap_err();
    let ConfigError::NoPath { tried } = &error else { panic!("{error}") };
    assert_eq!(tried.len(), 7);
    assert!(error.to_string().contains("var/log/Bigdata/omm/oms/ha/runlog\n"), "{error}");
    let waiting = settle(Given { wait: true, ..Given::default() }, "", &[]).unwrap();
    assert_eq!((waiting.wait, waiting.paths.len()), (true, 6), "{:?}", waiting.paths);
    assert!(settle(Given::default(), "wait = true", &[]).unwrap().wait);
    // What is named may come later.
    let named = settle(Given { paths: paths(&["/nowhere"]), ..Given::default() }, "", &[]).unwrap();
    assert_eq!(named.paths, paths(&["/nowhere"]));
}

const EVERYTHING: &str = r#"
paths = ["logs", "/var/log/x", "-"]
cluster = "prod"
tz = "Asia/Shanghai"
hold = "500ms"
max-keys = 7
to = ["kafka://b1/alarms"]
format = "table"
log-format = "json"
assign.node-7 = ["/mnt/7", "old/7"]
log.ha-oms = { tz = "+02:00", files = "/data/oms.log" }
alarm.ALM-45640 = { severity = "critical", for = "40s" }
alarm.ALM-45641.enabled = false
filter = { alarm = ["ALM-45640"], node = "node-7", severity = "major" }
state = { dir = "/srv/state", from = "end", outbox = "2GiB" }
kafka.linger.ms = 5
"#;

#[test]
fn the_file_says_all_that_the_command_line_can() {
    let s = settle(Given::default(), EVERYTHING, &[]).unwrap();
    assert_eq!(s.paths, paths(&["/etc/tocsin/logs", "/var/log/x", "-"]));
    assert_eq!((&*s.cluster, s.hold, s.max_keys), ("prod", 500, 7));
    let zone = |name: &str| s.zones.of(s.patterns.log_named(name).unwrap()).name();
    assert_eq!((zone("ha-dbservice").as_str(), zone("ha-oms").as_str()), ("Asia/Shanghai", "+02:00"));
    assert_eq!(s.sinks[0].to_string(), "kafka://b1:9092/alarms");
    assert_eq!((s.format, s.log_format), (Format::Table, LogFormat::Json));
    let nodes = [("node-7".to_owned(), PathBuf::from("/mnt/7")), ("node-7".to_owned(), "/etc/tocsin/old/7".into())];
    assert_eq!(s.decisions.nodes, nodes);
    assert_eq!(s.decisions.logs, [(s.patterns.log_named("ha-oms").unwrap(), PathBuf::from("/data/oms.log"))]);
    assert_eq!(s.patterns.alarm(s.patterns.alarm_named("ALM-45640").unwrap()).severity, Severity::Critical);
    assert_eq!(s.patterns.alarm_named("ALM-45641"), None);
    assert_eq!((s.shown.alarms, s.shown.nodes), (vec!["ALM-45640".to_owned()], vec!["node-7".to_owned()]));
    assert_eq!(s.shown.severity, Some(Severity::Major));
    assert_eq!((s.state.dir, s.state.begin, s.state.outbox), ("/srv/state".into(), Begin::End, 2 << 30));
    assert_eq!((s.kafka[0].name.as_str(), s.kafka.len()), ("linger.ms", 1));
}

#[test]
fn the_command_line_wins_and_its_lists_replace() {
    let given = Given {
        paths: paths(&["/a"]),
        cluster: Some("test".into()),
        zones: vec![("ha-dbservice".into(), Zone::UTC)],
        assign: vec![("node-8".into(), "/8".into())],
        logs: vec![("ha-dbservice".into(), "/db.log".into())],
        hold: Some(0),
        max_keys: Some(9),
        to: vec![Sink::Stdout],
        format: Some(Format::Json),
        log_format: Some(LogFormat::Text),
        alarms: vec!["ALM-27003".into()],
        nodes: vec!["node-8".into()],
        severity: Some(Severity::Warning),
        state: Some("/st".into()),
        begin: Some(Begin::Lookback(5)),
        ..Given::default()
    };
    let s = settle(given, EVERYTHING, &[]).unwrap();
    assert_eq!(s.paths, paths(&["/a"]));
    assert_eq!((&*s.cluster, s.hold, s.max_keys), ("test", 0, 9));
    let log = |name: &str| s.patterns.log_named(name).unwrap();
    assert_eq!(s.zones.of(log("ha-dbservice")), Zone::UTC);
    assert!(s.zones.is_assumed(log("ha-oms")), "neither the file's zone nor its logs' is left");
    assert_eq!(s.decisions.nodes, [("node-8".to_owned(), PathBuf::from("/8"))]);
    assert_eq!(s.decisions.logs, [(log("ha-dbservice"), PathBuf::from("/db.log"))]);
    assert_eq!((s.sinks, s.format, s.log_format), (vec![Sink::Stdout], Format::Json, LogFormat::Text));
    assert_eq!((s.shown.alarms, s.shown.nodes), (vec!["ALM-27003".to_owned()], vec!["node-8".to_owned()]));
    assert_eq!(s.shown.severity, Some(Severity::Warning));
    assert_eq!((s.state.dir, s.state.begin, s.state.outbox), ("/st".into(), Begin::Lookback(5), 2 << 30));
}

/// Records must tell by which rules they were made, and not how these are written.
#[test]
fn the_pattern_set_has_another_name_if_an_alarm_is_changed() {
    let hash = |text: &str| settle(Given { wait: true, ..Given::default() }, text, &[]).unwrap().patterns.hash;
    let own = hash("");
    assert_eq!(hash("cluster = 'prod'"), own);
    assert_eq!(hash("[alarm]"), own);
    let changed = hash("[alarm.ALM-45640]\nfor = '40s'");
    assert_ne!(changed, own);
    assert_eq!(hash("# a comment\ncluster = 'x'\n[alarm]\nALM-45640 = { for = '40000ms' }"), changed);
    let mut all = vec![own, changed];
    for other in
        ["for = '41s'", "arm = 40000", "severity = 'major'", "enabled = false", "cause.no-heartbeat.for = '40s'"]
    {
        all.push(hash(&format!("[alarm.ALM-45640]\n{other}")));
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn the_limits_of_a_rule_are_changed_and_nothing_else() {
    let alarm = |text: &str, name: &str| {
        let s = settle(Given { wait: true, ..Given::default() }, text, &[]).unwrap();
        format!("{:?}", s.patterns.alarm(s.patterns.alarm_named(name).unwrap()))
    };
    for (change, name, before, after) in [
        ("for = '40s'", "ALM-45640", "span: 30000", "span: 40000"),
        ("arm = 5", "ALM-45640", "arm: 3", "arm: 5"),
        ("cause.no-heartbeat.arm = 6", "ALM-45640", "arm: 3", "arm: 6"),
        ("count = 7", "FLINK-JOB-FAILED", "count: 5", "count: 7"),
        (
            "cause.restart-loop.within = '20m'",
            "FLINK-JOB-FAILED",
            "count: 5, within: 600000",
            "count: 5, within: 1200000",
        ),
        ("cause.restart-loop.quiet = '1h'", "FLINK-JOB-FAILED", "Quiet(900000)", "Quiet(3600000)"),
        ("cause.failed.quiet = '2d'", "FLINK-JOB-FAILED", "Quiet(86400000)", "Quiet(172800000)"),
        ("severity = 'warning'", "ALM-45640", "severity: Minor", "severity: Warning"),
    ] {
        let (own, changed) = (alarm("", name), alarm(&format!("[alarm.{name}]\n{change}"), name));
        assert_eq!(own.matches(before).count(), 1, "{name} has one {before}: {own}");
        assert_eq!(changed, own.replace(before, after), "{change}");
    }
}
