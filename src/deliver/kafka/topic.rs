//! What a topic of alarms must be like: how one is made, and what is off with one that is there.

use std::collections::BTreeMap;

/// Records are below this by far; librdkafka sends no batch that is larger.
const BATCH: u64 = 1_000_000;

/// Of a topic that is made without a word about it. One keeps the order of all alarms, and takes thousands in a second.
pub const PARTITIONS: usize = 1;

/// More copies than this keep nothing safer that alarms need.
const REPLICAS: usize = 3;

/// Consumers that were away for no longer than this see every transition, and not only the last of each key.
const WHOLE_FOR: &str = "604800000";

/// A topic that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub partitions: usize,
    pub replicas: usize,
    pub settings: Vec<(&'static str, String)>,
}

impl Plan {
    pub fn new(partitions: Option<usize>, replicas: Option<usize>, brokers: usize) -> Plan {
        let replicas = replicas.unwrap_or(brokers.clamp(1, REPLICAS));
        let settings = vec![
            // The last record of each instance stays for ever: the topic is the state.
            ("cleanup.policy", "compact".to_owned()),
            ("min.compaction.lag.ms", WHOLE_FOR.to_owned()),
            // Only what lies in closed segments is compacted, and alarms fill none for years.
            ("segment.ms", "86400000".to_owned()),
            ("min.cleanable.dirty.ratio", "0.1".to_owned()),
            // An acknowledged record survives the loss of a broker, and the loss of one broker stops nothing.
            ("min.insync.replicas", replicas.saturating_sub(1).max(1).to_string()),
            ("unclean.leader.election.enable", "false".to_owned()),
            ("max.message.bytes", "1048588".to_owned()),
        ];
        Plan { partitions: partitions.unwrap_or(PARTITIONS), replicas, settings }
    }
}

/// A topic as the brokers describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub brokers: usize,
    pub partitions: usize,
    /// Of the partition with the fewest.
    pub replicas: usize,
    /// Partitions that nobody leads now.
    pub without_leader: usize,
    /// Empty if we may not see them.
    pub settings: BTreeMap<String, String>,
}

/// Something about a topic that costs alarms, now or on a bad day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub what: String,
    pub remedy: String,
}

impl Found {
    pub fn faults(&self, brokers: &str, topic: &str) -> Vec<Fault> {
        let alter = |setting: &str| {
            format!(
                "kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics --entity-name {topic} \
                 --add-config {setting}"
            )
        };
        let mut faults = Vec::new();
        let mut fault = |what: String, remedy: String| faults.push(Fault { what, remedy });
        if self.without_leader > 0 {
            let what = format!("{} of its {} partitions have no leader", self.without_leader, self.partitions);
            fault(what, "start the brokers that hold them".to_owned());
        }
        if self.replicas < self.brokers.min(REPLICAS) {
            let what =
                format!("{} replicas on {} brokers: with a broker, alarms are lost", self.replicas, self.brokers);
            fault(
                what,
                "raise the replication factor with kafka-reassign-partitions.sh, or make the topic anew".to_owned(),
            );
        }
        let policy = self.settings.get("cleanup.policy").map(String::as_str);
        match policy {
            Some("compact") | None => {}
            Some(policy) if policy.contains("compact") => fault(
                format!("cleanup.policy={policy}: what is active for longer than the retention vanishes"),
                alter("cleanup.policy=compact"),
            ),
            Some(policy) => fault(
                format!("cleanup.policy={policy}: the topic does not keep the state of every instance"),
                alter("cleanup.policy=compact"),
            ),
        }
        self.in_sync(&alter, &mut fault);
        if let Some(most) = self.number("max.message.bytes").filter(|most| *most < BATCH) {
            let what = format!("max.message.bytes={most}: batches and long records are refused");
            fault(what, alter("max.message.bytes=1048588"));
        }
        if self.settings.get("unclean.leader.election.enable").is_some_and(|v| v == "true") {
            let what = "unclean.leader.election.enable=true: acknowledged alarms may be lost".to_owned();
            fault(what, alter("unclean.leader.election.enable=false"));
        }
        faults
    }

    fn in_sync(&self, alter: &impl Fn(&str) -> String, fault: &mut impl FnMut(String, String)) {
        let Some(least) = self.number("min.insync.replicas").and_then(|n| usize::try_from(n).ok()) else { return };
        let replicas = self.replicas;
        let wanted = replicas.saturating_sub(1).max(1);
        let what = match least {
            n if n > replicas => format!("min.insync.replicas={n} with {replicas} replicas: nothing can be written"),
            n if n == replicas && n > 1 => {
                format!("min.insync.replicas={n} with {replicas} replicas: one broker that is down stops all alarms")
            }
            1 if replicas > 2 => {
                format!(
                    "min.insync.replicas=1 with {replicas} replicas: an alarm may be acknowledged by one broker alone"
                )
            }
            _ => return,
        };
        fault(what, alter(&format!("min.insync.replicas={wanted}")));
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.settings.get(name)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(plan: &Plan, brokers: usize) -> Found {
        Found {
            brokers,
            partitions: plan.partitions,
            replicas: plan.replicas,
            without_leader: 0,
            settings: plan.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }

    #[test]
    fn what_is_made_has_no_faults() {
        for brokers in [1, 2, 3, 9] {
            let plan = Plan::new(None, None, brokers);
            assert_eq!(plan.replicas, brokers.min(3));
            assert_eq!(found(&plan, brokers).faults("b", "t"), []);
        }
        assert_eq!(Plan::new(Some(6), Some(2), 3).partitions, 6);
    }

    #[test]
    fn each_fault_is_found_and_has_its_remedy() {
        let cases: [(&str, &str, &str, &str); 8] = [
            ("cleanup.policy", "delete", "does not keep the state", "cleanup.policy=compact"),
            ("cleanup.policy", "compact,delete", "longer than the retention", "cleanup.policy=compact"),
            ("min.insync.replicas", "4", "nothing can be written", "min.insync.replicas=2"),
            ("min.insync.replicas", "3", "stops all alarms", "min.insync.replicas=2"),
            ("min.insync.replicas", "1", "one broker alone", "min.insync.replicas=2"),
            ("max.message.bytes", "10000", "are refused", "max.message.bytes=1048588"),
            ("unclean.leader.election.enable", "true", "may be lost", "unclean.leader.election.enable=false"),
            ("segment.bytes", "1", "", ""),
        ];
        for (name, value, what, remedy) in cases {
            let mut found = found(&Plan::new(None, None, 3), 3);
            found.settings.insert(name.to_owned(), value.to_owned());
            let faults = found.faults("b:9092", "t");
            assert_eq!(faults.len(), usize::from(!what.is_empty()), "{name}={value}: {faults:?}");
            for fault in faults {
                assert!(fault.what.contains(what), "{fault:?}");
                assert!(fault.remedy.ends_with(remedy) && fault.remedy.contains("--entity-name t "), "{fault:?}");
            }
        }
        let few = Found { replicas: 1, without_leader: 1, ..found(&Plan::new(Some(2), None, 3), 3) };
        let faults: Vec<String> = few.faults("b", "t").into_iter().map(|f| f.what).collect();
        assert!(faults[0].starts_with("1 of its 2 partitions"), "{faults:?}");
        assert!(faults[1].starts_with("1 replicas on 3 brokers"), "{faults:?}");
    }
}
