use std::sync::LazyLock;

use super::*;
use crate::pattern::builtin::builtin;
use crate::pattern::compile;

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| compile(&builtin()).patterns.unwrap());

const HEAD: &str = "[2021-03-22 14:03:35,339][10195489349][0][  INFO][Start Task All_Sync][HA][sync_core_inf.c:SYNC_StartTask,183][ha.bin,26572,35]\n";
const RAISE: &str =
    "[2021-03-22 14:03:35,344][1][0][NOTICE][hasendalarm info: id=1,category=0,cause=0][HA][a.c:f,1][ha.bin,1,1]\n";

fn assigner(decisions: Decisions) -> Assigner<'static> {
    Assigner::new(&PATTERNS, decisions, "this-host")
}

/// `log node family`, and `!` if it was said aloud.
fn shown(a: &Assignment) -> String {
    let said = if a.unclear.log || a.unclear.node { " !" } else { "" };
    format!("{} {} {}{said}", PATTERNS.log(a.log).name, a.node, a.family)
}

fn by_path(path: &str) -> String {
    assigner(Decisions::default()).by_path(&Place::file(Path::new(path))).map_or("none".to_owned(), |a| shown(&a))
}

#[test]
fn the_node_is_the_directory_above_the_anchor() {
    for (path, expect) in [
        ("/srv/node-7/flink/flinkserver/ha/runlog/ha.log", "ha-flinkserver node-7 flink/flinkserver/ha/runlog/ha.log"),
        (
            "/srv/node-7/Bigdata/flink/flinkserver/ha/runlog/ha.log",
            "ha-flinkserver node-7 flink/flinkserver/ha/runlog/ha.log",
        ),
        (
            "/srv/node-7/var/log/Bigdata/flink/flinkserver/ha/runlog/ha.log",
            "ha-flinkserver node-7 flink/flinkserver/ha/runlog/ha.log",
        ),
        (
            "/srv/node-7/var/log/flink/flinkserver/ha/runlog/ha.log",
            "ha-flinkserver node-7 flink/flinkserver/ha/runlog/ha.log",
        ),
        ("/srv/node-7/var/log/zookeeper/zookeeper.log", "zookeeper node-7 var/log/zookeeper/zookeeper.log"),
        // Only whole components belong to the anchor.
        (
            "/srv/myBigdata/flink/flinkserver/ha/runlog/ha.log",
            "ha-flinkserver myBigdata flink/flinkserver/ha/runlog/ha.log",
        ),
        ("/srv/my-var/log/Bigdata/omm/oms/ha/runlog/ha.log", "ha-oms log omm/oms/ha/runlog/ha.log"),
        // Rolled files are of the live one's family.
        ("/srv/n/omm/oms/ha/runlog/ha.log.2021-03-22_12-00-07.gz", "ha-oms n omm/oms/ha/runlog/ha.log"),
        // The innermost anchor counts.
        ("/srv/a/flink/flinkserver/ha/runlog/b/omm/oms/ha/runlog/ha.log", "ha-oms b omm/oms/ha/runlog/ha.log"),
        // Detours do not.
        (
            "/srv/node-7/flink/../flink/flinkserver/ha/runlog/ha.log",
            "ha-flinkserver node-7 flink/flinkserver/ha/runlog/ha.log",
        ),
        ("/srv/node-7/flink/../omm/oms/ha/runlog/ha.log", "ha-oms node-7 omm/oms/ha/runlog/ha.log"),
        ("/srv/node-7/x/../omm/./oms/ha/runlog/ha.log", "ha-oms node-7 omm/oms/ha/runlog/ha.log"),
        ("/srv/notes.txt", "none"),
        ("/srv/ha.log", "none"),
    ] {
        assert_eq!(by_path(path), expect, "{path}");
    }
}

#[test]
fn this_machines_own_logs_are_of_this_machine() {
    for (path, expect) in [
        (
            "/var/log/Bigdata/flink/flinkserver/ha/runlog/ha.log",
            "ha-flinkserver this-host flink/flinkserver/ha/runlog/ha.log",
        ),
        ("/var/log/flink/flinkserver/ha/runlog/ha.log", "ha-flinkserver this-host flink/flinkserver/ha/runlog/ha.log"),
        // Where the glob itself begins with var/log.
        ("/var/log/zookeeper/zookeeper.log", "zookeeper this-host var/log/zookeeper/zookeeper.log"),
        // Nobody's: that is said.
        ("/flink/flinkserver/ha/runlog/ha.log", "ha-flinkserver this-host flink/flinkserver/ha/runlog/ha.log !"),
        ("/Bigdata/omm/oms/ha/runlog/ha.log", "ha-oms this-host omm/oms/ha/runlog/ha.log !"),
    ] {
        assert_eq!(by_path(path), expect, "{path}");
    }
}

/// An archive of a machine's own tree is of the machine it came from, which its name tells best.
#[test]
fn without_a_node_inside_an_archive_is_the_node() {
    let of = |outer: &str, inner: &[&str]| {
        let place = Place { outer: outer.into(), inner: inner.iter().map(|s| s.to_string()).collect() };
        assigner(Decisions::default()).by_path(&place).map_or("none".to_owned(), |a| shown(&a))
    };
    let inside = "var/log/Bigdata/omm/oms/ha/runlog/ha.log";
    assert_eq!(of("-", &[inside]), "ha-oms stdin omm/oms/ha/runlog/ha.log !");
    assert_eq!(of("-", &["node-3/omm/oms/ha/runlog/ha.log"]), "ha-oms node-3 omm/oms/ha/runlog/ha.log");
    assert_eq!(of("-", &["./node-3/Bigdata/omm/oms/ha/runlog/ha.log"]), "ha-oms node-3 omm/oms/ha/runlog/ha.log");
    assert_eq!(of("/srv/all.tar.gz", &["node-3/omm/oms/ha/runlog/ha.log"]), "ha-oms node-3 omm/oms/ha/runlog/ha.log");
}

fn by_content(path: &str, text: &str, named: bool) -> Result<String, Unassigned> {
    assigner(Decisions::default()).by_content(&Place::file(Path::new(path)), text.as_bytes(), named).map(|a| shown(&a))
}

#[test]
fn a_loose_file_is_recognised_by_its_content() {
    // Three logs look like this; ha-flinkserver is the default among them.
    assert_eq!(by_content("/srv/node-9/copy.log", RAISE, true).unwrap(), "ha-flinkserver node-9 copy.log !");
    assert_eq!(
        by_content("/srv/node-9/copy.log", HEAD, true).unwrap(),
        "ha-flinkserver node-9 copy.log !",
        "without a hit, too"
    );
    assert_eq!(by_content("/copy.log", RAISE, true).unwrap(), "ha-flinkserver copy.log copy.log !");
    assert_eq!(by_content("-", RAISE, true).unwrap(), "ha-flinkserver stdin stdin !");
    assert_eq!(
        by_content("/srv/n/copy.log.2021-03-22_12-00-07.gz", RAISE, true).unwrap(),
        "ha-flinkserver n copy.log !"
    );
    let zookeeper = "2021-03-22 14:00:00,000 [myid:1] - WARN  [main:NIOServerCnxnFactory@211] - Too many connections from /1.2.3.4 - max is 60\n";
    assert_eq!(by_content("/srv/n/x", zookeeper, false).unwrap(), "zookeeper n x !");
    for nothing in ["", "some words\n", "\0\u{1}\u{2}"] {
        assert_eq!(by_content("/srv/n/x", nothing, true), Err(Unassigned::Unknown), "{nothing:?}");
    }
}

#[test]
fn what_the_user_says_goes_before_all() {
    let oms = PATTERNS.log_named("ha-oms").unwrap();
    let node = |name: &str, path: &str| (name.to_owned(), PathBuf::from(path));
    let decisions = Decisions {
        nodes: vec![node("all", "/srv"), node("nine", "/srv/node-9"), node("in", "-")],
        logs: vec![(oms, "/srv/node-9/x".into()), (oms, "-".into())],
    };
    let assigner = assigner(decisions);
    let of = |path: &str| assigner.by_path(&Place::file(Path::new(path))).map_or("none".to_owned(), |a| shown(&a));
    assert_eq!(of("/srv/node-7/omm/oms/ha/runlog/ha.log"), "ha-oms all omm/oms/ha/runlog/ha.log");
    assert_eq!(of("/srv/node-9/omm/oms/ha/runlog/ha.log"), "ha-oms nine omm/oms/ha/runlog/ha.log", "the longer path");
    assert_eq!(of("/srv/node-90/omm/oms/ha/runlog/ha.log"), "ha-oms all omm/oms/ha/runlog/ha.log", "whole components");
    assert_eq!(of("/srv/node-9/x"), "ha-oms nine x", "a loose file needs no look inside");
    let other = "/elsewhere/node-7/flink/flinkserver/ha/runlog/ha.log";
    let elsewhere = Decisions { logs: vec![(oms, "/elsewhere/node-7".into())], ..Decisions::default() };
    let elsewhere = Assigner::new(&PATTERNS, elsewhere, "this-host").by_path(&Place::file(Path::new(other)));
    let told = "what it is said to be moves no file to another node";
    assert_eq!(elsewhere.map(|a| shown(&a)).unwrap(), "ha-oms node-7 flink/flinkserver/ha/runlog/ha.log", "{told}");
    assert_eq!(of("/srv/node-9/y"), "none");
    assert_eq!(of("-"), "ha-oms in stdin");
    assert_eq!(of("/elsewhere/n/omm/oms/ha/runlog/ha.log"), "ha-oms n omm/oms/ha/runlog/ha.log");
    let loose = assigner.by_content(&Place::file(Path::new("/srv/node-9/y")), RAISE.as_bytes(), true).unwrap();
    assert_eq!(&*loose.node, "nine");
}

/// A decision about nothing that was read is a slip of the pen.
#[test]
fn decisions_without_effect() {
    let nodes = vec![
        ("a".to_owned(), PathBuf::from("/srv/a")),
        ("b".to_owned(), PathBuf::from("/srv/b")),
        ("in".to_owned(), PathBuf::from("-")),
    ];
    let assigner = assigner(Decisions { nodes, logs: Vec::new() });
    let read = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<BTreeSet<_>>();
    assert_eq!(assigner.unused(&read(&["/srv/a/x.log", "-"])), [Path::new("/srv/b")]);
    assert_eq!(assigner.unused(&read(&["/srv/ab/x.log"])).len(), 3);
}
