//! How soon the real `tocsin watch` says what was appended to a log, and what it costs while it waits.
//!
//!     cargo bench --bench live [-- CASE…] [--seconds 10] [--rate 10000] [--program PATH]…
//!
//! Cases are `start` (10,000 logs in one directory until all are read), `latency` (1, 100 and 1,000 logs, an alarm of a
//! single family and one that is held for others, the state on disk and in memory), `idle` (1,000 logs, a minute) and
//! `memory` (a million lines); all of them, if none is named. With several programs each case is run with each, one
//! after the other, to be compared in one run. `--files N` asks for one number of logs.

mod site;
mod writer;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use site::{Kind, Setup, Site, State};
use writer::Writer;

const CASES: [&str; 4] = ["start", "latency", "idle", "memory"];

/// Lines of the case `memory`.
const MILLION: u64 = 1_000_000;

struct Asked {
    cases: Vec<String>,
    seconds: u64,
    rate: u64,
    files: Option<usize>,
    programs: Vec<PathBuf>,
}

impl Asked {
    fn parse() -> Asked {
        let mut asked = Asked { cases: Vec::new(), seconds: 10, rate: 10_000, files: None, programs: Vec::new() };
        let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument}: a value is missing"));
            let number = |text: String| text.parse().unwrap_or_else(|_| panic!("{text}: no number"));
            match &*argument {
                "--seconds" => asked.seconds = number(value()),
                "--rate" => asked.rate = number(value()),
                "--files" => asked.files = Some(number(value()) as usize),
                "--program" => asked.programs.push(value().into()),
                case => asked.cases.push(case.to_owned()),
            }
        }
        if asked.programs.is_empty() {
            asked.programs.push(env!("CARGO_BIN_EXE_tocsin").into());
        }
        asked
    }

    fn wants(&self, case: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|asked| asked == case)
    }

    fn files(&self, usual: &[usize]) -> Vec<usize> {
        self.files.map_or_else(|| usual.to_vec(), |files| vec![files])
    }
}

fn main() {
    let asked = Asked::parse();
    if let Some(unknown) = asked.cases.iter().find(|case| !CASES.contains(&case.as_str())) {
        panic!("{unknown}: the cases are {}", CASES.join(", "));
    }
    println!("load {}", load());
    for program in &asked.programs {
        println!("{}", program.display());
        let cases: [fn(&Asked, &PathBuf); 4] = [start, latency, idle, memory];
        for (name, case) in CASES.iter().zip(cases) {
            if asked.wants(name) {
                case(&asked, program);
            }
        }
    }
    println!("load {}", load());
}

/// How busy the machine is, so that whoever reads the figures knows.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn start(asked: &Asked, program: &PathBuf) {
    for files in asked.files(&[1000, 10_000]) {
        let site = Site::new(Setup { program, files, kind: Kind::Single, state: State::Memory });
        let begun = Instant::now();
        let watch = site.watch();
        watch.until_begun(files);
        println!(
            "start    {files:>6} logs: all read after {:.2} s, CPU {:.2} s",
            begun.elapsed().as_secs_f64(),
            watch.cpu().as_secs_f64()
        );
    }
}

fn latency(asked: &Asked, program: &PathBuf) {
    for files in asked.files(&[1, 100, 1000]) {
        for (kind, state) in [(Kind::Single, State::Disk), (Kind::Single, State::Memory), (Kind::Held, State::Memory)] {
            let site = Site::new(Setup { program, files, kind, state });
            let mut watch = site.watch();
            watch.until_begun(files);
            let mut writer = Writer::new(&site);
            let (before, begun) = (watch.cpu(), Instant::now());
            writer.write_for(Duration::from_secs(asked.seconds), asked.rate);
            let share = (watch.cpu() - before).as_secs_f64() / begun.elapsed().as_secs_f64();
            let mut took = watch.delays(writer.probes());
            took.sort_unstable();
            let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
            println!(
                "latency  {files:>6} logs, {kind}, state {state}, {} lines/s: median {:.2} ms, p99 {:.2} ms, worst {:.2} ms \
                 of {} records; CPU {:.0} %",
                writer.rate(),
                at(0.5),
                at(0.99),
                at(1.0),
                took.len(),
                share * 100.0
            );
        }
    }
}

fn idle(asked: &Asked, program: &PathBuf) {
    const MINUTE: Duration = Duration::from_secs(60);
    for files in asked.files(&[1000]) {
        let site = Site::new(Setup { program, files, kind: Kind::Single, state: State::Memory });
        let watch = site.watch();
        watch.until_begun(files);
        // What was hot is left to the wake-up, and what was found is committed.
        std::thread::sleep(MINUTE);
        let (before, begun) = (watch.cpu(), Instant::now());
        std::thread::sleep(MINUTE);
        let cpu = watch.cpu() - before;
        println!(
            "idle     {files:>6} logs: CPU {:.2} s in {:.0} s, {:.2} %, memory {} MiB",
            cpu.as_secs_f64(),
            begun.elapsed().as_secs_f64(),
            cpu.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0,
            watch.memory("VmRSS:")
        );
    }
}

fn memory(asked: &Asked, program: &PathBuf) {
    for files in asked.files(&[100]) {
        let site = Site::new(Setup { program, files, kind: Kind::Single, state: State::Memory });
        let mut watch = site.watch();
        watch.until_begun(files);
        let mut writer = Writer::new(&site);
        let mut words = format!("{} MiB at the start", watch.memory("VmRSS:"));
        for tenths in [1, 5, 10] {
            writer.write_until(MILLION * tenths / 10, asked.rate * 5);
            watch.delays(writer.probes());
            words += &format!(", {} after {}", watch.memory("VmRSS:"), MILLION * tenths / 10);
        }
        println!("memory   {files:>6} logs: {words} lines; at most {}", watch.memory("VmHWM:"));
    }
}
