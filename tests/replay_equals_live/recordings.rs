//! Every recording of real servers, fed to a watch line by line at the pace of its own times.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use tocsin::correlate::HOLD;
use tocsin::input::tail::wake::Woken;
use tocsin::pattern::{Patterns, Zone, builtin, compile};
use tocsin::replay::gather::Zones;
use tocsin::time::Millis;
use tocsin::transition::Transition;

use crate::live_support::{Site, comparable, pass};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Directories with a time line.
fn recordings() -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(fixtures().join("corpus")).sort_by_file_name().into_iter();
    let lines = walk.filter_map(Result::ok).filter(|e| e.file_name() == "timeline.jsonl");
    lines.map(|e| e.path().parent().unwrap().to_owned()).collect()
}

/// A line with the time at which it is written: its own, or that of the one before.
struct Written {
    wall: Millis,
    path: PathBuf,
    bytes: Vec<u8>,
}

fn content(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = File::open(path).unwrap();
    match path.extension().is_some_and(|e| e == "gz") {
        true => flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).unwrap(),
        false => (&file).read_to_end(&mut bytes).unwrap(),
    };
    bytes
}

/// The lines of a file. Those of one file never go back in time further than writing does.
fn lines(patterns: &Patterns, site: &Site, path: &Path, below: &Path) -> Vec<Written> {
    let place = tocsin::input::assign::Place::file(&site.logs().join(below));
    let Some(assigned) = site.assigner().by_path(&place) else { return Vec::new() };
    let (log, zone) = (patterns.log(assigned.log), site.zone.of(assigned.log));
    let mut last: Option<Millis> = None;
    let mut written = Vec::new();
    for line in content(path).split_inclusive(|byte| *byte == b'\n') {
        let stamp = log.layouts.iter().find_map(|(_, layout)| layout.stamp(line));
        let own = stamp.and_then(|stamp| zone.instant(stamp, last, None));
        let wall = own.into_iter().chain(last).max();
        last = wall;
        written.push(Written { wall: wall.unwrap_or(0), path: below.to_owned(), bytes: line.to_vec() });
    }
    // What comes before the first time was written with it.
    let first = written.iter().map(|w| w.wall).find(|wall| *wall > 0).unwrap_or(0);
    written.iter_mut().take_while(|w| w.wall == 0).for_each(|w| w.wall = first);
    written
}

fn by_key(all: &[Transition]) -> BTreeMap<String, Vec<serde_json::Value>> {
    let mut keys: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for transition in all {
        keys.entry(transition.key.to_string()).or_default().push(comparable(transition));
    }
    keys
}

/// How many transitions there were.
fn live_is_replay(directory: &Path) -> usize {
    let patterns = || compile(&builtin::builtin()).patterns.unwrap();
    let site = Site::new(patterns(), Zone::UTC);
    let node = directory.file_name().unwrap();
    let mut all = Vec::new();
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name().into_iter().filter_map(Result::ok) {
        if entry.file_type().is_file() && entry.file_name() != "timeline.jsonl" {
            let below = Path::new(node).join(entry.path().strip_prefix(directory).unwrap());
            all.extend(lines(site.patterns, &site, entry.path(), &below));
        }
    }
    // A file without any time was written at some time.
    let Some(first) = all.iter().map(|written| written.wall).filter(|wall| *wall > 0).min() else { return 0 };
    all.iter_mut().for_each(|written| written.wall = written.wall.max(first));
    all.sort_by_key(|written| written.wall);
    for path in all.iter().map(|written| &written.path) {
        site.append(path, b"");
    }
    let mut now = first - 60_000;
    let mut turns = site.watch(now, HOLD);
    let mut woken = Woken { all: true, ..Woken::default() };
    for written in &all {
        if written.wall > now {
            pass(&mut turns, &mut now, written.wall, &woken);
            woken = Woken::default();
        }
        site.append(&written.path, &written.bytes);
        woken.paths.insert(site.logs().join(&written.path));
    }
    let end = now + 60_000;
    pass(&mut turns, &mut now, end, &woken);
    turns.read_all(now);
    turns.watch.commit_now(now).unwrap();
    let replayed = site.replay(turns.watch.clock());
    let live = site.taken.all();
    assert_eq!(by_key(&live), by_key(&replayed), "{}", directory.display());
    live.len()
}

#[test]
fn every_recording_gives_live_what_it_gives_in_replay() {
    let recordings = recordings();
    assert!(recordings.len() > 5, "the corpus is gone");
    let transitions: usize = recordings.iter().map(|directory| live_is_replay(directory)).sum();
    assert!(transitions > 50, "too little happens in the recordings to show anything: {transitions}");
}

#[test]
fn the_vendors_example_gives_live_what_it_gives_in_replay() {
    let directory = fixtures().join("vendor-45641");
    assert!(fs::exists(&directory).unwrap());
    assert!(live_is_replay(&directory) >= 2);
}
