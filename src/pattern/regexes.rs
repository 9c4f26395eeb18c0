//! How the regexes of pattern files are read.
//!
//! Logs are bytes: a path in another encoding must not hide a line, so regexes see bytes wherever they can, and `.`
//! is any byte. A pattern that needs Unicode (`\p{Han}`, `[é]`) gets it, and then sees valid UTF-8 only.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ast::ErrorKind;
use regex_syntax::hir::{Hir, HirKind};

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
    let (unicode, hir) = match parse(source, false) {
        Ok(hir) => (false, hir),
        Err(_) => (true, parse(source, true).map_err(|e| explain(source, &e))?),
    };
    let whole = |message: &str, help: &str| RegexError {
        message: message.to_owned(),
        at: 0..source.len(),
        help: Some(help.to_owned()),
    };
    if needs_line_break(&hir) {
        return Err(whole(
            "this asks for a line break, and a regex sees one line at a time",
            "match one line (`head` can ask for the record's first one too); write it in one line between ''' and '''",
        ));
    }
    // `(?x)` comments would swallow a closing parenthesis on their line.
    let anchored = match place {
        Place::Anywhere => source.to_owned(),
        Place::Start if parse(&format!(r"\A(?:{source})"), unicode).is_ok() => format!(r"\A(?:{source})"),
        Place::Start => format!("\\A(?:{source}\n)"),
    };
    let regex = RegexBuilder::new(&anchored).unicode(unicode).size_limit(1 << 24).build().map_err(|e| match e {
        regex::Error::CompiledTooBig(_) => {
            whole("this regex is too large", "shorten counted repetitions such as `{1000}`")
        }
        e => whole(&e.to_string(), "write it in another way"),
    })?;
    // Texts that have nothing in common: what finds itself in each of them finds itself everywhere.
    if ["\x01", "~~", "Ab c", "7"].iter().all(|text| regex.is_match(text.as_bytes())) {
        return Err(whole(
            "this matches everything",
            "name a word that stands in the lines that are meant, and in no others",
        ));
    }
    Ok(regex)
}

/// The regex as scanning sees it, for looking into it.
pub fn hir(source: &str) -> Option<Hir> {
    parse(source, false).or_else(|_| parse(source, true)).ok()
}

fn parse(source: &str, unicode: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    regex_syntax::ParserBuilder::new().unicode(unicode).utf8(false).build().parse(source).map_err(Box::new)
}

/// Must each match contain a line break?
fn needs_line_break(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.contains(&b'\n'),
        HirKind::Class(class) => class.literal().is_some_and(|l| l == b"\n"),
        HirKind::Capture(capture) => needs_line_break(&capture.sub),
        HirKind::Repetition(repetition) => repetition.min > 0 && needs_line_break(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().any(needs_line_break),
        HirKind::Alternation(parts) => parts.iter().all(needs_line_break),
        HirKind::Empty | HirKind::Look(_) => false,
    }
}

pub fn explain(source: &str, error: &regex_syntax::Error) -> RegexError {
    let place = |start: usize, end: usize| {
        let start = start.min(source.len());
        start..end.clamp(start, source.len())
    };
    match error {
        regex_syntax::Error::Parse(e) => {
            let mut at = place(e.span().start.offset, e.span().end.offset);
            if at.is_empty() && matches!(e.kind(), ErrorKind::RepetitionMissing) {
                at.end = source[at.start..].chars().next().map_or(at.end, |c| at.start + c.len_utf8());
            }
            RegexError { message: e.kind().to_string(), help: help(e.kind(), &source[at.clone()]), at }
        }
        regex_syntax::Error::Translate(e) => RegexError {
            message: e.kind().to_string(),
            at: place(e.span().start.offset, e.span().end.offset),
            help: None,
        },
        other => RegexError { message: other.to_string(), at: 0..source.len(), help: None },
    }
}

/// What to write instead.
fn help(kind: &ErrorKind, found: &str) -> Option<String> {
    let help = match kind {
        ErrorKind::UnsupportedLookAround => "there is no look-around: say what is meant, not what is not",
        ErrorKind::UnsupportedBackreference => "there are no back-references: capture twice, under two names",
        ErrorKind::GroupNameDuplicate { .. } => "give each group a name of its own",
        ErrorKind::GroupNameInvalid | ErrorKind::GroupNameEmpty | ErrorKind::GroupNameUnexpectedEof => {
            "a named group is written `(?<name>…)`; a name has letters, digits and `_`"
        }
        ErrorKind::GroupUnclosed => "close the group with `)`, or write `\\(` for a parenthesis in the text",
        ErrorKind::GroupUnopened => "write `\\)` for a parenthesis in the text, or open a group with `(`",
        ErrorKind::ClassUnclosed => "close the class with `]`, or write `\\[` for a bracket in the text",
        ErrorKind::ClassRangeInvalid => {
            "a range goes from the lower character to the higher; put a `-` that is meant at the class's end"
        }
        ErrorKind::RepetitionMissing => return Some(format!("write `\\{found}` if the text contains a `{found}`")),
        ErrorKind::RepetitionCountUnclosed
        | ErrorKind::RepetitionCountDecimalEmpty
        | ErrorKind::RepetitionCountInvalid => {
            "a repetition is written `{2}`, `{2,}` or `{2,5}`; write `\\{` for a brace in the text"
        }
        ErrorKind::EscapeUnrecognized => {
            return Some(format!("write `{}` if the text is meant", found.trim_start_matches('\\')));
        }
        ErrorKind::EscapeUnexpectedEof => "write `\\\\` for a backslash in the text",
        ErrorKind::FlagUnrecognized => {
            "the flags are i, m, s, U, u and x, as in `(?i:…)`; a named group is `(?<name>…)`"
        }
        _ => return None,
    };
    Some(help.to_owned())
}
