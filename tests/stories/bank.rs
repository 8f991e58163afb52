//! The accounts that most stories are about, and a journal whose store can fail.

use std::sync::Arc;
use std::time::Duration;

use annals_core::store::{EventStore, LogQuery, StreamQuery};
use annals_core::{
    Aggregate, Apply, Event, Journal, JournalOptions, MemoryStore, Position, Receipt,
    RecordedEvent, StreamId, StreamVersion,
};
use annals_testkit::{Faults, FaultyStore, ManualClock, SequentialIds};

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "account", crate = annals_core)]
pub(crate) enum AccountEvent {
    Opened {
        owner: String,
    },
    Deposited {
        #[schemars(range(min = 1))]
        cents: i64,
    },
    Withdrawn {
        cents: i64,
    },
}

pub(crate) use AccountEvent::{Deposited, Opened, Withdrawn};

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum AccountError {
    #[error("only {left} cents are left")]
    Insufficient { left: i64 },
}

#[derive(Aggregate, Default, Debug, Clone, PartialEq)]
#[aggregate(
    category = "account", id = String, event = AccountEvent, error = AccountError,
    crate = annals_core
)]
pub(crate) struct Account {
    pub(crate) owner: Option<String>,
    pub(crate) cents: i64,
}

impl Apply for Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            Opened { owner } => self.owner = Some(owner.clone()),
            Deposited { cents } => self.cents += cents,
            Withdrawn { cents } => self.cents -= cents,
        }
    }
}

impl Account {
    pub(crate) fn open(&self, owner: &str) -> Result<Option<AccountEvent>, AccountError> {
        Ok(self.owner.is_none().then(|| Opened { owner: owner.to_owned() }))
    }

    pub(crate) fn deposit(&self, cents: i64) -> Result<AccountEvent, AccountError> {
        Ok(Deposited { cents })
    }

    pub(crate) fn withdraw(&self, cents: i64) -> Result<AccountEvent, AccountError> {
        if cents > self.cents {
            return Err(AccountError::Insufficient { left: self.cents });
        }
        Ok(Withdrawn { cents })
    }
}

/// One process: a journal on a store that others may share.
pub(crate) struct Bank {
    pub(crate) memory: Arc<MemoryStore>,
    pub(crate) store: Arc<FaultyStore<MemoryStore>>,
    pub(crate) journal: Journal,
    pub(crate) clock: Arc<ManualClock>,
    processes: u64,
}

impl Bank {
    pub(crate) fn open() -> Self {
        let clock = Arc::new(ManualClock::default());
        let memory = Arc::new(MemoryStore::with_clock(clock.clone()));
        Self::on(memory, clock, 0, |options| options)
    }

    pub(crate) fn with(set: impl FnOnce(JournalOptions) -> JournalOptions) -> Self {
        let bank = Self::open();
        Self::on(bank.memory, bank.clock, 0, set)
    }

    /// Another process on the same data, with faults and a cache of its own.
    pub(crate) fn another(&mut self) -> Self {
        self.processes += 1;
        Self::on(self.memory.clone(), self.clock.clone(), self.processes, |options| options)
    }

    fn on(
        memory: Arc<MemoryStore>,
        clock: Arc<ManualClock>,
        process: u64,
        set: impl FnOnce(JournalOptions) -> JournalOptions,
    ) -> Self {
        let store = Arc::new(FaultyStore::new(memory.clone()));
        let options = JournalOptions {
            backoff: Duration::ZERO,
            clock: clock.clone(),
            // No process gives out an id of another.
            ids: Arc::new(SequentialIds::after(process * 1_000_000)),
            ..JournalOptions::default()
        };
        let journal = Journal::new(store.clone(), set(options));
        Self { memory, store, journal, clock, processes: process }
    }

    pub(crate) fn faults(&self) -> &Faults {
        self.store.faults()
    }

    pub(crate) async fn deposit(&self, cents: i64) -> Receipt<AccountEvent> {
        let deposit = move |account: &Account| account.deposit(cents);
        self.journal.execute(&ann(), deposit).await.expect("a deposit is never refused")
    }

    pub(crate) async fn account(&self) -> Account {
        self.journal.load::<Account>(&ann()).await.expect("the account can be loaded").state
    }

    /// What is really stored, whatever the faults.
    pub(crate) async fn stored(&self) -> Vec<RecordedEvent> {
        let page = self.memory.read_log(&LogQuery::after(Position::START)).await;
        page.expect("a memory store can be read").events
    }

    pub(crate) async fn stored_in(&self, stream: &str) -> Vec<RecordedEvent> {
        let stream = StreamId::parse(stream).expect("a stream name");
        let events = self.memory.read_stream(&StreamQuery::all(stream)).await;
        events.expect("a memory store can be read")
    }
}

/// The id of the account that most stories are about.
pub(crate) fn ann() -> String {
    "ann".to_owned()
}

pub(crate) fn version(version: u64) -> StreamVersion {
    StreamVersion::new(version)
}
