//! The effective settings as a configuration that would give the same, each with who said it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use toml::Value;

use super::secret::HIDDEN;
use super::settings::{Origin, Settings, Sourced};
use super::value::{Begin, human_size};
use super::watch::Paths;
use crate::pattern::Zone;
use crate::pattern::overrides::{LimitKind, Override};
use crate::time::{Millis, human_duration};

/// Secrets are hidden; so is nothing else.
pub fn show(settings: &Settings, paths: &Paths) -> String {
    let mut page = Page { settings, text: String::new() };
    page.top(paths);
    page.assign();
    page.logs();
    page.alarms();
    page.filter();
    page.state();
    page.probes();
    page.kafka();
    page.text
}

struct Page<'a> {
    settings: &'a Settings,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, key: &str, value: impl Into<Value>, origin: &Origin) {
        let who = self.who(origin);
        self.text.push_str(&format!("{key} = {}  # {who}\n", value.into()));
    }

    fn note(&mut self, text: impl Display) {
        self.text.push_str(&format!("# {text}\n"));
    }

    fn header(&mut self, name: impl Display) {
        self.text.push_str(&format!("\n[{name}]\n"));
    }

    fn who(&self, origin: &Origin) -> String {
        match origin {
            Origin::Default => "default".to_owned(),
            Origin::CommandLine => "command line".to_owned(),
            Origin::Environment(name) => format!("environment: {name}"),
            Origin::File(span) => self.settings.file.as_ref().map_or_else(String::new, |f| printable(&f.place(span))),
        }
    }

    fn top(&mut self, paths: &Paths) {
        let s = self.settings;
        match (&s.paths.origin, paths.chosen.is_empty()) {
            (Origin::Default, true) => {
                self.note("paths: by default those that exist of the following, of which none does");
                paths.tried.iter().for_each(|p| self.note(format_args!("  {}", printable(&p.to_string_lossy()))));
            }
            (Origin::Default, false) => {
                let list = list(&paths.chosen);
                self.text.push_str(&format!("paths = {list}  # default: the logs' paths that exist\n"));
            }
            (origin, _) => self.line("paths", list(&paths.chosen), origin),
        }
        self.line("wait", s.wait.value, &s.wait.origin);
        self.line("cluster", s.cluster.value.as_str(), &s.cluster.origin);
        match &s.zone {
            Some(zone) => self.line("tz", zone.value.name(), &zone.origin),
            None => {
                let zone = Zone::of_machine().unwrap_or(Zone::UTC).name();
                self.note(format_args!("tz: as the patterns say, else this machine's, {zone}"));
            }
        }
        self.line("hold", duration(s.hold.value), &s.hold.origin);
        self.line("max-keys", i64::try_from(s.max_keys.value).unwrap_or(i64::MAX), &s.max_keys.origin);
        let sinks: Vec<Value> = s.to.value.iter().map(|sink| sink.to_string().into()).collect();
        self.line("to", sinks, &s.to.origin);
        self.line("format", choice(s.format.value), &s.format.origin);
        self.line("log-format", s.log_format.value.name(), &s.log_format.origin);
        match s.patterns.value.is_empty() {
            true => self.note("patterns: the built-in ones alone"),
            false => self.line("patterns", list(&s.patterns.value), &s.patterns.origin),
        }
        self.line("no-default-patterns", s.no_default_patterns.value, &s.no_default_patterns.origin);
    }

    fn assign(&mut self) {
        let nodes = grouped(&self.settings.assign);
        if !nodes.is_empty() {
            self.header("assign");
        }
        for (node, (paths, origin)) in nodes {
            self.line(&key(node), list(&paths), origin);
        }
    }

    fn logs(&mut self) {
        let files = grouped(&self.settings.logs);
        let zones: BTreeMap<&str, &Sourced<(String, Zone)>> =
            self.settings.zones.iter().map(|z| (z.value.0.as_str(), z)).collect();
        let silent: BTreeMap<&str, &Sourced<(String, Millis)>> =
            self.settings.silent.iter().map(|s| (s.value.0.as_str(), s)).collect();
        let mut names: Vec<&str> = files.keys().chain(zones.keys()).chain(silent.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.header(format_args!("log.{}", key(name)));
            if let Some(zone) = zones.get(name) {
                self.line("tz", zone.value.1.name(), &zone.origin);
            }
            if let Some(silent) = silent.get(name) {
                self.line("silent", duration(silent.value.1), &silent.origin);
            }
            if let Some((paths, origin)) = files.get(name) {
                self.line("files", list(paths), origin);
            }
        }
    }

    fn alarms(&mut self) {
        let Some(file) = &self.settings.file else { return };
        for change in &file.config.overrides.alarms {
            self.alarm(change);
        }
    }

    fn alarm(&mut self, change: &Override) {
        let name = format!("alarm.{}", key(&change.alarm.value));
        self.header(&name);
        if let Some(enabled) = &change.enabled {
            self.line("enabled", enabled.value, &Origin::File(enabled.span.clone()));
        }
        if let Some(severity) = &change.severity {
            self.line("severity", severity.value.name(), &Origin::File(severity.span.clone()));
        }
        let mut cause = None;
        for limit in &change.limits {
            let own = limit.cause.as_ref().map(|c| &c.value);
            if own != cause
                && let Some(own) = own
            {
                self.header(format_args!("{name}.cause.{}", key(own)));
            }
            cause = own;
            let (value, origin) = (limit.value.value, Origin::File(limit.value.span.clone()));
            match limit.kind {
                LimitKind::Count | LimitKind::Arm => self.line(limit.kind.name(), value, &origin),
                _ => self.line(limit.kind.name(), human_duration(value), &origin),
            }
        }
    }

    fn filter(&mut self) {
        let s = self.settings;
        if s.alarms.is_empty() && s.nodes.is_empty() && s.severity.is_none() {
            return;
        }
        self.header("filter");
        for (key, names) in [("alarm", &s.alarms), ("node", &s.nodes)] {
            if let Some(first) = names.first() {
                let values: Vec<Value> = names.iter().map(|n| n.value.as_str().into()).collect();
                self.line(key, values, &first.origin);
            }
        }
        if let Some(severity) = &s.severity {
            self.line("severity", severity.value.name(), &severity.origin);
        }
    }

    fn state(&mut self) {
        let s = self.settings;
        self.header("state");
        self.line("dir", text(&s.state.value), &s.state.origin);
        match s.begin.value {
            Begin::Lookback(back) => self.line("lookback", duration(back), &s.begin.origin),
            Begin::Start => self.line("from", "start", &s.begin.origin),
            Begin::End => self.line("from", "end", &s.begin.origin),
        }
        self.line("outbox", human_size(s.outbox.value), &s.outbox.origin);
    }

    fn probes(&mut self) {
        let probes = &self.settings.probes;
        if let Some(probe) = &probes.certificate {
            self.header("probe.certificate");
            self.line("paths", probe.paths.value.clone(), &probe.paths.origin);
            self.line("days", i64::from(probe.days.value), &probe.days.origin);
            self.line("at", probe.at.value.format("%H:%M:%S").to_string(), &probe.at.origin);
        }
        let Some(probe) = &probes.zookeeper else { return };
        self.header("probe.zookeeper");
        let servers: Vec<Value> = probe.servers.value.iter().map(|s| s.to_string().into()).collect();
        self.line("servers", servers, &probe.servers.origin);
        self.line("every", duration(probe.every.value), &probe.every.origin);
        self.line("patience", duration(probe.patience.value), &probe.patience.origin);
        self.line("threshold", i64::from(probe.threshold.value), &probe.threshold.origin);
        self.line("client-threshold", i64::from(probe.client_threshold.value), &probe.client_threshold.origin);
        self.line("trigger-count", i64::from(probe.trigger_count.value), &probe.trigger_count.origin);
        match &probe.max_connections {
            Some(most) => self.line("max-connections", i64::try_from(most.value).unwrap_or(i64::MAX), &most.origin),
            None => self.note("max-connections: as the servers say, which the open-source ones do not"),
        }
        self.line("admin-port", i64::from(probe.admin_port.value), &probe.admin_port.origin);
    }

    fn kafka(&mut self) {
        if self.settings.kafka.is_empty() {
            return;
        }
        self.header("kafka");
        for property in &self.settings.kafka {
            let origin = property.span.clone().map_or(Origin::CommandLine, Origin::File);
            let (name, value) = property.shown();
            let secret = value == HIDDEN;
            let name = key(&name);
            match secret {
                // Not as a value: whoever took it for one would send it to the broker.
                true => {
                    let who = self.who(&origin);
                    self.note(format_args!("{name} = {HIDDEN}  # {who}"));
                }
                false => self.line(&name, value, &origin),
            }
        }
    }
}

type Grouped<'a> = BTreeMap<&'a str, (Vec<PathBuf>, &'a Origin)>;

/// By name, with the origin of the first.
fn grouped(entries: &[Sourced<(String, PathBuf)>]) -> Grouped<'_> {
    let mut groups: Grouped = BTreeMap::new();
    for entry in entries {
        groups.entry(&entry.value.0).or_insert_with(|| (Vec::new(), &entry.origin)).0.push(entry.value.1.clone());
    }
    groups
}

/// A key as it must be written.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !name.is_empty() && name.chars().all(bare) {
        true => name.to_owned(),
        false => Value::from(name).to_string(),
    }
}

fn list(paths: &[PathBuf]) -> Value {
    paths.iter().map(|p| Value::from(text(p))).collect::<Vec<_>>().into()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn duration(millis: Millis) -> String {
    human_duration(millis)
}

fn choice<T: ValueEnum>(value: T) -> String {
    value.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

fn printable(text: &str) -> String {
    crate::deliver::stdout::printable(text)
}
