//! Junk that an interrupted synchronization leaves behind: files `sed*`, empty, without any permission.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use walkdir::WalkDir;

use super::machine::Machine;
use super::names::Owned;
use super::{Answer, counted};
use crate::pattern::Zone;
use crate::time::SECOND;

/// A tree may be as large as it likes: it is looked at for this long, and not deeper than this.
const PATIENCE: Duration = Duration::from_secs(8);
const DEEPEST: usize = 24;

/// Files that are named one by one.
const SHOWN: usize = 8;

/// What a look at the trees found.
#[derive(Debug, Default)]
struct Found {
    /// With how it is shown.
    junk: Vec<(PathBuf, String)>,
    /// Files of such a name that are no junk.
    others: usize,
    looked_at: u64,
    missing: Vec<PathBuf>,
    /// The first directory that could not be looked into, and how many there are.
    closed: Option<(PathBuf, usize)>,
    /// The same of file systems that are mounted below and were not entered.
    mounted: Option<(PathBuf, usize)>,
    too_deep: bool,
    too_long: bool,
}

pub fn examine(machine: &Machine, directories: &[&Path], zone: Zone) -> Answer {
    let mut found = Found::default();
    let deadline = Instant::now() + PATIENCE;
    for directory in directories {
        match machine.find(directory) {
            Ok((path, _)) => search(machine, &path, deadline, zone, &mut found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => found.missing.push((*directory).to_owned()),
            Err(_) => found.close(directory),
        }
    }
    judge(found, directories)
}

fn search(machine: &Machine, directory: &Path, deadline: Instant, zone: Zone, found: &mut Found) {
    let here = machine.here(directory);
    let named = |here_is: &Path| here_is.strip_prefix(&here).map_or(here_is.to_owned(), |below| directory.join(below));
    // A dead mount would hold us up for ever, so other file systems are named and not entered.
    let mut device = None;
    for entry in WalkDir::new(&here).max_depth(DEEPEST).same_file_system(true) {
        if Instant::now() > deadline {
            found.too_long = true;
            return;
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                // What has gone in the meantime is no matter.
                if error.io_error().is_some_and(|e| e.kind() != io::ErrorKind::NotFound) {
                    found.close(&error.path().map_or_else(|| directory.to_owned(), named));
                }
                continue;
            }
        };
        found.looked_at += 1;
        if entry.file_type().is_dir()
            && let Ok(metadata) = entry.metadata()
            && *device.get_or_insert(metadata.dev()) != metadata.dev()
        {
            count(&mut found.mounted, &named(entry.path()));
            continue;
        }
        found.too_deep |= entry.depth() == DEEPEST && entry.file_type().is_dir();
        let is_one = entry.file_type().is_file() && entry.file_name().as_encoded_bytes().starts_with(b"sed");
        let Some(metadata) = is_one.then(|| entry.metadata().ok()).flatten() else { continue };
        match is_junk(&metadata) {
            true => {
                let path = named(entry.path());
                let shown = shown(&path, &metadata, machine, zone);
                found.junk.push((path, shown));
            }
            false => found.others += 1,
        }
    }
}

fn is_junk(metadata: &Metadata) -> bool {
    metadata.len() == 0 && Owned::of(metadata).mode == 0
}

/// Like a line of `ls -l`.
fn shown(path: &Path, metadata: &Metadata, machine: &Machine, zone: Zone) -> String {
    let owned = Owned::of(metadata).shown('-', &machine.names);
    let changed = zone.moment(metadata.mtime().saturating_mul(SECOND));
    format!("{owned} {} {changed} {}", metadata.len(), path.display())
}

impl Found {
    fn close(&mut self, directory: &Path) {
        count(&mut self.closed, directory);
    }

    /// What was left out, if anything was.
    fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        if let Some((first, count)) = &self.closed {
            gaps.push(format!("{} may not be looked into, the first is {}", directories(*count), first.display()));
        }
        if let Some((first, count)) = &self.mounted {
            gaps.push(format!(
                "{} mounted below {} not looked into, the first is {}",
                counted(*count, "file system"),
                if *count == 1 { "was" } else { "were" },
                first.display()
            ));
        }
        if self.too_long {
            gaps.push(format!("stopped after {} s, with {} files seen", PATIENCE.as_secs(), self.looked_at));
        }
        if self.too_deep {
            gaps.push(format!("not looked deeper than {DEEPEST} directories"));
        }
        gaps
    }
}

/// Remembers the first, and how many there are.
fn count(places: &mut Option<(PathBuf, usize)>, place: &Path) {
    let (_, count) = places.get_or_insert_with(|| (place.to_owned(), 0));
    *count += 1;
}

fn directories(count: usize) -> String {
    if count == 1 { "1 directory".to_owned() } else { format!("{count} directories") }
}

fn judge(mut found: Found, asked: &[&Path]) -> Answer {
    found.junk.sort();
    let gaps = found.gaps();
    let others =
        (found.others > 0).then(|| format!("{} named sed* with content or permissions", counted(found.others, "file")));
    let missing = found.missing.iter().map(|d| format!("{} does not exist", d.display()));
    let mut answer = match found.junk.is_empty() {
        false => Answer::fault(format!("{}, empty and without permissions:", counted(found.junk.len(), "junk file"))),
        true if gaps.is_empty() => {
            let list: Vec<String> = asked.iter().map(|d| d.display().to_string()).collect();
            Answer::ok(format!("no junk below {}", list.join(" and ")))
        }
        true => Answer::unknown("no junk in what could be looked at").remedy(if found.closed.is_some() {
            "run this as root"
        } else {
            "run the command of this step, which is not bounded"
        }),
    };
    answer.evidence.extend(found.junk.iter().take(SHOWN).map(|(_, shown)| shown.clone()));
    if found.junk.len() > SHOWN {
        answer.evidence.push(format!("and {} more", found.junk.len() - SHOWN));
    }
    answer.evidence.extend(others.into_iter().chain(missing).chain(gaps));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Verdict;

    fn judged(found: Found) -> (Verdict, Vec<String>) {
        let answer = judge(found, &[Path::new("/a"), Path::new("/b")]);
        (answer.verdict, answer.evidence)
    }

    #[test]
    fn what_was_not_seen_is_not_called_clean() {
        assert_eq!(judged(Found::default()), (Verdict::Ok, vec!["no junk below /a and /b".to_owned()]));
        for gap in [
            Found { closed: Some(("/a/x".into(), 2)), ..Found::default() },
            Found { mounted: Some(("/a/data".into(), 1)), ..Found::default() },
            Found { too_deep: true, ..Found::default() },
            Found { too_long: true, ..Found::default() },
        ] {
            assert_eq!(judged(gap).0, Verdict::Unknown);
        }
        let mounted = Found { mounted: Some(("/a/data".into(), 1)), ..Found::default() };
        assert_eq!(judged(mounted).1[1], "1 file system mounted below was not looked into, the first is /a/data");
        let junk = Found { junk: vec![("/a/sed1".into(), "shown".into())], too_long: true, ..Found::default() };
        assert_eq!(judged(junk).0, Verdict::Fault, "one is enough");
    }

    #[test]
    fn a_few_are_named_and_the_others_counted() {
        let junk = (0..20).rev().map(|n| (format!("/a/sed{n:02}").into(), format!("line {n:02}"))).collect();
        let (_, evidence) = judged(Found { junk, others: 1, ..Found::default() });
        assert_eq!(evidence[0], "20 junk files, empty and without permissions:");
        assert_eq!((evidence[1].as_str(), evidence[8].as_str()), ("line 00", "line 07"));
        assert_eq!(evidence[9..], ["and 12 more", "1 file named sed* with content or permissions"]);
    }
}
