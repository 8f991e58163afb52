//! What is kept of the events, one question a file.

mod activities;
mod applications;
mod decisions;
mod funnel;
mod work;

pub(crate) use activities::{Activities, Activity};
pub(crate) use applications::{Application, Applications};
pub(crate) use decisions::{Amounts, DAYS, Decided, Decisions, OpenApplication, Outcome};
pub(crate) use funnel::{State, StatusFunnel};
pub(crate) use work::{WorkByDay, WorkDay};

use annals::prelude::*;
use annals::{EventHandler, ReadError};

/// The names of all projections, in the order in which they are rebuilt.
pub(crate) const NAMES: [&str; 5] = [
    Activities::NAME,
    Applications::NAME,
    StatusFunnel::NAME,
    <Decisions as EventHandler>::NAME,
    WorkByDay::NAME,
];

/// Every row of every read model: what is printed, and compared after the rebuild.
#[derive(Debug, PartialEq)]
pub(crate) struct ReadModels {
    pub(crate) activities: Vec<Activity>,
    pub(crate) applications: Vec<Application>,
    pub(crate) funnel: Vec<State>,
    pub(crate) open: Vec<OpenApplication>,
    pub(crate) decided: Vec<Decided>,
    pub(crate) amounts: Vec<Amounts>,
    pub(crate) work: Vec<WorkDay>,
}

impl ReadModels {
    /// Reads all rows, each table by its key.
    pub(crate) async fn read(annals: &Annals) -> Result<Self, ReadError> {
        Ok(Self {
            activities: rows(annals).await?,
            applications: rows(annals).await?,
            funnel: rows(annals).await?,
            open: rows(annals).await?,
            decided: rows(annals).await?,
            amounts: rows(annals).await?,
            work: rows(annals).await?,
        })
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.activities.len()
            + self.applications.len()
            + self.funnel.len()
            + self.open.len()
            + self.decided.len()
            + self.amounts.len()
            + self.work.len()
    }
}

async fn rows<M: ReadModel>(annals: &Annals) -> Result<Vec<M>, ReadError> {
    annals.read::<M>().all().await
}
