//! Which text must stand in a line for a regex to match it.
//!
//! The scanner looks for such texts before it runs any regex, so a pattern without one makes everything slower;
//! `check` tells its author. Which of several texts is the best to look for depends on the log: the choice is made
//! where the log can be seen. Case is folded: a case-insensitive word is as good a text as any other.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter texts stand in almost every line.
pub const SHORTEST: usize = 3;

/// More texts than this for one regex are no help.
const MOST: usize = 64;

/// What each match of a regex contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    Text(Text),
    /// At least one of these: all of them must be looked for.
    OneOf(Vec<Need>),
    /// Every one of these: any of them may be looked for.
    All(Vec<Need>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// In ASCII lower case.
    pub folded: Box<[u8]>,
    /// As it must be written, if its case matters.
    pub exact: Option<Box<[u8]>>,
}

impl Need {
    /// Of a regex that matches only where such texts stand; `None` if there is no such regex.
    pub fn of(hir: &Hir) -> Option<Need> {
        let mut runs = Runs::default();
        runs.walk(hir);
        runs.close();
        match runs.found.len() {
            0 => None,
            1 => runs.found.pop(),
            _ => Some(Need::All(runs.found)),
        }
    }

    /// How many texts must be looked for at least.
    fn texts(&self) -> usize {
        match self {
            Need::Text(_) => 1,
            Need::OneOf(needs) => needs.iter().map(Need::texts).sum(),
            Need::All(needs) => needs.iter().map(Need::texts).min().unwrap_or(0),
        }
    }
}

/// Walks a concatenation and joins neighbours into runs of text.
#[derive(Default)]
struct Runs {
    run: Vec<u8>,
    /// A letter of `run` may be of either case.
    either_case: bool,
    found: Vec<Need>,
}

impl Runs {
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(literal) => self.run.extend_from_slice(&literal.0),
            HirKind::Class(class) => match single_letter(class) {
                Some(letter) => {
                    self.run.push(letter);
                    self.either_case = true;
                }
                None => self.close(),
            },
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Alternation(parts) => {
                self.close();
                let needs: Option<Vec<Need>> = parts.iter().map(Need::of).collect();
                self.found.extend(needs.map(Need::OneOf).filter(|need| need.texts() <= MOST));
            }
            HirKind::Repetition(repetition) => {
                self.close();
                if repetition.min > 0 {
                    self.found.extend(Need::of(&repetition.sub));
                }
            }
            // Anchors and word boundaries have no width, so a run goes on through them.
            HirKind::Look(_) | HirKind::Empty => {}
        }
    }

    fn close(&mut self) {
        let run = std::mem::take(&mut self.run);
        let either_case = std::mem::take(&mut self.either_case);
        if run.len() >= SHORTEST {
            let folded = run.to_ascii_lowercase().into();
            self.found.push(Need::Text(Text { folded, exact: (!either_case).then(|| run.into()) }));
        }
    }
}

/// `[Aa]`, as case-insensitive letters are written in the HIR.
fn single_letter(class: &Class) -> Option<u8> {
    let chars: Vec<u32> = match class {
        Class::Unicode(c) => c.iter().flat_map(|r| r.start() as u32..=(r.end() as u32).min(r.start() as u32 + 4)).collect(),
        Class::Bytes(c) => c.iter().flat_map(|r| u32::from(r.start())..=u32::from(r.end()).min(u32::from(r.start()) + 4)).collect(),
    };
    let ascii: Option<Vec<u8>> = chars.iter().map(|&c| u8::try_from(c).ok().filter(u8::is_ascii)).collect();
    match ascii?.as_slice() {
        [a] => Some(a.to_ascii_lowercase()),
        [a, b] if a.eq_ignore_ascii_case(b) => Some(a.to_ascii_lowercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(need: &Need) -> String {
        let join = |needs: &[Need], with: &str| needs.iter().map(shown).collect::<Vec<_>>().join(with);
        match need {
            Need::Text(text) => {
                let case = if text.exact.is_some() { "" } else { "(?i)" };
                format!("{case}{}", String::from_utf8_lossy(text.exact.as_ref().unwrap_or(&text.folded)))
            }
            Need::OneOf(needs) => format!("({})", join(needs, "|")),
            Need::All(needs) => join(needs, "&"),
        }
    }

    #[test]
    fn texts_are_what_every_match_contains() {
        for (regex, expect) in [
            ("Too many connections from /(.*)", Some("Too many connections from /")),
            ("Float ip .* is invalid", Some("Float ip & is invalid")),
            (r"^Heart\s?beat", Some("Heart&beat")),
            ("(?i)Permission Denied", Some("(?i)permission denied")),
            ("(?i:s)ync file", Some("(?i)sync file")),
            ("(lost|interrupt)ed", Some("(lost|interrupt)")),
            ("(lost|)ed", None),
            ("(a.*from|to the.*b) here", Some("(from|to the)& here")),
            ("[a-z]+ [0-9]{4}", None),
            ("(abc)+x", Some("abc")),
            ("(abc)*xy", None),
        ] {
            let hir = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(regex).unwrap();
            assert_eq!(Need::of(&hir).as_ref().map(shown).as_deref(), expect, "{regex}");
        }
    }
}
