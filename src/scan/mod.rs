//! Blocks in, hits and ticks out.
//!
//! Pure: no files, no clocks, no sinks. One [`Scanner`] reads one file (or one member of an archive) from its
//! beginning to its end; files of a family are joined afterwards, by what each leaves in its [`Summary`].

pub mod belief;
pub mod block;
pub mod hit;
mod scanner;

pub use hit::{Carry, Head, Hit, Line, Seen, Summary};
pub use scanner::{HEAD_LIMIT, Lookahead, Scanner, judge_head};
