//! The scanner as one would write it first: each line is looked at, each regex tried, each time read.
//!
//! It is what the real one is tested against and measured by; `explain`, which shows each line anyway, reads with its parts.

pub mod belief;
pub mod lines;
mod scanner;

pub use scanner::Scanner;
