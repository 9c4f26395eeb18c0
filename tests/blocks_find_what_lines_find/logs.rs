//! Bytes of logs, good and bad, cut anywhere.

use chrono::DateTime;
use proptest::prelude::*;
use proptest::sample::select;

use tocsin::pattern::Zone;
use tocsin::scan::Lookahead;

#[derive(Clone, Debug)]
pub struct Input {
    pub pieces: Vec<Piece>,
    pub zone: Zone,
    pub lookahead: Lookahead,
}

#[derive(Clone)]
pub enum Piece {
    Bytes(Vec<u8>),
    Hole,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Piece::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Piece::Hole => f.write_str("Hole"),
        }
    }
}

const WORDS: &[&[u8]] = &[
    b"heartbeat",
    b"heart beat",
    b"HEARTBEAT lost",
    b"Float ip 10.0.0.1 is invalid",
    b"float IP 10.0.0.2",
    b"Permission Denied",
    b"permission denied.",
    b"open lstat failed:(/a/b ). Permission denied.",
    b"session 0x12af",
    "日本語".as_bytes(),
    "é É é".as_bytes(),
    b"\xff\xfe",
    b"\xe6\x97",
    b"count 5 times",
    b"count 12 times",
    b"interrupted",
    b"lost",
    b"xyzzy",
    b"xxx",
    b"abcabcx",
    b"at org.apache.Foo",
    b"at ",
    b"id=0,category=0",
    b"id=1,category=1",
    b"first",
    b"last",
    b"ERROR",
    b"error",
    b"Error",
    b"warn",
    b"abc 12",
    b"\x00",
    b"\r",
    b"[",
    b"][file.c:f,12][ha.bin,1,2]",
    b"]",
    b".",
    b"Kelvin",
    "\u{212a}elvin".as_bytes(),
    A_HEAD,
    b"the",
    b"end",
];

const A_HEAD: &[u8] = b"2021-06-01 10:00:00,000 | INFO  | [t] | x";

/// How a line begins.
#[derive(Clone, Copy, Debug)]
enum Begin {
    Layout(usize),
    /// Like a head, but at a time that never was.
    Impossible(usize),
    Nothing,
}

#[derive(Clone, Debug)]
struct Line {
    begin: Begin,
    /// Milliseconds from the line before.
    step: i64,
    /// This line only.
    off: i64,
    words: Vec<&'static [u8]>,
    /// So many bytes between the first word and the others.
    filler: usize,
    line_break: &'static [u8],
}

fn begin() -> impl Strategy<Value = Begin> {
    prop_oneof![
        8 => (0..5_usize).prop_map(Begin::Layout),
        8 => Just(Begin::Layout(0)),
        4 => Just(Begin::Layout(1)),
        1 => (0..5_usize).prop_map(Begin::Impossible),
        6 => Just(Begin::Nothing),
    ]
}

fn words() -> impl Strategy<Value = Vec<&'static [u8]>> {
    prop::collection::vec(prop_oneof![4 => select(WORDS), 1 => Just(b" ".as_slice())], 0..4)
}

fn line(step: impl Strategy<Value = i64>, off: impl Strategy<Value = i64>) -> impl Strategy<Value = Line> {
    let filler = prop_oneof![400 => Just(0_usize), 4 => 4000..4200_usize, 1 => 65_300..65_700_usize];
    let line_break = prop_oneof![12 => Just(b"\n".as_slice()), 2 => Just(b"\r\n".as_slice()), 1 => Just(b"\n\n".as_slice()), 1 => Just(b"\r\r\n".as_slice())];
    (begin(), step, off, words(), filler, line_break).prop_map(|(begin, step, off, words, filler, line_break)| Line {
        begin,
        step,
        off,
        words,
        filler,
        line_break,
    })
}

/// A clock that runs, and one that does what it likes.
fn calm_step() -> impl Strategy<Value = i64> {
    prop_oneof![3 => 0..2000_i64, 6 => 0..30_000_i64, 1 => 0..900_000_i64]
}

fn wild_step() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..30_000_i64, 1 => -2000..0_i64, 1 => -7_200_000..7_200_000_i64, 1 => 299_000..302_000_i64, 1 => -62_000..-59_000_i64]
}

fn wild_off() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0_i64), 1 => 240_000..9_000_000_i64, 1 => -9_000_000..0_i64]
}

/// Now and then a thread is slow, or a time is wild.
fn ordinary_off() -> impl Strategy<Value = i64> {
    prop_oneof![30 => Just(0_i64), 3 => -900..0_i64, 1 => 20_000_000..90_000_000_i64]
}

/// A line that begins like a head without being meant as one would have a time out of order.
fn without_other_heads(lines: &mut [Line]) {
    lines.iter_mut().for_each(|line| line.words.retain(|word| *word != A_HEAD));
}

fn written(lines: &[Line], start: i64, local: impl Fn(i64) -> i64) -> Vec<u8> {
    let mut now = start;
    let mut text = Vec::new();
    for line in lines {
        now += line.step;
        let at = local(now) + line.off;
        match line.begin {
            Begin::Layout(layout) => text.extend_from_slice(head(layout, at).as_bytes()),
            Begin::Impossible(layout) => text.extend_from_slice(
                head(layout, at).replacen("2021-", "2021-9", 1).replacen("-91", "-99", 1).as_bytes(),
            ),
            Begin::Nothing => {}
        }
        for (number, word) in line.words.iter().enumerate() {
            text.extend_from_slice(word);
            text.extend(std::iter::repeat_n(b'-', if number == 0 { line.filler } else { 0 }));
        }
        text.extend_from_slice(line.line_break);
    }
    text
}

/// What stands before the message, in the order of the layouts in `signals`.
fn head(layout: usize, local: i64) -> String {
    let t = DateTime::from_timestamp_millis(local).unwrap().naive_utc();
    match layout {
        0 => format!("[{}][1][0][ INFO][", t.format("%Y-%m-%d %H:%M:%S,%3f")),
        1 => format!("{} | WARN  | [main] | ", t.format("%Y-%m-%d %H:%M:%S,%3f")),
        2 => format!("{} [INFO] ", t.format("%Y-%m-%d %H:%M:%S")),
        3 => format!("{} ", t.format("%b %e %H:%M:%S")),
        _ => format!("{} - ", t.format("%Y-%m-%d %H:%M:%S,%3f")),
    }
}

/// Cuts a text, and perhaps loses something on the way.
fn cut(text: Vec<u8>, cuts: Vec<prop::sample::Index>, holes: &[bool], bom: bool, end: bool) -> Vec<Piece> {
    let mut text = if bom { [b"\xEF\xBB\xBF".as_slice(), &text].concat() } else { text };
    if end && text.ends_with(b"\n") {
        text.pop();
    }
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    for (number, pair) in cuts.windows(2).enumerate() {
        if number > 0 && holes.get(number).copied().unwrap_or_default() {
            pieces.push(Piece::Hole);
        }
        pieces.push(Piece::Bytes(text[pair[0]..pair[1]].to_vec()));
    }
    pieces
}

pub fn zone() -> impl Strategy<Value = Zone> {
    select(["UTC", "Europe/Berlin", "America/New_York", "+08:00"].as_slice())
        .prop_map(|name| Zone::parse(name).unwrap())
}

fn lookahead() -> impl Strategy<Value = Lookahead> {
    prop_oneof![3 => Just(Lookahead::File), 1 => Just(Lookahead::Live)]
}

pub const JUNE: i64 = 1_622_541_600_000;
/// Half past midnight UTC on the days on which the offset of Berlin changes.
const OCTOBER: i64 = 1_635_638_400_000 + 1_800_000;
const MARCH: i64 = 1_616_889_600_000 + 1_800_000;

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop_oneof![
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        prop::collection::vec(any::<prop::sample::Index>(), 0..30)
    ]
}

fn holes(chance: f64) -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(prop::bool::weighted(chance), 30)
}

pub fn wild() -> impl Strategy<Value = Input> {
    let lines = prop_oneof![
        prop::collection::vec(line(wild_step(), wild_off()), 0..80),
        prop::collection::vec(line(calm_step(), wild_off()), 0..80),
    ];
    (
        lines,
        select([JUNE, OCTOBER, MARCH].as_slice()),
        cuts(),
        holes(0.1),
        any::<bool>(),
        any::<bool>(),
        zone(),
        lookahead(),
    )
        .prop_map(|(lines, start, cuts, holes, bom, end, zone, lookahead)| {
            let text = written(&lines, start, |t| t);
            Input { pieces: cut(text, cuts, &holes, bom, end), zone, lookahead }
        })
}

pub fn ordinary() -> impl Strategy<Value = Input> {
    let lines = prop::collection::vec(line(calm_step(), ordinary_off()), 0..120);
    (lines, cuts(), holes(0.02), any::<bool>(), lookahead()).prop_map(|(mut lines, cuts, holes, end, lookahead)| {
        if lookahead == Lookahead::Live {
            // The wall clock would tell a wild time.
            lines.iter_mut().for_each(|line| line.off = line.off.min(0));
        }
        without_other_heads(&mut lines);
        // The file's first times are never taken back: who should know?
        lines.iter_mut().take(20).for_each(|line| line.off = 0);
        let text = written(&lines, JUNE, |t| t);
        Input { pieces: cut(text, cuts, &holes, false, end), zone: Zone::UTC, lookahead }
    })
}

/// What a log in Berlin prints in the nights in which the clocks are changed.
pub fn through_a_change() -> impl Strategy<Value = Input> {
    let lines = prop::collection::vec(line(prop_oneof![0..20_000_i64, 0..200_000_i64], -900..1_i64), 0..150);
    (lines, select([OCTOBER, MARCH].as_slice()), cuts(), any::<bool>()).prop_map(|(mut lines, start, cuts, end)| {
        without_other_heads(&mut lines);
        // Without a year nobody can tell in which hours the offset changes, and what is no local time does not change.
        lines.retain(|line| !matches!(line.begin, Begin::Layout(3 | 4) | Begin::Impossible(3 | 4)));
        let offset = |utc: i64| {
            let summer = (MARCH + 1_800_000..OCTOBER + 1_800_000).contains(&utc);
            if summer { 7_200_000 } else { 3_600_000 }
        };
        let text = written(&lines, start, |utc| utc + offset(utc));
        Input {
            pieces: cut(text, cuts, &[], false, end),
            zone: Zone::parse("Europe/Berlin").unwrap(),
            lookahead: Lookahead::File,
        }
    })
}

/// Several blocks in one piece, with long stretches without a head or without a time.
pub fn large() -> impl Strategy<Value = Input> {
    let part = || {
        let lines = prop::collection::vec(line(wild_step(), ordinary_off()), 1..60);
        // Sometimes more than a time that is not believed at once can wait for.
        let filler = prop_oneof![3 => Just(0_usize), 1 => 300..600_usize];
        (lines, 1..40_usize, 0..3000_usize, filler)
    };
    (prop::collection::vec(part(), 1..6), cuts(), holes(0.1), zone(), lookahead()).prop_map(
        |(parts, cuts, holes, zone, lookahead)| {
            let mut text = Vec::new();
            for (number, (lines, times, quiet, filler)) in parts.iter().enumerate() {
                for time in 0..*times {
                    text.extend(written(lines, JUNE + (number * 40 + time) as i64 * 400_000, |t| t));
                }
                for number in 0..*quiet {
                    text.extend_from_slice(
                        format!("    at quiet.place.Number{number}(Unknown Source) of nothing{:filler$}much\n", "")
                            .as_bytes(),
                    );
                }
            }
            Input { pieces: cut(text, cuts, &holes, false, false), zone, lookahead }
        },
    )
}

pub fn short() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(line(wild_step(), wild_off()), 0..25).prop_map(|mut lines| {
        lines.iter_mut().for_each(|line| line.filler = line.filler.min(3));
        written(&lines, OCTOBER, |t| t)
    })
}
