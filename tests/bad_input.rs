//! Bad input has a documented answer: `docs/bad-input.md` lists what can be wrong with files, archives and lines, and
//! names the test of each. None panics, hangs, eats memory or loses the lines around it.

#[path = "archive_support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use support::pack::{gz, stored_gz, tar, zip, zst};
use support::*;
use tocsin::input::archive::{self, Damage, MemberInfo, Visitor};

const RAISE: &str = "raise ALM-45640 n 2021-03-22T14:01:00.000Z";
const CLEAR: &str = "clear ALM-45640 n 2021-03-22T14:02:00.000Z";
const BOTH: [&str; 2] = [RAISE, CLEAR];

/// Lines with something odd between a raise and its clear.
fn around(odd: &[u8]) -> Vec<u8> {
    [heartbeat_lost(60).as_bytes(), odd, heartbeat_back(120).as_bytes()].concat()
}

/// Replays one `ha.log` of node `n`, under this name.
fn read(name: &str, content: &[u8]) -> Ran {
    let path = format!("n/flink/flinkserver/ha/runlog/{name}");
    let heap = directory(&[(&path, content)]);
    replay(heap.path(), &["--tz", "UTC", "-v", "n"])
}

fn read_in_little_memory(name: &str, content: &[u8]) -> Ran {
    let path = format!("n/flink/flinkserver/ha/runlog/{name}");
    let heap = directory(&[(&path, content)]);
    run(tocsin_in_memory(LITTLE_KIB, &["replay", "--tz", "UTC", "n"]).current_dir(heap.path()), |_| Ok(()))
}

/// Lines about node `n` on standard input.
const STDIN: [&str; 8] = ["replay", "--tz", "UTC", "--assign", "n=-", "--log", "ha-flinkserver=-", "-"];

// ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn invalid_utf8() {
    let line = b"[2021-03-22 14:01:30,000][1][0][NOTICE][hasendalarm info: id=1,category=0,lochost=(h\xff\xc3\x28)][HA][a.c:f,1][ha.bin,1,2]\n";
    let ran =
        read("ha.log", &around(line)).ends(0).gives(&[RAISE, "raise ALM-45641 n 2021-03-22T14:01:30.000Z", CLEAR]);
    let record = &ran.records()[1];
    assert_eq!(record["params"]["haHost"], "h\u{fffd}\u{fffd}(", "{}", ran.told());
    assert!(record["evidence"][0]["text"].as_str().unwrap().contains("h\u{fffd}\u{fffd}("));
}

#[test]
fn nul_bytes() {
    for odd in [&b"\0\0\0\0"[..], b"\0\n", b"text\0text\n", &[0; 5000], &[[0; 5000].as_slice(), b"\n"].concat()] {
        read("ha.log", &around(&[odd, b"\n"].concat())).ends(0).gives(&BOTH);
    }
    // A hole in front of a line, as a crash of the machine leaves it, makes that line none.
    read("ha.log", &around(&[0; 4096])).ends(0).gives(&[RAISE]);
    // What a line says in spite of them is shown without them doing anything.
    let line = ha(90, "hasendalarm info: id=1,category=0,lochost=(a\0b)");
    let ran = read("ha.log", &around(line.as_bytes())).ends(0);
    assert!(ran.stdout.contains("\"haHost\":\"a\\u0000b\""), "{}", ran.told());
}

#[test]
fn a_line_of_100_megabytes() {
    for letter in [b'x', 0xff] {
        let block = vec![letter; 1 << 20];
        let ran = run(&mut tocsin_in_memory(LITTLE_KIB, &STDIN), |stdin| {
            stdin.write_all(heartbeat_lost(60).as_bytes())?;
            (0..100).try_for_each(|_| stdin.write_all(&block))?;
            stdin.write_all(format!("\n{}", heartbeat_back(120)).as_bytes())
        });
        ran.ends(0).gives(&BOTH);
    }
}

#[test]
fn a_record_whose_first_line_is_100_megabytes() {
    let start = "[2021-03-22 14:01:30,000][1][0][NOTICE][hasendalarm info: id=1,category=0,lochost=(h)";
    let ran = run(&mut tocsin_in_memory(LITTLE_KIB, &STDIN), |stdin| {
        stdin.write_all(format!("{}{start}", heartbeat_lost(60)).as_bytes())?;
        (0..100).try_for_each(|_| stdin.write_all(&[b'x'; 1 << 20]))?;
        stdin.write_all(format!("\n{}", heartbeat_back(120)).as_bytes())
    });
    let ran = ran.ends(0).gives(&[RAISE, "raise ALM-45641 n 2021-03-22T14:01:30.000Z", CLEAR]);
    assert_eq!(ran.records()[1]["evidence"][0]["text"].as_str().unwrap().len(), 4096);
}

#[test]
fn no_final_newline() {
    let text = around(b"");
    read("ha.log", &text[..text.len() - 1]).ends(0).gives(&BOTH);
    // Nor does the line then run into the next file of the family.
    let heap = directory(&[
        (&format!("n/{HA_LOG}.1"), heartbeat_lost(60).trim_end().as_bytes()),
        (&format!("n/{HA_LOG}"), heartbeat_back(120).as_bytes()),
    ]);
    replay(heap.path(), &["--tz", "UTC", "n"]).ends(0).gives(&BOTH);
}

#[test]
fn carriage_returns() {
    let text = String::from_utf8(around(b"")).unwrap().replace('\n', "\r\n");
    let ran = read("ha.log", text.as_bytes()).ends(0).gives(&BOTH);
    assert!(!ran.stdout.contains("\\r"), "the line's end is no part of the line: {}", ran.told());
}

#[test]
fn a_byte_order_mark() {
    read("ha.log", &[b"\xEF\xBB\xBF", around(b"").as_slice()].concat()).ends(0).gives(&BOTH);
}

#[test]
fn impossible_times() {
    for time in [
        "2021-02-30 14:01:30,000",
        "2021-13-22 14:01:30,000",
        "2021-03-22 24:61:61,000",
        "0000-00-00 00:00:00,000",
        "9999-99-99 99:99:99,999",
        "yesterday",
    ] {
        let line = ha(90, "hasendalarm info: id=1,category=0").replace("2021-03-22 14:01:30,000", time);
        let ran = read("ha.log", &around(line.as_bytes())).ends(0).says("1 hit without a time of its own");
        // It takes the time of the record before, never today's.
        ran.gives(&[RAISE, "raise ALM-45641 n 2021-03-22T14:01:00.000Z", CLEAR]);
    }
    // Possible, but taken back by the next line.
    for time in ["9999-12-31 23:59:59,999", "2031-03-22 14:01:30,000"] {
        let line = ha(90, "hasendalarm info: id=1,category=0").replace("2021-03-22 14:01:30,000", time);
        let ran = read("ha.log", &around(line.as_bytes())).ends(0).says("was not believed");
        ran.gives(&[RAISE, "raise ALM-45641 n 2021-03-22T14:01:00.000Z", CLEAR]);
    }
    // Without any time at all there is the file's own, and the record says so.
    let line = ha(90, "hasendalarm info: id=1,category=0").replace("2021-03-22 14:01:30,000", "never");
    let ran = read("ha.log", line.as_bytes()).ends(0).says("1 hit with an assumed time");
    assert_eq!(ran.records()[0]["timeAssumed"], true, "{}", ran.told());
}

#[test]
fn control_characters_and_markup() {
    let nasty = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{7f}\u{202e}\u{2066}\u{2028}</script><b>&\"'\\";
    let line = ha(90, &format!("hasendalarm info: id=1,category=0,lochost=(h{nasty})"));
    let heap = directory(&[(&format!("n\u{1b}[31m/{HA_LOG}"), &around(line.as_bytes()))]);
    for format in ["json", "table"] {
        let ran = replay(heap.path(), &["--tz", "UTC", "-v", "--format", format, "."]).ends(0);
        let steers = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2066}\u{2028}".contains(c));
        assert!(!ran.stdout.contains(steers) && !ran.stderr.contains(steers), "{:?}", ran.told());
        if format == "json" {
            // Escaped, and nothing of it lost.
            let host = ran.records()[1]["params"]["haHost"].as_str().unwrap().to_owned();
            assert_eq!(host, format!("h{nasty}"));
        }
    }
    // Names that end in an error are no way around that.
    let patterns = "[log.ha-flinkserver]\nfiles = [\"x\"]\nlayout = \"ha\"\nservice = \"s\"\nrole = \"r\"\n";
    let heap = directory(&[("n/\u{1b}[31m", around(b"").as_slice()), ("p.toml", patterns.as_bytes())]);
    let ran = replay(heap.path(), &["--patterns", "p.toml", "n"]).ends(2).says("could be of several logs");
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
    let ran = replay(heap.path(), &["absent\u{1b}[31m"]).ends(3);
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
}

#[test]
fn more_keys_of_one_alarm_than_are_kept() {
    let refused = |second: u32, client: u32| {
        format!(
            "2026-11-20 23:44:{second:02},000 [myid:] - WARN  [N:C@1] - Too many connections from /10.0.0.{client} - max is 5\n"
        )
    };
    // Four clients, of which two fit; the second of these comes back after the bound was hit.
    let lines: String = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 3), (6, 2), (7, 1)]
        .map(|(second, client)| refused(second, client))
        .concat();
    let heap = directory(&[("n/zookeeper.log", lines.as_bytes())]);
    let args = ["--tz", "UTC", "--max-keys", "2", "n"];
    let ran = replay(heap.path(), &args).ends(0).says("3 hits of ALM-13007 on node `n` raised nothing").gives(&[
        "raise ALM-13007 n 2026-11-20T23:44:01.000Z",
        "raise ALM-13007 n 2026-11-20T23:44:02.000Z",
        "raise TOCSIN-KEYS-EXHAUSTED n 2026-11-20T23:44:03.000Z",
    ]);
    let record = ran.records().remove(2);
    assert_eq!(record["key"], "TOCSIN-KEYS-EXHAUSTED|default|tocsin|quorumpeer|n|alarm=ALM-13007");
    assert_eq!(record["severity"], "major");
    assert_eq!(record["params"], serde_json::json!({"alarm": "ALM-13007", "limit": "2"}));
    assert_eq!(record["evidence"][0]["line"], 3);
    let with = |more: &[&str]| replay(heap.path(), &[&args, more].concat());
    with(&["--alarm", "TOCSIN-KEYS-EXHAUSTED", "--active"])
        .ends(0)
        .gives(&["raise TOCSIN-KEYS-EXHAUSTED n 2026-11-20T23:44:03.000Z"]);
    // Whoever asks for something else wants to know that it may be missing.
    for filter in [["--alarm", "ALM-45640"], ["--node", "m"], ["--severity", "critical"]] {
        with(&filter).ends(0).gives(&["raise TOCSIN-KEYS-EXHAUSTED n 2026-11-20T23:44:03.000Z"]);
    }
    // Nothing is refused at the bound itself.
    with(&["--max-keys", "4"]).ends(2);
    let ran = replay(heap.path(), &["--tz", "UTC", "--max-keys", "4", "n"]).ends(0).says_nothing_of("raised nothing");
    assert_eq!(ran.records().len(), 4);
}

#[test]
fn the_bound_of_the_keys_is_over_when_there_is_room_again() {
    let refused = |minute: u32, second: u32, client: u32| {
        format!(
            "2026-11-20 23:{minute:02}:{second:02},000 [myid:] - WARN  [N:C@1] - Too many connections from /10.0.0.{client} - max is 5\n"
        )
    };
    let lines = [(0, 1, 1), (0, 2, 2), (0, 3, 3), (30, 0, 4), (30, 1, 5), (30, 2, 6)].map(|(m, s, c)| refused(m, s, c));
    let heap = directory(&[("n/zookeeper.log", lines.concat().as_bytes())]);
    let ran = replay(heap.path(), &["--tz", "UTC", "--max-keys", "2", "--alarm", "TOCSIN-KEYS-EXHAUSTED", "n"]).ends(0);
    let records = ran.records();
    let told: Vec<&str> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(told, ["raise", "clear", "raise"]);
    let (raise, clear) = (&records[0], &records[1]);
    for same in ["key", "params", "causes", "location", "name", "severity"] {
        assert_eq!(raise[same], clear[same], "{same}");
    }
    assert_eq!((&clear["raisedAt"], &clear["clearedBy"]), (&raise["time"], &serde_json::json!("signal")));
    let (time, lasted) = (clear["time"].as_str().unwrap(), clear["durationMs"].as_i64().unwrap());
    assert!(("2026-11-20T23:02".."2026-11-20T23:30").contains(&time) && lasted > 120_000, "{clear}");
}

#[test]
fn keys_that_are_over_make_room_for_others() {
    let refused = |minute: u32, client: u32| {
        format!(
            "2026-11-20 23:{minute:02}:00,000 [myid:] - WARN  [N:C@1] - Too many connections from /10.0.0.{client} - max is 5\n"
        )
    };
    let lines: String = (0..12).map(|n| refused(5 * n, n)).collect();
    let heap = directory(&[("n/zookeeper.log", lines.as_bytes())]);
    replay(heap.path(), &["--tz", "UTC", "--max-keys", "2", "n"]).ends(0).says_nothing_of("raised nothing");
}

// ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn empty_files() {
    read("ha.log", b"").ends(0).gives(&[]);
    read("ha.log.gz", &gz(b"")).ends(0).gives(&[]);
    read("ha.log.zst", &zst(b"")).ends(0).gives(&[]);
    // A packed file without a single byte was cut.
    read("ha.log.gz", b"").ends(4).says("ha.log.gz: at byte 0 (packed byte 0): cut short");
    // Beside others they change nothing.
    let heap = directory(&[
        (&format!("n/{HA_LOG}.2"), b"".as_slice()),
        (&format!("n/{HA_LOG}.1"), &around(b"")),
        (&format!("n/{HA_LOG}"), b""),
        ("n/other.txt", b""),
    ]);
    replay(heap.path(), &["--tz", "UTC", "n"]).ends(0).gives(&BOTH);
}

#[test]
fn a_directory_loop() {
    let heap = directory(&[(&format!("n/{HA_LOG}"), &around(b""))]);
    symlink("..", heap.path().join("n/up")).unwrap();
    symlink("self", heap.path().join("n/self")).unwrap();
    symlink("nowhere", heap.path().join("n/dangling")).unwrap();
    replay(heap.path(), &["--tz", "UTC", "."]).ends(0).gives(&BOTH);
}

#[test]
fn unreadable_files_and_directories() {
    use std::os::unix::fs::PermissionsExt;
    let heap = directory(&[
        (&format!("n/{HA_LOG}"), &around(b"")),
        (&format!("n/{HA_LOG}.1"), b"secret"),
        ("n/closed/ha.log", b"secret"),
    ]);
    let allow = |path: &str, mode| {
        std::fs::set_permissions(heap.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow("", 0o755);
    allow(&format!("n/{HA_LOG}.1"), 0);
    allow("n/closed", 0);
    replay_as_nobody(heap.path(), &["--tz", "UTC", "n"])
        .ends(4)
        .says("cannot open n/flink/flinkserver/ha/runlog/ha.log.1: Permission denied")
        .says("n/closed: cannot be read: ")
        .gives(&BOTH);
    replay_as_nobody(heap.path(), &["n/closed"]).ends(3).says("n/closed: cannot be read: ");
    replay_as_nobody(heap.path(), &["n/closed/ha.log"])
        .ends(3)
        .says("n/closed/ha.log: cannot be read: Permission denied");
    replay_as_nobody(heap.path(), &["--tz", "UTC", "n/closed/*", "n/flink"]).ends(4).says("n/closed").gives(&BOTH);
    allow("n/closed", 0o700);
}

/// Does something to the file when the first bytes of a member have been read.
struct Meanwhile<F> {
    act: Option<F>,
    read: Vec<u8>,
    damage: Vec<Damage>,
}

impl<F: FnOnce()> Visitor for Meanwhile<F> {
    fn member(&mut self, _: &MemberInfo, data: &mut dyn Read) -> std::io::Result<()> {
        data.take(1000).read_to_end(&mut self.read)?;
        self.act.take().into_iter().for_each(|act| act());
        data.read_to_end(&mut self.read).map(|_| ())
    }

    fn skipped(&mut self, path: &str, why: &str) {
        panic!("{path}: {why}");
    }

    fn damaged(&mut self, damage: Damage) {
        self.damage.push(damage);
    }
}

fn read_while(path: &Path, act: impl FnOnce()) -> (Vec<u8>, Vec<Damage>) {
    let mut visitor = Meanwhile { act: Some(act), read: Vec::new(), damage: Vec::new() };
    archive::visit(path, &mut visitor).unwrap();
    (visitor.read, visitor.damage)
}

#[test]
fn a_file_that_is_replaced_while_it_is_read() {
    let old = heartbeat_lost(60).repeat(20_000).into_bytes();
    for packed in [false, true] {
        let heap = directory(&[("ha.log", &if packed { gz(&old) } else { old.clone() }), ("new", b"something else")]);
        let path = heap.path().join("ha.log");
        let (read, damage) = read_while(&path, || std::fs::rename(heap.path().join("new"), &path).unwrap());
        assert!(read == old && damage.is_empty(), "the file that was opened is read to its end: {damage:?}");
    }
}

#[test]
fn a_file_that_is_truncated_or_removed_or_grows_while_it_is_read() {
    let old = heartbeat_lost(60).repeat(20_000).into_bytes();
    let heap = directory(&[("cut", &old), ("gone", &old), ("grows", &old)]);
    let path = |name: &str| heap.path().join(name);
    let open = |name: &str| std::fs::OpenOptions::new().append(true).open(path(name)).unwrap();

    let (read, damage) = read_while(&path("cut"), || open("cut").set_len(0).unwrap());
    assert!(!read.is_empty() && read.len() < old.len() && old.starts_with(&read), "what was read counts");
    let told = damage[0].to_string();
    assert!(told.contains("cut: at byte") && told.contains("truncated while it was read"), "{told}");

    let (read, damage) = read_while(&path("gone"), || std::fs::remove_file(path("gone")).unwrap());
    assert!(read == old && damage.is_empty());

    let (read, damage) = read_while(&path("grows"), || open("grows").write_all(b"more\n").unwrap());
    assert!(read.ends_with(b"more\n") && damage.is_empty());
}

#[test]
fn a_pipe_is_read_as_a_file_would_be() {
    let heap = directory(&[("packed", &gz(&around(b"")))]);
    let script =
        "exec \"$0\" replay --tz UTC --assign n=/dev/fd/3 --log ha-flinkserver=/dev/fd/3 /dev/fd/3 3< <(cat packed)";
    let mut command = std::process::Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_tocsin")]).current_dir(heap.path());
    run(&mut command, |_| Ok(())).ends(0).gives(&BOTH);
}

// ── Archives ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_truncated_gz() {
    let text = around(ha(90, "x").repeat(2000).as_bytes());
    let packed = stored_gz(&text);
    let (middle, end) = (packed.len() / 2, packed.len());
    // Behind the raise, in the middle, and in the eight bytes at the end, which hold the checksum.
    for (cut, at, expected) in [(300, 300, &BOTH[..1]), (middle, middle, &BOTH[..1]), (end - 3, end - 8, &BOTH)] {
        read("ha.log.1.gz", &packed[..cut])
            .ends(4)
            .says("n/flink/flinkserver/ha/runlog/ha.log.1.gz: at byte ")
            .says(&format!("(packed byte {at}): cut short inside its gzip data"))
            .says("1 damaged place")
            .gives(expected);
    }
}

#[test]
fn silence_in_a_hole_proves_nothing() {
    // ALM-13007 clears after a minute of quiet; here the minute is missing.
    let line = |minute: u32, text: &str| format!("2026-11-20 23:{minute}:00,000 [myid:] - WARN  [N:C@1] - {text}\n");
    let refused = line(40, "Too many connections from /10.0.0.1 - max is 5");
    let (before, after) = (stored_gz(refused.as_bytes()), line(45, "x"));
    let heap =
        directory(&[("n/zookeeper.log.1.gz", &before[..before.len() - 4]), ("n/zookeeper.log", after.as_bytes())]);
    let raise = "raise ALM-13007 n 2026-11-20T23:40:00.000Z";
    replay(heap.path(), &["--tz", "UTC", "n"]).ends(4).says("1 hole in the logs").gives(&[raise]);
    let heap = directory(&[("n/zookeeper.log.1.gz", before.as_slice()), ("n/zookeeper.log", after.as_bytes())]);
    replay(heap.path(), &["--tz", "UTC", "n"]).ends(0).gives(&[raise, "clear ALM-13007 n 2026-11-20T23:41:00.000Z"]);
}

#[test]
fn a_corrupt_gz() {
    let text = around(ha(90, "x").repeat(2000).as_bytes());
    // A wrong bit in the checksum: all that was read counts.
    let mut packed = gz(&text);
    let end = packed.len();
    packed[end - 8] ^= 1;
    read("ha.log.1.gz", &packed).ends(4).says("the gzip checksum does not match").gives(&BOTH);
    // A wrong block in the middle: what stands before it counts.
    let mut packed = stored_gz(&text);
    let at = packed.len() / 2;
    let block = (at..).find(|&at| packed[at + 1..at + 3] == [!packed[at + 3], !packed[at + 4]]).unwrap();
    packed[block + 1] ^= 0xff;
    read("ha.log.1.gz", &packed).ends(4).says("corrupt gzip data").gives(&[RAISE]);
    // Other members, and other files, are read all the same.
    let members = [("n/zookeeper.log".to_owned(), packed), (format!("n/{HA_LOG}"), gz(&around(b"")))];
    let heap = directory(&[("heap.tar", &tar(&members))]);
    replay(heap.path(), &["--tz", "UTC", "heap.tar"]).ends(4).gives(&BOTH);
}

#[test]
fn a_gz_of_several_members() {
    let text = around(ha(90, "x").repeat(100).as_bytes());
    let packed: Vec<u8> = text.chunks(777).flat_map(gz).collect();
    read("ha.log.1.gz", &packed).ends(0).gives(&BOTH);
    // Tapes pad with zeros; anything else behind the last member is told.
    read("ha.log.1.gz", &[packed.as_slice(), &[0; 512]].concat()).ends(0).gives(&BOTH);
    read("ha.log.1.gz", &[&packed, b"garbage".as_slice()].concat())
        .ends(4)
        .says("followed by bytes that are not gzip")
        .gives(&BOTH);
}

#[test]
fn a_gz_that_is_no_gz() {
    read("ha.log.1.gz", &around(b""))
        .ends(0)
        .says("named as gzip but does not begin like it: read as plain text")
        .gives(&BOTH);
    // And the other way round: packed, but not called so.
    read("ha.log.1", &gz(&around(b""))).ends(0).gives(&BOTH);
    read("ha.log", &zst(&around(b""))).ends(0).gives(&BOTH);
}

#[test]
fn a_bomb() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..200).for_each(|_| bomb.write_all(&[0; 1 << 20]).unwrap());
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 300_000);
    for (name, content) in [
        ("ha.log.1.gz", [gz(&around(b"")), bomb.clone(), gz(b"\n")].concat()),
        ("ha.log.1.zip", zip(&[("ha.log.1".into(), around(b"")), ("ha.log.2".into(), bomb.clone())])),
    ] {
        read_in_little_memory(name, &content).ends(0).gives(&BOTH);
    }
    // A window of 2 GB that a small zstd frame asks for is refused.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8];
    frame.extend(b"\x01\x00\x00");
    read_in_little_memory("ha.log.1.zst", &frame).ends(4).says("its window is larger than is accepted");
}

#[test]
fn archives_in_archives_without_end() {
    let mut packed = around(b"");
    (0..40).for_each(|_| packed = gz(&packed));
    read("ha.log.1.gz", &packed).ends(3).says("packed more than 8 layers deep");
}

#[test]
fn a_cut_archive_gives_the_members_before_the_cut() {
    let members = [
        (format!("a/{HA_LOG}"), around(b"")),
        (format!("b/{HA_LOG}"), around(ha(90, "x").repeat(100).as_bytes())),
        (format!("c/{HA_LOG}"), around(b"")),
    ];
    let (tar, zip) = (tar(&members), zip(&members));
    let cut_tar = tar.windows(2).position(|w| w == b"b/").unwrap() + 3000;
    let cut_zip = zip.windows(2).rposition(|w| w == b"c/").unwrap() - 60;
    for (name, packed, code) in [
        ("heap.tar", tar[..cut_tar].to_vec(), 4),
        ("heap.zip", zip[..cut_zip].to_vec(), 4),
        ("heap.tgz", gz(&tar[..cut_tar]), 4),
    ] {
        let heap = directory(&[(name, packed.as_slice())]);
        let ran = replay(heap.path(), &["--tz", "UTC", name]).ends(code);
        let of = |node: &str| ran.brief().iter().filter(|b| b.contains(&format!(" {node} "))).count();
        assert_eq!(of("a"), 2, "{}", ran.told());
        assert!(of("b") >= 1, "{}", ran.told());
        assert!(ran.stderr.contains(name), "{}", ran.told());
    }
}

#[test]
fn names_in_archives_lead_nowhere() {
    // The tar crate refuses to write such names, so the header is patched.
    let name = |from: &str, to: &str, packed: Vec<u8>| {
        let mut packed = packed;
        packed[..from.len()].copy_from_slice(to.as_bytes());
        let sum: u32 = packed[..512]
            .iter()
            .enumerate()
            .map(|(at, b)| if (148..156).contains(&at) { 32 } else { u32::from(*b) })
            .sum();
        packed[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        packed
    };
    for to in ["../../../../n/flink/flinkserver/ha/runlog/ha.log", "/////////////n/flink/flinkserver/ha/runlog/ha.log"]
    {
        let packed = name(&"x".repeat(to.len()), to, tar(&[("x".repeat(to.len()), around(b""))]));
        let heap = directory(&[("heap.tar", packed.as_slice())]);
        replay(heap.path(), &["--tz", "UTC", "heap.tar"]).ends(0).gives(&BOTH);
        assert_eq!(std::fs::read_dir(heap.path()).unwrap().count(), 1, "nothing is unpacked to disk");
    }
}
