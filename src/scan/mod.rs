//! Blocks in, hits and ticks out.
//!
//! Pure: no files, no clocks, no sinks. One [`Scanner`] reads one file (or one member of an archive) from its
//! beginning to its end; files of a family are joined afterwards, by what each leaves in its [`Summary`].
//!
//! Nearly all lines of a log are of no interest, so nothing is done line by line. Bytes become [`block`]s of whole
//! lines, a [`prefilter`] finds where the text of some signal stands, and only there lines, [`record`]s, regexes and
//! [`times`] come in. It must find exactly what [`naive`] finds.

pub mod belief;
pub mod block;
mod bytes;
mod heads;
pub mod hit;
pub mod jump;
#[doc(hidden)]
pub mod naive;
mod prefilter;
mod record;
mod saved;
mod scanner;
mod times;

pub use heads::HEAD_LIMIT;
pub use hit::{Carry, Head, Hit, Line, Seen, Summary, judge_head};
pub use saved::{SavedCarry, SavedScanner};
pub use scanner::{Lookahead, Scanner, Step};
