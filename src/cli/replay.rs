//! `tocsin replay`: logs and archives in, transitions out in order of time.

use std::path::PathBuf;

use chrono::Utc;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use clap::{Args, ValueEnum};

use super::Terminal;
use super::exit::{Exit, Failure};
use super::filter::{self, Filter, FilterArgs};
use super::pattern_args::PatternArgs;
use super::progress::Progress;
use super::summary::{Loudness, Summary};
use super::zones::{LogZones, log_named};
use crate::correlate::{HOLD, MAX_KEYS};
use crate::deliver::stdout::{Format, Stdout, WriteError, printable};
use crate::input::assign::{Assigner, Decisions};
use crate::input::discover::{Discovery, discover};
use crate::pattern::Patterns;
use crate::replay::gather::{Fate, Gathered, Gatherer};
use crate::replay::{Options, Report, replay};
use crate::time::{MINUTE, Millis, Moment, parse_duration};
use crate::transition::{Mode, Transition};

/// Read logs and archives and print the alarms that they raise and clear
///
/// Directories are searched for logs. Compressed files and archives (gzip, zip, zstd, tar, one in another) are told by their
/// first bytes and read in place. The node of a log is the directory above the log's own path:
/// `node-7/flink/flinkserver/ha/runlog/ha.log` is of node-7. A file in another place is recognised by its content.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// Files, directories, globs, or `-` for standard input
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

    /// How transitions are written
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,

    #[command(flatten)]
    filter: FilterArgs,

    /// Fail (exit code 6) if anything that is written was raised
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,

    /// Add the alarm's runbook to each record of a raise, with what the record knows filled in
    #[arg(long)]
    runbook: bool,

    /// How much older a line of another log must be to be seen as a reason
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    hold: Option<Millis>,

    /// Keys of one alarm that are kept for a node; hits of further keys are counted, and raise an alarm of their own
    #[arg(long, value_name = "N", default_value_t = MAX_KEYS)]
    max_keys: usize,

    /// Files to read at the same time (default: one per core)
    #[arg(long, short, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    jobs: Option<usize>,

    /// Say nothing on standard error but what is damaged
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,

    /// Say of each file what it was taken for, or why it was skipped
    #[arg(long, short)]
    verbose: bool,

    #[command(flatten)]
    patterns: PatternArgs,
}

const EXAMPLES: &str = "\
Examples:
  tocsin replay collected/                                   a directory for each node, live logs and archives
  ssh node-7 tar cz /var/log/Bigdata | tocsin replay --assign node-7=- -
  tocsin replay --tz Asia/Shanghai --active --format table /data/incident-4711/*.tar.gz";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    /// An alarm was raised, or a record without a state was made
    Raised,
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
    let hold = parse_duration(text).filter(|hold| *hold <= 24 * 60 * MINUTE);
    hold.ok_or_else(|| "expected a duration such as 2s or 500ms, of at most a day".to_owned())
}

impl Replay {
    pub fn run(self: Box<Self>, terminal: &Terminal) -> Result<Exit, Failure> {
        let (patterns, _) = self.patterns.load(terminal.stderr)?;
        let zones = LogZones::new(&patterns, &self.tz)?;
        let end = self.end.as_deref().map(|e| filter::instant(e, zones.default)).transpose()?;
        let filter = self.filter.build(&patterns, zones.default)?;
        let assigner = Assigner::new(&patterns, self.decisions(&patterns)?, &host());
        let discovery = discover(&self.paths).once_each(|path| assigner.claim(path));
        refuse_if_all_are_missing(&discovery)?;
        let gathered = self.gather(&patterns, &assigner, &zones, &discovery, terminal);
        refuse_ambiguous(&gathered)?;
        refuse_unused(&assigner, &gathered)?;
        let mut summary = Summary::new(self.loudness());
        summary.files(&gathered, &discovery, &patterns);
        if !gathered.files.iter().any(|f| matches!(f.fate, Fate::Read(_))) {
            let exit = Exit::NothingToRead;
            return Err(Failure::new(exit, "no log was found in what was given; `--verbose` says what was skipped"));
        }
        summary.zones(&zones, &gathered);
        summary.nodes(&filter, &gathered);
        let report = self.correlate(&patterns, gathered, end, filter, &mut summary, terminal)?;
        summary.end(&report, &zones, terminal.interactive);
        if let Some(lost) = report.families.iter().find_map(|f| f.lost.as_ref()) {
            return Err(Failure::new(Exit::Failed, printable(lost)));
        }
        // What was raised was raised, whatever else was lost; and of the damage standard error tells in any case.
        Ok(match (summary.damaged, self.fail_on) {
            (_, Some(FailOn::Raised)) if summary.any_raised() => Exit::Raised,
            (true, _) => Exit::Damaged,
            (false, _) => Exit::Fine,
        })
    }

    fn gather(
        &self,
        patterns: &Patterns,
        assigner: &Assigner,
        zones: &LogZones,
        discovery: &Discovery,
        terminal: &Terminal,
    ) -> Gathered {
        let mut progress = Progress::start(&discovery.files, terminal.interactive && !self.quiet);
        let jobs = self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let cluster = self.cluster.as_str().into();
        let gatherer = Gatherer { patterns, assigner, cluster, zones, jobs, progress: progress.read.clone() };
        let gathered = gatherer.gather(&discovery.files);
        progress.finish();
        gathered
    }

    fn correlate(
        &self,
        patterns: &Patterns,
        gathered: Gathered,
        end: Option<Millis>,
        mut filter: Filter,
        summary: &mut Summary,
        terminal: &Terminal,
    ) -> Result<Report, Failure> {
        let mut stdout = Stdout::new(std::io::stdout().lock(), self.format, terminal.stdout);
        let catalogue = self.runbook.then(|| self.patterns.catalogue()).transpose()?;
        stdout.begin()?;
        let options = Options { mode: Mode::Replay, hold: self.hold.unwrap_or(HOLD), end, max_keys: self.max_keys };
        let mut write = |mut transition: Transition| -> Result<(), WriteError> {
            transition.detected_at = Some(Moment::utc(Utc::now().timestamp_millis()));
            summary.transition(&transition);
            transition.runbook = catalogue.as_ref().and_then(|c| c.filled(patterns, &transition));
            stdout.write(&transition)
        };
        let pass = |transition: Transition| filter.pass(transition).map_or(Ok(()), &mut write);
        let report = replay(patterns, gathered.families, options, None, pass)?;
        filter.finish().into_iter().try_for_each(write)?;
        Ok(report)
    }

    fn loudness(&self) -> Loudness {
        match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Verbose,
            _ => Loudness::Normal,
        }
    }

    fn decisions(&self, patterns: &Patterns) -> Result<Decisions, Failure> {
        let log = |(name, path): &(String, PathBuf)| Ok((log_named(patterns, name)?, path.clone()));
        Ok(Decisions { nodes: self.assign.clone(), logs: self.log.iter().map(log).collect::<Result<_, Failure>>()? })
    }
}

/// Where some paths are there, they are read, and those that are missing are told as damage.
fn refuse_if_all_are_missing(discovery: &Discovery) -> Result<(), Failure> {
    if discovery.missing.is_empty() || !discovery.files.is_empty() || !discovery.unreadable.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = discovery.missing.iter().map(|p| printable(&p.to_string_lossy())).collect();
    Err(Failure::new(Exit::NothingToRead, format!("no such file or directory: {}", list.join(", "))))
}

fn refuse_ambiguous(gathered: &Gathered) -> Result<(), Failure> {
    for file in &gathered.files {
        if let Fate::Ambiguous(names) = &file.fate {
            let names: Vec<&str> = names.iter().map(|n| &**n).collect();
            let (path, outer) = (printable(&file.path), printable(&file.outer.to_string_lossy()));
            let first = names.first().copied().unwrap_or_default();
            let logs = names.join(", ");
            return Err(Failure::invalid(format!(
                "{path} could be of several logs ({logs}): say which with `--log {first}={outer}`"
            )));
        }
    }
    Ok(())
}

/// A decision about nothing is a slip of the pen, and silently a wrong node in every id.
fn refuse_unused(assigner: &Assigner, gathered: &Gathered) -> Result<(), Failure> {
    let given = gathered.files.iter().map(|f| f.outer.clone()).collect();
    match assigner.unused(&given).first() {
        Some(path) => {
            let path = printable(&path.to_string_lossy());
            let text = format!("nothing was found at {path}, which `--assign` or `--log` is about");
            Err(Failure::invalid(text))
        }
        None => Ok(()),
    }
}

pub(super) fn host() -> String {
    let name =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    name.map(|n| n.trim().to_owned()).ok().filter(|n| !n.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
