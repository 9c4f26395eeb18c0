//! The language of pattern files: what a log looks like, what its lines say, and which alarms follow.

mod alarms;
pub mod builtin;
pub mod compile;
pub mod diagnostic;
pub mod expectation;
mod glob;
pub mod layout;
pub mod lint;
mod literal;
mod load;
pub mod model;
pub mod overrides;
pub mod patterns;
mod places;
pub(crate) mod regexes;
pub mod search;
pub mod stamp;
pub(crate) mod syntax;
pub(crate) mod toml_reader;
pub mod windows;
pub mod zone;

pub use compile::{Compiled, compile, compile_with};
pub use patterns::*;
pub use zone::Zone;
