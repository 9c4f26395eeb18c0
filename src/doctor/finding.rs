//! One thing that was looked at: how it stands, and what would mend it.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    /// Alarms may be missed or false until it is mended.
    Mend,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Mend => "mend",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub verdict: Verdict,
    /// What kind of thing was looked at.
    pub check: &'static str,
    /// Which one: a log, a file, a broker.
    pub subject: String,
    pub found: String,
    pub remedy: Option<String>,
}

impl Finding {
    fn new(verdict: Verdict, check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Finding {
        Finding { verdict, check, subject: subject.into(), found: found.into(), remedy: None }
    }

    pub fn ok(check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Finding {
        Finding::new(Verdict::Ok, check, subject, found)
    }

    pub fn note(check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Finding {
        Finding::new(Verdict::Note, check, subject, found)
    }

    pub fn mend(check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Finding {
        Finding::new(Verdict::Mend, check, subject, found)
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Finding {
        self.remedy = Some(remedy.into());
        self
    }
}
