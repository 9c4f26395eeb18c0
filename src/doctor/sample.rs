//! Both ends of a log, and what its records look like there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::pattern::stamp::Stamp;
use crate::pattern::{Log, Zone};
use crate::scan::HEAD_LIMIT;
use crate::time::Millis;

/// What is read at either end.
const END: u64 = 64 * 1024;

/// A time of day stands in the beginning of a line that is a head.
const FRONT: usize = 64;

pub struct Ends {
    first: Vec<u8>,
    /// From the beginning of a line on; empty if all of the file is in `first`.
    last: Vec<u8>,
    pub modified: Option<Millis>,
}

impl Ends {
    pub fn read(path: &Path) -> io::Result<Ends> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let modified = metadata.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let whole = metadata.len() <= 2 * END;
        file.by_ref().take(if whole { 2 * END } else { END }).read_to_end(&mut first)?;
        if !whole {
            file.seek(SeekFrom::Start(metadata.len() - END))?;
            file.take(END).read_to_end(&mut last)?;
            // Only what is a line from its beginning to its end.
            let start = last.iter().position(|b| *b == b'\n').map_or(last.len(), |n| n + 1);
            last.drain(..start);
            first.truncate(first.iter().rposition(|b| *b == b'\n').map_or(first.len(), |n| n + 1));
        }
        Ok(Ends { first, last, modified: modified.and_then(|d| Millis::try_from(d.as_millis()).ok()) })
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The newest part.
    pub fn newest(&self) -> &[u8] {
        if self.last.is_empty() { &self.first } else { &self.last }
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.first.split(|b| *b == b'\n').chain(self.last.split(|b| *b == b'\n')).filter(|l| !l.is_empty())
    }
}

/// What the lines of both ends are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Lines that begin a record.
    pub heads: u64,
    /// Heads whose time is no real moment.
    pub untimed: u64,
    /// Lines that look like a head, with a time in front, but are none that the layouts know.
    pub strangers: u64,
    /// The first of them.
    pub stranger: Option<String>,
    /// The latest time, and whether the line itself says its zone.
    pub newest: Option<(Millis, bool)>,
}

impl Records {
    pub fn of(log: &Log, zone: Zone, ends: &Ends) -> Records {
        let mut records = Records::default();
        let mut last = None;
        for line in ends.lines() {
            let front = &line[..line.len().min(HEAD_LIMIT)];
            let Some(parts) = log.layouts.iter().find_map(|(_, layout)| layout.parse(front)) else {
                if has_time(&front[..front.len().min(FRONT)]) {
                    records.strangers += 1;
                    records.stranger.get_or_insert_with(|| String::from_utf8_lossy(front).trim_end().to_owned());
                }
                continue;
            };
            records.heads += 1;
            let instant = parts.stamp.and_then(|s| Some((zone.instant(s, last, ends.modified)?, s)));
            match instant {
                Some((time, stamp)) => {
                    last = Some(time);
                    let utc = matches!(stamp, Stamp::Utc(_));
                    records.newest = records.newest.max(Some((time, utc)));
                }
                None => records.untimed += 1,
            }
        }
        records
    }

    /// Of a hundred records, those whose head is known.
    pub fn share(&self) -> u64 {
        match self.heads + self.strangers {
            0 => 0,
            all => self.heads * 100 / all,
        }
    }
}

/// `12:34:56`, as almost every layout prints it.
fn has_time(front: &[u8]) -> bool {
    front
        .windows(8)
        .any(|w| w.iter().enumerate().all(|(at, b)| if at == 2 || at == 5 { *b == b':' } else { b.is_ascii_digit() }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::pattern::{builtin, compile};

    fn ends(bytes: &[u8]) -> Ends {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        Ends::read(file.path()).unwrap()
    }

    #[test]
    fn a_short_file_is_read_once_and_of_a_long_one_whole_lines() {
        for lines in [0_u64, 1, 2000, 3277, 3278, 5000, 6553, 6554, 6555, 20_000] {
            let text: String = (0..lines).map(|n| format!("line number {n:07}\n")).collect();
            let ends = ends(text.as_bytes());
            assert_eq!(ends.is_empty(), lines == 0);
            let found: Vec<&[u8]> = ends.lines().collect();
            assert!(found.iter().all(|l| l.len() == 19), "{lines}");
            let mut distinct = found.clone();
            distinct.dedup();
            assert_eq!(distinct.len(), found.len(), "no line is there twice");
            if lines > 0 {
                let last = format!("line number {:07}", lines - 1);
                assert_eq!(found.last(), Some(&last.as_bytes()), "{lines}");
            }
        }
    }

    #[test]
    fn records_are_told_from_lines_that_only_look_like_them() {
        let patterns = compile(&builtin::builtin()).patterns.unwrap();
        let log = patterns.log(patterns.log_named("ha-flinkserver").unwrap());
        let text = "[2021-03-22 14:03:35,344][1][0][NOTICE][one][HA][f.c:F,1][ha.bin,1,1]\n  14 o'clock\n\
            2021/03/22 14:03:36 [two]\n[2021-13-22 14:03:37,344][1][0][NOTICE][three][HA][f.c:F,1][ha.bin,1,1]\n";
        let records = Records::of(log, Zone::UTC, &ends(text.as_bytes()));
        assert_eq!((records.heads, records.untimed, records.strangers), (2, 1, 1), "{records:?}");
        assert_eq!(records.stranger.as_deref(), Some("2021/03/22 14:03:36 [two]"));
        assert_eq!(records.newest, Some((1_616_421_815_344, false)));
        assert_eq!(records.share(), 66);
        assert_eq!(Records::default().share(), 0);
    }
}
