//! The configuration file as written: what is not said is `None`, and what is said knows where.

use std::path::PathBuf;

use chrono::NaiveTime;

use super::secret::Property;
use super::value::{Begin, LogFormat, Sink};
use crate::deliver::stdout::Format;
use crate::pattern::Zone;
use crate::pattern::model::{At, Name};
use crate::pattern::overrides::Overrides;
use crate::probe::zookeeper::Server;
use crate::time::Millis;
use crate::transition::Severity;

#[derive(Clone, Debug, Default)]
pub struct Config {
    pub paths: Option<At<Vec<PathBuf>>>,
    pub wait: Option<At<bool>>,
    pub cluster: Option<Name>,
    pub zone: Option<At<Zone>>,
    pub hold: Option<At<Millis>>,
    pub max_keys: Option<At<usize>>,
    pub to: Option<At<Vec<Sink>>>,
    pub format: Option<At<Format>>,
    pub log_format: Option<At<LogFormat>>,
    pub patterns: Option<At<Vec<PathBuf>>>,
    pub no_default_patterns: Option<At<bool>>,
    /// `[assign]`: the node of what lies below a path.
    pub assign: Vec<At<(String, PathBuf)>>,
    pub logs: Vec<LogConfig>,
    pub overrides: Overrides,
    pub filter: FilterConfig,
    pub state: StateConfig,
    pub kafka: Vec<Property>,
    pub probe: ProbeConfig,
}

/// `[log.NAME]`.
#[derive(Clone, Debug)]
pub struct LogConfig {
    pub name: Name,
    pub zone: Option<At<Zone>>,
    /// It may be silent for so long.
    pub silent: Option<At<Millis>>,
    /// What is of this log, whatever it is called.
    pub files: Vec<At<PathBuf>>,
}

/// `[filter]`.
#[derive(Clone, Debug, Default)]
pub struct FilterConfig {
    pub alarms: Option<At<Vec<Name>>>,
    pub nodes: Option<At<Vec<Name>>>,
    pub severity: Option<At<Severity>>,
}

/// `[state]`.
#[derive(Clone, Debug, Default)]
pub struct StateConfig {
    pub dir: Option<At<PathBuf>>,
    /// `lookback`, or `from`.
    pub begin: Option<At<Begin>>,
    pub outbox: Option<At<u64>>,
}

/// `[probe]`: a probe that has a table is wanted.
#[derive(Clone, Debug, Default)]
pub struct ProbeConfig {
    pub certificate: Option<CertificateConfig>,
    pub zookeeper: Option<ZookeeperConfig>,
}

/// `[probe.certificate]`.
#[derive(Clone, Debug, Default)]
pub struct CertificateConfig {
    pub paths: Option<At<Vec<String>>>,
    pub days: Option<At<u32>>,
    pub at: Option<At<NaiveTime>>,
}

/// `[probe.zookeeper]`.
#[derive(Clone, Debug, Default)]
pub struct ZookeeperConfig {
    pub servers: Option<At<Vec<Server>>>,
    pub every: Option<At<Millis>>,
    pub patience: Option<At<Millis>>,
    pub threshold: Option<At<u32>>,
    pub client_threshold: Option<At<u32>>,
    pub trigger_count: Option<At<u32>>,
    pub max_connections: Option<At<u64>>,
    pub admin_port: Option<At<u16>>,
}
