//! Figures of appends, commands and consumers, on every store.

use std::time::Duration;

use annals::prelude::*;
use annals::store::{Append, BoxError};
use annals::table::TableSpec;
use annals::{
    ConsumeError, EventHandler, ExpectedVersion, HandlerTables, NewEvent, Subscriber, async_trait,
};
use annals_tests::bank::{Account, AccountEvent, Balance, Balances};

use super::recorder::Figures;
use crate::homes::{Home, deposit, stream};

/// A category that no other story counts commands of.
#[derive(Aggregate, Debug, Default)]
#[aggregate(category = "measured", id = u64, event = AccountEvent, error = annals_tests::bank::AccountError)]
struct Measured;

impl Apply for Measured {
    fn apply(&mut self, _: &AccountEvent) {}
}

fn ten() -> Result<Vec<AccountEvent>, annals_tests::bank::AccountError> {
    Ok(vec![AccountEvent::Deposited { cents: 1 }; 10])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_and_commands_are_measured() {
    let figures = Figures::of_process();
    Home::each(|home| async move {
        let annals = home.program().await.start().await.unwrap();
        annals.execute(&1, |_: &Measured| ten()).await.unwrap();
        let refused = annals.execute(&1, |account: &Account| account.withdraw(1)).await;
        assert!(refused.is_err());
        let event = NewEvent::of(&AccountEvent::Deposited { cents: 1 }).unwrap();
        let late = Append::to(
            "measured-1".parse().unwrap(),
            ExpectedVersion::NoStream,
            vec![event.clone()],
        );
        assert!(annals.append(late).await.is_err(), "the stream is there");
        let import = Append::to("measured-2".parse().unwrap(), ExpectedVersion::Any, vec![event]);
        annals.import(vec![import]).await.unwrap();

        // Other stories record as well: what is counted here is there, among theirs.
        let store = [("store", home.name())];
        let events = figures.of("annals_append_batch_events", &store);
        assert!(events.iter().any(|events| *events >= 10.0), "{events:?} on {}", home.name());
        let appends = figures.of("annals_append_batch_appends", &store);
        assert!(appends.len() >= 2 && appends.iter().all(|appends| *appends >= 1.0));
        assert!(figures.of("annals_append_batch_seconds", &store).len() >= 2);
        assert!(!figures.of("annals_append_seconds", &[("outcome", "ok")]).is_empty());
        assert!(!figures.of("annals_append_seconds", &[("outcome", "conflict")]).is_empty());
        annals.shutdown().await;
    })
    .await;
    let of = |outcome| {
        let labels = [("category", "measured"), ("outcome", outcome)];
        figures.of("annals_commands_total", &labels).iter().sum::<f64>()
    };
    assert_eq!((of("ok"), of("refused")), (3.0, 0.0), "one on every store");
    let labels = [("category", "account"), ("outcome", "refused")];
    assert!(!figures.of("annals_commands_total", &labels).is_empty());
}

/// The balances, under a name that no other story counts.
struct Counted;

impl Projection for Counted {
    type Event = AccountEvent;
    type Row = Balance;
    const NAME: &'static str = "counted_balances";

    fn fold(&self, account: &u32, row: &mut Option<Balance>, event: &Recorded<AccountEvent>) {
        Balances.fold(account, row, event);
    }
}

/// One row an event.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "counted_lines")]
struct Line {
    #[key]
    position: i64,
}

struct Lines;

#[async_trait]
impl EventHandler for Lines {
    type Event = AccountEvent;
    const NAME: &'static str = "counted_lines";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![Line::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        tables.put(&Line { position: event.position.get().cast_signed() }).await
    }
}

/// Cannot deal with the events of account 2.
struct Picky;

#[async_trait]
impl Subscriber for Picky {
    type Event = AccountEvent;
    const NAME: &'static str = "counted_letters";

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        match event.stream == stream(2) {
            true => Err(ConsumeError::retry("nobody lives there")),
            false => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_consumers_do_is_counted() {
    let figures = Figures::of_process();
    let sum = |name: &str, consumer: &str| {
        figures.of(name, &[("consumer", consumer)]).iter().sum::<f64>()
    };
    Home::each(|home| async move {
        let names = ["counted_balances", "counted_lines", "counted_letters"];
        let rows_before = names.map(|name| sum("annals_consumer_rows_total", name));
        let events_before = names.map(|name| sum("annals_consumer_events_total", name));
        let counters = ["retries", "parked"].map(|what| format!("annals_consumer_{what}_total"));
        let troubles = || counters.each_ref().map(|counter| sum(counter, "counted_letters"));
        let before = troubles();
        let program = home.program().await.project(Counted).handle(Lines).subscriber(Picky);
        let annals = program.start().await.unwrap();
        deposit(&annals, 1, 20).await;
        let last = deposit(&annals, 2, 1).await;
        annals.wait_for(last, Duration::from_secs(30)).await.unwrap();
        while sum("annals_consumer_parked_total", "counted_letters") == before[1] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for (name, before) in names.iter().zip(events_before) {
            let events = sum("annals_consumer_events_total", name) - before;
            assert!(events >= 21.0, "{name} has taken in {events} on {}", home.name());
        }
        for name in ["counted_balances", "counted_lines"] {
            assert!(sum("annals_consumer_batches_total", name) >= 1.0, "{name}");
            assert!(!figures.of("annals_consumer_batch_seconds", &[("consumer", name)]).is_empty());
        }
        let rows = names.map(|name| sum("annals_consumer_rows_total", name));
        assert!(rows[0] - rows_before[0] >= 2.0, "one an account at the least");
        assert_eq!(rows[1] - rows_before[1], 21.0, "one an event");
        let troubles = troubles();
        assert!(troubles[0] > before[0], "it was tried again before it was parked");
        assert_eq!(troubles[1] - before[1], 1.0);
        annals.shutdown().await;
    })
    .await;
}
