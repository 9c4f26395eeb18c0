//! Is the HA certificate there, readable and valid, and for how long?

use std::path::{Path, PathBuf};

use super::Answer;
use super::machine::Machine;
use crate::pattern::Zone;
use crate::probe::certificate::{self, Verdict};
use crate::probe::settings::{BIGDATA_HOME, CERTIFICATE, DAYS};
use crate::time::Millis;

/// `given`: where it lies, if that is said. Of several installations each is looked at, and the worst one counts.
pub fn examine(machine: &Machine, given: Option<&str>, now: Millis, zone: Zone) -> Answer {
    let pattern = given.map_or_else(|| usual(machine), PathBuf::from);
    let found = glob(machine, &pattern);
    if found.is_empty() {
        return Answer::fault(format!("{}: there is no such file", pattern.display()));
    }
    let mut answers: Vec<Answer> = found.iter().map(|path| one(machine, path, now, zone)).collect();
    answers.sort_by_key(|a| a.verdict != super::Verdict::Fault);
    let evidence = answers.iter().flat_map(|a| a.evidence.clone()).collect();
    let Some(worst) = answers.into_iter().next() else { return Answer::unknown("none was found") };
    Answer { evidence, ..worst }
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

fn one(machine: &Machine, path: &Path, now: Millis, zone: Zone) -> Answer {
    let examined = certificate::examine(&machine.here(path), now);
    let shown = path.display();
    let verdict = Verdict::of(&examined, now, DAYS);
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
