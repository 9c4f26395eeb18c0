//! What to say about a file that is not TOML.
//!
//! The parser goes on after a mistake, which finds them all but also finds what only follows from the first: an array
//! that is not closed swallows what comes next. So of each section (from one header to the next) only the mistakes up
//! to the first such one are told, and nothing about its keys, because some of them may not have been read.

use std::ops::Range;

use toml::de::Error;

use super::diagnostic::{Diagnostic, SourceId, Span};

const NOT_CLOSED: &str = "this is not TOML: a string that is not closed";

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
            let mistake = Complaint::new(text, start..at.end.clamp(start, text.len()), message).explain();
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

/// What the parser complains of, and where.
struct Complaint<'t> {
    text: &'t str,
    at: Range<usize>,
    message: &'t str,
    /// Where the line of `at` begins.
    line_start: usize,
}

impl Mistake {
    fn new(title: &'static str, at: Range<usize>, label: &str, help: &str) -> Mistake {
        let (label, help) = (label.to_owned(), help.to_owned());
        Mistake { at, title, label, help, swallows: false, endless: false }
    }
}

impl Complaint<'_> {
    fn new<'t>(text: &'t str, at: Range<usize>, message: &'t str) -> Complaint<'t> {
        let line_start = text[..at.start].rfind('\n').map_or(0, |n| n + 1);
        Complaint { text, at, message, line_start }
    }

    /// In words of ours: the parser's tell what it wanted, and not what the author meant.
    fn explain(&self) -> Mistake {
        if self.says("string values must be quoted") {
            self.unquoted()
        } else if let Some(open) = self.open_string() {
            open
        } else if self.says("escape") && self.says("expected `b`") {
            self.escape()
        } else if self.says("duplicate key") {
            self.duplicate()
        } else if self.says("missing comma") {
            self.missing_comma()
        } else if self.says("expected newline") {
            self.behind_a_value()
        } else {
            self.key_or_anything()
        }
    }

    fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }

    fn before(&self) -> &str {
        &self.text[..self.at.start]
    }

    fn unquoted(&self) -> Mistake {
        let (at, found) = (self.at.clone(), &self.text[self.at.clone()]);
        if found.trim().is_empty() {
            let title = "this is not TOML: a key without a value";
            return Mistake::new(title, at, "nothing stands here", "write a value, or remove the key");
        }
        let bare = found.trim_matches(|c: char| c.is_whitespace() || "“”„‘’".contains(c));
        let label = match found.contains(['“', '”', '„', '‘', '’']) {
            true => "these quotes are not ASCII ones",
            false => "a string without quotes",
        };
        Mistake::new("this is not TOML: a string needs quotes", at, label, &format!("write \"{bare}\""))
    }

    fn open_string(&self) -> Option<Mistake> {
        let kinds = [
            ("invalid multi-line basic string", "\"\"\"", true),
            ("invalid multi-line literal string", "'''", true),
            ("invalid basic string", "\"", false),
            ("invalid literal string", "'", false),
        ];
        let (_, quote, endless) = kinds.into_iter().find(|(words, ..)| self.says(words))?;
        let from = if endless { 0 } else { self.line_start };
        let open = self.before()[from..].rfind(quote).map_or(self.at.start, |n| from + n);
        let (at, help) = (open..open + quote.len(), format!("close it with {quote}"));
        Some(Mistake { swallows: true, endless, ..Mistake::new(NOT_CLOSED, at, "it begins here", &help) })
    }

    fn escape(&self) -> Mistake {
        let backslash = self.before().rfind('\\').filter(|n| *n >= self.line_start);
        let at = backslash.map_or(self.at.clone(), |n| n..self.at.start);
        let help = "write regexes and log lines between ''' and ''': there a backslash is just a backslash";
        let title = "this is not TOML: an unknown escape in a string";
        Mistake::new(title, at, "in \"…\" a backslash begins an escape", help)
    }

    fn duplicate(&self) -> Mistake {
        let line = self.text[self.line_start..].lines().next().unwrap_or_default();
        let header = line.trim_start().starts_with('[');
        let (label, help) = match header {
            true => ("this is defined above already", "remove one of the two, or give it another name"),
            false => ("this key stands above already", "remove one of the two"),
        };
        let title = "this is not TOML: it is there twice";
        Mistake { swallows: header, ..Mistake::new(title, self.at.clone(), label, help) }
    }

    fn missing_comma(&self) -> Mistake {
        let before = self.before().trim_end().len();
        let swallows = self.text[before..self.at.start].contains('\n');
        let at = before.saturating_sub(1)..before;
        let at = if self.text.is_char_boundary(at.start) { at } else { before..before };
        let help = "put a comma between the elements; or close the list or table, if it ends here";
        Mistake { swallows, ..Mistake::new("this is not TOML: a comma is missing", at, "behind this", help) }
    }

    fn behind_a_value(&self) -> Mistake {
        // What was meant to begin a long string has ended an earlier one.
        let before = self.before().trim_end();
        let quote = ["'''", "\"\"\""].into_iter().find(|q| before.ends_with(q));
        let open = quote.and_then(|q| before[..before.len() - 3].rfind(q)).filter(|n| *n < self.line_start);
        if let (Some(quote), Some(open)) = (quote, open) {
            let label = format!("it begins here and ends in line {}", self.before().matches('\n').count() + 1);
            let help = format!("close it with {quote} where it should end");
            let mistake = Mistake::new(NOT_CLOSED, open..open + 3, &label, &help);
            return Mistake { swallows: true, endless: true, ..mistake };
        }
        let title = "this is not TOML: something stands behind the end of the value";
        let help =
            "begin a new line, or enclose it in quotes if it belongs to the value; ''' inside of ''' ends a string";
        Mistake::new(title, self.at.clone(), "this", help)
    }

    fn key_or_anything(&self) -> Mistake {
        let at = self.at.clone();
        if self.says("expected `=`") {
            let title = "this is not TOML: a key without a value";
            return Mistake::new(title, at, "expected `=` and a value", "write `key = value`");
        }
        if self.says("invalid unquoted key") {
            let help =
                "a bare key has letters, digits, `-` and `_` only: write `key = value`, or quote the key: \"key\"";
            return Mistake::new("this is not TOML: this cannot stand in a key", at, "here", help);
        }
        if self.says("unclosed table") {
            let title = "this is not TOML: a header that is not closed";
            return Mistake::new(title, at, "expected `]`", "write `[kind.name]`");
        }
        let swallows = self.says("array") || self.says("inline table");
        let help = match swallows {
            true => "close every `[` with `]` and every `{` with `}`",
            false => "see https://toml.io for what a file may look like",
        };
        Mistake { swallows, ..Mistake::new("this is not TOML", at, self.message, help) }
    }
}
