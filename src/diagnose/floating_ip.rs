//! Does `prestart.log` say that the floating IP address is invalid?
//!
//! The line is said at each start that fails, so an old one is of a fault that may long be mended: it has to be of the time
//! of the alarm.

use super::Answer;
use super::history::Said;
use crate::time::{MINUTE, Millis, Moment};

/// The signal, and the log that it stands in.
pub const SIGNAL: &str = "float-ip-invalid";

/// A line counts from this long before the alarm on.
const BEFORE: Millis = 30 * MINUTE;

/// `said`: every such line of the node, oldest first; `None`: it has no such log.
pub fn examine(said: Option<&[Said]>, raised: Option<Moment>) -> Answer {
    let Some(said) = said else {
        return Answer::unknown("there is no prestart.log among the logs that were read")
            .remedy("run this on the node whose instance does not start, or name its logs");
    };
    let Some(last) = said.last() else { return Answer::ok("no line of prestart.log says so") };
    let shown = format!("{}:{}: {}", last.file, last.line, last.text);
    match raised {
        Some(raised) if last.time.millis < raised.millis - BEFORE => {
            Answer::ok(format!("only lines that are older than the alarm; the last is of {}", last.time)).and(shown)
        }
        Some(_) => Answer::fault("the floating IP address is invalid").and(shown),
        None => {
            let text = "lines say so, but there is no alarm to compare their time with";
            Answer::unknown(format!("{text}; the last is of {}", last.time)).and(shown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Verdict;

    #[test]
    fn a_line_has_to_be_of_the_time_of_the_alarm() {
        let said = |minute: Millis| Said {
            time: Moment::utc(minute * MINUTE),
            file: "prestart.log".into(),
            line: 3,
            text: "Float ip 10.0.0.9 is invalid".to_owned(),
        };
        let raised = Some(Moment::utc(100 * MINUTE));
        for (lines, raised, verdict) in [
            (vec![], raised, Verdict::Ok),
            (vec![said(69)], raised, Verdict::Ok),
            (vec![said(70)], raised, Verdict::Fault),
            (vec![said(1), said(99)], raised, Verdict::Fault),
            // It was started again after the alarm, and fails still.
            (vec![said(500)], raised, Verdict::Fault),
            (vec![said(500)], None, Verdict::Unknown),
        ] {
            assert_eq!(examine(Some(&lines), raised).verdict, verdict, "{lines:?}");
        }
        assert_eq!(examine(None, raised).verdict, Verdict::Unknown);
    }
}
