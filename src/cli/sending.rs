//! The sinks of a command that has an end: each record goes to all of them, and the command waits until it is there.

use std::io::StdoutLock;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use indicatif::ProgressBar;

use super::Terminal;
use super::exit::{Exit, Failure};
use crate::config::kafka::target;
use crate::config::secret::Property;
use crate::config::value::Sink as Wanted;
use crate::deliver::kafka::trouble::Trouble;
use crate::deliver::kafka::{
    self,
    target::{Patience, Target},
};
use crate::deliver::sink::{Ended, Notice, Sink};
use crate::deliver::stdout::{Format, Stdout, WriteError, printable};
use crate::transition::{Mode, Transition};

/// A replay does not write among the last so many records of a partition if one of them is a watch's.
const LOOKED_AT: i64 = 1000;

/// Between two looks at a sink that says nothing.
const LOOK: Duration = Duration::from_millis(100);

/// The sinks are open, or the process ends: nothing of theirs has to wait.
const FAREWELL: Duration = Duration::from_secs(2);

pub struct Sending {
    stdout: Option<Stdout<StdoutLock<'static>>>,
    remote: Vec<Remote>,
}

/// A sink that is not here.
pub struct Remote {
    sink: Box<dyn Sink>,
    woken: Receiver<()>,
    /// Records that it was offered.
    offered: u64,
    /// Records that can never arrive.
    refused: u64,
}

/// Why a record cannot be sent.
pub enum SendError {
    Write(WriteError),
    Sink(String),
}

impl From<WriteError> for SendError {
    fn from(error: WriteError) -> SendError {
        SendError::Write(error)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Failure {
        match error {
            SendError::Write(error) => error.into(),
            SendError::Sink(why) => Failure::new(Exit::Failed, printable(&why)),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        let exit = if trouble.is_usage() { Exit::Invalid } else { Exit::Failed };
        Failure::new(exit, printable(&trouble.to_string()))
    }
}

/// A trouble of this sink.
pub fn failure(sink: &str, trouble: Trouble) -> Failure {
    let failure = Failure::from(trouble);
    Failure { message: format!("{sink}: {}", failure.message), ..failure }
}

/// The topics among these.
pub fn targets(sinks: &[Wanted], properties: &[Property]) -> Vec<Target> {
    sinks.iter().filter_map(|sink| target(sink, properties, Patience::Once)).collect()
}

/// Records of a replay would stand among those of a watch, as if they were news.
pub fn refuse_live(targets: &[Target]) -> Result<(), Failure> {
    for target in targets {
        let last = kafka::last(target, LOOKED_AT).map_err(|e| failure(&target.name, e))?;
        if last.iter().any(|message| message.is_of(Mode::Watch)) {
            let why =
                "a watch writes to this topic, and what is replayed would pass for news: send to another, or `--force`";
            return Err(Failure::invalid(format!("{}: {why}", target.name)));
        }
    }
    Ok(())
}

impl Sending {
    pub fn open(sinks: &[Wanted], targets: &[Target], format: Format, terminal: &Terminal) -> Result<Sending, Failure> {
        let stdout = sinks.contains(&Wanted::Stdout);
        let stdout = stdout.then(|| Stdout::new(std::io::stdout().lock(), format, terminal.stdout));
        let remote = targets.iter().map(Remote::open).collect::<Result<_, _>>()?;
        Ok(Sending { stdout, remote })
    }

    pub fn begin(&mut self) -> Result<(), SendError> {
        Ok(self.stdout.as_mut().map_or(Ok(()), Stdout::begin)?)
    }

    pub fn write(&mut self, record: Transition) -> Result<(), SendError> {
        if let Some(stdout) = &mut self.stdout {
            stdout.write(&record)?;
        }
        if !self.remote.is_empty() {
            let record = Arc::new(record);
            self.remote.iter_mut().try_for_each(|remote| remote.offer(&record))?;
        }
        Ok(())
    }

    /// Waits until every sink has everything, and says how much that is.
    pub fn finish(mut self, terminal: &Terminal, quiet: bool) -> Result<(), SendError> {
        for remote in &mut self.remote {
            remote.wait(terminal.interactive && !quiet)?;
            remote.finish();
            remote.refuse_refused()?;
            if !quiet {
                eprintln!("{}: {} transitions acknowledged", remote.sink.name(), remote.offered);
            }
        }
        Ok(())
    }
}

impl Remote {
    pub fn open(target: &Target) -> Result<Remote, Failure> {
        let (wake, woken) = channel();
        let wake = move || {
            // Nobody listens any more when the command is about to end.
            let _ = wake.send(());
        };
        let sink = kafka::open(target, 0, wake).map_err(|e| failure(&target.name, e))?;
        Ok(Remote { sink, woken, offered: 0, refused: 0 })
    }

    /// Waits for room.
    pub fn offer(&mut self, record: &Arc<Transition>) -> Result<(), SendError> {
        while !self.sink.offer(self.offered, record) {
            self.look()?;
        }
        self.offered += 1;
        Ok(())
    }

    /// Waits until it has everything.
    pub fn wait(&mut self, shown: bool) -> Result<(), SendError> {
        let bar = shown.then(|| ProgressBar::new(self.offered).with_message(self.sink.name().to_owned()));
        while self.sink.acknowledged() < self.offered {
            if let Some(bar) = &bar {
                bar.set_position(self.sink.acknowledged());
            }
            self.look()?;
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        self.hear();
        Ok(())
    }

    pub fn finish(&mut self) {
        self.sink.finish(FAREWELL);
    }

    /// What can never arrive was said one by one, and makes the whole a failure.
    pub fn refuse_refused(&self) -> Result<(), SendError> {
        match self.refused {
            0 => Ok(()),
            refused => Err(SendError::Sink(format!("{}: {refused} records cannot be sent", self.sink.name()))),
        }
    }

    /// Waits until something has happened, but not for long.
    fn look(&mut self) -> Result<(), SendError> {
        // One look answers all that has happened until now.
        if self.woken.recv_timeout(LOOK).is_ok() {
            self.woken.try_iter().for_each(drop);
        }
        self.hear();
        let name = self.sink.name();
        match self.sink.ended() {
            None => Ok(()),
            Some(Ended::Failed(why)) => Err(SendError::Sink(format!("{name}: {why}"))),
            Some(Ended::Closed) => Err(SendError::Sink(format!("{name}: closed"))),
        }
    }

    fn hear(&mut self) {
        for notice in self.sink.take_notices() {
            let name = self.sink.name();
            match notice {
                // What ends the sink is said as the command's error.
                Notice::Troubled { why, lasting: false } => eprintln!("tocsin: {name}: {}", printable(&why)),
                Notice::Troubled { .. } | Notice::Well => {}
                Notice::Refused { key, id, why } => {
                    self.refused += 1;
                    let words = format!("the record {id} of {key} cannot be sent: {why}");
                    eprintln!("tocsin: {name}: {}", printable(&words));
                }
            }
        }
    }
}
