//! Making a topic, and asking what one is like.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::runtime::Builder;

use super::client::{self, Listener};
use super::reasons::Names;
use super::target::Target;
use super::topic::{Found, Plan};
use super::trouble::{Kind, Trouble};

/// The brokers have so long to do what they are asked for.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the brokers say of the topic. `None`: there is no such topic.
pub fn ask(target: &Target) -> Result<Option<Found>, Trouble> {
    let (consumer, names, ears) = client::consumer(target)?;
    // Errors are heard when the client is polled.
    let hear = || drop(consumer.poll(Duration::ZERO));
    let metadata = match client::metadata(consumer.client(), &target.topic, (&names, &ears), &hear) {
        Ok(metadata) => metadata,
        Err(trouble) if trouble.kind == Kind::NoTopic => return Ok(None),
        Err(trouble) => return Err(trouble),
    };
    let topics = metadata.topics().iter().filter(|topic| topic.name() == target.topic);
    let partitions: Vec<_> = topics.flat_map(|topic| topic.partitions()).collect();
    let mut found = Found {
        brokers: metadata.brokers().len(),
        partitions: partitions.len(),
        replicas: partitions.iter().map(|p| p.replicas().len()).min().unwrap_or(0),
        without_leader: partitions.iter().filter(|p| p.leader() < 0).count(),
        ..Found::default()
    };
    found.settings = described(target, &names)?;
    Ok(Some(found))
}

/// How many brokers there are.
fn brokers(consumer: &BaseConsumer<Listener>, names: &Names, ears: &client::Ears) -> Result<usize, Trouble> {
    let hear = || drop(consumer.poll(Duration::ZERO));
    let metadata = client::metadata_of_all(consumer.client(), (names, ears), &hear)?;
    Ok(metadata.brokers().len())
}

/// Makes the topic; one that is there is an error.
pub fn create(target: &Target, partitions: Option<usize>, replicas: Option<usize>) -> Result<Plan, Trouble> {
    let (consumer, names, ears) = client::consumer(target)?;
    let plan = Plan::new(partitions, replicas, brokers(&consumer, &names, &ears)?);
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let mut topic =
        NewTopic::new(&target.topic, number(plan.partitions), TopicReplication::Fixed(number(plan.replicas)));
    for (name, value) in &plan.settings {
        topic = topic.set(name, value);
    }
    let (admin, options) = admin(target, &names)?;
    let made = run(async { admin.create_topics([&topic], &options).await })?;
    match made.map_err(|e| failed(&names, &e))?.into_iter().next() {
        Some(Err((_, code))) => Err(refused(&names, &plan, code)),
        Some(Ok(_)) | None => Ok(plan),
    }
}

fn refused(names: &Names, plan: &Plan, code: Code) -> Trouble {
    match code {
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            let Names { topic, user, .. } = names;
            let why = format!(
                "user {user} may not make the topic {topic}; grant the ACL Create on it or on the cluster: {code}"
            );
            Trouble::new(Kind::TopicDenied, why)
        }
        Code::InvalidReplicationFactor => {
            let why = format!(
                "{} replicas are more than there are brokers; give `--replication-factor`: {code}",
                plan.replicas
            );
            Trouble::new(Kind::Other, why)
        }
        code => names.failed(code),
    }
}

/// The topic's settings; none if we may not see them.
fn described(target: &Target, names: &Names) -> Result<std::collections::BTreeMap<String, String>, Trouble> {
    let (admin, options) = admin(target, names)?;
    let wanted = [ResourceSpecifier::Topic(&target.topic)];
    let Ok(described) = run(async { admin.describe_configs(&wanted, &options).await })? else {
        return Ok(Default::default());
    };
    let resources = described.into_iter().filter_map(Result::ok).flat_map(|resource| resource.entries);
    Ok(resources.filter_map(|entry| Some((entry.name, entry.value?))).collect())
}

fn admin(target: &Target, names: &Names) -> Result<(AdminClient<DefaultClientContext>, AdminOptions), Trouble> {
    let settings = target.settings()?;
    let config = client::for_producer(target, &settings, false);
    let admin = config.create().map_err(|e| names.refused(&e, &settings))?;
    Ok((admin, AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))))
}

fn failed(names: &Names, error: &KafkaError) -> Trouble {
    match error.rdkafka_error_code() {
        Some(code) => names.failed(code),
        None => names.trouble(Kind::Other, &error.to_string()),
    }
}

/// librdkafka has threads of its own; ours only waits.
fn run<T>(work: impl Future<Output = T>) -> Result<T, Trouble> {
    let runtime = Builder::new_current_thread().build();
    Ok(runtime.map_err(|e| Trouble::new(Kind::Other, e.to_string()))?.block_on(work))
}
