//! What a topic holds: all partitions, each from where the reader wants, without a group.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, Ears, LONGEST, Listener};
use super::reasons::Names;
use super::target::Target;
use super::trouble::{Kind, Trouble};
use super::{From, Heard, MODE_HEADER, Message};

/// Between two looks at whether the reader wants to stop.
const LOOK: Duration = Duration::from_millis(200);

/// Where a partition begins and ends, in the numbers of its messages.
#[derive(Clone, Copy)]
struct Span {
    low: i64,
    high: i64,
}

/// Tells the reader of each message, until it has enough.
pub fn read(target: &Target, from: From, hear: &mut dyn FnMut(Heard) -> ControlFlow<()>) -> Result<(), Trouble> {
    let reader = Reader::open(target)?;
    let spans = reader.spans()?;
    let starts = match from {
        From::Beginning => spans.iter().map(|(partition, span)| (*partition, span.low)).collect(),
        From::Now => spans.iter().map(|(partition, span)| (*partition, span.high)).collect(),
        From::Time(time) => reader.at(time, &spans)?,
    };
    reader.follow(&starts, &spans, hear)
}

/// The last messages of each partition, at most so many.
pub fn last(target: &Target, most: i64) -> Result<Vec<Message>, Trouble> {
    let reader = Reader::open(target)?;
    let spans = reader.spans()?;
    let starts = spans.iter().map(|(partition, span)| (*partition, span.low.max(span.high - most))).collect();
    let mut messages = Vec::new();
    let mut moved = Instant::now();
    let mut stuck = None;
    reader.follow(&starts, &spans, &mut |heard| {
        match heard {
            Heard::Message(message) => {
                messages.push(message.clone());
                moved = Instant::now();
            }
            Heard::End => return ControlFlow::Break(()),
            Heard::Trouble(trouble) => stuck = Some(trouble.clone()),
            Heard::Nothing if moved.elapsed() > LONGEST => {
                let silent = || reader.names.trouble(Kind::Silent, "it does not give its messages");
                stuck.get_or_insert_with(silent);
                return ControlFlow::Break(());
            }
            Heard::Nothing => return ControlFlow::Continue(()),
        }
        ControlFlow::Continue(())
    })?;
    match stuck {
        Some(trouble) if moved.elapsed() > LONGEST => Err(trouble),
        _ => Ok(messages),
    }
}

struct Reader {
    consumer: BaseConsumer<Listener>,
    topic: String,
    names: Names,
    ears: std::sync::Arc<Ears>,
}

impl Reader {
    fn open(target: &Target) -> Result<Reader, Trouble> {
        let (consumer, names, ears) = client::consumer(target)?;
        Ok(Reader { consumer, topic: target.topic.clone(), names, ears })
    }

    /// What it heard about why this did not work, or else the error itself.
    fn because(&self, error: &KafkaError) -> Trouble {
        client::because(&self.names, &self.ears, error)
    }

    fn spans(&self) -> Result<BTreeMap<i32, Span>, Trouble> {
        // Errors are heard when the client is polled, and nothing else can come yet.
        let hear = || drop(self.consumer.poll(Duration::ZERO));
        let metadata = client::metadata(self.consumer.client(), &self.topic, (&self.names, &self.ears), &hear)?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.topic);
        let mut spans = BTreeMap::new();
        for partition in topic.into_iter().flat_map(|topic| topic.partitions()) {
            let ask = |longest| self.consumer.fetch_watermarks(&self.topic, partition.id(), longest);
            let (low, high) = ask(LONGEST / 6).map_err(|e| self.because(&e))?;
            spans.insert(partition.id(), Span { low, high });
        }
        Ok(spans)
    }

    /// The first messages of that time or later.
    fn at(&self, time: i64, spans: &BTreeMap<i32, Span>) -> Result<BTreeMap<i32, i64>, Trouble> {
        let mut wanted = TopicPartitionList::new();
        for partition in spans.keys() {
            let at = wanted.add_partition_offset(&self.topic, *partition, Offset::Offset(time));
            at.map_err(|e| self.because(&e))?;
        }
        let found = self.consumer.offsets_for_times(wanted, LONGEST / 6).map_err(|e| self.because(&e))?;
        let start = |(partition, span): (&i32, &Span)| {
            let offset = found.find_partition(&self.topic, *partition).map(|found| found.offset());
            (*partition, if let Some(Offset::Offset(offset)) = offset { offset } else { span.high })
        };
        Ok(spans.iter().map(start).collect())
    }

    fn follow(
        &self,
        starts: &BTreeMap<i32, i64>,
        spans: &BTreeMap<i32, Span>,
        hear: &mut dyn FnMut(Heard) -> ControlFlow<()>,
    ) -> Result<(), Trouble> {
        let mut assigned = TopicPartitionList::new();
        let mut left: BTreeMap<i32, i64> = BTreeMap::new();
        for (partition, start) in starts {
            let at = assigned.add_partition_offset(&self.topic, *partition, Offset::Offset(*start));
            at.map_err(|e| self.because(&e))?;
            let end = spans.get(partition).map_or(0, |span| span.high);
            left.extend((*start < end).then_some((*partition, end)));
        }
        self.consumer.assign(&assigned).map_err(|e| self.because(&e))?;
        if left.is_empty() && hear(Heard::End).is_break() {
            return Ok(());
        }
        loop {
            let was_left = !left.is_empty();
            let heard = match self.consumer.poll(LOOK) {
                Some(Ok(message)) => {
                    let message = message_of(&message);
                    if left.get(&message.partition).is_some_and(|end| message.offset + 1 >= *end) {
                        left.remove(&message.partition);
                    }
                    hear(Heard::Message(&message))
                }
                // What lay before it may be compacted away.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    left.remove(&partition);
                    ControlFlow::Continue(())
                }
                Some(Err(error)) => match self.judge(&error)? {
                    Some(trouble) => hear(Heard::Trouble(&trouble)),
                    None => ControlFlow::Continue(()),
                },
                None => hear(Heard::Nothing),
            };
            let ended = was_left && left.is_empty();
            if heard.is_break() || (ended && hear(Heard::End).is_break()) {
                return Ok(());
            }
        }
    }

    /// Is this error the end, a thing to say, or of no interest?
    fn judge(&self, error: &KafkaError) -> Result<Option<Trouble>, Trouble> {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        // A group is not what we are.
        if matches!(code, Code::GroupAuthorizationFailed) {
            return Ok(None);
        }
        let said = self.ears.said().trouble.take();
        let trouble = said.unwrap_or_else(|| self.names.failed(code));
        match trouble.is_lasting() {
            true => Err(trouble),
            false => Ok(Some(trouble)),
        }
    }
}

fn message_of(message: &BorrowedMessage) -> Message {
    let mode = message.headers().and_then(|headers| {
        let header = headers.iter().find(|header| header.key == MODE_HEADER)?;
        header.value.map(<[u8]>::to_vec)
    });
    Message {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        mode,
    }
}
