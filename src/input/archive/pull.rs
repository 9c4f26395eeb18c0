//! One packed log, pulled piece by piece by whoever reads it.
//!
//! A [`visit`](super::visit) pushes and does not return before the archive is over. Whoever reads live has other files
//! to look at in between, and goes on in an archive where the plain file was left. A packed log that was rolled is one
//! stream: gzip, zstandard, or the only entry of a zip.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use super::damage::{Cause, Damage, Fault, Format};
use super::detect::{Kind, detect};
use super::gzip::Gunzip;
use super::source::{Layer, Source};
use super::zip::data::Data;
use super::zip::record::{DESCRIPTOR_MAX, Entry, LOCAL, Method, Sums, descriptor};
use super::zstandard::{Frames, MaxWindow, Unzstd};

type Own = Box<Source<'static>>;

/// A packed log that is being read. It yields what can be decoded; what is wrong is asked for at the end.
pub struct Unpacked {
    name: String,
    coding: Coding,
    /// The size when unpacked, as the archive has it: a hint, for it may be wrong.
    announced: Option<u64>,
    position: u64,
    /// What the file itself could not give.
    broken: Arc<Mutex<Option<io::Error>>>,
}

enum Coding {
    Gzip(Gunzip<Own>),
    Zstd(Unzstd<Own>),
    Zip(Box<Data<Own>>, Option<Sums>),
    Stored(Own, u64),
}

/// What a file turned out to be.
pub enum Opened {
    Packed(Box<Unpacked>),
    /// Not packed at all, whatever it is called.
    Plain(File),
    /// Nothing that one log can be read from; the text says why.
    Other(String),
}

impl Unpacked {
    /// Looks at a file's first bytes and gets ready to unpack it.
    pub fn open(file: File, name: &str) -> io::Result<Opened> {
        let size = file.metadata()?.len();
        let broken = Arc::new(Mutex::new(None));
        let announced_gzip = gzip_size(&file, size)?;
        (&file).seek(SeekFrom::Start(0))?;
        let outer = Outer { file: file.try_clone()?, broken: broken.clone() };
        let mut source = Box::new(Source::owning(Box::new(outer)));
        let (coding, announced) = match detect(&mut source, name) {
            Kind::Packed(Format::Gzip) => (Coding::Gzip(Gunzip::new(source)), announced_gzip),
            Kind::Packed(Format::Zstd) => {
                let announced = zstd::zstd_safe::get_frame_content_size(source.peek(18)).ok().flatten();
                (Coding::Zstd(Unzstd::new(source, Frames::Many, MaxWindow::OUTER)?), announced)
            }
            Kind::Packed(Format::Zip) => match zip(source)? {
                Ok(found) => found,
                Err(why) => return Ok(Opened::Other(why)),
            },
            Kind::Packed(Format::Tar) => return Ok(Opened::Other("a tar archive is not one log".to_owned())),
            Kind::Foreign(format) => return Ok(Opened::Other(format!("{format} is not read"))),
            Kind::Plain => {
                (&file).seek(SeekFrom::Start(0))?;
                return Ok(Opened::Plain(file));
            }
        };
        Ok(Opened::Packed(Box::new(Unpacked { name: name.to_owned(), coding, announced, position: 0, broken })))
    }

    pub fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// The next bytes, as many as fit; fewer only at the end. An error is the disk's and not the archive's.
    pub fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < out.len() {
            let rest = &mut out[filled..];
            let count = match &mut self.coding {
                Coding::Gzip(gunzip) => gunzip.pull(rest),
                Coding::Zstd(unzstd) => unzstd.pull(rest),
                Coding::Zip(data, _) => data.pull(rest),
                Coding::Stored(source, left) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let count = source.pull(&mut rest[..most]);
                    *left -= count as u64;
                    count
                }
            };
            if count == 0 {
                break;
            }
            filled += count;
        }
        self.position += filled as u64;
        match self.broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(filled),
        }
    }

    /// What was wrong, after the last byte.
    pub fn finish(self) -> Vec<Damage> {
        let Unpacked { name, coding, position, .. } = self;
        let faults = match coding {
            Coding::Gzip(gunzip) => gunzip.into_faults().into_vec(),
            Coding::Zstd(unzstd) => unzstd.into_faults().into_vec(),
            Coding::Zip(data, sums) => zip_faults(*data, sums, position),
            Coding::Stored(mut source, left) => stored_faults(&mut source, left, position),
        };
        let damage = |fault: Fault| Damage {
            path: name.clone(),
            offset: fault.offset,
            compressed_offset: fault.compressed_offset,
            cause: fault.cause,
        };
        faults.into_iter().map(damage).collect()
    }
}

/// The last member's size, modulo 4 GiB: that of the whole if it has one member, as a rolled log mostly has.
fn gzip_size(file: &File, size: u64) -> io::Result<Option<u64>> {
    let mut trailer = [0; 4];
    if size < 18 {
        return Ok(None);
    }
    (&*file).seek(SeekFrom::Start(size - 4))?;
    (&*file).read_exact(&mut trailer)?;
    Ok(Some(u64::from(u32::from_le_bytes(trailer))))
}

/// The first entry that holds data, or why there is none.
fn zip(mut source: Own) -> io::Result<Result<(Coding, Option<u64>), String>> {
    if !source.peek(LOCAL.len()).starts_with(&LOCAL) {
        return Ok(Err("its first entry cannot be made out".to_owned()));
    }
    let Some(entry) = Entry::take_local(&mut source) else {
        return Ok(Err("its first entry cannot be made out".to_owned()));
    };
    let announced = entry.sums.map(|sums| sums.unpacked);
    Ok(match (entry.method, entry.sums) {
        _ if entry.encrypted => Err("it is encrypted".to_owned()),
        _ if entry.is_empty_kind() => Err("it holds directories; only a log by itself is read".to_owned()),
        (Method::Stored, Some(sums)) => Ok((Coding::Stored(source, sums.unpacked), announced)),
        (method, sums) => match Data::new(source, method, false, MaxWindow::OUTER)? {
            Some(data) => Ok((Coding::Zip(Box::new(data), sums), announced)),
            None => Err(format!("it is packed with {}, which is not read", method.name())),
        },
    })
}

fn zip_faults(mut data: Data<Own>, sums: Option<Sums>, position: u64) -> Vec<Fault> {
    let packed = data.packed();
    let (announced, more) = {
        let source = data.source();
        let announced = match sums {
            Some(sums) => Some(sums.crc),
            None => descriptor(source.peek(DESCRIPTOR_MAX), packed, position).map(|(length, crc)| {
                source.skip(length as u64);
                crc
            }),
        };
        (announced, source.peek(LOCAL.len()).starts_with(&LOCAL))
    };
    let (found, mut faults) = data.finish();
    if found.is_some_and(|(crc, _)| announced.is_some_and(|a| a != crc)) {
        faults.push(fault(position, Cause::Checksum(Format::Zip)));
    }
    if more {
        faults.push(fault(position, several()));
    }
    faults
}

fn stored_faults(source: &mut Source<'_>, left: u64, position: u64) -> Vec<Fault> {
    let mut faults = Vec::new();
    if left > 0 {
        faults.push(fault(position, Cause::EntryCut { missing: left }));
    }
    if source.peek(LOCAL.len()).starts_with(&LOCAL) {
        faults.push(fault(position, several()));
    }
    faults
}

fn several() -> Cause {
    Cause::Read("it holds several files, of which the first was read; `tocsin replay` reads them all".to_owned())
}

fn fault(offset: u64, cause: Cause) -> Fault {
    Fault { offset, compressed_offset: None, cause }
}

/// The file at the bottom. It lives as long as its reader.
struct Outer {
    file: File,
    broken: Arc<Mutex<Option<io::Error>>>,
}

impl Layer for Outer {
    fn pull(&mut self, out: &mut [u8]) -> usize {
        loop {
            match self.file.read(out) {
                Ok(count) => return count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return 0;
                }
            }
        }
    }
}
