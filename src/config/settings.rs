//! What is in effect, and who said so: the command line over the file over the defaults.
//!
//! What the command line says replaces what the file says about the same thing, lists as a whole: whoever types a path
//! wants this path, not one more.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::defaults;
use super::error::ConfigError;
use super::load::ConfigFile;
use super::model::Config;
use super::patterns::PatternSet;
use super::probes::{Probes, WantedProbe};
use super::secret::Property;
use super::value::{Begin, LogFormat, Shown, Sink};
use super::zones::LogZones;
use crate::correlate::{EXHAUSTED, HOLD, MAX_KEYS};
use crate::deliver::stdout::Format;
use crate::input::assign::Decisions;
use crate::pattern::diagnostic::{Diagnostic, Span, suggest};
use crate::pattern::model::At;
use crate::pattern::{LogId, Patterns, Zone};
use crate::time::Millis;
use crate::transition::Severity;

/// What the command line says; what it does not say is empty.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub paths: Vec<PathBuf>,
    pub wait: bool,
    pub cluster: Option<String>,
    pub zone: Option<Zone>,
    pub zones: Vec<(String, Zone)>,
    pub assign: Vec<(String, PathBuf)>,
    pub logs: Vec<(String, PathBuf)>,
    pub hold: Option<Millis>,
    pub max_keys: Option<usize>,
    pub to: Vec<Sink>,
    /// As typed; what is wrong with them is said without their values.
    pub kafka: Vec<Property>,
    pub format: Option<Format>,
    pub log_format: Option<LogFormat>,
    pub patterns: Vec<PathBuf>,
    pub no_default_patterns: bool,
    pub alarms: Vec<String>,
    pub nodes: Vec<String>,
    pub severity: Option<Severity>,
    pub state: Option<PathBuf>,
    pub begin: Option<Begin>,
    pub probes: Vec<WantedProbe>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(Span),
    CommandLine,
    /// A variable of the environment.
    Environment(&'static str),
}

/// A setting and who said it.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Sourced<T> {
    fn given(value: T) -> Sourced<T> {
        Sourced { value, origin: Origin::CommandLine }
    }

    fn written(at: At<T>) -> Sourced<T> {
        Sourced { value: at.value, origin: Origin::File(at.span) }
    }

    pub(super) fn pick(given: Option<T>, written: Option<At<T>>) -> Option<Sourced<T>> {
        given.map(Sourced::given).or(written.map(Sourced::written))
    }

    pub(super) fn or(given: Option<T>, written: Option<At<T>>, default: T) -> Sourced<T> {
        Sourced::pick(given, written).unwrap_or(Sourced { value: default, origin: Origin::Default })
    }
}

/// A list of the command line replaces that of the file.
fn lists<T>(given: Vec<T>, written: impl IntoIterator<Item = At<T>>) -> Vec<Sourced<T>> {
    match given.is_empty() {
        true => written.into_iter().map(Sourced::written).collect(),
        false => given.into_iter().map(Sourced::given).collect(),
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// What the process was started with, beside its arguments.
pub struct Environment<'a> {
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The process may do everything.
    pub root: bool,
}

impl Environment<'_> {
    pub fn of_process() -> Environment<'static> {
        Environment { variable: &|name| std::env::var_os(name), root: rustix::process::geteuid().is_root() }
    }
}

/// Every setting, with its origin.
#[derive(Clone, Debug)]
pub struct Settings {
    pub file: Option<ConfigFile>,
    /// Empty: the paths of the logs that exist.
    pub paths: Sourced<Vec<PathBuf>>,
    pub wait: Sourced<bool>,
    pub cluster: Sourced<String>,
    /// Of all logs; `None`: as their patterns say, or this machine's.
    pub zone: Option<Sourced<Zone>>,
    /// Of single logs.
    pub zones: Vec<Sourced<(String, Zone)>>,
    /// Node and path.
    pub assign: Vec<Sourced<(String, PathBuf)>>,
    /// Log and path.
    pub logs: Vec<Sourced<(String, PathBuf)>>,
    /// How long a log may be silent.
    pub silent: Vec<Sourced<(String, Millis)>>,
    pub hold: Sourced<Millis>,
    pub max_keys: Sourced<usize>,
    pub to: Sourced<Vec<Sink>>,
    pub format: Sourced<Format>,
    pub log_format: Sourced<LogFormat>,
    pub patterns: Sourced<Vec<PathBuf>>,
    pub no_default_patterns: Sourced<bool>,
    pub alarms: Vec<Sourced<String>>,
    pub nodes: Vec<Sourced<String>>,
    pub severity: Option<Sourced<Severity>>,
    pub state: Sourced<PathBuf>,
    pub begin: Sourced<Begin>,
    pub outbox: Sourced<u64>,
    pub kafka: Vec<Property>,
    pub probes: Probes,
}

/// What names stand for, once the patterns are known.
#[derive(Clone, Debug)]
pub struct Named {
    pub zones: LogZones,
    pub decisions: Decisions,
    pub shown: Shown,
    pub silent: HashMap<LogId, Millis>,
}

impl Settings {
    pub fn new(given: Given, file: Option<ConfigFile>, environment: &Environment) -> Settings {
        let config = file.as_ref().map(|f| f.config.clone()).unwrap_or_default();
        let (zone, zones) = zones(&given, &config);
        let logs = config
            .logs
            .iter()
            .flat_map(|l| l.files.iter().map(|f| At::new((l.name.value.clone(), f.value.clone()), &f.span)));
        let silent = config.logs.iter().filter_map(|log| {
            let silent = log.silent.as_ref()?;
            Some(Sourced::written(At::new((log.name.value.clone(), silent.value), &silent.span)))
        });
        let names = |at: Option<At<Vec<At<String>>>>| at.map(|at| at.value).unwrap_or_default();
        let (state, origin) = defaults::state_directory(environment.variable, environment.root);
        Settings {
            paths: Sourced::or(some(given.paths), config.paths, Vec::new()),
            wait: Sourced::or(given.wait.then_some(true), config.wait, false),
            cluster: Sourced::or(given.cluster, config.cluster, defaults::CLUSTER.to_owned()),
            zone,
            zones,
            assign: lists(given.assign, config.assign),
            logs: lists(given.logs, logs),
            silent: silent.collect(),
            hold: Sourced::or(given.hold, config.hold, HOLD),
            max_keys: Sourced::or(given.max_keys, config.max_keys, MAX_KEYS),
            to: Sourced::or(some(given.to), config.to, vec![Sink::Stdout]),
            format: Sourced::or(given.format, config.format, Format::Json),
            log_format: Sourced::or(given.log_format, config.log_format, LogFormat::Text),
            patterns: Sourced::or(some(given.patterns), config.patterns, Vec::new()),
            no_default_patterns: Sourced::or(
                given.no_default_patterns.then_some(true),
                config.no_default_patterns,
                false,
            ),
            alarms: lists(given.alarms, names(config.filter.alarms)),
            nodes: lists(given.nodes, names(config.filter.nodes)),
            severity: Sourced::pick(given.severity, config.filter.severity),
            state: Sourced::pick(given.state, config.state.dir).unwrap_or(Sourced { value: state, origin }),
            begin: Sourced::or(given.begin, config.state.begin, Begin::Lookback(defaults::LOOKBACK)),
            outbox: Sourced::or(None, config.state.outbox, defaults::OUTBOX),
            kafka: kafka(given.kafka, config.kafka),
            probes: Probes::new(&given.probes, config.probe, environment),
            file,
        }
    }

    pub fn pattern_set(&self) -> PatternSet {
        let changes = |file: &&ConfigFile| !file.config.overrides.is_empty();
        PatternSet {
            no_default: self.no_default_patterns.value,
            paths: self.patterns.value.clone(),
            config: self.file.as_ref().filter(changes).cloned(),
        }
    }

    /// Logs and alarms by their names, or every name that is wrong.
    pub fn named(&self, patterns: &Patterns, coloured: bool) -> Result<Named, ConfigError> {
        let mut names = Names { patterns, settings: self, written: Vec::new(), given: Vec::new() };
        let mut zones = Vec::new();
        for zone in &self.zones {
            zones.extend(names.log(&zone.value.0, &zone.origin).map(|id| (id, zone.value.1)));
        }
        let mut logs = Vec::new();
        for log in &self.logs {
            logs.extend(names.log(&log.value.0, &log.origin).map(|id| (id, log.value.1.clone())));
        }
        let mut silent = HashMap::new();
        for log in &self.silent {
            silent.extend(names.log(&log.value.0, &log.origin).map(|id| (id, log.value.1)));
        }
        // A log may be named without anything said about it.
        for log in self.file.iter().flat_map(|f| &f.config.logs) {
            names.log(&log.name.value, &Origin::File(log.name.span.clone()));
        }
        for alarm in &self.alarms {
            names.alarm(alarm);
        }
        names.refuse(coloured)?;
        let values = |list: &[Sourced<String>]| list.iter().map(|s| s.value.clone()).collect();
        Ok(Named {
            zones: LogZones::new(patterns, self.zone.as_ref().map(|z| z.value), &zones),
            decisions: Decisions { nodes: self.assign.iter().map(|a| a.value.clone()).collect(), logs },
            shown: Shown {
                alarms: values(&self.alarms),
                nodes: values(&self.nodes),
                severity: self.severity.as_ref().map(|s| s.value),
            },
            silent,
        })
    }
}

/// A property of the command line replaces the one of its name; the others stay.
fn kafka(given: Vec<Property>, written: Vec<Property>) -> Vec<Property> {
    let kept = |property: &Property| given.iter().all(|g| g.name != property.name);
    let mut all: Vec<Property> = written.into_iter().filter(kept).collect();
    all.extend(given);
    all
}

type Zones = (Option<Sourced<Zone>>, Vec<Sourced<(String, Zone)>>);

fn zones(given: &Given, config: &Config) -> Zones {
    if given.zone.is_some() || !given.zones.is_empty() {
        return (given.zone.map(Sourced::given), given.zones.iter().cloned().map(Sourced::given).collect());
    }
    let one = config.logs.iter().filter_map(|l| {
        let zone = l.zone.as_ref()?;
        Some(Sourced::written(At::new((l.name.value.clone(), zone.value), &zone.span)))
    });
    (config.zone.clone().map(Sourced::written), one.collect())
}

/// Looks names up, and keeps those that there are not.
struct Names<'a> {
    patterns: &'a Patterns,
    settings: &'a Settings,
    written: Vec<Diagnostic>,
    given: Vec<String>,
}

impl Names<'_> {
    fn log(&mut self, name: &str, origin: &Origin) -> Option<LogId> {
        let id = self.patterns.log_named(name);
        if id.is_none() {
            let known = self.patterns.logs.iter().map(|l| &*l.name);
            self.unknown("log", name, origin, suggest(name, known));
        }
        id
    }

    fn alarm(&mut self, name: &Sourced<String>) {
        if self.patterns.alarm_named(&name.value).is_none() && name.value != EXHAUSTED {
            let known = self.patterns.alarms.iter().map(|a| &*a.name).chain([EXHAUSTED]);
            self.unknown("alarm", &name.value, &name.origin, suggest(&name.value, known));
        }
    }

    fn unknown(&mut self, what: &str, name: &str, origin: &Origin, help: String) {
        let title = format!("unknown {what} `{name}`");
        let Origin::File(span) = origin else { return self.given.push(format!("{title}: {help}")) };
        // Whose name and whose zone are wrong is one mistake.
        let own = self.settings.file.iter().flat_map(|f| &f.config.logs).find(|l| l.name.value == name);
        let span = own.filter(|_| what == "log").map_or(span, |l| &l.name.span);
        if !self.written.iter().any(|d| d.span == *span) {
            self.written.push(Diagnostic::error(span, title, "no pattern file defines it").help(help));
        }
    }

    fn refuse(self, coloured: bool) -> Result<(), ConfigError> {
        let sources: Vec<_> = self.settings.file.iter().map(|f| f.source.clone()).collect();
        let written = self.written.iter().map(|d| d.render(&sources, coloured));
        let all: Vec<String> = self.given.iter().cloned().chain(written).collect();
        if all.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(all.join("\n\n"))) }
    }
}
