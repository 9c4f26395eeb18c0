//! The same content twice in one family: plain and compressed, or collected at two times. It is read once.
//!
//! A copy that was collected earlier is the beginning of a later one. Two files are the same content if they begin
//! with the same bytes and times and the shorter one's hits stand at the same places in the longer one; whatever else
//! may differ between them, no rule would see it. Where the copies differ and one of them is damaged, the damage is
//! why: the intact one is believed, and of a longer damaged one only what lies behind the intact one's end.

use std::collections::BTreeMap;

use super::Run;
use crate::scan::{Hit, Seen};

/// Files that begin with the same bytes and time and are still not the same are a freak, and thousands of them are
/// made on purpose: one file is compared with no more than this many.
const COMPARED: usize = 64;

/// What became of a family's runs.
pub struct Deduplicated {
    pub runs: Vec<Run>,
    /// For each run that adds nothing, by its index among those given, the file that has it all.
    pub copies: Vec<(usize, String)>,
}

pub fn without_duplicates(runs: Vec<Run>) -> Deduplicated {
    let mut runs: Vec<(usize, Run)> = runs.into_iter().enumerate().collect();
    runs.sort_by(|(_, a), (_, b)| {
        let damaged = |run: &Run| run.summary.hole_at_end;
        (b.summary.bytes.cmp(&a.summary.bytes))
            .then_with(|| damaged(a).cmp(&damaged(b)))
            .then_with(|| a.file.cmp(&b.file))
    });
    let mut kept: Vec<Run> = Vec::new();
    let mut by_start: BTreeMap<Box<[u8]>, Vec<usize>> = BTreeMap::new();
    let mut copies = Vec::new();
    for (index, run) in runs {
        let mut copy_of = None;
        if !run.start.is_empty() {
            // A file shorter than a start may be the beginning of any start that begins with it.
            let longer = by_start.range(run.start.clone()..).take_while(|(start, _)| start.starts_with(&run.start));
            let alike = longer.flat_map(|(_, at)| at).filter(|at| begins_like(&kept[**at], &run));
            let alike: Vec<usize> = alike.copied().take(COMPARED).collect();
            copy_of = alike.iter().copied().find(|&at| adds_nothing(&run, &kept[at]));
            if copy_of.is_none() {
                alike.into_iter().for_each(|at| kept[at].go_behind(&run));
            }
        }
        match copy_of {
            Some(at) => copies.push((index, kept[at].file.clone())),
            None => {
                by_start.entry(run.start.clone()).or_default().push(kept.len());
                kept.push(run);
            }
        }
    }
    Deduplicated { runs: kept, copies }
}

impl Run {
    /// If this is a damaged copy and the other is not, it counts only where the other ends.
    fn go_behind(&mut self, other: &Run) {
        let damaged = self.summary.hole_at_end && !other.summary.hole_at_end;
        if damaged && other.summary.bytes > self.from {
            self.from = other.summary.bytes;
            self.summary.first = other.summary.last;
            self.summary.unsettled.beginning = None;
            self.summary.orphans.clear();
        }
    }
}

fn begins_like(longer: &Run, run: &Run) -> bool {
    // Without a time inside, only the file's own stamp tells what was written twice from what was copied.
    let same_age = run.summary.first.is_some() || longer.modified == run.modified;
    // One that counts behind an intact copy has its own first time no more.
    longer.from > 0 || (longer.summary.first == run.summary.first && same_age)
}

/// Of two that begin alike, the shorter one: is all that it says in the longer one too?
fn adds_nothing(run: &Run, longer: &Run) -> bool {
    // A stump from which no record came proves nothing of what it is a copy of, and its hole must be seen.
    let stump = run.summary.hole_at_end && run.summary.first.is_none();
    // Where a damaged copy says something else, that is the damage.
    !stump
        && (run.summary.hole_at_end && run.summary.first.is_some()
            || longer.from == 0
                && not_later(run, longer)
                && all_in(run.summary.orphans.iter().cloned(), longer.summary.orphans.iter().cloned(), run)
                && all_in(hits(run), hits(longer), run))
}

fn not_later(run: &Run, longer: &Run) -> bool {
    match (run.summary.last, longer.summary.last) {
        (Some(own), Some(other)) => own.behind(other).is_none_or(|d| d >= 0),
        (own, _) => own.is_none(),
    }
}

fn hits(run: &Run) -> impl Iterator<Item = Hit> {
    run.seen.peek().filter_map(|seen| if let Seen::Hit(hit) = seen { Some(hit) } else { None })
}

/// What a line that is cut seems to say means nothing.
fn all_in(own: impl Iterator<Item = Hit>, mut other: impl Iterator<Item = Hit>, run: &Run) -> bool {
    let mut whole = own.filter(|hit| !run.cut || hit.line.number < run.summary.lines);
    whole.all(|hit| {
        other
            .next()
            .is_some_and(|o| o.signal == hit.signal && o.line.offset == hit.line.offset && o.line.text == hit.line.text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::SignalId;
    use crate::pattern::stamp::Stamp;
    use crate::scan::{Line, Summary};

    /// A file of one hit a line; each letter of `text` is another one.
    fn run(file: &str, text: &str, damaged: bool) -> Run {
        let line = |at: usize, letter: char| Line {
            file: file.into(),
            number: at as u64 + 1,
            offset: at as u64 * 100,
            text: letter.to_string().into_bytes().into(),
        };
        let hit = |(at, letter)| Hit {
            signal: SignalId(0),
            stamp: Some(Stamp::Local(at as i64)),
            captures: Vec::new(),
            weight: 1,
            line: line(at, letter),
            head: None,
        };
        let length = text.chars().count() as u64;
        Run {
            file: file.to_owned(),
            seen: text.chars().enumerate().map(hit).map(Seen::Hit).collect::<Vec<_>>().into(),
            summary: Summary {
                first: Some(Stamp::Local(0)),
                last: Some(Stamp::Local(length as i64 - 1)),
                hole_at_end: damaged,
                lines: length,
                bytes: length * 100,
                ..Summary::default()
            },
            start: text.as_bytes()[..text.len().min(4)].into(),
            ..Run::default()
        }
    }

    /// What is kept (with the offset that it counts from), and what is a copy of what.
    type Told = (Vec<(String, u64)>, Vec<(usize, String)>);

    fn told(runs: Vec<Run>) -> Told {
        let Deduplicated { runs, copies } = without_duplicates(runs);
        (runs.into_iter().map(|r| (r.file, r.from)).collect(), copies)
    }

    fn kept(file: &str, from: u64) -> (String, u64) {
        (file.to_owned(), from)
    }

    #[test]
    fn a_copy_and_the_beginning_of_one_are_read_once() {
        let runs = vec![run("early", "abcdef", false), run("late", "abcdefgh", false), run("gz", "abcdefgh", false)];
        assert_eq!(told(runs), (vec![kept("gz", 0)], vec![(1, "gz".into()), (0, "gz".into())]));
    }

    #[test]
    fn a_copy_shorter_than_what_is_kept_of_a_beginning_is_one_too() {
        let runs = vec![run("early", "ab", false), run("late", "abcdefgh", false)];
        assert_eq!(told(runs), (vec![kept("late", 0)], vec![(0, "late".into())]));
    }

    #[test]
    fn a_last_line_that_is_cut_does_not_make_another_file_of_a_copy() {
        let cut = |cut| vec![Run { cut, ..run("cut", "abcdX", false) }, run("late", "abcdefgh", false)];
        assert_eq!(told(cut(true)), (vec![kept("late", 0)], vec![(0, "late".into())]));
        assert_eq!(told(cut(false)), (vec![kept("late", 0), kept("cut", 0)], vec![]));
    }

    #[test]
    fn two_files_that_only_begin_alike_are_two() {
        let runs = vec![run("a", "abcdXfgh", false), run("b", "abcdef", false)];
        assert_eq!(told(runs), (vec![kept("a", 0), kept("b", 0)], vec![]));
    }

    #[test]
    fn an_early_copy_that_is_intact_is_part_of_a_later_one_that_is_damaged_behind_it() {
        let runs = vec![run("early", "abcdef", false), run("cut", "abcdefgh", true)];
        assert_eq!(told(runs), (vec![kept("cut", 0)], vec![(0, "cut".into())]));
    }

    #[test]
    fn a_damaged_copy_adds_nothing_to_an_intact_one_that_is_as_long() {
        let runs = vec![run("bad", "abcdXfgh", true), run("good", "abcdefgh", false)];
        assert_eq!(told(runs), (vec![kept("good", 0)], vec![(0, "good".into())]));
    }

    #[test]
    fn of_longer_copies_that_are_damaged_one_counts_behind_the_intact_one() {
        let runs = vec![run("bad", "abcdXfghij", true), run("worse", "abcdXXghi", true), run("good", "abcdef", false)];
        assert_eq!(told(runs), (vec![kept("bad", 600), kept("good", 0)], vec![(1, "bad".into())]));
    }
}
