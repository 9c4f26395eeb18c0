//! Reads a conversion pattern. log4j 1.2, log4j2 and logback have the same idea and hundreds of words between them; all
//! that counts here is what a word leaves on a record's first line, so most words become "some text".

use std::ops::Range;

use super::super::stamp::{SpecError, TimeFormat};
use super::words::{self, ANY, LOCATION, Word};

/// What a piece of the pattern leaves in the line.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Literal(String),
    Time(TimeFormat),
    /// One of these words, in any case, between blanks.
    Level(Vec<String>),
    Message,
    /// Text that this regex matches.
    Field(&'static str),
    /// Blanks that fill a field up to its width.
    Pad,
    /// Escape sequences of a terminal, or nothing.
    Colour,
    /// The end of the line.
    Break,
    Optional(Vec<Node>),
}

/// The line of the pattern with the time, split at the message.
#[derive(Debug)]
pub(super) struct Sides {
    pub before: Vec<Node>,
    pub after: Vec<Node>,
    pub time: Placed,
}

/// The time's format, and the zone that the pattern names for it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub format: TimeFormat,
    pub zone: Option<String>,
}

type Nodes = Vec<(Node, Range<usize>)>;

/// `%-20.30word`: the least and the greatest width. Padding may stand on either side; `.30` keeps the end of a longer
/// text, `.-30` its beginning.
#[derive(Clone, Copy, Default)]
struct Width {
    min: bool,
    max: Option<words::Cut>,
}

pub(super) fn parse(pattern: &str) -> Result<Sides, SpecError> {
    let mut parser = Parser { text: pattern, at: 0, end: pattern.len(), time: None };
    let nodes = parser.nodes(None)?;
    let Some(time) = parser.time else {
        let help = "add the date, for example %d{yyyy-MM-dd HH:mm:ss,SSS}";
        return Err(SpecError::new(0..pattern.len(), "this pattern has no date: records cannot be told apart", help));
    };
    let Some(message) = nodes.iter().position(|(node, _)| matches!(node, Node::Message)) else {
        return Err(SpecError::new(0..pattern.len(), "this pattern has no message", "add the message, %m"));
    };
    split(nodes, message, time)
}

fn split(nodes: Nodes, message: usize, time: Placed) -> Result<Sides, SpecError> {
    let is_break = |(node, _): &(Node, Range<usize>)| matches!(node, Node::Break);
    let date = nodes.iter().position(|(node, _)| matches!(node, Node::Time(_))).unwrap_or(message);
    let start = nodes[..date].iter().rposition(is_break).map_or(0, |at| at + 1);
    let end = nodes[date..].iter().position(is_break).map_or(nodes.len(), |at| date + at);
    let at = nodes[message].1.clone();
    if message < start || message >= end {
        let help = "let the log print both on one line";
        return Err(SpecError::new(at, "the message stands on another line than the date", help));
    }
    if message < date {
        let help = "let the log print the date first, or describe the layout by a regex";
        return Err(SpecError::new(nodes[date].1.clone(), "the date stands after the message", help));
    }
    let mut line = nodes.into_iter().take(end).skip(start).map(|(node, _)| node);
    let before = line.by_ref().take(message - start).collect();
    Ok(Sides { before, after: line.skip(1).collect(), time })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    /// The first date.
    time: Option<Placed>,
}

impl Parser<'_> {
    /// Reads up to the closing byte of a group, or to the end.
    fn nodes(&mut self, close: Option<u8>) -> Result<Nodes, SpecError> {
        let start = self.at;
        let mut nodes = Nodes::new();
        while let Some(char) = self.text[self.at..self.end].chars().next() {
            match char {
                ')' if close == Some(b')') => {
                    self.at += 1;
                    return Ok(nodes);
                }
                '%' => self.word(&mut nodes)?,
                '\\' => self.escaped(&mut nodes),
                '$' if self.text[self.at..].starts_with("${") => return Err(self.variable()),
                _ => self.literal(&mut nodes, char),
            }
        }
        match close {
            None => Ok(nodes),
            Some(_) => Err(SpecError::new(start - 1..start, "this parenthesis has no end", "close it with )")),
        }
    }

    fn variable(&self) -> SpecError {
        let end = self.text[self.at..].find('}').map_or(self.end, |length| self.at + length + 1);
        let help = "write what stands there when the log is written";
        SpecError::new(self.at..end, "a variable is known to the logging library only", help)
    }

    fn literal(&mut self, nodes: &mut Nodes, char: char) {
        let at = self.at..self.at + char.len_utf8();
        self.at = at.end;
        match nodes.last_mut() {
            Some((Node::Literal(text), place)) => {
                text.push(char);
                place.end = at.end;
            }
            _ => nodes.push((Node::Literal(char.into()), at)),
        }
    }

    /// `\t` and `\n` as in log4j2, `\(`, `\%` and the empty `\_` as in logback; else the backslash is text.
    fn escaped(&mut self, nodes: &mut Nodes) {
        let start = self.at;
        let next = self.text[start + 1..self.end].chars().next();
        self.at += 1;
        match next {
            Some('n') => nodes.push((Node::Break, start..start + 2)),
            Some('r' | '_') => {}
            Some('t') => {
                self.literal(nodes, '\t');
                return;
            }
            Some(char @ ('%' | '(' | ')' | '\\' | '"' | '\'')) => {
                self.literal(nodes, char);
                return;
            }
            _ => {
                self.at = start;
                self.literal(nodes, '\\');
                return;
            }
        }
        self.at += 1;
    }

    fn word(&mut self, nodes: &mut Nodes) -> Result<(), SpecError> {
        let start = self.at;
        self.at += 1;
        let width = self.width();
        match self.text[self.at..self.end].bytes().next() {
            Some(b'%') => {
                self.literal(nodes, '%');
                return Ok(());
            }
            Some(b'(') => {
                self.at += 1;
                let inner = self.nodes(Some(b')'))?;
                padded(nodes, width, start..self.at, inner);
                return Ok(());
            }
            _ => {}
        }
        let letters = self.text[self.at..self.end].bytes().take_while(u8::is_ascii_alphabetic).count();
        let Some((word, length)) = words::find(&self.text[self.at..self.at + letters]) else {
            let end = self.at + letters;
            let help =
                "write %% for a per cent sign; for text that differs from line to line, describe the layout by a regex";
            return Err(SpecError::new(start..end, format!("unknown word {}", &self.text[start..end]), help));
        };
        self.at += length;
        let inner = match word {
            Word::Group(group) => self.group(group, start)?,
            _ => self.plain(word, width, start)?,
        };
        padded(nodes, width, start..self.at, inner);
        Ok(())
    }

    fn width(&mut self) -> Width {
        let mut width = Width::default();
        self.skip(b'-');
        width.min = self.number().is_some();
        if self.skip(b'.') {
            let from_start = self.skip(b'-');
            width.max = self.number().map(|length| words::Cut { length, from_start });
        }
        width
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.text.as_bytes()[self.at..self.end].first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.text[self.at..self.end].bytes().take_while(u8::is_ascii_digit).count();
        let number = self.text[self.at..self.at + digits].parse().ok();
        self.at += digits;
        number
    }

    /// The texts in braces that follow a word, as places.
    fn options(&mut self) -> Result<Vec<Range<usize>>, SpecError> {
        let mut options = Vec::new();
        while self.skip(b'{') {
            let start = self.at;
            let mut depth = 1;
            for byte in self.text[start..self.end].bytes() {
                depth = match byte {
                    b'{' => depth + 1,
                    b'}' => depth - 1,
                    _ => depth,
                };
                if depth == 0 {
                    break;
                }
                self.at += 1;
            }
            if depth > 0 {
                return Err(SpecError::new(start - 1..start, "this brace has no end", "close it with }"));
            }
            options.push(start..self.at);
            self.at += 1;
        }
        Ok(options)
    }

    fn plain(&mut self, word: Word, width: Width, start: usize) -> Result<Nodes, SpecError> {
        let options = self.options()?;
        let text = |at: &Range<usize>| &self.text[at.clone()];
        let node = match word {
            Word::Date => Node::Time(self.date(&options, start)?),
            Word::Level => Node::Level(words::levels(options.first().map_or("", text), width.max)),
            Word::Message => Node::Message,
            Word::Break => Node::Break,
            // A location that is cut off has lost its brackets.
            Word::Field(LOCATION) if width.max.is_some() => Node::Field(ANY),
            Word::Field(regex) => Node::Field(regex),
            Word::Nothing | Word::Group(_) => return Ok(Nodes::new()),
        };
        Ok(vec![(node, start..self.at)])
    }

    fn date(&mut self, options: &[Range<usize>], start: usize) -> Result<TimeFormat, SpecError> {
        let named = options.get(1).map(|at| self.text[at.clone()].trim()).filter(|zone| !zone.is_empty());
        let at = options.first().cloned().unwrap_or(start..start);
        let spec = &self.text[at.clone()];
        let (format, zone) = date(spec).map_err(|error| error.shifted(at.start))?;
        let zone = named.or(zone).map(String::from);
        self.time.get_or_insert_with(|| Placed { format: format.clone(), zone });
        Ok(format)
    }

    /// A word around a pattern: `%highlight{%p}{..}`, `%clr(%p){..}`.
    fn group(&mut self, group: words::Group, start: usize) -> Result<Nodes, SpecError> {
        let inner = if self.skip(b'(') {
            let inner = self.nodes(Some(b')'))?;
            self.options()?;
            inner
        } else {
            let options = self.options()?;
            let Some(pattern) = options.first() else {
                let help = "write the pattern in braces behind it, or in parentheses for logback";
                return Err(SpecError::new(start..self.at, "this word needs a pattern to act on", help));
            };
            let (after, end) = (self.at, self.end);
            (self.at, self.end) = (pattern.start, pattern.end);
            let inner = self.nodes(None)?;
            (self.at, self.end) = (after, end);
            inner
        };
        let at = start..self.at;
        let needed = inner.iter().any(|(node, _)| matches!(node, Node::Message | Node::Time(_) | Node::Level(_)));
        let plain = |nodes: Nodes| nodes.into_iter().map(|(node, _)| node).take_while(|n| !matches!(n, Node::Break));
        Ok(match group {
            words::Group::Colour => {
                let colour = || std::iter::once((Node::Colour, at.clone()));
                colour().chain(inner).chain(colour()).collect()
            }
            words::Group::Same => inner,
            _ if needed => inner,
            words::Group::Optional => vec![(Node::Optional(plain(inner).collect()), at)],
            words::Group::Changed => vec![(Node::Field(ANY), at)],
        })
    }
}

fn padded(nodes: &mut Nodes, width: Width, at: Range<usize>, inner: Nodes) {
    let pad = || width.min.then(|| (Node::Pad, at.clone()));
    nodes.extend(pad());
    nodes.extend(inner);
    nodes.extend(pad());
}

/// The format of `%d{...}`. logback allows quotes around it, and a zone after a comma.
fn date(spec: &str) -> Result<(TimeFormat, Option<&str>), SpecError> {
    let inner = spec.trim();
    let indent = spec.len() - spec.trim_start().len();
    if inner.is_empty() {
        return Ok((TimeFormat::new("ISO8601")?, None));
    }
    if let Some(quoted) = inner.strip_prefix('"')
        && let Some((format, rest)) = quoted.split_once('"')
    {
        let format = TimeFormat::new(format).map_err(|error| error.shifted(indent + 1))?;
        return Ok((format, rest.trim().strip_prefix(',').map(str::trim)));
    }
    let whole = TimeFormat::new(inner);
    if whole.is_err()
        && let Some((format, zone)) = inner.rsplit_once(',')
        && let Ok(format) = TimeFormat::new(format.trim_end())
    {
        return Ok((format, Some(zone.trim())));
    }
    whole.map(|format| (format, None)).map_err(|error| error.shifted(indent))
}
