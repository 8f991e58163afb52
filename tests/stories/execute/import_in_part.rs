//! An import of which some batches fail says what became of each.

use annals_core::store::{Append, StoreError};
use annals_core::{ErrorKind, Event, ExpectedVersion, ImportError, NewEvent, StreamId};

use super::stage::on_every_store;
use crate::bank::{AccountEvent, Deposited, version};

fn batch(account: &str, expected: ExpectedVersion) -> Append {
    let stream = StreamId::new("account", account).expect("a stream name");
    let event = NewEvent::of(&Deposited { cents: 1 }).expect("it can be written");
    Append::to(stream, expected, vec![event])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_others_are_written_and_the_error_says_so() {
    on_every_store(async |stage| {
        let journal = stage.process(|options| options).journal;
        journal.register::<AccountEvent>().await.expect("the types hold together");
        let late = || ExpectedVersion::Exact(version(7));
        let batches = vec![
            batch("a", ExpectedVersion::NoStream),
            batch("b", late()),
            batch("c", ExpectedVersion::NoStream),
            batch("d", late()),
            batch("e", ExpectedVersion::NoStream),
        ];

        let error = journal.import(batches).await.expect_err("two do not fit");

        assert_eq!(error.kind(), ErrorKind::Conflict);
        let text = error.to_string();
        assert!(text.contains("2 of 5") && text.contains("batch 1"), "{text}");
        let ImportError::Batches { results } = error else { panic!("{text}") };
        let written: Vec<bool> = results.iter().map(Result::is_ok).collect();
        assert_eq!(written, [true, false, true, false, true], "{}", stage.name);
        assert!(matches!(results[3], Err(StoreError::Conflict { .. })));
        let stored = stage.stored().await;
        let streams: Vec<_> = stored.iter().map(|event| event.stream.as_str()).collect();
        assert_eq!(streams, ["account-a", "account-c", "account-e"]);
        assert!(AccountEvent::knows(stored[0].event_type.as_str()));
    })
    .await;
}
