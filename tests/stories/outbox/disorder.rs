//! A broker whose order is not certain.

use std::time::Duration;

use annals::outbox::{
    Address, Inbound, MemoryBroker, Part, Publisher, ReceiveError, Receiver, Source,
};
use annals_tests::bank::AccountEvent;
use async_trait::async_trait;

use super::{Accounts, Customer, Customers, shared};
use crate::homes::{Home, append, deposit, quick};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A source that does not promise any order.
struct Unordered<S>(S);

#[async_trait]
impl<S: Source> Source for Unordered<S> {
    fn broker(&self) -> &str {
        self.0.broker()
    }

    fn origin(&self) -> &str {
        self.0.origin()
    }

    fn ordered(&self) -> bool {
        false
    }

    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError> {
        self.0.open(group, part).await
    }
}

/// The last message of a stream comes first, and each of them twice: none is taken for a repetition of one
/// that came later in the stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_late_has_its_effect_all_the_same() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        let bank = home.program().await.publish(Accounts, shared(&broker)).engine_options(quick());
        let bank = bank.start().await.unwrap();
        append(&bank, 1, vec![AccountEvent::Opened { owner: "ann".to_owned() }]).await;
        deposit(&bank, 1, 10).await;
        let sent = async {
            while broker.messages("accounts").len() < 12 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, sent).await.expect("they are sent");
        bank.shutdown().await;

        let backwards = Address::new("backwards");
        let source = Unordered(broker.source(["backwards"]));
        let taxes = home.program().await;
        let inbound = Inbound::new("taxes", source);
        let taxes = taxes.project_from(&inbound, Customers).engine_options(quick());
        let taxes = taxes.start().await.unwrap();
        let knows = async |facts| {
            let row = async {
                loop {
                    let row = taxes.read::<Customer>().get(&1).await.expect("it can be read");
                    match row {
                        Some(row) if row.facts >= facts => return row,
                        _ => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
            };
            tokio::time::timeout(PATIENCE, row).await.expect("each has its effect")
        };
        let mut messages = broker.messages("accounts");
        let last = messages.pop().expect("there are some");
        for message in messages.iter().rev() {
            for _ in 0..2 {
                broker.publish(&backwards, message).await.unwrap();
            }
        }
        knows(11).await;
        // Once more, when everything is written; and then one that is new.
        for message in messages.iter().chain([&last]) {
            broker.publish(&backwards, message).await.unwrap();
        }
        let ann = Customer { account: 1, owner: "ann".to_owned(), cents: 10, facts: 12 };
        assert_eq!(knows(12).await, ann, "on {}", home.name());
        taxes.shutdown().await;
    })
    .await;
}
