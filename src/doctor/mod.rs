//! What stands in the way of watching, and what to do about it.
//!
//! Most of what goes wrong with a watcher goes wrong before the first line: a log that only root may read, a zone that
//! is assumed and false, a heartbeat that is worded otherwise. Nothing of it is an error while the watcher runs; it just
//! sees no alarms. So all of it is looked at once, each finding with its remedy, and nothing is changed.

pub mod access;
mod beat;
pub mod finding;
pub mod limits;
pub mod logs;
mod sample;
pub mod sinks;
pub mod state;

pub use finding::{Finding, Verdict};

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::settings::Named;
use crate::config::watch::Paths;
use crate::config::{ConfigFile, Settings};
use crate::pattern::Patterns;
use access::User;

/// What is examined.
pub struct Subject<'a> {
    pub settings: &'a Settings,
    pub patterns: &'a Patterns,
    pub named: &'a Named,
    pub paths: &'a Paths,
    /// This machine's name: the node of its own logs.
    pub host: &'a str,
    pub user: &'a User,
}

/// All there is to say, in the order in which it would be mended.
pub fn examine(subject: &Subject) -> Vec<Finding> {
    let mut found = Vec::new();
    let tree = logs::Tree::find(subject);
    logs::examine(subject, &tree, &mut found);
    limits::examine(&tree, &mut found);
    state::examine(&subject.settings.state.value, subject.user, &mut found);
    found.extend(subject.settings.file.as_ref().and_then(exposed));
    sinks::examine(&subject.settings.to.value, &subject.settings.kafka, &mut found);
    found
}

/// Secrets that everybody on this machine can read.
fn exposed(file: &ConfigFile) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.path.metadata().ok()?.permissions().mode();
    let open = mode & 0o044 != 0 && file.config.kafka.iter().any(|p| p.is_exposed());
    let path = file.path.display().to_string();
    open.then(|| {
        Finding::mend("configuration", path, "it holds a secret, and others may read it").remedy(format!(
            "chmod 0600 {}, or keep the secret in a file of its own (`sasl.password-file`)",
            access::quoted(&file.path)
        ))
    })
}

/// Names for a list, of which not more than a few are shown.
fn some_of(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().take(3).map(|p| p.display().to_string()).collect();
    match paths.len() {
        0..=3 => shown.join(", "),
        n => format!("{} and {} more", shown.join(", "), n - 3),
    }
}

/// A name that is shared.
type Text = Arc<str>;
