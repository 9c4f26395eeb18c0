//! Random bytes and random damage: never a panic, never a hang.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use zip::CompressionMethod;

use super::Seen;
use super::build::{Sums, gz, log, noise, tar, zip_with, zst};

/// Good archives of every kind, with nesting.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let (text, noise) = (log(300), noise(3000));
    let inner = tar(&[("deep.log", &text), ("deep.zst", &zst(&text))]);
    let entries: [(&str, &[u8]); 4] =
        [("a.log", &text), ("b.gz", &gz(&text)), ("noise", &noise), ("in.tgz", &gz(&inner))];
    let methods = [CompressionMethod::Stored, CompressionMethod::Deflated, CompressionMethod::Zstd];
    let zips = methods
        .into_iter()
        .flat_map(|method| [Sums::Before, Sums::Behind].map(|sums| zip_with(&entries, method, sums)));
    let mut all: Vec<Vec<u8>> = zips.collect();
    let plain = tar(&entries);
    all.extend([gz(&text).repeat(3), zst(&text).repeat(3), gz(&plain), zst(&plain), gz(&all[0]), plain]);
    all
});

/// Reads both ways; each must end.
fn read(bytes: &[u8]) -> [Seen; 2] {
    [Seen::stream("x", bytes), Seen::file("x", bytes)]
}

proptest! {
    #[test]
    fn random_bytes_behind_every_magic(kind in 0..7_usize, rest in vec(any::<u8>(), 0..4000)) {
        let starts: [&[u8]; 7] = [b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PK\x05\x06", b"\x50\x2a\x4d\x18", b"\x1f\x8b\x08\0\0\0\0\0\0\0"];
        read(&[starts[kind], &rest].concat());
    }

    #[test]
    fn random_bytes_with_a_tars_mark(mut block in vec(any::<u8>(), 512..6000)) {
        block[257..262].copy_from_slice(b"ustar");
        read(&block);
    }

    #[test]
    fn flipped_bytes_anywhere(which in any::<prop::sample::Index>(), flips in vec((any::<prop::sample::Index>(), 1..=255_u8), 1..8)) {
        let mut bytes = which.get(&GOOD).clone();
        for (at, flip) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        read(&bytes);
    }

    #[test]
    fn pieces_cut_out_and_put_elsewhere(
        which in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        length in 1..3000_usize,
    ) {
        let mut bytes = which.get(&GOOD).clone();
        let from = from.index(bytes.len());
        let piece: Vec<u8> = bytes.drain(from..bytes.len().min(from + length)).collect();
        let to = to.index(bytes.len() + 1);
        bytes.splice(to..to, piece);
        read(&bytes);
    }

    #[test]
    fn a_good_archive_reads_the_same_in_any_portions(which in any::<prop::sample::Index>(), portions in vec(1..5000_usize, 1..20)) {
        struct Drip<'b>(&'b [u8], std::iter::Cycle<std::vec::IntoIter<usize>>);
        impl std::io::Read for Drip<'_> {
            fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
                let most = self.1.next().unwrap_or(1).min(out.len());
                std::io::Read::read(&mut self.0, &mut out[..most])
            }
        }
        let bytes = which.get(&GOOD);
        let mut seen = Seen::default();
        let drip = Drip(bytes, portions.into_iter().cycle());
        super::visit_stream("x", Box::new(drip), &mut seen).expect("it can be read");
        seen.assert_clean();
        let whole = Seen::stream("x", bytes);
        prop_assert_eq!(seen.contents(), whole.contents());
    }

    #[test]
    fn contents_survive_any_packing(parts in vec((vec(any::<u8>(), 0..3000), 0..4_u8), 1..5), outer in 0..5_u8) {
        let packed: Vec<(String, Vec<u8>)> = parts.iter().enumerate().map(|(index, (data, packing))| {
            // A letter in front: random bytes may look like an archive of their own.
            let data = [b"x", data.as_slice()].concat();
            let name = format!("part{index}");
            match packing {
                0 => (name, data),
                1 => (name, gz(&data)),
                2 => (name, zst(&data)),
                _ => (name, gz(&zst(&data))),
            }
        }).collect();
        let entries: Vec<(&str, &[u8])> = packed.iter().map(|(name, data)| (name.as_str(), data.as_slice())).collect();
        let archive = match outer {
            0 => tar(&entries),
            1 => gz(&tar(&entries)),
            2 => zip_with(&entries, CompressionMethod::Deflated, Sums::Before),
            3 => zip_with(&entries, CompressionMethod::Stored, Sums::Behind),
            _ => zst(&zip_with(&entries, CompressionMethod::Zstd, Sums::Behind)),
        };
        let seen = Seen::both("x", &archive);
        seen.assert_clean();
        for ((_, found), (data, _)) in seen.members.iter().zip(&parts) {
            prop_assert_eq!(&found[1..], data.as_slice());
        }
        prop_assert_eq!(seen.members.len(), parts.len());
    }
}
