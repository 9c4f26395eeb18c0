//! The descent: looks at what a stream is and either hands it out or goes one layer deeper.

use super::damage::{Cause, Damage, Error, Fault, Format};
use super::detect::{self, Kind};
use super::gzip::Gunzip;
use super::source::{Layer, Progress, Source};
use super::zstandard::{Frames, MaxWindow, Unzstd};
use super::{MemberInfo, Visitor, tar, zip};

/// Layers of packing that are opened. It bounds memory and stops archives made to contain themselves.
pub(super) const MAX_DEPTH: u32 = 8;

/// Where the walk stands: what a stream is called and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The outer file's name, then the names inside.
    pub parts: Vec<String>,
    /// The name of this layer's bytes: that of the last part, without the suffixes of the packing already taken off.
    pub name: String,
    pub stamp: Option<i64>,
    pub compressed: bool,
    pub depth: u32,
    /// Whether a zstd decoder is already at work further out.
    pub in_zstd: bool,
}

impl Place {
    pub fn outer(name: &str, stamp: Option<i64>) -> Self {
        Self { parts: vec![name.to_owned()], name: name.to_owned(), stamp, compressed: false, depth: 0, in_zstd: false }
    }

    pub fn path(&self) -> String {
        self.parts.join("!")
    }

    /// An entry of this container.
    pub fn entry(&self, name: &str, stamp: Option<i64>) -> Self {
        let mut parts = self.parts.clone();
        parts.push(name.to_owned());
        Self { parts, name: name.to_owned(), stamp, depth: self.depth + 1, ..self.clone() }
    }

    /// The same, unpacked. A packed file's own header knows better than its container when the log was last written.
    fn unpacked(&self, stamp: Option<i64>) -> Self {
        Self {
            name: detect::unpacked_name(&self.name),
            stamp: stamp.or(self.stamp),
            compressed: true,
            depth: self.depth + 1,
            ..self.clone()
        }
    }

    pub fn max_window(&self) -> MaxWindow {
        if self.in_zstd { MaxWindow::NESTED } else { MaxWindow::OUTER }
    }
}

/// A visit under way.
pub(super) struct Walk<'v> {
    pub visitor: &'v mut dyn Visitor,
    pub progress: Progress,
    /// The path that was last reported as damaged.
    last_damaged: Option<String>,
}

impl<'v> Walk<'v> {
    pub fn new(visitor: &'v mut dyn Visitor) -> Self {
        let progress = visitor.progress();
        Self { visitor, progress, last_damaged: None }
    }

    /// Hands out what `source` holds, whatever it is.
    pub fn walk(&mut self, source: &mut Source<'_>, place: &Place) -> Result<(), Error> {
        match detect::detect(source, &place.name) {
            Kind::Plain => self.member(source, place),
            Kind::Foreign(format) => {
                let why = format!("{format} is not read; unpack it, or pack it again with gzip or zstd");
                self.visitor.skipped(&place.path(), &why);
                Ok(())
            }
            Kind::Packed(_) if place.depth >= MAX_DEPTH => {
                let why = format!("packed more than {MAX_DEPTH} layers deep; unpack the outer ones first");
                self.visitor.skipped(&place.path(), &why);
                Ok(())
            }
            Kind::Packed(Format::Gzip) => self.gzip(source, place),
            Kind::Packed(Format::Zstd) => self.zstd(source, place),
            Kind::Packed(Format::Tar) => tar::walk(self, source, place),
            Kind::Packed(Format::Zip) => zip::walk_stream(self, source, place),
        }
    }

    fn member(&mut self, source: &mut Source<'_>, place: &Place) -> Result<(), Error> {
        let path = place.path();
        if let Some(format) = detect::named(&place.name) {
            self.visitor.noted(&path, &format!("named as {format} but does not begin like it: read as plain text"));
        }
        let info = MemberInfo { path, parts: place.parts.clone(), stamp: place.stamp, compressed: place.compressed };
        self.visitor.member(&info, source).map_err(Error::Visitor)
    }

    fn gzip(&mut self, source: &mut Source<'_>, place: &Place) -> Result<(), Error> {
        let mut gunzip = Gunzip::new(source);
        let inner = place.unpacked(gunzip.stamp());
        self.descend(&mut gunzip, &inner)?;
        self.report(place, gunzip.into_faults().into_vec());
        Ok(())
    }

    fn zstd(&mut self, source: &mut Source<'_>, place: &Place) -> Result<(), Error> {
        let mut unzstd = match Unzstd::new(source, Frames::Many, place.max_window()) {
            Ok(unzstd) => unzstd,
            Err(error) => {
                self.damage(place, 0, Some(0), Cause::Read(error.to_string()));
                return Ok(());
            }
        };
        let inner = Place { in_zstd: true, ..place.unpacked(None) };
        self.descend(&mut unzstd, &inner)?;
        self.report(place, unzstd.into_faults().into_vec());
        Ok(())
    }

    pub fn descend(&mut self, layer: &mut dyn Layer, place: &Place) -> Result<(), Error> {
        self.walk(&mut Source::new(layer), place)
    }

    pub fn report(&mut self, place: &Place, faults: Vec<Fault>) {
        for Fault { offset, compressed_offset, cause } in faults {
            self.damage(place, offset, compressed_offset, cause);
        }
    }

    pub fn damage(&mut self, place: &Place, offset: u64, compressed_offset: Option<u64>, cause: Cause) {
        let path = place.path();
        self.last_damaged = Some(path.clone());
        self.visitor.damaged(Damage { path, offset, compressed_offset, cause });
    }

    /// Forgets what was damaged before an entry begins: two entries may have the same name.
    pub fn begin_entry(&mut self) {
        self.last_damaged = None;
    }

    /// Whether this very place was the last one reported: a container need not say again that its entry is cut.
    pub fn has_reported(&self, place: &Place) -> bool {
        self.last_damaged.as_ref() == Some(&place.path())
    }
}
