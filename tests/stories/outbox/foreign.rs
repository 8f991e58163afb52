//! Messages of services that know nothing of Annals: read by a mapping, or parked with the reason.

use std::path::PathBuf;
use std::time::Duration;

use annals::outbox::{
    Address, Inbound, Mapping, MemoryBroker, Message, Publisher, Reading, Unknown,
};
use annals::prelude::*;
use annals::{Annals, EngineOptions, ops};

use crate::homes::{Home, quick};

/// Where the messages are: `ANNALS_DATA`, or beside the project.
fn foreign(name: &str) -> String {
    let data = std::env::var_os("ANNALS_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let path = data.unwrap_or_else(beside).join("foreign").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{} is needed, and {error}: set ANNALS_DATA to the folder of the data",
            path.display()
        )
    })
}

pub(super) fn message(body: &str) -> Message {
    Message {
        id: String::new(),
        key: String::new(),
        content_type: "application/json".to_owned(),
        attributes: Default::default(),
        headers: Default::default(),
        body: body.to_owned().into(),
    }
}

#[derive(Event, Debug, Clone)]
#[event(prefix = "order")]
enum OrderFact {
    Placed { order_id: String, customer_id: String, total: String },
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "placed_orders")]
struct Order {
    #[key]
    order: String,
    total: String,
    placed_at: Timestamp,
}

struct Orders;

impl Projection for Orders {
    type Event = OrderFact;
    type Row = Order;

    fn fold(&self, order: &String, row: &mut Option<Order>, event: &Recorded<OrderFact>) {
        let OrderFact::Placed { total, .. } = &event.data;
        let (order, total) = (order.clone(), total.clone());
        *row = Some(Order { order, total, placed_at: event.occurred_at });
    }
}

fn envelope() -> Mapping {
    Mapping::new("/event_type", "/data")
        .id("/event_id")
        .version("/event_version")
        .time("/timestamp")
        .source("/source")
        .correlation("/correlation_id")
        .stream("order", "/data/order_id")
}

/// The good one has its effect; of the seven others each waits for a reason of its own, and none vanishes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_parked_with_the_reason() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        let place = Address::new("orders");
        let broken = foreign("broken.ndjson");
        for line in broken.lines() {
            broker.publish(&place, &message(line)).await.unwrap();
        }
        broker.publish(&place, &message(&foreign("envelope.json"))).await.unwrap();
        let inbound =
            Inbound::new("shop", broker.source(["orders"])).reading(Reading::mapped(envelope()));
        let options =
            EngineOptions { retry_in_place: Duration::from_millis(5), most_parked: 20, ..quick() };
        let service = home.program().await.project_from(&inbound, Orders).engine_options(options);
        let service = service.start().await.unwrap();
        let order = loop {
            match service.read::<Order>().get(&"ord_1007".to_owned()).await.unwrap() {
                Some(order) => break order,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        assert_eq!(order.total, "45.49");
        assert_eq!(order.placed_at.to_string(), "2026-03-02T09:15:27.481Z");
        let parked = ops::parked(&**service.stores().work(), "placed_orders").await.unwrap();
        let mut reasons: Vec<_> = parked.iter().map(|key| key.reason.as_str()).collect();
        reasons.sort_unstable();
        let expected = [
            "there is no version at `/event_version`",
            "the id at `/event_id` is null",
            "the type at `/event_type` is empty",
            "version 9",
            "missing field",
            "no JSON",
            "the key `/data` comes twice",
        ];
        for words in expected {
            let found = reasons.iter().any(|reason| reason.contains(words));
            assert!(found, "`{words}` on {}: {reasons:#?}", home.name());
        }
        assert_eq!(reasons.len(), broken.lines().count(), "{reasons:#?}");
        service.shutdown().await;
    })
    .await;
}

#[derive(Event, Debug, Clone)]
#[event(prefix = "crm.contact")]
enum ContactFact {
    Moved { from: String, to: String },
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "contacts")]
struct Contact {
    #[key]
    contact: u32,
    lives_at: String,
}

struct Contacts;

impl Projection for Contacts {
    type Event = ContactFact;
    type Row = Contact;

    fn fold(&self, contact: &u32, row: &mut Option<Contact>, event: &Recorded<ContactFact>) {
        let ContactFact::Moved { to, .. } = &event.data;
        *row = Some(Contact { contact: *contact, lives_at: to.clone() });
    }
}

/// Headers, a blank line, the body: as a broker would hand them out.
fn binary(text: &str) -> Message {
    let (headers, body) = text.split_once("\n\n").expect("a blank line");
    let mut message = message(body.trim_end());
    for header in headers.lines() {
        let (name, value) = header.split_once(": ").expect("a header");
        match name.strip_prefix("ce_") {
            Some(name) => drop(message.attributes.insert(name.to_owned(), value.to_owned())),
            None => value.clone_into(&mut message.content_type),
        }
    }
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cloudevents_of_both_modes_are_read() {
    let broker = MemoryBroker::default();
    let place = Address::new("contacts");
    let structured = Message {
        content_type: "application/cloudevents+json".to_owned(),
        ..message(&foreign("cloudevent.json"))
    };
    // Its schema is another's, whose version is not ours.
    broker.publish(&place, &structured).await.unwrap();
    broker.publish(&place, &structured).await.unwrap();
    broker.publish(&place, &binary(&foreign("binary-mode.txt"))).await.unwrap();
    let reading = Reading::cloudevents()
        .renamed("com.example.contact.moved", "crm.contact.moved")
        .unknown_types(Unknown::PassBy);
    let inbound = Inbound::new("shop", broker.source(["contacts"])).reading(reading);
    let service = Annals::open("memory:").await.unwrap().project_from(&inbound, Contacts);
    let service = service.engine_options(quick()).start().await.unwrap();
    for (contact, lives_at) in [(4411, "7 Harbour Lane"), (4412, "2 Quay")] {
        let row = loop {
            match service.read::<Contact>().get(&contact).await.unwrap() {
                Some(row) => break row,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        assert_eq!(row.lives_at, lives_at);
    }
    service.shutdown().await;
}

/// Ids are forgotten when they are old enough; then a repetition has its effect once more, as the option says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_ids_are_forgotten() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        let place = Address::new("orders");
        let inbound =
            Inbound::new("shop", broker.source(["orders"])).reading(Reading::mapped(envelope()));
        let options = EngineOptions {
            inbox_kept: Duration::ZERO,
            lease: Duration::from_millis(300),
            ..quick()
        };
        let service = home.program().await.project_from(&inbound, Orders).engine_options(options);
        let service = service.start().await.unwrap();
        let send = async || broker.publish(&place, &message(&foreign("envelope.json"))).await;
        send().await.unwrap();
        let work = service.stores().work().clone();
        let remembered = async || ops::remembered(&*work, "placed_orders").await.unwrap();
        while service.read::<Order>().count().await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while remembered().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        service.shutdown().await;
    })
    .await;
}
