//! A topic as a sink.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::client;
use super::target::Target;
use super::trouble::{Kind, Trouble};
use super::worker::{Shared, Worker};
use crate::deliver::sink::{Ended, Notice, Sink};
use crate::transition::Transition;

pub struct KafkaSink {
    name: Arc<str>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// `wake` is called whenever there is something to ask the sink about. Properties that cannot be are refused at once;
/// everything else shows later.
pub fn open(target: &Target, from: u64, wake: impl Fn() + Send + Sync + 'static) -> Result<Box<dyn Sink>, Trouble> {
    client::check(target)?;
    let shared = Arc::new(Shared::new(from, wake));
    let worker = Worker::new(target.clone(), shared.clone());
    let thread = Builder::new().name("kafka".to_owned()).spawn(move || worker.run());
    let thread = thread.map_err(|e| Trouble::new(Kind::Other, format!("no thread for {}: {e}", target.name)))?;
    Ok(Box::new(KafkaSink { name: target.name.clone(), shared, thread: Some(thread) }))
}

impl Sink for KafkaSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn offer(&mut self, number: u64, record: &Arc<Transition>) -> bool {
        let mut state = self.shared.state();
        if state.stop.is_some() || state.over || !state.window.take(number, record.clone()) {
            return false;
        }
        drop(state);
        self.shared.changed();
        true
    }

    fn acknowledged(&self) -> u64 {
        self.shared.state().window.acknowledged()
    }

    fn ended(&self) -> Option<Ended> {
        self.shared.state().ended.clone()
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.shared.state().notices)
    }

    fn finish(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        self.shared.state().stop = Some(until);
        self.shared.changed();
        let mut state = self.shared.state();
        while !state.over {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // It asks a broker that does not answer; it ends with the process.
                return;
            }
            state = self.shared.wait(state, left);
        }
        drop(state);
        if let Some(thread) = self.thread.take() {
            // A panic was said when it happened.
            let _ = thread.join();
        }
    }
}
