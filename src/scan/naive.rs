//! The scanner as one would write it first: each line is looked at, each regex tried, each time read.
//!
//! It is what the real one is tested against and measured by, and nothing else uses it.

mod belief;
mod lines;
mod scanner;

pub use scanner::Scanner;
