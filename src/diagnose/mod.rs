//! Walking the runbook of an alarm: what a program can check is checked, and what is left is said to a person.
//!
//! At three in the morning nobody wants to type `find` by heart, and nobody trusts a tool that repairs things. So every
//! step that names a probe is looked at, with a time-out and without changing anything, and comes back with a verdict, the
//! evidence for it and where the runbook goes on from there. What a verdict makes needless is left out; what could not be
//! decided keeps both ways open.

mod certificate;
mod connections;
pub mod floating_ip;
pub mod history;
mod junk;
mod look;
pub mod machine;
mod names;
mod peer;
mod permissions;
mod space;
mod walk;

pub use look::{Ground, PATIENCE};
pub use walk::{Walked, walk};

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Looked at, and as it should be.
    Ok,
    /// Looked at, and at fault.
    Fault,
    /// It could not be looked at, or what was seen decides nothing.
    Unknown,
    /// No program can tell: a person has to look.
    Person,
    /// What other steps said makes it needless.
    NotNeeded,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Fault => "fault",
            Verdict::Unknown => "unknown",
            Verdict::Person => "person",
            Verdict::NotNeeded => "not-needed",
        }
    }
}

/// What a probe says. Its verdict is ok, fault or unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
    /// What would mend it, or what would let it be decided. It is never carried out.
    pub remedy: Option<String>,
}

impl Answer {
    fn new(verdict: Verdict, evidence: impl Into<String>) -> Answer {
        Answer { verdict, evidence: vec![evidence.into()], remedy: None }
    }

    pub fn ok(evidence: impl Into<String>) -> Answer {
        Answer::new(Verdict::Ok, evidence)
    }

    pub fn fault(evidence: impl Into<String>) -> Answer {
        Answer::new(Verdict::Fault, evidence)
    }

    pub fn unknown(evidence: impl Into<String>) -> Answer {
        Answer::new(Verdict::Unknown, evidence)
    }

    pub fn and(mut self, evidence: impl Into<String>) -> Answer {
        self.evidence.push(evidence.into());
        self
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Answer {
        self.remedy = Some(remedy.into());
        self
    }
}

/// `1 file`, `2 files`.
fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
