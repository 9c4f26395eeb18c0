//! The options that choose a pattern set, and loading it.

use std::path::PathBuf;

use clap::Args;

use super::exit::Failure;
use crate::catalogue::Catalogue;
use crate::pattern::diagnostic::{Gravity, Source};
use crate::pattern::lint::lint;
use crate::pattern::model::Definitions;
use crate::pattern::{Compiled, Patterns, builtin, compile};

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
    pub fn sources(&self) -> Result<Vec<Source>, Failure> {
        let mut sources = if self.no_default_patterns { Vec::new() } else { builtin::builtin() };
        for path in &self.patterns {
            sources.extend(builtin::read(path).map_err(|e| Failure::invalid(e.to_string()))?);
        }
        Ok(sources)
    }

    /// The runbooks that go with them.
    pub fn catalogue(&self) -> Result<Catalogue, Failure> {
        let mut catalogue = if self.no_default_patterns { Catalogue::default() } else { Catalogue::builtin() };
        for path in &self.patterns {
            catalogue.add(path).map_err(|e| Failure::invalid(e.to_string()))?;
        }
        Ok(catalogue)
    }

    /// The patterns, or all that is wrong with them.
    pub fn load(&self, coloured: bool) -> Result<(Patterns, Definitions), Failure> {
        let sources = self.sources()?;
        let Compiled { patterns, definitions, mut diagnostics } = compile(&sources);
        if let Some(patterns) = &patterns {
            diagnostics.extend(lint(patterns, &definitions));
        }
        diagnostics.retain(|d| d.gravity == Gravity::Error);
        match patterns.filter(|_| diagnostics.is_empty()) {
            Some(patterns) => Ok((patterns, definitions)),
            None => {
                let shown: Vec<String> = diagnostics.iter().map(|d| d.render(&sources, coloured)).collect();
                Err(Failure::invalid(format!(
                    "{}\n\nthe patterns are invalid; `tocsin check` tells more",
                    shown.join("\n\n")
                )))
            }
        }
    }
}
