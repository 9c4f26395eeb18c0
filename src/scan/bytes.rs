//! Texts are written and read as one piece: byte by byte, as serde does with slices, takes longer than all the rest of a hit.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};

pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Box<[u8]>, D::Error> {
    from.deserialize_bytes(Piece)
}

struct Piece;

impl<'d> Visitor<'d> for Piece {
    type Value = Box<[u8]>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Box<[u8]>, E> {
        Ok(bytes.into())
    }

    /// Formats that have no bytes write them as a list.
    fn visit_seq<A: SeqAccess<'d>>(self, mut list: A) -> Result<Box<[u8]>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}
