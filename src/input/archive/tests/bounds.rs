//! Memory and time do not depend on what the input claims or unpacks to.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::{Cause, Damage, MemberInfo, Visitor, visit_stream};
use super::Seen;
use super::build::{gz, log, tar, zip};

/// Counts bytes instead of keeping them.
#[derive(Default)]
struct Count {
    bytes: u64,
    damages: Vec<Damage>,
}

impl Visitor for Count {
    fn member(&mut self, _info: &MemberInfo, data: &mut dyn Read) -> io::Result<()> {
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match data.read(&mut buffer)? {
                0 => return Ok(()),
                count => self.bytes += count as u64,
            }
        }
    }

    fn skipped(&mut self, _path: &str, _why: &str) {}

    fn damaged(&mut self, damage: Damage) {
        self.damages.push(damage);
    }
}

/// The most memory that this process has held, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[test]
fn a_bomb_is_a_long_file() {
    const SIZE: u64 = 1 << 30;
    let mut bomb = GzEncoder::new(GzEncoder::new(Vec::new(), Compression::fast()), Compression::fast());
    let zeros = vec![0; 1 << 20];
    (0..SIZE >> 20).for_each(|_| bomb.write_all(&zeros).expect("memory"));
    let bomb = bomb.finish().and_then(GzEncoder::finish).expect("memory");
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let bomb = tar(&[("bomb.gz.gz", &bomb)]);
    let (mut count, before) = (Count::default(), peak());
    visit_stream("bomb.tar", Box::new(bomb.as_slice()), &mut count).expect("a slice can be read");
    assert_eq!(count.bytes, SIZE);
    assert!(count.damages.is_empty());
    // Other tests run beside this one and hold some megabytes.
    assert!(peak() - before < 200 * 1024, "{} KiB", peak() - before);
}

#[test]
fn headers_that_ask_for_much_get_little() {
    // A long name of 2 GiB whose bytes are a bomb of their own.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(2 << 20);
    header.set_cksum();
    let archive = [header.as_bytes().to_vec(), vec![b'a'; 2 << 20], tar(&[("fine", b"1")])].concat();
    let seen = Seen::both("x.tar", &archive);
    assert_eq!(seen.paths(), ["x.tar!fine"]);
    assert!(matches!(seen.damages[0].cause, Cause::ExtendedHeader(_)));
    // An entry of 2^63 bytes.
    let mut header = tar::Header::new_gnu();
    header.set_path("huge").expect("a name");
    header.set_size(1 << 63);
    header.set_cksum();
    let seen = Seen::both("x.tar", &[header.as_bytes().to_vec(), log(10)].concat());
    assert_eq!(seen.bytes("x.tar!huge"), log(10));
    assert!(matches!(seen.damages[0].cause, Cause::EntryCut { .. }));
}

/// The header of an old GNU sparse file.
fn sparse(map: &[(u64, u64)], size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("holes.log").expect("a name");
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(map.iter().map(|(_, length)| length).sum());
    let mut bytes = header.as_bytes().to_vec();
    for (index, (start, length)) in map.iter().enumerate() {
        bytes[386 + index * 24..][..11].copy_from_slice(format!("{start:011o}").as_bytes());
        bytes[398 + index * 24..][..11].copy_from_slice(format!("{length:011o}").as_bytes());
    }
    bytes[483] = 0x80;
    bytes[487..495].copy_from_slice(&size.to_be_bytes());
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes
}

#[test]
fn holes_read_as_zeros_up_to_a_limit() {
    let mut data = [b'a'; 512];
    data[3..6].copy_from_slice(b"bcd");
    let archive = [sparse(&[(5, 3), (20, 3)], 30), data.to_vec(), tar(&[("after", b"1")])].concat();
    let seen = Seen::both("x.tar", &archive);
    seen.assert_clean();
    assert_eq!(seen.bytes("x.tar!holes.log"), b"\0\0\0\0\0aaa\0\0\0\0\0\0\0\0\0\0\0\0bcd\0\0\0\0\0\0\0");
    assert_eq!(seen.paths(), ["x.tar!holes.log", "x.tar!after"]);
    let archive = [sparse(&[(1 << 32, 3)], 1 << 62), data.to_vec(), tar(&[("after", b"1")])].concat();
    let seen = Seen::both("x.tar", &archive);
    assert_eq!(seen.bytes("x.tar!holes.log"), b"aaa");
    assert_eq!(seen.damages.len(), 1);
    assert!(matches!(seen.damages[0].cause, Cause::Hole { .. }));
}

#[test]
fn newer_sparse_files_carry_their_map_in_front_of_the_data() {
    let mut builder = tar::Builder::new(Vec::new());
    let records = [
        ("GNU.sparse.major", &b"1"[..]),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"holes.log"),
        ("GNU.sparse.realsize", b"12"),
    ];
    builder.append_pax_extensions(records).expect("memory");
    let mut data = b"2\n2\n3\n8\n2\n".to_vec();
    data.resize(512, 0);
    data.extend(b"abcde");
    let mut header = tar::Header::new_ustar();
    header.set_path("GNUSparseFile.7/holes.log").expect("a name");
    header.set_size(data.len() as u64);
    header.set_cksum();
    builder.append(&header, data.as_slice()).expect("memory");
    let seen = Seen::both("x.tar", &builder.into_inner().expect("memory"));
    seen.assert_clean();
    assert_eq!(seen.contents(), [("x.tar!holes.log", &b"\0\0abc\0\0\0de\0\0"[..])]);
}

#[test]
fn a_directory_whose_entries_overlap_is_not_used() {
    let data = log(2000);
    let good = zip(&[("a", &data), ("b", b"1")]);
    let (start, end) = (super::build::find(&good, b"PK\x01\x02", 0), super::build::find(&good, b"PK\x05\x06", 0));
    let record = &good[start..start + 47];
    let directory: Vec<u8> = std::iter::repeat_n(record, 1000).flatten().copied().collect();
    let mut tail = good[end..].to_vec();
    tail[8..10].copy_from_slice(&1000_u16.to_le_bytes());
    tail[10..12].copy_from_slice(&1000_u16.to_le_bytes());
    tail[12..16].copy_from_slice(&u32::try_from(directory.len()).expect("small").to_le_bytes());
    let seen = Seen::file("x.zip", &[&good[..start], &directory, &tail].concat());
    assert_eq!(seen.paths(), ["x.zip!a", "x.zip!b"]);
    assert_eq!(seen.damages[0].cause, Cause::Directory);
}

#[test]
fn many_damaged_members_are_summed_up() {
    let mut member = gz(b"x\n");
    let crc = member.len() - 8;
    member[crc] ^= 1;
    let seen = Seen::stream("x.gz", &member.repeat(1000));
    assert_eq!(seen.bytes("x.gz").len(), 2000);
    assert_eq!(seen.damages.len(), 33);
    assert_eq!(seen.damages[32].cause, Cause::More(968));
}

#[test]
fn many_small_members_are_all_read() {
    let entries: Vec<(String, Vec<u8>)> = (0..5000).map(|i| (format!("n{i}/ha.log.gz"), gz(&log(2)))).collect();
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, data)| (name.as_str(), data.as_slice())).collect();
    for bytes in [tar(&entries), zip(&entries)] {
        let seen = Seen::file("x", &bytes);
        seen.assert_clean();
        assert_eq!(seen.members.len(), 5000);
    }
}
