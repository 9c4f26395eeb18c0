use crate::pattern::diagnostic::Source;
use crate::pattern::{Alarm, By, Patterns, compile};

const LOGS: &str = r##"
[layout.l]
pattern = '%d %m'

[log.one]
files   = ["one.log*"]
layout  = "l"
service = "S"
role    = "One"

[log.two]
files   = ["two.log*"]
layout  = "l"
service = "S"
role    = "Two"

[log.two-again]
files   = ["twice.log*"]
layout  = "l"
service = "S"
role    = "Two"

[log.several-files]
files   = ["a.log", "b.log"]
layout  = "l"
service = "S"
role    = "Three"

[log.wild]
files   = ["wild-*.log"]
layout  = "l"
service = "S"
role    = "Four"

[log.either]
files   = ["{x,y}.log"]
layout  = "l"
service = "S"
role    = "Five"

[signal.lost]
log        = ["one", "two", "two-again", "several-files", "wild", "either"]
message    = '''lost (?<peer>\w+)'''
provenance = "observed"

[signal.back]
log        = ["one", "two"]
message    = '''back (?<peer>\w+)'''
provenance = "observed"

[signal.also]
log        = "one"
message    = '''also lost (?<why>\w+)'''
provenance = "observed"
"##;

fn patterns(alarms: &str) -> Patterns {
    format!("{LOGS}{alarms}").parse().unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn alarm(keys: &str) -> Alarm {
    let text = format!("[alarm.ALM-7]\nname = \"A\"\nseverity = \"minor\"\n{keys}\n");
    patterns(&text).alarms.remove(0)
}

/// Live, an alarm whose hits can come from several files of a node must wait for their order; one of a single file must
/// not, or it would be late for nothing.
#[test]
fn an_alarm_of_several_files_waits() {
    let rules = "raise = [{ on = \"lost\" }]\nclear = [{ quiet = \"1m\" }]";
    for (log, by, several) in [
        (r#""one""#, "", false),
        (r#"["one", "two"]"#, "", false), // instances of two roles
        (r#"["two", "two-again"]"#, "", true),
        (r#"["one", "two", "two-again"]"#, "", true),
        (r#""several-files""#, "", true),
        (r#""wild""#, "", true),
        (r#""either""#, "", true),
        (r#"["one", "wild"]"#, "", true),
        (r#""wild""#, "by = [\"peer\"]", true),
        // Then hits of different files never meet.
        (r#""wild""#, "by = [\"family\"]", false),
        (r#"["two", "two-again"]"#, "by = [\"peer\", \"family\"]", false),
    ] {
        assert_eq!(alarm(&format!("log = {log}\n{by}\n{rules}")).several, several, "{log} {by}");
    }
    // Looking back reads what is older than the hold, so it need not wait.
    let looking = "log = \"one\"\nraise = [{ on = \"lost\", with = [{ on = \"lost\", within = \"1m\" }], unless = [{ on = \"back\", within = \"1m\" }] }]\nclear = [{ quiet = \"1m\" }]";
    assert!(!alarm(looking).several);
}

/// States come first, so that each is a bit; what looking back finds is a label only.
#[test]
fn causes_are_states_before_labels() {
    let a = alarm(
        r#"
log   = "one"
raise = [
  { on = "lost", cause = "first", with = [{ on = "also", within = "1m", cause = "label" }] },
  { on = "also", count = 2, within = "1m" },
  { on = "back", cause = "first", renew = true },
  { absent = "back", for = "1m", cause = "label" },
]
clear = [{ on = "back", causes = ["also"] }, { quiet = "1m", causes = ["label", "first"] }, { on = "back" }]
"#,
    );
    let causes: Vec<&str> = a.causes.iter().map(|c| &**c).collect();
    assert_eq!(causes, ["first", "also", "label"]);
    assert_eq!(a.raise.iter().map(|r| r.cause).collect::<Vec<_>>(), [0, 1, 0, 2]);
    assert_eq!(a.raise[0].with[0].cause, Some(2));
    assert_eq!(a.clear.iter().map(|c| c.causes).collect::<Vec<_>>(), [0b010, 0b101, 0b111]);
}

#[test]
fn keys_and_params_are_captures() {
    let a = alarm(
        "log = \"one\"\nby = [\"peer\", \"family\", \"peer\"]\nparams = { who = \"peer\", why = \"why\" }\nraise = [{ on = \"lost\", with = [{ on = \"also\", within = \"1m\" }] }]\nclear = [{ quiet = \"1m\" }]",
    );
    assert_eq!(a.by.iter().map(By::name).collect::<Vec<_>>(), ["family", "peer"], "sorted, and each once");
    assert_eq!(a.params.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["who", "why"]);
    assert_eq!(a.number, Some(7));
}

/// A signal that is switched off takes its captures along; what is left still holds.
#[test]
fn a_signal_that_is_switched_off_is_left_out() {
    let text = LOGS.to_owned()
        + "[alarm.A]\nname = \"A\"\nseverity = \"minor\"\nlog = \"one\"\nby = [\"peer\"]\nparams = [\"why\"]\n"
        + "raise = [{ on = [\"lost\", \"also\"] }]\nclear = [{ quiet = \"1m\" }]\n";
    let builtin = Source { name: "built-in".into(), text, builtin: true };
    let user = Source { name: "user".into(), text: "[signal.also]\nenabled = false\n".into(), builtin: false };
    let p = compile(&[builtin, user]).patterns.unwrap();
    let a = &p.alarms[0];
    let on: Vec<&str> = a.raise[0].kind.raising().iter().map(|id| &*p.signal(*id).name).collect();
    assert_eq!(on, ["lost"]);
    assert_eq!((a.by.len(), a.params.len()), (1, 0));
}
