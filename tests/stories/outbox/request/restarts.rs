//! Whoever answers goes away in between, or the broker does.

use std::time::Duration;

use annals::outbox::{AskError, Sent};
use annals::{ErrorKind, ops};
use uuid::Uuid;

use super::{Counter, Done, LONG, deposit, events, requester, until, wishes};
use crate::homes::Home;

/// A request waits for whoever answers, and what was executed before a restart is not executed after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_outlives_whoever_answers() {
    Home::each(|home| async move {
        let counter = Counter::new();
        let shop = requester(&counter.broker, "shop");
        let (id, place, wish) = (Uuid::now_v7(), wishes(), deposit(1, 500));
        // Nobody is there.
        let moment = Duration::from_millis(50);
        let late = shop.ask_with_id::<_, Done>(id, &place, &wish, moment).await.unwrap_err();
        assert!(matches!(late, AskError::Deadline { sent: Sent::Yes, .. }), "{late}");
        assert_eq!(late.kind(), ErrorKind::OutcomeUnknown);
        assert!(late.to_string().contains(&id.to_string()), "{late}");
        let bank = counter.opens(home.program().await).await;
        until(async || shop.late_replies() == 1).await;
        let done: Done = shop.ask_with_id(id, &place, &wish, LONG).await.unwrap();
        assert_eq!(done, Done::Moved { version: 2 });
        assert_eq!(counter.calls(), 1, "it was remembered");
        bank.shutdown().await;

        let bank = counter.opens(home.program().await).await;
        let done: Done = shop.ask_with_id(id, &place, &wish, LONG).await.unwrap();
        assert_eq!(done, Done::Moved { version: 2 }, "the same answer");
        assert_eq!(counter.calls(), 2, "what was remembered was in memory");
        assert_eq!(events(&bank, 1).await, 2, "executed once on {}", home.name());
        assert_eq!(shop.waiting(), 0);
        bank.shutdown().await;
    })
    .await;
}

/// The wish has its effect, and then there is nobody to take the reply: it waits, and nothing is done again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_down_before_the_reply_only_delays_it() {
    Home::each(|home| async move {
        let counter = Counter::new();
        let bank = counter.opens(home.program().await).await;
        let shop = requester(&counter.broker, "shop");
        let permits = counter.permits.available_permits() as u32;
        let all = counter.permits.clone().acquire_many_owned(permits).await.unwrap();
        let asking = tokio::spawn({
            let shop = shop.clone();
            async move { shop.ask::<_, Done>(&wishes(), &deposit(1, 500), LONG).await }
        });
        counter.called(1).await;
        counter.broker.go_down("somebody pulled the plug");
        drop(all);
        let blocked = async || {
            let consumers = ops::consumers(&**bank.stores().work()).await.unwrap();
            let trouble = &consumers[0].trouble;
            assert_eq!((consumers[0].kind.as_str(), consumers[0].parked_keys), ("responder", 0));
            trouble.iter().any(|trouble| trouble.contains("pulled the plug"))
        };
        until(blocked).await;
        counter.broker.come_up();
        assert_eq!(asking.await.unwrap().unwrap(), Done::Moved { version: 2 });
        assert_eq!((counter.calls(), events(&bank, 1).await), (1, 2), "on {}", home.name());
        bank.shutdown().await;
    })
    .await;
}

/// The broker has the request and says nothing: it is sent again, and absorbed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_doubt_is_sent_again_and_absorbed() {
    Home::each(|home| async move {
        let counter = Counter::new();
        let bank = counter.opens(home.program().await).await;
        let shop = requester(&counter.broker, "shop");
        // So that the answer to the first is not there before the second.
        let permits = counter.permits.available_permits() as u32;
        let all = counter.permits.clone().acquire_many_owned(permits).await.unwrap();
        counter.broker.lose_answers(1);
        let asking = tokio::spawn({
            let shop = shop.clone();
            async move { shop.ask::<_, Done>(&wishes(), &deposit(1, 500), LONG).await }
        });
        until(async || counter.broker.messages("wishes").len() == 2).await;
        drop(all);
        assert_eq!(asking.await.unwrap().unwrap(), Done::Moved { version: 2 });
        // Whatever came first is behind this.
        let done: Done = shop.ask(&wishes(), &deposit(1, 1), LONG).await.unwrap();
        assert_eq!(done, Done::Moved { version: 3 });
        assert_eq!((counter.calls(), events(&bank, 1).await), (2, 3), "on {}", home.name());
        bank.shutdown().await;
    })
    .await;
}
