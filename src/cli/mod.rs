//! The command line: one file per command.

mod alarms;
mod check;
mod config;
mod diagnose;
mod doctor;
pub mod exit;
mod explain;
mod filter;
mod kafka_args;
mod log_args;
mod pattern_args;
mod probe;
mod progress;
mod replay;
mod sending;
mod speed;
mod state;
mod stats;
mod summary;
mod tail;
mod test_alarm;
mod topic;
pub mod watch;
mod zones;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Exit, Failure};

/// Turns the logs of Flink HA clusters and their ZooKeeper into alarms
///
/// tocsin reads HA run logs, prestart.log, Flink and ZooKeeper logs, and writes one JSON record when an alarm is raised and
/// one when it clears. Everything is decided in the time that the logs carry, so that replaying an archive gives the same
/// records as watching the log did.
#[derive(Parser, Debug)]
#[command(name = "tocsin", version, long_version = long_version(), max_term_width = 100, after_help = Exit::listed())]
struct Tocsin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Replay(Box<replay::Replay>),
    Check(check::Check),
    Explain(Box<explain::Explain>),
    Alarms(alarms::Alarms),
    Watch(Box<watch::Watch>),
    State(state::State),
    Config(config::Config),
    Doctor(Box<doctor::Doctor>),
    Topic(topic::Topic),
    Tail(tail::Tail),
    TestAlarm(test_alarm::TestAlarm),
    Diagnose(Box<diagnose::Diagnose>),
    Probe(probe::Probe),
}

/// What the standard streams can show.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Colours on standard output and on standard error.
    pub stdout: bool,
    pub stderr: bool,
    /// A person looks at standard error.
    pub interactive: bool,
}

impl Terminal {
    fn look() -> Terminal {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
        let interactive = std::io::stderr().is_terminal();
        Terminal { stdout: wanted && std::io::stdout().is_terminal(), stderr: wanted && interactive, interactive }
    }
}

pub fn main() -> ExitCode {
    let tocsin = match Tocsin::try_parse() {
        Ok(tocsin) => tocsin,
        Err(error) => {
            // Help and version are asked for; everything else is a mistake in usage.
            let asked = !error.use_stderr();
            return match error.print().map_err(Failure::from) {
                Ok(()) if asked => Exit::Fine.into(),
                Err(Failure { exit, .. }) if asked => exit.into(),
                _ => Exit::Invalid.into(),
            };
        }
    };
    let terminal = Terminal::look();
    let ended = match tocsin.command {
        Command::Replay(replay) => replay.run(&terminal),
        Command::Check(check) => check.run(&terminal),
        Command::Explain(explain) => explain.run(&terminal),
        Command::Alarms(alarms) => alarms.run(&terminal),
        Command::Watch(watch) => watch.run(&terminal),
        Command::State(state) => state.run(&terminal),
        Command::Config(config) => config.run(&terminal),
        Command::Doctor(doctor) => doctor.run(&terminal),
        Command::Topic(topic) => topic.run(&terminal),
        Command::Tail(tail) => tail.run(&terminal),
        Command::TestAlarm(test) => test.run(&terminal),
        Command::Diagnose(diagnose) => diagnose.run(&terminal),
        Command::Probe(probe) => probe.run(&terminal),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(Failure { exit, message }) => {
            eprintln!("tocsin: {message}");
            exit.into()
        }
    }
}

/// The version with what it was built from: the commit and the built-in pattern set.
fn long_version() -> &'static str {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let patterns = crate::pattern::compile::hash(&crate::pattern::builtin::builtin());
        format!("{}\ncommit   {}\npatterns {patterns}", env!("CARGO_PKG_VERSION"), env!("TOCSIN_COMMIT"))
    });
    &TEXT
}
