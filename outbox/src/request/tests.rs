//! What travels, what is taken in, and what is remembered.

use std::collections::BTreeMap;

use annals_consumers::UNREADABLE;
use annals_core::Fingerprint;
use uuid::Uuid;

use super::answers::{Answers, Known};
use super::intake::{self, REQUEST, Taken};
use super::waiting::Waiting;
use super::wire::{self, Said};
use crate::address::Address;
use crate::message::Message;

fn sent(id: Uuid) -> Message {
    let reply_to = Address::new("shop").routing_key("replies.1");
    wire::request((id, Uuid::now_v7()), &reply_to, Some("00-1-2-01".to_owned()), "{}".into())
}

#[test]
fn a_request_is_taken_in_as_it_was_sent() {
    let id = Uuid::now_v7();
    let message = sent(id);
    let event = intake::event(&message, "prices");
    let taken: Taken = event.payload.decode().unwrap();
    assert_eq!((event.event_type, taken.id.as_str()), (REQUEST, id.to_string().as_str()));
    assert_eq!(taken.reply_to(), Address::new("shop").routing_key("replies.1"));
    assert_eq!(event.stream.id(), id.to_string(), "those of one id come in order");
    assert_eq!(event.metadata.traceparent.as_deref(), Some("00-1-2-01"));
    let again = intake::event(&message, "prices");
    assert_eq!(event.id, again.id, "the same message is absorbed");
    let asked_again = intake::event(&sent(id), "prices");
    assert_ne!(event.id, asked_again.id, "the same request is answered again");
    assert_eq!(event.stream, asked_again.stream);
}

#[test]
fn whoever_knows_nothing_of_annals_is_answered_too() {
    let headers = BTreeMap::from([("reply-to".to_owned(), "replies".to_owned())]);
    let message = Message { id: "\u{1}odd".to_owned(), headers, ..sent(Uuid::now_v7()) };
    let taken: Taken = intake::event(&message, "prices").payload.decode().unwrap();
    assert_eq!((taken.id.as_str(), taken.correlation.as_str()), ("\u{1}odd", "\u{1}odd"));

    let nobodys = Message { id: String::new(), ..message.clone() };
    let nowhere = Message { headers: BTreeMap::new(), ..message };
    for message in [nobodys, nowhere] {
        assert_eq!(intake::event(&message, "prices").event_type, UNREADABLE);
    }
}

#[test]
fn the_oldest_answers_are_forgotten_first() {
    let body = Fingerprint::of("a");
    let said = |text: &'static str| Said::Answer(text.into());
    let mut answers = Answers::new(2);
    for id in ["1", "2", "3"] {
        answers.remember(id, body, said("yes"));
    }
    assert_eq!(answers.of("1", &body), Known::New);
    assert_eq!(answers.of("2", &body), Known::Said(said("yes")));
    assert_eq!(answers.of("3", &Fingerprint::of("b")), Known::Another);
    answers.remember("4", body, Said::Answer(vec![b'0'; 10 << 20].into()));
    answers.remember("5", body, Said::Answer(vec![b'0'; 10 << 20].into()));
    assert_eq!(answers.of("4", &body), Known::New, "there is no room for both");
    assert_ne!(answers.of("5", &body), Known::New);
}

#[tokio::test]
async fn a_reply_is_handed_over_once() {
    let (waiting, correlation) = (Waiting::new("shop".to_owned(), 1), Uuid::now_v7());
    let reply = wire::reply(&correlation.to_string(), &Said::refusal("no"));
    let awaited = waiting.begin(correlation).expect("there is room");
    assert!(waiting.begin(Uuid::now_v7()).is_none(), "there is room for one");
    waiting.hand_over(reply.clone());
    assert_eq!(Said::of(awaited.reply().await), Said::refusal("no"));
    assert_eq!((waiting.len(), waiting.late()), (0, 0));
    waiting.hand_over(reply.clone());
    waiting.hand_over(Message { headers: BTreeMap::new(), ..reply });
    assert_eq!(waiting.late(), 2);
    drop(waiting.begin(correlation));
    assert_eq!(waiting.len(), 0);
}
