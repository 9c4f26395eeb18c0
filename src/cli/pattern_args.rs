//! The options that choose a pattern set, and loading it.

use std::path::PathBuf;

use clap::Args;

use super::exit::Failure;
use crate::catalogue::Catalogue;
use crate::config::PatternSet;
use crate::pattern::Patterns;
use crate::pattern::diagnostic::Source;
use crate::pattern::model::Definitions;

#[derive(Args, Clone, Debug, Default)]
pub struct PatternArgs {
    /// Add the pattern files of a directory (or one file); an entry of the same name replaces the built-in one
    #[arg(long, value_name = "DIR", help_heading = "Patterns")]
    pub patterns: Vec<PathBuf>,

    /// Start without the built-in patterns
    #[arg(long, help_heading = "Patterns")]
    pub no_default_patterns: bool,
}

impl PatternArgs {
    fn set(&self) -> PatternSet {
        PatternSet { no_default: self.no_default_patterns, paths: self.patterns.clone(), config: None }
    }

    pub fn sources(&self) -> Result<Vec<Source>, Failure> {
        self.set().sources().map_err(|e| Failure::invalid(e.to_string()))
    }

    /// The runbooks that go with them.
    pub fn catalogue(&self) -> Result<Catalogue, Failure> {
        self.set().catalogue().map_err(|e| Failure::invalid(e.to_string()))
    }

    /// The patterns, or all that is wrong with them.
    pub fn load(&self, coloured: bool) -> Result<(Patterns, Definitions), Failure> {
        Ok(self.set().compile(coloured)?)
    }
}
