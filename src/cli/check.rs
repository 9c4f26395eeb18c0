//! `tocsin check`: validates patterns as a compiler would, and runs the tests inside.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::Terminal;
use super::exit::{Exit, Failure};
use super::pattern_args::ConfiguredArgs;
use super::speed;
use super::summary::few;
use crate::config::{ConfigError, Given};
use crate::pattern::diagnostic::{Diagnostic, Gravity, Source};
use crate::pattern::lint::lint;
use crate::pattern::model::{Definitions, TestDef};
use crate::pattern::overrides::Overrides;
use crate::pattern::{Compiled, Patterns, compile_with};
use crate::selftest::{self, Outcome};

/// Validate pattern files and run the tests inside
///
/// Without DIR the built-in patterns are checked; with it, what they become with the files of DIR on top. All errors are shown
/// at once, each with its place and a remedy, then the tests that fail, with the difference between expected and found.
#[derive(Args, Debug)]
pub struct Check {
    /// A directory of pattern files, or one file
    dir: Option<PathBuf>,

    #[command(flatten)]
    patterns: ConfiguredArgs,

    /// Warnings fail the check too (exit code 8)
    #[arg(long)]
    strict: bool,

    /// Tell what each signal is found by; with a log or an archive, also what looking for it costs there
    #[arg(long, value_name = "SAMPLE", num_args = 0..=1)]
    speed: Option<Option<PathBuf>>,

    /// Name each test, not only those that fail
    #[arg(long, short)]
    verbose: bool,
}

impl Check {
    pub fn run(mut self, terminal: &Terminal) -> Result<Exit, Failure> {
        self.patterns.patterns.patterns.extend(self.dir.take());
        let set = self.patterns.settings(Given::default(), terminal.stderr)?.pattern_set();
        let mut sources = set.sources().map_err(ConfigError::from)?;
        let overrides = set.config.as_ref().map(|file| file.config.overrides.clone()).unwrap_or_default();
        let Compiled { patterns, definitions, mut diagnostics } = compile_with(&sources, &overrides);
        sources.extend(set.config.as_ref().map(|file| file.source.clone()));
        if let Some(patterns) = &patterns {
            diagnostics.extend(lint(patterns, &definitions));
            let (runbooks, found) = set.catalogue().map_err(ConfigError::from)?.check(patterns, sources.len());
            sources.extend(runbooks);
            diagnostics.extend(found);
        }
        let mut report = Report {
            out: std::io::stdout().lock(),
            sources: &sources,
            coloured: terminal.stdout,
            errors: 0,
            warnings: 0,
        };
        for diagnostic in &diagnostics {
            report.diagnostic(diagnostic)?;
        }
        let mut tests = Tests::default();
        if let Some(patterns) = patterns.as_ref().filter(|_| report.errors == 0) {
            tests = self.run_tests(patterns, &definitions, &overrides, &mut report)?;
            self.waiting(patterns, &mut report)?;
            if let Some(sample) = &self.speed {
                report.out.write_all(speed::tell(patterns, sample.as_deref())?.as_bytes())?;
            }
        }
        report.summary(patterns.as_ref(), &tests)?;
        Ok(match (report.errors, tests.failed, report.warnings) {
            (1.., _, _) => Exit::Invalid,
            (_, 1.., _) => Exit::TestsFailed,
            (_, _, 1..) if self.strict => Exit::Warnings,
            _ => Exit::Fine,
        })
    }

    fn run_tests(
        &self,
        patterns: &Patterns,
        definitions: &Definitions,
        overrides: &Overrides,
        report: &mut Report<impl Write>,
    ) -> Result<Tests, Failure> {
        let mut tests = Tests::default();
        for test in &patterns.tests {
            if overrides.alarms.iter().any(|o| test.alarm.as_ref().is_some_and(|alarm| alarm.value == o.alarm.value)) {
                tests.changed += 1;
                continue;
            }
            if is_outdated(test, definitions) {
                tests.skipped += 1;
                continue;
            }
            if let Some(warning) = selftest::headless(patterns, test) {
                report.diagnostic(&warning)?;
            }
            let about = test.alarm.as_ref().map_or("", |a| &a.value);
            match selftest::run(patterns, test) {
                Outcome::Passed => {
                    tests.passed += 1;
                    if self.verbose {
                        writeln!(report.out, "ok      {about}: {}", test.name)?;
                    }
                }
                Outcome::Failed(diff) => {
                    tests.failed += 1;
                    let place = report.place(test);
                    writeln!(report.out, "FAILED  {about}: {} ({place})", test.name)?;
                    writeln!(report.out, "  expected (-) and found (+):\n{}\n", indented(&diff))?;
                }
                Outcome::Broken(diagnostic) => report.diagnostic(&diagnostic)?,
            }
        }
        Ok(tests)
    }

    /// Live, an alarm that reads several families must wait for their order.
    fn waiting(&self, patterns: &Patterns, report: &mut Report<impl Write>) -> Result<(), Failure> {
        let waiting: Vec<&str> = patterns.alarms.iter().filter(|a| a.several).map(|a| &*a.name).collect();
        if !waiting.is_empty() {
            writeln!(
                report.out,
                "read several files of a node and wait for the hold when live: {}",
                waiting.join(", ")
            )?;
        }
        Ok(())
    }
}

/// A built-in test of something that the user has replaced or switched off says nothing any more.
fn is_outdated(test: &TestDef, definitions: &Definitions) -> bool {
    let Some(alarm) = test.alarm.as_ref().filter(|_| test.builtin) else { return false };
    let Some(entry) = definitions.alarms.get(&alarm.value) else { return false };
    let Some(body) = &entry.body else { return true };
    let log_changed = |name: &str| definitions.logs.get(name).is_some_and(|l| l.replaces || l.body.is_none());
    let signal_changed = |s: &crate::pattern::model::Name| {
        definitions.signals.get(&s.value).is_some_and(|e| e.replaces || e.body.is_none())
    };
    let layout_changed = |name: &str| {
        let log = definitions.logs.get(name).and_then(|l| l.body.as_ref());
        log.is_some_and(|l| {
            l.layouts.iter().any(|n| definitions.layouts.get(&n.value).is_some_and(|e| e.replaces || e.body.is_none()))
        })
    };
    let input_logs = test.inputs.iter().filter_map(|i| i.log.as_ref());
    let mut logs = body.logs.iter().chain(input_logs);
    entry.replaces
        || logs.any(|l| log_changed(&l.value) || layout_changed(&l.value))
        || body.signals().any(signal_changed)
}

#[derive(Default)]
struct Tests {
    passed: usize,
    failed: usize,
    /// Built-in tests of what the user has replaced.
    skipped: usize,
    /// Tests of what the configuration changes.
    changed: usize,
}

struct Report<'a, W> {
    out: W,
    sources: &'a [Source],
    coloured: bool,
    errors: usize,
    warnings: usize,
}

impl<W: Write> Report<'_, W> {
    fn diagnostic(&mut self, diagnostic: &Diagnostic) -> Result<(), Failure> {
        match diagnostic.gravity {
            Gravity::Error => self.errors += 1,
            Gravity::Warning => self.warnings += 1,
        }
        writeln!(self.out, "{}\n", diagnostic.render(self.sources, self.coloured))?;
        Ok(())
    }

    fn place(&self, test: &TestDef) -> String {
        let source = &self.sources[test.span.source.0];
        let before = source.text.get(..test.span.range.start).unwrap_or_default();
        format!("{}:{}", source.name, before.matches('\n').count() + 1)
    }

    fn summary(&mut self, patterns: Option<&Patterns>, tests: &Tests) -> Result<(), Failure> {
        if let Some(p) = patterns {
            let (logs, signals) = (few(p.logs.len() as u64, "log"), few(p.signals.len() as u64, "signal"));
            writeln!(self.out, "{logs}, {signals}, {}; pattern set {}", few(p.alarms.len() as u64, "alarm"), p.hash)?;
        }
        let skipped = match tests.skipped {
            0 => String::new(),
            n => format!(", {n} built-in ones skipped because you replaced what they test"),
        };
        let changed = match tests.changed {
            0 => String::new(),
            n => format!(", {n} skipped because the configuration changes what they test"),
        };
        writeln!(
            self.out,
            "{}, {}; tests: {} passed, {} failed{skipped}{changed}",
            few(self.errors as u64, "error"),
            few(self.warnings as u64, "warning"),
            tests.passed,
            tests.failed
        )?;
        Ok(())
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n")
}
