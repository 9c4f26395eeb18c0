//! Writes a workload, or compares what was found in one with the truth.
//!
//!     cargo bench --bench generate -- DIR [--mb 100] [--density 0.001] [--patterns 12] [--nodes 1] [--keys 100]
//!                                         [--seed 7] [--rotate-mb 20] [--gz]
//!     tocsin replay --no-default-patterns --patterns DIR/patterns.toml --tz UTC DIR > OUT
//!     cargo bench --bench generate -- DIR --check OUT
//!
//! DIR gets `node-N/bench/app.log` with its rolled archives, `patterns.toml` and `truth.tsv`.

mod workload;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::DateTime;
use flate2::Compression;
use flate2::write::GzEncoder;

use workload::Spec;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let Some((directory, options)) = arguments.split_first() else {
        eprintln!(
            "usage: generate DIR [--mb N] [--density X] [--patterns N] [--nodes N] [--keys N] [--seed N] [--rotate-mb N] [--gz] | DIR --check OUT"
        );
        return ExitCode::SUCCESS; // `cargo bench` runs every benchmark, this one too.
    };
    let directory = Path::new(directory);
    let done = match options {
        [check, out] if check == "--check" => compare(directory, Path::new(out)),
        options => generate(directory, options).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn generate(directory: &Path, options: &[String]) -> io::Result<()> {
    let value = |name: &str| options.iter().position(|o| o == name).and_then(|at| options.get(at + 1));
    let number = |name: &str, default: f64| {
        value(name).map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name}: no number")))
    };
    let spec = Spec {
        bytes: (number("--mb", 100.0) * 1e6) as usize,
        density: number("--density", 0.001),
        patterns: number("--patterns", 12.0) as usize,
        nodes: (number("--nodes", 1.0) as usize).max(1),
        keys: number("--keys", 100.0) as usize,
        seed: number("--seed", 7.0) as u64,
    };
    let rotate = (number("--rotate-mb", 20.0) * 1e6) as usize;
    let gz = options.iter().any(|o| o == "--gz");
    let logs: io::Result<Vec<Rolling>> =
        (0..spec.nodes).map(|node| Rolling::new(directory.join(format!("node-{node}/bench")))).collect();
    let mut logs = logs?;
    let truth = spec.write(|node, line| logs[node].write(line, rotate, gz))?;
    logs.iter_mut().try_for_each(|log| log.file.flush())?;
    fs::write(directory.join("patterns.toml"), spec.patterns_toml())?;
    let lines =
        truth.iter().map(|(alarm, node, key, event, time)| format!("{alarm}\t{node}\t{key}\t{event}\t{time}\n"));
    fs::write(directory.join("truth.tsv"), lines.collect::<String>())
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

/// Counts what was found, missed and found without being there.
fn compare(directory: &Path, out: &Path) -> io::Result<bool> {
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for line in fs::read_to_string(directory.join("truth.tsv"))?.lines() {
        *expected.entry(line.to_owned()).or_default() += 1;
    }
    let (all, mut extra) = (expected.values().sum::<i64>(), 0);
    for line in fs::read_to_string(out)?.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let key = text("key").rsplit_once("|key=").map(|(_, key)| key.to_owned()).unwrap_or_default();
        let time = text("time").get(..23).unwrap_or_default().replace('T', " ").replace('.', ",");
        let found = [text("alarm"), text("node"), key, text("event"), time].join("\t");
        match expected.get_mut(&found) {
            Some(left) if *left > 0 => *left -= 1,
            _ => extra += 1,
        }
    }
    let missed = expected.values().sum::<i64>();
    println!("found {} of {all}, extra {extra}", all - missed);
    Ok(missed == 0 && extra == 0)
}
