//! How far back heads are read: to what tells which times are believed, and to a jump ahead, if there is one among those
//! that would be passed over.

use super::super::belief::{JUMP, WINDOW, is_calm};
use super::super::heads::Heads;
use super::super::jump::LONGEST;
use super::{Place, Timed, Times};
use crate::pattern::stamp::Stamp;
use crate::pattern::zone::STEP_BACK;
use crate::time::MINUTE;

impl Times {
    /// Heads with a time in front of `end`, the last one first, down to where the stretch reaches.
    pub(super) fn backward<'h>(&self, heads: &'h Heads, mut end: usize) -> impl Iterator<Item = Timed> + use<'h> {
        let floor = self.upto;
        std::iter::from_fn(move || {
            while end > floor {
                let line = heads.block.line_before(end);
                end = line.start;
                if let Some(stamp) = heads.stamp(&line) {
                    return Some(Timed::new(heads, line.start, stamp));
                }
            }
            None
        })
    }

    /// Brings the stretch to the record that begins before `place` (or to the block's end), with at least `least` times
    /// and enough of them to tell what is believed there.
    pub(super) fn reach(&mut self, place: Place, least: usize, heads: &Heads) {
        if place <= self.upto {
            return;
        }
        let line = heads.block.line_at(place - 1);
        let end = heads.block.behind(&line);
        let (mut fresh, mut earlier) = (Vec::new(), self.backward(heads, end));
        let mut joined = !self.take_enough(&mut earlier, least, &mut fresh);
        if !joined && let Some(jump) = self.jump_before(&fresh, heads) {
            while fresh.last().is_some_and(|timed| timed.place > jump) {
                let Some(found) = earlier.next() else { break };
                fresh.push(found);
            }
            let more = fresh.len() + self.window() + 1;
            joined = !self.take_enough(&mut earlier, more, &mut fresh);
        }
        if !joined {
            debug_assert!(!self.must_read_on());
            self.stretch.clear();
            self.passed = self.window().min(fresh.len());
            self.before = None;
            self.whole = false;
        }
        self.stretch.extend(fresh.into_iter().rev());
        self.upto = end;
    }

    /// So many times must be in front of one that is to be judged.
    fn window(&self) -> usize {
        if self.ahead == 0 { 0 } else { WINDOW }
    }

    /// Takes heads until what is believed of the last ones can be told, and at least so many. `false`: there are no more.
    fn take_enough(&self, earlier: &mut impl Iterator<Item = Timed>, least: usize, fresh: &mut Vec<Timed>) -> bool {
        let mut enough = false;
        for found in earlier {
            fresh.push(found);
            if let Some(at) = fresh.len().checked_sub(self.window() + 1) {
                enough |= self.ahead == 0 || is_calm(fresh[at + 1..].iter().map(|timed| timed.stamp), fresh[at].stamp);
            }
            if enough && fresh.len() >= least {
                return true;
            }
        }
        false
    }

    /// The record behind a jump that the stretch would not show, if it goes on with these heads, the last one first.
    fn jump_before(&self, fresh: &[Timed], heads: &Heads) -> Option<Place> {
        let known = Timed { place: self.upto, ..*self.stretch.back()? };
        let (newest, oldest) = (fresh.first()?, fresh.last()?);
        let unjudged = &fresh[fresh.len().saturating_sub(self.window() + 1)..];
        let shown = unjudged.windows(2).find(|pair| self.is_of_interest(&pair[1], &pair[0], newest.stamp));
        match shown {
            Some(pair) => Some(pair[0].place),
            None => self.jump_between(&known, oldest, newest.stamp, heads),
        }
    }

    /// The same among the heads between two, by halving: what goes on calmly in between is passed over.
    fn jump_between(&self, known: &Timed, next: &Timed, newest: Stamp, heads: &Heads) -> Option<Place> {
        let passed = known.stamp.behind(next.stamp)?;
        if (-STEP_BACK..=JUMP).contains(&passed) {
            return None;
        }
        let Some(middle) = Self::head_between(known.place, next.place - 1, heads) else {
            return self.is_of_interest(known, next, newest).then_some(next.place);
        };
        // Where that head's line ends, for the half behind it.
        let line = heads.block.line_from(middle.place - 1);
        let behind = Timed { place: heads.block.behind(&line), ..middle };
        let late = self.jump_between(&behind, next, newest, heads);
        let may_be_early = self.jumps.is_open() || middle.stamp.behind(newest).is_none_or(|d| d <= LONGEST + MINUTE);
        late.or_else(|| may_be_early.then(|| self.jump_between(known, &middle, newest, heads)).flatten())
    }

    /// A head between these bytes, where lines begin, as near as can be to the middle.
    fn head_between(start: usize, mut end: usize, heads: &Heads) -> Option<Timed> {
        while start < end {
            let line = heads.block.line_at(start + (end - start) / 2);
            let (mut from, middle) = (line.start, line.start);
            while from < end {
                let line = heads.block.line_from(from);
                from = heads.block.behind(&line);
                if let Some(stamp) = heads.stamp(&line) {
                    return Some(Timed::new(heads, line.start, stamp));
                }
            }
            end = middle;
        }
        None
    }

    /// Do two records in a row jump ahead, and so late that `newest` may still be taken back, or take a jump back?
    fn is_of_interest(&self, known: &Timed, next: &Timed, newest: Stamp) -> bool {
        let Some(passed) = known.stamp.behind(next.stamp) else { return false };
        let lasts = next.stamp.behind(newest).is_some_and(|d| (-STEP_BACK..=LONGEST + MINUTE).contains(&d));
        (passed > JUMP && lasts) || (passed < -STEP_BACK && self.jumps.is_open())
    }
}
