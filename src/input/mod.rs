//! Where bytes come from: which files there are, whose they are, and what is inside them.
//!
//! Input knows rotation and compression, and nothing of patterns but their names and shapes.

pub mod archive;
pub mod assign;
pub mod discover;
pub mod rotation;
pub mod tail;
