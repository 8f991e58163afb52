//! What people want of a projection: rebuild, cancel, roll back.

use std::sync::Arc;

use annals_consumers::{hold, serve};
use annals_core::store::{TransactExt, Transaction};

use super::definition::Definition;
use super::shared::Shared;
use crate::error::ProjectionError;
use crate::generations::{Generation, Generations};
use crate::owner;

impl Shared {
    /// Carries a request out, and says what came of it or why not.
    pub(crate) async fn carry_out(self: &Arc<Self>, verb: &str) -> Result<String, String> {
        match verb {
            "rebuild" => {
                let handle = self.rebuild(self.stop()).map_err(|error| error.to_string())?;
                let progress = handle.await.map_err(|error| error.to_string())?;
                Ok(format!("rebuilt from {} events", progress.total))
            }
            "rebuild-dry-run" => {
                let plan = self.plan_rebuild(self.stop()).await;
                plan.map(|plan| plan.to_string()).map_err(|error| error.to_string())
            }
            "cancel" => self.cancel_rebuild().await,
            "verify" => self.verify().await.map_err(|error| error.to_string()),
            "rollback" => self.roll_back().await.map_err(|error| error.to_string()),
            "drop-previous" => self.drop_previous().await.map_err(|error| error.to_string()),
            _ => Err(format!("a projection knows no `{verb}`")),
        }
    }

    async fn cancel_rebuild(&self) -> Result<String, String> {
        let record = self.record().await.map_err(|error| error.to_string())?;
        let Some(building) = record.building else {
            return Err("no rebuild is going on".to_owned());
        };
        self.hold(building.number).await.map_err(|error| error.to_string())?;
        Ok("cancelled; what is built stays, and the next rebuild goes on from it".to_owned())
    }

    /// Whether this program has what is needed to switch back.
    pub(crate) async fn can_roll_back(&self) -> bool {
        let record = self.record().await;
        record.is_ok_and(|record| {
            record.previous.is_none_or(|previous| previous.version == self.definition.version)
        })
    }

    /// Switches back to the version before, whose tables were kept.
    async fn roll_back(self: &Arc<Self>) -> Result<String, ProjectionError> {
        let definition = self.definition.clone();
        let back = self.work().transact_with(move |transaction| {
            let definition = definition.clone();
            Box::pin(async move {
                switch_back(transaction, &definition).await.map_err(ProjectionError::refuse)
            })
        });
        let previous = back.await?;
        let version = previous.version;
        self.announce_switch(previous);
        self.wake();
        Ok(format!("version {version} serves again, and catches up"))
    }

    async fn drop_previous(&self) -> Result<String, ProjectionError> {
        let name = self.definition.name.clone();
        let dropped = self.work().transact_with(move |transaction| {
            let name = name.clone();
            Box::pin(async move {
                let dropped = async {
                    let mut record = Generations::take(transaction, &name).await?;
                    let Some(previous) = record.previous.take() else { return Ok(None) };
                    previous.discard(transaction, &name).await?;
                    record.write(transaction, &name).await?;
                    Ok(Some(previous.version))
                };
                dropped.await.map_err(ProjectionError::refuse)
            })
        });
        Ok(match dropped.await? {
            Some(version) => format!("the tables of version {version} are gone"),
            None => "no tables of a version before were kept".to_owned(),
        })
    }
}

async fn switch_back(
    transaction: &mut dyn Transaction,
    definition: &Definition,
) -> Result<Generation, ProjectionError> {
    let name = &definition.name;
    let mut record = Generations::take(transaction, name).await?;
    let (Some(previous), Some(active)) = (record.previous.take(), record.active.take()) else {
        let projection = name.clone();
        return Err(ProjectionError::NothingBefore { projection });
    };
    if previous.version != definition.version {
        let (projection, active) = (name.clone(), previous.version);
        return Err(ProjectionError::RolledBack { projection, active, own: definition.version });
    }
    previous.fits(definition)?;
    owner::claim(transaction, name, &definition.tables).await?;
    hold(transaction, (name, active.number), true).await?;
    hold(transaction, (name, previous.number), false).await?;
    record.rolled_back = Some(active.version);
    record.show(transaction, name, &previous, &definition.tables).await?;
    record.previous = Some(active);
    record.active = Some(previous.clone());
    serve(transaction, name, previous.number).await?;
    record.write(transaction, name).await?;
    Ok(previous)
}
