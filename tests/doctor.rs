//! `tocsin doctor`: what would keep a watch from seeing alarms is found, said with its remedy, and left as it is.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::Value;
use support::{Ended, Site, TOCSIN, ha, skipped};

const HA_LOG: &str = "node-7/flink/flinkserver/ha/runlog/ha.log";

/// Heartbeats, the last of them now if `hours` is 0.
fn beats(hours: i64, every: i64) -> String {
    let end = Utc::now().timestamp() + hours * 3600;
    let line = |n: i64| {
        let time = DateTime::from_timestamp(end - (20 - n) * every, 0).unwrap();
        ha(&time.format("%Y-%m-%d %H:%M:%S,000").to_string(), "recv heartbeat from peer")
    };
    (0..=20).map(line).collect()
}

fn site(log: &str) -> Site {
    let site = Site::new(&[(HA_LOG, log)]);
    fs::create_dir(site.path("state")).unwrap();
    fs::set_permissions(site.path("state"), PermissionsExt::from_mode(0o700)).unwrap();
    site
}

const ARGS: [&str; 7] = ["doctor", "--format", "json", "--tz", "UTC", "--state", "state"];

fn doctor(site: &Site, args: &[&str]) -> (Ended, Vec<Value>) {
    let ended = site.run(&[&ARGS, args].concat());
    let findings = ended.records();
    (ended, findings)
}

fn text<'a>(finding: &'a Value, field: &str) -> &'a str {
    finding[field].as_str().unwrap_or_default()
}

/// The findings of one check that are not fine.
fn wrong<'a>(findings: &'a [Value], check: &str) -> Vec<&'a Value> {
    findings.iter().filter(|f| f["check"] == check && f["verdict"] != "ok").collect()
}

#[track_caller]
fn one<'a>(findings: &'a [Value], check: &str, verdict: &str, found: &str) -> &'a Value {
    let fits = |f: &&Value| f["check"] == check && f["verdict"] == verdict && text(f, "found").contains(found);
    let fitting: Vec<&Value> = findings.iter().filter(fits).collect();
    assert_eq!(fitting.len(), 1, "{check} {verdict} {found}: {findings:#?}");
    fitting[0]
}

#[test]
fn a_log_that_is_well() {
    let site = site(&beats(0, 1));
    let (ended, findings) = doctor(&site, &["."]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    one(&findings, "log", "ok", "ha.log");
    one(&findings, "layout", "ok", "100% of the records");
    one(&findings, "zone", "ok", "read as UTC");
    one(&findings, "heartbeat", "ok", "`ha-heartbeat` every 1s (21 seen), ALM-45640 waits 30s");
    one(&findings, "state", "ok", "writable, mode 0700");
    one(&findings, "sink", "ok", "needs nothing");
    // Other logs are other nodes'.
    assert!(wrong(&findings, "log").iter().all(|f| f["verdict"] == "note" && f["found"] == "not found here"));
}

#[test]
fn the_table_has_remedies_and_a_sum() {
    let site = site(&beats(8, 1));
    let ended = site.run(&["doctor", "--tz", "UTC", "--state", "state", "."]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let row = ended.out.lines().position(|l| l.starts_with("mend  zone")).unwrap_or_else(|| panic!("{}", ended.out));
    let remedy = ended.out.lines().nth(row + 1).unwrap();
    assert!(remedy.starts_with("      remedy: --tz ha-flinkserver=+08:00, "), "{remedy}");
    assert!(ended.out.lines().last().unwrap().starts_with("1 to mend, "), "{}", ended.out);
}

#[test]
fn the_likely_zone_is_named_and_mends_it() {
    let site = site(&beats(8, 1));
    let (ended, findings) = doctor(&site, &["."]);
    assert_eq!(ended.code, Some(1));
    let finding = one(&findings, "zone", "mend", "it is in +08:00, most likely");
    assert!(text(finding, "remedy").contains("[log.ha-flinkserver] tz = \"+08:00\""), "{finding}");
    site.write("tocsin.toml", b"[log.ha-flinkserver]\ntz = \"+08:00\"\n");
    let args = ["doctor", "--format", "json", "--config", "tocsin.toml", "--state", "state", "."];
    let ended = site.run(&args);
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    one(&ended.records(), "zone", "ok", "read as +08:00");
}

#[test]
fn a_layout_that_is_not_known_is_shown() {
    let (_, findings) = doctor(&site(&"2021/03/22 14:03:35 something \u{1b}[31m\n".repeat(50)), &["."]);
    let finding = one(&findings, "layout", "mend", "0% of the records");
    assert!(text(finding, "found").contains("2021/03/22 14:03:35 something \\u{1b}[31m"), "{finding}");
    assert!(text(finding, "remedy").contains("tocsin explain "), "{finding}");
}

#[test]
fn records_without_a_time_are_counted() {
    let log = beats(0, 1) + &ha("2021-13-22 14:03:35,344", "nothing");
    let (_, findings) = doctor(&site(&log), &["."]);
    one(&findings, "time", "note", "1 of 22 records");
}

#[test]
fn heartbeats_that_are_missing_or_slow() {
    let quiet = ha(&Utc::now().format("%Y-%m-%d %H:%M:%S,000").to_string(), "something else");
    let (ended, findings) = doctor(&site(&quiet), &["."]);
    assert_eq!(ended.code, Some(0), "it may have none: {}", ended.out);
    let finding = one(&findings, "heartbeat", "note", "ALM-45640 waits for `ha-heartbeat` to stop, and no line");
    assert!(text(finding, "remedy").contains("--signal ha-heartbeat"), "{finding}");
    let slow = site(&beats(0, 45));
    let (ended, findings) = doctor(&slow, &["."]);
    assert_eq!(ended.code, Some(1));
    let finding = one(&findings, "heartbeat", "mend", "every 45s (21 seen), but ALM-45640 is raised after 30s");
    assert_eq!(text(finding, "remedy"), "in the configuration: [alarm.ALM-45640] for = \"2m15s\"");
    slow.write("tocsin.toml", b"[alarm.ALM-45640]\nfor = \"2m15s\"\n");
    let (ended, _) = doctor(&slow, &["--config", "tocsin.toml", "."]);
    assert_eq!(ended.code, Some(0), "the remedy mends it: {}", ended.out);
}

#[test]
fn what_is_not_there() {
    let site = Site::new(&[("notes.txt", "nothing of ours\n")]);
    let (ended, findings) = doctor(&site, &["nowhere"]);
    assert_eq!(ended.code, Some(1));
    one(&findings, "path", "mend", "does not exist");
    let (_, findings) = doctor(&site, &["."]);
    let finding = one(&findings, "log", "mend", "no log was found in . (1 files of no known log)");
    assert!(text(finding, "remedy").contains("--log NAME=PATH"), "{finding}");
    one(&findings, "state", "ok", "does not exist yet");
}

/// Everything below a directory: names, modes, sizes, times.
fn tree(root: &Path) -> Vec<(String, u32, u64, i64, i64)> {
    let mut all = Vec::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.unwrap();
        let m = entry.metadata().unwrap();
        all.push((entry.path().display().to_string(), m.mode(), m.size(), m.mtime_nsec(), m.ctime_nsec()));
    }
    all
}

#[test]
fn nothing_is_changed() {
    let site = site(&beats(8, 45));
    site.write("state/store", b"of a watch");
    let before = tree(&site.path("."));
    doctor(&site, &["."]);
    site.run(&["doctor", "--state", "made/by/nobody", "."]);
    assert_eq!(tree(&site.path(".")), before);
}

/// Runs as somebody who may do little; `None` if nobody can be made that.
fn as_nobody(site: &Site, args: &[&str]) -> Option<(Ended, Vec<Value>)> {
    fs::set_permissions(site.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    fs::copy(TOCSIN, site.path("tocsin")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--clear-groups", "./tocsin"]).args(ARGS).args(args);
    let Ok(output) = command.current_dir(site.path(".")).env("TZ", "UTC").output() else {
        skipped("there is no `setpriv` to be somebody else with");
        return None;
    };
    let ended = Ended::of(output);
    if ended.err.contains("setpriv: ") {
        skipped(&format!("this user may not become another: {}", ended.err));
        return None;
    }
    let findings = ended.records();
    Some((ended, findings))
}

#[test]
fn a_file_that_may_not_be_read_comes_with_the_command_that_allows_it() {
    let site = site(&beats(0, 1));
    fs::set_permissions(site.path(HA_LOG), PermissionsExt::from_mode(0o600)).unwrap();
    let Some((ended, findings)) = as_nobody(&site, &["node-7"]) else { return };
    assert_eq!(ended.code, Some(1));
    let finding = one(&findings, "readable", "mend", "Permission denied");
    let remedy = text(finding, "remedy");
    assert!(remedy.starts_with("setfacl -R -m u:") && remedy.contains(":rX,d:u:"), "{remedy}");
    let directory = site.path("node-7/flink/flinkserver/ha/runlog");
    assert!(remedy.ends_with(&format!(" {}", directory.display())), "{remedy}");
    // It is there all the same.
    one(&findings, "log", "ok", "ha.log");
    // The state directory is another's.
    let finding = one(&findings, "state", "mend", "may not write in it");
    assert!(text(finding, "remedy").starts_with("chown "), "{finding}");
}

#[test]
fn a_directory_that_may_not_be_passed_is_opened_on_the_way() {
    let site = site(&beats(0, 1));
    let closed = site.path("node-7/flink");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
    let log = site.path(HA_LOG);
    let named = as_nobody(&site, &[log.to_str().unwrap()]);
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o755)).unwrap();
    let Some((ended, findings)) = named else { return };
    assert_eq!(ended.code, Some(1));
    let finding = one(&findings, "readable", "mend", "Permission denied");
    let remedy = text(finding, "remedy");
    let first = remedy.split(" && ").next().unwrap();
    assert!(first.starts_with("setfacl -m u:") && first.contains(&format!(":x {}", closed.display())), "{remedy}");
}

#[test]
fn a_state_directory_that_others_may_look_into() {
    let site = site(&beats(0, 1));
    fs::set_permissions(site.path("state"), PermissionsExt::from_mode(0o755)).unwrap();
    let (ended, findings) = doctor(&site, &["."]);
    assert_eq!(ended.code, Some(1));
    let finding = one(&findings, "state", "mend", "mode 0755");
    assert_eq!(text(finding, "remedy"), format!("chmod 0700 {}", site.path("state").display()));
}

#[test]
fn a_running_watch_is_seen_by_its_lock() {
    let site = site(&beats(0, 1));
    site.write("state/store", b"");
    let file = fs::File::open(site.path("state/store")).unwrap();
    file.lock().unwrap();
    let (ended, findings) = doctor(&site, &["."]);
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    one(&findings, "state", "note", &format!("in use by process {}", std::process::id()));
    drop(file);
    let (_, findings) = doctor(&site, &["."]);
    assert!(wrong(&findings, "state").is_empty(), "{findings:#?}");
}

#[test]
fn brokers_that_answer_and_one_that_does_not() {
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let (open, closed) = (here.local_addr().unwrap(), gone.local_addr().unwrap());
    drop(gone);
    let site = site(&beats(0, 1));
    site.write("tocsin.toml", format!("to = [\"kafka://{open},{closed}/alarms\"]\n").as_bytes());
    let (ended, findings) = doctor(&site, &["--config", "tocsin.toml", "."]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(text(one(&findings, "sink", "ok", "reachable"), "subject"), open.to_string());
    let finding = one(&findings, "sink", "mend", "cannot be reached: ");
    assert_eq!(text(finding, "subject"), closed.to_string());
}

#[test]
fn a_secret_that_others_may_read() {
    let site = site(&beats(0, 1));
    site.write("tocsin.toml", b"[kafka]\nsasl.password = \"hunter2\"\n");
    fs::set_permissions(site.path("tocsin.toml"), PermissionsExt::from_mode(0o644)).unwrap();
    let (ended, findings) = doctor(&site, &["--config", "tocsin.toml", "."]);
    assert_eq!(ended.code, Some(1));
    assert!(text(one(&findings, "configuration", "mend", "others may read it"), "remedy").starts_with("chmod 0600 "));
    fs::set_permissions(site.path("tocsin.toml"), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(doctor(&site, &["--config", "tocsin.toml", "."]).0.code, Some(0));
}

/// Many files that are well are one line; the one that is not stands for itself.
#[test]
fn what_is_well_does_not_hide_what_is_not() {
    let site = site(&beats(0, 1));
    for node in 10..20 {
        site.write(&format!("node-{node}/flink/flinkserver/ha/runlog/ha.log"), beats(0, 1).as_bytes());
    }
    site.write("node-99/flink/flinkserver/ha/runlog/ha.log", beats(8, 1).as_bytes());
    let (_, findings) = doctor(&site, &["."]);
    one(&findings, "log", "ok", "12 files of 12 processes");
    one(&findings, "zone", "ok", "11 times well");
    assert!(text(one(&findings, "zone", "mend", "most likely"), "subject").contains("node-99/"));
}
