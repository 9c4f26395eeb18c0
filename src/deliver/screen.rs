//! Standard output as a sink: a thread that writes, so that a reader who pauses stops nothing but the output.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use super::sink::{Ended, Sink};
use super::stdout::{Stdout, WriteError};
use crate::transition::Transition;

/// Records on their way to the thread.
const ROOM: usize = 1024;

type Handed = (u64, Arc<Transition>);

pub struct Screen {
    name: &'static str,
    /// `None` once it is finished.
    hand: Option<SyncSender<Handed>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    done: Receiver<()>,
}

#[derive(Default)]
struct Shared {
    acknowledged: AtomicU64,
    ended: OnceLock<Ended>,
}

impl Screen {
    /// `wake` is called when something was written, and when nothing can be any more.
    pub fn start<W: Write + Send + 'static>(
        mut out: Stdout<W>,
        acknowledged: u64,
        wake: impl Fn() + Send + 'static,
    ) -> Screen {
        let (hand, handed) = sync_channel::<Handed>(ROOM);
        let (tell, done) = channel();
        let shared = Arc::new(Shared { acknowledged: acknowledged.into(), ended: OnceLock::new() });
        let there = shared.clone();
        let thread = std::thread::spawn(move || {
            let ended = write(&mut out, &handed, &there.acknowledged, &wake).err().map(|error| match error {
                WriteError::Closed => Ended::Closed,
                failed => Ended::Failed(failed.to_string()),
            });
            if let Some(ended) = ended {
                there.ended.get_or_init(|| ended);
                wake();
            }
            // Nobody may be waiting for it.
            let _ = tell.send(());
        });
        Screen { name: "stdout", hand: Some(hand), shared, thread: Some(thread), done }
    }
}

fn write<W: Write>(
    out: &mut Stdout<W>,
    handed: &Receiver<Handed>,
    acknowledged: &AtomicU64,
    wake: &impl Fn(),
) -> Result<(), WriteError> {
    out.begin()?;
    while let Ok((number, record)) = handed.recv() {
        out.write(&record)?;
        acknowledged.store(number + 1, Ordering::Release);
        wake();
    }
    Ok(())
}

impl Sink for Screen {
    fn name(&self) -> &str {
        self.name
    }

    fn offer(&mut self, number: u64, record: &Arc<Transition>) -> bool {
        match self.hand.as_ref().map(|hand| hand.try_send((number, record.clone()))) {
            Some(Ok(())) => true,
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => false,
        }
    }

    fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Acquire)
    }

    fn ended(&self) -> Option<Ended> {
        self.shared.ended.get().cloned()
    }

    fn finish(&mut self, patience: Duration) {
        self.hand = None;
        // A reader who is gone for good keeps the thread in its write; then it ends with the process.
        match self.done.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                if let Some(thread) = self.thread.take() {
                    let _ = thread.join();
                }
            }
        }
    }
}
