//! A store that several members work on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::ops::{self, Ask, ConsumerStatus};
use annals::store::{Store, StoreError};
use annals::{Annals, ExecuteError, open_store};
use annals_tests::bank::Account;
use annals_tests::members::{Noting, SPECIAL_CENTS, Seen, Total, Totals};
use tempfile::TempDir;
use uuid::Uuid;

use super::checks::{self, none};
use crate::postgres::place::Place;

/// How often is looked whether something has come to be in the store.
const LOOK_AFTER: Duration = Duration::from_millis(20);

/// The lease of members, unless a story says something else.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// A store by its URL, and the test's own handle of it, which runs no consumers.
pub(crate) struct Site {
    /// The store as members see it.
    pub(crate) url: String,
    /// Where subscribers note what they did.
    pub(crate) effects: PathBuf,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) annals: Annals,
    _directory: TempDir,
}

impl Site {
    /// A schema on a server. What is frozen in a transaction lets go within the lease.
    pub(crate) async fn postgres(place: &Place) -> Self {
        Self::postgres_with(place, "&frozen_after_ms=900").await
    }

    /// The same, with parameters of the URL.
    pub(crate) async fn postgres_with(place: &Place, parameters: &str) -> Self {
        let (url, schema) = (&place.url, &place.schema);
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self::at(format!("{url}?schema={schema}&pool=5{parameters}"), directory).await
    }

    /// A SQLite file.
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("members.db");
        Self::at(format!("sqlite://{}", file.display()), directory).await
    }

    /// A schema whose members reach it by another way, as through a proxy or a pooler.
    pub(crate) async fn postgres_by_way_of(place: &Place, way: &str, parameters: &str) -> Self {
        let schema = &place.schema;
        let members = format!("{way}?schema={schema}&pool=5{parameters}");
        Self { url: members, ..Self::postgres(place).await }
    }

    async fn at(url: String, directory: TempDir) -> Self {
        let store = open_store(&url).await.expect("the store opens");
        let annals = Annals::on_shared(store.clone()).start().await.expect("it starts");
        let effects = directory.path().join("effects");
        Self { url, effects, store, annals, _directory: directory }
    }

    pub(crate) async fn deposit(&self, account: u64, cents: i64) {
        loop {
            let deposit = |account: &Account| account.deposit(cents);
            match self.annals.execute(&account, deposit).await {
                Ok(_) => return,
                // A frozen process has the file locked, and nothing was written.
                Err(ExecuteError::Store(StoreError::Locked { .. })) => {}
                Err(error) => panic!("a deposit failed: {error}"),
            }
        }
    }

    /// The event with which handlers do something in particular.
    pub(crate) async fn deposit_special(&self, account: u64) {
        self.deposit(account, SPECIAL_CENTS).await;
    }

    pub(crate) async fn status(&self, consumer: &str) -> ConsumerStatus {
        let status = ops::consumer(&*self.store, consumer).await.expect("it can be read");
        status.unwrap_or_else(|| panic!("no `{consumer}` is known"))
    }

    /// Waits until a consumer is so.
    pub(crate) async fn until(
        &self,
        consumer: &str,
        what: &str,
        within: Duration,
        is_so: impl Fn(&ConsumerStatus) -> bool,
    ) -> Duration {
        let begun = Instant::now();
        loop {
            let status = self.status(consumer).await;
            if is_so(&status) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < within, "not {what} within {within:?}: {status:#?}");
            tokio::time::sleep(LOOK_AFTER).await;
        }
    }

    /// Waits until a consumer has done everything that is in the log.
    pub(crate) async fn done(&self, consumer: &str, within: Duration) -> Duration {
        let head = self.store.head().await.expect("the head can be read");
        let all = |status: &ConsumerStatus| {
            let parts = &status.partitions;
            let mut serving = parts.iter().filter(|part| part.generation == status.generation);
            let any = serving.clone().next().is_some();
            status.parked_keys == 0 && any && serving.all(|part| part.position >= head)
        };
        self.until(consumer, "done", within, all).await
    }

    pub(crate) async fn ask(&self, consumer: &str, ask: &Ask) -> Uuid {
        let asked = ops::ask(&*self.store, consumer, ask, ("a story", "it is told")).await;
        asked.expect("the consumer is known")
    }

    /// Waits until a request is over, and returns whether it was carried out, and its answer.
    pub(crate) async fn answer(&self, id: Uuid, within: Duration) -> (bool, String) {
        let begun = Instant::now();
        loop {
            let request = ops::request(&*self.store, id).await.expect("it can be read");
            let request = request.expect("it was asked");
            if request.is_over() {
                return (!request.is_refused(), request.answer.unwrap_or_default());
            }
            assert!(begun.elapsed() < within, "no answer within {within:?}: {request:?}");
            tokio::time::sleep(LOOK_AFTER).await;
        }
    }

    /// Everything has had its effect: rows as a replay by one thread makes them, transactional effects
    /// once.
    pub(crate) async fn check(&self) {
        self.check_version::<1>().await;
    }

    /// The same, where a version of the program has the rows.
    pub(crate) async fn check_version<const VERSION: u32>(&self) {
        none(&self.wrong::<VERSION>().await);
    }

    /// What is wrong with the effects in the store.
    pub(crate) async fn wrong<const VERSION: u32>(&self) -> Vec<String> {
        let rows = self.annals.read::<Total>().all().await.expect("the rows can be read");
        let live = self.annals.live(Totals::<VERSION>).all().await.expect("the log can be read");
        let mut live: Vec<_> = live.into_values().collect();
        live.sort_by_key(|row| row.account);
        let seen = self.annals.read::<Seen>().all().await.expect("the rows can be read");
        let mut wrong = checks::as_replayed(&rows, &live);
        wrong.extend(checks::once(&seen, self.head().await));
        wrong
    }

    /// Every event was noted outside at least once; the first time in the order of its account.
    /// Returns how many were noted again.
    pub(crate) async fn check_effects(&self) -> usize {
        let effects = Noting::read(&self.effects);
        let head = self.head().await;
        none(&checks::outside(&effects, head));
        effects.len() - usize::try_from(head).expect("a short log")
    }

    async fn head(&self) -> u64 {
        self.store.head().await.expect("the head can be read").get()
    }
}
