//! Writes lines to logs at an even pace, some of them probes whose time is noted.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use chrono::Utc;

use super::site::{Site, line};

/// One line in so many is a probe.
const PROBES: u64 = 100;

/// Between two writes.
const PACE: Duration = Duration::from_millis(1);

/// What the other lines say: with the time and the level, 170 bytes.
const CHATTER: &str = "taskmanager heartbeat of container_e06_1616414400000_0007_01_000003 was received in time; slots in \
                       use 4 of 8, network buffers 2048";

pub struct Writer {
    logs: Vec<File>,
    /// Lines so far.
    lines: u64,
    probes: HashMap<u64, Instant>,
    rate: f64,
}

impl Writer {
    pub fn new(site: &Site) -> Writer {
        let open = |path| OpenOptions::new().append(true).open(path).expect("a log");
        Writer { logs: site.logs.iter().map(open).collect(), lines: 0, probes: HashMap::new(), rate: 0.0 }
    }

    /// Writes so many lines in a second for so long.
    pub fn write_for(&mut self, time: Duration, rate: u64) {
        self.write_until(self.lines + rate * time.as_secs(), rate);
    }

    /// Writes until there are so many lines.
    pub fn write_until(&mut self, lines: u64, rate: u64) {
        let (first, begun) = (self.lines, Instant::now());
        while self.lines < lines {
            let due = first + (begun.elapsed().as_secs_f64() * rate as f64) as u64;
            while self.lines < due.min(lines) {
                self.line();
            }
            std::thread::sleep(PACE);
        }
        self.rate = ((self.lines - first) as f64 / begun.elapsed().as_secs_f64()).round();
    }

    fn line(&mut self) {
        let number = self.lines;
        // Which log has the probe changes from probe to probe.
        let logs = self.logs.len() as u64;
        let at = (number + number / PROBES) % logs;
        let text = match number % PROBES {
            0 => line(Utc::now(), &format!("probe number {number}")),
            _ => line(Utc::now(), CHATTER),
        };
        let Ok(at) = usize::try_from(at) else { return };
        let now = Instant::now();
        self.logs[at].write_all(text.as_bytes()).expect("a log can be written");
        if number.is_multiple_of(PROBES) {
            self.probes.insert(number, now);
        }
        self.lines += 1;
    }

    /// Lines a second that were written the last time.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The probes since this was asked last, and when they were written.
    pub fn probes(&mut self) -> HashMap<u64, Instant> {
        std::mem::take(&mut self.probes)
    }
}
