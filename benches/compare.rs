//! tocsin beside the tools that one would use instead, on the same logs, whose truth is known.
//!
//!     benches/compare --mb 1000 --sets plain,gz --rounds 5 [--patterns 12] [--density 0.001] [--only NAME,NAME]
//!                     [--dir DIR] [--tocsin PATH]
//!
//! Makes the logs (in DIR, where they are found again, else in a temporary directory), runs all that this machine has
//! in turn, and prints a table. Our transitions must be the truth to the last one, or this fails. What a tool gives is
//! said in the table: alarms (raised and cleared, with their times), the lines of interest, or nothing but the bytes.

#[path = "workload/files.rs"]
mod files;
mod workload;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use files::Verdict;
use workload::Spec;

/// What a program gives for its time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    Records,
    /// Lines as `truth.tsv` has them.
    Alarms,
    Lines,
    Nothing,
}

/// A program and how it is called: by `sh`, in the directory of the logs, with these as arguments, oldest first.
struct Peer {
    name: &'static str,
    /// Programs that it needs.
    needs: &'static [&'static str],
    gives: Gives,
    /// Not for this set if there is none.
    plain: Option<&'static str>,
    gz: Option<&'static str>,
}

const fn peer(
    name: &'static str,
    needs: &'static [&'static str],
    gives: Gives,
    plain: Option<&'static str>,
    gz: Option<&'static str>,
) -> Peer {
    Peer { name, needs, gives, plain, gz }
}

const TOCSIN: &str =
    r#""$TOCSIN" replay --no-default-patterns --patterns "$DATA/patterns.toml" --tz UTC --quiet "$DATA""#;
const TOCSIN_1: &str =
    r#""$TOCSIN" replay --no-default-patterns --patterns "$DATA/patterns.toml" --tz UTC --quiet --jobs 1 "$DATA""#;
const RG_AWK: &str = r#"rg -zIN -e "$RE" "$@" | sort | awk -f "$RULES""#;
const RG: &str = r#"rg -zIN -e "$RE" "$@""#;
const RG_1: &str = r#"rg -j1 -zIN -e "$RE" "$@""#;
const RG_COUNT: &str = r#"rg -zc -e "$RE" "$@""#;
const GZIP_2: &str = r#"printf '%s\n' "$@" | xargs -P2 -n8 gzip -dcf"#;
// These take nothing that is not packed, as the newest file is.
const IGZIP: &str = r#"for f in "$@"; do case $f in *.gz) igzip -dc "$f" ;; *) cat "$f" ;; esac; done"#;
const IGZIP_RG: &str =
    r#"for f in "$@"; do case $f in *.gz) igzip -dc "$f" ;; *) cat "$f" ;; esac; done | rg -N -e "$RE""#;
const RAPIDGZIP: &str = r#"for f in "$@"; do case $f in *.gz) rapidgzip -dc "$f" ;; *) cat "$f" ;; esac; done"#;

const PEERS: [Peer; 20] = [
    peer("tocsin", &[], Gives::Records, Some(TOCSIN), Some(TOCSIN)),
    peer("tocsin --jobs 1", &[], Gives::Records, Some(TOCSIN_1), Some(TOCSIN_1)),
    peer("rg + sort + awk", &["rg", "sort", "awk"], Gives::Alarms, Some(RG_AWK), Some(RG_AWK)),
    peer(
        "grep + awk",
        &["grep", "gzip", "awk"],
        Gives::Alarms,
        Some(r#"cat "$@" | grep -E "$RE" | awk -f "$RULES""#),
        Some(r#"gzip -dcf "$@" | grep -E "$RE" | awk -f "$RULES""#),
    ),
    peer("rg", &["rg"], Gives::Lines, Some(RG), Some(RG)),
    peer("rg -j1", &["rg"], Gives::Lines, Some(RG_1), Some(RG_1)),
    peer("rg -c", &["rg"], Gives::Nothing, Some(RG_COUNT), Some(RG_COUNT)),
    peer(
        "grep",
        &["grep", "gzip"],
        Gives::Lines,
        Some(r#"cat "$@" | grep -E "$RE""#),
        Some(r#"gzip -dcf "$@" | grep -E "$RE""#),
    ),
    peer("zgrep", &["zgrep"], Gives::Lines, None, Some(r#"zgrep -hE "$RE" "$@""#)),
    peer("ugrep", &["ugrep"], Gives::Lines, Some(r#"ugrep -zhE "$RE" "$@""#), Some(r#"ugrep -zhE "$RE" "$@""#)),
    // Physical limits.
    peer("cat", &["cat"], Gives::Nothing, Some(r#"cat "$@" | cat"#), None),
    peer("wc -l", &["wc"], Gives::Nothing, Some(r#"wc -l "$@""#), None),
    peer("gzip -dc", &["gzip"], Gives::Nothing, None, Some(r#"gzip -dcf "$@""#)),
    peer("gzip -dc, two at a time", &["gzip", "xargs"], Gives::Nothing, None, Some(GZIP_2)),
    peer("pigz -dc", &["pigz"], Gives::Nothing, None, Some(r#"pigz -dcf "$@""#)),
    peer("libdeflate-gzip -dc", &["libdeflate-gzip"], Gives::Nothing, None, Some(r#"libdeflate-gzip -dcf "$@""#)),
    peer("igzip -dc", &["igzip"], Gives::Nothing, None, Some(IGZIP)),
    peer("igzip + rg", &["igzip", "rg"], Gives::Lines, None, Some(IGZIP_RG)),
    peer("rapidgzip -dc", &["rapidgzip"], Gives::Nothing, None, Some(RAPIDGZIP)),
    peer("zstdcat", &["zstdcat"], Gives::Nothing, None, Some(r#"zstdcat -f "$@""#)),
];

struct Options {
    spec: Spec,
    sets: Vec<String>,
    rounds: usize,
    only: Vec<String>,
    directory: Option<PathBuf>,
    tocsin: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if arguments.is_empty() {
        eprintln!("usage: compare --mb 1000 --sets plain,gz --rounds 5 (see the head of benches/compare.rs)");
        return ExitCode::SUCCESS; // `cargo bench` runs every benchmark, this one too.
    }
    match Options::read(&arguments).and_then(|options| compare(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("what tocsin found is not the truth");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn read(arguments: &[String]) -> io::Result<Options> {
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        let mut options = Options {
            spec: Spec { bytes: 1_000_000_000, ..Spec::default() },
            sets: vec!["plain".into(), "gz".into()],
            rounds: 5,
            only: Vec::new(),
            directory: None,
            tocsin: env!("CARGO_BIN_EXE_tocsin").into(),
        };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(wrong(format!("{}: a value is missing", pair[0]))) };
            let number = || value.parse::<f64>().map_err(|_| wrong(format!("{name} {value}: no number")));
            let list = || value.split(',').map(str::to_owned).collect();
            match name.as_str() {
                "--mb" => options.spec.bytes = (number()? * 1e6) as usize,
                "--patterns" => options.spec.patterns = number()? as usize,
                "--density" => options.spec.density = number()?,
                "--rounds" => options.rounds = (number()? as usize).max(1),
                "--sets" => options.sets = list(),
                "--only" => options.only = list(),
                "--dir" => options.directory = Some(value.into()),
                "--tocsin" => options.tocsin = value.into(),
                _ => return Err(wrong(format!("there is no option {name}"))),
            }
        }
        match options.sets.iter().find(|set| !["plain", "gz"].contains(&set.as_str())) {
            Some(set) => Err(wrong(format!("--sets {set}: plain or gz"))),
            None => Ok(options),
        }
    }
}

/// False if what tocsin found is not the truth.
fn compare(options: &Options) -> io::Result<bool> {
    let scratch = tempfile::tempdir()?;
    let base = options.directory.clone().unwrap_or_else(|| scratch.path().to_owned());
    let wanted = |peer: &&Peer| options.only.is_empty() || options.only.iter().any(|name| name == peer.name);
    let wanted: Vec<&Peer> = PEERS.iter().filter(wanted).collect();
    let (present, absent): (Vec<&Peer>, Vec<&Peer>) =
        wanted.into_iter().partition(|peer| peer.needs.iter().all(is_there));
    println!("{}\n", machine());
    println!("| set | program | gives | wall, s | MB/s | wall, tocsin = 1 | CPU, tocsin = 1 | true |");
    println!("| --- | --- | --- | ---: | ---: | ---: | ---: | --- |");
    let mut exact = true;
    for name in &options.sets {
        let set = Set::make(&base, name, &options.spec, scratch.path())?;
        let peers: Vec<&Peer> = present.iter().copied().filter(|peer| set.call(peer).is_some()).collect();
        exact &= set.run(&peers, options)?;
    }
    if !absent.is_empty() {
        let names: Vec<&str> = absent.iter().map(|peer| peer.name).collect();
        println!("\nNot on this machine, and so not compared: {}.", names.join("; "));
    }
    Ok(exact)
}

fn is_there(program: &&str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// What the figures hold for.
fn machine() -> String {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpu =
        line("/proc/cpuinfo").lines().find_map(|l| Some(l.strip_prefix("model name")?.split_once(": ")?.1.to_owned()));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = line("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    format!(
        "{} · {}, {cores} cores · Linux {} · load {load} at the start · tocsin {}",
        chrono::Utc::now().format("%Y-%m-%d"),
        cpu.unwrap_or_else(|| "an unknown processor".to_owned()),
        line("/proc/sys/kernel/osrelease"),
        env!("CARGO_PKG_VERSION"),
    )
}

/// The logs, plain or packed, and what peers are told about them.
struct Set {
    name: String,
    directory: PathBuf,
    scratch: PathBuf,
    bytes: u64,
    regex: String,
}

/// One run of one peer.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

impl Set {
    fn make(base: &Path, name: &str, spec: &Spec, scratch: &Path) -> io::Result<Set> {
        // What is found again must be what was asked for.
        let directory = base.join(format!("{name}-{}-{}-{}", spec.bytes, spec.patterns, spec.density));
        let made = directory.join("bytes");
        let bytes = match fs::read_to_string(&made).ok().and_then(|text| text.parse().ok()) {
            Some(bytes) => bytes,
            None => {
                let bytes = files::write(&directory, spec, 20_000_000, name == "gz")?;
                fs::write(&made, bytes.to_string())?;
                bytes
            }
        };
        fs::write(directory.join("rules.awk"), awk(spec))?;
        let of = |alarm| {
            let words = workload::words(alarm);
            format!("{words} lost key-[0-9]+ after [0-9]+ ms|{words} of key-[0-9]+ is back")
        };
        let regex = (0..spec.alarms()).map(of).collect::<Vec<_>>().join("|");
        Ok(Set { name: name.to_owned(), directory, scratch: scratch.to_owned(), bytes, regex })
    }

    fn call(&self, peer: &Peer) -> Option<&'static str> {
        if self.name == "gz" { peer.gz } else { peer.plain }
    }

    /// All peers in turn, once to warm up and then `rounds` times. False if our output is not the truth.
    fn run(&self, peers: &[&Peer], options: &Options) -> io::Result<bool> {
        let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); peers.len()];
        // The first round warms the page cache.
        for round in 0..=options.rounds {
            for (at, peer) in peers.iter().enumerate() {
                let cost = self.once(peer, at, options)?;
                if round > 0 {
                    costs[at].push(cost);
                }
            }
        }
        self.table(peers, &costs)
    }

    /// A row for each peer. False if our output is not the truth.
    fn table(&self, peers: &[&Peer], costs: &[Vec<Cost>]) -> io::Result<bool> {
        let ours = peers.iter().position(|peer| peer.gives == Gives::Records).map(|at| median(&costs[at]));
        let ratio = |own: f64, our: Option<f64>| our.map_or_else(|| "-".to_owned(), |our| format!("{:.2}", own / our));
        let mut exact = true;
        for (at, peer) in peers.iter().enumerate() {
            let (wall, cpu) = median(&costs[at]);
            let (gives, truth, right) = self.judged(peer, at)?;
            exact &= right || peer.gives != Gives::Records;
            println!(
                "| {} | {} | {gives} | {wall:.3} | {:.0} | {} | {} | {truth} |",
                self.name,
                peer.name,
                self.bytes as f64 / wall / 1e6,
                ratio(wall, ours.map(|(wall, _)| wall)),
                ratio(cpu, ours.map(|(_, cpu)| cpu)),
            );
        }
        Ok(exact)
    }

    /// The logs of the one node, oldest first.
    fn logs(&self) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.directory.join("node-0/bench"))?;
        let mut logs: Vec<PathBuf> = entries.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
        logs.sort_by_key(|path| (path.ends_with("app.log"), path.clone()));
        Ok(logs)
    }

    fn output(&self, at: usize) -> PathBuf {
        self.scratch.join(format!("out-{}-{at}", self.name))
    }

    fn once(&self, peer: &Peer, at: usize, options: &Options) -> io::Result<Cost> {
        let call = self.call(peer).unwrap_or_default();
        let out = match peer.gives {
            Gives::Nothing => File::create("/dev/null")?,
            _ => File::create(self.output(at))?,
        };
        let mut command = Command::new("sh");
        command.args(["-c", call, "sh"]).args(self.logs()?).stdin(Stdio::null()).stdout(out);
        command.env("LC_ALL", "C").env("RE", &self.regex).env("RULES", self.directory.join("rules.awk"));
        command.env("DATA", &self.directory).env("TOCSIN", &options.tocsin);
        let (before, start) = (cpu_of_children(), Instant::now());
        let ended = command.status()?;
        let (wall, cpu) = (start.elapsed(), cpu_of_children().saturating_sub(before));
        match ended.success() {
            true => Ok(Cost { wall, cpu }),
            false => Err(io::Error::other(format!("{}: {ended}: {call}", peer.name))),
        }
    }

    /// What it gave, how much of that is true, and whether all is.
    fn judged(&self, peer: &Peer, at: usize) -> io::Result<(String, String, bool)> {
        if peer.gives == Gives::Nothing {
            return Ok(("-".to_owned(), "-".to_owned(), false));
        }
        let out = String::from_utf8_lossy(&fs::read(self.output(at))?).into_owned();
        let lines: Vec<String> = match peer.gives {
            Gives::Records => out.lines().map(files::told).collect::<io::Result<_>>()?,
            _ => out.lines().map(str::to_owned).collect(),
        };
        if peer.gives == Gives::Lines {
            return Ok((format!("{} lines", lines.len()), "-".to_owned(), false));
        }
        let verdict = Verdict::of(&self.directory, lines.into_iter())?;
        let extra = if verdict.extra > 0 { format!(", {} extra", verdict.extra) } else { String::new() };
        Ok(("alarms".to_owned(), format!("{} of {}{extra}", verdict.found, verdict.all), verdict.is_exact()))
    }
}

/// Seconds of wall and of processor time, each the median of the rounds.
fn median(costs: &[Cost]) -> (f64, f64) {
    let of = |each: &mut dyn Iterator<Item = Duration>| {
        let mut all: Vec<Duration> = each.collect();
        all.sort();
        all.get(all.len() / 2).map_or(0.0, Duration::as_secs_f64)
    };
    (of(&mut costs.iter().map(|cost| cost.wall)), of(&mut costs.iter().map(|cost| cost.cpu)))
}

/// User and system time of all children that have ended.
fn cpu_of_children() -> Duration {
    // SAFETY: a rusage may be all zeros, and the pointer is to a local that lives longer than the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let time = |t: libc::timeval| {
        let (seconds, micros) = (u64::try_from(t.tv_sec).unwrap_or(0), u64::try_from(t.tv_usec).unwrap_or(0));
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// The rules by hand, as one would write them for the lines that grep finds: event time, keys, and quiet that is noticed
/// at the next line of interest. (So the last of it is missed, for there is none.)
fn awk(spec: &Spec) -> String {
    let mut text = String::from("BEGIN {\n    split(\"0 31 59 90 120 151 181 212 243 273 304 334\", before, \" \")\n");
    for alarm in 0..spec.alarms() {
        text += &format!("    alarm[\"{}\"] = {alarm}\n", workload::words(alarm));
        text += &format!("    quiet[{alarm}] = {}\n", u8::from(Spec::is_quiet(alarm)));
    }
    text + RULES
}

const RULES: &str = r#"}

function millis(t) {
    return ((((before[substr(t, 6, 2) + 0] + substr(t, 9, 2)) * 24 + substr(t, 12, 2)) * 60 + substr(t, 15, 2)) * 60 + substr(t, 18, 2)) * 1000 + substr(t, 21, 3)
}

function stamp(ms,    s, d, m) {
    s = int(ms / 1000); d = int(s / 86400); m = 12
    while (m > 1 && before[m] >= d) m--
    return sprintf("%s-%02d-%02d %02d:%02d:%02d,%03d", year, m, d - before[m], int(s / 3600) % 24, int(s / 60) % 60, s % 60, ms - s * 1000)
}

function say(at, event, time,    parts) {
    split(at, parts, " ")
    print "BENCH-" parts[1] "\tnode-0\t" parts[2] "\t" event "\t" time
}

function over(at, now) {
    if (since[at] + 60000 < now) { say(at, "clear", stamp(since[at] + 60000)); delete since[at]; delete raised[at] }
}

{
    time = substr($0, 2, 23); now = millis(time); year = substr($0, 2, 4)
    line = $0
    sub(/^[^]]*\]\[[^]]*\]\[[^]]*\]\[[^]]*\]\[/, "", line)
    split(line, word, " ")
    name = word[1] " " word[2]
    if (!(name in alarm)) next
    for (at in since) over(at, now - 1000)
    at = alarm[name] " " word[4]
    if (at in since) over(at, now)
    if (word[3] == "lost") {
        if (!(at in raised)) { raised[at] = 1; say(at, "raise", time) }
        if (quiet[alarm[name]]) since[at] = now
    } else if (at in raised) { delete raised[at]; say(at, "clear", time) }
}
"#;
