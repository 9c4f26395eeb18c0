//! A log of any size with a known truth, and the patterns for it: what the benchmarks run on.
//!
//! Nodes write one log each. Each pattern pair is an alarm by key: one text raises it, another clears it, or a time of
//! quiet does. Between the lines of interest stands chatter that uses some of the same words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::DateTime;

#[derive(Clone, Debug)]
pub struct Spec {
    /// Of all nodes together, roughly.
    pub bytes: usize,
    /// Share of lines that carry a signal.
    pub density: f64,
    /// Two for an alarm.
    pub patterns: usize,
    pub nodes: usize,
    /// Keys of each alarm.
    pub keys: usize,
    pub seed: u64,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec { bytes: 64 << 20, density: 0.001, patterns: 12, nodes: 1, keys: 100, seed: 7 }
    }
}

/// A transition that must be found, as (alarm, node, key, event, time).
pub type Truth = (String, String, String, &'static str, String);

/// 2021-03-22T12:00:00 UTC.
const START: i64 = 1_616_414_400_000;

/// Every fourth alarm is cleared by so much quiet.
const QUIET: i64 = 60_000;

/// What the clock must be past a deadline for it to fire.
const SLACK: i64 = 1_000;

/// Between two lines of a node, on average half of it.
const STEP: u64 = 20;

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % bound.max(1) as u64) as usize
    }

    fn chance(&mut self, share: f64) -> bool {
        (self.below(1 << 30) as f64) < share * f64::from(1 << 30)
    }
}

/// An alarm's words, the same for the same number.
pub fn words(alarm: usize) -> String {
    const SYLLABLES: [&str; 20] = [
        "ar", "bol", "cen", "dur", "eph", "fin", "gra", "hom", "ist", "jor", "kel", "lum", "mar", "nod", "ops", "per",
        "quo", "ris", "sta", "tor",
    ];
    let mut random = Random::new(alarm as u64 + 1);
    let mut word = || (0..3).map(|_| SYLLABLES[random.below(20)]).collect::<String>();
    format!("{} {}", word(), word())
}

impl Spec {
    pub fn alarms(&self) -> usize {
        self.patterns.div_ceil(2)
    }

    pub fn is_quiet(alarm: usize) -> bool {
        alarm % 4 == 3
    }

    pub fn patterns_toml(&self) -> String {
        let mut text = r"[layout.bench]
regex = '''\[(?<time>[^\]]+)\]\[\d+\]\[\d+\]\[ *(?<level>[A-Za-z]+) *\]\[(?<message>.*?)(?:\]\[[^\]\[]*\]\[[^\]\[]*,\d+\]\[[^\]\[]*,\d+,\d+\])?$'''

[log.bench]
files   = ['bench/app.log*']
layout  = 'bench'
service = 'Bench'
role    = 'Bench'
"
        .to_owned();
        for alarm in 0..self.alarms() {
            let words = words(alarm);
            let _ = write!(
                text,
                r"
[signal.lost-{alarm}]
log        = 'bench'
message    = '''{words} lost (?<key>key-\d+) after \d+ ms'''
provenance = 'observed'

[signal.back-{alarm}]
log        = 'bench'
match      = '''{words} of (?<key>key-\d+) is back'''
provenance = 'observed'

[alarm.BENCH-{alarm}]
name     = 'bench'
severity = 'minor'
log      = 'bench'
by       = ['key']
raise    = [{{ on = 'lost-{alarm}' }}]
clear    = [{}]
",
                if Spec::is_quiet(alarm) {
                    "{ quiet = '60s' }".to_owned()
                } else {
                    format!("{{ on = 'back-{alarm}' }}")
                }
            );
        }
        text
    }

    /// One log for each node, written line by line to `write`, and what is to be found in them.
    pub fn write<E>(&self, mut write: impl FnMut(usize, &[u8]) -> Result<(), E>) -> Result<Vec<Truth>, E> {
        let mut random = Random::new(self.seed);
        let chatter = chatter(&mut random);
        let mut truth = Vec::new();
        for node in 0..self.nodes {
            let mut writer =
                Node { spec: self, name: format!("node-{node}"), raised: BTreeMap::new(), truth: &mut truth };
            let (mut written, mut now, mut line) = (0, START, String::new());
            while written < self.bytes / self.nodes {
                now += random.below(STEP as usize) as i64;
                line.clear();
                let _ = write!(line, "[{}][{}][0][", local(now), now - START + 10_195_489_349);
                if random.chance(self.density) {
                    writer.interest(now, &mut random, &mut line);
                    line += "][HA][core.c:__CORE_Check,97][bench.bin,26572,17]\n";
                } else {
                    line += &chatter[random.below(chatter.len())];
                }
                write(node, line.as_bytes())?;
                written += line.len();
            }
            writer.expire(now - SLACK, |_| true);
        }
        truth.sort();
        Ok(truth)
    }
}

/// What is raised on a node, by alarm and key, and since when it is quiet.
struct Node<'s> {
    spec: &'s Spec,
    name: String,
    raised: BTreeMap<(usize, usize), i64>,
    truth: &'s mut Vec<Truth>,
}

impl Node<'_> {
    fn interest(&mut self, now: i64, random: &mut Random, line: &mut String) {
        self.expire(now - SLACK, |_| true);
        let (alarm, key) = (random.below(self.spec.alarms()), random.below(self.spec.keys));
        self.expire(now, |instance| instance == (alarm, key));
        let words = words(alarm);
        let raised = self.raised.contains_key(&(alarm, key));
        if raised && !Spec::is_quiet(alarm) && random.chance(0.7) {
            let _ = write!(line, "NOTICE][{words} of key-{key} is back");
            self.raised.remove(&(alarm, key));
            self.turn(alarm, key, "clear", now);
        } else {
            let _ = write!(line, " ERROR][{words} lost key-{key} after {} ms", random.below(5000));
            if self.raised.insert((alarm, key), now).is_none() {
                self.turn(alarm, key, "raise", now);
            }
        }
    }

    /// Clears what has been quiet for too long. A deadline fires when the clock is past it by more than the slack, or at
    /// a later hit of the same instance.
    fn expire(&mut self, now: i64, which: impl Fn((usize, usize)) -> bool) {
        let over = self
            .raised
            .iter()
            .filter(|(instance, at)| Spec::is_quiet(instance.0) && **at + QUIET < now && which(**instance));
        let over: Vec<((usize, usize), i64)> = over.map(|(instance, at)| (*instance, *at)).collect();
        for ((alarm, key), at) in over {
            self.raised.remove(&(alarm, key));
            self.turn(alarm, key, "clear", at + QUIET);
        }
    }

    fn turn(&mut self, alarm: usize, key: usize, event: &'static str, at: i64) {
        self.truth.push((format!("BENCH-{alarm}"), self.name.clone(), format!("key-{key}"), event, local(at)));
    }
}

fn local(t: i64) -> String {
    DateTime::from_timestamp_millis(t).unwrap_or_default().format("%Y-%m-%d %H:%M:%S,%3f").to_string()
}

/// Ends of lines without interest.
fn chatter(random: &mut Random) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..20_000 {
        let (a, b, c) = (random.below(5000), random.below(1 << 22), random.below(256));
        let (text, place) = match random.below(12) {
            0 => ("add task((null)) to list successful.".to_owned(), "sync_module.c:__SYNC_ActiveTask,1151"),
            1 => ("Start Task All_Sync".to_owned(), "sync_core_inf.c:SYNC_StartTask,183"),
            2 => {
                ("send sync task(alltask) to component successful".to_owned(), "sync_module.c:__SYNC_SendSyncTask,832")
            }
            3 => (
                format!("get file(/opt/app/conf/security/server_{c}.keytab) attr mode(0640) size({b}) mtime({b})."),
                "sync_filemgt.c:__Get_FileAttr,217",
            ),
            4 => (
                format!("session({b:016x}) recv msg type({c}) len({a}) from node(2)."),
                "comm_link.c:__COMM_RecvMsg,318",
            ),
            5 => (format!("resource(floatip) monitor result(0), cost {a} ms."), "rm_monitor.c:__RM_MonitorRes,714"),
            6 => (format!("digest {b:032x} block {c} of {a} same as peer, skip."), "sync_diff.c:__SYNC_CmpBlock,411"),
            7 => (format!("arp request for 10.0.{}.{c} sent, seq {a}.", c & 3), "arb_net.c:__ARB_SendArp,97"),
            8 => (format!("task queue depth {c} over soft limit 100."), "sync_module.c:__SYNC_PushTask,1034"),
            9 => (format!("{} of key-{c} checked, nothing lost after {a} ms", words(c)), "core.c:__CORE_Check,88"),
            _ => (
                format!("checkpoint {a} of job {b:08x} completed in {c} ms, {b} bytes in state."),
                "chk.c:__CHK_Done,66",
            ),
        };
        lines.push(format!("  INFO][{text}][HA][{place}][bench.bin,26572,{}]\n", 20 + c % 40));
    }
    lines
}
