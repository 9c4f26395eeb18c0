//! What correlate is fed: hits and ticks of families, in event time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::pattern::{LogId, Zone};
use crate::scan::Hit;
use crate::time::{Millis, Moment, SECOND};

/// Threads log out of order; a family's times fall back by no more than this without being taken for more than that.
pub const SLACK: Millis = SECOND;

/// An index of the families that were registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FamilyId(pub u32);

impl FamilyId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One log file with its rolled archives: the unit of order.
#[derive(Clone, Debug)]
pub struct Family {
    pub cluster: Arc<str>,
    pub node: Arc<str>,
    pub log: LogId,
    pub log_name: Arc<str>,
    /// As live, below the node.
    pub name: Arc<str>,
    pub zone: Zone,
}

impl Family {
    /// The order of ties: never that of the command line.
    pub fn rank(&self) -> (&str, &str, &str, &str) {
        (&self.log_name, &self.name, &self.node, &self.cluster)
    }

    /// Cluster, node, log and name, which no two families have in common.
    pub fn whole_name(&self) -> [&str; 4] {
        [&self.cluster, &self.node, &self.log_name, &self.name]
    }

    /// The same, to be kept.
    pub fn owned_name(&self) -> [Arc<str>; 4] {
        [self.cluster.clone(), self.node.clone(), self.log_name.clone(), self.name.clone()]
    }
}

#[derive(Clone, Debug)]
pub struct Event {
    /// The running maximum of the family's times, by which families are merged.
    pub key: Millis,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Hit(Arc<TimedHit>),
    /// The family's clock is at least here.
    Tick(Millis),
    /// What is between these two times is lost.
    Hole {
        from: Millis,
        until: Millis,
    },
    /// The clock behind the family was changed by this much (back, so it is negative).
    Step(Millis),
    /// Live, the wall clock had carried the family's clock ahead of here, and a line shows that it was wrong.
    Recall(Millis),
}

impl Event {
    /// The second key of the order, for events that have a time of their own.
    pub fn time(&self) -> Millis {
        match &self.what {
            What::Hit(hit) => hit.moment.millis,
            _ => self.key,
        }
    }
}

#[derive(Clone, Debug)]
pub struct TimedHit {
    pub hit: Hit,
    pub moment: Moment,
    /// The record had no time, and none was known before it.
    pub assumed: bool,
    pub family: FamilyId,
    /// Its place among the hits of its family, which line numbers do not tell across rolled files.
    pub position: u64,
    /// Which of the family's files it is in, as they were begun: live, one name stands for many of them.
    pub file: u32,
}

impl TimedHit {
    /// Is this the same hit? It may have been saved and restored since.
    pub fn is(&self, other: &TimedHit) -> bool {
        (self.family, self.position) == (other.family, other.position)
    }
}
