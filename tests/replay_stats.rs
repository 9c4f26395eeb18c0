//! `tocsin replay --stats` tells where the time went and changes nothing else. Times are the machine's; what is counted is
//! held to.

mod support;

use support::{Ended, Site, alarm, gzip, ha};

const LOG: &str = "node-7/flink/flinkserver/ha/runlog/ha.log";

fn text() -> String {
    let clock =
        |second: usize| format!("2021-03-22 {:02}:{:02}:{:02},000", second / 3600, second / 60 % 60, second % 60);
    let line = |second: usize| match second % 1000 {
        100 => alarm(&clock(second), 0, 0),
        200 => alarm(&clock(second), 0, 1),
        _ => ha(&clock(second), &format!("nothing of interest {second}")),
    };
    (0..20_000).map(line).collect()
}

fn replay(site: &Site, args: &[&str]) -> Ended {
    site.run(&[&["replay", "--tz", "UTC", "--quiet", "."], args].concat())
}

/// The names of the rows.
fn rows(ended: &Ended) -> Vec<&str> {
    ended.err.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn the_time_of_each_part_is_told_at_the_end() {
    for (name, bytes) in [(LOG.to_owned(), text().into_bytes()), (format!("{LOG}.1.gz"), gzip(text().as_bytes()))] {
        let site = Site::new(&[]);
        site.write(&name, &bytes);
        let (plain, told) = (replay(&site, &[]), replay(&site, &["--stats"]));
        assert_eq!((plain.err.as_str(), plain.code), ("", Some(0)));
        assert_eq!(told.ids(), plain.ids());
        let parts = ["PART", "read", "inflate", "scan", "verify", "correlate", "write", "together", "passed"];
        assert_eq!(rows(&told)[..parts.len()], parts, "{}", told.shown());
        assert!(told.err.contains("40 candidates, 40 of them hits (100 %)"), "{}", told.shown());
        let seconds = |part: &str| -> f64 {
            let row = told.err.lines().find(|line| line.starts_with(part)).unwrap();
            row.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let all = parts[1..7].iter().map(|part| seconds(part)).sum::<f64>();
        assert!((all - seconds("together")).abs() < 0.01, "{}", told.shown());
    }
}
