//! Archives inside archives.

use zip::CompressionMethod;

use super::Seen;
use super::build::{Sums, gz, gz_at, log, noise, tar, zip, zip_with, zst};

#[test]
fn every_format_inside_every_other() {
    let data = log(4000);
    let inner: [(&str, Vec<u8>, &str); 5] = [
        ("ha.log.gz", gz(&data), ""),
        ("ha.log.zst", zst(&data), ""),
        ("h.tar", tar(&[("ha.log", &data)]), "!ha.log"),
        ("h.zip", zip(&[("ha.log", &data)]), "!ha.log"),
        ("h.tgz", gz(&tar(&[("ha.log", &data)])), "!ha.log"),
    ];
    for (name, packed, suffix) in &inner {
        let entries: [(&str, &[u8]); 3] = [("first", b"1\n"), (name, packed), ("last", b"2\n")];
        let streamed = zip_with(&entries, CompressionMethod::Deflated, Sums::Behind);
        let stored = zip_with(&entries, CompressionMethod::Stored, Sums::Behind);
        for outer in [
            tar(&entries),
            gz(&tar(&entries)),
            zst(&tar(&entries)),
            zip(&entries),
            gz(&zip(&entries)),
            streamed,
            stored,
        ] {
            let seen = Seen::both("o", &outer);
            seen.assert_clean();
            assert_eq!(seen.paths(), ["o!first", &format!("o!{name}{suffix}"), "o!last"]);
            assert_eq!(seen.members[1].1, data, "{name}");
            assert_eq!(seen.members[1].0.parts.join("!"), seen.members[1].0.path);
        }
    }
}

#[test]
fn the_innermost_time_counts() {
    let seen = Seen::stream("o.tar", &tar(&[("a.gz", &gz_at(b"1", 77)), ("b.gz", &gz(b"2"))]));
    assert_eq!([seen.stamp(0), seen.stamp(1)], [Some(77_000), Some(1_616_395_415_000)]);
}

#[test]
fn nesting_ends_at_a_depth_and_goes_on_beside_it() {
    let layered = |layers: usize| (0..layers).fold(b"deep\n".to_vec(), |data, _| gz(&data));
    let seen = Seen::stream("x", &layered(8));
    assert_eq!(seen.bytes("x"), b"deep\n");
    let archive = tar(&[("deep", &layered(8)), ("fine", b"1")]);
    let seen = Seen::stream("x.tar", &archive);
    assert_eq!(seen.paths(), ["x.tar!fine"]);
    assert!(seen.skipped[0].0 == "x.tar!deep" && seen.skipped[0].1.contains("8 layers"));
}

#[test]
fn damage_inside_an_entry_stays_inside() {
    let (good, noise) = (log(2000), noise(50_000));
    let mut bad = gz(&good);
    let middle = bad.len() / 2;
    bad.truncate(middle);
    let mut flipped = gz(&noise);
    flipped[20_000] ^= 0x55;
    let entries: [(&str, &[u8]); 4] =
        [("a.gz", &bad), ("b.gz", &flipped), ("c.zst", &zst(&good)[..middle / 2]), ("d.gz", &gz(&good))];
    for outer in
        [tar(&entries), zip(&entries), zip_with(&entries, CompressionMethod::Stored, Sums::Behind), gz(&tar(&entries))]
    {
        let seen = Seen::both("o", &outer);
        assert_eq!(seen.paths(), ["o!a.gz", "o!b.gz", "o!c.zst", "o!d.gz"]);
        assert_eq!(seen.bytes("o!d.gz"), good);
        assert!(good.starts_with(seen.bytes("o!a.gz")) && !seen.bytes("o!a.gz").is_empty());
        let damaged: Vec<&str> = seen.damages.iter().map(|damage| damage.path.as_str()).collect();
        assert_eq!(damaged, ["o!a.gz", "o!b.gz", "o!c.zst"], "{}", seen.damage_text());
    }
}
