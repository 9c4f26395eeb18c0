//! The record is what other systems build on: its shape, its ids, and that nothing in it steers a terminal.

mod support;

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use support::{Ended, Site, alarm, fixtures, ha};

const SCHEMA: &str = include_str!("../schema/transition.schema.json");

static FORM: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(SCHEMA).unwrap());
static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| jsonschema::draft202012::new(&FORM).unwrap());

const HA_LOG: &str = "node-7/flink/flinkserver/ha/runlog/ha.log";

/// The names of an object of the schema, in the order in which they stand there.
fn described(at: &str) -> Vec<String> {
    // serde_json sorts keys, so the order is looked up in the text.
    let object = FORM.pointer(at).unwrap().as_object().unwrap();
    let indent = " ".repeat(4 + 2 * at.matches('/').skip(1).count());
    let mut names: Vec<String> = object.keys().cloned().collect();
    names.sort_by_key(|name| SCHEMA.find(&format!("\n{indent}\"{name}\":")).unwrap_or_else(|| panic!("{at}: {name}")));
    names
}

/// Fields that most records do without.
const RARE: [&str; 2] = ["durable", "runbook"];

/// Every record on standard output is as the schema says, and has no field that it does not describe.
fn assert_fits(ended: &Ended) -> usize {
    let mut fields = described("/properties");
    // Last, and only where they are asked for, or needed.
    assert_eq!(fields.split_off(fields.len() - 2), RARE);
    for (line, record) in ended.out.lines().zip(ended.records()) {
        let wrong: Vec<String> =
            VALIDATOR.iter_errors(&record).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:?}\n{line}");
        assert_eq!(names_in_order(line), fields, "{line}");
        for (inner, at) in
            [("location", "/properties/location/properties"), ("evidence", "/properties/evidence/items/properties")]
        {
            let objects = record[inner].as_array().cloned().unwrap_or_else(|| vec![record[inner].clone()]);
            let known = FORM.pointer(at).unwrap().as_object().unwrap();
            for object in objects {
                assert!(object.as_object().unwrap().keys().all(|k| known.contains_key(k)), "{object}");
            }
        }
        let evidence = record["evidence"].as_array().unwrap();
        assert!(evidence.iter().all(|e| e["text"].as_str().unwrap().len() <= 4096), "{line}");
        assert_eq!(record["node"], record["location"]["hostName"]);
    }
    ended.out.lines().count()
}

/// The names of a line's outermost fields as they stand there.
fn names_in_order(line: &str) -> Vec<String> {
    let (mut names, mut depth, mut string, mut text) = (Vec::new(), 0, false, String::new());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if string => {
                chars.next();
            }
            '"' => {
                string = !string;
                if string {
                    text.clear();
                } else if depth == 1 && chars.peek() == Some(&':') {
                    names.push(text.clone());
                }
            }
            '{' | '[' if !string => depth += 1,
            '}' | ']' if !string => depth -= 1,
            c => text.push(c),
        }
    }
    names
}

/// Alarms of every kind: with and without state, number, key fields, params; cleared by each kind of entry.
fn every_kind() -> Site {
    let heartbeat = |time: &str| ha(time, "recv heartbeat from peer");
    let ha_log = [
        heartbeat("2021-03-22 14:00:00,000"),
        heartbeat("2021-03-22 14:00:05,000"),
        heartbeat("2021-03-22 14:00:10,000"),
        alarm("2021-03-22 14:02:00,000", 2, 2),
        heartbeat("2021-03-22 14:03:00,000"),
        alarm("2021-03-22 14:04:00,000", 0, 0),
        alarm("2021-03-22 14:05:00,000", 0, 1),
        alarm("2021-03-22 15:00:00,000", 4, 0),
    ];
    let zookeeper = "\
2021-03-22 14:00:00,000 [myid:1] - WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory@211] - Too many connections from /10.0.0.1 - max is 60
2021-03-22 14:00:01,000 [myid:1] - WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory@211] - Too many connections from /a|b=c%d - max is 60
2021-03-22 14:09:00,000 [myid:1] - INFO  [main:QuorumPeer@1158] - nothing of note
";
    let site = Site::new(&[("logs/node-7/zookeeper/quorumpeer/zookeeper-omm-server-node-7.log", zookeeper)]);
    site.write(&format!("logs/{HA_LOG}"), ha_log.concat().as_bytes());
    site.write("logs/node-7/flink/flinkserver/prestart.log", b"Float ip 10.0.0.30 is invalid\n");
    site
}

#[test]
fn every_output_fits_the_schema() {
    let site = every_kind();
    for zone in ["UTC", "Asia/Shanghai", "America/St_Johns"] {
        let ended = site.run(&["replay", "--tz", zone, "--end", "2021-03-23T00:00:00", "logs"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_fits(&ended);
        let (mut events, mut cleared) = (Vec::new(), Vec::new());
        for record in ended.records() {
            events.push(record["event"].as_str().unwrap().to_owned());
            cleared.extend(record["clearedBy"].as_str().map(str::to_owned));
        }
        for event in ["raise", "clear", "occur"] {
            assert!(events.iter().any(|e| e == event), "{event} in {}", ended.out);
        }
        for by in ["signal", "quiet", "present"] {
            assert!(cleared.iter().any(|c| c == by), "{by} in {}", ended.out);
        }
    }
}

#[test]
fn every_fixture_fits_the_schema() {
    let mut records = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let ended = Site::new(&[]).run(&["replay", "--tz", "UTC", path.to_str().unwrap()]);
        records += assert_fits(&ended);
    }
    assert!(records > 100, "{records} records");
}

/// The schema would notice: each of these is wrong in one place only.
#[test]
fn the_schema_refuses_what_is_wrong() {
    let ended = every_kind().run(&["replay", "--tz", "UTC", "--end", "2021-03-23T00:00:00", "logs"]);
    let of = |event: &str| ended.records().into_iter().find(|r| r["event"] == event).unwrap();
    let (raise, clear, occur) = (of("raise"), of("clear"), of("occur"));
    for (record, at, wrong) in [
        (&raise, "/schema", json!(2)),
        (&raise, "/id", json!("6969234F54fe297786ca89bf9e1b0921")),
        (&raise, "/id", json!("6969234f54fe2977")),
        (&raise, "/event", json!("raised")),
        (&raise, "/alarm", json!("")),
        (&raise, "/alarmId", json!("45640")),
        (&raise, "/severity", json!("fatal")),
        (&raise, "/causes", json!([])),
        (&raise, "/key", json!("ALM-45640|prod|Flink|FlinkServer")),
        (&raise, "/key", json!("ALM-45640|prod|Flink|FlinkServer|")),
        (&raise, "/key", json!("ALM-45640|prod|Flink|FlinkServer|node-7|clientIp")),
        (&raise, "/key", json!("ALM-45640|prod|Flink|FlinkServer|node=7")),
        (&raise, "/key", json!("ALM-45640|prod|Flink|FlinkServer|node%7")),
        (&raise, "/key", json!("ALM-45640|prod|Flink|FlinkServer|node\n7")),
        (&raise, "/time", json!("2021-03-22T14:03:35+08:00")),
        (&raise, "/time", json!("2021-03-22 14:03:35.344+08:00")),
        (&raise, "/time", json!("2021-03-22T14:03:35.344")),
        (&raise, "/time", json!("2021-13-22T14:03:35.344Z")),
        (&raise, "/raisedAt", json!(null)),
        (&raise, "/clearedBy", json!("signal")),
        (&raise, "/durationMs", json!(1)),
        (&clear, "/raisedAt", json!(null)),
        (&clear, "/clearedBy", json!(null)),
        (&clear, "/clearedBy", json!("chance")),
        (&clear, "/durationMs", json!(null)),
        (&clear, "/durationMs", json!(-1)),
        (&occur, "/raisedAt", raise["time"].clone()),
        (&occur, "/clearedBy", json!("signal")),
        (&raise, "/location/roleName", json!("")),
        (&raise, "/params", json!({ "limit": 60 })),
        (&raise, "/count", json!(1.5)),
        (&raise, "/evidence", json!([])),
        (&raise, "/evidence/0/line", json!(0)),
        (&raise, "/evidence/0/offset", json!(-1)),
        (&raise, "/evidence/0/text", json!("x".repeat(4097))),
        (&raise, "/provenance", json!("guessed")),
        (&raise, "/patterns", json!("")),
        (&raise, "/late", json!("no")),
        (&raise, "/mode", json!("live")),
        (&raise, "/detectedAt", json!(null)),
    ] {
        assert!(VALIDATOR.is_valid(record));
        let mut bad = record.clone();
        *bad.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = wrong.clone();
        assert!(!VALIDATOR.is_valid(&bad), "{at} may be {wrong}");
    }
    for name in described("/properties").into_iter().filter(|name| !RARE.contains(&&**name)) {
        let mut bad = raise.clone();
        bad.as_object_mut().unwrap().remove(&name);
        assert!(!VALIDATOR.is_valid(&bad), "{name} may be missing");
    }
    // Fields are only ever added, so a reader of this version must take a record of the next one.
    let mut newer = raise.clone();
    newer["addedLater"] = json!("anything");
    assert!(VALIDATOR.is_valid(&newer));
}

/// Whoever writes a consumer reads the schema, so everything in it says what it is.
#[test]
fn every_field_is_described() {
    for at in ["/properties", "/properties/location/properties", "/properties/evidence/items/properties"] {
        for (name, field) in FORM.pointer(at).unwrap().as_object().unwrap() {
            assert!(field["description"].as_str().is_some_and(|d| d.ends_with('.')), "{at}/{name}");
        }
    }
}

/// What changes from run to run or with every change of a pattern.
fn without_chance(ended: &Ended) -> String {
    let mut out = String::new();
    for (line, record) in ended.out.lines().zip(ended.records()) {
        let line = line.replace(record["detectedAt"].as_str().unwrap(), "<now>");
        out.push_str(&line.replace(record["patterns"].as_str().unwrap(), "<patterns>"));
        out.push('\n');
    }
    out
}

/// A line as it stands on standard output: the fields, their order and the way they are written.
#[test]
fn raw_line() {
    let site = Site::new(&[]);
    site.write(HA_LOG, alarm("2021-03-22 14:03:35,344", 0, 0).as_bytes());
    let ended = site.run(&["replay", "--cluster", "prod", "--tz", "Asia/Shanghai", "."]);
    insta::assert_snapshot!(without_chance(&ended), @r#"{"schema":1,"id":"91d7a10092301de21d235eed01ffb37f","event":"raise","alarm":"ALM-45640","alarmId":45640,"name":"FlinkServer Heartbeat Interruption Between the Active and Standby Nodes","severity":"minor","causes":["heartbeat-interrupted"],"key":"ALM-45640|prod|Flink|FlinkServer|node-7","time":"2021-03-22T14:03:35.344+08:00","raisedAt":"2021-03-22T14:03:35.344+08:00","clearedBy":null,"durationMs":null,"node":"node-7","location":{"source":"prod","serviceName":"Flink","roleName":"FlinkServer","hostName":"node-7"},"params":{"haHost":"node-master1qnFC"},"count":1,"evidence":[{"log":"ha-flinkserver","file":"./node-7/flink/flinkserver/ha/runlog/ha.log","line":1,"offset":0,"time":"2021-03-22T14:03:35.344+08:00","text":"[2021-03-22 14:03:35,344][10195489353][0][NOTICE][hasendalarm info: id=0,category=0,cause=0,locainfo=(),addinfo=(),lochost=(node-master1qnFC),locha=(192-168-0-11)][HA][ha_alarm.c:HA_SendAlarm,77][ha.bin,26572,41]"}],"provenance":"documented","patterns":"<patterns>","late":false,"timeAssumed":false,"mode":"replay","detectedAt":"<now>"}"#);
}

/// The vendor's own ten lines: what their documentation shows as a picture.
#[test]
fn the_vendors_lines_raise_45641() {
    let file = "vendor-45641";
    let site = Site::new(&[]);
    let mut command = site.command(&["replay", "--quiet", "--tz", "Asia/Shanghai", file]);
    let ended = Ended::of(command.current_dir(fixtures()).output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_fits(&ended);
    let [raise, clear] = ended.records().try_into().unwrap();
    assert_eq!(raise["event"], "raise");
    assert_eq!(
        (&raise["alarm"], &raise["alarmId"], &raise["severity"]),
        (&json!("ALM-45641"), &json!(45641), &json!("major"))
    );
    assert_eq!(raise["causes"], json!(["sync-failed", "permission-denied"]));
    assert_eq!(raise["key"], "ALM-45641|default|Flink|FlinkServer|node-1");
    assert_eq!(raise["time"], "2021-03-22T14:03:35.344+08:00");
    let path = "/opt/Bigdata/apache-tomcat-7.0.78/conf/security/tomcat_om.crt";
    assert_eq!(raise["params"], json!({ "haHost": "node-master1qnFC", "path": path }));
    // The line that names the cause is logged at INFO.
    let info =
        raise["evidence"].as_array().unwrap().iter().find(|e| e["text"].as_str().unwrap().contains(path)).unwrap();
    assert!(info["text"].as_str().unwrap().contains("][  INFO][open lstat failed:("), "{info}");
    assert_eq!((&info["line"], &info["offset"]), (&json!(4), &json!(434)));
    assert_eq!(info["file"], "vendor-45641/node-1/flink/flinkserver/ha/runlog/ha.log");
    // What raised it comes first, and none of the seven lines is missing.
    assert_eq!(raise["evidence"][0]["line"], 10);
    assert_eq!(raise["evidence"].as_array().unwrap().len(), 7);

    assert_eq!((&clear["event"], &clear["clearedBy"]), (&json!("clear"), &json!("signal")));
    assert_eq!((&clear["key"], &clear["raisedAt"]), (&raise["key"], &raise["time"]));
    assert_eq!((&clear["causes"], &clear["params"]), (&raise["causes"], &raise["params"]));
    assert_eq!((&clear["time"], &clear["durationMs"]), (&json!("2021-03-22T14:13:40.102+08:00"), &json!(604_758)));
    assert_eq!(clear["evidence"].as_array().unwrap().len(), 1);
    assert_eq!(clear["evidence"][0]["line"], 11);

    // Consumers deduplicate by these, across versions of this program.
    insta::assert_snapshot!(ended.ids().join("\n"), @"
    6969234f54fe297786ca89bf9e1b0921
    e05b62ac9d5365a4748531e422baf44d
    ");
}

/// Two changes of one kind in one millisecond are two, and the same two every time.
#[test]
fn equals_have_ids_of_their_own() {
    let site = Site::new(&[]);
    site.write(HA_LOG, alarm("2021-03-22 14:03:35,344", 2, 2).repeat(3).as_bytes());
    let first = site.run(&["replay", "--tz", "UTC", "."]).ids();
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    assert_eq!(site.run(&["replay", "--tz", "UTC", "."]).ids(), first);
}

/// ESC, BEL, NUL, backspace, carriage return, DEL, the C1 characters (CSI as one), and what turns text around.
const STEERING: &str = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{0}\u{8}\r\u{7f}\u{85}\u{9b}2J\u{9d}\u{9f}<b>&\"'\\";

#[test]
fn log_text_steers_no_terminal() {
    let site = Site::new(&[]);
    let denied = ha("2021-03-22 14:03:30,000", &format!("open lstat failed:(/opt/{STEERING} ). Permission denied."));
    let log = [denied.as_bytes(), b"\xff\xfe\n", alarm("2021-03-22 14:03:35,344", 1, 0).as_bytes()].concat();
    site.write(HA_LOG, &log);
    let json = site.run(&["replay", "--tz", "UTC", "."]);
    assert_fits(&json);
    let record = &json.records()[0];
    assert_eq!(record["params"]["path"], format!("/opt/{STEERING}"), "what is escaped is not lost");
    assert!(record["evidence"][1]["text"].as_str().unwrap().contains(STEERING));
    let table = site.run(&["replay", "--tz", "UTC", "--format", "table", "."]);
    assert!(table.out.contains(r"path=/opt/\u{1b}[31mred"), "{}", table.out);
    for out in [&json.out, &table.out] {
        let steering: Vec<char> = out.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert!(steering.is_empty(), "{steering:?}");
    }
    // One line of the log is one line of the output.
    assert_eq!((json.out.lines().count(), table.out.lines().count()), (1, 2));
}

/// A key is one word of printable text, whatever the log puts into it.
#[test]
fn keys_are_escaped() {
    let site = every_kind();
    let keys: Vec<String> = site
        .run(&["replay", "--tz", "UTC", "logs"])
        .records()
        .iter()
        .map(|r| r["key"].as_str().unwrap().to_owned())
        .collect();
    let of = |end: &str| keys.iter().any(|k| k.starts_with("ALM-13007|") && k.ends_with(end));
    assert!(of("|node-7|clientIp=10.0.0.1"), "{keys:?}");
    assert!(of("|node-7|clientIp=a%7Cb%3Dc%25d"), "{keys:?}");
}

/// Evidence is for a person to read: long lines are cut, and between characters.
#[test]
fn evidence_is_bounded() {
    for shift in ["", "a", "aa", "aaa"] {
        let site = Site::new(&[]);
        let long = alarm("2021-03-22 14:03:35,344", 0, 0).trim_end().to_owned() + shift + &"😀".repeat(2000) + "\n";
        site.write(HA_LOG, long.as_bytes());
        let ended = site.run(&["replay", "--tz", "UTC", "."]);
        assert_eq!(assert_fits(&ended), 1);
        let text = ended.records()[0]["evidence"][0]["text"].as_str().unwrap().to_owned();
        assert!((4093..=4096).contains(&text.len()) && text.ends_with('😀'), "{shift}: {} bytes", text.len());
    }
}
