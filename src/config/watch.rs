//! The settings that `watch` runs on: nothing is left to look up.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::defaults;
use super::error::ConfigError;
use super::patterns::PatternSet;
use super::secret::Property;
use super::settings::{Named, Settings};
use super::value::{Begin, LogFormat, Shown, Sink};
use super::zones::LogZones;
use crate::deliver::stdout::Format;
use crate::input::assign::Decisions;
use crate::pattern::{LogId, Patterns};
use crate::probe;
use crate::time::Millis;

#[derive(Debug)]
pub struct WatchSettings {
    /// What is tailed. Paths may still be missing: those that the user named, or with `wait` all.
    pub paths: Vec<PathBuf>,
    /// Stay, though nothing of it exists.
    pub wait: bool,
    pub patterns: Patterns,
    /// To read the patterns again.
    pub pattern_set: PatternSet,
    pub zones: LogZones,
    pub decisions: Decisions,
    pub cluster: Arc<str>,
    pub hold: Millis,
    /// Of one alarm on one node.
    pub max_keys: usize,
    pub sinks: Vec<Sink>,
    pub kafka: Vec<Property>,
    /// Of standard output.
    pub format: Format,
    pub shown: Shown,
    /// How long a log may be silent before that is told of.
    pub silent: HashMap<LogId, Millis>,
    pub state: StateSettings,
    pub log_format: LogFormat,
    /// What they write is among the paths.
    pub probes: probe::Settings,
}

#[derive(Clone, Debug)]
pub struct StateSettings {
    pub dir: PathBuf,
    /// Where the first start without a state begins.
    pub begin: Begin,
    /// Bytes that the outbox may grow to.
    pub outbox: u64,
}

/// Where the logs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    pub chosen: Vec<PathBuf>,
    /// By default: everything that was looked for.
    pub tried: Vec<PathBuf>,
}

impl Paths {
    /// Those of the settings; by default those of the logs that exist below `root`.
    pub fn find(settings: &Settings, patterns: &Patterns, root: &Path) -> Paths {
        if !settings.paths.value.is_empty() {
            return Paths { chosen: settings.paths.value.clone(), tried: Vec::new() };
        }
        let tried = defaults::log_directories(patterns, root);
        // What cannot be judged is taken: that it cannot be read is said where it is opened.
        let chosen = tried.iter().filter(|p| p.try_exists().unwrap_or(true)).cloned().collect();
        Paths { chosen: defaults::topmost(chosen), tried }
    }
}

impl WatchSettings {
    /// `root` is `/`, but for tests.
    pub fn new(settings: &Settings, root: &Path, coloured: bool) -> Result<WatchSettings, ConfigError> {
        let pattern_set = settings.pattern_set();
        let (patterns, _) = pattern_set.compile(coloured)?;
        let Named { zones, decisions, shown, silent } = settings.named(&patterns, coloured)?;
        let Paths { chosen, tried } = Paths::find(settings, &patterns, root);
        let wait = settings.wait.value;
        let probes = settings.probes.settings();
        let mut paths = match (chosen.is_empty(), wait) {
            (false, _) => chosen,
            (true, true) => defaults::topmost(tried),
            // Whoever has nothing but probes watches these.
            (true, false) if !probes.is_empty() => chosen,
            (true, false) => return Err(ConfigError::NoPath { tried }),
        };
        let written = probe::log::Logs::directory(&settings.state.value);
        // Of probes that are wanted no longer, what they said must end.
        if !probes.is_empty() || (written.is_dir() && !paths.iter().any(|path| path.as_os_str() == "-")) {
            paths.push(written);
        }
        Ok(WatchSettings {
            paths,
            wait,
            patterns,
            pattern_set,
            zones,
            decisions,
            cluster: settings.cluster.value.as_str().into(),
            hold: settings.hold.value,
            max_keys: settings.max_keys.value,
            sinks: settings.to.value.clone(),
            kafka: settings.kafka.clone(),
            format: settings.format.value,
            shown,
            silent,
            state: StateSettings {
                dir: settings.state.value.clone(),
                begin: settings.begin.value,
                outbox: settings.outbox.value,
            },
            log_format: settings.log_format.value,
            probes,
        })
    }
}

#[cfg(test)]
mod tests;
