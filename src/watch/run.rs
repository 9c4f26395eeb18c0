//! A watch under the real clock: wake-up, signals, questions and sinks around its turns.

use std::cell::RefCell;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use chrono::Utc;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use super::core::{Settings, Watch};
use super::named::Named;
use super::past::{Begun, Past};
use super::pipe::Pipe;
use super::sinks::{forget_others, sinks};
use super::socket::{Answer, Asked, Question, Socket};
use super::status::Status;
use super::ticking::Ticking;
use super::turns::{Parts, Turns};
use super::{Own, Report};
use crate::config::value::Begin;
use crate::config::watch::WatchSettings;
use crate::deliver::Outbox;
use crate::deliver::kafka::trouble::Trouble;
use crate::deliver::outbox::Lag;
use crate::deliver::sink::Ended;
use crate::input::assign::Assigner;
use crate::input::tail::Start;
use crate::input::tail::descriptors::{raise_limit, share};
use crate::input::tail::wake::{Caller, Wake};
use crate::pattern::Zone;
use crate::probe::log::Logs;
use crate::probe::run::Ground;
use crate::probe::{self, Probes};
use crate::state::{Directory, Keeper, OpenError};
use crate::time::{Millis, Moment, SECOND};
use crate::transition::Transition;

/// At the end, sinks get this long to take what they were offered.
const FAREWELL: Duration = Duration::from_secs(5);

/// Between two looks at whether all is read and nothing is held any more.
const FINISHING: Duration = Duration::from_millis(10);

/// Nobody who only looks at the state holds it for longer.
const LOOKED_AT: Duration = Duration::from_secs(2);

/// The latest next turn: whatever sleeps too long does not see that the clock was set.
const LONGEST: Millis = 5 * SECOND;

/// Why a watch ended that nobody told to.
#[derive(Debug, Error)]
pub enum WatchError {
    #[error(transparent)]
    State(#[from] OpenError),
    #[error("the state in {dir} cannot be gone on from ({why}): move it away to begin anew, as without a state")]
    Past { dir: String, why: String },
    #[error(transparent)]
    Sink(#[from] Trouble),
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
    let past = match past {
        Some(past) => past,
        None => Past { begun: begun(settings.state.begin), ..Past::default() },
    };
    let start = start(past.begun);
    let own = Own::new(settings.cluster.clone(), host.into(), &past.active);
    let names: Vec<String> = settings.sinks.iter().map(ToString::to_string).collect();
    for Lag { sink, waiting, .. } in forget_others(&keeper, &names).map_err(|e| bad(e.to_string()))? {
        report.warn("sink", &format!("{sink} is none any more; {waiting} transitions that waited for it are dropped"));
    }
    let (outbox, introduce) = sinks(&settings, &keeper, known, coloured, &wake.caller())?;
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

/// Where logs begin that were never read and have a past.
fn begun(begin: Begin) -> Option<Begun> {
    match begin {
        Begin::Start => None,
        Begin::End => Some(Begun::End),
        Begin::Lookback(lookback) => Some(Begun::Since(now() - lookback)),
    }
}

fn start(begun: Option<Begun>) -> Start {
    begun.map_or(Start::Beginning, Begun::start)
}

fn now() -> Millis {
    Utc::now().timestamp_millis()
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
        before: past.named,
        named: Named::new(&settings.patterns, &settings.decisions, &settings.paths),
        only_now: self::start(begun(settings.state.begin)),
        watch,
        saved: past.families,
        silent: settings.silent.clone(),
        descriptors: share(raise_limit()?),
        report,
    });
    let mut pipe = pipe;
    if let Some(pipe) = &mut pipe {
        let (family, piped) = pipe.family(&assigner, settings).map_err(WatchError::Pipe)?;
        turns.add_piped(family, piped, now()).map_err(WatchError::Failed)?;
    }
    let mut ticking = Ticking::new(now());
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
                Command::Reload => match reload(around, pipe.as_ref()) {
                    Ok(new) => {
                        turns.report.info("reloaded", &format!("patterns {}", new.patterns.hash));
                        return Ok(Some((over(turns, pipe)?, new)));
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

/// The new settings, or why they are refused. Without its log, what comes through the pipe would be lost.
fn reload(around: &Around, pipe: Option<&Pipe>) -> Result<WatchSettings, String> {
    let new = (around.reload)()?;
    if let Some(pipe) = pipe {
        let assigner = Assigner::new(&new.patterns, new.decisions.clone(), around.host);
        pipe.recognise(&assigner).map_err(|why| format!("standard input would not be recognised: {why}"))?;
    }
    Ok(new)
}

/// Everything but the patterns goes on.
fn over(turns: Turns, pipe: Option<Pipe>) -> Result<Going, WatchError> {
    let (mut watch, report, absent) = turns.into_parts();
    // The next watch takes what it is given for stored. If it cannot be, the store is told everything later.
    let _ = watch.commit_now(now());
    let (mut past, piped, keeper, outbox, own) = watch.into_past().map_err(WatchError::Failed)?;
    past.families.extend(absent);
    let mut pipe = pipe;
    if let Some(pipe) = &mut pipe {
        pipe.take_back(piped);
    }
    let start = start(past.begun);
    Ok(Going { keeper, outbox, own, past, start, report, pipe, introduce: Vec::new() })
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
            return turns.watch.sees_everything();
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
            let found = turns.clear(&key, wall);
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
