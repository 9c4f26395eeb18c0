//! Markdown as a page for a terminal: wrapped to its width, without the marks that only a renderer understands.
//!
//! This knows the Markdown that runbooks are written in (headings, paragraphs, lists, blocks of commands, bold, code),
//! and shows everything else as it stands.

use anstyle::{Effects, Style};

use super::fill::is_fence;
use crate::deliver::stdout::printable;

/// Narrower than this, wrapping makes a text harder to read and not easier.
const NARROWEST: usize = 40;

#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub width: usize,
    /// Headings stand out; for terminals only.
    pub bold: bool,
}

impl Page {
    pub fn render(&self, markdown: &str) -> String {
        let mut out = String::new();
        let mut open: Option<Paragraph> = None;
        let mut in_block = false;
        for line in markdown.lines() {
            let (indent, text) = (line.len() - line.trim_start().len(), line.trim());
            if is_fence(line) {
                self.close(&mut open, &mut out);
                in_block = !in_block;
            } else if in_block {
                out.push_str(&format!("  {}\n", printable(line)));
            } else if text.is_empty() {
                self.close(&mut open, &mut out);
                out.push('\n');
            } else if let Some(heading) = text.strip_prefix('#').filter(|_| indent == 0) {
                self.close(&mut open, &mut out);
                let heading = printable(heading.trim_start_matches('#').trim());
                out.push_str(&format!("{}\n", self.strong(&heading)));
            } else if let Some(marker) = marker(text) {
                self.close(&mut open, &mut out);
                open = Some(Paragraph { indent, hanging: indent + marker, text: text.to_owned() });
            } else if let Some(paragraph) = open.as_mut().filter(|_| !text.starts_with("probe:")) {
                paragraph.text.push(' ');
                paragraph.text.push_str(text);
            } else {
                self.close(&mut open, &mut out);
                open = Some(Paragraph { indent, hanging: indent, text: text.to_owned() });
            }
        }
        self.close(&mut open, &mut out);
        out
    }

    fn close(&self, open: &mut Option<Paragraph>, out: &mut String) {
        if let Some(paragraph) = open.take() {
            self.wrap(&paragraph, out);
        }
    }

    /// Words to lines; a word that is longer than a line has one of its own.
    fn wrap(&self, paragraph: &Paragraph, out: &mut String) {
        let width = self.width.max(NARROWEST);
        let (mut column, mut first) = (0, true);
        for (shown, styled) in self.words(&paragraph.text) {
            let length = shown.chars().count();
            if column > 0 && column + 1 + length > width {
                out.push('\n');
                column = 0;
            }
            let gap = match (column, first) {
                (0, true) => paragraph.indent,
                (0, false) => paragraph.hanging,
                _ => 1,
            };
            first = false;
            out.push_str(&" ".repeat(gap));
            out.push_str(&styled);
            column += gap + length;
        }
        out.push('\n');
    }

    /// Each word as it is counted and as it is written.
    fn words(&self, text: &str) -> Vec<(String, String)> {
        let (mut strong, mut code) = (false, false);
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            let (mut shown, mut styled, mut rest) = (String::new(), String::new(), word);
            while let Some(c) = rest.chars().next() {
                if c == '`' {
                    code = !code;
                    rest = &rest[1..];
                } else if let Some(after) = rest.strip_prefix("**").filter(|_| !code) {
                    strong = !strong;
                    rest = after;
                } else {
                    let end =
                        rest.find('`').into_iter().chain(rest.find("**").filter(|_| !code)).min().unwrap_or(rest.len());
                    let piece = printable(&rest[..end]);
                    styled.push_str(&if strong { self.strong(&piece) } else { piece.clone() });
                    shown.push_str(&piece);
                    rest = &rest[end..];
                }
            }
            words.push((shown, styled));
        }
        words
    }

    pub fn strong(&self, text: &str) -> String {
        let style = Style::new().effects(Effects::BOLD);
        if self.bold { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

struct Paragraph {
    /// Of its first line, and of the others.
    indent: usize,
    hanging: usize,
    text: String,
}

/// The length of `- ` or `12. ` at the start of a list's entry.
fn marker(text: &str) -> Option<usize> {
    if text.starts_with("- ") {
        return Some(2);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    (digits > 0 && text[digits..].starts_with(". ")).then_some(digits + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A: b\n\n## Steps\n\nSome words that are longer\nthan one line is.\n\n1. **Look at it.** With a `sed*` command\n   that `**` shows.\n\n   \
        probe: ping {peer}\n\n   ```sh\n   ls   -l\n   ```\n\n   - ok: go on with the next one of these steps.\n   - fault: stop\n";

    #[test]
    fn a_page_is_wrapped_and_hangs_below_its_numbers() {
        let page = Page { width: 40, bold: false }.render(TEXT);
        let expected = "\
A: b

Steps

Some words that are longer than one line
is.

1. Look at it. With a sed* command that
   ** shows.

   probe: ping {peer}

     ls   -l

   - ok: go on with the next one of
     these steps.
   - fault: stop
";
        assert_eq!(page, expected);
    }

    #[test]
    fn headings_are_bold_on_a_terminal_alone() {
        let page = Page { width: 80, bold: true }.render("# A: b\n\n1. **Look at it.** Now\u{1b}[2J.\n");
        assert_eq!(
            page,
            "\u{1b}[1mA: b\u{1b}[0m\n\n1. \u{1b}[1mLook\u{1b}[0m \u{1b}[1mat\u{1b}[0m \u{1b}[1mit.\u{1b}[0m Now\\u{1b}[2J.\n"
        );
    }
}
