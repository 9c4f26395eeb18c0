//! Properties of the Kafka client, some of which nobody may see.
//!
//! A secret stands in a file of its own (`sasl.password-file`) or in the environment (`"${NAME}"`); one that is written
//! into the configuration works too. In whichever way, it is read when a sink is opened and shown nowhere: not in
//! errors, whose snippets are taken from a text in which it is blotted out, and not by `config show`.

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use thiserror::Error;

use crate::pattern::diagnostic::Span;

/// Instead of what may not be seen.
pub const HIDDEN: &str = "(hidden)";

/// Words in names of properties whose values are secrets.
const SECRETS: [&str; 7] = ["password", "secret", "token", "credential", "key", "jaas", "oauthbearer"];

/// Does a property of this name hold something that nobody may see?
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !is_open(&name) && SECRETS.iter().any(|word| name.contains(word))
}

/// Where a key lies and how a token is got is no secret.
const OPEN: [&str; 6] = [".location", ".keytab", ".method", ".url", ".scope", ".client.id"];

fn is_open(name: &str) -> bool {
    OPEN.iter().any(|end| name.ends_with(end))
}

/// A property of the Kafka client, as written.
#[derive(Clone, Debug)]
pub struct Property {
    pub name: String,
    pub value: Written,
    pub span: Option<Span>,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Written {
    /// Perhaps with `${NAME}` in it.
    Text(String),
    /// The text of this file, without its last line break.
    File(PathBuf),
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Written::Text(_) => f.write_str(HIDDEN),
            Written::File(path) => write!(f, "the text of {}", path.display()),
        }
    }
}

/// Never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[derive(Debug, Error)]
pub enum SecretError {
    #[error("cannot read {}: {why}", path.display())]
    File { path: PathBuf, why: io::Error },
    #[error("the environment variable `{0}` is not set")]
    Environment(String),
}

static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}").ok());

impl Property {
    /// `NAME=VALUE`, as on the command line, where other users of the machine can read it: a secret has to be elsewhere.
    /// Nothing of the value is in the error.
    pub fn parse(text: &str) -> Result<Property, String> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let name = name.trim();
        if name.is_empty() || !text.contains('=') || name.contains(char::is_whitespace) {
            return Err("expected NAME=VALUE, a property of librdkafka".to_owned());
        }
        let (name, value) = match name.strip_suffix("-file") {
            Some(name) => (name, Written::File(PathBuf::from(value))),
            None => (name, Written::Text(value.to_owned())),
        };
        let property = Property { name: name.to_owned(), value, span: None };
        match property.is_exposed() {
            true => Err(format!(
                "`{name}` is a secret, and others can read the command line: write `{name}-file=PATH` or `{name}=${{VARIABLE}}` \
                 (in single quotes)"
            )),
            false => Ok(property),
        }
    }

    /// Neither from a file nor from the environment.
    pub fn is_plain(&self) -> bool {
        matches!(&self.value, Written::Text(text) if !VARIABLE.as_ref().is_some_and(|v| v.is_match(text)))
    }

    /// What the client is given.
    pub fn resolve(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Secret, SecretError> {
        match &self.value {
            Written::File(path) => {
                let text = fs::read_to_string(path).map_err(|why| SecretError::File { path: path.clone(), why })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(Secret(text.strip_suffix('\r').unwrap_or(text).to_owned()))
            }
            Written::Text(text) => substitute(text, environment).map(Secret),
        }
    }

    /// Key and value as they may be shown; the value is what a configuration could say, unless it is hidden.
    pub fn shown(&self) -> (String, String) {
        match &self.value {
            Written::File(path) => (format!("{}-file", self.name), path.display().to_string()),
            Written::Text(text) if !is_secret(&self.name) || is_variable(text) => (self.name.clone(), text.clone()),
            Written::Text(_) => (self.name.clone(), HIDDEN.to_owned()),
        }
    }

    /// It stands in the configuration itself, for everybody who can read that.
    pub fn is_exposed(&self) -> bool {
        matches!(&self.value, Written::Text(text) if is_secret(&self.name) && !is_variable(text))
    }

    pub fn file(&self) -> Option<&Path> {
        match &self.value {
            Written::File(path) => Some(path),
            Written::Text(_) => None,
        }
    }
}

/// Nothing but one variable.
fn is_variable(text: &str) -> bool {
    VARIABLE.as_ref().is_some_and(|v| v.find(text).is_some_and(|m| m.range() == (0..text.len())))
}

fn substitute(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<String, SecretError> {
    let (mut whole, mut rest) = (String::new(), 0);
    for found in VARIABLE.iter().flat_map(|v| v.captures_iter(text)) {
        let (Some(all), Some(name)) = (found.get(0), found.get(1)) else { continue };
        let name = name.as_str();
        whole.push_str(&text[rest..all.start()]);
        whole.push_str(&environment(name).ok_or_else(|| SecretError::Environment(name.to_owned()))?);
        rest = all.end();
    }
    whole.push_str(&text[rest..]);
    Ok(whole)
}

/// The text of a configuration with everything that looks like a secret blotted out, byte for byte, so that places stay
/// where they are. It works on the text, because a file may also be shown for not being TOML.
pub fn blotted(text: &str) -> String {
    // The key's last word; what stands behind it is looked for by hand.
    static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let words = SECRETS.join("|");
        Regex::new(&format!(r#"(?i)(?<key>[\w."'-]*(?:{words})[\w."'-]*)\s*=[ \t]*"#)).ok()
    });
    let hide = |range: Range<usize>, bytes: &mut Vec<u8>| {
        bytes[range].iter_mut().filter(|b| !matches!(b, b'\n' | b'\r')).for_each(|b| *b = b'*');
    };
    let mut bytes = text.as_bytes().to_vec();
    for found in SECRET.iter().flat_map(|s| s.captures_iter(text)) {
        let (Some(all), Some(key)) = (found.get(0), found.name("key")) else { continue };
        let key = key.as_str().trim_matches(['"', '\'']);
        let plain = key.ends_with("-file") || is_open(&key.to_ascii_lowercase()) || key == "max-keys";
        if !plain {
            hide(all.end()..end_of_value(text, all.end()), &mut bytes);
        }
    }
    // A user and a password in a URL, where they should not be.
    static USER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"://(?<user>[^/\s"',]*)@"#).ok());
    for found in USER.iter().flat_map(|u| u.captures_iter(text)) {
        found.name("user").into_iter().for_each(|m| hide(m.range(), &mut bytes));
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The end of the line on which a value ends that begins here. What is open (a bracket, a string) goes on over lines, and to
/// the end of the text if it is never closed: rather too much than a word of a secret.
fn end_of_value(text: &str, begin: usize) -> usize {
    let (mut at, mut depth) = (begin, 0_usize);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match first {
            '\n' if depth == 0 => return at,
            '"' | '\'' => length_of_string(rest, first),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        match first {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    at
}

/// How long the string is that begins here, with its quotes.
fn length_of_string(text: &str, quote: char) -> usize {
    let triple = quote.to_string().repeat(3);
    let close = if text.starts_with(&triple) { triple.as_str() } else { &triple[..1] };
    let mut at = close.len();
    while let Some(next) = text[at..].chars().next() {
        if text[at..].starts_with(close) {
            return at + close.len();
        }
        at += next.len_utf8();
        // What is escaped closes nothing.
        if next == '\\' && quote == '"' {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, value: &str) -> Property {
        Property { name: name.into(), value: Written::Text(value.into()), span: None }
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in
            ["sasl.password", "ssl.key.password", "ssl.key.pem", "sasl.oauthbearer.client.secret", "sasl.jaas.config"]
        {
            assert!(is_secret(name), "{name}");
            assert_eq!(text(name, "hunter2").shown().1, HIDDEN);
            assert!(text(name, "hunter2").is_exposed());
        }
        for name in [
            "security.protocol",
            "sasl.username",
            "ssl.ca.location",
            "ssl.key.location",
            "linger.ms",
            "sasl.kerberos.keytab",
            "sasl.oauthbearer.token.endpoint.url",
        ] {
            assert!(!is_secret(name), "{name}");
            assert_eq!(text(name, "x").shown(), (name.to_owned(), "x".to_owned()));
        }
        assert_eq!(text("sasl.password", "${KP}").shown().1, "${KP}");
        assert_eq!(text("sasl.password", "hunter2${KP}").shown().1, HIDDEN);
        assert!(!format!("{:?}", text("sasl.password", "hunter2")).contains("hunter2"));
    }

    #[test]
    fn the_command_line_takes_no_secret() {
        let shown = |text: &str| Property::parse(text).unwrap().shown();
        assert_eq!(shown("linger.ms=5"), ("linger.ms".to_owned(), "5".to_owned()));
        assert_eq!(shown("sasl.kerberos.keytab=/k"), ("sasl.kerberos.keytab".to_owned(), "/k".to_owned()));
        assert_eq!(shown("sasl.password=${KP}"), ("sasl.password".to_owned(), "${KP}".to_owned()));
        assert_eq!(shown("sasl.password-file=/p=q"), ("sasl.password-file".to_owned(), "/p=q".to_owned()));
        for wrong in ["sasl.password=hunter2", "ssl.key.pem=hunter2${KP}", "hunter2", "=hunter2", "a b=hunter2"] {
            let why = Property::parse(wrong).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
        let why = Property::parse("sasl.password=x").unwrap_err();
        assert!(why.contains("sasl.password-file=PATH") && why.contains("sasl.password=${VARIABLE}"), "{why}");
    }

    #[test]
    fn a_value_takes_what_the_environment_says() {
        let environment = |name: &str| (name == "KP").then(|| "s3cr3t".to_owned());
        let value = |written: &str| text("sasl.password", written).resolve(environment);
        assert_eq!(value("${KP}").unwrap().reveal(), "s3cr3t");
        assert_eq!(value("a${KP}b${KP}").unwrap().reveal(), "as3cr3tbs3cr3t");
        assert_eq!(value("$KP ${").unwrap().reveal(), "$KP ${");
        assert_eq!(value("${NO}").unwrap_err().to_string(), "the environment variable `NO` is not set");
        assert_eq!(format!("{:?}", value("${KP}")), "Ok((hidden))");
    }

    #[test]
    fn a_file_gives_its_text_without_the_last_line_break() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (written, value) in [("s3cr3t\n", "s3cr3t"), ("s3cr3t", "s3cr3t"), ("a\r\n", "a"), ("a \n\n", "a \n")] {
            fs::write(file.path(), written).unwrap();
            let value_of = Property { name: "p".into(), value: Written::File(file.path().into()), span: None };
            assert_eq!(value_of.resolve(|_| None).unwrap().reveal(), value);
        }
        let gone = Property { name: "p".into(), value: Written::File("/nowhere/p".into()), span: None };
        assert!(gone.resolve(|_| None).unwrap_err().to_string().starts_with("cannot read /nowhere/p: "));
    }

    #[test]
    fn nothing_secret_is_left_in_the_text_that_errors_quote() {
        for written in [
            "sasl.password = \"hunter2\"",
            "\"sasl.password\" = \"hunter2\"",
            "password=hunter2",
            "kafka = { sasl.username = \"a\", sasl.password = \"hunter2\" }",
            "ssl.key.pem = '''\n-----BEGIN\nhunter2\n'''",
            "ssl.key.pem = '''\n-----BEGIN\nhunter2\n",
            "ssl.key.pem = \"\"\"\nhunter2\"\"\"",
            "sasl . PASSWORD = 'hunter2",
            "sasl.password = [\n  \"a\", # it's\n  \"hunter2\",\n]",
            "sasl.password = [[\n\"]\"],\n[\"hunter2\"]]",
            "sasl.password = { a = '}',\n b = \"hunter2\" }",
            "ssl.key.pem = \"-----BEGIN\nhunter2\n-----END\"",
            "ssl.key.pem = \"a\\\"\nhunter2\"",
            "kafka = { ssl.key.password-file = \"/k\", sasl.password = \"hunter2\" }",
            "to = [\"kafka://user:hunter2@b1/t\"]",
        ] {
            let text = format!("cluster = \"prod\"\n{written}\n");
            let blotted = blotted(&text);
            assert!(!blotted.contains("hunter2"), "{blotted}");
            assert_eq!(blotted.len(), text.len());
            assert!(blotted.starts_with("cluster = \"prod\"\n"), "{blotted}");
        }
        let text = "sasl.password = [\n\"hunter2\"\n]\ncluster = \"prod\"\n";
        assert!(blotted(text).ends_with("\ncluster = \"prod\"\n"), "what stands behind it is shown");
        for plain in
            ["sasl.password-file = \"/etc/p\"", "ssl.key.location = \"/k\"", "max-keys = 7", "cluster = \"monkey\""]
        {
            assert_eq!(blotted(plain), plain);
        }
    }
}
