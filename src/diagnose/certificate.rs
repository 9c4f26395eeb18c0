//! Is the HA certificate there, readable and valid, and for how long?

use std::io;
use std::path::{Path, PathBuf};

use super::Answer;
use super::machine::Machine;
use crate::pattern::Zone;
use crate::probe::certificate::{self, Verdict};
use crate::probe::files::closed;
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
    let Found { files, closed } = find(machine, pattern);
    if files.is_empty() && closed.is_none() {
        return vec![Answer::fault(format!("{}: there is no such file", pattern.display()))];
    }
    let closed = closed.map(|(path, error)| Answer::unknown(format!("{}: {error}", path.display())).remedy(AS_ROOT));
    files.iter().map(|path| one(machine, path, days, now, zone)).chain(closed).collect()
}

const AS_ROOT: &str = "run this as root, or as the user of the HA process";

/// What a pattern gives, and what it could not look into.
struct Found {
    files: Vec<PathBuf>,
    closed: Option<(PathBuf, io::Error)>,
}

fn usual(machine: &Machine) -> PathBuf {
    let home = std::env::var_os("BIGDATA_HOME").filter(|h| machine.is_here() && !h.is_empty());
    home.map_or_else(|| PathBuf::from(BIGDATA_HOME), PathBuf::from).join(CERTIFICATE)
}

/// By their names on that machine.
fn find(machine: &Machine, pattern: &Path) -> Found {
    let root = machine.here(Path::new("/"));
    // Only what was given is a pattern; a directory that holds a copy may be called as it likes.
    let escaped = glob::Pattern::escape(&root.to_string_lossy());
    let below = pattern.strip_prefix("/").unwrap_or(pattern);
    let pattern = Path::new(&escaped).join(below);
    let pattern = pattern.to_string_lossy();
    let there = |path: &Path| Some(Path::new("/").join(path.strip_prefix(&root).ok()?));
    let paths = glob::glob(&pattern).into_iter().flatten();
    let files = paths.filter_map(|path| there(&path.ok()?)).collect();
    // Above a copy's root it is this machine that is closed.
    let closed = closed(&pattern).map(|(path, error)| (there(&path).unwrap_or(path), error));
    Found { files, closed }
}

fn one(machine: &Machine, path: &Path, days: u32, now: Millis, zone: Zone) -> Answer {
    let examined = certificate::examine(&machine.here(path), now);
    let shown = path.display();
    let verdict = Verdict::of(&examined, now, days);
    match examined {
        Err(fault) if verdict == Verdict::Unreadable => {
            Answer::unknown(format!("{shown}: {}", fault.reason())).remedy(AS_ROOT)
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose;

    #[test]
    fn what_cannot_be_looked_into_is_unknown_and_not_a_fault() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("opt")).unwrap();
        let machine = Machine::new(root.path(), None);
        let judged = |path: &str| examine(&machine, &[path.to_owned()], 30, 0, Zone::UTC);
        assert_eq!(judged("/opt/v*/server.crt").verdict, diagnose::Verdict::Fault);
        // To root no directory is closed, but nobody gets through a link to itself.
        std::os::unix::fs::symlink("v1", root.path().join("opt/v1")).unwrap();
        let answer = judged("/opt/v*/server.crt");
        assert_eq!((answer.verdict, answer.remedy.as_deref()), (diagnose::Verdict::Unknown, Some(AS_ROOT)));
        assert!(answer.evidence[0].starts_with("/opt/v1/server.crt: "), "{answer:?}");
    }
}
