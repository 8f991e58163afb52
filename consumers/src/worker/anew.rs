//! The rows of one key, made anew from its history. Most of the history is read aside; whoever has the
//! partition reads the rest of it between two batches and writes the rows as of its checkpoint, in a
//! transaction that proves the partition. So no event is missing in them or counts twice, and a crash
//! leaves the rows as they were.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_core::store::{EventLog, LogFilter, LogQuery};
use annals_core::{Position, Slice};
use tokio::sync::{Mutex, oneshot};
use tracing::Span;

use super::commit::{Batch, SharedTarget};
use super::panicked;
use super::transactional::Transactional;
use crate::caught::caught;
use crate::consume::{Consumer, Target, Until};
use crate::context::Context;
use crate::error::ConsumeError;
use crate::ops;
use crate::records::{PartitionId, PartitionRecord};
use crate::stop::Stop;

/// What came of it; dropped without a word, it is to be tried again.
type Answer = oneshot::Sender<Result<String, String>>;

/// Why nothing can be made anew of what came as messages.
fn no_history(consumer: &str, origin: &str) -> String {
    format!(
        "`{consumer}` receives its events from {origin}, and what was received is not kept: give it \
         another name, to begin with what is still there"
    )
}

/// The history of a key, as far as it was read.
pub(crate) struct Anew {
    key: String,
    partition: PartitionId,
    consumer: Consumer,
    target: SharedTarget,
    filter: LogFilter,
    at: Position,
    events: u64,
    /// Events of the key that wait, because it is parked: they have had no effect.
    waiting: BTreeSet<Position>,
    answer: Option<Answer>,
}

impl Anew {
    /// Reads the history of a key up to a position, for whoever has the partition. The inner error is an
    /// answer: it cannot be done.
    pub(crate) async fn read(
        context: &Context,
        consumer: Consumer,
        partition: &PartitionRecord,
        key: String,
        (up_to, stop): (Position, &Stop),
    ) -> Result<Result<Self, String>, ConsumeError> {
        if let Some(inflow) = &consumer.inflow {
            return Ok(Err(no_history(&consumer.name, &inflow.origin())));
        }
        let mut target = match caught(consumer.handler.open(partition), panicked).await? {
            Target::Transactional(target) => target,
            Target::External(_) => {
                let why = "its effects are outside of the store, where nothing can be made anew";
                return Ok(Err(why.to_owned()));
            }
        };
        if let Err(why) = target.begin_key(&key) {
            return Ok(Err(why));
        }
        let target = Arc::new(Mutex::new(target));
        let partition = partition.id();
        let slice = Slice::of(&key).get();
        let filter = LogFilter { slices: Some(slice..slice + 1), ..consumer.filter.clone() };
        let of = (&*partition.consumer, partition.generation);
        let waiting = ops::positions_waiting(&**context.stores.work(), of, &key).await?;
        let (at, events, answer) = (Position::START, 0, None);
        let mut anew =
            Self { key, partition, consumer, target, filter, at, events, waiting, answer };
        match anew.catch_up(&**context.stores.log(), up_to, stop).await {
            Ok(()) => Ok(Ok(anew)),
            Err(error) if error.blames_the_event() => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// Whom to tell what came of it.
    pub(crate) fn answers(mut self, answer: Answer) -> Self {
        self.answer = Some(answer);
        self
    }

    async fn catch_up(
        &mut self,
        log: &dyn EventLog,
        up_to: Position,
        stop: &Stop,
    ) -> Result<(), ConsumeError> {
        while self.at < up_to {
            if stop.is_set() {
                return Err(ConsumeError::Interrupted);
            }
            let query = LogQuery::after(self.at).up_to(up_to).filter(self.filter.clone());
            let page = log.read_log(&query).await?;
            page.check_after(self.at)?;
            for event in page.events {
                let own = self.consumer.key.of(&event) == self.key;
                if !own || self.waiting.contains(&event.position) {
                    continue;
                }
                let taken = {
                    let mut target = self.target.lock().await;
                    caught(target.take(vec![event.clone()]), panicked).await
                };
                taken.map_err(|error| self.consumer.handler.explain(&event, error))?;
                self.events += 1;
            }
            // There is a position behind this one: it is not beyond `up_to`.
            self.at = page.next.max(Position::new(self.at.get() + 1));
        }
        Ok(())
    }

    /// Looks what waits now. Says whether what was read still holds: a key may have been parked or have
    /// healed meanwhile.
    async fn still_holds(&mut self, context: &Context) -> Result<bool, ConsumeError> {
        let of = (&*self.partition.consumer, self.partition.generation);
        let now = ops::positions_waiting(&**context.stores.work(), of, &self.key).await?;
        let holds = now.range(..=self.at).eq(self.waiting.range(..=self.at));
        self.waiting = now;
        Ok(holds)
    }

    fn say(&mut self, answer: Result<String, String>) {
        if let Some(said) = self.answer.take() {
            // Whoever asked may be gone.
            let _ = said.send(answer);
        }
    }
}

impl Transactional {
    /// Writes the rows of a key as they follow from its history up to the checkpoint. Nothing that was
    /// taken in may wait to be written.
    pub(super) async fn make_anew(&mut self, mut anew: Anew) -> Result<(), ConsumeError> {
        let committed = self.worker.committed;
        if anew.at > committed || !anew.still_holds(&self.worker.context).await? {
            return Ok(());
        }
        let log = self.worker.context.stores.log().clone();
        let stop = self.worker.stop.clone();
        let made = match anew.catch_up(&*log, committed, &stop).await {
            Ok(()) => self.write_anew(anew.target.clone(), committed).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(()) => {
                let events = anew.events;
                tracing::info!(partition = %self.worker.id, events, "a key was made anew");
                anew.say(Ok(format!("`{}` was made anew from {events} events", anew.key)));
                Ok(())
            }
            Err(error) if error.blames_the_event() => {
                anew.say(Err(error.to_string()));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn write_anew(
        &mut self,
        target: SharedTarget,
        committed: Position,
    ) -> Result<(), ConsumeError> {
        let batch = Batch {
            target,
            until: Until::all_is_written(),
            step: self.worker.step(committed),
            aside: Vec::new(),
            inbox: None,
            redone: Vec::new(),
            reached: Arc::default(),
            span: Span::current(),
        };
        let written = self.worker.context.stores.work().transact(Box::new(batch)).await;
        // What it remembers of the rows may be wrong now, whatever came of it.
        self.forget().await;
        written.map_err(|error| self.explain(error))
    }
}
