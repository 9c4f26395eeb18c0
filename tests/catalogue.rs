//! Every alarm has a runbook that can be carried out, and the commands that show it do what they say.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use tocsin::catalogue::runbook::{Runbook, SECTIONS};
use tocsin::catalogue::summary::Summary;
use tocsin::catalogue::{Catalogue, builtin::RUNBOOKS};
use tocsin::pattern::diagnostic::SourceId;
use tocsin::pattern::{Alarm, Patterns, builtin, compile};

fn patterns() -> Patterns {
    compile(&builtin::builtin()).patterns.expect("the built-in patterns compile")
}

/// Each built-in alarm with its runbook.
fn each(visit: impl Fn(&Alarm, &Runbook)) {
    let (patterns, catalogue) = (patterns(), Catalogue::builtin());
    for alarm in &patterns.alarms {
        visit(alarm, catalogue.get(&alarm.name).unwrap_or_else(|| panic!("no runbook for {}", alarm.name)));
    }
}

/// The text of a section.
fn section<'b>(book: &'b Runbook, name: &str) -> &'b str {
    let (_, after) = book.source.text.split_once(&format!("\n## {name}\n")).expect("the section");
    after.split("\n## ").next().unwrap_or_default()
}

#[test]
fn every_alarm_has_a_runbook_and_every_runbook_an_alarm() {
    let alarms: BTreeSet<String> = patterns().alarms.iter().map(|a| a.name.to_string()).collect();
    let compiled_in: BTreeSet<String> = RUNBOOKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("patterns/runbooks");
    let files = fs::read_dir(directory).expect("patterns/runbooks").filter_map(Result::ok);
    let files: BTreeSet<String> =
        files.filter_map(|f| Some(f.file_name().to_str()?.strip_suffix(".md")?.to_owned())).collect();
    assert_eq!(alarms, compiled_in);
    assert_eq!(alarms, files);
}

#[test]
fn runbooks_have_their_shape_and_use_no_unknown_placeholder() {
    each(|alarm, book| {
        let found = book.diagnostics(SourceId(0), Some(alarm));
        let titles: Vec<&str> = found.iter().map(|d| d.title.as_str()).collect();
        assert!(titles.is_empty(), "{}: {titles:?}", alarm.name);
        let head = format!("# {}: {}\n\nSeverity: {}\n", alarm.name, alarm.title, alarm.severity.name());
        assert!(book.source.text.starts_with(&head), "{}: the file says another title or severity", alarm.name);
        for name in SECTIONS {
            assert!(section(book, name).trim().len() > 60, "{}: {name} says nothing", alarm.name);
        }
    });
}

#[test]
fn the_causes_of_a_runbook_are_those_of_its_alarm() {
    each(|alarm, book| {
        let lines = section(book, "Causes").lines();
        let labels: BTreeSet<&str> = lines.filter_map(|l| Some(l.strip_prefix("- `")?.split_once("`:")?.0)).collect();
        let summary = Summary::new(&patterns(), alarm);
        let causes: BTreeSet<&str> = summary.causes.iter().map(|c| &**c).collect();
        // A single cause says no more than the alarm itself.
        let single = causes.len() == 1 && labels.is_empty();
        assert!(single || labels == causes, "{}: {labels:?}, the alarm has {causes:?}", alarm.name);
    });
}

#[test]
fn every_procedure_ends_with_the_logs_of_ten_minutes_around_the_alarm() {
    each(|alarm, book| {
        let steps = &book.steps[book.steps.len() - 2..];
        assert!(steps[0].text.contains("{from}") && steps[0].text.contains("{until}"), "{}", alarm.name);
        assert_eq!(steps[1].title, "Hand the logs over.", "{}", alarm.name);
    });
}

#[test]
fn commands_are_shell_and_what_changes_something_says_so() {
    let changing = [
        "rm",
        "-delete",
        "chmod",
        "chown",
        "start",
        "stop",
        "restart",
        "kill",
        "run",
        "mv",
        ">",
        "tee",
        "-chown",
        "-chmod",
        "proceed_ha_ssl_cert.sh",
    ];
    each(|alarm, book| {
        for commands in book.steps.iter().flat_map(|s| &s.commands) {
            let mut sh = Command::new("sh").args(["-n"]).stdin(Stdio::piped()).spawn().expect("sh");
            sh.stdin.take().expect("piped").write_all(commands.run.as_bytes()).expect("written");
            assert!(sh.wait().expect("ended").success(), "{}: not shell: {}", alarm.name, commands.run);
            // What stands in quotes is searched for, not run.
            let unquoted: String = commands.run.split('\'').step_by(2).collect();
            let changes = unquoted.split_whitespace().any(|word| changing.contains(&word));
            assert_eq!(changes, commands.changes.is_some(), "{}: {}", alarm.name, commands.run);
        }
    });
}

/// The vendor's procedures, step by step: what each looks at or changes, in this order.
#[test]
fn the_vendors_procedures_are_covered_in_their_order() {
    let catalogue = Catalogue::builtin();
    for (alarm, landmarks) in [
        (
            "ALM-45640",
            &[
                "Services > Flink > Instance",
                "Start the instance",
                "service IP address",
                "probe: ping {peer}",
                "network repaired",
                "probe: floating-ip",
                "prestart.log",
                "flink.ha.floatip",
                "restart the Flink service",
                "O&M > Log > Download",
                "{from}",
                "{until}",
            ][..],
        ),
        (
            "ALM-45641",
            &[
                "Services > Flink > Instance",
                "active node",
                "probe: ping {peer}",
                "Ask whether the network",
                "network repaired",
                "df -hl /srv/BigData/LocalBackup",
                "rm -rf",
                "Maximum Number of Backup Copies",
                "Wait a minute",
                "junk-files /srv/BigData /opt",
                "size is 0",
                "some minutes",
                "ha/runlog/ha.log*",
                "namei -l {path}",
                "ten minutes",
                "O&M > Log > Download",
                "{from}",
                "{until}",
            ],
        ),
        (
            "ALM-45653",
            &[
                "O&M > Alarm > Alarms",
                "as the user `omm`",
                "probe: certificate {path}",
                "ls -l",
                "openssl x509 -in {path} -text -noout",
                "proceed_ha_ssl_cert.sh",
                "Wait a minute",
                "01:00:00",
                "O&M > Log > Download",
                "{from}",
                "{until}",
            ],
        ),
        (
            "ALM-13007",
            &[
                "O&M > Alarm > Alarms",
                "Resource",
                "Number of Connections",
                "probe: connections {clientIp}",
                "leak",
                "Thresholds > Modify",
                "has cleared",
                "O&M > Log > Download",
                "{from}",
                "{until}",
            ],
        ),
    ] {
        // Line breaks are the wrapping's.
        let steps =
            section(catalogue.get(alarm).expect("a runbook"), "Steps").split_whitespace().collect::<Vec<_>>().join(" ");
        let mut rest = steps.as_str();
        for landmark in landmarks {
            let Some((_, after)) = rest.split_once(landmark) else {
                panic!("{alarm}: `{landmark}` is missing, or out of its order")
            };
            rest = after;
        }
    }
}

fn tocsin(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tocsin")).args(args).env("COLUMNS", "60").output().expect("the binary runs")
}

fn stdout(args: &[&str]) -> String {
    let out = tocsin(args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
}

#[test]
fn the_list_has_every_alarm_with_its_rules() {
    let alarms = patterns().alarms.len();
    let list = objects(&stdout(&["alarms", "--format", "json"]));
    assert_eq!(list.len(), alarms);
    let job = list.iter().find(|a| a["alarm"] == "FLINK-JOB-FAILED").expect("listed");
    assert_eq!(job["severity"], "major");
    assert_eq!(job["raisedBy"][1], "5 × flink-job-restarting within 10m");
    assert_eq!(job["clearedBy"][4], "1d of quiet");
    assert_eq!(stdout(&["alarms", "--format", "markdown"]).lines().count(), alarms + 2);
    let text = stdout(&["alarms"]);
    assert!(text.contains("ALM-45640  minor  FlinkServer Heartbeat"), "{text}");
    assert!(text.contains("- provenance: documented, assumed\n"), "{text}");
}

#[test]
fn one_alarm_is_a_page_of_the_terminals_width() {
    let page = stdout(&["alarms", "ALM-45641"]);
    assert!(page.starts_with("ALM-45641: Data Synchronization Exception"), "{page}");
    assert!(!page.contains('\u{1b}') && !page.contains("**"), "marks for a terminal, or of Markdown: {page}");
    let prose = page.lines().filter(|l| !l.starts_with("     ") && !l.starts_with("ALM-"));
    assert!(
        prose.clone().all(|l| l.chars().count() <= 60),
        "{:?}",
        prose.filter(|l| l.chars().count() > 60).collect::<Vec<_>>()
    );
    assert_eq!(stdout(&["alarms", "45641"]), page);
    assert_eq!(stdout(&["alarms", "alm-45641"]), page);
    let markdown = stdout(&["alarms", "ALM-45641", "--format", "markdown"]);
    assert!(markdown.contains("\n## Steps\n\n1. **Find the addresses of the pair.**"), "{markdown}");
    let json = &objects(&stdout(&["alarms", "ALM-45641", "--format", "json"]))[0];
    assert_eq!(json["runbook"]["steps"][2]["probe"]["name"], "ping");
    assert_eq!(json["runbook"]["steps"][2]["ok"]["step"], 6);
}

#[test]
fn an_unknown_alarm_is_refused_with_the_one_that_was_meant() {
    let out = tocsin(&["alarms", "ZK-LEADER-LOTS"]);
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("unknown alarm `ZK-LEADER-LOTS`: did you mean `ZK-LEADER-LOST`?"), "{said}");
}

const DENIED: &str = "[2021-03-22 14:03:35,343][10195489353][0][  INFO][open lstat failed:(/opt/a b; reboot ). Permission denied.][HA][sync_filemgt.c:__Create_TravelFname_Open,482][ha.bin,26572,41]\n\
    [2021-03-22 14:03:35,344][10195489353][0][NOTICE][hasendalarm info: id=1,category=0,cause=0,locainfo=(),addinfo=(),lochost=(node-master1qnFC),locha=(192-168-0-11)][HA][ha_alarm.c:HA_SendAlarm,77][ha.bin,26572,41]\n\
    [2021-03-22 14:05:35,344][10195489353][0][NOTICE][hasendalarm info: id=1,category=1,cause=0,locainfo=(),addinfo=(),lochost=(node-master1qnFC),locha=(192-168-0-11)][HA][ha_alarm.c:HA_SendAlarm,77][ha.bin,26572,41]\n";

/// A node whose synchronization failed and succeeded again.
fn denied(directory: &Path) -> String {
    let log = directory.join("node-7/flink/flinkserver/ha/runlog/ha.log");
    fs::create_dir_all(log.parent().expect("a parent")).expect("made");
    fs::write(&log, DENIED).expect("written");
    directory.join("node-7").display().to_string()
}

#[test]
fn a_raise_carries_its_runbook_filled_in_as_its_last_field() {
    let directory = tempfile::tempdir().expect("a directory");
    let logs = denied(directory.path());
    let plain = stdout(&["replay", "--tz", "+08:00", &logs]);
    assert!(!plain.contains("\"runbook\""), "nobody asked: {plain}");
    let output = stdout(&["replay", "--tz", "+08:00", "--runbook", &logs]);
    let records = objects(&output);
    assert_eq!((records[0]["event"].as_str(), records[1]["event"].as_str()), (Some("raise"), Some("clear")));
    assert!(records[1].get("runbook").is_none(), "a clear needs no runbook");
    let line = output.lines().next().expect("a record");
    let detected = line.find("\"detectedAt\"").expect("the field before");
    assert!(line.find("\"runbook\"").is_some_and(|at| at > detected), "{line}");
    let runbook = records[0]["runbook"].as_str().expect("Markdown");
    for expected in [
        "# ALM-45641: Data Synchronization",
        "the HA process on `node-7`",
        // From a log into a shell: one word, whatever it says.
        "namei -l '/opt/a b; reboot'\n",
        "-newermt 2021-03-22T13:53:35.344+08:00\n",
        "`2021-03-22T14:13:35.344+08:00` (ten minutes after",
        // Not known, and still to be read.
        "ping -c 3 -w 10 {peer}\n",
    ] {
        let unwrapped = runbook.split("```").enumerate().map(|(i, part)| {
            if i % 2 == 0 { part.split_whitespace().collect::<Vec<_>>().join(" ") } else { part.to_owned() }
        });
        let unwrapped = unwrapped.collect::<Vec<_>>().join("```");
        assert!(runbook.contains(expected) || unwrapped.contains(expected), "`{expected}` is missing in {runbook}");
    }
    assert!(!runbook.contains("{path}") && !runbook.contains("{haHost}"), "{runbook}");
}

const OWN: &str = "# ALM-45641: ours\n\n## Meaning\n\nCall {haHost}.\n\n## Impact\n\nNone.\n\n## Causes\n\n- one\n\n## Steps\n\n1. **Call.** The desk.\n";

/// A pattern directory with one pattern file and a runbook.
fn own(name: &str, text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("runbooks")).expect("made");
    fs::write(directory.path().join("own.toml"), "# Runbooks of our own go with the built-in patterns.\n")
        .expect("written");
    fs::write(directory.path().join(format!("runbooks/{name}.md")), text).expect("written");
    directory
}

#[test]
fn a_pattern_directory_replaces_runbooks() {
    let (logs, patterns) = (tempfile::tempdir().expect("a directory"), own("ALM-45641", OWN));
    let (logs, patterns) = (denied(logs.path()), patterns.path().display().to_string());
    let records = objects(&stdout(&["replay", "--tz", "+08:00", "--runbook", "--patterns", &patterns, &logs]));
    let runbook = records[0]["runbook"].as_str().expect("Markdown");
    // Title and severity are the pattern set's.
    assert!(runbook.starts_with("# ALM-45641: Data Synchronization"), "{runbook}");
    assert!(runbook.contains("Severity: major\n\n## Meaning\n\nCall `node-master1qnFC`.\n"), "{runbook}");
    assert!(stdout(&["alarms", "--patterns", &patterns, "ALM-45641"]).contains("1. Call. The desk.\n"));
    assert!(
        stdout(&["alarms", "--patterns", &patterns, "ALM-45640"]).contains("Start the instance"),
        "the others stay"
    );
}

#[test]
fn check_shows_what_is_wrong_with_a_runbook_and_where() {
    let out = tocsin(&["check", &own("ALM-45641", OWN).path().display().to_string()]);
    assert!(out.status.success() && String::from_utf8_lossy(&out.stdout).contains("0 errors, 0 warnings"));
    for (name, text, said) in [
        ("ALM-45641", OWN.replace("{haHost}", "{haHots}"), "nothing fills in `{haHots}`"),
        ("ALM-45641", OWN.replace("The desk.", "\n\n   probe: pong x"), "unknown probe `pong`"),
        ("ALM-45642", OWN.replace("{haHost}", "them"), "a runbook for the unknown alarm `ALM-45642`"),
    ] {
        let patterns = own(name, &text);
        let out = tocsin(&["check", "--strict", &patterns.path().display().to_string()]);
        let shown = String::from_utf8_lossy(&out.stdout).into_owned();
        assert_eq!(out.status.code(), Some(8), "{shown}");
        assert!(shown.contains(said) && shown.contains(&format!("runbooks/{name}.md:")), "{shown}");
    }
}
