//! Writes a workload, or compares what was found in one with the truth.
//!
//!     cargo bench --bench generate -- DIR [--mb 100] [--density 0.001] [--patterns 12] [--nodes 1] [--keys 100]
//!                                         [--seed 7] [--rotate-mb 20] [--gz]
//!     tocsin replay --no-default-patterns --patterns DIR/patterns.toml --tz UTC DIR > OUT
//!     cargo bench --bench generate -- DIR --check OUT
//!
//! DIR gets `node-N/bench/app.log` with its rolled archives, `patterns.toml` and `truth.tsv`.

#[path = "workload/files.rs"]
mod files;
mod workload;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use files::Verdict;
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
    files::write(directory, &spec, rotate, gz).map(|_| ())
}

/// Counts what was found, missed and found without being there.
fn compare(directory: &Path, out: &Path) -> io::Result<bool> {
    let told: io::Result<Vec<String>> = fs::read_to_string(out)?.lines().map(files::told).collect();
    let verdict = Verdict::of(directory, told?.into_iter())?;
    println!("found {} of {}, extra {}", verdict.found, verdict.all, verdict.extra);
    Ok(verdict.is_exact())
}
