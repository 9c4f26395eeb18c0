//! Where something inside a string stands in the file: a mistake in a regex is shown below its own characters, however
//! the string is quoted and escaped.

use std::ops::Range;

use super::diagnostic::Span;
use super::model::Name;

/// The place of `range` of a string's value in the text of its file; the whole string if it cannot be told.
pub fn inside(source: &str, string: &Name, range: Range<usize>) -> Span {
    let written = source.get(string.span.range.clone()).unwrap_or_default();
    let place = |at: usize| string.span.range.start + at;
    // Two quotes at least; what is as it is written needs no decoding.
    if let Some(at) = written.find(&string.value).filter(|_| !string.value.is_empty()) {
        let start = place(at);
        return Span { source: string.span.source, range: start + range.start..start + range.end };
    }
    match escaped_offsets(written, &string.value) {
        Some(offsets) => {
            Span { source: string.span.source, range: place(offsets[range.start])..place(offsets[range.end]) }
        }
        None => string.span.clone(),
    }
}

/// Where each byte of a basic string's value is written, and where its end is, relative to the opening quote.
fn escaped_offsets(written: &str, value: &str) -> Option<Vec<usize>> {
    let quote = if written.starts_with("\"\"\"") { 3 } else { 1 };
    let inside = written.get(quote..written.len().checked_sub(quote)?)?;
    let mut offsets = Vec::with_capacity(value.len() + 1);
    let mut rest =
        inside.strip_prefix("\r\n").or_else(|| inside.strip_prefix('\n')).filter(|_| quote == 3).unwrap_or(inside);
    for c in value.chars() {
        // A backslash at a line's end takes the white space that follows.
        while let Some(after) =
            rest.strip_prefix('\\').filter(|r| r.trim_start_matches([' ', '\t', '\r']).starts_with('\n'))
        {
            rest = after.trim_start();
        }
        let length = match rest.strip_prefix('\\').map(|r| r.as_bytes().first()) {
            None => c.len_utf8(),
            Some(Some(b'x')) => 4,
            Some(Some(b'u')) => 6,
            Some(Some(b'U')) => 10,
            Some(_) => 2,
        };
        let at = written.len() - quote - rest.len();
        offsets.extend(std::iter::repeat_n(at, c.len_utf8()));
        rest = rest.get(length..)?;
    }
    offsets.push(written.len() - quote - rest.len());
    Some(offsets)
}

#[cfg(test)]
mod tests {
    use crate::pattern::compile;
    use crate::pattern::diagnostic::Source;

    /// The part of a regex that an error points at, as it is written in the file.
    fn pointed_at(written: &str) -> String {
        let text = format!("[signal.x]\nlog = \"x\"\nmatch = {written}\nprovenance = \"observed\"\n[log.x]\n");
        let source = Source { name: "test".into(), text, builtin: false };
        let found = compile(std::slice::from_ref(&source)).diagnostics;
        let error = found.iter().find(|d| d.title.contains("regex")).unwrap_or_else(|| panic!("{written}: {found:?}"));
        source.text[error.span.range.clone()].to_owned()
    }

    #[test]
    fn the_place_in_a_regex_is_found_in_every_kind_of_string() {
        for (written, place) in [
            (r#"'lost (?=x)'"#, "(?="),
            (r#"'''lost (?=x)'''"#, "(?="),
            ("'''\nlost (?=x)'''", "(?="),
            (r#""lost (?=x)""#, "(?="),
            (r#""lost \\d (?=x)""#, "(?="),
            (r#""\"lost\" \\y""#, r"\\y"),
            (r#""\u00e9\U0001F600\x41é😀 \t(?=x)""#, "(?="),
            (r#"'é😀(?=x)'"#, "(?="),
            ("\"\"\"\n\\\\d lost \\\n   and (?=x)\"\"\"", "(?="),
            ("\"\"\"\\\\d \\\"\"quoted\"\" (?=x)\"\"\"", "(?="),
            (r#"'lost \'"#, r"\"),
            (r#"'(lost'"#, "("),
        ] {
            assert_eq!(pointed_at(written), place, "{written}");
        }
    }
}
