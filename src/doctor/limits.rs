//! What the kernel allows: watches, and open files.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use super::logs::Tree;

const INOTIFY: &str = "/proc/sys/fs/inotify";

/// Descriptors for everything that is no log: the state, sinks, standard streams.
const SPARE: u64 = 64;

pub fn examine(tree: &Tree, found: &mut Vec<Finding>) {
    let setting =
        |name: &str| -> Option<u64> { fs::read_to_string(format!("{INOTIFY}/{name}")).ok()?.trim().parse().ok() };
    let (watches, instances) = (setting("max_user_watches"), setting("max_user_instances"));
    found.push(judge_watches(tree.directories as u64, watches));
    found.push(judge_instances(instances_in_use(), instances));
    // The soft limit is raised to the hard one.
    found.push(judge_files(tree.live as u64 + tree.directories as u64, getrlimit(Resource::Nofile).maximum));
}

fn judge_watches(directories: u64, most: Option<u64>) -> Finding {
    let subject = "fs.inotify.max_user_watches";
    match most {
        None => Finding::note("watches", subject, "cannot be read; changes are found by looking, every 5 s if idle"),
        // Others of the same user watch, too.
        Some(most) if directories.saturating_mul(2) > most => {
            let wanted = directories.saturating_mul(4).max(8192);
            Finding::mend(
                "watches",
                subject,
                format!("{directories} directories to watch, and {most} allowed to a user"),
            )
            .remedy(format!("sysctl -w {subject}={wanted}, and the same line in /etc/sysctl.d/tocsin.conf"))
        }
        Some(most) => Finding::ok("watches", subject, format!("{directories} directories to watch, {most} allowed")),
    }
}

fn judge_instances(used: u64, most: Option<u64>) -> Finding {
    let subject = "fs.inotify.max_user_instances";
    match most {
        None => Finding::note("watches", subject, "cannot be read"),
        Some(most) if used >= most => {
            Finding::mend("watches", subject, format!("{used} in use of {most}: none is left for a watch")).remedy(
                format!("sysctl -w {subject}={}, and the same line in /etc/sysctl.d/tocsin.conf", most.max(64) * 2),
            )
        }
        Some(most) => Finding::ok("watches", subject, format!("{used} in use of {most}")),
    }
}

fn judge_files(files: u64, most: Option<u64>) -> Finding {
    let needed = files + SPARE;
    match most {
        Some(most) if needed > most => {
            let found = format!("{needed} to be open, and {most} allowed: idle files will be closed and opened again");
            Finding::note("open files", "hard limit", found)
                .remedy(format!("LimitNOFILE={} in the unit, or ulimit -Hn", needed.next_power_of_two()))
        }
        Some(most) => Finding::ok("open files", "hard limit", format!("{needed} to be open, {most} allowed")),
        None => Finding::ok("open files", "hard limit", format!("{needed} to be open, no limit")),
    }
}

/// Instances that processes of this user hold, as far as they can be seen.
fn instances_in_use() -> u64 {
    let own = rustix::process::geteuid().as_raw();
    let mine = |entry: &fs::DirEntry| {
        use std::os::unix::fs::MetadataExt;
        let is_process = entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit());
        is_process && entry.metadata().is_ok_and(|m| m.uid() == own)
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().filter(mine);
    let descriptors = processes.flat_map(|p| fs::read_dir(p.path().join("fd")).into_iter().flatten().flatten());
    let inotify =
        |entry: &fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == "anon_inode:inotify");
    descriptors.filter(inotify).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn too_few_watches_are_to_be_mended() {
        for (directories, most, verdict) in [
            (10, Some(8192), Verdict::Ok),
            (4096, Some(8192), Verdict::Ok),
            (4097, Some(8192), Verdict::Mend),
            (10, None, Verdict::Note),
        ] {
            let finding = judge_watches(directories, most);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert_eq!(finding.remedy.is_some(), verdict == Verdict::Mend, "{finding:?}");
        }
        assert!(judge_watches(4097, Some(8192)).remedy.unwrap().contains("max_user_watches=16388"));
    }

    #[test]
    fn an_instance_must_be_left() {
        assert_eq!(judge_instances(127, Some(128)).verdict, Verdict::Ok);
        assert_eq!(judge_instances(128, Some(128)).verdict, Verdict::Mend);
        assert_eq!(judge_instances(0, None).verdict, Verdict::Note);
    }

    #[test]
    fn more_files_than_descriptors_are_no_fault() {
        assert_eq!(judge_files(100, Some(1024)).verdict, Verdict::Ok);
        assert_eq!(judge_files(100, None).verdict, Verdict::Ok);
        let finding = judge_files(1000, Some(1024));
        assert_eq!(finding.verdict, Verdict::Note);
        assert!(finding.remedy.unwrap().contains("LimitNOFILE=2048"));
    }
}
