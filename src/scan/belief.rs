//! Whether the time of a record can be believed.
//!
//! Now and then a record carries an impossible time: a torn write, a clock that was wrong for a moment. Believed, it
//! would carry the family's clock into the future and fire every timer on the way. In a file we can look on both
//! sides: a time that jumps ahead of the records before it and is taken back by the records after it is not
//! believed, and the record takes the time of the one before. A clock that was set back looks different: nothing
//! jumps ahead first.

use crate::pattern::Zone;
use crate::pattern::stamp::Stamp;
use crate::pattern::zone::STEP_BACK;
use crate::time::{MINUTE, Millis};

/// How many records with a time are looked at on either side.
pub const WINDOW: usize = 8;

/// A record waits for those that begin in so many bytes from its own beginning, and no more: of records without a time
/// there may be no end.
pub const SIGHT: u64 = 1 << 20;

/// A jump ahead is more than this.
pub const JUMP: Millis = 5 * MINUTE;

const HOUR: Millis = 60 * MINUTE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Believed,
    Wild,
    /// The records after it that are known do not tell.
    Unknown,
}

/// What is to be thought of the time `own`. `before`: the up to [`WINDOW`] times before it, none only if it is the
/// file's first. `after`: those after it within [`WINDOW`] and [`SIGHT`], as far as they are known; `complete`, if
/// no more of them can tell anything.
pub fn verdict(
    zone: Zone,
    before: impl Iterator<Item = Stamp> + Clone,
    own: Stamp,
    mut after: impl Iterator<Item = Stamp>,
    complete: bool,
) -> Verdict {
    let mut ahead = before.clone().filter(|b| ahead_of(own, *b, JUMP)).peekable();
    let first = before.clone().next().is_none();
    if !first && ahead.peek().is_none() {
        return Verdict::Believed;
    }
    // Where the zone changes, local times differ by more than what passed.
    let doubt = if let Stamp::Local(local) = own { zone.doubt(local) } else { 0 };
    let undecided = if complete { Verdict::Believed } else { Verdict::Unknown };
    if first {
        // Then all that follows must be far behind.
        let mut any = 0;
        let all = after.all(|next| {
            any += 1;
            ahead_of(own, next, JUMP + doubt)
        });
        return match (all, complete) {
            (false, _) => Verdict::Believed,
            (true, true) if any > 1 => Verdict::Wild,
            (true, _) => undecided,
        };
    }
    let ahead: Vec<Stamp> = ahead.filter(|b| ahead_of(own, *b, JUMP + doubt)).collect();
    // It comes back to where the jump began: nearer to there than to the time in question.
    let back = |next: Stamp| {
        let fall = next.behind(own).unwrap_or(0);
        ahead.iter().any(|b| next.behind(*b).is_some_and(|d| d <= STEP_BACK && -d <= fall))
    };
    if ahead.is_empty() {
        Verdict::Believed
    } else if after.any(|next| ahead_of(own, next, STEP_BACK + doubt) && back(next)) {
        Verdict::Wild
    } else {
        undecided
    }
}

/// Is it so plain that a time can be believed that nothing after it need be known?
pub fn is_calm(mut before: impl Iterator<Item = Stamp>, own: Stamp) -> bool {
    !before.any(|b| ahead_of(own, b, JUMP))
}

fn ahead_of(own: Stamp, other: Stamp, by: Millis) -> bool {
    other.behind(own).is_some_and(|d| d > by)
}

/// The older of two stamps, if they can be compared.
pub fn older(a: Stamp, b: Stamp) -> Stamp {
    if b.behind(a).is_some_and(|d| d > 0) { b } else { a }
}

/// Knows the hours of local time in which a zone's offset changes: which instant is meant there depends on every
/// record before.
#[derive(Debug)]
pub struct Doubt {
    zone: Zone,
    /// Hours since 1970 in which nothing changes.
    calm: std::ops::Range<i64>,
}

impl Doubt {
    /// Looking for changes over a longer time is not worth while: a block of a log that is so quiet is soon read.
    const LONGEST: i64 = 48;

    pub fn new(zone: Zone) -> Doubt {
        Doubt { zone, calm: 0..0 }
    }

    /// Can there be a change at all?
    pub fn is_possible(&self) -> bool {
        matches!(self.zone, Zone::Named(_))
    }

    pub fn at(&mut self, stamp: Stamp) -> bool {
        let Stamp::Local(local) = stamp else { return false };
        self.is_possible() && self.in_hour(local.div_euclid(HOUR))
    }

    /// May there be a change between the oldest and the newest of these?
    pub fn between(&mut self, stamps: impl Iterator<Item = Stamp>) -> bool {
        let hours = stamps.filter_map(|s| if let Stamp::Local(t) = s { Some(t.div_euclid(HOUR)) } else { None });
        let (first, last) = hours.fold((i64::MAX, i64::MIN), |(a, b), hour| (a.min(hour), b.max(hour)));
        first <= last && (last.saturating_sub(first) > Doubt::LONGEST || (first..=last).any(|hour| self.in_hour(hour)))
    }

    fn in_hour(&mut self, hour: i64) -> bool {
        if self.calm.contains(&hour) {
            return false;
        }
        let start = hour * HOUR;
        if [0, 15, 30, 45].iter().any(|minute| self.zone.doubt(start + minute * MINUTE) != 0) {
            return true;
        }
        self.calm = match hour {
            hour if hour == self.calm.end => self.calm.start..hour + 1,
            hour if hour + 1 == self.calm.start => hour..self.calm.end,
            hour => hour..hour + 1,
        };
        false
    }
}
