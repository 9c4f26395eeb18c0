//! Whatever is done to an archive, no reader panics or hangs, and what stands before the damage counts.
//!
//! Every case is made from a seed and can be had again: a failure prints it. `TOCSIN_FUZZ_CASES` is the number of cases
//! of each random test, and `TOCSIN_FUZZ_SEED` the first seed; `scripts/fuzz` runs them for as long as one likes.

#[path = "archive_support/mod.rs"]
mod support;

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use support::pack::{gz, stored_gz, tar, zip, zst};
use support::random::Random;
use support::*;
use tocsin::input::archive::{self, Damage, MemberInfo, Visitor};

/// More than this cannot come out of the few kilobytes that go in, unless a reader goes round in circles. (Deflate packs
/// a thousandfold at most, zstd more, and one layer may stand in another.)
const MOST: usize = 64 << 20;

/// What a visit gave.
#[derive(Default)]
struct Seen {
    /// The bytes of each member, in order.
    members: Vec<(String, Vec<u8>)>,
    damaged: usize,
    skipped: usize,
    bytes: usize,
}

impl Visitor for Seen {
    fn member(&mut self, info: &MemberInfo, data: &mut dyn Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        data.take((MOST - self.bytes) as u64).read_to_end(&mut bytes)?;
        self.bytes += bytes.len();
        self.members.push((info.path.clone(), bytes));
        if self.bytes == MOST { Err(io::Error::other("enough")) } else { Ok(()) }
    }

    fn skipped(&mut self, _: &str, _: &str) {
        self.skipped += 1;
    }

    fn damaged(&mut self, _: Damage) {
        self.damaged += 1;
    }
}

/// Bytes that do not wait for a reader that never stops asking.
struct Patience<'a> {
    bytes: &'a [u8],
    asked_in_vain: usize,
}

impl Read for Patience<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(out)?;
        self.asked_in_vain += usize::from(read == 0 && !out.is_empty());
        assert!(self.asked_in_vain < 10_000, "a reader asks again and again for what is not there");
        Ok(read)
    }
}

/// Visits bytes as a stream and as a file, and expects the same of both but for a zip, whose directory only a file has.
fn visit(name: &str, bytes: &[u8], directory: &std::path::Path) -> [Seen; 2] {
    let mut streamed = Seen::default();
    // The one error that can come is our own, of a bomb.
    let _ = archive::visit_stream(name, Box::new(Patience { bytes, asked_in_vain: 0 }), &mut streamed);
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    let mut filed = Seen::default();
    let _ = archive::visit(&path, &mut filed);
    [streamed, filed]
}

/// Runs a case, and says which it was if it panics.
fn case(what: &str, seed: u64, run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        eprintln!("failed: {what}, TOCSIN_FUZZ_SEED={seed} TOCSIN_FUZZ_CASES=1");
        std::panic::resume_unwind(panic);
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |v| v.parse().expect("a number"))
}

fn seeds(default: u64) -> impl Iterator<Item = u64> {
    let first = setting("TOCSIN_FUZZ_SEED", 1);
    first..first + setting("TOCSIN_FUZZ_CASES", default)
}

/// Some log text: repetitive as logs are, and of several blocks when packed.
fn text(lines: u32) -> String {
    let mut random = Random(7);
    (0..lines).map(|n| ha(n, &format!("{:x} and more of it", random.next() % 4096))).collect()
}

/// Good archives of every kind that there is a reader for.
fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let text = text(120);
    let whole = text.as_bytes();
    let (first, second) = whole.split_at(whole.len() / 2);
    let members: Vec<(String, Vec<u8>)> = vec![
        ("a/ha.log".into(), first.into()),
        ("a/ha.log.1.gz".into(), gz(second)),
        (format!("{}/ha.log", "long".repeat(40)), first[..300].into()),
        ("empty".into(), Vec::new()),
    ];
    vec![
        ("plain.log", whole.into()),
        ("one.gz", gz(whole)),
        ("stored.gz", stored_gz(whole)),
        ("two.gz", [gz(first), gz(second)].concat()),
        ("one.zst", zst(whole)),
        ("two.zst", [zst(first), zst(second)].concat()),
        ("some.tar", tar(&members)),
        ("some.tar.gz", gz(&tar(&members))),
        ("some.tar.zst", zst(&tar(&members))),
        ("some.zip", zip(&members)),
        ("zips.zip", zip(&[("in.zip".into(), zip(&members)), ("in.tar".into(), tar(&members))])),
        ("tars.tar", tar(&[("in.tar.gz".into(), gz(&tar(&members))), ("in.zip".into(), zip(&members))])),
    ]
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            _ if bytes.is_empty() => bytes.push(random.next() as u8),
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 0xff, 0x7f, 0x80, random.next() as u8][random.below(5)],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..(at + random.below(64)).min(bytes.len()))),
            4 => {
                let copy = bytes[at..(at + random.below(512)).min(bytes.len())].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => {
                let count = random.below(16);
                let noise: Vec<u8> = (0..count).map(|_| random.next() as u8).collect();
                bytes.splice(at..at, noise);
            }
        }
    }
}

#[test]
fn a_gz_that_is_cut_anywhere_gives_what_stands_before_the_cut() {
    let directory = tempfile::tempdir().unwrap();
    let text = text(2000);
    for (kind, packed) in [("packed", gz(text.as_bytes())), ("stored", stored_gz(text.as_bytes()))] {
        let decodable = decodable(&packed);
        let mut whole = 0;
        for place in 0..1000 {
            let cut = packed.len() * place / 1000;
            let [streamed, filed] = visit("x.log.gz", &packed[..cut], directory.path());
            let [streamed, filed] = [streamed, filed].map(|seen| {
                assert_eq!(seen.damaged, 1, "{kind}, cut at {cut}: it is damaged, once");
                seen.members.into_iter().next().map(|(_, bytes)| bytes).unwrap_or_default()
            });
            assert!(streamed == filed, "{kind}, cut at {cut}: a stream gives what a file gives");
            assert!(text.as_bytes().starts_with(&streamed), "{kind}, cut at {cut}: a prefix of the text");
            let could = decodable[cut];
            assert!(
                streamed.len() >= could,
                "{kind}, cut at {cut}: {} bytes of {could} that can be read",
                streamed.len()
            );
            whole += streamed.len();
        }
        assert!(whole / 1000 > text.len() / 3, "{kind}: cut in the middle, there is about half of it");
    }
}

/// How many bytes zlib itself makes of each beginning of a gzip file, fed byte by byte so that it keeps nothing back.
fn decodable(packed: &[u8]) -> Vec<usize> {
    const HEADER: usize = 10;
    let mut raw = flate2::Decompress::new(false);
    let mut out = vec![0; 1 << 16];
    let mut made = vec![0; HEADER + 1];
    for byte in packed[HEADER..].chunks(1) {
        // Once it has ended, what follows is the checksum.
        let _ = raw.decompress(byte, &mut out, flate2::FlushDecompress::None);
        made.push(raw.total_out() as usize);
    }
    made
}

#[test]
fn a_cut_gz_gives_the_transitions_of_the_lines_before_the_cut() {
    let text: String = (0..400)
        .map(|n| match n % 4 {
            0 => heartbeat_lost(n),
            2 => heartbeat_back(n),
            _ => ha(n, &format!("{:x}", Random(u64::from(n)).next())),
        })
        .collect();
    let packed = gz(text.as_bytes());
    let scratch = tempfile::tempdir().unwrap();
    for seed in seeds(12) {
        let cut = Random(seed).below(packed.len());
        let [seen, _] = visit("x.log.gz", &packed[..cut], scratch.path());
        let prefix = seen.members.into_iter().next().map(|(_, bytes)| bytes).unwrap_or_default();
        let args = ["--tz", "UTC", "n"];
        let cut_heap = directory(&[(&format!("n/{HA_LOG}.1.gz"), &packed[..cut])]);
        let prefix_heap = directory(&[(&format!("n/{HA_LOG}.1"), &prefix)]);
        let expected = replay(prefix_heap.path(), &args).ends(0);
        println!("cut at {cut} of {}: {} transitions", packed.len(), expected.records().len());
        replay(cut_heap.path(), &args).ends(4).gives_the_same_as(&expected);
    }
}

#[test]
fn good_archives_are_read_without_complaint() {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in corpus() {
        for seen in visit(name, &bytes, directory.path()) {
            assert!(seen.damaged == 0 && seen.skipped == 0 && !seen.members.is_empty(), "{name}");
        }
    }
}

#[test]
fn mutated_archives_neither_panic_nor_hang() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = corpus();
    for seed in seeds(2000) {
        let mut random = Random(seed);
        let (name, bytes) = &corpus[random.below(corpus.len())];
        let mut bytes = bytes.clone();
        mutate(&mut bytes, &mut random);
        case(name, seed, || drop(visit(name, &bytes, directory.path())));
    }
}

#[test]
fn a_byte_that_is_flipped_leaves_what_stands_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let text = text(400);
    let kinds = [
        ("x.gz", gz(text.as_bytes())),
        ("x.zst", zst(text.as_bytes())),
        ("x.tar", tar(&[("x".into(), text.clone().into())])),
        ("x.zip", zip(&[("x".into(), text.clone().into())])),
    ];
    for seed in seeds(400) {
        let mut random = Random(seed);
        let (name, good) = &kinds[random.below(kinds.len())];
        let at = random.below(good.len());
        let mut bytes = good.clone();
        bytes[at] ^= 1 << random.below(8);
        // What the cut file gives is in front of the flipped byte, and must not get less by what comes behind it.
        let [intact, _] = visit(name, &good[..at], directory.path());
        case(name, seed, || {
            let longest = |seen: &Seen| {
                let same = |bytes: &Vec<u8>| bytes.iter().zip(text.as_bytes()).take_while(|(a, b)| a == b).count();
                seen.members.iter().map(|(_, bytes)| same(bytes)).max().unwrap_or(0)
            };
            for seen in visit(name, &bytes, directory.path()) {
                let (found, before) = (longest(&seen), longest(&intact));
                assert!(found >= before, "{name} flipped at {at}: {found} bytes are right, of {before} before that");
            }
        });
    }
}

#[test]
fn random_bytes_are_for_every_reader_to_refuse() {
    let directory = tempfile::tempdir().unwrap();
    // How each format begins, so that its reader gets the noise behind that.
    let tar_start = &tar(&[("a".into(), vec![0; 10])])[..512];
    let starts: [&[u8]; 8] = [
        b"",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        b"\x1f\x8b\x08\x1f",
        b"\x28\xb5\x2f\xfd",
        b"\x50\x2a\x4d\x18",
        b"PK\x03\x04",
        b"PK\x05\x06",
        tar_start,
    ];
    for seed in seeds(2000) {
        let mut random = Random(seed);
        let start = starts[random.below(starts.len())];
        let count = random.below(4000);
        let bytes: Vec<u8> = start.iter().copied().chain((0..count).map(|_| random.next() as u8)).collect();
        let name = ["x.gz", "x.zst", "x.zip", "x.tar", "x.tgz", "x.log"][random.below(6)];
        // Packed once more, so that the noise also stands behind a reader that works.
        let bytes = match random.below(6) {
            0 => gz(&bytes),
            1 => zst(&bytes),
            2 => tar(&[(name.to_owned(), bytes)]),
            3 => zip(&[(name.to_owned(), bytes)]),
            _ => bytes,
        };
        case(name, seed, || drop(visit(name, &bytes, directory.path())));
    }
}

#[test]
fn a_heap_of_mutated_archives_is_replayed_to_its_end() {
    let corpus = corpus();
    for seed in seeds(2) {
        let heap = tempfile::tempdir().unwrap();
        for at in 0..200 {
            let mut random = Random(seed * 1000 + at);
            let (name, bytes) = &corpus[random.below(corpus.len())];
            let mut bytes = bytes.clone();
            mutate(&mut bytes, &mut random);
            write(heap.path(), &format!("{at}/{HA_LOG}.{at}-{name}"), &bytes);
        }
        case("heap", seed, || {
            let ran = replay(heap.path(), &["--tz", "UTC", "."]).ends(4);
            assert!(!ran.stderr.contains("panicked"), "{}", ran.told());
        });
    }
}
