//! `tocsin config`: is the configuration valid, and what does it come to?

use std::io::Write;

use clap::{Args, Subcommand};

use super::Terminal;
use super::exit::{Exit, Failure};
use super::watch::{WatchArgs, root};
use crate::config::secret::SecretError;
use crate::config::watch::Paths;
use crate::config::{DEFAULT_FILE, Settings, show};
use crate::deliver::stdout::printable;

/// Check the configuration, or show what is in effect and who says so
#[derive(Args, Debug)]
pub struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Check the configuration, and the patterns with what it changes
    ///
    /// Takes the arguments of `watch` too, to check a command line. The exit code is 2 if something is wrong.
    Check(Box<WatchArgs>),
    /// Show the effective settings as TOML, each with who said it: default, file, command line or environment
    ///
    /// Takes the arguments of `watch`, and shows what it would run with. Secrets are hidden.
    Show(Box<WatchArgs>),
}

impl Config {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        match self.command {
            Command::Check(args) => check(&args.settings(terminal.stderr)?, terminal),
            Command::Show(args) => shown(&args.settings(terminal.stderr)?, terminal),
        }
    }
}

fn check(settings: &Settings, terminal: &Terminal) -> Result<Exit, Failure> {
    let (patterns, _) = settings.pattern_set().compile(terminal.stderr)?;
    settings.named(&patterns, terminal.stderr)?;
    secrets(settings)?;
    let name = settings.file.as_ref().map_or_else(
        || format!("no configuration (there is no {DEFAULT_FILE}): the defaults"),
        |f| printable(&f.source.name),
    );
    let changed = settings.file.as_ref().map_or(0, |f| f.config.overrides.alarms.len());
    let changed = match changed {
        0 => String::new(),
        1 => ", 1 of them changed".to_owned(),
        n => format!(", {n} of them changed"),
    };
    let mut out = std::io::stdout().lock();
    let (logs, alarms) = (patterns.logs.len(), patterns.alarms.len());
    writeln!(out, "{name}: valid; {logs} logs, {alarms} alarms{changed}; pattern set {}", patterns.hash)?;
    Ok(Exit::Fine)
}

/// A secret's file has to be there; the environment may be another's, so it is only told.
fn secrets(settings: &Settings) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for property in &settings.kafka {
        let place = match (&property.span, &settings.file) {
            (Some(span), Some(file)) => file.place(span),
            _ => String::new(),
        };
        match property.resolve(|name| std::env::var(name).ok()) {
            Ok(_) => {}
            Err(e @ SecretError::File { .. }) => wrong.push(format!("{place}: {e}")),
            Err(e @ SecretError::Environment(_)) => eprintln!("tocsin: {}: {e} here", printable(&place)),
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::invalid(printable(&wrong.join("; ")))),
    }
}

fn shown(settings: &Settings, terminal: &Terminal) -> Result<Exit, Failure> {
    let (patterns, _) = settings.pattern_set().compile(terminal.stderr)?;
    settings.named(&patterns, terminal.stderr)?;
    let paths = Paths::find(settings, &patterns, root());
    let mut out = std::io::stdout().lock();
    out.write_all(show::show(settings, &paths).as_bytes())?;
    Ok(Exit::Fine)
}
