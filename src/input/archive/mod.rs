//! Opens whatever operators collect (plain files, gzip, zstd, zip, tar, and any of these inside another) and hands out
//! every log in it.
//!
//! Everything is a stream: memory is bounded by a few buffers for each layer whatever the input holds, and nothing is
//! unpacked to disk. Damage never loses what can still be read. A reader ends cleanly after the intact prefix,
//! [`Visitor::damaged`] is told afterwards, and the entries behind a damaged one are still found.

mod damage;
mod detect;
mod gzip;
mod inflate;
mod pull;
mod source;
mod spare;
mod tar;
#[cfg(test)]
mod tests;
mod walk;
mod zip;
mod zstandard;

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

pub use damage::{Cause, Damage, Error, Format};
pub use pull::{Opened, Unpacked};
pub use source::Meter;

use detect::{Kind, detect};
use source::{Outer, Source, Stream, Window};
use walk::{Place, Walk};

/// What is known of a member before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo {
    /// For people: the parts, joined by `!`, as in `a/b.tar.gz!flink/ha.log.gz`.
    pub path: String,
    /// The outer file, the member in it, the member in that, and so on. Names inside are as the archive has them
    /// (`./x`, `../x`, `/x`, with U+FFFD for what is not UTF-8): they name things and must never be used as a path to
    /// write to.
    pub parts: Vec<String>,
    /// When the log was last written, in ms UTC, by the innermost of gzip header, zip or tar entry and file that knows.
    /// A zip entry without a UTC time has none, because its DOS time is local to a machine that nobody knows.
    pub stamp: Option<i64>,
    /// Whether any layer around the member is packed by gzip, zstd or deflate.
    pub compressed: bool,
}

/// Receives what an archive holds, in its order.
pub trait Visitor {
    /// A member. `data` ends after the last byte that can be read and never fails, so an error returned here is the
    /// visitor's own; it ends the visit. What is left unread is passed over. The same path may come more than once.
    fn member(&mut self, info: &MemberInfo, data: &mut dyn Read) -> io::Result<()>;

    /// Something that holds data and was not read: encrypted, nested too deep, of a format that is not known.
    fn skipped(&mut self, path: &str, why: &str);

    /// A damaged place. It comes after the `member` call that it belongs to, if it belongs to one. A container's damage
    /// may come at any time.
    fn damaged(&mut self, damage: Damage);

    /// Something odd that loses nothing: a `.gz` that is plain text. It comes before the `member` call.
    fn noted(&mut self, _path: &str, _what: &str) {}

    /// Measures what is read from the outer file. Asked for once.
    fn progress(&self) -> Option<Arc<Meter>> {
        None
    }
}

/// Visits every member of a file. A plain file is its own only member.
pub fn visit(path: &Path, visitor: &mut dyn Visitor) -> Result<(), Error> {
    let open_error = |source| Error::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(open_error)?;
    let metadata = file.metadata().map_err(open_error)?;
    let place = Place::outer(&path.to_string_lossy(), modified(&metadata));
    let mut walk = Walk::new(visitor);
    if metadata.is_file() {
        let mut window = Window::new(&file, 0, u64::MAX, walk.progress.clone());
        let read = visit_outer(&mut walk, &mut window, &place, Some(&file))?;
        // Rotation by copy and truncation takes what we have not read yet.
        let is_shorter = file.metadata().is_ok_and(|now| now.len() < metadata.len());
        if let Some(read) = read.filter(|&read| is_shorter && read < metadata.len()) {
            walk.damage(&place, read, None, Cause::Shrank { was: metadata.len() });
        }
    } else {
        let mut stream = Stream::new(&file, walk.progress.clone());
        visit_outer(&mut walk, &mut stream, &place, None)?;
    }
    Ok(())
}

/// Visits every member of something that can only be read once, standard input for instance. `name` is what its path
/// begins with.
pub fn visit_stream(name: &str, input: Box<dyn Read + '_>, visitor: &mut dyn Visitor) -> Result<(), Error> {
    let mut walk = Walk::new(visitor);
    let mut stream = Stream::new(input, walk.progress.clone());
    visit_outer(&mut walk, &mut stream, &Place::outer(name, None), None)?;
    Ok(())
}

/// `seekable` is the file behind `outer`, if it can be read in any order. Returns how much was read, unless it was in
/// another order than from the first byte to the last.
fn visit_outer(
    walk: &mut Walk<'_>,
    outer: &mut dyn Outer,
    place: &Place,
    seekable: Option<&File>,
) -> Result<Option<u64>, Error> {
    let mut source = Source::new(&mut *outer);
    if source.peek(1).is_empty() {
        // A directory, for one, opens and fails at the first read: that is an error, not an empty log.
        drop(source);
        if let Some(error) = outer.take_fault() {
            return Err(Error::Read { path: PathBuf::from(&place.name), source: error });
        }
        source = Source::new(&mut *outer);
    }
    let is_zip = detect(&mut source, &place.name) == Kind::Packed(Format::Zip);
    let done = match seekable {
        Some(file) if is_zip => zip::walk_file(walk, file, place)?,
        _ => false,
    };
    if !done {
        walk.walk(&mut source, place)?;
    }
    let read = source.position();
    drop(source);
    if let Some(error) = outer.take_fault() {
        walk.damage(place, read, None, Cause::Read(error.to_string()));
    }
    Ok((!done).then_some(read))
}

/// A file's modification time in ms UTC; before 1970 counts as unknown.
fn modified(metadata: &Metadata) -> Option<i64> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}
