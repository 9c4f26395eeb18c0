//! Pattern sets of every kind of regex, made to fit the words of `logs`.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// With and without literals, of either case, with alternations, classes, Unicode, anchors.
const REGEXES: &[&str] = &[
    r"heart\s?beat",
    "(?i)permission denied",
    r"Float ip (?<ip>\S+) is invalid",
    r"(?i)float ip (?<ip>[0-9.]+)",
    r"open \w+ failed:\((?<path>[^)]*?)\s*\)",
    "(lost|interrupt)ed",
    "(lost|)ed",
    r"\d+ times",
    r"count (?<times>\d+) times",
    "[a-z]+ [0-9]{1,4}$",
    "^heart",
    "^at ",
    "beat$",
    r"\.$",
    "日本",
    r"\p{Han}+",
    "[é]",
    "é",
    r"(?i)É.*é",
    r"(?-u:\xff)",
    "(abc)+x",
    "[0-9]",
    "[a-c]",
    r"id=(?:0|1),category=[01]\b",
    "category=1",
    "category=0",
    r"\bat (?<class>org\S*)",
    "session 0x(?<sid>[0-9a-f]+)",
    "(?:heartbeat|session|count) .*",
    "(?:heart|sess|perm)[a-z]*",
    "x{3}",
    "xx",
    "(?s)first.*last",
    "[ERW]+OR|warn",
    "ERROR",
    "error",
    r"(?m)^x.*$",
    "far away",
    r"^(?<step>\w[\w ]*?) failed",
    r"\x00",
    "(?i:k)elvin",
    "the end",
];

/// Layouts as TOML, with names.
const LAYOUTS: &str = r#"
[layout.ha]
regex = '''\[(?<time>[^\]]+)\]\[\d+\]\[\d+\]\[ *(?<level>[A-Za-z]+) *\]\[(?<message>.*?)(?:\]\[[^\]\[]*\]\[[^\]\[]*,\d+\]\[[^\]\[]*,\d+,\d+\])?$'''
[layout.flink]
pattern = '%d{yyyy-MM-dd HH:mm:ss,SSS} | %-5p | [%t] | %m%n'
[layout.seconds]
regex = '''\[?(?<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\]?[ :]+(?:\[? *(?<level>[A-Z]{4,6}) *\]?:? )?(?<message>.*?)$'''
time  = "yyyy-MM-dd HH:mm:ss"
[layout.syslog]
regex = '''(?<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?<message>.*)$'''
time  = "MMM d HH:mm:ss"
[layout.utc]
pattern = '%d{yyyy-MM-dd HH:mm:ss,SSS}{UTC} - %m%n'
"#;

const NAMES: [&str; 5] = ["ha", "flink", "seconds", "syslog", "utc"];

#[derive(Clone, Debug)]
struct Signal {
    matches: Option<Index>,
    message: Option<Index>,
    head: Option<Index>,
    weight: bool,
}

fn signal() -> impl Strategy<Value = Signal> {
    let clause = |chance: f64| prop::option::weighted(chance, any::<Index>());
    let searched = prop_oneof![
        2 => (any::<Index>().prop_map(Some), clause(0.3)),
        1 => (Just(None), any::<Index>().prop_map(Some)),
    ];
    (searched, clause(0.15), any::<bool>()).prop_map(|((matches, message), head, weight)| Signal {
        matches,
        message,
        head,
        weight,
    })
}

pub fn any_patterns() -> impl Strategy<Value = String> {
    let layouts =
        prop_oneof![3 => select(&NAMES[..]).prop_map(|n| vec![n]), 1 => prop::sample::subsequence(&NAMES[..], 1..=5)];
    let sizes = prop_oneof![6 => 1..8_usize, 1 => 40..90_usize];
    let signals = sizes.prop_flat_map(|size| prop::collection::vec(signal(), size));
    let literals_only = prop::bool::weighted(0.5);
    (layouts, any::<bool>(), signals, literals_only).prop_map(|(layouts, lines, signals, literals_only)| {
        let mut text = LAYOUTS.to_owned();
        let layouts: Vec<String> = layouts.iter().map(|l| format!("{l:?}")).collect();
        let records = if lines { "records = \"line\"\n" } else { "" };
        let _ = write!(
            text,
            "[log.l]\nfiles = [\"l.log\"]\nlayout = [{}]\nservice = \"S\"\nrole = \"R\"\n{records}",
            layouts.join(", ")
        );
        for (at, signal) in signals.iter().enumerate() {
            text += &written(at, signal, literals_only);
        }
        text
    })
}

fn written(number: usize, signal: &Signal, literals_only: bool) -> String {
    let has_literal = |regex: &&&str| {
        !["(lost|)ed", r"\d+ times", "[a-z]+ [0-9]{1,4}$", r"\.$", r"\p{Han}+", "[é]", "[0-9]", "[a-c]"].contains(regex)
    };
    let pool: Vec<&str> = REGEXES.iter().filter(|r| !literals_only || has_literal(r)).copied().collect();
    let regex = |index: &Index| *index.get(&pool);
    let mut text = format!("[signal.s{number}]\nlog = \"l\"\nprovenance = \"assumed\"\n");
    let mut clause = |name: &str, index: &Option<Index>| {
        if let Some(index) = index {
            let _ = writeln!(text, "{name} = '''{}'''", regex(index));
        }
    };
    clause("match", &signal.matches);
    clause("message", &signal.message);
    clause("head", &signal.head);
    let counts = [&signal.matches, &signal.message].into_iter().flatten().any(|i| regex(i).contains("<times>"));
    if counts && signal.weight {
        text += "weight = \"times\"\n";
    }
    text
}
