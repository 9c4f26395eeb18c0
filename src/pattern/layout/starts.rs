//! With which bytes a line can begin that a regex matches at its start. A log may have several layouts and many lines
//! that are no heads; most of those are told by their first byte, without asking any regex.

use regex_syntax::hir::{Class, Hir, HirKind};

/// For each byte, whether a match can begin with it; `empty`, if there may be a match without any.
#[derive(Clone)]
pub(super) struct Starts {
    bytes: Box<[bool; 256]>,
    empty: bool,
}

impl Starts {
    pub(super) fn of(hir: &Hir) -> Starts {
        let mut starts = Starts { bytes: Box::new([false; 256]), empty: false };
        starts.empty = starts.add(hir);
        starts
    }

    pub(super) fn may_match(&self, line: &[u8]) -> bool {
        self.empty || line.first().is_some_and(|byte| self.bytes[usize::from(*byte)])
    }

    /// Adds the bytes that matches of this part begin with. Can it match without any, so that what follows counts too?
    fn add(&mut self, hir: &Hir) -> bool {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => true,
            HirKind::Literal(literal) => {
                literal.0.first().iter().for_each(|byte| self.bytes[usize::from(**byte)] = true);
                literal.0.is_empty()
            }
            HirKind::Class(class) => {
                self.add_class(class);
                false
            }
            HirKind::Repetition(repetition) => self.add(&repetition.sub) || repetition.min == 0,
            HirKind::Capture(capture) => self.add(&capture.sub),
            HirKind::Concat(parts) => parts.iter().all(|part| self.add(part)),
            // All of them count, so all are asked.
            HirKind::Alternation(parts) => parts.iter().filter(|part| self.add(part)).count() > 0,
        }
    }

    fn add_class(&mut self, class: &Class) {
        match class {
            Class::Bytes(class) => {
                class.iter().for_each(|range| self.add_range(range.start(), range.end()));
            }
            // Beyond ASCII one character is several bytes; which is no matter.
            Class::Unicode(class) => class.iter().for_each(|range| {
                let byte = |c: char| u8::try_from(u32::from(c).min(0xff)).unwrap_or(0xff);
                self.add_range(
                    byte(range.start()).min(0x80),
                    if range.end().is_ascii() { byte(range.end()) } else { 0xff },
                );
            }),
        }
    }

    fn add_range(&mut self, from: u8, to: u8) {
        self.bytes[usize::from(from)..=usize::from(to)].fill(true);
    }
}

impl std::fmt::Debug for Starts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes: Vec<u8> = (0..=255).filter(|byte| self.bytes[usize::from(*byte)]).collect();
        write!(f, "{}{}", bytes.escape_ascii(), if self.empty { " or nothing" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::bytes::RegexBuilder;
    use regex_syntax::ParserBuilder;

    #[test]
    fn what_a_match_can_begin_with() {
        for (source, unicode, expect) in [
            (r"\A(?:\[(?<time>[^\]]+)\] x)", false, "["),
            (r"\[?(?<time>\d{4})-", false, "0123456789["),
            (r"(?:ab|(?<x>c)?d|^e)f", false, "acde"),
            (r" *(?:\bx|y)+", false, " xy"),
            (r"(?i)k", false, "Kk"),
            (r"a{2,}|b{0,3}", false, "ab or nothing"),
            (r"a*", false, "a or nothing"),
            (r"[^\x00-\x60\x64-\xff]z", false, "abc"),
            ("[x-zé]", true, &format!("xyz{}", (0x80..=0xff_u8).map(|b| format!("\\x{b:02x}")).collect::<String>())),
        ] {
            let hir = ParserBuilder::new().utf8(false).unicode(unicode).build().parse(source).unwrap();
            let starts = Starts::of(&hir);
            assert_eq!(format!("{starts:?}"), expect, "{source}");
            // Nothing that matches is left out.
            let regex = RegexBuilder::new(&format!(r"\A(?:{source})")).unicode(unicode).build().unwrap();
            for line in [
                "[1] x", "[2021-", "2021-", "af", "df", "cdf", "ef", "  xy", "y", "K", "aa", "b", "", "?", "bz", "é",
                "z",
            ] {
                assert!(!regex.is_match(line.as_bytes()) || starts.may_match(line.as_bytes()), "{source}: {line}");
            }
        }
    }
}
