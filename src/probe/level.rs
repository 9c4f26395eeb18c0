//! How full is too full, with a memory: what is over for the first time may be over by chance, and what has just come
//! back may be over again in a minute.

use serde::{Deserialize, Serialize};

use super::zookeeper::Limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Over the threshold, often enough in a row.
    Over,
    /// Over it, but not often enough yet.
    Rising,
    /// No longer over it, and not far enough below to say that it is over with.
    Held,
    Fine,
    /// Nobody tells the limit, so it is not judged.
    Untold,
}

/// From where on it is too much.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    /// The setting that is the limit.
    pub setting: &'static str,
    /// Percent of the limit.
    pub threshold: u32,
    /// So often in a row.
    pub trigger_count: u32,
    /// With a trigger count above one, it is fine again only at 90 % of the threshold.
    pub slack: bool,
}

impl Gauge {
    /// `row`: how often in a row it was over.
    pub fn level(&self, in_use: u64, limit: Option<u64>, row: &mut u32) -> Level {
        let Some(limit) = limit else {
            *row = 0;
            return Level::Fine;
        };
        let (used, most) = (u128::from(in_use) * 1000, u128::from(limit) * u128::from(self.threshold) * 10);
        if used > most {
            *row = row.saturating_add(1);
            return if *row >= self.trigger_count { Level::Over } else { Level::Rising };
        }
        *row = 0;
        match self.slack && self.trigger_count > 1 && used > most / 10 * 9 {
            true => Level::Held,
            false => Level::Fine,
        }
    }

    /// In words, as the vendor's alarms have it.
    pub fn words(&self, in_use: u64, limit: Option<u64>) -> String {
        let connections = if in_use == 1 { "connection" } else { "connections" };
        let Some(limit) = limit else {
            return format!("{in_use} {connections}, {} is not known or not set", self.setting);
        };
        format!("{in_use} {connections} of {} {limit}, threshold {} %", self.setting, self.threshold)
    }
}

/// Of two uses, which is nearer to its limit?
pub fn fuller(one: (u64, Option<u64>), other: (u64, Option<u64>)) -> bool {
    match (one.1, other.1) {
        (Some(a), Some(b)) => u128::from(one.0) * u128::from(b) > u128::from(other.0) * u128::from(a),
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => one.0 > other.0,
    }
}

/// The limits with what the settings say about those that servers do not tell.
pub fn limits(told: Limits, max_connections: Option<u64>) -> Limits {
    Limits { total: max_connections.or(told.total), ..told }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(gauge: Gauge, uses: &[u64]) -> Vec<Level> {
        let mut row = 0;
        uses.iter().map(|n| gauge.level(*n, Some(100), &mut row)).collect()
    }

    const GAUGE: Gauge = Gauge { setting: "maxCnxns", threshold: 80, trigger_count: 1, slack: true };

    #[test]
    fn at_the_threshold_is_not_over_it() {
        use Level::{Fine, Over};
        assert_eq!(levels(GAUGE, &[80, 81, 100, 80, 0]), [Fine, Over, Over, Fine, Fine]);
        let mut row = 0;
        // 58 of 60 is 96 %, 48 of 60 is 80 %, and of a small limit the part counts that is no whole connection.
        for (in_use, limit, level) in [(58, 60, Over), (48, 60, Fine), (49, 60, Over), (2, 3, Fine), (3, 3, Over)] {
            assert_eq!(GAUGE.level(in_use, Some(limit), &mut row), level, "{in_use} of {limit}");
        }
        assert_eq!(GAUGE.level(1_000_000, None, &mut row), Fine);
    }

    #[test]
    fn with_a_trigger_count_it_takes_a_row_to_be_over_and_some_slack_to_be_fine() {
        use Level::{Fine, Held, Over, Rising};
        let slow = Gauge { trigger_count: 3, ..GAUGE };
        assert_eq!(
            levels(slow, &[81, 81, 80, 81, 81, 81, 81, 80, 73, 72, 81]),
            [Rising, Rising, Held, Rising, Rising, Over, Over, Held, Held, Fine, Rising]
        );
        assert_eq!(levels(Gauge { slack: false, ..slow }, &[81, 81, 81, 80]), [Rising, Rising, Over, Fine]);
    }

    #[test]
    fn the_fuller_of_two_is_nearer_to_its_limit() {
        assert!(fuller((5, Some(10)), (6, Some(60))));
        assert!(!fuller((6, Some(60)), (5, Some(10))));
        assert!(fuller((1, Some(60)), (50, None)));
    }

    #[test]
    fn it_is_said_in_words() {
        let gauge = Gauge { setting: "maxClientCnxns", ..GAUGE };
        assert_eq!(gauge.words(58, Some(60)), "58 connections of maxClientCnxns 60, threshold 80 %");
        assert_eq!(gauge.words(1, None), "1 connection, maxClientCnxns is not known or not set");
    }
}
