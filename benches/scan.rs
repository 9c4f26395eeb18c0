//! How fast the parts of the hot path are: `cargo bench --bench scan [-- FILTER]`.
//!
//! With `--regexes FILE LOG...` instead: one core, each line of FILE a signal, these plain logs; to be compared with
//! `rg -j1 -c -f FILE LOG...`.

mod workload;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tocsin::pattern::diagnostic::Source;
use tocsin::pattern::layout::Layout;
use tocsin::pattern::{Log, Patterns, Zone, builtin, compile};
use tocsin::scan::{Lookahead, Scanner, Seen, naive};

use workload::Spec;

const BLOCK: usize = 256 << 10;

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if arguments.first().is_some_and(|a| a == "--regexes") {
        let files = arguments.split_off(2);
        return of_regexes(&arguments[1], &files);
    }
    let filter = arguments.pop().unwrap_or_default();
    scans(&filter);
    layouts(&filter);
}

fn patterns(text: String) -> Patterns {
    let source = Source { name: "bench".into(), text, builtin: false };
    let compiled = compile(&[source]);
    compiled.patterns.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
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
        let compiled = compile(&builtin::builtin());
        let patterns = compiled.patterns.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
        compare("default set", &patterns, "ha-flinkserver", &text(&Spec::default()));
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
    let took = best(|| {
        let mut out = Vec::new();
        let mut scanner =
            Scanner::new(patterns, the_log(patterns, log), Arc::from("bench"), Zone::UTC, Lookahead::File);
        text.chunks(BLOCK).for_each(|block| scanner.feed(block, &mut out));
        black_box(scanner.finish(&mut out));
        hits = out.iter().filter(|seen| matches!(seen, Seen::Hit(_))).count();
    });
    (took, hits)
}

fn by_line(patterns: &Patterns, log: &str, text: &[u8]) -> Duration {
    best(|| {
        let mut out = Vec::new();
        let mut scanner =
            naive::Scanner::new(patterns, the_log(patterns, log), Arc::from("bench"), Zone::UTC, Lookahead::File);
        text.chunks(BLOCK).for_each(|block| scanner.feed(block, &mut out));
        black_box(scanner.finish(&mut out));
    })
}

fn layouts(filter: &str) {
    let flink = Layout::from_conversion("%d{yyyy-MM-dd HH:mm:ss,SSS} | %-5p | [%t] | %m | %C (%F:%L)");
    let ha = r"\[(?<time>[^\]]+)\]\[\d+\]\[\d+\]\[ *(?<level>[A-Za-z]+) *\]\[(?<message>.*?)(?:\]\[[^\]\[]*\]\[[^\]\[]*,\d+\]\[[^\]\[]*,\d+,\d+\])?$";
    let ha = Layout::from_regex(ha, "yyyy-MM-dd HH:mm:ss,SSS");
    let lines: [&[u8]; 2] = [
        b"2021-03-22 14:03:35,344 | INFO  | [flink-akka.actor.default-dispatcher-2] | Heartbeat of TaskManager with id 17 timed out. | org.apache.flink.X (X.java:12)",
        b"[2021-03-22 13:21:15,024][10200357373][0][  INFO][arp request for 10.0.0.248 sent, seq 26422.][HA][arb_net.c:__ARB_SendArp,97][ha.bin,26572,37]",
    ];
    for (name, layout, line) in [("flink", flink.ok(), lines[0]), ("ha", ha.ok(), lines[1])] {
        let Some(layout) = layout.filter(|_| "layouts".contains(filter)) else { continue };
        for (what, run) in [
            ("is_head", (|l, t| _ = black_box(l.is_head(t))) as fn(&Layout, &[u8])),
            ("stamp", |l, t| _ = black_box(l.stamp(t))),
            ("parse", |l, t| _ = black_box(l.parse(t))),
        ] {
            let took = best(|| (0..100_000).for_each(|_| run(&layout, black_box(line))));
            println!("layout {name:<9} {what:<8} {:>6.0} ns", took.as_secs_f64() * 1e4);
        }
    }
}

/// The shortest of several runs: what the code costs when nothing else runs.
fn best(mut run: impl FnMut()) -> Duration {
    let begun = Instant::now();
    let mut best = Duration::MAX;
    for number in 0.. {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed());
        if number >= 2 && begun.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    best
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
