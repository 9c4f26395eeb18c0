//! Which steps are taken: a verdict opens one way, and where there is none, both stay open.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::look::{Ground, look};
use super::{Answer, Verdict};
use crate::catalogue::Runbook;
use crate::catalogue::runbook::{Outcome, Step};

/// A step and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Walked {
    /// With all that is known filled in.
    #[serde(flatten)]
    pub step: Step,
    pub verdict: Verdict,
    pub evidence: Vec<String>,
    pub remedy: Option<String>,
    /// Where a verdict leads, if it does not end the procedure.
    pub next: Option<u32>,
}

/// Takes every step that can be reached, with all probes under way at the same time.
pub fn walk(book: &Runbook, ground: &Ground) -> Vec<Walked> {
    let shown = book.filled(&|name| ground.known(name));
    let answers = look(&book.steps, ground);
    take(&book.steps, answers, shown)
}

/// `shown` are the steps as a person reads them.
fn take(steps: &[Step], mut answers: BTreeMap<u32, Answer>, shown: Vec<Step>) -> Vec<Walked> {
    let mut reached = BTreeSet::from([1]);
    let mut walked = Vec::new();
    for (step, shown) in steps.iter().zip(shown) {
        if !reached.contains(&step.number) {
            let verdict = Verdict::NotNeeded;
            walked.push(Walked { step: shown, verdict, evidence: Vec::new(), remedy: None, next: None });
            continue;
        }
        let answer = answers.remove(&step.number);
        let verdict = answer.as_ref().map_or(Verdict::Person, |a| a.verdict);
        let ways = ways(step, verdict);
        reached.extend(&ways);
        let next = ways.first().copied().filter(|_| matches!(verdict, Verdict::Ok | Verdict::Fault));
        let (evidence, remedy) = answer.map_or_else(Default::default, |a| (a.evidence, a.remedy));
        walked.push(Walked { step: shown, verdict, evidence, remedy, next });
    }
    walked
}

/// Where a step can lead to.
fn ways(step: &Step, verdict: Verdict) -> Vec<u32> {
    let outcomes: &[&Option<Outcome>] = match verdict {
        Verdict::Ok => &[&step.ok],
        Verdict::Fault => &[&step.fault],
        Verdict::Unknown | Verdict::Person => &[&step.ok, &step.fault],
        Verdict::NotNeeded => &[],
    };
    let way = |outcome: &&Option<Outcome>| match outcome {
        Some(Outcome { step: Some(step), .. }) => Some(*step),
        Some(Outcome { done: true, .. }) => None,
        _ => Some(step.number + 1),
    };
    outcomes.iter().filter_map(way).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::diagnostic::Source;

    const STEPS: &str = "## Steps\n\n\
        1. **Reach.**\n   probe: ping {peer}\n   - ok: go to step 4.\n   - fault: go on.\n\
        2. **Ask.**\n   - ok: go to step 4.\n   - fault: go on.\n\
        3. **Mend.**\n   - ok: done.\n   - fault: go on.\n\
        4. **Space.**\n   probe: space /x\n   - ok: go to step 6.\n   - fault: go on.\n\
        5. **Delete.**\n\
        6. **Collect.**\n";

    fn verdicts(answers: &[(u32, Verdict)]) -> String {
        let book = Runbook::parse(Source { name: "x.md".into(), text: STEPS.into(), builtin: false });
        let answers = answers.iter().map(|(n, verdict)| (*n, Answer::new(*verdict, "seen"))).collect();
        let walked = take(&book.steps, answers, book.steps.clone());
        let shown = walked.iter().map(|w| match (w.verdict, w.next) {
            (Verdict::NotNeeded, _) => "-".to_owned(),
            (verdict, Some(next)) => format!("{}>{next}", verdict.name()),
            (verdict, None) => verdict.name().to_owned(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_verdict_opens_one_way_and_what_is_open_keeps_both() {
        use Verdict::*;
        for (answers, expect) in [
            (&[(1, Ok), (4, Ok)], "ok>4 - - ok>6 - person"),
            (&[(1, Ok), (4, Fault)], "ok>4 - - fault>5 person person"),
            (&[(1, Fault), (4, Ok)], "fault>2 person person ok>6 - person"),
            (&[(1, Unknown), (4, Unknown)], "unknown person person unknown person person"),
        ] {
            assert_eq!(verdicts(answers), expect, "{answers:?}");
        }
    }

    #[test]
    fn a_procedure_may_end_with_a_verdict() {
        let text = "## Steps\n\n1. **A.**\n   probe: space /x\n   - ok: done.\n   - fault: go on.\n2. **B.**\n";
        let book = Runbook::parse(Source { name: "x.md".into(), text: text.into(), builtin: false });
        let walked = take(&book.steps, [(1, Answer::ok("seen"))].into(), book.steps.clone());
        assert_eq!(walked.iter().map(|w| w.verdict).collect::<Vec<_>>(), [Verdict::Ok, Verdict::NotNeeded]);
        assert_eq!(walked[0].next, None);
    }
}
