//! A workload as files, and what was found in them held against the truth.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::workload::Spec;

/// Writes `node-N/bench/app.log` with its rolled archives, `patterns.toml` and `truth.tsv`. Gives the logs' bytes, unpacked.
pub fn write(directory: &Path, spec: &Spec, rotate: usize, gz: bool) -> io::Result<u64> {
    let logs: io::Result<Vec<Rolling>> =
        (0..spec.nodes).map(|node| Rolling::new(directory.join(format!("node-{node}/bench")))).collect();
    let (mut logs, mut bytes) = (logs?, 0);
    let truth = spec.write(|node, line| {
        bytes += line.len() as u64;
        logs[node].write(line, rotate, gz)
    })?;
    logs.iter_mut().try_for_each(|log| log.file.flush())?;
    fs::write(directory.join("patterns.toml"), spec.patterns_toml())?;
    let lines =
        truth.iter().map(|(alarm, node, key, event, time)| format!("{alarm}\t{node}\t{key}\t{event}\t{time}\n"));
    fs::write(directory.join("truth.tsv"), lines.collect::<String>())?;
    Ok(bytes)
}

/// A log that is rolled when it is large.
struct Rolling {
    directory: PathBuf,
    file: BufWriter<File>,
    size: usize,
    rolled: i64,
}

impl Rolling {
    fn new(directory: PathBuf) -> io::Result<Rolling> {
        fs::create_dir_all(&directory)?;
        let file = BufWriter::new(File::create(directory.join("app.log"))?);
        Ok(Rolling { directory, file, size: 0, rolled: 0 })
    }

    fn write(&mut self, line: &[u8], rotate: usize, gz: bool) -> io::Result<()> {
        if self.size + line.len() > rotate {
            self.file.flush()?;
            self.rolled += 1;
            let stamp = DateTime::from_timestamp(1_616_414_400 + 60 * self.rolled, 0).unwrap_or_default();
            let name = stamp.format("app.log.%Y-%m-%d_%H-%M-%S").to_string();
            let (live, old) = (self.directory.join("app.log"), self.directory.join(&name));
            fs::rename(&live, &old)?;
            if gz {
                let packed = File::create(self.directory.join(name + ".gz"))?;
                let mut encoder = GzEncoder::new(packed, Compression::new(6));
                io::copy(&mut File::open(&old)?, &mut encoder)?;
                encoder.finish()?;
                fs::remove_file(&old)?;
            }
            self.file = BufWriter::new(File::create(live)?);
            self.size = 0;
        }
        self.size += line.len();
        self.file.write_all(line)
    }
}

/// How much of the truth was found.
pub struct Verdict {
    pub found: i64,
    pub all: i64,
    /// What was found and is not true.
    pub extra: i64,
}

impl Verdict {
    /// Of lines as `truth.tsv` has them.
    pub fn of(directory: &Path, lines: impl Iterator<Item = String>) -> io::Result<Verdict> {
        let mut missing: BTreeMap<String, i64> = BTreeMap::new();
        for line in fs::read_to_string(directory.join("truth.tsv"))?.lines() {
            *missing.entry(line.to_owned()).or_default() += 1;
        }
        let (all, mut extra) = (missing.values().sum::<i64>(), 0);
        for line in lines {
            match missing.get_mut(&line) {
                Some(left) if *left > 0 => *left -= 1,
                _ => extra += 1,
            }
        }
        Ok(Verdict { found: all - missing.values().sum::<i64>(), all, extra })
    }

    pub fn is_exact(&self) -> bool {
        self.found == self.all && self.extra == 0
    }
}

/// A record of tocsin as a line of `truth.tsv`.
pub fn told(record: &str) -> io::Result<String> {
    let record: serde_json::Value = serde_json::from_str(record)?;
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let key = text("key").rsplit_once("|key=").map(|(_, key)| key.to_owned()).unwrap_or_default();
    let time = text("time").get(..23).unwrap_or_default().replace('T', " ").replace('.', ",");
    Ok([text("alarm"), text("node"), key, text("event"), time].join("\t"))
}
