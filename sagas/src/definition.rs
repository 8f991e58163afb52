//! What the engine runs of a saga.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use annals_consumers::{
    ConsumeError, Consumer, Handler, KeyBy, OnFailure, PartitionRecord, Start,
    SubscriberDefinition, Target,
};
use annals_core::store::LogFilter;
use annals_core::{Event, EventType, Journal, SLICES};
use async_trait::async_trait;

use crate::commands::Commands;
use crate::dispatcher::Dispatcher;
use crate::event::{SagaEvent, category};
use crate::manager::{Instances, Manager};
use crate::saga::Saga;

/// After how long a command that was not executed is trouble.
const LATE: Duration = Duration::from_secs(60);

/// The two consumers of a saga: one that tells its instances what has happened and writes what they decide, and
/// one that executes what they send.
pub fn definitions<S: Saga>(journal: &Journal) -> [SubscriberDefinition; 2] {
    definitions_with::<S>(journal, S::commands())
}

/// The same with commands that are said when it is started.
pub(crate) fn definitions_with<S: Saga>(
    journal: &Journal,
    commands: Commands,
) -> [SubscriberDefinition; 2] {
    const {
        assert!(
            is_name(S::NAME),
            "the NAME of a saga is 1 to 40 of a-z, 0-9, `_` and `.`: it is a part of its streams' names"
        );
    }
    let commands = Arc::new(commands);
    let types = S::Event::descriptors().into_iter().map(|event| event.event_type);
    let types = types
        .chain(["annals.saga.replied", "annals.saga.steered", "annals.saga.told"])
        .map(EventType::from_static);
    let manager = Consumer {
        name: S::NAME.into(),
        kind: "saga",
        version: S::VERSION,
        filter: LogFilter { event_types: types.collect(), ..LogFilter::default() },
        key: KeyBy::Stream,
        concerns: Some(Arc::new(Instances::<S>(PhantomData))),
        on_failure: OnFailure::Park,
        most_partitions: u32::from(SLICES),
        inline: false,
        inflow: None,
        late_after: None,
        handler: Arc::new(Managing::<S>::new(journal.clone(), commands.clone())),
    };
    let saga = S::NAME;
    let dispatcher = Dispatcher { saga, journal: journal.clone(), commands };
    let dispatcher = Consumer {
        name: format!("{saga}-dispatcher").into(),
        kind: "dispatcher",
        version: S::VERSION,
        filter: LogFilter {
            event_types: vec![EventType::from_static("annals.saga.sent")],
            categories: vec![category(saga)],
            ..LogFilter::default()
        },
        key: KeyBy::Stream,
        concerns: None,
        on_failure: OnFailure::Park,
        most_partitions: u32::from(SLICES),
        inline: false,
        inflow: None,
        late_after: Some(LATE),
        handler: Arc::new(Dispatching(Arc::new(dispatcher))),
    };
    let manager = SubscriberDefinition::new(manager, (S::start(), S::PARTITIONS), |journal| {
        Box::pin(async move {
            journal.register::<SagaEvent>().await?;
            journal.register::<S::Event>().await
        })
    });
    let dispatcher = SubscriberDefinition::new(dispatcher, (Start::Beginning, 4), |journal| {
        Box::pin(journal.register::<SagaEvent>())
    });
    [manager, dispatcher]
}

const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.') {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty() && bytes.len() <= 40
}

struct Managing<S> {
    journal: Journal,
    commands: Arc<Commands>,
    saga: PhantomData<fn(S)>,
}

impl<S> Managing<S> {
    fn new(journal: Journal, commands: Arc<Commands>) -> Self {
        Self { journal, commands, saga: PhantomData }
    }
}

#[async_trait]
impl<S: Saga> Handler for Managing<S> {
    async fn open(&self, partition: &PartitionRecord) -> Result<Target, ConsumeError> {
        let manager = Manager::<S>::new(self.journal.clone(), self.commands.clone(), partition);
        Ok(Target::Transactional(Box::new(manager)))
    }
}

struct Dispatching(Arc<Dispatcher>);

#[async_trait]
impl Handler for Dispatching {
    async fn open(&self, _: &PartitionRecord) -> Result<Target, ConsumeError> {
        Ok(Target::External(self.0.clone()))
    }
}
