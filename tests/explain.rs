//! `tocsin explain` tells why: one hit, and one near miss of each kind of clause, as an operator sees them.
//!
//! The snapshots are read by people before they are accepted: would somebody who is woken by a missing alarm
//! understand from this text alone why nothing was raised?

use std::io::Write;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// One log whose lines are `2024-05-01 10:00:00,000 LEVEL message`, and another that looks the same.
const LOGS: &str = r#"
[layout.plain]
pattern = '%d{yyyy-MM-dd HH:mm:ss,SSS} %p %m'

[log.app]
files   = ["app/app.log*"]
layout  = "plain"
service = "Shop"
role    = "Server"
default = true

[log.audit]
files   = ["audit/audit.log*"]
layout  = "plain"
service = "Shop"
role    = "Audit"

[signal.started]
log        = ["app", "audit"]
message    = '''Server started in (?<ms>\d+) ms'''
provenance = "documented"

[signal.refused]
log        = "app"
message    = '''Too many connections from /(?<clientIp>[0-9.]+)'''
provenance = "documented"

[signal.lost]
log        = ["app", "audit"]
message    = '''Connection to peer (?<peer>\w+) lost\b'''
provenance = "documented"

[signal.back]
log        = ["app", "audit"]
message    = '''Connection to peer (?<peer>\w+) restored'''
provenance = "documented"

[signal.beat]
log        = "app"
message    = '''heartbeat received'''
provenance = "documented"
"#;

struct Explain {
    patterns: String,
    input: Vec<u8>,
    options: Vec<String>,
}

/// The alarm's rules on top of the logs above; `lines` are seconds after ten o'clock and what the log says then.
fn explain(alarm: &str, lines: &str) -> Explain {
    let input = lines.lines().filter(|l| !l.trim().is_empty()).map(|line| {
        let line = line.trim();
        match line.split_once(' ') {
            Some((seconds, text)) if seconds.parse::<u32>().is_ok() => {
                let seconds: u32 = seconds.parse().unwrap();
                format!(
                    "2024-05-01 {:02}:{:02}:{:02},000 {text}\n",
                    10 + seconds / 3600,
                    seconds / 60 % 60,
                    seconds % 60
                )
            }
            _ => format!("    {line}\n"),
        }
    });
    Explain { patterns: format!("{LOGS}\n{alarm}"), input: input.collect::<String>().into_bytes(), options: Vec::new() }
}

impl Explain {
    fn with(mut self, options: &[&str]) -> Explain {
        self.options.extend(options.iter().map(|o| (*o).to_owned()));
        self
    }

    fn output(&self) -> Output {
        let dir = TempDir::new().unwrap();
        let patterns = dir.path().join("shop.toml");
        std::fs::write(&patterns, &self.patterns).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tocsin"));
        command.args(["explain", "--no-default-patterns", "--patterns"]).arg(&patterns).args(&self.options);
        run(command.current_dir(dir.path()), &self.input)
    }

    /// What it says, if all is well.
    fn text(&self) -> String {
        let output = self.output();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}\n{errors}", output.status);
        assert_eq!(errors, "");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn run(command: &mut Command, input: &[u8]) -> Output {
    let command = command.env("TZ", "UTC").env_remove("NO_COLOR");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that refuses its options does not read.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

const PEER: &str = r#"
[alarm.PEER]
name     = "Peer lost"
severity = "major"
log      = "app"
params   = ["peer"]
raise    = [{ on = "lost" }]
clear    = [{ on = "back" }]
"#;

#[test]
fn a_hit_raises_and_another_clears() {
    let text = explain(
        PEER,
        "
        0 INFO Server started in 12 ms
        5 WARN Connection to peer b lost
        java.net.SocketException: reset
        9 WARN Connection to peer b lost
        30 INFO Connection to peer b restored
        ",
    );
    insta::assert_snapshot!(text.text());
}

#[test]
fn near_miss_of_message() {
    insta::assert_snapshot!(
        explain(PEER, "5 WARN Connection to peer b closed\n6 WARN Connection to peer b losted").text()
    );
}

const STORAGE: &str = r#"
[signal.denied]
log        = "app"
head       = '''Checkpoint \d+ failed'''
match      = '''AccessControlException: (?<why>.*)'''
provenance = "observed"

[alarm.STORAGE]
name     = "Storage denied"
severity = "major"
log      = "app"
params   = ["why"]
raise    = [{ on = "denied" }]
clear    = [{ on = "started" }]
"#;

#[test]
fn near_miss_of_match() {
    let text = explain(
        STORAGE,
        "
        0 ERROR Checkpoint 17 failed
        java.io.IOException: wrapped
        Caused by: AccessControlException: Permission denied
        1 ERROR Checkpoint 18 failed
        java.io.IOException: disk full
        2 ERROR Checkpoint 19 failed
        Caused by: AccessControlFailure: Permission denied
        3 INFO something else
        ",
    );
    insta::assert_snapshot!(text.text());
}

#[test]
fn near_miss_of_head() {
    let text = explain(
        STORAGE,
        "
        0 ERROR Savepoint 17 failed
        Caused by: AccessControlException: Permission denied
        1 ERROR Checkpoint seventeen failed
        Caused by: AccessControlException: Permission denied
        ",
    );
    insta::assert_snapshot!(text.text());
}

#[test]
fn near_miss_of_unless() {
    let alarm = r#"
[alarm.PEER]
name     = "Peer lost"
severity = "major"
log      = "app"
raise    = [{ on = "lost", unless = [{ on = "started", within = "10s" }] }]
clear    = [{ on = "back" }]
"#;
    insta::assert_snapshot!(explain(alarm, "0 INFO Server started in 12 ms\n4 WARN Connection to peer b lost").text());
}

#[test]
fn near_miss_of_count_within() {
    let alarm = r#"
[alarm.REFUSED]
name     = "Connections refused"
severity = "minor"
log      = "app"
raise    = [{ on = "refused", count = 3, within = "1m" }]
clear    = [{ quiet = "10m" }]
"#;
    let text = explain(
        alarm,
        "
        0 WARN Too many connections from /10.0.0.1 - max is 60
        30 WARN Too many connections from /10.0.0.1 - max is 60
        61 WARN Too many connections from /10.0.0.1 - max is 60
        ",
    );
    insta::assert_snapshot!(text.text());
}

const WITHOUT: &str = r#"
[alarm.PEER]
name     = "Peer stays lost"
severity = "major"
log      = "app"
raise    = [{ on = "lost", without = "back", within = "1m", cause = "stays-lost" }]
clear    = [{ on = "back" }]
"#;

#[test]
fn near_miss_of_without() {
    let text = explain(
        WITHOUT,
        "
        0 WARN Connection to peer b lost
        20 WARN Connection to peer b lost
        40 INFO Connection to peer b restored
        50 INFO Connection to peer b restored
        100 WARN Connection to peer b lost
        ",
    );
    insta::assert_snapshot!(text.text());
}

#[test]
fn deadlines_stand_where_they_pass() {
    let lines = "0 WARN Connection to peer b lost\n30 INFO working\n90 INFO working\n120 INFO working\n130 WARN Connection to peer b lost";
    insta::assert_snapshot!(explain(WITHOUT, lines).with(&["--end", "2024-05-01T11:00:00"]).text());
}

const BEAT: &str = r#"
[alarm.BEAT]
name     = "No heartbeat"
severity = "minor"
log      = "app"
raise    = [
  { absent = "beat", for = "30s", arm = 3, disarm = ["started"], cause = "no-heartbeat" },
  { on = "lost", cause = "lost" },
]
clear    = [{ present = "beat", causes = ["no-heartbeat"] }, { on = "back", causes = ["lost"] }]
"#;

#[test]
fn near_miss_of_absent_arm_and_disarm() {
    let text = explain(
        BEAT,
        "
        0 INFO heartbeat received
        10 INFO heartbeat received
        50 INFO heartbeat received
        60 INFO heartbeat received
        70 INFO heartbeat received
        75 INFO Server started in 12 ms
        80 INFO Server started in 12 ms
        300 INFO working
        ",
    );
    insta::assert_snapshot!(text.text());
}

#[test]
fn near_miss_of_present() {
    insta::assert_snapshot!(explain(BEAT, "0 WARN Connection to peer b lost\n10 INFO heartbeat received").text());
}

#[test]
fn near_miss_of_causes() {
    let text = explain(
        BEAT,
        "
        0 INFO heartbeat received
        1 INFO heartbeat received
        2 INFO heartbeat received
        60 INFO Connection to peer b restored
        70 WARN Connection to peer b lost
        80 INFO heartbeat received
        ",
    );
    insta::assert_snapshot!(text.text());
}

#[test]
fn near_miss_of_renew() {
    let alarm = r#"
[signal.refused-late]
log        = "app"
message    = '''Suppressed (?<times>\d+) refusals'''
weight     = "times"
provenance = "observed"

[alarm.REFUSED]
name     = "Connections refused"
severity = "minor"
log      = "app"
raise    = [{ on = "refused" }, { on = "refused-late", renew = true }]
clear    = [{ quiet = "1m" }]
"#;
    let text = explain(
        alarm,
        "
        0 INFO Suppressed 7 refusals
        10 WARN Too many connections from /10.0.0.1 - max is 60
        20 INFO Suppressed 5 refusals
        200 INFO working
        ",
    );
    insta::assert_snapshot!(text.text());
}

#[test]
fn near_miss_of_with() {
    let alarm = r#"
[signal.disk-full]
log        = "audit"
message    = '''No space left on device'''
provenance = "observed"

[alarm.PEER]
name     = "Peer lost"
severity = "major"
log      = "app"
raise    = [{ on = "lost", with = [
  { on = "started", within = "10s", cause = "restarted" },
  { on = "refused", within = "5m", cause = "overloaded" },
  { on = "disk-full", within = "5m", cause = "disk-full" },
] }]
clear    = [{ on = "back" }]
"#;
    insta::assert_snapshot!(explain(alarm, "0 INFO Server started in 12 ms\n45 WARN Connection to peer b lost").text());
}

#[test]
fn near_miss_of_by() {
    let alarm = r#"
[signal.refused-somebody]
log        = "app"
message    = '''Too many connections$'''
provenance = "observed"

[signal.accepted]
log        = "app"
message    = '''Accepted connection from /(?<clientIp>[0-9.]+)'''
provenance = "documented"

[alarm.REFUSED]
name     = "Connections refused"
severity = "minor"
log      = "app"
by       = ["clientIp"]
raise    = [{ on = ["refused", "refused-somebody"] }]
clear    = [{ on = "accepted" }, { on = "started" }]
"#;
    let text = explain(
        alarm,
        "
        0 WARN Too many connections from /10.0.0.1 - max is 60
        10 INFO Accepted connection from /10.0.0.2
        20 WARN Too many connections
        30 INFO Server started in 12 ms
        ",
    );
    insta::assert_snapshot!(text.text());
}

const AUDIT: &str = r#"
[alarm.AUDIT]
name     = "Audit lost its peer"
severity = "major"
log      = "audit"
raise    = [{ on = "lost" }]
clear    = [{ on = "back" }]
"#;

#[test]
fn near_miss_of_log() {
    insta::assert_snapshot!(explain(AUDIT, "0 WARN Connection to peer b lost").text());
    let asked = explain(AUDIT, "0 INFO heartbeat received").with(&["--alarm", "AUDIT", "--only-hits"]);
    insta::assert_snapshot!("near_miss_of_log_asked_for", asked.text());
}

#[test]
fn a_log_that_is_named_is_taken() {
    let text = explain(AUDIT, "0 WARN Connection to peer b lost").with(&["--log", "audit", "--tz", "Asia/Shanghai"]);
    insta::assert_snapshot!(text.text());
}

#[test]
fn near_miss_of_a_stateless_alarm() {
    let alarm = r#"
[alarm.RESTART]
name      = "Server started"
severity  = "warning"
log       = "app"
params    = ["ms"]
stateless = true
raise     = [{ on = "started", unless = [{ on = "lost", within = "10s" }] }]
"#;
    let text = explain(
        alarm,
        "
        0 INFO Server started in 12 ms
        20 WARN Connection to peer b lost
        25 INFO Server started in 13 ms
        ",
    );
    insta::assert_snapshot!(text.text());
}

#[test]
fn narrowed_to_an_alarm_a_signal_and_hits() {
    let lines = "
        0 INFO Server started in 12 ms
        1 INFO working
        5 WARN Connection to peer b lost
        6 WARN Connection to peer b dropped
        7 WARN Connection to nobody
        8 INFO heartbeat received
        ";
    let both = format!("{PEER}{AUDIT}");
    insta::assert_snapshot!("narrowed_alarm", explain(&both, lines).with(&["--alarm", "PEER", "--only-hits"]).text());
    insta::assert_snapshot!("narrowed_signal", explain(&both, lines).with(&["--signal", "back", "--only-hits"]).text());
}

#[test]
fn strange_lines_are_shown_for_what_they_are() {
    let mut strange = explain(PEER, "");
    strange.input = b"  of a record that began elsewhere\r\n\
        2024-02-30 10:00:00,000 WARN Connection to peer \x1b[31mb lost\r\n\
        2024-05-01 10:00:00,000 WARN Connection to peer b\xff \x07 lost\r\n\
        2039-05-01 10:00:00,000 WARN Connection to peer b lost\r\n\
        2024-05-01 10:00:02,000 WARN Connection to peer c lost\r\n\
        \r\n\
        2024-05-01 10:00:03,000 WARN no line break"
        .to_vec();
    insta::assert_snapshot!(strange.text());
}

#[test]
fn the_node_and_the_log_are_those_of_the_path() {
    let dir = TempDir::new().unwrap();
    let app = dir.path().join("node-7/app");
    std::fs::create_dir_all(&app).unwrap();
    std::fs::write(app.join("app.log"), "2024-05-01 10:00:00,000 WARN Connection to peer b lost\n").unwrap();
    std::fs::write(dir.path().join("shop.toml"), format!("{LOGS}{PEER}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tocsin"));
    command.args(["explain", "--no-default-patterns", "--patterns", "shop.toml", "node-7/app/app.log"]);
    let output = run(command.current_dir(dir.path()), b"");
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_built_in_alarm_is_explained() {
    let input = b"\
[2021-03-22 14:03:31,344][1][0][ INFO][CreateFileList failed: (/srv/BigData/x ). Permission denied][HA][f.c:fn,12][ha.bin,1,2]
[2021-03-22 14:03:35,344][2][0][NOTICE][hasendalarm info: id=1,category=0,lochost=(10.0.0.1)][HA][f.c:fn,12][ha.bin,1,2]
[2021-03-22 14:03:36,344][3][0][NOTICE][hasendalarm info: id=7,category=0,lochost=(10.0.0.1)][HA][f.c:fn,12][ha.bin,1,2]
";
    let mut command = Command::new(env!("CARGO_BIN_EXE_tocsin"));
    let output = run(command.args(["explain", "--alarm", "45641", "-"]), input);
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

fn refusal(output: &Output) -> String {
    format!("exit {}\n{}", output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_cannot_be_explained_says_what_to_do() {
    let refused = |input: &[u8], options: &[&str]| {
        let mut refused = explain(PEER, "");
        refused.input = input.to_vec();
        refusal(&refused.with(options).output())
    };
    let line = b"2024-05-01 10:00:00,000 WARN Connection to peer b lost\n";
    let all = [
        refused(b"nothing that we know\n", &[]),
        refused(b"", &[]),
        refused(line, &["--log", "apq"]),
        refused(line, &["--log", "app=elsewhere.log"]),
        refused(line, &["--alarm", "PEEER"]),
        refused(line, &["--signal", "lots"]),
        refused(line, &["--tz", "Nowhere"]),
        refused(line, &["--end", "soon"]),
        refused(line, &["missing.log"]),
        refused(line, &["."]),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn logs_that_look_the_same_have_to_be_told_apart() {
    let mut both = explain(PEER, "0 WARN Connection to peer b lost");
    both.patterns = both.patterns.replace("default = true", "");
    insta::assert_snapshot!(refusal(&both.output()));
}

#[test]
fn a_damaged_archive_is_explained_up_to_the_damage() {
    use flate2::{Compression, write::GzEncoder};
    let mut gz = GzEncoder::new(Vec::new(), Compression::none());
    gz.write_all(b"2024-05-01 10:00:00,000 WARN Connection to peer b lost\n").unwrap();
    let mut damaged = explain(PEER, "");
    damaged.input = gz.finish().unwrap();
    let cut = damaged.input.len() - 6;
    damaged.input.truncate(cut);
    let output = damaged.output();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stdout).contains("PEER: RAISED"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdin: at byte 55 (packed byte"));
}

#[test]
fn an_archive_of_several_files_is_refused() {
    let mut tar = Vec::new();
    for name in ["a.log", "b.log"] {
        let mut header = [0_u8; 512];
        header[..5].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(b"00000000000\0");
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(header);
    }
    tar.extend([0; 1024]);
    let mut several = explain(PEER, "");
    several.input = tar;
    insta::assert_snapshot!(refusal(&several.output()));
}

#[test]
fn help_has_an_example() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tocsin"));
    let output = run(command.args(["explain", "--help"]).env("COLUMNS", "100"), b"");
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}
