//! Asking, when the other side or the broker is not there. Replies are sent by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals::ErrorKind;
use annals::outbox::{
    AskError, MemoryBroker, Message, Part, Publisher, RequestOptions, Requester, Sent, Source,
};
use annals::resilience::{BreakerState, Step};

use super::{LONG, lane, requester, requester_with, shared, until, wishes};

const MOMENT: Duration = Duration::from_millis(50);

/// The reply to a request.
fn reply(request: &Message, body: &str) -> Message {
    let correlation = request.headers["correlation-id"].clone();
    Message {
        id: format!("{correlation}-reply"),
        key: String::new(),
        content_type: "application/json".to_owned(),
        attributes: BTreeMap::new(),
        headers: BTreeMap::from([("correlation-id".to_owned(), correlation)]),
        body: body.to_owned().into(),
    }
}

/// Replies to the request with this number when it has come.
async fn reply_to(broker: &MemoryBroker, name: &str, number: usize, body: &str) {
    until(async || broker.messages("wishes").len() > number).await;
    let request = &broker.messages("wishes")[number];
    assert_eq!(request.headers["reply-to"], lane(name).name);
    broker.publish(&lane(name), &reply(request, body)).await.unwrap();
}

/// A story that hangs has failed.
async fn story(told: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(60), told).await.expect("it hangs");
}

#[tokio::test]
async fn a_reply_after_the_deadline_is_counted_and_had() {
    story(async {
        let broker = MemoryBroker::default();
        let shop = requester(&broker, "shop");
        let error = shop.ask::<_, u64>(&wishes(), "apples", MOMENT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        let AskError::Deadline { id, sent, .. } = &error else { panic!("{error}") };
        let words = [&id.to_string(), "`wishes`", "50ms", "Ask again with the same id"];
        for word in words {
            assert!(error.to_string().contains(word), "`{word}`: {error}");
        }
        assert_eq!((*sent, shop.waiting()), (Sent::Yes, 0));
        assert_eq!(broker.messages("wishes")[0].headers["request-id"], id.to_string());
        reply_to(&broker, "shop", 0, "1").await;
        until(async || shop.late_replies() == 1).await;
        // Nor does it stand in the way of the next one.
        let place = wishes();
        let asking = shop.ask::<_, u64>(&place, "apples", LONG);
        let (answer, ()) = tokio::join!(asking, reply_to(&broker, "shop", 1, "2"));
        assert_eq!(answer.unwrap(), 2);
        // Both are acknowledged: whoever comes next begins behind them.
        drop(shop);
        broker.publish(&lane("shop"), &reply(&broker.messages("wishes")[0], "3")).await.unwrap();
        let source = broker.source([lane("shop").name]);
        let mut next = source.open("shop", Part { index: 0, of: 1 }).await.unwrap();
        let came = next.receive(10).await.unwrap();
        assert_eq!(came[0].message.body, came.last().unwrap().message.body);
        assert_eq!(came.last().unwrap().message.body, "3");
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_is_down_is_refused_at_once_until_it_works_again() {
    story(async {
        let broker = MemoryBroker::default();
        let shop = requester(&broker, "shop");
        let place = wishes();
        let asking = shop.ask::<_, u64>(&place, "apples", LONG);
        let (answer, ()) = tokio::join!(asking, reply_to(&broker, "shop", 0, "1"));
        assert_eq!(answer.unwrap(), 1);

        broker.go_down("somebody pulled the plug");
        // Each of these ends long before its deadline.
        let down = shop.ask::<_, u64>(&wishes(), "apples", LONG).await.unwrap_err();
        assert!(down.to_string().contains("somebody pulled the plug"), "{down}");
        assert!(down.to_string().contains("memory:"), "{down}");
        assert_eq!(down.kind(), ErrorKind::Transient);
        let breaker = shop.breaker().expect("there is one").clone();
        assert_eq!((breaker.name(), breaker.state().state), ("shop", BreakerState::Open));
        breaker.down("so that no probe comes between");
        let refused = shop.ask::<_, u64>(&wishes(), "apples", LONG).await.unwrap_err();
        let AskError::Unsent { source, .. } = &refused else { panic!("{refused}") };
        assert_eq!(source.refused().map(|refused| refused.step()), Some(Step::Breaker));
        assert_eq!(broker.messages("wishes").len(), 1, "nothing was asked");

        broker.come_up();
        breaker.up();
        let place = wishes();
        let asking = shop.ask::<_, u64>(&place, "apples", LONG);
        let (answer, ()) = tokio::join!(asking, reply_to(&broker, "shop", 1, "2"));
        assert_eq!(answer.unwrap(), 2);
        assert_eq!(breaker.state().state, BreakerState::Closed);
    })
    .await;
}

/// By itself, too: the first ask after a time probes.
#[tokio::test]
async fn the_breaker_finds_out_that_the_broker_works_again() {
    story(async {
        let broker = MemoryBroker::default();
        let shop = requester(&broker, "shop");
        assert!(shop.ask::<_, u64>(&wishes(), "apples", MOMENT).await.is_err());
        broker.go_down("somebody pulled the plug");
        assert!(shop.ask::<_, u64>(&wishes(), "apples", LONG).await.is_err());
        assert_eq!(shop.breaker().unwrap().state().state, BreakerState::Open);
        broker.come_up();
        until(async || {
            let asked = shop.ask::<_, u64>(&wishes(), "apples", MOMENT).await;
            matches!(asked, Err(AskError::Deadline { sent: Sent::Yes, .. }))
        })
        .await;
        assert_eq!(shop.breaker().unwrap().state().state, BreakerState::Closed);
    })
    .await;
}

#[tokio::test]
async fn asks_that_are_dropped_leave_nothing_behind() {
    story(async {
        let broker = MemoryBroker::default();
        let options = RequestOptions { most_waiting: 50, ..RequestOptions::named("shop") };
        let publisher = shared(&broker);
        let source = broker.source([lane("shop").name]);
        let shop = Requester::new(publisher.clone(), source, lane("shop"), options);
        let asks: Vec<_> = (0..50)
            .map(|_| {
                let shop = shop.clone();
                tokio::spawn(async move { shop.ask::<_, u64>(&wishes(), "apples", LONG).await })
            })
            .collect();
        until(async || broker.messages("wishes").len() == 50).await;
        assert_eq!(shop.waiting(), 50);
        let error = shop.ask::<_, u64>(&wishes(), "apples", LONG).await.unwrap_err();
        assert!(error.to_string().contains("50 requests wait"), "{error}");
        for ask in asks {
            ask.abort();
            assert!(ask.await.unwrap_err().is_cancelled());
        }
        assert_eq!(shop.waiting(), 0);
        for request in broker.messages("wishes") {
            broker.publish(&lane("shop"), &reply(&request, "1")).await.unwrap();
        }
        until(async || shop.late_replies() == 50).await;
        assert_eq!(shop.waiting(), 0);
        // The task that receives ends with the last clone.
        drop(shop);
        until(async || Arc::strong_count(&publisher) == 1).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_asked_before_its_reply_could_be_received() {
    story(async {
        let broker = MemoryBroker::default();
        broker.go_down("not started yet");
        let shop = requester_with(&broker, RequestOptions::named("shop"));
        let error = shop.ask::<_, u64>(&wishes(), "apples", LONG).await.unwrap_err();
        assert!(matches!(error, AskError::NoReplies { .. }), "{error}");
        assert!(error.to_string().contains("not started yet"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Transient);
        broker.come_up();
        until(async || {
            let asked = shop.ask::<_, u64>(&wishes(), "apples", MOMENT).await;
            matches!(asked, Err(AskError::Deadline { sent: Sent::Yes, .. }))
        })
        .await;
    })
    .await;
}

/// Replies that cannot be received are no fault of whoever answers, and the error says so.
#[tokio::test]
async fn a_deadline_says_when_replies_could_not_come() {
    story(async {
        let broker = MemoryBroker::default();
        let shop = requester(&broker, "shop");
        let place = wishes();
        let asking = shop.ask::<_, u64>(&place, "apples", Duration::from_millis(500));
        let goes_down = async {
            until(async || broker.messages("wishes").len() == 1).await;
            broker.go_down("somebody pulled the plug");
        };
        let (answer, ()) = tokio::join!(asking, goes_down);
        let error = answer.unwrap_err();
        assert!(matches!(error, AskError::Deadline { sent: Sent::Yes, .. }), "{error}");
        assert!(error.to_string().contains("on memory:: somebody pulled the plug"), "{error}");
    })
    .await;
}
