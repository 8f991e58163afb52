//! `annals outbox …`: what leaves the store.

use std::sync::Arc;

use annals::Position;
use annals::ops::Ask;
use annals::store::Operate;

use super::consumers::{Which, status};
use super::requests::ask;
use crate::arguments::Outbox;
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::Screen;

pub(crate) async fn outbox(
    store: Arc<dyn Operate>,
    outbox: Outbox,
    screen: &mut Screen,
) -> Result<(), Failure> {
    match outbox {
        Outbox::Status { name, watch, log } => {
            let log = Place::beside(&store, log.log.as_deref()).await?;
            let which = name.as_deref().map_or(Which::Kind("relay"), Which::Named);
            status(&*store, &*log, which, watch, screen).await
        }
        Outbox::Replay { name, from, asking } => {
            let wanted = Ask::Replay(Position::new(from));
            ask::ask(&*store, &name, &wanted, &asking, screen).await.map(drop)
        }
    }
}
