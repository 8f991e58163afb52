//! What the bank tells others, and how another service follows it.

use std::time::Duration;

use annals::outbox::{Address, Route};
use annals::prelude::*;
use annals::store::Store;
use annals::{Partitions, ops};

use crate::Failure;
use crate::domain::{AccountEvent, Movement};

/// How often is looked whether the relay is through.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "bank.money")]
pub(super) enum Fact {
    Moved(Movement),
}

/// All movements go to one place.
pub(super) struct Movements {
    pub(super) to: Address,
}

impl Route for Movements {
    type Event = AccountEvent;
    type Public = Fact;
    const NAME: &'static str = "movements";

    fn source(&self) -> String {
        "/bank".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![self.to.clone()]
    }

    fn publish(&self, event: &Recorded<AccountEvent>) -> Vec<Fact> {
        let AccountEvent::Moved(movement) = &event.data;
        vec![Fact::Moved(movement.clone())]
    }
}

/// Waits until the broker has confirmed all that the log has.
pub(super) async fn wait_for_relay(store: &dyn Store) -> Result<(), Failure> {
    let head = store.head().await?;
    loop {
        let relay = ops::consumer(store, Movements::NAME).await?;
        let at = relay.and_then(|relay| relay.position_of(relay.generation));
        if at.is_some_and(|at| at >= head) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the other service keeps.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "copies")]
pub(super) struct Copy {
    #[key]
    pub(super) account: Uuid,
    pub(super) cents: i64,
    pub(super) movements: i64,
}

pub(super) struct Copies;

impl Projection for Copies {
    type Event = Fact;
    type Row = Copy;
    const NAME: &str = "copies";
    const PARTITIONS: Partitions = Partitions::One;

    fn fold(&self, account: &Uuid, row: &mut Option<Copy>, event: &Recorded<Fact>) {
        let Fact::Moved(movement) = &event.data;
        let row = row.get_or_insert(Copy { account: *account, cents: 0, movements: 0 });
        row.cents += movement.cents;
        row.movements += 1;
    }
}
