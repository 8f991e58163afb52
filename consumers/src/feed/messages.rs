//! Messages as one partition sees them. The positions of a partition are the numbers of what it was given:
//! 1, 2, 3, …, and go on from its checkpoint. What has come stays until its effect is written, so that it
//! can be handed out once more, and is acknowledged then.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use annals_core::store::{LogPage, StoreError, Workspace};
use annals_core::table::RowQuery;
use annals_core::{Position, RecordedEvent};
use tokio::time::{Instant, timeout_at};

use crate::error::ConsumeError;
use crate::inflow::{Inflow, Inlet};
use crate::records::{PartitionRecord, list, of_generation};

/// What is only used by whoever has it alone, never locked: so that the rest can be shared.
type Alone<T> = std::sync::Mutex<T>;

fn alone<T>(inner: &mut Alone<T>) -> &mut T {
    inner.get_mut().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct MessageFeed {
    work: Arc<dyn Workspace>,
    inflow: Arc<dyn Inflow>,
    partition: PartitionRecord,
    /// Opened with the first message that is wanted, and again after it has broken.
    inlet: Option<Alone<Box<dyn Inlet>>>,
    limit: usize,
    /// What has come and has not had its effect, with its number at the inlet.
    kept: VecDeque<(u64, RecordedEvent)>,
    /// The position of the last message that has come.
    last: Position,
    /// Handed out up to here.
    handed_out: Position,
    /// What the inlet may be told.
    done: Option<u64>,
    /// Whether the end is to be said.
    says_end: bool,
    /// What went wrong behind what was handed out last.
    trouble: Option<ConsumeError>,
}

/// How long more is waited for where much is coming, so that it shares a transaction.
const PATIENCE: Duration = Duration::from_millis(5);

/// So many messages at once say that much is coming: less is handed out without a wait.
const MUCH: usize = 64;

/// So many are enough for a transaction.
const ENOUGH: usize = 1_000;

/// So many bytes are, too.
const ENOUGH_BYTES: usize = 1 << 20;

/// How much has come for one page.
#[derive(Default)]
struct Heap {
    messages: usize,
    bytes: usize,
}

impl Heap {
    fn add(&mut self, came: &[(u64, RecordedEvent)]) {
        self.messages += came.len();
        self.bytes += came.iter().map(|(_, event)| event.bytes()).sum::<usize>();
    }

    fn wants_more(&self) -> bool {
        (MUCH..ENOUGH).contains(&self.messages) && self.bytes < ENOUGH_BYTES
    }
}

impl MessageFeed {
    pub(crate) fn new(
        work: Arc<dyn Workspace>,
        (inflow, partition): (Arc<dyn Inflow>, PartitionRecord),
        limit: usize,
        after: Position,
    ) -> Self {
        Self {
            work,
            inflow,
            partition,
            inlet: None,
            limit: limit.max(1),
            kept: VecDeque::new(),
            last: after,
            handed_out: after,
            done: None,
            says_end: true,
            trouble: None,
        }
    }

    pub(super) fn seek(&mut self, after: Position) {
        self.done(after);
        self.handed_out = after;
    }

    pub(super) fn restart(&mut self, after: Position) {
        self.seek(after);
        self.last = self.last.max(after);
        self.says_end = true;
    }

    pub(super) async fn next(&mut self) -> Result<LogPage, ConsumeError> {
        if std::mem::take(&mut self.says_end) {
            return Ok(page(Vec::new(), self.handed_out));
        }
        let waiting = self.portion(self.handed_out, self.last, self.limit);
        if !waiting.events.is_empty() {
            self.handed_out = waiting.next;
            return Ok(waiting);
        }
        let inlet = match &mut self.inlet {
            Some(inlet) => inlet,
            None => {
                let parts = self.parts().await?;
                let inlet = self.inflow.open(&self.work, &self.partition, parts).await?;
                self.inlet.insert(Alone::new(inlet))
            }
        };
        let inlet = alone(inlet);
        if let Some(error) = self.trouble.take() {
            return Err(error);
        }
        if let Some(number) = self.done {
            // What is not heard comes again, and is known by the inbox; whoever receives makes the connection
            // anew that is missing here.
            if let Err(error) = inlet.acknowledge(number).await {
                tracing::debug!(partition = %self.partition.id(), %error, "not acknowledged");
            }
            self.done = None;
        }
        // What has come is kept before anything else is waited for: this may be dropped at any time.
        let mut heap = Heap::default();
        let mut came = inlet.receive(self.limit).await?;
        let until = Instant::now() + PATIENCE;
        loop {
            heap.add(&came);
            for (number, mut event) in came {
                self.last = Position::new(self.last.get() + 1);
                event.position = self.last;
                self.kept.push_back((number, event));
            }
            if !heap.wants_more() {
                break;
            }
            match timeout_at(until, inlet.receive(self.limit)).await {
                Ok(Ok(more)) => came = more,
                Ok(Err(error)) => {
                    self.trouble = Some(error);
                    break;
                }
                Err(_) => break,
            }
        }
        let came = self.portion(self.handed_out, self.last, self.limit);
        self.handed_out = came.next;
        Ok(came)
    }

    /// Into how many partitions the consumer is cut.
    async fn parts(&self) -> Result<u32, StoreError> {
        let PartitionRecord { consumer, generation, epoch, .. } = &self.partition;
        let conditions = of_generation(consumer, *generation);
        let query = RowQuery { conditions, ..RowQuery::default() };
        let parts = list::<PartitionRecord>(&*self.work, &query).await?;
        let parts = parts.iter().filter(|part| part.epoch == *epoch).count();
        // There are no more than slices.
        Ok(parts as u32)
    }

    /// What was kept between two positions.
    pub(super) fn portion(&self, after: Position, up_to: Position, limit: usize) -> LogPage {
        let first = self.kept.partition_point(|(_, event)| event.position <= after);
        let wanted = self.kept.range(first..).map(|(_, event)| event);
        let wanted = wanted.take_while(|event| event.position <= up_to);
        let events: Vec<_> = wanted.take(limit).cloned().collect();
        let next = events.last().map_or(after, |last| last.position);
        page(events, next)
    }

    pub(super) fn done(&mut self, up_to: Position) {
        while let Some((number, _)) = self.kept.front().filter(|(_, event)| event.position <= up_to)
        {
            self.done = Some(*number);
            self.kept.pop_front();
        }
    }

    /// Tells the inlet what is done, before it is given up.
    pub(crate) async fn close(&mut self) {
        if let (Some(inlet), Some(number)) = (&mut self.inlet, self.done.take()) {
            // What it does not hear of comes again, and is known by the inbox.
            let _ = alone(inlet).acknowledge(number).await;
        }
    }
}

/// A broker keeps back what comes after too much that is not acknowledged, so every page is written at
/// once: its end counts as the end.
fn page(events: Vec<RecordedEvent>, next: Position) -> LogPage {
    LogPage { looked_at: events.len() as u64, events, next, head: next }
}
