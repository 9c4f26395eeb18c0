//! Every format by itself.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zip::CompressionMethod;

use super::build::{Sums, gz, gz_at, log, noise, tar, zip, zip_with, zst};
use super::{Damage, Error, MemberInfo, Seen, Visitor, is_visitors, visit, visit_stream};
use crate::input::archive::Meter;

#[test]
fn plain_files_are_their_own_member() {
    let data = log(5000);
    let seen = Seen::both("ha.log", &data);
    seen.assert_clean();
    assert_eq!(seen.contents(), [("ha.log", data.as_slice())]);
    assert!(seen.stamp(0).is_some_and(|stamp| stamp > 1_600_000_000_000));
    assert!(!seen.members[0].0.compressed);
    assert_eq!(Seen::stream("stdin", &data).stamp(0), None);
}

#[test]
fn empty_files_are_members_without_bytes() {
    let seen = Seen::both("ha.log", b"");
    seen.assert_clean();
    assert_eq!(seen.contents(), [("ha.log", &b""[..])]);
    Seen::both("ha.log.gz", &gz(b"")).assert_clean();
    Seen::both("ha.log.zst", &zst(b"")).assert_clean();
    let nothing = Seen::both("x.zip", &zip(&[]));
    nothing.assert_clean();
    assert!(nothing.members.is_empty());
}

#[test]
fn gzip_has_any_number_of_members_and_zeros_behind_them() {
    let parts = [log(3000), Vec::new(), log(1), log(40_000)];
    let mut packed: Vec<u8> = parts.iter().flat_map(|part| gz(part)).collect();
    let seen = Seen::both("ha.log.gz", &packed);
    seen.assert_clean();
    assert_eq!(seen.bytes("ha.log.gz"), parts.concat());
    assert!(seen.members[0].0.compressed);
    packed.resize(packed.len() + 700_000, 0);
    Seen::both("ha.log.gz", &packed).assert_clean();
}

#[test]
fn gzip_knows_when_the_log_was_written() {
    assert_eq!(Seen::stream("x.gz", &gz_at(b"x\n", 1_616_395_415)).stamp(0), Some(1_616_395_415_000));
    assert_eq!(Seen::stream("x.gz", &gz_at(b"x\n", 0)).stamp(0), None);
}

#[test]
fn a_gz_that_is_not_gzip_is_plain_with_a_note() {
    let seen = Seen::both("ha.log.gz", &log(100));
    assert_eq!(seen.bytes("ha.log.gz"), log(100));
    assert_eq!(seen.notes.len(), 1);
    assert!(seen.damages.is_empty());
}

#[test]
fn the_first_bytes_decide_and_not_the_name() {
    for packed in [gz(&log(9)), zst(&log(9))] {
        let seen = Seen::both("ha.log", &packed);
        seen.assert_clean();
        assert_eq!(seen.bytes("ha.log"), log(9));
    }
    assert_eq!(Seen::both("ha.log", &tar(&[("a", b"1")])).paths(), ["ha.log!a"]);
    assert_eq!(Seen::both("ha.log", &zip(&[("a", b"1")])).paths(), ["ha.log!a"]);
}

#[test]
fn zstd_has_any_number_of_frames_and_skips_those_without_data() {
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let packed = [skipped.clone(), zst(&log(30_000)), skipped, zst(&noise(300_000)), vec![0; 5000]].concat();
    let seen = Seen::both("ha.log.zst", &packed);
    seen.assert_clean();
    assert_eq!(seen.bytes("ha.log.zst"), [log(30_000), noise(300_000)].concat());
}

#[test]
fn zips_of_every_kind_are_read_from_files_and_from_streams() {
    let (big, small) = (log(20_000), noise(70_000));
    let entries: [(&str, &[u8]); 5] =
        [("a/ha.log", &big), ("a/noise", &small), ("empty", b""), ("../up", b"1\n"), ("/abs", b"2\n")];
    let expected: Vec<(String, &[u8])> = entries.iter().map(|(name, data)| (format!("x.zip!{name}"), *data)).collect();
    for method in [CompressionMethod::Deflated, CompressionMethod::Stored, CompressionMethod::Zstd] {
        for sums in [Sums::Before, Sums::Behind] {
            let seen = Seen::both("x.zip", &zip_with(&entries, method, sums));
            seen.assert_clean();
            let found: Vec<(String, &[u8])> =
                seen.contents().into_iter().map(|(path, data)| (path.to_owned(), data)).collect();
            assert_eq!(found, expected, "{method} {sums:?}");
            assert_eq!(seen.members[0].0.compressed, method != CompressionMethod::Stored);
            assert_eq!(seen.stamp(0), None, "a DOS time has no zone");
        }
    }
}

#[test]
fn a_stored_zip_inside_a_stored_zip_does_not_end_the_outer_entry() {
    let inner = zip_with(&[("deep.log", &log(50))], CompressionMethod::Stored, Sums::Behind);
    let outer = zip_with(&[("in.zip", &inner), ("after", b"x\n")], CompressionMethod::Stored, Sums::Behind);
    let seen = Seen::both("o.zip", &outer);
    seen.assert_clean();
    assert_eq!(seen.paths(), ["o.zip!in.zip!deep.log", "o.zip!after"]);
}

#[test]
fn what_looks_like_a_record_inside_stored_data_is_data() {
    // A descriptor that fits the bytes before it in all but the checksum, and then a whole zip.
    let length = 40_000_u32;
    let mut data = b"x".repeat(40_000);
    data.extend([b"PK\x07\x08\0\0\0\0", &length.to_le_bytes()[..], &length.to_le_bytes()].concat());
    data.extend(zip(&[("inner", b"1")]));
    let archive = zip_with(&[("a", &data), ("b", b"2")], CompressionMethod::Stored, Sums::Behind);
    let seen = Seen::both("x.zip", &archive);
    seen.assert_clean();
    assert_eq!(seen.contents(), [("x.zip!a", data.as_slice()), ("x.zip!b", b"2")]);
    // Nor does it come up when the visitor leaves it unread.
    let mut hasty = Hasty { paths: Vec::new(), limit: 3, progress: Arc::default() };
    visit_stream("x", Box::new(archive.as_slice()), &mut hasty).expect("two members only");
    assert_eq!(hasty.paths, ["x!a", "x!b"]);
}

#[test]
fn tar_entries_keep_name_and_time() {
    let long = format!("{}ha.log", "directory-with-a-long-name/".repeat(12));
    let data = log(3000);
    let archive =
        tar(&[("./a.log", &data), (&long, b"long\n"), ("a.log", b"twice\n"), ("a.log", b""), ("exact", &data[..1024])]);
    let seen = Seen::both("x.tar", &archive);
    seen.assert_clean();
    // Both members of that name come, in order, and the writer takes "./" off.
    assert_eq!(seen.members.len(), 5);
    assert_eq!(seen.bytes(&format!("x.tar!{long}")), b"long\n");
    assert_eq!(seen.members[4].1, data[..1024]);
    assert!((0..5).all(|index| seen.stamp(index) == Some(1_616_395_415_000)));
}

#[test]
fn tar_passes_over_what_holds_no_data() {
    let mut builder = tar::Builder::new(Vec::new());
    let kinds = [
        tar::EntryType::Directory,
        tar::EntryType::Symlink,
        tar::EntryType::Link,
        tar::EntryType::Fifo,
        tar::EntryType::Char,
    ];
    for (index, kind) in kinds.into_iter().enumerate() {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        if kind.is_symlink() || kind.is_hard_link() {
            builder.append_link(&mut header, format!("link{index}"), "elsewhere").expect("memory");
        } else {
            builder.append_data(&mut header, format!("other{index}"), io::empty()).expect("memory");
        }
    }
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    builder.append_data(&mut header, "ha.log", &b"abc"[..]).expect("memory");
    let seen = Seen::both("x.tar", &builder.into_inner().expect("memory"));
    seen.assert_clean();
    assert_eq!(seen.contents(), [("x.tar!ha.log", &b"abc"[..])]);
}

#[test]
fn extended_headers_rule_over_plain_ones() {
    let mut builder = tar::Builder::new(Vec::new());
    let records = [("path", &b"pax/\xe4\xb8\xad.log"[..]), ("mtime", b"1616395415.344"), ("size", b"5")];
    builder.append_pax_extensions(records).expect("memory");
    let mut header = tar::Header::new_ustar();
    header.set_path("short").expect("a name");
    header.set_size(5);
    header.set_cksum();
    builder.append(&header, &b"12345"[..]).expect("memory");
    let seen = Seen::both("x.tar", &builder.into_inner().expect("memory"));
    seen.assert_clean();
    assert_eq!(seen.contents(), [("x.tar!pax/中.log", &b"12345"[..])]);
    assert_eq!(seen.stamp(0), Some(1_616_395_415_344));
}

#[test]
fn two_tars_in_a_row_are_both_read() {
    let archive = [tar(&[("a", b"1")]), vec![0; 9 * 512], tar(&[("b", b"2")])].concat();
    let seen = Seen::both("x.tar", &archive);
    seen.assert_clean();
    assert_eq!(seen.paths(), ["x.tar!a", "x.tar!b"]);
}

#[test]
fn formats_that_are_not_read_are_named() {
    for (bytes, name) in [(&b"\xfd7zXZ\0rest"[..], "xz"), (b"BZh91AY&SYrest", "bzip2"), (b"7z\xbc\xaf\x27\x1c", "7z")] {
        let seen = Seen::both("ha.log.1", bytes);
        assert!(seen.members.is_empty());
        assert!(seen.skipped[0].1.starts_with(name), "{:?}", seen.skipped);
    }
}

#[test]
fn what_cannot_be_opened_or_read_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let missing = directory.path().join("none.log");
    let error = visit(&missing, &mut Seen::default()).expect_err("it is not there");
    assert!(matches!(error, Error::Open { .. }) && error.to_string().contains("none.log"));
    let mut seen = Seen::default();
    let error = visit(directory.path(), &mut seen).expect_err("it is a directory");
    assert!(matches!(error, Error::Read { .. }), "{error}");
    assert!(seen.members.is_empty());
    assert!(visit(Path::new("/dev/null"), &mut seen).is_ok());
}

#[test]
fn a_disk_that_fails_half_way_is_damage() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(self.0).min(1000);
            self.0 -= count;
            out[..count].fill(b'x');
            if count == 0 { Err(io::Error::other("bad sector")) } else { Ok(count) }
        }
    }
    let mut seen = Seen::default();
    visit_stream("ha.log", Box::new(Failing(50_000)), &mut seen).expect("what was read counts");
    assert_eq!(seen.bytes("ha.log").len(), 50_000);
    assert_eq!(seen.damage_text(), "ha.log: at byte 50000: cannot be read further: bad sector\n");
    let error = visit_stream("ha.log", Box::new(Failing(0)), &mut Seen::default());
    assert!(matches!(error, Err(Error::Read { .. })));
}

/// Reads little of each member, and fails at the third.
struct Hasty {
    paths: Vec<String>,
    limit: usize,
    progress: Arc<AtomicU64>,
}

impl Visitor for Hasty {
    fn member(&mut self, info: &MemberInfo, data: &mut dyn Read) -> io::Result<()> {
        let mut few = [0; 10];
        data.read_exact(&mut few[..1])?;
        self.paths.push(info.path.clone());
        if self.paths.len() == self.limit { Err(io::Error::other("enough")) } else { Ok(()) }
    }

    fn skipped(&mut self, path: &str, why: &str) {
        panic!("{path}: {why}");
    }

    fn damaged(&mut self, damage: Damage) {
        panic!("{damage}");
    }

    fn progress(&self) -> Option<Arc<Meter>> {
        Some(Meter::new(Arc::clone(&self.progress), false).into())
    }
}

#[test]
fn a_visitor_may_leave_bytes_and_may_end_the_visit() {
    let (big, noise) = (log(20_000), noise(100_000));
    let entries: [(&str, &[u8]); 4] = [("a", &big), ("b", &noise), ("c", &gz(&big)), ("d", b"x")];
    let zips = [CompressionMethod::Deflated, CompressionMethod::Stored, CompressionMethod::Zstd]
        .into_iter()
        .flat_map(|method| [Sums::Before, Sums::Behind].map(|sums| zip_with(&entries, method, sums)));
    for bytes in zips.chain([tar(&entries), gz(&tar(&entries)), zst(&tar(&entries))]) {
        let mut hasty = Hasty { paths: Vec::new(), limit: 5, progress: Arc::default() };
        visit_stream("x", Box::new(bytes.as_slice()), &mut hasty).expect("four members only");
        assert_eq!(hasty.paths, ["x!a", "x!b", "x!c", "x!d"]);
        assert_eq!(hasty.progress.load(Ordering::Relaxed), bytes.len() as u64);
        let mut hasty = Hasty { paths: Vec::new(), limit: 3, progress: Arc::default() };
        let error = visit_stream("x", Box::new(bytes.as_slice()), &mut hasty).expect_err("the third ends it");
        assert!(is_visitors(&error) && io::Error::from(error).to_string() == "enough");
    }
}
