//! `annals parked …`.

mod list;
mod show;
mod steer;

use std::sync::Arc;

use annals::store::Operate;

use crate::arguments::ParkedKeys;
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::Screen;

pub(crate) async fn parked(
    store: Arc<dyn Operate>,
    parked: ParkedKeys,
    screen: &mut Screen,
) -> Result<(), Failure> {
    match parked {
        ParkedKeys::List { consumer } => list::list(&*store, consumer.as_deref(), screen).await,
        ParkedKeys::Show { consumer, key, limit, log } => {
            let log = Place::beside(&store, log.log.as_deref()).await?;
            show::show(&*store, &*log, (&consumer, &key), limit, screen).await
        }
        ParkedKeys::Retry { chosen, asking } => {
            steer::retry(&*store, &chosen, &asking, screen).await
        }
        ParkedKeys::Discard { chosen, yes, asking } => {
            steer::discard(&*store, &chosen, yes, &asking, screen).await
        }
    }
}
