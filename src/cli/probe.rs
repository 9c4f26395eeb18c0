//! `tocsin probe`: look once, and say what a watch would raise.

use std::io::Write;

use chrono::Utc;
use clap::{Args, ValueEnum};

use super::Terminal;
use super::exit::{Exit, Failure};
use super::pattern_args::PatternArgs;
use super::replay::host;
use crate::config::settings::Environment;
use crate::config::{ConfigFile, Given, Settings, WantedProbe, probes};
use crate::deliver::stdout::{Format, Stdout, printable};
use crate::pattern::Zone;
use crate::probe::files::Files;
use crate::probe::line::shown;
use crate::probe::line::{Entry, Seen};
use crate::probe::once;
use crate::probe::rounds::{Rounds, ask_all};
use crate::probe::run::untold;
use crate::probe::settings::Zookeeper;
use crate::probe::zookeeper::Server;
use crate::time::Moment;
use crate::transition::Event;

/// Check once what no log says, and show what a watch would raise for it
///
/// Looks at certificate files and asks ZooKeeper servers whether they serve and who is connected to them; changes nothing and
/// leaves no connection open. Without a name: the probes of the configuration, or else both. Each check counts for itself,
/// whatever the configured trigger count. The exit code is 6 if an alarm would be raised, 4 if something could not be judged.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Probe {
    /// Only this probe
    #[arg(value_enum)]
    which: Option<Which>,

    /// A certificate file, or a glob (default: that of the configuration, or of the vendor's FlinkServer)
    #[arg(long, value_name = "PATH", value_parser = probes::certificate)]
    path: Vec<String>,

    /// A ZooKeeper server, with the node that it is of; name every member of the ensemble (default: those of the configuration, or localhost:2181)
    #[arg(long, value_name = "[NODE=]HOST:PORT", value_parser = Server::parse)]
    server: Vec<Server>,

    /// Where the AdminServers listen that are asked where four-letter words are off (default: 8080)
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    admin_port: Option<u16>,

    /// `maxCnxns` of the servers, which they do not tell
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_connections: Option<u64>,

    /// The configuration file (default: /etc/tocsin/tocsin.toml, if there is one)
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,

    /// The name of the cluster, the first part of every location (default: default)
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    /// `table`: everything that was seen; `json`: the records that would be raised
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(flatten)]
    patterns: PatternArgs,
}

const EXAMPLES: &str = "\
Examples:
  tocsin probe certificate --path /opt/Bigdata/*/server.crt
  tocsin probe zookeeper --server zk1:2181 --server zk2:2181 --server zk3:2181
  tocsin probe --format json | jq -r '.alarm + \" \" + .node'";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Is the certificate there, valid, and valid for long enough?
    Certificate,
    /// Do the servers serve, and do they have room for clients?
    Zookeeper,
}

impl Probe {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let settings = self.settings(terminal.stderr)?;
        let (patterns, _) = settings.pattern_set().compile(terminal.stderr)?;
        let shows = settings.named(&patterns, terminal.stderr)?.shown;
        let entries = look(&settings);
        let now = Utc::now().timestamp_millis();
        let zone = Zone::of_machine().unwrap_or(Zone::UTC);
        let made = once::transitions(&patterns, &settings.cluster.value, &entries, zone.moment(now));
        let mut made = made.map_err(|log| {
            Failure::invalid(format!(
                "the patterns have no log `{log}`, so nothing can be raised: leave the built-in ones in"
            ))
        })?;
        made.retain(|t| t.event != Event::Clear && shows.shows(t));
        match self.format {
            Format::Json => {
                let mut out = Stdout::new(std::io::stdout().lock(), Format::Json, false);
                for transition in &mut made {
                    transition.detected_at = Some(Moment::utc(now));
                    out.write(transition)?;
                }
            }
            Format::Table => std::io::stdout().lock().write_all(table(&entries).as_bytes())?,
        }
        let untold: Vec<String> = entries.iter().filter_map(|entry| untold(&entry.seen)).collect();
        untold.iter().for_each(|text| eprintln!("tocsin: {}", printable(text)));
        let not_judged = entries.iter().any(|entry| matches!(entry.seen, Seen::Untold { .. }));
        Ok(match (made.is_empty(), not_judged) {
            (false, _) => Exit::Raised,
            (true, true) => Exit::Damaged,
            (true, false) => Exit::Fine,
        })
    }

    fn settings(&self, coloured: bool) -> Result<Settings, Failure> {
        let of_other = match self.which {
            Some(Which::Certificate) if !self.server.is_empty() => Some("--server"),
            Some(Which::Zookeeper) if !self.path.is_empty() => Some("--path"),
            _ => None,
        };
        if let Some(option) = of_other {
            return Err(Failure::invalid(format!("{option} is of the other probe: leave the name of this one out")));
        }
        let file = ConfigFile::find(self.config.as_deref(), coloured)?;
        let (mut certificate, mut zookeeper) = match (self.which, self.path.is_empty(), self.server.is_empty()) {
            (Some(which), ..) => (which == Which::Certificate, which == Which::Zookeeper),
            (None, true, true) => (false, false),
            (None, no_path, no_server) => (!no_path, !no_server),
        };
        let configured = file.as_ref().map(|f| &f.config.probe);
        let any = configured.is_some_and(|p| p.certificate.is_some() || p.zookeeper.is_some());
        let unnamed = !certificate && !zookeeper;
        if unnamed && !any {
            (certificate, zookeeper) = (true, true);
        }
        let mut wanted = Vec::new();
        if certificate {
            wanted.push(WantedProbe::Certificate(self.path.clone()));
        }
        if zookeeper {
            wanted.push(WantedProbe::Zookeeper(self.server.clone()));
        }
        let given = Given {
            cluster: self.cluster.clone(),
            patterns: self.patterns.patterns.clone(),
            no_default_patterns: self.patterns.no_default_patterns,
            probes: wanted,
            ..Given::default()
        };
        let mut settings = Settings::new(given, file, &Environment::of_process());
        if let Some(probe) = &mut settings.probes.zookeeper {
            probe.say(self.admin_port, self.max_connections);
        }
        // What is named is looked at, and nothing else.
        if !unnamed && !certificate {
            settings.probes.certificate = None;
        }
        if !unnamed && !zookeeper {
            settings.probes.zookeeper = None;
        }
        Ok(settings)
    }
}

fn look(settings: &Settings) -> Vec<Entry> {
    let (host, probes) = (host(), settings.probes.settings());
    let mut entries = Vec::new();
    if let Some(wanted) = probes.certificate {
        entries.extend(Files::new(wanted, &host).look(true, Utc::now().timestamp_millis()));
    }
    if let Some(wanted) = probes.zookeeper {
        let mut rounds = Rounds::new(Zookeeper { trigger_count: 1, ..wanted }, &host);
        let asked = ask_all(rounds.settings());
        entries.extend(rounds.judge(&asked));
    }
    entries
}

fn table(entries: &[Entry]) -> String {
    let rows: Vec<[String; 5]> = entries
        .iter()
        .map(|entry| {
            let [check, about, verdict, detail] = shown(&entry.seen);
            [printable(&entry.node), check, printable(&about), verdict, printable(&detail)]
        })
        .collect();
    let head = ["NODE", "CHECK", "OF", "VERDICT", "WHAT"].map(str::to_owned);
    let all: Vec<&[String; 5]> = std::iter::once(&head).chain(&rows).collect();
    let width = |at: usize| all.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for row in all {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(&row[4]);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
