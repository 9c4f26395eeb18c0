//! The words of conversion patterns and what they leave in a line, as regexes. Classes are of bytes, never of Unicode:
//! that keeps the regexes small, and a message that is no UTF-8 is still a message.

use super::conversion::Node;

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Date,
    Level,
    Message,
    Break,
    /// Prints nothing on the first line of a record, or what may count as part of the message.
    Nothing,
    Field(&'static str),
    Group(Group),
}

/// What a word does with the pattern that it contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Colour,
    /// Prints it as it is, or nearly so.
    Same,
    /// Prints it, or nothing.
    Optional,
    /// Prints something else.
    Changed,
}

/// The greatest width of a field, and which end of a longer text is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub length: usize,
    pub from_start: bool,
}

pub(super) const ANY: &str = ".*?";
const NAME: &str = r"\S*?";
const NUMBER: &str = r"(?:-?[0-9]+|\?)?";
/// `class.method(File.java:123)`, `class.method(Unknown Source)`, `?` or nothing.
pub(super) const LOCATION: &str = r"(?:\S*?\([^()]*\)|\?)?";

const WORDS: [(&[&str], Word); 23] = [
    (&["d", "date"], Word::Date),
    (&["p", "le", "level"], Word::Level),
    (&["m", "msg", "message"], Word::Message),
    (&["n"], Word::Break),
    (&["ex", "exception", "throwable"], Word::Nothing),
    (&["xEx", "xException", "xThrowable", "rEx", "rException", "rThrowable"], Word::Nothing),
    (&["xwEx", "xwException", "xwThrowable", "wEx", "wex", "nopex", "nopexception"], Word::Nothing),
    (&["t", "tn", "thread", "threadName"], Word::Field(ANY)),
    (&["X", "mdc", "MDC", "properties", "x", "NDC", "ndc", "kvp"], Word::Field(ANY)),
    (&["K", "map", "MAP", "marker", "markerSimpleName", "property", "caller"], Word::Field(ANY)),
    (&["contextName", "cn", "pid", "processId", "u", "uuid", "fqcn"], Word::Field(NAME)),
    (&["c", "lo", "logger", "C", "class", "F", "file", "M", "method", "endOfBatch"], Word::Field(NAME)),
    (&["L", "line", "r", "relative", "sn", "sequenceNumber", "N", "nano"], Word::Field(NUMBER)),
    (&["T", "tid", "threadId", "tp", "threadPriority"], Word::Field(NUMBER)),
    (&["l", "location"], Word::Field(LOCATION)),
    (&["highlight", "style", "clr"], Word::Group(Group::Colour)),
    (&["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "gray"], Word::Group(Group::Colour)),
    (&["boldRed", "boldGreen", "boldYellow", "boldBlue", "boldMagenta"], Word::Group(Group::Colour)),
    (&["boldCyan", "boldWhite", "boldBlack"], Word::Group(Group::Colour)),
    (&["enc", "encode", "maxLen", "maxLength"], Word::Group(Group::Same)),
    (&["notEmpty", "varsNotEmpty", "variablesNotEmpty"], Word::Group(Group::Optional)),
    (&["replace"], Word::Group(Group::Changed)),
    (&["equals", "equalsIgnoreCase", "repeat"], Word::Group(Group::Changed)),
];

/// Only these words are levels. A line that starts with a date and goes on with another word is part of a message.
const LEVELS: [&str; 20] = [
    "FATAL", "ERROR", "ERR", "WARN", "WARNING", "NOTICE", "INFO", "DEBUG", "TRACE", "SEVERE", "CONFIG", "FINE",
    "FINER", "FINEST", "CRITICAL", "CRIT", "ALERT", "EMERG", "VERBOSE", "AUDIT",
];

/// The longest word with which these letters begin, and its length: `%mfoo` is the message and a text.
pub(super) fn find(letters: &str) -> Option<(Word, usize)> {
    let all = WORDS.iter().flat_map(|(names, word)| names.iter().map(move |name| (*word, *name)));
    let fitting = all.filter(|(_, name)| letters.starts_with(name));
    fitting.map(|(word, name)| (word, name.len())).max_by_key(|(_, length)| *length)
}

/// The level words that a log can print, longest first. log4j2 can give them other names and lengths:
/// `%p{WARN=Warning, length=2}`.
pub(super) fn levels(options: &str, cut: Option<Cut>) -> Vec<String> {
    let mut words: Vec<String> = LEVELS.map(String::from).into();
    let mut cut = cut;
    for (key, value) in options.split(',').filter_map(|option| option.split_once('=')) {
        match (key.trim(), value.trim().parse()) {
            ("length", Ok(length)) => cut = Some(Cut { length, from_start: true }),
            ("lowerCase", _) => {}
            _ => words.push(value.trim().into()),
        }
    }
    if let Some(cut) = cut {
        words.iter_mut().for_each(|word| *word = shortened(word, cut));
    }
    words.retain(|word| !word.is_empty());
    words.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    words.dedup();
    words
}

fn shortened(word: &str, cut: Cut) -> String {
    let skipped = word.chars().count().saturating_sub(cut.length);
    let skipped = if cut.from_start { 0 } else { skipped };
    word.chars().skip(skipped).take(cut.length).collect()
}

/// The length of the escape sequences for colours at the start of a text.
pub(super) fn colours(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(codes) = text[at..].strip_prefix(b"\x1b[") {
        let length = codes.iter().take_while(|b| b.is_ascii_digit() || **b == b';').count();
        if codes.get(length) != Some(&b'm') {
            break;
        }
        at += 2 + length + 1;
    }
    at
}

/// The regex of all before the message, anchored at the line's start, and that of all after it, at the line's end.
pub(super) fn regexes(before: &[Node], after: &[Node]) -> (String, Option<String>) {
    let mut writer = Writer { source: r"\A".into(), time: false, level: false, tail: false, text: ANY };
    if let Some((Node::Literal(text), rest)) = before.split_last() {
        writer.nodes(rest);
        // Whoever trims lines takes the blanks before an empty message too.
        let kept = text.trim_end();
        let blanks = &text[kept.len()..];
        writer.source += &regex_syntax::escape(kept);
        if !blanks.is_empty() {
            writer.source += &format!("(?:{}|\\z)", regex_syntax::escape(blanks));
        }
    } else {
        writer.nodes(before);
    }
    let head = std::mem::take(&mut writer.source);
    if after.is_empty() {
        return (head, None);
    }
    writer.tail = true;
    writer.nodes(after);
    (head, Some(writer.source + r"\z"))
}

struct Writer {
    source: String,
    time: bool,
    level: bool,
    /// The regex is that of the text after the message.
    tail: bool,
    /// What stands for "some text". Behind a `|` after the message it is text without `|`: only that finds the right
    /// end of a message that has one itself.
    text: &'static str,
}

impl Writer {
    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Literal(text) => {
                if self.tail && text.contains('|') {
                    self.text = "[^|]*?";
                }
                self.source += &regex_syntax::escape(text);
            }
            Node::Time(format) => {
                let group = if self.time { "?:" } else { "?<time>" };
                self.time = true;
                self.source += &format!("({group}{})", format.regex());
            }
            Node::Level(words) => {
                let words: Vec<String> = words.iter().map(|word| regex_syntax::escape(word)).collect();
                let group = if self.level { "?:" } else { "?<level>" };
                self.level = true;
                self.source += &format!(" *({group}(?i:{})) *", words.join("|"));
            }
            Node::Field(ANY) => self.source += self.text,
            Node::Field(regex) => self.source += regex,
            Node::Pad => self.source += " *",
            Node::Colour => self.source += r"(?:\x1B\[[0-9;]*m)*",
            Node::Message => self.source += ANY,
            Node::Break => {}
            Node::Optional(nodes) => {
                self.source += "(?:";
                self.nodes(nodes);
                self.source += ")?";
            }
        }
    }
}
