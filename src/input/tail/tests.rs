//! Cases that the model of `tests/tail_model` does not play: what stands in the place of a file, where a first start
//! begins, and what a cursor is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;

/// One family in a directory of its own, and what was heard of it.
struct Family {
    directory: tempfile::TempDir,
    tail: Tail,
    now: Millis,
}

impl Family {
    fn new(start: Start, prepare: impl FnOnce(&Path)) -> Family {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let tail = Tail::new(directory.path().join("x.log"), start);
        Family { directory, tail, now: 1_000_000 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Looks until nothing more is to be had, also after a while.
    fn look(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        let mut buffer = vec![0; 4096];
        let mut ends = 0;
        while ends < 3 {
            match self.tail.step(self.now, &mut buffer) {
                Step::Begin(begin) => {
                    let name = begin.path.file_name().unwrap().to_string_lossy();
                    said.push(format!("begin {name} {}", begin.offset));
                }
                Step::Bytes(bytes) => said.push(String::from_utf8_lossy(bytes).into_owned()),
                Step::End => said.push("end".to_owned()),
                Step::Lost(lost) => said.push(format!("lost: {lost}")),
                Step::Unreadable(why) => {
                    said.push(format!("unreadable {:?}", why.error.kind()));
                    return said;
                }
                Step::Pending { .. } | Step::AtEnd => {
                    ends += 1;
                    self.now += QUIET;
                }
            }
        }
        said
    }

    fn resume(&mut self, cursor: &Cursor) {
        self.tail = Tail::resume(self.path("x.log"), cursor);
    }
}

#[test]
fn a_file_that_becomes_a_directory_and_a_file_again() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "a\n").unwrap());
    assert_eq!(family.look(), ["begin x.log 0", "a\n"]);
    fs::remove_file(family.path("x.log")).unwrap();
    fs::create_dir(family.path("x.log")).unwrap();
    assert_eq!(family.look(), ["end", "unreadable IsADirectory"]);
    fs::remove_dir(family.path("x.log")).unwrap();
    fs::write(family.path("x.log"), "b\n").unwrap();
    assert_eq!(family.look(), ["begin x.log 0", "b\n"]);
}

#[test]
fn a_link_that_is_changed_leads_to_another_file() {
    let mut family = Family::new(Start::Beginning, |d| {
        fs::write(d.join("one"), "a\n").unwrap();
        symlink("one", d.join("x.log")).unwrap();
    });
    assert_eq!(family.look(), ["begin x.log 0", "a\n"]);
    fs::write(family.path("two"), "b\n").unwrap();
    symlink("two", family.path("new")).unwrap();
    fs::rename(family.path("new"), family.path("x.log")).unwrap();
    assert_eq!(family.look(), ["end", "begin x.log 0", "b\n"]);
}

#[test]
fn a_directory_that_does_not_exist_yet() {
    let mut family = Family::new(Start::End, |_| {});
    family.tail = Tail::new(family.path("logs/x.log"), Start::End);
    assert_eq!(family.look(), Vec::<String>::new());
    fs::create_dir(family.path("logs")).unwrap();
    fs::write(family.path("logs/x.log"), "a\n").unwrap();
    assert_eq!(family.look(), ["begin x.log 0", "a\n"], "it was not there at the start, so all of it is new");
}

#[test]
fn the_end_is_where_the_last_line_begins() {
    let mut family = Family::new(Start::End, |d| {
        fs::write(d.join("x.log.1"), "old\n").unwrap();
        fs::write(d.join("x.log"), "a\nb").unwrap();
    });
    assert_eq!(family.look(), ["begin x.log 2", "b"]);
}

#[test]
fn a_lookback_reads_rolled_files_that_were_written_since() {
    let mut family = Family::new(Start::Since(1_500_000, None), |d| {
        for (name, seconds) in [("x.log.2", 1_000), ("x.log.1", 2_000), ("x.log", 3_000)] {
            fs::write(d.join(name), format!("{name}\n")).unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            fs::File::options().write(true).open(d.join(name)).unwrap().set_modified(time).unwrap();
        }
    });
    assert_eq!(family.look(), ["begin x.log.1 0", "x.log.1\n", "end", "begin x.log 0", "x.log\n"]);
}

#[test]
fn files_of_equal_content_are_still_two() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "started\n").unwrap());
    assert_eq!(family.look(), ["begin x.log 0", "started\n"]);
    fs::rename(family.path("x.log"), family.path("x.log.1")).unwrap();
    fs::write(family.path("x.log"), "started\n").unwrap();
    assert_eq!(family.look(), ["end", "begin x.log 0", "started\n"]);
    let cursor = family.tail.cursor(8).unwrap();
    fs::rename(family.path("x.log"), family.path("x.log.0")).unwrap();
    fs::write(family.path("x.log"), "started\n").unwrap();
    family.resume(&cursor);
    let said = family.look();
    assert_eq!(said.iter().filter(|s| *s == "started\n").count(), 1, "{said:?}");
}

#[test]
fn truncated_and_grown_again_is_seen_and_said() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "one\ntwo\n").unwrap());
    family.look();
    fs::write(family.path("x.log"), "three\nfour\nfive\n").unwrap();
    let said = family.look();
    assert!(said[0].contains("truncated to 16 bytes after 8 were read"), "{said:?}");
    assert_eq!(said[1..], ["end", "begin x.log 0", "three\nfour\nfive\n"]);
}

#[test]
fn archives_rolled_away_while_we_were_down_are_a_hole() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "one\n").unwrap());
    family.look();
    let cursor = family.tail.cursor(4).unwrap();
    fs::remove_file(family.path("x.log")).unwrap();
    fs::write(family.path("x.log"), "later\n").unwrap();
    family.resume(&cursor);
    let said = family.look();
    assert!(said[0].contains("is not there any more"), "{said:?}");
    assert_eq!(said[1..], ["begin x.log 0", "later\n"]);
}

#[test]
fn a_damaged_archive_gives_what_it_can() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "a\n").unwrap());
    family.look();
    let line = |n: u64| format!("{n} {}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let text: String = (0..20_000).map(line).collect();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gz, text.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    fs::rename(family.path("x.log"), family.path("x.log.2")).unwrap();
    fs::write(family.path("x.log.1.gz"), &gz[..gz.len() / 2]).unwrap();
    fs::write(family.path("x.log"), "b\n").unwrap();
    let said = family.look();
    assert_eq!(said[..2], ["end", "begin x.log.1.gz 0"]);
    let read: String = said[2..].iter().take_while(|s| !s.starts_with("lost")).map(String::as_str).collect();
    assert!(read.len() > text.len() / 4 && text.starts_with(&read));
    let rest = &said[said.len() - 4..];
    assert!(rest[0].contains("cut short inside its gzip data"), "{rest:?}");
    assert_eq!(rest[1..], ["end", "begin x.log 0", "b\n"]);
}

#[test]
fn the_descriptor_of_a_deleted_file_is_let_go() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "a\n").unwrap());
    family.look();
    assert!(family.tail.is_open());
    fs::remove_file(family.path("x.log")).unwrap();
    assert_eq!(family.look(), ["end"]);
    assert!(!family.tail.is_open());
}

#[test]
fn a_closed_file_is_known_again_and_read_on() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "a\n").unwrap());
    family.look();
    assert!(family.tail.close());
    assert!(!family.tail.is_open());
    fs::rename(family.path("x.log"), family.path("x.log.1")).unwrap();
    fs::write(family.path("x.log.1"), "a\nb\n").unwrap();
    fs::write(family.path("x.log"), "c\n").unwrap();
    assert_eq!(family.look(), ["b\n", "end", "begin x.log 0", "c\n"]);
}

#[test]
fn a_large_file_is_begun_near_the_time_that_was_asked_for() {
    let line = |n: u64| format!("{n:010} {}\n", "x".repeat(500));
    let many = 140_000;
    let time_of: TimeOf = std::sync::Arc::new(|line| std::str::from_utf8(line.get(..10)?).ok()?.parse().ok());
    let mut family = Family::new(Start::Since(100_000, Some(time_of)), |d| {
        let mut file = std::io::BufWriter::new(fs::File::create(d.join("x.log")).unwrap());
        (0..many).for_each(|n| std::io::Write::write_all(&mut file, line(n).as_bytes()).unwrap());
    });
    let mut buffer = vec![0; 4096];
    let Step::Begin(begin) = family.tail.step(0, &mut buffer) else { panic!("nothing begun") };
    let length = line(0).len() as u64;
    assert_eq!(begin.offset % length, 0, "at a line's beginning");
    assert!((100_000 * length - begin.offset) < 256 * 1024, "{begin:?}");
}

#[test]
fn a_cursor_of_another_version_or_a_damaged_one_is_refused() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "a\n").unwrap());
    assert!(family.tail.cursor(0).is_none(), "nothing is known before the first look");
    family.look();
    let mut bytes = family.tail.cursor(2).unwrap().to_bytes();
    assert!(Cursor::from_bytes(&bytes).is_ok());
    assert!(matches!(Cursor::from_bytes(&bytes[..bytes.len() - 1]), Err(BadCursor::Damaged(_))));
    assert!(matches!(Cursor::from_bytes(&[]), Err(BadCursor::Damaged(_))));
    bytes[0] = 9;
    assert_eq!(Cursor::from_bytes(&bytes), Err(BadCursor::Version(9)));
}

#[test]
fn what_is_still_written_to_a_renamed_file_comes_before_the_new_one() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "a\n").unwrap());
    family.look();
    let mut old = fs::File::options().append(true).open(family.path("x.log")).unwrap();
    fs::rename(family.path("x.log"), family.path("x.log.1")).unwrap();
    fs::write(family.path("x.log"), "new\n").unwrap();
    let mut buffer = vec![0; 4096];
    assert!(matches!(family.tail.step(family.now, &mut buffer), Step::Pending { .. }));
    std::io::Write::write_all(&mut old, b"late\n").unwrap();
    family.now += QUIET - 1;
    assert_eq!(family.look(), ["late\n", "end", "begin x.log 0", "new\n"]);
}

#[test]
fn other_content_of_the_same_size_is_seen() {
    let mut family = Family::new(Start::Beginning, |d| fs::write(d.join("x.log"), "one\n").unwrap());
    family.look();
    fs::write(family.path("x.log"), "two\n").unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9);
    fs::File::options().write(true).open(family.path("x.log")).unwrap().set_modified(later).unwrap();
    let said = family.look();
    assert!(said[0].contains("truncated"), "{said:?}");
    assert_eq!(said[1..], ["end", "begin x.log 0", "two\n"]);
}

#[test]
fn an_old_archive_that_is_unpacked_to_be_looked_at_is_not_read() {
    let text: String = (0..1_000).map(|n| format!("{n}\n")).collect();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gz, text.as_bytes()).unwrap();
    let mut family = Family::new(Start::End, |d| {
        fs::write(d.join("x.log.2.gz"), gz.finish().unwrap()).unwrap();
        fs::write(d.join("x.log"), "a\n").unwrap();
    });
    assert_eq!(family.look(), ["begin x.log 2"]);
    fs::remove_file(family.path("x.log.2.gz")).unwrap();
    fs::write(family.path("x.log.3"), &text).unwrap();
    fs::rename(family.path("x.log"), family.path("x.log.1")).unwrap();
    fs::write(family.path("x.log"), "b\n").unwrap();
    assert_eq!(family.look(), ["end", "begin x.log 0", "b\n"]);
}
