//! Certificates of every kind, made here, give the right alarm and the right clear.

mod support;
mod watch_support;

use std::collections::BTreeMap;
use std::fs;

use chrono::{Datelike, Days, Utc};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use serde_json::Value;
use support::Site;
use watch_support::{Running, clock};

/// A certificate that is valid from and until so many days from today, as PEM and as DER.
fn made(from: i64, until: i64) -> (String, Vec<u8>) {
    let day = |days: i64| {
        let today = Utc::now().date_naive();
        let date = match u64::try_from(days) {
            Ok(later) => today.checked_add_days(Days::new(later)),
            Err(_) => today.checked_sub_days(Days::new(days.unsigned_abs())),
        };
        let date = date.unwrap();
        date_time_ymd(date.year(), date.month() as u8, date.day() as u8)
    };
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "flink_server");
    (params.not_before, params.not_after) = (day(from), day(until));
    params.serial_number = Some(vec![0x0a, 0xbc].into());
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    (made.pem(), made.der().to_vec())
}

fn pem(from: i64, until: i64) -> String {
    made(from, until).0
}

/// What `tocsin probe` would raise, as alarm and causes, and its exit code.
fn probed(site: &Site) -> (Vec<String>, Option<i32>) {
    let ended = site.run(&["probe", "certificate", "--path", "server.crt", "--format", "json"]);
    let short = |r: &Value| format!("{} {}", r["alarm"].as_str().unwrap(), r["causes"][0].as_str().unwrap());
    (ended.records().iter().map(short).collect(), ended.code)
}

#[test]
fn each_kind_raises_its_alarm() {
    let (whole, der) = made(-100, 100);
    let fine: [Vec<u8>; 4] = [
        whole.clone().into_bytes(),
        der.clone(),
        format!("{}{whole}", KeyPair::generate().unwrap().serialize_pem()).into_bytes(),
        format!("{whole}{}", pem(-5, 1000)).into_bytes(),
    ];
    for bytes in fine {
        let site = Site::new(&[]);
        site.write("server.crt", &bytes);
        assert_eq!(probed(&site), (Vec::new(), Some(0)));
    }
    let cut = &whole.as_bytes()[..whole.len() / 2];
    for (bytes, expect) in [
        (b"".as_slice(), "ALM-45653 malformed"),
        (b"hello\n", "ALM-45653 malformed"),
        (cut, "ALM-45653 malformed"),
        (&der[..der.len() / 2], "ALM-45653 malformed"),
        (pem(2, 100).as_bytes(), "ALM-45653 not-yet-valid"),
        (pem(-100, 20).as_bytes(), "ALM-45654 expiring"),
        (pem(-100, -1).as_bytes(), "ALM-45655 expired"),
        (format!("{whole}{}", pem(-100, -1)).as_bytes(), "ALM-45655 expired"),
    ] {
        let site = Site::new(&[]);
        site.write("server.crt", bytes);
        assert_eq!(probed(&site), (vec![expect.to_owned()], Some(6)));
    }
    let site = Site::new(&[]);
    assert_eq!(probed(&site).0, ["ALM-45653 missing"]);
    fs::create_dir(site.path("server.crt")).unwrap();
    assert_eq!(probed(&site).0, ["ALM-45653 unreadable"]);
}

#[test]
fn a_record_tells_all_of_the_certificate() {
    let site = Site::new(&[("server.crt", &pem(-100, 20))]);
    let ended = site.run(&["probe", "certificate", "--path", "server.crt", "--format", "json", "--cluster", "prod"]);
    let record = &ended.records()[0];
    let params = &record["params"];
    assert_eq!(params["path"], site.path("server.crt").canonicalize().unwrap().to_str().unwrap());
    assert_eq!((&params["subject"], &params["issuer"]), (&"CN=flink_server".into(), &"CN=flink_server".into()));
    assert_eq!((&params["serial"], &params["daysLeft"]), (&"0a:bc".into(), &"19".into()));
    assert!(params["notBefore"].is_string() && params["notAfter"].is_string());
    assert_eq!(
        (&record["location"]["source"], &record["location"]["roleName"]),
        (&"prod".into(), &"FlinkServer".into())
    );
    assert_eq!(record["severity"], "major");
}

/// As renewing does it: whole or not at all.
fn replace(site: &Site, text: &str) {
    site.write("certs/new", text.as_bytes());
    fs::rename(site.path("certs/new"), site.path("certs/server.crt")).unwrap();
}

fn watch(site: &Site, more: &[&str]) -> Running {
    let args = [&["watch", "--state", "state", "--from", "start", "logs"], more].concat();
    Running::start(site.command(&args))
}

const PROBE: [&str; 2] = ["--probe", "certificate=certs/server.crt"];

#[test]
fn a_watch_raises_and_clears_as_the_file_changes_and_replay_gives_the_same() {
    let site = Site::new(&[("logs/none", ""), ("certs/other", "")]);
    let mut running = watch(&site, &PROBE);
    running.transition("raise", "ALM-45653");
    replace(&site, &pem(-100, 20));
    running.transition("clear", "ALM-45653");
    running.transition("raise", "ALM-45654");
    replace(&site, &pem(-100, -1));
    running.transition("raise", "ALM-45655");
    // Neither has been said to be over: the file cannot be read, and what was known of it stays.
    replace(&site, "hello\n");
    running.record("malformed", |r| r["event"] == "raise" && r["causes"][0] == "malformed");
    replace(&site, &pem(-100, 1000));
    running.transition("clear", "ALM-45655");
    running.transition("clear", "ALM-45654");
    running.until("both are cleared", |r| r.records().filter(|t| t["event"] == "clear").count() == 4);
    let ended = running.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for record in ended.records() {
        *count
            .entry(format!("{} {}", record["event"].as_str().unwrap(), record["alarm"].as_str().unwrap()))
            .or_default() += 1;
    }
    let expect = [
        ("clear ALM-45653", 2),
        ("clear ALM-45654", 1),
        ("clear ALM-45655", 1),
        ("raise ALM-45653", 2),
        ("raise ALM-45654", 1),
        ("raise ALM-45655", 1),
    ];
    assert_eq!(count, expect.map(|(what, n)| (what.to_owned(), n)).into());

    let replayed = site.run(&["replay", "--quiet", "--end", &clock(&ended), "state/probe"]);
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(replayed.ids()), sorted(ended.ids()), "{}", replayed.err);
}

#[test]
fn what_is_looked_at_no_longer_is_no_alarm_any_more() {
    let site = Site::new(&[("logs/none", "")]);
    let mut running = watch(&site, &PROBE);
    running.transition("raise", "ALM-45653");
    assert_eq!(running.stop().code, Some(0));
    // The same again is not said again.
    let mut running = watch(&site, &[&PROBE[..], &["--probe", "certificate=certs/other.crt"]].concat());
    let other = running.transition("raise", "ALM-45653");
    assert!(other["params"]["path"].as_str().unwrap().ends_with("certs/other.crt"), "{other}");
    assert_eq!(running.stop().records().len(), 1);
    let mut running = watch(&site, &[]);
    running.until("both are cleared", |r| r.records().filter(|t| t["event"] == "clear").count() == 2);
    assert_eq!(running.stop().code, Some(0));
}
