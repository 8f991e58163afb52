//! A checkout goes all the way, or all the way back.

use std::sync::Arc;
use std::time::Duration;

use annals::store::{LogFilter, LogQuery};
use annals::{Annals, EngineOptions, Position};
use annals_tests::shop::{Checkout, Order, Product, ShopError, ShopEvent};

use crate::homes::{Home, quick};

/// A shop with so many pieces of tea.
pub(super) async fn shop(home: &Home, options: EngineOptions) -> Annals {
    let builder = Annals::on_shared(home.store().await).events::<ShopEvent>().saga::<Checkout>();
    builder.engine_options(options).start().await.expect("it starts")
}

pub(crate) async fn stock(shop: &Annals, pieces: i64) {
    let stocked = move |_: &Product| Ok::<_, ShopError>(ShopEvent::Stocked { pieces });
    shop.execute(&"tea".to_owned(), stocked).await.expect("it is stocked");
}

pub(crate) async fn place(shop: &Annals, order: &str, buyer: &str) {
    let (product, buyer) = ("tea".to_owned(), buyer.to_owned());
    let placed = move |_: &Order| {
        let (product, buyer) = (product.clone(), buyer.clone());
        Ok::<_, ShopError>(ShopEvent::Placed { product, buyer })
    };
    shop.execute(&order.to_owned(), placed).await.expect("it is placed");
}

/// What has happened, in words, once as many instances have ended as there should.
pub(super) async fn told(shop: &Annals, ends: usize) -> Vec<String> {
    loop {
        let query = LogQuery { filter: LogFilter::default(), ..LogQuery::after(Position::START) };
        let page = shop.log().read_log(&query).await.expect("it can be read");
        let ended = page.events.iter().filter(|event| {
            event.event_type == "annals.saga.stepped" && event.payload.as_str().contains("\"end\"")
        });
        if ended.count() >= ends {
            let own =
                page.events.iter().filter(|event| event.event_type.as_str().starts_with("shop."));
            return own.map(|event| format!("{} {}", event.stream, event.event_type)).collect();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn of<'t>(told: &'t [String], what: &[&str]) -> Vec<&'t str> {
    let wanted = |line: &&String| what.iter().any(|word| line.ends_with(word));
    told.iter().filter(wanted).map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_goes_all_the_way_or_all_the_way_back() {
    Home::each(async |home: Arc<Home>| {
        let shop = shop(&home, quick()).await;
        stock(&shop, 1).await;
        place(&shop, "1", "ada").await;
        let told = told(&shop, 1).await;
        assert_eq!(
            of(&told, &["reserved", "charged", "confirmed"]).len(),
            3,
            "{}: {told:?}",
            home.name()
        );
        place(&shop, "2", "ada").await;
        let told = self::told(&shop, 2).await;
        assert_eq!(of(&told, &["refunded"]), ["account-ada shop.refunded"], "sold out: {told:?}");
        assert_eq!(of(&told, &["released"]), [""; 0], "nothing was taken: {told:?}");
        stock(&shop, 1).await;
        place(&shop, "3", "poor").await;
        let told = self::told(&shop, 3).await;
        assert_eq!(of(&told, &["released"]), ["product-tea shop.released"], "{told:?}");
        place(&shop, "4", "slow").await;
        let told = self::told(&shop, 4).await;
        assert_eq!(of(&told, &["released"]).len(), 2, "its time was over: {told:?}");
        assert_eq!(of(&told, &["confirmed"]).len(), 1, "{told:?}");
        shop.shutdown().await;
    })
    .await;
}
