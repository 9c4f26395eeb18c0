//! Every recorded fault is found, nothing else is raised, and every alarm that is over is cleared.
//!
//! `fixtures/corpus` holds the logs of real servers with a time line of the faults that were induced on purpose, and
//! `expect.toml`, which says for each class of fault what must be found. The real binary reads each recording as an
//! operator would: by its directory. Where files stand decides their nodes, so the layout of the recordings is kept.

mod expect;
mod judge;
mod recording;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use expect::Expect;
use judge::{Verdict, judge};
use recording::Recording;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus")
}

fn expected() -> Expect {
    let text = fs::read_to_string(corpus().join("expect.toml")).expect("fixtures/corpus/expect.toml");
    Expect::parse(&text)
}

/// Directories with a time line, in order.
fn recordings() -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(corpus()).sort_by_file_name();
    let lines = walk.into_iter().filter_map(Result::ok).filter(|e| e.file_name() == "timeline.jsonl");
    lines.map(|e| e.path().parent().expect("in a directory").to_owned()).collect()
}

/// What the binary writes about a recording.
fn replay(recording: &Recording, more: &[&str]) -> Result<String, String> {
    let out = Command::new(env!("CARGO_BIN_EXE_tocsin"))
        .args(["replay", "--tz", &recording.offset])
        .args(more)
        .arg(&recording.directory)
        .output()
        .expect("the binary runs");
    match out.status.success() {
        true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        false => {
            Err(format!("{}: {}\n{}", recording.directory.display(), out.status, String::from_utf8_lossy(&out.stderr)))
        }
    }
}

/// … and judged.
fn run(directory: &Path, expect: &Expect, more: &[&str]) -> Result<Verdict, String> {
    let recording = Recording::read(directory);
    judge(&recording, expect, &replay(&recording, more)?)
}

#[test]
fn every_recorded_fault_is_found_and_nothing_else() {
    let expect = expected();
    let mut verdict = Verdict::default();
    for directory in recordings() {
        verdict.add(run(&directory, &expect, &[]).unwrap_or_else(|e| panic!("{e}")));
    }
    assert!(verdict.complaints.is_empty(), "{}", verdict.complaints.join("\n"));
    // A judge that is shown nothing has no complaints either.
    assert_eq!((verdict.faults, verdict.found), (45, 45), "faults that the logs show, faults that were found");
    assert!(verdict.raised >= 100 && verdict.owed >= 25, "{} raised, {} clears owed", verdict.raised, verdict.owed);
}

/// A recording, read with a change to the built-in patterns.
fn run_with(directory: &str, change: &str) -> Verdict {
    let patterns = tempfile::tempdir().expect("a directory");
    fs::write(patterns.path().join("change.toml"), change).expect("written");
    let patterns = patterns.path().display().to_string();
    run(&corpus().join(directory), &expected(), &["--patterns", &patterns]).unwrap_or_else(|e| panic!("{e}"))
}

fn complains(verdict: &Verdict, of: &str, about: &str) -> bool {
    verdict.complaints.iter().any(|c| c.contains(of) && c.contains(about))
}

#[test]
fn the_judge_misses_what_is_switched_off() {
    let off = |alarm: &str| format!("[alarm.{alarm}]\nenabled = false\n");
    // Who loses a leader, who loses a follower and who is turned away tell of the same faults: each stands in for the others.
    let quorum = ["ZK-LEADER-LOST", "ZK-FOLLOWER-LOST", "ZK-NOT-SERVING"].map(off).concat();
    for (directory, change, missed) in [
        ("zk-connlimit/netty-3.8", off("ALM-13001"), "the server over its total connection limit"),
        ("zk-connlimit/nio-3.4", off("ALM-13007"), "a client over its connection limit"),
        ("zk-quorum/classic-3.8", off("ZK-SESSION-EXPIRED"), "its session expires"),
        ("zk-quorum/pipe-3.8", quorum, "ZooKeeper leader killed"),
        ("flink-ha/flink-1.17", off("FLINK-TM-LOST"), "Flink TaskManager killed"),
        ("flink-ha/flink-2.3", off("FLINK-HA-STORAGE-DENIED"), "HA storage directory"),
    ] {
        let verdict = run_with(directory, &change);
        assert!(verdict.found < verdict.faults, "{directory}: {} of {}", verdict.found, verdict.faults);
        assert!(complains(&verdict, "MISSED", missed), "{directory}: {:?}", verdict.complaints);
    }
}

#[test]
fn the_judge_sees_an_alarm_that_does_not_clear() {
    let directory = corpus().join("flink-ha/flink-1.17");
    let recording = Recording::read(&directory);
    let output = replay(&recording, &[]).unwrap_or_else(|e| panic!("{e}"));
    let unclear: String =
        output.lines().filter(|l| !l.contains(r#""event":"clear""#)).map(|l| format!("{l}\n")).collect();
    let verdict = judge(&recording, &expected(), &unclear).unwrap_or_else(|e| panic!("{e}"));
    assert!(complains(&verdict, "NEVER CLEARED", "FLINK-ZK-LOST"), "{:?}", verdict.complaints);
}

#[test]
fn the_judge_sees_an_alarm_at_an_ordinary_stop() {
    let change = r#"
        [signal.flink-tm-unreachable]
        log        = "flink-jobmanager"
        message    = 'Disconnect TaskExecutor (?<taskManager>(?<tmKey>\S+)) because'
        provenance = "assumed"
    "#;
    let verdict = run_with("flink-ha/flink-1.17", change);
    assert!(complains(&verdict, "FALSE", "FLINK-TM-LOST"), "{:?}", verdict.complaints);
}

#[test]
fn a_fault_of_no_class_is_refused() {
    let mut expect = expected();
    expect.classes.retain(|c| !c.name.contains("leading JobManager"));
    let refused = run(&corpus().join("flink-ha/flink-1.17"), &expect, &[]).err();
    assert!(refused.as_ref().is_some_and(|e| e.contains("a fault of no class")), "{refused:?}");
}
