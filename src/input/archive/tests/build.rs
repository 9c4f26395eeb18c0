//! Archives for the tests, made by other people's writers so that a misunderstanding is not made twice.

use std::io::{Cursor, Write};

use flate2::{Compression, GzBuilder};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// A log that packs well but not absurdly: the lines differ.
pub fn log(lines: usize) -> Vec<u8> {
    let line = |i: usize| {
        format!(
            "2021-03-22 14:{:02}:{:02},{:03} INFO line {i} {:x}\n",
            i / 60 % 60,
            i % 60,
            i % 1000,
            i.wrapping_mul(2_654_435_761)
        )
    };
    (0..lines).map(line).collect::<String>().into_bytes()
}

/// Bytes that do not pack.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub fn gz(data: &[u8]) -> Vec<u8> {
    gz_at(data, 0)
}

pub fn gz_at(data: &[u8], mtime: u32) -> Vec<u8> {
    let mut writer = GzBuilder::new()
        .filename("ha.log")
        .comment("by a test")
        .extra(vec![1, 2, 3])
        .mtime(mtime)
        .write(Vec::new(), Compression::fast());
    writer.write_all(data).expect("memory");
    writer.finish().expect("memory")
}

pub fn zst(data: &[u8]) -> Vec<u8> {
    let mut writer = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
    writer.include_checksum(true).expect("a checksum");
    writer.write_all(data).expect("memory");
    writer.finish().expect("memory")
}

pub fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, data) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mtime(1_616_395_415);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *data).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// How a zip's writer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sums {
    Before,
    Behind,
}

pub fn zip_with(entries: &[(&str, &[u8])], method: CompressionMethod, sums: Sums) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(method);
    match sums {
        Sums::Before => {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            for (name, data) in entries {
                writer.start_file(*name, options).expect("an entry");
                writer.write_all(data).expect("memory");
            }
            writer.finish().expect("memory").into_inner()
        }
        Sums::Behind => {
            let mut writer = ZipWriter::new_stream(Vec::new());
            for (name, data) in entries {
                writer.start_file(*name, options).expect("an entry");
                writer.write_all(data).expect("memory");
            }
            writer.finish().expect("memory").into_inner()
        }
    }
}

pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(entries, CompressionMethod::Deflated, Sums::Before)
}

/// Where `needle` begins for the `nth` time.
pub fn find(bytes: &[u8], needle: &[u8], nth: usize) -> usize {
    memchr::memmem::find_iter(bytes, needle).nth(nth).expect("it is there")
}
