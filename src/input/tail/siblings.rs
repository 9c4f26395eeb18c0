//! The files of a family that stand beside its live one, oldest first.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::fingerprint::{Identity, Modified};
use super::listings::{Listing, Listings};
use crate::input::rotation::rolled;

/// What is opened as one log.
const PACKED: [&str; 3] = [".gz", ".zip", ".zst"];

/// A directory may change while it is listed: it is listed again until two lists agree, but not for ever.
const LISTINGS: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sibling {
    pub path: PathBuf,
    pub identity: Identity,
    pub modified: Modified,
    pub size: u64,
    pub packed: bool,
    rank: Vec<i64>,
}

/// The rolled files of the family whose live file is `live`, and whatever else its inode says is `also`.
pub(super) fn siblings(listings: &Listings, live: &Path, also: Option<Identity>) -> io::Result<Vec<Sibling>> {
    let (Some(directory), Some(name)) = (live.parent(), live.file_name().and_then(|n| n.to_str())) else {
        return Ok(Vec::new());
    };
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut names = family(&listings.list(directory)?, name, also);
    for _ in 0..LISTINGS {
        let found = look_at(directory, name, &names);
        let again = family(&listings.list(directory)?, name, also);
        if again == names {
            return Ok(found);
        }
        names = again;
    }
    Ok(look_at(directory, name, &names))
}

/// Names with inodes.
type Names = BTreeMap<OsString, u64>;

/// The names in a directory that belong to a family.
fn family(listing: &Listing, live: &str, also: Option<Identity>) -> Names {
    let stem = live.rsplit_once('.').map_or(live, |(stem, _)| stem).as_bytes();
    let begins = |name: &OsString| name.as_encoded_bytes().starts_with(stem);
    // Taking a name apart costs much more than finding those that begin alike, which stand together.
    let first = listing.partition_point(|(name, _)| name.as_encoded_bytes() < stem);
    let alike = listing[first..].iter().take_while(|(name, _)| begins(name));
    let own = alike.filter(|(name, _)| name.to_str().is_some_and(|name| belongs(name, live)));
    let by_inode = also.into_iter().flat_map(|also| listing.iter().filter(move |(_, inode)| *inode == also.inode));
    own.chain(by_inode).filter(|(name, _)| name != live).cloned().collect()
}

fn belongs(name: &str, live: &str) -> bool {
    let packed = unpacked(name).is_some();
    rolled(name).live == live && (packed || ![".tgz", ".tar"].iter().any(|ending| name.ends_with(ending)))
}

/// The name without what says that it is packed.
fn unpacked(name: &str) -> Option<&str> {
    PACKED.iter().find_map(|ending| name.strip_suffix(ending))
}

fn look_at(directory: &Path, live: &str, names: &Names) -> Vec<Sibling> {
    let mut found = Vec::new();
    for name in names.keys() {
        let Some(text) = name.to_str() else { continue };
        let path = match unpacked(text).map(|plain| directory.join(plain)) {
            // While a file is packed both stand there, and the plain one is whole.
            Some(plain) if plain.is_file() && !plain.ends_with(live) => plain,
            _ => directory.join(name),
        };
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let sibling = Sibling {
            packed: path.to_str().is_some_and(|p| unpacked(p).is_some()),
            identity: Identity::of(&metadata),
            modified: Modified::of(&metadata),
            size: metadata.len(),
            rank: rolled(text).rank,
            path,
        };
        if metadata.is_file() && !found.iter().any(|f: &Sibling| f.identity == sibling.identity) {
            found.push(sibling);
        }
    }
    sort(&mut found);
    found
}

/// Oldest first. Dates in names tell; whether a higher number is older or newer differs between logging libraries, and
/// the files themselves are asked: most of the neighbours decide, because packing one may have made it look newer.
fn sort(siblings: &mut [Sibling]) {
    siblings.sort_by(|a, b| a.rank.cmp(&b.rank).then_with(|| a.modified.cmp(&b.modified)));
    let numbered = |s: &Sibling| s.rank.first() == Some(&0);
    let end = siblings.iter().position(|s| !numbered(s)).unwrap_or(siblings.len());
    let numbered = &mut siblings[..end];
    let (mut as_ranked, mut otherwise) = (0, 0);
    // An empty file may have been made long before the one that was written last.
    let times: Vec<Modified> = numbered.iter().filter(|s| s.size > 0).map(|s| s.modified).collect();
    for pair in times.windows(2) {
        match pair[0].cmp(&pair[1]) {
            std::cmp::Ordering::Less => as_ranked += 1,
            std::cmp::Ordering::Greater => otherwise += 1,
            std::cmp::Ordering::Equal => {}
        }
    }
    if otherwise > as_ranked {
        numbered.reverse();
    }
}
