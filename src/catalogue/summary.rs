//! An alarm in short: what raises it, what clears it, and how sure that is.

use std::sync::Arc;

use serde::Serialize;

use crate::pattern::{Alarm, ClearKind, Patterns, Raise, RaiseKind, SignalId};
use crate::time::human_duration;
use crate::transition::{Provenance, Severity};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub alarm: Arc<str>,
    pub alarm_id: Option<u32>,
    pub name: Arc<str>,
    pub severity: Severity,
    pub logs: Vec<Arc<str>>,
    /// The fields that make an instance besides its location.
    pub by: Vec<Arc<str>>,
    pub params: Vec<Arc<str>>,
    pub causes: Vec<Arc<str>>,
    pub stateless: bool,
    pub raised_by: Vec<String>,
    pub cleared_by: Vec<String>,
    /// Of the signals that raise it, strongest first.
    pub provenance: Vec<Provenance>,
}

impl Summary {
    pub fn new(patterns: &Patterns, alarm: &Alarm) -> Summary {
        let mut provenance: Vec<Provenance> =
            alarm.raise.iter().flat_map(|r| r.kind.raising()).map(|id| patterns.signal(*id).provenance).collect();
        provenance.sort();
        provenance.dedup();
        let mut raised_by: Vec<String> = alarm.raise.iter().filter(|r| !r.renew).map(|r| raised(patterns, r)).collect();
        raised_by.dedup();
        Summary {
            alarm: alarm.name.clone(),
            alarm_id: alarm.number,
            name: alarm.title.clone(),
            severity: alarm.severity,
            logs: alarm.logs.iter().map(|id| patterns.log(*id).name.clone()).collect(),
            by: alarm.by.iter().map(|b| b.name().into()).collect(),
            params: alarm.params.iter().map(|(name, _)| name.clone()).collect(),
            causes: causes(alarm),
            stateless: alarm.stateless,
            raised_by,
            cleared_by: alarm.clear.iter().map(|c| cleared(patterns, &c.kind)).collect(),
            provenance,
        }
    }
}

/// What a record can say: labels of look-back too, but no cause that is only ever renewed.
fn causes(alarm: &Alarm) -> Vec<Arc<str>> {
    let raising = alarm.raise.iter().filter(|r| !r.renew);
    let labels = raising.flat_map(|r| std::iter::once(r.cause).chain(r.with.iter().filter_map(|w| w.cause)));
    let mut labels: Vec<usize> = labels.collect();
    labels.sort_unstable();
    labels.dedup();
    labels.into_iter().map(|at| alarm.causes[at].clone()).collect()
}

fn raised(patterns: &Patterns, raise: &Raise) -> String {
    let names = |ids| names(patterns, ids);
    match &raise.kind {
        RaiseKind::On { on } => names(on),
        RaiseKind::Count { on, count, within } => format!("{count} × {} within {}", names(on), human_duration(*within)),
        RaiseKind::Without { on, without, within } => {
            format!("{} and for {} no {}", names(on), human_duration(*within), names(without))
        }
        RaiseKind::Absent { absent, span, .. } => format!("no {} for {}", names(absent), human_duration(*span)),
    }
}

fn cleared(patterns: &Patterns, kind: &ClearKind) -> String {
    match kind {
        ClearKind::On(on) => names(patterns, on),
        ClearKind::Present(present) => format!("{} again", names(patterns, present)),
        ClearKind::Quiet(span) => format!("{} of quiet", human_duration(*span)),
    }
}

fn names(patterns: &Patterns, ids: &[SignalId]) -> String {
    let names: Vec<&str> = ids.iter().map(|id| &*patterns.signal(*id).name).collect();
    names.join(" or ")
}
