//! Which patterns are in effect: the built-in ones, those of directories on top, and what the configuration changes.

use std::path::PathBuf;

use super::error::ConfigError;
use super::load::ConfigFile;
use crate::catalogue::Catalogue;
use crate::pattern::builtin::{self, ReadError};
use crate::pattern::compile::compile_with;
use crate::pattern::diagnostic::{Gravity, Source, render_all};
use crate::pattern::lint::lint;
use crate::pattern::model::Definitions;
use crate::pattern::overrides::Overrides;
use crate::pattern::{Compiled, Patterns};

/// Where patterns come from: enough to read them again.
#[derive(Clone, Debug, Default)]
pub struct PatternSet {
    /// Start without the built-in ones.
    pub no_default: bool,
    /// Directories, or single files.
    pub paths: Vec<PathBuf>,
    /// The configuration, if it changes alarms.
    pub config: Option<ConfigFile>,
}

impl PatternSet {
    pub fn sources(&self) -> Result<Vec<Source>, ReadError> {
        let mut sources = if self.no_default { Vec::new() } else { builtin::builtin() };
        for path in &self.paths {
            sources.extend(builtin::read(path)?);
        }
        Ok(sources)
    }

    /// The runbooks that go with them.
    pub fn catalogue(&self) -> Result<Catalogue, ReadError> {
        let mut catalogue = if self.no_default { Catalogue::default() } else { Catalogue::builtin() };
        for path in &self.paths {
            catalogue.add(path)?;
        }
        Ok(catalogue)
    }

    /// The patterns, or all that is wrong with them.
    pub fn compile(&self, coloured: bool) -> Result<(Patterns, Definitions), ConfigError> {
        let mut sources = self.sources()?;
        let none = Overrides::default();
        let overrides = self.config.as_ref().map_or(&none, |file| &file.config.overrides);
        let Compiled { patterns, definitions, mut diagnostics } = compile_with(&sources, overrides);
        sources.extend(self.config.as_ref().map(|file| file.source.clone()));
        if let Some(patterns) = &patterns {
            diagnostics.extend(lint(patterns, &definitions));
        }
        diagnostics.retain(|d| d.gravity == Gravity::Error);
        match patterns.filter(|_| diagnostics.is_empty()) {
            Some(patterns) => Ok((patterns, definitions)),
            None => {
                let shown = render_all(&diagnostics, &sources, coloured);
                let of_config =
                    diagnostics.iter().all(|d| d.span.source.0 + 1 == sources.len()) && self.config.is_some();
                Err(ConfigError::Invalid(match of_config {
                    true => format!("{shown}\n\nthe configuration is invalid"),
                    false => format!("{shown}\n\nthe patterns are invalid; `tocsin check` tells more"),
                }))
            }
        }
    }
}
