//! The extended headers of POSIX: records of `length key=value` that replace fields of the next header, or of all that
//! follow.

/// What an extended header says that a reader of logs needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Extended {
    pub name: Option<Vec<u8>>,
    pub size: Option<u64>,
    /// ms since 1970.
    pub mtime: Option<i64>,
    pub sparse: Option<Sparse>,
}

/// GNU's description of a file with holes, in its three versions: 0.0 and 0.1 have the map here, 1.0 before the data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sparse {
    pub map_in_data: bool,
    pub real_size: Option<u64>,
    pub map: Vec<(u64, u64)>,
    /// An offset whose length has not come yet.
    offset: u64,
}

impl Extended {
    /// Applies the records of one extended header. `None` at the first that cannot be read; those before it count.
    pub fn apply(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() && records[0] != 0 {
            let space = memchr::memchr(b' ', records)?;
            let length = usize::try_from(decimal(&records[..space])?).ok()?;
            let record = records.get(space + 1..length)?.strip_suffix(b"\n")?;
            let equals = memchr::memchr(b'=', record)?;
            self.record(&record[..equals], &record[equals + 1..]);
            records = &records[length..];
        }
        Some(())
    }

    fn record(&mut self, key: &[u8], value: &[u8]) {
        match key {
            // A sparse file's own name: `path` is then one that older readers make up a directory from.
            b"path" if self.sparse.is_none() || self.name.is_none() => self.name = Some(value.to_vec()),
            b"GNU.sparse.name" => {
                self.sparse.get_or_insert_default();
                self.name = Some(value.to_vec());
            }
            b"size" => self.size = decimal(value),
            b"mtime" => self.mtime = milliseconds(value),
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.get_or_insert_default().record(key, value);
                }
            }
        }
    }
}

impl Sparse {
    fn record(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"major" => self.map_in_data = value == b"1",
            b"size" | b"realsize" => self.real_size = decimal(value),
            b"offset" => self.offset = decimal(value).unwrap_or(0),
            b"numbytes" => self.map.push((self.offset, decimal(value).unwrap_or(0))),
            b"map" => {
                let numbers: Vec<u64> = value.split(|&byte| byte == b',').map_while(decimal).collect();
                self.map = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            }
            _ => {}
        }
    }
}

pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `1616395415.344` and `-5` as ms.
fn milliseconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits = fraction.bytes().chain(*b"000").take(3);
    let mut ms = digits.map(|byte| byte.is_ascii_digit().then(|| i64::from(byte - b'0')));
    let ms = ms.try_fold(0, |sum, digit| Some(sum * 10 + digit?))?;
    seconds.checked_mul(1000)?.checked_add(if whole.starts_with('-') { -ms } else { ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_replace_fields() {
        let mut extended = Extended::default();
        assert_eq!(extended.apply(b"18 path=a\nb/ha.log\n"), None);
        assert_eq!(extended.apply(b"19 path=a\nb/ha.log\n25 mtime=1616395415.3449\n12 size=123\n"), Some(()));
        assert_eq!(extended.name.as_deref(), Some(&b"a\nb/ha.log"[..]));
        assert_eq!((extended.mtime, extended.size), (Some(1_616_395_415_344), Some(123)));
    }

    #[test]
    fn times_keep_their_milliseconds() {
        assert_eq!(milliseconds(b"-1.5"), Some(-1500));
        assert_eq!(milliseconds(b"7"), Some(7000));
        assert_eq!(milliseconds(b"7.x"), None);
        assert_eq!(milliseconds(b"99999999999999999999"), None);
    }

    #[test]
    fn lengths_that_point_outside_end_the_reading() {
        for bad in [&b"999 path=x\n"[..], b"0 path=x\n", b"3 path=x\n", b"x", b"11 path=x"] {
            assert_eq!(Extended::default().apply(bad), None, "{:?}", String::from_utf8_lossy(bad));
        }
    }
}
