//! The store under test, with what a case needs around it.

use std::sync::Arc;

use annals_core::store::{Capabilities, Operate, Store};

use crate::{Fixture, ManualClock};

/// The store under test.
pub struct Subject {
    /// A fresh, empty store.
    pub store: Arc<dyn Store>,
    /// The store's clock.
    pub clock: Arc<ManualClock>,
    fixture: Box<dyn Fixture>,
}

impl Subject {
    pub(super) async fn open(fixture: Box<dyn Fixture>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = fixture.open(clock.clone()).await;
        Self { store, clock, fixture }
    }

    /// What the store declares.
    pub fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    /// The same data after everybody has let go of it; `None`, and a word about it, when the
    /// store does not outlive its handle.
    pub async fn reopen(self) -> Option<Self> {
        let Self { store, clock, fixture } = self;
        if !store.capabilities().durable {
            skip("the store declares that it is not durable");
            return None;
        }
        drop(store);
        let store = fixture.reopen(clock.clone()).await;
        let store = store.expect("a durable store's fixture returns a second handle");
        Some(Self { store, clock, fixture })
    }

    /// A second handle beside the first; `None`, and a word about it, when there can be none.
    pub async fn second_handle(&self) -> Option<Arc<dyn Store>> {
        if !self.capabilities().shared {
            skip("the store declares that it is not shared");
            return None;
        }
        self.fixture.reopen(self.clock.clone()).await
    }

    /// The empty store as the command line sees it, with its clock; `None`, and a word about it,
    /// when it cannot.
    pub async fn operate(self) -> Option<Operated> {
        let Self { store, clock, fixture } = self;
        // Some stores take one handle at a time.
        drop(store);
        let store = fixture.operate(clock.clone()).await;
        if store.is_none() {
            skip("the store is not one that the command line looks after");
        }
        Some(Operated { store: store?, clock, _fixture: fixture })
    }

    /// Whether the store takes SQL; says so when it does not.
    pub fn takes_sql(&self) -> bool {
        let sql = self.capabilities().sql;
        if !sql {
            skip("the store declares that it takes no SQL");
        }
        sql
    }
}

/// A store as the command line sees it.
pub struct Operated {
    /// The store; nobody has written to it.
    pub store: Arc<dyn Operate>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    _fixture: Box<dyn Fixture>,
}

fn skip(why: &str) {
    println!("skipped: {why}");
}
