//! What becomes of an order, told without a store.

use std::time::Duration;

use annals::Timestamp;
use annals_testkit::SagaScenario;

use crate::checkout::Checkout;
use crate::domain::{
    Buyer, Charge, Confirm, Line, OrderEvent, Pays, Refund, Reject, Rejection, Release, Reserve,
    TakeBack, amount_of,
};
use crate::returns::Returns;

fn line(product: &str, goods: bool) -> Line {
    Line { product: product.into(), name: product.into(), quantity: 2, price: 3.into(), goods }
}

fn buyer() -> Buyer {
    Buyer { customer: None, name: "guest".into(), country: "France".into() }
}

fn placed(lines: Vec<Line>) -> OrderEvent {
    let pays = Pays { method: "card".into(), limit: None };
    OrderEvent::Placed { buyer: buyer(), placed_at: Timestamp::UNIX_EPOCH, lines, pays }
}

fn order() -> String {
    "17".into()
}

fn reserve() -> Reserve {
    Reserve { order: order(), quantity: 2, amount: 6.into() }
}

fn release() -> Release {
    Release { order: order(), quantity: 2, amount: 6.into() }
}

fn charge(amount: i64) -> Charge {
    Charge { method: "card".into(), amount: amount.into(), limit: None }
}

fn reject(reason: Rejection, detail: &str) -> Reject {
    Reject { reason, detail: detail.into() }
}

/// An order of a lantern, a lamp, and postage, which no shelf holds.
fn two_products() -> SagaScenario<Checkout> {
    let lines = vec![line("lantern", true), line("lamp", true), line("POST", false)];
    SagaScenario::of("17")
        .when("order-17", placed(lines))
        .then_sends(&"lantern".into(), &reserve())
        .then_sends(&"lamp".into(), &reserve())
}

/// The same, with all goods reserved.
fn reserved() -> SagaScenario<Checkout> {
    let charge = charge(18);
    let first = two_products().when_done("reserve").then_nothing();
    first.when_done("reserve").then_sends(&order(), &charge)
}

#[test]
fn goods_are_reserved_and_paid_for_and_the_order_is_confirmed() {
    reserved()
        .when_done("charge")
        .then_sends(&order(), &Confirm)
        .then_completes()
        .when_done("confirm")
        .then_completed();
}

#[test]
fn what_is_out_of_stock_is_rejected_behind_all_that_is_released() {
    two_products()
        .when_refused_by("reserve", &"lantern", "lantern: 2 wanted, 1 left")
        .then_compensates("lantern: 2 wanted, 1 left")
        .when_done("reserve")
        .then_undoes(&"lamp".into(), &release())
        .when_done("release")
        .then_sends(&order(), &reject(Rejection::OutOfStock, "lantern: 2 wanted, 1 left"))
        .when_done("reject")
        .then_compensated();
}

#[test]
fn what_cannot_be_paid_for_is_released_the_last_first() {
    reserved()
        .when_refused("charge", "18 is over the limit of 10")
        .then_undoes(&"lamp".into(), &release())
        .when_done("release")
        .then_undoes(&"lantern".into(), &release())
        .when_done("release")
        .then_sends(&order(), &reject(Rejection::Declined, "18 is over the limit of 10"))
        .when_done("reject")
        .then_compensated();
}

#[test]
fn an_order_that_is_cancelled_is_refunded_and_released() {
    let cancelled = "ada has cancelled it: a mistake";
    reserved()
        .when_cancelled("ada", "a mistake")
        .then_compensates(cancelled)
        .when_done("charge")
        .then_undoes(&order(), &Refund { amount: 18.into() })
        .when_done("refund")
        .then_undoes(&"lamp".into(), &release())
        .when_done("release")
        .then_undoes(&"lantern".into(), &release())
        .when_done("release")
        .then_sends(&order(), &reject(Rejection::GivenUp, cancelled))
        .when_done("reject")
        .then_compensated();
}

#[test]
fn an_order_ends_within_a_day() {
    two_products()
        .when_time_passes(Duration::from_secs(24 * 3600))
        .then_compensates("has not ended within")
        .when_all_done()
        .then_undoes(&"lamp".into(), &release())
        .then_undoes(&"lantern".into(), &release())
        .then_sends(&order(), &reject(Rejection::GivenUp, "it has not ended within 86400s"))
        .then_compensated();
}

#[test]
fn an_order_without_goods_is_charged_at_once() {
    SagaScenario::<Checkout>::of("17")
        .when("order-17", placed(vec![line("POST", false)]))
        .then_sends(&order(), &charge(6));
}

#[test]
fn an_order_of_600_lines_is_charged_once() {
    let lines = vec![line("lantern", true); 600];
    let total = amount_of(&lines);
    let mut story = SagaScenario::<Checkout>::of("17").given("order-17", placed(lines));
    for _ in 1..600 {
        story = story.when_done("reserve").then_nothing();
    }
    let charge = Charge { amount: total, ..charge(0) };
    story.when_done("reserve").then_sends(&order(), &charge);
}

#[test]
fn what_comes_back_is_put_back_and_refunded() {
    let lines = vec![line("lantern", true), line("D", false)];
    let credited_at = Timestamp::UNIX_EPOCH;
    let back = TakeBack { note: "C1".into(), quantity: 2, amount: 6.into() };
    SagaScenario::<Returns>::of("C1")
        .when(
            "order-C1",
            OrderEvent::Credited { against: None, buyer: buyer(), credited_at, lines },
        )
        .then_sends(&"lantern".into(), &back)
        .then_sends(&"C1".into(), &Refund { amount: 12.into() })
        .then_completes()
        .when_all_done()
        .then_completed();
}
