//! The events of one command are more than a page: a repetition brings all of them back, and a state is
//! folded from all of them.

use annals::prelude::*;
use annals::{MemoryStore, UnknownEvents};

const EVENTS: usize = 3;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(name = "document.extended")]
struct Extended {
    text: String,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("never refused")]
struct Never;

#[derive(Aggregate, Debug, Default, Clone, PartialEq)]
#[aggregate(category = "document", id = u64, event = Extended, error = Never)]
struct Document {
    bytes: usize,
}

impl Apply for Document {
    fn apply(&mut self, event: &Extended) {
        self.bytes += event.text.len();
    }
}

#[tokio::test]
async fn a_command_of_more_than_a_page() {
    let annals = Annals::on(MemoryStore::default()).events::<Extended>().start().await.unwrap();
    let text = "x".repeat(10 << 20);
    let extend = |_: &Document| {
        let event = Extended { text: text.clone() };
        Ok::<_, Never>(vec![event; EVENTS])
    };
    let first = annals.execute(&1, extend).idempotency_key("k").await.unwrap();
    let again = annals.execute(&1, extend).idempotency_key("k").await.unwrap();
    assert!(again.repeated && again.events.len() == EVENTS);
    assert_eq!(again.event_ids, first.event_ids);
    assert_eq!(annals.load::<Document>(&1).await.unwrap().state.bytes, EVENTS * text.len());

    // History comes in pages, and each leads on.
    let (mut after, mut seen) = (annals::StreamVersion::NONE, 0);
    loop {
        let page = annals.history::<Document>(&1, after, UnknownEvents::Error).await.unwrap();
        seen += page.events.len();
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen, EVENTS);
}
