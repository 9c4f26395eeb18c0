//! Making transitions known.

pub mod stdout;
