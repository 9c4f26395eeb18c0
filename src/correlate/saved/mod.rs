//! The state of correlate as entries that a store can keep.
//!
//! A watch that is killed must go on as if nothing had happened: what it had raised stays raised, what it waited for is
//! still awaited, and the ids of what it says next are the same. So all that the rules remember can be taken out as
//! [`Entry`]s, one for each instance, family and remembered hit, and put back into a fresh [`Correlator`] and [`Merge`].
//! Only what has changed since the last time is taken out, because this happens with every transition.
//!
//! An entry names things (alarms, signals, captures, causes, logs, families, nodes) and never says an index, and it names
//! all that it needs. So it can be read by another version of this program with other patterns. What is gone from the
//! patterns takes with it what stood on it; an instance that was active then is cleared, `clearedBy: config`.
//!
//! [`Correlator`]: super::Correlator
//! [`Merge`]: super::Merge

mod correlator;
pub(super) mod form;
pub(super) mod instance;
pub(super) mod mention;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::event::Family;

pub(super) use correlator::Saving;

/// The first byte of each entry. To be raised when a form in `form.rs` changes its shape; old ones must still be read.
const VERSION: u8 = 1;

/// What an entry is stored under. Entries are restored in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// A key with what is now stored under it, or that nothing is any more. Of one key the latest entry counts.
pub type Entry = (Key, Option<Vec<u8>>);

/// The kinds of entries. They are restored in this order: an instance is cleared at the clocks of its node.
pub(super) const CLOCK: &str = "clock";
pub(super) const ENGINE: &str = "engine";
pub(super) const HISTORY: &str = "history";
pub(super) const INSTANCE: &str = "instance";
pub(super) const MERGE: &str = "merge";

impl Key {
    /// Names come from paths and command lines, where no NUL can stand, or are escaped.
    pub(super) fn new(kind: &str, parts: &[&str]) -> Key {
        let mut key = kind.to_owned();
        for part in parts {
            key.push('\0');
            key.push_str(part);
        }
        Key(key)
    }

    pub(super) fn kind(&self) -> &str {
        self.0.split_once('\0').map_or(&self.0, |(kind, _)| kind)
    }

    /// It is something that the merge holds.
    pub fn is_held(&self) -> bool {
        self.kind() == MERGE
    }

    /// It is something that the merge holds of this family.
    pub fn is_held_of(&self, family: &Family) -> bool {
        let of = Key::new(MERGE, &[&family.cluster, &family.node, &family.log_name, &family.name]);
        self.0.strip_prefix(&of.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('\0'))
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key as a store gave it back.
    pub fn from_bytes(bytes: &[u8]) -> Result<Key, Unreadable> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Key(text.to_owned())),
            Err(_) => Err(Unreadable::Unknown(String::from_utf8_lossy(bytes).replace('\0', "|"))),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.replace('\0', "|"))
    }
}

/// Why a state cannot be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(
        "`{key}` was saved in version {found} of the state, and this program knows {VERSION}: use the newer program"
    )]
    Newer { key: String, found: u8 },
    #[error("`{key}` is damaged: {why}")]
    Damaged { key: String, why: String },
    #[error("`{0}` is of no kind that this program knows: use the newer program that saved it")]
    Unknown(String),
}

/// The bytes of an entry.
pub(super) fn seal<T: Serialize>(form: &T) -> Option<Vec<u8>> {
    // What can be refused is a sequence of unknown length, and no form has one.
    postcard::to_extend(form, vec![VERSION]).ok()
}

pub(super) fn open<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Result<T, Unreadable> {
    let damaged = |why: String| Unreadable::Damaged { key: key.to_string(), why };
    match bytes {
        [VERSION, form @ ..] => postcard::from_bytes(form).map_err(|e| damaged(e.to_string())),
        [found, ..] if *found > VERSION => Err(Unreadable::Newer { key: key.to_string(), found: *found }),
        [found, ..] => Err(damaged(format!("there is no version {found}"))),
        [] => Err(damaged("it is empty".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_says_why() {
        let key = Key::new(CLOCK, &["c", "n"]);
        let sealed = seal(&("text".to_owned(), 7_u32)).unwrap();
        assert_eq!(open::<(String, u32)>(&key, &sealed).unwrap(), ("text".to_owned(), 7));
        let refused = |bytes: &[u8]| open::<(String, u32)>(&key, bytes).unwrap_err().to_string();
        assert_eq!(refused(&[]), "`clock|c|n` is damaged: it is empty");
        assert_eq!(refused(&[0]), "`clock|c|n` is damaged: there is no version 0");
        assert!(refused(&sealed[..3]).starts_with("`clock|c|n` is damaged: "));
        let newer = "`clock|c|n` was saved in version 9 of the state, and this program knows 1: use the newer program";
        assert_eq!(refused(&[9, 9]), newer);
        assert_eq!(Key::from_bytes(key.as_bytes()).unwrap(), key);
        assert!(Key::from_bytes(b"clock\0\xff").is_err());
    }
}
