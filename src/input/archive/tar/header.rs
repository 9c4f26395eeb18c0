//! The 512-byte header of a tar entry: v7, ustar and GNU.

/// Tar's unit: headers and data are padded to it.
pub(in super::super) const BLOCK: usize = 512;

const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const MTIME: std::ops::Range<usize> = 136..148;
/// What the checksum field counts as: eight spaces.
const SPACES: i64 = 8 * 32;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..262;
/// Directly after the magic: NUL in ustar, a space in GNU's older format, which uses the prefix field for other things.
const VERSION: usize = 262;
const PREFIX: std::ops::Range<usize> = 345..500;
const SPARSE: std::ops::Range<usize> = 386..482;
const SPARSE_MORE: usize = 482;
const SPARSE_SIZE: std::ops::Range<usize> = 483..495;
/// A block that continues a sparse map.
const MAP: std::ops::Range<usize> = 0..504;
const MAP_MORE: usize = 504;
const NUMBER: usize = 12;

/// What an entry is, as far as a reader of logs cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// A file with holes whose map is in the header (old GNU).
    Sparse,
    LongName,
    LongLink,
    Pax,
    PaxGlobal,
    /// The later part of a file that began in another volume.
    Continuation,
    /// Links, directories, devices, volume labels: nothing to read.
    Other,
}

#[derive(Debug, Clone)]
pub(super) struct Header {
    pub name: Vec<u8>,
    pub size: u64,
    /// Seconds since 1970, 0 if unknown.
    pub mtime: u64,
    pub kind: Kind,
    /// Whether the header carries the mark of a tar younger than 1988.
    pub marked: bool,
    /// Offset and length of the parts of a sparse file that are not holes.
    pub map: Vec<(u64, u64)>,
    pub map_goes_on: bool,
    pub sparse_size: u64,
}

impl Header {
    /// Reads a header, or nothing if the block is none: its checksum decides.
    pub fn parse(block: &[u8]) -> Option<Self> {
        let block: &[u8; BLOCK] = block.get(..BLOCK)?.try_into().ok()?;
        if !checksum_fits(block) {
            return None;
        }
        let marked = &block[MAGIC] == b"ustar";
        let name = name(block, marked);
        let kind = kind(block[KIND], &name);
        let (map, map_goes_on, sparse_size) = if kind == Kind::Sparse {
            (segments(&block[SPARSE]), block[SPARSE_MORE] != 0, number(&block[SPARSE_SIZE])?)
        } else {
            (Vec::new(), false, 0)
        };
        Some(Self {
            name,
            size: number(&block[SIZE])?,
            mtime: number(&block[MTIME]).unwrap_or(0),
            kind,
            marked,
            map,
            map_goes_on,
            sparse_size,
        })
    }
}

/// A block that continues a sparse map: its segments, and whether another one follows.
pub(super) fn more_map(block: &[u8; BLOCK]) -> (Vec<(u64, u64)>, bool) {
    (segments(&block[MAP]), block[MAP_MORE] != 0)
}

/// The sum of all bytes with the checksum field as spaces. Some old writers summed signed bytes.
fn checksum_fits(block: &[u8; BLOCK]) -> bool {
    let Some(expected) = number(&block[CHECKSUM]) else {
        return false;
    };
    let outside = || block[..CHECKSUM.start].iter().chain(&block[CHECKSUM.end..]);
    let unsigned = SPACES + outside().map(|&byte| i64::from(byte)).sum::<i64>();
    let signed = SPACES + outside().map(|&byte| i64::from(byte.cast_signed())).sum::<i64>();
    // A block of zeros has an empty checksum field, which reads as 0 and never fits.
    i64::try_from(expected).is_ok_and(|expected| expected == unsigned || expected == signed)
}

/// An octal number, or GNU's big-endian one if the top bit is set. An empty field is 0; `None` if it is neither or does
/// not fit.
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        if *first != 0x80 {
            return None;
        }
        return rest.iter().try_fold(0_u64, |sum, &byte| Some(sum.checked_mul(256)? + u64::from(byte)));
    }
    let is_pad = |byte: &u8| matches!(byte, b' ' | 0);
    let digits = field.iter().skip_while(|byte| is_pad(byte)).take_while(|byte| !is_pad(byte));
    digits.copied().try_fold(0_u64, |sum, byte| match byte {
        b'0'..=b'7' => Some(sum.checked_mul(8)? + u64::from(byte - b'0')),
        _ => None,
    })
}

fn name(block: &[u8; BLOCK], marked: bool) -> Vec<u8> {
    let name = until_zero(&block[NAME]);
    let prefix = until_zero(&block[PREFIX]);
    if marked && block[VERSION] == 0 && !prefix.is_empty() {
        return [prefix, b"/", name].concat();
    }
    name.to_vec()
}

pub(super) fn until_zero(field: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    &field[..end]
}

fn kind(flag: u8, name: &[u8]) -> Kind {
    match flag {
        b'S' => Kind::Sparse,
        b'L' => Kind::LongName,
        b'K' => Kind::LongLink,
        b'x' | b'X' => Kind::Pax,
        b'g' => Kind::PaxGlobal,
        b'M' => Kind::Continuation,
        b'1'..=b'6' | b'D' | b'V' | b'N' => Kind::Other,
        // Before there was a flag for directories, their names ended with a slash. POSIX: a flag that is not known is a
        // file's.
        _ if name.ends_with(b"/") => Kind::Other,
        _ => Kind::File,
    }
}

fn segments(field: &[u8]) -> Vec<(u64, u64)> {
    let pairs = field.chunks_exact(2 * NUMBER).map(|pair| Some((number(&pair[..NUMBER])?, number(&pair[NUMBER..])?)));
    pairs.take_while(|pair| *pair != Some((0, 0))).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(number(b"00000000017\0"), Some(15));
        assert_eq!(number(b"   17 \0"), Some(15));
        assert_eq!(number(b"\0\0\0"), Some(0));
        assert_eq!(number(b"18"), None);
        assert_eq!(number(b"777777777777777777777777"), None);
        assert_eq!(number(&[0x80, 0, 0, 1, 0]), Some(256));
        assert_eq!(number(&[0xff; 12]), None);
    }

    #[test]
    fn zeros_and_text_are_no_headers() {
        assert!(Header::parse(&[0; BLOCK]).is_none());
        assert!(Header::parse(&[b'a'; BLOCK]).is_none());
        assert!(Header::parse(&[b' '; BLOCK - 1]).is_none());
    }
}
