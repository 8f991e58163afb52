//! Contracts that go together, and some that do not.

use serde_json::json;

use super::*;

fn contract(route: &str, events: &[(&str, u32, &str)]) -> Contract {
    let event = |(name, version, kind): &(&str, u32, &str)| {
        EventSchema::new(*name, *version, json!({ "type": kind }))
    };
    Contract {
        route: route.to_owned(),
        version: 1,
        source: "/shop".to_owned(),
        broker: "memory:".to_owned(),
        envelope: Envelope::Plain,
        places: vec![Address::new("orders")],
        events: events.iter().map(event).collect(),
    }
}

#[test]
fn a_contract_is_read_back() {
    let contract = contract("orders-out", &[("shop.paid", 1, "object")]);
    let read: Contract = serde_json::from_str(&contract.text()).expect("it is JSON");
    assert_eq!(read, contract);
}

#[test]
fn an_event_of_two_routes_is_one() {
    let one = contract("a", &[("shop.paid", 1, "object"), ("shop.paid", 2, "object")]);
    let two = contract("b", &[("shop.paid", 2, "object"), ("shop.lost", 1, "object")]);
    assert_eq!(one.newest().iter().map(|event| event.version).collect::<Vec<_>>(), [2]);
    let both = [one, two];
    let events = public_events(&both).expect("they agree");
    let places: Vec<_> = events.into_iter().map(EventSchema::place).collect();
    assert_eq!(places, [("shop.lost", 1), ("shop.paid", 1), ("shop.paid", 2)]);
}

#[test]
fn routes_that_disagree_are_named() {
    let one = contract("a", &[("shop.paid", 1, "object")]);
    let two = contract("b", &[("shop.paid", 1, "string")]);
    let error = public_events(&[one, two]).expect_err("they disagree").to_string();
    assert!(error.contains("`a` and `b`") && error.contains("`shop.paid` version 1"), "{error}");
}
