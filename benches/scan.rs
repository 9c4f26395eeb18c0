//! How fast a log is scanned: `cargo bench --bench scan [-- FILTER]`.
//!
//! With `--regexes FILE LOG...` instead: one core, each line of FILE a signal, these plain logs; to be compared with
//! `rg -j1 -c -f FILE LOG...`.

mod harness;
mod workload;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use tocsin::pattern::{Log, Patterns, Zone, builtin, compile};
use tocsin::scan::{Lookahead, Scanner, Seen, naive};

use workload::Spec;

const BLOCK: usize = 256 << 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.as_slice() {
        [option, regexes, files @ ..] if option == "--regexes" => of_regexes(regexes, files),
        _ => scans(&harness::filter()),
    }
}

fn patterns(text: String) -> Patterns {
    text.parse().unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// All logs of a workload as one.
fn text(spec: &Spec) -> Vec<u8> {
    let mut text = Vec::with_capacity(spec.bytes + (1 << 20));
    let done: Result<_, std::convert::Infallible> = spec.write(|_, line| {
        text.extend_from_slice(line);
        Ok(())
    });
    done.map(|_| text).unwrap_or_default()
}

fn scans(filter: &str) {
    for (name, spec) in [
        ("12 patterns", Spec::default()),
        ("50 patterns", Spec { patterns: 50, ..Spec::default() }),
        ("200 patterns", Spec { patterns: 200, ..Spec::default() }),
        ("1 % hits", Spec { density: 0.01, ..Spec::default() }),
        ("5 % hits", Spec { density: 0.05, ..Spec::default() }),
        ("15 % hits", Spec { density: 0.15, ..Spec::default() }),
    ] {
        if name.contains(filter) || filter == "scan" {
            compare(name, &patterns(spec.patterns_toml()), "bench", &text(&spec));
        }
    }
    if "default set".contains(filter) || filter == "scan" {
        let built_in = compile(&builtin::builtin()).patterns.expect("the built-in patterns compile");
        compare("default set", &built_in, "ha-flinkserver", &text(&Spec::default()));
    }
}

fn compare(name: &str, patterns: &Patterns, log: &str, text: &[u8]) {
    let (blocks, hits) = by_block(patterns, log, text);
    let part = &text[..text.len().min(8 << 20)];
    let lines = by_line(patterns, log, part);
    let (blocks, lines) = (speed(text.len(), blocks), speed(part.len(), lines));
    println!("{name:<16} {blocks:>8.0} MB/s  ({hits} hits; line by line {lines:.0} MB/s)");
}

fn speed(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / took.as_secs_f64() / 1e6
}

fn the_log<'p>(patterns: &'p Patterns, name: &str) -> &'p Log {
    patterns.log(patterns.log_named(name).unwrap_or_else(|| panic!("no log {name}")))
}

fn by_block(patterns: &Patterns, log: &str, text: &[u8]) -> (Duration, usize) {
    let mut hits = 0;
    let took = harness::best_with(
        || (),
        |()| {
            let mut out = Vec::new();
            let mut scanner =
                Scanner::new(patterns, the_log(patterns, log), Arc::from("bench"), Zone::UTC, Lookahead::File);
            text.chunks(BLOCK).for_each(|block| scanner.feed(block, &mut out));
            black_box(scanner.finish(&mut out));
            hits = out.iter().filter(|seen| matches!(seen, Seen::Hit(_))).count();
        },
    );
    (took, hits)
}

fn by_line(patterns: &Patterns, log: &str, text: &[u8]) -> Duration {
    harness::best_with(
        || (),
        |()| {
            let mut out = Vec::new();
            let mut scanner =
                naive::Scanner::new(patterns, the_log(patterns, log), Arc::from("bench"), Zone::UTC, Lookahead::File);
            text.chunks(BLOCK).for_each(|block| scanner.feed(block, &mut out));
            black_box(scanner.finish(&mut out));
        },
    )
}

fn of_regexes(regexes: &str, files: &[String]) {
    let read = |path: &str| std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let regexes = String::from_utf8_lossy(&read(regexes)).into_owned();
    let mut text = Spec { patterns: 0, ..Spec::default() }.patterns_toml();
    for (number, regex) in regexes.lines().enumerate() {
        text += &format!("[signal.s{number}]\nlog = 'bench'\nprovenance = 'assumed'\nmatch = '''{regex}'''\n");
    }
    let data = files.iter().map(|file| read(file)).collect::<Vec<_>>().concat();
    let patterns = patterns(text);
    let (took, hits) = by_block(&patterns, "bench", &data);
    println!("{:.0} MB/s, {hits} hits", speed(data.len(), took));
}
