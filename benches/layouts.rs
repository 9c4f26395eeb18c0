//! How long one line takes, for each layout of the built-in patterns: `cargo bench --bench layouts [-- FILTER]`.
//!
//! A head is asked whether it is one, for its time, and for all its parts; a line that is none, only the first.

mod harness;

use std::hint::black_box;

use tocsin::pattern::builtin::builtin;
use tocsin::pattern::compile;
use tocsin::pattern::layout::Layout;

/// A head of each kind of log that the built-in patterns know.
const HEADS: [&[u8]; 6] = [
    b"[2021-03-22 13:21:15,024][10200357373][0][  INFO][arp request for 10.0.0.248 sent, seq 26422.][HA][arb_net.c:__ARB_SendArp,97][ha.bin,26572,37]",
    b"2021-03-22 14:03:35,344 | INFO  | [flink-akka.actor.default-dispatcher-2] | Heartbeat of TaskManager with id 17 timed out. | org.apache.flink.X (X.java:12)",
    b"2021-03-22 14:03:35,344 INFO  org.apache.flink.runtime.resourcemanager.StandaloneResourceManager [] - Registering TaskManager with id 17",
    b"2026-11-20 23:44:01,000 [myid:1] - WARN  [NIOServerCxn.Factory:NIOServerCnxnFactory@211] - Too many connections from /10.0.0.1 - max is 60",
    b"2021-03-22 14:03:35,344 | WARN  | main | Unexpected exception | org.apache.zookeeper.server.quorum.QuorumPeer.run(QuorumPeer.java:1158)",
    b"2021-03-22 13:50:00 [ERROR] Float ip 10.0.0.30 is invalid",
];

const NO_HEAD: &[u8] =
    b"\tat org.apache.flink.runtime.dispatcher.Dispatcher.onStart(Dispatcher.java:228) ~[flink-dist-1.17.2.jar:1.17.2]";

const TIMES: u32 = 20_000;

fn main() {
    let filter = harness::filter();
    let patterns = compile(&builtin()).patterns.expect("the built-in patterns compile");
    let mut seen = Vec::new();
    println!("{:<24} {:>4}  {:>8} {:>8} {:>8} {:>8}  ns", "layout", "head", "is_head", "stamp", "parse", "no head");
    for (name, layout) in patterns.logs.iter().flat_map(|log| &log.layouts) {
        if seen.contains(name) || !name.contains(&filter) {
            continue;
        }
        seen.push(name.clone());
        for (number, head) in HEADS.iter().enumerate().filter(|(_, head)| layout.is_head(head)) {
            let of = |run: fn(&Layout, &[u8]), line: &[u8]| {
                let took = harness::best_with(|| (), |()| (0..TIMES).for_each(|_| run(layout, black_box(line))));
                took.as_secs_f64() * 1e9 / f64::from(TIMES)
            };
            let is_head: fn(&Layout, &[u8]) = |layout, line| _ = black_box(layout.is_head(line));
            let stamp = of(|layout, line| _ = black_box(layout.stamp(line)), head);
            let parse = of(|layout, line| _ = black_box(layout.parse(line)), head);
            let (head, none) = (of(is_head, head), of(is_head, NO_HEAD));
            println!("{name:<24} {number:>4}  {head:>8.0} {stamp:>8.0} {parse:>8.0} {none:>8.0}");
        }
    }
}
