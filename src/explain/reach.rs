//! How far a regex matches a text that it does not match.
//!
//! A line that misses a pattern by one word looks like a hit to whoever reads it at night. So the regex is cut into
//! its elements, the longest beginning of it that still matches is searched by halving, and what was expected there is
//! shown next to what stands there.

use std::cell::OnceCell;
use std::ops::Range;

use regex::bytes::Regex;
use regex_syntax::ast::{Ast, GroupKind, parse::Parser};

use crate::pattern::regexes::{self, Place};

/// So many literal characters in a row of elements are no accident.
const CLEAR: usize = 8;

/// Half of a pattern's literal characters are enough, unless it is hardly more than a syllable.
const SHORTEST: usize = 4;

/// Less of a word than this, found somewhere after a wildcard, is an accident.
const SYLLABLE: usize = 3;

/// More ways through the alternatives of a regex than this are not followed.
const MOST_BRANCHES: usize = 16;

/// A regex, ready to be asked how far it matches.
#[derive(Debug)]
pub struct Elements {
    place: Place,
    branches: Vec<Branch>,
}

/// One way through the alternatives.
#[derive(Debug)]
struct Branch {
    items: Vec<Item>,
    /// For each leaf, its place in `items`.
    leaves: Vec<usize>,
    /// The regex of the first n leaves, by n, built when it is first asked for.
    prefixes: Vec<OnceCell<Option<Regex>>>,
}

#[derive(Clone, Debug)]
enum Item {
    /// The beginning of a group as it is written, such as `(?i:`.
    Open(String),
    Close,
    Leaf {
        source: String,
        literal: Option<char>,
    },
}

/// How far it matches, and what comes then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// What the matching part of the regex covers, in bytes of the text.
    pub matched: Range<usize>,
    pub expected: Expected,
    /// Literal characters that were found, and those of the whole regex.
    pub found: usize,
    pub of: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Text(String),
    /// Something that only the pattern language can say.
    Pattern(String),
}

impl Elements {
    /// `None` if the regex cannot be taken apart.
    pub fn new(source: &str, place: Place) -> Option<Elements> {
        let ast = Parser::new().parse(source).ok()?;
        let branches = Expansion { source }.of(&ast).into_iter().map(Branch::new).collect();
        Some(Elements { place, branches })
    }

    /// Literal characters that every match has, at least.
    pub fn literals(&self) -> usize {
        self.branches.iter().map(|b| b.literals(b.leaves.len())).min().unwrap_or(0)
    }

    /// How far the regex matches a text, if that is a good part of it.
    pub fn reach(&self, text: &[u8]) -> Option<Reach> {
        let reaches = self.branches.iter().filter_map(|b| b.reach(self.place, text));
        // The first of equals: alternatives stand in the order in which their author thought of them.
        reaches.reduce(|best, r| if r.found * best.of > best.found * r.of { r } else { best })
    }
}

impl Branch {
    fn new(items: Vec<Item>) -> Branch {
        let is_leaf = |(at, item): (usize, &Item)| matches!(item, Item::Leaf { .. }).then_some(at);
        let leaves: Vec<usize> = items.iter().enumerate().filter_map(is_leaf).collect();
        let prefixes = (0..=leaves.len()).map(|_| OnceCell::new()).collect();
        Branch { items, leaves, prefixes }
    }

    fn leaf(&self, at: usize) -> Option<(&str, Option<char>)> {
        match self.items.get(*self.leaves.get(at)?)? {
            Item::Leaf { source, literal } => Some((source, *literal)),
            _ => None,
        }
    }

    fn is_literal(&self, at: usize) -> bool {
        self.leaf(at).is_some_and(|(_, literal)| literal.is_some())
    }

    /// Literal characters among the first `n` leaves.
    fn literals(&self, n: usize) -> usize {
        (0..n).filter(|&at| self.is_literal(at)).count()
    }

    fn reach(&self, place: Place, text: &[u8]) -> Option<Reach> {
        let all = self.leaves.len();
        let of = self.literals(all);
        let near = |n: usize| {
            let found = self.literals(n);
            found >= CLEAR || (found >= SHORTEST && 2 * found >= of)
        };
        let (mut low, mut high) = ((0..all).find(|&n| near(n))?, all);
        if !self.matches(low, place, text) || self.matches(all, place, text) {
            return None;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.matches(middle, place, text) { low = middle } else { high = middle }
        }
        let reached = self.without_accident(low);
        // What is left after an accident is taken back may not be much.
        if !near(reached) {
            return None;
        }
        let (found, matched) = (self.literals(reached), self.prefix(reached, place)?.find(text)?.range());
        // `.*` that has taken all the rest is no help: what should have followed it is looked for in that rest.
        if matched.end == text.len() && reached > 0 && !self.is_literal(reached - 1) {
            let matched = self.prefix(reached - 1, place)?.find(text)?.range();
            return Some(Reach { matched, expected: self.expected(reached - 1)?, found, of });
        }
        Some(Reach { matched, expected: self.expected(reached)?, found, of })
    }

    fn matches(&self, n: usize, place: Place, text: &[u8]) -> bool {
        self.prefix(n, place).is_some_and(|regex| regex.is_match(text))
    }

    fn prefix(&self, n: usize, place: Place) -> Option<&Regex> {
        self.prefixes.get(n)?.get_or_init(|| regexes::build(&self.prefix_source(n), place).ok()).as_ref()
    }

    fn prefix_source(&self, n: usize) -> String {
        let end = n.checked_sub(1).and_then(|last| self.leaves.get(last)).map_or(0, |at| at + 1);
        let mut source = String::new();
        let mut open = 0;
        for item in &self.items[..end] {
            match item {
                Item::Open(text) => {
                    source.push_str(text);
                    open += 1;
                }
                Item::Close => {
                    source.push(')');
                    open -= 1;
                }
                Item::Leaf { source: text, .. } => source.push_str(text),
            }
        }
        source.extend(std::iter::repeat_n(')', open));
        source
    }

    /// The first letters of a word stand somewhere behind any wildcard: they are not counted as found.
    fn without_accident(&self, reached: usize) -> usize {
        let start = (0..reached).rev().find(|&at| !self.is_literal(at)).map_or(0, |at| at + 1);
        let in_word = self.is_literal(reached) && reached - start < SYLLABLE;
        if in_word && start > 0 { start } else { reached }
    }

    fn expected(&self, at: usize) -> Option<Expected> {
        let (source, literal) = self.leaf(at)?;
        let word = |from: usize| (from..self.leaves.len()).map_while(|at| self.leaf(at)?.1).collect::<String>();
        Some(match literal {
            Some(_) => Expected::Text(word(at)),
            None => Expected::Pattern(format!("{source}{}", word(at + 1))),
        })
    }
}

/// Writes a regex as all the sequences of elements that its alternatives allow.
struct Expansion<'s> {
    source: &'s str,
}

impl Expansion<'_> {
    fn of(&self, ast: &Ast) -> Vec<Vec<Item>> {
        match ast {
            Ast::Empty(_) => vec![Vec::new()],
            Ast::Literal(literal) => vec![vec![self.leaf(ast, Some(literal.c))]],
            Ast::Concat(concat) => self.sequence(&concat.asts),
            Ast::Alternation(alternation) => self.alternatives(ast, &alternation.asts),
            Ast::Group(group) => {
                let open = match &group.kind {
                    GroupKind::NonCapturing(flags) => {
                        let flags = self.source.get(flags.span.start.offset..flags.span.end.offset).unwrap_or_default();
                        format!("(?{flags}:")
                    }
                    _ => "(?:".to_owned(),
                };
                let wrap = |inner: Vec<Item>| [vec![Item::Open(open.clone())], inner, vec![Item::Close]].concat();
                self.of(&group.ast).into_iter().map(wrap).collect()
            }
            _ => vec![vec![self.leaf(ast, None)]],
        }
    }

    fn leaf(&self, ast: &Ast, literal: Option<char>) -> Item {
        let span = ast.span();
        let source = self.source.get(span.start.offset..span.end.offset).unwrap_or_default().to_owned();
        Item::Leaf { source, literal }
    }

    fn sequence(&self, parts: &[Ast]) -> Vec<Vec<Item>> {
        let mut all = vec![Vec::new()];
        for part in parts {
            let mut ways = self.of(part);
            if all.len() * ways.len() > MOST_BRANCHES {
                ways = vec![vec![self.leaf(part, None)]];
            }
            all = all.iter().flat_map(|before| ways.iter().map(move |way| [before.as_slice(), way].concat())).collect();
        }
        all
    }

    fn alternatives(&self, whole: &Ast, parts: &[Ast]) -> Vec<Vec<Item>> {
        let mut all = Vec::new();
        // `(?i)a|b` sets the flag for b too.
        let mut flags: Vec<Item> = Vec::new();
        for part in parts {
            all.extend(self.of(part).into_iter().map(|way| [flags.clone(), way].concat()));
            let own: &[Ast] = if let Ast::Concat(concat) = part { &concat.asts } else { std::slice::from_ref(part) };
            flags.extend(own.iter().filter(|a| matches!(a, Ast::Flags(_))).map(|a| self.leaf(a, None)));
        }
        // Too many to follow: an element that matches or does not. It needs its own parentheses then.
        if all.len() > MOST_BRANCHES {
            let Item::Leaf { source, literal } = self.leaf(whole, None) else { return all };
            return vec![vec![Item::Leaf { source: format!("(?:{source})"), literal }]];
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(source: &str, place: Place, text: &str) -> Option<String> {
        let reach = Elements::new(source, place).unwrap().reach(text.as_bytes())?;
        let expected = match &reach.expected {
            Expected::Text(text) => text.clone(),
            Expected::Pattern(source) => format!("/{source}/"),
        };
        Some(format!("{}|{}|{}", &text[reach.matched.clone()], expected, &text[reach.matched.end..]))
    }

    #[test]
    fn the_longest_beginning_that_matches_is_found() {
        for (source, text, expect) in [
            // inside a word
            (
                r"hasendalarm info: id=1,category=0\b",
                "hasendalarm info: id=1,category=2",
                Some("hasendalarm info: id=1,category=|0|2"),
            ),
            // at an element
            (r"hasendalarm info: id=[02],", "hasendalarm info: id=1,x", Some("hasendalarm info: id=|/[02],/|1,x")),
            (r"info: id=1,category=0\b", "info: id=1,category=01", Some(r"info: id=1,category=0|/\b/|1")),
            // the P of `Path` is no part of `Permission`
            (
                r"failed: ?\((?<path>.*?) *\)\. *Permission denied",
                "failed: (/srv). No Path",
                Some("failed: (/srv). |Permission denied|No Path"),
            ),
            // case, groups and alternatives
            (
                r"(?i:float ip) \S+ (?i:is invalid)",
                "Float IP 10.0.0.1 is valid",
                Some("Float IP 10.0.0.1 is |invalid|valid"),
            ),
            (
                r"(?i)lost it|Connection to .* Refused",
                "connection to a denied",
                Some("connection to |/.* Refused/|a denied"),
            ),
            (
                r"(?:Lost|Closed) connection to /(\S+), code",
                "Closed connection to /10.0.0.1: code",
                Some("Closed connection to /10.0.0.1:|, code| code"),
            ),
            (
                "(?x) lost\\ connection \\ to # comment\n \\ peer",
                "lost connection with",
                Some("lost connection |to peer|with"),
            ),
            // not even half, or nothing but a syllable
            ("Permission denied", "Perm", None),
            ("Permission denied", "a line of something else", None),
            ("abc", "ab", None),
            // it does match
            ("denied", "Permission denied", None),
        ] {
            assert_eq!(show(source, Place::Anywhere, text).as_deref(), expect, "{source} in {text}");
        }
    }

    #[test]
    fn a_message_begins_at_its_start() {
        assert_eq!(show("starting up now", Place::Start, "we are starting up"), None);
        assert_eq!(show("starting up now", Place::Start, "starting up").as_deref(), Some("starting up| now|"));
    }

    #[test]
    fn more_alternatives_than_can_be_followed_are_one_element() {
        let many = (0..40).map(|n| format!("word{n}")).collect::<Vec<_>>().join("|");
        let source = format!("connection (?:{many}) closed");
        let elements = Elements::new(&source, Place::Anywhere).unwrap();
        assert_eq!(elements.branches.len(), 1);
        assert_eq!(
            show(&source, Place::Anywhere, "connection word7 open").as_deref(),
            Some("connection word7| closed| open")
        );
        assert_eq!(elements.literals(), 18);
    }
}
