//! `tocsin state`: what a watch knows, running or not; and clearing what is stuck.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Terminal;
use super::exit::{Exit, Failure};
use crate::config::defaults::state_directory;
use crate::config::settings::Environment;
use crate::deliver::stdout::{Format, Stdout, printable, short_time};
use crate::state::{Directory, Keeper, OpenError};
use crate::watch::Past;
use crate::watch::{Answer, Question, Status, ask};

/// Show what a watch has read, what is active and what is still to be sent
///
/// A running watch is asked; of one that does not run, its state directory is read.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct State {
    /// The state directory (default: that of `watch`)
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// As one JSON object
    #[arg(long)]
    json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Clear an instance that is stuck, as a transition like any other (`clearedBy: operator`)
    Clear {
        /// The key of the instance, as `tocsin state` and the record show it
        #[arg(value_name = "KEY")]
        key: String,

        /// The state directory (default: that of `watch`)
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
    },
}

impl State {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        match self.command {
            Some(Command::Clear { key, state }) => clear(&directory(state), key),
            None => show(&directory(self.dir), self.json, terminal),
        }
    }
}

fn directory(given: Option<PathBuf>) -> Directory {
    let environment = Environment::of_process();
    Directory::new(&given.unwrap_or_else(|| state_directory(environment.variable, environment.root).0))
}

fn show(directory: &Directory, json: bool, terminal: &Terminal) -> Result<Exit, Failure> {
    let status = match asked(directory, &Question::State)? {
        Some(Answer::State(status)) => *status,
        Some(Answer::Refused(why)) => return Err(Failure::new(Exit::Failed, printable(&why))),
        Some(Answer::Cleared(_)) | None => saved(directory)?,
    };
    let mut out = std::io::stdout().lock();
    if json {
        let json = serde_json::to_string(&status).map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
        writeln!(out, "{json}")?;
        return Ok(Exit::Fine);
    }
    table(&mut out, &status)?;
    if !status.active.is_empty() {
        writeln!(out, "\nactive:")?;
        let mut rows = Stdout::new(out, Format::Table, terminal.stdout);
        rows.begin()?;
        status.active.iter().try_for_each(|transition| rows.write(transition))?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nkeys, for `tocsin state clear`:")?;
        for transition in &status.active {
            writeln!(out, "  {}", printable(&transition.key))?;
        }
    }
    Ok(Exit::Fine)
}

fn table(out: &mut impl Write, status: &Status) -> std::io::Result<()> {
    match status.pid {
        Some(pid) => {
            writeln!(out, "watched by process {pid}{}", if status.durable { "" } else { ", WITHOUT its state" })?
        }
        None => writeln!(out, "not watched now")?,
    }
    writeln!(out, "\n{:<16}  {:<20}  {:>14}  {:>10}  {:<19}  FILE", "NODE", "LOG", "READ", "LAG", "CLOCK")?;
    for family in &status.families {
        let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let clock = family.clock.map_or_else(|| "-".to_owned(), short_time);
        let (read, lag) = (number(family.offset), number(family.lag));
        let path = printable(&family.path.to_string_lossy());
        let (node, log) = (printable(&family.node), printable(&family.log));
        writeln!(out, "{node:<16}  {log:<20}  {read:>14}  {lag:>10}  {clock:<19}  {path}")?;
    }
    writeln!(out)?;
    for sink in &status.sinks {
        let ended = sink.ended.as_ref().map_or_else(String::new, |why| format!(" ({})", printable(why)));
        writeln!(out, "{}: {} transitions wait{ended}", printable(&sink.sink), sink.waiting)?;
    }
    writeln!(out, "{} alarms active", status.active.len())
}

fn asked(directory: &Directory, question: &Question) -> Result<Option<Answer>, Failure> {
    let socket = directory.socket();
    ask(&socket, question).map_err(|e| Failure::new(Exit::Failed, format!("cannot ask {}: {e}", socket.display())))
}

fn saved(directory: &Directory) -> Result<Status, Failure> {
    let missing = || {
        let path = directory.store();
        Failure::new(Exit::NothingToRead, format!("there is no state: {} does not exist", path.display()))
    };
    if !directory.store().exists() {
        return Err(missing());
    }
    let keeper = Keeper::open(directory.clone()).map_err(|e: OpenError| Failure::new(Exit::Failed, e.to_string()))?;
    let failed = |why: String| Failure::new(Exit::Failed, why);
    let past = Past::load(&keeper).map_err(failed)?.ok_or_else(missing)?;
    let store = keeper.store().ok_or_else(missing)?;
    Status::saved(past, store).map_err(|e| failed(e.to_string()))
}

fn clear(directory: &Directory, key: String) -> Result<Exit, Failure> {
    let shown = printable(&key);
    match asked(directory, &Question::Clear { key })? {
        Some(Answer::Cleared(true)) => {
            eprintln!("cleared {shown}");
            Ok(Exit::Fine)
        }
        Some(Answer::Cleared(false)) => Err(Failure::invalid(format!("nothing with this key is active: {shown}"))),
        Some(Answer::Refused(why)) => Err(Failure::new(Exit::Failed, printable(&why))),
        Some(Answer::State(_)) => Err(Failure::new(Exit::Failed, "the watch answered something else")),
        None => Err(Failure::new(
            Exit::Failed,
            "no watch is running with this state: start it, so that its sinks hear of the clear",
        )),
    }
}
