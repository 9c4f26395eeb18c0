//! What is intact counts, and what is not is named.

use zip::CompressionMethod;

use super::super::{Cause, Format};
use super::Seen;
use super::build::{Sums, find, gz, log, noise, tar, zip, zip_with, zst};

/// Lengths to cut `total` bytes to: about 1,000, all over, and every one near the ends.
fn cuts(total: usize) -> impl Iterator<Item = usize> {
    let step = (total / 900).max(1);
    (0..total).filter(move |at| at % step == 0 || *at < 40 || total - at < 40)
}

#[test]
fn a_gzip_cut_anywhere_gives_its_prefix() {
    let data = [log(1500), noise(20_000)].concat();
    let packed = gz(&data);
    let mut last = 0;
    for cut in cuts(packed.len()) {
        let seen = Seen::stream("ha.log.gz", &packed[..cut]);
        let found = seen.bytes("ha.log.gz");
        assert!(data.starts_with(found) && found.len() >= last, "cut at {cut}");
        last = found.len();
        let damage = &seen.damages[0];
        assert_eq!(
            (damage.offset, &damage.cause),
            (found.len() as u64, &Cause::Truncated(Format::Gzip)),
            "cut at {cut}"
        );
        assert!(damage.compressed_offset.is_some_and(|offset| offset <= cut as u64));
        assert_eq!(seen.damages.len(), 1);
    }
    // Only the checksum was cut at the end.
    assert_eq!(last, data.len());
}

#[test]
fn a_zstd_cut_anywhere_gives_its_blocks() {
    let data = [log(3000), noise(300_000)].concat();
    let packed = zst(&data);
    let mut last = 0;
    for cut in cuts(packed.len()) {
        let seen = Seen::stream("ha.log.zst", &packed[..cut]);
        let found = seen.bytes("ha.log.zst");
        assert!(data.starts_with(found) && found.len() >= last, "cut at {cut}");
        last = found.len();
        assert_eq!(seen.damages.len(), 1, "cut at {cut}");
        assert_eq!((seen.damages[0].offset, &seen.damages[0].cause), (last as u64, &Cause::Truncated(Format::Zstd)));
    }
    assert_eq!(last, data.len());
}

/// The members of a cut archive: those before the cut whole, one more as a prefix, and always damage.
fn assert_prefix(name: &str, packed: &[u8], entries: &[(&str, &[u8])], read: fn(&str, &[u8]) -> Seen) {
    let (mut last, total) = (0, entries.iter().map(|(_, data)| data.len()).sum::<usize>());
    for cut in cuts(packed.len()) {
        let seen = read(name, &packed[..cut]);
        let members: Vec<_> = seen.members.iter().filter(|(info, _)| info.parts.len() > 1).collect();
        for (index, (member, entry)) in members.iter().zip(entries).enumerate() {
            assert_eq!(member.0.parts[1], entry.0, "cut at {cut}");
            let whole = index + 1 < members.len();
            assert!(
                if whole { member.1 == entry.1 } else { entry.1.starts_with(&member.1) },
                "cut at {cut}: {}",
                seen.damage_text()
            );
        }
        let got: usize = members.iter().map(|member| member.1.len()).sum();
        assert!(members.len() <= entries.len() && got >= last, "cut at {cut}: {got} < {last}");
        // A few bytes of a header cannot be told from a short text.
        assert!(!seen.damages.is_empty() || !seen.notes.is_empty(), "cut at {cut}");
        last = got;
    }
    assert_eq!(last, total, "all data was there before the last cut");
}

#[test]
fn tars_and_zips_cut_anywhere_give_their_prefix() {
    let (a, b, c) = (log(100), noise(3000), log(200));
    let entries: [(&str, &[u8]); 3] = [("a.log", &a), ("b", &b), ("c.log", &c)];
    // Without the blocks of zeros at the end: one zero byte of them tells that no entry follows.
    let tar = tar(&entries);
    let whole = tar.len() - 1023;
    assert_prefix("x.tar", &tar[..whole], &entries, Seen::stream);
    assert_prefix("x.tgz", &gz(&tar), &entries, Seen::stream);
    for method in [CompressionMethod::Deflated, CompressionMethod::Stored, CompressionMethod::Zstd] {
        for sums in [Sums::Before, Sums::Behind] {
            let zip = zip_with(&entries, method, sums);
            assert_prefix("x.zip", &zip, &entries, Seen::stream);
        }
    }
    assert_prefix("x.zip", &zip(&entries), &entries, Seen::file);
}

#[test]
fn bytes_before_a_flip_count() {
    let data = log(50_000);
    let packed = gz(&data);
    for at in (100..packed.len()).step_by(packed.len() / 40) {
        let mut bad = packed.clone();
        bad[at] ^= 0x10;
        let seen = Seen::stream("x.gz", &bad);
        let found = seen.bytes("x.gz");
        let same = found.iter().zip(&data).take_while(|(a, b)| a == b).count();
        // Whatever stands in the packed bytes before the flip is decoded; the last symbol or two may hang on it.
        let before = Seen::stream("x.gz", &packed[..at]).bytes("x.gz").len();
        assert!(same + 600 >= before, "{same} of {before} at {at}");
        assert_eq!(seen.damages.len(), 1, "{}", seen.damage_text());
    }
}

#[test]
fn a_wrong_gzip_checksum_keeps_the_bytes_and_the_next_member() {
    let mut packed = gz(b"one\n");
    let crc = packed.len() - 8;
    packed[crc] ^= 1;
    packed.extend(gz(b"two\n"));
    let seen = Seen::both("x.gz", &packed);
    assert_eq!(seen.bytes("x.gz"), b"one\ntwo\n");
    assert_eq!(seen.damages[0].cause, Cause::Checksum(Format::Gzip));
    assert_eq!(seen.damages[0].offset, 4);
}

#[test]
fn bytes_behind_the_last_gzip_member_are_damage() {
    for garbage in [&b"garbage"[..], b"\0\0\0x", b"\x1f\x8b"] {
        let seen = Seen::both("x.gz", &[gz(b"one\n"), garbage.to_vec()].concat());
        assert_eq!(seen.bytes("x.gz"), b"one\n");
        assert_eq!(seen.damages.len(), 1, "{}", seen.damage_text());
    }
}

#[test]
fn zstd_damage_keeps_the_blocks_before_it() {
    let data = noise(1_000_000);
    let mut packed = zst(&data);
    // The header of the fifth block: noise is kept as it is, in blocks of 128 KiB with 3 bytes before each.
    let at = find(&packed, &data[4 * 131_072..4 * 131_072 + 16], 0) - 3;
    packed[at] |= 0b110;
    let seen = Seen::both("x.zst", &packed);
    assert_eq!(seen.bytes("x.zst"), &data[..4 * 131_072]);
    assert!(matches!(seen.damages[0].cause, Cause::Corrupt { format: Format::Zstd, .. }));
    let last = packed.len() - 1;
    let mut packed = zst(&data);
    packed[last] ^= 1;
    let seen = Seen::both("x.zst", &packed);
    assert_eq!((seen.bytes("x.zst").len(), &seen.damages[0].cause), (data.len(), &Cause::Checksum(Format::Zstd)));
}

#[test]
fn a_bad_tar_header_loses_its_entry_alone() {
    let mut archive = tar(&[("a", b"1"), ("b", &log(100)), ("c", b"3")]);
    archive[1024 + 5] ^= 0xff;
    let seen = Seen::both("x.tar", &archive);
    assert_eq!(seen.paths(), ["x.tar!a", "x.tar!c"]);
    assert!(
        matches!(seen.damages[..], [ref one] if one.offset == 1024 && matches!(one.cause, Cause::Unrecognised { .. }))
    );
    archive[5] ^= 0xff;
    assert_eq!(Seen::both("x.tar", &archive).paths(), ["x.tar!c"]);
}

#[test]
fn a_tar_without_its_end_is_suspect() {
    let archive = tar(&[("a", b"1")]);
    let seen = Seen::both("x.tar", &archive[..1024]);
    assert_eq!(seen.paths(), ["x.tar!a"]);
    assert_eq!(seen.damages[0].cause, Cause::NoEndMarker);
}

#[test]
fn a_bad_zip_entry_loses_itself_alone() {
    let (a, b) = (log(3000), log(500));
    for sums in [Sums::Before, Sums::Behind] {
        let good = zip_with(&[("a", &a), ("b", &a), ("c", &b)], CompressionMethod::Deflated, sums);
        let second = find(&good, b"PK\x03\x04", 1);
        for (at, flip) in [(second + 400, 0xff), (second + 5000, 0xff), (second, 0x01), (second + 14, 0xff)] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            for seen in [Seen::file("x.zip", &bad), Seen::stream("x.zip", &bad)] {
                assert_eq!(seen.bytes("x.zip!a"), a, "{at} {sums:?}");
                assert_eq!(seen.bytes("x.zip!c"), b, "{at} {sums:?}");
            }
        }
    }
}

#[test]
fn a_zip_without_its_directory_is_read_in_sequence() {
    let data = log(3000);
    let good = zip(&[("a", &data), ("b", &data)]);
    let directory = find(&good, b"PK\x01\x02", 0);
    for bad in [good[..directory].to_vec(), [&good[..directory + 1], b"x", &good[directory + 2..]].concat()] {
        let seen = Seen::both("x.zip", &bad);
        assert_eq!(seen.contents(), [("x.zip!a", data.as_slice()), ("x.zip!b", &data)]);
        assert_eq!(seen.damages[0].cause, Cause::Directory);
    }
}

#[test]
fn one_byte_of_an_archive_is_a_cut_archive() {
    for (name, start) in [
        ("x.gz", &b"\x1f"[..]),
        ("x.gz", b""),
        ("x.zst", b"\x28\xb5"),
        ("x.zip", b"PK"),
        ("x.tar", b""),
        ("x.tar", b"ha.log\0\0"),
    ] {
        let seen = Seen::both(name, start);
        assert!(!seen.damages.is_empty(), "{name} {start:?}: {seen:?}");
        assert!(seen.members.iter().all(|(_, bytes)| bytes.is_empty()));
    }
}

#[test]
fn an_archive_whose_first_byte_was_hit_is_still_one_by_its_name() {
    let data = log(3000);
    let entries: [(&str, &[u8]); 2] = [("a", &data), ("b", &data)];
    let hit = |mut bytes: Vec<u8>, at: usize| {
        bytes[at] ^= 4;
        bytes
    };
    let seen = Seen::both("x.gz", &hit(gz(&data), 0));
    assert_eq!((seen.bytes("x.gz"), &seen.damages[0].cause), (data.as_slice(), &Cause::Mark(Format::Gzip)));
    let seen = Seen::both("x.tar", &hit(tar(&entries), 258));
    assert_eq!(seen.bytes("x.tar!b"), data);
    assert_eq!(Seen::stream("x.zip", &hit(zip(&entries), 0)).bytes("x.zip!b"), data);
    assert_eq!(Seen::file("x.zip", &hit(zip(&entries), 0)).bytes("x.zip!b"), data);
    assert_eq!(Seen::both("x.zst", &hit(zst(&data), 0)).damages.len(), 1);
}

#[test]
fn damage_names_file_and_offset() {
    let packed = gz(&tar(&[("flink/ha.log", &noise(5000))]));
    let seen = Seen::both("node.tar.gz", &packed[..3000]);
    let text = seen.damage_text();
    assert!(text.starts_with("node.tar.gz!flink/ha.log: at byte "), "{text}");
    assert!(
        text.contains("\nnode.tar.gz: at byte ") && text.contains("(packed byte 3000): cut short inside its gzip data"),
        "{text}"
    );
}

#[test]
fn encrypted_entries_are_named_and_passed_over() {
    let mut archive = zip(&[("secret", b"1"), ("open", b"2")]);
    for (mark, at) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let record = find(&archive, mark, 0);
        archive[record + at] |= 1;
    }
    let seen = Seen::both("x.zip", &archive);
    assert_eq!(seen.paths(), ["x.zip!open"]);
    assert!(seen.skipped[0].1.contains("password"));
}
