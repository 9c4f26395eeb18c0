use chrono::NaiveDateTime;
use proptest::prelude::*;

use super::*;

const CLASSIC: &str = "%d{ISO8601} [myid:%X{myid}] - %-5p [%t:%C{1}@%L] - %m%n";
const ZOOKEEPER: &str = "%d{ISO8601} | %-5p | %t | %m | %l%n";
const FLINK: &str = "%d{yyyy-MM-dd HH:mm:ss,SSS} | %-5p | [%t] | %m | %c (%F:%L)%n";
const HA: &str = r"\[(?<time>[^\]]+)\]\[\d+\]\[\d+\]\[ *(?<level>[A-Z]+) *\]\[(?<message>.*?)(?:\]\[[^\]\[]*\]\[[^\]\[]*,\d+\]\[[^\]\[]*,\d+,\d+\])?$";
/// The time that the heads of these tests carry, if they say nothing else.
const T: &str = "2021-03-22 14:03:35,344";

fn layout(pattern: &str) -> Layout {
    Layout::from_conversion(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn local(text: &str) -> Stamp {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S,%3f").unwrap();
    Stamp::Local(time.and_utc().timestamp_millis())
}

/// Parses and checks that the three ways to look at a line agree.
fn parse(layout: &Layout, line: &[u8]) -> Option<Parts> {
    let parts = layout.parse(line);
    let text = String::from_utf8_lossy(line);
    assert_eq!(layout.is_head(line), parts.is_some(), "{text}");
    assert_eq!(layout.stamp(line), parts.as_ref().and_then(|parts| parts.stamp), "{text}");
    parts
}

/// Level (or "-") and message of a line that must be a head with the time `T`.
fn read(layout: &Layout, line: &str) -> (String, String) {
    let parts = parse(layout, line.as_bytes()).unwrap_or_else(|| panic!("no head: {line}"));
    assert_eq!(parts.stamp, Some(local(T)), "{line}");
    let level = parts.level.map_or("-".into(), |range| line[range].to_string());
    (level, line[parts.message].to_string())
}

#[test]
fn reads_the_three_layouts_of_the_clusters() {
    let cases = [
        (CLASSIC, " [myid:] - INFO  [main:QuorumPeerConfig@136] - Reading", "INFO", "Reading"),
        (
            CLASSIC,
            " [myid:3] - WARN  [QuorumPeer[myid=3](plain=1.2.3.4:22)(secure=disabled):Follower@128] - a - b",
            "WARN",
            "a - b",
        ),
        (CLASSIC, " [myid:1] - ERROR [LearnerHandler-/1.2.3.4:5:o.a.z.s.q.LearnerHandler@719] - x: ", "ERROR", "x: "),
        (CLASSIC, " [myid:1] - INFO  [main:?@?] - x", "INFO", "x"),
        (CLASSIC, " [myid:1] - INFO  [main:A@1] -", "INFO", ""),
        (ZOOKEEPER, " | INFO  | main | a b | org.apache.X.m(X.java:177)", "INFO", "a b"),
        (ZOOKEEPER, " | INFO  | main | a | b | java.base/o.a.X$Y.<init>(Unknown Source)", "INFO", "a | b"),
        (ZOOKEEPER, " | INFO  | main | a | ?", "INFO", "a"),
        (ZOOKEEPER, " | INFO  | main | a | ", "INFO", "a"),
        (ZOOKEEPER, " | INFO  | main |  | X.m(X.java:1)", "INFO", ""),
        (ZOOKEEPER, " | ERROR | Thread[#1,a b] | cut off | org.apa", "ERROR", "cut off | org.apa"),
        (ZOOKEEPER, " |  INFO | main | breaks the line", "INFO", "breaks the line"),
        (FLINK, " | INFO  | [main] | a (b) (C.java:1) | o.a.X (X.java:42)", "INFO", "a (b) (C.java:1)"),
        (FLINK, " | INFO  | [main] | a | o.a.X (?:?)", "INFO", "a"),
        (FLINK, " | INFO  | [main] | a | o.a.X (:)", "INFO", "a"),
        (FLINK, " | INFO  | [Source: a -> b | c (1/1)#0] | x | o.a.X (X.java:42)", "INFO", "x"),
        (FLINK, " | INFO  | [main-SendThread(127.0.0.1:2181)] | x -> y | o.a.X (X.java:42)", "INFO", "x -> y"),
        (FLINK, " | INFO  | [main] | Missing resources:", "INFO", "Missing resources:"),
        (FLINK, " | INFO  | [main] | a | b (X.java:1) | c (D.java:2)\r\n", "INFO", "a | b (X.java:1)"),
    ];
    for (pattern, rest, level, message) in cases {
        let line = format!("{T}{rest}");
        assert_eq!(read(&layout(pattern), &line), (level.into(), message.into()), "{pattern}: {line}");
    }
}

#[test]
fn what_continues_a_record_is_no_head() {
    let cases = [
        "",
        " ",
        "\tat org.apache.X.m(X.java:1)",
        "Caused by: java.io.IOException",
        "2021-03-22",
        "2021-03-22 14:03:35,344",
        "2021-03-22 14:03:35,344 the job was started",
        "2021-03-22 14:03:35,344 | the job | was | started | X.m(X.java:1)",
        "2021-03-22 14:03:35,344 | INFORMATION | a | b | c",
        "2021-03-22 14:03:35,344 | INFO",
        "2021-03-22 14:03:35,344 [myid:] - SOME [main:A@1] - x",
        "x 2021-03-22 14:03:35,344 | INFO  | [main] | a | b",
        "[2021-03-22 14:03:35,344] INFO x",
        "(none) | o.a.f.X (X.java:42)",
    ];
    for pattern in [CLASSIC, ZOOKEEPER, FLINK] {
        let layout = layout(pattern);
        for line in cases {
            assert_eq!(parse(&layout, line.as_bytes()), None, "{pattern}: {line}");
        }
    }
}

#[test]
fn an_impossible_time_is_still_a_head() {
    let cases = [
        (FLINK, "2021-13-22 14:03:35,344 | INFO | [a] | b | c (D:1)"),
        (FLINK, "2021-02-30 25:03:35,344 | INFO | [a] | b"),
    ];
    for (pattern, line) in cases {
        let parts = parse(&layout(pattern), line.as_bytes()).unwrap();
        assert_eq!((parts.stamp, &line[parts.time], &line[parts.message]), (None, &line[..23], "b"), "{line}");
    }
}

#[test]
fn reads_the_words_of_all_libraries() {
    let cases = [
        ("%d %p %m%n", "{T} INFO a b", "INFO", "a b"),
        ("%d %p %m%n", "{T} info a b", "info", "a b"),
        ("%date %level [%thread] %logger{36} - %msg%n", "{T} WARN [a [b] c] o.a.X - d - e", "WARN", "d - e"),
        ("%d{DEFAULT} %le %lo: %message %n", "{T} ERROR o.a.X: m ", "ERROR", "m"),
        ("%-5p %d [%t] %c{1}:%L - %m%n", "INFO  {T} [main] X:? - m", "INFO", "m"),
        ("[%5p] %d - %m", "[ WARN] {T} - m", "WARN", "m"),
        ("%-30d %.-1p %m", "{T}        W m", "W", "m"),
        ("%d %.1p %m", "{T} O m", "O", "m"),
        ("%d %-7.7p %m", "{T} WARNING m", "WARNING", "m"),
        ("%d %p{length=2} %m", "{T} WA m", "WA", "m"),
        ("%d %p{WARN=Achtung, lowerCase=true} %m", "{T} Achtung m", "Achtung", "m"),
        ("%d %p%t %m", "{T} INFOmain m", "INFO", "m"),
        ("%n%d %p %m", "{T} INFO m", "INFO", "m"),
        ("-----%n>> %d %p %m%n%ex", ">> {T} INFO m", "INFO", "m"),
        ("%d %p %m%n%throwable | %l%n", "{T} INFO m | a.b(C:1)", "INFO", "m | a.b(C:1)"),
        ("%-30(%d [%thread]) %p %m", "{T} [main]      INFO m", "INFO", "m"),
        ("%-40(%d [%10.15t] %-5level) : %msg", "{T} [      main] INFO             : m", "INFO", "m"),
        ("%clr(%d){faint} %clr(%5p) %clr([%t]){faint} %m%n%wEx", "{T}  INFO [main] m", "INFO", "m"),
        ("%clr(%d){faint} %clr(%5p) %m", "\x1b[2m{T}\x1b[0;39m \x1b[32m INFO\x1b[0;39m m", "INFO", "m"),
        ("%highlight{%d [%t] %p}{INFO=red} %style{%c}{blue} %m", "{T} [a] INFO x.y m", "INFO", "m"),
        ("%d %highlight{%p}%t %m", "{T} INFOmain m", "INFO", "m"),
        ("%d %p %highlight(%m)", "{T} INFO \x1b[1mm\x1b[0m", "INFO", "m"),
        ("%d %p %boldRed(%c) %m", "{T} INFO x.y m", "INFO", "m"),
        ("%d %p %notEmpty{[%X{id}] }%m", "{T} INFO [7] m", "INFO", "m"),
        ("%d %p %varsNotEmpty{[%X{id}] }- %m", "{T} INFO - m", "INFO", "m"),
        ("%d %p %enc{%m}{CRLF}", "{T} INFO m", "INFO", "m"),
        ("%d %p %replace(%msg){'a', 'b'}%nopex%n", "{T} INFO m", "INFO", "m"),
        ("%d %p %replace{%c{1.}}{[.]}{} | %m", "{T} INFO x | m", "INFO", "m"),
        ("%d [%X{a}/%mdc{b:-none}/%x] %p %m", "{T} [/none/] INFO m", "INFO", "m"),
        ("%r %d %sn %pid %T %p %m", "17 {T} 3 99 1 INFO m", "INFO", "m"),
        ("%d %p %marker %C.%M(%F:%L) %m", "{T} INFO  a.B.<init>(B.java:7) m", "INFO", "m"),
        ("%d 100%% %p %m", "{T} 100% INFO m", "INFO", "m"),
        ("%d\\t%p\\t%m", "{T}\tINFO\tm", "INFO", "m"),
        ("%d \\(%p\\) %m", "{T} (INFO) m", "INFO", "m"),
        ("%d %p a.b*c %m", "{T} INFO a.b*c m", "INFO", "m"),
        ("%d %p %-20m| %t", "{T} INFO a b      | main", "INFO", "a b"),
        ("%d | %m | %p | %t%n", "{T} | a | b | WARN | main", "WARN", "a | b"),
        ("%d | %p | %m | %t%n", "{T} | INFO | a | b | main", "INFO", "a | b"),
        ("%d - %m (%c)", "{T} - a (b c) (d)", "-", "a (b c)"),
        ("%d %p %m %d", "{T} INFO m {T}", "INFO", "m"),
        ("%d{yyyy-MM-dd HH:mm:ss,SSS, Asia/Shanghai} %p %m", "{T} INFO m", "INFO", "m"),
        ("%d{\"yyyy-MM-dd HH:mm:ss,SSS\", Asia/Shanghai} %p %m", "{T} INFO m", "INFO", "m"),
        ("%d{ISO8601}{CST} %p %m", "{T} INFO m", "INFO", "m"),
        (
            "%d{d MMM yyyy HH:mm:ss,SSS zzz} %p: %m (%pid)",
            "22 Mar 2021 14:03:35,344 CST ERROR: m (n) (17)",
            "ERROR",
            "m (n)",
        ),
        ("日志 %d %p 内容 %m", "日志 {T} INFO 内容 消息", "INFO", "消息"),
    ];
    for (pattern, line, level, message) in cases {
        let line = line.replace("{T}", T);
        assert_eq!(read(&layout(pattern), &line), (level.into(), message.into()), "{pattern}: {line}");
    }
}

#[test]
fn named_zones() {
    let utc = Stamp::Utc(1_616_421_815_344);
    let cases = [
        ("%d{ISO8601}{UTC} %m", Some(utc), None),
        ("%d{ISO8601}{GMT+8} %m", Some(Stamp::Utc(1_616_421_815_344 - 8 * 3_600_000)), None),
        ("%d{ISO8601, UTC} %m", Some(utc), None),
        ("%d{ISO8601}{Asia/Shanghai} %m", Some(local(T)), Some("Asia/Shanghai")),
        ("%d{ISO8601} %d{ISO8601}{UTC} %m", None, None),
    ];
    for (pattern, stamp, zone) in cases {
        let layout = layout(pattern);
        let line = format!("{T} m");
        assert_eq!((layout.stamp(line.as_bytes()), layout.zone()), (stamp, zone), "{pattern}");
    }
}

#[test]
fn errors_name_the_place() {
    let cases = [
        ("%p %m%n", "%p %m%n", "no date"),
        ("%d %p%n", "%d %p%n", "no message"),
        ("", "", "no date"),
        ("%d{HH:mm:ss} %m", "HH:mm:ss", "date is missing"),
        ("%d{ABSOLUTE} %m", "ABSOLUTE", "date is missing"),
        ("%d{ yyyy-MM-dd QQ} %m", "QQ", "QQ is not"),
        ("%d{\"yyyy QQ\", UTC} %m", "QQ", "QQ is not"),
        ("%clr(%d{yyyy QQ}){faint} %m", "QQ", "QQ is not"),
        ("%d %-5q %m", "%-5q", "unknown word %-5q"),
        ("%d %m %", "%", "unknown word %"),
        ("%d %m{x", "{", "brace has no end"),
        ("%d %-9(%p %m", "(", "parenthesis has no end"),
        ("%d %highlight %m", "%highlight", "needs a pattern"),
        ("%d ${LEVEL:-%5p} %m", "${LEVEL:-%5p}", "variable"),
        ("%d %p%n%m%n", "%m", "another line"),
        ("%p %m %d", "%d", "after the message"),
    ];
    for (pattern, place, message) in cases {
        let error = Layout::from_conversion(pattern).expect_err(pattern);
        assert!(error.message.contains(message), "{pattern}: {error}");
        assert_eq!(&pattern[error.at.clone()], place, "{pattern}: {error}");
        assert!(!error.help.is_empty(), "{pattern}");
    }
}

#[test]
fn reads_the_run_log_of_ha() {
    let layout = Layout::from_regex(HA, "yyyy-MM-dd HH:mm:ss,SSS").unwrap();
    let cases = [
        (
            "[10195489349][0][  INFO][add task((null)) to list successful.][HA][sync_module.c:__SYNC_ActiveTask,1151][ha.bin,26572,35]",
            "INFO",
            "add task((null)) to list successful.",
        ),
        (
            "[10195489353][0][ ERROR][[41][SendEnd][Task]Failed][HA][sync_core.c:__SYNC_DbgMsgErr,202][ha.bin,26572,41]",
            "ERROR",
            "[41][SendEnd][Task]Failed",
        ),
        (
            "[1][0][NOTICE][hasendalarm info: id=1,locainfo=(),locha=(192-168-",
            "NOTICE",
            "hasendalarm info: id=1,locainfo=(),locha=(192-168-",
        ),
    ];
    for (rest, level, message) in cases {
        let line = format!("[{T}]{rest}");
        assert_eq!(read(&layout, &line), (level.into(), message.into()));
    }
    for line in [
        "",
        "[",
        "[x",
        "2021",
        "[2021-03-22 14:03:35,344] [1][0][INFO][x]",
        " [2021-03-22 14:03:35,344][1][0][INFO][x]",
    ] {
        assert_eq!(parse(&layout, line.as_bytes()), None, "{line}");
    }
    let untimed = parse(&layout, b"[2021-03-22 14:03][1][0][INFO][x").unwrap();
    assert_eq!((untimed.stamp, untimed.time, untimed.message), (None, 1..17, 31..32));
}

#[test]
fn regex_layouts() {
    let cases = [
        (
            r"^(?<time>\S+ \S+ +\d+ \S+ \S+ \d+) (?<level>\w+): (?<message>.*)",
            "EEE MMM d HH:mm:ss zzz yyyy",
            "Mon Mar  1 14:03:35 CST 2021 ERROR: x",
            "x",
        ),
        (r"(?<time>.{19}) (?<message>.*)$", "yyyy-MM-dd HH:mm:ss", "2021-03-22 14:03:35 x", "x"),
        (
            "(?x) \\[ (?<time>[^]]+) \\] (?<message>.*) # all of it",
            "yyyy-MM-dd HH:mm:ss",
            "[2021-03-22 14:03:35]x",
            "x",
        ),
        (r"(?:\[(?<time>[^]]+)\]|>)(?<message>\p{Greek}+)", "yyyy-MM-dd HH:mm:ss", "[2021-03-22 14:03:35]αβ", "αβ"),
    ];
    for (regex, time, line, message) in cases {
        let layout = Layout::from_regex(regex, time).unwrap_or_else(|error| panic!("{regex}: {error}"));
        let parts = parse(&layout, line.as_bytes()).unwrap_or_else(|| panic!("{regex}: {line}"));
        assert!(parts.stamp.is_some(), "{regex}");
        assert_eq!(&line[parts.message], message, "{regex}");
        assert_eq!(parse(&layout, format!(" {line}").as_bytes()), None, "{regex}");
    }
}

#[test]
fn regex_layouts_that_cannot_be_used() {
    let time = "yyyy-MM-dd HH:mm:ss";
    let error = |regex, time| Layout::from_regex(regex, time).unwrap_err();
    assert_eq!(error("(?<time>x)", time), LayoutError::MissingGroup("message"));
    assert_eq!(error("(?<message>x)", time), LayoutError::MissingGroup("time"));
    assert!(matches!(error("(?<time>x)(?<message>y)", "yyyy"), LayoutError::Time(e) if e.at == (0..4)));
    assert!(matches!(error("(?<time>x", time), LayoutError::Regex { at: Some(at), .. } if at == (0..1)));
    assert!(matches!(error("a(?=b)", time), LayoutError::Regex { at: Some(at), .. } if at == (1..4)));
    assert!(matches!(error(r"a\p{Nix}", time), LayoutError::Regex { at: Some(at), .. } if at == (1..8)));
    assert!(matches!(error("(?:x{1000}){1000}(?<time>x)(?<message>y)", time), LayoutError::Regex { .. }));
}

#[test]
fn messages_need_not_be_text() {
    let mut line = format!("{T} | INFO  | [main] | ").into_bytes();
    let start = line.len();
    line.extend(b"\xff\xfe \xc3 | o.a.X (X.java:1)");
    assert_eq!(parse(&layout(FLINK), &line).unwrap().message, start..start + 4);

    let line = [format!("[{T}][1][0][INFO][").as_bytes(), b"\xff][HA][a.c:b,1][ha.bin,1,2]"].concat();
    let ha = Layout::from_regex(HA, "ISO8601").unwrap();
    let message = parse(&ha, &line).unwrap().message;
    assert_eq!(&line[message], b"\xff");
}

proptest! {
    #[test]
    fn patterns_never_panic(pattern in "(%[-]?[0-9]{0,2}\\.?-?[0-9]?[a-zA-Z(]{0,6}|[{}()|\\\\ é]|%d|%m|%p){0,12}", line in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(layout) = Layout::from_conversion(&pattern) {
            parse(&layout, &line);
            parse(&layout, format!("{T} INFO x").as_bytes());
        } else if let Err(error) = Layout::from_conversion(&pattern) {
            prop_assert!(pattern.get(error.at).is_some());
        }
    }

    /// The quick program may not throw out what the regex takes, nor read another time or level.
    #[test]
    fn the_program_agrees_with_the_regex(
        pattern in "(%d|%5p|%-9p|%\\.-1p|%p|%t| | \\||: |\\[|  |%highlight\\{%p\\}|%-30d|%clr\\( %p\\)){1,7}",
        line in "(\\[|  ?| ?\\||: |INFO|W|warn|main|2021-03-22 14:03:35,344|2021-13-22 14:03:35,344|\x1b\\[1m){0,9}",
    ) {
        let pattern = format!("{pattern}%d%m");
        let layout = layout(&pattern);
        let Kind::Conversion(conversion) = &layout.kind else { return Ok(()) };
        for line in [line.clone(), format!("{line}{T}x"), format!("{T}{line}{T}"), format!("{line}{T}{line}{T}")] {
            let Some(found) = conversion.halves.head.captures(line.as_bytes()) else { continue };
            match conversion.program.run(line.as_bytes(), &layout.format) {
                Outcome::NoHead => prop_assert!(false, "{pattern}: {line}"),
                Outcome::Read { time, level, .. } => {
                    prop_assert_eq!(Some(time), group(&found, "time"));
                    prop_assert!(level.is_none() || level == group(&found, "level"), "{}: {}", pattern, line);
                }
                Outcome::Impossible | Outcome::Unsure => {}
            }
        }
    }

    /// What a logger with this pattern prints is read back, whatever stands in the fields.
    #[test]
    fn reads_what_loggers_print(
        level in "INFO |WARN |ERROR|FATAL",
        thread in "[a-z#>: \\[\\]()-]{0,12}",
        message in "[a-zA-Z |():.\\[\\]-]{0,30}",
        class in "[a-z]{1,5}(\\.[A-Z][a-z$]{1,5}){1,3}",
        line in 1u32..9999,
    ) {
        let text = format!("{T} | {level} | [{thread}] | {message} | {class} (X.java:{line})");
        let parts = parse(&layout(FLINK), text.as_bytes()).unwrap();
        prop_assert_eq!(parts.stamp, Some(local(T)));
        prop_assert_eq!(&text[parts.level.unwrap()], level.trim());
        prop_assert!(text[..parts.message.start].ends_with("] | "));
        prop_assert_eq!(text[parts.message.end..].to_string(), format!(" | {class} (X.java:{line})"));
    }
}
