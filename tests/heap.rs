//! A heap as operators collect it: ten thousand small archives of a hundred nodes, with copies, junk and damage. What it
//! must give is known, because it was made up together with it.

#[path = "archive_support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use support::pack::{gz, stored_gz, tar, zip, zst};
use support::random::Random;
use support::*;

const NODES: usize = 100;
/// Archives of a node before copies and junk.
const ROLLED: usize = 80;
const ARCHIVES: usize = 10_000;

/// `2021-03-22 14:03:35` for a number of seconds into a day of March 2021.
fn clock(seconds: usize) -> String {
    let (day, second) = (1 + seconds / 86_400, seconds % 86_400);
    format!("2021-03-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn line(seconds: usize, message: &str) -> String {
    format!("[{},000][1][0][NOTICE][{message}][HA][a.c:f,1][ha.bin,1,2]\n", clock(seconds))
}

fn transition(event: &str, node: usize, seconds: usize) -> String {
    format!("{event} ALM-45640 node-{node} {}.000Z", clock(seconds).replace(' ', "T"))
}

/// One rolled file: what is in it, and what follows from it. Each spans an hour.
fn rolled_file(random: &mut Random, node: usize, number: usize, truth: &mut Vec<String>) -> String {
    let start = number * 3600;
    let mut text = line(start, &format!("rolled {}", random.next()));
    for pair in 0..random.below(4) {
        let (lost, back) = (start + 60 + pair * 300, start + 120 + pair * 300 + random.below(100));
        text += &line(lost, "hasendalarm info: id=0,category=0,cause=0,lochost=(a)");
        text += &line(lost, &format!("what nobody looks for {:x}", random.next()));
        text += &line(back, "hasendalarm info: id=0,category=1,cause=0,lochost=(a)");
        truth.extend([transition("raise", node, lost), transition("clear", node, back)]);
    }
    (0..40).for_each(|at| text += &line(start + 2000 + at, &format!("{:016x}{:016x}", random.next(), random.next())));
    text
}

/// A name of the family, and a way to pack it.
fn pack(random: &mut Random, name: &str, text: &str) -> (String, Vec<u8>) {
    let member = || (name.rsplit('/').next().unwrap().to_owned(), text.as_bytes().to_vec());
    match random.below(6) {
        0 => (name.to_owned(), text.as_bytes().to_vec()),
        1 => (format!("{name}.zst"), zst(text.as_bytes())),
        2 => (format!("{name}.zip"), zip(&[member()])),
        3 => (format!("{name}.gz"), stored_gz(text.as_bytes())),
        _ => (format!("{name}.gz"), gz(text.as_bytes())),
    }
}

/// Something that a collector swept up and that is no log.
fn junk(random: &mut Random) -> (&'static str, Vec<u8>) {
    match random.below(5) {
        0 => ("notes.txt", b"Collected on Monday.\nAsk the night shift.\n".to_vec()),
        1 => ("core.gz", gz(&random.next().to_le_bytes().repeat(100))),
        2 => ("empty.log", Vec::new()),
        3 => ("data.xz", [b"\xfd7zXZ\0".as_slice(), &random.next().to_le_bytes()].concat()),
        _ => ("jar.zip", zip(&[("META-INF/MANIFEST.MF".into(), b"Manifest-Version: 1.0\n".to_vec())])),
    }
}

#[derive(Default)]
struct Heap {
    truth: Vec<String>,
    files: usize,
    copies: usize,
    damaged: usize,
}

impl Heap {
    /// Writes a hundred nodes' archives, some of them in a tar for the whole node.
    fn generate(directory: &Path, random: &mut Random) -> Heap {
        let mut heap = Heap::default();
        for node in 0..NODES {
            let mut files: Vec<(String, Vec<u8>)> = Vec::new();
            for number in 0..ROLLED {
                let text = rolled_file(random, node, number, &mut heap.truth);
                let stamp = clock((number + 1) * 3600).replace(' ', "_").replace(':', "-");
                let name = format!("{HA_LOG}.{stamp}");
                let (path, mut bytes) = pack(random, &name, &text);
                // The events stand in the first part, so that a file may be cut in the rest of it.
                if random.one_in(25) && path.ends_with(".gz") {
                    bytes.truncate(bytes.len() - 1 - random.below(bytes.len() / 4));
                    heap.damaged += 1;
                }
                files.push((path, bytes));
                if random.one_in(8) {
                    heap.copies += 1;
                    // Collected again: packed in another way, or while the file was still growing.
                    let until = if random.one_in(2) { text.len() } else { text.len() - random.below(text.len() / 2) };
                    let (path, bytes) = pack(random, &name, &text[..until]);
                    files.push((format!("again-{number}/node-{node}/{path}"), bytes));
                }
            }
            while files.len() < ARCHIVES / NODES {
                let (name, bytes) = junk(random);
                files.push((format!("junk-{}/{name}", files.len()), bytes));
            }
            heap.files += files.len();
            random.shuffle(&mut files);
            let own = |path: &str| match path.starts_with("again-") {
                true => path.to_owned(),
                false => format!("node-{node}/{path}"),
            };
            if node % 10 == 0 {
                let members: Vec<(String, Vec<u8>)> = files.iter().map(|(path, b)| (own(path), b.clone())).collect();
                write(directory, &format!("all-of-{node}.tar.gz"), &gz(&tar(&members)));
            } else {
                files.iter().for_each(|(path, bytes)| write(directory, &own(path), bytes));
            }
        }
        heap
    }
}

#[test]
fn ten_thousand_archives_of_a_hundred_nodes_give_the_truth() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(4);
    let mut heap = Heap::generate(directory.path(), &mut random);
    assert!(heap.files >= ARCHIVES && heap.copies > 500 && heap.damaged > 50, "{} files", heap.files);
    let ran = replay(directory.path(), &["--tz", "UTC", "."]).ends(4);
    println!("{}", ran.stderr.lines().last().unwrap_or_default());
    println!(
        "{} archives, {} copies, {} damaged, {} transitions: peak memory {} KiB",
        heap.files,
        heap.copies,
        heap.damaged,
        heap.truth.len(),
        ran.peak_kib
    );
    let mut found = ran.brief();
    let time = |brief: &String| brief.rsplit(' ').next().unwrap().to_owned();
    assert!(found.is_sorted_by_key(time), "transitions come in order of time");
    found.sort();
    heap.truth.sort();
    let (found, truth) = (count(&found), count(&heap.truth));
    let wrong: Vec<_> = found.iter().filter(|(k, n)| truth.get(*k) != Some(n)).take(5).collect();
    let lost: Vec<_> = truth.iter().filter(|(k, _)| !found.contains_key(*k)).take(5).collect();
    assert!(wrong.is_empty() && lost.is_empty(), "not true: {wrong:?}\nlost: {lost:?}");
    assert!(ran.stderr.contains(&format!("{} passed over as the same content", heap.copies)), "{}", ran.stderr);
    assert!(ran.peak_kib < 256 * 1024, "peak {} KiB", ran.peak_kib);
}

fn count(items: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    items.iter().for_each(|item| *counts.entry(item.as_str()).or_default() += 1);
    counts
}

/// Hits of 4 KiB each, twice as many as memory is meant to hold.
fn many_hits() -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let padding = "y".repeat(4000);
    for second in 0..15_000 {
        let lost = line(second / 2, &format!("hasendalarm info: id=0,category=0,cause=0,lochost=(a){padding}"));
        packed.write_all(lost.as_bytes()).unwrap();
    }
    packed.write_all(line(30_000, "hasendalarm info: id=0,category=1").as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn more_hits_than_fit_into_memory_go_to_a_temporary_file() {
    let packed = many_hits();
    let archive = format!("n/{HA_LOG}.2021-03-22_14-05-00.gz");
    // The same again, so that the two have to be compared.
    let heap = directory(&[(&archive, packed.as_slice()), (&format!("again/{archive}"), &packed)]);
    let expected = ["raise ALM-45640 n 2021-03-01T00:00:00.000Z", "clear ALM-45640 n 2021-03-01T08:20:00.000Z"];
    // What runs may keep in memory, and what is ample with next to nothing to read.
    let mut command = tocsin_in_memory(LITTLE_KIB + 32 * 1024, &["replay", "--tz", "UTC", "-v", "."]);
    let ran = run(command.current_dir(heap.path()), |_| Ok(()));
    let ran = ran.ends(0).says("1 passed over as the same content").says("kept in a temporary file").gives(&expected);
    println!("{}", ran.stderr);
    // Without a place for it, memory is all there is: losing hits is no choice.
    let mut command = tocsin();
    command.args(["replay", "--tz", "UTC", "n"]).current_dir(heap.path()).env("TMPDIR", "/nonexistent");
    run(&mut command, |_| Ok(())).ends(0).gives(&expected);
}

#[test]
fn files_that_begin_alike_are_compared_with_a_few_others_only() {
    // One family of ten thousand files with the same banner and first line, as a program that is restarted all the time
    // would leave them if its clock stood still.
    let banner = line(0, &"=".repeat(300));
    let members: Vec<(String, Vec<u8>)> = (0..10_000)
        .map(|n| {
            let lost = line(1 + n, "hasendalarm info: id=0,category=0,cause=0,lochost=(a)");
            (format!("n/{HA_LOG}.{n}"), format!("{banner}{lost}").into_bytes())
        })
        .collect();
    let heap = directory(&[("heap.tar", &tar(&members))]);
    let ran = replay(heap.path(), &["--tz", "UTC", "heap.tar"]).ends(0);
    println!("peak memory {} KiB", ran.peak_kib);
    assert!(ran.stderr.contains("10000 files read"), "{}", ran.told());
    assert!(ran.peak_kib < 256 * 1024, "peak {} KiB", ran.peak_kib);
}

#[test]
fn ten_thousand_nodes_in_one_archive() {
    let text = [line(60, "hasendalarm info: id=0,category=0"), line(120, "hasendalarm info: id=0,category=1")].concat();
    let members: Vec<(String, Vec<u8>)> =
        (0..10_000).map(|n| (format!("node-{n}/{HA_LOG}"), text.clone().into_bytes())).collect();
    let heap = directory(&[("heap.tar.gz", &gz(&tar(&members)))]);
    let mut command = tocsin_in_memory(256 * 1024, &["replay", "--tz", "UTC", "heap.tar.gz"]);
    let ran = run(command.current_dir(heap.path()), |_| Ok(())).ends(0);
    assert_eq!(ran.stdout.lines().count(), 20_000);
}

/// A ZooKeeper log in which this many clients are refused, one after the other, within so many seconds.
fn refused(clients: usize, seconds: usize) -> String {
    let line = |n: usize| {
        let (at, ip) = (clock(3600 + n * seconds / clients), format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255));
        format!("{at},000 [myid:] - WARN  [N:C@1] - Too many connections from /{ip} - max is 5\n")
    };
    (0..clients).map(line).collect()
}

#[test]
fn a_hundred_thousand_keys_fit_into_little_memory() {
    // No more than two thousand at a time: those of the three minutes before. Then all active at once.
    for (seconds, most_kib) in [(10_000, LITTLE_KIB), (50, 100 * 1024)] {
        let heap = directory(&[("n/zookeeper.log", refused(100_000, seconds).as_bytes())]);
        let mut command = tocsin_in_memory(most_kib, &["replay", "--tz", "UTC", "n"]);
        let ran = run(command.current_dir(heap.path()), |_| Ok(())).ends(0);
        assert_eq!(ran.stdout.lines().filter(|l| l.contains("\"event\":\"raise\"")).count(), 100_000, "{seconds} s");
    }
}
