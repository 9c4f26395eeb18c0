//! What the author of a test says besides its lines: the zone, the end, and one line for each transition expected.

use chrono::NaiveDateTime;

use super::diagnostic::{Diagnostic, suggest};
use super::model::{AlarmDef, Name, TestDef};
use super::zone::{self, Zone};
use crate::time::Millis;
use crate::transition::Event;

/// Fields of a record besides its params.
const FIELDS: [&str; 2] = ["node", "count"];

/// One line of `expect`.
#[derive(Debug)]
pub struct Expectation {
    pub written: String,
    pub event: Event,
    pub time: Millis,
    /// `None`: whatever they are.
    pub causes: Option<Vec<String>>,
    pub fields: Vec<(String, String)>,
}

/// The zone of a test's lines and times: UTC unless it says another.
pub fn zone(test: &TestDef) -> Result<Zone, Box<Diagnostic>> {
    let Some(name) = &test.zone else { return Ok(Zone::UTC) };
    Zone::parse(&name.value).ok_or_else(|| {
        let title = format!("unknown time zone `{}`", name.value);
        let error = Diagnostic::error(&name.span, title, "neither a name nor an offset");
        Box::new(error.help(zone::help(&name.value)))
    })
}

/// Until when the lines of a test are complete, if it says so.
pub fn end(test: &TestDef, zone: Zone) -> Result<Option<Millis>, Box<Diagnostic>> {
    let Some(text) = &test.end else { return Ok(None) };
    parse_instant(&text.value, zone).map(Some).ok_or_else(|| {
        let title = format!("`{}` is no time", text.value);
        let error = Diagnostic::error(&text.span, title, "expected a date and a time");
        Box::new(error.help("write for example \"2021-03-22T14:03:35.344\""))
    })
}

/// What is said of a test that names neither an alarm nor the log of some lines.
pub fn nameless(test: &TestDef) -> Diagnostic {
    let label = "which log are these lines of?";
    let error = Diagnostic::error(&test.span, "a test without an alarm names its logs", label);
    error.help("add `alarm = \"…\"`, or `log = \"…\"`")
}

/// `raise 2021-03-22T14:03:35.344 cause1,cause2 param=value`
pub fn read(line: &Name, zone: Zone) -> Result<Expectation, Box<Diagnostic>> {
    let wrong = |word: &str, why: String| {
        let mut span = line.span.clone();
        // Escapes are rare in an expectation; without them the word stands where it stands in the value.
        if let Some(at) = line.value.find(word).filter(|_| span.range.len() == line.value.len() + 2 && !word.is_empty())
        {
            let start = span.range.start + 1 + at;
            span.range = start..start + word.len();
        }
        let error = Diagnostic::error(&span, "this expectation cannot be read", why);
        Box::new(error.help("write `raise TIME [CAUSE,CAUSE] [PARAM=VALUE …]`, or `clear …`, or `occur …`"))
    };
    let mut words = line.value.split_whitespace();
    let first = words.next().unwrap_or_default();
    let event = match first {
        "raise" => Event::Raise,
        "clear" => Event::Clear,
        "occur" => Event::Occur,
        _ => return Err(wrong(first, "it begins with none of raise, clear, occur".to_owned())),
    };
    let time = words.next().ok_or_else(|| wrong(first, "there is no time behind this".to_owned()))?;
    let time =
        parse_instant(time, zone).ok_or_else(|| wrong(time, "no time such as 2021-03-22T14:03:35.344".to_owned()))?;
    let mut expectation = Expectation { written: line.value.clone(), event, time, causes: None, fields: Vec::new() };
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => expectation.fields.push((name.to_owned(), value.to_owned())),
            None if expectation.causes.is_some() => {
                return Err(wrong(
                    word,
                    "a second word without `=`: causes are one word, with commas between them".to_owned(),
                ));
            }
            None => expectation.causes = Some(word.split(',').map(str::to_owned).collect()),
        }
    }
    Ok(expectation)
}

impl Expectation {
    /// What the alarm can never do, whatever the lines.
    pub fn impossible(&self, at: &Name, alarm: &AlarmDef) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let params: Vec<&str> = alarm.params.iter().map(|(name, _)| name.value.as_str()).chain(FIELDS).collect();
        for (name, _) in self.fields.iter().filter(|(name, _)| !params.contains(&name.as_str())) {
            let error = Diagnostic::error(&at.span, format!("unknown param `{name}`"), "the alarm has no such param");
            found.push(error.help(suggest(name, params.iter().copied())));
        }
        let causes: Vec<&str> = alarm.labels().collect();
        for cause in self.causes.iter().flatten().filter(|c| !alarm.partial && !causes.contains(&c.as_str())) {
            let error = Diagnostic::error(&at.span, format!("unknown cause `{cause}`"), "the alarm has no such cause");
            found.push(error.help(suggest(cause, causes.iter().copied())));
        }
        let (stateless, occurs) = (alarm.stateless, self.event == Event::Occur);
        if stateless != occurs {
            let (label, help) = match stateless {
                true => ("a stateless alarm is neither raised nor cleared", "write `occur TIME …`"),
                false => ("only a stateless alarm occurs", "write `raise TIME …` or `clear TIME …`"),
            };
            found.push(Diagnostic::error(&at.span, "this can never be found", label).help(help));
        }
        found
    }
}

/// A time as a person writes it: ISO 8601, with or without an offset.
pub fn parse_instant(text: &str, zone: Zone) -> Option<Millis> {
    if let Ok(t) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(t.timestamp_millis());
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let naive = formats.iter().find_map(|f| NaiveDateTime::parse_from_str(&text.replace(',', "."), f).ok())?;
    Some(zone.resolve(naive.and_utc().timestamp_millis(), None))
}
