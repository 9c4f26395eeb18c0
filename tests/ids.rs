//! Given the nodes, a replay's records depend on what the logs say and on nothing else: not on the machine, its zone or
//! the directory, nor on the order of the files, the number of threads, or whether a file is compressed. (What the
//! records say about files and about when they were made is left out here.)

mod support;

use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use support::{Ended, Site, TOCSIN, alarm, gzip, ha};

const ZONE: [&str; 2] = ["--tz", "Asia/Shanghai"];

/// Three nodes, several logs, alarms that come from looking at two of them, and hits of the same millisecond.
static LOGS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut logs = Vec::new();
    for node in ["node-1", "node-2", "node-3"] {
        let rolled = ha("2021-03-22 14:03:30,000", "open lstat failed:(/opt/a ). Permission denied.");
        logs.push((format!("{node}/flink/flinkserver/ha/runlog/ha.log.2021-03-22_14-03-31"), rolled));
        let flink = [
            alarm("2021-03-22 14:03:35,344", 1, 0),
            alarm("2021-03-22 14:03:35,344", 0, 0),
            alarm("2021-03-22 14:03:35,344", 2, 2).repeat(2),
            alarm("2021-03-22 14:13:40,000", 1, 1),
        ];
        let oms = [
            alarm("2021-03-22 14:03:35,344", 0, 0),
            alarm("2021-03-22 14:03:35,344", 2, 2),
            alarm("2021-03-22 14:09:00,000", 0, 1),
        ];
        logs.push((format!("{node}/flink/flinkserver/ha/runlog/ha.log"), flink.concat()));
        logs.push((format!("{node}/omm/oms/ha/runlog/ha.log"), oms.concat()));
        logs.push((
            format!("{node}/flink/flinkserver/prestart.log"),
            "2021-03-22 13:50:00 [ERROR] Float ip 10.0.0.30 is invalid\n".to_owned(),
        ));
    }
    logs
});

fn site() -> Site {
    let site = Site::new(&[]);
    LOGS.iter().for_each(|(path, text)| site.write(path, text.as_bytes()));
    site
}

/// The records but for file names and for when they were made.
fn told(ended: &Ended) -> Vec<Value> {
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut records = ended.records();
    for record in &mut records {
        record["detectedAt"] = Value::Null;
        for evidence in record["evidence"].as_array_mut().unwrap() {
            evidence["file"] = Value::Null;
        }
    }
    records
}

/// What all the others are compared with.
static PLAIN: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let records = told(&replay(&site(), &[".".to_owned()]));
    assert!(records.len() > 20, "{} records", records.len());
    records
});

fn replay(site: &Site, paths: &[String]) -> Ended {
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    site.run(&[&["replay"], &ZONE[..], &paths].concat())
}

#[test]
fn the_directory_does_not_matter() {
    let site = Site::new(&[]);
    LOGS.iter().for_each(|(path, text)| site.write(&format!("far/away from/home/{path}"), text.as_bytes()));
    let absolute = site.path("far").to_str().unwrap().to_owned();
    for path in ["far", "./far/away from/../away from/home", &absolute] {
        assert_eq!(told(&replay(&site, &[path.to_owned()])), *PLAIN, "{path}");
    }
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let site = site();
    let mut paths: Vec<String> = LOGS.iter().map(|(path, _)| path.clone()).collect();
    for _ in 0..3 {
        paths.rotate_left(2);
        assert_eq!(told(&replay(&site, &paths)), *PLAIN, "{paths:?}");
    }
    paths.reverse();
    assert_eq!(told(&replay(&site, &paths)), *PLAIN, "{paths:?}");
}

/// What is reached in several ways is read once.
#[test]
fn naming_a_file_twice_does_not_matter() {
    let site = site();
    let first = LOGS[0].0.clone();
    std::os::unix::fs::symlink(site.path(&first), site.path("a-link-to-it")).unwrap();
    std::os::unix::fs::symlink(site.path("."), site.path("a-circle")).unwrap();
    let absolute = site.path(&first).to_str().unwrap().to_owned();
    for paths in [vec![first.clone(), ".".to_owned(), first], vec![absolute, ".".to_owned(), "node-1".to_owned()]] {
        assert_eq!(told(&replay(&site, &paths)), *PLAIN, "{paths:?}");
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let site = site();
    for jobs in 1..=8 {
        let ended = replay(&site, &["--jobs".to_owned(), jobs.to_string(), ".".to_owned()]);
        assert_eq!(told(&ended), *PLAIN, "{jobs}");
    }
}

#[test]
fn the_zone_of_the_process_does_not_matter() {
    let site = site();
    for zone in ["UTC", "America/New_York", "Asia/Shanghai", "no/such/zone", ""] {
        let mut command = site.command(&[&["replay"], &ZONE[..], &["."]].concat());
        assert_eq!(told(&Ended::of(command.env("TZ", zone).output().unwrap())), *PLAIN, "{zone}");
    }
}

/// Without `--tz` the process's zone is what counts, so the test above can fail.
#[test]
fn without_a_zone_the_machines_is_taken_and_said() {
    let site = site();
    let of = |zone: &str| Ended::of(site.command(&["replay", "."]).env("TZ", zone).output().unwrap());
    let shanghai = of("Asia/Shanghai");
    assert_eq!(told(&shanghai), *PLAIN);
    assert!(
        shanghai.err.contains("times are read as Asia/Shanghai (this machine's zone; `--tz` says otherwise)"),
        "{}",
        shanghai.err
    );
    assert!(of("UTC").ids().iter().all(|id| !shanghai.out.contains(id)));
}

#[test]
fn the_machine_does_not_matter() {
    let site = site();
    let script = "hostname elsewhere && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--uts", "sh", "-c", script, "sh", TOCSIN, "replay"]).args(ZONE).arg(".").current_dir(site.path("."));
    match command.output().map(Ended::of) {
        Ok(ended) if ended.code == Some(0) => assert_eq!(told(&ended), *PLAIN),
        // Not every sandbox lets us rename the machine; the other tests of nodes hold there too.
        _ => eprintln!("skipped: this machine cannot be given another name"),
    }
}

#[test]
fn compression_does_not_matter() {
    let site = Site::new(&[]);
    for (path, text) in LOGS.iter() {
        // Rolled files have their stamp, and lose it in the family's name.
        let (directory, name) = path.rsplit_once('/').unwrap();
        let half = text[..text.len() / 2].rfind('\n').map_or(0, |n| n + 1);
        match half {
            _ if name.contains(".2021-") => site.write(&format!("{path}.gz"), &gzip(text.as_bytes())),
            0 => site.write(&format!("{path}.gz"), &gzip(text.as_bytes())),
            _ => {
                site.write(&format!("{directory}/{name}.2021-03-22_14-03-36.gz"), &gzip(&text.as_bytes()[..half]));
                site.write(path, &text.as_bytes()[half..]);
            }
        }
    }
    let places = |mut records: Vec<Value>| {
        for evidence in records.iter_mut().flat_map(|r| r["evidence"].as_array_mut().unwrap()) {
            (evidence["line"], evidence["offset"]) = (Value::Null, Value::Null);
        }
        records
    };
    assert_eq!(places(told(&replay(&site, &[".".to_owned()]))), places(PLAIN.clone()));
}

/// The nodes can be given: then it does not matter where the files are, either.
#[test]
fn assigned_nodes_are_as_good_as_directories() {
    let site = Site::new(&[]);
    let mut args: Vec<String> = Vec::new();
    for (at, (path, text)) in LOGS.iter().enumerate() {
        let (node, below) = path.split_once('/').unwrap();
        site.write(&format!("collected/{at}/{below}"), text.as_bytes());
        args.extend(["--assign".to_owned(), format!("{node}=collected/{at}")]);
    }
    args.push("collected".to_owned());
    assert_eq!(told(&replay(&site, &args)), *PLAIN);
}
