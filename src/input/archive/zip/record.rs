//! The records of a zip: the header before each entry, the directory at the end, and what both say of an entry.

use super::super::source::Source;

pub(in super::super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
pub(super) const CENTRAL: [u8; 4] = *b"PK\x01\x02";
pub(super) const END: [u8; 4] = *b"PK\x05\x06";
pub(super) const END_64: [u8; 4] = *b"PK\x06\x06";
pub(super) const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// The longest form of a descriptor.
pub(in super::super) const DESCRIPTOR_MAX: usize = 24;
pub(super) const LOCAL_SIZE: usize = 30;
pub(super) const CENTRAL_SIZE: usize = 46;

const ENCRYPTED: u16 = 1;
/// Checksum and sizes stand behind the data: the writer could not go back.
const LATER: u16 = 1 << 3;
/// What a field holds whose value stands in the zip64 extra field.
const IN_64: u64 = u32::MAX as u64;

const EXTRA_64: u16 = 0x0001;
const EXTRA_NTFS: u16 = 0x000a;
const EXTRA_UNIX_TIME: u16 = 0x5455;

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// How an entry is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Method {
    Stored,
    Deflate,
    Zstd,
    Other(u16),
}

impl Method {
    fn new(number: u16) -> Self {
        match number {
            0 => Self::Stored,
            8 => Self::Deflate,
            // 20 was zstd's number for a short time.
            20 | 93 => Self::Zstd,
            other => Self::Other(other),
        }
    }

    /// What to call a method that is not read.
    pub fn name(self) -> String {
        match self {
            Self::Other(9) => "deflate64".to_owned(),
            Self::Other(12) => "bzip2".to_owned(),
            Self::Other(14) => "lzma".to_owned(),
            Self::Other(95) => "xz".to_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// The checksum and the sizes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Sums {
    pub crc: u32,
    pub packed: u64,
    pub unpacked: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Entry {
    pub name: String,
    pub method: Method,
    pub encrypted: bool,
    /// `None`: they stand behind the data.
    pub sums: Option<Sums>,
    /// ms UTC.
    pub stamp: Option<i64>,
    /// Where the local header begins, counted from the archive's start; known from the directory only.
    pub offset: u64,
    pub is_link: bool,
}

impl Entry {
    /// Nothing to read: a directory, or a symbolic link.
    pub fn is_empty_kind(&self) -> bool {
        self.is_link || self.name.ends_with('/') || self.name.ends_with('\\')
    }

    /// Reads the header before an entry and leaves the source at its data. `None` if it is cut; nothing is taken then.
    pub fn take_local(source: &mut Source<'_>) -> Option<Self> {
        let head = source.peek(LOCAL_SIZE);
        let (name, extra) = (usize::from(u16_at(head, 26)?), usize::from(u16_at(head, 28)?));
        let length = LOCAL_SIZE + name + extra;
        let record = source.peek(length);
        let extra = record.get(LOCAL_SIZE + name..length)?;
        let mut entry = Self::fields(record, 6, &record[LOCAL_SIZE..LOCAL_SIZE + name], extra)?;
        if u16_at(record, 6)? & LATER != 0 {
            entry.sums = None;
        }
        source.consume(length);
        Some(entry)
    }

    /// Reads an entry of the directory and takes it. `None` if it is none or is cut.
    pub fn take_central(source: &mut Source<'_>) -> Option<Self> {
        let head = source.peek(CENTRAL_SIZE);
        if !head.starts_with(&CENTRAL) {
            return None;
        }
        let made_by_unix = *head.get(5)? == 3;
        let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(head, at).map(usize::from));
        let (name, extra, comment) = (name?, extra?, comment?);
        // Longer than the look ahead only together with a comment, which nobody needs.
        let length = CENTRAL_SIZE + name + extra;
        let record = source.peek(length);
        let extra = record.get(CENTRAL_SIZE + name..length)?;
        let mut entry = Self::fields(record, 8, &record[CENTRAL_SIZE..CENTRAL_SIZE + name], extra)?;
        let mode = u16_at(record, 40)?;
        entry.is_link = made_by_unix && mode & 0o170_000 == 0o120_000;
        entry.offset = central_offset(record, extra)?;
        source.consume(length);
        let comment = comment as u64;
        (source.skip(comment) == comment).then_some(entry)
    }

    /// The fields that both records have in the same order, from the flags (at `at`) on.
    fn fields(record: &[u8], at: usize, name: &[u8], extra: &[u8]) -> Option<Self> {
        let crc = u32_at(record, at + 8)?;
        let (packed, unpacked) = (u32_at(record, at + 12)?, u32_at(record, at + 16)?);
        let mut wide = Wide::new(extra);
        // The order in the extra field, of those that are there.
        let unpacked = wide.or(unpacked)?;
        let packed = wide.or(packed)?;
        Some(Self {
            name: String::from_utf8_lossy(name).into_owned(),
            method: Method::new(u16_at(record, at + 2)?),
            encrypted: u16_at(record, at)? & ENCRYPTED != 0,
            sums: Some(Sums { crc: u32::try_from(crc).ok()?, packed, unpacked }),
            stamp: stamp(extra),
            offset: 0,
            is_link: false,
        })
    }
}

fn central_offset(record: &[u8], extra: &[u8]) -> Option<u64> {
    let mut wide = Wide::new(extra);
    for at in [24, 20] {
        wide.or(u32_at(record, at)?)?;
    }
    wide.or(u32_at(record, 42)?)
}

/// The zip64 extra field: the values that did not fit, one after the other.
struct Wide<'e>(&'e [u8]);

impl<'e> Wide<'e> {
    fn new(extra: &'e [u8]) -> Self {
        Self(extras(extra).find(|(tag, _)| *tag == EXTRA_64).map_or(&[], |(_, data)| data))
    }

    /// The value itself, or the next wide one if it did not fit.
    fn or(&mut self, value: u64) -> Option<u64> {
        if value != IN_64 || self.0.is_empty() {
            return Some(value);
        }
        let wide = u64_at(self.0, 0)?;
        self.0 = &self.0[8..];
        Some(wide)
    }
}

/// The tagged parts of an extra field, up to the first that does not fit.
fn extras(mut extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let data = extra.get(4..4 + length)?;
        extra = &extra[4 + length..];
        Some((tag, data))
    })
}

/// When the file was last written, in ms UTC, if an extra field says so. The record's own time is local to an unknown
/// machine.
fn stamp(extra: &[u8]) -> Option<i64> {
    extras(extra).find_map(|(tag, data)| match tag {
        EXTRA_UNIX_TIME if data.first()? & 1 != 0 => {
            let seconds = i32::from_le_bytes(data.get(1..5)?.try_into().ok()?);
            Some(i64::from(seconds) * 1000)
        }
        EXTRA_NTFS => {
            // 4 reserved bytes, tag 1, its length, then the time in units of 100 ns since 1601.
            let ticks = (u16_at(data, 4)? == 1).then(|| u64_at(data, 8))??;
            Some(i64::try_from(ticks / 10_000).ok()? - 11_644_473_600_000)
        }
        _ => None,
    })
}

/// The descriptor behind an entry of these sizes: its length and the checksum in it. The mark is optional and the sizes
/// are narrow or wide as the writer liked, so what fits decides.
pub(in super::super) fn descriptor(bytes: &[u8], packed: u64, unpacked: u64) -> Option<(usize, u32)> {
    let marks: &[usize] = if bytes.starts_with(&DESCRIPTOR) { &[DESCRIPTOR.len(), 0] } else { &[0] };
    marks.iter().find_map(|&at| {
        let crc = u32::try_from(u32_at(bytes, at)?).ok()?;
        let wide = u64_at(bytes, at + 4) == Some(packed) && u64_at(bytes, at + 12) == Some(unpacked);
        let narrow = u32_at(bytes, at + 4) == Some(packed & IN_64) && u32_at(bytes, at + 8) == Some(unpacked & IN_64);
        match (wide, narrow) {
            (true, _) => Some((at + 20, crc)),
            (_, true) => Some((at + 12, crc)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_come_from_extra_fields_alone() {
        assert_eq!(stamp(&[0x55, 0x54, 5, 0, 1, 0x80, 0, 0, 0]), Some(128_000));
        assert_eq!(stamp(&[0x55, 0x54, 5, 0, 2, 0x80, 0, 0, 0]), None);
        assert_eq!(stamp(&[0x55, 0x54, 5, 0, 1, 0x80]), None);
        let mut ntfs = vec![0x0a, 0, 32, 0, 0, 0, 0, 0, 1, 0, 24, 0];
        ntfs.extend(116_444_736_010_000_000_u64.to_le_bytes());
        assert_eq!(stamp(&ntfs), None, "cut");
        ntfs.extend([0; 16]);
        assert_eq!(stamp(&ntfs), Some(1000));
    }

    #[test]
    fn wide_values_are_taken_in_order() {
        let mut extra = vec![1, 0, 16, 0];
        extra.extend(7_u64.to_le_bytes());
        extra.extend(8_u64.to_le_bytes());
        let mut wide = Wide::new(&extra);
        assert_eq!(
            [wide.or(5), wide.or(IN_64), wide.or(IN_64), wide.or(IN_64)],
            [Some(5), Some(7), Some(8), Some(IN_64)]
        );
    }
}
