//! What the read models show of a purchase.

use annals::store::{LogFilter, LogQuery};
use annals::{Annals, Decimal, Position, Timestamp};

use super::*;
use crate::desk::{Desk, Outcome, Purchase, Return};
use crate::domain::{Buyer, CreditNote, Line, Pays, PlaceOrder, Product, Rejection};
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
    let pays = Pays { method: "card".into(), limit: limit.map(Decimal::from) };
    Purchase { id: id.into(), order: PlaceOrder { buyer: buyer(), placed_at, lines, pays } }
}

async fn shop_with_lanterns(quantity: i64) -> (Annals, Desk) {
    let annals = shop::open("memory:").await.unwrap();
    let id = "LANTERN".to_owned();
    annals.execute(&id, |lantern: &Product| lantern.list("lantern", 3.into())).await.unwrap();
    annals.execute(&id, |lantern: &Product| lantern.receive(quantity)).await.unwrap();
    let desk = Desk::open(&annals).await.unwrap();
    (annals, desk)
}

async fn stock(annals: &Annals, desk: &Desk) -> i64 {
    shop::settled(annals, desk).await.unwrap();
    annals.read::<StockLevel>().get(&"LANTERN".to_owned()).await.unwrap().unwrap().on_hand
}

#[tokio::test]
async fn a_confirmed_order_is_seen_by_every_read_model() {
    let (annals, desk) = shop_with_lanterns(10).await;
    let done = desk.check_out(&purchase("1", 4, None)).await.unwrap();
    assert_eq!((done.outcome, done.repeated), (Outcome::Confirmed, false));
    assert_eq!(stock(&annals, &desk).await, 6);

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
    let (annals, desk) = shop_with_lanterns(10).await;
    let short = desk.check_out(&purchase("1", 11, None)).await.unwrap();
    assert_eq!(short.outcome, Outcome::Rejected(Rejection::OutOfStock));
    let poor = desk.check_out(&purchase("2", 10, Some(5))).await.unwrap();
    assert_eq!(poor.outcome, Outcome::Rejected(Rejection::Declined));
    assert_eq!(stock(&annals, &desk).await, 10);
    assert_eq!(annals.read::<CountryDay>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn an_order_that_comes_again_changes_nothing() {
    let (annals, desk) = shop_with_lanterns(10).await;
    for repeated in [false, true] {
        let done = desk.check_out(&purchase("1", 4, None)).await.unwrap();
        assert_eq!((done.outcome, done.repeated), (Outcome::Confirmed, repeated));
        let done = desk.check_out(&purchase("2", 7, None)).await.unwrap();
        assert_eq!(
            (done.outcome, done.repeated),
            (Outcome::Rejected(Rejection::OutOfStock), repeated)
        );
        assert_eq!(stock(&annals, &desk).await, 6);
    }
}

#[tokio::test]
async fn an_order_left_half_done_is_finished() {
    let (annals, desk) = shop_with_lanterns(10).await;
    let purchase = purchase("1", 4, None);
    // What a program leaves that is killed after the order is placed; the saga goes on without it.
    annals.execute(&purchase.id, purchase.order.clone()).idempotency_key("1/place").await.unwrap();
    assert_eq!(desk.check_out(&purchase).await.unwrap().outcome, Outcome::Confirmed);
    assert_eq!(stock(&annals, &desk).await, 6);
}

#[tokio::test]
async fn an_order_of_600_lines_goes_all_the_way_or_all_the_way_back() {
    let (annals, desk) = shop_with_lanterns(600).await;
    let mut many = purchase("1", 1, Some(1_000));
    many.order.lines = vec![many.order.lines[0].clone(); 600];
    let poor = desk.check_out(&many).await.unwrap();
    assert_eq!(poor.outcome, Outcome::Rejected(Rejection::Declined));
    assert_eq!(stock(&annals, &desk).await, 600);
    many.id = "2".into();
    many.order.pays.limit = None;
    assert_eq!(desk.check_out(&many).await.unwrap().outcome, Outcome::Confirmed);
    assert_eq!(stock(&annals, &desk).await, 0);
}

#[tokio::test]
async fn a_customer_is_told_once_how_an_order_has_ended() {
    let (annals, desk) = shop_with_lanterns(10).await;
    for _ in 0..2 {
        desk.check_out(&purchase("1", 4, None)).await.unwrap();
        desk.check_out(&purchase("2", 7, None)).await.unwrap();
    }
    shop::settled(&annals, &desk).await.unwrap();
    let filter = LogFilter { categories: vec!["notification".into()], ..LogFilter::default() };
    let query = LogQuery::after(Position::START).filter(filter);
    let told = annals.log().read_log(&query).await.unwrap().events;
    let told: Vec<_> = told.iter().map(|event| event.payload.as_str()).collect();
    let texts = ["your order 1 is on its way", "we are sorry for 2: lantern: 7 wanted, 6 left"];
    assert_eq!(told, texts.map(|text| format!("{{\"text\":\"{text}\"}}")));
}

#[tokio::test]
async fn what_comes_back_is_taken_off_the_sales() {
    let (annals, desk) = shop_with_lanterns(10).await;
    desk.check_out(&purchase("1", 4, None)).await.unwrap();
    let note = CreditNote {
        against: Some("1".into()),
        buyer: buyer(),
        credited_at: Timestamp::UNIX_EPOCH,
        lines: lines(1),
    };
    let back = Return { id: "C1".into(), note };
    for repeated in [false, true] {
        let done = desk.take_back(&back).await.unwrap();
        assert_eq!((done.outcome, done.repeated), (Outcome::Credited, repeated));
    }
    assert_eq!(stock(&annals, &desk).await, 7);
    let day = annals.read::<CountryDay>().first().await.unwrap().unwrap();
    assert_eq!((day.credits, day.items, day.sold - day.credited), (1, 3, "7.65".parse().unwrap()));
    let credit = annals.read::<OrderRow>().get(&"C1".to_owned()).await.unwrap().unwrap();
    assert_eq!(
        (credit.total, credit.note.as_str()),
        ("-5.10".parse().unwrap(), "against 1 refunded")
    );
}
