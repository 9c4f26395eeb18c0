use std::fs;
use std::os::unix::fs::symlink;
use std::sync::LazyLock;

use super::*;
use crate::input::assign::Decisions;
use crate::pattern::builtin::builtin;
use crate::pattern::{Patterns, compile};

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| compile(&builtin()).patterns.unwrap());

const LINE: &str =
    "[2021-03-22 14:03:35,344][1][0][NOTICE][hasendalarm info: id=1,category=0,cause=0][HA][a.c:f,1][ha.bin,1,1]\n";

/// The directory, and what a look found in it: live file below the directory, node.
fn seen(find: &mut Find<'_>, directory: &Path) -> Vec<(String, String)> {
    let mut seen: Vec<(String, String)> = (find.look().families.iter())
        .map(|family| {
            let live = family.live.strip_prefix(directory).unwrap().to_string_lossy().into_owned();
            (live, family.assignment.node.to_string())
        })
        .collect();
    seen.sort();
    seen
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn pair(live: &str, node: &str) -> (String, String) {
    (live.to_owned(), node.to_owned())
}

#[test]
fn families_are_found_once_and_later_ones_too() {
    let assigner = Assigner::new(&PATTERNS, Decisions::default(), "here");
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    write(&root.join("node-1/flink/flinkserver/ha/runlog/ha.log"), LINE);
    write(&root.join("node-1/flink/flinkserver/ha/runlog/ha.log.1"), LINE);
    // No live file, and still a family.
    write(&root.join("node-2/flink/flinkserver/ha/runlog/ha.log.2021-03-22.gz"), "");
    write(&root.join("node-2/notes.txt"), "nothing\n");
    let mut find = Find::new(&assigner, vec![root.clone()]);
    assert_eq!(
        seen(&mut find, &root),
        [
            pair("node-1/flink/flinkserver/ha/runlog/ha.log", "node-1"),
            pair("node-2/flink/flinkserver/ha/runlog/ha.log", "node-2")
        ]
    );
    assert_eq!(seen(&mut find, &root), []);
    write(&root.join("node-3/flink/flinkserver/ha/runlog/ha.log"), "");
    write(&root.join("node-1/flink/flinkserver/ha/runlog/ha.log.2"), LINE);
    assert_eq!(seen(&mut find, &root), [pair("node-3/flink/flinkserver/ha/runlog/ha.log", "node-3")]);
    assert!(find.directories().any(|d| d == root.join("node-3/flink/flinkserver/ha/runlog")));
    let live = root.join("node-1/flink/flinkserver/ha/runlog/ha.log");
    for name in ["ha.log", "ha.log.7", "ha.log.1.gz"] {
        assert_eq!(
            find.family_of(&root.join("node-1/flink/flinkserver/ha/runlog").join(name)),
            Some(live.as_path()),
            "{name}"
        );
    }
    assert_eq!(find.family_of(&root.join("node-1/flink/flinkserver/ha/runlog/notes.txt")), None);
}

#[test]
fn what_is_missing_is_said_once_and_found_when_it_is_there() {
    let assigner = Assigner::new(&PATTERNS, Decisions::default(), "here");
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let path = root.join("node-1/flink/flinkserver/ha/runlog/ha.log");
    let glob = root.join("*/flink/flinkserver/ha/runlog/ha.log");
    let mut find = Find::new(&assigner, vec![path.clone(), glob.clone()]);
    let mut notes = find.look().notes;
    notes.sort();
    assert_eq!(notes, [Note::Missing(glob), Note::Missing(path.clone())]);
    assert!(find.look().notes.is_empty());
    assert_eq!(find.directories().collect::<Vec<_>>(), [root.as_path()], "where they would begin");
    write(&path, LINE);
    assert_eq!(seen(&mut find, &root), [pair("node-1/flink/flinkserver/ha/runlog/ha.log", "node-1")]);
}

#[test]
fn a_loose_file_is_known_by_what_is_in_it_as_soon_as_something_is() {
    let assigner = Assigner::new(&PATTERNS, Decisions::default(), "here");
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    write(&root.join("node-9/some.log"), "");
    let mut find = Find::new(&assigner, vec![root.clone()]);
    assert_eq!(seen(&mut find, &root), []);
    write(&root.join("node-9/some.log"), LINE);
    let found = find.look().families;
    assert_eq!(found.len(), 1);
    assert!(found[0].assignment.unclear.log && &*found[0].assignment.node == "node-9");
}

#[test]
fn a_link_to_a_file_that_is_read_is_not_read_again() {
    let assigner = Assigner::new(&PATTERNS, Decisions::default(), "here");
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    write(&root.join("node-1/flink/flinkserver/ha/runlog/ha.log"), LINE);
    symlink(root.join("node-1/flink/flinkserver/ha/runlog/ha.log"), root.join("loose.log")).unwrap();
    let mut find = Find::new(&assigner, vec![root.clone()]);
    assert_eq!(seen(&mut find, &root), [pair("node-1/flink/flinkserver/ha/runlog/ha.log", "node-1")]);
    assert_eq!(seen(&mut find, &root), []);
}

#[test]
fn the_same_log_of_the_same_node_at_two_places_is_said() {
    let assigner = Assigner::new(&PATTERNS, Decisions::default(), "here");
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    write(&root.join("a/node-1/flink/flinkserver/ha/runlog/ha.log"), LINE);
    write(&root.join("b/node-1/flink/flinkserver/ha/runlog/ha.log"), LINE);
    let news = Find::new(&assigner, vec![root.clone()]).look();
    assert_eq!(news.families.len(), 1);
    assert!(matches!(news.notes[..], [Note::Twice { .. }]), "{:?}", news.notes);
}
