//! Any heap of collected logs is read right: whatever it is packed in, rolled like and called, it gives the transitions
//! of the one file that was never rolled.

#[path = "archive_support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use support::pack::{gz, stored_gz, tar, zip, zst};
use support::random::Random;
use support::*;

/// Names and contents.
type Members = Vec<(String, Vec<u8>)>;

/// A recording of which there are the whole file and three rolled sets of it.
struct Recording {
    name: &'static str,
    whole: &'static str,
    zone: &'static str,
}

const FLINK: Recording = Recording { name: "flink-2.3-jm1", whole: "flink-jm1.log", zone: "Asia/Shanghai" };
const ZOOKEEPER: Recording = Recording { name: "zookeeper-3.4", whole: "zookeeper.log", zone: "UTC" };
const RECORDINGS: [Recording; 2] = [FLINK, ZOOKEEPER];
const SETS: [&str; 3] = ["date-index-gz", "window-gz", "stamp-zip"];

impl Recording {
    fn directory(&self) -> PathBuf {
        fixtures().join("corpus/rotation").join(self.name)
    }

    /// What the file gives that was never rolled.
    fn expected(&self) -> Ran {
        let ran = self.read(&self.directory(), self.whole).ends(0);
        assert!(ran.records().len() >= 8, "the recording shows something: {}", ran.told());
        ran
    }

    fn read(&self, directory: &Path, path: &str) -> Ran {
        replay(directory, &["--tz", self.zone, "--assign", &format!("n={path}"), path])
    }

    fn read_stdin(&self, bytes: &[u8]) -> Ran {
        replay_stdin(&fixtures(), &["--tz", self.zone, "--assign", "n=-", "-"], bytes)
    }

    /// The files of a set.
    fn members(&self, set: &str) -> Members {
        let entries = std::fs::read_dir(self.directory().join(set)).unwrap().map(Result::unwrap);
        let mut members: Members =
            entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect();
        members.sort();
        assert!(members.len() >= 15);
        members
    }
}

fn shuffled(mut members: Members, seed: u64) -> Members {
    Random(seed).shuffle(&mut members);
    members
}

#[test]
fn every_rotation_set_gives_what_the_whole_file_gives() {
    for recording in RECORDINGS {
        let expected = recording.expected();
        for set in SETS {
            let files = recording.members(set).len();
            recording
                .read(&recording.directory(), set)
                .ends(0)
                .says(&format!("{files} files read"))
                .gives_the_same_as(&expected);
        }
    }
}

#[test]
fn a_tar_of_a_set_gives_what_the_whole_file_gives() {
    for recording in RECORDINGS {
        let expected = recording.expected();
        for (seed, set) in SETS.into_iter().enumerate() {
            let packed = tar(&shuffled(recording.members(set), seed as u64));
            let heap = directory(&[("set.tar", &packed)]);
            recording.read(heap.path(), "set.tar").ends(0).gives_the_same_as(&expected);
        }
    }
}

#[test]
fn a_shuffled_tar_gz_through_stdin_gives_what_the_whole_file_gives() {
    for recording in RECORDINGS {
        let expected = recording.expected();
        for (seed, set) in SETS.into_iter().enumerate() {
            let packed = gz(&tar(&shuffled(recording.members(set), 10 + seed as u64)));
            recording.read_stdin(&packed).ends(0).gives_the_same_as(&expected);
        }
    }
}

#[test]
fn every_other_packing_gives_what_the_whole_file_gives() {
    for recording in RECORDINGS {
        let expected = recording.expected();
        let members = |set, seed| shuffled(recording.members(set), seed);
        let inner = tar(&members("window-gz", 1));
        let whole = std::fs::read(recording.directory().join(recording.whole)).unwrap();
        let (first, second) = whole.split_at(whole.len() / 3);
        for (name, packed) in [
            ("set.zip", zip(&members("date-index-gz", 2))),
            ("zips-in-a.zip", zip(&members("stamp-zip", 3))),
            ("set.tar.zst", zst(&tar(&members("window-gz", 4)))),
            ("tgz-in-a.tar", tar(&[("day/set.tar.gz".to_owned(), gz(&inner))])),
            ("tar-in-a.zip", zip(&[("set.tar".to_owned(), inner.clone())])),
            // told by their first bytes, whatever they are called
            ("set.log", gz(&inner)),
            // one log in several gzip members, and in several zstd frames, cut anywhere
            (&*format!("{}.gz", recording.whole), [gz(first), gz(b""), gz(second)].concat()),
            (&*format!("{}.zst", recording.whole), [zst(first), zst(second)].concat()),
        ] {
            let heap = directory(&[(name, &packed)]);
            recording.read(heap.path(), name).ends(0).gives_the_same_as(&expected);
        }
    }
}

/// How rolled files may be called, by their number, of which there are `of`.
fn rolled_name(live: &str, scheme: usize, number: usize, of: usize) -> String {
    let stem = live.strip_suffix(".log").unwrap();
    match scheme {
        0 => format!("{live}.2026-11-20-{}", number + 1),
        1 => format!("{stem}-{}.log", of - number),
        2 => format!("{live}.{}", of - number),
        3 => format!("{stem}-2026-11-20_23-{:02}-02.[1].log", number % 60),
        _ => format!("{live}.2026-11-20_12-{:02}-{:02}", number / 60, number % 60),
    }
}

#[test]
fn random_mixtures_of_plain_and_packed_members_give_what_the_whole_file_gives() {
    for recording in RECORDINGS {
        let expected = recording.expected();
        let whole = std::fs::read_to_string(recording.directory().join(recording.whole)).unwrap();
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        let mut inside = 0;
        for seed in 0..10 {
            let mut random = Random(seed);
            // Cut after any line, but leave each part at least one line with a time, which is what they are ordered by.
            let mut parts: Vec<String> = vec![String::new()];
            let mut heads = 0;
            for line in &lines {
                let is_head = line.starts_with("2026-");
                if heads > 12 && random.one_in(25) {
                    inside += usize::from(!is_head);
                    parts.push(String::new());
                    heads = 0;
                }
                heads += usize::from(is_head);
                parts.last_mut().unwrap().push_str(line);
            }
            let (scheme, count) = (random.below(5), parts.len() - 1);
            let mut members: Members = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                let name = match number == count {
                    true => recording.whole.to_owned(),
                    false => rolled_name(recording.whole, scheme, number, count),
                };
                let (bytes, own) = (part.as_bytes(), name.clone());
                members.push(match random.below(5) {
                    // Of a plain `x-1.log` nobody knows whether it is rolled.
                    0 | 1 if number == count || scheme != 1 => (name, bytes.to_vec()),
                    2 => (format!("{name}.zst"), zst(bytes)),
                    3 => (format!("{name}.zip"), zip(&[(own, bytes.to_vec())])),
                    _ => (format!("{name}.gz"), gz(bytes)),
                });
            }
            random.shuffle(&mut members);
            let ran = match random.below(3) {
                0 => recording.read_stdin(&gz(&tar(&members))),
                1 => recording.read_stdin(&zip(&members)),
                _ => {
                    let heap = tempfile::tempdir().unwrap();
                    members.iter().for_each(|(name, bytes)| write(&heap.path().join("heap"), name, bytes));
                    recording.read(heap.path(), "heap")
                }
            };
            println!("{} seed {seed}: {count} rolled files, scheme {scheme}", recording.name);
            ran.ends(0).gives_the_same_as(&expected);
        }
        println!("{inside} parts began inside a record");
        assert!(inside > 0 || recording.name != FLINK.name, "some parts begin inside a record");
    }
}

#[test]
fn names_and_times_that_disagree_are_reported_and_the_times_win() {
    let lost = [heartbeat_lost(60), ha(61, "x")].concat();
    let back = [heartbeat_back(120), ha(121, "x")].concat();
    let heap = directory(&[
        (&format!("n/{HA_LOG}.2021-03-22_15-00-00.gz"), &gz(lost.as_bytes())),
        (&format!("n/{HA_LOG}.2021-03-22_14-00-00.gz"), &gz(back.as_bytes())),
    ]);
    replay(heap.path(), &["--tz", "UTC", "n"])
        .ends(0)
        .says("ha.log.2021-03-22_15-00-00.gz begins before")
        .gives(&["raise ALM-45640 n 2021-03-22T14:01:00.000Z", "clear ALM-45640 n 2021-03-22T14:02:00.000Z"]);
}

#[test]
fn a_rolled_file_may_begin_inside_a_record() {
    let head = "2026-11-21 07:49:45,512 | WARN  | [t] | Failed to trigger or complete checkpoint 3 for job 8a1. \
                (0 consecutive failed attempts so far) | o.C (C.java:1)\n";
    let (first, second) =
        ("java.io.IOException: no\n", "Caused by: java.io.FileNotFoundException: /ha (Permission denied)\n");
    let tail = "2026-11-21 07:49:50,000 | INFO  | [t] | x | o.C (C.java:1)\n";
    let cut = directory(&[
        ("n/jobmanager.log.1", [head, first].concat().as_bytes()),
        ("n/jobmanager.log", [second, tail].concat().as_bytes()),
    ]);
    let whole = directory(&[("n/jobmanager.log", [head, first, second, tail].concat().as_bytes())]);
    let expected = replay(whole.path(), &["--tz", "UTC", "n"]).ends(0);
    assert!(expected.stdout.contains("Permission denied"), "{}", expected.told());
    replay(cut.path(), &["--tz", "UTC", "n"]).ends(0).gives_the_same_as(&expected);
}

/// What two lost heartbeats in a live log and its archive give, once.
const ONCE: [&str; 3] = [
    "raise ALM-45640 node-7 2021-03-22T14:01:00.000Z",
    "clear ALM-45640 node-7 2021-03-22T14:02:00.000Z",
    "raise ALM-45640 node-7 2021-03-22T14:10:00.000Z",
];

fn rolled() -> String {
    [ha(1, "x"), heartbeat_lost(60), heartbeat_back(120), ha(300, "x")].concat()
}

fn live() -> String {
    [ha(301, "x"), heartbeat_lost(600), ha(900, "x")].concat()
}

#[test]
fn a_live_file_is_read_after_its_archives() {
    let heap = directory(&[
        (&format!("node-7/{HA_LOG}"), live().as_bytes()),
        (&format!("node-7/{HA_LOG}.2021-03-22_14-05-00.gz"), &gz(rolled().as_bytes())),
    ]);
    replay(heap.path(), &["--tz", "UTC", "."]).ends(0).gives(&ONCE);
}

#[test]
fn the_same_content_is_read_once() {
    let (rolled, live) = (rolled(), live());
    let name = format!("{HA_LOG}.2021-03-22_14-05-00");
    let all = format!("{rolled}{live}");
    // Collected while its last line was being written.
    let early = &live[..live.len() - 30];
    let packed = |members: &[(&str, &str)]| {
        tar(&members.iter().map(|(n, b)| (n.to_string(), b.as_bytes().to_vec())).collect::<Vec<_>>())
    };
    let cases: [(&str, Members, usize); 7] = [
        (
            "plain and packed",
            vec![(name.clone(), rolled.clone().into()), (format!("{name}.gz"), gz(rolled.as_bytes()))],
            1,
        ),
        (
            "packed in two ways, with other names",
            vec![
                (format!("{name}.gz"), gz(rolled.as_bytes())),
                (format!("{HA_LOG}.2021-03-22_14-05-01.zst"), zst(rolled.as_bytes())),
            ],
            1,
        ),
        ("collected twice, the live file shorter", vec![("again/".into(), early.into())], 1),
        ("collected before it was rolled", vec![("before/".into(), rolled[..rolled.len() - 40].into())], 1),
        ("collected before it was rolled, and only a few bytes", vec![("before/".into(), rolled[..200].into())], 1),
        ("collected twice, before it was rolled and after", vec![("before/".into(), rolled.clone().into())], 1),
        (
            "three times in one tar, under one name",
            vec![("t".into(), packed(&[(&*format!("node-7/{name}"), &*rolled); 3]))],
            3,
        ),
    ];
    for (what, more, copies) in cases {
        println!("{what}");
        let heap = directory(&[
            (&format!("node-7/{HA_LOG}"), live.as_bytes()),
            (&format!("node-7/{HA_LOG}.2021-03-22_14-05-00.gz"), &gz(rolled.as_bytes())),
        ]);
        for (path, bytes) in more {
            match path.as_str() {
                "t" => write(heap.path(), "copy.tar", &bytes),
                prefix if prefix.ends_with('/') => write(heap.path(), &format!("{prefix}node-7/{HA_LOG}"), &bytes),
                path => write(heap.path(), &format!("node-7/{path}"), &bytes),
            }
        }
        replay(heap.path(), &["--tz", "UTC", "."])
            .ends(0)
            .says(&format!("{copies} passed over as the same content"))
            .gives(&ONCE);
    }
    // What only begins alike is not the same.
    let other = format!("{}{}", &all[..all.len() - live.len()], heartbeat_lost(700));
    let heap = directory(&[
        (&format!("a/node-7/{HA_LOG}"), format!("{rolled}{}", ha(400, "y").repeat(20)).as_bytes()),
        (&format!("b/node-7/{HA_LOG}"), other.as_bytes()),
    ]);
    let ran = replay(heap.path(), &["--tz", "UTC", "."]).ends(0).says_nothing_of("passed over");
    assert!(ran.brief().contains(&"raise ALM-45640 node-7 2021-03-22T14:11:40.000Z".to_owned()), "{}", ran.told());
}

#[test]
fn copies_of_which_one_is_damaged_are_read_once_and_the_damage_is_told() {
    let (rolled, live) = (rolled(), live());
    let all = format!("{rolled}{}", ha(300, "filler, so that there is something to cut").repeat(300));
    let packed = gz(all.as_bytes());
    let live_path = format!("node-7/{HA_LOG}");
    let gz_path = format!("node-7/{HA_LOG}.2021-03-22_14-05-00.gz");
    // Whether the intact copy is longer than what is left of the other, or shorter.
    for intact in [all.as_str(), &rolled] {
        let heap = directory(&[
            (&live_path, live.as_bytes()),
            (&gz_path, &packed[..packed.len() - 40]),
            (&format!("before/{live_path}"), intact.as_bytes()),
        ]);
        replay(heap.path(), &["--tz", "UTC", "."])
            .ends(4)
            .says("cut short inside its gzip data")
            .says("1 passed over as the same content")
            .gives(&ONCE);
    }
    // A wrong byte in front of the intact copy's end: the lines behind that end still count, and once.
    let late = format!("{all}{}", [heartbeat_lost(600), ha(700, "x")].concat());
    let mut packed = stored_gz(late.as_bytes());
    let stored = packed.windows(10).position(|w| w == b"category=1").unwrap() + "category=".len();
    packed[stored] = b'7';
    let heap = directory(&[(&gz_path, packed.as_slice()), (&format!("before/{live_path}"), rolled.as_bytes())]);
    replay(heap.path(), &["--tz", "UTC", "."]).ends(4).says("the gzip checksum does not match").gives(&ONCE);
}

#[test]
fn a_file_with_two_paths_is_read_once() {
    let heap = directory(&[(&format!("node-7/{HA_LOG}"), rolled().as_bytes())]);
    std::os::unix::fs::symlink("node-7", heap.path().join("latest")).unwrap();
    std::os::unix::fs::symlink(heap.path().join("node-7").join(HA_LOG), heap.path().join("current.log")).unwrap();
    let path = format!("node-7/{HA_LOG}");
    for args in [vec!["."], vec![".", &path], vec!["node-7", "./node-7"], vec!["*", "node-7"]] {
        replay(heap.path(), &[&["--tz", "UTC"], args.as_slice()].concat()).ends(0).gives(&ONCE[..2]);
    }
    // Named by the user, the link's own path is what counts.
    let ran = replay(heap.path(), &["--tz", "UTC", "-v", "--assign", "x=current.log", "current.log", "."]).ends(0);
    assert_eq!(ran.brief()[0], "raise ALM-45640 x 2021-03-22T14:01:00.000Z", "{}", ran.told());
}

#[test]
fn the_node_is_found_in_every_layout() {
    let log = rolled();
    let one = |name: &str| vec![(name.to_owned(), log.clone().into_bytes())];
    for (path, bytes, node) in [
        (&*format!("node-7/{HA_LOG}"), log.clone().into_bytes(), "node-7"),
        (&format!("heap/node-7/var/log/Bigdata/{HA_LOG}"), log.clone().into(), "node-7"),
        (&format!("heap/node-7/Bigdata/{HA_LOG}"), log.clone().into(), "node-7"),
        (&format!("node-7/{HA_LOG}.2021-03-22_14-05-00.gz"), gz(log.as_bytes()), "node-7"),
        ("node-7.tar.gz", gz(&tar(&one(&format!("var/log/Bigdata/{HA_LOG}")))), "node-7"),
        ("node-7.tgz", gz(&tar(&one(&format!("./{HA_LOG}")))), "node-7"),
        ("node-7.zip", zip(&one(HA_LOG)), "node-7"),
        ("all.tar", tar(&one(&format!("node-7/var/log/Bigdata/{HA_LOG}"))), "node-7"),
        ("all.tar.zst", zst(&tar(&one(&format!("day/node-7/{HA_LOG}")))), "node-7"),
        ("all.zip", zip(&[("node-7.tar.gz".into(), gz(&tar(&one(&format!("Bigdata/{HA_LOG}")))))]), "node-7"),
        // loose: the directory that holds it
        ("node-7/some-ha.txt", log.clone().into(), "node-7"),
        ("all.tar", tar(&one("node-7/some-ha.txt")), "node-7"),
        ("node-7.tar", tar(&one("some-ha.txt")), "node-7"),
    ] {
        let heap = directory(&[(path, &bytes)]);
        let ran = replay(heap.path(), &["--tz", "UTC", path]).ends(0);
        println!("{path}");
        ran.gives(&[
            &format!("raise ALM-45640 {node} 2021-03-22T14:01:00.000Z"),
            &format!("clear ALM-45640 {node} 2021-03-22T14:02:00.000Z"),
        ]);
    }
}

#[test]
fn standard_input_is_of_node_stdin_unless_it_says_more() {
    let log = rolled();
    let member = |path: &str| gz(&tar(&[(path.to_owned(), log.clone().into_bytes())]));
    let tree = format!("var/log/Bigdata/{HA_LOG}");
    for (bytes, args, node, said) in [
        (log.clone().into_bytes(), &["-"] as &[&str], "stdin", "stdin: taken for log `ha-flinkserver` of node `stdin`"),
        (gz(log.as_bytes()), &["-"], "stdin", "stdin: taken for log"),
        (member(&tree), &["-"], "stdin", "stdin: taken for node `stdin`"),
        (member(&tree), &["--assign", "node-7=-", "-"], "node-7", ""),
        (log.clone().into(), &["--assign", "node-7=-", "--log", "ha-oms=-", "-"], "node-7", ""),
        (member(&format!("node-7/{tree}")), &["-"], "node-7", ""),
    ] {
        let ran = replay_stdin(&fixtures(), &[&["--tz", "UTC"], args].concat(), &bytes).ends(0).says(said);
        assert_eq!(ran.records()[0]["node"], node, "{}", ran.told());
        if node == "node-7" {
            ran.says_nothing_of("taken for node").says_nothing_of("`stdin`");
        }
    }
}

#[test]
fn decisions_are_for_the_longest_path_and_must_be_about_something() {
    let log = rolled();
    let heap = directory(&[
        (&format!("heap/node-7/{HA_LOG}"), log.as_bytes()),
        (&format!("heap/node-8/{HA_LOG}"), log.as_bytes()),
    ]);
    let decided = ["--tz", "UTC", "--assign", "a=heap", "--assign", "b=heap/node-8", "--cluster", "prod", "heap"];
    let ran = replay(heap.path(), &decided).ends(0);
    let keys: Vec<String> = ran.records().iter().map(|r| r["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys[..2], ["ALM-45640|prod|Flink|FlinkServer|a", "ALM-45640|prod|Flink|FlinkServer|b"]);
    replay(heap.path(), &["--assign", "a=heep", "heap"]).ends(2).says("nothing was found at heep");
    replay(heap.path(), &["--assign", "a", "heap"]).ends(2).says("expected NAME=PATH");
    replay(heap.path(), &["--log", "ha-om=heap", "heap"]).ends(2).says("did you mean `ha-oms`?");
}

#[test]
fn archives_that_would_be_one_node_are_named() {
    let packed = tar(&[(format!("var/log/Bigdata/{HA_LOG}"), rolled().into_bytes())]);
    let heap = directory(&[("node-7/logs.tar", &packed), ("node-8/logs.tar", &packed)]);
    replay(heap.path(), &["--tz", "UTC", "."])
        .says("./node-7/logs.tar, ./node-8/logs.tar: taken for one node `logs`, since nothing tells them apart");
    // A heap of them does not fill the screen.
    let heap = tempfile::tempdir().unwrap();
    (0..30).for_each(|n| write(heap.path(), &format!("node-{n}.tar"), &packed));
    let ran = replay(heap.path(), &["--tz", "UTC", "."]).ends(0).says("… and 22 more of these");
    assert!(ran.stderr.lines().count() < 12, "{}", ran.told());
}

/// Two hosts under one name are one guess that is wrong for sure.
#[test]
fn loose_files_in_directories_that_are_called_alike_are_named() {
    let said = "a/logs/ha.log, b/logs/ha.log: taken for one node `logs`, since their directories are called so (`--assign NODE=PATH` decides)";
    let heap = directory(&[("a/logs/ha.log", rolled().as_bytes()), ("b/logs/ha.log", live().as_bytes())]);
    replay(heap.path(), &["--tz", "UTC", "a", "b"]).ends(0).says(said);
    let apart = ["--tz", "UTC", "--assign", "a=a", "--assign", "b=b", "a", "b"];
    replay(heap.path(), &apart).ends(0).says_nothing_of("taken for one node");
    // The same, collected twice, is no other host's.
    let heap = directory(&[("a/logs/ha.log", rolled().as_bytes()), ("b/logs/ha.log", rolled().as_bytes())]);
    replay(heap.path(), &["--tz", "UTC", "a", "b"]).ends(0).says_nothing_of("taken for one node");
    // A path of ours names the node by what stands above it, however often it was collected.
    let heap = directory(&[
        (&format!("monday/node-7/{HA_LOG}"), rolled().as_bytes()),
        (&format!("tuesday/node-7/{HA_LOG}"), live().as_bytes()),
    ]);
    replay(heap.path(), &["--tz", "UTC", "."]).ends(0).says_nothing_of("taken for one node");
}

#[test]
fn a_log_that_could_be_several_is_the_default_or_an_error() {
    let heap = directory(&[("node-7/messages", rolled().as_bytes())]);
    // Three logs have this layout and these signals; one of them is marked as the default.
    replay(heap.path(), &["--tz", "UTC", "."])
        .ends(0)
        .says("./node-7/messages: taken for log `ha-flinkserver` of node `node-7` by content, though as much like ha-dbservice, ha-oms (`--log NAME=PATH` decides)")
        .gives(&ONCE[..2]);
    let patterns = "[log.ha-flinkserver]\nfiles = [\"flink/flinkserver/ha/runlog/ha.log*\"]\nlayout = \"ha\"\n\
                    service = \"Flink\"\nrole = \"FlinkServer\"\n";
    write(heap.path(), "patterns/p.toml", patterns.as_bytes());
    replay(heap.path(), &["--tz", "UTC", "--patterns", "patterns", "node-7"])
        .ends(2)
        .says("node-7/messages could be of several logs (ha-dbservice, ha-flinkserver, ha-oms)")
        .says("`--log ha-dbservice=node-7/messages`");
    replay(heap.path(), &["--tz", "UTC", "--patterns", "patterns", "--log", "ha-oms=node-7/messages", "node-7"])
        .ends(0)
        .gives(&["raise ALM-12010 node-7 2021-03-22T14:01:00.000Z", "clear ALM-12010 node-7 2021-03-22T14:02:00.000Z"]);
}

/// Two nodes, three alarms: a heartbeat that recovers, a synchronization that does not, a switchover.
fn heap() -> tempfile::TempDir {
    let seven =
        [heartbeat_lost(60), heartbeat_back(120), ha(180, "hasendalarm info: id=1,category=0,cause=0"), ha(400, "x")];
    let eight = [ha(10, "x"), ha(240, "hasendalarm info: id=2,category=2,cause=0"), heartbeat_lost(300), ha(400, "x")];
    directory(&[
        (&format!("node-7/{HA_LOG}"), seven.concat().as_bytes()),
        (&format!("node-8/{HA_LOG}.2021-03-22_15-00-00.gz"), &gz(eight.concat().as_bytes())),
        ("node-8/README.txt", b"Collected by hand.\n"),
        ("node-8/empty.log", b""),
    ])
}

const RAISE_7: &str = "raise ALM-45640 node-7 2021-03-22T14:01:00.000Z";
const CLEAR_7: &str = "clear ALM-45640 node-7 2021-03-22T14:02:00.000Z";
const SYNC_7: &str = "raise ALM-45641 node-7 2021-03-22T14:03:00.000Z";
const SWITCH_8: &str = "occur HA-SWITCHOVER node-8 2021-03-22T14:04:00.000Z";
const RAISE_8: &str = "raise ALM-45640 node-8 2021-03-22T14:05:00.000Z";

#[test]
fn filters_choose_what_is_written() {
    let heap = heap();
    for (args, expected) in [
        (&[] as &[&str], &[RAISE_7, CLEAR_7, SYNC_7, SWITCH_8, RAISE_8] as &[&str]),
        (&["--since", "2021-03-22T14:02:00"], &[CLEAR_7, SYNC_7, SWITCH_8, RAISE_8]),
        (&["--until", "2021-03-22T14:02:00"], &[RAISE_7, CLEAR_7]),
        (&["--since", "2021-03-22T14:02:00Z", "--until", "2021-03-22T22:03:00+08:00"], &[CLEAR_7, SYNC_7]),
        (&["--alarm", "ALM-45641"], &[SYNC_7]),
        (&["--alarm", "ALM-45641,HA-SWITCHOVER"], &[SYNC_7, SWITCH_8]),
        (&["--node", "node-8"], &[SWITCH_8, RAISE_8]),
        (&["--node", "node-7", "--node", "node-8", "--alarm", "ALM-45640"], &[RAISE_7, CLEAR_7, RAISE_8]),
        (&["--severity", "minor"], &[RAISE_7, CLEAR_7, SYNC_7, RAISE_8]),
        (&["--severity", "major"], &[SYNC_7]),
        (&["--active"], &[SYNC_7, RAISE_8]),
        // The clear is read though it is not shown.
        (&["--active", "--until", "2021-03-22T14:01:30"], &[]),
        (&["--active", "--since", "2021-03-22T14:04:00"], &[RAISE_8]),
        (&["--active", "--severity", "major"], &[SYNC_7]),
    ] {
        replay(heap.path(), &[&["--tz", "UTC", "."], args].concat()).ends(0).gives(expected);
    }
}

#[test]
fn filters_that_cannot_be_meant_are_refused() {
    let heap = heap();
    let refused = |args: &[&str]| replay(heap.path(), &[&["--tz", "UTC", "."], args].concat()).ends(2);
    refused(&["--alarm", "ALM-4564"]).says("did you mean `ALM-45640`?");
    refused(&["--since", "yesterday"]).says("`yesterday` is no time");
    refused(&["--since", "2021-03-22T14:02:00", "--until", "2021-03-22T14:01:00"])
        .says("`--until` is before `--since`");
    refused(&["--severity", "high"]).says("possible values: critical, major, minor, warning");
    replay(heap.path(), &["--tz", "UTC", ".", "--node", "node7"])
        .ends(0)
        .says("nothing was read of node `node7`: did you mean `node-7`?")
        .gives(&[]);
}

#[test]
fn exit_codes_tell_scripts_what_happened() {
    let heap = heap();
    let with = |args: &[&str]| replay(heap.path(), &[&["--tz", "UTC"], args].concat());
    with(&["."]).ends(0);
    with(&["--fail-on", "raised", "."]).ends(6);
    with(&["--fail-on", "raised", "--alarm", "ALM-13007", "."]).ends(0);
    with(&["--fail-on", "raised", "--active", "--node", "node-7", "--alarm", "ALM-45640", "."]).ends(0);
    with(&["--fail-on", "raised", "--alarm", "HA-SWITCHOVER", "."]).ends(6);
    with(&["--fail-on", "cleared", "."]).ends(2);
    with(&[]).ends(2);
    with(&["absent"]).ends(3).says("no such file or directory: absent");
    with(&["*.absent"]).ends(3).says("no such file or directory: *.absent");
    with(&["node-8/README.txt", "node-8/empty.log"]).ends(3).says("no log was found");
    // Something raised is what the script asked for; that there was damage stands on stderr.
    let packed = gz(rolled().as_bytes());
    write(heap.path(), &format!("node-9/{HA_LOG}.gz"), &packed[..packed.len() - 4]);
    with(&["."]).ends(4);
    with(&["--quiet", "--fail-on", "raised", "."]).ends(6).says("cut short");
}

#[test]
fn a_closed_stdout_has_an_exit_code_of_its_own() {
    let heap = heap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended =
        tocsin().args(["replay", "--tz", "UTC", "-q", "."]).current_dir(heap.path()).stdout(writer).output().unwrap();
    assert_eq!(ended.status.code(), Some(5), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn quiet_says_nothing_and_verbose_says_all() {
    let heap = heap();
    let quiet = replay(heap.path(), &["--quiet", "."]).ends(0);
    assert_eq!(quiet.stderr, "", "{}", quiet.told());
    let normal = replay(heap.path(), &["--tz", "UTC", "."]).ends(0);
    insta::assert_snapshot!(normal.stderr, @r"
    tocsin: 2 files read (860 B, 8 lines), 2 skipped as no log; from 2021-03-22 14:00:10 to 2021-03-22 14:06:40 UTC; 5 transitions
    ");
    let verbose = replay(heap.path(), &["--tz", "UTC", "--verbose", "."]).ends(0);
    insta::assert_snapshot!(verbose.stderr, @r"
    tocsin: ./node-7/flink/flinkserver/ha/runlog/ha.log: log `ha-flinkserver` of node `node-7`
    tocsin: ./node-8/README.txt: skipped: no log looks like this
    tocsin: ./node-8/empty.log: skipped: empty
    tocsin: ./node-8/flink/flinkserver/ha/runlog/ha.log.2021-03-22_15-00-00.gz: log `ha-flinkserver` of node `node-8`
    tocsin: 2 files read (860 B, 8 lines), 2 skipped as no log; from 2021-03-22 14:00:10 to 2021-03-22 14:06:40 UTC; 5 transitions
    ");
    replay(heap.path(), &["-q", "-v", "."]).ends(2);
}

#[test]
fn the_summary_says_what_was_strange() {
    let rolled = rolled();
    let odd = [
        ha(1, "x"),
        heartbeat_lost(60).replace("2021", "2031"),
        heartbeat_lost(61).replace("14:01", "14:99"),
        ha(2, "x"),
        heartbeat_lost(3),
    ]
    .concat();
    let packed = stored_gz(rolled.as_bytes());
    let heap = directory(&[
        (&format!("node-7/{HA_LOG}"), rolled.as_bytes()),
        (&format!("node-7/{HA_LOG}.2021-03-22_14-05-00.gz"), &packed),
        (&format!("node-8/{HA_LOG}.2021-03-22_14-05-00.gz"), &packed[..packed.len() - 20]),
        (&format!("node-9/{HA_LOG}"), odd.as_bytes()),
        ("node-9/photo.bin", b"\x89PNG\x00\x01"),
        ("node-9/more.log.xz", b"\xfd7zXZ\x00\x00\x04"),
    ]);
    let ran = replay(heap.path(), &["--tz", "UTC", "."]).ends(4);
    insta::assert_snapshot!(ran.stderr, @r"
    tocsin: ./node-8/flink/flinkserver/ha/runlog/ha.log.2021-03-22_14-05-00.gz: at byte 404 (packed byte 419): cut short inside its gzip data; copy it again if the original is longer; what stands before was read
    tocsin: ./node-9/more.log.xz: not opened: xz is not read; unpack it, or pack it again with gzip or zstd
    tocsin: 1 hit without a time of its own, which took that of the record before
    tocsin: 1 hit whose time jumped ahead of what follows and was not believed
    tocsin: 3 files read (1.33 KiB, 13 lines), 1 passed over as the same content, 1 skipped as no log, 1 not opened, 1 damaged place; from 2021-03-22 14:00:01 to 2021-03-22 14:05:00 UTC; 5 transitions
    ");
}

#[test]
fn the_table_of_alarms_is_for_people() {
    let heap = heap();
    let ran = replay(heap.path(), &["--tz", "UTC", "-q", "--format", "table", "."]).ends(0);
    insta::assert_snapshot!(ran.stdout, @r"
    TIME                           EVENT  SEVERITY  ALARM                   NODE              WHAT
    2021-03-22T14:01:00.000Z       raise  minor     ALM-45640               node-7            heartbeat-interrupted haHost=a
    2021-03-22T14:02:00.000Z       clear  minor     ALM-45640               node-7            heartbeat-interrupted after 1m haHost=a
    2021-03-22T14:03:00.000Z       raise  major     ALM-45641               node-7            sync-failed
    2021-03-22T14:04:00.000Z       occur  warning   HA-SWITCHOVER           node-8            ha-switchover
    2021-03-22T14:05:00.000Z       raise  minor     ALM-45640               node-8            heartbeat-interrupted haHost=a
    ");
}
