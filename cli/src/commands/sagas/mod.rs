//! `annals sagas …`.

mod list;
mod record;
mod replay;
mod show;
mod standing;
mod steer;

pub(super) use replay::replay;

use std::sync::Arc;

use annals::ops;
use annals::sagas::Steer;
use annals::store::Operate;

use crate::arguments::{Log, Sagas};
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::Screen;

/// What kind of consumers sagas are.
const KIND: &str = "saga";

pub(crate) async fn sagas(
    store: Arc<dyn Operate>,
    sagas: Sagas,
    screen: &mut Screen,
) -> Result<(), Failure> {
    match sagas {
        Sagas::List { saga, state, limit, after, log } => {
            let log = Place::beside(&store, log.log.as_deref()).await?;
            let wanted = list::Wanted { saga, state: state.map(Into::into), limit, after };
            list::list((&*log, &*store), &wanted, screen).await
        }
        Sagas::Show { meant } => show::show(&sides(store, &meant.log).await?, &meant, screen).await,
        Sagas::Retry { meant, person } => {
            let steer = Steer::Retry { by: person.name() };
            steer::steer(&sides(store, &meant.log).await?, &meant, steer, screen).await
        }
        Sagas::Resolve { meant, person, note } => {
            let note = steer::said(note, "say how with --note TEXT")?;
            let steer = Steer::Resolve { by: person.name(), note };
            steer::steer(&sides(store, &meant.log).await?, &meant, steer, screen).await
        }
        Sagas::Cancel { meant, person, reason } => {
            let reason = steer::said(reason, "say why with --reason TEXT")?;
            let steer = Steer::Cancel { by: person.name(), reason };
            steer::steer(&sides(store, &meant.log).await?, &meant, steer, screen).await
        }
        Sagas::Rearm { meant } => {
            steer::rearm(&sides(store, &meant.log).await?, &meant, screen).await
        }
        Sagas::Record(record) => {
            record::record(&sides(store, &record.log).await?, &record, screen).await
        }
        Sagas::Replay { file } => replay(&file, screen),
    }
}

/// Where the log is, and where what consumers keep is: mostly in one store.
struct Sides {
    log: Arc<dyn Operate>,
    work: Arc<dyn Operate>,
}

async fn sides(work: Arc<dyn Operate>, log: &Log) -> Result<Sides, Failure> {
    let log = Place::beside(&work, log.log.as_deref()).await?;
    Ok(Sides { log, work })
}

/// The sagas that programs have run here, by name.
pub(super) async fn known(store: &dyn Operate) -> Result<Vec<String>, Failure> {
    let consumers = ops::consumers(store).await?.into_iter();
    Ok(consumers.filter(|one| one.kind == KIND).map(|one| one.name).collect())
}

/// There is no such saga, or no such instance of it.
async fn unknown(store: &dyn Operate, saga: &str, instance: Option<&str>) -> Failure {
    let known = match known(store).await {
        Ok(known) => known,
        Err(failure) => return failure,
    };
    Failure::NotThere(match (instance, known.iter().any(|one| one == saga)) {
        (Some(instance), true) => format!(
            "there is no `{instance}` of the saga `{saga}`; those that have not ended: annals sagas list --saga \
             {saga}"
        ),
        _ if known.is_empty() => {
            format!("there is no saga `{saga}`: no program has run one here")
        }
        _ => format!("there is no saga `{saga}`; there is {}", known.join(", ")),
    })
}
