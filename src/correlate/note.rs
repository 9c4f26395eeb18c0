//! What the rules did with a hit, for `explain`: correlate says it as it happens, if anybody listens.

use crate::pattern::{AlarmId, SignalId};
use crate::time::{Millis, Moment};

#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub alarm: AlarmId,
    pub key: std::sync::Arc<str>,
    pub did: Did,
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
    /// A cause ended; `changed` if it was the last, so that the alarm is cleared.
    Ended {
        cause: usize,
        changed: bool,
    },
    /// A clear entry held, but none of its causes is active.
    NothingToClear,
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
