//! What of the transitions is written. Nothing here changes what is read: an alarm that is not shown still keeps its
//! place in all that others depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clap::Args;

use super::exit::Failure;
use crate::config::Shown;
use crate::pattern::Zone;
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

    /// Only the raises of what is still active at the end
    #[arg(long, help_heading = "What is written")]
    active: bool,
}

/// What makes sense without an end, too.
#[derive(Args, Clone, Debug)]
pub struct ShownArgs {
    /// Only these alarms
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = "What is written")]
    pub alarm: Vec<String>,

    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',', help_heading = "What is written")]
    pub node: Vec<String>,

    /// Only alarms that are at least this severe
    #[arg(long, value_name = "LEVEL", value_parser = Severity::NAMES, help_heading = "What is written")]
    pub severity: Option<String>,
}

pub struct Filter {
    since: Option<Millis>,
    until: Option<Millis>,
    shown: Shown,
    active: bool,
    /// With `--active`: what is raised so far, to be written at the end.
    raised: BTreeMap<Arc<str>, Transition>,
}

impl FilterArgs {
    /// `shown` is what the command line and the configuration come to.
    pub fn build(&self, shown: Shown, zone: Zone) -> Result<Filter, Failure> {
        let instant = |text: &Option<String>| text.as_deref().map(|t| self::instant(t, zone)).transpose();
        let (since, until) = (instant(&self.since)?, instant(&self.until)?);
        if since.is_some_and(|since| until.is_some_and(|until| until < since)) {
            return Err(Failure::invalid("`--until` is before `--since`: no time is left"));
        }
        Ok(Filter { since, until, shown, active: self.active, raised: BTreeMap::new() })
    }
}

/// A time as given on the command line.
pub fn instant(text: &str, zone: Zone) -> Result<Millis, Failure> {
    let help = "give one such as 2021-03-22T15:00:00, with or without an offset";
    parse_instant(text, zone).ok_or_else(|| Failure::invalid(format!("`{text}` is no time: {help}")))
}

impl Filter {
    /// Nodes that are to be shown, of which none of those that were read has the name.
    pub fn unknown_nodes<'a>(&'a self, read: &'a BTreeSet<&str>) -> impl Iterator<Item = &'a str> {
        self.shown.nodes.iter().map(String::as_str).filter(|n| !read.contains(n))
    }

    /// The transition, if it is to be written now.
    pub fn pass(&mut self, transition: Transition) -> Option<Transition> {
        // Whoever asks for one alarm wants to know when it may be missing.
        if !transition.is_own() && !self.shown.shows(&transition) {
            return None;
        }
        if !self.active {
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

    fn in_time(&self, t: &Transition) -> bool {
        self.since.is_none_or(|since| t.time.millis >= since) && self.until.is_none_or(|until| t.time.millis <= until)
    }
}
