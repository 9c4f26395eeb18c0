//! What is looked at, when, and from where on it is too much.

use std::time::Duration;

use chrono::NaiveTime;

use super::zookeeper::Server;
use crate::time::{MINUTE, Millis, SECOND};

/// Whoever renews a certificate needs time for it.
pub const DAYS: u32 = 30;

/// When the vendor looks at certificates, too.
pub const AT: NaiveTime = NaiveTime::MIN.overflowing_add_signed(chrono::TimeDelta::hours(1)).0;

pub const EVERY: Millis = MINUTE;
pub const PATIENCE: Millis = 5 * SECOND;

/// In percent.
pub const THRESHOLD: u32 = 80;

/// Below the vendor's installation directory.
pub const CERTIFICATE: &str = "FusionInsight_Flink_*/install/FusionInsight-Flink-*/ha/local/cert/server.crt";

/// Where the vendor installs, if no `BIGDATA_HOME` says otherwise.
pub const BIGDATA_HOME: &str = "/opt/Bigdata";

/// The server that is asked if none is named.
pub const SERVER: &str = "localhost:2181";

/// The probes that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub certificate: Option<Certificates>,
    pub zookeeper: Option<Zookeeper>,
}

impl Settings {
    pub fn is_empty(&self) -> bool {
        *self == Settings::default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// Files or globs, absolute.
    pub paths: Vec<String>,
    /// So many left are no longer enough.
    pub days: u32,
    /// Local time of the daily check.
    pub at: NaiveTime,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zookeeper {
    pub servers: Vec<Server>,
    pub every: Millis,
    /// All questions to one server have this long together.
    pub patience: Millis,
    /// Percent of `maxCnxns`, and of `maxClientCnxns`.
    pub threshold: u32,
    pub client_threshold: u32,
    /// Checks in a row before it is too much.
    pub trigger_count: u32,
    /// `maxCnxns`, which servers do not tell.
    pub max_connections: Option<u64>,
}

impl Default for Certificates {
    fn default() -> Certificates {
        Certificates { paths: Vec::new(), days: DAYS, at: AT }
    }
}

/// Without servers.
impl Default for Zookeeper {
    fn default() -> Zookeeper {
        Zookeeper {
            servers: Vec::new(),
            every: EVERY,
            patience: PATIENCE,
            threshold: THRESHOLD,
            client_threshold: THRESHOLD,
            trigger_count: 1,
            max_connections: None,
        }
    }
}

impl Zookeeper {
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.unsigned_abs())
    }
}
