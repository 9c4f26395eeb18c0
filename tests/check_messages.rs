//! What `tocsin check` says about pattern files that are wrong: everything at once, each with its place, what is wrong
//! and what to write instead. Whoever reads it has a broken file and little time, so every word of it is golden.

mod support;

use support::Site;

/// A small system that has nothing wrong with it, for the mistakes to stand beside.
const APP: &str = r##"
[layout.app]
pattern = '%d{yyyy-MM-dd HH:mm:ss,SSS} %p %m'

[log.app]
files   = ["app/app.log*"]
layout  = "app"
service = "App"
role    = "Server"

[signal.app-lost]
log        = "app"
message    = '''connection to (?<peer>\S+) lost'''
provenance = "documented"

[signal.app-back]
log        = "app"
message    = '''connection to (?<peer>\S+) is back'''
provenance = "documented"

[alarm.APP-LOST]
name     = "Connection Lost"
severity = "major"
log      = "app"
by       = ["peer"]
raise    = [{ on = "app-lost", cause = "lost" }]
clear    = [{ on = "app-back" }]

[[test]]
alarm  = "APP-LOST"
name   = "lost and back"
lines  = '''
2021-03-22 14:00:00,000 WARN connection to a lost
2021-03-22 14:00:09,000 INFO connection to a is back
'''
expect = ["raise 2021-03-22T14:00:00.000 lost", "clear 2021-03-22T14:00:09.000"]
"##;

/// `tocsin check` of one file beside [`APP`], without the built-in patterns.
fn check(mistakes: &str) -> String {
    check_with(&[("app.toml", APP), ("wrong.toml", mistakes)], &["--no-default-patterns"])
}

fn check_with(files: &[(&str, &str)], args: &[&str]) -> String {
    let site = Site::new(&[]);
    for (name, text) in files {
        site.write(&format!("site/{name}"), text.as_bytes());
    }
    let args = [&["check", "site"], args].concat();
    // The hash of the pattern set is no part of any message.
    let shown = site.run(&args).shown();
    match shown.find("; pattern set ") {
        Some(at) => format!("{}; pattern set …{}", &shown[..at], &shown[at + "; pattern set ".len() + 16..]),
        None => shown,
    }
}

/// A golden without the expression in its head: that would be the pattern file once more.
macro_rules! shown {
    ($text:expr) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($text) })
    };
}

macro_rules! golden {
    ($($(#[$doc:meta])* $name:ident: $text:expr;)*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            shown!(check($text));
        }
    )*};
}

golden! {
    nothing_wrong: "";

    unknown_keys: r##"
alarn = 1

[signal.retry]
log        = "app"
mesage     = '''retrying'''
message    = '''retrying (?<peer>\S+)'''
provenance = "documented"

[alarm.RETRY]
name     = "Retry"
severity = "minor"
logs     = "app"
log      = "app"
raise    = [{ on = "retry", couse = "x", with = [{ on = "app-lost", within = "5m", maxx = 2 }], unless = [{ on = "app-back", withing = "3s", within = "3s" }] }]
clear    = [{ on = "app-back", cause = "x" }]

[[test]]
alarm = "RETRY"
name  = "none"
line  = ''
lines = '''
2021-03-22 14:00:00,000 WARN connection to a lost
'''
expect  = []
expects = []
"##;

    unknown_names: r##"
[log.other]
files   = ["other/other.log*"]
layout  = ["app", "aap"]
service = "Other"
role    = "Server"
tz      = "Asia/Shanghei"

[signal.retry]
log        = ["app", "othr"]
message    = '''retrying (?<peer>\S+) (?<times>\d+) times'''
provenance = "documentd"
weight     = "time"

[alarm.RETRY]
name     = "Retry"
severity = "majr"
log      = ["aps"]
by       = ["per"]
params   = ["nothing-like-it"]
raise    = [
  { on = "rety", cause = "retrying", with = [{ on = "app-lots", within = "5m" }], unless = [{ on = "zzz", within = "5m" }] },
  { absent = "retryy", for = "30s", disarm = ["app-bak"] },
]
clear    = [{ on = "app-bak", causes = ["retying"] }]

[alarm.AGAIN]
name     = "Again"
severity = "sever"
log      = "app"
by       = ["per"]
params   = { times = "tims" }
raise    = [{ on = "app-lost" }]
clear    = [{ quiet = "60s", causes = ["app-losst"] }]

[alarm.NO-CAPTURES]
name     = "No Captures"
severity = "minor"
log      = "app"
params   = ["path"]
raise    = [{ on = "plain" }]
clear    = [{ quiet = "60s" }]

[signal.plain]
log        = "app"
message    = '''plain words'''
provenance = "observed"
weight     = "times"
"##;

    regexes: r##"
[signal.look-ahead]
log        = "app"
message    = '''connection (?!to a) lost'''
provenance = "documented"

[signal.look-behind]
log        = "app"
match      = '''(?<=to) a lost'''
provenance = "documented"

[signal.back-reference]
log        = "app"
match      = '''(?<a>lost) and \1'''
provenance = "documented"

[signal.unclosed-group]
log        = "app"
match      = '''connection (lost'''
provenance = "documented"

[signal.unopened-group]
log        = "app"
match      = '''connection lost)'''
provenance = "documented"

[signal.unclosed-class]
log        = "app"
match      = '''connection [lost'''
provenance = "documented"

[signal.nothing-to-repeat]
log        = "app"
match      = '''*lost'''
provenance = "documented"

[signal.counted]
log        = "app"
match      = '''lost {connection'''
provenance = "documented"

[signal.two-of-a-name]
log        = "app"
match      = '''(?<a>lost) and (?<a>found)'''
provenance = "documented"

[signal.python]
log        = "app"
match      = '''(?lost:x) '''
provenance = "documented"

[signal.escapes]
log        = "app"
match      = "the \\\\ \"path\" \u00e9 is \\yellow"
provenance = "documented"

[signal.long-string]
log        = "app"
match      = """
the path \
    is (lost"""
provenance = "documented"

[signal.too-large]
log        = "app"
match      = '''lost (.{1000}){1000}'''
provenance = "documented"

[signal.two-wrong]
log        = "app"
match      = '''lost\'''
head       = '''INFO|[z-a]'''
provenance = "documented"

[alarm.X]
name     = "No cascade from what is wrong above"
severity = "minor"
log      = "app"
params   = ["a"]
raise    = [{ on = ["unclosed-group", "two-of-a-name"], cause = "x" }]
clear    = [{ quiet = "1m" }]
"##;

    regexes_that_find_everything_or_nothing: r##"
[signal.everything]
log        = "app"
message    = '''.*'''
provenance = "documented"

[signal.empty]
log        = "app"
match      = ''
provenance = "documented"

[signal.optional]
log        = "app"
match      = '''(connection lost)?'''
provenance = "documented"

[signal.any-head]
log        = "app"
match      = '''connection lost'''
head       = '''^.'''
provenance = "documented"

[signal.two-lines]
log        = "app"
match      = '''connection lost\n\tat '''
provenance = "documented"
"##;

    layouts: r##"
[layout.unknown-word]
pattern = '%d{yyyy-MM-dd HH:mm:ss,SSS} %q %m'

[layout.no-date]
pattern = '%p %m'

[layout.no-message]
pattern = '%d{ISO8601} %p'

[layout.bad-date]
pattern = '%d{yyyy-MM-dd QQ:mm} %m'

[layout.variable]
pattern = '%d %m ${sys:PID}'

[layout.unclosed-brace]
pattern = '%d{yyyy-MM-dd %m'

[layout.bad-regex]
regex = '''\[(?<time>[^\]]+\] (?<message>.*)'''

[layout.no-message-group]
regex = '''\[(?<time>[^\]]+)\] (.*)'''

[layout.bad-time]
regex = '''(?<time>\S+) (?<message>.*)'''
time  = "yyyy-MM-ddTHH:mm"

[layout.both]
pattern = '%d %m'
regex   = '''(?<time>\S+) (?<message>.*)'''

[layout.neither]

[layout.time-for-nothing]
pattern = '%d %m'
time    = "ISO8601"

[log.other]
files   = ["other.log"]
layout  = ["both", "no-date"]
service = "Other"
role    = "Server"
"##;

    files_of_two_logs: r##"
[log.every]
files   = ["other/x.log", "**/app.log"]
layout  = "app"
service = "Other"
role    = "Server"

[log.globs]
files   = ["/var/log/other.log", "other/{a,b.log", ""]
layout  = "app"
service = "Other"
role    = "Server"
"##;

    guesses_that_would_clear_facts: r##"
[signal.guess]
log        = "app"
message    = '''all is well again'''
provenance = "assumed"

[signal.beat]
log        = "app"
message    = '''still alive'''
provenance = "documented"

[alarm.GUESSED]
name     = "Guessed"
severity = "major"
log      = "app"
raise    = [
  { on = "app-lost", cause = "lost" },
  { absent = "beat", for = "30s", cause = "silent" },
  { on = "guess", cause = "guessed" },
]
clear    = [
  { on = ["app-back", "guess"] },
  { present = "guess", causes = ["silent"] },
  { on = "guess", causes = ["guessed"] },
]
"##;

    wrong_types: r##"
[log.other]
files   = 3
layout  = "app"
service = ["Other"]
role    = true
default = "yes"
records = "lines"

[signal.retry]
log        = { name = "app" }
match      = 7
provenance = 3

[alarm.RETRY]
name     = ""
severity = "minor"
log      = "app"
by       = [3]
params   = { peer = 3 }
stateless = 1
raise    = "app-lost"
clear    = [["app-back"]]

[[test]]
alarm  = "RETRY"
name   = 3
lines  = ["a", "b"]
expect = 3
"##;

    missing_keys: r##"
[layout.empty]
[log.empty]
[signal.empty]
[alarm.empty]
[alarm.ENTRIES]
name     = "Entries"
severity = "minor"
log      = "app"
raise    = [{ count = 3 }, { on = "app-lost", count = 3 }, { on = "app-lost", without = "app-back" }, { absent = "app-back" }, { on = "app-lost", with = [{}] }]
clear    = [{}]
[[test]]
"##;

    durations_and_numbers: r##"
[alarm.NUMBERS]
name     = "Numbers"
severity = "minor"
log      = "app"
raise    = [
  { on = "app-lost", count = 0, within = "30" },
  { on = "app-lost", count = 3.5, within = "3 s" },
  { on = "app-lost", count = 2000000, within = "0s" },
  { on = "app-lost", without = "app-back", within = 30 },
  { absent = "app-back", for = "1 minute", arm = 0 },
  { absent = "app-back", for = "-30s", arm = 99999999999 },
  { on = "app-lost", with = [{ on = "app-back", within = "400d", max = 9 }, { on = "app-back", within = "", max = 0 }] },
]
clear    = [{ quiet = "soon" }, { quiet = "99999999999999999999s" }]
"##;

    empty_lists: r##"
[log.other]
files   = []
layout  = []
service = "Other"
role    = "Server"

[signal.retry]
log        = []
match      = '''retry'''
provenance = "observed"

[alarm.NOTHING]
name     = "Nothing"
severity = "minor"
log      = []
raise    = []

[alarm.ENTRIES]
name     = "Entries"
severity = "minor"
log      = "app"
raise    = [{ on = [] }, { on = "app-lost", without = [], within = "1s" }, { absent = [], for = "1s" }]
clear    = [{ on = [] }, { on = "app-back", causes = [] }]
"##;

    entries_that_say_none_or_several: r##"
[alarm.KINDS]
name     = "Kinds"
severity = "minor"
log      = "app"
raise    = [
  { on = "app-lost", absent = "app-back", for = "3s" },
  { on = "app-lost", count = 3, without = "app-back", within = "3s" },
  { cause = "lonely" },
  { on = "app-lost", within = "3s" },
  { on = "app-lost", for = "3s", arm = 3 },
  { absent = "app-back", within = "3s", for = "3s" },
  { absent = "app-back", for = "3s", renew = true },
]
clear    = [{ on = "app-back", quiet = "3s" }, {}, { quiet = "3s", causes = ["lonely", "app-lots"] }]
"##;

    alarms_that_make_no_sense: r##"
[alarm.STATELESS]
name      = "Stateless"
severity  = "minor"
log       = "app"
raise     = [{ on = "app-lost" }, { on = "app-lost", count = 2, within = "3s" }, { on = "app-lost", renew = true }]
clear     = [{ on = "app-back" }]
stateless = true

[alarm.PRESENT]
name     = "Present"
severity = "minor"
log      = "app"
raise    = [{ on = "app-lost" }]
clear    = [{ present = "app-back" }]

[alarm.RENEWED]
name     = "Renewed"
severity = "minor"
log      = "app"
raise    = [{ on = "app-lost", renew = true }]
clear    = [{ quiet = "3s" }]

[log.other]
files   = ["other/other.log*"]
layout  = "app"
service = "Other"
role    = "Server"

[alarm.ELSEWHERE]
name     = "Elsewhere"
severity = "minor"
log      = "other"
raise    = [{ on = "app-lost" }]
clear    = [{ quiet = "3s" }]

[alarm.RENEWED-PARAM]
name     = "A param that only a renewal could fill"
severity = "minor"
log      = "app"
params   = ["late"]
raise    = [{ on = "app-lost" }, { on = "late-lost", renew = true }]
clear    = [{ quiet = "3s" }]

[signal.late-lost]
log        = "app"
message    = '''late: (?<late>\w+) lost'''
provenance = "observed"
"##;

    tests_that_cannot_be: r##"
[[test]]
alarm  = "APP-LOSST"
log    = "app"
name   = "an alarm that is not there expects nothing and gets it"
lines  = '''
2021-03-22 14:00:00,000 WARN connection to a lost
'''
expect = []

[[test]]
alarm  = "APP-LOST"
name   = "expectations"
tz     = "Europe/Berln"
end    = "tomorrow"
lines  = '''
2021-03-22 14:00:00,000 WARN connection to a lost
'''
expect = [
  "raises 2021-03-22T14:00:00.000 lost",
  "raise 14:00:00.000 lost",
  "raise",
  "",
  "raise 2021-03-22T14:00:00.000 lots",
  "raise 2021-03-22T14:00:00.000 lost app-lost",
  "raise 2021-03-22T14:00:00.000 lost per=a",
  "occur 2021-03-22T14:00:00.000 lost",
]

[[test]]
name   = "whose lines are these?"
lines  = '''
2021-03-22 14:00:00,000 WARN connection to a lost
'''
expect = []

[[test]]
alarm  = "APP-LOST"
name   = "two inputs"
expect = []
[[test.input]]
log   = "ap"
lines = "x"
[[test.input]]
log   = "app"
node  = "b"
line  = "x"
"##;

    not_toml: r##"
[log.other]
files   = ["other/a.log" "other/b.log"]
layout  = app
service = "Other
role    = “Server”

[signal.retry]
log        = app
match      = "retry \d+ times"
provenance = "documented"
provenance = "observed"

[signal.quiet
log        = "app"

[signal.retry]
log        = "app"

[alarm.RETRY]
name     = "Retry"
severity: minor
raise    = [
  { on = "retry" }
  { on = "app-lost" },
]
clear = 

[alarm.OTHER]
severity = "mild"
raise = [{ on = "app-lost", cause = "lost" ]
"##;

    not_toml_from_a_string_on: r##"
[signal.retry]
log        = "app"
match      = '''retry \d+ times
provenance = "documented"

[signal.again]
log        = "app"
match      = '''again'''
provenance = "documented"

[alarm.RETRY]
name     = "Retry"
severity = "minor"
log      = "app"
raise    = [{ on = ["retry", "again"] }]
clear    = [{ quiet = "3s" }]
"##;

    not_toml_to_the_end: r##"
[alarm.RETRY]
name     = "Retry"
severity = "minor"
log      = "app"
raise    = [{ on = ["app-lost"] }]
clear    = [{ quiet = "3s" }]

[[test]]
alarm = "RETRY"
lines = '''
2021-03-22 14:00:00,000 WARN connection to a lost
"##;

    sections_without_names: r##"
test = "x"

[log]
files   = ["other/other.log*"]
layout  = "app"

[[signal]]
log     = "app"

[alarms.X]
name = "x"
"##;

    defined_twice: r##"
[signal.app-lost]
log        = "app"
message    = '''connection lost'''
provenance = "observed"

[alarm.APP-LOST]
enabled = false
"##;

    warnings: r##"
[signal.unused]
log        = "app"
message    = '''never needed'''
provenance = "observed"

[signal.slow]
log        = "app"
message    = '''\d+ (ms|s)'''
provenance = "observed"

[signal.nameless]
log        = "app"
message    = '''connection lost'''
provenance = "observed"

[alarm.SLOW]
name     = "Slow"
severity = "warning"
log      = "app"
by       = ["peer"]
raise    = [{ on = ["app-lost", "nameless"] }, { on = "slow", cause = "slow" }]
clear    = [{ on = "app-back", causes = ["app-lost"] }]

[alarm.FOR-EVER]
name     = "For Ever"
severity = "warning"
log      = "app"
raise    = [{ on = "app-lost" }]

[[test]]
alarm  = "FOR-EVER"
name   = "lines of another log"
lines  = '''
14:00 connection to a lost
'''
expect = []
"##;

    failing_tests: r##"
[[test]]
alarm  = "APP-LOST"
name   = "another time, another cause, one too few and one too many"
lines  = '''
2021-03-22 14:00:00,000 WARN connection to a lost
2021-03-22 14:00:09,000 INFO connection to a is back
2021-03-22 14:01:00,000 WARN connection to b lost
2021-03-22 14:01:09,000 INFO connection to b is back
2021-03-22 14:02:00,000 WARN connection to c lost
'''
expect = [
  "raise 2021-03-22T14:00:00.000 lost",
  "clear 2021-03-22T14:00:08.000",
  "raise 2021-03-22T14:01:00.000 lost",
  "clear 2021-03-22T14:01:09.000 lost",
  "raise 2021-03-22T14:02:00.000 lost count=2",
  "clear 2021-03-22T14:03:00.000",
]

[[test]]
alarm  = "APP-LOST"
name   = "in another zone"
tz     = "Asia/Shanghai"
lines  = '''
2021-03-22 14:00:00,000 WARN connection to a lost
'''
expect = []

[[test]]
alarm  = "APP-LOST"
name   = "nothing found"
lines  = '''
2021-03-22 14:00:00,000 WARN a connection to a lost
'''
expect = ["raise 2021-03-22T14:00:00.000"]
"##;
}

/// Warnings alone fail the check only if asked to.
#[test]
fn strict() {
    let unused = "[signal.unused]\nlog = \"app\"\nmessage = 'never needed'\nprovenance = \"observed\"\n";
    let files = [("app.toml", APP), ("unused.toml", unused)];
    let strict = check_with(&files, &["--no-default-patterns", "--strict"]);
    assert_eq!(check_with(&files, &["--no-default-patterns"]).replace("--- exit 0 ---", "--- exit 8 ---"), strict);
    shown!(strict);
    let failing = APP.replace("clear 2021-03-22T14:00:09.000", "clear 2021-03-22T14:00:10.000");
    let failing =
        check_with(&[("app.toml", &failing), ("unused.toml", unused)], &["--no-default-patterns", "--strict"]);
    assert!(failing.ends_with("--- exit 7 ---"), "{failing}");
}

#[test]
fn tests_by_name() {
    shown!(check_with(&[("app.toml", APP)], &["--no-default-patterns", "--verbose"]));
}

// The built-in patterns grow, so what follows looks for words and not for whole outputs.

/// An entry of the same name takes the place of the built-in one, and the built-in one's tests go with it.
#[test]
fn replaced() {
    let files = [(
        "site.toml",
        r##"
[signal.ha-heartbeat]
log        = ["ha-flinkserver", "ha-oms", "ha-dbservice"]
message    = '''received a sign of life'''
provenance = "observed"

[alarm.HA-SWITCHOVER]
name      = "Switched Over"
severity  = "critical"
log       = "ha-flinkserver"
raise     = [{ on = "ha-switchover", cause = "ours" }]
stateless = true

[[test]]
alarm  = "HA-SWITCHOVER"
name   = "ours"
lines  = '''
[2021-03-22 14:03:35,344][1][0][NOTICE][hasendalarm info: id=2,category=2,cause=0][HA][a.c:f,7][ha.bin,1,2]
'''
expect = ["occur 2021-03-22T14:03:35.344 ours"]
"##,
    )];
    let shown = check_with(&files, &["--verbose", "--strict"]);
    for wanted in [
        "ok      HA-SWITCHOVER: ours\n",
        "ok      ALM-45641: a file without permission, and the recovery\n",
        "\n0 errors, 0 warnings; tests: ",
        " 0 failed, ",
        " built-in ones skipped because you replaced what they test\n--- exit 0 ---",
    ] {
        assert!(shown.contains(wanted), "{wanted}\nis not in\n{shown}");
    }
    // The built-in tests of the signal and of the alarm would fail now.
    let gone = "ok      ALM-45640: heartbeats that stop for 30 s\n";
    assert!(check_with(&[("empty.toml", "")], &["--verbose"]).contains(gone));
    assert!(!shown.contains(gone), "{shown}");
    assert_eq!(shown.matches("ok      HA-SWITCHOVER: ").count(), 1, "{shown}");
}

/// Without a word an alarm would never be cleared any more.
#[test]
fn switched_off() {
    let off = |entries: &[&str]| entries.iter().map(|e| format!("[{e}]\nenabled = false\n")).collect::<String>();
    let whole =
        check_with(&[("site.toml", &off(&["alarm.HA-SWITCHOVER", "signal.ha-sync-step-failed"]))], &["--strict"]);
    assert!(whole.contains("0 errors, 0 warnings") && whole.ends_with("--- exit 0 ---"), "{whole}");
    let half = check_with(&[("site.toml", &off(&["signal.ha-link-back"]))], &["--strict"]);
    let title =
        "warning: the alarm `HA-LINK` has an entry that cannot act: its signal `ha-link-back` is switched off\n";
    assert!(half.starts_with(title) && half.ends_with("--- exit 8 ---"), "{half}");
    let needed = check_with(&[("site.toml", &off(&["layout.ha"]))], &[]);
    assert!(needed.contains("error: the log `ha-oms` needs the layout `ha`\n  --> site/site.toml:1:9\n"), "{needed}");
}

/// A test of what is switched off could never fail.
#[test]
fn switched_off_and_tested() {
    let test = "[alarm.HA-SWITCHOVER]\nenabled = false\n\n[[test]]\nalarm  = \"HA-SWITCHOVER\"\nname   = \"ours\"\nlines  = \"x\"\nexpect = []\n";
    shown!(check_with(&[("site.toml", test)], &[]));
}

/// Without the built-in patterns their names are free, and unknown.
#[test]
fn without_the_built_in_patterns() {
    let site = Site::new(&[]);
    insta::assert_snapshot!(site.run(&["check", "--no-default-patterns"]).shown().replace("e3b0c44298fc1c14", "…"), @r"
    0 logs, 0 signals, 0 alarms; pattern set …
    0 errors, 0 warnings; tests: 0 passed, 0 failed
    --- exit 0 ---
    ");
    shown!(check_with(
        &[(
            "site.toml",
            r##"
[signal.ha-heartbeat-lost]
log        = "ha-flinkserver"
message    = '''heartbeat lost'''
provenance = "observed"
"##
        )],
        &["--no-default-patterns"],
    ));
}

#[test]
fn files_that_are_not_there() {
    let site = Site::new(&[("empty/readme.txt", "no patterns")]);
    insta::assert_snapshot!(site.run(&["check", "nowhere"]).shown(), @"
    --- stderr ---
    tocsin: cannot read the pattern directory nowhere: No such file or directory (os error 2)
    --- exit 2 ---
    ");
    insta::assert_snapshot!(site.run(&["check", "empty"]).shown(), @"
    --- stderr ---
    tocsin: there is no .toml file in the pattern directory empty
    --- exit 2 ---
    ");
    insta::assert_snapshot!(site.run(&["replay", "--patterns", "nowhere", "empty"]).shown(), @"
    --- stderr ---
    tocsin: cannot read the pattern directory nowhere: No such file or directory (os error 2)
    --- exit 2 ---
    ");
}

/// Every other command refuses patterns that `check` refuses, with the same words.
#[test]
fn replay_refuses_what_check_refuses() {
    let site =
        Site::new(&[("site/wrong.toml", "[signal.a]\nlog = \"ha-omss\"\nmatch = '(a'\nprovenance = \"observed\"\n")]);
    shown!(site.run(&["replay", "--patterns", "site", "site"]).shown());
}

/// One file can be checked as well as a directory.
#[test]
fn one_file() {
    let site = Site::new(&[("app.toml", APP), ("not.toml", "[")]);
    let ended = site.run(&["check", "--no-default-patterns", "app.toml"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
}

/// The place is right behind characters of several bytes, tabs and in files with CRLF.
#[test]
fn places_in_odd_files() {
    let text =
        "# ü\r\n[signal.\"größe\"]\r\nlog\t= \"app\"\r\nmessage\t= '''größe (und'''\r\nprovenance = \"observd\"\r\n";
    shown!(check(text));
}

/// A log is read in one zone, so one of the layouts would be read in the other's.
#[test]
fn layouts_that_name_two_zones() {
    let log = |more: &str| {
        format!(
            r##"
[layout.east]
pattern = '%d{{yyyy-MM-dd HH:mm:ss,SSS}}{{Asia/Shanghai}} %p %m'
[layout.west]
pattern = '%d{{yyyy-MM-dd HH:mm:ss}}{{Europe/Berlin}} %p %m'
[log.two]
files = ["two/two.log*"]
layout = ["east", "app", "west"]
service = "Two"
role = "Server"
{more}
"##
        )
    };
    let shown = check(&log(""));
    for told in
        ["the layouts of the log `two` name two time zones", "`Europe/Berlin`", "`Asia/Shanghai`", "wrong.toml:8:"]
    {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert!(shown.ends_with("--- exit 2 ---"), "{shown}");
    // Whoever says which is right has said it.
    assert!(!check(&log("tz = \"UTC\"")).contains("two time zones"));
}
