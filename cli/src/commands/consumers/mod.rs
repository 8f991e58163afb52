//! `annals consumers …`.

mod list;
mod status;

pub(super) use status::{Which, status, unknown};

use std::sync::Arc;

use annals::ops::Ask;
use annals::store::Operate;

use super::requests::ask;
use crate::arguments::{Consumers, Named};
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::Screen;

pub(crate) async fn consumers(
    store: Arc<dyn Operate>,
    consumers: Consumers,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let other = |verb: &str| Ask::Other(verb.to_owned(), "{}".to_owned());
    let (named, wanted) = match consumers {
        Consumers::List { log } => {
            let log = Place::beside(&store, log.log.as_deref()).await?;
            return list::list(&*store, &*log, screen).await;
        }
        Consumers::Status { name, watch, log } => {
            let log = Place::beside(&store, log.log.as_deref()).await?;
            return status::status(
                &*store,
                &*log,
                name.as_deref().map_or(Which::All, Which::Named),
                watch,
                screen,
            )
            .await;
        }
        Consumers::Repartition { name, partitions, asking } => {
            let wanted = Ask::Repartition(partitions);
            return ask::ask(&*store, &name, &wanted, &asking, screen).await.map(drop);
        }
        Consumers::Pause(named) => (named, Ask::Pause),
        Consumers::Resume(named) => (named, Ask::Resume),
        Consumers::Rebuild { name, key, dry_run, asking } => {
            let wanted = match key {
                Some(key) => Ask::RebuildKey(key),
                None if dry_run => Ask::RebuildDryRun,
                None => other("rebuild"),
            };
            (Named { name, asking }, wanted)
        }
        Consumers::Cancel(named) => (named, other("cancel")),
        Consumers::Rollback(named) => (named, other("rollback")),
        Consumers::DropPrevious(named) => {
            ask::why(&named.asking)?;
            (named, other("drop-previous"))
        }
        Consumers::Verify(named) => (named, other("verify")),
    };
    ask::ask(&*store, &named.name, &wanted, &named.asking, screen).await.map(drop)
}
