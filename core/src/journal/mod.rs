//! The typed way into a store: aggregates above, raw envelopes below.

mod append;
mod cache;
mod execute;
mod fold;
mod history;
mod observe;
mod options;
mod receipt;
mod register;
mod snapshots;

pub use append::{ImportError, JournalError};
pub use execute::{Execute, ExecuteError};
pub use fold::LoadError;
pub use history::{HistoryEvent, HistoryPage, Loaded};
pub use options::{JournalOptions, Origin};
pub use receipt::Receipt;
pub use register::RegisterError;

use std::any::TypeId;
use std::collections::HashSet;
use std::sync::{Arc, RwLock};

use jiff::Timestamp;

use crate::aggregate::{Aggregate, Clock, DecisionContext, IdGenerator};
use crate::envelope::EventType;
use crate::names::Position;
use crate::names::{InvalidName, StreamId};
use crate::schema::SchemaRegistry;
use crate::store::{AppendHook, EventLog, LogFilter, StoreError, Stores};
use crate::subscription::Subscription;

/// Executes commands, loads aggregates and appends events whose payloads have been checked
/// against their schemas. Cloning is cheap; all clones share one cache of states.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    stores: Stores,
    options: JournalOptions,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    schemas: SchemaRegistry,
    registered: RwLock<HashSet<TypeId>>,
    cache: cache::StateCache,
    snapshots: snapshots::Snapshots,
    hooks: RwLock<Vec<TypedHook>>,
}

/// A hook and the event types it wants to see.
struct TypedHook {
    event_types: Vec<EventType>,
    hook: Arc<dyn AppendHook>,
}

impl Journal {
    /// A journal on a store, or on a log with its workspace elsewhere.
    pub fn new(stores: impl Into<Stores>, options: JournalOptions) -> Self {
        let inner = Inner {
            stores: stores.into(),
            clock: options.clock.clone(),
            ids: options.ids.clone(),
            cache: cache::StateCache::new(options.cached_states),
            options,
            snapshots: snapshots::Snapshots::default(),
            schemas: SchemaRegistry::default(),
            registered: RwLock::default(),
            hooks: RwLock::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The log beneath. Appending to it directly skips schemas and hooks.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        self.inner.stores.log()
    }

    /// The log beneath, and the workspace for what follows from it.
    pub fn stores(&self) -> &Stores {
        &self.inner.stores
    }

    /// The event types this journal knows.
    pub fn schemas(&self) -> &SchemaRegistry {
        &self.inner.schemas
    }

    /// A cursor over the log: what is there after `position`, then what comes.
    pub fn subscribe(&self, filter: LogFilter, position: Position) -> Subscription {
        Subscription::new(self.log().clone(), filter, position)
    }

    /// Runs `hook` in the transaction of every append that has an event of one of these types.
    pub fn add_hook(&self, event_types: Vec<EventType>, hook: Arc<dyn AppendHook>) {
        let mut hooks = self.inner.hooks.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        hooks.push(TypedHook { event_types, hook });
    }

    /// A context for decisions, with this journal's clock and ids.
    pub fn decision_context(&self) -> DecisionContext {
        DecisionContext::new(self.inner.clock.now(), self.inner.ids.clone())
    }

    /// Forgets the commands with an idempotency key that were recorded before a time, and returns
    /// how many there were. Each takes a row for ever otherwise; one that comes again after that is
    /// executed again. Call it now and then, with a time before which nobody retries any more.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; what was forgotten until then stays so.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # use annals_core::{Journal, JournalOptions, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let journal = Journal::new(Arc::new(MemoryStore::default()), JournalOptions::default());
    /// let a_month_ago = jiff::Timestamp::now() - Duration::from_secs(30 * 24 * 60 * 60);
    /// let forgotten = journal.forget_commands(a_month_ago).await?;
    /// # assert_eq!(forgotten, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn forget_commands(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.log().forget_commands(before).await
    }

    /// The stream of an aggregate.
    pub(crate) fn stream_of<A: Aggregate>(id: &A::Id) -> Result<StreamId, InvalidName> {
        StreamId::new(A::CATEGORY, id)
    }
}
