//! Three versions of an event: written by three generations of a program into one stream, and
//! read by the newest as if they had all been written today.
//!
//! It asserts what it prints, and so it is a smoke test as well.

mod programs;

use std::error::Error;
use std::sync::Arc;

use annals::prelude::*;
use annals::store::{Append, Store, StreamQuery};
use annals::{ExpectedVersion, MemoryStore, NewEvent, StreamId};

use programs::{careless, v1, v2, v3};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // What the generations share: the store outlives every program.
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let stream = StreamId::new("customer", "ada")?;

    let (first_name, last_name) = ("Grace".to_owned(), "Hopper".to_owned());
    let name = v3::Name { first: "Barbara".to_owned(), last: "Liskov".to_owned() };
    run(&store, &stream, v1::CustomerEvent::Registered { name: "Ada Lovelace".to_owned() }).await?;
    run(&store, &stream, v2::CustomerEvent::Registered { first_name, last_name }).await?;
    run(&store, &stream, v3::CustomerEvent::Registered { name, newsletter: true }).await?;

    println!("stored, for ever as it was written:");
    let history = store.read_stream(&StreamQuery::all(stream)).await?;
    for event in &history {
        println!("  {} v{}  {}", event.event_type, event.schema_version, event.payload.as_str());
    }

    let newest = history.last().ok_or("nothing was stored")?.clone();

    println!("\nread by today's program:");
    let mut read = Vec::new();
    for event in history {
        let event = Recorded::<v3::CustomerEvent>::decode(event)?;
        println!("  {:?}", event.data);
        read.push(event.data);
    }
    // Nobody who registered before today had been asked about the newsletter.
    assert_eq!(
        read,
        [
            registered("Ada", "Lovelace", false),
            registered("Grace", "Hopper", false),
            registered("Barbara", "Liskov", true)
        ]
    );

    println!("\na program whose payload changed without a new version does not start:");
    let refused = start::<careless::CustomerEvent>(&store).await.err();
    let refused = refused.ok_or("the careless program started")?.to_string();
    println!("  {refused}");
    assert!(refused.contains("`customer.registered` version 3 differs"), "{refused}");

    println!("\nand last year's program says what it would need to read today's events:");
    let unread = Recorded::<v2::CustomerEvent>::decode(newest).err();
    println!("  {}", unread.ok_or("last year's program read an event of today")?);
    Ok(())
}

fn registered(first: &str, last: &str, newsletter: bool) -> v3::CustomerEvent {
    let name = v3::Name { first: first.to_owned(), last: last.to_owned() };
    v3::CustomerEvent::Registered { name, newsletter }
}

/// Starts a program that knows the events `E`: this is where its schemas are compared with those
/// in the store.
async fn start<E: Event>(store: &Arc<dyn Store>) -> Result<Annals, annals::StartError> {
    Annals::on_shared(store.clone()).events::<E>().start().await
}

/// One generation: starts, appends its event, ends.
async fn run<E: Event>(
    store: &Arc<dyn Store>,
    stream: &StreamId,
    event: E,
) -> Result<(), Box<dyn Error>> {
    let program = start::<E>(store).await?;
    let event = NewEvent::of(&event)?;
    program.append(Append::to(stream.clone(), ExpectedVersion::Any, vec![event])).await?;
    program.shutdown().await;
    Ok(())
}
