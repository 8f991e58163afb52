//! A checkout: goods are reserved, the buyer is charged, the order is confirmed; or all of it is undone.

use std::time::Duration;

use annals::outbox::{Address, Route};
use annals::prelude::*;
use annals::sagas::{CommandEvent, Commands, Correlation, Flow, Saga, SagaEvent};
use serde::{Deserialize, Serialize};

/// What happens to goods, money and orders.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "shop")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ShopEvent {
    Stocked { pieces: i64 },
    Reserved { order: String },
    Released { order: String },
    Charged { order: String },
    Refunded { order: String },
    Placed { product: String, buyer: String },
    Confirmed,
    Cancelled,
}

/// Why something is refused.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// There are no pieces.
    #[error("sold out")]
    SoldOut,
    /// The buyer has no money.
    #[error("the card was refused")]
    CardRefused,
    /// The buyer's bank does not take it.
    #[error("the bank takes nothing back")]
    NothingBack,
}

/// What is sold.
#[derive(Aggregate, Default)]
#[aggregate(category = "product", id = String, event = ShopEvent, error = ShopError)]
pub struct Product {
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
pub struct Buyer;

impl Apply for Buyer {
    fn apply(&mut self, _: &ShopEvent) {}
}

/// What a buyer wants.
#[derive(Aggregate, Default)]
#[aggregate(category = "order", id = String, event = ShopEvent, error = ShopError)]
pub struct Order;

impl Apply for Order {
    fn apply(&mut self, _: &ShopEvent) {}
}

macro_rules! commands {
    ($(#[$doc:meta] $name:ident { $($field:ident),* } by $aggregate:ty: |$state:ident, $command:ident| $decide:expr;)*) => {$(
        #[$doc]
        #[derive(Command, Serialize, Deserialize)]
        #[command(aggregate = $aggregate)]
        pub struct $name { $($field: String),* }

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
    #[doc = "Takes a piece for an order."] Reserve { order } by Product: |product, command| match product.pieces {
        0 => Err(ShopError::SoldOut),
        _ => Ok(ShopEvent::Reserved { order: command.order.clone() }),
    };
    #[doc = "Puts it back."] Release { order } by Product: |_product, command|
        Ok(ShopEvent::Released { order: command.order.clone() });
    #[doc = "Takes the buyer's money."] Charge { order, buyer } by Buyer: |_buyer, command| match &*command.buyer {
        "poor" => Err(ShopError::CardRefused),
        _ => Ok(ShopEvent::Charged { order: command.order.clone() }),
    };
    #[doc = "Gives it back."] Refund { order, buyer } by Buyer: |_buyer, command| match &*command.buyer {
        "stingy" => Err(ShopError::NothingBack),
        _ => Ok(ShopEvent::Refunded { order: command.order.clone() }),
    };
    #[doc = "The order is on its way."] Confirm {} by Order: |_order, _command| Ok(ShopEvent::Confirmed);
    #[doc = "It is not."] Cancel {} by Order: |_order, _command| Ok(ShopEvent::Cancelled);
}

/// The flow of an order. `slow` pays only when the time is over.
#[derive(Default)]
pub struct Checkout;

/// The same where another service has the products: what happens to them comes from there, and commands go there.
#[derive(Default)]
pub struct FarCheckout {
    buyer: String,
}

impl Saga for FarCheckout {
    type Event = ShopEvent;
    const NAME: &'static str = "far_checkout";
    const WITHIN: Duration = Duration::from_secs(600);
    const PARTITIONS: u32 = 2;

    fn commands() -> Commands {
        let there = Commands::elsewhere::<Reserve>().and_elsewhere::<Release>();
        there.and::<Charge>().and::<Refund>().and::<Confirm>()
    }

    fn correlate(event: &Recorded<ShopEvent>) -> Vec<Correlation> {
        match &event.data {
            ShopEvent::Placed { .. } => vec![Correlation::start(event.stream.id())],
            ShopEvent::Reserved { order } | ShopEvent::Charged { order } => {
                vec![Correlation::continues(order)]
            }
            _ => vec![],
        }
    }

    fn on(&mut self, event: &Recorded<ShopEvent>, flow: &mut Flow) {
        match &event.data {
            ShopEvent::Placed { product, buyer } => {
                let order = event.stream.id().to_owned();
                self.buyer.clone_from(buyer);
                let release = Release { order: order.clone() };
                flow.send(product, &Reserve { order }).undone_by(product, &release);
            }
            ShopEvent::Reserved { order } => {
                let (buyer, order) = (self.buyer.clone(), order.clone());
                let refund = Refund { order: order.clone(), buyer: buyer.clone() };
                let charge = Charge { order, buyer };
                flow.send(&self.buyer, &charge).undone_by(&self.buyer, &refund);
            }
            ShopEvent::Charged { order } => {
                flow.send(order, &Confirm {});
                flow.complete();
            }
            _ => {}
        }
    }
}

/// Sends commands for products to whoever has them.
pub struct ToInventory(pub Address);

impl Route for ToInventory {
    type Event = SagaEvent;
    type Public = CommandEvent;
    const NAME: &'static str = "commands-out";

    fn source(&self) -> String {
        "/shop/orders".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![self.0.clone()]
    }

    fn publish(&self, event: &Recorded<SagaEvent>) -> Vec<CommandEvent> {
        CommandEvent::sent(event, &["product"]).into_iter().collect()
    }
}

/// Sends back what became of commands.
pub struct Answers(pub Address);

impl Route for Answers {
    type Event = CommandEvent;
    type Public = CommandEvent;
    const NAME: &'static str = "answers-out";

    fn source(&self) -> String {
        "/shop/inventory".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![self.0.clone()]
    }

    fn publish(&self, event: &Recorded<CommandEvent>) -> Vec<CommandEvent> {
        vec![event.data.clone()]
    }
}

/// Tells others what is reserved.
pub struct Reservations(pub Address);

impl Route for Reservations {
    type Event = ShopEvent;
    type Public = ShopEvent;
    const NAME: &'static str = "reservations-out";

    fn source(&self) -> String {
        "/shop/inventory".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![self.0.clone()]
    }

    fn publish(&self, event: &Recorded<ShopEvent>) -> Vec<ShopEvent> {
        let is_reserved = matches!(event.data, ShopEvent::Reserved { .. });
        is_reserved.then(|| event.data.clone()).into_iter().collect()
    }
}

impl Saga for Checkout {
    type Event = ShopEvent;
    const NAME: &'static str = "checkout";
    const WITHIN: Duration = Duration::from_secs(600);
    const PARTITIONS: u32 = 3;

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
