//! The state directory: is it there, ours alone, large enough, and free?

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, major, minor, statvfs};

use super::access::{User, may, quoted};
use super::finding::Finding;
use crate::config::value::human_size;

const CHECK: &str = "state";

/// Below this, the next burst of alarms may not fit.
const LITTLE: u64 = 256 << 20;

pub fn examine(dir: &Path, user: &User, found: &mut Vec<Finding>) {
    // A remedy is typed in another directory, by another user.
    let dir = &std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let subject = dir.display().to_string();
    match dir.metadata() {
        Ok(metadata) if !metadata.is_dir() => {
            let finding = Finding::mend(CHECK, subject, "it is no directory");
            found.push(finding.remedy("name another with `--state` or `[state] dir`"));
        }
        Ok(metadata) => existing(dir, &metadata, user, found),
        Err(e) if e.kind() == io::ErrorKind::NotFound => found.push(missing(dir, user)),
        Err(e) => found.push(Finding::mend(CHECK, subject, e.to_string()).remedy(install(dir, user))),
    }
}

/// The command by which root makes the directory.
fn install(dir: &Path, user: &User) -> String {
    format!("install -d -m 0700 -o {} {}", user.name, quoted(dir))
}

fn missing(dir: &Path, user: &User) -> Finding {
    let subject = dir.display().to_string();
    let above = dir.ancestors().skip(1).find(|d| d.exists());
    match above.is_some_and(|d| may(d, Access::WRITE_OK | Access::EXEC_OK)) {
        true => Finding::ok(CHECK, subject, "does not exist yet; the first watch makes it"),
        false => {
            let found = format!("does not exist, and {} may not make it", user.name);
            Finding::mend(CHECK, subject, found).remedy(install(dir, user))
        }
    }
}

fn existing(dir: &Path, metadata: &fs::Metadata, user: &User, found: &mut Vec<Finding>) {
    let subject = || dir.display().to_string();
    if !may(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let finding = Finding::mend(CHECK, subject(), format!("{} may not write in it", user.name));
        found.push(finding.remedy(format!("chown {} {}", user.name, quoted(dir))));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let finding = Finding::mend(CHECK, subject(), format!("mode {mode:04o}: others can look at what it holds"));
        found.push(finding.remedy(format!("chmod 0700 {}", quoted(dir))));
    }
    let free = statvfs(dir).map(|s| s.f_bavail.saturating_mul(s.f_frsize)).unwrap_or(u64::MAX);
    if free < LITTLE {
        let finding = Finding::mend(CHECK, subject(), format!("{} free", whole_mib(free)));
        found.push(finding.remedy(format!("free some space: at least {} and the outbox's bound", human_size(LITTLE))));
    }
    if let Some(process) = locked(dir) {
        let by = if process > 0 { format!("by process {process}") } else { "by another process".to_owned() };
        found.push(Finding::note(CHECK, subject(), format!("in use {by}: a watch is running")));
    }
    if !found.iter().any(|f| f.check == CHECK && f.remedy.is_some()) {
        found.push(Finding::ok(CHECK, subject(), format!("writable, mode {mode:04o}, {} free", whole_mib(free))));
    }
}

fn whole_mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// The process that holds a lock on a file of the directory. The kernel's list tells without trying one's luck: to take
/// the lock, if only for a moment, could keep a watch from starting.
fn locked(dir: &Path) -> Option<i64> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let files: Vec<PathBuf> = fs::read_dir(dir).ok()?.flatten().map(|e| e.path()).collect();
    let identities = files
        .iter()
        .filter_map(|f| f.metadata().ok())
        .map(|m| format!("{:02x}:{:02x}:{}", major(m.dev()), minor(m.dev()), m.ino()));
    let identities: Vec<String> = identities.collect();
    holder(&locks, &identities)
}

/// Lines are like `1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF`; one that waits has `->` behind the number.
fn holder(locks: &str, identities: &[String]) -> Option<i64> {
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().filter(|f| *f != "->").collect();
        let [_, _, _, _, process, file, ..] = fields.as_slice() else { return None };
        identities.iter().any(|i| i == file).then(|| process.parse().unwrap_or(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_known_by_the_file_that_it_is_on() {
        let locks = "1: POSIX  ADVISORY  WRITE 12 08:01:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 4711 fe:10:123 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 4712 fe:10:124 0 EOF\nodd\n";
        let of = |file: &str| holder(locks, &[file.to_owned()]);
        assert_eq!(of("fe:10:123"), Some(4711));
        assert_eq!(of("fe:10:124"), Some(4712));
        assert_eq!(of("fe:10:12"), None);
        assert_eq!(holder(locks, &[]), None);
    }
}
