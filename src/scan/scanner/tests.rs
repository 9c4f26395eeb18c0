use super::*;
use crate::scan::belief::SIGHT;
use crate::scan::{HEAD_LIMIT, Head, judge_head};

const LOG: &str = r##"
[layout.app]
pattern = '%d{yyyy-MM-dd HH:mm:ss,SSS} %p - %m'

[log.app]
files   = ["app.log"]
layout  = "app"
service = "S"
role    = "R"
"##;

fn patterns(signals: &str) -> Patterns {
    format!("{LOG}{signals}").parse().unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn signal(name: &str, clauses: &str) -> String {
    format!("[signal.{name}]\nlog = \"app\"\nprovenance = \"observed\"\n{clauses}\n")
}

/// A head of second `s` with this message.
fn head(s: u32, message: &str) -> String {
    format!("2021-03-22 14:00:{s:02},000 WARN - {message}\n")
}

fn scan(patterns: &Patterns, blocks: &[&[u8]]) -> (Vec<Seen>, Summary) {
    let mut seen = Vec::new();
    let mut scanner = Scanner::new(patterns, &patterns.logs[0], "x".into(), Zone::UTC, Lookahead::File);
    blocks.iter().for_each(|block| scanner.feed(block, &mut seen));
    let summary = scanner.finish(&mut seen);
    (seen, summary)
}

/// `signal@line`, with the head's line in brackets if it is another, and the captures.
fn found(patterns: &Patterns, text: &str) -> Vec<String> {
    let (seen, summary) = scan(patterns, &[text.as_bytes()]);
    let hits = seen.iter().filter_map(|s| if let Seen::Hit(hit) = s { Some(hit) } else { None });
    hits.chain(&summary.orphans).map(|hit| describe(patterns, hit)).collect()
}

fn describe(patterns: &Patterns, hit: &Hit) -> String {
    let head = hit.head.as_ref().map_or(String::new(), |h| format!("({})", h.number));
    let mut captures: Vec<String> =
        hit.captures.iter().map(|(id, value)| format!(" {}={value}", patterns.captures[id.index()])).collect();
    captures.sort();
    format!("{}@{}{head}{}", patterns.signal(hit.signal).name, hit.line.number, captures.concat())
}

#[test]
fn every_clause_that_is_given_must_hold() {
    let p = patterns(
        &[
            signal("match", "match = 'refused'"),
            signal("message", "message = 'refused'"),
            signal("head", "match = 'refused'\nhead = 'ERROR|WARN'"),
            signal("wrong-head", "match = 'refused'\nhead = 'ERROR'"),
            signal("message-and-head", "message = 'refused'\nhead = '14:00:01'"),
            signal("match-and-message", "match = 'Caused by'\nmessage = 'refused'"),
            signal("all", "match = 'Caused by'\nmessage = 'refused'\nhead = '14:00:02'"),
        ]
        .concat(),
    );
    let text =
        head(1, "refused") + &head(2, "refused again") + "Caused by: x\n" + &head(3, "once more refused") + "refused\n";
    assert_eq!(
        found(&p, &text),
        [
            "head@1",
            "match@1",
            "message@1",
            "message-and-head@1", //
            "head@2",
            "match@2",
            "message@2",
            "all@3(2)",
            "match-and-message@3(2)", //
            "head@4",
            "match@4",
        ]
    );
}

#[test]
fn match_looks_at_any_line_and_message_at_the_message_alone() {
    let p = patterns(
        &[signal("any", "match = 'WARN'"), signal("message", "message = 'WARN'"), signal("end", "message = 'lost$'")]
            .concat(),
    );
    assert_eq!(found(&p, &head(1, "x lost")), ["any@1"], "a message's `^` is implied");
    assert_eq!(found(&p, &head(1, "WARN it is")), ["any@1", "message@1"]);
    assert_eq!(found(&p, &(head(1, "lost") + "WARN below\n")), ["any@1", "end@1"]);
    assert_eq!(found(&p, &head(1, "lost and found")), ["any@1"]);
    // Never across lines.
    assert!(found(&patterns(&signal("two", "match = 'a lost.*b lost'")), &(head(1, "a lost") + "b lost\n")).is_empty());
}

#[test]
fn the_first_line_of_a_record_that_matches_wins() {
    let p = patterns(&signal("lost", "match = 'lost (?<who>[a-z]+)'"));
    let text = head(1, "x") + "lost a\nlost b\n" + &head(2, "lost c") + "lost d\n" + &head(3, "lost e, lost f");
    assert_eq!(found(&p, &text), ["lost@2(1) who=a", "lost@4 who=c", "lost@6 who=e"]);
}

/// A capture of the same name is the line's rather than the message's, and the message's rather than the head's.
#[test]
fn the_strongest_clause_captures() {
    let p = patterns(&signal(
        "x",
        "match = 'at (?<a>[a-z]+)'\nmessage = 'lost (?<a>[a-z]+) (?<b>[a-z]+)'\nhead = '(?<b>WARN|INFO) - (?<c>[a-z]+)'",
    ));
    assert_eq!(found(&p, &(head(1, "lost one two") + "at three\n")), ["x@2(1) a=three b=two c=lost"]);
}

#[test]
fn weights_are_numbers_and_at_least_one() {
    let p = patterns(&signal("x", "match = '(?:\\[(?<times>[^ ]+) times\\] )?refused'\nweight = \"times\""));
    let weights = |message: &str| {
        let (seen, _) = scan(&p, &[head(1, message).as_bytes()]);
        seen.iter().filter_map(|s| if let Seen::Hit(hit) = s { Some(hit.weight) } else { None }).collect::<Vec<_>>()
    };
    for (message, weight) in [
        ("refused", 1),
        ("[7 times] refused", 7),
        ("[0 times] refused", 1),
        ("[-3 times] refused", 1),
        ("[many times] refused", 1),
        ("[99999999999999999999 times] refused", 1),
    ] {
        assert_eq!(weights(message), [weight], "{message}");
    }
}

#[test]
fn every_line_can_be_a_record() {
    let text = LOG.replace("role    =", "records = \"line\"\nrole    =")
        + &signal("lost", "message = 'lost (?<who>[a-z]+)'")
        + &signal("head", "match = 'lost'\nhead = '^lost'");
    let p: Patterns = text.parse().unwrap();
    let lines = "lost a\n".to_owned() + &head(1, "lost b") + "lost c\nand lost d\n";
    assert_eq!(found(&p, &lines), ["head@1", "lost@1 who=a", "lost@2 who=b", "head@3", "lost@3 who=c"]);
    let (seen, summary) = scan(&p, &[lines.as_bytes()]);
    let times: Vec<_> =
        seen.iter().filter_map(|s| if let Seen::Hit(h) = s { Some(h.stamp.is_some()) } else { None }).collect();
    assert_eq!(times, [false, false, true, true, true], "a line without a time has that of the one before");
    assert_eq!((summary.untimed, summary.orphans.len()), (4, 0), "hits, of three records");
}

/// Lines before the first head wait for the file before; what its head would decide is left open.
#[test]
fn lines_before_the_first_head_are_orphans() {
    let p = patterns(
        &[
            signal("plain", "match = 'lost'"),
            signal("with-message", "match = 'lost'\nmessage = 'ours'"),
            signal("message", "message = 'lost'"),
        ]
        .concat(),
    );
    let (seen, summary) = scan(&p, &[b"lost one\nlost two\n", head(1, "lost").as_bytes()]);
    let orphans: Vec<String> = summary.orphans.iter().map(|h| describe(&p, h)).collect();
    assert_eq!(orphans, ["plain@1", "with-message@1"], "one for each signal");
    assert!(summary.orphans.iter().all(|h| h.stamp.is_none() && h.head.is_none()));
    assert_eq!(seen.iter().filter(|s| matches!(s, Seen::Hit(_))).count(), 2);
    let ours = Head { line: summary.orphans[0].line.clone(), bytes: (*b"xx ours").into(), message: 3..7 };
    let (plain, with_message) = (p.signal(summary.orphans[0].signal), p.signal(summary.orphans[1].signal));
    assert!(judge_head(plain, Some(ours.view())) && judge_head(plain, None));
    assert!(judge_head(with_message, Some(ours.view())) && !judge_head(with_message, None));
}

/// Behind a hole the record's head is not known, so only what needs none is found, and once.
#[test]
fn behind_a_hole_there_is_no_head() {
    let p = patterns(&[signal("plain", "match = 'lost'"), signal("headed", "match = 'lost'\nhead = 'WARN'")].concat());
    let mut seen = Vec::new();
    let mut scanner = Scanner::new(&p, &p.logs[0], "x".into(), Zone::UTC, Lookahead::File);
    scanner.feed((head(1, "x") + "lost, and cut o").as_bytes(), &mut seen);
    scanner.hole(&mut seen);
    scanner.feed(("ff\nlost one\nlost two\n".to_owned() + &head(2, "lost")).as_bytes(), &mut seen);
    let summary = scanner.finish(&mut seen);
    let hits: Vec<String> =
        seen.iter().filter_map(|s| if let Seen::Hit(hit) = s { Some(describe(&p, hit)) } else { None }).collect();
    assert_eq!(hits, ["headed@2(1)", "plain@2(1)", "plain@4", "headed@6", "plain@6"]);
    assert!(seen.iter().any(|s| matches!(s, Seen::Hole { from: Some(_), .. })), "{seen:?}");
    assert!(!summary.hole_at_end);
}

#[test]
fn a_hole_at_the_end_is_told() {
    let p = patterns(&signal("plain", "match = 'lost'"));
    let mut seen = Vec::new();
    let mut scanner = Scanner::new(&p, &p.logs[0], "x".into(), Zone::UTC, Lookahead::File);
    scanner.feed(head(1, "x").as_bytes(), &mut seen);
    scanner.hole(&mut seen);
    let summary = scanner.finish(&mut seen);
    assert!(summary.hole_at_end);
    assert!(summary.carry.is_some_and(|c| c.head.is_none()), "what follows in the next file has no head either");
}

/// The text stands at the limit, or one byte behind it; whatever the blocks.
#[test]
fn heads_are_seen_with_4_kib_and_lines_with_64() {
    let p = patterns(
        &[
            signal("line", "match = 'lost'"),
            signal("head", "match = 'WARN|below'\nhead = 'lost'"),
            signal("message", "message = '.*lost'"),
        ]
        .concat(),
    );
    let at = |front: String, end: usize| {
        front.clone() + &"x".repeat(end - 4 - front.len()) + "lost" + &"y".repeat(100) + "\n"
    };
    let front = head(1, "").trim_end_matches('\n').to_owned();
    assert_eq!(found(&p, &at(front.clone(), HEAD_LIMIT)), ["head@1", "line@1", "message@1"]);
    assert_eq!(found(&p, &at(front.clone(), HEAD_LIMIT + 1)), ["line@1"]);
    let limit = crate::scan::block::LINE_LIMIT;
    assert_eq!(found(&p, &at(front.clone(), limit)), ["line@1"]);
    assert!(found(&p, &at(front.clone(), limit + 1)).is_empty());
    assert_eq!(found(&p, &(head(1, "x") + &at(String::new(), limit))), ["line@2(1)"]);
    assert!(found(&p, &(head(1, "x") + &at(String::new(), limit + 1))).is_empty());
    let text = at(front, limit) + &head(2, "lost");
    for cut in [1, 100, HEAD_LIMIT, limit - 2, limit, text.len() - 3] {
        let (a, b) = text.as_bytes().split_at(cut);
        let hits = |blocks: &[&[u8]]| {
            scan(&p, blocks).0.iter().filter(|s| matches!(s, Seen::Hit(_))).cloned().collect::<Vec<_>>()
        };
        assert_eq!(hits(&[a, b]), hits(&[text.as_bytes()]), "{cut}");
    }
}

#[test]
fn odd_bytes_hide_nothing() {
    let p = patterns(&signal("lost", "match = 'lost (?<who>[^ ]+)'"));
    let mut text = b"\xEF\xBB\xBF".to_vec();
    text.extend_from_slice(head(1, "\0 lost \u{feff}a").trim_end().as_bytes());
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(head(2, "").trim_end().as_bytes());
    text.extend_from_slice(b" \xff\xfe lost b\xe9\n");
    text.extend_from_slice(head(3, "lost c").trim_end().as_bytes());
    let (seen, summary) = scan(&p, &[&text]);
    let hits: Vec<String> =
        seen.iter().filter_map(|s| if let Seen::Hit(hit) = s { Some(describe(&p, hit)) } else { None }).collect();
    assert_eq!(hits, ["lost@1 who=\u{feff}a", "lost@2 who=b\u{fffd}", "lost@3 who=c"]);
    assert_eq!((summary.lines, summary.bytes, summary.untimed), (3, text.len() as u64, 0));
}

/// A head whose time is no real moment is a head all the same.
#[test]
fn impossible_times_are_counted() {
    let p = patterns(&signal("lost", "match = 'lost'"));
    let (seen, summary) = scan(&p, &[(head(1, "x") + "2021-02-30 14:00:00,000 WARN - lost\n").as_bytes()]);
    let times: Vec<_> = seen
        .iter()
        .filter_map(|s| if let Seen::Hit(h) = s { Some((h.stamp, h.head.is_none())) } else { None })
        .collect();
    assert_eq!(times, [(summary.first, true)]);
    assert_eq!(summary.untimed, 1);
}

/// Of lines without a time there may be no end, and each may have a hit that waits for a time to be believed or not.
#[test]
fn hits_wait_no_longer_than_within_sight() {
    let text = LOG.replace("role    =", "records = \"line\"\nrole    =") + &signal("lost", "match = 'lost'");
    let patterns: Patterns = text.parse().unwrap();
    let mut scanner = Scanner::new(&patterns, &patterns.logs[0], "x".into(), Zone::UTC, Lookahead::File);
    let mut seen = Vec::new();
    scanner.feed((head(1, "x") + &head(2, "x").replace("2021", "2031")).as_bytes(), &mut seen);
    let lines = (SIGHT / 5) as usize;
    scanner.feed("lost\n".repeat(lines - 100).as_bytes(), &mut seen);
    assert!(seen.is_empty(), "what comes next may take the time back");
    scanner.feed("lost\n".repeat(200).as_bytes(), &mut seen);
    assert_eq!(seen.iter().filter(|seen| matches!(seen, Seen::Hit(_))).count(), lines + 100);
}
