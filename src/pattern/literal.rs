//! Which text must stand in a line for a regex to match it.
//!
//! The scanner looks for such texts before it runs any regex, so a pattern without one makes everything slower;
//! `check` tells its author. Which of several texts is the best to look for depends on the log: the choice is made
//! where the log can be seen. Case is folded: a case-insensitive word is as good a text as any other.

use memchr::memmem::Finder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::windows::Case;

/// Shorter texts stand in almost every line.
pub const SHORTEST: usize = 3;

/// More texts than this for one regex are no help.
const MOST: usize = 64;

/// A run of text is followed through choices as long as it comes to no more texts than this.
const FEW: usize = 4;

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

    /// A check that tells more than finding one of the texts did; `None` if there is nothing more to tell.
    pub fn check(&self) -> Option<Check> {
        match self {
            Need::Text(_) => None,
            Need::OneOf(needs) => needs.iter().any(|need| need.check().is_some()).then(|| self.all_of_it()),
            Need::All(_) => Some(self.all_of_it()),
        }
    }

    fn all_of_it(&self) -> Check {
        let each = |needs: &[Need]| needs.iter().map(Need::all_of_it).collect();
        match self {
            Need::Text(text) => {
                let finder = |text: &[u8]| Finder::new(text).into_owned();
                Check::Text(Box::new((finder(&text.folded), text.exact.as_deref().map(finder))))
            }
            Need::OneOf(needs) => Check::OneOf(each(needs)),
            Need::All(needs) => Check::All(each(needs)),
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

/// A [`Need`] to be checked in a line: far cheaper than a regex that does not match in the end.
#[derive(Clone, Debug)]
pub enum Check {
    /// In lower case, and as written if that is known.
    Text(Box<(Finder<'static>, Option<Finder<'static>>)>),
    OneOf(Vec<Check>),
    All(Vec<Check>),
}

impl Check {
    /// Has a line, as written or folded, what is needed? True too if only the other case could tell.
    pub fn holds(&self, case: Case, line: &[u8]) -> bool {
        match self {
            Check::Text(finders) => match case {
                Case::Written => finders.1.as_ref().is_none_or(|finder| finder.find(line).is_some()),
                Case::Folded => finders.0.find(line).is_some(),
            },
            Check::OneOf(checks) => checks.iter().any(|check| check.holds(case, line)),
            Check::All(checks) => checks.iter().all(|check| check.holds(case, line)),
        }
    }
}

/// Walks a concatenation and joins neighbours into runs of text: a plain one, and one that goes on through a choice of
/// a few texts by taking each of them. `sync(?:hronize)? file` is found by " file", but in many logs far better by one
/// of "sync file" and "synchronize file".
struct Runs {
    plain: Run,
    branched: Vec<Run>,
    found: Vec<Need>,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Run {
    text: Vec<u8>,
    /// A letter may be of either case.
    either_case: bool,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs { plain: Run::default(), branched: vec![Run::default()], found: Vec::new() }
    }
}

impl Runs {
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(literal) => self.extend(&literal.0, false),
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            // Anchors and word boundaries have no width, so a run goes on through them.
            HirKind::Look(_) | HirKind::Empty => {}
            HirKind::Class(class) => match single_letter(class) {
                Some(letter) => self.extend(&[letter], true),
                None => self.branch(hir),
            },
            HirKind::Alternation(parts) => {
                self.branch(hir);
                let needs: Option<Vec<Need>> = parts.iter().map(Need::of).collect();
                self.found.extend(needs.map(Need::OneOf).filter(|need| need.texts() <= MOST));
            }
            HirKind::Repetition(repetition) => {
                self.branch(hir);
                if repetition.min > 0 {
                    self.found.extend(Need::of(&repetition.sub));
                }
            }
        }
    }

    fn extend(&mut self, text: &[u8], either_case: bool) {
        for run in self.branched.iter_mut().chain([&mut self.plain]) {
            run.text.extend_from_slice(text);
            run.either_case |= either_case;
        }
    }

    /// Something that is not one text: a few texts, or anything.
    fn branch(&mut self, hir: &Hir) {
        self.close_plain();
        match few(hir).filter(|few| few.len() * self.branched.len() <= FEW) {
            Some(few) => {
                self.branched = joined(&self.branched, &few);
            }
            None => self.close_branched(),
        }
    }

    fn close(&mut self) {
        self.close_plain();
        self.close_branched();
    }

    fn close_plain(&mut self) {
        self.found.extend(std::mem::take(&mut self.plain).need());
    }

    fn close_branched(&mut self) {
        let runs = std::mem::replace(&mut self.branched, vec![Run::default()]);
        if runs.len() > 1 {
            let needs: Option<Vec<Need>> = runs.into_iter().map(Run::need).collect();
            self.found.extend(needs.map(Need::OneOf));
        }
    }
}

impl Run {
    fn need(self) -> Option<Need> {
        let Run { text, either_case } = self;
        let folded = text.to_ascii_lowercase().into();
        (text.len() >= SHORTEST).then(|| Need::Text(Text { folded, exact: (!either_case).then(|| text.into()) }))
    }
}

/// Each of `runs` followed by each of `ends`.
fn joined(runs: &[Run], ends: &[Run]) -> Vec<Run> {
    let join = |run: &Run, end: &Run| Run {
        text: [run.text.as_slice(), &end.text].concat(),
        either_case: run.either_case || end.either_case,
    };
    runs.iter().flat_map(|run| ends.iter().map(move |end| join(run, end))).collect()
}

/// All that a regex can match, if it is a few texts.
fn few(hir: &Hir) -> Option<Vec<Run>> {
    let some = match hir.kind() {
        HirKind::Literal(literal) => vec![Run { text: literal.0.to_vec(), either_case: false }],
        HirKind::Capture(capture) => few(&capture.sub)?,
        HirKind::Look(_) | HirKind::Empty => vec![Run::default()],
        HirKind::Class(class) => match single_letter(class) {
            Some(letter) => vec![Run { text: vec![letter], either_case: true }],
            None => {
                few_letters(class)?.into_iter().map(|letter| Run { text: vec![letter], either_case: false }).collect()
            }
        },
        HirKind::Concat(parts) => {
            let mut all = vec![Run::default()];
            for part in parts {
                let ends = few(part).filter(|ends| ends.len() * all.len() <= FEW)?;
                all = joined(&all, &ends);
            }
            all
        }
        HirKind::Alternation(parts) => {
            let all: Option<Vec<Vec<Run>>> = parts.iter().map(few).collect();
            all?.concat()
        }
        HirKind::Repetition(repetition) if (repetition.min, repetition.max) == (0, Some(1)) => {
            [few(&repetition.sub)?, vec![Run::default()]].concat()
        }
        HirKind::Repetition(_) => return None,
    };
    (some.len() <= FEW).then_some(some)
}

/// A class of a few ASCII characters.
fn few_letters(class: &Class) -> Option<Vec<u8>> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(c) => c.iter().map(|r| (r.start() as u32, r.end() as u32)).collect(),
        Class::Bytes(c) => c.iter().map(|r| (r.start().into(), r.end().into())).collect(),
    };
    let size: u32 = ranges.iter().map(|(start, end)| end - start + 1).sum();
    let ascii = ranges.iter().all(|(_, end)| *end < 128);
    (ascii && size as usize <= FEW).then(|| ranges.iter().flat_map(|(start, end)| *start as u8..=*end as u8).collect())
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
            ("sync(?:hronize)? file", Some("sync& file&(synchronize file|sync file)")),
            ("category=[02] lost", Some("category=& lost&(category=0 lost|category=2 lost)")),
            ("(?i)Permission Denied", Some("(?i)permission denied")),
            ("(?i:s)ync file", Some("(?i)sync file")),
            ("(lost|interrupt)ed", Some("(lost|interrupt)&(losted|interrupted)")),
            ("(lost|)ed", None),
            ("xy(lost|)ed", Some("(xylosted|xyed)")),
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
