//! What librdkafka says, as troubles with their remedies.
//!
//! The reason for which a connection fails stands in its log and in its error callback alone, in English sentences; a
//! request merely fails with "transport failure". The sentences are those of librdkafka 2.12 and of the libraries that
//! it quotes, and a sentence that nobody knows is passed on as it is.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::target::{Setting, value};
use super::trouble::{Kind, Trouble};

/// Parts of sentences, the most telling first.
const SENTENCES: [(&str, Kind); 31] = [
    ("Ticket expired", Kind::TicketExpired),
    ("No Kerberos credentials available", Kind::NoTicket),
    ("No credentials cache found", Kind::NoTicket),
    ("not found in Kerberos database", Kind::NoService),
    ("Cannot contact any KDC", Kind::NoKdc),
    ("Clock skew too great", Kind::ClockSkew),
    ("GSSAPI Error", Kind::Kerberos),
    ("certificate has expired", Kind::CertificateExpired),
    ("hostname mismatch", Kind::WrongName),
    ("Hostname mismatch", Kind::WrongName),
    ("IP address mismatch", Kind::WrongName),
    ("certificate required", Kind::WantsCertificate),
    ("client SSL authentication might be required", Kind::WantsCertificate),
    ("certificate verify failed", Kind::Untrusted),
    ("certificate could not be verified", Kind::Untrusted),
    ("Failed to verify broker certificate", Kind::Untrusted),
    ("wrong version number", Kind::NoTls),
    ("packet length too long", Kind::NoTls),
    ("connecting to a PLAINTEXT broker listener", Kind::NoTls),
    ("connecting to a SSL listener", Kind::WantsTls),
    ("might require SASL authentication", Kind::WantsLogin),
    ("mechanism handshake failed", Kind::Mechanism),
    ("Unsupported SASL mechanism", Kind::Mechanism),
    ("invalid credentials", Kind::Password),
    ("Invalid username or password", Kind::Password),
    ("SASL authentication error", Kind::Password),
    ("Failed to resolve", Kind::NoAddress),
    ("Connection refused", Kind::Refused),
    ("Connection setup timed out", Kind::Silent),
    ("timed out", Kind::Silent),
    ("No route to host", Kind::Silent),
];

/// What the words of a trouble name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub brokers: String,
    pub topic: String,
    pub user: String,
    /// How the brokers are spoken to, in small letters.
    pub protocol: String,
}

impl Names {
    pub fn new(brokers: &str, topic: &str, settings: &[Setting]) -> Names {
        let user = value(settings, &["sasl.username", "sasl.kerberos.principal"]).unwrap_or("(nobody)").to_owned();
        let protocol = value(settings, &["security.protocol"]).unwrap_or("plaintext").to_ascii_lowercase();
        Names { brokers: brokers.to_owned(), topic: topic.to_owned(), user, protocol }
    }

    /// A line of librdkafka's log. Most of them say what the error callback says too.
    pub fn logged(&self, facility: &str, text: &str) -> Option<Trouble> {
        if facility == "FAIL" {
            return self.closed(text);
        }
        if facility != "SASLREFRESH" || !text.contains("ticket refresh failed") {
            return None;
        }
        // The command may hold a secret: not a word of it is passed on.
        let code = text.rsplit_once("exited with code ").map_or("", |(_, code)| code.trim());
        let kind = if code == "127" { Kind::NoKinit } else { Kind::Kinit };
        Some(self.trouble(kind, if code.is_empty() { "kinit failed" } else { code }))
    }

    /// A broker that closes a connection in its first moments does not like how it is spoken to, and does not say why.
    fn closed(&self, text: &str) -> Option<Trouble> {
        let (_, when) = text.split_once("Disconnected")?.1.rsplit_once("(after ")?;
        let (after, state) = when.split_once("ms in state ")?;
        let state = state.split_once(')').map_or(state, |(state, _)| state);
        let kind = match (state, self.protocol.as_str()) {
            ("APIVERSION_QUERY", "plaintext" | "sasl_plaintext") => Kind::WantsTls,
            ("UP", "plaintext" | "ssl") if after.parse().is_ok_and(|ms: u32| ms < 2000) => Kind::WantsLogin,
            _ => return None,
        };
        Some(self.trouble(kind, text))
    }

    /// What the error callback says.
    pub fn said(&self, error: &KafkaError, reason: &str) -> Option<Trouble> {
        match error.rdkafka_error_code() {
            // That there is no other broker either says nothing about the reason.
            Some(Code::AllBrokersDown) => None,
            Some(Code::Fatal) => Some(self.trouble(Kind::Fatal, reason)),
            Some(code) => {
                let kind = kind_of(reason).unwrap_or_else(|| kind_of_code(code));
                Some(self.trouble(kind, reason))
            }
            None => Some(self.trouble(kind_of(reason).unwrap_or(Kind::Other), reason)),
        }
    }

    /// A request, or a record, failed with this.
    pub fn failed(&self, code: Code) -> Trouble {
        self.trouble(kind_of_code(code), &code.to_string())
    }

    /// A client could not be made.
    pub fn refused(&self, error: &KafkaError, settings: &[Setting]) -> Trouble {
        match error {
            KafkaError::ClientConfig(_, said, name, _) => {
                let hidden = settings.iter().any(|s| s.name == *name && s.hidden);
                // What librdkafka says may quote the value.
                let said = if hidden { "its value is not taken" } else { said };
                Trouble::new(Kind::Property, format!("the Kafka property `{name}` is wrong: {said}{}", nearest(name)))
            }
            KafkaError::ClientCreation(said) => {
                let quotes = settings.iter().any(|s| s.hidden && !s.value.is_empty() && said.contains(&s.value));
                let said = if quotes { "a hidden value is not taken" } else { said };
                Trouble::new(Kind::Property, format!("the Kafka properties do not fit together: {said}"))
            }
            other => self.trouble(Kind::Other, &other.to_string()),
        }
    }

    pub fn trouble(&self, kind: Kind, said: &str) -> Trouble {
        let Names { brokers, topic, user, .. } = self;
        let why = match kind {
            Kind::NoAddress => format!("a broker's name has no address; check the name and the DNS: {said}"),
            Kind::Refused => {
                format!(
                    "nobody answers at {brokers}; check that the broker runs, its name and port, and firewalls: {said}"
                )
            }
            Kind::Silent => format!("no answer from {brokers} in time; check the network and the broker: {said}"),
            Kind::Password => {
                format!("authentication failed for user {user}; check `sasl.username` and `sasl.password`: {said}")
            }
            Kind::Mechanism => format!("the broker does not offer this login; check `sasl.mechanism`: {said}"),
            Kind::WantsTls => {
                format!("the broker seems to want TLS; set `security.protocol` to ssl or sasl_ssl: {said}")
            }
            Kind::WantsLogin => {
                format!(
                    "the broker seems to want a login; set `security.protocol` to sasl_plaintext or sasl_ssl: {said}"
                )
            }
            Kind::NoTls => {
                format!("the broker speaks no TLS on this port; check the port and `security.protocol`: {said}")
            }
            Kind::Untrusted => {
                format!("the broker's certificate is not trusted; name its authority's in `ssl.ca.location`: {said}")
            }
            Kind::WrongName => {
                format!("the broker's certificate is of another name; name the broker as its certificate does: {said}")
            }
            Kind::CertificateExpired => format!("the broker's certificate has expired; have it renewed: {said}"),
            Kind::WantsCertificate => format!(
                "the broker wants a certificate of ours; set `ssl.certificate.location` and `ssl.key.location`: {said}"
            ),
            Kind::NoKinit => {
                "the program `kinit` is missing, without which there is no Kerberos ticket; install krb5-user \
                 (Debian) or krb5-workstation (Red Hat)"
                    .to_owned()
            }
            Kind::Kinit => format!(
                "kinit got no Kerberos ticket for {user} (exit code {said}); try `kinit -k -t KEYTAB PRINCIPAL` as this user, \
                 and check `sasl.kerberos.keytab` and `sasl.kerberos.principal`"
            ),
            Kind::TicketExpired => format!(
                "the Kerberos ticket of {user} has expired; renew it with kinit, or name a keytab in `sasl.kerberos.keytab`: \
                 {said}"
            ),
            Kind::NoTicket => format!(
                "there is no Kerberos ticket for {user}; get one with kinit, or name a keytab in `sasl.kerberos.keytab`: {said}"
            ),
            Kind::NoService => format!(
                "Kerberos does not know the broker's service; name the broker as its principal does, and check \
                 `sasl.kerberos.service.name`: {said}"
            ),
            Kind::NoKdc => format!("the KDC does not answer; check /etc/krb5.conf and the network: {said}"),
            Kind::ClockSkew => format!("the clocks of this machine and of the KDC differ; set them by NTP: {said}"),
            Kind::Kerberos => format!("the Kerberos login of {user} failed: {said}"),
            Kind::NoTopic => format!("the topic {topic} does not exist; make it with `tocsin topic create`: {said}"),
            Kind::TopicDenied => {
                format!(
                    "user {user} may not use the topic {topic}; grant the ACLs Describe and Write (Read to read): {said}"
                )
            }
            // What a broker says to a user who may write to no topic at all.
            Kind::ClusterDenied => format!(
                "user {user} may not write to the topic {topic}; grant the ACL Write on it (brokers before 3.0 want \
                 IdempotentWrite on the cluster too): {said}"
            ),
            Kind::TooLarge => format!("larger than the topic {topic} takes; raise its `max.message.bytes`: {said}"),
            Kind::BadTime => format!("the topic {topic} does not take our time; check this machine's clock: {said}"),
            Kind::Replicas => format!(
                "too few replicas of the topic {topic} are in sync; start the other brokers, or see `min.insync.replicas`: {said}"
            ),
            Kind::Invalid => format!(
                "not as the topic {topic} takes it; the broker's log says why, and what checks records there may be mended: {said}"
            ),
            Kind::Policy => format!(
                "a policy of the brokers forbids this for the topic {topic}; ask who runs them, or change the topic: {said}"
            ),
            Kind::Compression => format!(
                "the topic {topic} does not take this compression; set `compression.type` to gzip, or to none: {said}"
            ),
            Kind::Format => format!(
                "the topic {topic} keeps messages in a form without headers; raise its `message.format.version` to 0.11 or \
                 more: {said}"
            ),
            Kind::Acks => format!("the broker does not take `acks=all`, without which alarms are lost: {said}"),
            Kind::Quiet => format!(
                "{said}: a broker of {brokers} that is gone or frozen, or too few replicas of the topic {topic} in sync; \
                 check that all brokers run, and `min.insync.replicas`"
            ),
            Kind::Fatal | Kind::Other | Kind::Build | Kind::Property => said.to_owned(),
        };
        Trouble::new(kind, why)
    }
}

fn kind_of(reason: &str) -> Option<Kind> {
    SENTENCES.iter().find(|(part, _)| reason.contains(part)).map(|(_, kind)| *kind)
}

fn kind_of_code(code: Code) -> Kind {
    match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition | Code::InvalidTopic => {
            Kind::NoTopic
        }
        Code::TopicAuthorizationFailed => Kind::TopicDenied,
        Code::ClusterAuthorizationFailed | Code::TransactionalIdAuthorizationFailed => Kind::ClusterDenied,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => Kind::TooLarge,
        Code::InvalidTimestamp => Kind::BadTime,
        Code::InvalidRecord | Code::InvalidDifferentRecord => Kind::Invalid,
        Code::PolicyViolation => Kind::Policy,
        Code::UnsupportedCompressionType => Kind::Compression,
        Code::UnsupportedForMessageFormat => Kind::Format,
        Code::InvalidRequiredAcks => Kind::Acks,
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend | Code::ISRInsufficient => Kind::Replicas,
        Code::Resolve => Kind::NoAddress,
        Code::Authentication | Code::SaslAuthenticationFailed => Kind::Password,
        Code::UnsupportedSASLMechanism => Kind::Mechanism,
        Code::SSL => Kind::Untrusted,
        Code::MessageTimedOut | Code::OperationTimedOut | Code::RequestTimedOut => Kind::Silent,
        Code::Fatal => Kind::Fatal,
        _ => Kind::Other,
    }
}

/// Properties that people mistype.
const COMMON: [&str; 28] = [
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "sasl.kerberos.keytab",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
    "sasl.kerberos.kinit.cmd",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.endpoint.identification.algorithm",
    "enable.ssl.certificate.verification",
    "enable.idempotence",
    "compression.type",
    "compression.level",
    "linger.ms",
    "batch.size",
    "message.max.bytes",
    "message.timeout.ms",
    "socket.timeout.ms",
    "queue.buffering.max.messages",
    "client.id",
    "partitioner",
];

fn nearest(name: &str) -> String {
    let near = COMMON.iter().map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    match near {
        Some((1..=3, known)) => format!(" (did you mean `{known}`?)"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names { brokers: "b1:9092".into(), topic: "alarms".into(), user: "tocsin".into(), protocol: "plaintext".into() }
    }

    /// Sentences as librdkafka 2.12.1 says them, each with a word of its remedy; `tests/kafka_broker` provokes them for real.
    #[test]
    fn each_reason_has_its_remedy() {
        let cases = [
            (
                Code::BrokerTransportFailure,
                "b1:9092/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)",
                Kind::Refused,
                "check that the broker runs",
            ),
            (
                Code::Resolve,
                "b1:9092/bootstrap: Failed to resolve 'b1:9092': Name or service not known (after 3ms in state CONNECT)",
                Kind::NoAddress,
                "DNS",
            ),
            (
                Code::Authentication,
                "sasl_plaintext://b1:9092/bootstrap: SASL authentication error: Authentication failed: Invalid username or password (after 5ms in state AUTH_REQ)",
                Kind::Password,
                "authentication failed for user tocsin",
            ),
            (
                Code::Authentication,
                "sasl_plaintext://b1:9092/bootstrap: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
                Kind::Password,
                "authentication failed for user tocsin",
            ),
            (
                Code::Authentication,
                "sasl_plaintext://b1:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: SCRAM-SHA-512",
                Kind::Mechanism,
                "sasl.mechanism",
            ),
            (
                Code::SSL,
                "ssl://b1:9093/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured or root CA certificates are installed (install ca-certificates package) (after 5ms in state SSL_HANDSHAKE)",
                Kind::Untrusted,
                "ssl.ca.location",
            ),
            (
                Code::SSL,
                "ssl://b1:9092/bootstrap: SSL handshake failed: error:0A00010B:SSL routines::wrong version number",
                Kind::NoTls,
                "security.protocol",
            ),
            (
                Code::BrokerTransportFailure,
                "b1:9093/bootstrap: Disconnected: connection closed by peer: requesting ApiVersion: might be caused by incorrect security.protocol configuration (connecting to a SSL listener?) or broker version is < 0.10",
                Kind::WantsTls,
                "sasl_ssl",
            ),
            (
                Code::Authentication,
                "sasl_plaintext://b1:9092/bootstrap: Failed to initialize SASL authentication: SASL handshake failed (start (-1)): SASL(-1): generic failure: GSSAPI Error: Unspecified GSS failure.  Minor code may provide more information (Ticket expired)",
                Kind::TicketExpired,
                "kinit",
            ),
            (
                Code::Authentication,
                "sasl_plaintext://b1:9092/bootstrap: Failed to initialize SASL authentication: SASL handshake failed (start (-1)): SASL(-1): generic failure: GSSAPI Error: Unspecified GSS failure.  Minor code may provide more information (No Kerberos credentials available (default cache: FILE:/tmp/krb5cc_0))",
                Kind::NoTicket,
                "keytab",
            ),
            (
                Code::Authentication,
                "x: GSSAPI Error: Minor code may provide more information (Server kafka/b1@REALM not found in Kerberos database)",
                Kind::NoService,
                "sasl.kerberos.service.name",
            ),
            (Code::Authentication, "x: GSSAPI Error: something new", Kind::Kerberos, "Kerberos login of tocsin"),
            (
                Code::BrokerTransportFailure,
                "b1:9092/1: something that nobody knows",
                Kind::Other,
                "something that nobody knows",
            ),
        ];
        for (code, said, kind, remedy) in cases {
            let trouble = names().said(&KafkaError::Global(code), said).unwrap();
            assert_eq!(trouble.kind, kind, "{said}");
            assert!(trouble.to_string().contains(remedy), "{trouble}");
        }
        assert_eq!(names().said(&KafkaError::Global(Code::AllBrokersDown), "2/2 brokers are down"), None);
    }

    #[test]
    fn a_missing_kinit_and_one_that_fails_are_told_apart_and_its_command_is_not_shown() {
        let said =
            |code| format!("Kerberos ticket refresh failed: echo hunter2 | kinit tocsin: exited with code {code}");
        let missing = names().logged("SASLREFRESH", &said(127)).unwrap();
        assert_eq!(missing.kind, Kind::NoKinit);
        assert!(missing.to_string().contains("krb5-user"), "{missing}");
        let failed = names().logged("SASLREFRESH", &said(1)).unwrap();
        assert_eq!(failed.kind, Kind::Kinit);
        for trouble in [missing, failed] {
            assert!(!trouble.to_string().contains("hunter2"), "{trouble}");
            assert!(trouble.is_lasting());
        }
        assert_eq!(names().logged("FAIL", "ticket refresh failed"), None);
    }

    #[test]
    fn a_connection_that_is_closed_at_once_is_a_hint() {
        let closed = |protocol: &str, when: &str| {
            let names = Names { protocol: protocol.into(), ..names() };
            let text =
                format!("b1:9094/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN ({when})");
            names.logged("FAIL", &text).map(|trouble| trouble.kind)
        };
        assert_eq!(closed("plaintext", "after 1ms in state APIVERSION_QUERY"), Some(Kind::WantsTls));
        assert_eq!(closed("sasl_plaintext", "after 1ms in state APIVERSION_QUERY"), Some(Kind::WantsTls));
        assert_eq!(closed("sasl_ssl", "after 1ms in state APIVERSION_QUERY"), None);
        assert_eq!(closed("plaintext", "after 3ms in state UP"), Some(Kind::WantsLogin));
        assert_eq!(closed("sasl_plaintext", "after 3ms in state UP"), None);
        assert_eq!(closed("plaintext", "after 60000ms in state UP, 4 identical error(s) suppressed"), None);
    }

    #[test]
    fn failures_of_records_and_requests_are_passing_or_lasting() {
        for (code, kind, lasting) in [
            (Code::UnknownTopic, Kind::NoTopic, true),
            (Code::UnknownTopicOrPartition, Kind::NoTopic, true),
            (Code::TopicAuthorizationFailed, Kind::TopicDenied, true),
            (Code::ClusterAuthorizationFailed, Kind::ClusterDenied, true),
            (Code::MessageSizeTooLarge, Kind::TooLarge, true),
            (Code::InvalidRecord, Kind::Invalid, true),
            (Code::PolicyViolation, Kind::Policy, true),
            (Code::UnsupportedCompressionType, Kind::Compression, true),
            (Code::UnsupportedForMessageFormat, Kind::Format, true),
            (Code::InvalidRequiredAcks, Kind::Acks, true),
            (Code::MessageTimedOut, Kind::Silent, false),
            (Code::NotEnoughReplicas, Kind::Replicas, false),
            (Code::BrokerTransportFailure, Kind::Other, false),
            (Code::Fatal, Kind::Fatal, false),
        ] {
            let trouble = names().failed(code);
            assert_eq!((trouble.kind, trouble.is_lasting()), (kind, lasting), "{code}");
        }
    }

    #[test]
    fn a_wrong_property_is_named_and_a_secret_one_not_quoted() {
        let setting = |name: &str, value: &str, hidden| Setting { name: name.into(), value: value.into(), hidden };
        let mut config = rdkafka::ClientConfig::new();
        config.set("securty.protocol", "ssl");
        let trouble = names().refused(&config.create_native_config().err().unwrap(), &[]);
        assert!(trouble.to_string().contains("did you mean `security.protocol`?"), "{trouble}");
        let mut config = rdkafka::ClientConfig::new();
        config.set("ssl.key.pem", "hunter2").set("ssl.key.location", "/nowhere").set("linger.ms", "hunter2");
        let error = config.create_native_config().err().unwrap();
        let settings = [setting("ssl.key.pem", "hunter2", true), setting("linger.ms", "hunter2", true)];
        let trouble = names().refused(&error, &settings);
        assert!(!trouble.to_string().contains("hunter2"), "{trouble}");
        assert!(trouble.is_usage());
    }
}
