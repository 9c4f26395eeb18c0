//! The progress bar: bytes, rate and time left, on a terminal only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::input::discover::Found;

const REDRAW: Duration = Duration::from_millis(100);

pub struct Progress {
    pub read: Arc<AtomicU64>,
    drawing: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub fn start(files: &[Found], shown: bool) -> Progress {
        let read = Arc::new(AtomicU64::new(0));
        if !shown {
            return Progress { read, drawing: None };
        }
        let total = files.iter().filter_map(|f| f.path.metadata().ok()).map(|m| m.len()).sum();
        let (stop, stopped) = channel();
        let counted = read.clone();
        let drawing = std::thread::spawn(move || {
            let bar = ProgressBar::new(total);
            let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(REDRAW) {
                bar.set_position(counted.load(Ordering::Relaxed));
            }
            bar.finish_and_clear();
        });
        Progress { read, drawing: Some((stop, drawing)) }
    }

    /// Takes the bar away, so that what follows starts on a clean line.
    pub fn finish(&mut self) {
        if let Some((stop, drawing)) = self.drawing.take() {
            drop(stop);
            // A bar that cannot be drawn is no reason to fail.
            let _ = drawing.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}
