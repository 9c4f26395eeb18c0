//! Which text must stand in a line for a regex to match it.
//!
//! The scanner looks for such literals before it runs any regex, so a pattern without one makes everything slower;
//! `check` tells its author. Case is folded: a case-insensitive word is as good a literal as any other.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter literals stand in almost every line.
pub const SHORTEST: usize = 3;

/// More alternatives than this are no help.
const MOST: usize = 64;

/// Texts in ASCII lower case of which each match contains at least one (in any case), or `None`.
pub fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let mut runs = Runs::default();
    runs.walk(hir);
    runs.close();
    runs.best.filter(|set| set.iter().all(|l| l.len() >= SHORTEST))
}

/// Walks a concatenation, joining neighbours into runs of literal text and keeping the best set so far.
#[derive(Default)]
struct Runs {
    run: Vec<u8>,
    best: Option<Vec<Vec<u8>>>,
}

impl Runs {
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(l) => self.run.extend(l.0.iter().map(u8::to_ascii_lowercase)),
            HirKind::Class(class) => match single_letter(class) {
                Some(letter) => self.run.push(letter),
                None => self.close(),
            },
            HirKind::Capture(c) => self.walk(&c.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|p| self.walk(p)),
            HirKind::Alternation(parts) => {
                self.close();
                let sets: Option<Vec<_>> = parts.iter().map(required).collect();
                self.offer(sets.map(|s| s.concat()));
            }
            HirKind::Repetition(r) => {
                self.close();
                if r.min > 0 {
                    self.offer(required(&r.sub));
                }
            }
            // Anchors and word boundaries have no width, so a run goes on through them.
            HirKind::Look(_) | HirKind::Empty => {}
        }
    }

    fn close(&mut self) {
        if !self.run.is_empty() {
            let run = std::mem::take(&mut self.run);
            self.offer(Some(vec![run]));
        }
    }

    fn offer(&mut self, set: Option<Vec<Vec<u8>>>) {
        let Some(set) = set.filter(|s| !s.is_empty() && s.len() <= MOST) else { return };
        let worth = |s: &Vec<Vec<u8>>| (s.iter().map(Vec::len).min().unwrap_or(0), usize::MAX - s.len());
        if self.best.as_ref().is_none_or(|best| worth(&set) > worth(best)) {
            self.best = Some(set);
        }
    }
}

/// `[Aa]`, as case-insensitive letters are written in the HIR.
fn single_letter(class: &Class) -> Option<u8> {
    let chars: Vec<u32> = match class {
        Class::Unicode(c) => {
            c.iter().flat_map(|r| r.start() as u32..=(r.end() as u32).min(r.start() as u32 + 4)).collect()
        }
        Class::Bytes(c) => {
            c.iter().flat_map(|r| u32::from(r.start())..=u32::from(r.end()).min(u32::from(r.start()) + 4)).collect()
        }
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

    #[test]
    fn literals_are_what_every_match_contains() {
        for (regex, expect) in [
            ("Too many connections from /(.*)", Some("too many connections from /")),
            ("Float ip .* is invalid", Some(" is invalid")),
            (r"^Heart\s?beat", Some("heart")),
            ("(?i)Permission Denied", Some("permission denied")),
            ("(lost|interrupt)ed", Some("interrupt,lost")),
            ("(lost|)ed", None),
            ("[a-z]+ [0-9]{4}", None),
            ("(abc)+x", Some("abc")),
            ("(abc)*xy", None),
        ] {
            let hir = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(regex).unwrap();
            let found = required(&hir).map(|mut set| {
                set.sort();
                set.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect::<Vec<_>>().join(",")
            });
            assert_eq!(found.as_deref(), expect, "{regex}");
        }
    }
}
