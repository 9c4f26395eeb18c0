//! Placeholders of runbooks, and what takes their place.
//!
//! What is filled in comes from log lines, which anybody may have caused, and it goes into commands that somebody will
//! paste into a shell. So a value is quoted where a shell reads it and stands as code everywhere else; one that would
//! be mischief in spite of that (an option, a page of text) is left out and its placeholder stays.

use std::borrow::Cow;
use std::ops::Range;

use crate::deliver::stdout::printable;
use crate::time::MINUTE;
use crate::transition::Transition;

/// What every runbook can use besides the params of its alarm.
pub const COMMON: [(&str, &str); 13] = [
    ("alarm", "the alarm's id"),
    ("name", "what it is called"),
    ("causes", "the causes, separated by commas"),
    ("cluster", "the name of the cluster"),
    ("service", "the service"),
    ("role", "the role"),
    ("node", "the node that the alarm is about"),
    ("time", "when it was raised"),
    ("from", "ten minutes before that: where collecting logs begins"),
    ("until", "ten minutes after: where it ends"),
    ("file", "the log file that says so"),
    ("peer", "the other node of a pair; few records name it, and then it stays for a person to fill in"),
    ("server", "a server of the ZooKeeper ensemble; stays, too"),
];

/// Logs are collected from this long before an alarm to this long after it.
const AROUND: i64 = 10 * MINUTE;

/// A longer value is no name of anything.
const LONGEST: usize = 1024;

/// What a record knows of a placeholder. Params come first: they say more.
pub fn value(t: &Transition, name: &str) -> Option<String> {
    if let Some(param) = t.params.get(name) {
        return Some(param.clone());
    }
    Some(match name {
        "alarm" => t.alarm.to_string(),
        "name" => t.name.to_string(),
        "causes" => t.causes.iter().map(|c| &**c).collect::<Vec<_>>().join(", "),
        "cluster" => t.location.source.to_string(),
        "service" => t.location.service.to_string(),
        "role" => t.location.role.to_string(),
        "node" => t.node.to_string(),
        "time" => t.time.to_string(),
        "from" => t.time.at(t.time.millis - AROUND).to_string(),
        "until" => t.time.at(t.time.millis + AROUND).to_string(),
        "file" => t.evidence.first()?.file.to_string(),
        _ => return None,
    })
}

/// Where a placeholder stands, which decides how a value is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    Prose,
    /// Between backticks.
    Code,
    /// A block of commands, or the arguments of a probe.
    Shell,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Placeholder<'t> {
    pub name: &'t str,
    /// With its braces.
    pub range: Range<usize>,
    pub context: Context,
    /// Inside quotes of a shell, where a quoted value would end them.
    pub quoted: bool,
}

/// Every `{name}` of a runbook.
pub fn placeholders(text: &str) -> Vec<Placeholder<'_>> {
    let mut found = Vec::new();
    let (mut at, mut in_block) = (0, false);
    for line in text.split_inclusive('\n') {
        if is_fence(line) {
            in_block = !in_block;
        } else {
            of_line(line, at, in_block || line.trim_start().starts_with("probe:"), &mut found);
        }
        at += line.len();
    }
    found
}

pub fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

fn of_line<'t>(line: &'t str, offset: usize, shell: bool, found: &mut Vec<Placeholder<'t>>) {
    let mut from = 0;
    while let Some(open) = line[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some(name) = line[from..].split_once('}').map(|(name, _)| name) else { return };
        let plain =
            name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_alphanumeric());
        // `${name}` is the shell's own.
        if !plain || line[..open].ends_with('$') {
            continue;
        }
        let odd = |quote: char| line[..open].matches(quote).count() % 2 == 1;
        let context = match (shell, odd('`')) {
            (true, _) => Context::Shell,
            (_, true) => Context::Code,
            _ => Context::Prose,
        };
        let quoted = shell && (odd('\'') || odd('"'));
        found.push(Placeholder { name, range: offset + open..offset + open + name.len() + 2, context, quoted });
    }
}

/// `text` with the placeholders that have a value replaced; the others stay readable as they are.
pub fn fill(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut from = 0;
    for placeholder in placeholders(text) {
        let written = value(placeholder.name).and_then(|v| written(&v, &placeholder));
        filled.push_str(&text[from..placeholder.range.start]);
        filled.push_str(written.as_deref().unwrap_or(&text[placeholder.range.clone()]));
        from = placeholder.range.end;
    }
    filled.push_str(&text[from..]);
    filled
}

/// A value as its place needs it; `None` if it must not stand there.
fn written(value: &str, place: &Placeholder) -> Option<String> {
    if value.is_empty() || value.len() > LONGEST || place.quoted {
        return None;
    }
    let shown = printable(value);
    match place.context {
        Context::Prose => Some(format!("`{}`", shown.replace('`', "'"))),
        Context::Code => Some(shown.replace('`', "'")),
        Context::Shell if value.starts_with('-') => None,
        Context::Shell => Some(shell_word(&shown).into_owned()),
    }
}

/// A text as one word of a shell.
fn shell_word(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c);
    match text.chars().all(harmless) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("'{}'", text.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, value: &str) -> String {
        fill(text, &|name| (name == "path").then(|| value.to_owned()))
    }

    #[test]
    fn a_value_stands_as_code_in_prose_and_as_one_word_in_a_shell() {
        assert_eq!(filled("see {path} here", "/a b"), "see `/a b` here");
        assert_eq!(filled("see `ls {path}` here", "/a b"), "see `ls /a b` here");
        assert_eq!(filled("```sh\nls -l -- {path}\n```\n{path}\n", "/a b"), "```sh\nls -l -- '/a b'\n```\n`/a b`\n");
        assert_eq!(filled("   probe: permissions {path}\n", "/a b"), "   probe: permissions '/a b'\n");
        assert_eq!(filled("```sh\nls {path}\n```", "/plain.crt"), "```sh\nls /plain.crt\n```");
    }

    #[test]
    fn what_a_log_says_never_becomes_a_command() {
        let block = |inside: &str| format!("```sh\nls -- {inside}\n```");
        for (value, word) in [
            ("/x; rm -rf /", "'/x; rm -rf /'"),
            ("$(reboot)", "'$(reboot)'"),
            ("a'b", r"'a'\''b'"),
            ("a\nreboot", r"'a\nreboot'"),
            // an option, and a text that is no name of anything
            ("-rf", "{path}"),
            (&"x".repeat(2000), "{path}"),
        ] {
            assert_eq!(filled(&block("{path}"), value), block(word));
        }
        assert_eq!(filled(&block("'{path}'"), "x"), block("'{path}'"));
        assert_eq!(filled("{path}", "a`b\u{1b}[2J"), "`a'b\\u{1b}[2J`");
    }

    #[test]
    fn what_is_unknown_stays_and_what_is_the_shells_is_left_alone() {
        for text in ["{other} {Path} {a,b} ${path} { path } {", "```sh\nawk '{print $1}' ${path}\n```"] {
            assert_eq!(filled(text, "x"), text);
        }
    }
}
