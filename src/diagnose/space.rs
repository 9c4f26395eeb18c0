//! Is the file system of a directory full?

use std::io;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::Answer;
use super::machine::Machine;

/// What a file system says of itself, in bytes and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    used: u64,
    /// For whoever is not root.
    free: u64,
    files: u64,
    free_files: u64,
    read_only: bool,
}

pub fn examine(machine: &Machine, directory: &Path) -> Answer {
    let mut looked_at = directory;
    loop {
        match machine.find(looked_at) {
            Ok((path, _)) => return room(machine, directory, looked_at, &path),
            // What would hold the directory decides whether it could be filled.
            Err(error) if error.kind() == io::ErrorKind::NotFound => match looked_at.parent() {
                Some(above) => looked_at = above,
                None => return Answer::unknown(format!("{} does not exist", directory.display())),
            },
            Err(error) => {
                return Answer::unknown(format!("{}: {error}", looked_at.display())).remedy("run this as root");
            }
        }
    }
}

fn room(machine: &Machine, directory: &Path, looked_at: &Path, found: &Path) -> Answer {
    let stat = match statvfs(machine.here(found)) {
        Ok(stat) => stat,
        Err(error) => return Answer::unknown(format!("{}: {}", looked_at.display(), io::Error::from(error))),
    };
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let answer = judge(
        &looked_at.display().to_string(),
        Room {
            used: bytes(stat.f_blocks.saturating_sub(stat.f_bfree)),
            free: bytes(stat.f_bavail),
            files: stat.f_files,
            free_files: stat.f_favail,
            read_only: stat.f_flag.contains(StatVfsMountFlags::RDONLY),
        },
    );
    match looked_at == directory {
        true => answer,
        false => answer.and(format!("{} itself does not exist", directory.display())),
    }
}

fn judge(shown: &str, room: Room) -> Answer {
    if room.read_only {
        return Answer::fault(format!("{shown}: mounted read-only, nothing can be written"));
    }
    if room.used.saturating_add(room.free) == 0 {
        return Answer::unknown(format!("{shown}: its file system tells no size"));
    }
    let percent = percent(room);
    let text = format!("{shown}: {percent} % used, {} free of {}", size(room.free), size(room.used + room.free));
    // Not every file system counts files.
    if room.files > 0 && room.free_files == 0 {
        return Answer::fault(text).and(format!("no file can be made: all {} are in use", room.files));
    }
    if percent >= 100 { Answer::fault(text) } else { Answer::ok(text) }
}

/// As `df` counts: of what may be used, rounded up.
fn percent(room: Room) -> u64 {
    let all = u128::from(room.used) + u128::from(room.free);
    let percent = (u128::from(room.used) * 100).div_ceil(all.max(1));
    u64::try_from(percent).unwrap_or(100)
}

/// With one unit, rounded down, which is what one can rely on.
fn size(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((name, shift)) => format!("{}.{} {name}", bytes >> shift, (bytes >> (shift - 10) & 1023) * 10 / 1024),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Verdict;

    #[test]
    fn full_is_what_df_calls_100_percent() {
        let gib = 1 << 30;
        let room = |used: u64, free: u64| Room { used, free, files: 10, free_files: 5, read_only: false };
        for (room, verdict, evidence) in [
            (room(20 * gib, 0), Verdict::Fault, "/x: 100 % used, 0 B free of 20.0 GiB"),
            (room(1000 * gib, gib), Verdict::Fault, "/x: 100 % used, 1.0 GiB free of 1001.0 GiB"),
            (room(99 * gib, gib), Verdict::Ok, "/x: 99 % used, 1.0 GiB free of 100.0 GiB"),
            (room(0, 3 << 19), Verdict::Ok, "/x: 0 % used, 1.5 MiB free of 1.5 MiB"),
            (room(0, 0), Verdict::Unknown, "/x: its file system tells no size"),
            (
                Room { read_only: true, ..room(gib, gib) },
                Verdict::Fault,
                "/x: mounted read-only, nothing can be written",
            ),
        ] {
            let answer = judge("/x", room);
            assert_eq!((answer.verdict, answer.evidence[0].as_str()), (verdict, evidence));
        }
        let no_files = judge("/x", Room { free_files: 0, ..room(gib, gib) });
        assert_eq!((no_files.verdict, no_files.evidence.len()), (Verdict::Fault, 2));
        assert_eq!(judge("/x", Room { files: 0, free_files: 0, ..room(gib, gib) }).verdict, Verdict::Ok);
    }
}
