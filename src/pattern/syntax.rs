//! What to say about a file that is not TOML.
//!
//! The parser goes on after a mistake, which finds them all but also finds what only follows from the first: an array
//! that is not closed swallows what comes next. So of each section (from one header to the next) only the mistakes up
//! to the first such one are told, and nothing about its keys, because some of them may not have been read.

use std::ops::Range;

use toml::de::Error;

use super::diagnostic::{Diagnostic, SourceId, Span};

pub struct Broken {
    pub errors: Vec<Diagnostic>,
    /// Bytes of whose keys nothing can be said.
    doubtful: Vec<Range<usize>>,
    /// Bytes that were read as something else than was meant.
    pub misread: Range<usize>,
}

impl Broken {
    pub fn new(source: SourceId, text: &str, errors: &[Error]) -> Broken {
        let sections = sections(text);
        let mut broken = Broken { errors: Vec::new(), doubtful: Vec::new(), misread: 0..0 };
        let (mut last_line, mut deaf_until) = (None, 0);
        let mut places: Vec<(Range<usize>, &str)> =
            errors.iter().map(|e| (e.span().unwrap_or(0..0), e.message().trim())).collect();
        places.sort_by_key(|(at, _)| at.start);
        for (at, message) in places {
            // At the very end of a line the place is still that line's.
            let start = at.start.min(text.len());
            let line = text[..start].matches('\n').count();
            if start < deaf_until || last_line == Some(line) {
                continue;
            }
            last_line = Some(line);
            let mistake = Mistake::new(text, start..at.end.clamp(start, text.len()), message);
            // A string or a list that is not closed goes on to the end of the section; a long string, of the file.
            let section = sections.iter().find(|s| s.contains(&mistake.at.start)).cloned().unwrap_or(0..text.len());
            let doubtful = if mistake.endless { section.start..text.len() + 1 } else { section };
            if mistake.endless && broken.misread.is_empty() {
                broken.misread = doubtful.clone();
            }
            if mistake.swallows {
                deaf_until = doubtful.end;
            }
            broken.doubtful.push(doubtful);
            let span = Span { source, range: mistake.at };
            broken.errors.push(Diagnostic::error(&span, mistake.title, mistake.label).help(mistake.help));
        }
        broken
    }

    pub fn is_broken(&self) -> bool {
        !self.errors.is_empty()
    }

    pub fn covers(&self, at: usize) -> bool {
        self.doubtful.iter().any(|range| range.contains(&at))
    }
}

/// From each header to the next. Lines of a log in a test begin with `[` too, but not with a letter behind it.
fn sections(text: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let inside = line.trim_start().trim_start_matches('[');
        if line.trim_start().starts_with('[') && inside.starts_with(|c: char| c.is_ascii_lowercase()) && at > 0 {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len() + 1]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

struct Mistake {
    at: Range<usize>,
    title: &'static str,
    label: String,
    help: String,
    /// What follows is not read as it was meant.
    swallows: bool,
    /// And not only up to the next header.
    endless: bool,
}

impl Mistake {
    fn new(text: &str, at: Range<usize>, message: &str) -> Mistake {
        let mistake = |title, at: Range<usize>, label: &str, help: &str| Mistake {
            at,
            title,
            label: label.to_owned(),
            help: help.to_owned(),
            swallows: false,
            endless: false,
        };
        let line_start = text[..at.start].rfind('\n').map_or(0, |n| n + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let found = &text[at.clone()];
        if message.contains("string values must be quoted") {
            if found.trim().is_empty() {
                return mistake(
                    "this is not TOML: a key without a value",
                    at,
                    "nothing stands here",
                    "write a value, or remove the key",
                );
            }
            let bare = found.trim_matches(|c: char| c.is_whitespace() || "“”„‘’".contains(c));
            let label = if found.contains(['“', '”', '„', '‘', '’']) {
                "these quotes are not ASCII ones"
            } else {
                "a string without quotes"
            };
            return mistake("this is not TOML: a string needs quotes", at, label, &format!("write \"{bare}\""));
        }
        for (what, quote, endless) in [
            ("multi-line basic string", "\"\"\"", true),
            ("multi-line literal string", "'''", true),
            ("basic string", "\"", false),
            ("literal string", "'", false),
        ] {
            if message.contains(&format!("invalid {what}")) {
                let from = if endless { 0 } else { line_start };
                let open = text[from..at.start].rfind(quote).map_or(at.start, |n| from + n);
                let help = format!("close it with {quote}");
                let mistake = mistake(
                    "this is not TOML: a string that is not closed",
                    open..open + quote.len(),
                    "it begins here",
                    &help,
                );
                return Mistake { swallows: true, endless, ..mistake };
            }
        }
        if message.contains("escape") && message.contains("expected `b`") {
            let at = text[..at.start].rfind('\\').filter(|n| *n >= line_start).map_or(at.clone(), |n| n..at.start);
            let help = "write regexes and log lines between ''' and ''': there a backslash is just a backslash";
            return mistake(
                "this is not TOML: an unknown escape in a string",
                at,
                "in \"…\" a backslash begins an escape",
                help,
            );
        }
        if message.contains("duplicate key") {
            let header = line.trim_start().starts_with('[');
            let (label, help) = match header {
                true => ("this is defined above already", "remove one of the two, or give it another name"),
                false => ("this key stands above already", "remove one of the two"),
            };
            return Mistake { swallows: header, ..mistake("this is not TOML: it is there twice", at, label, help) };
        }
        if message.contains("missing comma") {
            let before = text[..at.start].trim_end().len();
            let swallows = text[before..at.start].contains('\n');
            let at = before.saturating_sub(1)..before;
            let at = if text.is_char_boundary(at.start) { at } else { before..before };
            let help = "put a comma between the elements; or close the list or table, if it ends here";
            return Mistake { swallows, ..mistake("this is not TOML: a comma is missing", at, "behind this", help) };
        }
        if message.contains("expected newline") {
            // What was meant to begin a long string has ended an earlier one.
            let before = text[..at.start].trim_end();
            let quote = ["'''", "\"\"\""].into_iter().find(|q| before.ends_with(q));
            let open = quote.and_then(|q| before[..before.len() - 3].rfind(q)).filter(|n| *n < line_start);
            if let (Some(quote), Some(open)) = (quote, open) {
                let label = format!("it begins here and ends in line {}", text[..at.start].matches('\n').count() + 1);
                let help = format!("close it with {quote} where it should end");
                let mistake = mistake("this is not TOML: a string that is not closed", open..open + 3, &label, &help);
                return Mistake { swallows: true, endless: true, ..mistake };
            }
            let help =
                "begin a new line, or enclose it in quotes if it belongs to the value; ''' inside of ''' ends a string";
            return mistake("this is not TOML: something stands behind the end of the value", at, "this", help);
        }
        if message.contains("expected `=`") {
            return mistake(
                "this is not TOML: a key without a value",
                at,
                "expected `=` and a value",
                "write `key = value`",
            );
        }
        if message.contains("invalid unquoted key") {
            let help =
                "a bare key has letters, digits, `-` and `_` only: write `key = value`, or quote the key: \"key\"";
            return mistake("this is not TOML: this cannot stand in a key", at, "here", help);
        }
        if message.contains("unclosed table") {
            return mistake("this is not TOML: a header that is not closed", at, "expected `]`", "write `[kind.name]`");
        }
        let swallows = message.contains("array") || message.contains("inline table");
        let help = if swallows {
            "close every `[` with `]` and every `{` with `}`"
        } else {
            "see https://toml.io for what a file may look like"
        };
        Mistake { swallows, ..mistake("this is not TOML", at, message, help) }
    }
}
