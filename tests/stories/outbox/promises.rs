//! What relays keep, whoever runs beside them and however slow a broker is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals::outbox::{Address, MemoryBroker, Message, PublishError, Published, Publisher, Route};
use annals::prelude::*;
use annals::store::{Append, LogQuery};
use annals::{Annals, ExpectedVersion, NewEvent, Position, async_trait};
use annals_tests::bank::AccountEvent;
use annals_tests::random::{Random, seed};

use super::{AccountFact, Accounts, shared};
use crate::homes::{Home, deposit, quick, stream};

/// How often each message was sent, in the order of their first time; by key.
fn sent(broker: &MemoryBroker) -> BTreeMap<String, Vec<(String, usize)>> {
    let mut sent: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
    for message in broker.messages("accounts") {
        let of_key = sent.entry(message.key).or_default();
        match of_key.iter_mut().find(|(id, _)| *id == message.id) {
            Some((_, times)) => *times += 1,
            None => of_key.push((message.id, 1)),
        }
    }
    sent
}

/// The ids of an account's events as the log has them.
async fn ids(annals: &Annals, account: u32) -> Vec<String> {
    let page = annals.log().read_log(&LogQuery::after(Position::START)).await;
    let events = page.expect("it can be read").events.into_iter();
    let of_account = events.filter(|event| event.stream == stream(account));
    of_account.map(|event| event.id.to_string()).collect()
}

/// Two programs with one route begin at the same moment on a store that has nothing: one of them sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_started_together_send_each_event_once() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        let starts = (0..2).map(|_| {
            let (home, broker) = (home.clone(), broker.clone());
            tokio::spawn(async move {
                let program = home.program().await.publish(Accounts, shared(&broker));
                program.engine_options(quick()).start().await.expect("both start")
            })
        });
        let mut programs = Vec::new();
        for start in starts.collect::<Vec<_>>() {
            programs.push(start.await.unwrap());
        }
        for round in 0..20 {
            deposit(&programs[round % 2], round as u32 % 5, 3).await;
        }
        broker.watch().wait_for(|came| *came >= 60).await.unwrap();
        for account in 0..5 {
            let of_key = &sent(&broker)[&stream(account).to_string()];
            let (order, times): (Vec<_>, Vec<_>) = of_key.iter().cloned().unzip();
            assert_eq!(order, ids(&programs[0], account).await, "on {}", home.name());
            // A partition may have changed hands while the second one came.
            assert!(times.iter().all(|times| *times <= 2), "{of_key:?}");
        }
        for program in programs {
            assert!(program.shutdown().await.is_empty());
        }
    })
    .await;
}

/// A broker that takes its time, which differs from message to message.
struct Slow {
    broker: MemoryBroker,
    random: Mutex<Random>,
    under_way: Mutex<Vec<String>>,
    most: AtomicUsize,
}

#[async_trait]
impl Publisher for Slow {
    fn broker(&self) -> &str {
        "a slow broker"
    }

    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        self.broker.prepare(places).await
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let pause = self.random.lock().unwrap().below(5);
        {
            let mut under_way = self.under_way.lock().unwrap();
            assert!(!under_way.contains(&message.key), "two of one key are under way");
            under_way.push(message.key.clone());
            self.most.fetch_max(under_way.len(), Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let published = self.broker.publish(to, message).await;
        self.under_way.lock().unwrap().retain(|key| *key != message.key);
        published
    }
}

/// Messages of sixteen keys and more are under way at once, and overtake each other; those of one key do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_under_way_keep_the_order_of_each_key() {
    Home::each(|home| async move {
        let seed = seed();
        let broker = MemoryBroker::default();
        let slow = Arc::new(Slow {
            broker: broker.clone(),
            random: Mutex::new(Random::new(seed)),
            under_way: Mutex::default(),
            most: AtomicUsize::default(),
        });
        let program = home.program().await.start().await.unwrap();
        for n in 0..400 {
            deposit(&program, n % 40, 1).await;
        }
        program.shutdown().await;
        let program = home.program().await.publish(Accounts, slow.clone()).start().await.unwrap();
        broker.watch().wait_for(|came| *came >= 400).await.unwrap();
        for account in 0..40 {
            let of_key = &sent(&broker)[&stream(account).to_string()];
            let order: Vec<String> = of_key.iter().map(|(id, _)| id.clone()).collect();
            assert_eq!(order, ids(&program, account).await, "seed {seed} on {}", home.name());
        }
        let most = slow.most.load(Ordering::Relaxed);
        assert!(most >= 16, "only {most} were under way at once on {}", home.name());
        assert!(program.shutdown().await.is_empty());
    })
    .await;
}

/// A broker that takes what it is given, and never answers.
struct Silent;

#[async_trait]
impl Publisher for Silent {
    fn broker(&self) -> &str {
        "a silent broker"
    }

    async fn prepare(&self, _: &[Address]) -> Result<(), PublishError> {
        Ok(())
    }

    async fn publish(&self, _: &Address, _: &Message) -> Result<Published, PublishError> {
        std::future::pending().await
    }
}

/// The same events by another route.
struct Audit;

impl Route for Audit {
    type Event = AccountEvent;
    type Public = AccountFact;
    const NAME: &'static str = "audit-out";

    fn source(&self) -> String {
        "/bank".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![Address::new("audit")]
    }

    fn publish(&self, event: &Recorded<AccountEvent>) -> Vec<AccountFact> {
        Accounts.publish(event)
    }
}

/// A broker that does not answer holds up its own route: not another, and not the end of the program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_hangs_holds_up_no_other() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        let options = annals::EngineOptions { stop_within: Duration::from_secs(1), ..quick() };
        let program = home.program().await.engine_options(options);
        let program = program.publish(Accounts, Arc::new(Silent)).publish(Audit, shared(&broker));
        let program = program.start().await.unwrap();
        for account in 0..5 {
            deposit(&program, account, 10).await;
        }
        broker.watch().wait_for(|came| *came >= 50).await.unwrap();
        let end = tokio::time::timeout(Duration::from_secs(15), program.shutdown()).await;
        end.unwrap_or_else(|_| panic!("it does not end on {}", home.name()));
        // What was under way is not done: it is sent by whoever comes next.
        let program =
            home.program().await.publish(Accounts, shared(&broker)).start().await.unwrap();
        broker.watch().wait_for(|came| *came >= 100).await.unwrap();
        assert_eq!(broker.messages("accounts").len(), 50);
        program.shutdown().await;
    })
    .await;
}

/// Two requests have led to events that leave together: each message has the trace of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_has_the_trace_of_its_own_request() {
    Home::each(|home| async move {
        let traces = [1, 2].map(|n| format!("00-{n:032x}-{n:016x}-01"));
        let program = home.program().await.start().await.unwrap();
        for (event, trace) in traces.iter().cycle().take(6).enumerate() {
            let cents = AccountEvent::Deposited { cents: event as i64 + 1 };
            let mut event = NewEvent::of(&cents).unwrap();
            event.metadata.traceparent = Some(trace.clone());
            let append = Append::to(stream(1), ExpectedVersion::Any, vec![event]);
            program.append(append).await.unwrap();
        }
        program.shutdown().await;
        let broker = MemoryBroker::default();
        let program =
            home.program().await.publish(Accounts, shared(&broker)).start().await.unwrap();
        broker.watch().wait_for(|came| *came >= 6).await.unwrap();
        let came = broker.messages("accounts").into_iter().map(|message| {
            let event: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
            event["traceparent"].as_str().map(str::to_owned)
        });
        let wanted = traces.iter().cycle().take(6).cloned().map(Some);
        assert_eq!(came.collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "on {}", home.name());
        program.shutdown().await;
    })
    .await;
}
