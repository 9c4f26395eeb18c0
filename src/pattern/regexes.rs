//! How the regexes of pattern files are read.
//!
//! Logs are bytes: a path in another encoding must not hide a line, so regexes see bytes wherever they can, and `.`
//! is any byte. A pattern that needs Unicode (`\p{Han}`, `[é]`) gets it, and then sees valid UTF-8 only.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ast::ErrorKind;
use regex_syntax::hir::Hir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `match` and `head`.
    Anywhere,
    /// `message`: `^` is implied.
    Start,
}

pub struct RegexError {
    pub message: String,
    pub at: Range<usize>,
    pub help: Option<String>,
}

pub fn build(source: &str, place: Place) -> Result<Regex, RegexError> {
    let whole = || 0..source.len();
    let unicode = match parse(source, false) {
        Ok(_) => false,
        Err(_) => parse(source, true).map(|_| true).map_err(|e| explain(source, &e))?,
    };
    let anchored = match place {
        Place::Anywhere => source.to_owned(),
        Place::Start => format!(r"\A(?:{source})"),
    };
    // `(?x)` comments would swallow the closing parenthesis; so would nothing else that parses on its own.
    let built = RegexBuilder::new(&anchored).unicode(unicode).size_limit(1 << 24).build();
    built.map_err(|e| RegexError { message: e.to_string(), at: whole(), help: None })
}

/// The regex as scanning sees it, for looking into it.
pub fn hir(source: &str) -> Option<Hir> {
    parse(source, false).or_else(|_| parse(source, true)).ok()
}

fn parse(source: &str, unicode: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    regex_syntax::ParserBuilder::new().unicode(unicode).utf8(false).build().parse(source).map_err(Box::new)
}

fn explain(source: &str, error: &regex_syntax::Error) -> RegexError {
    let clamp = |start: usize, end: usize| start.min(source.len())..end.clamp(start.min(source.len()), source.len());
    match error {
        regex_syntax::Error::Parse(e) => {
            let help = match e.kind() {
                ErrorKind::UnsupportedLookAround => Some("there is no look-around: say what is meant, not what is not"),
                ErrorKind::UnsupportedBackreference => {
                    Some("there are no back-references: capture twice under two names")
                }
                ErrorKind::GroupNameDuplicate { .. } => Some("give each group a name of its own"),
                ErrorKind::GroupUnclosed => {
                    Some("close the group with `)`, or write `\\(` for a parenthesis in the text")
                }
                ErrorKind::GroupUnopened => Some("write `\\)` for a parenthesis in the text"),
                ErrorKind::ClassUnclosed => Some("close the class with `]`, or write `\\[` for a bracket in the text"),
                ErrorKind::RepetitionMissing => Some("write `\\` before the character if the text contains it"),
                _ => None,
            };
            RegexError {
                message: e.kind().to_string(),
                at: clamp(e.span().start.offset, e.span().end.offset),
                help: help.map(str::to_owned),
            }
        }
        regex_syntax::Error::Translate(e) => RegexError {
            message: e.kind().to_string(),
            at: clamp(e.span().start.offset, e.span().end.offset),
            help: None,
        },
        other => RegexError { message: other.to_string(), at: 0..source.len(), help: None },
    }
}
