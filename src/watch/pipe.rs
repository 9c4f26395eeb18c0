//! Standard input as a family: whose log it is, is told by the user or by what comes first.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::stdin::Piped;
use crate::config::watch::WatchSettings;
use crate::correlate::Family;
use crate::input::assign::{Assigner, Assignment, Place, SAMPLE, Unassigned};
use crate::input::tail::wake::Caller;
use crate::replay::gather::Zones;

/// It is recognised by what comes within this time, if it is not enough before.
const SAMPLED: Duration = Duration::from_secs(1);

pub struct Pipe {
    /// Until a watch has it.
    piped: Option<Piped>,
    /// What came first, to recognise it by when the patterns change.
    sample: Vec<u8>,
}

impl Pipe {
    pub fn start(caller: &Caller) -> Pipe {
        let caller = caller.clone();
        Pipe { piped: Some(Piped::start(io::stdin(), move || caller.call())), sample: Vec::new() }
    }

    /// Its family, and its bytes.
    pub fn family(&mut self, assigner: &Assigner, settings: &WatchSettings) -> Result<(Family, Piped), String> {
        let mut piped = self.piped.take().ok_or("it is read already")?;
        if self.sample.is_empty() && assigner.by_path(&place()).is_none() {
            self.sample = piped.sample(SAMPLE, SAMPLED).to_vec();
        }
        let assigned = self.recognise(assigner)?;
        let (log, zone) = (assigned.log, settings.zones.of(assigned.log));
        let log_name = settings.patterns.log(log).name.clone();
        let (cluster, node, name) = (settings.cluster.clone(), assigned.node, assigned.family);
        Ok((Family { cluster, node, log, log_name, name, zone }, piped))
    }

    /// Whose log it is, by what the user says or by what came first.
    pub fn recognise(&self, assigner: &Assigner) -> Result<Assignment, String> {
        if let Some(assigned) = assigner.by_path(&place()) {
            return Ok(assigned);
        }
        assigner.by_content(&place(), &self.sample, true).map_err(|why| match why {
            Unassigned::Unknown => {
                "no log looks like what came within a second; say which with --log NAME=-".to_owned()
            }
            Unassigned::Ambiguous(names) => {
                format!("it may be a log of {}; say which with --log NAME=-", names.join(", "))
            }
        })
    }

    /// The bytes go on to another watch.
    pub fn take_back(&mut self, piped: Option<Piped>) {
        self.piped = piped;
    }
}

fn place() -> Place {
    Place { outer: PathBuf::from("-"), inner: Vec::new() }
}
