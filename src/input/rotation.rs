//! Names of rolled files: which live file they were, and which of them is older.
//!
//! Every logging library rolls its own way. What is stripped here is what their documentation and recorded sets show;
//! a number alone (`x-1.log`) is taken for a roll only where the file is compressed, because hosts and processes are
//! numbered too, and never where a start script has put the host's name at the end: `gzip` in a directory of many hosts'
//! logs must not make one family of them.

use std::sync::LazyLock;

use regex::Regex;

/// A name taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rolled {
    /// The name of the live file.
    pub live: String,
    /// Greater is newer, as far as the name tells; the live file is the newest.
    pub rank: Vec<i64>,
}

/// The extensions of what we can read.
const COMPRESSED: [&str; 5] = [".gz", ".zip", ".zst", ".tgz", ".tar"];

enum Counts {
    Up,
    Down,
}

struct Scheme {
    regex: Regex,
    counts: Counts,
    /// Nothing but a number tells that it was rolled.
    number_alone: bool,
}

/// What is left of a daemon's name without a number at its end: product, user, process, perhaps a number, and the host,
/// of whose name or address that number was the last part.
static DAEMON: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(?:flink|zookeeper)(?:-[^-]+){3,}$").ok());

static SCHEMES: LazyLock<Vec<Scheme>> = LazyLock::new(|| {
    let date = r"(?<date>\d{4}-?\d\d-?\d\d(?:[_T-]\d\d[-:_]?\d\d(?:[-:_]?\d\d)?)?)";
    [
        // ha.log.2021-03-22_12-00-07, x.log.2026-11-20-10, x.log-20210322, x.log.2021-03-22.1
        (format!(r"^(?<stem>.+\.(?:log|out))[.-]{date}(?:[.-](?<n>\d+))?$"), Counts::Up, false),
        // x.log.1: the newest is 1
        (r"^(?<stem>.+\.(?:log|out))\.(?<n>\d{1,5})$".to_owned(), Counts::Down, false),
        // x-2026-11-20_23-44-02.[1].log
        (format!(r"^(?<stem>.+)[-_.]{date}\.\[(?<n>\d+)\](?<ext>\.(?:log|out))$"), Counts::Up, false),
        // flinkserver_20210322-1.log, x-2021-03-22.log
        (format!(r"^(?<stem>.+?)[-_.]{date}(?:[-_.](?<n>\d+))?(?<ext>\.(?:log|out))$"), Counts::Up, false),
        // x-1.log.gz: the newest is 1
        (r"^(?<stem>.+)[-.](?<n>\d{1,4})(?<ext>\.(?:log|out))$".to_owned(), Counts::Down, true),
    ]
    .into_iter()
    .filter_map(|(regex, counts, number_alone)| Some(Scheme { regex: Regex::new(&regex).ok()?, counts, number_alone }))
    .collect()
});

/// Takes the last component of a path apart.
pub fn rolled(name: &str) -> Rolled {
    let plain = COMPRESSED.iter().find_map(|ext| name.strip_suffix(ext));
    let (name, compressed) = (plain.unwrap_or(name), plain.is_some());
    for scheme in SCHEMES.iter().filter(|s| compressed || !s.number_alone) {
        if let Some(found) = scheme.regex.captures(name) {
            let part = |group: &str| found.name(group).map_or("", |m| m.as_str());
            if scheme.number_alone && DAEMON.as_ref().is_some_and(|daemon| daemon.is_match(part("stem"))) {
                continue;
            }
            let digits: String = part("date").chars().filter(char::is_ascii_digit).collect();
            // Dates with and without a time of day are compared by what both have.
            let date: i64 = format!("{digits:0<14}").parse().unwrap_or(0);
            let n: i64 = part("n").parse().unwrap_or(0);
            let n = if matches!(scheme.counts, Counts::Up) { n } else { -n };
            return Rolled { live: format!("{}{}", part("stem"), part("ext")), rank: vec![date, n] };
        }
    }
    let rank = if compressed { vec![0, 0] } else { vec![i64::MAX, 0] };
    Rolled { live: name.to_owned(), rank }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rolled_name_tells_the_live_one() {
        for (name, live) in [
            ("ha.log", "ha.log"),
            ("ha.log.2021-03-22_12-00-07.gz", "ha.log"),
            ("zookeeper.log.2026-11-20-10.gz", "zookeeper.log"),
            ("zookeeper-1.log.gz", "zookeeper.log"),
            ("zookeeper-2026-11-20_23-44-02.[1].log.zip", "zookeeper.log"),
            ("flinkserver_20210322-3.log.gz", "flinkserver.log"),
            ("zookeeper.log.1", "zookeeper.log"),
            ("zookeeper.log.12.gz", "zookeeper.log"),
            ("prestart.log-20210322", "prestart.log"),
            // the last number is part of a host's name
            ("zookeeper-omm-quorumpeer-node-1.log", "zookeeper-omm-quorumpeer-node-1.log"),
            ("zookeeper-omm-quorumpeer-node-1.log.2021-03-22-4.gz", "zookeeper-omm-quorumpeer-node-1.log"),
            ("zookeeper-omm-quorumpeer-node-1.log.gz", "zookeeper-omm-quorumpeer-node-1.log"),
            ("zookeeper-omm-quorumpeer-node-1.log.3.gz", "zookeeper-omm-quorumpeer-node-1.log"),
            ("zookeeper-root-server-10.0.0.7.out.zip", "zookeeper-root-server-10.0.0.7.out"),
            ("flink-omm-standalonesession-0-node-2.log.gz", "flink-omm-standalonesession-0-node-2.log"),
            ("flink-omm-client-node-2.log.gz", "flink-omm-client-node-2.log"),
            ("flink-jm1.log", "flink-jm1.log"),
            ("flink-jm1-6.log.gz", "flink-jm1.log"),
            ("notes.txt", "notes.txt"),
        ] {
            assert_eq!(rolled(name).live, live, "{name}");
        }
    }

    #[test]
    fn names_tell_the_newer_of_two() {
        for (older, newer) in [
            ("x.log.2026-11-20-2.gz", "x.log.2026-11-20-10.gz"),
            ("x-2.log.gz", "x-1.log.gz"),
            ("x.log.2", "x.log.1"),
            ("x-2026-11-20_23-44-44.[1].log.zip", "x-2026-11-20_23-44-44.[2].log.zip"),
            ("x.log.2026-11-20-2.gz", "x.log"),
            ("x-1.log.gz", "x.log"),
        ] {
            assert!(rolled(older).rank < rolled(newer).rank, "{older} {newer}");
        }
    }
}
