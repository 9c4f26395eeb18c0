//! Each way to log in, and what is said of each that fails.

use std::path::PathBuf;
use std::process::Command;

use crate::broker::{self, Login, Topic, directory};
use crate::support::{Site, alarm};
use crate::watch_support::{Running, append, now};

const LOG: &str = "logs/node-1/flink/flinkserver/ha/runlog/ha.log";

/// A watch that sends one alarm.
fn watch(site: &Site, login: &Login, topic: &Topic, change: impl FnOnce(&mut Command) -> &mut Command) -> Running {
    append(site, LOG, &alarm(&now(), 0, 0));
    let args = ["watch", "--state", "state", "--tz", "UTC", "--from", "start", "--to"];
    let mut command = login.command(site, &args, &topic.name, &["logs"]);
    change(&mut command);
    Running::start(command)
}

#[track_caller]
fn arrives(login: Login) {
    let _beside = broker::beside_others();
    let (site, topic) = (Site::new(&[]), Topic::make("login", 1, &[]));
    let running = watch(&site, &login, &topic, |c| c);
    assert_eq!(topic.listen().next().record["alarm"], "ALM-45640");
    let ended = running.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("secret"), "a password was shown: {}", ended.err);
}

/// The watch says this, goes on, and shows no password.
#[track_caller]
fn is_refused(login: Login, topic: &Topic, change: impl FnOnce(&mut Command) -> &mut Command, says: &[&str]) {
    let site = Site::new(&[]);
    let mut running = watch(&site, &login, topic, change);
    running.until(&says.join(" … "), |r| r.err.iter().any(|line| says.iter().all(|part| line.contains(part))));
    let ended = running.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("-secret"), "a password was shown: {}", ended.err);
}

#[test]
fn plaintext() {
    arrives(Login::by("plaintext"));
}

#[test]
fn plain() {
    arrives(Login::by("sasl-plain"));
}

#[test]
fn scram() {
    arrives(Login::by("sasl-scram"));
}

#[test]
fn tls() {
    arrives(Login::by("tls"));
}

#[test]
fn tls_with_plain() {
    arrives(Login::by("tls-plain"));
}

#[test]
fn tls_with_scram() {
    arrives(Login::by("tls-scram"));
}

#[test]
fn kerberos_with_a_keytab() {
    arrives(Login::by("kerberos"));
}

#[test]
fn a_wrong_password() {
    let _beside = broker::beside_others();
    let topic = Topic::make("password", 1, &[]);
    for by in ["sasl-plain", "sasl-scram", "tls-scram"] {
        let login = Login::by(by).with("sasl.password", Some("wrong-secret"));
        is_refused(login, &topic, |c| c, &["authentication failed for user tocsin", "check `sasl.username`"]);
    }
}

#[test]
fn a_certificate_of_nobody_known() {
    let _beside = broker::beside_others();
    let topic = Topic::make("certificate", 1, &[]);
    let login = Login::by("tls").with("ssl.ca.location", None);
    is_refused(login, &topic, |c| c, &["certificate is not trusted", "`ssl.ca.location`"]);
}

#[test]
fn a_client_that_speaks_otherwise_than_the_broker() {
    let _beside = broker::beside_others();
    let topic = Topic::make("protocol", 1, &[]);
    let mut plain = Login::by("plaintext");
    let mut tls = Login::by("tls");
    std::mem::swap(&mut plain.servers, &mut tls.servers);
    let mut nameless = Login::by("plaintext");
    nameless.servers = Login::by("sasl-plain").servers;
    is_refused(nameless, &topic, |c| c, &["seems to want a login", "`security.protocol`"]);
    is_refused(plain, &topic, |c| c, &["seems to want TLS", "`security.protocol`"]);
    is_refused(tls, &topic, |c| c, &["speaks no TLS", "`security.protocol`"]);
}

#[test]
fn a_user_without_rights() {
    let _beside = broker::beside_others();
    let topic = Topic::make("rights", 1, &[]);
    // One may see the topic and not write; the other may not even see it.
    let reader = Login::by("sasl-scram").user("reader");
    is_refused(reader, &topic, |c| c, &["user reader may not write to the topic", "grant the ACL Write"]);
    let stranger = Login::by("sasl-scram").user("stranger");
    is_refused(stranger, &topic, |c| c, &["user stranger may not use the topic", "Describe and Write"]);
    assert_eq!(topic.count(), 0);
}

/// What was waiting is sent once somebody has mended it, without a restart.
#[test]
fn a_topic_that_is_made_later() {
    let _beside = broker::beside_others();
    let (site, topic) = (Site::new(&[]), Topic::none("later"));
    let mut running = watch(&site, &topic.login, &topic, |c| c);
    running.says("does not exist; make it with `tocsin topic create`");
    topic.create(1, &[]);
    assert_eq!(topic.listen().next().record["alarm"], "ALM-45640");
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn a_kerberos_user_without_rights() {
    let _beside = broker::beside_others();
    let topic = Topic::make("kerberos-rights", 1, &[]);
    let keytab = directory().join("kerberos/stranger.keytab");
    let login = Login::by("kerberos")
        .with("sasl.kerberos.principal", Some("stranger@TOCSIN.TEST"))
        .with("sasl.kerberos.keytab", keytab.to_str());
    is_refused(login, &topic, |c| c, &["may not use the topic", "stranger"]);
}

#[test]
fn no_kinit() {
    let _beside = broker::beside_others();
    let (site, topic) = (Site::new(&[]), Topic::make("kinit", 1, &[]));
    std::fs::create_dir(site.path("empty")).unwrap();
    let nowhere = site.path("empty");
    is_refused(Login::by("kerberos"), &topic, |c| c.env("PATH", nowhere), &["`kinit` is missing", "krb5-user"]);
}

#[test]
fn a_keytab_of_somebody_else() {
    let _beside = broker::beside_others();
    let topic = Topic::make("keytab", 1, &[]);
    let keytab = directory().join("kerberos/stranger.keytab");
    let login = Login::by("kerberos").with("sasl.kerberos.keytab", keytab.to_str());
    is_refused(login, &topic, |c| c, &["kinit got no Kerberos ticket", "`sasl.kerberos.keytab`"]);
}

/// A user who gets tickets elsewhere, and whose ticket has run out.
#[test]
fn an_expired_ticket() {
    let _beside = broker::beside_others();
    let (site, topic) = (Site::new(&[]), Topic::make("ticket", 1, &[]));
    let cache = site.path("ticket");
    let kerberos = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).env("KRB5CCNAME", &cache).env("KRB5_CONFIG", krb5_config());
        command.status().unwrap().success()
    };
    let keytab = directory().join("kerberos/tocsin.keytab");
    let kinit = ["-l", "2s", "-k", "-t", keytab.to_str().unwrap(), "tocsin@TOCSIN.TEST"];
    assert!(kerberos("kinit", &kinit), "kinit {}", kinit.join(" "));
    while kerberos("klist", &["-s"]) {}
    let login = Login::by("kerberos").with("sasl.kerberos.keytab", None).with("sasl.kerberos.kinit.cmd", Some("true"));
    is_refused(login, &topic, |c| c.env("KRB5CCNAME", &cache), &["ticket", "has expired", "kinit"]);
}

#[test]
fn no_ticket() {
    let _beside = broker::beside_others();
    let (site, topic) = (Site::new(&[]), Topic::make("no-ticket", 1, &[]));
    let login = Login::by("kerberos").with("sasl.kerberos.keytab", None).with("sasl.kerberos.kinit.cmd", Some("true"));
    let cache = site.path("nothing");
    is_refused(login, &topic, |c| c.env("KRB5CCNAME", cache), &["there is no Kerberos ticket", "kinit"]);
}

/// Nobody listens there.
#[test]
fn a_wrong_port() {
    let _beside = broker::beside_others();
    let topic = Topic::none("port");
    let mut login = Login::by("plaintext");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    login.servers = free.to_string();
    is_refused(login, &topic, |c| c, &["nobody answers at", "check that the broker runs"]);
}

fn krb5_config() -> PathBuf {
    directory().join("kerberos/krb5.conf")
}
