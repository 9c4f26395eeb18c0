//! Layouts that are written as a regex. The regex is taken as it is; this adds three things that make it cheap: the
//! bytes with which a head can begin, the literal with which every head begins, and, where the regex shows it, the place
//! of the time without captures.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::super::regexes;
use super::super::stamp::{Stamp, TimeFormat};
use super::halves::{Halves, group};
use super::starts::Starts;
use super::{LayoutError, Parts};

#[derive(Clone, Debug)]
pub(super) struct Written {
    shape: Shape,
    starts: Starts,
    /// Every head begins with these bytes.
    prefix: Box<[u8]>,
    /// A byte that may follow, as in `\[?`.
    optional: Option<u8>,
    /// How to find the end of the time, if it begins right after these.
    time: Option<End>,
}

#[derive(Clone, Debug)]
enum Shape {
    /// What stands before the message says alone whether a line is a head.
    Halves(Halves),
    Whole(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// So many bytes on.
    After(usize),
    /// At the first such byte.
    Before(u8),
}

impl Written {
    pub(super) fn new(source: &str) -> Result<Written, LayoutError> {
        let (regex, hir) = build(source)?;
        for name in ["time", "message"] {
            if !regex.capture_names().flatten().any(|given| given == name) {
                return Err(LayoutError::MissingGroup(name));
            }
        }
        let (prefix, optional, time) = place(&hir);
        let shape = halves(&hir).map_or(Shape::Whole(regex), Shape::Halves);
        Ok(Written { shape, starts: Starts::of(&hir), prefix, optional, time })
    }

    /// The regex that decides whether a line is a head, and has the group `time`.
    fn head(&self) -> &Regex {
        match &self.shape {
            Shape::Halves(halves) => &halves.head,
            Shape::Whole(regex) => regex,
        }
    }

    /// What comes after the literal with which every head begins; `None` if the line is plainly no head.
    fn after_prefix<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        match self.starts.may_match(line) {
            false => None,
            // Comparing with nothing is slow where nothing is at no real address.
            true if self.prefix.is_empty() => Some(line),
            true => line.strip_prefix(&*self.prefix),
        }
    }

    pub(super) fn is_head(&self, line: &[u8]) -> bool {
        self.after_prefix(line).is_some() && self.head().is_match(line)
    }

    pub(super) fn stamp(&self, line: &[u8], format: &TimeFormat) -> Option<Stamp> {
        let rest = self.after_prefix(line)?;
        let Some(end) = self.time else {
            let found = self.head().captures(line)?;
            return whole(format, found.name("time")?.as_bytes());
        };
        let rest = self.optional.and_then(|byte| rest.strip_prefix(&[byte])).unwrap_or(rest);
        let length = match end {
            End::After(length) => length,
            End::Before(byte) => memchr::memchr(byte, rest)?,
        };
        let stamp = whole(format, rest.get(..length)?)?;
        self.head().is_match(line).then_some(stamp)
    }

    pub(super) fn parse(&self, line: &[u8], format: &TimeFormat) -> Option<Parts> {
        self.after_prefix(line)?;
        let found = self.head().captures(line)?;
        let start = found.get_match().end();
        // A group in an alternative that was not taken: the parts are empty, but the line is a head all the same.
        let time = group(&found, "time").unwrap_or(start..start);
        let (message, late_level) = match &self.shape {
            Shape::Whole(_) => (group(&found, "message").unwrap_or(start..start), None),
            Shape::Halves(halves) => {
                let (end, level) = halves.message_end(line, start);
                (start..end, level)
            }
        };
        let level = group(&found, "level").or(late_level).filter(|range| !range.is_empty());
        Some(Parts { stamp: whole(format, &line[time.clone()]), time, level, message })
    }
}

/// The group `time` must be the time and nothing else but space around it; else the format does not fit the log.
fn whole(format: &TimeFormat, text: &[u8]) -> Option<Stamp> {
    let text = text.trim_ascii();
    format.parse(text).filter(|(_, used)| *used == text.len()).map(|(stamp, _)| stamp)
}

/// Compiles the regex so that it must match at the line's start. Without Unicode, if it allows that: messages may hold
/// bytes that are no UTF-8, and `.` shall match them.
fn build(source: &str) -> Result<(Regex, Hir), LayoutError> {
    let unicode = parse(source, false).is_err();
    parse(source, unicode)?;
    let mut anchored = format!(r"\A(?:{source})");
    if parse(&anchored, unicode).is_err() {
        // With (?x) the regex may end in a comment, which takes the bracket with it.
        anchored = format!("\\A(?:{source}\n)");
    }
    let hir = parse(&anchored, unicode)?;
    let built = RegexBuilder::new(&anchored).unicode(unicode).build();
    let regex = built.map_err(|error| LayoutError::Regex { message: error.to_string(), at: None, help: None })?;
    Ok((regex, hir))
}

fn parse(source: &str, unicode: bool) -> Result<Hir, LayoutError> {
    let parsed = ParserBuilder::new().utf8(false).unicode(unicode).build().parse(source);
    parsed.map_err(|error| {
        let error = regexes::explain(source, &error);
        LayoutError::Regex { message: error.message, at: Some(error.at), help: error.help }
    })
}

fn parts(hir: &Hir) -> &[Hir] {
    match hir.kind() {
        HirKind::Concat(parts) => parts,
        _ => std::slice::from_ref(hir),
    }
}

/// The regex in two halves, if that finds the same: the message is any text, and what comes after it reaches to the
/// line's end but may be missing. Then what comes before decides alone, and its end is the message's start.
fn halves(hir: &Hir) -> Option<Halves> {
    let parts = parts(hir);
    let at = parts.iter().position(|part| named(part, "message").is_some())?;
    let (before, after) = (&parts[..at], &parts[at + 1..]);
    let HirKind::Repetition(text) = named(&parts[at], "message")?.kind() else { return None };
    let to_end = after.last().is_some_and(|part| matches!(part.kind(), HirKind::Look(Look::End)));
    if !any_text(text) || !(to_end || (text.greedy && after.is_empty())) {
        return None;
    }
    let build = |parts: &[Hir]| RegexBuilder::new(&Hir::concat(parts.to_vec()).to_string()).unicode(false).build().ok();
    let head = build(before)?;
    head.capture_names().flatten().find(|name| *name == "time")?;
    let tail = match after.len() {
        0 | 1 => None,
        _ if text.greedy => return None,
        _ => Some(build(after).filter(|tail| tail.is_match(b""))?),
    };
    Some(Halves { head, tail })
}

/// The inside of a group of this name.
fn named<'a>(hir: &'a Hir, name: &str) -> Option<&'a Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some(name) => Some(&capture.sub),
        _ => None,
    }
}

/// `.*` or `.*?`, of bytes.
fn any_text(text: &Repetition) -> bool {
    let HirKind::Class(Class::Bytes(class)) = text.sub.kind() else { return false };
    let bytes: usize = class.iter().map(|range| range.len()).sum();
    let line_breaks = class.iter().filter(|range| (range.start()..=range.end()).contains(&b'\n')).count();
    text.min == 0 && text.max.is_none() && bytes - line_breaks == 255
}

/// The bytes with which every match begins, one that may follow, and the end of the time if its group comes right after
/// these.
fn place(hir: &Hir) -> (Box<[u8]>, Option<u8>, Option<End>) {
    let mut parts = parts(hir).iter().skip_while(|part| matches!(part.kind(), HirKind::Look(Look::Start))).peekable();
    let mut prefix = Vec::new();
    while let Some(HirKind::Literal(literal)) = parts.peek().map(|part| part.kind()) {
        prefix.extend_from_slice(&literal.0);
        parts.next();
    }
    let optional = parts.peek().and_then(|part| optional(part));
    if optional.is_some() {
        parts.next();
    }
    // A time that could begin with that byte would leave open whose it is.
    let apart = |time: &&Hir| optional.is_none_or(|byte| !Starts::of(time).may_match(&[byte]));
    let time = parts.next().and_then(|part| named(part, "time")).filter(apart);
    let end = time.and_then(|time| end(time, parts.next()));
    (prefix.into(), optional, end)
}

/// The one byte that may stand there or not.
fn optional(hir: &Hir) -> Option<u8> {
    let HirKind::Repetition(Repetition { min: 0, max: Some(1), sub, .. }) = hir.kind() else { return None };
    let HirKind::Literal(literal) = sub.kind() else { return None };
    if let [byte] = *literal.0 { Some(byte) } else { None }
}

fn end(time: &Hir, next: Option<&Hir>) -> Option<End> {
    let properties = time.properties();
    if let (Some(min), Some(max)) = (properties.minimum_len(), properties.maximum_len())
        && min == max
    {
        return Some(End::After(min));
    }
    let (HirKind::Repetition(repeated), Some(HirKind::Literal(literal))) = (time.kind(), next.map(Hir::kind)) else {
        return None;
    };
    let byte = *literal.0.first()?;
    let HirKind::Class(class) = repeated.sub.kind() else { return None };
    let excluded = match class {
        Class::Bytes(class) => !class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&byte)),
        Class::Unicode(class) => {
            let byte = char::from(byte);
            byte.is_ascii() && !class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&byte))
        }
    };
    (excluded && repeated.max.is_none()).then_some(End::Before(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_place_of_the_time() {
        let cases: [(&str, &[u8], Option<End>); 12] = [
            (r"\[?(?<time>\d{4}-\d\d)\]? (?<message>.*)", b"", Some(End::After(7))),
            (r"\[?(?<time>.{4}) (?<message>.*)", b"", None),
            (r"T\[?(?<time>[^\]]+)\](?<message>.*)", b"T", None),
            (r"\[(?<time>[^\]]+)\]\[(?<message>.*)", b"[", Some(End::Before(b']'))),
            (r"^\[(?<time>[^\]]+)\]\[(?<message>.*)", b"[", Some(End::Before(b']'))),
            (r"T: (?<time>\d{4}-\d\d) (?<message>.*)", b"T: ", Some(End::After(7))),
            (r"(?<time>[0-9 :]+) (?<message>.*)", b"", None),
            (r"(?<time>[0-9:]+) (?<message>.*)", b"", Some(End::Before(b' '))),
            (r"(?<time>[0-9:]{2,9}) (?<message>.*)", b"", None),
            (r"(?<level>\w+) (?<time>[^|]+)\|(?<message>.*)", b"", None),
            (r"a(?<time>.{3}) (?<message>.*)|b", b"", None),
            (r"(?i)x(?<time>.{3}) (?<message>.*)", b"", None),
        ];
        for (source, prefix, wanted) in cases {
            let (_, hir) = build(source).unwrap();
            let (literal, _, end) = place(&hir);
            assert_eq!((&*literal, end), (prefix, wanted), "{source}");
        }
    }

    /// The time that is found without captures is the one that they find.
    #[test]
    fn a_byte_that_may_stand_before_the_time_is_no_part_of_it() {
        let source = r"\[?(?<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\]?[ :]+(?<message>.*?)$";
        let format = TimeFormat::new("yyyy-MM-dd HH:mm:ss").unwrap();
        let quick = Written::new(source).unwrap();
        assert_eq!((quick.optional, quick.time), (Some(b'['), Some(End::After(19))));
        let slow = Written { time: None, ..quick.clone() };
        for line in [
            "2021-03-22 12:00:07 a",
            "[2021-03-22 12:00:07] a",
            "[2021-03-22 12:00:07 a",
            "[[2021-03-22 12:00:07] a",
            "2021-03-22 12:00:07a",
            "2021-03-32 12:00:07 a",
            "[",
            "",
        ] {
            assert_eq!(quick.stamp(line.as_bytes(), &format), slow.stamp(line.as_bytes(), &format), "{line}");
        }
        assert!(quick.stamp(b"[2021-03-22 12:00:07] a", &format).is_some());
    }

    /// In halves or not, the same is found.
    #[test]
    fn halves_find_what_the_whole_finds() {
        let lines =
            ["1 INFO a", "1 INFO ", "1 INFO a [b]", "1 INFO [a] [b]", "1 INFO a [b] WARN", "1 INFO", "x 1 INFO a"];
        let cases = [
            (r"(?<time>\d) (?<level>\w+) (?<message>.*?)(?: \[[^\]]*\])?$", true),
            (r"(?<time>\d) INFO (?<message>.*?)(?: \[[^\]]*\])?(?: (?<level>WARN))?$", true),
            (r"(?<time>\d) (?<message>.*)$", true),
            (r"(?<time>\d) (?<message>.*)", true),
            (r"(?<time>\d)(?<message>.*?)", false),
            (r"(?<time>\d) (?<message>.*?)\]$", false),
            (r"(?<time>\d) (?<message>.*)(?: \[[^\]]*\])?$", false),
            (r"(?<time>\d) (?<message>.+)$", false),
            (r"(?<time>\d) (?<message>[^\]]*)$", false),
            (r"x?(?<message>.*?)(?: (?<time>\d))?$", false),
            (r"(?<time>\d) INFO(?<message>.*)$|x", false),
        ];
        let format = TimeFormat::new("UNIX").unwrap();
        for (source, wanted) in cases {
            let split = Written::new(source).unwrap();
            assert_eq!(matches!(split.shape, Shape::Halves(_)), wanted, "{source}");
            let whole = Written { shape: Shape::Whole(build(source).unwrap().0), ..split.clone() };
            for line in lines {
                let line = line.as_bytes();
                assert_eq!(split.parse(line, &format), whole.parse(line, &format), "{source}");
                assert_eq!(split.is_head(line), whole.is_head(line), "{source}");
            }
        }
    }
}
