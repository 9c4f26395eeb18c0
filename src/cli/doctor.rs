//! `tocsin doctor`: what stands in the way of watching.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Terminal;
use super::exit::{Exit, Failure};
use super::log_args::LogArgs;
use super::replay::host;
use super::watch::root;
use crate::config::settings::Environment;
use crate::config::watch::Paths;
use crate::config::{ConfigFile, Given, Settings};
use crate::deliver::stdout::printable;
use crate::doctor::access::User;
use crate::doctor::{Finding, Subject, Verdict, examine};

/// Look for what would keep a watch from seeing alarms, and say what would mend it
///
/// Looks at each log (found, readable, layout, zone, heartbeats), the kernel's limits, the state directory and the sinks, as
/// the user who runs it: run it as the user of the watch. It changes nothing. The exit code is 1 if there is something to mend.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {
    /// Files, directories or globs (default: those of the configuration, or the paths of the known logs that exist)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// The state directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    #[command(flatten)]
    logs: LogArgs,

    /// How the findings are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  sudo -u tocsin tocsin doctor                               as the service sees it
  tocsin doctor --format json | jq -r 'select(.verdict == \"mend\") | .remedy'";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Aligned columns, with the remedies below
    Table,
    /// One JSON object a line
    Json,
}

impl Doctor {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let settings = self.settings(terminal.stderr)?;
        let (patterns, _) = settings.pattern_set().compile(terminal.stderr)?;
        let named = settings.named(&patterns, terminal.stderr)?;
        let paths = Paths::find(&settings, &patterns, root());
        let (host, user) = (host(), User::of_process());
        let subject = Subject {
            settings: &settings,
            patterns: &patterns,
            named: &named,
            paths: &paths,
            host: &host,
            user: &user,
        };
        let findings = examine(&subject);
        let text = match self.format {
            Format::Table => table(&findings, terminal.stdout),
            Format::Json => json(&findings)?,
        };
        std::io::stdout().lock().write_all(text.as_bytes())?;
        let well = findings.iter().all(|f| f.verdict != Verdict::Mend);
        Ok(if well { Exit::Fine } else { Exit::Failed })
    }
}

impl Doctor {
    fn settings(&self, coloured: bool) -> Result<Settings, Failure> {
        let file = ConfigFile::find(self.logs.config.as_deref(), coloured)?;
        let given = Given { paths: self.paths.clone(), state: self.state.clone(), ..self.logs.given()? };
        Ok(Settings::new(given, file, &Environment::of_process()))
    }
}

fn json(findings: &[Finding]) -> Result<String, Failure> {
    let line = |f: &Finding| serde_json::to_string(f).map(|text| format!("{text}\n"));
    findings.iter().map(line).collect::<Result<_, _>>().map_err(|e| Failure::new(Exit::Failed, e.to_string()))
}

/// What a log or a path says is shown, but steers no terminal.
fn table(findings: &[Finding], coloured: bool) -> String {
    let width = |text: fn(&Finding) -> &str| findings.iter().map(|f| text(f).chars().count()).max().unwrap_or(0);
    let (check, subject) = (width(|f| f.check), width(|f| &f.subject).min(WIDEST));
    let mut text = String::new();
    for finding in findings {
        let verdict = paint(format!("{:<4}", finding.verdict.name()), finding.verdict, coloured);
        let (name, found) = (printable(&finding.subject), printable(&finding.found));
        text.push_str(&format!("{verdict}  {:<check$}  {name:<subject$}  {found}\n", finding.check));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("      remedy: {}\n", printable(remedy)));
        }
    }
    let count = |verdict: Verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let (mend, note, well) = (count(Verdict::Mend), count(Verdict::Note), count(Verdict::Ok));
    text.push_str(&format!("{mend} to mend, {note} to know, {well} well\n"));
    text
}

/// A column of paths longer than this helps nobody.
const WIDEST: usize = 60;

fn paint(text: String, verdict: Verdict, coloured: bool) -> String {
    use anstyle::AnsiColor::{Green, Red, Yellow};
    let colour = match verdict {
        Verdict::Ok => Green,
        Verdict::Note => Yellow,
        Verdict::Mend => Red,
    };
    let style = anstyle::Style::new().fg_color(Some(colour.into()));
    if coloured { format!("{style}{text}{style:#}") } else { text }
}
