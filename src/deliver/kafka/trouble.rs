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
    /// A record is not as the topic takes it.
    Invalid,
    /// A policy of the brokers forbids what was asked for.
    Policy,
    /// The broker or the topic does not know how batches are compressed.
    Compression,
    /// The topic keeps messages in a form that is too old for ours.
    Format,
    /// The broker does not take `acks=all`.
    Acks,
    /// Fewer replicas are in sync than the topic wants.
    Replicas,
    /// Nothing is acknowledged, and nobody says why.
    Quiet,
    /// librdkafka says that this client must not go on.
    Fatal,
    Other,
}

impl Kind {
    /// It stays until somebody mends it. What a closed connection hints at is no more than that: a broker may also be
    /// about to stop.
    pub fn is_lasting(self) -> bool {
        use Kind::*;
        !(matches!(self, NoAddress | Refused | Silent | NoKdc | Replicas | Quiet | Fatal | Other) || self.is_hint())
    }

    /// It may be so, and names what to set if it is.
    fn is_hint(self) -> bool {
        matches!(self, Kind::WantsTls | Kind::WantsLogin)
    }

    /// Whether it is worth a word when that was told and is not over. A broker that is gone shows in many ways, now in
    /// this one and now in that: the first of them is enough.
    pub fn is_news_after(self, told: Kind) -> bool {
        self != told && (self.is_lasting() || told.is_lasting() || self.is_hint())
    }

    /// It shows when a record is written, and not when the topic is asked for.
    pub fn is_of_writing(self) -> bool {
        use Kind::*;
        matches!(
            self,
            TopicDenied | ClusterDenied | BadTime | TooLarge | Invalid | Policy | Compression | Format | Acks
        )
    }
}

impl Trouble {
    pub fn new(kind: Kind, why: impl Into<String>) -> Trouble {
        Trouble { kind, why: why.into() }
    }

    pub fn is_lasting(&self) -> bool {
        self.kind.is_lasting()
    }

    /// The user said something that cannot be.
    pub fn is_usage(&self) -> bool {
        matches!(self.kind, Kind::Build | Kind::Property)
    }
}
