//! What must be true, by the log alone and by rules of its own: nothing of how the crate folds an instance is used
//! here but the words that stand in the log.

mod ending;
mod flow;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use annals_core::store::{EventStore, LogQuery};
use annals_core::{Event, MemoryStore, Position, Recorded, RecordedEvent};
use annals_sagas::{Reply, SagaEvent, Steer};
use uuid::Uuid;

use crate::cover::{Cover, Happened};
use crate::domain::Fact;
use crate::flows::concerned;
pub(crate) use flow::{Phase, Told};

/// What an event says to flows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Says {
    Fact { begins: bool, again: bool },
    Replied { number: u64, done: bool },
    Steered(Steer),
}

/// An event that says something to flows.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) position: u64,
    pub(crate) to: BTreeSet<String>,
    pub(crate) says: Says,
}

/// What a command did.
#[derive(Debug)]
struct Effect {
    position: u64,
    stream: String,
    fact: Fact,
}

#[derive(Default)]
pub(crate) struct Model {
    /// How far the log was followed.
    pub(crate) position: Position,
    pub(crate) cover: Cover,
    pub(crate) flows: BTreeMap<String, Told>,
    /// By the event's id.
    said: BTreeMap<Uuid, Said>,
    /// Whether commands were done, by flow and number.
    replies: BTreeMap<(String, u64), Vec<bool>>,
    /// By what caused them.
    effects: BTreeMap<String, Vec<Effect>>,
    hasher: DefaultHasher,
}

impl Model {
    /// Takes in what was written since.
    ///
    /// # Errors
    /// What is not as it should be.
    pub(crate) async fn follow(&mut self, log: &MemoryStore) -> Result<(), String> {
        loop {
            let query = LogQuery::after(self.position).limit(1_000);
            let page = log.read_log(&query).await.map_err(|error| error.to_string())?;
            for event in &page.events {
                self.take(event)
                    .map_err(|why| format!("at {} of the log: {why}", event.position))?;
            }
            self.position = page.next;
            if page.next >= page.head {
                return Ok(());
            }
        }
    }

    /// Of all events so far, without their ids.
    pub(crate) fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// The flows that an event was to begin.
    pub(crate) fn begun(&self) -> BTreeSet<&str> {
        let begins =
            self.said.values().filter(|said| matches!(said.says, Says::Fact { begins: true, .. }));
        begins.flat_map(|said| said.to.iter().map(String::as_str)).collect()
    }

    fn take(&mut self, event: &RecordedEvent) -> Result<(), String> {
        (event.position.get(), event.stream.as_str(), event.event_type.as_str(), event.recorded_at)
            .hash(&mut self.hasher);
        let position = event.position.get();
        let (to, says) = if SagaEvent::knows(event.event_type.as_str()) {
            let read = Recorded::<SagaEvent>::decode(event.clone());
            let flow = event.stream.id().to_owned();
            let says = match read.map_err(|error| error.to_string())?.data {
                SagaEvent::Stepped { step } => {
                    let told = self.flows.entry(flow.clone()).or_insert_with(|| Told::new(&flow));
                    let stepped = told.step(step, &self.said, &mut self.cover);
                    return stepped.map_err(|why| format!("flow {flow}: {why}"));
                }
                SagaEvent::Sent { number, errand } => {
                    let told = self.flows.get_mut(&flow).ok_or("a command of no flow")?;
                    return told.sends(number, &errand, event.id.get());
                }
                SagaEvent::Replied { number, reply } => {
                    let done = reply == Reply::Done;
                    self.cover.count(if done { Happened::Done } else { Happened::Refused });
                    self.replies.entry((flow.clone(), number)).or_default().push(done);
                    Says::Replied { number, done }
                }
                SagaEvent::Steered { steer } => Says::Steered(steer),
                SagaEvent::Told { .. } => return Err("nothing comes from elsewhere".to_owned()),
            };
            (BTreeSet::from([flow]), says)
        } else {
            let read = Recorded::<Fact>::decode(event.clone());
            let fact = read.map_err(|error| error.to_string())?.data;
            let (flows, begins, again) = concerned(&fact);
            let to = flows.iter().map(u64::to_string).collect();
            let says = Says::Fact { begins, again };
            if matches!(fact, Fact::Did { .. } | Fact::Undid { .. }) {
                let cause = event.metadata.causation_id.clone();
                let cause = cause.ok_or("an effect without a cause")?;
                let stream = event.stream.to_string();
                let effects = self.effects.entry(cause).or_default();
                effects.push(Effect { position, stream, fact });
            }
            (to, says)
        };
        self.said.insert(event.id.get(), Said { position, to, says });
        Ok(())
    }
}
