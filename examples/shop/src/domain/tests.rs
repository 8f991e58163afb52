//! What the aggregates decide.

use annals::Timestamp;
use annals_testkit::Scenario;

use super::customer::CustomerEvent;
use super::order::OrderError;
use super::payment::PaymentError;
use super::product::ProductError;
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
    OrderEvent::Placed { buyer: buyer(), placed_at: Timestamp::UNIX_EPOCH, lines, pays: pays() }
}

fn pays() -> Pays {
    Pays { method: "card".into(), limit: None }
}

fn reserve(quantity: i64) -> Reserve {
    Reserve { order: "1".into(), quantity, amount: quantity.into() }
}

fn reserved(quantity: i64) -> ProductEvent {
    ProductEvent::Reserved { order: "1".into(), quantity, amount: quantity.into() }
}

#[test]
fn what_is_not_there_cannot_be_reserved() {
    let listed = ProductEvent::Listed { name: "lantern".into(), price: 3.into() };
    let history = [listed, ProductEvent::Received { quantity: 10 }, reserved(4)];
    Scenario::<Product>::given(history.clone()).when(reserve(6)).then([reserved(6)]);
    let refused = ProductError::OutOfStock { name: "lantern".into(), wanted: 7, left: 6 };
    assert_eq!(refused.to_string(), "lantern: 7 wanted, 6 left");
    Scenario::<Product>::given(history).when(reserve(7)).then_error(refused);
}

#[test]
fn released_and_returned_goods_are_there_again() {
    let order = || "1".to_owned();
    let released = ProductEvent::Released { order: order(), quantity: 2, amount: 2.into() };
    let returned = ProductEvent::Returned { note: order(), quantity: 1, amount: 1.into() };
    let history = vec![ProductEvent::Received { quantity: 3 }, reserved(3)];
    Scenario::<Product>::given(history.clone())
        .when(Release { order: order(), quantity: 2, amount: 2.into() })
        .then([released.clone()]);
    Scenario::<Product>::given(history.clone())
        .when(TakeBack { note: order(), quantity: 1, amount: 1.into() })
        .then([returned.clone()]);
    Scenario::<Product>::given(history.into_iter().chain([released, returned]))
        .when(reserve(3))
        .then([reserved(3)]);
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
    Scenario::<Order>::given([placed()]).when(Confirm).then([OrderEvent::Confirmed {
        country: "France".into(),
        day: "1970-01-01".parse().unwrap(),
        items: 6,
        amount: "33.30".parse().unwrap(),
    }]);
}

#[test]
fn an_order_is_closed_once() {
    let rejected = OrderEvent::Rejected { reason: Rejection::OutOfStock, detail: "lantern".into() };
    Scenario::<Order>::given([placed(), rejected])
        .when(Confirm)
        .then_error(OrderError::NotOpen(Status::Rejected(Rejection::OutOfStock)));
    let (reason, detail) = (Rejection::Declined, "too much".to_owned());
    Scenario::<Order>::given([placed()])
        .when(Reject { reason, detail: detail.clone() })
        .then([OrderEvent::Rejected { reason, detail }]);
}

#[test]
fn an_order_has_lines_and_a_number_of_its_own() {
    let (placed_at, lines) = (Timestamp::UNIX_EPOCH, Vec::new());
    let place = PlaceOrder { buyer: buyer(), placed_at, lines, pays: pays() };
    Scenario::<Order>::given([]).when(place.clone()).then_error(OrderError::Empty);
    let place = PlaceOrder { lines: vec![line(1, "1", true)], ..place };
    Scenario::<Order>::given([placed()]).when(place).then_error(OrderError::Exists);
}

#[test]
fn a_charge_over_the_limit_is_declined() {
    let charge =
        |limit: i64| Charge { method: "card".into(), amount: 50.into(), limit: Some(limit.into()) };
    let authorised = PaymentEvent::Authorised { method: "card".into(), amount: 50.into() };
    Scenario::<Payment>::given([]).when(charge(50)).then([authorised.clone()]);
    let declined = PaymentError::Declined { amount: 50.into(), limit: 49.into() };
    assert_eq!(declined.to_string(), "50 is over the limit of 49");
    Scenario::<Payment>::given([]).when(charge(49)).then_error(declined);
    Scenario::<Payment>::given([authorised]).when(charge(50)).then_error(PaymentError::Settled);
}

#[test]
fn money_is_refunded_once() {
    let amount = 50.into();
    let authorised = PaymentEvent::Authorised { method: "card".into(), amount };
    let refunded = PaymentEvent::Refunded { amount };
    Scenario::<Payment>::given([authorised]).when(Refund { amount }).then([refunded.clone()]);
    Scenario::<Payment>::given([]).when(Refund { amount }).then([refunded.clone()]);
    Scenario::<Payment>::given([refunded])
        .when(Refund { amount })
        .then_error(PaymentError::Settled);
}
