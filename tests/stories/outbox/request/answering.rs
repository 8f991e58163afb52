//! Answers, on every store.

use annals::outbox::{AskError, Message, Publisher};
use annals::{ErrorKind, ops};
use uuid::Uuid;

use super::{Counter, Done, LONG, Wish, deposit, events, requester, until, wishes};
use crate::homes::Home;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_comes_or_the_reason_why_not() {
    Home::each(|home| async move {
        let counter = Counter::new();
        let bank = counter.opens(home.program().await).await;
        let shop = requester(&counter.broker, "shop");
        let done: Done = shop.ask(&wishes(), &deposit(1, 500), LONG).await.unwrap();
        // It was opened with that.
        assert_eq!(done, Done::Moved { version: 2 });
        let much = Wish::Withdraw { account: 1, cents: 700 };
        let refused = shop.ask::<_, Done>(&wishes(), &much, LONG).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
        assert!(refused.to_string().contains("only 500 cents are left"), "{refused}");
        // A request that nobody here can read is told so, and keeps nobody waiting.
        let odd = shop.ask::<_, Done>(&wishes(), "a wish", LONG).await.unwrap_err();
        assert!(odd.to_string().contains("cannot be read"), "{odd}");
        // Nor does one whose answer whoever asks cannot read.
        let number = shop.ask::<_, u64>(&wishes(), &deposit(1, 1), LONG).await.unwrap_err();
        assert!(matches!(number, AskError::Unreadable { .. }), "{number}");
        assert_eq!(events(&bank, 1).await, 3);
        assert_eq!((shop.waiting(), shop.late_replies()), (0, 0));
        bank.shutdown().await;
    })
    .await;
}

/// A request that is asked again is answered again, and executed once; its id with other content is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_asked_twice_is_executed_once() {
    Home::each(|home| async move {
        let counter = Counter::new();
        let bank = counter.opens(home.program().await).await;
        let (shop, other) = (requester(&counter.broker, "a"), requester(&counter.broker, "b"));
        let (id, place, wish) = (Uuid::now_v7(), wishes(), deposit(1, 500));
        let (first, again) = tokio::join!(
            shop.ask_with_id::<_, Done>(id, &place, &wish, LONG),
            other.ask_with_id::<_, Done>(id, &place, &wish, LONG),
        );
        assert_eq!(first.unwrap(), Done::Moved { version: 2 });
        assert_eq!(again.unwrap(), Done::Moved { version: 2 });
        assert_eq!((counter.calls(), events(&bank, 1).await), (1, 2), "on {}", home.name());
        let changed = shop.ask_with_id::<_, Done>(id, &place, &deposit(1, 501), LONG).await;
        let changed = changed.unwrap_err().to_string();
        assert!(changed.contains("an id of its own"), "{changed}");
        assert_eq!(events(&bank, 1).await, 2);
        bank.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_get_each_their_own_answer() {
    Home::each(|home| async move {
        let counter = Counter::new();
        let bank = counter.opens(home.program().await).await;
        let shop = requester(&counter.broker, "shop");
        let asks: Vec<_> = (1..=100)
            .map(|bytes| {
                let shop = shop.clone();
                tokio::spawn(async move {
                    shop.ask::<_, Done>(&wishes(), &Wish::Statement { bytes }, LONG).await
                })
            })
            .collect();
        for (bytes, ask) in (1..).zip(asks) {
            let Done::Statement { text } = ask.await.unwrap().unwrap() else {
                panic!("it was asked for a statement");
            };
            assert_eq!(text.len(), bytes);
        }
        assert_eq!((shop.waiting(), shop.late_replies(), counter.calls()), (0, 0, 100));
        bank.shutdown().await;
    })
    .await;
}

/// Nobody can be answered: it is kept with the reason, and the others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_a_place_for_its_reply_is_kept() {
    Home::each(|home| async move {
        let counter = Counter::new();
        let bank = counter.opens(home.program().await).await;
        let message = Message {
            id: "17".to_owned(),
            key: String::new(),
            content_type: "application/json".to_owned(),
            attributes: Default::default(),
            headers: Default::default(),
            body: "{}".into(),
        };
        counter.broker.publish(&wishes(), &message).await.unwrap();
        let shop = requester(&counter.broker, "shop");
        let done: Done = shop.ask(&wishes(), &deposit(1, 500), LONG).await.unwrap();
        assert_eq!(done, Done::Moved { version: 2 });
        let work = bank.stores().work().clone();
        until(async || !ops::parked(&*work, "teller").await.unwrap().is_empty()).await;
        let parked = ops::parked(&*work, "teller").await.unwrap();
        assert_eq!(parked.len(), 1);
        assert!(parked[0].reason.contains("`reply-to`"), "{}", parked[0].reason);
        bank.shutdown().await;
    })
    .await;
}

/// The wish has had its effect: whoever asks is told that, and that the answer is not for sending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_the_broker_does_not_take_is_a_refusal() {
    let counter = Counter::new();
    let bank = counter.opens(annals::Annals::open("memory:").await.unwrap()).await;
    let shop = requester(&counter.broker, "shop");
    counter.broker.take_at_most(2_000);
    let large = shop.ask::<_, Done>(&wishes(), &Wish::Statement { bytes: 5_000 }, LONG).await;
    let large = large.unwrap_err().to_string();
    assert!(large.contains("was dealt with") && large.contains("2000 are taken"), "{large}");
    let done: Done = shop.ask(&wishes(), &Wish::Statement { bytes: 5 }, LONG).await.unwrap();
    assert_eq!(done, Done::Statement { text: "aaaaa".to_owned() });
    bank.shutdown().await;
}
