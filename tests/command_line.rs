//! What a person at a terminal, or a script, gets: help, errors that say what to do, and exit codes to tell them apart.

mod support;

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Ended, Site, TOCSIN, alarm, gzip, skipped};

const HA_LOG: &str = "node-7/flink/flinkserver/ha/runlog/ha.log";
const ZONE_SAID: &str = "tocsin: times are read as UTC (this machine's zone; `--tz` says otherwise)\n";

fn interrupted() -> String {
    alarm("2021-03-22 14:03:35,344", 0, 0) + &alarm("2021-03-22 14:05:00,001", 0, 1)
}

/// One node with an alarm that is raised and cleared.
fn site() -> Site {
    Site::new(&[(HA_LOG, &interrupted())])
}

/// What is said on standard error but for what was read, which comes last.
fn said(ended: &Ended) -> String {
    ended
        .err
        .lines()
        .filter(|line| !(line.contains(" file read (") || line.contains(" files read (")))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Ends with this code, writes no record, and says this and no more.
#[track_caller]
fn refused(site: &Site, args: &[&str], code: i32, message: &str) {
    let ended = site.run(args);
    assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "{args:?}: {}", ended.err);
    assert!(ended.err.contains(message), "{args:?}: {}", ended.err);
}

#[test]
fn help() {
    let site = Site::new(&[]);
    let short = site.run(&["-h"]);
    assert_eq!((short.code, short.err.as_str()), (Some(0), ""));
    for command in ["replay", "check"] {
        assert!(short.out.contains(&format!("\n  {command} ")), "{}", short.out);
        let help = site.run(&[command, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
        assert!(help.out.contains("Usage: tocsin ") && help.out.contains("--patterns <DIR>"), "{}", help.out);
    }
}

/// The help is made from the codes themselves; the README must say the same.
#[test]
fn exit_codes_are_told_alike_wherever_they_are_told() {
    let long = Site::new(&[]).run(&["--help"]).out;
    let (_, listed) = long.split_once("Exit codes:\n").unwrap();
    let listed: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.trim().split_once("  ")).collect();
    assert_eq!(listed.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, told) = readme.split_once("**Exit codes:**").unwrap();
    let told: String = told.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
    for (code, meaning) in listed {
        assert!(told.contains(&format!("{code} {meaning}")), "{code} {meaning} in {told}");
    }
}

/// Which build it is, and which patterns are in it: what a report of a fault needs.
#[test]
fn version() {
    let site = Site::new(&[]);
    let long = site.run(&["--version"]);
    let lines: Vec<&str> = long.out.lines().collect();
    let [version, commit, patterns] = lines.as_slice() else { panic!("{}", long.out) };
    assert_eq!(*version, format!("tocsin {}", env!("CARGO_PKG_VERSION")));
    let commit = commit.strip_prefix("commit   ").unwrap();
    assert!(commit == "unknown" || (commit.len() == 12 && commit.bytes().all(|b| b.is_ascii_hexdigit())), "{commit}");
    let set = patterns.strip_prefix("patterns ").unwrap();
    let site_patterns = self::site().run(&["replay", "--tz", "UTC", "."]).records()[0]["patterns"].clone();
    assert_eq!(site_patterns, set, "records name the same set");
    assert_eq!(site.run(&["-V"]).out, format!("{version}\n"));
}

#[test]
fn mistakes_in_usage() {
    let site = site();
    refused(&site, &[], 2, "Usage: tocsin <COMMAND>");
    refused(&site, &["reply", "."], 2, "a similar subcommand exists: 'replay'");
    refused(&site, &["replay"], 2, "<PATH>...");
    refused(&site, &["replay", "--frmat", "json", "."], 2, "a similar argument exists: '--format'");
    refused(&site, &["replay", "--format", "xml", "."], 2, "[possible values: json, table]");
    refused(&site, &["replay", "--quiet", "--verbose", "."], 2, "cannot be used with");
    refused(&site, &["replay", "--jobs", "0", "."], 2, "--jobs");
    refused(&site, &["replay", "--hold", "3", "."], 2, "expected a duration such as 2s or 500ms");
    refused(&site, &["replay", "--cluster", "", "."], 2, "--cluster");
}

#[test]
fn nothing_to_read() {
    let site = site();
    site.write("empty/notes.txt", b"nothing of ours\n");
    refused(&site, &["replay", "nowhere"], 3, "tocsin: no such file or directory: nowhere\n");
    refused(&site, &["replay", "nowhere", "nor-here"], 3, "no such file or directory: nowhere, nor-here\n");
    refused(
        &site,
        &["replay", "empty"],
        3,
        "tocsin: no log was found in what was given; `--verbose` says what was skipped\n",
    );
    refused(&site, &["replay", "--verbose", "empty"], 3, "tocsin: empty/notes.txt: skipped: no log looks like this\n");
    let ended = site.run_with_input(&["replay", "-"], b"");
    assert_eq!(ended.code, Some(3), "{}", ended.err);
}

/// One path that is not there among others: the others are read, and a script learns that it was not all.
#[test]
fn a_path_that_is_missing_does_not_keep_the_others_from_being_read() {
    let ended = site().run(&["replay", "--quiet", "nowhere", ".", "nor-here"]);
    assert_eq!((ended.code, ended.records().len()), (Some(4), 2), "{}", ended.err);
    assert_eq!(ended.err, "tocsin: nowhere: no such file or directory\ntocsin: nor-here: no such file or directory\n");
    // Nothing of what there is was a log.
    let empty = Site::new(&[("notes.txt", "nothing of ours\n")]);
    refused(&empty, &["replay", "notes.txt", "nowhere"], 3, "tocsin: nowhere: no such file or directory\n");
}

/// A log in which nothing happened is fine, and says nothing on standard output.
#[test]
fn nothing_found_is_fine() {
    let site = Site::new(&[(HA_LOG, &alarm("2021-03-22 14:03:35,344", 10, 0))]);
    let ended = site.run(&["replay", "--tz", "UTC", "."]);
    assert_eq!((ended.code, ended.out.as_str(), said(&ended).as_str()), (Some(0), "", ""));
}

/// Unlike for `grep | head`, whoever closes our output loses alarms.
#[test]
fn closed_output() {
    let site = site();
    for (args, message) in [
        (&["replay", "--tz", "UTC", "."][..], "tocsin: standard output was closed: transitions are being lost\n"),
        (
            &["replay", "--tz", "UTC", "--format", "table", "."],
            "tocsin: standard output was closed: transitions are being lost\n",
        ),
        (&["check"], "tocsin: standard output was closed\n"),
        (&["--version"], ""),
        (&["--help"], ""),
    ] {
        let mut child =
            site.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Nobody reads any more before the first line is written: help comes at once, so there it is a race to win.
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let code = child.wait().unwrap().code();
        let raced = args[0].starts_with("--") && code == Some(0);
        assert!(code == Some(5) || raced, "{args:?}: {code:?} {err}");
        assert_eq!(err, if raced { "" } else { message }, "{args:?}");
    }
}

/// Any other failure to write is a failure.
#[test]
fn full_disk() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        return skipped("there is no disk that is always full");
    };
    let output = site().command(&["replay", "--tz", "UTC", "."]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("tocsin: cannot write to standard output: "), "{err}");
}

#[test]
fn table() {
    let site = site();
    let zookeeper = "2021-03-22 14:00:00,000 [myid:1] - WARN  [NIOServerCxn.Factory:NIOServerCnxnFactory@211] - Too many connections from /10.0.0.1 - max is 60\n";
    site.write("node-7/zookeeper/quorumpeer/zookeeper-omm-server-node-7.log", zookeeper.as_bytes());
    site.write(
        "node-with-a-very-long-name/flink/flinkserver/ha/runlog/ha.log",
        alarm("2021-03-22 15:00:00,000", 2, 2).as_bytes(),
    );
    let ended = site.run(&["replay", "--tz", "Asia/Shanghai", "--end", "2021-03-22T16:00", "--format", "table", "."]);
    assert_eq!((ended.code, said(&ended).as_str()), (Some(0), ""));
    insta::assert_snapshot!(ended.out, @"
    TIME                           EVENT  SEVERITY  ALARM                   NODE              WHAT
    2021-03-22T14:00:00.000+08:00  raise  minor     ALM-13007               node-7            refused clientIp=10.0.0.1 limit=60
    2021-03-22T14:01:00.000+08:00  clear  minor     ALM-13007               node-7            refused after 1m clientIp=10.0.0.1 limit=60
    2021-03-22T14:03:35.344+08:00  raise  minor     ALM-45640               node-7            heartbeat-interrupted haHost=node-master1qnFC
    2021-03-22T14:05:00.001+08:00  clear  minor     ALM-45640               node-7            heartbeat-interrupted after 1m24s657ms haHost=node-master1qnFC
    2021-03-22T15:00:00.000+08:00  occur  warning   HA-SWITCHOVER           node-with-a-very-long-name  ha-switchover haHost=node-master1qnFC
    ");
}

/// Colours are for terminals; a file or a pipe gets text.
#[test]
fn no_colours_without_a_terminal() {
    let site = site();
    site.write("bad.toml", b"[signal.x]\n");
    for args in [
        &["replay", "--tz", "UTC", "--format", "table", "."][..],
        &["check", "bad.toml"],
        &["replay", "--patterns", "bad.toml", "."],
        &["--help"],
    ] {
        let ended = site.run(args);
        assert!(!ended.out.contains('\u{1b}') && !ended.err.contains('\u{1b}'), "{args:?}");
    }
}

/// On a terminal there are colours, unless `NO_COLOR` or a terminal without any says otherwise.
#[test]
fn colours_on_a_terminal() {
    let site = site();
    let on_terminal = |env: &[(&str, &str)]| {
        let mut script = Command::new("script");
        let command = format!("{TOCSIN} replay --tz UTC --format table node-7");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(site.path("."));
        script.env_remove("NO_COLOR").env("TERM", "xterm").envs(env.iter().copied()).stdin(Stdio::null());
        script.output().ok().filter(|o| o.status.success()).map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
    };
    let Some(plain) = on_terminal(&[]) else {
        return skipped("there is no `script` to make a terminal with");
    };
    assert!(plain.contains("\u{1b}[33mraise") && plain.contains("\u{1b}[32mclear"), "{plain:?}");
    for env in [&[("NO_COLOR", "1")][..], &[("TERM", "dumb")]] {
        let shown = on_terminal(env).unwrap();
        assert!(shown.contains("raise") && !shown.contains('\u{1b}'), "{env:?}: {shown:?}");
    }
    assert!(on_terminal(&[("NO_COLOR", "")]).unwrap().contains('\u{1b}'), "an empty NO_COLOR is none");
}

/// What could be read counts; where it ends is said, and the exit code says so too.
#[test]
fn damaged_archive() {
    let site = Site::new(&[]);
    let text = interrupted() + &alarm("2021-03-22 15:00:00,000", 1, 0).repeat(2000);
    let whole = gzip(text.as_bytes());
    let file = format!("{HA_LOG}.2021-03-22_16-00-00.gz");
    for (name, bytes) in [
        ("cut off", whole[..whole.len() - 100].to_vec()),
        ("changed", {
            let mut bytes = whole.clone();
            let end = bytes.len() - 6;
            bytes[end] ^= 0xff;
            bytes
        }),
    ] {
        site.write(&file, &bytes);
        let ended = site.run(&["replay", "--tz", "UTC", "--quiet", "."]);
        assert_eq!(ended.code, Some(4), "{name}: {}", ended.err);
        let events: Vec<_> = ended.records().iter().map(|r| r["event"].as_str().unwrap().to_owned()).collect();
        assert!(events.starts_with(&["raise".to_owned(), "clear".to_owned()]), "{name}: {events:?}");
        let (place, rest) = ended.err.split_once(": at byte ").unwrap_or_else(|| panic!("{name}: {}", ended.err));
        assert_eq!(place, format!("tocsin: ./{file}"));
        assert!(rest.ends_with("; what stands before was read\n"), "{name}: {rest}");
        let offset: u64 = rest.split_whitespace().next().unwrap().parse().unwrap();
        assert!(offset > 0 && offset <= text.len() as u64, "{name}: {offset}");
    }
}

/// What is called .gz and is plain is read as what it is.
#[test]
fn a_gz_that_is_none() {
    let site = Site::new(&[(&format!("{HA_LOG}.2021-03-22_16-00-00.gz"), &interrupted())]);
    assert_eq!(site.run(&["replay", "--tz", "UTC", "."]).records().len(), 2);
}

/// A file that may not be read is no reason not to read the others.
#[test]
fn unreadable_file() {
    let site = site();
    let locked = "node-8/flink/flinkserver/ha/runlog/ha.log";
    site.write(locked, interrupted().as_bytes());
    let allow = |path: &str, mode| std::fs::set_permissions(site.path(path), PermissionsExt::from_mode(mode)).unwrap();
    allow(locked, 0o000);
    allow(".", 0o755);
    let args = ["replay", "--tz", "UTC", "."];
    let mut command = site.command(&args);
    if std::fs::read(site.path(locked)).is_ok() {
        // Root may read everything, so somebody else is asked, with a copy that they can reach.
        std::fs::copy(TOCSIN, site.path("tocsin")).unwrap();
        command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--clear-groups", "./tocsin"]).args(args).current_dir(site.path("."));
    }
    let Ok(output) = command.output() else {
        return skipped("there is no `setpriv` to be somebody else with");
    };
    let ended = Ended::of(output);
    assert_eq!((ended.code, ended.records().len()), (Some(4), 2), "{}", ended.err);
    let why = "Permission denied (os error 13); check that it exists and that this user may read it";
    assert_eq!(said(&ended), format!("tocsin: cannot open ./{locked}: {why}\n"));
    let locked_directory = "node-8/flink/flinkserver/ha/runlog";
    allow(locked_directory, 0o000);
    let ended = Ended::of(command.output().unwrap());
    allow(locked_directory, 0o755);
    assert_eq!((ended.code, ended.records().len()), (Some(4), 2), "{}", ended.err);
    assert!(ended.err.contains(&format!("./{locked_directory}: cannot be read")), "{}", ended.err);
}

/// Two logs of the user's that look alike, and neither is the default.
const ALIKE: &str = r##"
[layout.app]
pattern = '%d{yyyy-MM-dd HH:mm:ss,SSS} <%p> %m'

[log.app-one]
files   = ["one/app.log"]
layout  = "app"
service = "One"
role    = "App"

[log.app-two]
files   = ["two/app.log"]
layout  = "app"
service = "Two"
role    = "App"

[signal.lost]
log        = ["app-one", "app-two"]
message    = '''connection lost'''
provenance = "observed"

[alarm.LOST]
name     = "Lost"
severity = "minor"
log      = ["app-one", "app-two"]
raise    = [{ on = "lost" }]
clear    = [{ quiet = "1m" }]
"##;

#[test]
fn ambiguous_file() {
    let site = Site::new(&[("alike.toml", ALIKE), ("here/x.log", "2021-03-22 14:00:00,000 <WARN> connection lost\n")]);
    fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["replay", "--tz", "UTC", "--patterns", "alike.toml"], more].concat()
    }
    let which =
        "tocsin: here/x.log could be of several logs (app-one, app-two): say which with `--log app-one=here/x.log`\n";
    for path in ["here/x.log", "here"] {
        refused(&site, &with(&[path]), 2, which);
    }
    // The remedy works as it stands there.
    for path in ["here/x.log", "here"] {
        let ended = site.run(&with(&["--log", "app-two=here/x.log", path]));
        assert_eq!(
            (ended.code, ended.records()[0]["location"]["serviceName"].as_str()),
            (Some(0), Some("Two")),
            "{}",
            ended.err
        );
    }
    // A default decides, and so does standard input's `--log`.
    site.write("alike.toml", ALIKE.replace("service = \"One\"", "service = \"One\"\ndefault = true").as_bytes());
    let ended = site.run(&with(&["here"]));
    assert_eq!(ended.records()[0]["location"]["serviceName"], "One");
    assert_eq!(
        said(&ended),
        "tocsin: here/x.log: taken for log `app-one` of node `here` by content, though as much like app-two (`--log NAME=PATH` decides)\n"
    );
    let input = b"2021-03-22 14:00:00,000 <WARN> connection lost\n";
    let ended = site.run_with_input(&with(&["--log", "app-two=-", "-"]), input);
    assert_eq!(ended.records()[0]["key"], "LOST|default|Two|App|stdin");
    // Two defaults are none.
    site.write("alike.toml", ALIKE.replace("role ", "default = true\nrole ").as_bytes());
    refused(&site, &with(&["here"]), 2, which);
}

#[test]
fn standard_input() {
    let site = Site::new(&[]);
    let ended = site.run_with_input(&["replay", "--tz", "UTC", "-"], interrupted().as_bytes());
    assert_eq!((ended.code, ended.records().len()), (Some(0), 2));
    assert_eq!(
        said(&ended),
        "tocsin: stdin: taken for log `ha-flinkserver` of node `stdin` by content, though as much like ha-dbservice, \
         ha-oms (`--log NAME=PATH` decides)\n\
         tocsin: stdin: taken for node `stdin`, since no path inside names one (`--assign NODE=PATH` decides)\n"
    );
    assert_eq!(ended.records()[0]["key"], "ALM-45640|default|Flink|FlinkServer|stdin");
    let zipped = site.run_with_input(&["replay", "--tz", "UTC", "-"], &gzip(interrupted().as_bytes()));
    assert_eq!(zipped.ids(), ended.ids());
    let args = ["replay", "--tz", "UTC", "--assign", "node-7=-", "--log", "ha-oms=-", "-"];
    let assigned = site.run_with_input(&args, interrupted().as_bytes());
    assert_eq!(assigned.records()[0]["key"], "ALM-12010|default|Manager|OMS|node-7", "{}", assigned.err);
    assert_eq!(said(&assigned), "", "what the user says need not be said again");
}

#[test]
fn nodes_and_logs_by_hand() {
    let site = site();
    let key = |args: &[&str]| {
        let ended = site.run(&[&["replay", "--tz", "UTC", "--quiet"], args].concat());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{args:?}");
        ended.records()[0]["key"].as_str().unwrap().to_owned()
    };
    assert_eq!(key(&["."]), "ALM-45640|default|Flink|FlinkServer|node-7");
    assert_eq!(key(&["--cluster", "prod", "."]), "ALM-45640|prod|Flink|FlinkServer|node-7");
    assert_eq!(key(&["--assign", "here=.", "."]), "ALM-45640|default|Flink|FlinkServer|here");
    assert_eq!(key(&["--assign", "here=node-7", "."]), "ALM-45640|default|Flink|FlinkServer|here");
    // The nearer path decides, in whatever order they are given.
    assert_eq!(
        key(&["--assign", &format!("near={HA_LOG}"), "--assign", "far=.", "."]),
        "ALM-45640|default|Flink|FlinkServer|near"
    );
    assert_eq!(
        key(&["--assign", "far=.", "--assign", &format!("near={HA_LOG}"), "."]),
        "ALM-45640|default|Flink|FlinkServer|near"
    );
    // A log that is said wins over the one that the path says; the node is the path's all the same.
    assert_eq!(key(&["--log", &format!("ha-oms={HA_LOG}"), "."]), "ALM-12010|default|Manager|OMS|node-7");
    assert_eq!(key(&["--assign", "n=.", "--log", "ha-oms=.", "."]), "ALM-12010|default|Manager|OMS|n");

    refused(&site, &["replay", "--assign", "node-7", "."], 2, "expected NAME=PATH");
    refused(&site, &["replay", "--assign", "=node-7", "."], 2, "expected NAME=PATH");
    refused(&site, &["replay", "--log", "ha-oms=", "."], 2, "expected NAME=PATH");
    refused(
        &site,
        &["replay", "--log", "ha-omss=.", "."],
        2,
        "tocsin: unknown log `ha-omss`: did you mean `ha-oms`?\n",
    );
    for option in ["--assign", "--log"] {
        refused(
            &site,
            &["replay", option, "ha-oms=node-8", "."],
            2,
            "tocsin: nothing was found at node-8, which `--assign` or `--log` is about\n",
        );
    }
}

#[test]
fn zones() {
    let site = site();
    site.write("node-7/omm/oms/ha/runlog/ha.log", interrupted().as_bytes());
    let times = |args: &[&str]| {
        let ended = site.run(&[&["replay"], args, &["."]].concat());
        let raised = ended.records().into_iter().filter(|r| r["event"] == "raise");
        let mut times: Vec<String> = raised
            .map(|r| format!("{} {}", r["location"]["roleName"].as_str().unwrap(), r["time"].as_str().unwrap()))
            .collect();
        times.sort();
        (times.join(", "), said(&ended))
    };
    let both = |zone: &str| format!("FlinkServer 2021-03-22T14:03:35.344{zone}, OMS 2021-03-22T14:03:35.344{zone}");
    assert_eq!(times(&[]), (both("Z"), ZONE_SAID.to_owned()));
    assert_eq!(times(&["--tz", "Asia/Shanghai"]), (both("+08:00"), String::new()));
    assert_eq!(times(&["--tz", "-03:30"]), (both("-03:30"), String::new()));
    // One log's zone goes before that of all, in whatever order they are given.
    let mixed = "FlinkServer 2021-03-22T14:03:35.344+08:00, OMS 2021-03-22T14:03:35.344+01:00";
    assert_eq!(times(&["--tz", "ha-oms=Europe/Berlin", "--tz", "Asia/Shanghai"]), (mixed.to_owned(), String::new()));
    assert_eq!(times(&["--tz", "Asia/Shanghai", "--tz", "ha-oms=Europe/Berlin"]), (mixed.to_owned(), String::new()));
    // What no `--tz` is about is this machine's.
    let (shown, zone_said) = times(&["--tz", "ha-oms=Europe/Berlin"]);
    assert_eq!(
        (shown.as_str(), zone_said.as_str()),
        ("FlinkServer 2021-03-22T14:03:35.344Z, OMS 2021-03-22T14:03:35.344+01:00", ZONE_SAID)
    );

    // A machine's zone may be said as POSIX has it, east of Greenwich being less than nothing.
    let by_machine = |tz: &str| {
        let ended = Ended::of(site.command(&["replay", "."]).env("TZ", tz).output().unwrap());
        (ended.records()[0]["time"].as_str().unwrap().to_owned(), said(&ended))
    };
    let (time, zone_said) = by_machine("CST-8");
    assert_eq!(
        (time.as_str(), zone_said.as_str()),
        ("2021-03-22T14:03:35.344+08:00", &*ZONE_SAID.replace("UTC", "+08:00"))
    );
    let (time, zone_said) = by_machine("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_eq!(
        (time.as_str(), zone_said.as_str()),
        (
            "2021-03-22T14:03:35.344Z",
            "tocsin: warning: this machine's zone `CET-1CEST,M3.5.0,M10.5.0/3` is not known here: times are read as UTC, \
             and may be wrong by hours (`--tz` says which zone it is)\n"
        )
    );

    let unknown = |zone: &str| format!("tocsin: unknown time zone `{zone}`: ");
    refused(&site, &["replay", "--tz", "Asia/Shanghei", "."], 2, &unknown("Asia/Shanghei"));
    refused(&site, &["replay", "--tz", "Asia/Shanghei", "."], 2, "Asia/Shanghai");
    refused(&site, &["replay", "--tz", "ha-oms=+8", "."], 2, &unknown("+8"));
    refused(
        &site,
        &["replay", "--tz", "ha-omss=UTC", "."],
        2,
        "tocsin: unknown log `ha-omss`: did you mean `ha-oms`?\n",
    );
}

const APP: &str = r##"
[layout.app]
pattern = '%d{yyyy-MM-dd HH:mm:ss}{Asia/Shanghai} %m%n'

[log.app]
files   = ["app/app.log*"]
layout  = "app"
service = "App"
role    = "App"

[signal.a-cause]
log        = "app"
match      = "boom"
provenance = "documented"

[signal.boom]
log        = "app"
message    = "boom"
provenance = "documented"

[alarm.BOOM]
name      = "Boom"
severity  = "minor"
log       = "app"
stateless = true
raise     = [{ on = "boom", with = [{ on = "a-cause", within = "1s", cause = "why" }], cause = "boom" }]
"##;

fn app() -> Ended {
    let site = Site::new(&[("patterns/app.toml", APP), ("n/app/app.log", "2021-03-22 14:00:00 boom\n")]);
    site.run(&["replay", "--patterns", "patterns", "--tz", "Europe/Berlin", "n"])
}

/// A zone that a layout names is the format's, wherever the machine stands.
#[test]
fn a_zone_for_all_logs_is_not_for_those_whose_layout_names_one() {
    let ended = app();
    assert_eq!(ended.records()[0]["time"], "2021-03-22T14:00:00.000+08:00", "{}", ended.err);
}

/// What one line says is taken in the order of the signals' names, by whatever clause it is said.
#[test]
fn a_look_back_finds_what_the_same_line_says_under_an_earlier_name() {
    let ended = app();
    assert_eq!(ended.records()[0]["causes"], serde_json::json!(["boom", "why"]), "{}", ended.err);
}

/// In a zone too far in the west, lines are younger than their file.
#[test]
fn lines_later_than_their_file_ask_for_a_zone() {
    let site = site();
    let written = chrono::DateTime::parse_from_rfc3339("2021-03-22T14:05:01+08:00").unwrap();
    let file = std::fs::File::options().append(true).open(site.path(HA_LOG)).unwrap();
    file.set_modified(written.into()).unwrap();
    let asked = format!(
        "tocsin: ./{HA_LOG}: its last line is later than the file itself; if its zone is another, say so with `--tz`\n"
    );
    let ended = site.run(&["replay", "."]);
    assert_eq!((said(&ended), ended.records().len()), (ZONE_SAID.to_owned() + &asked, 2), "believed all the same");
    assert_eq!(said(&site.run(&["replay", "--tz", "Asia/Shanghai", "."])), "");
}

/// Silence after the end of a file proves nothing, unless it is said to.
#[test]
fn the_end() {
    let beats: String =
        (0..4).map(|n| support::ha(&format!("2021-03-22 14:00:0{n},000"), "recv heartbeat from peer")).collect();
    let site = Site::new(&[(HA_LOG, &beats)]);
    let raised = |args: &[&str]| {
        let ended = site.run(&[&["replay", "--tz", "Asia/Shanghai"], args, &["."]].concat());
        assert_eq!((ended.code, said(&ended).as_str()), (Some(0), ""), "{args:?}");
        ended.records().iter().map(|r| r["time"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let at = "2021-03-22T14:00:33.000+08:00";
    assert!(raised(&[]).is_empty());
    // It is late by more than the slack.
    assert!(raised(&["--end", "2021-03-22T14:00:34"]).is_empty());
    for end in [
        "2021-03-22T14:00:34.001",
        "2021-03-22 14:00:35",
        "2021-03-22T14:01",
        "2021-03-22T06:01:00Z",
        "2021-03-22T14:01:00+08:00",
    ] {
        assert_eq!(raised(&["--end", end]), [at], "{end}");
    }
    for end in ["tomorrow", "14:00", "2021-03-22", "2021-02-30T00:00:00", ""] {
        refused(&site, &["replay", "--end", end, "."], 2, "is no time: give one such as 2021-03-22T15:00:00");
    }
}

/// Patterns that do not hold are said at once, before anything is read.
#[test]
fn wrong_patterns() {
    let site = site();
    site.write("bad.toml", b"[signal.x]\nlog = \"ha-oms\"\nmatch = '('\nprovenance = \"assumed\"\n");
    refused(&site, &["replay", "--patterns", "bad.toml", "."], 2, "bad.toml:3:10");
    assert_eq!(site.run(&["check", "bad.toml"]).code, Some(2));
}

/// The codes of `check`; what they go with is in `check_messages.rs`.
#[test]
fn check_codes() {
    let site = Site::new(&[("alike.toml", ALIKE)]);
    assert_eq!(site.run(&["check"]).code, Some(0));
    assert_eq!(site.run(&["check", "--strict"]).code, Some(0), "our own patterns are clean");
    assert_eq!(site.run(&["check", "alike.toml"]).code, Some(0));
    assert_eq!(site.run(&["check", "--strict", "alike.toml"]).code, Some(8), "an alarm without a test");
    let test = "[[test]]\nalarm = \"LOST\"\nname = \"x\"\nlines = \"2021-03-22 14:00:00,000 <WARN> connection lost\\n\"\nexpect = []\n";
    site.write("failing.toml", (ALIKE.to_owned() + test).as_bytes());
    assert_eq!(site.run(&["check", "--strict", "failing.toml"]).code, Some(7));
}
