//! What the micro-benchmarks share: the filter, and the shortest of several runs.

use std::time::{Duration, Instant};

/// What a filter on the command line asks for; without one, everything.
pub fn filter() -> String {
    std::env::args().skip(1).find(|a| a != "--bench").unwrap_or_default()
}

/// The shortest of several runs: what the code costs when nothing else runs. `make` makes what a run uses up.
pub fn best_with<T>(mut make: impl FnMut() -> T, mut run: impl FnMut(T)) -> Duration {
    let begun = Instant::now();
    let mut best = Duration::MAX;
    for number in 0.. {
        let made = make();
        let start = Instant::now();
        run(made);
        best = best.min(start.elapsed());
        if number >= 2 && begun.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    best
}
