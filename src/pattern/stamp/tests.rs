use chrono::{NaiveDate, NaiveDateTime};
use proptest::prelude::*;
use regex::bytes::RegexBuilder;

use super::*;

fn ms(text: &str) -> i64 {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").unwrap();
    time.and_utc().timestamp_millis()
}

fn read(spec: &str, text: &str) -> Option<(Stamp, usize)> {
    let format = TimeFormat::new(spec).unwrap_or_else(|e| panic!("{spec}: {e}"));
    let regex = RegexBuilder::new(&format!(r"\A{}", format.regex())).unicode(false).build().unwrap();
    assert_eq!(regex.captures_len(), 1, "{spec}");
    let read = format.parse(text.as_bytes());
    if let Some((_, used)) = read {
        let found = regex.find(text.as_bytes());
        assert_eq!(found.map(|m| m.len()), Some(used), "{spec}: {text}");
        assert!(format.can_start_with(text.as_bytes()[0]), "{spec}: {text}");
    }
    read
}

#[test]
fn reads_local_times() {
    let cases = [
        ("ISO8601", "2021-03-22 14:03:35,344", "2021-03-22T14:03:35.344"),
        ("ISO8601", "2021-03-22T14:03:35.344", "2021-03-22T14:03:35.344"),
        ("STRICT", "2021-03-22T14:03:35,344", "2021-03-22T14:03:35.344"),
        ("ISO8601_PERIOD", "2021-03-22T14:03:35.344", "2021-03-22T14:03:35.344"),
        ("ISO8601_PERIOD_MICROS", "2021-03-22T14:03:35.344999", "2021-03-22T14:03:35.344"),
        ("ISO8601_BASIC", "20210322T140335,344", "2021-03-22T14:03:35.344"),
        ("ISO8601_BASIC_PERIOD", "20210322T140335.344", "2021-03-22T14:03:35.344"),
        ("DEFAULT", "2021-03-22 14:03:35,344", "2021-03-22T14:03:35.344"),
        ("DEFAULT_NANOS", "2021-03-22 14:03:35,344999999", "2021-03-22T14:03:35.344"),
        ("DATE", "22 Mar 2021 14:03:35,344", "2021-03-22T14:03:35.344"),
        ("COMPACT", "20210322140335344", "2021-03-22T14:03:35.344"),
        ("yyyy-MM-dd HH:mm:ss,SSS", "2021-03-22 14:03:35,344", "2021-03-22T14:03:35.344"),
        ("yyyy-MM-dd HH:mm:ss", "2021-03-22 14:03:35", "2021-03-22T14:03:35"),
        ("uuuu/MM/dd HH:mm", "2021/03/22 14:03", "2021-03-22T14:03:00"),
        ("yyyy-MM-dd HH:mm:ss.SSSSSS", "2021-03-22 14:03:35.344567", "2021-03-22T14:03:35.344"),
        ("yyyy-MM-dd HH:mm:ss.SSSnnnnnn", "2021-03-22 14:03:35.344567890", "2021-03-22T14:03:35.344"),
        ("yyyy-MM-dd HH:mm:ss.nnnnnn", "2021-03-22 14:03:35.344567", "2021-03-22T14:03:35.344"),
        ("yy-M-d H:m:s", "21-3-2 4:3:5", "2021-03-02T04:03:05"),
        ("EEE MMM d HH:mm:ss zzz yyyy", "Mon Mar  2 14:03:35 CST 2026", "2026-03-02T14:03:35"),
        ("EEE MMM d HH:mm:ss zzz yyyy", "Mon Mar 22 14:03:35 GMT+08:00 2021", "2021-03-22T14:03:35"),
        ("EEE MMM d HH:mm:ss zzz yyyy", "Mon Mar 22 14:03:35 +08 2021", "2021-03-22T14:03:35"),
        ("EEEE, d. MMMM yyyy HH:mm:ss", "Monday, 22. March 2021 14:03:35", "2021-03-22T14:03:35"),
        ("dd-MMM-yyyy HH:mm:ss.SSS", "22-SEPT-2021 14:03:35.344", "2021-09-22T14:03:35.344"),
        ("MM/dd/yyyy hh:mm:ss a", "03/22/2021 02:03:35 PM", "2021-03-22T14:03:35"),
        ("MM/dd/yyyy h:mm:ss a", "03/22/2021 12:03:35 am", "2021-03-22T00:03:35"),
        ("MM/dd/yyyy KK:mm:ss a", "03/22/2021 00:03:35 PM", "2021-03-22T12:03:35"),
        ("yyyy-MM-dd kk:mm:ss", "2021-03-22 24:03:35", "2021-03-22T00:03:35"),
        ("yyyy-MM-dd'T'HH:mm:ss''", "2021-03-22T14:03:35'", "2021-03-22T14:03:35"),
        ("yyyy-MM-dd 'o''clock' HH:mm", "2021-03-22 o'clock 14:03", "2021-03-22T14:03:00"),
        ("yyyy年MM月dd日 HH:mm:ss", "2021年03月22日 14:03:35", "2021-03-22T14:03:35"),
        ("yyyy-MM-dd HH:mm:ss", "2024-02-29 00:00:00", "2024-02-29T00:00:00"),
        ("yyyy-MM-dd HH:mm:ss", "1969-12-31 23:59:59", "1969-12-31T23:59:59"),
    ];
    for (spec, text, wanted) in cases {
        let longer = format!("{text} and more");
        let stamp = Some((Stamp::Local(ms(wanted)), text.len()));
        assert_eq!(read(spec, text), stamp, "{spec}: {text}");
        assert_eq!(read(spec, &longer), stamp, "{spec}: {longer}");
    }
}

#[test]
fn reads_times_with_a_known_offset() {
    let cases = [
        ("ISO8601_OFFSET_DATE_TIME_HH", "2021-03-22T14:03:35,344+08", "2021-03-22T06:03:35.344"),
        ("ISO8601_OFFSET_DATE_TIME_HHMM", "2021-03-22T14:03:35,344-0130", "2021-03-22T15:33:35.344"),
        ("ISO8601_OFFSET_DATE_TIME_HHCMM", "2021-03-22T14:03:35.344+08:00", "2021-03-22T06:03:35.344"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2021-03-22T14:03:35.344Z", "2021-03-22T14:03:35.344"),
        ("yyyy-MM-dd HH:mm:ss Z", "2021-03-22 14:03:35 +0800", "2021-03-22T06:03:35"),
        ("yyyy-MM-dd HH:mm:ss ZZZZ", "2021-03-22 14:03:35 GMT-08:00", "2021-03-22T22:03:35"),
        ("yyyy-MM-dd HH:mm:ss ZZZZ", "2021-03-22 14:03:35 GMT", "2021-03-22T14:03:35"),
        ("yyyy-MM-dd HH:mm:ss zzz", "2021-03-22 14:03:35 UTC", "2021-03-22T14:03:35"),
        ("yyyy-MM-dd HH:mm:ss z", "2021-03-22 14:03:35 GMT", "2021-03-22T14:03:35"),
        ("UNIX", "1616421815", "2021-03-22T14:03:35"),
        ("UNIX_MILLIS", "1616421815344", "2021-03-22T14:03:35.344"),
    ];
    for (spec, text, wanted) in cases {
        assert_eq!(read(spec, text), Some((Stamp::Utc(ms(wanted)), text.len())), "{spec}: {text}");
    }
    let format = TimeFormat::new("ISO8601").unwrap().at_offset(8 * 3600).unwrap();
    let stamp = Stamp::Utc(ms("2021-03-22T06:03:35.344"));
    assert_eq!(format.parse(b"2021-03-22 14:03:35,344"), Some((stamp, 23)));
}

#[test]
fn reads_times_without_a_year() {
    let wanted = Stamp::Yearless { month: 2, day: 29, ms: 50_615_000 };
    assert_eq!(read("MMM d HH:mm:ss", "Feb 29 14:03:35 host"), Some((wanted, 15)));
    assert_eq!(read("MMM d HH:mm:ss", "Feb 30 14:03:35 host"), None);
    let padded = Stamp::Yearless { month: 3, day: 2, ms: 1 };
    assert_eq!(read("MMM d HH:mm:ss.SSS", "Mar  2 00:00:00.001"), Some((padded, 19)));
    assert!(TimeFormat::new("MMM d HH:mm:ss").unwrap().at_offset(0).is_none());
}

#[test]
fn refuses_what_is_no_time() {
    let plain = "yyyy-MM-dd HH:mm:ss,SSS";
    let cases = [
        (plain, ""),
        (plain, "2021-03-22 14:03:35,34"),
        (plain, "2021-03-22 14:03:35.344"),
        (plain, "2021-03-22T14:03:35,344"),
        (plain, "2021-13-22 14:03:35,344"),
        (plain, "2021-00-22 14:03:35,344"),
        (plain, "2021-02-29 14:03:35,344"),
        (plain, "2021-02-30 14:03:35,344"),
        (plain, "2021-04-31 14:03:35,344"),
        (plain, "2021-03-00 14:03:35,344"),
        (plain, "2021-03-22 24:03:35,344"),
        (plain, "2021-03-22 14:60:35,344"),
        (plain, "2021-03-22 14:03:60,344"),
        (plain, "2021-03-22 14:03:35,3x4"),
        (plain, "2O21-03-22 14:03:35,344"),
        (plain, "0000-03-22 14:03:35,344"),
        (plain, "1900-02-29 14:03:35,344"),
        ("d MMM yyyy HH:mm", "31 Apr 2021 14:03"),
        ("d MMM yyyy HH:mm", "22 Mrz 2021 14:03"),
        ("MM/dd/yyyy hh:mm a", "03/22/2021 13:03 PM"),
        ("MM/dd/yyyy hh:mm a", "03/22/2021 00:03 PM"),
        ("MM/dd/yyyy hh:mm a", "03/22/2021 02:03 XM"),
        ("MM/dd/yyyy KK:mm a", "03/22/2021 12:03 PM"),
        ("yyyy-MM-dd kk:mm", "2021-03-22 00:03"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2021-03-22 14:03:35+19:00"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2021-03-22 14:03:35 08:00"),
        ("yyyy-MM-dd HH:mm:ss", "2021-3-22 14:03:35"),
        ("UNIX", "14"),
        ("UNIX_MILLIS", "1616421815"),
    ];
    for (spec, text) in cases {
        assert_eq!(read(spec, text), None, "{spec}: {text}");
    }
}

#[test]
fn errors_name_the_place() {
    let cases = [
        ("ABSOLUTE", 0..8, "date is missing"),
        ("ABSOLUTE_NANOS", 0..14, "date is missing"),
        ("HH:mm:ss,SSS", 0..12, "date is missing"),
        ("yyyy HH:mm", 0..10, "date is missing"),
        ("yyyy-MM-dd", 0..10, "time of day"),
        ("ISO8601_FOO", 0..11, "no time format is named"),
        ("yyyy-MM-dd hh:mm:ss", 11..13, "half of the day"),
        ("YYYY-MM-dd HH:mm", 0..4, "YYYY is not"),
        ("yyyy-MM-ddTHH:mm", 10..11, "T is not"),
        ("yyyy-MM-dd'T HH:mm", 10..18, "no end"),
        ("yyyy-DDD HH:mm", 5..8, "DDD is not"),
        ("MM-dd HH:mm:ss Z", 15..16, "year is missing"),
        ("yyyy-MM-dd HH:mm:ss,SSSSSSSSSS", 20..30, "SSSSSSSSSS is not"),
        ("", 0..0, "date is missing"),
    ];
    for (spec, at, message) in cases {
        let error = TimeFormat::new(spec).expect_err(spec);
        assert_eq!(error.at, at, "{spec}: {error}");
        assert!(error.message.contains(message), "{spec}: {error}");
        assert!(!error.help.is_empty(), "{spec}");
    }
}

#[test]
fn fixed_offsets() {
    let cases = [
        ("UTC", Some(0)),
        ("GMT", Some(0)),
        ("Z", Some(0)),
        ("GMT+8", Some(28_800)),
        ("UTC-05:30", Some(-19_800)),
        ("+0800", Some(28_800)),
        ("GMT+19", None),
        ("GMT+8x", None),
        ("GMT+-8", None),
        ("GMT+é1", None),
        ("Asia/Shanghai", None),
        ("CST", None),
        ("", None),
    ];
    for (zone, wanted) in cases {
        assert_eq!(fixed_offset(zone), wanted, "{zone}");
    }
}

proptest! {
    /// The reader of the common format and the general one must not differ.
    #[test]
    fn plain_and_general_agree(text in "[0-9]{4}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9][,.][0-9]{2}[0-9x]") {
        let format = TimeFormat::new("ISO8601").unwrap();
        prop_assert!(format.plain.is_some());
        let general = TimeFormat { plain: None, ..format.clone() };
        prop_assert_eq!(format.parse(text.as_bytes()), general.parse(text.as_bytes()));
    }

    /// Every date of chrono's calendar is read as chrono counts it.
    #[test]
    fn agrees_with_chrono(year in 1i32..=9999, day in 0u32..366, second in 0u32..86_400, ms in 0u32..1000) {
        let Some(date) = NaiveDate::from_yo_opt(year, day + 1) else { return Ok(()) };
        let time = date.and_hms_milli_opt(second / 3600, second / 60 % 60, second % 60, ms).unwrap();
        let text = time.format("%Y-%m-%d %H:%M:%S,%3f").to_string();
        let read = TimeFormat::new("ISO8601").unwrap().parse(text.as_bytes());
        prop_assert_eq!(read, Some((Stamp::Local(time.and_utc().timestamp_millis()), 23)));
    }

    #[test]
    fn never_panics(spec in "\\PC{0,20}|[yMdHmsSaEzZXk':, .-]{0,20}", text in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(format) = TimeFormat::new(&spec) {
            if let Some((_, used)) = format.parse(&text) {
                prop_assert!(used <= text.len());
            }
            prop_assert!(RegexBuilder::new(&format.regex()).unicode(false).build().is_ok());
        }
    }
}
