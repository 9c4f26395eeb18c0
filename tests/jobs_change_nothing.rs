//! Of a single large archive one core unpacks and another scans. What is found, and what is said of damage, is the same
//! as if one core did both.

#[path = "archive_support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use support::pack::{gz, tar, zst};
use support::random::Random;
use support::*;

/// Several blocks of a log, with alarms in all of them.
fn large() -> String {
    let mut random = Random(7);
    let mut text = String::new();
    for second in 0..30_000 {
        text += &match second % 1000 {
            300 => heartbeat_lost(second),
            700 => heartbeat_back(second),
            _ => ha(second, &format!("{:016x}{:016x}", random.next(), random.next())),
        };
    }
    text
}

/// All that a run says, but for when it was made.
fn said(ran: &Ran) -> (i32, String, Vec<Value>) {
    let mut records = ran.records();
    records.iter_mut().for_each(|record| _ = record.as_object_mut().unwrap().remove("detectedAt"));
    (ran.code, ran.stderr.clone(), records)
}

/// Reads one archive with several numbers of jobs; returns how the run with one ended.
#[track_caller]
fn the_same_with_any_number_of_jobs(name: &str, bytes: &[u8]) -> Ran {
    let heap = directory(&[(&format!("n/{name}"), bytes)]);
    let of = |jobs: &str| replay(heap.path(), &["--tz", "UTC", "--verbose", "--jobs", jobs, "."]);
    let alone = of("1");
    for jobs in ["2", "3"] {
        let shared = of(jobs);
        assert!(said(&shared) == said(&alone), "{jobs} jobs: {}\none: {}", shared.told(), alone.told());
    }
    alone
}

/// As a user of its own who may have one thread and no more; `None` if nobody can be made that.
fn alone(directory: &Path) -> Option<Ran> {
    const MAY: &str = "ulimit -u 1 && exec setpriv --reuid 64123 --clear-groups \"$0\" \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", MAY, env!("CARGO_BIN_EXE_tocsin"), "replay", "--tz", "UTC", "--verbose", "--jobs", "2", "."]);
    let ran = run(command.current_dir(directory), |_| Ok(()));
    let refused = ran.stderr.contains("setpriv: ") || ran.stderr.contains("ulimit: ") || ran.stderr.contains("bash: ");
    (!refused).then_some(ran)
}

#[test]
fn without_a_thread_to_be_had_one_core_does_all() {
    let text = large();
    // Two files to be read at the same time, and one that is large enough to be shared.
    for files in [vec![PACKED.to_owned()], vec![PACKED.to_owned(), PACKED.replace("23-00", "23-30")]] {
        let packed = gz(text.as_bytes());
        let named: Vec<(String, &[u8])> = files.iter().map(|name| (format!("n/{name}"), packed.as_slice())).collect();
        let named: Vec<(&str, &[u8])> = named.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        let heap = directory(&named);
        fs::set_permissions(heap.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let Some(alone) = alone(heap.path()) else {
            return skipped("nobody can be made who may have no threads");
        };
        let free = replay(heap.path(), &["--tz", "UTC", "--verbose", "--jobs", "2", "."]);
        assert!(said(&alone) == said(&free), "{}\nwith threads: {}", alone.told(), free.told());
    }
}

const PACKED: &str = "flink/flinkserver/ha/runlog/ha.log.2021-03-22_23-00-00.gz";

#[test]
fn a_whole_archive() {
    let text = large();
    let ran = the_same_with_any_number_of_jobs(PACKED, &gz(text.as_bytes())).ends(0);
    assert_eq!(ran.records().len(), 60);
    assert!(text.len() > 3 << 20, "large enough to be shared");
}

#[test]
fn an_archive_that_is_cut() {
    let packed = gz(large().as_bytes());
    let ran = the_same_with_any_number_of_jobs(PACKED, &packed[..packed.len() / 10 * 9]).ends(4);
    assert!((50..60).contains(&ran.records().len()), "what stands before the cut counts: {}", ran.told());
    ran.says("cut short inside its gzip data");
}

#[test]
fn an_archive_with_a_damaged_place() {
    let mut packed = gz(large().as_bytes());
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let ran = the_same_with_any_number_of_jobs(PACKED, &packed).ends(4);
    assert!((20..40).contains(&ran.records().len()), "what stands before the damage counts: {}", ran.told());
}

#[test]
fn an_archive_with_a_wrong_checksum_of_several_members() {
    let text = large();
    let (first, second) = text.split_at(text.len() / 2);
    let mut packed = gz(first.as_bytes());
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    packed.extend(gz(second.as_bytes()));
    let ran = the_same_with_any_number_of_jobs(PACKED, &packed).ends(4);
    assert!(ran.records().len() >= 59, "the bytes are read all the same: {}", ran.told());
}

#[test]
fn large_members_beside_small_ones() {
    let text = large();
    let (first, second) = text.split_at(text.rfind("[2021-03-22 20:00:00").unwrap());
    let log = "n/flink/flinkserver/ha/runlog/ha.log";
    let members = [
        (format!("{log}.2021-03-22_20-00-00"), first.as_bytes().to_vec()),
        ("n/README".to_owned(), b"nothing".to_vec()),
        (format!("{log}.2021-03-22_23-00-00.zst"), zst(second.as_bytes())),
        ("m/flink/flinkserver/ha/runlog/ha.log".to_owned(), heartbeat_lost(1).into_bytes()),
    ];
    let ran = the_same_with_any_number_of_jobs("all.tar.gz", &gz(&tar(&members))).ends(0);
    assert_eq!(ran.records().len(), 61);
}
