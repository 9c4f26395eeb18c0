//! Opening a file: plain or gzip, told by its first bytes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use flate2::bufread::MultiGzDecoder;

use crate::time::Millis;

/// Large enough that inflating is not called more often than it is worth.
pub const BLOCK: usize = 256 * 1024;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file that is open, with its own stamp.
pub struct Opened {
    pub data: Box<dyn Read + Send>,
    pub modified: Option<Millis>,
    pub compressed: bool,
}

pub fn open(path: &Path) -> io::Result<Opened> {
    if path.as_os_str() == "-" {
        return sniff(Box::new(io::stdin()), None);
    }
    let file = File::open(path)?;
    let modified = file.metadata().ok().and_then(|m| m.modified().ok());
    let modified = modified.and_then(|t| t.duration_since(UNIX_EPOCH).ok()).and_then(|d| Millis::try_from(d.as_millis()).ok());
    sniff(Box::new(file), modified)
}

fn sniff(mut raw: Box<dyn Read + Send>, modified: Option<Millis>) -> io::Result<Opened> {
    let mut start = Vec::with_capacity(GZIP.len());
    raw.by_ref().take(GZIP.len() as u64).read_to_end(&mut start)?;
    let compressed = start == GZIP;
    let whole = io::Cursor::new(start).chain(raw);
    if !compressed {
        return Ok(Opened { data: Box::new(whole), modified, compressed });
    }
    let gzip = MultiGzDecoder::new(BufReader::with_capacity(BLOCK, whole));
    let stamp = gzip.header().map(|h| Millis::from(h.mtime()) * 1000).filter(|t| *t > 0);
    Ok(Opened { data: Box::new(gzip), modified: stamp.or(modified), compressed })
}
