//! A history that is read page by page is read to its end, whatever it passes over.

use std::convert::Infallible;

use annals_core::store::{Append, MAX_PAGE};
use annals_core::{
    Aggregate, Apply, Event, ExpectedVersion, HistoryEvent, NewEvent, Payload, StreamId,
    StreamVersion, UnknownEvents,
};

use super::stage::on_every_store;
use crate::bank::{Account, ann, version};

#[derive(Event, Debug, Clone, PartialEq)]
#[event(name = "page.known", crate = annals_core)]
struct Known {
    n: usize,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "page", id = u32, event = Known, error = Infallible, crate = annals_core)]
struct Reader;

impl Apply for Reader {
    fn apply(&mut self, _: &Known) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_passed_over_does_not_end_it() {
    on_every_store(async |stage| {
        let stream = StreamId::parse("page-1").expect("a stream name");
        let unknown = || NewEvent::raw("page.unknown", 1, Payload::from_stored("{}"));
        let known = |n| NewEvent::of(&Known { n }).expect("it can be written");
        // A page and more of what nobody knows stands before the last.
        let batches: [Vec<NewEvent>; 3] = [
            (0..3).map(known).collect(),
            (0..MAX_PAGE).map(|_| unknown()).collect(),
            (3..5).flat_map(|n| [unknown(), known(n)]).collect(),
        ];
        for batch in batches {
            let append = Append::to(stream.clone(), ExpectedVersion::Any, batch);
            stage.store.append(append).await.expect("there are no expectations");
        }
        let journal = stage.process(|options| options).journal;
        for unknown in [UnknownEvents::Skip, UnknownEvents::Raw] {
            let (mut after, mut seen, mut others, mut pages) = (version(0), Vec::new(), 0, 0);
            loop {
                let page = journal.history::<Reader>(&1, after, unknown).await;
                let page = page.expect("it can be read");
                pages += 1;
                for event in page.events {
                    match event {
                        HistoryEvent::Known(event) => seen.push(event.data.n),
                        HistoryEvent::Unknown(_) => others += 1,
                    }
                }
                match page.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            assert_eq!(seen, [0, 1, 2, 3, 4], "{}", stage.name);
            let all = if unknown == UnknownEvents::Raw { MAX_PAGE + 2 } else { 0 };
            assert_eq!((others, pages), (all, 2), "{}", stage.name);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_the_largest_number_there_is_nothing() {
    on_every_store(async |stage| {
        let journal = stage.process(|options| options).journal;
        let deposit = |account: &Account| account.deposit(1);
        journal.execute(&ann(), deposit).await.expect("never refused");
        for after in [1, i64::MAX as u64, u64::MAX - 1, u64::MAX] {
            let after = StreamVersion::new(after);
            let page = journal.history::<Account>(&ann(), after, UnknownEvents::Error).await;
            let page = page.expect("it can be read");
            assert_eq!((page.events.len(), page.next), (0, None), "{} {after}", stage.name);
        }
    })
    .await;
}
