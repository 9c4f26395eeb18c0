//! Probes: what no log line shows.
//!
//! Some alarms are about what nobody logs: a certificate that ends next month, a client that has nearly all the
//! connections that it may have, a server that is not there to say so. A probe looks, and writes what it saw as a line of
//! a log of its own; that log is tailed, correlated, replayed and delivered like any other. So a probe decides nothing
//! about alarms, and what it saw can be read again years later.
//!
//! - [`certificate`], [`zookeeper`]: one look each, with a typed result; they change nothing and wait no longer than they
//!   are told to.

pub mod certificate;
pub mod zookeeper;
