//! A lane's sums.

use tokio::time::{Duration, Instant};

use super::{At, Room, Seen};
use crate::nats::delivery::{Delivery, Word};

fn at(pending: u64) -> At {
    At {
        consumer: "c".to_owned(),
        last: 0,
        last_delivery: 0,
        pending,
        outstanding: 0,
        ready: 0,
        ready_bytes: 0,
        large: false,
        heard: Instant::now(),
        moved: Instant::now(),
        jump: None,
    }
}

fn message(stream_sequence: u64, consumer_sequence: u64, pending: u64) -> Delivery<'static> {
    Delivery { consumer: "c", stream_sequence, consumer_sequence, pending }
}

#[test]
fn no_more_is_asked_for_than_there_is_room() {
    let mut at = at(100);
    let room = Room { messages: 10, bytes: 1000 };
    let mut asked = 0;
    while let Some(pull) = at.pull(room) {
        asked += pull.batch;
        assert_eq!(pull.max_bytes, 500);
    }
    assert_eq!(asked, 10);
    for number in 1..=5 {
        assert_eq!(at.came(&message(number, number, 9), 10, Instant::now()).ok(), Some(Seen::New));
    }
    assert!(at.pull(room).is_none(), "five have come and are not handed out");
    at.ready = 0;
    at.ready_bytes = 0;
    assert_eq!(at.pull(room).map(|pull| pull.batch), Some(5));
}

#[test]
fn one_message_at_a_time_is_room_enough() {
    let mut at = at(2);
    let room = Room { messages: 1, bytes: 10 };
    assert_eq!(at.pull(room).map(|pull| pull.batch), Some(1));
    assert!(at.pull(room).is_none());
    at.came(&message(1, 1, 1), 5000, Instant::now()).expect("in order");
    assert!(at.pull(room).is_none());
    (at.ready, at.ready_bytes) = (0, 0);
    assert!(at.pull(room).is_some());
}

#[test]
fn a_message_larger_than_the_room_is_asked_for_alone() {
    let mut at = at(1);
    let room = Room { messages: 8, bytes: 100 };
    at.pull(room).expect("there is room");
    at.pull(room).expect("there is room");
    at.said(Word::TooLarge(4), Instant::now()).expect("it goes on");
    assert!(at.pull(room).is_none(), "another pull is on its way");
    at.said(Word::TooLarge(4), Instant::now()).expect("it goes on");
    let pull = at.pull(room).expect("nothing is on its way");
    assert_eq!((pull.batch, pull.max_bytes), (1, 0));
}

#[test]
fn what_comes_again_is_not_taken_twice_and_what_is_lost_is_noticed() {
    let now = Instant::now();
    let mut at = at(5);
    at.came(&message(1, 1, 4), 1, now).expect("in order");
    assert_eq!(at.came(&message(1, 2, 4), 1, now).ok(), Some(Seen::Again));
    assert_eq!(at.came(&message(2, 3, 3), 1, now).ok(), Some(Seen::New));
    assert!(at.came(&message(4, 5, 1), 1, now).is_err(), "delivery 4 is lost");
}

#[test]
fn a_jump_counts_only_while_messages_waited() {
    let now = Instant::now();
    let mut at = at(0);
    at.came(&message(10, 1, 0), 1, now).expect("in order");
    assert_eq!(at.jump, None, "nothing waited");
    at.came(&message(20, 2, 3), 1, now).expect("in order");
    assert_eq!(at.jump, None);
    at.came(&message(30, 3, 2), 1, now).expect("in order");
    at.came(&message(40, 4, 1), 1, now).expect("in order");
    assert_eq!(at.jump, Some(20), "the first");
}

#[test]
fn only_who_waits_for_messages_is_looked_at() {
    let mut at = at(0);
    let quiet = Duration::from_secs(10);
    assert_eq!(at.due(quiet), None);
    at.pull(Room { messages: 4, bytes: 100 }).expect("there is room");
    assert_eq!(at.due(quiet), Some(at.moved + quiet));
    at.looked(at.heard + Duration::from_secs(20));
    assert_eq!(at.outstanding, 0, "without a sign of life, pulls count as lost");
}
