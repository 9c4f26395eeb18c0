//! May the process that was refused a file have it now, and is the file like its neighbours?
//!
//! The vendor's advice is to compare with the node that works. What stands beside the file on this node is the next best
//! thing: files of one directory belong together, and the one that was restored, copied or edited by hand stands out.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::machine::{Machine, Station};
use super::names::{Owned, Person};
use super::{Answer, counted};
use crate::doctor::access::quoted;

/// A directory may hold as many files as it likes.
const MOST_NEIGHBOURS: usize = 10_000;

/// Of the bits of a mode, those that a directory and a file need.
const READ: u32 = 4;
const PASS: u32 = 1;

/// `log`: the log in which the refusal stands; who writes that is who was refused.
pub fn examine(machine: &Machine, path: &Path, log: Option<&Path>) -> Answer {
    let reader = log.and_then(|log| reader(machine, log));
    let way = machine.way(path);
    let Some((last, above)) = way.split_last() else { return Answer::unknown("no path was named") };
    if let Err(error) = &last.metadata {
        return unseen(machine, last, above, reader.as_ref(), error);
    }
    for station in &way {
        let is_last = station.path == last.path;
        if let Some(answer) = reader.as_ref().and_then(|reader| refused(machine, station, is_last, reader)) {
            return answer;
        }
    }
    compared(machine, last, reader.as_ref())
}

/// The user who writes a log that was read here.
fn reader(machine: &Machine, log: &Path) -> Option<Person> {
    let metadata = fs::metadata(log).ok()?;
    Some(machine.names.person(metadata.uid(), metadata.gid()))
}

/// The last station of a path that cannot be followed to its end.
fn unseen(machine: &Machine, last: &Station, above: &[Station], reader: Option<&Person>, error: &io::Error) -> Answer {
    let shown = last.path.display();
    let directory = above.last();
    match error.kind() {
        io::ErrorKind::NotFound => Answer::fault(format!("{shown} does not exist")),
        io::ErrorKind::PermissionDenied => {
            let closed = directory.and_then(|d| refused(machine, d, false, reader?));
            closed.unwrap_or_else(|| {
                let who = directory.map_or_else(String::new, |d| format!(": {}", described(machine, d)));
                Answer::unknown(format!("{shown} may not be looked at{who}")).remedy("run this as root")
            })
        }
        _ => Answer::unknown(format!("{shown}: {error}")),
    }
}

/// The fault, if the reader may not have what stands here.
fn refused(machine: &Machine, station: &Station, is_last: bool, reader: &Person) -> Option<Answer> {
    let metadata = station.metadata.as_ref().ok()?;
    let (wanted, word) = match (metadata.is_dir(), is_last) {
        (true, true) => (READ | PASS, "list"),
        (true, false) => (PASS, "pass through"),
        _ => (READ, "read"),
    };
    if reader.may(&Owned::of(metadata), wanted) {
        return None;
    }
    let answer = Answer::fault(format!("{} may not {word} {}", reader.name, described(machine, station)));
    Some(beside(machine, station, answer))
}

/// It may be had; does it stand out?
fn compared(machine: &Machine, station: &Station, reader: Option<&Person>) -> Answer {
    let shown = described(machine, station);
    let shown = match reader {
        Some(reader) => format!("{} may read {shown}", reader.name),
        None => format!("{shown} (who was refused it is not known)"),
    };
    let Ok(metadata) = &station.metadata else { return Answer::unknown(shown) };
    let (own, neighbours) = (Owned::of(metadata), neighbours(machine, station));
    let Some(usual) = neighbours.usual else {
        return Answer::ok(shown).and(format!("{} beside it: nothing to compare with", neighbours.counted()));
    };
    let differs = (own.user, own.group) != (usual.user, usual.group) || usual.mode & !own.mode != 0;
    match differs {
        true => beside(machine, station, Answer::fault(shown)),
        false => Answer::ok(shown).and(neighbours.shown(machine, station)),
    }
}

/// What the neighbours are like, and the commands that would make it so.
fn beside(machine: &Machine, station: &Station, answer: Answer) -> Answer {
    let neighbours = neighbours(machine, station);
    let Some(usual) = neighbours.usual else { return answer };
    let (user, group) = (machine.names.user(usual.user), machine.names.group(usual.group));
    let path = quoted(&station.path);
    let remedy = format!(
        "if the node that works has it so (a change): chown {user}:{group} {path} && chmod {:04o} {path}",
        usual.mode
    );
    answer.and(neighbours.shown(machine, station)).remedy(remedy)
}

/// What stands in the same directory and is of the same kind.
struct Neighbours {
    count: usize,
    /// What most of them are like, and how many that are.
    usual: Option<Owned>,
    alike: usize,
}

fn neighbours(machine: &Machine, station: &Station) -> Neighbours {
    let mut kinds: BTreeMap<Owned, usize> = BTreeMap::new();
    let directory = station.path.parent().map(|d| machine.here(d));
    let is_dir = station.metadata.as_ref().is_ok_and(|m| m.is_dir());
    let entries = directory.and_then(|d| fs::read_dir(d).ok()).into_iter().flatten().flatten();
    let others = entries.filter(|e| Some(e.file_name().as_os_str()) != station.path.file_name());
    for metadata in others.take(MOST_NEIGHBOURS).filter_map(|e| e.metadata().ok()) {
        if metadata.is_dir() == is_dir && (is_dir || metadata.is_file()) {
            *kinds.entry(Owned::of(&metadata)).or_default() += 1;
        }
    }
    let count = kinds.values().sum();
    // One neighbour proves nothing, and neither do several that disagree.
    let most = kinds.into_iter().max_by_key(|(_, alike)| *alike);
    let usual = most.filter(|(_, alike)| *alike >= 2 && alike * 2 > count);
    Neighbours { count, usual: usual.map(|(owned, _)| owned), alike: usual.map_or(0, |(_, alike)| alike) }
}

impl Neighbours {
    fn counted(&self) -> String {
        if self.count == 0 { "none".to_owned() } else { counted(self.count, "neighbour") }
    }

    fn shown(&self, machine: &Machine, station: &Station) -> String {
        let Some(usual) = self.usual else { return self.counted() };
        let usual = usual.shown(kind(station), &machine.names);
        match self.alike == self.count {
            true => format!("beside it: all {} are {usual}", self.count),
            false => format!("beside it: {} of {} are {usual}", self.alike, self.count),
        }
    }
}

/// `/path (-rw-r----- omm:wheel)`
fn described(machine: &Machine, station: &Station) -> String {
    let shown = station.path.display();
    match &station.metadata {
        Ok(metadata) => format!("{shown} ({})", Owned::of(metadata).shown(kind(station), &machine.names)),
        Err(_) => shown.to_string(),
    }
}

fn kind(station: &Station) -> char {
    if station.metadata.as_ref().is_ok_and(|m| m.is_dir()) { 'd' } else { '-' }
}
