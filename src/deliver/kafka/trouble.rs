//! What can go wrong with Kafka, and whether it passes by itself.

use thiserror::Error;

/// In words that name the cause and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Trouble {
    pub kind: Kind,
    why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The build lacks what was asked for.
    Build,
    /// A property is unknown or has a wrong value, or its file cannot be read.
    Property,
    /// The name of a broker has no address.
    NoAddress,
    /// Nobody listens there, or a firewall says so.
    Refused,
    /// No answer in time.
    Silent,
    /// The user is not known, or the password is wrong.
    Password,
    /// The broker does not offer the mechanism.
    Mechanism,
    /// The broker speaks TLS and we do not.
    WantsTls,
    /// The broker wants a login and we have none.
    WantsLogin,
    /// We speak TLS and the broker does not.
    NoTls,
    /// The broker's certificate is of nobody whom we trust.
    Untrusted,
    /// The broker's certificate is of another name.
    WrongName,
    CertificateExpired,
    /// The broker wants a certificate of ours.
    WantsCertificate,
    /// There is no `kinit`.
    NoKinit,
    /// `kinit` failed.
    Kinit,
    TicketExpired,
    NoTicket,
    /// The KDC does not know the broker's service.
    NoService,
    /// The KDC does not answer.
    NoKdc,
    /// The clocks of this machine and of the KDC differ.
    ClockSkew,
    /// Kerberos, and nothing else is known.
    Kerberos,
    NoTopic,
    TopicDenied,
    ClusterDenied,
    /// A record is larger than the topic takes.
    TooLarge,
    /// The topic does not take the time of a record.
    BadTime,
    /// Fewer replicas are in sync than the topic wants.
    Replicas,
    /// librdkafka says that this client must not go on.
    Fatal,
    Other,
}

impl Trouble {
    pub fn new(kind: Kind, why: impl Into<String>) -> Trouble {
        Trouble { kind, why: why.into() }
    }

    /// It stays until somebody mends it. What a closed connection hints at is no more than that: a broker may also be
    /// about to stop.
    pub fn is_lasting(&self) -> bool {
        use Kind::*;
        !matches!(self.kind, NoAddress | Refused | Silent | NoKdc | Replicas | Fatal | WantsTls | WantsLogin | Other)
    }

    /// The user said something that cannot be.
    pub fn is_usage(&self) -> bool {
        matches!(self.kind, Kind::Build | Kind::Property)
    }
}
