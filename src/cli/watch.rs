//! `tocsin watch`. Its arguments are taken by `config show` and `config check` too.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Terminal;
use super::exit::{Exit, Failure};
use super::log_args::{LogArgs, OutcomeArgs};
use super::replay::host;
use crate::config::settings::Environment;
use crate::config::watch::WatchSettings;
use crate::config::{Begin, ConfigFile, Given, LogFormat, Settings, WantedProbe, value};
use crate::time::Millis;
use crate::watch::{self, WatchError};

/// Watch logs as they are written, and print the alarms as they are raised and cleared
///
/// What was read, what is active and what is still to be sent is kept in the state directory, so that a restart goes on
/// where the last watch stopped and nothing is lost or said twice. SIGHUP reads the patterns and the configuration again;
/// SIGTERM stops when what is there has been read and sent.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Watch {
    #[command(flatten)]
    args: WatchArgs,
}

const EXAMPLES: &str = "\
Examples:
  tocsin watch                                    the logs of this machine, where the vendor puts them
  tocsin watch --format table /var/log/Bigdata    for a person
  tocsin watch --to kafka://b1,b2/alarms --to stdout
  tocsin watch --probe certificate --probe zookeeper=node-1=10.0.0.1:2181,node-2=10.0.0.2:2181,node-3=10.0.0.3:2181
  kubectl logs -f flink-jobmanager | tocsin watch --log flink-jobmanager=- --assign node-7=- -";

#[derive(Args, Debug)]
pub struct WatchArgs {
    /// Files, directories, globs, or `-` for standard input (default: the paths of the known logs that exist)
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Stay, though none of the paths exists yet
    #[arg(long)]
    pub wait: bool,

    /// Where the state is kept (default: $STATE_DIRECTORY; as root /var/lib/tocsin; else ~/.local/state/tocsin)
    #[arg(long, value_name = "DIR", help_heading = "State")]
    pub state: Option<PathBuf>,

    /// Without a state: how far to read back to learn what is active (default: 1h)
    #[arg(long, value_name = "DURATION", value_parser = value::lookback, help_heading = "State")]
    pub lookback: Option<Millis>,

    /// Without a state: read from the start of the logs, or from their end
    #[arg(long, value_name = "start|end", value_parser = value::begin, conflicts_with = "lookback", help_heading = "State")]
    pub from: Option<Begin>,

    /// Check what no log says, too: `certificate[=PATH]` daily, `zookeeper[=[NODE=]HOST:PORT[,…]]` every minute
    #[arg(long, value_name = "WHAT", value_parser = WantedProbe::parse)]
    pub probe: Vec<WantedProbe>,

    /// How tocsin's own log is written to standard error (default: text)
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,

    #[command(flatten)]
    pub logs: LogArgs,

    #[command(flatten)]
    pub outcome: OutcomeArgs,
}

impl Watch {
    pub fn run(&self, terminal: &Terminal) -> Result<Exit, Failure> {
        let load = |coloured| Ok(WatchSettings::new(&self.args.settings(coloured)?, root(), coloured)?);
        let again = || load(false).map_err(|failure: Failure| failure.message);
        watch::run(load(terminal.stderr)?, &again, &host(), terminal.stdout)?;
        Ok(Exit::Fine)
    }
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Failure {
        let exit = match error {
            WatchError::Closed => Exit::StdoutClosed,
            WatchError::Pipe(_) | WatchError::Sink(_) => Exit::Invalid,
            _ => Exit::Failed,
        };
        Failure::new(exit, error.to_string())
    }
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
            log_format: self.log_format,
            state: self.state.clone(),
            begin: self.from.or(self.lookback.map(Begin::Lookback)),
            probes: self.probe.clone(),
            ..self.outcome.given(&self.logs)?
        })
    }
}

/// Below it the paths of the logs are looked for that are watched by default.
pub fn root() -> &'static Path {
    Path::new("/")
}
