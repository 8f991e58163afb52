//! Effects to the outside: a mail, a call, a message.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use annals_core::store::{LogFilter, LogQuery, StoreError, Stores, TransactExt, Transaction};
use annals_core::{
    Event, EventType, Journal, Position, Recorded, RecordedEvent, RegisterError, SLICES,
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::consume::{Consumer, Handler, KeyBy, OnFailure, Target};
use crate::cut::{declare, partition, stands_readable};
use crate::deliver::{AtOnce, Deliver};
use crate::error::ConsumeError;
use crate::inflow::Inflow;
use crate::member::disturb;
use crate::records::{ConsumerRecord, PartitionRecord, put};

/// Deals with events outside of the store. Events of one [key](Self::KEY) come in order, those of several
/// at the same time.
///
/// Each event comes at least once, and after a crash perhaps again, with the same id: hand that on to
/// whoever can tell a repetition. A rebuild of read models repeats nothing here, and neither does a
/// new version: it goes on where the one before has stopped.
///
/// Members that run the same subscriber share its partitions, as consumers of a queue do; subscribers of
/// different names are independent, as those of a topic are.
#[async_trait]
pub trait Subscriber: Send + Sync + 'static {
    /// The events it wants.
    type Event: Event;

    /// A stable name. At most 40 characters.
    const NAME: &'static str;

    /// Raise it when programs of the version before must not go on beside this one.
    const VERSION: u32 = 1;

    /// Into how many partitions it is cut at first. More can be worked on by more processes.
    const PARTITIONS: u32 = 4;

    /// What becomes of an event that fails.
    const ON_FAILURE: OnFailure = OnFailure::Park;

    /// By what its events are kept in order, and parked. When another version changes that, try what is
    /// parked again before: it waits under its old key.
    const KEY: KeyBy = KeyBy::Stream;

    /// How many events of one key it is given at once, when so many wait: see
    /// [`handle_batch`](Self::handle_batch). No more than
    /// [`EngineOptions::window`](crate::EngineOptions::window).
    const BATCH: usize = 1;

    /// How large they are together, in bytes: the event that reaches this is the last of them.
    const BATCH_BYTES: usize = AtOnce::ONE.bytes;

    /// Where it begins when it is started for the first time.
    fn start(&self) -> Start {
        Start::Beginning
    }

    /// The categories it wants; all when there are none.
    fn categories(&self) -> Vec<String> {
        Vec::new()
    }

    /// The slices of streams it wants, of 0 to 1,023; all when there are none. It is cut into partitions by
    /// slices too: those without any that it wants have nothing to do.
    fn slices(&self) -> Option<Range<u16>> {
        None
    }

    /// Deals with one event.
    ///
    /// # Errors
    /// [`ConsumeError`] says what is to be done about it: try again, park at once, or wait for what is
    /// down.
    async fn handle(&self, event: &Recorded<Self::Event>) -> Result<(), ConsumeError>;

    /// Deals with several events of one key, the oldest first: as many as wait, up to
    /// [`BATCH`](Self::BATCH) and [`BATCH_BYTES`](Self::BATCH_BYTES). One that waits alone comes to
    /// [`handle`](Self::handle).
    ///
    /// All of them are dealt with, or none. After an error each comes to [`handle`](Self::handle), up to
    /// the one that fails there, and only that one is tried again and parked.
    ///
    /// # Errors
    /// [`ConsumeError`], as for one event.
    async fn handle_batch(&self, events: &[Recorded<Self::Event>]) -> Result<(), ConsumeError> {
        for event in events {
            self.handle(event).await?;
        }
        Ok(())
    }
}

/// Where a subscriber begins when it is started for the first time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the first event of all.
    #[default]
    Beginning,
    /// With what comes from now on.
    Now,
    /// Behind a position.
    After(Position),
    /// With the first event that was recorded at a time or later.
    At(Timestamp),
}

impl Start {
    /// The position behind which it begins.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub async fn position(self, stores: &Stores) -> Result<Position, StoreError> {
        let log = stores.log();
        match self {
            Self::Beginning => Ok(Position::START),
            Self::Now => log.head().await,
            Self::After(position) => Ok(position),
            Self::At(time) => {
                // Times of recording grow with positions.
                let (mut low, mut high) = (0, log.head().await?.get());
                while low < high {
                    let middle = low + (high - low) / 2;
                    let query = LogQuery::after(Position::new(middle)).limit(1);
                    let page = log.read_log(&query).await?;
                    match page.events.first() {
                        Some(event) if event.recorded_at < time => low = event.position.get(),
                        _ => high = middle,
                    }
                }
                Ok(Position::new(low))
            }
        }
    }
}

/// A subscriber without its types.
#[derive(Debug, Clone)]
pub struct SubscriberDefinition {
    /// What the engine runs.
    pub consumer: Consumer,
    start: Start,
    partitions: u32,
    /// A key of the workspace's state, and the text that is kept under it.
    keeps: Option<(String, String)>,
    register: for<'j> fn(&'j Journal) -> Registering<'j>,
}

/// Making event types known to a journal.
pub type Registering<'j> = Pin<Box<dyn Future<Output = Result<(), RegisterError>> + Send + 'j>>;

impl SubscriberDefinition {
    /// Something else that has effects outside of the store: where it begins when it is started for the
    /// first time, into how many partitions it is cut then, and how its event types are made known.
    pub fn new(
        consumer: Consumer,
        (start, partitions): (Start, u32),
        register: for<'j> fn(&'j Journal) -> Registering<'j>,
    ) -> Self {
        Self { consumer, start, partitions, keeps: None, register }
    }

    /// A subscriber to be run.
    pub fn of<S: Subscriber>(subscriber: S) -> Self {
        let descriptors = S::Event::descriptors();
        let types = descriptors.iter().map(|event| EventType::from_static(event.event_type));
        let filter = LogFilter {
            event_types: types.collect(),
            categories: subscriber.categories(),
            slices: subscriber.slices(),
        };
        let start = subscriber.start();
        let consumer = Consumer {
            name: S::NAME.into(),
            kind: "subscriber",
            version: S::VERSION,
            filter,
            key: S::KEY,
            concerns: None,
            on_failure: S::ON_FAILURE,
            most_partitions: u32::from(SLICES),
            inline: false,
            inflow: None,
            late_after: None,
            handler: Arc::new(Subscribed(Arc::new(Typed(subscriber)))),
        };
        Self::new(consumer, (start, S::PARTITIONS), |journal| {
            Box::pin(journal.register::<S::Event>())
        })
    }

    /// Takes its events from elsewhere than the log, cut into so many partitions, each of which receives a
    /// part of the lanes. It begins with what is still there.
    #[must_use]
    pub fn receiving(self, inflow: Arc<dyn Inflow>, partitions: u32) -> Self {
        let consumer = Consumer { inflow: Some(inflow), ..self.consumer };
        let start = Start::After(Position::START);
        Self { consumer, start, partitions, ..self }
    }

    /// Keeps a text under a key of the workspace's [state](annals_core::store::StateStore) when it is
    /// declared, for those who look at the store without its program. A program does not write over what a
    /// newer version of the same consumer has left there.
    #[must_use]
    pub fn keeping(self, key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { keeps: Some((key.into(), text.into())), ..self }
    }

    /// Makes its event types known to a journal.
    ///
    /// # Errors
    /// [`RegisterError`]: it must not run.
    pub async fn register(&self, journal: &Journal) -> Result<(), RegisterError> {
        (self.register)(journal).await
    }

    /// Makes its partitions, or takes over those of the version before, which go on where they stand.
    ///
    /// # Errors
    /// [`StoreError`] when the stores cannot be read or written.
    pub async fn declare(&self, stores: &Stores) -> Result<(), StoreError> {
        let begins_at = self.start.position(stores).await?;
        let definition = self.clone();
        let declared = stores.work().transact_with(move |transaction| {
            let definition = definition.clone();
            Box::pin(async move { set_up(transaction, &definition, begins_at).await })
        });
        declared.await
    }
}

async fn set_up(
    transaction: &mut dyn Transaction,
    definition: &SubscriberDefinition,
    begins_at: Position,
) -> Result<(), StoreError> {
    let SubscriberDefinition { consumer, partitions, keeps, .. } = definition;
    let (name, version, partitions) = (&*consumer.name, consumer.version, *partitions);
    let declared = ConsumerRecord {
        name: name.to_owned(),
        kind: consumer.kind.to_owned(),
        version,
        generation: 1,
        partitions,
        on_failure: consumer.on_failure.as_str().to_owned(),
        paused: false,
        paused_by: None,
        origin: consumer.inflow.as_ref().map(|inflow| inflow.origin()),
        changed_at: Timestamp::UNIX_EPOCH,
    };
    let known = declare(transaction, declared).await?;
    if let Some((key, text)) = keeps
        && known.version <= version
        && transaction.state(key).await?.as_deref() != Some(text)
    {
        transaction.put_state(key, text).await?;
    }
    let (parts, damaged) = stands_readable(transaction, name, 1).await?;
    if parts.is_empty() && !damaged {
        partition(transaction, (name, 1, 1), version, partitions, begins_at).await?;
    }
    for (part, _) in parts.into_iter().filter(|(part, _)| part.version < version) {
        if let Some((part, _)) = disturb(transaction, &part.id()).await? {
            put(transaction, &PartitionRecord { version, owner: None, ..part }).await?;
        }
    }
    Ok(())
}

struct Subscribed(Arc<dyn Deliver>);

#[async_trait]
impl Handler for Subscribed {
    async fn open(&self, _: &PartitionRecord) -> Result<Target, ConsumeError> {
        Ok(Target::External(self.0.clone()))
    }
}

struct Typed<S>(S);

#[async_trait]
impl<S: Subscriber> Deliver for Typed<S> {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        // What cannot be read now never can.
        let read = events.iter().map(|event| Recorded::decode(event.clone()));
        let events = read.collect::<Result<Vec<_>, _>>().map_err(ConsumeError::poison)?;
        match events.as_slice() {
            [event] => self.0.handle(event).await,
            events => self.0.handle_batch(events).await,
        }
    }

    fn at_once(&self) -> AtOnce {
        AtOnce { events: S::BATCH, bytes: S::BATCH_BYTES }
    }
}
