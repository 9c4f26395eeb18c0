//! Is the HA certificate there, readable and valid, and for how long?

use std::path::{Path, PathBuf};

use super::Answer;
use super::machine::Machine;
use crate::pattern::Zone;
use crate::probe::certificate::{self, Verdict};
use crate::probe::settings::{BIGDATA_HOME, CERTIFICATE};
use crate::time::Millis;

/// `paths`: files or globs, where they are said. Of several certificates each is looked at, and the worst one counts.
pub fn examine(machine: &Machine, paths: &[String], days: u32, now: Millis, zone: Zone) -> Answer {
    let paths = if paths.is_empty() { vec![usual(machine)] } else { paths.iter().map(PathBuf::from).collect() };
    let mut answers: Vec<Answer> = paths.iter().flat_map(|path| all(machine, path, days, now, zone)).collect();
    answers.sort_by_key(|a| match a.verdict {
        super::Verdict::Fault => 0,
        super::Verdict::Unknown => 1,
        _ => 2,
    });
    let evidence = answers.iter().flat_map(|a| a.evidence.clone()).collect();
    let worst = answers.into_iter().next().unwrap_or_else(|| Answer::unknown("no path was named"));
    Answer { evidence, ..worst }
}

fn all(machine: &Machine, pattern: &Path, days: u32, now: Millis, zone: Zone) -> Vec<Answer> {
    let found = glob(machine, pattern);
    if found.is_empty() {
        return vec![Answer::fault(format!("{}: there is no such file", pattern.display()))];
    }
    found.iter().map(|path| one(machine, path, days, now, zone)).collect()
}

fn usual(machine: &Machine) -> PathBuf {
    let home = std::env::var_os("BIGDATA_HOME").filter(|h| machine.is_here() && !h.is_empty());
    home.map_or_else(|| PathBuf::from(BIGDATA_HOME), PathBuf::from).join(CERTIFICATE)
}

/// The files of that machine, by their names there.
fn glob(machine: &Machine, pattern: &Path) -> Vec<PathBuf> {
    let root = machine.here(Path::new("/"));
    // Only what was given is a pattern; a directory that holds a copy may be called as it likes.
    let escaped = glob::Pattern::escape(&root.to_string_lossy());
    let below = pattern.strip_prefix("/").unwrap_or(pattern);
    let pattern = Path::new(&escaped).join(below);
    let paths = glob::glob(&pattern.to_string_lossy()).into_iter().flatten();
    paths.filter_map(|p| Some(Path::new("/").join(p.ok()?.strip_prefix(&root).ok()?))).collect()
}

fn one(machine: &Machine, path: &Path, days: u32, now: Millis, zone: Zone) -> Answer {
    let examined = certificate::examine(&machine.here(path), now);
    let shown = path.display();
    let verdict = Verdict::of(&examined, now, days);
    match examined {
        Err(fault) if verdict == Verdict::Unreadable => Answer::unknown(format!("{shown}: {}", fault.reason()))
            .remedy("run this as root, or as the user of the HA process"),
        Err(fault) => Answer::fault(format!("{shown}: {}", fault.reason())),
        Ok(certificate) => {
            let (until, left) = (zone.moment(certificate.not_after), certificate.days_left(now));
            let text = match verdict {
                Verdict::Expired => format!("{shown}: expired on {until}"),
                _ => format!("{shown}: valid until {until}, {left} days left"),
            };
            let answer = if verdict == Verdict::Fine { Answer::ok(text) } else { Answer::fault(text) };
            answer.and(format!("{}, issued by {}", certificate.subject, certificate.issuer))
        }
    }
}
