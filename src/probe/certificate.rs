//! Is a certificate file one that a server can start with, and for how long?
//!
//! The HA process of FlinkServer says nothing in its log about its certificate until the day on which the two nodes no
//! longer talk to each other. So the file is looked at ahead of time, the way a person would: is it there, can it be read,
//! is it whole, and which of its certificates ends first.
//!
//! A file may hold a chain. It is as good as its worst certificate: one that has ended, or has not begun, breaks the
//! connection wherever it stands.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use x509_parser::error::PEMError;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::time::{Millis, SECOND};

/// A certificate has a few KiB, a chain some more. Whatever is larger is something else.
const LARGEST: u64 = 1 << 20;

pub const DAY: Millis = 24 * 60 * 60 * SECOND;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    /// In hexadecimal, as `openssl x509 -serial` has it, with colons.
    pub serial: String,
    /// The first and the last moment at which it is valid.
    pub not_before: Millis,
    pub not_after: Millis,
}

/// Why a file cannot serve as a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Missing,
    /// With what the system says.
    Unreadable(String),
    /// No certificate at all, or one that is broken or cut; with what is wrong.
    Malformed(String),
    NotYetValid(Certificate),
}

/// What a look at a certificate comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Missing,
    Unreadable,
    Malformed,
    NotYetValid,
    Expired,
    /// Valid, but not for long.
    Expiring,
    Fine,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Missing => "missing",
            Verdict::Unreadable => "unreadable",
            Verdict::Malformed => "malformed",
            Verdict::NotYetValid => "not-yet-valid",
            Verdict::Expired => "expired",
            Verdict::Expiring => "expiring",
            Verdict::Fine => "fine",
        }
    }

    /// `days`: so many left are no longer enough.
    pub fn of(examined: &Result<Certificate, Fault>, now: Millis, days: u32) -> Verdict {
        match examined {
            Err(Fault::Missing) => Verdict::Missing,
            Err(Fault::Unreadable(_)) => Verdict::Unreadable,
            Err(Fault::Malformed(_)) => Verdict::Malformed,
            Err(Fault::NotYetValid(_)) => Verdict::NotYetValid,
            Ok(certificate) if certificate.not_after < now => Verdict::Expired,
            Ok(certificate) if certificate.not_after - now <= Millis::from(days) * DAY => Verdict::Expiring,
            Ok(_) => Verdict::Fine,
        }
    }
}

impl Certificate {
    /// Whole days until it ends; negative when it has ended.
    pub fn days_left(&self, now: Millis) -> i64 {
        (self.not_after - now).div_euclid(DAY)
    }
}

impl Fault {
    /// What a person reads, without the path.
    pub fn reason(&self) -> String {
        match self {
            Fault::Missing => "there is no such file".to_owned(),
            Fault::Unreadable(why) | Fault::Malformed(why) => why.clone(),
            Fault::NotYetValid(_) => "its time has not begun".to_owned(),
        }
    }

    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Fault::NotYetValid(certificate) => Some(certificate),
            _ => None,
        }
    }
}

/// Looks at a file and changes nothing. Of several certificates the one that ends first.
pub fn examine(path: &Path, now: Millis) -> Result<Certificate, Fault> {
    let chain = read(&content(path)?)?;
    if let Some(early) = chain.iter().find(|c| c.not_before > now) {
        return Err(Fault::NotYetValid(early.clone()));
    }
    let first = chain.into_iter().min_by_key(|c| c.not_after);
    first.ok_or_else(|| Fault::Malformed("no certificate stands in it".to_owned()))
}

fn content(path: &Path) -> Result<Vec<u8>, Fault> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fault::Missing,
        _ => Fault::Unreadable(error.to_string()),
    };
    let file = open(path).map_err(failed)?;
    let kind = file.metadata().map_err(failed)?;
    if !kind.is_file() {
        return Err(Fault::Unreadable("it is no regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(Fault::Malformed("it is larger than any certificate".to_owned())),
        false => Ok(bytes),
    }
}

/// A pipe that stands there instead of a file must not hold the probe up.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// Every certificate of a file, PEM or DER.
fn read(bytes: &[u8]) -> Result<Vec<Certificate>, Fault> {
    if bytes.is_empty() {
        return Err(Fault::Malformed("it is empty".to_owned()));
    }
    if !bytes.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return Ok(vec![der(bytes)?]);
    }
    let mut chain = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        let block = match block {
            Ok(block) => block,
            // What follows the last block.
            Err(PEMError::MissingHeader) => break,
            Err(PEMError::IncompletePEM) => return Err(Fault::Malformed("it is truncated: a block has no end".into())),
            Err(error) => return Err(Fault::Malformed(format!("a block cannot be decoded: {error}"))),
        };
        // A key may stand beside it; it is none of our business.
        if matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE") {
            let nth = chain.len() + 1;
            let read = der(&block.contents);
            chain.push(read.map_err(|fault| Fault::Malformed(format!("certificate {nth}: {}", fault.reason())))?);
        }
    }
    Ok(chain)
}

const BEGIN: &[u8] = b"-----BEGIN ";

fn der(bytes: &[u8]) -> Result<Certificate, Fault> {
    let malformed = |why: &str| Err(Fault::Malformed(why.to_owned()));
    let (_, parsed) = match X509Certificate::from_der(bytes) {
        Ok(parsed) => parsed,
        Err(x509_parser::nom::Err::Incomplete(_)) => return malformed("it is truncated"),
        Err(_) if is_cut(bytes) => return malformed("it is truncated"),
        Err(_) => return malformed("it is not a certificate"),
    };
    let millis = |time: &x509_parser::time::ASN1Time| time.timestamp().saturating_mul(SECOND);
    Ok(Certificate {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        serial: parsed.raw_serial_as_string(),
        not_before: millis(&parsed.validity().not_before),
        not_after: millis(&parsed.validity().not_after),
    })
}

/// A sequence whose length says that there is more than there is.
fn is_cut(bytes: &[u8]) -> bool {
    let [0x30, rest @ ..] = bytes else { return false };
    let Some((&first, rest)) = rest.split_first() else { return true };
    if first < 0x80 {
        return rest.len() < usize::from(first);
    }
    let count = usize::from(first & 0x7f);
    if count > 4 {
        return false;
    }
    match rest.get(..count) {
        Some(length) => rest.len() - count < length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        None => true,
    }
}

#[cfg(test)]
mod tests;
