//! A name and a schema become binding with their first event, and not with a start.

use annals_core::store::{Append, SchemaStore, StoreError};
use annals_core::{ExpectedVersion, JournalError, NewEvent, Payload, SchemaError, StreamId};
use annals_testkit::Operation;

use super::{changed, first, first_orders, register, write};
use crate::bank::{AccountEvent, Bank};

/// The next program: one variant more, and another shape of one that was never written.
mod next {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: u32 },
        Cancelled { code: u16 },
        Paid { cents: u64 },
    }
}

async fn names(bank: &Bank) -> Vec<String> {
    let stored = bank.memory.schemas().await.expect("schemas can be read");
    stored.into_iter().map(|schema| schema.event_type).collect()
}

#[tokio::test]
async fn a_program_that_started_and_wrote_nothing_stops_no_other() {
    let mut bank = Bank::open();
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");
    write(&bank, "order.placed", r#"{"lines":3}"#).await.expect("it fits");
    assert_eq!(names(&bank).await, ["order.placed"], "only what was written is registered");

    let newer = bank.another();
    register::<next::OrderEvent>(&newer).await.expect("order.cancelled was a draft");
    assert_eq!(names(&bank).await, ["order.placed"], "a start binds nothing");

    register::<first::OrderEvent>(&bank.another()).await.expect("rolled back, it starts");
}

#[tokio::test]
async fn with_its_first_event_a_name_stands() {
    let mut bank = Bank::open();
    register::<next::OrderEvent>(&bank).await.expect("the types hold together");
    write(&bank, "order.paid", r#"{"cents":5}"#).await.expect("it fits");
    assert_eq!(names(&bank).await, ["order.paid"]);
    let older = register::<first::OrderEvent>(&bank.another()).await;
    let vanished = matches!(&older, Err(SchemaError::Vanished { event_type, .. }) if event_type == "order.paid");
    assert!(vanished, "{older:?}");
}

#[tokio::test]
async fn the_store_is_asked_once_for_each_type() {
    let bank = Bank::open();
    bank.journal.register::<AccountEvent>().await.expect("the types hold together");
    let asked = |bank: &Bank| bank.faults().calls(Operation::Schemas);
    let before = asked(&bank);
    bank.deposit(1).await;
    let first = asked(&bank);
    assert!(first > before, "the first deposit makes its schema binding");
    for _ in 0..10 {
        bank.deposit(1).await;
    }
    assert_eq!(asked(&bank), first);
    assert_eq!(bank.faults().calls(Operation::RegisterSchemas), 1);
}

#[tokio::test]
async fn an_import_asks_once_for_all_its_batches() {
    let bank = Bank::open();
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");
    let batch = |number: u32| {
        let event = NewEvent::raw("order.placed", 1, Payload::from_stored(r#"{"lines":3}"#));
        let stream = StreamId::parse(format!("order-{number}")).expect("a stream name");
        Append::to(stream, ExpectedVersion::Any, vec![event])
    };
    bank.journal.import((0..100).map(batch).collect()).await.expect("all fit");
    assert_eq!(bank.faults().calls(Operation::RegisterSchemas), 1);
}

#[tokio::test]
async fn of_two_programs_that_write_first_at_once_the_second_hears_of_the_first() {
    let mut slow = Bank::open();
    let fast = slow.another();
    register::<changed::OrderEvent>(&slow).await.expect("nothing is written yet");
    register::<first::OrderEvent>(&fast).await.expect("nothing is written yet");
    let mut held = slow.faults().hold(Operation::RegisterSchemas, 1);
    let writing = tokio::spawn({
        let journal = slow.journal.clone();
        async move {
            let event = NewEvent::raw("order.placed", 1, Payload::from_stored(r#"{"lines":"x"}"#));
            let stream = StreamId::parse("order-2").expect("a stream name");
            journal.append(Append::to(stream, ExpectedVersion::Any, vec![event])).await
        }
    });
    held.reached().await;
    write(&fast, "order.placed", r#"{"lines":3}"#).await.expect("it is the first");
    held.release();

    let result = writing.await.expect("no panic");

    let conflict = matches!(result, Err(JournalError::Schema(SchemaError::Conflict { .. })));
    assert!(conflict, "{result:?}");
    assert_eq!(slow.stored().await.len(), 1, "the second wrote nothing");
    let again = write(&slow, "order.placed", r#"{"lines":"x"}"#).await;
    assert!(matches!(again, Err(JournalError::Schema(SchemaError::Conflict { .. }))), "{again:?}");
}

#[tokio::test]
async fn a_store_that_cannot_take_the_schema_takes_no_event() {
    let bank = Bank::open();
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");
    bank.faults().fail_next(Operation::RegisterSchemas, 1, StoreError::Closed);
    let result = write(&bank, "order.placed", r#"{"lines":3}"#).await;
    assert!(matches!(result, Err(JournalError::Store(_))), "{result:?}");
    assert!(bank.stored().await.is_empty());
    write(&bank, "order.placed", r#"{"lines":3}"#).await.expect("the next try goes through");
    assert_eq!(names(&bank).await, ["order.placed"]);
}

#[tokio::test]
async fn what_was_refused_at_registration_cannot_be_appended() {
    let mut bank = Bank::open();
    first_orders(&bank).await;
    let before = bank.stored().await.len();
    let restarted = bank.another();
    assert!(register::<changed::OrderEvent>(&restarted).await.is_err());

    let result = write(&restarted, "order.placed", r#"{"lines":"three"}"#).await;

    assert!(matches!(result, Err(JournalError::Schema(_))), "{result:?}");
    assert_eq!(bank.stored().await.len(), before);
}
