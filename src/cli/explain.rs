//! `tocsin explain`: what each line of a log was taken for, and what the rules did with it.

use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Terminal;
use super::exit::{Exit, Failure};
use super::filter::instant;
use super::pattern_args::ConfiguredArgs;
use super::replay::host;
use super::zones::{self, log_named};
use crate::config::Given;
use crate::config::settings::Named;
use crate::correlate::{Family, HOLD};
use crate::deliver::stdout::printable;
use crate::explain::{Filter, Options, Subject, explain};
use crate::input::archive::{self, Damage, MemberInfo, Visitor};
use crate::input::assign::{Assigner, Assignment, Place, SAMPLE, Unassigned};
use crate::pattern::diagnostic::suggest;
use crate::pattern::{AlarmId, LogId, Patterns, SignalId};
use crate::replay::gather::Zones;
use crate::time::Millis;

/// An input is read as a whole, so it has to fit: nobody reads the explanation of more lines than this holds.
const MOST: u64 = 256 << 20;

/// Show for each line of a log what applies to it, and for a near miss which clause failed
///
/// Each line is shown with the log, layout, time, level and message that were recognised, the signals found in it with their
/// captures, and what the rules of the alarms did: raised, counted, suppressed, waiting until when. Where a line almost says
/// something, it is shown how far the pattern matches, what was expected then, and what stands there instead.
///
/// The rules see what stands in FILE alone. A deadline at its end is decided only by a later line, or by `--end`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Explain {
    /// The log to explain, plain or packed; `-` or nothing: standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The log that FILE is of, if its path and content do not tell
    #[arg(long, value_name = "NAME[=FILE]")]
    log: Vec<String>,

    /// The time zone of the log: a name, an offset, or LOG=ZONE for one log (default: this machine's)
    #[arg(long, value_name = "ZONE")]
    tz: Vec<String>,

    /// The log is complete until then: what is silent at its end is silent
    #[arg(long, value_name = "TIME")]
    end: Option<String>,

    /// Show only what has to do with this alarm (may be given several times)
    #[arg(long, value_name = "ID")]
    alarm: Vec<String>,

    /// Show only what has to do with this signal, and all near misses of it (may be given several times)
    #[arg(long, value_name = "NAME")]
    signal: Vec<String>,

    /// Hide lines with neither a hit nor a near miss
    #[arg(long)]
    only_hits: bool,

    #[command(flatten)]
    patterns: ConfiguredArgs,
}

const EXAMPLES: &str = "\
Examples:
  Why did ALM-45641 not come?
    tocsin explain --alarm ALM-45641 --only-hits /var/log/Bigdata/flink/flinkserver/ha/runlog/ha.log
  What is this line?
    grep hasendalarm ha.log | tail -1 | tocsin explain --log ha-flinkserver --tz Asia/Shanghai";

/// An input, read to its end or to where it is damaged.
#[derive(Default)]
struct Content {
    name: Option<String>,
    /// Names inside archives, outermost first.
    inner: Vec<String>,
    bytes: Vec<u8>,
    modified: Option<Millis>,
    /// What was wrong, in words.
    damage: Vec<String>,
    /// Other files in the same archive.
    others: Vec<String>,
}

impl Explain {
    pub fn run(&self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (zone, zones) = zones::read(&self.tz)?;
        let settings = self.patterns.settings(Given { zone, zones, ..Given::default() }, terminal.stderr)?;
        let (patterns, _) = settings.pattern_set().compile(terminal.stderr)?;
        let Named { zones, mut decisions, .. } = settings.named(&patterns, terminal.stderr)?;
        let patterns = &patterns;
        let path = self.file.clone().unwrap_or_else(|| PathBuf::from("-"));
        let end = self.end.as_deref().map(|e| instant(e, zones.default)).transpose()?;
        let filter = self.filter(patterns)?;
        // Of two that are about the same path, the later one counts.
        decisions.logs.extend(self.logs(patterns, &path)?);
        let shown = if path.as_os_str() == "-" { "stdin".to_owned() } else { path.display().to_string() };
        let content = content(&path, &shown)?;
        let place = Place { outer: path.clone(), inner: content.inner.clone() };
        let assigner = Assigner::new(patterns, decisions, &host());
        let (assignment, by) = self.assign(patterns, &assigner, &place, &content.bytes, &shown)?;
        let zone = zones.of(assignment.log);
        let family = Family {
            cluster: settings.cluster.value.as_str().into(),
            node: assignment.node.clone(),
            log: assignment.log,
            log_name: patterns.log(assignment.log).name.clone(),
            name: assignment.family.clone(),
            zone,
        };
        let (bytes, modified, damaged) = (&content.bytes, content.modified, !content.damage.is_empty());
        let subject = Subject { patterns, family, file: shown.as_str().into(), bytes, modified, damaged };
        let options = Options { hold: HOLD, end, filter, only_hits: self.only_hits, coloured: terminal.stdout };
        let mut out = BufWriter::new(io::stdout().lock());
        let assumed = zones.is_assumed(assignment.log).then_some(zones.source);
        write(&mut out, &header(&subject, &assignment, by, assumed, &options.filter))?;
        let report = explain(&subject, &options, &mut out).map_err(closed)?;
        drop(out);
        for file in report.families.iter().flat_map(|f| &f.ahead) {
            eprintln!(
                "tocsin: {file}: its last line is later than the file itself; if the zone is another, say so with `--tz`"
            );
        }
        for damage in &content.damage {
            eprintln!("tocsin: {}; what stands before was read", printable(damage));
        }
        Ok(if damaged { Exit::Damaged } else { Exit::Fine })
    }

    fn filter(&self, patterns: &Patterns) -> Result<Filter, Failure> {
        let unknown = |what: &str, name: &str, known: Vec<&str>| {
            Failure::invalid(format!("unknown {what} `{name}`: {}", suggest(name, known)))
        };
        let alarm = |name: &String| -> Result<AlarmId, Failure> {
            let known = || patterns.alarms.iter().map(|a| &*a.name);
            // The vendor's number alone will do.
            let long = format!("ALM-{name}");
            let id = patterns.alarm_named(name).or_else(|| patterns.alarm_named(&long));
            id.ok_or_else(|| unknown("alarm", name, known().collect()))
        };
        let signal = |name: &String| -> Result<SignalId, Failure> {
            let known = || patterns.signals.iter().map(|s| &*s.name);
            let at = known().position(|n| n == name).ok_or_else(|| unknown("signal", name, known().collect()))?;
            Ok(SignalId(at as u32))
        };
        let alarms = self.alarm.iter().map(alarm).collect::<Result<_, Failure>>()?;
        let signals = self.signal.iter().map(signal).collect::<Result<_, Failure>>()?;
        Ok(Filter { alarms, signals })
    }

    /// `--log NAME` means the one file that there is.
    fn logs(&self, patterns: &Patterns, path: &Path) -> Result<Vec<(LogId, PathBuf)>, Failure> {
        let mut logs = Vec::new();
        for text in &self.log {
            let (name, of) = match text.split_once('=') {
                Some((name, of)) => (name, Path::new(of)),
                None => (text.as_str(), path),
            };
            let same = of == path
                || std::path::absolute(path)
                    .ok()
                    .is_some_and(|p| std::path::absolute(of).is_ok_and(|o| p.starts_with(o)));
            if !same {
                return Err(Failure::invalid(format!(
                    "nothing that was read is at {}: `--log {name}` will do",
                    of.display()
                )));
            }
            logs.push((log_named(patterns, name)?, path.to_owned()));
        }
        match logs.as_slice() {
            [] | [_] => Ok(logs),
            _ => Err(Failure::invalid("a file is of one log: give `--log` once")),
        }
    }

    /// Whose the input is, and how that is known.
    fn assign(
        &self,
        patterns: &Patterns,
        assigner: &Assigner,
        place: &Place,
        bytes: &[u8],
        shown: &str,
    ) -> Result<(Assignment, &'static str), Failure> {
        if let Some(assignment) = assigner.by_path(place) {
            return Ok((assignment, if self.log.is_empty() { "by its path" } else { "by `--log`" }));
        }
        if bytes.is_empty() {
            return Err(Failure::new(Exit::NothingToRead, format!("{shown}: there is nothing in it")));
        }
        let names = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(", ");
        match assigner.by_content(place, &bytes[..bytes.len().min(SAMPLE)], true) {
            Ok(assignment) => Ok((assignment, "by its content (`--log NAME` says otherwise)")),
            Err(Unassigned::Unknown) => {
                let known = names(&mut patterns.logs.iter().map(|l| &*l.name));
                let text = format!(
                    "{shown}: no line looks like a record of a known log; `--log NAME` explains it as one of {known}"
                );
                Err(Failure::new(Exit::NothingToRead, text))
            }
            Err(Unassigned::Ambiguous(several)) => {
                let first = several.first().map_or("NAME", |n| &**n);
                let several = names(&mut several.iter().map(|n| &**n));
                Err(Failure::invalid(format!(
                    "{shown} could be of several logs ({several}): say which, as with `--log {first}`"
                )))
            }
        }
    }
}

/// Reads the one file that a path is, or that an archive holds.
fn content(path: &Path, shown: &str) -> Result<Content, Failure> {
    if path.is_dir() {
        let text = format!("{shown} is a directory: explain takes one file, `tocsin replay` takes directories");
        return Err(Failure::invalid(text));
    }
    let mut content = Content::default();
    let ended = match path.as_os_str() == "-" {
        true => archive::visit_stream("stdin", Box::new(io::stdin()), &mut content),
        false => archive::visit(path, &mut content),
    };
    match (ended, content.others.as_slice()) {
        (Err(archive::Error::Visitor(error)), _) => Err(Failure::new(Exit::Failed, error.to_string())),
        (Err(error), _) => {
            let exit = if path.exists() { Exit::Failed } else { Exit::NothingToRead };
            Err(Failure::new(exit, error.to_string()))
        }
        (Ok(()), []) if content.name.is_none() && !content.damage.is_empty() => {
            let text = format!("{shown}: {}", content.damage.join("; "));
            Err(Failure::new(Exit::NothingToRead, text))
        }
        (Ok(()), []) => Ok(content),
        (Ok(()), others) => {
            let all: Vec<String> = content.name.iter().chain(others).map(|n| printable(n)).collect();
            let more = if others.len() > 4 { ", …" } else { "" };
            let list = all.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
            let text =
                format!("{shown} holds several files ({list}{more}): unpack the one in question and explain that");
            Err(Failure::invalid(text))
        }
    }
}

impl Visitor for Content {
    fn member(&mut self, info: &MemberInfo, data: &mut dyn Read) -> io::Result<()> {
        if self.name.is_some() {
            self.others.push(info.path.clone());
            return Ok(());
        }
        self.name = Some(info.path.clone());
        self.inner = info.parts[1..].to_vec();
        self.modified = info.stamp;
        data.take(MOST + 1).read_to_end(&mut self.bytes)?;
        if self.bytes.len() as u64 > MOST {
            let most = MOST >> 20;
            let text = format!(
                "more than {most} MiB: explain reads an input whole, so cut out the part in question (`grep -C`, `sed -n`)"
            );
            return Err(io::Error::other(text));
        }
        Ok(())
    }

    fn skipped(&mut self, _path: &str, why: &str) {
        self.damage.push(why.to_owned());
    }

    fn damaged(&mut self, damage: Damage) {
        self.damage.push(damage.to_string());
    }
}

/// What the input as a whole was taken for.
fn header(subject: &Subject, assignment: &Assignment, by: &str, assumed: Option<&str>, filter: &Filter) -> String {
    let patterns = subject.patterns;
    let log = patterns.log(assignment.log);
    let zone = match assumed {
        Some(source) => format!("{} ({source}; `--tz` says otherwise)", subject.family.zone.name()),
        None => subject.family.zone.name(),
    };
    let read = patterns.alarms.iter().enumerate().filter(|(_, a)| a.logs.contains(&assignment.log));
    let read = read.filter(|(at, _)| filter.alarm(AlarmId(*at as u32))).map(|(_, a)| &*a.name).collect::<Vec<_>>();
    let alarms = match read.as_slice() {
        [] => "none reads this log".to_owned(),
        [one] => format!("{one} (reads this log)"),
        several => format!("{} (they read this log)", several.join(", ")),
    };
    let mut rows = vec![
        ("input", subject.file.to_string()),
        ("log", format!("{}, {by}", log.name)),
        ("location", format!("service {}, role {}, node {}", log.service, log.role, assignment.node)),
        ("zone", zone),
        ("alarms", alarms),
    ];
    rows.extend(elsewhere(patterns, assignment.log, filter).into_iter().map(|text| ("but", text)));
    rows.iter().map(|(name, text)| format!("{name:<9} {}\n", printable(text))).collect::<String>() + "\n"
}

/// What was asked for, and cannot be found in this log.
fn elsewhere(patterns: &Patterns, log: LogId, filter: &Filter) -> Vec<String> {
    let named = |logs: &[LogId]| logs.iter().map(|l| &*patterns.log(*l).name).collect::<Vec<_>>().join(", ");
    let alarms = filter.alarms.iter().map(|id| patterns.alarm(*id)).filter(|a| !a.logs.contains(&log));
    let alarms = alarms.map(|a| format!("{} does not read this log: it reads {}", a.name, named(&a.logs)));
    let signals = filter.signals.iter().map(|id| patterns.signal(*id)).filter(|s| !s.logs.contains(&log));
    let signals = signals.map(|s| format!("`{}` is not looked for in this log, but in {}", s.name, named(&s.logs)));
    alarms.chain(signals).collect()
}

fn write(out: &mut impl io::Write, text: &str) -> Result<(), Failure> {
    out.write_all(text.as_bytes()).map_err(closed)
}

/// Whoever stops reading an explanation has seen enough.
fn closed(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::new(Exit::StdoutClosed, "standard output was closed"),
        _ => error.into(),
    }
}
