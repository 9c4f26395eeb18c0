//! `tocsin tail`: what a topic of alarms says, for people.

use std::collections::BTreeMap;
use std::io::StdoutLock;
use std::ops::ControlFlow;

use chrono::Utc;
use clap::Args;

use super::Terminal;
use super::exit::{Exit, Failure};
use super::filter::{self, ShownArgs};
use super::kafka_args::TopicArgs;
use super::sending::failure;
use crate::config::Shown;
use crate::deliver::kafka::{From, Heard, Message, read};
use crate::deliver::stdout::{Format, Stdout, WriteError, printable};
use crate::pattern::Zone;
use crate::time::parse_duration;
use crate::transition::{Event, Severity, Transition};

/// Print what is raised and cleared in an alarm topic, as it comes, or what is active now
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Tail {
    #[command(flatten)]
    topic: TopicArgs,

    /// What is active now: the last record of each alarm, where it is a raise
    #[arg(long, conflicts_with = "since")]
    active: bool,

    /// With `--active`: go on with what comes then
    #[arg(long, requires = "active")]
    follow: bool,

    /// From what was sent at this time, or so long ago (30m); without it, only what comes from now on
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// How the records are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(flatten)]
    shown: ShownArgs,
}

const EXAMPLES: &str = "\
Examples:
  tocsin tail kafka://b1/alarms                  what comes from now on
  tocsin tail kafka://b1/alarms --active         what is active
  tocsin tail kafka://b1/alarms --since 1h --format json | jq .key";

/// What was heard, on its way to the screen.
struct Page {
    out: Stdout<StdoutLock<'static>>,
    shown: Shown,
    /// With `--active`, until the end is reached: the last raise of each key.
    active: Option<BTreeMap<Vec<u8>, Transition>>,
    follow: bool,
    /// What was said last of why it does not go on.
    said: String,
    foreign: bool,
    failed: Option<WriteError>,
}

impl Tail {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let target = self.topic.target(terminal.stderr)?;
        let from = match (&self.since, self.active) {
            (_, true) => From::Beginning,
            (Some(since), false) => From::Time(self::since(since)?),
            (None, false) => From::Now,
        };
        let mut page = Page {
            out: Stdout::new(std::io::stdout().lock(), self.format, terminal.stdout),
            shown: Shown {
                alarms: self.shown.alarm,
                nodes: self.shown.node,
                severity: self.shown.severity.as_deref().and_then(Severity::from_name),
            },
            active: self.active.then(BTreeMap::new),
            follow: self.follow,
            said: String::new(),
            foreign: false,
            failed: None,
        };
        page.out.begin()?;
        read(&target, from, &mut |heard| page.hear(heard)).map_err(|e| failure(&target.name, e))?;
        page.failed.map_or(Ok(Exit::Fine), |error| Err(error.into()))
    }
}

/// A time, or how long ago.
fn since(text: &str) -> Result<i64, Failure> {
    match parse_duration(text) {
        Some(ago) => Ok(Utc::now().timestamp_millis() - ago),
        None => filter::instant(text, Zone::of_machine().unwrap_or(Zone::UTC)),
    }
}

impl Page {
    fn hear(&mut self, heard: Heard) -> ControlFlow<()> {
        let written = match heard {
            Heard::Message(message) => self.message(message),
            Heard::End => match self.active.take() {
                Some(active) => match self.all(active) {
                    Ok(()) if !self.follow => return ControlFlow::Break(()),
                    written => written,
                },
                None => Ok(()),
            },
            Heard::Trouble(trouble) => {
                let said = trouble.to_string();
                if said != self.said {
                    eprintln!("tocsin: {}", printable(&said));
                    self.said = said;
                }
                Ok(())
            }
            Heard::Nothing => Ok(()),
        };
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn message(&mut self, message: &Message) -> Result<(), WriteError> {
        let key = message.key.clone().unwrap_or_default();
        let Some(value) = &message.value else {
            // Somebody has removed the key.
            self.active.iter_mut().for_each(|active| drop(active.remove(&key)));
            return Ok(());
        };
        let Ok(record) = serde_json::from_slice::<Transition>(value) else {
            self.foreign(message);
            return Ok(());
        };
        match (&mut self.active, record.event) {
            (Some(active), Event::Raise) => drop(active.insert(key, record)),
            (Some(active), Event::Clear) => drop(active.remove(&key)),
            (Some(_), Event::Occur) => {}
            (None, _) => return self.write(&record),
        }
        Ok(())
    }

    fn all(&mut self, active: BTreeMap<Vec<u8>, Transition>) -> Result<(), WriteError> {
        let mut active: Vec<Transition> = active.into_values().collect();
        active.sort_by(|a, b| (a.time.millis, &a.key).cmp(&(b.time.millis, &b.key)));
        active.iter().try_for_each(|record| self.write(record))
    }

    fn write(&mut self, record: &Transition) -> Result<(), WriteError> {
        if self.shown.shows(record) { self.out.write(record) } else { Ok(()) }
    }

    /// One is told; if there are many, somebody else uses the topic.
    fn foreign(&mut self, message: &Message) {
        if !std::mem::replace(&mut self.foreign, true) {
            let (partition, offset) = (message.partition, message.offset);
            let what = format!(
                "message {offset} of partition {partition} is no record of tocsin: it and others like it are left out"
            );
            eprintln!("tocsin: {what}");
        }
    }
}
