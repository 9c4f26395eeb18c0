//! The thread that sends: one client after the other, each until something fails.
//!
//! A client is asked for the topic before anything is sent with it, so that a wrong password is known at the start and
//! not at the first alarm. What passes by itself (a broker that is down) librdkafka waits for. What does not ends the
//! client; after a pause, which grows, the next one reads the properties anew and sends again from the first record
//! that was not acknowledged.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::client::{self, ASKING, Ears, LAST_ASKING};
use super::message;
use super::reasons::Names;
use super::target::{Patience, Target};
use super::trouble::{Kind, Trouble};
use super::window::Window;
use crate::deliver::sink::{Ended, Notice};
use crate::transition::Transition;

/// Between two clients: so long at first, twice as long each time, and no longer than the last.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Sent for so long without an acknowledgement or a reason: worth a word.
const QUIET: Duration = Duration::from_secs(10);

/// A look around while there is nothing to do.
const LOOK: Duration = Duration::from_millis(500);

/// What the sink and its threads share.
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    wake: Box<dyn Fn() + Send + Sync>,
}

pub struct State {
    pub window: Window,
    pub notices: Vec<Notice>,
    pub ended: Option<Ended>,
    /// It is to stop then, or when all has arrived.
    pub stop: Option<Instant>,
    /// The thread is gone.
    pub over: bool,
    /// What ends this client.
    failure: Option<Failure>,
    /// A record of this client was refused.
    refused: bool,
    /// What was told and is not over.
    told: Option<Kind>,
}

enum Failure {
    /// A record did not arrive.
    Lost(Code),
    /// A batch was refused, for its size or for one of its records.
    Refused,
}

/// How it goes on without a client.
enum Over {
    Stopped,
    Failed(Trouble),
    /// A batch was refused, for its size or for one of its records.
    Refused,
    /// The record that was to blame is refused, and all that was sent with it has arrived.
    Found,
}

impl Shared {
    pub fn new(from: u64, wake: impl Fn() + Send + Sync + 'static) -> Shared {
        let state = State {
            window: Window::new(from),
            notices: Vec::new(),
            ended: None,
            stop: None,
            over: false,
            failure: None,
            refused: false,
            told: None,
        };
        Shared { state: Mutex::new(state), changed: Condvar::new(), wake: Box::new(wake) }
    }

    /// A thread that panicked left nothing half done that matters: each change is of one field.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody that something has changed.
    pub fn ring(&self) {
        self.changed.notify_all();
        (self.wake)();
    }

    /// Tells the thread.
    pub fn changed(&self) {
        self.changed.notify_all();
    }

    /// Waits for a change, but not for long.
    pub fn wait<'a>(&'a self, state: MutexGuard<'a, State>, longest: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0
    }

    /// A record is done with.
    fn arrived(&self, client: u64, number: u64) {
        self.state().window.arrived(client, number);
    }

    /// A record can never be sent.
    fn refuse(&self, client: u64, number: u64, trouble: &Trouble) {
        let mut state = self.state();
        if let Some(record) = state.window.record(number) {
            let (key, id) = (record.key.clone(), record.id.clone());
            state.notices.push(Notice::Refused { key, id, why: trouble.to_string() });
            state.refused |= state.window.is_of(client);
        }
        drop(state);
        self.arrived(client, number);
    }

    fn tell(&self, trouble: &Trouble) {
        let mut state = self.state();
        if state.told.is_none_or(|told| trouble.kind.is_news_after(told)) {
            state.told = Some(trouble.kind);
            state.notices.push(Notice::Troubled { why: trouble.to_string(), lasting: trouble.is_lasting() });
            drop(state);
            (self.wake)();
        }
    }
}

/// Hears the reports of one client.
struct Reports {
    client: u64,
    /// Each record is a batch of its own.
    alone: bool,
    names: Names,
    ears: Arc<Ears>,
    shared: Arc<Shared>,
}

impl ClientContext for Reports {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, text: &str) {
        self.ears.logged(&self.names, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.ears.told(&self.names, &error, reason);
        self.shared.changed.notify_all();
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let (shared, number) = (&self.shared, number as u64);
        match result {
            Ok(_) => shared.arrived(self.client, number),
            Err((error, _)) => match error.rdkafka_error_code().unwrap_or(Code::Unknown) {
                // We threw it away ourselves.
                Code::PurgeQueue | Code::PurgeInflight => return,
                code if self.alone && is_about_a_record(code) => {
                    shared.refuse(self.client, number, &self.names.failed(code));
                }
                code => {
                    let mut state = shared.state();
                    if state.window.is_of(self.client) {
                        let failure = if is_about_a_record(code) { Failure::Refused } else { Failure::Lost(code) };
                        state.failure.get_or_insert(failure);
                    }
                }
            },
        }
        shared.ring();
    }
}

/// Sending it again as it is would be refused again, while other records would not.
fn is_about_a_record(code: Code) -> bool {
    use Code::{InvalidDifferentRecord, InvalidMessageSize, InvalidRecord, MessageSizeTooLarge};
    matches!(code, MessageSizeTooLarge | InvalidMessageSize | InvalidRecord | InvalidDifferentRecord)
}

type Client = ThreadedProducer<Reports>;

pub struct Worker {
    target: Target,
    shared: Arc<Shared>,
    pause: Duration,
    /// A batch was refused: which of its records is to blame shows when each goes alone. If none is, batches are too
    /// large for the topic, and it stays so.
    alone: bool,
}

impl Worker {
    pub fn new(target: Target, shared: Arc<Shared>) -> Worker {
        Worker { target, shared, pause: PAUSE, alone: false }
    }

    /// Until it is told to stop.
    pub fn run(mut self) {
        loop {
            match self.client() {
                Over::Stopped => break,
                Over::Refused => self.alone = true,
                Over::Found => self.alone = false,
                Over::Failed(trouble) => {
                    self.shared.tell(&trouble);
                    if self.target.patience == Patience::Once {
                        self.shared.state().ended = Some(Ended::Failed(trouble.to_string()));
                        break;
                    }
                    if self.rest() {
                        break;
                    }
                }
            }
        }
        self.shared.state().over = true;
        self.shared.ring();
    }

    /// Waits before the next client. True: it is to stop.
    fn rest(&mut self) -> bool {
        let until = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        let mut state = self.shared.state();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match state.stop {
                // Whatever is left goes on after the next start.
                Some(_) => return true,
                None if left.is_zero() => return false,
                None => state = self.shared.wait(state, left),
            }
        }
    }

    /// One client, from its beginning to its end.
    fn client(&mut self) -> Over {
        let settings = match self.target.settings() {
            Ok(settings) => settings,
            Err(trouble) => return Over::Failed(trouble),
        };
        let client = {
            let mut state = self.shared.state();
            (state.failure, state.refused) = (None, false);
            state.window.begin()
        };
        let (names, ears) = (client::names(&self.target, &settings), Arc::<Ears>::default());
        let reports = Reports {
            client,
            alone: self.alone,
            names: names.clone(),
            ears: ears.clone(),
            shared: self.shared.clone(),
        };
        let config = client::for_producer(&self.target, &settings, self.alone);
        let producer: Client = match config.create_with_context(reports) {
            Ok(producer) => producer,
            Err(error) => return Over::Failed(names.refused(&error, &settings)),
        };
        let longest = client::longest(&settings);
        let over = match self.connect(&producer, &names, &ears, longest) {
            None => self.send(&producer, client, &names, &ears),
            Some(over) => over,
        };
        // What is still in it is sent again by the next one.
        drop(producer);
        over
    }

    /// Asks for the topic until it is described. `None`: it is there.
    fn connect(&self, producer: &Client, names: &Names, ears: &Ears, longest: Duration) -> Option<Over> {
        let began = Instant::now();
        let mut waits = ASKING.into_iter();
        loop {
            if self.is_to_stop() {
                return Some(Over::Stopped);
            }
            let error =
                match producer.client().fetch_metadata(Some(&self.target.topic), waits.next().unwrap_or(LAST_ASKING)) {
                    Ok(metadata) => {
                        if let Some(code) = client::error_of_topic(&metadata, &self.target.topic) {
                            return Some(Over::Failed(names.failed(code)));
                        }
                        self.connected();
                        return None;
                    }
                    Err(error) => error,
                };
            let said = std::mem::take(&mut *ears.said());
            let long = self.target.patience == Patience::Once && began.elapsed() > longest;
            let trouble = match said.trouble {
                Some(trouble) => trouble,
                None if !long && began.elapsed() < QUIET => continue,
                None => names.trouble(Kind::Silent, &error.to_string()),
            };
            // Where one of several brokers is to blame, another may still answer.
            if trouble.is_lasting() && (said.down || began.elapsed() > QUIET) {
                return Some(Over::Failed(trouble));
            }
            if long {
                return Some(Over::Failed(trouble));
            }
            if !trouble.is_lasting() {
                self.shared.tell(&trouble);
            }
        }
    }

    /// The topic can be described, which says nothing about whether we may write to it.
    fn connected(&self) {
        let mut state = self.shared.state();
        if !state.told.is_some_and(Kind::is_of_writing) {
            state.told = None;
            state.notices.push(Notice::Well);
            drop(state);
            (self.shared.wake)();
        }
    }

    fn is_to_stop(&self) -> bool {
        let state = self.shared.state();
        state.stop.is_some_and(|at| state.window.is_empty() || Instant::now() >= at)
    }

    /// Sends what comes until something fails.
    fn send(&mut self, producer: &Client, client: u64, names: &Names, ears: &Ears) -> Over {
        let mut moved = Instant::now();
        loop {
            if self.is_to_stop() {
                return Over::Stopped;
            }
            if let Some(over) = self.look(names, ears, &mut moved) {
                return over;
            }
            let mut state = self.shared.state();
            // What comes now goes in batches again, with the next client, when nothing of this one is on its way.
            let found = self.alone && state.refused;
            if found && !state.window.is_waiting() {
                return Over::Found;
            }
            let next = if found { None } else { state.window.send() };
            let Some((number, record)) = next else {
                if state.failure.is_none() && !(state.stop.is_some() && state.window.is_empty()) {
                    let left = state.stop.map(|at| at.saturating_duration_since(Instant::now()));
                    drop(self.shared.wait(state, left.unwrap_or(LOOK).min(LOOK)));
                }
                continue;
            };
            drop(state);
            match self.hand(producer, number, &record) {
                Ok(()) => {}
                // Reports make room.
                Err(Code::QueueFull) => {
                    let mut state = self.shared.state();
                    state.window.take_back();
                    drop(self.shared.wait(state, LOOK));
                }
                Err(code) if is_about_a_record(code) => self.shared.refuse(client, number, &names.failed(code)),
                Err(code) => return Over::Failed(names.failed(code)),
            }
        }
    }

    /// What has happened since the last look. `Some`: this client is at its end.
    fn look(&mut self, names: &Names, ears: &Ears, moved: &mut Instant) -> Option<Over> {
        let mut state = self.shared.state();
        if state.window.take_progress() > 0 {
            *moved = Instant::now();
            self.pause = PAUSE;
            if state.told.take().is_some() {
                state.notices.push(Notice::Well);
                (self.shared.wake)();
            }
        }
        let failure = state.failure.take();
        let waiting = state.window.is_waiting();
        drop(state);
        match failure {
            Some(Failure::Lost(code)) => return Some(Over::Failed(self.because(names.failed(code), ears))),
            Some(Failure::Refused) => return Some(Over::Refused),
            None => {}
        }
        if !waiting {
            *moved = Instant::now();
        }
        let mut said = ears.said();
        // Each of these ends a client for good, however well its connections are.
        if said.trouble.as_ref().is_some_and(|t| matches!(t.kind, Kind::Fatal | Kind::ClusterDenied)) {
            return said.trouble.take().map(Over::Failed);
        }
        if std::mem::take(&mut said.down) {
            let trouble = said.trouble.take();
            drop(said);
            match trouble {
                Some(lasting) if lasting.is_lasting() => return Some(Over::Failed(lasting)),
                Some(passing) => self.shared.tell(&passing),
                None => {}
            }
        } else if moved.elapsed() > QUIET {
            let trouble = said.trouble.take();
            drop(said);
            let quiet = || {
                let words = format!("no acknowledgement for {} s, and no reason was given", QUIET.as_secs());
                names.trouble(Kind::Quiet, &words)
            };
            self.shared.tell(&trouble.unwrap_or_else(quiet));
        }
        None
    }

    /// A record that timed out says less than the connection that failed.
    fn because(&self, failed: Trouble, ears: &Ears) -> Trouble {
        match failed.is_lasting() {
            true => failed,
            false => ears.said().trouble.take().unwrap_or(failed),
        }
    }

    fn hand(&self, producer: &Client, number: u64, record: &Transition) -> Result<(), Code> {
        let json = record.to_json().map_err(|_| Code::ValueSerialization)?;
        let opaque = usize::try_from(number).map_err(|_| Code::InvalidArgument)?;
        let message = BaseRecord::with_opaque_to(&self.target.topic, opaque)
            .key(&*record.key)
            .payload(&json)
            .headers(message::headers(record));
        producer.send(message).map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(Code::Unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_is_gone_is_told_once_and_what_lasts_is_told_besides() {
        let shared = Shared::new(0, || {});
        let told = |kind| {
            shared.tell(&Trouble::new(kind, "why"));
            !std::mem::take(&mut shared.state().notices).is_empty()
        };
        assert!(told(Kind::Refused));
        for again in [Kind::Quiet, Kind::Refused, Kind::Silent, Kind::Replicas, Kind::Other] {
            assert!(!told(again), "{again:?}");
        }
        // A hint names what to set, and is not told anew after each of the others.
        assert!(told(Kind::WantsTls));
        assert!(!told(Kind::Refused) && !told(Kind::WantsTls));
        assert!(told(Kind::Password));
        assert!(!told(Kind::Password));
        assert!(told(Kind::Refused), "nobody answers any more: the password is no longer what is wrong");
    }
}
