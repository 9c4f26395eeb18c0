//! The logs themselves: found, readable, of a known layout, in a plausible zone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::access::grant;
use super::beat;
use super::finding::{Finding, Verdict};
use super::sample::{Ends, Records};
use super::{Subject, Text, some_of};
use crate::deliver::stdout::printable;
use crate::input::assign::{Assigner, Place, SAMPLE};
use crate::input::discover::discover;
use crate::pattern::{Log, LogId, Patterns, Zone};
use crate::replay::gather::Zones;
use crate::time::{MINUTE, Millis, SECOND, human_duration};

/// What may stand between the writing of a line and the time in it.
const AGREE: Millis = 5 * MINUTE;

/// All zones of the world differ from UTC by quarters of an hour.
const QUARTER: Millis = 15 * MINUTE;

/// A last line that is so near to what another zone would give has that zone.
const NEAR: Millis = 2 * MINUTE;

/// Offsets of zones in ms, least and greatest.
const OFFSETS: std::ops::RangeInclusive<Millis> = -12 * 60 * MINUTE..=14 * 60 * MINUTE;

/// Fewer known heads in a hundred records, and the layout is another.
const KNOWN: u64 = 90;

/// What lies below the paths.
pub struct Tree {
    files: Vec<LogFile>,
    pub directories: usize,
    /// Families whose live file is there.
    pub live: usize,
    missing: Vec<PathBuf>,
    /// Directories and files that cannot be looked at, and why.
    closed: Vec<(PathBuf, io::Error)>,
    /// Files of no log.
    others: usize,
}

pub struct LogFile {
    pub path: PathBuf,
    pub shown: String,
    pub log: LogId,
    node: Text,
    family: Text,
    rank: Vec<i64>,
}

impl Tree {
    pub fn find(subject: &Subject) -> Tree {
        let assigner = Assigner::new(subject.patterns, subject.named.decisions.clone(), subject.host);
        let not_stdin = |p: &&PathBuf| p.as_os_str() != "-";
        let mut paths: Vec<PathBuf> = subject.paths.chosen.iter().filter(not_stdin).cloned().collect();
        paths.sort();
        paths.dedup();
        let found = discover(&paths).once_each(|path| assigner.claim(path));
        let mut tree = Tree {
            files: Vec::new(),
            directories: 0,
            live: 0,
            missing: found.missing,
            closed: found.unreadable,
            others: 0,
        };
        let mut directories = BTreeSet::new();
        for file in &found.files {
            directories.extend(file.path.parent());
            match assigned(&assigner, &file.path, file.named) {
                Ok(Some(known)) => tree.files.push(known),
                Ok(None) => tree.others += 1,
                Err(why) => tree.closed.push((file.path.clone(), why)),
            }
        }
        tree.directories = directories.len();
        tree.live = tree.live_files().len();
        tree
    }

    /// Of each family the file that is written, unless it has been packed.
    fn live_files(&self) -> Vec<&LogFile> {
        let mut newest: BTreeMap<(&str, LogId, &str), &LogFile> = BTreeMap::new();
        for file in &self.files {
            let best = newest.entry((&file.node, file.log, &file.family)).or_insert(file);
            if file.rank > best.rank {
                *best = file;
            }
        }
        let packed = |f: &LogFile| {
            f.path.extension().is_some_and(|e| ["gz", "zip", "zst", "tgz", "tar"].iter().any(|p| e == *p))
        };
        newest.into_values().filter(|f| !packed(f)).collect()
    }
}

/// By its path, or else by its content.
fn assigned(assigner: &Assigner, path: &Path, named: bool) -> io::Result<Option<LogFile>> {
    let place = Place::file(path);
    let known = match assigner.by_path(&place) {
        Some(known) => Some(known),
        None => {
            let mut sample = Vec::new();
            File::open(path)?.take(SAMPLE as u64).read_to_end(&mut sample)?;
            assigner.by_content(&place, &sample, named).ok()
        }
    };
    Ok(known.map(|a| LogFile {
        path: path.to_owned(),
        shown: printable(&path.display().to_string()),
        log: a.log,
        node: a.node,
        family: a.family,
        rank: a.rank,
    }))
}

pub fn examine(subject: &Subject, tree: &Tree, found: &mut Vec<Finding>) {
    for path in &tree.missing {
        let finding = Finding::mend("path", path.display().to_string(), "does not exist");
        found.push(finding.remedy("name another, or start the watch before it with `--wait`"));
    }
    let mut closed: Vec<(PathBuf, String)> =
        tree.closed.iter().map(|(path, why)| (path.clone(), why.to_string())).collect();
    let (mut findings, live) = (BTreeMap::<LogId, Vec<Finding>>::new(), tree.live_files());
    for file in &live {
        match Ends::read(&file.path) {
            Ok(ends) => findings.entry(file.log).or_default().extend(content(subject, file, &ends)),
            Err(why) => closed.push((file.path.clone(), why.to_string())),
        }
    }
    unreadable(subject, &closed, found);
    for (at, log) in subject.patterns.logs.iter().enumerate() {
        let id = LogId(at as u32);
        found.push(presence(tree, id, log));
        found.extend(folded(findings.remove(&id).unwrap_or_default(), &log.name));
    }
    if tree.files.is_empty() && closed.is_empty() {
        found.push(nothing(subject, tree));
    }
}

/// Nothing at all is worse than the lack of one log or another.
fn nothing(subject: &Subject, tree: &Tree) -> Finding {
    let paths = if subject.paths.chosen.is_empty() { &subject.paths.tried } else { &subject.paths.chosen };
    let others = if tree.others > 0 { format!(" ({} files of no known log)", tree.others) } else { String::new() };
    let finding = Finding::mend("log", "all", format!("no log was found in {}{others}", some_of(paths)));
    finding.remedy("name the directory of the logs, or say what a file is with `--log NAME=PATH`")
}

fn presence(tree: &Tree, id: LogId, log: &Log) -> Finding {
    let files: Vec<&LogFile> = tree.files.iter().filter(|f| f.log == id).collect();
    let families: BTreeSet<(&str, &str)> = files.iter().map(|f| (&*f.node, &*f.family)).collect();
    let directories: BTreeSet<PathBuf> = files.iter().filter_map(|f| Some(f.path.parent()?.to_owned())).collect();
    let name = log.name.to_string();
    match (files.len(), families.len()) {
        (0, _) => Finding::note("log", name, "not found here"),
        (1, _) => Finding::ok("log", name, format!("found: {}", files[0].shown)),
        (files, 1) => {
            Finding::ok("log", name, format!("found: {files} files, live and rolled, in {}", list(directories)))
        }
        (files, families) => {
            Finding::ok("log", name, format!("found: {files} files of {families} processes in {}", list(directories)))
        }
    }
}

fn list(directories: BTreeSet<PathBuf>) -> String {
    printable(&some_of(&directories.into_iter().collect::<Vec<_>>()))
}

/// One finding for a directory: what mends one of its files mends all.
fn unreadable(subject: &Subject, closed: &[(PathBuf, String)], found: &mut Vec<Finding>) {
    let mut directories: BTreeMap<PathBuf, Vec<&(PathBuf, String)>> = BTreeMap::new();
    for entry in closed {
        let file = entry.0.metadata().is_ok_and(|m| !m.is_dir());
        let directory = entry.0.parent().filter(|_| file).unwrap_or(&entry.0);
        directories.entry(directory.to_owned()).or_default().push(entry);
    }
    for (directory, entries) in directories {
        let (first, why) = entries[0];
        let what = match entries.len() {
            1 => printable(&first.display().to_string()),
            n => format!("{} and {} more", printable(&first.display().to_string()), n - 1),
        };
        let finding = Finding::mend("readable", what, format!("not readable for {}: {why}", subject.user.name));
        found.push(match subject.user.root {
            true => finding,
            false => finding.remedy(grant(subject.user, &directory)),
        });
    }
}

/// What one file has to say.
fn content(subject: &Subject, file: &LogFile, ends: &Ends) -> Vec<Finding> {
    if ends.is_empty() {
        return vec![Finding::note("layout", &file.shown, "empty")];
    }
    let (patterns, zone) = (subject.patterns, subject.named.zones.of(file.log));
    let log = patterns.log(file.log);
    let records = Records::of(log, zone, ends);
    let mut found = Vec::new();
    if !log.line_records {
        found.push(layout(file, &records));
    }
    found.extend(untimed(file, &records));
    found.extend(plausible(patterns, file, &records, zone, ends.modified));
    found.extend(beat::examine(patterns, file, zone, ends));
    found
}

fn layout(file: &LogFile, records: &Records) -> Finding {
    let share = records.share();
    let known = format!("{share}% of the records at both ends have a known head");
    if share >= KNOWN {
        return Finding::ok("layout", &file.shown, known);
    }
    let found = match &records.stranger {
        Some(line) => format!("{known}; not, for example: {}", printable(&line.chars().take(100).collect::<String>())),
        None => "no line at either end begins a record".to_owned(),
    };
    let remedy = format!(
        "see `tocsin explain {}`; give the log a layout like these lines in a pattern file (docs/patterns.md)",
        file.shown
    );
    Finding::mend("layout", &file.shown, found).remedy(remedy)
}

fn untimed(file: &LogFile, records: &Records) -> Option<Finding> {
    let found = format!("{} of {} records at both ends have no possible time", records.untimed, records.heads);
    let remedy = "they take the time of the record before; see `tocsin explain` for the lines";
    (records.untimed > 0).then(|| Finding::note("time", &file.shown, found).remedy(remedy))
}

fn plausible(
    patterns: &Patterns,
    file: &LogFile,
    records: &Records,
    zone: Zone,
    modified: Option<Millis>,
) -> Option<Finding> {
    let ((newest, in_utc), modified) = (records.newest?, modified?);
    let log = &patterns.log(file.log).name;
    Some(judge_zone(&file.shown, log, zone, newest, modified, in_utc))
}

/// A log is written when its last line says, or it is in another zone.
fn judge_zone(file: &str, log: &str, zone: Zone, newest: Millis, modified: Millis, in_utc: bool) -> Finding {
    const CHECK: &str = "zone";
    let ahead = newest - modified;
    if ahead.abs() <= AGREE {
        return Finding::ok(CHECK, file, format!("read as {}, its last line is as old as the file", zone.name()));
    }
    let by = human_duration(ahead.abs() / SECOND * SECOND);
    let side = if ahead > 0 { "later" } else { "earlier" };
    let found = format!("read as {}, its last line is {by} {side} than the file was written", zone.name());
    let steps = (ahead + ahead.signum() * QUARTER / 2) / QUARTER * QUARTER;
    let offset = Millis::from(zone.moment(newest).offset) * 1000 + steps;
    let likely = steps != 0 && (ahead - steps).abs() <= NEAR && OFFSETS.contains(&offset) && !in_utc;
    if likely {
        let name = likely_name(offset, modified);
        return Finding::mend(CHECK, file, format!("{found}: it is in {name}, most likely"))
            .remedy(format!("--tz {log}={name}, or in the configuration: [log.{log}] tz = \"{name}\""));
    }
    match ahead > 0 {
        true => Finding::mend(CHECK, file, found).remedy("check the clock of the node, and the zone with `--tz`"),
        false => Finding::note(CHECK, file, format!("{found}: copied, touched, or a log that ends without a time")),
    }
}

/// This machine's zone, if it would do: its name also holds when summer time begins.
fn likely_name(offset: Millis, at: Millis) -> String {
    let own = Zone::of_machine().ok().filter(|z| Millis::from(z.moment(at).offset) * 1000 == offset);
    own.unwrap_or(Zone::Fixed((offset / 1000) as i32)).name()
}

/// What is well with several files is one line.
fn folded(findings: Vec<Finding>, log: &str) -> Vec<Finding> {
    let mut checks: Vec<&'static str> = Vec::new();
    for finding in &findings {
        if !checks.contains(&finding.check) {
            checks.push(finding.check);
        }
    }
    let mut folded = Vec::new();
    for check in checks {
        let (well, other): (Vec<&Finding>, Vec<&Finding>) =
            findings.iter().filter(|f| f.check == check).partition(|f| f.verdict == Verdict::Ok);
        match well.as_slice() {
            [] => {}
            [one] => folded.push((*one).clone()),
            [first, ..] => {
                folded.push(Finding::ok(
                    check,
                    log,
                    format!("{} times well, as in {}: {}", well.len(), first.subject, first.found),
                ));
            }
        }
        folded.extend(other.into_iter().cloned());
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 60 * MINUTE;
    const NOW: Millis = 1_616_421_815_344;

    fn zone(name: &str, ahead: Millis) -> Finding {
        judge_zone("ha.log", "ha-oms", Zone::parse(name).unwrap(), NOW + ahead, NOW, false)
    }

    #[test]
    fn another_zone_is_named() {
        for (read_as, ahead, likely) in [
            ("UTC", 8 * HOUR, "+08:00"),
            ("UTC", 8 * HOUR - 40_000, "+08:00"),
            ("UTC", -5 * HOUR - 70_000, "-05:00"),
            ("Asia/Shanghai", -8 * HOUR, "UTC"),
            ("+08:00", -2 * HOUR - 30 * MINUTE, "+05:30"),
            ("Asia/Kolkata", 15 * MINUTE, "+05:45"),
        ] {
            let finding = zone(read_as, ahead);
            assert_eq!(finding.verdict, Verdict::Mend, "{finding:?}");
            let remedy = finding.remedy.unwrap();
            // This machine's zone may have a name of its own.
            let named = Zone::of_machine()
                .ok()
                .filter(|z| z.moment(NOW).offset == Zone::parse(likely).unwrap().moment(NOW).offset);
            let expect = named.map_or(likely.to_owned(), |z| z.name());
            assert!(remedy.contains(&format!("--tz ha-oms={expect},")), "{read_as} {ahead}: {remedy}");
        }
    }

    #[test]
    fn a_last_line_that_agrees_or_says_nothing_about_zones() {
        for (ahead, verdict) in [
            (0, Verdict::Ok),
            (-AGREE, Verdict::Ok),
            (AGREE, Verdict::Ok),
            // no quarter of an hour
            (-7 * MINUTE, Verdict::Note),
            (7 * MINUTE, Verdict::Mend),
            // further than any zone
            (-400 * HOUR, Verdict::Note),
            (30 * HOUR, Verdict::Mend),
        ] {
            let finding = zone("UTC", ahead);
            assert_eq!(finding.verdict, verdict, "{ahead}: {finding:?}");
            assert!(!finding.found.contains("most likely"), "{ahead}: {finding:?}");
        }
        let own = judge_zone("ha.log", "ha-oms", Zone::UTC, NOW + 8 * HOUR, NOW, true);
        assert!(!own.found.contains("most likely"), "its lines name their zone: {own:?}");
    }

    #[test]
    fn what_is_well_is_one_line_and_what_is_not_is_not_hidden() {
        let found = vec![
            Finding::ok("layout", "a", "x"),
            Finding::mend("layout", "b", "y"),
            Finding::ok("layout", "c", "x"),
            Finding::ok("zone", "a", "z"),
        ];
        let folded = folded(found, "log");
        let shown: Vec<(&str, &str)> = folded.iter().map(|f| (f.check, f.subject.as_str())).collect();
        assert_eq!(shown, [("layout", "log"), ("layout", "b"), ("zone", "a")]);
        assert!(folded[0].found.starts_with("2 times well, as in a"));
    }
}
