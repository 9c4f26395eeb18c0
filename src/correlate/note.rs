//! What the rules did with a hit, for `explain`: correlate says it as it happens, if anybody listens.

use crate::pattern::{AlarmId, CauseSet, SignalId};
use crate::time::{Millis, Moment};

#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub alarm: AlarmId,
    pub key: std::sync::Arc<str>,
    pub about: About,
    pub did: Did,
}

/// What a note is about, besides the instance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct About {
    /// The entry of the alarm that did it.
    pub entry: Option<Entry>,
    /// It was done by a deadline that has passed, and not by a hit.
    pub deadline: Option<Moment>,
}

/// An entry of an alarm, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    Raise(usize),
    Clear(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Did {
    /// A cause began; `changed` if it was the first, so that the alarm is raised.
    Began {
        cause: usize,
        changed: bool,
    },
    /// The cause was active already: counted, and quiet starts anew.
    Renewed {
        cause: usize,
    },
    /// `quiet` waits: clears then, if nothing renews it.
    QuietUntil {
        until: Moment,
    },
    /// `unless`: this was seen within the time before.
    Suppressed {
        by: SignalId,
        at: Moment,
    },
    /// `renew`, but nothing is active to be renewed.
    NothingToRenew,
    /// `count`: not enough yet.
    Counting {
        have: u64,
        need: u64,
        within: Millis,
    },
    /// `absent`: hits in a row, of those that arm it.
    Arming {
        have: u32,
        need: u32,
    },
    /// `absent` is armed: silence until then raises.
    Armed {
        until: Moment,
    },
    Disarmed,
    /// `without`: raises then, unless a hit of the other signal comes.
    Waiting {
        until: Moment,
    },
    /// `without`: the other signal came.
    Cancelled,
    /// `disarm`, or the other signal of `without`, but nothing is armed or waiting.
    NothingToStop,
    /// Causes ended; `changed` if they were the last, so that the alarm is cleared.
    Ended {
        causes: CauseSet,
        changed: bool,
    },
    /// A clear entry held, but none of its causes is active.
    NothingToClear,
    /// `present`, but no absence is active that it could end.
    NothingAbsent,
    /// `with` found this.
    Reason {
        on: SignalId,
        at: Moment,
        line: u64,
    },
    /// `with` looked for these and found none within the time.
    WithoutReason {
        on: SignalId,
        within: Millis,
    },
    /// A stateless alarm's record.
    Occurred,
    /// It came too late to change anything.
    TooLate,
    /// The signal is one of the alarm's, but this log is not.
    OtherLog,
}
