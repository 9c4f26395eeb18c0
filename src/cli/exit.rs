//! Exit codes: what a script can tell apart.

use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Fine = 0,
    Failed = 1,
    Invalid = 2,
    NothingToRead = 3,
    /// Everything that could be read was, but something was damaged.
    Damaged = 4,
    StdoutClosed = 5,
    Raised = 6,
    TestsFailed = 7,
    Warnings = 8,
}

impl Exit {
    const ALL: [(Exit, &str); 9] = [
        (Exit::Fine, "fine"),
        (Exit::Failed, "failed"),
        (Exit::Invalid, "usage, configuration or patterns invalid"),
        (Exit::NothingToRead, "nothing to read"),
        (Exit::Damaged, "read, but with damage"),
        (Exit::StdoutClosed, "stdout closed"),
        (Exit::Raised, "--fail-on raised and something was"),
        (Exit::TestsFailed, "pattern tests failed"),
        (Exit::Warnings, "warnings only (check --strict)"),
    ];

    /// All of them, for the help.
    pub fn listed() -> String {
        let each = Exit::ALL.map(|(exit, meaning)| format!("  {}  {meaning}", exit as u8));
        format!("Exit codes:\n{}", each.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// An error that ends a command: what to say, and the code to end with.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Invalid, message)
    }
}

impl From<crate::deliver::stdout::WriteError> for Failure {
    fn from(error: crate::deliver::stdout::WriteError) -> Failure {
        let exit = match error {
            crate::deliver::stdout::WriteError::Closed => Exit::StdoutClosed,
            crate::deliver::stdout::WriteError::Failed(_) => Exit::Failed,
        };
        Failure::new(exit, error.to_string())
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Failure {
        let exit = match error {
            crate::config::ConfigError::NoPath { .. } => Exit::NothingToRead,
            _ => Exit::Invalid,
        };
        Failure::new(exit, error.to_string())
    }
}

/// Errors of writing to our own standard output what is no transition.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::new(Exit::StdoutClosed, "standard output was closed"),
            _ => Failure::new(Exit::Failed, format!("cannot write to standard output: {error}")),
        }
    }
}
