//! What the read models show of a purchase.

use annals::{Annals, Decimal, Timestamp};

use super::*;
use crate::checkout::{Outcome, Purchase, Return, check_out, take_back};
use crate::domain::{Buyer, CreditNote, Line, PlaceOrder, Product, Rejection};
use crate::shop;

fn lines(quantity: i64) -> Vec<Line> {
    let line = |product: &str, goods| Line {
        product: product.into(),
        name: product.to_lowercase(),
        quantity: if goods { quantity } else { 1 },
        price: "2.55".parse().unwrap(),
        goods,
    };
    vec![line("LANTERN", true), line("POST", false)]
}

fn buyer() -> Buyer {
    Buyer { customer: None, name: "guest".into(), country: "France".into() }
}

fn purchase(id: &str, quantity: i64, limit: Option<i64>) -> Purchase {
    let (placed_at, lines) = (Timestamp::UNIX_EPOCH, lines(quantity));
    Purchase {
        id: id.into(),
        order: PlaceOrder { buyer: buyer(), placed_at, lines },
        method: "card",
        limit: limit.map(Decimal::from),
    }
}

async fn shop_with_lanterns(quantity: i64) -> Annals {
    let annals = shop::open("memory:").await.unwrap();
    let id = "LANTERN".to_owned();
    annals.execute(&id, |lantern: &Product| lantern.list("lantern", 3.into())).await.unwrap();
    annals.execute(&id, |lantern: &Product| lantern.receive(quantity)).await.unwrap();
    annals
}

async fn stock(annals: &Annals) -> i64 {
    shop::settled(annals).await.unwrap();
    annals.read::<StockLevel>().get(&"LANTERN".to_owned()).await.unwrap().unwrap().on_hand
}

#[tokio::test]
async fn a_confirmed_order_is_seen_by_every_read_model() {
    let annals = shop_with_lanterns(10).await;
    let done = check_out(&annals, &purchase("1", 4, None)).await.unwrap();
    assert_eq!((done.outcome, done.repeated), (Outcome::Confirmed, false));
    assert_eq!(stock(&annals).await, 6);

    let order = annals.read::<OrderRow>().get(&"1".to_owned()).await.unwrap().unwrap();
    assert_eq!((order.status.as_str(), order.note.as_str()), ("confirmed", "paid by card"));
    assert_eq!((order.items, order.total, order.lines), (4, "12.75".parse().unwrap(), lines(4)));
    let day = annals.read::<CountryDay>().first().await.unwrap().unwrap();
    assert_eq!((day.orders, day.items, day.sold - day.credited), (1, 4, "12.75".parse().unwrap()));
    let best = annals.read::<BestSeller>().first().await.unwrap().unwrap();
    assert_eq!((best.quantity, best.revenue), (4, "10.2".parse().unwrap()));
}

#[tokio::test]
async fn a_refused_order_leaves_the_stock_as_it_was() {
    let annals = shop_with_lanterns(10).await;
    let short = check_out(&annals, &purchase("1", 11, None)).await.unwrap();
    assert_eq!(short.outcome, Outcome::Rejected(Rejection::OutOfStock));
    let poor = check_out(&annals, &purchase("2", 10, Some(5))).await.unwrap();
    assert_eq!(poor.outcome, Outcome::Rejected(Rejection::Declined));
    assert_eq!(stock(&annals).await, 10);
    assert_eq!(annals.read::<CountryDay>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn an_order_that_comes_again_changes_nothing() {
    let annals = shop_with_lanterns(10).await;
    for repeated in [false, true] {
        let done = check_out(&annals, &purchase("1", 4, None)).await.unwrap();
        assert_eq!((done.outcome, done.repeated), (Outcome::Confirmed, repeated));
        let done = check_out(&annals, &purchase("2", 7, None)).await.unwrap();
        assert_eq!(
            (done.outcome, done.repeated),
            (Outcome::Rejected(Rejection::OutOfStock), repeated)
        );
        assert_eq!(stock(&annals).await, 6);
    }
}

#[tokio::test]
async fn an_order_left_half_done_is_finished() {
    let annals = shop_with_lanterns(10).await;
    let purchase = purchase("1", 4, None);
    // What a program leaves that is killed after the order is placed.
    annals.execute(&purchase.id, purchase.order.clone()).idempotency_key("1/place").await.unwrap();
    let done = check_out(&annals, &purchase).await.unwrap();
    assert_eq!((done.outcome, done.repeated), (Outcome::Confirmed, false));
    assert_eq!(stock(&annals).await, 6);
}

#[tokio::test]
async fn what_comes_back_is_taken_off_the_sales() {
    let annals = shop_with_lanterns(10).await;
    check_out(&annals, &purchase("1", 4, None)).await.unwrap();
    let note = CreditNote {
        against: Some("1".into()),
        buyer: buyer(),
        credited_at: Timestamp::UNIX_EPOCH,
        lines: lines(1),
    };
    let back = Return { id: "C1".into(), note };
    assert!(!take_back(&annals, &back).await.unwrap());
    assert!(take_back(&annals, &back).await.unwrap());
    assert_eq!(stock(&annals).await, 7);
    let day = annals.read::<CountryDay>().first().await.unwrap().unwrap();
    assert_eq!((day.credits, day.items, day.sold - day.credited), (1, 3, "7.65".parse().unwrap()));
    let credit = annals.read::<OrderRow>().get(&"C1".to_owned()).await.unwrap().unwrap();
    assert_eq!(
        (credit.total, credit.note.as_str()),
        ("-5.10".parse().unwrap(), "against 1 refunded")
    );
}
