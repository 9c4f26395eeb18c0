//! A watch under the real clock: wake-up, signals, questions and sinks around its turns.

use std::cell::RefCell;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use chrono::Utc;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use super::core::{Begun, Past, Settings, Watch};
use super::pipe::Pipe;
use super::socket::{Answer, Asked, Question, Socket};
use super::status::Status;
use super::turns::{Parts, Turns};
use super::{Own, Report};
use crate::config::value::{Begin, Sink as Wanted};
use crate::config::watch::WatchSettings;
use crate::deliver::screen::Screen;
use crate::deliver::sink::Ended;
use crate::deliver::stdout::Stdout;
use crate::deliver::{Outbox, sink::Sink};
use crate::input::assign::Assigner;
use crate::input::tail::Start;
use crate::input::tail::descriptors::{raise_limit, share};
use crate::input::tail::wake::{Caller, Wake};
use crate::pattern::Zone;
use crate::probe::log::Logs;
use crate::probe::run::Ground;
use crate::probe::{self, Probes};
use crate::state::{Directory, Keeper, OpenError};
use crate::time::{Millis, Moment, SECOND, human_duration};
use crate::transition::Transition;

/// At the end, sinks get this long to take what they were offered.
const FAREWELL: Duration = Duration::from_secs(5);

/// Between two looks at whether all is read and nothing is held any more.
const FINISHING: Duration = Duration::from_millis(10);

/// Nobody who only looks at the state holds it for longer.
const LOOKED_AT: Duration = Duration::from_secs(2);

/// The latest next turn: whatever sleeps too long does not see that the clock was set.
const LONGEST: Millis = 5 * SECOND;

/// A clock that differs by more than this from the time that has passed was set.
const SET: Millis = 5 * SECOND;

/// Why a watch ended that nobody told to.
#[derive(Debug, Error)]
pub enum WatchError {
    #[error(transparent)]
    State(#[from] OpenError),
    #[error("the state in {dir} cannot be gone on from ({why}): move it away to begin anew, as without a state")]
    Past { dir: String, why: String },
    #[error("standard input could not be recognised: {0}")]
    Pipe(String),
    #[error("{0}")]
    Failed(String),
    #[error("standard output was closed: transitions are being lost")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
}

enum Command {
    Stop,
    Reload,
    Asked(Asked),
    /// What keeps a probe from looking.
    Probe(String),
}

/// Reads settings and patterns again, or says what is wrong with them.
pub type Reload<'a> = &'a dyn Fn() -> Result<WatchSettings, String>;

/// What goes on when the patterns change.
struct Going {
    keeper: Keeper,
    outbox: Outbox,
    own: Own,
    past: Past,
    start: Start,
    report: Report,
    pipe: Option<Pipe>,
    /// Sinks that are new here.
    introduce: Vec<String>,
}

/// What is there as long as the process.
struct Around<'a> {
    wake: Wake,
    commands: Receiver<Command>,
    reload: Reload<'a>,
    host: &'a str,
    probes: RefCell<Option<Probes>>,
}

/// Watches until it is told to stop.
pub fn run(mut settings: WatchSettings, reload: Reload, host: &str, coloured: bool) -> Result<(), WatchError> {
    let mut report = Report::new(settings.log_format, Box::new(io::stderr()));
    let wake = Wake::start()?;
    let (tell, commands) = channel();
    let directory = Directory::new(&settings.state.dir);
    let socket = directory.socket();
    let told = tell.clone();
    let keeper = open(directory)?;
    signals(tell.clone(), wake.caller())?;
    let caller = wake.caller();
    let listening = Socket::listen(&socket, move |asked| {
        // If the watch has ended, whoever asked hears that nobody answers.
        let _ = tell.send(Command::Asked(asked));
        caller.call();
    });
    let listening = listening.inspect_err(|e| report.warn("socket", &format!("{}: {e}", socket.display())));

    let bad = |why: String| WatchError::Past { dir: settings.state.dir.display().to_string(), why };
    let past = Past::load(&keeper).map_err(bad)?;
    let known = past.is_some();
    let (past, start) = match past {
        Some(past) => {
            let start = past.begun.map_or(Start::Beginning, Begun::start);
            (past, start)
        }
        None => first(settings.state.begin),
    };
    let own = Own::new(settings.cluster.clone(), host.into(), &past.active);
    let (outbox, introduce) = sinks(&settings, &keeper, known, coloured, &wake.caller()).map_err(bad)?;
    let pipe = settings.paths.iter().any(|path| path.as_os_str() == "-").then(|| Pipe::start(&wake.caller()));
    let mut going = Going { keeper, outbox, own, past, start, report, pipe, introduce };
    let around = Around { wake, commands, reload, host, probes: RefCell::default() };
    let probes = |settings: &WatchSettings| start_probes(settings, host, &told, &around.wake.caller());
    around.probes.replace(probes(&settings)?);
    while let Some((next, new)) = session(&settings, going, &around)? {
        (going, settings) = (next, new);
        // Those that end must have ended before others write to the same logs.
        drop(around.probes.take());
        around.probes.replace(probes(&settings)?);
    }
    drop(listening);
    Ok(())
}

fn start_probes(
    settings: &WatchSettings,
    host: &str,
    tell: &Sender<Command>,
    caller: &Caller,
) -> io::Result<Option<Probes>> {
    let directory = Logs::directory(&settings.state.dir);
    if settings.probes == probe::Settings::default() && !directory.is_dir() {
        return Ok(None);
    }
    let (tell, caller) = (tell.clone(), caller.clone());
    let tell = move |text| {
        // A watch that is about to end does not listen.
        let _ = tell.send(Command::Probe(text));
        caller.call();
    };
    let zone = Zone::of_machine().unwrap_or(Zone::UTC);
    let ground = Ground { here: host.to_owned(), zone, now, tell };
    Probes::start(&settings.probes, &directory, &ground).map(Some)
}

/// `tocsin state` holds the state of a watch that does not run for a moment: that must not keep one from starting.
fn open(directory: Directory) -> Result<Keeper, OpenError> {
    let until = Instant::now() + LOOKED_AT;
    loop {
        match Keeper::open(directory.clone()) {
            Err(OpenError::InUse { .. }) if Instant::now() < until => std::thread::sleep(FINISHING),
            opened => return opened,
        }
    }
}

/// Without a state: what there is to learn, and where to begin.
fn first(begin: Begin) -> (Past, Start) {
    let learning = matches!(begin, Begin::Lookback(_));
    let begun = match begin {
        Begin::Start => None,
        Begin::End => Some(Begun::End),
        Begin::Lookback(lookback) => Some(Begun::Since(now() - lookback)),
    };
    (Past { learning, begun, ..Past::default() }, begun.map_or(Start::Beginning, Begun::start))
}

fn now() -> Millis {
    Utc::now().timestamp_millis()
}

/// The outbox with its sinks, and those that the state does not know.
fn sinks(
    settings: &WatchSettings,
    keeper: &Keeper,
    known: bool,
    coloured: bool,
    caller: &Caller,
) -> Result<(Outbox, Vec<String>), String> {
    let Some(store) = keeper.store() else { return Ok((Outbox::default(), Vec::new())) };
    let mut outbox = Outbox::restore(store).map_err(|e| e.to_string())?;
    outbox.bound(settings.state.outbox);
    let mut new = Vec::new();
    for wanted in &settings.sinks {
        let name = wanted.to_string();
        let cursor = Outbox::cursor(store, &name).map_err(|e| e.to_string())?;
        if cursor.is_none() && known {
            new.push(name.clone());
        }
        let from = cursor.unwrap_or(outbox.end());
        let sink: Box<dyn Sink> = match wanted {
            Wanted::Stdout => {
                let out = Stdout::new(io::stdout(), settings.format, coloured);
                let caller = caller.clone();
                Box::new(Screen::start(out, from, move || caller.call()))
            }
            Wanted::Kafka { .. } => return Err(format!("{name}: this build has no Kafka sink")),
        };
        outbox.add(sink, from);
    }
    Ok((outbox, new))
}

/// Watches with one pattern set. `Some`: it goes on with another.
fn session(
    settings: &WatchSettings,
    going: Going,
    around: &Around,
) -> Result<Option<(Going, WatchSettings)>, WatchError> {
    let Going { keeper, outbox, own, past, start, report, pipe, introduce } = going;
    let bad = |why: String| WatchError::Past { dir: settings.state.dir.display().to_string(), why };
    let assigner = Assigner::new(&settings.patterns, settings.decisions.clone(), around.host);
    let shown = settings.shown.clone();
    let wanted = Box::new(move |transition: &Transition| transition.is_own() || shown.shows(transition));
    let kept = Settings { hold: settings.hold, max_keys: settings.max_keys, wanted };
    let mut watch = Watch::new(&settings.patterns, kept, keeper, outbox, &past, own, now()).map_err(bad)?;
    for sink in &introduce {
        watch.introduce(sink, now());
    }
    let mut turns = Turns::new(Parts {
        patterns: &settings.patterns,
        assigner: &assigner,
        zones: &settings.zones,
        cluster: settings.cluster.clone(),
        paths: settings.paths.iter().filter(|path| path.as_os_str() != "-").cloned().collect(),
        start,
        watch,
        saved: past.families,
        descriptors: share(raise_limit()?),
        report,
    });
    let mut pipe = pipe;
    if let Some(pipe) = &mut pipe {
        let (family, piped) = pipe.family(&assigner, settings).map_err(WatchError::Pipe)?;
        turns.add_piped(family, piped, now()).map_err(WatchError::Failed)?;
    }
    let mut ticking = Ticking::new();
    let mut woken = around.wake.take();
    loop {
        let wall = now();
        if let Some(by) = ticking.set(wall) {
            turns.clock_was_set(by, wall);
        }
        for trouble in &woken.troubles {
            turns.report.warn("wake-up", trouble);
        }
        let next = turns.turn(wall, &woken).map_err(WatchError::Failed)?;
        if turns.take_listed() {
            around.wake.watch(turns.directories());
        }
        for command in around.commands.try_iter() {
            match command {
                Command::Stop => {
                    // What they went on writing would have to be read as well.
                    drop(around.probes.take());
                    return stop(turns).map(|()| None);
                }
                Command::Asked(asked) => answer(&mut turns, asked),
                Command::Probe(text) => turns.report.warn("probe", &text),
                Command::Reload => match (around.reload)() {
                    Ok(new) => {
                        turns.report.info("reloaded", &format!("patterns {}", new.patterns.hash));
                        return Ok(Some((over(turns, pipe), new)));
                    }
                    Err(why) => turns.report.warn("reload", &format!("refused, the old patterns stay: {why}")),
                },
            }
        }
        match turns.watch.outbox.ended() {
            Some((_, Ended::Closed)) => {
                // What the state says against it is the smaller trouble.
                let _ = leave(&mut turns);
                return Err(WatchError::Closed);
            }
            Some((sink, Ended::Failed(why))) => return Err(WatchError::Failed(format!("{sink}: {why}"))),
            None => {}
        }
        if turns.is_over() {
            return stop(turns).map(|()| None);
        }
        let pause = next.saturating_sub(now()).clamp(0, LONGEST);
        woken = around.wake.wait(Duration::from_millis(pause.unsigned_abs()));
    }
}

/// Everything but the patterns goes on.
fn over(turns: Turns, pipe: Option<Pipe>) -> Going {
    let (mut watch, report, absent) = turns.into_parts();
    // The next watch takes what it is given for stored. If it cannot be, the store is told everything later.
    let _ = watch.commit_now(now());
    let (mut past, piped, keeper, outbox, own) = watch.into_past();
    past.families.extend(absent);
    let mut pipe = pipe;
    if let Some(pipe) = &mut pipe {
        pipe.take_back(piped);
    }
    let start = past.begun.map_or(Start::Beginning, Begun::start);
    Going { keeper, outbox, own, past, start, report, pipe, introduce: Vec::new() }
}

/// Reads what is there, keeps it, sends it, and says where replay would have to end. What would take too long is left to
/// the next watch: a stop must not take hours.
fn stop(mut turns: Turns) -> Result<(), WatchError> {
    let is_whole = finish_reading(&mut turns);
    let kept = leave(&mut turns);
    match turns.watch.clock().filter(|_| is_whole) {
        Some(clock) => {
            turns.report.info("stopped", &format!("replay gives the same with --end {}", Moment::utc(clock)));
        }
        None if turns.watch.is_empty() => turns.report.info("stopped", "no log was found"),
        None => turns.report.info("stopped", "not everything was read and said; the next watch goes on there"),
    }
    kept.map_err(WatchError::Failed)
}

/// Reads every log to its end, and waits until what is held for older lines of other logs may go on. False if that would
/// take too long.
fn finish_reading(turns: &mut Turns) -> bool {
    let until = Instant::now() + FAREWELL;
    let is_time = || Instant::now() < until;
    turns.read_while(now(), &is_time);
    while is_time() {
        if !turns.watch.is_caught_up() {
            turns.read_while(now(), &is_time);
        } else if turns.watch.held_until().is_none() {
            return true;
        }
        std::thread::sleep(FINISHING);
        turns.watch.pass(now());
    }
    false
}

fn leave(turns: &mut Turns) -> Result<(), String> {
    let until = Instant::now() + FAREWELL;
    let mut kept = turns.watch.commit_now(now());
    // A sink with little room takes what is left bit by bit.
    while Instant::now() < until && turns.watch.outbox.is_offering() {
        std::thread::yield_now();
        kept = kept.and(turns.watch.commit(now()));
    }
    turns.watch.outbox.finish(until.saturating_duration_since(Instant::now()));
    kept.and(turns.watch.commit_now(now()))
}

fn answer(turns: &mut Turns, Asked { question, answer }: Asked) {
    let answered = match question {
        Question::State => Answer::State(Box::new(Status::of(&turns.watch))),
        Question::Clear { key } => {
            let wall = now();
            let found = turns.watch.clear(&key, wall);
            match turns.watch.commit_now(wall) {
                Ok(()) => Answer::Cleared(found),
                Err(why) => Answer::Refused(why),
            }
        }
    };
    // Whoever asked may have gone.
    let _ = answer.send(answered);
}

/// Signals as commands. A second request to stop is obeyed on the spot.
fn signals(tell: Sender<Command>, caller: Caller) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guard = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    drop(guard);
    let work = async move {
        let mut stopping = false;
        loop {
            let command = tokio::select! {
                _ = terminate.recv() => Command::Stop,
                _ = interrupt.recv() => Command::Stop,
                _ = hangup.recv() => Command::Reload,
            };
            if matches!(command, Command::Stop) && std::mem::replace(&mut stopping, true) {
                std::process::exit(1);
            }
            // Nobody listens any more when the watch is about to end by itself.
            let _ = tell.send(command);
            caller.call();
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(work))?;
    Ok(())
}

/// Notices that the wall clock was set, by the one that nobody can set.
struct Ticking {
    wall: Millis,
    passed: Instant,
}

impl Ticking {
    fn new() -> Ticking {
        Ticking { wall: now(), passed: Instant::now() }
    }

    /// By how much it was set since the last call, in words.
    fn set(&mut self, wall: Millis) -> Option<String> {
        let passed = Millis::try_from(self.passed.elapsed().as_millis()).unwrap_or(Millis::MAX);
        let by = (wall - self.wall).saturating_sub(passed);
        (self.wall, self.passed) = (wall, Instant::now());
        (by.abs() > SET).then(|| {
            let way = if by > 0 { "forward" } else { "back" };
            format!("{way} by {}", human_duration(by.abs()))
        })
    }
}
