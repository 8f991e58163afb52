//! What the aggregates decide.

use annals::Timestamp;
use annals_testkit::Scenario;

use super::customer::CustomerEvent;
use super::order::OrderError;
use super::payment::PaymentError;
use super::*;

fn line(quantity: i64, price: &str, goods: bool) -> Line {
    let price = price.parse().unwrap();
    Line { product: "85123A".into(), name: "T-LIGHT HOLDER".into(), quantity, price, goods }
}

fn buyer() -> Buyer {
    Buyer { customer: Some("17850".into()), name: "Ada".into(), country: "France".into() }
}

fn placed() -> OrderEvent {
    let lines = vec![line(6, "2.55", true), line(1, "18", false)];
    OrderEvent::Placed { buyer: buyer(), placed_at: Timestamp::UNIX_EPOCH, lines }
}

fn sold(quantity: i64) -> ProductEvent {
    ProductEvent::Sold { order: "1".into(), quantity, amount: quantity.into() }
}

#[test]
fn what_is_not_there_cannot_be_sold() {
    let history = [ProductEvent::Received { quantity: 10 }, sold(4)];
    Scenario::<Product>::given(history.clone())
        .when(|product: &Product| product.sell("1", 6, 6.into()))
        .then([sold(6)]);
    Scenario::<Product>::given(history)
        .when(|product: &Product| product.sell("1", 7, 7.into()))
        .then_error(ProductError::OutOfStock { wanted: 7, left: 6 });
}

#[test]
fn released_and_returned_goods_are_there_again() {
    let order = || "1".to_owned();
    let back = [
        ProductEvent::Released { order: order(), quantity: 2, amount: 2.into() },
        ProductEvent::Returned { note: order(), quantity: 1, amount: 1.into() },
    ];
    let history = [ProductEvent::Received { quantity: 3 }, sold(3)].into_iter().chain(back);
    Scenario::<Product>::given(history)
        .when(|product: &Product| product.sell("1", 3, 3.into()))
        .then([sold(3)]);
}

#[test]
fn a_quantity_is_more_than_nothing() {
    Scenario::<Product>::given([])
        .when(|product: &Product| product.receive(0))
        .then_error(ProductError::NoQuantity(0));
}

#[test]
fn listing_and_registering_twice_changes_nothing() {
    let listed = ProductEvent::Listed { name: "Lantern".into(), price: 3.into() };
    Scenario::<Product>::given([listed])
        .when(|product: &Product| product.list("Lamp", 4.into()))
        .then_nothing();
    let registered = CustomerEvent::Registered { name: "Ada".into(), country: "France".into() };
    Scenario::<Customer>::given([registered])
        .when(|customer: &Customer| customer.register("Ada", "Spain"))
        .then_nothing();
}

#[test]
fn a_confirmation_says_what_was_sold() {
    Scenario::<Order>::given([placed()]).when(|order: &Order| order.confirm()).then([
        OrderEvent::Confirmed {
            country: "France".into(),
            day: "1970-01-01".parse().unwrap(),
            items: 6,
            amount: "33.30".parse().unwrap(),
        },
    ]);
}

#[test]
fn an_order_is_closed_once() {
    let rejected = OrderEvent::Rejected { reason: Rejection::OutOfStock, detail: "lantern".into() };
    Scenario::<Order>::given([placed(), rejected])
        .when(|order: &Order| order.confirm())
        .then_error(OrderError::NotOpen(Status::Rejected(Rejection::OutOfStock)));
}

#[test]
fn an_order_has_lines_and_a_number_of_its_own() {
    let place = PlaceOrder { buyer: buyer(), placed_at: Timestamp::UNIX_EPOCH, lines: Vec::new() };
    Scenario::<Order>::given([]).when(place.clone()).then_error(OrderError::Empty);
    let place = PlaceOrder { lines: vec![line(1, "1", true)], ..place };
    Scenario::<Order>::given([placed()]).when(place).then_error(OrderError::Exists);
}

#[test]
fn a_charge_over_the_limit_is_declined_and_that_is_a_fact() {
    let charge =
        |limit: i64| Charge { method: "card".into(), amount: 50.into(), limit: Some(limit.into()) };
    let authorised = PaymentEvent::Authorised { method: "card".into(), amount: 50.into() };
    Scenario::<Payment>::given([]).when(charge(50)).then([authorised.clone()]);
    Scenario::<Payment>::given([]).when(charge(49)).then([PaymentEvent::Declined {
        method: "card".into(),
        amount: 50.into(),
        reason: "50 is over the limit of 49".into(),
    }]);
    Scenario::<Payment>::given([authorised]).when(charge(50)).then_error(PaymentError::Settled);
}
