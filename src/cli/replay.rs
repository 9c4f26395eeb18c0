//! `tocsin replay`: logs and archives in, transitions out in order of time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::Terminal;
use super::exit::{Exit, Failure};
use super::filter::{self, Filter, FilterArgs};
use super::log_args::{LogArgs, OutcomeArgs};
use super::pattern_args::named_config;
use super::progress::Progress;
use super::sending::{SendError, Sending, refuse_live, targets};
use super::stats;
use super::summary::{Loudness, Summary};
use crate::config::settings::{Environment, Named};
use crate::config::{ConfigError, LogZones, Settings, Sink};
use crate::deliver::stdout::printable;
use crate::input::assign::Assigner;
use crate::input::discover::{Discovery, discover};
use crate::pattern::Patterns;
use crate::replay::gather::{Fate, Gathered, Gatherer};
use crate::replay::stats::{Lap, Part, Stats};
use crate::replay::{Options, Report, replay};
use crate::time::{Millis, Moment};
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

    /// The logs are complete until then: what is silent at their end is silent
    ///
    /// A deadline fires if it is more than a second before TIME, as live, where a line may be a second late.
    #[arg(long, value_name = "TIME")]
    end: Option<String>,

    #[command(flatten)]
    logs: LogArgs,

    #[command(flatten)]
    outcome: OutcomeArgs,

    #[command(flatten)]
    filter: FilterArgs,

    /// Send to a topic that a watch writes to, too
    #[arg(long, help_heading = "Kafka")]
    force: bool,

    /// Fail (exit code 6) if anything that is written was raised
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,

    /// Add the alarm's runbook to each record of a raise, with what the record knows filled in
    #[arg(long)]
    runbook: bool,

    /// Files to read at the same time (default: one per core)
    #[arg(long, short, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    jobs: Option<usize>,

    /// Say on standard error where the time went
    #[arg(long)]
    stats: bool,

    /// Say nothing on standard error but what is damaged
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,

    /// Say of each file what it was taken for, or why it was skipped
    #[arg(long, short)]
    verbose: bool,
}

const EXAMPLES: &str = "\
Examples:
  tocsin replay collected/                                   a directory for each node, live logs and archives
  ssh node-7 tar cz /var/log/Bigdata | tocsin replay --assign node-7=- -
  tocsin replay --to kafka://b1,b2/replayed collected/       to a topic, and wait until it is there
  tocsin replay --tz Asia/Shanghai --active --format table /data/incident-4711/*.tar.gz";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    /// An alarm was raised, or a record without a state was made
    Raised,
}

/// What every part of a replay stands on.
#[derive(Clone, Copy)]
struct Ground<'a> {
    settings: &'a Settings,
    patterns: &'a Patterns,
    terminal: &'a Terminal,
    stats: Option<&'a Arc<Stats>>,
}

impl Replay {
    pub fn run(self: Box<Self>, terminal: &Terminal) -> Result<Exit, Failure> {
        let began = Instant::now();
        let stats = self.stats.then(Arc::<Stats>::default);
        let settings = self.settings(terminal.stderr)?;
        let (patterns, _) = settings.pattern_set().compile(terminal.stderr)?;
        let Named { zones, decisions, shown, .. } = settings.named(&patterns, terminal.stderr)?;
        let end = self.end.as_deref().map(|e| filter::instant(e, zones.default)).transpose()?;
        let filter = self.filter.build(shown, zones.default)?;
        let targets = targets(&self.outcome.to, &settings.kafka);
        if !self.force {
            refuse_live(&targets)?;
        }
        let assigner = Assigner::new(&patterns, decisions, &host());
        let discovery = discover(&self.paths).once_each(|path| assigner.claim(path));
        refuse_if_all_are_missing(&discovery)?;
        let ground = Ground { settings: &settings, patterns: &patterns, terminal, stats: stats.as_ref() };
        let gathered = self.gather(ground, &assigner, &zones, &discovery);
        refuse_ambiguous(&gathered)?;
        self.refuse_unused(&assigner, &gathered)?;
        let mut summary = Summary::new(self.loudness());
        summary.files(&gathered, &discovery, &patterns);
        if !gathered.files.iter().any(|f| matches!(f.fate, Fate::Read(_))) {
            let exit = Exit::NothingToRead;
            return Err(Failure::new(exit, "no log was found in what was given; `--verbose` says what was skipped"));
        }
        summary.zones(&zones, &gathered);
        summary.nodes(&filter, &gathered);
        let sinks = if self.outcome.to.is_empty() { &[Sink::Stdout][..] } else { &self.outcome.to };
        let mut sending = Sending::open(sinks, &targets, settings.format.value, terminal)?;
        let report = self.correlate(ground, gathered, end, (filter, &mut sending), &mut summary)?;
        sending.finish(terminal, self.quiet)?;
        summary.end(&report, &zones, terminal.interactive);
        if let Some(stats) = &stats {
            eprint!("{}", stats::table(stats, began.elapsed(), self.jobs()));
        }
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

    fn gather(&self, ground: Ground, assigner: &Assigner, zones: &LogZones, discovery: &Discovery) -> Gathered {
        let Ground { settings, patterns, terminal, stats } = ground;
        let mut progress = Progress::start(&discovery.files, terminal.interactive && !self.quiet);
        let (jobs, stats) = (self.jobs(), stats.cloned());
        let cluster = settings.cluster.value.as_str().into();
        let gatherer = Gatherer { patterns, assigner, cluster, zones, jobs, progress: progress.read.clone(), stats };
        let gathered = gatherer.gather(&discovery.files);
        progress.finish();
        gathered
    }

    fn correlate(
        &self,
        ground: Ground,
        gathered: Gathered,
        end: Option<Millis>,
        (mut filter, sending): (Filter, &mut Sending),
        summary: &mut Summary,
    ) -> Result<Report, Failure> {
        let Ground { settings, patterns, stats, .. } = ground;
        let catalogue =
            self.runbook.then(|| settings.pattern_set().catalogue()).transpose().map_err(ConfigError::from)?;
        sending.begin()?;
        let options = Options { mode: Mode::Replay, hold: settings.hold.value, end, max_keys: settings.max_keys.value };
        let mut write = |mut transition: Transition| -> Result<(), SendError> {
            transition.detected_at = Some(Moment::utc(Utc::now().timestamp_millis()));
            summary.transition(&transition);
            transition.runbook = catalogue.as_ref().and_then(|c| c.filled(patterns, &transition));
            sending.write(transition)
        };
        let mut lap = stats.map(|stats| Lap::begin(stats));
        let mut pass = |transition: Transition| {
            let Some(lap) = &mut lap else { return filter.pass(transition).map_or(Ok(()), &mut write) };
            lap.end(Part::Correlate);
            let written = filter.pass(transition).map_or(Ok(()), &mut write);
            lap.end(Part::Write);
            written
        };
        let report = replay(patterns, gathered.families, options, None, &mut pass)?;
        if let Some(lap) = &mut lap {
            lap.end(Part::Correlate);
        }
        filter.finish().into_iter().try_for_each(write)?;
        Ok(report)
    }

    fn jobs(&self) -> usize {
        self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn loudness(&self) -> Loudness {
        match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Verbose,
            _ => Loudness::Normal,
        }
    }

    /// The command line over the file.
    fn settings(&self, coloured: bool) -> Result<Settings, Failure> {
        let file = named_config(self.logs.config.as_deref(), coloured)?;
        Ok(Settings::new(self.outcome.given(&self.logs)?, file, &Environment::of_process()))
    }

    /// A decision about nothing is a slip of the pen, and silently a wrong node in every id. The configuration may speak of
    /// more than what is replayed.
    fn refuse_unused(&self, assigner: &Assigner, gathered: &Gathered) -> Result<(), Failure> {
        let given = gathered.files.iter().map(|f| f.outer.clone()).collect();
        let typed = |path: &&Path| self.logs.assign.iter().chain(&self.logs.log).any(|(_, p)| p == path);
        match assigner.unused(&given).into_iter().find(typed) {
            Some(path) => {
                let path = printable(&path.to_string_lossy());
                let text = format!("nothing was found at {path}, which `--assign` or `--log` is about");
                Err(Failure::invalid(text))
            }
            None => Ok(()),
        }
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

pub(super) fn host() -> String {
    let name =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    name.map(|n| n.trim().to_owned()).ok().filter(|n| !n.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
