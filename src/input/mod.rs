//! Where bytes come from: which files there are, whose they are, and what is inside them.
//!
//! Input knows rotation and compression. Of patterns it knows which files a log has, and for a file in another place it
//! has the scanner look at the first bytes.

pub mod archive;
pub mod assign;
pub mod discover;
pub mod rotation;
pub mod tail;
