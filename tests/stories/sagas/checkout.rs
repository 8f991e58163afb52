//! A checkout: goods are reserved, the buyer is charged, the order is confirmed; or all of it is undone.

use std::sync::Arc;
use std::time::Duration;

use annals::prelude::*;
use annals::sagas::{Commands, Correlation, Flow, Saga};
use annals::store::{LogFilter, LogQuery};
use annals::{Annals, EngineOptions, Position};
use serde::{Deserialize, Serialize};

use crate::homes::{Home, quick};

/// What happens to goods, money and orders.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "shop")]
pub(super) enum ShopEvent {
    Stocked { pieces: i64 },
    Reserved { order: String },
    Released { order: String },
    Charged { order: String },
    Refunded { order: String },
    Placed { product: String, buyer: String },
    Confirmed,
    Cancelled,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ShopError {
    #[error("sold out")]
    SoldOut,
    #[error("the card was refused")]
    CardRefused,
    #[error("the bank takes nothing back")]
    NothingBack,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "product", id = String, event = ShopEvent, error = ShopError)]
pub(super) struct Product {
    pieces: i64,
}

impl Apply for Product {
    fn apply(&mut self, event: &ShopEvent) {
        match event {
            ShopEvent::Stocked { pieces } => self.pieces += pieces,
            ShopEvent::Reserved { .. } => self.pieces -= 1,
            ShopEvent::Released { .. } => self.pieces += 1,
            _ => {}
        }
    }
}

/// A buyer's account; `poor` has no money, and of `stingy` nothing comes back.
#[derive(Aggregate, Default)]
#[aggregate(category = "account", id = String, event = ShopEvent, error = ShopError)]
pub(super) struct Buyer;

impl Apply for Buyer {
    fn apply(&mut self, _: &ShopEvent) {}
}

#[derive(Aggregate, Default)]
#[aggregate(category = "order", id = String, event = ShopEvent, error = ShopError)]
pub(super) struct Order;

impl Apply for Order {
    fn apply(&mut self, _: &ShopEvent) {}
}

macro_rules! commands {
    ($($name:ident { $($field:ident),* } by $aggregate:ty: |$state:ident, $command:ident| $decide:expr;)*) => {$(
        #[derive(Command, Serialize, Deserialize)]
        #[command(aggregate = $aggregate)]
        pub(super) struct $name { $(pub(super) $field: String),* }

        impl Decide<$name> for $aggregate {
            fn decide(
                &self,
                $command: &$name,
                _: &DecisionContext,
            ) -> Result<Vec<ShopEvent>, ShopError> {
                let $state = self;
                $decide.map(|event| vec![event])
            }
        }
    )*};
}

commands! {
    Reserve { order } by Product: |product, command| match product.pieces {
        0 => Err(ShopError::SoldOut),
        _ => Ok(ShopEvent::Reserved { order: command.order.clone() }),
    };
    Release { order } by Product: |_product, command|
        Ok(ShopEvent::Released { order: command.order.clone() });
    Charge { order, buyer } by Buyer: |_buyer, command| match &*command.buyer {
        "poor" => Err(ShopError::CardRefused),
        _ => Ok(ShopEvent::Charged { order: command.order.clone() }),
    };
    Refund { order, buyer } by Buyer: |_buyer, command| match &*command.buyer {
        "stingy" => Err(ShopError::NothingBack),
        _ => Ok(ShopEvent::Refunded { order: command.order.clone() }),
    };
    Confirm {} by Order: |_order, _command| Ok(ShopEvent::Confirmed);
    Cancel {} by Order: |_order, _command| Ok(ShopEvent::Cancelled);
}

/// The flow of an order. `slow` pays only when the time is over.
#[derive(Default)]
pub(super) struct Checkout;

impl Saga for Checkout {
    type Event = ShopEvent;
    const NAME: &'static str = "checkout";
    const WITHIN: Duration = Duration::from_secs(600);

    fn commands() -> Commands {
        let goods = Commands::of::<Reserve>().and::<Release>();
        goods.and::<Charge>().and::<Refund>().and::<Confirm>().and::<Cancel>()
    }

    fn correlate(event: &Recorded<ShopEvent>) -> Vec<Correlation> {
        match &event.data {
            ShopEvent::Placed { .. } => vec![Correlation::start(event.stream.id())],
            ShopEvent::Charged { order } => vec![Correlation::continues(order)],
            _ => vec![],
        }
    }

    fn on(&mut self, event: &Recorded<ShopEvent>, flow: &mut Flow) {
        match &event.data {
            ShopEvent::Placed { product, buyer } => {
                let order = event.stream.id().to_owned();
                let of = || (order.clone(), buyer.clone());
                let (reserve, release) =
                    (Reserve { order: order.clone() }, Release { order: order.clone() });
                flow.send(product, &reserve).undone_by(product, &release);
                if buyer == "slow" {
                    return flow.wake_after("payment", Duration::from_millis(50));
                }
                let ((order, buyer), (order_again, buyer_again)) = (of(), of());
                let id = buyer.clone();
                let refund = Refund { order: order_again, buyer: buyer_again };
                flow.send(&id, &Charge { order, buyer }).undone_by(&id, &refund);
            }
            ShopEvent::Charged { order } if event.stream.id() == "stingy" => {
                flow.send(order, &Cancel {});
                flow.compensate("nobody likes them");
            }
            ShopEvent::Charged { order } => {
                flow.send(order, &Confirm {});
                flow.complete();
            }
            _ => {}
        }
    }
}

/// A shop with so many pieces of tea.
pub(super) async fn shop(home: &Home, options: EngineOptions) -> Annals {
    let builder = Annals::on_shared(home.store().await).events::<ShopEvent>().saga::<Checkout>();
    builder.engine_options(options).start().await.expect("it starts")
}

pub(super) async fn stock(shop: &Annals, pieces: i64) {
    let stocked = move |_: &Product| Ok::<_, ShopError>(ShopEvent::Stocked { pieces });
    shop.execute(&"tea".to_owned(), stocked).await.expect("it is stocked");
}

pub(super) async fn place(shop: &Annals, order: &str, buyer: &str) {
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
            let own = page.events.iter().filter(|event| event.event_type.as_str().starts_with("shop."));
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
