//! The configuration: what it says holds, what it says wrongly is shown, and what is secret is not.

mod support;

use support::{Ended, Site, alarm, fixtures, ha};

const HA_LOG: &str = "node-7/flink/flinkserver/ha/runlog/ha.log";

/// FlinkServer's heartbeat is interrupted, and nobody says that it is back.
fn interrupted() -> String {
    alarm("2021-03-22 14:03:35,344", 0, 0)
}

fn site(config: &str) -> Site {
    Site::new(&[(HA_LOG, &interrupted()), ("tocsin.toml", config)])
}

fn check(config: &str) -> Ended {
    site(config).run(&["config", "check", "--config", "tocsin.toml"])
}

fn replay(config: &str) -> Ended {
    let ended = site(config).run(&["replay", "--quiet", "--config", "tocsin.toml", "."]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    ended
}

#[test]
fn all_mistakes_are_shown_with_place_and_remedy() {
    let ended = check(
        r#"path = ["logs"]
cluster = ""
tz = "Asia/Shanghia"
hold = 3
format = "xml"
to = ["kafka://b1", "kafka://user:hunter2@b1/alarms"]
[assign]
node-7 = 7
[alarm.ALM-45640]
severity = "majr"
from = "40s"
[filter]
severity = "high"
[kafka]
sasl.password = ["hunter2"]
[state]
lookback = "1h"
from = "start"
[stat]
"#,
    );
    insta::assert_snapshot!(ended.shown());
}

#[test]
fn names_that_there_are_not_are_shown_with_what_was_meant() {
    let names = check("[log.ha-omx]\ntz = \"UTC\"\n[log.ha-flinkserver]\n[filter]\nalarm = [\"ALM-4564\"]\n");
    insta::assert_snapshot!(names.shown());
    let changes = check(
        "[alarm.ALM-4564]\nseverity = \"major\"\n[alarm.ALM-45640]\ncount = 3\n[alarm.FLINK-JOB-FAILED]\nquiet = \"2d\"\n\
         cause.fail = { count = 3, within = \"1m\" }\n",
    );
    insta::assert_snapshot!(changes.shown());
}

#[test]
fn what_is_no_toml_is_shown_without_its_secrets() {
    let ended = check("[kafka]\nsasl.password = \"hunter2\nlinger.ms = 5\n");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("tocsin.toml:2:17") && !ended.err.contains("hunter2"), "{}", ended.err);
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_if_it_is_named() {
    let site = site("");
    for args in [["config", "check"], ["config", "show"]] {
        let ended = site.run(&[args[0], args[1], "--config", "nowhere.toml"]);
        let why = "tocsin: cannot read the configuration nowhere.toml: No such file or directory (os error 2)\n";
        assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(2), "", why));
    }
}

#[test]
fn a_valid_configuration_is_said_to_be_valid() {
    let ended = check("cluster = \"prod\"\n[alarm.ALM-45640]\nseverity = \"major\"\n");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.starts_with("tocsin.toml: valid; "), "{}", ended.out);
    assert!(ended.out.contains(", 1 of them changed; pattern set "), "{}", ended.out);
}

#[test]
fn the_file_of_a_secret_has_to_be_there() {
    let ended = check("[kafka]\nsasl.password-file = \"nowhere\"\n");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("tocsin.toml:2: cannot read ") && ended.err.contains("/nowhere: "), "{}", ended.err);
    // The environment of the service is another.
    let ended = check("[kafka]\nsasl.password = \"${TOCSIN_TEST_UNSET}\"\n");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(
        ended.err.contains("tocsin.toml:2: the environment variable `TOCSIN_TEST_UNSET` is not set"),
        "{}",
        ended.err
    );
}

const SHOWN: &str = r#"paths = ["/srv/logs"]
cluster = "prod"
tz = "Asia/Shanghai"
assign."node 7" = "/mnt/it's \"here\""
alarm.ALM-45640 = { severity = "major", for = "40s", cause.no-heartbeat.arm = 5 }
log.ha-oms.tz = "+02:00"
filter.node = ["node-7", "node-8"]
state.from = "start"
kafka.sasl = { username = "u", password = "hunter2", "kerberos.keytab-file" = "/etc/keytab" }
kafka.ssl.key.password = "${KEY_PASSWORD}"
"#;

/// Runs without what the environment of the tests might say.
fn show(site: &Site, args: &[&str]) -> Ended {
    let all = [&["config", "show", "--config"], args].concat();
    let mut command = site.command(&all);
    command.env_remove("XDG_STATE_HOME").env("STATE_DIRECTORY", "/var/lib/of-systemd");
    Ended::of(command.output().unwrap())
}

#[test]
fn each_setting_is_shown_with_who_said_it() {
    let site = site(SHOWN);
    let ended = show(&site, &["tocsin.toml", "--hold", "0", "--tz", "ha-oms=UTC", "--node", "node-9"]);
    insta::assert_snapshot!(ended.shown());
}

/// What is shown is a configuration that comes to the same.
#[test]
fn what_is_shown_can_be_used() {
    let site = site(SHOWN);
    let first = show(&site, &["tocsin.toml", "--lookback", "30m"]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    site.write("again.toml", first.out.as_bytes());
    let again = show(&site, &["again.toml"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    let values = |text: &str| -> Vec<String> {
        let settings = text.lines().filter(|l| !l.starts_with('#'));
        settings.map(|l| l.rsplit_once("  # ").map_or(l, |(setting, _)| setting).to_owned()).collect()
    };
    assert_eq!(values(&again.out), values(&first.out));
    assert!(values(&first.out).contains(&"lookback = \"30m\"".to_owned()), "{}", first.out);
}

#[test]
fn secrets_are_shown_nowhere() {
    let site = site(SHOWN);
    for args in [
        &["config", "show", "--config", "tocsin.toml"] as &[&str],
        &["config", "check", "--config", "tocsin.toml"],
        &["doctor", "--config", "tocsin.toml"],
        &["doctor", "--config", "tocsin.toml", "--format", "json"],
        &["replay", "--verbose", "--config", "tocsin.toml", "."],
    ] {
        let ended = site.run(args);
        assert!(!ended.shown().contains("hunter2"), "{args:?}: {}", ended.shown());
    }
}

#[test]
fn replay_takes_zones_nodes_and_cluster_from_the_file() {
    let ended =
        replay("tz = \"+08:00\"\ncluster = \"prod\"\n[assign]\nnode-1 = \"node-7\"\nunheard-of = \"/nowhere\"\n");
    let record = &ended.records()[0];
    assert_eq!(record["time"], "2021-03-22T14:03:35.344+08:00");
    assert_eq!(record["key"], "ALM-45640|prod|Flink|FlinkServer|node-1");
    let site = site("tz = \"+08:00\"\ncluster = \"prod\"\n");
    let ended = site.run(&["replay", "-q", "--config", "tocsin.toml", "--tz", "UTC", "--cluster", "test", "."]);
    let record = &ended.records()[0];
    assert_eq!(record["time"], "2021-03-22T14:03:35.344Z");
    assert_eq!(record["key"], "ALM-45640|test|Flink|FlinkServer|node-7");
}

#[test]
fn an_alarm_is_changed_or_switched_off() {
    assert_eq!(replay("").records()[0]["severity"], "minor");
    assert_eq!(replay("[alarm.ALM-45640]\nseverity = \"critical\"\n").records()[0]["severity"], "critical");
    assert_eq!(replay("[alarm.ALM-45640]\nenabled = false\n").out, "");
    // A value beside it can wait until it is wanted again.
    assert_eq!(replay("[alarm.ALM-45640]\nenabled = false\nfor = \"1m\"\n").out, "");
}

/// The rule raises when the new time is over, and not before.
#[test]
fn a_changed_limit_decides() {
    let beat = |second: u32| ha(&format!("2021-03-22 14:00:{second:02},000"), "recv heartbeat from peer");
    let log: String = (0..4).chain([45]).map(beat).collect();
    let times = |config: &str| -> Vec<String> {
        let site = Site::new(&[(HA_LOG, &log), ("tocsin.toml", config)]);
        let ended = site.run(&["replay", "-q", "--tz", "UTC", "--config", "tocsin.toml", "."]);
        ended
            .records()
            .iter()
            .map(|r| format!("{} {}", r["event"].as_str().unwrap(), r["time"].as_str().unwrap()))
            .collect()
    };
    let back = "clear 2021-03-22T14:00:45.000Z";
    assert_eq!(times(""), ["raise 2021-03-22T14:00:33.000Z", back]);
    assert_eq!(times("[alarm.ALM-45640]\nfor = \"40s\"\n"), ["raise 2021-03-22T14:00:43.000Z", back]);
    assert_eq!(times("[alarm.ALM-45640]\nfor = \"42s\"\n"), [""; 0]);
    assert_eq!(times("[alarm.ALM-45640]\narm = 5\n"), [""; 0]);
}

#[test]
fn the_filter_of_the_file_holds() {
    assert_eq!(replay("[filter]\nseverity = \"minor\"\n").records().len(), 1);
    for other in ["severity = \"major\"", "node = \"node-8\"", "alarm = [\"ALM-45641\"]"] {
        let site = site(&format!("[filter]\n{other}\n"));
        assert_eq!(site.run(&["replay", "-q", "--config", "tocsin.toml", "."]).out, "", "{other}");
    }
}

#[test]
fn pattern_files_of_the_configuration_lie_beside_it() {
    let site = site("patterns = \"own\"\n");
    site.write("own/own.toml", b"[alarm.ALM-45640]\nenabled = false\n");
    assert_eq!(site.run(&["replay", "-q", "--config", "tocsin.toml", "."]).out, "");
    // A change of what a pattern file has switched off is a mistake, wherever that file is.
    site.write("tocsin.toml", b"patterns = \"own\"\n[alarm.ALM-45640]\nseverity = \"major\"\n");
    let ended = site.run(&["config", "check", "--config", "tocsin.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("the alarm `ALM-45640` is switched off"), "{}", ended.err);
    assert!(ended.err.contains("own/own.toml:1:8"), "{}", ended.err);
}

/// The example in deploy/, with each of its keys in effect.
fn example() -> String {
    let path = fixtures().parent().unwrap().join("deploy/tocsin.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && *line != "#";
    text.lines().filter(setting).map(|line| format!("{}\n", &line[1..])).collect()
}

#[test]
fn the_example_is_valid_as_it_is_and_with_each_line() {
    let path = fixtures().parent().unwrap().join("deploy/tocsin.toml");
    let site = site("");
    let ended = site.run(&["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    // But for what names files that are not here.
    let elsewhere =
        |line: &&str| !["patterns", "no-default-patterns", "sasl.password-file"].iter().any(|k| line.starts_with(k));
    let whole: String = example().lines().filter(elsewhere).map(|l| format!("{l}\n")).collect();
    let ended = check(&whole);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn the_example_has_every_key_and_the_page_explains_it() {
    use tocsin::config::ConfigFile;
    use tocsin::config::model::{CertificateConfig, Config, FilterConfig, LogConfig, StateConfig, ZookeeperConfig};
    use tocsin::pattern::overrides::LimitKind;
    let text = example();
    let file = ConfigFile::parse(std::path::Path::new("tocsin.toml"), &text).unwrap_or_else(|(_, e)| panic!("{e:?}"));
    // Without `..`: a field that is added has to be named here, and then to be in the example.
    let Config {
        paths,
        wait,
        cluster,
        zone,
        hold,
        max_keys,
        to,
        format,
        log_format,
        patterns,
        no_default_patterns,
        assign,
        logs,
        overrides,
        filter,
        state,
        kafka,
        probe,
    } = file.config;
    let FilterConfig { alarms, nodes, severity } = filter;
    let StateConfig { dir, begin, outbox } = state;
    assert!(paths.is_some() && wait.is_some() && cluster.is_some() && zone.is_some() && hold.is_some());
    assert!(max_keys.is_some() && to.is_some() && format.is_some() && log_format.is_some());
    assert!(patterns.is_some() && no_default_patterns.is_some() && !assign.is_empty() && !kafka.is_empty());
    assert!(
        logs.iter().all(|LogConfig { name: _, zone, silent, files }| {
            zone.is_some() && silent.is_some() && !files.is_empty()
        }) && !logs.is_empty()
    );
    assert!(
        alarms.is_some()
            && nodes.is_some()
            && severity.is_some()
            && dir.is_some()
            && begin.is_some()
            && outbox.is_some()
    );
    let CertificateConfig { paths, days, at } = probe.certificate.unwrap();
    assert!(paths.is_some() && days.is_some() && at.is_some());
    let zookeeper = probe.zookeeper.unwrap();
    let ZookeeperConfig { servers, every, patience, threshold, client_threshold, .. } = &zookeeper;
    assert!(servers.is_some() && every.is_some() && patience.is_some());
    assert!(threshold.is_some() && client_threshold.is_some());
    let ZookeeperConfig { trigger_count, max_connections, admin_port, .. } = &zookeeper;
    assert!(trigger_count.is_some() && max_connections.is_some() && admin_port.is_some());
    let changes = &overrides.alarms;
    assert!(changes.iter().any(|o| o.enabled.is_some()) && changes.iter().any(|o| o.severity.is_some()));
    for kind in LimitKind::ALL {
        assert!(changes.iter().flat_map(|o| &o.limits).any(|l| l.kind == kind), "{}", kind.name());
    }
    assert!(changes.iter().flat_map(|o| &o.limits).any(|l| l.cause.is_some()));
    let page = std::fs::read_to_string(fixtures().parent().unwrap().join("docs/config.md")).unwrap();
    let keys = text
        .lines()
        .filter_map(|l| Some(l.split_once(" = ")?.0))
        .filter(|k| !k.contains('.') && !k.starts_with("node-"));
    for key in keys.chain(["from"]) {
        assert!(page.contains(&format!("`{key}`")), "docs/config.md explains `{key}`");
    }
}

#[test]
fn probes_are_wanted_by_the_file_or_by_the_command_line() {
    let site = site(
        "[probe.certificate]\npaths = [\"certs/*.crt\"]\n[probe.zookeeper]\nservers = [\"zk1\"]\nthreshold = 90\n",
    );
    let args = ["config", "show", "--config", "tocsin.toml", "--probe", "zookeeper=n2=zk2:2182,zk3"];
    let shown = site.run(&args).out;
    let shown = shown.replace(site.path("").canonicalize().unwrap().to_str().unwrap(), "HERE");
    let (_, probes) = shown.split_once("[probe.certificate]").unwrap();
    insta::assert_snapshot!(probes);
    let without = site.run(&["config", "show", "--config", "/dev/null"]).out;
    assert!(!without.contains("probe"), "{without}");
}

#[test]
fn mistakes_about_probes_are_shown_with_place_and_remedy() {
    let ended = check(
        "[probe.certificat]\n[probe.certificate]\npath = [\"x\"]\npaths = [\"a/***\"]\ndays = 0\nat = \"25:00\"\n\
         [probe.zookeeper]\nservers = [\"zk1:x\", \"=zk2\"]\nevery = \"10ms\"\npatience = \"1h\"\nthreshold = 101\n\
         trigger-count = \"3\"\nadmin-port = 70000\nmax-conections = 5\n",
    );
    insta::assert_snapshot!(ended.shown());
}

/// What reads patterns sees them as the watch that runs with this configuration does.
#[test]
fn check_explain_and_alarms_take_what_the_configuration_changes() {
    let config =
        "tz = \"Asia/Shanghai\"\n[alarm.ALM-45640]\nseverity = \"critical\"\n[alarm.ALM-12010]\nenabled = false\n";
    let site = site(config);
    let with = |args: &[&str]| site.run(&[args, &["--config", "tocsin.toml"]].concat());
    let hash = |ended: &Ended| {
        let at = ended.out.find("pattern set ").map(|at| at + "pattern set ".len());
        at.map(|at| ended.out[at..at + 16].to_owned()).unwrap_or_else(|| panic!("{}", ended.shown()))
    };
    let checked = with(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.shown());
    assert!(checked.out.contains("skipped because the configuration changes what they test"), "{}", checked.out);
    assert_eq!(hash(&checked), hash(&with(&["config", "check"])));
    assert_ne!(hash(&checked), hash(&site.run(&["check"])));
    let listed = with(&["alarms", "--format", "json"]).records();
    let listed = |id: &str| listed.iter().find(|alarm| alarm["alarm"] == id).map(|alarm| alarm["severity"].clone());
    assert_eq!((listed("ALM-45640"), listed("ALM-12010")), (Some("critical".into()), None));
    let explained = with(&["explain", "--tz", "UTC", "--alarm", "ALM-12010", HA_LOG]);
    assert!(explained.code == Some(2) && explained.err.contains("unknown alarm `ALM-12010`"), "{}", explained.shown());
    let explained = with(&["explain", "--only-hits", HA_LOG]);
    assert!(explained.code == Some(0) && explained.out.contains("Asia/Shanghai"), "{}", explained.shown());
    // What is wrong is shown with its place.
    site.write("wrong.toml", b"[alarm.ALM-45640]\ncount = 3\n");
    let wrong = site.run(&["check", "--config", "wrong.toml"]);
    assert!(wrong.code == Some(2) && wrong.out.contains("wrong.toml:2:"), "{}", wrong.shown());
}
