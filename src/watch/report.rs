//! The watch's own log, on standard error: what happens to files, to the state and to sinks; nothing for a line of a log.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use chrono::Utc;
use serde_json::json;

use super::core::Watch;
use super::feed::News;
use crate::config::LogFormat;
use crate::correlate::Family;
use crate::deliver::stdout::printable;
use crate::time::{MINUTE, Millis, Moment};

/// How often it says that all is well.
const ALIVE: Millis = 60 * MINUTE;

pub struct Report {
    format: LogFormat,
    out: Box<dyn Write + Send>,
    alive: Option<Millis>,
    /// What is not well, or is said but once: kind and subject.
    said: HashSet<(String, String)>,
    /// Bytes at the last sign of life.
    bytes: u64,
}

impl Report {
    pub fn new(format: LogFormat, out: Box<dyn Write + Send>) -> Report {
        Report { format, out, alive: None, said: HashSet::new(), bytes: 0 }
    }

    pub fn info(&mut self, what: &str, text: &str) {
        self.say("info", what, text);
    }

    pub fn warn(&mut self, what: &str, text: &str) {
        self.say("warning", what, text);
    }

    /// Something is not well, until it is [over](Report::over).
    pub fn trouble(&mut self, what: &str, about: &str, text: &str) {
        self.warn(what, &format!("{about}: {text}"));
        self.said.insert((what.to_owned(), about.to_owned()));
    }

    /// Something is worth a word, but no more than one for each subject.
    pub fn once(&mut self, what: &str, about: &str, text: &str) {
        if self.said.insert((format!("{what}, once"), about.to_owned())) {
            self.warn(what, &format!("{about}: {text}"));
        }
    }

    pub fn over(&mut self, what: &str, about: &str, text: &str) {
        if self.said.remove(&(what.to_owned(), about.to_owned())) {
            self.info(what, &format!("{about}: {text}"));
        }
    }

    fn say(&mut self, level: &str, what: &str, text: &str) {
        let time = Moment::utc(Utc::now().timestamp_millis());
        let text = printable(text);
        // Nobody reads it any more: that is no reason to stop watching.
        let _ = match self.format {
            LogFormat::Text => writeln!(self.out, "{time} {level} {what}: {text}"),
            LogFormat::Json => {
                writeln!(self.out, "{}", json!({"time": time, "level": level, "what": what, "text": text}))
            }
        };
    }

    pub fn found(&mut self, family: &Family, live: &Path, offset: Option<u64>) {
        let from = offset.map_or_else(String::new, |offset| format!(", going on at byte {offset}"));
        let (live, log, node) = (live.display(), &family.log_name, &family.node);
        self.info("found", &format!("{live} is {log} of {node}{from}"));
    }

    pub fn news(&mut self, family: &Family, news: &News) {
        match news {
            News::Opened { path, offset } => {
                self.info("opened", &format!("{} at byte {offset}, for {}", path.display(), family.name));
            }
            News::Ended { path } => self.info("rotated", &format!("{} was read to its end", path.display())),
            News::Lost(lost) => self.warn("lost", &lost.to_string()),
        }
    }

    /// Now and then, that all is well.
    pub fn alive(&mut self, wall: Millis, watch: &Watch) {
        let due = self.alive.is_none_or(|last| wall - last >= ALIVE || wall < last);
        if !due {
            return;
        }
        let bytes = (0..watch.len()).map(|at| watch.feed(at).bytes).sum();
        if self.alive.is_some() {
            let (families, active) = (watch.len(), watch.active().count());
            let read = bytes - self.bytes.min(bytes);
            self.info("alive", &format!("{families} logs, {read} bytes read since, {active} alarms active"));
        }
        (self.alive, self.bytes) = (Some(wall), bytes);
    }
}
