//! `[probe.certificate]` and `[probe.zookeeper]`.

use std::ops::RangeInclusive;

use chrono::NaiveTime;

use super::{Reader, not_blank, parsed};
use crate::config::model::{CertificateConfig, ProbeConfig, ZookeeperConfig};
use crate::config::value;
use crate::pattern::diagnostic::Diagnostic;
use crate::pattern::model::At;
use crate::pattern::toml_reader::{Context, Table};
use crate::probe::zookeeper::Server;

impl Reader<'_> {
    pub(super) fn probe(&self, cx: &mut Context, t: &mut Table) -> ProbeConfig {
        let Some(mut table) = t.child(cx, "probe", "the table `probe`") else { return ProbeConfig::default() };
        let certificate = table.child(cx, "certificate", "the table `probe.certificate`");
        let zookeeper = table.child(cx, "zookeeper", "the table `probe.zookeeper`");
        table.finish(cx);
        ProbeConfig {
            certificate: certificate.map(|table| self.certificate(cx, table)),
            zookeeper: zookeeper.map(|table| servers_and_limits(cx, table)),
        }
    }

    fn certificate(&self, cx: &mut Context, mut t: Table) -> CertificateConfig {
        let span = t.span_of(cx, "paths");
        let paths = t.names(cx, "paths").map(|names| {
            not_blank(cx, &names, "paths");
            for name in &names {
                if let Err(why) = glob::Pattern::new(&name.value) {
                    let error = Diagnostic::error(&name.span, format!("`{}` is no path or glob", name.value), why.msg);
                    cx.found.push(error.help("write a path, or a glob such as `/opt/*/server.crt`"));
                }
            }
            At::new(names.iter().map(|n| self.path(&n.value).to_string_lossy().into_owned()).collect(), &span)
        });
        let days = number(cx, &mut t, "days", 1..=3650);
        let at = parsed(cx, &mut t, "at", time_of_day);
        t.finish(cx);
        CertificateConfig { paths, days, at }
    }
}

fn servers_and_limits(cx: &mut Context, mut t: Table) -> ZookeeperConfig {
    let config = ZookeeperConfig {
        servers: servers(cx, &mut t),
        every: parsed(cx, &mut t, "every", value::interval),
        patience: parsed(cx, &mut t, "patience", value::patience),
        threshold: number(cx, &mut t, "threshold", 1..=100),
        client_threshold: number(cx, &mut t, "client-threshold", 1..=100),
        trigger_count: number(cx, &mut t, "trigger-count", 1..=1000),
        max_connections: number(cx, &mut t, "max-connections", 1..=1_000_000_000),
        admin_port: number(cx, &mut t, "admin-port", 1..=65_535),
    };
    t.finish(cx);
    config
}

fn servers(cx: &mut Context, t: &mut Table) -> Option<At<Vec<Server>>> {
    let span = t.span_of(cx, "servers");
    let mut servers = Vec::new();
    for name in t.names(cx, "servers")? {
        match Server::parse(&name.value) {
            Ok(server) => servers.push(server),
            Err(why) => {
                cx.found.push(Diagnostic::error(&name.span, "this is no server", "here").help(why));
            }
        }
    }
    Some(At::new(servers, &span))
}

fn number<T: TryFrom<i64>>(
    cx: &mut Context,
    t: &mut Table,
    key: &'static str,
    allowed: RangeInclusive<i64>,
) -> Option<At<T>> {
    let span = t.span_of(cx, key);
    let number = t.number(cx, key, allowed)?;
    Some(At::new(T::try_from(number).ok()?, &span))
}

fn time_of_day(text: &str) -> Result<NaiveTime, String> {
    let known = ["%H:%M:%S", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok());
    known.ok_or_else(|| "expected a time of the day such as 01:00:00".to_owned())
}
