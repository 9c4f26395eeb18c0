//! `tocsin replay`: logs and archives in, transitions out in order of time.

use std::path::PathBuf;

use chrono::Utc;
use clap::Args;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};

use super::Terminal;
use super::exit::{Exit, Failure};
use super::pattern_args::PatternArgs;
use crate::correlate::HOLD;
use crate::deliver::stdout::{Format, Stdout, WriteError};
use crate::input::assign::{Assigner, Decisions};
use crate::input::discover::{Discovery, discover};
use crate::pattern::{LogId, Patterns, Zone};
use crate::replay::gather::{Fate, FileReport, Gathered, Gatherer, Zones, read_paths};
use crate::replay::{Options, Report, replay};
use crate::selftest::parse_instant;
use crate::time::{Millis, Moment, parse_duration};
use crate::transition::{Mode, Transition};

/// Read logs and archives and print the alarms that they raise and clear
///
/// Directories are searched for logs; the node of a log is the directory above the log's own path (`node-7/flink/flinkserver/ha/runlog/ha.log`
/// is of node-7). A file in another place is recognised by its content.
#[derive(Args, Debug)]
pub struct Replay {
    /// Files, directories, or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// The time zone of the logs: a name, an offset, or LOG=ZONE for one log (default: this machine's)
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    tz: Vec<String>,

    /// The logs are complete until then: what is silent at their end is silent
    #[arg(long, value_name = "TIME")]
    end: Option<String>,

    /// The node of everything below a path (`-`: standard input)
    #[arg(long, value_name = "NODE=PATH", value_parser = pair)]
    assign: Vec<(String, PathBuf)>,

    /// The log that a file is of (`-`: standard input)
    #[arg(long, value_name = "NAME=PATH", value_parser = pair)]
    log: Vec<(String, PathBuf)>,

    /// The name of the cluster, the first part of every location
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = NonEmptyStringValueParser::new())]
    cluster: String,

    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,

    /// How much older a line of another log must be to be seen as a reason
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    hold: Option<Millis>,

    /// Files to read at the same time (default: one per core)
    #[arg(long, short, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    jobs: Option<usize>,

    /// Say nothing on standard error but errors
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,

    /// Say of each file what it was taken for
    #[arg(long, short)]
    verbose: bool,

    #[command(flatten)]
    patterns: PatternArgs,
}

fn pair(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err("expected NAME=PATH".to_owned()),
    }
}

fn duration(text: &str) -> Result<Millis, String> {
    if text == "0" {
        return Ok(0);
    }
    parse_duration(text).ok_or_else(|| "expected a duration such as 2s or 500ms".to_owned())
}

impl Replay {
    pub fn run(self: Box<Self>, terminal: &Terminal) -> Result<Exit, Failure> {
        let (patterns, _) = self.patterns.load(terminal.stderr)?;
        let zones = self.zones(&patterns)?;
        let end = self.end.as_deref().map(|e| self.instant(e, &zones)).transpose()?;
        let assigner = Assigner::new(&patterns, self.decisions(&patterns)?, &host());
        let discovery = discover(&self.paths);
        self.refuse_missing(&discovery)?;
        let jobs = self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let gatherer =
            Gatherer { patterns: &patterns, assigner: &assigner, cluster: self.cluster.as_str().into(), zones: &zones, jobs };
        let gathered = gatherer.gather(&discovery.files);
        self.refuse_ambiguous(&gathered)?;
        if let Some(path) = assigner.unused(&read_paths(&gathered)).first() {
            return Err(Failure::invalid(format!("nothing that was read is at {}: `--assign` and `--log` name a PATH that is given", path.display())));
        }
        let mut say = Say { quiet: self.quiet, verbose: self.verbose };
        let damaged = say.files(&gathered, &discovery, &patterns);
        if gathered.families.is_empty() {
            return Err(Failure::new(Exit::NothingToRead, "no log was found in what was given; `--verbose` says what was skipped"));
        }
        say.zones(&zones, &gathered);
        let report = self.correlate(&patterns, gathered, end, terminal)?;
        say.report(&report);
        Ok(if damaged { Exit::Damaged } else { Exit::Fine })
    }

    fn correlate(&self, patterns: &Patterns, gathered: Gathered, end: Option<Millis>, terminal: &Terminal) -> Result<Report, Failure> {
        let mut stdout = Stdout::new(std::io::stdout().lock(), self.format, terminal.stdout);
        stdout.begin()?;
        let options = Options { mode: Mode::Replay, hold: self.hold.unwrap_or(HOLD), end };
        let write = |mut transition: Transition| -> Result<(), WriteError> {
            transition.detected_at = Some(Moment::utc(Utc::now().timestamp_millis()));
            stdout.write(&transition)
        };
        Ok(replay(patterns, gathered.families, options, None, write)?)
    }

    fn decisions(&self, patterns: &Patterns) -> Result<Decisions, Failure> {
        let log = |(name, path): &(String, PathBuf)| Ok((log_named(patterns, name)?, path.clone()));
        Ok(Decisions { nodes: self.assign.clone(), logs: self.log.iter().map(log).collect::<Result<_, Failure>>()? })
    }

    fn zones(&self, patterns: &Patterns) -> Result<LogZones, Failure> {
        let mut zones = LogZones::of_patterns(patterns);
        let unknown = |zone: &str| {
            Failure::invalid(format!("unknown time zone `{zone}`: give an IANA name such as Asia/Shanghai, or an offset such as +08:00"))
        };
        for text in self.tz.iter().filter(|t| !t.contains('=')) {
            zones.set_all(Zone::parse(text).ok_or_else(|| unknown(text))?);
        }
        for text in &self.tz {
            if let Some((log, zone)) = text.split_once('=') {
                zones.set(log_named(patterns, log)?, Zone::parse(zone).ok_or_else(|| unknown(zone))?);
            }
        }
        Ok(zones)
    }

    fn instant(&self, text: &str, zones: &LogZones) -> Result<Millis, Failure> {
        parse_instant(text, zones.default)
            .ok_or_else(|| Failure::invalid(format!("`{text}` is no time: give one such as 2021-03-22T15:00:00, with or without an offset")))
    }

    fn refuse_missing(&self, discovery: &Discovery) -> Result<(), Failure> {
        match discovery.missing.as_slice() {
            [] => Ok(()),
            missing => {
                let list: Vec<String> = missing.iter().map(|p| p.display().to_string()).collect();
                Err(Failure::new(Exit::NothingToRead, format!("no such file or directory: {}", list.join(", "))))
            }
        }
    }

    fn refuse_ambiguous(&self, gathered: &Gathered) -> Result<(), Failure> {
        let mut ambiguous = gathered.files.iter().filter_map(|f| match &f.fate {
            Fate::Ambiguous(names) => Some((f, names)),
            _ => None,
        });
        match ambiguous.next() {
            Some((file, names)) => {
                let names: Vec<&str> = names.iter().map(|n| &**n).collect();
                let first = names.first().copied().unwrap_or_default();
                let path = &file.path;
                Err(Failure::invalid(format!("{path} could be of several logs ({}): say which with `--log {first}={path}`", names.join(", "))))
            }
            None => Ok(()),
        }
    }
}

fn log_named(patterns: &Patterns, name: &str) -> Result<LogId, Failure> {
    patterns.log_named(name).ok_or_else(|| {
        let known = patterns.logs.iter().map(|l| &*l.name);
        Failure::invalid(format!("unknown log `{name}`: {}", crate::pattern::diagnostic::suggest(name, known)))
    })
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    name.map(|n| n.trim().to_owned()).ok().filter(|n| !n.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// The zone of each log: what the command line says, else the pattern file, else the layout, else the machine.
struct LogZones {
    of: Vec<Option<Zone>>,
    default: Zone,
    /// How the default is known, for the user.
    source: &'static str,
}

impl LogZones {
    fn of_patterns(patterns: &Patterns) -> LogZones {
        let machine = Zone::of_machine();
        let source = if machine.is_some() { "this machine's zone" } else { "this machine names no zone" };
        let by_layout = |l: &crate::pattern::Log| l.layouts.iter().find_map(|(_, layout)| Zone::parse(layout.zone()?));
        let of = patterns.logs.iter().map(|l| l.zone.or_else(|| by_layout(l))).collect();
        LogZones { of, default: machine.unwrap_or(Zone::UTC), source }
    }

    fn set_all(&mut self, zone: Zone) {
        self.of.iter_mut().for_each(|z| *z = Some(zone));
        self.default = zone;
    }

    fn set(&mut self, log: LogId, zone: Zone) {
        self.of[log.index()] = Some(zone);
    }
}

impl Zones for LogZones {
    fn of(&self, log: LogId) -> Zone {
        self.of[log.index()].unwrap_or(self.default)
    }
}

/// What is said on standard error.
struct Say {
    quiet: bool,
    verbose: bool,
}

impl Say {
    fn note(&self, text: &str) {
        if !self.quiet {
            eprintln!("tocsin: {text}");
        }
    }

    /// True if anything was damaged or could not be read.
    fn files(&mut self, gathered: &Gathered, discovery: &Discovery, patterns: &Patterns) -> bool {
        let mut damaged = false;
        for (path, why) in &discovery.unreadable {
            damaged = true;
            eprintln!("tocsin: {}: cannot be read: {why}", path.display());
        }
        for FileReport { path, fate } in &gathered.files {
            match fate {
                Fate::Read { assignment, damage, .. } => {
                    if let Some(damage) = damage {
                        damaged = true;
                        eprintln!("tocsin: {damage}; what stands before was read");
                    }
                    if let Some(announce) = &assignment.announce {
                        self.note(&format!("{path}: {announce}"));
                    } else if self.verbose {
                        self.note(&format!("{path}: log `{}` of node `{}`", patterns.log(assignment.log).name, assignment.node));
                    }
                }
                Fate::Skipped if self.verbose => self.note(&format!("{path}: skipped, no log looks like this")),
                Fate::Skipped | Fate::Ambiguous(_) => {}
                Fate::Unreadable(why) => {
                    damaged = true;
                    eprintln!("tocsin: {path}: cannot be read: {why}");
                }
            }
        }
        damaged
    }

    fn zones(&self, zones: &LogZones, gathered: &Gathered) {
        if gathered.families.iter().any(|f| zones.of[f.family.log.index()].is_none()) {
            self.note(&format!("times are read as {} ({}; `--tz` says otherwise)", zones.default.name(), zones.source));
        }
    }

    fn report(&self, report: &Report) {
        let all = |count: fn(&crate::correlate::clock::Counts) -> u64| report.families.iter().map(|f| count(&f.counts)).sum::<u64>();
        for family in &report.families {
            family.disagreements.iter().for_each(|d| self.note(d));
            for file in &family.ahead {
                self.note(&format!("{file}: its last line is later than the file itself; if the zone is another, say so with `--tz`"));
            }
        }
        for (count, what) in [
            (all(|c| c.steps), "times fell by more than a minute: clocks were set back"),
            (all(|c| c.holes), "holes in the logs: nothing is concluded from silence in them"),
            (all(|c| c.assumed), "hits had no time and got one that was assumed"),
        ] {
            if count > 0 {
                self.note(&format!("{count} {what}"));
            }
        }
    }
}
