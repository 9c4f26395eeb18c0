//! What a stream is, told by its first bytes.
//!
//! Names lie: a `.gz` may have been unpacked in place and a `.log` may be packed. The name is only asked when the bytes
//! cannot tell, so that an archive of which one byte is left, or of which the first byte was hit, counts as damaged and
//! not as a very odd log.

use super::damage::Format;
use super::source::Source;
use super::tar::{self, header::BLOCK};
use super::{gzip, zip, zstandard};

/// What to do with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Packed(Format),
    /// A format that is known but not read; the text names it.
    Foreign(&'static str),
}

/// Formats that would look like a very odd log.
const FOREIGN: [(&[u8], &str); 6] = [
    (b"BZh", "bzip2"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
    (&[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c], "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
    (&[0x1f, 0x9d], "compress (.Z)"),
];
/// Follows `BZh` and a digit; three letters alone could be text.
const BZIP2_BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];

/// Looks at the first bytes of `source` and takes none of them.
pub(super) fn detect(source: &mut Source<'_>, name: &str) -> Kind {
    let start = source.peek(BLOCK);
    if start.starts_with(&gzip::MAGIC) {
        return Kind::Packed(Format::Gzip);
    }
    if zstandard::is_frame(start) {
        return Kind::Packed(Format::Zstd);
    }
    if zip::is_start(start) {
        return Kind::Packed(Format::Zip);
    }
    if tar::is_start(start) {
        return Kind::Packed(Format::Tar);
    }
    if let Some(name) = foreign(start) {
        return Kind::Foreign(name);
    }
    match named(name) {
        Some(format) if may_be(start, format) => Kind::Packed(format),
        _ => Kind::Plain,
    }
}

fn foreign(start: &[u8]) -> Option<&'static str> {
    let (_, name) = FOREIGN.iter().find(|(magic, _)| start.starts_with(magic))?;
    let is_text = *name == "bzip2" && start.get(4..10) != Some(BZIP2_BLOCK);
    (!is_text).then_some(name)
}

/// Whether the bytes may be a `format` whose beginning is damaged: too few to tell, or nothing that a log would begin
/// with.
fn may_be(start: &[u8], format: Format) -> bool {
    let stump = match format {
        Format::Gzip => gzip::MAGIC.starts_with(start),
        Format::Zstd => zstandard::MAGIC.starts_with(start),
        Format::Zip => zip::MAGIC.starts_with(start),
        // A header is text up to the name's end, then zeros.
        Format::Tar => return start.is_empty() || start.contains(&0),
    };
    stump || is_packed(start)
}

/// Whether the bytes look packed: a tenth of such bytes are control characters, of a log's next to none. Zeros do not
/// count: a log may begin with a hole.
fn is_packed(start: &[u8]) -> bool {
    let odd = start.iter().filter(|byte| matches!(byte, 1..=8 | 11 | 12 | 14..=26 | 28..=31)).count();
    odd * 32 > start.len()
}

/// The format that a name promises.
pub(super) fn named(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if ends(&[".gz", ".tgz"]) {
        Some(Format::Gzip)
    } else if ends(&[".zst", ".zstd", ".tzst"]) {
        Some(Format::Zstd)
    } else if ends(&[".zip"]) {
        Some(Format::Zip)
    } else if ends(&[".tar"]) {
        Some(Format::Tar)
    } else {
        None
    }
}

/// The name of what is inside a packed file: `a.tar.gz` holds `a.tar`, and so does `a.tgz`.
pub(super) fn unpacked_name(name: &str) -> String {
    let Some((stem, suffix)) = name.rsplit_once('.') else {
        return name.to_owned();
    };
    match suffix.to_ascii_lowercase().as_str() {
        "gz" | "zst" | "zstd" => stem.to_owned(),
        "tgz" | "tzst" => format!("{stem}.tar"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_unpack_one_layer_at_a_time() {
        assert_eq!(unpacked_name("a.tar.gz"), "a.tar");
        assert_eq!(unpacked_name("a.TGZ"), "a.tar");
        assert_eq!(unpacked_name("ha.log"), "ha.log");
        assert_eq!(named("ha.log.GZ"), Some(Format::Gzip));
        assert_eq!(named("gz"), None);
    }

    #[test]
    fn text_that_begins_like_bzip2_is_text() {
        assert_eq!(foreign(b"BZh is not a header, and this is a log"), None);
        assert_eq!(foreign(b"BZh91AY&SY......"), Some("bzip2"));
    }
}
