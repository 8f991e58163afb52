//! A message comes again when ids of its age are forgotten already, and it still waits behind its key: it must
//! not wait twice. Another consumer that has nothing parked shows that its age was past the limit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::outbox::{Address, Inbound, Mapping, MemoryBroker, Message, Publisher, Reading};
use annals::prelude::*;
use annals::{Annals, EngineOptions, ops};

use super::foreign::message;
use crate::homes::{Home, quick};

#[derive(Event, Debug, Clone)]
#[event(prefix = "parcel")]
enum ParcelFact {
    Weighed { grams: i64 },
}

static MENDED: AtomicBool = AtomicBool::new(false);

/// Whoever forgets first is looked at first: `checked` has what is parked, and `counted` shows that the look
/// went on behind it.
macro_rules! weights {
    ($row:ident, $projection:ident, $table:literal, $takes:expr) => {
        #[derive(ReadModel, Debug, Clone, PartialEq)]
        #[read_model(table = $table)]
        struct $row {
            #[key]
            parcel: u32,
            grams: i64,
            weighings: i64,
        }

        struct $projection;

        impl Projection for $projection {
            type Event = ParcelFact;
            type Row = $row;
            const NAME: &str = $table;

            fn fold(&self, parcel: &u32, row: &mut Option<$row>, event: &Recorded<ParcelFact>) {
                let ParcelFact::Weighed { grams } = event.data;
                assert!($takes(grams), "nothing weighs {grams} g");
                let row = row.get_or_insert($row { parcel: *parcel, grams: 0, weighings: 0 });
                (row.grams, row.weighings) = (row.grams + grams, row.weighings + 1);
            }
        }
    };
}

weights!(Checked, Checks, "checked", |grams: i64| grams > 0 || MENDED.load(Ordering::SeqCst));
weights!(Counted, Counts, "counted", |_: i64| true);

fn weighed(id: &str, parcel: u32, grams: i64) -> Message {
    let body = serde_json::json!({
        "id": id, "type": "parcel.weighed", "parcel": parcel.to_string(), "data": { "grams": grams },
    });
    message(&body.to_string())
}

/// Of the row of a parcel: its grams and how often it was weighed.
async fn checked(service: &Annals, parcel: u32) -> Option<(i64, i64)> {
    let row = service.read::<Checked>().get(&parcel).await.expect("it can be read");
    row.map(|row| (row.grams, row.weighings))
}

/// Waits until something is so; the story has a time limit.
async fn until(what: impl AsyncFn() -> bool) {
    while !what().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_not_forgotten() {
    Home::each(|home| async move {
        MENDED.store(false, Ordering::SeqCst);
        let broker = MemoryBroker::default();
        let reading = Mapping::new("/type", "/data").id("/id").stream("parcel", "/parcel");
        let reading = Reading::mapped(reading);
        let inbound = Inbound::new("post", broker.source(["parcels"])).reading(reading);
        let options = EngineOptions {
            // An id is older than that as soon as anybody looks.
            inbox_kept: Duration::ZERO,
            lease: Duration::from_millis(300),
            retry_in_place: Duration::from_millis(5),
            parked_after: Duration::from_secs(3_600),
            parked_at_most: Duration::from_secs(3_600),
            ..quick()
        };
        let service = home.program().await.project_from(&inbound, Checks);
        let service = service.project_from(&inbound, Counts).engine_options(options);
        let service = service.start().await.expect("it starts");
        let work = service.stores().work().clone();
        let send = async |id: &str, parcel, grams| {
            let message = weighed(id, parcel, grams);
            broker.publish(&Address::new("parcels"), &message).await.expect("it is up");
        };
        let waiting = async || {
            let parked = ops::parked(&*work, "checked").await.expect("it can be read");
            parked.iter().map(|key| key.events).sum::<u64>()
        };
        let remembered =
            async |consumer| ops::remembered(&*work, consumer).await.expect("it can be read");

        send("1", 7, -5).await;
        send("2", 7, 20).await;
        until(async || waiting().await == 2).await;
        send("3", 8, 30).await;
        until(async || checked(&service, 8).await.is_some()).await;
        until(async || service.read::<Counted>().count().await.expect("it can be read") == 2).await;
        until(async || remembered("counted").await == 0).await;

        for (id, grams) in [("1", -5), ("2", 20)] {
            send(id, 7, grams).await;
        }
        // What comes behind them has its effect: they have been dealt with.
        send("4", 9, 40).await;
        until(async || checked(&service, 9).await.is_some()).await;
        assert_eq!(waiting().await, 2, "on {}", home.name());

        MENDED.store(true, Ordering::SeqCst);
        let keys = ops::parked(&*work, "checked").await.expect("it can be read");
        let retry = ops::Ask::Retry(keys.into_iter().map(|parked| parked.key).collect());
        ops::ask(&*work, "checked", &retry, ("ann", "mended")).await.expect("it is known");
        until(async || waiting().await == 0).await;
        assert_eq!(checked(&service, 7).await, Some((15, 2)), "on {}", home.name());
        // Nothing needs them any more.
        until(async || remembered("checked").await == 0).await;
        assert!(service.shutdown().await.is_empty());
    })
    .await;
}
