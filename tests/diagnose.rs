//! `tocsin diagnose`: the vendor's procedures, step by step, on machines that are well and on machines that are not; and
//! nothing is changed by looking.
//!
//! A machine is a directory (`--root`). Its users are made so that files belong to `omm` whoever runs the test.

mod support;
mod watch_support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use regex::Regex;
use serde_json::Value;
use support::{Ended, Site, TOCSIN, alarm, ha};
use watch_support::Running;

const RUNLOG: &str = "node-7/var/log/Bigdata/flink/flinkserver/ha/runlog/ha.log";
const PRESTART: &str = "node-7/var/log/Bigdata/flink/flinkserver/prestart.log";
const CONF: &str = "node-7/opt/Bigdata/conf/security";
const ZOOKEEPER: &str = "node-7/var/log/Bigdata/zookeeper/quorumpeer/zookeeper-omm-server-node-7.log";

/// The HA process's line, with the fields of the peer behind its own.
fn with_peer(time: &str, id: u32, category: u32, peer: &str) -> String {
    let alarm = alarm(time, id, category);
    alarm.replace("locha=(192-168-0-11)", &format!("locha=(192-168-0-11),remhost=({peer}),remha=(192-168-0-12)"))
}

fn denied(time: &str) -> String {
    ha(time, "open lstat failed:(/opt/Bigdata/conf/security/server.key ). Permission denied.")
}

/// A node with all that the procedures look at, and everything well.
fn machine(runlog: &str) -> Site {
    let site = Site::new(&[(RUNLOG, runlog), ("node-7/srv/BigData/LocalBackup/0/backup", "kept\n")]);
    for file in ["server.key", "server.crt", "ca.crt", "client.crt"] {
        site.write(&format!("{CONF}/{file}"), b"content\n");
        set_mode(&site, &format!("{CONF}/{file}"), 0o640);
    }
    site.write("node-7/opt/Bigdata/sedated.conf", b"no junk\n");
    // `ping` says what the test wants it to say.
    site.write("bin/ping", b"#!/bin/sh\nexit 0\n");
    set_mode(&site, "bin/ping", 0o755);
    site
}

fn set_mode(site: &Site, path: &str, mode: u32) {
    fs::set_permissions(site.path(path), PermissionsExt::from_mode(mode)).unwrap();
}

fn ping_fails(site: &Site) {
    site.write("bin/ping", b"#!/bin/sh\nexit 1\n");
}

fn junk(site: &Site, path: &str) {
    site.write(path, b"");
    let file = fs::File::options().write(true).open(site.path(path)).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_616_400_000)).unwrap();
    set_mode(site, path, 0o000);
}

/// Everything belongs to `omm:wheel`: to root's tests another user, or else whoever runs this.
fn settle(site: &Site) {
    let own = fs::metadata(site.path(".")).unwrap();
    let (user, group) = if own.uid() == 0 { (2000, 2000) } else { (own.uid(), own.gid()) };
    site.write("node-7/etc/passwd", format!("root:x:0:0::/root:/bin/sh\nomm:x:{user}:{group}::/:/bin/sh\n").as_bytes());
    site.write("node-7/etc/group", format!("root:x:0:\nwheel:x:{group}:\n").as_bytes());
    if own.uid() == 0 {
        for entry in walkdir::WalkDir::new(site.path("node-7")) {
            chown(entry.unwrap().path(), Some(user), Some(group)).unwrap();
        }
    }
}

fn command(site: &Site, args: &[&str]) -> Command {
    let path = format!("{}:{}", site.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = site.command(args);
    command.env("PATH", path).env("COLUMNS", "100").env_remove("BIGDATA_HOME");
    command
}

fn run(site: &Site, args: &[&str]) -> Ended {
    Ended::of(command(site, args).output().unwrap())
}

fn diagnose(site: &Site, args: &[&str]) -> Ended {
    settle(site);
    run(site, &[&["diagnose", "--root", "node-7"], args].concat())
}

/// The page without what differs from machine to machine.
fn page(ended: &Ended) -> String {
    let mut text = ended.shown();
    for (what, shown) in [
        (r"\d+ % used, [\d.]+ \w+ free of [\d.]+ \w+", "N % used, X free of Y"),
        (r"TCP port \d+:", "TCP port N:"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:N"),
        (r"\d+ days left", "N days left"),
    ] {
        text = Regex::new(what).unwrap().replace_all(&text, shown).into_owned();
    }
    text
}

/// The one JSON object.
fn json(site: &Site, args: &[&str]) -> Value {
    let ended = diagnose(site, &[&["--format", "json"], args].concat());
    let mut records = ended.records();
    assert_eq!(records.len(), 1, "{}{}", ended.out, ended.err);
    records.remove(0)
}

fn step(report: &Value, number: u64) -> &Value {
    let steps = report["steps"].as_array().unwrap();
    steps.iter().find(|s| s["number"] == number).unwrap_or_else(|| panic!("no step {number}: {report:#}"))
}

#[track_caller]
fn verdict(report: &Value, number: u64, verdict: &str, evidence: &str) {
    let step = step(report, number);
    let seen: Vec<&str> = step["evidence"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(step["verdict"] == verdict && seen.iter().any(|e| e.contains(evidence)), "{verdict} {evidence}: {step:#}");
}

/// Nobody listens at this port, and the host says so.
fn refusing() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A TCP connection to a broadcast address is never made, whatever network there is.
const SILENT: &str = "127.255.255.255";

// ------------------------------------------------------------------------------------------- the vendor's procedures

fn synchronization() -> String {
    let time = "2021-03-22 14:03:35,344";
    denied(time) + &alarm(time, 1, 0)
}

#[test]
fn procedure_45641_on_a_machine_that_is_well() {
    let site = machine(&synchronization());
    let ended = diagnose(&site, &["ALM-45641", "--peer", &refusing()]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(page(&ended));
}

#[test]
fn procedure_45641_on_a_machine_that_is_not() {
    let site = machine(&synchronization());
    ping_fails(&site);
    junk(&site, "node-7/opt/Bigdata/tomcat/sedAb12Cd");
    junk(&site, "node-7/srv/BigData/sedXy98Zw");
    set_mode(&site, &format!("{CONF}/server.key"), 0o000);
    let ended = diagnose(&site, &["ALM-45641", "--peer", SILENT]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    insta::assert_snapshot!(page(&ended));
}

fn heartbeat(category: u32) -> String {
    with_peer("2021-03-22 14:03:35,344", 0, category, "127.0.0.1")
}

#[test]
fn procedure_45640_on_a_machine_that_is_well() {
    let site = machine(&heartbeat(0));
    // Of another fault, long ago.
    site.write(PRESTART, b"2021-03-20 10:00:00,000 Float ip 192.168.0.99 is invalid\n");
    let ended = diagnose(&site, &["45640"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(page(&ended));
}

#[test]
fn procedure_45640_on_a_machine_that_is_not() {
    let site = machine(&heartbeat(0).replace("127.0.0.1", SILENT));
    ping_fails(&site);
    site.write(PRESTART, b"2021-03-22 14:02:00,000 Float ip 192.168.0.99 is invalid\n");
    let ended = diagnose(&site, &["45640"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    insta::assert_snapshot!(page(&ended));
}

const REFUSED: &str = "2021-03-22 14:03:35,344 | WARN  | NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181 | \
    Too many connections from /10.0.0.7 - max is 60 | org.apache.zookeeper.server.NIOServerCnxnFactory (NIOServerCnxnFactory.java:193)\n";

/// Answers four-letter words like a server to which the client holds so many connections. Its address.
fn zookeeper(held: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut word = [0; 4];
            let heard = stream.read_exact(&mut word).map(|()| word);
            let client = |n: usize| format!(" /10.0.0.7:{}[1](queued=0,recved=1,sent=1)\n", 40_000 + n);
            let said = match heard.as_ref().map(|w| &w[..]) {
                Ok(b"srvr") => "Zookeeper version: 3.9.5\nConnections: 3\nMode: follower\n".to_owned(),
                Ok(b"conf") => "clientPort=2181\nmaxClientCnxns=60\n".to_owned(),
                Ok(b"cons") => (0..held).map(client).chain([" /10.0.0.8:1[1](queued=0)\n".to_owned()]).collect(),
                _ => continue,
            };
            let _ = stream.write_all(said.as_bytes());
        }
    });
    address
}

fn connections(held: usize) -> Ended {
    let site = machine("");
    site.write(ZOOKEEPER, REFUSED.as_bytes());
    diagnose(&site, &["ALM-13007", "--server", &zookeeper(held)])
}

#[test]
fn procedure_13007_with_a_client_that_is_back_under_its_limit() {
    let ended = connections(4);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(page(&ended));
}

#[test]
fn procedure_13007_with_a_client_that_leaks() {
    let ended = connections(58);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    insta::assert_snapshot!(page(&ended));
}

const CERTIFICATE: &str =
    "opt/Bigdata/FusionInsight_Flink_8.3.0/install/FusionInsight-Flink-1.17.1/ha/local/cert/server.crt";

fn certificate(from: i32, until: i32) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "flink_server");
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem().into_bytes()
}

/// A machine with this certificate, and the line of the probe that raised the alarm.
fn certified(content: Option<&[u8]>) -> Site {
    let site = machine("");
    let line = format!(
        "{{\"time\":\"2026-11-21T14:00:00.000Z\",\"check\":\"certificate\",\"verdict\":\"missing\",\"path\":\"/{CERTIFICATE}\",\"reason\":\"there is no such file\"}}\n"
    );
    site.write("node-7/tocsin-probe/probe-certificate.log", line.as_bytes());
    if let Some(content) = content {
        site.write(&format!("node-7/{CERTIFICATE}"), content);
    }
    site
}

#[test]
fn procedure_45653_with_a_certificate_that_is_valid_again() {
    let site = certified(Some(&certificate(2026, 2999)));
    let ended = diagnose(&site, &["ALM-45653", "node-7/tocsin-probe"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(page(&ended));
}

#[test]
fn procedure_45653_without_a_certificate() {
    let ended = diagnose(&certified(None), &["ALM-45653", "node-7/tocsin-probe"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    insta::assert_snapshot!(page(&ended));
}

/// What the probes of the watch are told holds here, too.
#[test]
fn servers_and_thresholds_are_those_of_the_configuration() {
    let site = machine("");
    site.write(ZOOKEEPER, REFUSED.as_bytes());
    let server = zookeeper(31);
    let probe =
        format!("[probe.zookeeper]\nservers = [\"node-7={server}\", \"node-8=192.0.2.1\"]\nclient-threshold = 50\n");
    site.write("tocsin.toml", probe.as_bytes());
    let report = json(&site, &["13007", "--config", "tocsin.toml"]);
    let evidence = format!("10.0.0.7 holds 31 connections to {server}, of maxClientCnxns 60, threshold 50 %");
    verdict(&report, 2, "fault", &evidence);
}

// ------------------------------------------------------------------------------------------------------ single steps

/// Without a record of the alarm the certificate is looked for where it always lies.
#[test]
fn certificates_of_each_kind_are_judged() {
    let name = format!("/{CERTIFICATE}");
    for (content, word, evidence) in [
        (certificate(2026, 2999), "ok", "valid until 2999-01-01T00:00:00.000Z, "),
        (certificate(2020, 2021), "fault", "expired on 2021-01-01T00:00:00.000Z"),
        (certificate(2998, 2999), "fault", "its time has not begun"),
        (b"no certificate".to_vec(), "fault", "it is not a certificate"),
        (Vec::new(), "fault", "it is empty"),
    ] {
        let site = machine("");
        site.write(&format!("node-7/{CERTIFICATE}"), &content);
        verdict(&json(&site, &["45653"]), 3, word, &format!("{name}: {evidence}"));
    }
    verdict(&json(&machine(""), &["45653"]), 3, "fault", "server.crt: there is no such file");
}

/// In a namespace of its own anybody may mount a small file system, and fill it.
#[test]
fn a_full_directory_for_backups_is_at_fault() {
    let site = machine(&synchronization());
    settle(&site);
    let script = "mount -t tmpfs -o size=64k none node-7/srv/BigData/LocalBackup || exit 99\n\
        [ -n \"$FILL\" ] && head -c 200000 /dev/zero > node-7/srv/BigData/LocalBackup/set 2>/dev/null\n\
        exec \"$0\" diagnose --root node-7 --format json --peer 127.0.0.1 45641";
    for (fill, word, evidence) in [
        ("", "ok", "/srv/BigData/LocalBackup: 0 % used, 64.0 KiB free of 64.0 KiB"),
        ("yes", "fault", "/srv/BigData/LocalBackup: 100 % used, 0 B free of 64.0 KiB"),
    ] {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script, TOCSIN]).env("FILL", fill).env("TZ", "UTC");
        let output = command.current_dir(site.path(".")).stdin(Stdio::null()).output();
        let Some(output) = output.ok().filter(|o| !matches!(o.status.code(), Some(99) | None) && !o.stdout.is_empty())
        else {
            eprintln!("skipped: no file system can be mounted here");
            return;
        };
        let report = Ended::of(output).records().remove(0);
        verdict(&report, 6, word, evidence);
        let after = if word == "ok" { "not-needed" } else { "person" };
        assert_eq!(step(&report, 7)["verdict"], after);
    }
}

#[test]
fn a_backup_directory_that_is_not_there_is_not_full() {
    let site = machine(&synchronization());
    fs::remove_dir_all(site.path("node-7/srv/BigData/LocalBackup")).unwrap();
    let report = json(&site, &["45641"]);
    verdict(&report, 6, "ok", "/srv/BigData/LocalBackup itself does not exist");
}

#[test]
fn junk_is_empty_has_no_permissions_and_is_no_link() {
    let site = machine(&synchronization());
    site.write("node-7/opt/sedWithContent", b"x");
    set_mode(&site, "node-7/opt/sedWithContent", 0o000);
    site.write("node-7/opt/sedWithMode", b"");
    junk(&site, "node-7/opt/other");
    std::os::unix::fs::symlink("other", site.path("node-7/opt/sedLink")).unwrap();
    // Outside the directories that are looked at.
    junk(&site, "node-7/var/sedElsewhere");
    let report = json(&site, &["45641"]);
    verdict(&report, 10, "ok", "no junk below /srv/BigData and /opt");
    verdict(&report, 10, "ok", "3 files named sed* with content or permissions");
    assert_eq!(step(&report, 11)["verdict"], "not-needed");
}

#[test]
fn a_tree_that_is_too_deep_is_not_called_clean() {
    let site = machine(&synchronization());
    junk(&site, &format!("node-7/opt/{}sedDeep", "d/".repeat(40)));
    let report = json(&site, &["45641"]);
    verdict(&report, 10, "unknown", "not looked deeper than 24 directories");
}

#[test]
fn a_directory_on_the_way_that_may_not_be_passed_is_named() {
    let site = machine(&synchronization());
    settle(&site);
    set_mode(&site, CONF, 0o600);
    let report = json_settled(&site, &["45641"]);
    set_mode(&site, CONF, 0o755);
    verdict(&report, 12, "fault", "omm may not pass through /opt/Bigdata/conf/security (drw------- omm:wheel)");
}

fn json_settled(site: &Site, args: &[&str]) -> Value {
    let ended = run(site, &[&["diagnose", "--root", "node-7", "--format", "json"], args].concat());
    ended.records().remove(0)
}

#[test]
fn a_file_that_stands_out_among_its_neighbours_is_told_with_what_they_are_like() {
    let site = machine(&synchronization());
    set_mode(&site, &format!("{CONF}/server.key"), 0o600);
    let report = json(&site, &["45641"]);
    verdict(&report, 12, "fault", "beside it: all 3 are -rw-r----- omm:wheel");
    let remedy = step(&report, 12)["remedy"].as_str().unwrap();
    assert!(
        remedy.contains("(a change): chown omm:wheel /opt/Bigdata/conf/security/server.key && chmod 0640 "),
        "{remedy}"
    );
}

#[test]
fn a_file_that_is_missing_is_told() {
    let site = machine(&synchronization());
    fs::remove_file(site.path(&format!("{CONF}/server.key"))).unwrap();
    verdict(&json(&site, &["45641"]), 12, "fault", "/opt/Bigdata/conf/security/server.key does not exist");
}

// ------------------------------------------------------------------------------------- which alarm, and which machine

#[test]
fn what_is_not_known_can_be_said() {
    let site = machine("");
    let report = json(&site, &["45641"]);
    assert!(report["raise"].is_null() && report["active"] == false);
    verdict(&report, 3, "unknown", "no record of the alarm was found that would name its peer");
    assert_eq!(step(&report, 3)["remedy"], "name it with `--peer HOST`");
    verdict(&report, 12, "unknown", "no record of the alarm was found that would name its path");
    let path = "path=/opt/Bigdata/conf/security/server.key";
    let ended = diagnose(&site, &["45641", "--format", "json", "--peer", "127.0.0.1", "--param", path]);
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    verdict(&ended.records()[0], 12, "ok", "(who was refused it is not known)");
}

#[test]
fn what_could_not_be_decided_is_not_called_well() {
    let site = machine(&synchronization());
    let ended = diagnose(&site, &["45641"]);
    assert_eq!(ended.code, Some(4), "{}", ended.out);
    assert!(ended.out.contains("remedy: name it with `--peer HOST`"), "{}", ended.out);
    // Both ways stay open.
    assert!(ended.out.contains("you       4  Ask whether the network is at fault."), "{}", ended.out);
}

#[test]
fn of_several_instances_the_active_one_is_taken_and_the_others_are_named() {
    let site = machine("");
    let refused = |time: &str, client: &str| REFUSED.replace("14:03:35", time).replace("10.0.0.7", client);
    let log = refused("13:00:00", "10.0.0.5") + &refused("14:00:00", "10.0.0.6") + &refused("14:00:01", "10.0.0.7");
    site.write(ZOOKEEPER, log.as_bytes());
    let report = json(&site, &["13007", "--server", &zookeeper(1)]);
    assert_eq!((&report["raise"]["params"]["clientIp"], &report["active"]), (&"10.0.0.7".into(), &true.into()));
    let other = "ALM-13007|default|ZooKeeper|quorumpeer|node-7|clientIp=10.0.0.6";
    assert_eq!(report["others"], serde_json::json!([other]), "the first has cleared");
    let report = json(&site, &["13007", "--server", &zookeeper(1), "--key", other]);
    assert_eq!(report["raise"]["params"]["clientIp"], "10.0.0.6");
    let ended = diagnose(&site, &["13007", "--key", "none"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
}

/// Logs that were collected elsewhere say what happened, but the files beside them are not those of their node.
#[test]
fn files_of_another_node_are_not_looked_at_here() {
    let site = machine(&synchronization());
    settle(&site);
    let ended = run(&site, &["diagnose", "--format", "json", "--peer", "127.0.0.1", "45641", "node-7"]);
    let report = ended.records().remove(0);
    assert_eq!((ended.code, &report["node"]), (Some(4), &"node-7".into()), "{report:#}");
    for number in [6, 10, 12] {
        verdict(&report, number, "unknown", ": the files of node-7 are not here");
        assert!(step(&report, number)["remedy"].as_str().unwrap().starts_with("run this on node-7, or "), "{report:#}");
    }
    verdict(&report, 3, "ok", "127.0.0.1 answers");
}

#[test]
fn a_running_watch_is_asked_what_is_active() {
    let site = machine(&synchronization());
    settle(&site);
    let mut watch = Running::start(command(&site, &["watch", "--state", "state", "--from", "start", "node-7"]));
    watch.until("the raise", |w| !w.out.is_empty());
    // The log is gone, and with it all that a replay could tell.
    fs::remove_file(site.path(RUNLOG)).unwrap();
    let report = json_settled(&site, &["45641", "--state", "state"]);
    assert_eq!((&report["active"], &report["raise"]["node"]), (&true.into(), &"node-7".into()), "{report:#}");
    assert_eq!(report["notes"], serde_json::json!(["known from the running watch (0 files read)"]));
}

#[test]
fn a_log_that_may_not_be_read_comes_with_the_command_that_allows_it() {
    let site = machine(&synchronization());
    set_mode(&site, RUNLOG, 0o600);
    settle(&site);
    let Some(ended) = as_nobody(&site) else { return };
    assert!(
        ended.out.contains("ha.log could not be read (") && ended.out.contains("setfacl -R -m u:"),
        "{}",
        ended.out
    );
}

#[test]
fn what_only_root_may_look_at_is_not_called_well() {
    let site = machine(&synchronization());
    set_mode(&site, "node-7/srv/BigData", 0o700);
    settle(&site);
    let Some(ended) = as_nobody(&site) else { return };
    assert_eq!(ended.code, Some(4), "{}", ended.out);
    for said in ["1 directory may not be looked into, the first is /srv/BigData", "remedy: run this as root"] {
        assert!(ended.out.contains(said), "{}", ended.out);
    }
}

/// Runs as somebody who may do little; `None` if nobody can be made that.
fn as_nobody(site: &Site) -> Option<Ended> {
    set_mode(site, ".", 0o755);
    fs::copy(TOCSIN, site.path("tocsin")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--clear-groups", "./tocsin", "diagnose", "--root", "node-7"]);
    command.args(["--peer", "127.0.0.1", "45641"]).current_dir(site.path(".")).env("TZ", "UTC");
    let Some(output) = command.output().ok().filter(|o| !o.stderr.starts_with(b"setpriv: ")) else {
        eprintln!("skipped: this user may not become another");
        return None;
    };
    Some(Ended::of(output))
}

// ------------------------------------------------------------------------------------------------------------ always

/// Everything below a directory: names, modes, owners, sizes, times.
fn tree(root: &Path) -> Vec<(String, u32, u32, u64, i64, i64)> {
    let entries = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    let all = entries.map(|entry| {
        let m = entry.metadata().unwrap();
        (entry.path().display().to_string(), m.mode(), m.uid(), m.size(), m.mtime_nsec(), m.ctime_nsec())
    });
    all.collect()
}

#[test]
fn nothing_is_changed() {
    let site = machine(&(synchronization() + &heartbeat(0)));
    site.write(PRESTART, b"2021-03-22 14:02:00,000 Float ip 192.168.0.99 is invalid\n");
    junk(&site, "node-7/opt/sedAb12Cd");
    settle(&site);
    let before = tree(&site.path("."));
    for alarm in ["45640", "45641", "13007", "ALM-12011", "ALM-27004", "HA-LINK", "FLINK-ZK-LOST"] {
        let ended = run(&site, &["diagnose", "--root", "node-7", "--peer", "127.0.0.1", alarm]);
        assert!(matches!(ended.code, Some(0 | 1 | 4)), "{alarm}: {}", ended.err);
    }
    assert_eq!(tree(&site.path(".")), before);
}

#[test]
fn a_log_steers_neither_the_terminal_nor_the_shell() {
    let time = "2021-03-22 14:03:35,344";
    let odd = "open lstat failed:(/opt/x\u{1b}[2J; reboot ). Permission denied.";
    let site = machine(&(ha(time, odd) + &with_peer(time, 1, 0, "-f")));
    let ended = diagnose(&site, &["45641"]);
    assert!(!ended.out.contains('\u{1b}') && ended.out.contains("/opt/x\\u{1b}[2J; reboot"), "{}", ended.out);
    assert!(ended.out.contains("`-f` is no name of a host"), "{}", ended.out);
}

#[test]
fn what_was_asked_wrongly_is_said() {
    let site = machine("");
    for (args, code, said) in [
        (&["45642"][..], 2, "unknown alarm `45642`"),
        (&["45641", "--param", "path"], 2, "expected NAME=VALUE"),
        (&["45641", "--server", "a/b"], 2, "`a/b` is no server"),
        (&["45641", "--root", "gone"], 3, "gone is no directory that can be looked at"),
    ] {
        let ended = run(&site, &[&["diagnose"], args].concat());
        assert!(ended.code == Some(code) && ended.err.contains(said), "{args:?}: {:?} {}", ended.code, ended.err);
    }
}
