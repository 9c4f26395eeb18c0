//! What of the transitions is written. Nothing here changes what is read: an alarm that is not shown still keeps its
//! place in all that others depend on.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;

use super::exit::Failure;
use crate::pattern::diagnostic::suggest;
use crate::pattern::{Patterns, Zone};
use crate::selftest::parse_instant;
use crate::time::Millis;
use crate::transition::{Event, Severity, Transition};

#[derive(Args, Clone, Debug)]
pub struct FilterArgs {
    /// Only transitions from this time on
    #[arg(long, value_name = "TIME", help_heading = "What is written")]
    since: Option<String>,

    /// Only transitions up to this time
    #[arg(long, value_name = "TIME", help_heading = "What is written")]
    until: Option<String>,

    /// Only these alarms
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = "What is written")]
    alarm: Vec<String>,

    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',', help_heading = "What is written")]
    node: Vec<String>,

    /// Only alarms that are at least this severe
    #[arg(long, value_name = "LEVEL", value_parser = Severity::NAMES, help_heading = "What is written")]
    severity: Option<String>,

    /// Only the raises of what is still active at the end
    #[arg(long, help_heading = "What is written")]
    active: bool,
}

pub struct Filter {
    since: Option<Millis>,
    until: Option<Millis>,
    args: FilterArgs,
    severity: Option<Severity>,
    /// With `--active`: what is raised so far, to be written at the end.
    raised: BTreeMap<Arc<str>, Transition>,
}

impl FilterArgs {
    pub fn build(&self, patterns: &Patterns, zone: Zone) -> Result<Filter, Failure> {
        let instant = |text: &Option<String>| text.as_deref().map(|t| self::instant(t, zone)).transpose();
        for id in &self.alarm {
            if patterns.alarm_named(id).is_none() {
                let known = patterns.alarms.iter().map(|a| &*a.name);
                return Err(Failure::invalid(format!("unknown alarm `{id}`: {}", suggest(id, known))));
            }
        }
        Ok(Filter {
            since: instant(&self.since)?,
            until: instant(&self.until)?,
            severity: self.severity.as_deref().and_then(Severity::from_name),
            args: self.clone(),
            raised: BTreeMap::new(),
        })
    }
}

/// A time as given on the command line.
pub fn instant(text: &str, zone: Zone) -> Result<Millis, Failure> {
    let help = "give one such as 2021-03-22T15:00:00, with or without an offset";
    parse_instant(text, zone).ok_or_else(|| Failure::invalid(format!("`{text}` is no time: {help}")))
}

impl Filter {
    /// The transition, if it is to be written now.
    pub fn pass(&mut self, transition: Transition) -> Option<Transition> {
        if !self.shows(&transition) {
            return None;
        }
        if !self.args.active {
            return self.in_time(&transition).then_some(transition);
        }
        match transition.event {
            Event::Raise => self.raised.insert(transition.key.clone(), transition),
            Event::Clear => self.raised.remove(&transition.key),
            Event::Occur => None,
        };
        None
    }

    /// With `--active`, what is left at the end, in order of time.
    pub fn finish(self) -> Vec<Transition> {
        let mut left: Vec<Transition> = self.raised.values().filter(|t| self.in_time(t)).cloned().collect();
        left.sort_by(|a, b| (a.time.millis, &a.key).cmp(&(b.time.millis, &b.key)));
        left
    }

    fn shows(&self, t: &Transition) -> bool {
        let listed = |list: &[String], value: &str| list.is_empty() || list.iter().any(|v| v == value);
        listed(&self.args.alarm, &t.alarm)
            && listed(&self.args.node, &t.node)
            && self.severity.is_none_or(|least| t.severity <= least)
    }

    fn in_time(&self, t: &Transition) -> bool {
        self.since.is_none_or(|since| t.time.millis >= since) && self.until.is_none_or(|until| t.time.millis <= until)
    }
}
