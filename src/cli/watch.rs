//! The arguments of `tocsin watch`, which `config show` and `config check` take too.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Failure;
use super::log_args::{LogArgs, OutcomeArgs};
use crate::config::settings::Environment;
use crate::config::{Begin, ConfigFile, Given, LogFormat, Settings, Sink, value};
use crate::time::Millis;

#[derive(Args, Debug)]
pub struct WatchArgs {
    /// Files, directories, globs, or `-` for standard input (default: the paths of the known logs that exist)
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Stay, though none of the paths exists yet
    #[arg(long)]
    pub wait: bool,

    /// Where transitions go: `stdout`, or kafka://BROKER[,BROKER]/TOPIC (default: stdout)
    #[arg(long, value_name = "SINK", value_parser = Sink::parse)]
    pub to: Vec<Sink>,

    /// Where the state is kept (default: $STATE_DIRECTORY; as root /var/lib/tocsin; else ~/.local/state/tocsin)
    #[arg(long, value_name = "DIR", help_heading = "State")]
    pub state: Option<PathBuf>,

    /// Without a state: how far to read back to learn what is active (default: 1h)
    #[arg(long, value_name = "DURATION", value_parser = value::lookback, help_heading = "State")]
    pub lookback: Option<Millis>,

    /// Without a state: read from the start of the logs, or from their end
    #[arg(long, value_name = "start|end", value_parser = value::begin, conflicts_with = "lookback", help_heading = "State")]
    pub from: Option<Begin>,

    /// How tocsin's own log is written to standard error (default: text)
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,

    #[command(flatten)]
    pub logs: LogArgs,

    #[command(flatten)]
    pub outcome: OutcomeArgs,
}

impl WatchArgs {
    /// The command line over the file over the defaults. The default file is read too.
    pub fn settings(&self, coloured: bool) -> Result<Settings, Failure> {
        let file = ConfigFile::find(self.logs.config.as_deref(), coloured)?;
        Ok(Settings::new(self.given()?, file, &Environment::of_process()))
    }

    fn given(&self) -> Result<Given, Failure> {
        Ok(Given {
            paths: self.paths.clone(),
            wait: self.wait,
            to: self.to.clone(),
            log_format: self.log_format,
            state: self.state.clone(),
            begin: self.from.or(self.lookback.map(Begin::Lookback)),
            ..self.outcome.given(&self.logs)?
        })
    }
}

/// Below it the paths of the logs are looked for that are watched by default.
pub fn root() -> &'static Path {
    Path::new("/")
}
