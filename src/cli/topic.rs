//! `tocsin topic`: a topic that is fit for alarms.

use std::io::Write;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};

use super::Terminal;
use super::exit::{Exit, Failure};
use super::kafka_args::TopicArgs;
use super::sending::failure;
use crate::deliver::kafka::target::Target;
use crate::deliver::kafka::topic::{Fault, Found};
use crate::deliver::kafka::{ask, create};
use crate::deliver::stdout::printable;

/// Make the topic that alarms are sent to, or say what is off with one
#[derive(Args, Debug)]
pub struct Topic {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make the topic, with settings that keep the state of every alarm; one that is there is checked and left as it is
    ///
    /// The topic is compacted, keeps every transition for a week, and survives the loss of a broker where there are several.
    /// The exit code is 1 if something is off with a topic that is there.
    #[command(after_help = EXAMPLES)]
    Create(Create),
    /// Say what is off with the topic; the exit code is 1 if anything is
    Check(TopicArgs),
}

const EXAMPLES: &str = "\
Examples:
  tocsin topic create kafka://b1,b2,b3/alarms
  tocsin topic create kafka://b1:9093/alarms -X security.protocol=sasl_ssl -X sasl.mechanism=SCRAM-SHA-512 \\
      -X sasl.username=admin -X sasl.password-file=/etc/tocsin/admin-password";

#[derive(Args, Debug)]
struct Create {
    #[command(flatten)]
    topic: TopicArgs,

    /// Partitions: one keeps the order of all alarms, several only that of each alarm (default: 1)
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    partitions: Option<usize>,

    /// Copies of each record (default: 3, or one per broker if there are fewer)
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    replication_factor: Option<usize>,
}

impl Topic {
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        match self.command {
            Command::Create(create) => create.run(terminal),
            Command::Check(topic) => {
                let target = topic.target(terminal.stderr)?;
                match asked(&target)? {
                    Some(found) => check(&target, &found, Vec::new()),
                    None => {
                        let why = format!("{}: there is no such topic; `tocsin topic create` makes it", target.name);
                        Err(Failure::new(Exit::Failed, why))
                    }
                }
            }
        }
    }
}

impl Create {
    fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let target = self.topic.target(terminal.stderr)?;
        if let Some(found) = asked(&target)? {
            return check(&target, &found, self.otherwise(&found));
        }
        let plan = create(&target, self.partitions, self.replication_factor).map_err(|e| failure(&target.name, e))?;
        let settings: Vec<String> = plan.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}: made, {} partitions, {} replicas", target.name, plan.partitions, plan.replicas)?;
        writeln!(out, "  {}", settings.join("\n  "))?;
        Ok(Exit::Fine)
    }

    /// What was asked for and is not so.
    fn otherwise(&self, found: &Found) -> Vec<Fault> {
        let differs = |what: &str, asked: Option<usize>, found: usize, remedy: &str| {
            let asked = asked.filter(|asked| *asked != found)?;
            Some(Fault { what: format!("it has {found} {what}, and not {asked}"), remedy: remedy.to_owned() })
        };
        let partitions = "make the topic anew: with more partitions, keys move, and the order of each is lost";
        let replicas = "change it with kafka-reassign-partitions.sh";
        let faults = [
            differs("partitions", self.partitions, found.partitions, partitions),
            differs("replicas", self.replication_factor, found.replicas, replicas),
        ];
        faults.into_iter().flatten().collect()
    }
}

fn asked(target: &Target) -> Result<Option<Found>, Failure> {
    ask(target).map_err(|e| failure(&target.name, e))
}

fn check(target: &Target, found: &Found, mut faults: Vec<Fault>) -> Result<Exit, Failure> {
    faults.extend(found.faults(&target.brokers, &target.topic));
    let mut out = std::io::stdout().lock();
    let (name, partitions, replicas) = (&target.name, found.partitions, found.replicas);
    writeln!(out, "{name}: is there, {partitions} partitions, {replicas} replicas on {} brokers", found.brokers)?;
    if found.settings.is_empty() {
        writeln!(out, "  its settings may not be seen: grant the ACL DescribeConfigs to have them checked")?;
    }
    for fault in &faults {
        writeln!(out, "  {}\n    remedy: {}", printable(&fault.what), printable(&fault.remedy))?;
    }
    Ok(if faults.is_empty() { Exit::Fine } else { Exit::Failed })
}
