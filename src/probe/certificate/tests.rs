//! What kinds of files come to.

use std::fs;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn at(text: &str) -> Millis {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// A certificate of 2026, as PEM and as DER.
fn made(name: &str, until: (i32, u8, u8)) -> (String, Vec<u8>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(until.0, until.1, until.2);
    params.serial_number = Some(vec![0x0a, 0xbc].into());
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    (made.pem(), made.der().to_vec())
}

fn judged(bytes: &[u8], now: &str) -> (Verdict, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.crt");
    fs::write(&path, bytes).unwrap();
    let examined = examine(&path, at(now));
    let verdict = Verdict::of(&examined, at(now), 30);
    let said = match &examined {
        Ok(certificate) => format!("{} {}", certificate.subject, certificate.days_left(at(now))),
        Err(fault) => fault.reason(),
    };
    (verdict, said)
}

#[test]
fn a_certificate_has_its_names_its_number_and_its_times() {
    let (pem, der) = made("flink", (2027, 1, 1));
    let directory = tempfile::tempdir().unwrap();
    let expect = Certificate {
        subject: "CN=flink".into(),
        issuer: "CN=flink".into(),
        serial: "0a:bc".into(),
        not_before: at("2026-01-01T00:00:00Z"),
        not_after: at("2027-01-01T00:00:00Z"),
    };
    let with_text = format!("Certificate:\n    Data: \u{fc}\r\n{}\n\n", pem.replace('\n', "\r\n"));
    for (kind, bytes) in [("pem", pem.as_bytes()), ("der", &der[..]), ("text", with_text.as_bytes())] {
        let path = directory.path().join(kind);
        fs::write(&path, bytes).unwrap();
        assert_eq!(examine(&path, at("2026-06-01T00:00:00Z")), Ok(expect.clone()), "{kind}");
    }
}

#[test]
fn it_ends_at_the_second_and_is_about_to_with_thirty_days_left() {
    let (pem, _) = made("flink", (2027, 1, 1));
    for (now, expect, days) in [
        ("2025-12-31T23:59:59Z", Verdict::NotYetValid, None),
        ("2026-01-01T00:00:00Z", Verdict::Fine, Some(365)),
        ("2026-12-01T23:59:59Z", Verdict::Fine, Some(30)),
        ("2026-12-02T00:00:00Z", Verdict::Expiring, Some(30)),
        ("2027-01-01T00:00:00Z", Verdict::Expiring, Some(0)),
        ("2027-01-01T00:00:01Z", Verdict::Expired, Some(-1)),
    ] {
        let (verdict, said) = judged(pem.as_bytes(), now);
        assert_eq!(verdict, expect, "{now}");
        days.into_iter().for_each(|days| assert_eq!(said, format!("CN=flink {days}"), "{now}"));
    }
}

#[test]
fn a_chain_is_as_good_as_its_worst() {
    let now = "2026-06-01T00:00:00Z";
    let (long, _) = made("leaf", (2030, 1, 1));
    let (short, _) = made("middle", (2026, 6, 11));
    let key = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(judged(format!("{key}{long}{short}").as_bytes(), now), (Verdict::Expiring, "CN=middle 10".into()));
    assert_eq!(judged(format!("{long}{key}").as_bytes(), now).0, Verdict::Fine);
    let cut = format!("{long}{}", &short[..short.len() - 40]);
    assert_eq!(judged(cut.as_bytes(), now), (Verdict::Malformed, "it is truncated: a block has no end".into()));
}

#[test]
fn what_is_no_certificate_says_why() {
    let now = "2026-06-01T00:00:00Z";
    let (pem, der) = made("flink", (2027, 1, 1));
    let halved = pem.lines().filter(|l| !l.starts_with("MII")).collect::<Vec<_>>().join("\n");
    let key = KeyPair::generate().unwrap().serialize_pem();
    for (bytes, part) in [
        (Vec::new(), "empty"),
        (b"hello\n".to_vec(), "not a certificate"),
        (pem.as_bytes()[..pem.len() / 2].to_vec(), "truncated"),
        (der[..der.len() - 1].to_vec(), "truncated"),
        (der[..1].to_vec(), "truncated"),
        (halved.into_bytes(), "certificate 1"),
        (pem.replace('M', "!").into_bytes(), "cannot be decoded"),
        (key.into_bytes(), "no certificate"),
        (vec![b'x'; (LARGEST + 1) as usize], "larger"),
    ] {
        let (verdict, said) = judged(&bytes, now);
        assert_eq!(verdict, Verdict::Malformed, "{said}");
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn no_file_is_missing_and_nothing_else_than_a_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
    fs::write(directory.path().join("file"), "x").unwrap();
    for (path, expect) in [
        ("none", Fault::Missing),
        ("file/below", Fault::Missing),
        ("pipe", Fault::Unreadable("it is no regular file".into())),
        (".", Fault::Unreadable("it is no regular file".into())),
    ] {
        assert_eq!(examine(&directory.path().join(path), 0), Err(expect), "{path}");
    }
}
