//! File patterns of logs.
//!
//! A glob is anchored at the end of a path: it says which files below a node's directory are this log, and what
//! stands above it is the node. Written here because two things are asked that glob crates do not answer: where in
//! the path the match begins, and whether any path could match two globs at once.

use regex::Regex;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`: one character of a component.
    One,
    /// `*`: any part of a component.
    Star,
    /// `*([!-])`: any characters of a component but those named.
    Without(Vec<char>),
    /// `**`: any part of a path.
    Deep,
}

#[derive(Clone, Debug)]
pub struct Glob {
    source: String,
    /// One list for each alternative of the braces.
    alternatives: Vec<Vec<Token>>,
    /// The end of a path that matches, as the group.
    regex: Regex,
}

impl Glob {
    pub fn new(source: &str) -> Result<Glob, String> {
        if source.is_empty() || source.starts_with('/') || source.ends_with('/') {
            return Err("a glob names the end of a path, such as `flink/flinkserver/ha/runlog/ha.log*`".to_owned());
        }
        let alternatives: Vec<Vec<Token>> = expand(source)?.iter().map(|s| tokens(s)).collect::<Result<_, _>>()?;
        let choices: Vec<String> = alternatives.iter().map(|a| a.iter().map(regex_of).collect()).collect();
        // The greedy front makes the match begin as far right as it can.
        let regex = Regex::new(&format!(r"(?s)\A(?:.*/)?({})\z", choices.join("|"))).map_err(|e| e.to_string())?;
        Ok(Glob { source: source.to_owned(), alternatives, regex })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where in `path` the match begins: at the start of a component, as far right as possible.
    pub fn anchor(&self, path: &str) -> Option<usize> {
        self.regex.captures(path)?.get(1).map(|m| m.start())
    }

    /// Could one glob name files of several families in one directory of a node? Only if something in front of the
    /// extension varies.
    pub fn names_one_family(&self) -> bool {
        self.alternatives.len() == 1 && {
            let tokens = &self.alternatives[0];
            let wild = tokens.iter().position(|t| !matches!(t, Token::Char(_)));
            wild.is_none_or(|at| at + 1 == tokens.len() && tokens[at] == Token::Star)
        }
    }

    /// A path that both globs match, were there such a file.
    pub fn common_path(&self, other: &Glob) -> Option<String> {
        self.alternatives.iter().find_map(|a| other.alternatives.iter().find_map(|b| common(a, b)))
    }
}

/// `{a,b}` alternatives, not nested.
fn expand(source: &str) -> Result<Vec<String>, String> {
    let Some(open) = source.find('{') else {
        return if source.contains('}') { Err("`}` without `{`".to_owned()) } else { Ok(vec![source.to_owned()]) };
    };
    let close = source[open..].find('}').map(|at| open + at).ok_or("`{` without `}`")?;
    let inside = &source[open + 1..close];
    if inside.contains('{') {
        return Err("braces cannot be nested".to_owned());
    }
    let mut all = Vec::new();
    for choice in inside.split(',') {
        all.extend(expand(&format!("{}{choice}{}", &source[..open], &source[close + 1..]))?);
    }
    Ok(all)
}

fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if let Some(inside) = rest.strip_prefix("*([!") {
            let (without, after) = inside.split_once("])").ok_or("`*([!` without `])`")?;
            tokens.push(Token::Without(without.chars().collect()));
            rest = after;
            continue;
        }
        let (token, length) = match c {
            '?' => (Token::One, 1),
            '*' if rest.starts_with("**") => (Token::Deep, 2),
            '*' => (Token::Star, 1),
            c => (Token::Char(c), c.len_utf8()),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn regex_of(token: &Token) -> String {
    match token {
        Token::Char(c) => regex::escape(&c.to_string()),
        Token::One => "[^/]".to_owned(),
        Token::Star => "[^/]*".to_owned(),
        Token::Without(chars) => format!("[^/{}]*", regex::escape(&chars.iter().collect::<String>())),
        Token::Deep => ".*".to_owned(),
    }
}

/// The states from `state` on that are reached without reading anything.
fn closure(tokens: &[Token], state: usize) -> impl Iterator<Item = usize> + Clone {
    let wild =
        tokens[state..].iter().take_while(|t| matches!(t, Token::Star | Token::Without(_) | Token::Deep)).count();
    state..=state + wild
}

fn step(token: Option<&Token>, state: usize, c: char) -> Option<usize> {
    match token? {
        Token::Char(own) => (*own == c).then_some(state + 1),
        Token::One => (c != '/').then_some(state + 1),
        Token::Star => (c != '/').then_some(state),
        Token::Without(chars) => (c != '/' && !chars.contains(&c)).then_some(state),
        Token::Deep => Some(state),
    }
}

/// Breadth-first search through pairs of states for a text that both accept.
///
/// What may stand above the anchors is the same for both, so it is enough that one text ends in both: either the
/// shorter one begins where the other does, or at a later component of it. That is the same as reading the longer
/// one for a while alone.
fn common(a: &[Token], b: &[Token]) -> Option<String> {
    // Nearly all pairs of a pattern set are told apart here, and the search is for the few that are left.
    if ends_differ(a, b) {
        return None;
    }
    let prefixed = |tokens: &[Token]| -> Vec<Token> { [&[Token::Deep, Token::Char('/')], tokens].concat() };
    [(a.to_vec(), b.to_vec()), (a.to_vec(), prefixed(b)), (prefixed(a), b.to_vec())]
        .iter()
        .find_map(|(a, b)| common_text(a, b))
}

/// Is there a character at the end of one, in front of anything wild, that the other cannot have there?
fn ends_differ(a: &[Token], b: &[Token]) -> bool {
    let pairs = a.iter().rev().zip(b.iter().rev());
    let mut chars =
        pairs.map_while(|pair| if let (Token::Char(a), Token::Char(b)) = pair { Some((a, b)) } else { None });
    chars.any(|(a, b)| a != b)
}

/// A state in each of two globs, and from which step and by which character it was reached first.
type Reached = ((usize, usize), Option<(usize, char)>);

fn common_text(a: &[Token], b: &[Token]) -> Option<String> {
    // Each pair of states with the step that led to it, in the order of the search.
    let mut reached: Vec<Reached> = vec![((0, 0), None)];
    let mut seen = vec![false; (a.len() + 1) * (b.len() + 1)];
    let mut is_new = |(i, j): (usize, usize)| !std::mem::replace(&mut seen[i * (b.len() + 1) + j], true);
    is_new((0, 0));
    let mut at = 0;
    while let Some(&((i, j), _)) = reached.get(at) {
        let (ends_a, ends_b) = (closure(a, i), closure(b, j));
        if ends_a.clone().any(|p| p == a.len()) && ends_b.clone().any(|q| q == b.len()) {
            return Some(spelled(&reached, at));
        }
        for p in ends_a {
            for q in ends_b.clone() {
                let (token_a, token_b) = (a.get(p), b.get(q));
                // Of two tokens that take many characters, any that both take will do: the others lead to the same.
                let c = match (token_a, token_b) {
                    (Some(Token::Char(c)), _) | (_, Some(Token::Char(c))) => Some(*c),
                    _ => ('a'..='z').rev().find(|c| step(token_a, p, *c).is_some() && step(token_b, q, *c).is_some()),
                };
                let next = c.and_then(|c| Some(((step(token_a, p, c)?, step(token_b, q, c)?), c)));
                if let Some((states, c)) = next.filter(|(states, _)| is_new(*states)) {
                    reached.push((states, Some((at, c))));
                }
            }
        }
        at += 1;
    }
    None
}

/// The characters on the way to the state at `at`.
fn spelled(reached: &[Reached], mut at: usize) -> String {
    let mut text = Vec::new();
    while let Some((before, c)) = reached[at].1 {
        text.push(c);
        at = before;
    }
    text.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(s: &str) -> Glob {
        Glob::new(s).unwrap()
    }

    #[test]
    fn a_glob_matches_the_end_of_a_path_at_a_component() {
        let ha = glob("flink/flinkserver/ha/runlog/ha.log*");
        for (path, anchor) in [
            ("flink/flinkserver/ha/runlog/ha.log", Some(0)),
            ("node-7/flink/flinkserver/ha/runlog/ha.log.2021-03-22_12-00-07.gz", Some(7)),
            ("xflink/flinkserver/ha/runlog/ha.log", None),
            ("node-7/flink/flinkserver/ha/runlog/ha.log/x", None),
        ] {
            assert_eq!(ha.anchor(path), anchor, "{path}");
        }
        assert_eq!(glob("a/**/x.log").anchor("n/a/b/c/x.log"), Some(2));
        assert_eq!(glob("{a,b}.log").anchor("n/b.log"), Some(2));
        assert_eq!(glob("a?.log").anchor("a/.log"), None);
        let user = glob("flink-*([!-])-jm-*.log");
        assert_eq!(user.anchor("log/flink-omm-jm-0.log"), Some(4));
        assert_eq!(user.anchor("log/flink--jm-0.log"), Some(4));
        assert_eq!(user.anchor("log/flink-a-b-jm-0.log"), None);
    }

    #[test]
    fn globs_that_share_a_path_are_found_with_the_path() {
        assert!(glob("runlog/ha.log*").common_path(&glob("ha.log")).is_some());
        assert_eq!(glob("a/x.log").common_path(&glob("b/x.log")), None);
        assert_eq!(glob("flink-*-jm.log").common_path(&glob("*-tm.log")), None);
        assert!(glob("flink-*.log").common_path(&glob("*-tm.log")).is_some());
        assert_eq!(glob("f-*([!-])-jm-*").common_path(&glob("f-*([!-])-tm-*")), None);
        assert!(glob("f-*-jm-*").common_path(&glob("f-*-tm-*")).is_some());
        assert_eq!(glob("x*").common_path(&glob("y/x/z*")), None);
        // What is said is a path that both match.
        for (a, b) in
            [("zookeeper-*.log*", "*-client.log"), ("a/**/x?.log", "b/*/x1.log"), ("{a,b}/*([!xyz]).log", "*/?.log")]
        {
            let path = glob(a).common_path(&glob(b)).unwrap();
            assert!(glob(a).anchor(&path).is_some() && glob(b).anchor(&path).is_some(), "{a} {b} {path}");
        }
        assert!(glob("**/x.log").common_path(&glob("deep/down/x.log")).is_some());
    }

    #[test]
    fn only_a_glob_without_inner_stars_names_one_family() {
        assert!(glob("flink/flinkserver/ha/runlog/ha.log*").names_one_family());
        assert!(!glob("zookeeper-*.log*").names_one_family());
        assert!(!glob("{a,b}.log").names_one_family());
    }

    #[test]
    fn mistakes_are_said() {
        for bad in ["", "/abs", "a/", "a{b", "a}b", "{a,{b}}", "a*([!-b"] {
            assert!(Glob::new(bad).is_err(), "{bad}");
        }
    }
}
