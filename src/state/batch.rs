//! What one commit changes.

/// The tables of the store, each from bytes to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Family → how far it was read.
    Families,
    /// What the merge holds and the rules know.
    Rules,
    /// Instance → the record of its raise.
    Active,
    /// Sink → up to where it has acknowledged the outbox.
    Sinks,
    /// Single facts, by name.
    Facts,
}

impl Table {
    pub const ALL: [Table; 5] = [Table::Families, Table::Rules, Table::Active, Table::Sinks, Table::Facts];

    pub fn name(self) -> &'static str {
        match self {
            Table::Families => "families",
            Table::Rules => "rules",
            Table::Active => "active",
            Table::Sinks => "sinks",
            Table::Facts => "facts",
        }
    }
}

/// Everything in it becomes durable, or nothing.
#[derive(Debug, Default)]
pub struct Batch {
    /// First forget all that was kept but the outbox: this batch says everything, and of the outbox what goes.
    pub anew: bool,
    /// `None`: the entry goes.
    pub entries: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
    /// What is to be sent, by its number.
    pub outbox: Vec<(u64, Vec<u8>)>,
    /// Entries of the outbox that go.
    pub sent: Vec<std::ops::Range<u64>>,
}

impl Batch {
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: Vec<u8>) {
        self.entries.push((table, key.into(), Some(value)));
    }

    pub fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.entries.push((table, key.into(), None));
    }

    pub fn is_empty(&self) -> bool {
        !self.anew && self.entries.is_empty() && self.outbox.is_empty() && self.sent.is_empty()
    }
}
