//! The options that choose a pattern set.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Failure;
use crate::config::settings::Environment;
use crate::config::{ConfigFile, Given, Settings};

#[derive(Args, Clone, Debug, Default)]
pub struct PatternArgs {
    /// Add the pattern files of a directory (or one file); an entry of the same name replaces the built-in one
    #[arg(long, value_name = "DIR", help_heading = "Patterns")]
    pub patterns: Vec<PathBuf>,

    /// Start without the built-in patterns
    #[arg(long, help_heading = "Patterns")]
    pub no_default_patterns: bool,
}

/// The same with a configuration, for commands that are told nothing else that stands in one.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfiguredArgs {
    /// The configuration file, for what it changes about alarms; what the command line says replaces what it says
    #[arg(long, value_name = "FILE", help_heading = "Patterns")]
    config: Option<PathBuf>,

    #[command(flatten)]
    pub patterns: PatternArgs,
}

impl ConfiguredArgs {
    /// `given`: what the command line says besides.
    pub fn settings(&self, given: Given, coloured: bool) -> Result<Settings, Failure> {
        let PatternArgs { patterns, no_default_patterns } = self.patterns.clone();
        let file = named_config(self.config.as_deref(), coloured)?;
        Ok(Settings::new(Given { patterns, no_default_patterns, ..given }, file, &Environment::of_process()))
    }
}

/// The machine's own configuration is not read unless it is named: what is told of logs and patterns is the same wherever it
/// is asked.
pub fn named_config(named: Option<&Path>, coloured: bool) -> Result<Option<ConfigFile>, Failure> {
    Ok(named.map(|path| ConfigFile::find(Some(path), coloured)).transpose()?.flatten())
}
