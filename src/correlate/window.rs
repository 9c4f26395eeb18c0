//! The sliding window of a `count` entry: how much was hit within the time before the latest hit.

use std::collections::VecDeque;

use super::event::FamilyId;
use crate::time::Millis;

/// A window that has what its rule needs, and this many hits more, forgets the oldest: a storm must not fill memory.
const MOST: usize = 4096;

/// Hits in order of time; `sum` is that of their weights.
#[derive(Clone, Debug, Default)]
pub struct Window {
    hits: VecDeque<(Millis, u64, FamilyId)>,
    sum: u128,
}

impl Window {
    /// Takes in a hit and gives the weight of all that are within the time.
    pub fn add(&mut self, time: Millis, weight: u64, family: FamilyId, within: Millis, need: u64) -> u64 {
        // Threads log out of order, but not by much: the place is near the end.
        let behind = self.hits.iter().rev().take_while(|(t, ..)| *t > time).count();
        self.hits.insert(self.hits.len() - behind, (time, weight, family));
        self.sum += u128::from(weight);
        let newest = self.hits.back().map_or(time, |(t, ..)| *t);
        while let Some(&(oldest, weight, _)) = self.hits.front() {
            let spare = self.hits.len() > MOST && self.sum - u128::from(weight) >= u128::from(need);
            if oldest >= newest - within && !spare {
                break;
            }
            self.hits.pop_front();
            self.sum -= u128::from(weight);
        }
        u64::try_from(self.sum).unwrap_or(u64::MAX)
    }

    /// The time of the latest hit.
    pub fn latest(&self) -> Option<Millis> {
        self.hits.back().map(|(t, ..)| *t)
    }

    /// What there is to save of it.
    pub fn hits(&self) -> impl Iterator<Item = (Millis, u64, FamilyId)> {
        self.hits.iter().copied()
    }

    /// The next of what [`hits`](Window::hits) gave.
    pub fn put_back(&mut self, time: Millis, weight: u64, family: FamilyId) {
        self.hits.push_back((time, weight, family));
        self.sum += u128::from(weight);
    }

    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    pub fn shift(&mut self, family: FamilyId, by: Millis) {
        for (t, _, _) in self.hits.iter_mut().filter(|(_, _, f)| *f == family) {
            *t += by;
        }
        self.hits.make_contiguous().sort_by_key(|(t, ..)| *t);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const F: FamilyId = FamilyId(0);

    #[test]
    fn what_is_older_than_the_time_before_the_latest_hit_does_not_count() {
        let mut window = Window::default();
        let sums: Vec<u64> = [0, 10, 5, 20, 31].iter().map(|&t| window.add(t, 1, F, 20, 9)).collect();
        assert_eq!(sums, [1, 2, 3, 4, 2]);
    }

    #[test]
    fn weights_add_up_and_never_overflow() {
        let mut window = Window::default();
        window.add(0, u64::MAX, F, 20, 9);
        assert_eq!(window.add(1, 5, F, 20, 9), u64::MAX);
        assert_eq!(window.add(21, 2, F, 20, 9), 7);
    }

    #[test]
    fn a_storm_is_bounded_and_still_enough() {
        let mut window = Window::default();
        for t in 0..100_000 {
            window.add(t, 1, F, 1_000_000, 10_000);
        }
        assert_eq!(window.hits.len(), 10_000);
        assert_eq!(window.add(100_000, 1, F, 1_000_000, 10_000), 10_000);
    }
}
